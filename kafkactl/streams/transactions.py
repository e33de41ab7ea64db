"""Sending in transactions: all records of one are seen, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from confluent_kafka import KafkaError, KafkaException

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.streams.producing import Account, Sending
from kafkactl.streams.record import Batch


class Transactions:
    """Sends in transactions of `size` records, or in one (None); a failed record aborts its own and ends it all."""

    def __init__(self, sending: Sending, cluster: Cluster, account: Account, size: int | None) -> None:
        """Raises what keeps the producer from having transactions."""
        self._sending, self._cluster, self._account, self._size = sending, cluster, account, size
        self._producer = sending._producer
        self._begun = 0
        self._failed_before = 0
        self._do("init_transactions", "cannot begin a transaction")

    def send(self, batch: Batch) -> None:
        """Raises OperationError when a transaction had to be aborted."""
        while batch:
            if not self._begun:
                self._producer.begin_transaction()
                self._failed_before = self._account.failed
            part = batch if self._size is None else batch[: self._size - self._begun]
            batch = batch[len(part) :]
            self._begun += len(part)
            self._sending.send(part)
            if self._begun == self._size:
                self.commit()

    def commit(self) -> None:
        """Ends the transaction that is open, if one is; raises OperationError when it had to be aborted."""
        if not self._begun:
            return
        self._sending.flush()
        if self._account.failed > self._failed_before:
            self.abort()
            raise OperationError("a record was not delivered: its transaction was aborted")
        try:
            self._do("commit_transaction", "cannot commit the transaction")
        except OperationError as error:
            self.abort()
            raise OperationError(f"{error}; it was aborted", error.hint) from error
        self._account.committed_transactions += 1
        self._begun = 0

    def abort(self) -> None:
        """Likewise, but what it has sent is never seen by readers of committed records."""
        if not self._begun:
            return
        self._sending.give_up()
        failed = self._account.failed - self._failed_before
        self._account.aborted += self._begun - failed
        self._begun = 0
        self._do("abort_transaction", "cannot abort the transaction")

    def _do(self, step: str, what: str) -> None:
        def ask() -> None:
            try:
                getattr(self._producer, step)(self._cluster.timeout_s)
            except KafkaException as error:
                cause = error.args[0]
                if cause.retriable():
                    raise OperationError(f"{what}: {describe_kafka_error(cause)}", code=_TRY_AGAIN) from error
                raise self._cluster.error(error, what) from error

        self._cluster.retry(ask, frozenset({_TRY_AGAIN}))


_TRY_AGAIN = KafkaError._RETRY


@contextlib.contextmanager
def transactions(sending: Sending, cluster: Cluster, account: Account, size: int | None) -> Iterator[Transactions]:
    """Transactions that are committed at the end, and aborted when anything goes wrong before."""
    opened = Transactions(sending, cluster, account, size)
    try:
        yield opened
        opened.commit()
    except BaseException:
        opened.abort()
        raise
