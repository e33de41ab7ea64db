"""Progress of a long input, for the person at a terminal."""

from __future__ import annotations

import sys
import time

from kafkactl.output import people

_INTERVAL_S = 0.5
_DELAY_S = 2.0
_CLEAR_LINE = "\r\033[K"


class Progress:
    """One line on stderr that is written again and again; a context manager that clears it at the end.

    The line appears after two seconds, and only where stderr is a terminal.
    """

    def __init__(self) -> None:
        """Start the clock, and find out once whether stderr is a terminal; nothing is written yet."""
        self._is_enabled = people.is_terminal(sys.stderr)
        self._started = time.monotonic()
        self._next = self._started + _DELAY_S
        self._is_visible = False

    def show(self, records: int) -> None:
        """Show the number of records so far and their rate since the start, in place of the line before.

        A call before the next update is due (2 s after the start, then every 0.5 s) does nothing and is cheap. Nothing
        is written where stderr is no terminal, and nothing is raised.
        """
        if not self._is_enabled:
            return
        now = time.monotonic()
        if now >= self._next:
            pace = records / (now - self._started)
            people.write(f"{_CLEAR_LINE}{records:,} records, {pace:,.0f} a second")
            self._next = now + _INTERVAL_S
            self._is_visible = True

    def __enter__(self) -> Progress:
        """Return this object; the clock does not start again."""
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the line, if it was shown; errors pass through."""
        if self._is_visible:
            people.write(_CLEAR_LINE)
