"""Keys and values as people write them, and the bytes Kafka keeps: one format name for both directions.

The numbers are Kafka's own serializers' (org.apache.kafka.common.serialization): big-endian two's complement
and IEEE 754.
"""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from kafkactl.errors import FormatError, UsageError
from kafkactl.storage.text import jvm_text

STRING = "string"


@dataclass(frozen=True)
class Format:
    """A named pair of translations; both raise FormatError for what is not of the format."""

    name: str
    to_text: Callable[[bytes], str]
    to_bytes: Callable[[str], bytes]

    @property
    def from_input(self) -> Callable[[bytes], bytes]:
        """From what was read to what is kept; strings stay the bytes they are, also those that are not UTF-8."""
        if self.name == STRING:
            return bytes
        return lambda text: self.to_bytes(text.decode("utf-8", errors="surrogateescape"))

    @property
    def to_output(self) -> Callable[[bytes], bytes]:
        """From what is kept to what is written."""
        if self.name == STRING:
            return bytes
        return lambda data: self.to_text(data).encode("utf-8", errors="surrogateescape")


def get(name: str) -> Format:
    """The format of that name; raises UsageError."""
    try:
        return _FORMATS[name]
    except KeyError:
        raise UsageError(f"{name!r} is no format", f"one of {', '.join(_FORMATS)}") from None


def names() -> list[str]:
    return list(_FORMATS)


def _number(name: str, layout: str, parse: Callable[[str], int | float]) -> Format:
    packed = struct.Struct(layout)

    def to_text(data: bytes) -> str:
        if len(data) != packed.size:
            raise FormatError(f"{len(data)} bytes are no {name}: it has {packed.size}")
        return str(packed.unpack(data)[0])

    def to_bytes(text: str) -> bytes:
        try:
            return packed.pack(parse(text))
        except (ValueError, struct.error) as error:
            raise FormatError(f"{text!r} is no {name}") from error

    return Format(name, to_text, to_bytes)


def _refusing(name: str, read: Callable[[str], bytes]) -> Callable[[str], bytes]:
    def to_bytes(text: str) -> bytes:
        try:
            return read(text)
        except (ValueError, binascii.Error) as error:
            raise FormatError(f"{text!r} is not {name}") from error

    return to_bytes


def _to_boolean(data: bytes) -> str:
    if data not in (b"\0", b"\1"):
        raise FormatError(f"{data.hex()} is no boolean: it is 00 or 01")
    return "true" if data == b"\1" else "false"


def _from_boolean(text: str) -> bytes:
    if text.lower() not in ("true", "false"):
        raise FormatError(f"{text!r} is no boolean: true or false")
    return b"\1" if text.lower() == "true" else b"\0"


_FORMATS = {
    format.name: format
    for format in (
        Format(
            STRING,
            jvm_text,
            lambda text: text.encode("utf-8", "surrogateescape"),
        ),
        _number("short", ">h", int),
        _number("int", ">i", int),
        _number("long", ">q", int),
        _number("float", ">f", float),
        _number("double", ">d", float),
        Format("boolean", _to_boolean, _from_boolean),
        # Kafka's UUIDSerializer writes the text form.
        Format(
            "uuid",
            jvm_text,
            _refusing("a UUID", lambda text: str(uuid.UUID(text)).encode()),
        ),
        Format("hex", bytes.hex, _refusing("hexadecimal", bytes.fromhex)),
        Format(
            "base64",
            lambda data: base64.b64encode(data).decode(),
            _refusing("base64", lambda text: base64.b64decode(text, validate=True)),
        ),
    )
}
