"""librdkafka's mock cluster, over the C API of the copy that confluent_kafka has loaded: real clients can talk to it.

It answers requests of producers, consumers and groups, takes errors for the next of them, and takes brokers down.
Source: rdkafka_mock.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import cimpl

_PRODUCER = 0
_ERROR_BYTES = 512
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


def _function(name: str, returns: Any, *takes: Any) -> Any:
    function = getattr(ctypes.CDLL(cimpl.__file__), name)
    function.restype, function.argtypes = returns, takes
    return function


class MockCluster:
    """A cluster of `brokers` with ids from 1, at `bootstrap_servers`."""

    def __init__(self, brokers: int = 1) -> None:
        said = ctypes.create_string_buffer(_ERROR_BYTES)
        conf = _function("rd_kafka_conf_new", _POINTER)()
        new = _function("rd_kafka_new", _POINTER, _INT, _POINTER, _TEXT, ctypes.c_size_t)
        self._client = new(_PRODUCER, conf, said, _ERROR_BYTES)
        assert self._client, said.value
        self._cluster = _function("rd_kafka_mock_cluster_new", _POINTER, _POINTER, _INT)(self._client, brokers)
        addresses = _function("rd_kafka_mock_cluster_bootstraps", _TEXT, _POINTER)(self._cluster).decode()
        self.addresses: list[str] = addresses.split(",")

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(self.addresses)

    def create(self, topic: str, partitions: int = 1, replicas: int = 1) -> None:
        """Create a topic."""
        self._do("rd_kafka_mock_topic_create", topic.encode(), partitions, replicas, takes=(_TEXT, _INT, _INT))

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Make a broker the leader of a partition; -1 for none."""
        self._do(
            "rd_kafka_mock_partition_set_leader", topic.encode(), partition, broker, takes=(_TEXT, _INT, ctypes.c_int32)
        )

    def join_at_once(self) -> None:
        """Let new groups wait for no other members."""
        self._do("rd_kafka_mock_group_initial_rebalance_delay_ms", 0, takes=(ctypes.c_int32,))

    def take_down(self, broker: int) -> None:
        """Let a broker take no connections any more."""
        self._do("rd_kafka_mock_broker_set_down", broker, takes=(ctypes.c_int32,))

    def bring_up(self, broker: int) -> None:
        """Let a broker take connections again."""
        self._do("rd_kafka_mock_broker_set_up", broker, takes=(ctypes.c_int32,))

    def answer_with(self, request: int, codes: Sequence[int]) -> None:
        """Answer the next requests of a kind, by its number in Kafka's protocol, with these error codes."""
        errors = (_INT * len(codes))(*codes)
        self._do(
            "rd_kafka_mock_push_request_errors_array", request, len(codes), errors,
            takes=(ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(_INT)),
        )  # fmt: skip

    def _do(self, name: str, *arguments: Any, takes: Sequence[Any]) -> None:
        _function(name, _INT, _POINTER, *takes)(self._cluster, *arguments)

    def __enter__(self) -> MockCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _function("rd_kafka_mock_cluster_destroy", None, _POINTER)(self._cluster)
        _function("rd_kafka_destroy", None, _POINTER)(self._client)
