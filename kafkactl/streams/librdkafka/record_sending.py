"""Senders over librdkafka's own functions, where what is compiled is there; see _line_sender.pyx.

They take what confluent_kafka does not: lines by the thousand, and headers whose names are not UTF-8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import UsageError
from kafkactl.storage.text import name_bytes
from kafkactl.streams.account import Account, Undelivered
from kafkactl.streams.librdkafka import compiled
from kafkactl.streams.record import Headers, Record, header_name

_line_sender = compiled("_line_sender")
IS_THERE = _line_sender is not None

_UNASSIGNED = -1
_STEP_MS = 100


def new_sender(
    cluster: Cluster,
    settings: Mapping[str, Any],
    topic: str,
    partition: int | None,
    account: Account,
    is_over: Callable[[], bool],
    on_statistics: Callable[[str], None],
    connect_s: float = math.inf,
) -> Any:
    """Return a sender of lines and records that has the topic's metadata; raises UsageError for a wrong setting.

    It waits for the metadata for `connect_s` at most, or for the time-out.
    """

    def on_failure(
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[bytes, bytes | None]] | None,
        partition: int | None,
        timestamp_ms: int | None,
        code: int,
        reason: str,
    ) -> None:
        named: Headers | None = None if headers is None else [(header_name(name), value) for name, value in headers]
        account.fail(Undelivered(key, value, named, partition, timestamp_ms, account.reason(code, reason)))

    where = _UNASSIGNED if partition is None else partition
    try:
        sender = _line_sender.LineSender(
            cluster.make_text_config(settings), topic, where, on_failure, is_over, on_statistics
        )
    except ValueError as error:
        raise UsageError(f"a client setting is wrong: {error}") from error
    sender.connect(round(min(cluster.timeout_s, connect_s) * 1000))
    return sender


class RecordSending:
    """A producer of records whose headers have any names: confluent_kafka takes text without a zero byte only."""

    def __init__(self, sender: Any, account: Account, is_over: Callable[[], bool]) -> None:
        """Take over a sender of new_sender."""
        self._sender, self._account, self._is_over = sender, account, is_over

    def __len__(self) -> int:
        """Return how many records wait for an answer; statistics that nobody has heard would count, too."""
        self._sender.poll(0)
        return int(self._sender.outstanding())

    def fatal_error(self) -> str | None:
        """Return what ended the client; None while it can send."""
        reason: str | None = self._sender.fatal_error()
        return reason

    def send(self, record: Record) -> None:
        """Queue one record, waiting while the queue is full; it is failed where it cannot be queued."""
        headers = [(name_bytes(name), value) for name, value in record.get("headers") or ()]
        while code := self._sender.send_record(
            record.get("key"), record.get("value"), headers, record.get("partition"), record.get("timestamp")
        ):
            if code != KafkaError._QUEUE_FULL or self._is_over():
                reason = self._account.reason(code, self._sender.fatal_error() or self._sender.reason(code))
                self._account.fail_record(record, reason)
                return
            self._sender.poll(_STEP_MS)
        self._sender.poll(0)

    def flush(self) -> None:
        """Wait until all records are acknowledged or have failed, or it is over and the rest is taken back."""
        while not self._sender.flush():
            if self._sender.fatal_error() or self._is_over():
                self._sender.purge()
                return

    def purge(self) -> None:
        """Take back what is not acknowledged; all of it is told as undelivered."""
        self._sender.purge()

    def close(self) -> None:
        """End the producer, which was flushed before."""
        self._sender.close()
