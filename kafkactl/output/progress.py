"""How far a long input has come, for who waits at a terminal."""

from __future__ import annotations

import sys
import time

from kafkactl.output import people

_EVERY_S = 0.5
_AFTER_S = 2.0
_CLEARED = "\r\033[K"


class Progress:
    """One line on stderr that is written anew, from two seconds on and only on a terminal."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._started = time.monotonic()
        self._next = self._started + _AFTER_S
        self._shown = False

    def show(self, records: int) -> None:
        """So many records by now; cheap when it is not yet time to say so."""
        if not self._shows:
            return
        now = time.monotonic()
        if now >= self._next:
            pace = records / (now - self._started)
            people.write(f"{_CLEARED}{records:,} records, {pace:,.0f} a second")
            self._next = now + _EVERY_S
            self._shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            people.write(_CLEARED)
