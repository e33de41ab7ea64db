"""Records from lines of text, by the properties of Kafka's console producer.

Reference: org.apache.kafka.tools.LineMessageReader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import ClassVar

from kafkactl.errors import FormatError, UsageError
from kafkactl.patterns import compile_quietly
from kafkactl.serde.formats import STRING, Format
from kafkactl.storage.text import jvm_text, name_text
from kafkactl.streams.properties import fill_defaults, is_true
from kafkactl.streams.record import Batch, Headers, Record, decode_header_name

_IGNORE = "take this line as a value without a key: --property ignore.error=true"


class LineReader:
    """Reader of lines as [headers DELIMITER] [key SEPARATOR] value.

    The names and defaults of the properties are in DEFAULTS. Raise UsageError for unknown properties and invalid
    values.
    """

    DEFAULTS: ClassVar[Mapping[str, str]] = {
        "parse.key": "false",
        "key.separator": "\t",
        "parse.headers": "false",
        "headers.delimiter": "\t",
        "headers.separator": ",",
        "headers.key.separator": ":",
        "null.marker": "",
        "ignore.error": "false",
    }

    def __init__(
        self, properties: Mapping[str, str], key_format: Format, value_format: Format, as_kafka: bool = False
    ) -> None:
        """Take the properties and the formats of keys and values; missing properties have their default.

        With `as_kafka` headers.separator is a regular expression, an empty text of headers is one empty header, and
        errors are in the words of Kafka's reader.

        The properties are parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
        headers.key.separator, null.marker and ignore.error. Escapes in the values, such as a backslash and t, are
        replaced.

        Raise UsageError for an unknown property, a value other than true or false where one is needed, two equal
        separators of headers, and a null marker that equals a separator, also where parse.key and parse.headers are
        false. key.separator may equal a separator of headers. Without null.marker no text stands for null; an empty one
        makes empty texts null. An empty separator is found at the beginning, so the part before it is empty; an empty
        headers.separator splits between all characters. With `as_kafka` raise re.error for an expression that Python
        does not take. Raise UnicodeEncodeError for a separator or a null marker with a surrogate.
        """
        settings = fill_defaults(properties, self.DEFAULTS, "reader")
        _require_different(settings, "null.marker" in properties)
        self._parse_key = is_true(settings, "parse.key")
        self._parse_headers = is_true(settings, "parse.headers")
        self._ignore_error = is_true(settings, "ignore.error")
        self._key_separator = settings["key.separator"].encode()
        self._headers_delimiter = settings["headers.delimiter"].encode()
        self._headers_separator = settings["headers.separator"].encode()
        self._headers_key_separator = settings["headers.key.separator"].encode()
        self._null_marker = settings["null.marker"].encode() if "null.marker" in properties else None
        self._pattern = compile_quietly(settings["headers.separator"]) if as_kafka else None
        self._key, self._value = key_format.from_input, value_format.from_input
        self._is_plain = (
            not self._parse_headers and self._null_marker is None and key_format.name == value_format.name == STRING
        )

    @property
    def splits_only(self) -> bool:
        """Return whether each line is only split into key and value, or taken as the value, and never decoded.

        False also with ignore.error, and for an empty separator.
        """
        return self._is_plain and not self._ignore_error and self.separator != b""

    @property
    def separator(self) -> bytes | None:
        """Return the bytes between key and value, or None where lines have no keys. They may be empty."""
        return self._key_separator if self._parse_key else None

    def read_all(self, lines: Sequence[bytes], first: int, batch: Batch) -> None:
        """Add lines, without their ends, to `batch` as records.

        `first` is the number of the first line. Where lines are taken whole as values, without conversion, the records
        have no `key`. Where lines are only split, the number in an error also counts the records that were in `batch`
        before. Raise FormatError for a line that is no record, and OperationError, UnreachableError or UsageError of a
        format of a schema registry; the records before it were added.
        """
        add = batch.append
        if not self._is_plain:
            for number, line in enumerate(lines, first):
                add(self.read(line, number))
        elif not self._parse_key:
            batch += [{"value": line} for line in lines]
        else:
            separator = self._key_separator
            for line in lines:
                key, separator_in_line, value = line.partition(separator) if separator else (b"", b" ", line)
                add({"key": key, "value": value} if separator_in_line else self.read(line, first + len(batch)))

    def read(self, line: bytes, number: int) -> Record:
        """Return one line, without its end, as a record. Key, value and headers' values are None for the null marker.

        The line is [headers DELIMITER] [key SEPARATOR] value; which parts it has, the properties say. A key that it
        does not have is None, too, and headers are absent then, and also where they are the null marker. An empty text
        of headers is an empty list; with `as_kafka` it is one header without a separator.

        Raise FormatError, with `number` as the number of the line, for a missing delimiter or separator (where errors
        are ignored, that part is absent, and a header without a separator has a null value), for a null name of a
        header, and for a key or value that is not of its format. Formats of a schema registry also raise
        OperationError, UnreachableError and UsageError. With `as_kafka` the messages about a null name, a key or a
        value have no number.
        """
        record: Record = {"key": None, "value": None}
        packed_headers: bytes | None = None
        packed_key: bytes | None = None
        rest = line
        try:
            if self._parse_headers:
                packed_headers, rest = self._split(rest, self._headers_delimiter, "headers delimiter", line, number)
            if self._parse_key:
                packed_key, rest = self._split(rest, self._key_separator, "key separator", line, number)
            if packed_headers is not None and packed_headers != self._null_marker:
                record["headers"] = self._read_headers(packed_headers, number)  # after the key, as in Kafka's reader
            record["key"] = None if packed_key is None else self._read_or_null(packed_key, self._key)
            record["value"] = self._read_or_null(rest, self._value)
        except FormatError as error:
            if self._pattern is not None:
                raise
            raise FormatError(f"line {number}: {error}", error.hint) from error
        return record

    def _split(
        self, text: bytes, separator: bytes, subject: str, line: bytes | None, number: int
    ) -> tuple[bytes | None, bytes]:
        """Return the text before and after a separator; None before it where it is missing and errors are ignored.

        The first separator counts. Where it is missing, the whole text comes after it. An empty separator is found at
        the beginning. `subject` names the separator in the message; `line`, None for a header, and its `number` are for
        the message of Kafka's reader. Raise FormatError where the separator is missing and errors are not ignored.
        """
        if not separator:  # an empty separator is at the beginning
            return b"", text
        before, separator_in_text, after = text.partition(separator)
        if separator_in_text:
            return before, after
        if self._ignore_error:
            return None, text
        if self._pattern is not None:
            place = f"on line number {number}"
            shown = jvm_text(text if line is None else line)
            raise FormatError(
                f"No {subject} found in pair '{shown}' {place}"
                if line is None
                else f"No {subject} found {place}: '{shown}'"
            )
        raise FormatError(f"no {subject} {separator.decode()!r} in {text.decode(errors='replace')[:80]!r}", _IGNORE)

    def _read_headers(self, packed: bytes, number: int) -> Headers:
        """Return the headers of the line with this number, in their order.

        An empty text has no headers; with `as_kafka` it is one empty header. A value that equals the null marker is
        None, and a name that is not UTF-8 is bytes. Raise FormatError for a null name, and for a header without a
        separator. Where errors are ignored, a header without a separator has its whole text as the name, also the null
        marker, and None as the value; a null name before a separator is still an error. `number` is only for the
        message of Kafka's reader.
        """
        headers: Headers = []
        for pair in self._split_headers(packed):
            name, value = self._split(pair, self._headers_key_separator, "header key separator", None, number)
            if name is None:
                headers.append((decode_header_name(pair), None))
                continue
            if name == self._null_marker:
                if self._pattern is not None:
                    marker = jvm_text(name)
                    raise FormatError(
                        f"Header keys should not be equal to the null marker '{marker}' as they can't be null"
                    )
                raise FormatError(f"a header's key is the null marker {name.decode()!r}, and cannot be null")
            headers.append((decode_header_name(name), self._read_or_null(value, bytes)))
        return headers

    def _split_headers(self, packed: bytes) -> list[bytes]:
        """Return the texts between the separators of headers, without empty ones at the end, as Java splits.

        With `as_kafka` the separator is a regular expression. Otherwise an empty separator splits between all
        characters, and bytes that are not UTF-8 become U+FFFD then. An empty text gives no texts; with `as_kafka` it
        gives one empty text.
        """
        if self._pattern is not None:
            return [
                part.encode("utf-8", "surrogateescape") for part in _split_as_java(self._pattern, name_text(packed))
            ]
        separator = self._headers_separator
        # An empty separator splits between all characters, as in Java.
        pairs = (
            packed.split(separator)
            if separator
            else [character.encode() for character in packed.decode(errors="replace")]
        )
        while pairs and not pairs[-1]:  # Java's split drops empty strings at the end
            pairs.pop()
        return pairs

    def _read_or_null(self, text: bytes, convert: Callable[[bytes], bytes]) -> bytes | None:
        """Return None for the null marker, else the converted text; raise the errors of `convert`."""
        return None if text == self._null_marker else convert(text)


def _require_different(settings: Mapping[str, str], has_null_marker: bool) -> None:
    """Raise UsageError where two separators of headers, or a separator and the null marker, are equal.

    The null marker counts only with `has_null_marker`: where the user has set it. `settings` must have all properties,
    with their escapes replaced.
    """
    given = {name: value for name, value in settings.items() if has_null_marker or name != "null.marker"}
    if (equal := find_equal_separators(given)) is not None:
        raise UsageError(f"{equal[0]} and {equal[1]} may not be equal", f"both are {settings[equal[0]]!r}")


def find_equal_separators(properties: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the names of two separators of headers, or of the null marker and a separator, that are equal, or None.

    Separators that are not in `properties` have their default; without null.marker there is none. The values are
    compared as they are, so escapes must be replaced before. key.separator is compared with the null marker only.
    """
    settings = {**LineReader.DEFAULTS, **properties}
    headers = ["headers.delimiter", "headers.separator", "headers.key.separator"]
    pairs = list(combinations(headers, 2))
    if "null.marker" in properties:
        pairs += [("null.marker", other) for other in ("key.separator", *headers)]
    return next(((name, other) for name, other in pairs if settings[name] == settings[other]), None)


def _split_as_java(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the texts between the matches of a pattern, as java.util.regex.Pattern.split does.

    Empty ones at the end are left out, and so is the one before an empty match at the beginning. A text without a match
    is returned whole, also an empty one.
    """
    parts, position = [], 0
    for match in pattern.finditer(text):
        if match.end():
            parts.append(text[position : match.start()])
            position = match.end()
    if not position:
        return [text]
    parts.append(text[position:])
    while parts and not parts[-1]:
        parts.pop()
    return parts
