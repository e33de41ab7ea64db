"""What is told of a long input."""

from __future__ import annotations

import io

import pytest

from kafkactl.output import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.Progress() as shown:
        shown.show(1000)
        assert terminal.getvalue() == ""  # what is short says nothing
        clock[0] += 4
        shown.show(2_000_000)
        shown.show(2_000_001)
        assert terminal.getvalue() == "\r\033[K2,000,000 records, 500,000 a second"
    assert terminal.getvalue().endswith("\r\033[K")


def test_others_see_nothing(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with progress.Progress() as shown:
        clock[0] += 10
        shown.show(5)
    assert pipe.getvalue() == ""
