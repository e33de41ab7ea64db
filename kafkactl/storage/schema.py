"""Kafka's message schemas as data (layouts/*.txt), and the one reader for them.

Source of the encoding: org.apache.kafka.common.protocol. In flexible versions (KIP-482) lengths and counts are unsigned
varints of the number plus one, and every struct ends in tagged fields. In other versions they are int16 or int32, and
-1 stands for null.
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
    """The bytes end inside a number or a uuid."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    name: str
    """Name as Kafka's JSON converters write it."""
    type: str
    """Type of a number, or string, bytes, uuid, or the name of a struct, which then has `fields`."""
    many: bool
    """Whether the field is an array of that type."""
    versions: range
    """Message versions that have the field."""
    nullable: range
    """Message versions in which the field can be null."""
    tag: int | None
    """Number of a tagged field; None for any other field."""
    default: Any
    """Value that a message without the field has in JSON."""
    fields: tuple[Field, ...]
    """Fields of a struct; empty for any other type."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One message: the key or the value of a record, or a struct that stands alone."""

    kind: str
    """key, value, metadata or data."""
    api_key: int | None
    """Type of the record that the message belongs to; None for a struct that stands alone."""
    name: str
    versions: range
    flexible: range
    """Versions with the flexible encoding (KIP-482)."""
    fields: tuple[Field, ...]

    def read(self, data: bytes, version: int) -> dict[str, Any]:
        """Return the fields of a message of a version by name, as Kafka's JSON converters show them; bytes stay bytes.

        Fields that the version does not have, and tagged fields with their default value, are left out. A version that
        the layout does not have is not refused: `read_message` of SchemaReader says more. Raise FormatError where the
        data end early or are not what the layout says. Bytes after the message are ignored.
        """
        return SchemaReader(data).read_message(self, version)


class SchemaReader:
    """Reader of numbers and messages from bytes, one after the other; its errors have Kafka's own words."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes to read from, from their beginning on."""
        self._data = data
        self.position = 0

    @property
    def left(self) -> int:
        """Return the number of bytes that are not read yet."""
        return len(self._data) - self.position

    def read_message(self, layout: Layout, version: int) -> dict[str, Any]:
        """Return the fields of the next message by name: numbers, bools, texts, bytes, None, lists, dicts for structs.

        `version` is that of the message; one that the layout does not have is not refused here, but one above the
        layout's is a FormatError at the first struct inside. Uuids are texts of base64, and strings have U+FFFD for
        bytes that are not UTF-8. Fields that the version does not have, and tagged fields with their default value, are
        left out, and unknown tags are skipped. Bytes after the message stay for the next read. Raise FormatError where
        the bytes end early or are not what the layout says; the position is then anywhere in the message.
        """
        flexible = version in layout.flexible

        def read_struct(fields: tuple[Field, ...]) -> dict[str, Any]:
            """Return the fields of the next struct that the version has, without tagged ones at their default.

            Raise FormatError where the bytes end early or are not what the layout says, and for a struct inside in a
            version above those of the layout.
            """
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
            """Add the next tagged fields to `values` by name; those that `fields` do not have are skipped.

            Raise FormatError for a tag that is not of the version, where the bytes end early or are not what the layout
            says, and for a struct in a version above those of the layout.
            """
            for _ in range(self.read_unsigned_varint()):
                tag, size = self.read_unsigned_varint(), self.read_unsigned_varint()
                field = next((field for field in fields if field.tag == tag), None)
                if field is None:
                    self.take(size)
                elif version not in field.versions:
                    raise FormatError(f"Tag {tag} is not valid for version {version}")
                else:
                    values[field.name] = read_field(field)

        def read_field(field: Field) -> Any:
            """Return the next field: a value, a list for an array, or None for null.

            Raise FormatError for null in a field that is not nullable, for an array of more elements than bytes are
            left, where the bytes end early or are not what the layout says, and for a struct in a version above those
            of the layout.
            """
            nullable = version in field.nullable
            if not field.many:
                return read_value(field, field.name, nullable)
            count = self.read_unsigned_varint() - 1 if flexible else self.read_number("int32")
            if _is_null(count, field.name, nullable):
                return None
            if count > self.left:
                raise FormatError(
                    f"Tried to allocate a collection of size {count}, but there are only {self.left} bytes remaining."
                )
            return [read_value(field, f"{field.name} element", False) for _ in range(count)]

        def read_value(field: Field, name: str, nullable: bool) -> Any:
            """Return the next value of a field's type, or None for null where `nullable`.

            `name` is the name for messages. Raise FormatError for null elsewhere, where the bytes end early or are not
            what the layout says, and for a struct in a version above those of the layout.
            """
            if field.type in _NUMBERS:
                return self.read_number(field.type)
            if field.type == "string":
                return self._read_string(
                    self.read_unsigned_varint() - 1 if flexible else self.read_number("int16"), name, nullable
                )
            if field.type == "bytes":
                size = self.read_unsigned_varint() - 1 if flexible else self.read_number("int32")
                return None if _is_null(size, name, nullable) else self.take(size)
            if field.type == "uuid":
                return format_uuid(self._take_exactly(_UUID_BYTES))
            if nullable and (
                self.read_unsigned_varint() <= 0 if field.tag is not None else self.read_number("int8") < 0
            ):
                return None
            if version >= min(layout.versions.stop, field.versions.stop):
                raise FormatError(f"Can't read version {version} of {field.type}")
            return read_struct(field.fields)

        return read_struct(layout.fields)

    def read_number(self, type: str) -> Any:
        """Return the next number of a schema's type: int8 to int64, uint16, uint32, float64 or bool.

        Raise EndOfBytesError (a FormatError) where the bytes end before it, and KeyError for another type.
        """
        layout = _NUMBERS[type]
        (value,) = layout.unpack(self._take_exactly(layout.size))
        return value

    def read_unsigned_varint(self) -> int:
        """Return the next varint of up to five bytes, as a signed 32-bit number.

        The number may be negative. Raise FormatError for a longer one, and EndOfBytesError (a FormatError) where the
        bytes end before or inside it.
        """
        value = 0
        for shift in range(0, 35, 7):
            (byte,) = self._take_exactly(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value & 0x7FFFFFFF) - (value & 0x80000000)
        raise FormatError(
            "Varint is too long, the most significant bit in the 5th byte is set, "
            f"converted value: {value & 0xFFFFFFFF:x}"
        )

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes.

        Raise FormatError for a negative size, and where fewer bytes are left; none is taken then.
        """
        if size < 0:
            raise FormatError(str(size))
        if size > self.left:
            raise FormatError(f"Error reading byte array of {size} byte(s): only {self.left} byte(s) available")
        return self._take_exactly(size)

    def _read_string(self, size: int, name: str, nullable: bool) -> str | None:
        """Return the next `size` bytes as text; None for a negative size of a nullable field.

        `name` is the field's name for messages. Bytes that are not UTF-8 become U+FFFD, as in Java. Raise FormatError
        for null in another field, for a size above 2^15 - 1, and where fewer bytes are left.
        """
        if _is_null(size, name, nullable):
            return None
        if size > _LONGEST_STRING:
            raise FormatError(f"string field {name} had invalid length {size}")
        return jvm_text(self.take(size))

    def _take_exactly(self, size: int) -> bytes:
        """Return the next `size` bytes; raise EndOfBytesError where fewer are left, before any is taken."""
        if size > self.left:
            raise EndOfBytesError(f"{size} bytes wanted where {self.left} are left")
        self.position += size
        return self._data[self.position - size : self.position]


def format_uuid(data: bytes) -> str:
    """Return 16 bytes as org.apache.kafka.common.Uuid prints them: 22 characters of base64 of URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _is_null(size: int, name: str, nullable: bool) -> bool:
    """Return whether a size means null (it is negative); raise FormatError for null in a field that is not nullable."""
    if size < 0 and not nullable:
        raise FormatError(f"non-nullable field {name} was serialized as null")
    return size < 0


@cache
def load_layouts(name: str) -> tuple[Layout, ...]:
    """Return the messages of layouts/NAME.txt, in the order of the file.

    `name` is the name of the file, such as cluster_metadata. The file is read at the first call only. The text before
    its first empty line is no message. Raise FileNotFoundError for an unknown name.
    """
    text = Path(__file__).with_name("layouts").joinpath(f"{name}.txt").read_text(encoding="ascii")
    return tuple(_parse_layout(block) for block in text.split("\n\n")[1:])


def _parse_layout(block: str) -> Layout:
    """Return the message that a block of lines describes; errors are not caught, because the files are ours.

    The first line is KIND TYPE NAME versions=V flexible=V, where TYPE is - for none. The others are fields, NAME TYPE
    and options; those of a struct follow it and are indented deeper.
    """
    head, *lines = block.strip().splitlines()
    kind, api_key, name, *attributes = head.split()
    options = dict(attribute.split("=") for attribute in attributes)
    versions = _parse_versions(options["versions"])
    fields = _parse_fields([(len(line) - len(line.lstrip()), line.split()) for line in lines], versions)
    return Layout(
        kind, None if api_key == "-" else int(api_key), name, versions, _parse_versions(options["flexible"]), fields
    )


def _parse_fields(lines: list[tuple[int, list[str]]], message_versions: range) -> tuple[Field, ...]:
    """Return the fields of the first line's depth; deeper lines after a field are the fields of its struct.

    A line is its depth in blanks and its words, as `_parse_field` reads them with `message_versions`. Raise ValueError
    as it does.
    """
    if not lines:
        return ()
    starts = [number for number, (depth, _) in enumerate(lines) if depth == lines[0][0]]
    return tuple(
        _parse_field(lines[start][1], _parse_fields(lines[start + 1 : end], message_versions), message_versions)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )


def _parse_field(words: list[str], fields: tuple[Field, ...], message_versions: range) -> Field:
    """Return the field that the words of a line describe; `fields` are those of its struct.

    The line is NAME TYPE and options like versions=1+, nullable=2+, tag=0 or default=-1. A TYPE that begins with [] is
    an array. Without versions=, and with one that includes all `message_versions`, `versions` of the field are 0 to
    32767, also those that the message does not have. Without nullable= it is never null. Unknown options are ignored.
    Raise ValueError for fewer than two words, an option without =, and a number or version that is none.
    """
    name, type, *attributes = words
    options = dict(attribute.split("=", 1) for attribute in attributes)
    versions = _parse_versions(options.get("versions", "0+"))
    if message_versions.start in versions and message_versions.stop <= versions.stop:
        versions = _EVERY_VERSION  # generated readers check a field's versions only where a message version lacks it
    many, type = type.startswith("[]"), type.removeprefix("[]")
    return Field(
        name,
        type,
        many,
        versions,
        _parse_versions(options.get("nullable", "none")),
        int(options["tag"]) if "tag" in options else None,
        _parse_default(options.get("default"), type, many, fields),
        fields,
    )


def _parse_default(stated: str | None, type: str, many: bool, fields: tuple[Field, ...]) -> Any:
    """Return the default of a field: the stated one, or the empty value of its type; None for `null`.

    `stated` is the text after default= in the file, None without it. An array has an empty list in any other case. A
    stated bool is True for the text true only, and a type that is no bool, float64 or string takes a whole number.
    `many` says whether the field is an array; `fields` are those of a struct, whose default is a dict of theirs without
    the tagged ones. Raise ValueError for a stated text that is no number where the type takes one.
    """
    if stated == "null":
        return None
    if many:
        return []
    if stated is not None:
        parsers: dict[str, Callable[[str], Any]] = {"bool": "true".__eq__, "float64": float, "string": str}
        return parsers.get(type, int)(stated)
    if type in _NUMBERS:
        return {"bool": False, "float64": 0.0}.get(type, 0)
    empty_values = {"string": "", "bytes": b"", "uuid": _ZERO_UUID}
    return (
        empty_values[type]
        if type in empty_values
        else {field.name: field.default for field in fields if field.tag is None}
    )


def _parse_versions(text: str) -> range:
    """Return the versions that a text like 1+, 2-5 (5 included), 3 or none stands for; 1+ goes up to 2^15 - 1.

    The range for none is empty. 3- counts as 3, and what follows 1+- is ignored. Raise ValueError where any other part
    of a text is no number, and for an empty text.
    """
    if text == "none":
        return _NO_VERSION
    first, _, last = text.partition("-")
    if first.endswith("+"):
        return range(int(first[:-1]), _EVERY_VERSION.stop)
    return range(int(first), int(last or first) + 1)


def find_layouts(name: str, kind: str) -> Iterator[Layout]:
    """Return an iterator over the messages of one kind in layouts/NAME.txt, in the order of the file.

    `kind` is key, value, metadata or data; another kind gives nothing. Raise FileNotFoundError at once for an unknown
    name.
    """
    return (layout for layout in load_layouts(name) if layout.kind == kind)
