"""Sending in transactions: consumers of committed records see all records of a transaction, or none."""

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
from kafkactl.streams.account import MAY_BE_THERE, Account, UndeliveredRecord, make_undelivered
from kafkactl.streams.producing import Sending
from kafkactl.streams.record import Batch
from kafkactl.streams.stoppable import Stop

_TRY_AGAIN = KafkaError._RETRY
_STEP_S = 0.5
"""Time-out of each call of librdkafka; the call is repeated, so that a signal is noticed."""
_IN_MEMORY_BYTES = 16 << 20


class Transactions:
    """Sender of records in transactions.

    A transaction has `size` records; None makes one transaction of all. A failed record aborts its transaction and ends
    the sending. Each record of an aborted transaction is passed to the account once, as undelivered. Errors of the
    account's `tell` pass through.
    """

    def __init__(self, sending: Sending, cluster: Cluster, account: Account, size: int | None, stop: Stop) -> None:
        """Prepare the producer for transactions; raise OperationError or UnreachableError where that fails.

        `sending` must have a transactional id. `size` is the number of records of a transaction; None makes one of all,
        and 0 is not allowed: send() would not end. Wait for the coordinator, at most the time-out; OperationError is
        raised also where it does not answer.
        """
        self._sending, self._cluster, self._account, self._size, self._stop = sending, cluster, account, size, stop
        self._producer = sending._producer
        self._is_open = False
        self._begun = 0
        """Number of records in the open transaction."""
        self._records = _Records()
        self._tell = account.tell
        self._failures: list[UndeliveredRecord] = []
        self._is_unanswered = False
        self._run_step("init_transactions", "cannot begin a transaction")

    def send(self, batch: Batch) -> None:
        """Send records, and commit each transaction that is full; one that is not full stays open.

        An empty batch begins none. After a KafkactlError the open transaction is aborted, unless its commit was not
        answered; all its records and the rest of the batch are undelivered. Raise OperationError for a transaction that
        cannot be begun or had to be aborted, also where its records cannot be kept on disk or read back, or the
        coordinator does not answer the abort; UnreachableError for a failed connection, and where the coordinator does
        not answer a commit, or the leaders do not answer.
        """
        sent_count = 0
        try:
            while sent_count < len(batch):
                if not self._is_open:
                    self._begin()
                part = (
                    batch[sent_count:]
                    if self._size is None
                    else batch[sent_count : sent_count + self._size - self._begun]
                )
                self._records.add(part)
                self._begun += len(part)
                sent_count += len(part)
                self._sending.send(part)
                self._require_all_sent()
                if self._begun == self._size:
                    self.commit()
        except KafkactlError as error:
            try:
                self.abort(str(error))
            finally:  # a coordinator that does not answer must not hide records
                self._account.refuse(batch[sent_count:], f"not sent: {error}")
            raise

    def commit(self) -> None:
        """Commit the open transaction; without one do nothing.

        Wait for the answers of all records first, and then for the coordinator, at most the time-out. An error of the
        first wait, or of a failed connection, leaves the transaction open, and the caller must abort it. Raise
        OperationError where it had to be aborted, also because a record was not delivered, where its kept records
        cannot be read, and where the client can send no more. Raise UnreachableError where no leader of the waiting
        records was reached, or the coordinator did not answer: the records may have been delivered then.
        """
        if not self._is_open:
            return
        self._sending.flush()
        self._require_all_sent()
        try:
            self._run_step("commit_transaction", "cannot commit the transaction")
        except OperationError as error:
            if self._is_unanswered:
                self._end(f"{MAY_BE_THERE}{error}")
                hint = "its records may have been delivered: see kafkactl consume --isolation-level read_committed"
                raise UnreachableError(str(error), hint) from error
            self.abort(str(error))
            raise OperationError(f"{error}; it was aborted", error.hint) from error
        self._account.committed_transactions += 1
        self._close()

    def abort(self, reason: str) -> None:
        """Abort the open transaction; without one do nothing.

        `reason` is a text for people. Its records become undelivered ones; readers of committed records never see them.
        They are passed to the account before the coordinator is asked, so also where it refuses. Wait for the
        coordinator, at most the time-out. Raise OperationError where the coordinator refuses the abort or does not
        answer, and where the kept records cannot be read, which the coordinator does not wait for; and
        UnreachableError.
        """
        if not self._is_open:
            return
        self._sending.give_up()
        try:
            self._end(f"its transaction was aborted: {reason}")
        finally:  # an open transaction hides what others write behind it
            self._abort_at_broker()

    def _begin(self) -> None:
        """Begin a transaction; raise OperationError or UnreachableError where the client refuses.

        From here on failed records are kept, and not passed on before the end.
        """
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise self._cluster.error(error, "cannot begin a transaction") from error
        self._is_open = True
        self._records.clear()
        self._failures = []
        self._account.tell = self._failures.append

    def _close(self) -> None:
        """Mark the transaction as ended, and restore the caller's `tell` in the account.

        Nothing is passed to `tell` here, and no request is sent.
        """
        self._is_open, self._begun = False, 0
        self._account.tell = self._tell

    def _require_all_sent(self) -> None:
        """Abort the transaction and raise OperationError where a record has failed so far; otherwise do nothing.

        It does not wait: flush the records before. The errors of abort() pass through: OperationError and
        UnreachableError.
        """
        if self._failures:
            first = self._failures[0].reason
            self.abort(first)
            raise OperationError(f"a record was not delivered: {first}; its transaction was aborted")

    def _end(self, reason: str) -> None:
        """Pass all records of the open transaction to the account, as undelivered with this reason.

        Records that failed before get this reason, too, and still count as failed; the others count as aborted. A
        transaction must be open: after a commit its records would be passed on as undelivered. Afterwards none is open
        here. Raise OperationError where the kept records cannot be read: all are counted then, but the rest is not
        passed on.
        """
        self._account.aborted += self._begun - len(self._failures)
        self._close()
        for batch in self._records.read_all():
            for record in batch:
                self._account.tell(make_undelivered(record, reason))

    def _abort_at_broker(self) -> None:
        """Abort the transaction at its coordinator, which takes at most the time-out or a signal's time.

        Nothing is raised where the coordinator does not know of a transaction. Raise OperationError where it refuses or
        does not answer in time, and UnreachableError for a failed connection.
        """
        try:
            self._run_step("abort_transaction", "cannot abort the transaction")
        except OperationError as error:
            if error.code != KafkaError.INVALID_TXN_STATE:  # no transaction: nothing has reached the broker
                raise

    def _run_step(self, step: str, failure: str) -> None:
        """Call a method of the producer until it succeeds; `failure` begins the text of an error.

        `step` is the method's name. It is repeated after transient errors, until the cluster's time-out or a signal's
        time is over; `_is_unanswered` is True where the last attempt ended with one. Raise OperationError, also where
        no answer came, and UnreachableError.
        """

        def ask() -> None:
            """Call the method for at most 0.5 s; raise OperationError with the code _RETRY for another attempt.

            Raise another KafkactlError where no other attempt makes sense, such as after a signal's time.
            """
            self._is_unanswered = False
            try:
                getattr(self._producer, step)(_STEP_S)
            except KafkaException as error:
                cause = error.args[0]
                if cause.retriable():
                    timeout = (
                        "no answer from its coordinator in time" if cause.code() == KafkaError._TIMED_OUT else None
                    )
                    reason = timeout or describe_kafka_error(cause)
                    self._is_unanswered = True
                    code = None if self._stop.is_over else _TRY_AGAIN
                    raise OperationError(f"{failure}: {reason}", code=code) from error
                raise self._cluster.error(error, failure) from error

        self._cluster.retry(ask, frozenset({_TRY_AGAIN}))


class _Records:
    """The records of an open transaction; on disk where they are many."""

    def __init__(self) -> None:
        """Begin without records and without a file."""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._file_bytes = 0

    def add(self, batch: Batch) -> None:
        """Keep the records of a batch, in memory up to 16 MiB and otherwise in a temporary file.

        Raise OperationError where the file cannot be written, as on a full disk; the records before them stay.
        """
        data = marshal.dumps(batch)
        if self._held_bytes + len(data) > _IN_MEMORY_BYTES:
            self._write([*self._held, data])
            self._held, self._held_bytes = [], 0
        else:
            self._held.append(data)
            self._held_bytes += len(data)

    def _write(self, pieces: list[bytes]) -> None:
        """Write pieces to the temporary file, which is created at the first call.

        They go behind those of earlier calls. Raise OperationError where that fails, for example on a full disk; then
        none of these pieces counts.
        """
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
            failure = f"cannot keep the records of a transaction in a temporary file: {error.strerror}"
            raise OperationError(
                failure, "use smaller transactions with --transaction-size, or another folder with TMPDIR"
            ) from error

    def clear(self) -> None:
        """Forget all records; the file stays, to be written again from its beginning."""
        self._held, self._held_bytes, self._file_bytes = [], 0, 0

    def read_all(self) -> Iterator[Batch]:
        """Yield the batches of records, as they were added; raise OperationError where the file cannot be read.

        The records stay, and can be read again. Add none while it runs.
        """
        if self._file is not None and self._file_bytes:
            try:
                self._file.seek(0)
                while self._file.tell() < self._file_bytes:
                    yield marshal.load(self._file)
            except OSError as error:
                failure = f"cannot read the kept records of a transaction: {error.strerror}"
                raise OperationError(failure, "they were not delivered") from error
        for data in self._held:
            yield marshal.loads(data)


@contextlib.contextmanager
def open_transactions(
    sending: Sending, cluster: Cluster, account: Account, size: int | None, stop: Stop
) -> Iterator[Transactions]:
    """Yield transactions of `size` records (at least 1), or one of all (None); without records none is begun.

    `sending` must have a transactional id, and `stop` is the state of a signal. The call waits for the coordinator, at
    most the time-out. The open one is committed at the end of the context, and aborted after a signal, without an
    error, and after an error, which goes on unless the abort fails. Raise OperationError or UnreachableError where a
    transaction cannot be begun, committed or aborted, or the kept records of an aborted one cannot be read. After a
    commit without an answer nothing is aborted, and the UnreachableError says that its records may have been delivered.
    """
    opened = Transactions(sending, cluster, account, size, stop)
    try:
        yield opened
        if stop.is_requested:
            opened.abort("we were stopped")
        opened.commit()
    except BaseException as error:
        opened.abort(str(error) or type(error).__name__)
        raise
