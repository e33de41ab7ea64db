"""Filters of records: by key, value and headers, and by conditions on values that are JSON."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError, UsageError
from kafkactl.patterns import compile_quietly
from kafkactl.serde.formats import Format, refuse_constant
from kafkactl.storage.text import name_bytes
from kafkactl.streams.record import read_headers

RecordFilter = Callable[[Any], bool]
"""Function that returns whether a message passes."""

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*) | \[(?P<index>-?[0-9]+)\] | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]""", re.VERBOSE
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda value, literal: _are_equal(value, literal),
    "!=": lambda value, literal: not _are_equal(value, literal),
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=~": lambda value, pattern: isinstance(value, str) and pattern.search(value) is not None,
}
_ORDERS = {_OPERATORS[sign] for sign in (">=", "<=", ">", "<")}
_MISSING = object()
_CONDITION_HINT = "like '.user.id == 7', '.tags[0] =~ \"^a\"' or '.deleted'"


def make_text_filter(pattern: str, part: str, format: Format) -> RecordFilter:
    """Return a filter for records whose key or value has a match of a regular expression anywhere.

    `part` is key or value, and an error names the option --key-matches or --value-matches. The filter takes a message
    and returns a bool; a record whose part is null, or not of its `format`, does not pass. Nor does one whose schema is
    not in the registry or cannot be used. Raise UsageError for an invalid pattern. The filter raises OperationError
    where no temporary file can be made or the registry refuses, and UnreachableError where it refuses the login or does
    not answer.
    """
    load_compiled = compile_pattern(pattern, f"--{part}-matches")

    def passes(message: Any) -> bool:
        """Return whether the part of a message is text with a match; False where _decode() gives None.

        The errors of _decode() pass through.
        """
        text = _decode(getattr(message, part)(), format)
        return text is not None and load_compiled.search(text) is not None

    return passes


def make_header_filter(text: str) -> RecordFilter:
    """Return a filter for records with a header: NAME, or NAME=REGEX for one whose value has a match anywhere.

    The filter takes a message and returns a bool. NAME is the exact name, up to the first =, and may be empty. Of
    several headers with the name one suffices. NAME alone takes any value. A null value counts as an empty one, and
    bytes that are not UTF-8 as replacement characters. Raise UsageError for an invalid pattern. The filter raises
    KafkactlError where the headers cannot be read, and LookupError where `read_headers_again` is needed and not set.
    """
    name, equals, pattern = text.partition("=")
    load_compiled = compile_pattern(pattern, "--header-matches")

    def passes(message: Any) -> bool:
        """Return whether a message has the header, with a match in its value where there is a pattern.

        One of several headers suffices; null counts as empty, and wrong UTF-8 as replacement characters. Raise
        KafkactlError where the headers cannot be read, and LookupError where `read_headers_again` is needed and
        not set.
        """
        values = [value for key, value in read_headers(message) if name_bytes(key) == name_bytes(name)]
        return any(not equals or load_compiled.search((value or b"").decode(errors="replace")) for value in values)

    return passes


def make_json_filter(text: str, format: Format) -> RecordFilter:
    """Return a filter for records whose value is JSON and fulfils a condition such as .user.id == 7.

    The filter takes a message and returns a bool. A value that is null or not of its `format`, that has NaN or
    Infinity, or that Python's json cannot read, does not pass. Nor does one whose schema is not in the registry or
    cannot be used. Raise UsageError for an invalid condition. The filter raises OperationError where no temporary file
    can be made or the registry refuses, and UnreachableError where it refuses the login or does not answer.
    """
    condition = parse_condition(text)

    def passes(message: Any) -> bool:
        """Return whether a message's value is JSON that fulfils the condition.

        False where _decode() gives None, whose errors pass through, and for JSON that Python's json cannot read or that
        is nested too deeply.
        """
        value = _decode(message.value(), format)
        if value is None:
            return False
        try:
            return condition.holds(json.loads(value, parse_constant=refuse_constant))
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
        """Return whether a JSON value, as Python's json has it, fulfils the condition.

        False where the path leads nowhere, also for !=, where <, >, <= or >= cannot compare the types, and where =~
        meets no text. Values of other types are unequal, also 1 and true. Without a comparison every value except null
        and false fulfils it, also 0 and an empty one. Raise RecursionError where both the value and the literal are
        nested too deeply.
        """
        value = self._find_value(data)
        if value is _MISSING:
            return False
        if self.compare is None:
            return value is not None and value is not False  # 0 equals False, but it is a value
        if self.compare in _ORDERS and isinstance(value, bool) != isinstance(self.literal, bool):
            return False  # in Python true is 1
        try:
            return self.compare(value, self.literal)
        except TypeError:
            return False

    def _find_value(self, data: Any) -> Any:
        """Return the value at the path, or _MISSING where it leads nowhere; the value itself for an empty path.

        An index below 0 counts from the end. A text has no elements.
        """
        for step in self.path:
            if isinstance(data, str):  # its characters are no elements
                return _MISSING
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                return _MISSING
        return data


def _are_equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal. Unlike in Python true is not 1; 1 and 1.0 are equal.

    Raise RecursionError where both are nested too deeply.
    """
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_equal(one[name], other[name]) for name in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def parse_condition(text: str) -> Condition:
    """Return the condition of a text PATH or PATH OPERATOR LITERAL, such as .user.id == 7, .tags[0] =~ "^a" or .gone.

    A path has steps .NAME (letters, digits, _ and -, beginning with one of A-Z, a-z and _), [INDEX] (below 0: from the
    end) and ["NAME"], with nothing between them; a "." may stand before a bracket at the beginning. "." alone is the
    whole value. The operators are ==, !=, >=, <=, >, < and =~, a regular expression that matches anywhere in a text. A
    literal is JSON; anything else is a text without quotes, which must not begin with a quote or one of = ! < > ~.
    After =~ a literal that is JSON and no string counts as text as it stands. A path alone requires a value that is
    neither null nor false. Raise UsageError for any other text, and for an invalid pattern.
    """
    rest = text.strip()
    path: list[str | int] = []
    is_whole = rest.startswith(".") and rest[1:2] != "." and not _STEP.match(rest)  # what follows is checked below
    at = 1 if is_whole else 0
    while step := _STEP.match(rest, at):
        try:
            path.append(_parse_step(step))
        except ValueError as error:
            raise UsageError(f"invalid value {text!r} for --where: {error}", _CONDITION_HINT) from error
        at = step.end()
    tail = rest[at:].strip()
    if not at or (tail and not any(tail.startswith(sign) for sign in _OPERATORS)):
        raise UsageError(f"invalid value {text!r} for --where: not a condition", _CONDITION_HINT)
    if not tail:
        return Condition(tuple(path), None)
    sign = tail[:2] if tail[:2] in _OPERATORS else tail[:1]
    literal = tail[len(sign) :].strip()
    if not literal:
        raise UsageError(
            f"invalid value {text!r} for --where: the value after {sign} is missing", f'like {sign} 7 or {sign} "a"'
        )
    try:
        value = json.loads(literal, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        if literal[0] in "\"'=!<>~":  # such as two conditions, or another language's operator
            reason = f"what stands behind {sign} is no JSON value, and a text that begins so needs quotes"
            hint = f'one condition, with a text like {sign} "a"'
            raise UsageError(f"invalid value {text!r} for --where: {reason}", hint) from error
        value = literal
    if sign == "=~":
        value = compile_pattern(value if isinstance(value, str) else literal, "--where")
    return Condition(tuple(path), _OPERATORS[sign], value)


def _parse_step(step: re.Match[str]) -> str | int:
    """Return the name or the index of a step of a path.

    Raise ValueError for a name in quotes that is not JSON, and for an index of thousands of digits.
    """
    if step["index"] is not None:
        return int(step["index"])
    return step["name"] if step["quoted"] is None else str(json.loads(step["quoted"]))


def compile_pattern(pattern: str, flag: str) -> re.Pattern[str]:
    """Return a compiled regular expression; raise UsageError, which names the option `flag`, for an invalid one.

    `flag` has its dashes. An empty expression is accepted, and has a match in every text.
    """
    try:
        return compile_quietly(pattern)
    except re.error as error:
        raise UsageError(f"invalid value {pattern!r} for {flag}: not a regular expression: {error}") from error


def _decode(data: bytes | None, format: Format) -> str | None:
    """Return bytes as text in a format; None for None, and for bytes that are not of the format.

    Bytes whose schema the registry does not have, or whose schema cannot be used, count as not of the format. Raise
    OperationError where no temporary file can be made or the registry refuses, and UnreachableError where it refuses
    the login or does not answer.
    """
    if data is None:
        return None
    try:
        return format.to_text(data)
    except FormatError:
        return None
