"""Signals at every moment of a printing loop."""

from __future__ import annotations

import os
import signal
import time

import pytest

from kafkactl.cli.frame.stopping import Stopping


def stop(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_work_is_stopped_and_says_by_what(number: int, status: int) -> None:
    before = signal.getsignal(number)
    assert Stopping().run(lambda: stop(number)) == status
    assert signal.getsignal(number) == before
    assert Stopping().run(lambda: None) == 0


def test_what_is_held_comes_to_its_end_first() -> None:
    stopping = Stopping()
    done = []

    def work() -> None:
        with stopping.held():
            stop(signal.SIGINT)
            done.append("held")
        done.append("after")

    assert stopping.run(work) == 130
    assert done == ["held"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("again", [True, False])
def test_what_never_ends_is_stopped_all_the_same(again: bool) -> None:
    stopping = Stopping()

    def work() -> None:
        with stopping.held():
            stop(signal.SIGTERM)
            if again:
                stop(signal.SIGINT)
            time.sleep(30)

    begun = time.monotonic()
    assert stopping.run(work) == (130 if again else 143)
    assert time.monotonic() - begun < 15
