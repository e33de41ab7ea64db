"""The csv file of a reset as kafka-consumer-groups reads it: with the Java library Jackson.

Unlike `offset_files.parse_csv` this reader takes what Kafka's tool takes, and refuses it in the same words: missing
numbers are 0, and of two lines for a partition the last one counts.

Reference: org.apache.kafka.tools.OffsetsUtils.parseResetPlan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kafkactl.admin.models import Partition
from kafkactl.errors import KafkactlError
from kafkactl.patterns import JAVA_BLANKS

_CLASSES = "org.apache.kafka.tools.consumer.group.CsvUtils$CsvRecord"
_MISMATCH = "com.fasterxml.jackson.databind.exc.MismatchedInputException"
_BAD_FORMAT = "com.fasterxml.jackson.databind.exc.InvalidFormatException"
_TOO_MANY = "com.fasterxml.jackson.dataformat.csv.CsvReadException"
_BAD_TEXT = "com.fasterxml.jackson.core.JsonParseException"
_FIELDS = ("group", "topic", "partition", "offset")
_TYPES = {"partition": ("int", 31), "offset": ("long", 63)}
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"[\x00-\x0c\x0e-\x20]*')


class PlanFileError(KafkactlError):
    """A file of a reset that Kafka's tool refuses: the message of the Java exception, and its class."""

    def __init__(self, message: str, exception: str, trace: str = "") -> None:
        """Take the message, the full name of the class, and the stack trace that the tool prints before."""
        super().__init__(message)
        self.exception = exception
        self.trace = trace


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """The offsets in a file of a reset."""

    offsets: Mapping[str, Mapping[Partition, int]]
    """New offsets by group."""
    trace: str
    """The first lines of the stack trace that Kafka's tool prints while it reads the file, or empty."""


def read_plan(path: Path, groups: Sequence[str]) -> PlanFile:
    """Return the offsets in a file.

    `groups` are the values of --group, none for --all-groups; `-` is a file of this name.

    The lines of a single group may be topic,partition,offset; else they are group,topic,partition,offset. The first
    line decides. Where it is no topic,partition,offset, `trace` of the result is the text of that exception, also with
    many groups; else it is empty. Missing numbers and null are 0, and of two lines for a partition the last one counts.
    Names are not checked: a group in the file that `groups` does not have is in the result, too. A partition may be
    negative. Empty lines at the end do not count; a file of LFs alone has no offsets. Outside quotes a CR hides the
    rest of its line, and a line that begins with a CR counts, as empty texts and zeros.

    Raise PlanFileError for a file that cannot be read or is empty, a line of another form, also an empty one before
    others, and a negative offset; bytes that are not UTF-8 are replaced.
    """
    try:
        text = path.read_bytes().decode(errors="replace")
    except (OSError, ValueError):  # ValueError: a path with a NUL character
        raise PlanFileError(f"java.io.IOException: Unable to read file {path}", "java.lang.RuntimeException") from None
    lines = text.split("\n")
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    if text.startswith("\n") and lines == [""]:
        return PlanFile(offsets={}, trace="")
    trace = _find_problem(lines[0])
    with_group = len(groups) != 1 or bool(trace)
    offsets: dict[str, dict[Partition, int]] = {}
    for line in lines:
        try:
            group, topic, number, offset = _read_line(line, with_group)
        except PlanFileError as error:
            raise PlanFileError(f"{error.exception}: {error}", "java.lang.RuntimeException", trace) from None
        if offset < 0:
            raise PlanFileError("Invalid negative offset", "java.lang.IllegalArgumentException", trace)
        offsets.setdefault(group if with_group else groups[0], {})[topic, number] = offset
    return PlanFile(offsets=offsets, trace=trace)


def _find_problem(line: str) -> str:
    """Return the text of the exception, with a line end, for a line that is not topic,partition,offset.

    It is empty for a line that is, also with missing values. An empty line has an exception.
    """
    try:
        _read_line(line, with_group=False)
    except PlanFileError as error:
        return f"{error.exception}: {error}\n"
    return ""


def _read_line(line: str, with_group: bool) -> tuple[str, str, int, int]:
    """Return group, topic, partition and offset of a line; the group is empty without `with_group`.

    `line` has no LF; it ends at a CR outside quotes. Numbers may be negative. Missing texts are empty; missing numbers
    and null are 0. One value too many that is empty or blank is ignored. A line with only a CR has empty texts and
    zeros. Raise PlanFileError for an empty line, a wrong quote, other text in place of a number, a partition beyond 32
    bits, an offset beyond 64 bits, a number of more than 19 digits, and too many values.
    """
    if not line:
        raise PlanFileError(f"No content to map due to end-of-input{_place('UNKNOWN', 'UNKNOWN')}", _MISMATCH)
    fields = _FIELDS if with_group else _FIELDS[1:]
    values: dict[str, str] = {}
    numbers = {"partition": 0, "offset": 0}
    at, is_last = 0, False
    while not is_last:
        value, end = _read_value(line, at)
        is_last = not line.startswith(",", end)
        if len(values) < len(fields):
            field = fields[len(values)]
            values[field] = value
            if field in numbers:
                numbers[field] = _read_number(value, field, at + 1, with_group)
        elif (value := value.strip(JAVA_BLANKS)) or not is_last:
            count = len(fields)
            entry = f'(value #{count} ({len(value)} chars) "{value}")'
            reason = f"Too many entries: expected at most {count} {entry}{_place(1, at + 1)}"
            raise PlanFileError(reason, _TOO_MANY)
        at = end + 1
    return values.get("group", ""), values.get("topic", ""), numbers["partition"], numbers["offset"]


def _read_value(line: str, at: int) -> tuple[str, int]:
    """Return the value that begins at this place, without quotes, and the place of the comma or CR behind it.

    Without these the place is the end of the line. A quote counts only at the place itself; inside quotes a doubled
    quote stands for one, and a CR is text. Blanks after a quoted value are skipped, others stay. At the end of the line
    the value is empty. Raise PlanFileError for a quote without its end, and for text behind it.
    """
    if not line.startswith('"', at):
        end = min((place for place in (line.find(",", at), line.find("\r", at)) if place >= 0), default=len(line))
        return line[at:end], end
    match = _QUOTED.match(line, at)
    if match is None:
        place = _place(1 + line.count("\r"), len(line) - line.rfind("\r"))
        raise PlanFileError(f"Missing closing quote for value{place}", _BAD_TEXT)
    end = match.end()
    if end < len(line) and line[end] not in ",\r":
        char = f"'{line[end]}' (code {ord(line[end])})"
        reason = f"Unexpected character ({char}): Expected column separator character (',' (code 44)) or end-of-line"
        place = _place(1 + line.count("\r", 0, end), end - line.rfind("\r", 0, end) + 1)
        raise PlanFileError(f"{reason}{place}", _BAD_TEXT)
    return match[1].replace('""', '"'), end


def _read_number(text: str, field: str, column: int, with_group: bool) -> int:
    """Return a partition (32 bits) or an offset (64 bits), 0 for no text and for null.

    A sign and blanks around it are allowed, and at most 19 digits. `field` is "partition" or "offset"; `column` and
    `with_group` are for the error. Raise PlanFileError for any other text, also NULL.
    """
    kind, bits = _TYPES[field]
    digits = text.strip(JAVA_BLANKS)
    if digits in ("", "null"):
        return 0
    if re.fullmatch(r"[-+]?[0-9]{1,19}", digits) and -(1 << bits) <= int(digits) < 1 << bits:
        return int(digits)
    record = f'{_CLASSES}{"With" if with_group else "No"}Group["{field}"]'
    raise PlanFileError(
        f'Cannot deserialize value of type `{kind}` from String "{digits}": not a valid `{kind}` value'
        f"{_place(1, column)} (through reference chain: {record})",
        _BAD_FORMAT,
    )


def _place(line: int | str, column: int | str) -> str:
    """Return the place of a problem as Jackson shows it, on a line of its own: it begins with a line end."""
    return f"\n at [Source: (StringReader); line: {line}, column: {column}]"
