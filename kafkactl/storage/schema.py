"""Kafka's message schemas as data, and one reader for all of them.

Source of the encoding: org.apache.kafka.common.protocol (KIP-482 for flexible versions): big-endian numbers;
lengths and counts are unsigned varints of the number plus one; every struct ends in tagged fields.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError

_NUMBERS = {
    "int8": struct.Struct(">b"),
    "int16": struct.Struct(">h"),
    "uint16": struct.Struct(">H"),
    "int32": struct.Struct(">i"),
    "uint32": struct.Struct(">I"),
    "int64": struct.Struct(">q"),
}
_UUID_BYTES = 16


@dataclass(frozen=True)
class Field:
    """One field: a number, string or uuid; with `fields` a struct, and with `many` an array of it."""

    name: str
    """As Kafka's json converters write it."""
    type: str = "struct"
    since: int = 0
    """The first version that has it."""
    many: bool = False
    fields: tuple[Field, ...] = ()


class SchemaReader:
    """Reads structs of flexible versions from bytes, one after the other."""

    def __init__(self, data: bytes, version: int) -> None:
        self._data = data
        self._position = 0
        self._version = version

    def read(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        """The struct as json would show it; raises FormatError where the bytes end, or name more than there is."""
        values = {field.name: self._field(field) for field in fields if field.since <= self._version}
        for _ in range(self._unsigned()):  # tagged fields: none of these layouts has one yet
            self._unsigned()
            self._take(self._unsigned())
        return values

    def _field(self, field: Field) -> Any:
        if not field.many:
            return self._value(field)
        count = self._unsigned() - 1
        if count > len(self._data) - self._position:
            raise FormatError(f"corrupt: {count} {field.name} where {len(self._data) - self._position} bytes are left")
        return [self._value(field) for _ in range(max(0, count))]

    def _value(self, field: Field) -> Any:
        if field.type == "struct":
            return self.read(field.fields)
        if field.type == "string":
            return self._take(max(0, self._unsigned() - 1)).decode("utf-8", errors="replace")
        if field.type == "uuid":
            return base64.urlsafe_b64encode(self._take(_UUID_BYTES)).decode().rstrip("=")
        number = _NUMBERS[field.type]
        (value,) = number.unpack(self._take(number.size))
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self._take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 28:
                raise FormatError("corrupt: an unsigned varint is longer than 5 bytes")

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise FormatError(f"corrupt: {size} bytes wanted where {len(self._data) - self._position} are left")
        taken = self._data[self._position : end]
        self._position = end
        return taken
