"""Lines typed at a terminal, with editing and a history that outlives the command."""

from __future__ import annotations

import contextlib
import os

from kafkactl.cli.frame.stopping import NotedStopping, StopRequestedError
from kafkactl.output import people
from kafkactl.paths import find_data_dir
from kafkactl.stdout import out
from kafkactl.streams.stoppable import StoppableInput

PROMPT = ">"
_KEPT_LINES = 1000
_FILE = "producer_history"


class TypedLines:
    """What is typed, a line at a time after a prompt; history is kept when it is closed."""

    def __init__(self, typed: StoppableInput, stopping: NotedStopping) -> None:
        self._typed, self._stopping = typed, stopping
        self.cut = b""
        """What was typed of a piece whose end was not typed any more."""
        self._edits = out.is_terminal
        if self._edits:
            import readline

            self._readline = readline
            readline.set_auto_history(True)
            with contextlib.suppress(OSError):  # none yet
                readline.read_history_file(_history())

    def read1(self, _size: int = -1) -> bytes:
        """One line with its end; nothing at the end of what is typed."""
        line = b""
        try:
            line = self._edited() if self._edits else self._plain()
        finally:
            if not line:
                people.write("\n")  # the prompt's own line ends here
        return line

    def finish_piece(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece; nothing for one that a signal cut."""
        return self._unless_cut(begun)

    def finish_row(self, begun: bytes) -> bytes:
        """Return nothing: more was not typed."""
        self._unless_cut(begun + self.cut)
        return b""

    def fill_up(self, begun: bytes, size: int) -> bytes:
        """Return what was typed; nothing for a piece that a signal cut."""
        return begun if len(begun) >= size else self._unless_cut(begun)

    def _unless_cut(self, begun: bytes) -> bytes:
        if not self._stopping.is_requested:
            return begun
        self.cut = begun
        return b""

    def __enter__(self) -> TypedLines:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._edits:
            return
        self._readline.set_history_length(_KEPT_LINES)
        with contextlib.suppress(OSError):  # no place to keep it is no reason to fail
            find_data_dir().mkdir(parents=True, exist_ok=True)
            os.close(os.open(_history(), os.O_CREAT | os.O_WRONLY, 0o600))  # what was typed is nobody else's
            self._readline.write_history_file(_history())

    def _edited(self) -> bytes:
        before = self._readline.get_current_history_length()
        try:
            with self._stopping.raising():
                return _encoded(input(PROMPT))
        except EOFError:
            return b""
        except StopRequestedError:
            # A line may just have been ended: then it is in the history and nowhere else.
            now = self._readline.get_current_history_length()
            return _encoded(self._readline.get_history_item(now)) if now > before else b""

    def _plain(self) -> bytes:
        people.write(PROMPT)
        return self._typed.read1()  # a terminal gives one line at a time


def _encoded(line: str) -> bytes:
    return line.encode("utf-8", "surrogateescape") + b"\n"


def _history() -> str:
    return str(find_data_dir() / _FILE)
