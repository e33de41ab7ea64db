"""Work shared among processes: its output in order, and what happens when one of them is lost."""

from __future__ import annotations

import io
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from kafkactl.dump.turns import FileOutput, Turn, find_file_descriptor, run_in_turns
from kafkactl.errors import KafkactlError
from tests.clusters import eventually


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_results_and_output_come_in_order(tmp_path: Path, jobs: int) -> None:
    out = (tmp_path / "out").open("ab", buffering=0)

    def work(item: int, turn: Turn) -> tuple[int, bool]:
        assert turn.wait() is not None
        out.write(b"%d " % item)
        turn.pass_on(0)
        return item * 2, True

    assert list(run_in_turns(lambda: iter(range(50)), jobs, 0, work)) == [item * 2 for item in range(50)]
    assert (tmp_path / "out").read_text() == "".join(f"{item} " for item in range(50))


class Pipes:
    """Makes at most `limit` pipes for `os.pipe`, and counts only these: threads of other tests have pipes, too."""

    def __init__(self, limit: int) -> None:
        self._limit, self._make = limit, os.pipe
        self._made: list[tuple[int, int]] = []

    def make(self) -> tuple[int, int]:
        if len(self._made) == 2 * self._limit:
            raise OSError(24, "Too many open files")
        pipe = self._make()
        self._made += [(end, os.fstat(end).st_ino) for end in pipe]
        return pipe

    def count_open(self) -> int:
        """Count the ends that are open. A descriptor may have been given to another file meanwhile."""
        opened = 0
        for end, inode in self._made:
            with suppress(OSError):
                opened += os.fstat(end).st_ino == inode
        return opened


@pytest.mark.parametrize("started", [0, 1, 2])
def test_where_a_process_cannot_be_started_none_stays(started: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fork, children, pipes = os.fork, [], Pipes(limit=6)

    def fork_at_first() -> int:
        if len(children) == started:
            assert pipes.count_open() == 12
            raise OSError(11, "Resource temporarily unavailable")
        if child := fork():
            children.append(child)
        return child

    def work(item: int, turn: Turn) -> tuple[int, bool]:
        return (item, True) if turn.wait() is not None else (item, False)

    monkeypatch.setattr(os, "fork", fork_at_first)
    monkeypatch.setattr(os, "pipe", pipes.make)
    with pytest.raises(OSError, match="temporarily unavailable"):
        list(run_in_turns(lambda: iter(range(50)), 3, 0, work))
    assert len(children) == started
    assert pipes.count_open() == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@pytest.mark.parametrize("writes", [False, True])
def test_a_process_that_is_killed_leaves_no_other_waiting(writes: bool, tmp_path: Path) -> None:
    """The others are blocked by results that nobody reads; the killed one may have written a part of its own."""
    started = os.getpid()
    pid_file = tmp_path / "pid"

    def work(item: int, turn: Turn) -> tuple[bytes, bool]:
        turn.wait()
        turn.pass_on(0)
        if item == 1:
            (tmp_path / "new").write_text(str(os.getpid()))
            (tmp_path / "new").rename(pid_file)
            if writes:
                kill = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL))
                kill.start()
                return bytes(10_000_000), True  # it is blocked while it writes this
            os.kill(os.getpid(), signal.SIGKILL)
        return bytes(200_000), True

    signal.alarm(30)
    try:
        results = run_in_turns(lambda: iter(range(50)), 3, 0, work)
        next(results)
        eventually(pid_file.exists)
        state = Path(f"/proc/{pid_file.read_text()}/stat")
        eventually(lambda: state.read_text().split()[2] == "Z")  # it has ended, and nobody has waited for it
        with pytest.raises(KafkactlError, match="ended unexpectedly"):
            list(results)
    finally:
        signal.alarm(0)
    assert os.getpid() == started


@pytest.mark.parametrize("limit", range(6))
def test_where_a_pipe_cannot_be_made_none_stays(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = Pipes(limit)
    monkeypatch.setattr(os, "pipe", pipes.make)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))
    with pytest.raises(OSError, match="Too many open files"):
        list(run_in_turns(lambda: iter(range(50)), 3, 0, lambda item, turn: (item, True)))
    assert pipes.count_open() == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_pipes_are_closed_at_the_end_and_by_a_reader_that_stops(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = Pipes(limit=2 * jobs)
    monkeypatch.setattr(os, "pipe", pipes.make)

    def work(item: int, turn: Turn) -> tuple[int, bool]:
        goes_on = turn.wait() is not None
        turn.pass_on(0)
        return item, goes_on

    results = run_in_turns(lambda: iter(range(50)), jobs, 0, work)
    assert next(results) == 0
    results.close()
    assert pipes.count_open() == 0


@pytest.mark.parametrize("jobs", [2, 5])
def test_a_file_is_written_by_all_at_once(tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "out"
    with path.open("wb") as out:
        out.write(b"head ")
        out.flush()
        descriptor = find_file_descriptor(out)
        assert descriptor is not None

        def work(item: int, turn: Turn) -> tuple[int, bool]:
            text = b"%d " % item * 50_000
            begin = turn.wait()
            assert begin is not None
            turn.pass_on(begin + len(text))
            file = FileOutput(descriptor, begin)
            file.writelines([text[:7], text[7:]])
            return file.position, True

        *_, end = run_in_turns(lambda: iter(range(20)), jobs, 5, work)
    assert path.read_bytes() == b"head " + b"".join(b"%d " % item * 50_000 for item in range(20))
    assert end == path.stat().st_size


def test_what_is_no_file_is_written_one_by_one(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe, os.fdopen(reader, "rb"):
        assert find_file_descriptor(pipe) is None
    with (tmp_path / "out").open("ab") as appended:
        assert find_file_descriptor(appended) is None
    assert find_file_descriptor(io.BytesIO()) is None


def test_one_that_says_stop_is_the_last() -> None:
    def work(item: int, turn: Turn) -> tuple[int, bool]:
        if turn.wait() is None or item == 10:
            turn.stop()
            return item, False
        turn.pass_on(0)
        return item, True

    assert list(run_in_turns(lambda: iter(range(50)), 3, 0, work)) == list(range(11))


@pytest.mark.parametrize("error", [KafkactlError, BrokenPipeError, PermissionError])
def test_a_process_that_is_lost_ends_them_all(error: type[Exception]) -> None:
    def work(item: int, turn: Turn) -> tuple[int, bool]:
        if turn.wait() is not None and item == 7:
            if error is not KafkactlError:
                raise error
            os.kill(os.getpid(), signal.SIGKILL)
        turn.pass_on(0)
        return item, True

    results = run_in_turns(lambda: iter(range(50)), 3, 0, work)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(error) as raised:
        next(results)
    assert error is not KafkactlError or str(raised.value).endswith("ended unexpectedly, by signal 9")
