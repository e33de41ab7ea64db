"""Plain lines into a topic at librdkafka's own speed, where what is compiled is there; see _line_sender.pyx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import FormatError, OperationError, UsageError
from kafkactl.storage.text import name_bytes
from kafkactl.streams.librdkafka import compiled
from kafkactl.streams.lines import LineReader
from kafkactl.streams.producing import Account, Undelivered, largest_bytes, producer_settings, require_topic
from kafkactl.streams.record import Headers, Record, header_name
from kafkactl.streams.stoppable import Stop
from kafkactl.streams.waiting import STATISTICS, Waiting

_line_sender = compiled("_line_sender")
IS_THERE = _line_sender is not None

_UNASSIGNED = -1
_STEP_MS = 100
# Little is queued at a time, for the processor's cache: to wait five milliseconds for more would stand in the way.
_FAST = {"linger.ms": 1}
# All of it in one partition fills batches soon, four of them with what is queued. Sent when full, and not every
# millisecond, they take half the processor's time: two threads no longer wait for one lock.
_FAST_IN_ONE = {"linger.ms": 20, "batch.num.messages": 3000}


class LineSending:
    """A producer of plain lines. Leaving it waits for all answers; after a signal, while there is time."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        account: Account,
        tell: Callable[[str], None],
        stop: Stop,
        partition: int | None = None,
    ) -> None:
        """Raise UsageError, UnreachableError and NotFoundError before anything is sent."""
        account.largest_bytes = largest_bytes(cluster)
        settings = producer_settings(cluster)
        partitions = require_topic(cluster, cluster.producer(settings), topic, tell, partition)
        is_one = partition is not None or len(partitions) == 1
        self._topic, self._account = topic, account
        self._waiting = Waiting(topic, cluster.timeout_s, stop, tell)
        pairs = cluster.text_config({**(_FAST_IN_ONE if is_one else _FAST), **settings, **STATISTICS})
        self._sender = _new_sender(
            cluster, pairs, topic, partition, account, self._is_over, self._waiting.on_statistics
        )

    def send(self, chunks: Iterator[bytes], reader: LineReader, progress: Callable[[int], None]) -> None:
        """Sends whole lines; raises FormatError naming a line that is none, and OperationError."""
        for chunk in chunks:
            before = self._sender.sent
            try:
                end, code = self._sender.send(chunk, reader.separator)
            finally:
                self._account.given += self._sender.sent - before
            if end < len(chunk):
                rest = [line.removesuffix(b"\r") for line in chunk[end:-1].split(b"\n")]
                if code == KafkaError._QUEUE_FULL:
                    self._fail_all(reader, rest, f"not sent: {self._account.why_given_up}")
                    self._require_alive()
                    continue
                if code:
                    self._refuse(reader, rest, code)
                reader.read(rest[0], self._account.given + 1)  # says what is wrong with it
            progress(self._account.given)

    def __enter__(self) -> LineSending:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            while not self._sender.flush():
                if self._is_over():
                    self._sender.purge()
                    self._require_alive()
                    return
        finally:
            self._sender.close()

    def _is_over(self) -> bool:
        outstanding = self._sender.outstanding()
        fatal_error = self._sender.fatal_error()
        if not (self._waiting.is_over(self._sender.sent - outstanding, outstanding) or fatal_error):
            return False
        self._account.why_given_up = fatal_error or self._waiting.why
        return True

    def _require_alive(self) -> None:
        """Raise OperationError where the client can send no more, UnreachableError where no leader was reached."""
        if (reason := self._sender.fatal_error()) is not None:
            raise OperationError(f"cannot send to {self._topic}: {reason}")
        self._waiting.require_reached()

    def _fail_all(self, reader: LineReader, lines: list[bytes], reason: str) -> None:
        for line in lines:
            self._account.given += 1
            try:
                record = reader.read(line, self._account.given)
            except FormatError:  # it would not have been sent either
                record = {"key": None, "value": line}
            self._account.fail_record(record, reason)

    def _refuse(self, reader: LineReader, lines: list[bytes], code: int) -> None:
        reason = self._sender.reason(code)
        self._fail_all(reader, lines, reason)
        raise OperationError(f"cannot send to {self._topic}: {reason}")


def _new_sender(
    cluster: Cluster,
    pairs: list[tuple[str, str]],
    topic: str,
    partition: int | None,
    account: Account,
    is_over: Callable[[], bool],
    on_statistics: Callable[[str], None],
) -> Any:
    """Return a LineSender that has the topic's metadata; raises UsageError for a wrong setting."""

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
        sender = _line_sender.LineSender(pairs, topic, where, on_failure, is_over, on_statistics)
    except ValueError as error:
        raise UsageError(f"a client setting is wrong: {error}") from error
    sender.connect(round(cluster.timeout_s * 1000))
    return sender


class RecordSending:
    """A producer of records whose headers have names that are not UTF-8: confluent_kafka takes text only."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        account: Account,
        waiting: Waiting,
        is_over: Callable[[], bool],
        partition: int | None,
    ) -> None:
        """Raise UsageError for a wrong setting."""
        pairs = cluster.text_config({**producer_settings(cluster), **STATISTICS})
        self._account, self._is_over = account, is_over
        self._sender = _new_sender(cluster, pairs, topic, partition, account, is_over, waiting.on_statistics)

    def __len__(self) -> int:
        """Return how many records wait for an answer."""
        return int(self._sender.outstanding())

    def send(self, record: Record) -> None:
        """Queue one record, waiting while the queue is full; it is failed where it cannot be queued."""
        headers = [(name_bytes(name), value) for name, value in record["headers"]]
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
