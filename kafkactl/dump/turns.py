"""Work shared among forked processes whose output comes out in order.

Processes and not threads, for much of the work holds Python's lock; and each writes itself, so nothing is copied. From
one to the next goes the position where its output begins: into a file all can write at once, to anything else in turn.
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
_CLOSED = 2  # the status of a process whose output nobody reads any longer


class Turn:
    """A process's place in the row, for one item."""

    def __init__(self, mine: int, following: int) -> None:
        self._mine, self._following = mine, following
        self._passed_on = False

    def wait(self) -> int | None:
        """Where this item's output begins; None when there is nothing more to be written."""
        told = os.read(self._mine, _POSITION.size)
        position: int = _POSITION.unpack(told)[0] if told else _STOP
        return None if position == _STOP else position

    def pass_on(self, position: int) -> None:
        """Tells the next one where its output begins; once for an item."""
        if not self._passed_on:
            self._passed_on = True
            with contextlib.suppress(BrokenPipeError):  # the next one is lost
                os.write(self._following, _POSITION.pack(position))

    def stop(self) -> None:
        """Tells all that follow that there is nothing more to be written."""
        self.pass_on(_STOP)


class OneTurn(Turn):
    """The same for who is alone."""

    def __init__(self) -> None:
        super().__init__(-1, -1)

    def wait(self) -> int | None:
        return 0

    def pass_on(self, position: int) -> None:
        return


class FileOutput:
    """Writes from a position of a file on, whatever others write elsewhere in it."""

    def __init__(self, descriptor: int, position: int) -> None:
        self._descriptor = descriptor
        self.position = position

    def write(self, data: bytes | memoryview) -> None:
        write_all(self._descriptor, data, position=self.position)
        self.position += len(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))


def descriptor_of_file(out: BinaryIO) -> int | None:
    """Its descriptor, when it is a file that can be written anywhere; None for a pipe, a terminal, and what appends."""
    try:
        descriptor = out.fileno()
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
    except OSError:
        return None
    return descriptor if is_file and not appends else None


Work = Callable[[T, Turn], tuple[Any, bool]]
"""Does an item: prepares it, waits for its turn, writes, passes on, and returns a result and whether to go on."""


def in_turns(items: Callable[[], Iterator[T]], jobs: int, position: int, work: Work[T]) -> Iterator[Any]:
    """The results of all items in order, up to one that says stop; raises KafkactlError when a process is lost.

    Each process asks `items` for all of them and does every n-th, so that none need be known before the first is done.
    `position` is where the first one's output begins.
    """
    import pickle  # a millisecond, which one process alone does not need

    turns = [os.pipe() for _ in range(jobs)]
    results = [os.pipe() for _ in range(jobs)]
    children = []
    for number in range(jobs):
        child = os.fork()
        if child == 0:
            _serve(islice(items(), number, None, jobs), work, number, turns, results)
        children.append(child)
    os.write(turns[0][1], _POSITION.pack(position))
    for end in (*chain(*turns), *(end for _, end in results)):
        os.close(end)
    streams = [os.fdopen(begin, "rb") for begin, _ in results]
    try:
        for stream in cycle(streams):
            try:
                told = pickle.load(stream)
            except EOFError:
                if any(os.waitstatus_to_exitcode(status) == _CLOSED for status in _reaped(children)):
                    raise BrokenPipeError from None
                raise KafkactlError("a process that read the file was lost", "--jobs 1 does without") from None
            if told == _END:
                return
            if isinstance(told, (OSError, KafkactlError)):
                raise told
            result, goes_on = told
            yield result
            if not goes_on:
                return
    finally:
        for stream in streams:
            stream.close()
        _reaped(children)


def _reaped(children: list[int]) -> list[int]:
    """The statuses of processes when they have ended; each is waited for once."""
    statuses = [os.waitpid(child, 0)[1] for child in children]
    children.clear()
    return statuses


def _serve(
    items: Iterator[T], work: Work[T], number: int, turns: list[tuple[int, int]], results: list[tuple[int, int]]
) -> None:
    """What a process does; it never returns."""
    import pickle

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    mine, following = turns[number][0], turns[(number + 1) % len(turns)][1]
    for end in chain(*turns, *results):
        # A process that dies closes the next one's turn, which then ends, too.
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
        os._exit(status)  # whatever it was, the parent sees an end where a result should be
