"""Signals at every moment of work that goes on until it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from kafkactl.cli.frame.stopping import WAIT_S, NotedStopping, Stopping, StopRequestedError
from kafkactl.stdout import out

STATUSES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def stop(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "status"), STATUSES)
def test_work_is_stopped_and_knows_by_what(number: int, status: int) -> None:
    before = signal.getsignal(number)
    with Stopping() as stopping:
        with pytest.raises(StopRequestedError) as stopped:
            stop(number)
        assert stopped.value.status == stopping.status(0) == status
        assert 0 < stopping.left_s <= WAIT_S
        assert out.deadline is not None
        assert stopping.deadline is not None
        assert out.deadline + 2 < stopping.deadline, "some time is left for commits"
    assert signal.getsignal(number) == before
    assert out.deadline is None


def test_without_a_signal_the_status_is_the_other_one() -> None:
    with Stopping() as stopping:
        assert (stopping.status(4), stopping.deadline, stopping.left_s) == (4, None, WAIT_S)


@pytest.mark.parametrize(("number", "status"), STATUSES)
def test_what_is_being_finished_is_not_interrupted(number: int, status: int) -> None:
    with Stopping() as stopping:
        stopping.finish()
        stop(number)
        assert stopping.status(0) == status
        assert stopping.left_s <= WAIT_S


@pytest.mark.parametrize("seconds", [1e10, 1e300, float("inf")])
def test_a_wait_of_centuries_ends_with_a_signal(seconds: float) -> None:
    with NotedStopping() as stopping:
        threading.Timer(0.1, stop, [signal.SIGTERM]).start()
        stopping.sleep(seconds)
        assert stopping.is_requested


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopping() as stopping:
            stop(signal.SIGHUP)
            assert stopping.status(0) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_ends_the_process_at_once() -> None:
    script = (
        "import os, signal, time\n"
        "from kafkactl.cli.frame.stopping import Stopping\n"
        "with Stopping() as stopping:\n"
        "    stopping.finish()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    print('still there')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (129, "")
