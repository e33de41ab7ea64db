"""Signals that stop a command which goes on until it is stopped: INT, TERM and HUP."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any

from kafkactl import statuses
from kafkactl.stdout import out

WAIT_S = 8.0
"""All waits after a signal take at most so long together: for the output, for commits, for deliveries."""
_OUTPUT_WAIT_S = 5.0
"""The output may take so much of it: a reader that has stopped must not cost the commits."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """A signal has come. `status` is the exit status that names it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = statuses.of_signal(number)


class Stopping:
    """Raises StopRequestedError where a signal finds the work, and bounds what is finished after it.

    A signal that the process ignores already (nohup) stays ignored. A second signal ends the process at once.
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        """Time of time.monotonic() when everything must have ended; None before a signal."""
        self._status: int | None = None
        self._is_finishing = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stopping:
        """Install the handlers."""
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        out.deadline = None

    def finish(self) -> None:
        """From now on a first signal is only noted: what is being finished must not be interrupted."""
        self._is_finishing = True

    def status(self, otherwise: int) -> int:
        """Return the status of the signal that has come, or the other one."""
        return otherwise if self._status is None else self._status

    @property
    def left_s(self) -> float:
        """Return how many seconds are left; WAIT_S before a signal."""
        return WAIT_S if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._status is not None:
            os._exit(statuses.of_signal(number))
        self._status = statuses.of_signal(number)
        self.deadline = time.monotonic() + WAIT_S
        out.deadline = time.monotonic() + _OUTPUT_WAIT_S
        if not self._is_finishing:
            raise StopRequestedError(number)
