"""Keys and values as people write them, and the bytes Kafka keeps: one format name for both directions.

The numbers are Kafka's own serializers' (org.apache.kafka.common.serialization): big-endian two's complement
and IEEE 754.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
import struct
import uuid
from collections.abc import Callable, Sequence
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
    id_header: str | None = None
    """Name of the header in which the id of the schema can be, instead of before the value; see with_id."""

    def with_id(self, data: bytes, headers: Sequence[tuple[str | bytes, bytes | None]]) -> bytes:
        """Return what to_text takes: a value with the id of its schema before it, also where a header has the id."""
        ids = [value for name, value in headers if name == self.id_header and value]
        return ids[-1] + data if ids else data

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


def get(name: str, others: Sequence[str] = ()) -> Format:
    """The format of that name, or string:ENCODING; raises UsageError, which names `others`, too."""
    if name.startswith(f"{STRING}:"):
        return _encoded(name.partition(":")[2])
    try:
        return _FORMATS[name]
    except KeyError:
        raise UsageError(f"{name!r} is no format", f"one of {', '.join((*_FORMATS, *others))}") from None


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


def _encoded(encoding: str) -> Format:
    """Text in an encoding that Python knows; raises UsageError."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise UsageError(
            f"{encoding!r} is no encoding", "like string:latin-1, string:utf-16-be or string:euc-kr"
        ) from None

    def to_text(data: bytes) -> str:
        try:
            return data.decode(encoding)
        except UnicodeError as error:
            raise FormatError(f"{len(data)} bytes are not {encoding}") from error

    def to_bytes(text: str) -> bytes:
        try:
            return text.encode(encoding)
        except UnicodeError as error:
            raise FormatError(f"{text[:80]!r} has characters that {encoding} has not") from error

    return Format(f"{STRING}:{encoding}", to_text, to_bytes)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


# Numbers are not looked at: they may have more digits than any type of Python's.
JSON_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse_constant)
_STRINGS_AND_LINES = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t]*[\r\n][ \t\r\n]*')


def _json_text(data: bytes) -> str:
    try:
        return _valid_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not JSON: byte {error.start} is not UTF-8") from error


def _json_bytes(text: str) -> bytes:
    try:
        return _valid_json(text).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"not JSON: character {error.start + 1} is not UTF-8") from error


def _valid_json(text: str) -> str:
    """Return JSON as it was written, on one line; raises FormatError.

    It is copied and not written anew: 1.10 stays 1.10, and a name that is there twice stays so.
    """
    try:
        JSON_DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{text[:80]!r} is not JSON: {error}") from error
    text = text.strip()
    return _STRINGS_AND_LINES.sub(lambda found: found[1] or "", text) if "\n" in text or "\r" in text else text


_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")
_BACKSLASH = 0x5C


def _escaped(data: bytes) -> str:
    """As org.apache.kafka.common.utils.Bytes prints itself."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != _BACKSLASH else f"\\x{byte:02X}" for byte in data)


def _unescaped(text: str) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogateescape"))


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
        Format(STRING, jvm_text, lambda text: text.encode("utf-8", "surrogateescape")),
        _number("short", ">h", int),
        _number("int", ">i", int),
        _number("long", ">q", int),
        _number("float", ">f", float),
        _number("double", ">d", float),
        Format("boolean", _to_boolean, _from_boolean),
        # Kafka's UUIDSerializer writes the text form.
        Format("uuid", jvm_text, _refusing("a UUID", lambda text: str(uuid.UUID(text)).encode())),
        Format("bytes", _escaped, _unescaped),
        Format("json", _json_text, _json_bytes),
        Format("hex", bytes.hex, _refusing("hexadecimal", bytes.fromhex)),
        Format(
            "base64",
            lambda data: base64.b64encode(data).decode(),
            _refusing("base64", lambda text: base64.b64decode(text, validate=True)),
        ),
    )
}
