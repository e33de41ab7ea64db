"""Plain lines into a topic at librdkafka's own speed, where what is compiled is there; see _line_sender.pyx."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import FormatError, OperationError
from kafkactl.streams.account import Account
from kafkactl.streams.librdkafka.record_sending import new_sender
from kafkactl.streams.lines import LineReader
from kafkactl.streams.producing import largest_bytes, producer_settings, require_topic
from kafkactl.streams.stoppable import Stop
from kafkactl.streams.waiting import STATISTICS, Waiting

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
        partitions, leaders = require_topic(cluster, cluster.make_producer(settings), topic, tell, partition)
        cluster.end_sharing()
        is_one = partition is not None or len(partitions) == 1
        self._topic, self._account = topic, account
        self._waiting = Waiting(topic, cluster.timeout_s, stop, tell)
        self._waiting.leaders = leaders
        settings = {**(_FAST_IN_ONE if is_one else _FAST), **settings, **STATISTICS}
        self._sender = new_sender(
            cluster, settings, topic, partition, account, self._is_over, self._waiting.on_statistics
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
