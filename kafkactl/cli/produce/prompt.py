"""Lines typed at a terminal, with editing and a history that is kept for the next command."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from kafkactl.cli.frame.stopping import NotedStopping, StopRequestedError
from kafkactl.output import people
from kafkactl.paths import find_data_dir
from kafkactl.stdout import out
from kafkactl.streams.stoppable import StoppableInput

PROMPT = ">"
_KEPT_LINES = 1000
_FILE = "producer_history"


class TypedLines:
    """An input of lines that are typed after a prompt. At its end the history is written to a file."""

    def __init__(self, typed: StoppableInput, stopping: NotedStopping, is_stdin: bool = True) -> None:
        """Take the input, the signals, and whether the input is standard input: readline reads no other terminal.

        Lines are edited where it is, stdout is a terminal and Python has readline; then the history is read from its
        file, and an unreadable one is ignored. `sys.stdin` keeps bytes that are no text as lone surrogates then.
        """
        self._typed, self._stopping = typed, stopping
        self.cut = b""
        """The begin of a piece that a signal ended before its end was typed."""
        self._edits = is_stdin and out.is_terminal
        if self._edits:
            try:
                import readline
            except ImportError:  # some builds of Python lack it
                self._edits = False
                return
            self._readline = readline
            if isinstance(sys.stdin, io.TextIOWrapper):  # bytes that are no text are kept
                sys.stdin.reconfigure(errors="surrogateescape")
            readline.set_auto_history(True)
            with contextlib.suppress(OSError):  # there is no history yet
                readline.read_history_file(_find_history_file())

    def read1(self, _size: int = -1) -> bytes:
        """Return one line with its end, and b"" at the end of the input or after a signal.

        With editing a line that ended just before the signal is returned, unless it is empty or equals the line before.
        Without editing a line that the end of the input (Ctrl-D) cuts has no line feed. The prompt comes before the
        line (with editing on stdout, else on stderr), and a line feed is written to stderr where no line is returned.
        Raise OSError where the input cannot be read, and, with editing, ValueError outside the main thread. `_size` is
        not used.
        """
        line = b""
        try:
            line = self._read_edited_line() if self._edits else self._read_plain_line()
        finally:
            if not line:
                people.write("\n")  # ends the line of the prompt
        return line

    def finish_piece(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, whose bytes are `begun`; after a signal keep them in `cut`, and return b"".

        `delimiter` is not used.
        """
        return self._unless_cut(begun)

    def finish_row(self, begun: bytes) -> bytes:
        """Return b"", because nothing more was typed; after a signal `begun` goes into `cut`, before its bytes."""
        self._unless_cut(begun + self.cut)
        return b""

    def fill_up(self, begun: bytes, size: int) -> bytes:
        """Return the typed bytes, which are `begun` and may be fewer than `size`.

        Fewer bytes are kept in `cut` after a signal, and the result is b"".
        """
        return begun if len(begun) >= size else self._unless_cut(begun)

    def _unless_cut(self, begun: bytes) -> bytes:
        """Return a piece; after a signal keep it in `cut` and return b"" instead."""
        if not self._stopping.is_requested:
            return begun
        self.cut = begun
        return b""

    def __enter__(self) -> TypedLines:
        """Return the input itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write the history of edited lines, the last 1000, to a file of the user. A failure of that is ignored.

        Without editing nothing is written. An error of the block goes on.
        """
        if not self._edits:
            return
        self._readline.set_history_length(_KEPT_LINES)
        with contextlib.suppress(OSError):  # the command has succeeded without a history, too
            find_data_dir().mkdir(parents=True, exist_ok=True)
            os.close(
                os.open(_find_history_file(), os.O_CREAT | os.O_WRONLY, 0o600)
            )  # only the user may read the history
            self._readline.write_history_file(_find_history_file())

    def _read_edited_line(self) -> bytes:
        """Return a line that was typed with editing, with its end; b"" at the end of the input and after a signal.

        A line goes into the history unless it is empty or equals the line before. A line that ended just before the
        signal is returned only if it went into the history. Raise ValueError outside the main thread.
        """
        before = self._readline.get_current_history_length()
        try:
            with self._stopping.raise_on_signal():
                return _encode_line(input(PROMPT))
        except EOFError:
            return b""
        except StopRequestedError:
            # The line may have ended just before the signal: then only the history has it.
            now = self._readline.get_current_history_length()
            return _encode_line(self._readline.get_history_item(now)) if now > before else b""

    def _read_plain_line(self) -> bytes:
        """Print the prompt on stderr and return a line that was typed without editing, with its end.

        A line that Ctrl-D ends has no line feed. The result is b"" at the end of the input and after a signal. Raise
        OSError where the input cannot be read.
        """
        people.write(PROMPT)
        return self._typed.read1()  # a terminal gives one line at a time


def _encode_line(line: str) -> bytes:
    """Return a line as UTF-8 with a line feed; lone surrogates become the bytes that they stand for."""
    return line.encode("utf-8", "surrogateescape") + b"\n"


def _find_history_file() -> str:
    """Return the path of the history. The file need not exist."""
    return str(find_data_dir() / _FILE)
