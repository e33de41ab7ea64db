"""What is said to the person at the terminal, on stderr: errors with hints, notes, questions."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from contextvars import ContextVar

from kafkactl.errors import KafkactlError, OperationError, UsageError
from kafkactl.escaping import escape_for_terminal, hide_in_urls

_RED, _YELLOW, _PLAIN = "\033[1;31m", "\033[33m", "\033[0m"


_LONGEST = 4000
"""Characters of a message that are shown; a name or a value from a file can be longer."""

as_json: ContextVar[bool] = ContextVar("as_json", default=False)
"""Whether messages are lines of json, which is so with -o json and -o jsonl."""


def error(failure: KafkactlError) -> None:
    """`error: what failed: why` and, when there is one, `hint: what to do`; or one object of json."""
    if as_json.get():
        code = failure.code if isinstance(failure, OperationError) else None
        _object({"error": str(failure), "hint": failure.hint, "status": failure.status, "code": code})
        return
    _line("error:", _RED, str(failure))
    if failure.hint:
        _line("hint:", _YELLOW, failure.hint)


def warning(text: str) -> None:
    if as_json.get():
        _object({"warning": text})
        return
    _line("warning:", _YELLOW, text)


def note(text: str) -> None:
    """Progress, or a result's closing word."""
    if as_json.get():
        _object({"note": text})
        return
    _write(_for_terminal(text, keep_line_ends=True))


def write(text: str) -> None:
    """Write text of this program to stderr as it is: lines of progress that are written again and again."""
    _write(text, end="")


def kafka_message(text: str) -> None:
    """Write a message of Kafka's own tools to stderr, with its own line ends; it may hold names from outside."""
    _write(_for_terminal(text, keep_line_ends=True), end="")


def can_ask() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, assume_yes: bool) -> bool:
    """Asks before something is destroyed; raises UsageError where nobody can be asked."""
    if assume_yes:
        return True
    if not can_ask():
        raise UsageError(f"{question}: not done, for nobody can be asked here", "--yes does it, --dry-run only shows")
    _write(f"{_for_terminal(question)}? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _object(value: dict[str, object]) -> None:
    from kafkactl.output.structured import dump_json

    shown = {name: hide_in_urls(item) if isinstance(item, str) else item for name, item in value.items()}
    _write(dump_json(shown).decode())


def _line(label: str, colour: str, text: str) -> None:
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
    line = _for_terminal(hide_in_urls(" ".join(cut.split("\n"))))
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    _write(f"{colour}{label}{_PLAIN} {line}" if coloured else f"{label} {line}")


def _for_terminal(text: str, keep_line_ends: bool = False) -> str:
    """Return text with control characters made visible, where stderr is a terminal."""
    return escape_for_terminal(text, keep_line_ends=keep_line_ends) if sys.stderr.isatty() else text


def _write(text: str, end: str = "\n") -> None:
    """Write to stderr. A message that cannot be written is lost: stdout is no place for it."""
    with suppress(OSError):
        sys.stderr.write(text + end)
        sys.stderr.flush()
