"""Transactions on bad days: what is begun ends at its coordinator, and every record is told."""

from __future__ import annotations

import errno
import marshal
import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.streams import transactions
from kafkactl.streams.account import Account
from kafkactl.streams.producing import Sending
from kafkactl.streams.stoppable import Stop


class Refusing:
    """A sending of which no record is delivered."""

    def __init__(self, account: Any) -> None:
        self.steps: list[str] = []
        self._account = account
        self._producer = SimpleNamespace(
            **{
                name: lambda *_arguments, step=name: self.steps.append(step)
                for name in ("init_transactions", "begin_transaction", "commit_transaction", "abort_transaction")
            }
        )

    def send(self, batch: Any) -> None:
        self._account.tell(SimpleNamespace(reason="too large"))

    def give_up(self) -> None:
        self.steps.append("give up")

    def flush(self) -> None:
        self.steps.append("flush")


def test_records_that_cannot_be_read_back_leave_no_transaction_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk with the kept records fails: the coordinator hears of the abort, and the rest is refused."""

    def fail(_file: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(transactions, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(marshal, "load", fail)
    told: list[Any] = []
    refused: list[Any] = []
    account = SimpleNamespace(
        tell=told.append, aborted=0, committed_transactions=0, refuse=lambda batch, _reason: refused.extend(batch)
    )
    sending = Refusing(account)
    cluster = SimpleNamespace(retry=lambda ask, _codes: ask())
    opened = transactions.Transactions(
        cast(Sending, sending), cast(Cluster, cluster), cast(Account, account), 2, cast(Stop, SimpleNamespace())
    )
    batch: Any = [{"key": None, "value": str(number).encode()} for number in range(5)]
    with pytest.raises(OperationError, match="cannot read the kept records of a transaction: Input/output error"):
        opened.send(batch)
    assert sending.steps == ["init_transactions", "begin_transaction", "give up", "abort_transaction"]
    assert refused == batch[2:]
