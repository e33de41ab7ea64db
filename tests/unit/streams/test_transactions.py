"""Transactions on bad days: what is begun ends at its coordinator, and every record is told."""

from __future__ import annotations

import errno
import marshal
import os
from collections import Counter
from contextlib import suppress
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


class Coordinated:
    """A producer and a sending, each step of which is counted, and one of which fails."""

    def __init__(self, account: Account, failing: tuple[str, int] | None) -> None:
        self.committed: list[bytes] = []
        self.is_open = False
        self._account, self._failing, self._counts = account, failing, Counter[str]()
        self._pending: list[bytes] = []
        self._producer = SimpleNamespace(
            init_transactions=lambda _time: None, begin_transaction=self._begin,
            commit_transaction=self._commit, abort_transaction=self._abort,
        )  # fmt: skip

    def step(self, name: str) -> None:
        """Raise the error of a step where it is the one that fails."""
        self._counts[name] += 1
        if (name, self._counts[name]) == self._failing:
            raise OperationError(f"{name} fails")

    def send(self, batch: Any) -> None:
        assert self.is_open
        self._account.accepted += len(batch)
        self._pending += [record["value"] for record in batch]
        self.step("send")

    def give_up(self) -> None:
        return

    def flush(self) -> None:
        self.step("flush")

    def _begin(self) -> None:
        self.step("begin")
        self.is_open = True

    def _commit(self, _time: float) -> None:
        self.step("commit")
        self.committed += self._pending
        self.is_open, self._pending = False, []

    def _abort(self, _time: float) -> None:
        self.is_open, self._pending = False, []


STEPS = [(name, number) for name in ("begin", "keep", "send", "flush", "commit") for number in (1, 2)]


@pytest.mark.parametrize("memory_bytes", [0, 1000])
@pytest.mark.parametrize("size", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("failing", [None, *STEPS], ids=str)
def test_each_record_is_committed_or_told_once(
    failing: tuple[str, int] | None, size: int | None, memory_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bytes] = []
    account = Account(lambda record: told.append(record.value or b""))
    sending = Coordinated(account, failing)
    keep = transactions._Records.add

    def keep_or_fail(records: Any, batch: Any) -> None:
        sending.step("keep")
        keep(records, batch)

    monkeypatch.setattr(transactions, "_IN_MEMORY_BYTES", memory_bytes)
    monkeypatch.setattr(transactions._Records, "add", keep_or_fail)
    cluster = SimpleNamespace(retry=lambda ask, _codes: ask(), error=lambda error, _text: error)
    stop = SimpleNamespace(is_requested=False, is_over=False)
    batches: list[Any] = [[{"value": b"%d-%d" % (number, item)} for item in range(3)] for number in range(3)]
    sent: list[bytes] = []
    with (
        suppress(OperationError),
        transactions.open_transactions(
            cast(Sending, sending), cast(Cluster, cluster), account, size, cast(Stop, stop)
        ) as opened,
    ):
        for batch in batches:
            sent += [record["value"] for record in batch]
            opened.send(batch)
    assert not sending.is_open
    assert sorted(told + sending.committed) == sorted(sent)
    assert account.accepted == len(sent)
    assert account.delivered == len(sending.committed)
    assert account.failed + account.aborted == len(told)
    account.tell(transactions.make_undelivered({"value": b"later"}, "later"))
    assert told[-1] == b"later"  # failures are no longer kept for a transaction
