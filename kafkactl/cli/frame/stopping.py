"""SIGINT and SIGTERM as an exception that does not come between printing a record and counting it as printed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# So long may what is being printed take to its end; then nobody is reading it.
_PATIENCE_S = 1.0


class Stopped(Exception):
    """A signal has come; `status` is the exit status that says which."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Stopping:
    """Runs work until a signal stops it."""

    def __init__(self) -> None:
        self._holds = False
        self._pending = 0

    def run(self, work: Callable[[], None]) -> int:
        """A status: 0, or which signal has stopped the work. Afterwards signals do what they did before."""
        before = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
        }
        try:
            work()
        except Stopped as stopped:
            return stopped.status
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
        return 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal that comes meanwhile stops the work at the end of this, or a second after it, or with the next."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
        if self._pending:
            raise Stopped(self._pending)

    def _on_signal(self, number: int, frame: Any) -> None:
        if number == signal.SIGALRM:
            number = self._pending
        elif self._holds and not self._pending:
            self._pending = number
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
            return
        raise Stopped(number)
