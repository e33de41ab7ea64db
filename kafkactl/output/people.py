"""What is said to the person at the terminal, on stderr: errors with hints, notes, questions."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar

from kafkactl.errors import KafkactlError, OperationError, UsageError

_RED, _YELLOW, _PLAIN = "\033[1;31m", "\033[33m", "\033[0m"


as_json: ContextVar[bool] = ContextVar("as_json", default=False)
"""Whether messages are lines of json, which is so with -o json and -o jsonl."""


def error(failure: KafkactlError) -> None:
    """`error: what failed: why` and, when there is one, `hint: what to do`; or one object of json."""
    if as_json.get():
        code = {"code": failure.code} if isinstance(failure, OperationError) and failure.code is not None else {}
        _object({"error": str(failure), "hint": failure.hint, "status": failure.status, **code})
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
    print(text, file=sys.stderr, flush=True)


def confirm(question: str, assume_yes: bool) -> bool:
    """Asks before something is destroyed; raises UsageError where nobody can be asked."""
    if assume_yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question}: not done, for nobody can be asked here", "--yes does it, --dry-run only shows")
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _object(value: dict[str, object]) -> None:
    from kafkactl.output.structured import dump_json

    print(dump_json(value).decode(), file=sys.stderr, flush=True)


def _line(label: str, colour: str, text: str) -> None:
    one_line = " ".join(text.split("\n"))
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    print(f"{colour}{label}{_PLAIN} {one_line}" if coloured else f"{label} {one_line}", file=sys.stderr, flush=True)
