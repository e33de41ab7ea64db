"""Records -> lines, by the properties of Kafka's console consumer.

Reference: org.apache.kafka.tools.consumer.DefaultMessageFormatter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from kafkactl.serde.formats import STRING, Format
from kafkactl.storage.text import name_bytes
from kafkactl.streams.properties import is_true, settled
from kafkactl.streams.record import PlainLine, headers_of


class LineFormatter:
    """What is printed of each record, and what stands between; raises UsageError for properties that do not do."""

    DEFAULTS: ClassVar[Mapping[str, str]] = {
        "print.timestamp": "false",
        "print.partition": "false",
        "print.offset": "false",
        "print.delivery": "false",
        "print.epoch": "false",
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

    def __init__(self, properties: Mapping[str, str], key: Format, value: Format, header: Format | None = None) -> None:
        settings = settled(properties, self.DEFAULTS, "formatter")
        self._separator = settings["key.separator"].encode()
        self._line_end = settings["line.separator"].encode()
        self._headers_separator = settings["headers.separator"].encode()
        self._null = settings["null.literal"].encode()
        self._key, self._value = _or_null(key, self._null), _or_null(value, self._null)
        self._header = _or_null(header, self._null) if header else self._raw
        fields: dict[str, Callable[[Message], bytes]] = {
            "print.timestamp": self._timestamp,
            "print.partition": lambda message: f"Partition:{message.partition()}".encode(),
            "print.offset": lambda message: f"Offset:{message.offset()}".encode(),
            # Only share groups count deliveries.
            "print.delivery": lambda message: b"Delivery:NOT_PRESENT",
            "print.epoch": self._epoch,
            "print.headers": self._headers,
            "print.key": lambda message: self._key(message.key()),
            "print.value": lambda message: self._value(message.value()),
        }
        self._fields = [write for name, write in fields.items() if is_true(settings, name)]
        self._shown = [name for name in fields if is_true(settings, name)]
        shown = [name for name in fields if is_true(settings, name)]
        self.plain: PlainLine | None = None
        """Where nothing but bytes as they are is printed: a value, or a key and a value."""
        if key.name == value.name == STRING and shown in (["print.value"], ["print.key", "print.value"]):
            self.plain = PlainLine(self._separator if len(shown) == 2 else None, self._line_end, self._null)

    def format(self, message: Message) -> bytes:
        """One record with its line's end; raises FormatError for bytes that are not of the format."""
        if not self._fields:
            return b""
        return self._separator.join([write(message) for write in self._fields]) + self._line_end

    def format_all(self, messages: Sequence[Message]) -> bytes:
        """Many of them, the commonest without a call for each field."""
        if self.plain is None:
            return b"".join(map(self.format, messages))
        end, null, separator = self.plain.end, self.plain.null, self.plain.separator
        parts: list[Any] = []
        for message in messages:
            if separator is not None:
                parts += (message.key(), separator)
            parts += (message.value(), end)
        if None in parts:
            parts = [null if part is None else part for part in parts]
        return b"".join(parts)

    def _raw(self, data: bytes | None) -> bytes:
        return self._null if data is None else data

    def _timestamp(self, message: Message) -> bytes:
        kind, milliseconds = message.timestamp()
        name = self._TIMESTAMP_TYPES.get(kind)
        return f"{name}:{milliseconds}".encode() if name else b"NO_TIMESTAMP"

    def _epoch(self, message: Message) -> bytes:
        epoch = message.leader_epoch()
        return b"Epoch:NOT_PRESENT" if epoch is None else f"Epoch:{epoch}".encode()

    def _headers(self, message: Message) -> bytes:
        headers = headers_of(message)
        if not headers:
            return b"NO_HEADERS"
        return self._headers_separator.join([name_bytes(name) + b":" + self._header(value) for name, value in headers])


def _or_null(format: Format, null: bytes) -> Callable[[Any], bytes]:
    write = format.to_output
    return lambda data: null if data is None else write(data)
