"""Sending in transactions: all records of one are seen, or none."""

from __future__ import annotations

import contextlib
import marshal
import tempfile
from collections.abc import Iterator
from typing import IO

from confluent_kafka import KafkaError, KafkaException

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.streams.account import MAY_BE_THERE, Account, Undelivered, undelivered
from kafkactl.streams.producing import Sending
from kafkactl.streams.record import Batch
from kafkactl.streams.stoppable import Stop

_TRY_AGAIN = KafkaError._RETRY
_STEP_S = 0.5
"""Each step is asked for so long and then taken up again, so that a signal is heard."""
_IN_MEMORY_BYTES = 16 << 20


class Transactions:
    """Sends in transactions of `size` records, or in one (None); a failed record aborts its own and ends it all.

    All records of a transaction that was aborted are told as undelivered, once each.
    """

    def __init__(self, sending: Sending, cluster: Cluster, account: Account, size: int | None, stop: Stop) -> None:
        """Raise what keeps the producer from having transactions."""
        self._sending, self._cluster, self._account, self._size, self._stop = sending, cluster, account, size, stop
        self._producer = sending._producer
        self._begun = 0
        self._records = _Records()
        self._tell = account.tell
        self._failures: list[Undelivered] = []
        self._is_unanswered = False
        self._do("init_transactions", "cannot begin a transaction")

    def send(self, batch: Batch) -> None:
        """Send records, and end each transaction that is full; raise OperationError for one that had to be aborted."""
        sent = 0
        try:
            while sent < len(batch):
                if not self._begun:
                    self._begin()
                part = batch[sent:] if self._size is None else batch[sent : sent + self._size - self._begun]
                self._records.add(part)
                self._begun += len(part)
                sent += len(part)
                self._sending.send(part)
                self._require_all_sent()
                if self._begun == self._size:
                    self.commit()
        except KafkactlError as error:
            try:
                self.abort(str(error))
            finally:  # a coordinator that does not answer must not hide records
                self._account.refuse(batch[sent:], f"not sent: {error}")
            raise

    def commit(self) -> None:
        """End the transaction that is open, if one is; raise OperationError when it had to be aborted."""
        if not self._begun:
            return
        self._sending.flush()
        self._require_all_sent()
        try:
            self._do("commit_transaction", "cannot commit the transaction")
        except OperationError as error:
            if self._is_unanswered:
                self._end(f"{MAY_BE_THERE}{error}")
                hint = "its records may have been delivered: see kafkactl consume --isolation-level read_committed"
                raise UnreachableError(str(error), hint) from error
            self.abort(str(error))
            raise OperationError(f"{error}; it was aborted", error.hint) from error
        self._account.committed_transactions += 1
        self._account.tell = self._tell
        self._begun = 0

    def abort(self, why: str) -> None:
        """End the transaction that is open, if one is: readers of committed records never see its records."""
        if not self._begun:
            return
        self._sending.give_up()
        self._end(f"its transaction was aborted: {why}")
        self._abort_at_broker()

    def _begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise self._cluster.error(error, "cannot begin a transaction") from error
        self._records.clear()
        self._failures = []
        self._account.tell = self._failures.append

    def _require_all_sent(self) -> None:
        if self._failures:
            first = self._failures[0].reason
            self.abort(first)
            raise OperationError(f"a record was not delivered: {first}; its transaction was aborted")

    def _end(self, reason: str) -> None:
        """Tell all records of the open transaction as undelivered."""
        self._account.tell = self._tell
        self._account.aborted += self._begun - len(self._failures)
        self._begun = 0
        for batch in self._records.all():
            for record in batch:
                self._account.tell(undelivered(record, reason))

    def _abort_at_broker(self) -> None:
        try:
            self._do("abort_transaction", "cannot abort the transaction")
        except OperationError as error:
            if error.code != KafkaError.INVALID_TXN_STATE:  # nothing had reached the broker: there is none to abort
                raise

    def _do(self, step: str, what: str) -> None:
        def ask() -> None:
            self._is_unanswered = False
            try:
                getattr(self._producer, step)(_STEP_S)
            except KafkaException as error:
                cause = error.args[0]
                if cause.retriable():
                    known = "no answer from its coordinator in time" if cause.code() == KafkaError._TIMED_OUT else None
                    reason = known or describe_kafka_error(cause)
                    self._is_unanswered = True
                    code = None if self._stop.is_over else _TRY_AGAIN
                    raise OperationError(f"{what}: {reason}", code=code) from error
                raise self._cluster.error(error, what) from error

        self._cluster.retry(ask, frozenset({_TRY_AGAIN}))


class _Records:
    """The records of an open transaction, on disk when they are many."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._file_bytes = 0

    def add(self, batch: Batch) -> None:
        """Keep records; raise OperationError where the disk is full. What is kept stays so."""
        data = marshal.dumps(batch)
        if self._held_bytes + len(data) > _IN_MEMORY_BYTES:
            self._write([*self._held, data])
            self._held, self._held_bytes = [], 0
        else:
            self._held.append(data)
            self._held_bytes += len(data)

    def _write(self, pieces: list[bytes]) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives as long as the command
            self._file.seek(self._file_bytes)
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    left = left[self._file.write(left) :]
            self._file_bytes = self._file.tell()
        except OSError as error:
            what = f"cannot keep the records of a transaction in a temporary file: {error.strerror}"
            raise OperationError(what, "--transaction-size makes smaller ones; TMPDIR names another folder") from error

    def clear(self) -> None:
        self._held, self._held_bytes, self._file_bytes = [], 0, 0

    def all(self) -> Iterator[Batch]:
        """Return what was kept, in its order."""
        if self._file is not None and self._file_bytes:
            self._file.seek(0)
            while self._file.tell() < self._file_bytes:
                yield marshal.load(self._file)
        for data in self._held:
            yield marshal.loads(data)


@contextlib.contextmanager
def transactions(
    sending: Sending, cluster: Cluster, account: Account, size: int | None, stop: Stop
) -> Iterator[Transactions]:
    """Return transactions, committed at the end, and aborted when anything goes wrong before or a signal comes."""
    opened = Transactions(sending, cluster, account, size, stop)
    try:
        yield opened
        if stop.is_requested:
            opened.abort("we were stopped")
        opened.commit()
    except BaseException as error:
        opened.abort(str(error) or type(error).__name__)
        raise
