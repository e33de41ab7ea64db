"""Which records are wanted: by key, value and headers, and by what is in values that are JSON."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.storage.text import name_bytes
from kafkactl.streams.record import headers_of

Wanted = Callable[[Any], bool]
"""Whether a message is wanted."""

_STEP = re.compile(r"""\.(?P<name>[A-Za-z_][\w-]*) | \[(?P<index>-?\d+)\] | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]""", re.X)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=~": lambda value, pattern: isinstance(value, str) and pattern.search(value) is not None,
}
_MISSING = object()


def by_text(pattern: str, part: str, format: Format) -> Wanted:
    """Records whose `part`, key or value, has a match of a regular expression; none where it is null or no `format`."""
    compiled = compile_pattern(pattern, f"--{part}-matches")

    def is_wanted(message: Any) -> bool:
        text = _text(getattr(message, part)(), format)
        return text is not None and compiled.search(text) is not None

    return is_wanted


def by_header(text: str) -> Wanted:
    """Records with a header, NAME, or with one that has a match, NAME=REGEX."""
    name, equals, pattern = text.partition("=")
    compiled = compile_pattern(pattern, "--header-matches")

    def is_wanted(message: Any) -> bool:
        values = [value for key, value in headers_of(message) if name_bytes(key) == name_bytes(name)]
        return any(not equals or compiled.search((value or b"").decode(errors="replace")) for value in values)

    return is_wanted


def by_json(text: str, format: Format) -> Wanted:
    """Records whose value is JSON and fulfils .path.to[0].field OPERATOR LITERAL, or has a true value at that path."""
    condition = parse_condition(text)

    def is_wanted(message: Any) -> bool:
        value = _text(message.value(), format)
        if value is None:
            return False
        try:
            return condition.holds(json.loads(value))
        except (ValueError, RecursionError):
            return False

    return is_wanted


@dataclass(frozen=True)
class Condition:
    """A place in JSON, and what is to be there."""

    path: Sequence[str | int]
    compare: Callable[[Any, Any], bool] | None
    literal: Any = None

    def holds(self, data: Any) -> bool:
        """Whether it is so; what is not there, or of another type, is not."""
        found = self._at_path(data)
        if found is _MISSING:
            return False
        if self.compare is None:
            return found not in (None, False)
        try:
            return self.compare(found, self.literal)
        except TypeError:
            return False

    def _at_path(self, data: Any) -> Any:
        for step in self.path:
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                return _MISSING
        return data


def parse_condition(text: str) -> Condition:
    """Like .user.id == 7, .tags[0] =~ "^a", .total >= 1.5, .deleted; raises UsageError."""
    rest = text.strip()
    path: list[str | int] = []
    at = 1 if rest == "." or rest[:2] in (". ", ".[") else 0
    while step := _STEP.match(rest, at):
        index, quoted = step["index"], step["quoted"]
        path.append(int(index) if index is not None else json.loads(quoted) if quoted is not None else step["name"])
        at = step.end()
    tail = rest[at:].strip()
    if not at or (tail and not any(tail.startswith(sign) for sign in _OPERATORS)):
        raise UsageError(f"--where {text}: not a condition", "like '.user.id == 7', '.tags[0] =~ \"^a\"' or '.deleted'")
    if not tail:
        return Condition(tuple(path), None)
    sign = tail[:2] if tail[:2] in _OPERATORS else tail[:1]
    literal = tail[len(sign) :].strip()
    if not literal:
        raise UsageError(
            f"--where {text}: nothing stands after {sign}", f'a value is missing, like {sign} 7 or {sign} "a"'
        )
    try:
        value = json.loads(literal)
    except (ValueError, RecursionError):
        value = literal  # a word without quotes
    if sign == "=~":
        value = compile_pattern(str(value), "--where")
    return Condition(tuple(path), _OPERATORS[sign], value)


def compile_pattern(pattern: str, flag: str) -> re.Pattern[str]:
    """Raises UsageError."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{flag} {pattern}: no regular expression: {error}") from error


def _text(data: bytes | None, format: Format) -> str | None:
    if data is None:
        return None
    try:
        return format.to_text(data)
    except FormatError:
        return None
