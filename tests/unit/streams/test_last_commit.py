"""The last commit of a group: the user learns where it was refused, and where nobody knows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from kafkactl.cli.consume.printing import Printing
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.output.records.writers import JsonLines
from kafkactl.serde import formats
from kafkactl.streams.consuming import Reading
from kafkactl.streams.selection import SelectionRequest
from tests.mock_cluster import MockCluster

OFFSET_COMMIT = 8
NOT_COORDINATOR, TOPIC_AUTHORIZATION_FAILED, ILLEGAL_GENERATION, GROUP_AUTHORIZATION_FAILED = 16, 29, 22, 30


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with MockCluster() as mock:
        mock.create("orders")
        mock.join_at_once()
        producer = Producer({"bootstrap.servers": mock.bootstrap_servers})
        producer.produce("orders", b"a")
        producer.flush()
        yield mock


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, None),
        (NOT_COORDINATOR, None),  # the client finds the coordinator again
        (TOPIC_AUTHORIZATION_FAILED, OperationError),
        (ILLEGAL_GENERATION, OperationError),
        (GROUP_AUTHORIZATION_FAILED, OperationError),
    ],
)
def test_the_last_commit(mock: MockCluster, code: int | None, expected: type[KafkactlError] | None) -> None:
    cluster = Cluster(Settings(mock.bootstrap_servers, "a test", {}, timeout_s=10))
    request = SelectionRequest(topics=["orders"], group="billing", from_beginning=True, until_end=True)
    reading = Reading(cluster, request.make_selection(), pytest.fail)
    for batch in reading.read_batches():
        reading.mark_handled(batch)
    if code is not None:
        mock.answer_with(OFFSET_COMMIT, [code])
    error = reading.close()
    cluster.close()
    assert (type(error) if error else None) is expected
    if isinstance(error, OperationError):
        assert error.code == code
        assert re.match("the last offsets were not committed: .", str(error))
    other = Consumer({"bootstrap.servers": mock.bootstrap_servers, "group.id": "billing"})
    (committed,) = other.committed([TopicPartition("orders", 0)], timeout=10)
    other.close()
    assert (committed.offset == 1) is (expected is None)


@pytest.mark.slow
def test_a_partition_that_was_lost_and_comes_back_is_not_at_its_end(mock: MockCluster) -> None:
    """Records may have come meanwhile: a reading up to the end must not end before they are looked for."""
    cluster = Cluster(Settings(mock.bootstrap_servers, "a test", {}, timeout_s=10))
    request = SelectionRequest(topics=["orders"], group="billing", from_beginning=True, until_end=True)
    reading = Reading(cluster, request.make_selection(), lambda _: None)
    for batch in reading.read_batches():
        reading.mark_handled(batch)
    assert reading._is_over(time.monotonic())
    reading._on_loss("revoked", [TopicPartition("orders", 0)])
    assert not reading._is_over(time.monotonic())
    reading.close()
    cluster.close()


@pytest.mark.parametrize(
    ("error", "status"), [(None, 0), (OperationError("not committed: no right"), 1), (UnreachableError("no answer"), 3)]
)
def test_the_status_of_a_last_commit(
    error: KafkactlError | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class NoRecords:
        def keep_alive(self) -> None: ...

        def read_batches(self) -> Iterator[list[object]]:
            return iter(())

        def close(self, timeout_s: float) -> KafkactlError | None:
            assert timeout_s > 0
            return error

    string = formats.get("string")
    printing = Printing(JsonLines(string, string), [], None, skips_errors=False)
    assert printing.run(NoRecords(), None) == status  # type: ignore[arg-type]
    assert (f"warning: {error}\n" in capsys.readouterr().err) is (error is not None)


def test_a_commit_that_cannot_be_read_is_not_replaced() -> None:
    """Only a partition without a commit gets one at its start."""
    reading: Any = Reading.__new__(Reading)
    reading._cluster = SimpleNamespace(timeout_s=1, retry=lambda ask: ask())
    reading._watch, reading._tell = SimpleNamespace(partitions=set()), str
    reading._reset, reading._starts, reading._failure = "latest", [], None
    reading._committed, reading._yielded_ends, reading._handled = {}, {}, {}
    refusal = KafkaError(TOPIC_AUTHORIZATION_FAILED)
    committed = [
        SimpleNamespace(topic="orders", partition=number, offset=-1001, error=error)
        for number, error in enumerate((refusal, None))
    ]
    consumer = SimpleNamespace(
        committed=lambda _, timeout: committed,
        offsets_for_times=lambda partitions, timeout: [
            TopicPartition(entry.topic, entry.partition, 100) for entry in partitions
        ],
    )
    reading._on_assign(consumer, [TopicPartition("orders", 0), TopicPartition("orders", 1)])
    assert reading._failure is None
    assert [(start.partition, start.offset) for start in reading._starts] == [(1, 100)]
