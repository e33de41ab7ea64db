"""Work shared among processes: its output in order, and what happens when one of them is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kafkactl.errors import KafkactlError
from kafkactl.output.turns import in_turns


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_results_and_output_come_in_order(tmp_path: Path, jobs: int) -> None:
    out = (tmp_path / "out").open("ab", buffering=0)

    def work(item: int, wait: Callable[[], bool]) -> tuple[int, bool]:
        assert wait()
        out.write(b"%d " % item)
        return item * 2, True

    assert list(in_turns(lambda: iter(range(50)), jobs, work)) == [item * 2 for item in range(50)]
    assert (tmp_path / "out").read_text() == "".join(f"{item} " for item in range(50))


def test_one_that_says_stop_is_the_last(tmp_path: Path) -> None:
    def work(item: int, wait: Callable[[], bool]) -> tuple[int, bool]:
        return item, wait() and item < 10

    assert list(in_turns(lambda: iter(range(50)), 3, work)) == list(range(11))


@pytest.mark.parametrize("error", [KafkactlError, BrokenPipeError])
def test_a_process_that_is_lost_ends_them_all(error: type[Exception]) -> None:
    def work(item: int, wait: Callable[[], bool]) -> tuple[int, bool]:
        if wait() and item == 7:
            if error is BrokenPipeError:
                raise BrokenPipeError
            os.kill(os.getpid(), signal.SIGKILL)
        return item, True

    results = in_turns(lambda: iter(range(50)), 3, work)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(error):
        next(results)
