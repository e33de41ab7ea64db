"""Kafka's message schemas as data (layouts/*.txt), and one reader for all of them.

Source of the encoding: org.apache.kafka.common.protocol. In flexible versions (KIP-482) lengths and counts are unsigned
varints of the number plus one and every struct ends in tagged fields; in others they are int16 or int32, -1 for none.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.text import jvm_text

_NUMBERS = {
    "int8": struct.Struct(">b"),
    "int16": struct.Struct(">h"),
    "uint16": struct.Struct(">H"),
    "int32": struct.Struct(">i"),
    "uint32": struct.Struct(">I"),
    "int64": struct.Struct(">q"),
    "float64": struct.Struct(">d"),
    "bool": struct.Struct(">?"),
}
_UUID_BYTES = 16
_ZERO_UUID = "A" * 22
_LONGEST_STRING = 2**15 - 1
_EVERY_VERSION = range(2**15)
_NO_VERSION = range(0)


class EndOfBytesError(FormatError):
    """The bytes end inside a number."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    name: str
    """As Kafka's json converters write it."""
    type: str
    """A number's, string, bytes, uuid, or the name of a struct, which then has `fields`."""
    many: bool
    """Whether it is an array of that type."""
    versions: range
    nullable: range
    tag: int | None
    default: Any
    """Its value in json where nothing else was said."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """One message: a record's key or value, or a struct that stands alone."""

    kind: str
    """key, value, metadata or data."""
    api_key: int | None
    """The record type it is of."""
    name: str
    versions: range
    flexible: range
    fields: tuple[Field, ...]

    def read(self, data: bytes, version: int) -> dict[str, Any]:
        """The message as Kafka's json converters show it; bytes stay bytes. Raises FormatError."""
        return SchemaReader(data).message(self, version)


class SchemaReader:
    """Reads numbers and messages from bytes, one after the other; its errors are in Kafka's own words."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def message(self, layout: Layout, version: int) -> dict[str, Any]:
        """A message; raises FormatError where the bytes end, or are not what its layout says."""
        flexible = version in layout.flexible

        def read_struct(fields: tuple[Field, ...]) -> dict[str, Any]:
            present = [field for field in fields if version in field.versions]
            values = {field.name: field.default for field in present}
            for field in present:
                if field.tag is None or not flexible:
                    values[field.name] = read_field(field)
            if flexible:
                read_tagged(fields, values)
            return {
                field.name: values[field.name]
                for field in present
                if field.tag is None or values[field.name] != field.default
            }

        def read_tagged(fields: tuple[Field, ...], values: dict[str, Any]) -> None:
            for _ in range(self.unsigned_varint()):
                tag, size = self.unsigned_varint(), self.unsigned_varint()
                field = next((field for field in fields if field.tag == tag), None)
                if field is None:
                    self.take(size)
                elif version not in field.versions:
                    raise FormatError(f"Tag {tag} is not valid for version {version}")
                else:
                    values[field.name] = read_field(field)

        def read_field(field: Field) -> Any:
            nullable = version in field.nullable
            if not field.many:
                return read_value(field, field.name, nullable)
            count = self.unsigned_varint() - 1 if flexible else self.number("int32")
            if _is_null(count, field.name, nullable):
                return None
            if count > self.left:
                raise FormatError(
                    f"Tried to allocate a collection of size {count}, but there are only {self.left} bytes remaining."
                )
            return [read_value(field, f"{field.name} element", False) for _ in range(count)]

        def read_value(field: Field, name: str, nullable: bool) -> Any:
            if field.type in _NUMBERS:
                return self.number(field.type)
            if field.type == "string":
                return self._string(self.unsigned_varint() - 1 if flexible else self.number("int16"), name, nullable)
            if field.type == "bytes":
                size = self.unsigned_varint() - 1 if flexible else self.number("int32")
                return None if _is_null(size, name, nullable) else self.take(size)
            if field.type == "uuid":
                return uuid_text(self._exactly(_UUID_BYTES))
            if nullable and (self.unsigned_varint() <= 0 if field.tag is not None else self.number("int8") < 0):
                return None
            if version >= min(layout.versions.stop, field.versions.stop):
                raise FormatError(f"Can't read version {version} of {field.type}")
            return read_struct(field.fields)

        return read_struct(layout.fields)

    def number(self, type: str) -> Any:
        """A number of a schema's type; raises EndOfBytesError."""
        layout = _NUMBERS[type]
        (value,) = layout.unpack(self._exactly(layout.size))
        return value

    def unsigned_varint(self) -> int:
        """Up to five bytes, as a signed 32-bit number; raises FormatError for a longer one."""
        value = 0
        for shift in range(0, 35, 7):
            (byte,) = self._exactly(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value & 0x7FFFFFFF) - (value & 0x80000000)
        raise FormatError(
            "Varint is too long, the most significant bit in the 5th byte is set, "
            f"converted value: {value & 0xFFFFFFFF:x}"
        )

    def take(self, size: int) -> bytes:
        """So many bytes; raises FormatError when there are fewer."""
        if size < 0:
            raise FormatError(str(size))
        if size > self.left:
            raise FormatError(f"Error reading byte array of {size} byte(s): only {self.left} byte(s) available")
        return self._exactly(size)

    def _string(self, size: int, name: str, nullable: bool) -> str | None:
        if _is_null(size, name, nullable):
            return None
        if size > _LONGEST_STRING:
            raise FormatError(f"string field {name} had invalid length {size}")
        return jvm_text(self.take(size))

    def _exactly(self, size: int) -> bytes:
        if size > self.left:
            raise EndOfBytesError(f"{size} bytes wanted where {self.left} are left")
        self.position += size
        return self._data[self.position - size : self.position]


def uuid_text(data: bytes) -> str:
    """16 bytes as org.apache.kafka.common.Uuid prints them."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _is_null(size: int, name: str, nullable: bool) -> bool:
    if size < 0 and not nullable:
        raise FormatError(f"non-nullable field {name} was serialized as null")
    return size < 0


@cache
def layouts(name: str) -> tuple[Layout, ...]:
    """The messages of layouts/NAME.txt."""
    text = Path(__file__).with_name("layouts").joinpath(f"{name}.txt").read_text(encoding="ascii")
    return tuple(_parse(block) for block in text.split("\n\n")[1:])


def _parse(block: str) -> Layout:
    head, *lines = block.strip().splitlines()
    kind, api_key, name, *attributes = head.split()
    of = dict(attribute.split("=") for attribute in attributes)
    versions = _versions(of["versions"])
    fields = _fields([(len(line) - len(line.lstrip()), line.split()) for line in lines], versions)
    return Layout(kind, None if api_key == "-" else int(api_key), name, versions, _versions(of["flexible"]), fields)


def _fields(lines: list[tuple[int, list[str]]], message_versions: range) -> tuple[Field, ...]:
    """The fields of the first line's depth, each with the deeper ones behind it as its own."""
    if not lines:
        return ()
    starts = [number for number, (depth, _) in enumerate(lines) if depth == lines[0][0]]
    return tuple(
        _field(lines[start][1], _fields(lines[start + 1 : end], message_versions), message_versions)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )


def _field(words: list[str], fields: tuple[Field, ...], message_versions: range) -> Field:
    name, type, *attributes = words
    of = dict(attribute.split("=", 1) for attribute in attributes)
    versions = _versions(of.get("versions", "0+"))
    if message_versions.start in versions and message_versions.stop <= versions.stop:
        versions = _EVERY_VERSION  # generated readers ask for a version only where the message knows one without it
    many, type = type.startswith("[]"), type.removeprefix("[]")
    return Field(
        name,
        type,
        many,
        versions,
        _versions(of.get("nullable", "none")),
        int(of["tag"]) if "tag" in of else None,
        _default(of.get("default"), type, many, fields),
        fields,
    )


def _default(stated: str | None, type: str, many: bool, fields: tuple[Field, ...]) -> Any:
    if stated == "null":
        return None
    if many:
        return []
    if stated is not None:
        read: dict[str, Callable[[str], Any]] = {"bool": "true".__eq__, "float64": float, "string": str}
        return read.get(type, int)(stated)
    if type in _NUMBERS:
        return {"bool": False, "float64": 0.0}.get(type, 0)
    plain = {"string": "", "bytes": b"", "uuid": _ZERO_UUID}
    return plain[type] if type in plain else {field.name: field.default for field in fields if field.tag is None}


def _versions(text: str) -> range:
    if text == "none":
        return _NO_VERSION
    first, _, last = text.partition("-")
    if first.endswith("+"):
        return range(int(first[:-1]), _EVERY_VERSION.stop)
    return range(int(first), int(last or first) + 1)


def of_type(name: str, kind: str) -> Iterator[Layout]:
    """The messages of one kind in a file of layouts."""
    return (layout for layout in layouts(name) if layout.kind == kind)
