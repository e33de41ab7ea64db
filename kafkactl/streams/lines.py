"""Lines of text -> records, by the properties of Kafka's console producer.

Reference: org.apache.kafka.tools.LineMessageReader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import ClassVar

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import STRING, Format
from kafkactl.streams.properties import is_true, settled
from kafkactl.streams.record import Batch, Headers, Record, header_name

_IGNORE = "--property ignore.error=true takes such a line as a value without key"


class LineReader:
    """Splits lines as [headers DELIMITER] [key SEPARATOR] value; raises UsageError for properties that do not do."""

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
        settings = settled(properties, self.DEFAULTS, "reader")
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
        """Whether a line is a value, or a key and a value around `separator`, and nothing has to be translated."""
        return self._is_plain and not self._ignore_error and self.separator != b""

    @property
    def separator(self) -> bytes | None:
        """What is between key and value; None without keys."""
        return self._key_separator if self._parse_key else None

    def read_all(self, lines: Sequence[bytes], first: int, batch: Batch) -> None:
        """Adds lines without their ends as records; raises FormatError naming the line, counted from `first`."""
        add = batch.append
        if not self._is_plain:
            for number, line in enumerate(lines, first):
                add(self.read(line, number))
        elif not self._parse_key:
            batch += [{"value": line} for line in lines]
        else:
            separator = self._key_separator
            for line in lines:
                key, found, value = line.partition(separator) if separator else (b"", b" ", line)
                add({"key": key, "value": value} if found else self.read(line, first + len(batch)))

    def read(self, line: bytes, number: int) -> Record:
        """One line, without its end, as a record; raises FormatError naming the line."""
        record: Record = {"key": None, "value": None}
        rest = line
        try:
            if self._parse_headers:
                packed, rest = self._split(rest, self._headers_delimiter, "headers delimiter")
                if packed is not None and packed != self._null_marker:
                    record["headers"] = self._read_headers(packed)
            if self._parse_key:
                packed, rest = self._split(rest, self._key_separator, "key separator")
                record["key"] = None if packed is None else self._unless_null(packed, self._key)
            record["value"] = self._unless_null(rest, self._value)
        except FormatError as error:
            raise FormatError(f"line {number}: {error}", error.hint) from error
        return record

    def _split(self, text: bytes, separator: bytes, what: str) -> tuple[bytes | None, bytes]:
        if not separator:  # it is found at once
            return b"", text
        before, found, after = text.partition(separator)
        if found:
            return before, after
        if self._ignore_error:
            return None, text
        raise FormatError(f"no {what} {separator.decode()!r} in {text.decode(errors='replace')[:80]!r}", _IGNORE)

    def _read_headers(self, packed: bytes) -> Headers:
        separator = self._headers_separator
        # As Java's split by nothing: each character.
        pairs = packed.split(separator) if separator else [each.encode() for each in packed.decode(errors="replace")]
        while pairs and not pairs[-1]:  # as Java's split
            pairs.pop()
        headers: Headers = []
        for pair in pairs:
            name, value = self._split(pair, self._headers_key_separator, "header key separator")
            if name is None:
                headers.append((header_name(pair), None))
                continue
            if name == self._null_marker:
                raise FormatError(f"a header's key is the null marker {name.decode()!r}, and cannot be null")
            headers.append((header_name(name), self._unless_null(value, bytes)))
        return headers

    def _unless_null(self, text: bytes, read: Callable[[bytes], bytes]) -> bytes | None:
        return None if text == self._null_marker else read(text)


def _require_different(settings: Mapping[str, str], has_null_marker: bool) -> None:
    headers = ["headers.delimiter", "headers.separator", "headers.key.separator"]
    pairs = list(combinations(headers, 2))
    if has_null_marker:
        pairs += [("null.marker", other) for other in ("key.separator", *headers)]
    for one, other in pairs:
        if settings[one] == settings[other]:
            raise UsageError(f"{one} and {other} may not be equal", f"both are {settings[one]!r}")
