"""Lines typed at a terminal, with editing and a history that outlives the command."""

from __future__ import annotations

import contextlib
import os
from typing import BinaryIO

from kafkactl.output import people
from kafkactl.paths import data_dir
from kafkactl.stdout import out

PROMPT = ">"
_KEPT_LINES = 1000
_FILE = "producer_history"


class TypedLines:
    """What stdin's `read1` gives, a line at a time after a prompt; history is kept when it is closed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
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

    def __enter__(self) -> TypedLines:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._edits:
            return
        self._readline.set_history_length(_KEPT_LINES)
        with contextlib.suppress(OSError):  # no place to keep it is no reason to fail
            data_dir().mkdir(parents=True, exist_ok=True)
            os.close(os.open(_history(), os.O_CREAT | os.O_WRONLY, 0o600))  # what was typed is nobody else's
            self._readline.write_history_file(_history())

    def _edited(self) -> bytes:
        try:
            return input(PROMPT).encode("utf-8", "surrogateescape") + b"\n"
        except EOFError:
            return b""

    def _plain(self) -> bytes:
        people.write(PROMPT)
        return self._stream.readline()


def _history() -> str:
    return str(data_dir() / _FILE)
