"""The signals that stop a command: INT, TERM and HUP."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from kafkactl import statuses
from kafkactl.stdout import out

WAIT_S = 8.0
"""Longest time of all waits after a signal together, in s: for the output, for commits, for deliveries."""
_DELIVERY_WAIT_S = 5.0
"""Longest wait for deliveries after a signal, in s. In the rest of WAIT_S the undelivered records are written."""
_OUTPUT_WAIT_S = 5.0
"""Longest wait for the output after a signal, in s. A reader that does not read must not prevent the commits."""
_REPORT_S = 3.0
"""Time for the reports of undelivered records after the deliveries, in s. A further signal ends later ones."""
_NUDGE_S = 0.1
_LONGEST_SELECT_S = 86_400.0
"""Longest time of one call of select(), in s. It refuses times of more than about 290 years."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """A signal has come. `status` is the exit status of that signal."""

    def __init__(self, number: int) -> None:
        """Take the number of the signal. Raise ValueError for a number that is no signal."""
        super().__init__(signal.Signals(number).name)
        self.status = statuses.get_signal_status(number)


class Stopping:
    """A context in which a signal raises StopRequestedError, with a deadline for the rest of the work.

    A signal that the process ignores already (nohup) stays ignored. A second signal ends the process at once.
    """

    def __init__(self) -> None:
        """Install nothing yet: that is done when the context is entered."""
        self.deadline: float | None = None
        """Time of time.monotonic() at which all work must have ended; None before a signal."""
        self._number: int | None = None
        """The first signal that has come."""
        self._is_finishing = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stopping:
        """Install the handlers of INT, TERM and HUP, but not of those that are ignored. Return the context itself.

        Raise ValueError outside the main thread.
        """
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Install the former handlers again, and let the output wait without a deadline. Errors pass."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        out.deadline = None

    def finish(self) -> None:
        """Let a first signal from now on be noted only: it must not interrupt the end of the work.

        A second signal still ends the process at once.
        """
        self._is_finishing = True

    @contextlib.contextmanager
    def hold_signals(self) -> Iterator[None]:
        """Delay a first signal until the end of the context, for steps that must be done together.

        At the end StopRequestedError is raised for it, unless an error passes, or finish() was called before the
        context. The deadlines begin at the signal, and a second signal still ends the process at once.
        """
        had_signal, is_finishing = self._number is not None, self._is_finishing
        self._is_finishing = True
        try:
            yield
        finally:
            self._is_finishing = is_finishing
        if self._number is not None and not (had_signal or is_finishing):
            raise StopRequestedError(self._number)

    def status(self, otherwise: int) -> int:
        """Return the exit status of the signal that has come (128 plus its number), or without a signal `otherwise`."""
        return otherwise if self._number is None else statuses.get_signal_status(self._number)

    @property
    def left_s(self) -> float:
        """Return the time that is left until the deadline, in s, never below 0; 8 s (WAIT_S) before a signal."""
        return WAIT_S if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Note a first signal, set the deadlines, and raise StopRequestedError.

        It is not raised here after finish() or inside hold_signals(). The deadlines are 8 s for all work and 5 s for
        the output. `number` is that of the signal. A second signal ends the process at once, with the status of the
        second one.
        """
        if self._number is not None:
            os._exit(statuses.get_signal_status(number))
        self._number = number
        self.deadline = time.monotonic() + WAIT_S
        out.deadline = time.monotonic() + _OUTPUT_WAIT_S
        if not self._is_finishing:
            raise StopRequestedError(number)


class NotedStopping(Stopping):
    """A context in which a signal is only noted, so that the work ends between two records.

    A second signal ends the wait for deliveries. A third one ends the process if the reports take too long.
    """

    def __init__(self) -> None:
        """Install nothing yet: that is done when the context is entered."""
        super().__init__()
        self._wake_read, self._wake_write = -1, -1
        self._signals = 0
        self._raises = False

    def __enter__(self) -> NotedStopping:
        """Install the handlers, and the pipe that ends waits at a signal. Return the context itself.

        A signal that is ignored, such as HUP under nohup, stays ignored. Raise ValueError outside the main thread, and
        OSError where no pipe can be made.
        """
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Install the former handlers again, and close the pipe. Errors pass.

        The output waits without a deadline then, and signal.set_wakeup_fd is unset, also where it was set before.
        """
        super().__exit__(kind, error, traceback)
        signal.set_wakeup_fd(-1)
        os.close(self._wake_read)
        os.close(self._wake_write)

    @property
    def is_requested(self) -> bool:
        """Return whether a signal has come."""
        return self._number is not None

    @property
    def is_over(self) -> bool:
        """Return whether the time for deliveries is over: 5 s after the first signal, at once after the second.

        It is False before a signal.
        """
        return self.deadline is not None and time.monotonic() >= self.deadline

    def wait_readable(self, descriptor: int) -> bool:
        """Wait, without a time-out, until a descriptor has bytes or its input has ended; return True then.

        Nothing is read. Return False where a signal comes first or has come before. A descriptor that is closed gives
        True, too. Raise ValueError before the context, which makes the pipe, and, unless a signal has come, OSError
        after it.
        """
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while not self.is_requested:
            ready = dict(poll.poll())
            if self._wake_read in ready:  # the handler itself runs before the next line does
                self._drain()
            elif descriptor in ready:
                return True
        return False

    def sleep(self, seconds: float) -> None:
        """Wait for a time in s, also an infinite one, or until a signal comes. After a signal do not wait.

        A wait raises ValueError before the context, which makes the pipe, and OSError after it.
        """
        end = time.monotonic() + seconds
        while not self.is_requested and (left := end - time.monotonic()) > 0:
            if select.select([self._wake_read], [], [], min(left, _LONGEST_SELECT_S))[0]:
                self._drain()

    @contextlib.contextmanager
    def raise_on_signal(self) -> Iterator[None]:
        """Let a signal raise StopRequestedError in the context, for calls that only an exception ends, such as input().

        It needs the context of the class, which makes the pipe, around it. A signal that came before the context raises
        it at once, and a further one never does. A call that a signal reaches just before its wait does not notice it;
        therefore a thread interrupts the wait again by SIGURG, whose handler is another one until the context ends.
        Raise ValueError outside the main thread.
        """
        ended = threading.Event()
        before = signal.signal(signal.SIGURG, lambda *_: None)
        nudging = threading.Thread(target=self._nudge, args=(threading.get_ident(), ended), daemon=True)
        self._raises = True
        try:
            if self._number is not None:
                raise StopRequestedError(self._number)
            nudging.start()
            yield
        finally:
            self._raises = False
            ended.set()
            if nudging.ident is not None:
                nudging.join()
            signal.signal(signal.SIGURG, before)

    def _nudge(self, thread: int, ended: threading.Event) -> None:
        """Interrupt the waits of a thread while the pipe shows a signal, every 0.1 s until `ended` is set.

        `thread` is the number of threading.get_ident().
        """
        while not ended.wait(_NUDGE_S):
            if select.select([self._wake_read], [], [], 0)[0]:
                signal.pthread_kill(thread, signal.SIGURG)

    def _drain(self) -> None:
        """Take up to 64 bytes out of the pipe that signals write to. An empty pipe is no error."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 64)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Note a signal: the first gives deliveries 5 s, the second ends their time, a third may end the process.

        `number` is that of the signal. The first raises StopRequestedError only inside raise_on_signal(). A third or
        later one ends the process only 3 s after the end of the deliveries, because an earlier end would lose reports.
        """
        self._signals += 1
        if self._signals == 1:
            self._number = number
            self.deadline = time.monotonic() + _DELIVERY_WAIT_S
            if self._raises:
                raise StopRequestedError(number)
        elif self._signals == 2:
            self.deadline = time.monotonic()
        elif time.monotonic() > (self.deadline or 0) + _REPORT_S:  # an earlier end would lose reports
            os._exit(statuses.get_signal_status(number))
