"""Work of forked processes whose output is written in order.

These are processes and not threads, because much of the work holds Python's lock. Each process writes its own output,
so that nothing is copied. One process tells the next the position where its output begins: into a file all can write at
the same time, to any other output one after the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, cycle, islice
from typing import Any, BinaryIO, TypeVar

from kafkactl.errors import KafkactlError
from kafkactl.stdout import out, write_all

T = TypeVar("T")
_POSITION = struct.Struct(">q")
_STOP = -1
_END = "no more items"
_CLOSED = 2
"""Exit status of a process whose output nobody reads any more."""


class Turn:
    """The turn of a process, for one item."""

    def __init__(self, mine: int, following: int) -> None:
        """Take the descriptors of the pipe from the process before, and of the pipe to the next process."""
        self._mine, self._following = mine, following
        self._passed_on = False

    def wait(self) -> int | None:
        """Wait for the turn, and return the position in bytes where the item's output begins in a file.

        Return None where nothing more is to be written: a process before has said so, or has died. For an output that
        is no file the position has no meaning. Call this once for an item.
        """
        data = os.read(self._mine, _POSITION.size)
        position: int = _POSITION.unpack(data)[0] if data else _STOP
        return None if position == _STOP else position

    def pass_on(self, position: int) -> None:
        """Give the turn to the next process, with the position in bytes where its output begins.

        Only the first call for an item has an effect, also of `stop`. A next process that has died is ignored.
        """
        if not self._passed_on:
            self._passed_on = True
            with contextlib.suppress(BrokenPipeError):  # the next process has died
                os.write(self._following, _POSITION.pack(position))

    def stop(self) -> None:
        """Tell all later processes that nothing more is to be written; do not wait for them.

        After pass_on for the item this has no effect.
        """
        self.pass_on(_STOP)


class SingleTurn(Turn):
    """The turn of a process that works alone."""

    def __init__(self) -> None:
        """Take nothing, because there is no pipe."""
        super().__init__(-1, -1)

    def wait(self) -> int | None:
        """Return position 0 at once, which has no meaning because all output goes to one stream."""
        return 0

    def pass_on(self, position: int) -> None:
        """Do nothing, because there is no next process."""
        return


class FileOutput:
    """Writer from a position of a file on, whatever others write elsewhere in it."""

    def __init__(self, descriptor: int, position: int) -> None:
        """Take the descriptor of a file, which stays open, and the position in bytes to write at."""
        self._descriptor = descriptor
        self.position = position

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes, and move the position behind them; raise OutputError where they cannot be written."""
        write_all(self._descriptor, data, position=self.position)
        self.position += len(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Write parts one behind the other, and move the position behind them. Raise OutputError where this fails."""
        self.write(b"".join(parts))


def find_file_descriptor(out: BinaryIO) -> int | None:
    """Return the descriptor of an output that is a file and can be written at any position.

    Return None for a pipe, a terminal, an output without a descriptor, and a file that is opened for appending. A file
    that is open only for reading counts as well. Raise ValueError for a closed output.
    """
    try:
        descriptor = out.fileno()
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
    except OSError:
        return None
    return descriptor if is_file and not appends else None


Work = Callable[[T, Turn], tuple[Any, bool]]
"""Function that handles an item: it prepares it, waits for its turn, writes, and passes the turn on.

It returns a result, and whether to go on.
"""


def run_in_turns(items: Callable[[], Iterator[T]], jobs: int, position: int, work: Work[T]) -> Iterator[Any]:
    """Yield the results of all items in their order, up to and including one that says stop.

    `items` returns a new iterator over all items, and each of the `jobs` forked processes handles every n-th of them
    with `work`, so that the items need not be known before the first is done. Both are called in the processes: what
    they change in memory is lost. `items` itself must not raise, only its iterator. `jobs` is 1 or more. Results and
    errors must be picklable. `position` is where the first item's output begins, in bytes. An OSError or KafkactlError
    of a process is raised here, behind the results of earlier items.

    Raise KafkactlError where a process was lost, or ended with an error of another class; BrokenPipeError where nobody
    reads the output; and OSError where no pipe can be made or no process started. No process is started before the
    first result is asked for, and all have ended when the iteration ends.
    """
    import pickle  # this takes a millisecond, which a single process does not need

    pipes: list[tuple[int, int]] = []
    children: list[int] = []
    try:
        while len(pipes) < 2 * jobs:
            pipes.append(os.pipe())
        turns, results = pipes[:jobs], pipes[jobs:]
        for number in range(jobs):
            child = os.fork()
            if child == 0:
                _serve(islice(items(), number, None, jobs), work, number, turns, results)
            children.append(child)
    except OSError:
        for end in chain(*pipes):  # without its pipe a process ends when its turn should come
            os.close(end)
        _reap(children)
        raise
    os.write(turns[0][1], _POSITION.pack(position))
    for end in (*chain(*turns), *(end for _, end in results)):
        os.close(end)
    streams = [os.fdopen(begin, "rb") for begin, _ in results]
    try:
        for number in cycle(range(jobs)):
            try:
                message = pickle.load(streams[number])
            except (EOFError, pickle.UnpicklingError):
                # Only this process is waited for: others may wait until their results are read.
                (status,) = _reap([children.pop(number)])
                if status == _CLOSED:
                    raise BrokenPipeError from None
                how = f"by signal {-status}" if status < 0 else f"with status {status}"
                raise KafkactlError(
                    f"a process that read the file ended unexpectedly, {how}",
                    "read the file with one process: --jobs 1",
                ) from None
            if message == _END:
                return
            if isinstance(message, (OSError, KafkactlError)):
                raise message
            result, goes_on = message
            yield result
            if not goes_on:
                return
    finally:
        for stream in streams:
            stream.close()
        _reap(children)


def _reap(children: list[int]) -> list[int]:
    """Wait for the end of processes, given by their ids, and return their exit statuses in this order.

    That of a process that a signal ended is the signal's number below 0.

    A second call returns nothing, because `children` is emptied. Raise ChildProcessError for a process that was waited
    for already.
    """
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    children.clear()
    return statuses


def _serve(
    items: Iterator[T], work: Work[T], number: int, turns: list[tuple[int, int]], results: list[tuple[int, int]]
) -> None:
    """Do the work of one process, with its `number` from 0 on, and end the process; this never returns.

    `items` are those of this process alone. `turns` and `results` are the pipes of all processes, as pairs of reading
    and writing end. Results, the end, and an OSError or KafkactlError are written to the own pipe. The exit status is
    0, also after such an error, 2 where nobody reads the output or the results (BrokenPipeError), and 1 after any other
    error, which is not printed. SIGINT ends the process at once.
    """
    import pickle

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    mine, following = turns[number][0], turns[(number + 1) % len(turns)][1]
    for end in chain(*turns, *results):
        # A process that dies closes the pipe to the next one, which then ends, too.
        if end not in (mine, following, results[number][1]):
            os.close(end)
    out.restart()
    status = 1
    try:
        with os.fdopen(results[number][1], "wb") as sink:
            try:
                for item in items:
                    result, goes_on = work(item, Turn(mine, following))
                    pickle.dump((result, goes_on), sink)
                    sink.flush()
                    if not goes_on:
                        break
                else:
                    pickle.dump(_END, sink)
            except BrokenPipeError:
                raise
            except (OSError, KafkactlError) as error:
                pickle.dump(error, sink)
        status = 0
    except BrokenPipeError:
        status = _CLOSED
    finally:
        os._exit(status)  # the parent sees an end in place of a result
