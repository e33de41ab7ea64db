"""Filters of records: by key, value and headers, and by conditions on values that are JSON."""

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
from kafkactl.streams.record import read_headers

RecordFilter = Callable[[Any], bool]
"""Function that returns whether a message passes."""

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


def make_text_filter(pattern: str, part: str, format: Format) -> RecordFilter:
    """Return a filter for records whose key or value has a match of a regular expression.

    `part` is key or value. A record whose part is null, or not of its `format`, does not pass. Raise UsageError for an
    invalid pattern.
    """
    load_compiled = compile_pattern(pattern, f"--{part}-matches")

    def passes(message: Any) -> bool:
        text = _decode(getattr(message, part)(), format)
        return text is not None and load_compiled.search(text) is not None

    return passes


def make_header_filter(text: str) -> RecordFilter:
    """Return a filter for records with a header: NAME, or NAME=REGEX for one whose value has a match.

    Raise UsageError for an invalid pattern.
    """
    name, equals, pattern = text.partition("=")
    load_compiled = compile_pattern(pattern, "--header-matches")

    def passes(message: Any) -> bool:
        values = [value for key, value in read_headers(message) if name_bytes(key) == name_bytes(name)]
        return any(not equals or load_compiled.search((value or b"").decode(errors="replace")) for value in values)

    return passes


def make_json_filter(text: str, format: Format) -> RecordFilter:
    """Return a filter for records whose value is JSON and fulfils a condition; see parse_condition.

    Raise UsageError for an invalid condition.
    """
    condition = parse_condition(text)

    def passes(message: Any) -> bool:
        value = _decode(message.value(), format)
        if value is None:
            return False
        try:
            return condition.holds(json.loads(value))
        except (ValueError, RecursionError):
            return False

    return passes


@dataclass(frozen=True)
class Condition:
    """A path into a JSON value, and a comparison of the value there."""

    path: Sequence[str | int]
    """Names of members and indexes of elements, from the outermost one on."""
    compare: Callable[[Any, Any], bool] | None
    """Comparison with the literal; None requires only that the value is neither null nor false."""
    literal: Any = None

    def holds(self, data: Any) -> bool:
        """Return whether a JSON value fulfils the condition.

        False where the path leads nowhere, and where the types cannot be compared.
        """
        value = self._find_value(data)
        if value is _MISSING:
            return False
        if self.compare is None:
            return value not in (None, False)
        try:
            return self.compare(value, self.literal)
        except TypeError:
            return False

    def _find_value(self, data: Any) -> Any:
        """Return the value at the path, or _MISSING."""
        for step in self.path:
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                return _MISSING
        return data


def parse_condition(text: str) -> Condition:
    """Return the condition of a text like .user.id == 7, .tags[0] =~ "^a", .total >= 1.5 or .deleted.

    Raise UsageError for any other text, and for an invalid pattern.
    """
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
    """Return a compiled regular expression; raise UsageError, with the name of the option, for an invalid one."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{flag} {pattern}: no regular expression: {error}") from error


def _decode(data: bytes | None, format: Format) -> str | None:
    """Return bytes as text in a format; None for None, and for bytes that are not of the format."""
    if data is None:
        return None
    try:
        return format.to_text(data)
    except FormatError:
        return None
