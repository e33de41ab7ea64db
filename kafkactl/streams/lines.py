"""Records from lines of text, by the properties of Kafka's console producer.

Reference: org.apache.kafka.tools.LineMessageReader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import ClassVar

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import STRING, Format
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

    def __init__(self, properties: Mapping[str, str], key_format: Format, value_format: Format) -> None:
        """Take the properties and the formats of keys and values; missing properties have their default.

        The properties are parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
        headers.key.separator, null.marker and ignore.error. Escapes in the values, such as a backslash and t, are
        replaced. Raise UsageError for an unknown property, an invalid value, two equal separators of headers, and a
        null marker that equals a separator.
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

        `first` is the number of the first line. Where lines are only split, the number in an error also counts the
        records that were in `batch` before. Raise FormatError, with the number of the line, for a line that is no
        record, and OperationError, UnreachableError or UsageError of a schema registry; the records before it were
        added.
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
        does not have is None, too, and headers are absent then. Raise FormatError, with `number` as the number of the
        line, for a missing delimiter or separator (where errors are ignored, that part is absent, and a header without
        a separator has a null value), for a null name of a header, and for a key or value that is not of its format.
        Formats of a schema registry also raise OperationError, UnreachableError and UsageError.
        """
        record: Record = {"key": None, "value": None}
        rest = line
        try:
            if self._parse_headers:
                packed, rest = self._split(rest, self._headers_delimiter, "headers delimiter")
                if packed is not None and packed != self._null_marker:
                    record["headers"] = self._read_headers(packed)
            if self._parse_key:
                packed, rest = self._split(rest, self._key_separator, "key separator")
                record["key"] = None if packed is None else self._read_or_null(packed, self._key)
            record["value"] = self._read_or_null(rest, self._value)
        except FormatError as error:
            raise FormatError(f"line {number}: {error}", error.hint) from error
        return record

    def _split(self, text: bytes, separator: bytes, subject: str) -> tuple[bytes | None, bytes]:
        """Return the text before and after a separator; None before it where it is missing and errors are ignored.

        Then the whole text comes after it. An empty separator is found at the beginning. `subject` names the separator
        in the message. Raise FormatError where it is missing and errors are not ignored.
        """
        if not separator:  # an empty separator is at the beginning
            return b"", text
        before, separator_in_text, after = text.partition(separator)
        if separator_in_text:
            return before, after
        if self._ignore_error:
            return None, text
        raise FormatError(f"no {subject} {separator.decode()!r} in {text.decode(errors='replace')[:80]!r}", _IGNORE)

    def _read_headers(self, packed: bytes) -> Headers:
        """Return the headers of a line, in their order.

        Raise FormatError for a header without a separator, unless errors are ignored (then its value is null), and for
        a null name. A name that is not UTF-8 is bytes.
        """
        separator = self._headers_separator
        # An empty separator splits between all characters, as in Java.
        pairs = (
            packed.split(separator)
            if separator
            else [character.encode() for character in packed.decode(errors="replace")]
        )
        while pairs and not pairs[-1]:  # Java's split drops empty strings at the end
            pairs.pop()
        headers: Headers = []
        for pair in pairs:
            name, value = self._split(pair, self._headers_key_separator, "header key separator")
            if name is None:
                headers.append((decode_header_name(pair), None))
                continue
            if name == self._null_marker:
                raise FormatError(f"a header's key is the null marker {name.decode()!r}, and cannot be null")
            headers.append((decode_header_name(name), self._read_or_null(value, bytes)))
        return headers

    def _read_or_null(self, text: bytes, convert: Callable[[bytes], bytes]) -> bytes | None:
        """Return None for the null marker, else the converted text; raise FormatError as `convert` does."""
        return None if text == self._null_marker else convert(text)


def _require_different(settings: Mapping[str, str], has_null_marker: bool) -> None:
    """Raise UsageError where two separators of headers, or a separator and the null marker, are equal.

    The null marker counts only with `has_null_marker`: where the user has set it.
    """
    headers = ["headers.delimiter", "headers.separator", "headers.key.separator"]
    pairs = list(combinations(headers, 2))
    if has_null_marker:
        pairs += [("null.marker", other) for other in ("key.separator", *headers)]
    for name, other in pairs:
        if settings[name] == settings[other]:
            raise UsageError(f"{name} and {other} may not be equal", f"both are {settings[name]!r}")
