"""Senders that call librdkafka's own functions, with the compiled _line_sender.pyx.

They send what confluent_kafka cannot: lines by the thousand, and headers whose names are not UTF-8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import UsageError
from kafkactl.storage.text import name_bytes
from kafkactl.streams.account import Account, UndeliveredRecord
from kafkactl.streams.librdkafka import load_compiled
from kafkactl.streams.record import Headers, Record, decode_header_name

_line_sender = load_compiled("_line_sender")
IS_THERE = _line_sender is not None
"""Whether the compiled part was built."""

_UNASSIGNED = -1
_STEP_MS = 100


def make_sender(
    cluster: Cluster,
    settings: Mapping[str, Any],
    topic: str,
    partition: int | None,
    account: Account,
    is_over: Callable[[], bool],
    on_statistics: Callable[[str], None],
    connect_s: float = math.inf,
) -> Any:
    """Return a sender of lines and records (a LineSender of _line_sender.pyx), after a wait for the topic's metadata.

    The compiled part must be there (IS_THERE). A `partition` of None leaves the choice to the partitioner. Failed
    records are counted in `account` and passed to its `tell`. `is_over` says whether to give up, `on_statistics` gets
    librdkafka's statistics. The call waits for the topic's metadata and the producer's id, at most twice `connect_s`
    seconds or twice the time-out, whichever is less; nothing is raised without an answer. Raise UsageError for a
    setting or topic that librdkafka refuses. The caller must close the sender.
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
        """Count a failed record in the account; the sender calls this.

        `headers` of None means no headers, `partition` of None that none was chosen, `timestamp_ms` of None no
        timestamp. `code` is that of the error, of Kafka or librdkafka, and `reason` its text. Errors of the account's
        `tell` pass through.
        """
        decoded: Headers | None = (
            None if headers is None else [(decode_header_name(name), value) for name, value in headers]
        )
        account.fail(
            UndeliveredRecord(
                key=key,
                value=value,
                headers=decoded,
                partition=partition,
                timestamp_ms=timestamp_ms,
                reason=account.explain_failure(code, reason),
            )
        )

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
    """A producer of records whose headers have any names; confluent_kafka accepts only text without a zero byte."""

    def __init__(self, sender: Any, account: Account, is_over: Callable[[], bool]) -> None:
        """Take over a sender of make_sender(); close() closes it. `is_over` returns whether to give up waiting.

        `account` gets the records that cannot be queued.
        """
        self._sender, self._account, self._is_over = sender, account, is_over

    def __len__(self) -> int:
        """Return how many records wait for an answer. Unread statistics would count, too, so they are read first.

        Delivery reports are processed at the same time: failed records are counted in the account, and errors of its
        `tell` pass through.
        """
        self._sender.poll(0)
        return int(self._sender.outstanding())

    def fatal_error(self) -> str | None:
        """Return the error that ended the client, as text; None while it can send."""
        reason: str | None = self._sender.fatal_error()
        return reason

    def send(self, record: Record) -> None:
        """Queue one record, waiting while the queue is full.

        The caller counts it as accepted. A record that cannot be queued fails in the account, also after a fatal error
        or when the waiting is over; nothing is raised for it. A `timestamp` of 0 counts as none, and a missing
        `partition` is that of the sender. Errors of the account's `tell` pass through.
        """
        headers = [(name_bytes(name), value) for name, value in record.get("headers") or ()]
        while code := self._sender.send_record(
            record.get("key"), record.get("value"), headers, record.get("partition"), record.get("timestamp")
        ):
            if code != KafkaError._QUEUE_FULL or self._is_over():
                reason = self._account.explain_failure(code, self._sender.fatal_error() or self._sender.reason(code))
                self._account.fail_record(record, reason)
                return
            self._sender.poll(_STEP_MS)
        self._sender.poll(0)

    def flush(self) -> None:
        """Wait until all records are acknowledged or have failed.

        Nothing is raised for a failed record, nor for a fatal error, which fatal_error() returns. Where `is_over` says
        so, or after a fatal error, the remaining records are removed and fail, which takes at most 1 s. Errors of the
        account's `tell` pass through.
        """
        while not self._sender.flush():
            if self._sender.fatal_error() or self._is_over():
                self._sender.purge()
                return

    def purge(self) -> None:
        """Remove the records that are not acknowledged; each of them fails in the account.

        This takes at most 1 s. Errors of the account's `tell` pass through.
        """
        self._sender.purge()

    def close(self) -> None:
        """Close the producer, which must have been flushed."""
        self._sender.close()
