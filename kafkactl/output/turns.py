"""Work shared among forked processes whose output comes out in order: each writes when it is its turn.

Processes and not threads, for most of the work holds Python's lock; and each writes itself, so nothing is copied.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from itertools import chain, cycle, islice
from typing import Any, TypeVar

from kafkactl.errors import KafkactlError

T = TypeVar("T")
_GO, _STOP = b"g", b"s"
_END = "no more items"
_CLOSED = 2  # the status of a process whose output nobody reads any longer

Work = Callable[[T, Callable[[], bool]], tuple[Any, bool]]
"""Does an item: prepares it, waits for its turn, writes, and returns a result and whether to go on.

What it is given to wait with says whether there still is a turn.
"""


def in_turns(items: Callable[[], Iterator[T]], jobs: int, work: Work[T]) -> Iterator[Any]:
    """The results of all items in order, up to one that says stop; raises KafkactlError when a process is lost.

    Each process asks `items` for all of them and does every n-th, so that none need be known before the first is done.
    """
    turns = [os.pipe() for _ in range(jobs)]
    results = [os.pipe() for _ in range(jobs)]
    children = []
    for number in range(jobs):
        child = os.fork()
        if child == 0:
            _serve(islice(items(), number, None, jobs), work, number, turns, results)
        children.append(child)
    os.write(turns[0][1], _GO)
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
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    my_turn, next_turn = turns[number][0], turns[(number + 1) % len(turns)][1]
    for end in chain(*turns, *results):
        # A process that dies closes the next one's turn, which then ends, too.
        if end not in (my_turn, next_turn, results[number][1]):
            os.close(end)
    status = 1
    try:
        with os.fdopen(results[number][1], "wb") as sink:
            for item in items:
                result, goes_on = work(item, lambda: os.read(my_turn, 1) == _GO)
                pickle.dump((result, goes_on), sink)
                sink.flush()
                with contextlib.suppress(BrokenPipeError):  # the one whose turn is next is lost
                    os.write(next_turn, _GO if goes_on else _STOP)
                if not goes_on:
                    break
            else:
                pickle.dump(_END, sink)
        status = 0
    except BrokenPipeError:
        status = _CLOSED
    finally:
        os._exit(status)  # whatever it was, the parent sees an end where a result should be
