"""Lines of text <-> records, by the properties of Kafka's console tools.

Reference: org.apache.kafka.tools.LineMessageReader (reader) and
org.apache.kafka.tools.consumer.DefaultMessageFormatter (formatter).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Record:
    """What is sent."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None = None


class LineReader:
    """Splits lines as [headers DELIMITER] [key SEPARATOR] value; raises UsageError for an unknown property."""

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
        settings = _settled(properties, self.DEFAULTS, "reader")
        self._parse_key = _is_true(settings, "parse.key")
        self._parse_headers = _is_true(settings, "parse.headers")
        self._ignore_error = _is_true(settings, "ignore.error")
        self._key_separator = settings["key.separator"].encode()
        self._headers_delimiter = settings["headers.delimiter"].encode()
        self._headers_separator = settings["headers.separator"].encode()
        self._headers_key_separator = settings["headers.key.separator"].encode()
        self._null_marker = settings["null.marker"].encode() or None
        self._key = _reader(key_format)
        self._value = _reader(value_format)

    def read(self, line: bytes, number: int) -> Record:
        """One line, without its end, as a record; raises FormatError naming the line."""
        rest = line
        try:
            headers = None
            if self._parse_headers:
                packed, rest = self._split(rest, self._headers_delimiter, "headers delimiter")
                headers = self._read_headers(packed)
            key = None
            if self._parse_key:
                packed, rest = self._split(rest, self._key_separator, "key separator")
                key = self._unless_null(packed, self._key)
            return Record(key, self._unless_null(rest, self._value), headers)
        except FormatError as error:
            if self._ignore_error:
                return Record(None, line)
            raise FormatError(
                f"line {number}: {error}", "--property ignore.error=true takes such a line as a value without key"
            ) from error

    def _split(self, text: bytes, separator: bytes, what: str) -> tuple[bytes, bytes]:
        before, found, after = text.partition(separator)
        if not found:
            raise FormatError(f"no {what} {separator.decode()!r} in {text.decode(errors='replace')[:80]!r}")
        return before, after

    def _read_headers(self, packed: bytes) -> Headers | None:
        if self._null_marker is not None and packed == self._null_marker:
            return None
        headers: Headers = []
        for pair in packed.split(self._headers_separator):
            name, value = self._split(pair, self._headers_key_separator, "header key separator")
            headers.append((name.decode("utf-8", errors="replace"), self._unless_null(value, bytes)))
        return headers

    def _unless_null(self, text: bytes, read: Callable[[bytes], bytes]) -> bytes | None:
        return None if self._null_marker is not None and text == self._null_marker else read(text)


class LineFormatter:
    """Prints records as Kafka's console consumer does; raises UsageError for an unknown property."""

    DEFAULTS: ClassVar[Mapping[str, str]] = {
        "print.timestamp": "false",
        "print.partition": "false",
        "print.offset": "false",
        "print.headers": "false",
        "print.key": "false",
        "print.value": "true",
        "key.separator": "\t",
        "line.separator": "\n",
        "headers.separator": ",",
        "null.literal": "null",
    }
    _TIMESTAMP_TYPES: ClassVar[Mapping[int, str]] = {
        TIMESTAMP_CREATE_TIME: "CreateTime",
        TIMESTAMP_LOG_APPEND_TIME: "LogAppendTime",
    }

    def __init__(self, properties: Mapping[str, str], key_format: Format, value_format: Format) -> None:
        settings = _settled(properties, self.DEFAULTS, "formatter")
        self._separator = settings["key.separator"].encode()
        self._line_end = settings["line.separator"].encode()
        self._headers_separator = settings["headers.separator"].encode()
        self._null = settings["null.literal"].encode()
        key, value = _writer(key_format, self._null), _writer(value_format, self._null)
        fields: dict[str, Callable[[Message], bytes]] = {
            "print.timestamp": self._timestamp,
            "print.partition": lambda message: f"Partition:{message.partition()}".encode(),
            "print.offset": lambda message: f"Offset:{message.offset()}".encode(),
            "print.headers": self._headers,
            "print.key": lambda message: key(message.key()),
            "print.value": lambda message: value(message.value()),
        }
        self._fields = [write for name, write in fields.items() if _is_true(settings, name)]

    def format(self, message: Message) -> bytes:
        """One record with its line's end; raises FormatError for bytes that are not of the format."""
        return self._separator.join([write(message) for write in self._fields]) + self._line_end

    def _timestamp(self, message: Message) -> bytes:
        kind, milliseconds = message.timestamp()
        name = self._TIMESTAMP_TYPES.get(kind)
        return f"{name}:{milliseconds}".encode() if name else b"NO_TIMESTAMP"

    def _headers(self, message: Message) -> bytes:
        headers: Any = message.headers()
        if not headers:
            return b"NO_HEADERS"
        pairs = (name.encode() + b":" + (self._null if value is None else value) for name, value in headers)
        return self._headers_separator.join(pairs)


def unescape(text: str) -> str:
    """\\t, \\n, \\r, \\0 and \\\\ as the characters they stand for: shells hand them on unread."""
    for written, meant in (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r"), ("\\0", "\0")):
        text = text.replace(written, meant)
    return text


def _settled(properties: Mapping[str, str], defaults: Mapping[str, str], what: str) -> dict[str, str]:
    unknown = sorted(set(properties) - set(defaults))
    if unknown:
        raise UsageError(f"--property {unknown[0]}: the {what} has no such property", f"it has: {', '.join(defaults)}")
    return {**defaults, **{name: unescape(value) for name, value in properties.items()}}


def _is_true(settings: Mapping[str, str], name: str) -> bool:
    value = settings[name].strip().lower()
    if value not in ("true", "false"):
        raise UsageError(f"--property {name}={settings[name]}: true or false")
    return value == "true"


def _reader(format: Format) -> Callable[[bytes], bytes]:
    if format.name == "string":  # bytes in, the same bytes out: also those that are not UTF-8
        return bytes
    return lambda text: format.to_bytes(text.decode("utf-8", errors="surrogateescape"))


def _writer(format: Format, null: bytes) -> Callable[[Any], bytes]:
    if format.name == "string":
        return lambda data: null if data is None else data
    return lambda data: null if data is None else format.to_text(data).encode()
