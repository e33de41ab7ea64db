"""Sending of plain lines at librdkafka's own speed, with the compiled _line_sender.pyx."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import FormatError, OperationError
from kafkactl.streams.account import Account
from kafkactl.streams.librdkafka.record_sending import make_sender
from kafkactl.streams.lines import LineReader
from kafkactl.streams.producing import find_largest_bytes, make_producer_settings, require_topic
from kafkactl.streams.stoppable import Stop
from kafkactl.streams.waiting import STATISTICS, Waiting

# Few records are queued at a time, for the processor's cache. librdkafka's default, to wait five milliseconds for more,
# would delay them.
_FAST = {"linger.ms": 1}
# With one partition the queued records fill four batches soon. Batches that are sent when they are full, and not every
# millisecond, take half the processor's time, because two threads no longer wait for one lock.
_FAST_IN_ONE = {"linger.ms": 20, "batch.num.messages": 3000}


class LineSending:
    """An open producer of plain lines; a context manager.

    Leaving the context waits for the answers of all records; after a signal, for a limited time. Errors of `tell`, also
    of the account's, pass through all methods.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        account: Account,
        tell: Callable[[str], None],
        stop: Stop,
        partition: int | None = None,
    ) -> None:
        """Connect; raise UsageError for a wrong setting, UnreachableError, and NotFoundError for a topic or partition.

        The compiled part must be there (record_sending.IS_THERE). `tell` is called with sentences for the user, and
        `stop` is the state of a signal. A `partition` of None leaves the choice to the partitioner. A missing topic is
        created where the broker does so; otherwise it is a NotFoundError. The `largest_bytes` of the account is set. At
        the end the call waits for the client to know the topic, at most twice the time-out; a missing answer is no
        error.

        Raise OperationError without the right to see the topic or to create a missing one, and for another refusal;
        where only the right to write is missing, the records fail later. From here on each request to the cluster has a
        whole time-out of its own.
        """
        account.largest_bytes = find_largest_bytes(cluster)
        settings = make_producer_settings(cluster)
        partitions, leaders = require_topic(cluster, cluster.make_producer(settings), topic, tell, partition)
        cluster.end_sharing()
        is_one = partition is not None or len(partitions) == 1
        self._topic, self._account = topic, account
        self._waiting = Waiting(topic, cluster.timeout_s, stop, tell)
        self._waiting.leaders = leaders
        settings = {**(_FAST_IN_ONE if is_one else _FAST), **settings, **STATISTICS}
        self._sender = make_sender(
            cluster, settings, topic, partition, account, self._is_over, self._waiting.on_statistics
        )

    def send(self, chunks: Iterator[bytes], reader: LineReader, progress: Callable[[int], None]) -> None:
        """Send chunks of whole lines, each with its line feed; a carriage return before it is dropped.

        Chunks may not be empty. `reader` must be one that only splits lines (splits_only): of its settings only the
        separator counts. `progress` is called with the account's number of accepted records after each chunk that was
        queued whole. A record that cannot be sent fails in the account, also where the queue is full until a signal's
        time is over.

        Raise FormatError for a line without the separator, with its number in `chunks` from 1 on; the lines before it
        were queued, and it and the lines after it are not counted. Raise OperationError where the client can send no
        more records, and UnreachableError where no leader of the waiting records was reached; the rest of the chunk
        fails in the account then. Errors of `chunks`, of `progress` and of the account's `tell` pass through.
        """
        accepted_before = self._account.accepted
        for chunk in chunks:
            before = self._sender.sent
            try:
                end, code = self._sender.send(chunk, reader.separator)
            finally:
                self._account.accepted += self._sender.sent - before
            if end < len(chunk):
                rest = [line.removesuffix(b"\r") for line in chunk[end:-1].split(b"\n")]
                if code == KafkaError._QUEUE_FULL:
                    self._fail_all(reader, rest, f"not sent: {self._account.give_up_reason}")
                    self._require_alive()
                    continue
                if code:
                    self._refuse(reader, rest, code)
                number = self._account.accepted - accepted_before + 1
                reader.read(rest[0], number)  # raises the FormatError of this line
            progress(self._account.accepted)

    def __enter__(self) -> LineSending:
        """Return the sending itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the answers of all records, and close the producer.

        After a signal's time, a fatal error, or where no leader of the waiting records was ever reached, the remaining
        records are removed and fail. Then raise OperationError for a fatal error, and UnreachableError where no leader
        of the waiting records was reached, in place of an error of the context. Otherwise only the errors of both
        `tell` are raised, and an error of the context goes on; so it is also after a fatal error where no record waits
        any more.
        """
        try:
            while not self._sender.flush():
                if self._is_over():
                    self._sender.purge()
                    self._require_alive()
                    return
        finally:
            self._sender.close()

    def _is_over(self) -> bool:
        """Return whether to give up waiting for the queue; then the account gets the reason.

        Call this several times a second: a longer pause begins the time anew. True means a fatal error, that
        the time after a signal is over, or that no leader of the waiting records was ever reached. After 3 s without an
        acknowledgement the user gets a message.
        """
        outstanding = self._sender.outstanding()
        fatal_error = self._sender.fatal_error()
        if not (self._waiting.is_over(self._sender.sent - outstanding, outstanding) or fatal_error):
            return False
        self._account.give_up_reason = fatal_error or self._waiting.reason
        return True

    def _require_alive(self) -> None:
        """Raise OperationError where the client can send no more, and UnreachableError where it reaches no leader.

        The leaders are those of the waiting records, and it is known only after _is_over() has found it. Otherwise do
        nothing.
        """
        if (reason := self._sender.fatal_error()) is not None:
            raise OperationError(f"cannot send to {self._topic}: {reason}")
        self._waiting.require_reached()

    def _fail_all(self, reader: LineReader, lines: list[bytes], reason: str) -> None:
        """Count lines as accepted and failed.

        `lines` are without their ends. Each becomes a record that the account passes on, with `reason`. A line that
        `reader` refuses becomes a value without a key. Errors of the account's `tell` pass through.
        """
        for line in lines:
            self._account.accepted += 1
            try:
                record = reader.read(line, self._account.accepted)
            except FormatError:  # this line could not have been sent either
                record = {"key": None, "value": line}
            self._account.fail_record(record, reason)

    def _refuse(self, reader: LineReader, lines: list[bytes], code: int) -> None:
        """Count lines as accepted and failed, with librdkafka's text for `code`, and raise OperationError, always."""
        reason = self._sender.reason(code)
        self._fail_all(reader, lines, reason)
        raise OperationError(f"cannot send to {self._topic}: {reason}")
