"""Records as lines, by the properties of Kafka's console consumer.

Reference: org.apache.kafka.tools.consumer.DefaultMessageFormatter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from kafkactl.serde.formats import STRING, Format
from kafkactl.storage.text import name_bytes
from kafkactl.streams.properties import fill_defaults, is_true
from kafkactl.streams.record import PlainLine, read_headers


class LineFormatter:
    """Formatter of records as lines, with the fields and separators of `properties`.

    The names and defaults of the properties are in DEFAULTS. Raise UsageError for unknown properties and invalid
    values.
    """

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
        """Take the properties, and the formats of keys, of values and of the values of headers.

        Escapes in the properties' values are replaced, and properties that are absent have their defaults. A `header`
        of None prints the values of headers as their bytes are. Raise UsageError for a property that is not in
        DEFAULTS, and for a value of print.* that is not true or false, where case and blanks at both ends do not count;
        UnicodeEncodeError for a separator or null.literal that is not Unicode.
        """
        settings = fill_defaults(properties, self.DEFAULTS, "formatter")
        self._separator = settings["key.separator"].encode()
        self._line_end = settings["line.separator"].encode()
        self._headers_separator = settings["headers.separator"].encode()
        self._null = settings["null.literal"].encode()
        self._key, self._value = _write_or_null(key, self._null), _write_or_null(value, self._null)
        self._header = _write_or_null(header, self._null) if header else self._write_raw
        fields: dict[str, Callable[[Message], bytes]] = {
            "print.timestamp": self._write_timestamp,
            "print.partition": lambda message: f"Partition:{message.partition()}".encode(),
            "print.offset": lambda message: f"Offset:{message.offset()}".encode(),
            # Only share groups count deliveries.
            "print.delivery": lambda message: b"Delivery:NOT_PRESENT",
            "print.epoch": self._write_epoch,
            "print.headers": self._write_headers,
            "print.key": lambda message: self._key(message.key()),
            "print.value": lambda message: self._value(message.value()),
        }
        self._fields = [write for name, write in fields.items() if is_true(settings, name)]
        printed = [name for name in fields if is_true(settings, name)]
        self.plain: PlainLine | None = None
        """Separators, where only unchanged bytes are printed: a value, or a key and a value; None elsewhere."""
        if key.name == value.name == STRING and printed in (["print.value"], ["print.key", "print.value"]):
            self.plain = PlainLine(self._separator if len(printed) == 2 else None, self._line_end, self._null)

    def format(self, message: Message) -> bytes:
        """Return one record with the end of its line; empty where no field is printed.

        The fields have the order of `print.*` in DEFAULTS, with key.separator between them. Raise FormatError for a
        key, value or header that its format cannot read, OperationError where no temporary file can be made or a schema
        registry refuses, UnreachableError where it refuses the login or does not answer, and KafkactlError for headers
        that cannot be read.
        """
        if not self._fields:
            return b""
        return self._separator.join([write(message) for write in self._fields]) + self._line_end

    def format_all(self, messages: Sequence[Message]) -> bytes:
        """Return many records in their order; the most frequent form is written without a call for each field.

        Each has the end of its line; the result is empty where no field is printed. Raise FormatError for a key, value
        or header that its format cannot read, OperationError where no temporary file can be made or a schema registry
        refuses, UnreachableError where it refuses the login or does not answer, and KafkactlError for headers that
        cannot be read.
        """
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

    def _write_raw(self, data: bytes | None) -> bytes:
        """Return bytes as they are; the null literal for None."""
        return self._null if data is None else data

    def _write_timestamp(self, message: Message) -> bytes:
        """Return the type and the ms of a timestamp, such as CreateTime:1795600800000; NO_TIMESTAMP without one."""
        kind, milliseconds = message.timestamp()
        name = self._TIMESTAMP_TYPES.get(kind)
        return f"{name}:{milliseconds}".encode() if name else b"NO_TIMESTAMP"

    def _write_epoch(self, message: Message) -> bytes:
        """Return the leader epoch as Epoch:NUMBER; Epoch:NOT_PRESENT without one."""
        epoch = message.leader_epoch()
        return b"Epoch:NOT_PRESENT" if epoch is None else f"Epoch:{epoch}".encode()

    def _write_headers(self, message: Message) -> bytes:
        """Return the headers as NAME:VALUE with headers.separator between; NO_HEADERS without any.

        A value of None is the null literal. Headers with a name that is not UTF-8 are read again from the broker. Raise
        KafkactlError where that fails, FormatError for a value that its format cannot read, and the other errors of
        that format.
        """
        headers = read_headers(message)
        if not headers:
            return b"NO_HEADERS"
        return self._headers_separator.join([name_bytes(name) + b":" + self._header(value) for name, value in headers])


def _write_or_null(format: Format, null: bytes) -> Callable[[Any], bytes]:
    """Return a function that takes a record's bytes and returns them in a format, and `null` for None.

    The function raises FormatError for bytes that the format cannot read, OperationError where no temporary file can be
    made or a schema registry refuses, UnreachableError where it refuses the login or does not answer.
    """
    write = format.to_output
    return lambda data: null if data is None else write(data)
