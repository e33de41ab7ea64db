"""Messages for people on stderr: errors with hints, warnings, notes, and questions.

With -o json and -o jsonl each message but a question is one JSON object on a line.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import TextIO

from kafkactl.errors import KafkactlError, OperationError, UsageError
from kafkactl.escaping import escape_for_terminal, hide_in_urls

_RED, _YELLOW, _PLAIN = "\033[1;31m", "\033[33m", "\033[0m"


_LONGEST = 4000
"""Largest number of characters of a message that are shown, because it can have a long name or value from a file."""

as_json: ContextVar[bool] = ContextVar("as_json", default=False)
"""Whether messages are lines of JSON, as with -o json and -o jsonl."""


failures: ContextVar[list[KafkactlError] | None] = ContextVar("failures", default=None)
"""In Kafka's style the list that collects errors, which are then printed in the words of Kafka's tool; else None."""


def is_kafka_style() -> bool:
    """Return whether the command runs in the place of one of Kafka's tools."""
    return failures.get() is not None


def error(failure: KafkactlError) -> None:
    """Write an error to stderr: `error: what failed: why`, and `hint: what to do` where there is a hint.

    Each is one line, cut to 4000 characters, with passwords in URLs hidden. As JSON it is one object on a line with
    error, hint, status and code, not cut, also with passwords hidden; hint and code are null where the error has none.
    A stderr that cannot be written is ignored. In Kafka's style the error is only kept in `failures`.
    """
    if (kept := failures.get()) is not None:
        kept.append(failure)
        return
    if as_json.get():
        code = failure.code if isinstance(failure, OperationError) else None
        _write_object({"error": str(failure), "hint": failure.hint, "status": failure.status, "code": code})
        return
    _write_line("error:", _RED, str(failure))
    if failure.hint:
        _write_line("hint:", _YELLOW, failure.hint)


def warning(text: str) -> None:
    """Write a warning to stderr, on one line, as `warning: TEXT` or as the JSON object {"warning": TEXT}.

    The line is cut to 4000 characters, the JSON is not; passwords in URLs are hidden. A stderr that cannot be written
    is ignored. In Kafka's style the warning is written, too.
    """
    if as_json.get():
        _write_object({"warning": text})
        return
    _write_line("warning:", _YELLOW, text)


def note(text: str) -> None:
    """Write progress, or a closing sentence about a result, to stderr, without a label, followed by a line end.

    Unlike errors and warnings a note can have line ends and is not cut; passwords in URLs are hidden. As JSON it is
    {"note": TEXT}, on one line. A stderr that cannot be written is ignored. In Kafka's style nothing is written.
    """
    if is_kafka_style():
        return
    if as_json.get():
        _write_object({"note": text})
        return
    _write(_escape_for_stderr(hide_in_urls(text), keep_line_ends=True))


def write(text: str) -> None:
    """Write text of this program to stderr as it is, without a line end, such as a progress line that changes.

    Nothing in it is escaped. A stderr that cannot be written is ignored.
    """
    _write(text, end="")


def write_kafka_message(text: str) -> None:
    """Write a message of Kafka's own tools to stderr as text, with its own line ends and no further one.

    It is no JSON, either. Control characters of names in it are escaped where stderr is a terminal. A stderr that
    cannot be written is ignored.
    """
    _write(_escape_for_stderr(text, keep_line_ends=True), end="")


def can_ask() -> bool:
    """Return whether a person can be asked: stdin and stderr are terminals."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal; False for one that is closed."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def confirm(question: str, assume_yes: bool) -> bool:
    """Return whether the user agrees to a destructive change, which `question` names without a question mark.

    `assume_yes` agrees without a question. The question goes to stderr, and a line of stdin is the answer: y and yes,
    in any case and also between blanks, agree; any other answer, also one that is no text, and the end of stdin do not.
    Raise UsageError where nobody can be asked, because stdin or stderr is no terminal, and OSError where stdin cannot
    be read.
    """
    if assume_yes:
        return True
    if not can_ask():
        raise UsageError(
            f"{question}: not done: there is no terminal to ask at", "confirm with --yes, or preview with --dry-run"
        )
    _write(f"{_escape_for_stderr(question)}? [y/N] ", end="")
    return read_answer().strip().lower() in ("y", "yes")


def read_answer() -> str:
    """Return a line of stdin without its line end; "" at the end of stdin, and for a line that is no text.

    Raise OSError where stdin cannot be read, such as a terminal that was closed, and ValueError where `sys.stdin` was
    closed, which `can_ask` finds out.
    """
    from kafkactl.documents import read_stdin

    try:
        return read_stdin(is_line=True).decode(sys.stdin.encoding)
    except UnicodeDecodeError:
        return ""


def _write_object(value: dict[str, object]) -> None:
    """Write a message as one line of JSON to stderr; passwords in URLs are hidden in values that are texts.

    Texts inside a list or an object are not changed.
    """
    from kafkactl.output.structured import dump_json

    safe = {name: hide_in_urls(item) if isinstance(item, str) else item for name, item in value.items()}
    _write(dump_json(safe).decode())


def _write_line(label: str, colour: str, text: str) -> None:
    """Write a message as one line behind its label, cut to _LONGEST characters, with passwords in URLs hidden.

    `label` has its colon. Behind a cut text come three dots and its full length. Line feeds become blanks; other
    control characters are escaped where stderr is a terminal. The label has the `colour`, an escape code, where stderr
    is a terminal, NO_COLOR is not set and TERM is not dumb.
    """
    safe = hide_in_urls(text)  # before the cut: a password must not lose the @ behind it
    cut = safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}... ({len(text)} characters)"
    line = _escape_for_stderr(" ".join(cut.split("\n")))
    coloured = is_terminal(sys.stderr) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    _write(f"{colour}{label}{_PLAIN} {line}" if coloured else f"{label} {line}")


def _escape_for_stderr(text: str, keep_line_ends: bool = False) -> str:
    """Return text with control characters made visible, where stderr is a terminal; else the text unchanged.

    `keep_line_ends` leaves line feed and tab as they are.
    """
    return escape_for_terminal(text, keep_line_ends=keep_line_ends) if is_terminal(sys.stderr) else text


def _write(text: str, end: str = "\n") -> None:
    """Write text and `end` to stderr, and flush it.

    A message that cannot be written is lost without an error, because it must never go to stdout. Nothing is escaped or
    hidden.
    """
    with suppress(OSError, ValueError):  # ValueError: it is closed
        sys.stderr.write(text + end)
        sys.stderr.flush()
