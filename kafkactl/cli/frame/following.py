"""Following moves of replicas to their end: progress, rate and time left, for the person who waits."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkactl.cli.frame.stopping import Stopping, StopRequestedError
from kafkactl.errors import KafkactlError
from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

_LOOK_EVERY_S = 0.25
_NOTE_EVERY_S = 60.0
"""Seconds between two lines of progress where stderr is no terminal."""
_CLEAR_LINE = "\r\033[K"
_THOUSAND = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_MINUTE_S, _HOUR_MIN = 60, 60


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far moves of replicas are."""

    left: int
    """Number of partitions whose moves have not ended."""
    total: int
    moved_bytes: int
    """Size of the new replicas so far; a part of them can be there before the move began."""
    total_bytes: int
    """Size of the new replicas at the end; 0 where it is not known."""
    obstacle: str | None = None
    """Why moves cannot end at present, as a sentence; None where nothing is known that stops them."""


@contextlib.contextmanager
def explain_stop(text: str) -> Iterator[None]:
    """Print a note on stderr where INT, TERM or HUP ends the context; in Kafka's style print nothing.

    `text` says what goes on without this command. StopRequestedError, which has the exit status, goes on afterwards,
    and so does every other error, without a note. Raise ValueError outside the main thread.
    """
    try:
        with Stopping():
            yield
    except StopRequestedError:
        people.note(text)
        raise


def follow(connected: Cluster, look: Callable[[], Progress], interrupted: str) -> None:
    """Wait until the moves have ended, without a time-out of the whole.

    `look` returns how far they are. The progress is shown on stderr: in one line on a terminal, else in a note at once
    and then one a minute. In Kafka's style there are no notes. While moves are left, a new obstacle, and the end of
    one, is a note at once. The time-out of the cluster is renewed before each look but the first. Where nothing is left
    at the first look, nothing is shown. A KafkactlError of `look` ends the wait and not the moves: it is raised after
    the note `interrupted`. A signal is a matter of explain_stop().
    """
    on_terminal = people.is_terminal(sys.stderr)
    obstacle: str | None = None
    begin = time.monotonic()
    first: Progress | None = None
    next_note = begin
    try:
        while (progress := look()).left:
            first = first or progress
            if progress.obstacle != obstacle:
                obstacle = progress.obstacle
                if on_terminal:
                    people.write(_CLEAR_LINE)
                people.note(obstacle or "the moves go on")
            now = time.monotonic()
            text = describe_progress(first, progress, now - begin)
            if on_terminal:
                people.write(f"{_CLEAR_LINE}{text}")
            elif now >= next_note:
                people.note(text)
                next_note = now + _NOTE_EVERY_S
            time.sleep(_LOOK_EVERY_S)
            connected.renew_timeout()
    except KafkactlError:
        if on_terminal:
            people.write(_CLEAR_LINE)
        people.note(interrupted)
        raise
    finally:
        if on_terminal and first is not None:
            people.write(_CLEAR_LINE)


def describe_progress(first: Progress, now: Progress, elapsed_s: float) -> str:
    """Return the progress as a line: partitions, bytes, and the rate and the time left where they are known.

    The line has no end of line. The bytes, the rate and the time left are missing where `total_bytes` is 0, and rate
    and time left also where nothing was moved since `first` or `elapsed_s` is 0. The rate is the mean over `elapsed_s`.
    `first` is the first look, and `elapsed_s` the time since the begin of the wait, in s.
    """
    parts = [f"{now.total - now.left} of {now.total} partition{'' if now.total == 1 else 's'} moved"]
    if now.total_bytes:
        parts.append(f"{format_bytes(min(now.moved_bytes, now.total_bytes))} of {format_bytes(now.total_bytes)}")
        rate = (now.moved_bytes - first.moved_bytes) / elapsed_s if elapsed_s > 0 else 0
        if rate > 0:
            parts.append(f"{format_bytes(int(rate))}/s")
            parts.append(f"{format_time_left(max(0, now.total_bytes - now.moved_bytes) / rate)} left")
    return ", ".join(parts)


def format_bytes(size: float) -> str:
    """Return a size in bytes with a unit, in powers of 1000: 999 B, 1.5 kB, 12 GB.

    A unit above B has one digit after the point where the rounded number is below 10; other numbers have none. The
    largest unit is PB. `size` is finite and not negative: that is not checked here.
    """
    unit = 0
    while round(size) >= _THOUSAND and unit + 1 < len(_UNITS):
        size /= _THOUSAND
        unit += 1
    digits = 1 if unit and round(size, 1) < 10 else 0
    return f"{size:.{digits}f} {_UNITS[unit]}"


def format_time_left(seconds: float) -> str:
    """Return a time in s as text: 45 s, 3 min, 2 h 5 min.

    It is rounded to a second below a minute, and to a minute from there on. From 60 min on it has hours, also for days.
    `seconds` is finite and not negative: that is not checked here.
    """
    if round(seconds) < _MINUTE_S:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / _MINUTE_S), _HOUR_MIN)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
