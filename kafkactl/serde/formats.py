"""Keys and values as text for people, and their bytes in Kafka: one format name for both directions.

The numbers are those of Kafka's own serializers (org.apache.kafka.common.serialization): big-endian two's complement
and IEEE 754.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kafkactl.errors import FormatError, UsageError
from kafkactl.storage.text import jvm_text

STRING = "string"
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Format:
    """A named pair of conversions; both raise FormatError for data that are not of the format.

    Those of a schema registry also raise OperationError where it refuses, and UnreachableError where it refuses the
    login or does not answer. Their to_text raises FormatError for a schema that the registry does not have, that is
    wrong, or that needs an extra; their to_bytes raises NotFoundError and UsageError then.
    """

    name: str
    to_text: Callable[[bytes], str]
    to_bytes: Callable[[str], bytes]
    id_header: str | None = None
    """Name of the header that can have the schema's id, instead of the bytes before the value; see add_schema_id."""

    def add_schema_id(self, data: bytes, headers: Sequence[tuple[str | bytes, bytes | None]]) -> bytes:
        """Return a value with the id of its schema before it, as to_text needs it.

        The id is the value of the header whose name is the text `id_header`, of the last one with a value that is not
        empty. Without any, or where `id_header` is None, the data are returned unchanged.
        """
        ids = [value for name, value in headers if name == self.id_header and value]
        return ids[-1] + data if ids else data

    @property
    def from_input(self) -> Callable[[bytes], bytes]:
        """Return the conversion from input text, as bytes, to a record's bytes.

        The format string keeps all bytes; every other format, also string:ENCODING, takes the text as UTF-8. Of these
        only the format bytes keeps bytes that are not UTF-8. The conversion raises FormatError for text that is not of
        the format; that of a schema registry also raises the registry's errors.
        """
        if self.name == STRING:
            return bytes
        return lambda text: self.to_bytes(text.decode("utf-8", errors="surrogateescape"))

    @property
    def to_output(self) -> Callable[[bytes], bytes]:
        """Return the conversion from a record's bytes to output text, as bytes.

        The format string keeps all bytes; the text of every other format, also of string:ENCODING, becomes UTF-8. The
        conversion raises FormatError for bytes that are not of the format; that of a schema registry also raises the
        registry's errors.
        """
        if self.name == STRING:
            return bytes
        return lambda data: self.to_text(data).encode("utf-8", errors="surrogateescape")


def get(name: str, others: Sequence[str] = ()) -> Format:
    """Return the format with a name, spelled as in names(); string:ENCODING is text in another encoding of Python.

    Case counts. The formats with schemas, such as avro, are unknown here: see choose_format. `others` are further names
    for the error's hint only. Raise UsageError for an unknown name or encoding.
    """
    if name.startswith(f"{STRING}:"):
        return _make_encoded_format(name.partition(":")[2])
    try:
        return _FORMATS[name]
    except KeyError:
        raise UsageError(f"unknown format {name!r}", f"use one of {', '.join((*_FORMATS, *others))}") from None


def names() -> list[str]:
    """Return the names of all formats that need no schema, in the order of the help."""
    return list(_FORMATS)


def _make_number_format(name: str, layout: str, parse: Callable[[str], int | float]) -> Format:
    """Return the format of a number with a layout of `struct`, between its bytes and decimal text.

    `parse` takes the text and returns the number, or raises ValueError; it is `int` or `float`, which also take blanks
    at both ends, 1_000, +5, 007 and the digits of every script. Texts of floats are those of Python, such as 1e+20, inf
    and nan. A float is rounded to its bytes, so 1e-60 becomes 0 in 32 bits. The functions of the format raise
    FormatError for bytes of another length, other text, and a number that is too large; but `float` takes 1e999 as
    infinity, which is written.
    """
    packed = struct.Struct(layout)

    def to_text(data: bytes) -> str:
        """Return bytes as a number's text; raise FormatError for another number of bytes."""
        if len(data) != packed.size:
            raise FormatError(f"{len(data)} bytes are not of the format {name}, which has {packed.size}")
        number = packed.unpack(data)[0]
        return str(shorten_float(number) if layout == ">f" else number)

    def to_bytes(text: str) -> bytes:
        """Return a number's text as bytes; raise FormatError for text that `parse` refuses, and for too large a number.

        `parse` is Python's `int` or `float`: blanks at both ends and 1_000 pass, and for a float also nan and inf, with
        infinity for a number that no double can hold, such as 1e999.
        """
        try:
            return packed.pack(parse(text))
        except (ValueError, OverflowError, struct.error) as error:
            raise FormatError(f"{text[:80]!r} is not of the format {name}") from error

    return Format(name, to_text, to_bytes)


def shorten_float(number: float) -> float:
    """Return the number whose text is the shortest one of a 32-bit float, with two digits at least.

    0.10000000149011612, as a float of 32 bits is read, becomes 0.1. Infinity and NaN stay. A number beyond the range of
    32 bits is rounded to 9 digits.
    """
    packed = struct.Struct(">f")
    if not math.isfinite(number):
        return number
    for digits in range(2, 9):
        short = float(f"{number:.{digits}g}")
        with suppress(OverflowError):
            if packed.pack(short) == packed.pack(number):
                return short
    return float(f"{number:.9g}")


def _make_encoded_format(encoding: str) -> Format:
    """Return the format of text in an encoding of Python; raise UsageError for an unknown one.

    The functions of the format raise FormatError for bytes that are not of the encoding, and text that it does not
    have. Half a character (a lone surrogate), which some encodings have, is refused in both directions.
    """
    try:
        "".encode(encoding)
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {encoding!r} of text",
            "use for example string:latin-1, string:utf-16-be or string:euc-kr",
        ) from None

    def to_text(data: bytes) -> str:
        """Return bytes as text; raise FormatError for bytes that are not of the encoding."""
        try:
            text = data.decode(encoding)
            text.encode()  # utf-7, for example, has half characters
        except UnicodeError as error:
            raise FormatError(f"{len(data)} bytes are not {encoding}") from error
        return text

    def to_bytes(text: str) -> bytes:
        """Return text as bytes; raise FormatError for characters that the encoding does not have."""
        try:
            text.encode()
            return text.encode(encoding)
        except UnicodeError as error:
            raise FormatError(f"{text[:80]!r} has characters that {encoding} does not have") from error

    return Format(f"{STRING}:{encoding}", to_text, to_bytes)


def shorten_reason(text: str) -> str:
    """Return the text of a library's error on one line; of more than 300 characters the middle becomes `...`.

    It can have the whole value.
    """
    line = " ".join(part.strip() for part in text.splitlines())
    half = _LONGEST_REASON // 2
    return line if len(line) <= _LONGEST_REASON else f"{line[:half]}...{line[-half:]}"


def refuse_constant(name: str) -> None:
    """Raise ValueError for NaN, Infinity or -Infinity, whose name it takes: JSON has none of them."""
    raise ValueError(f"JSON does not have the value {name}")


# Numbers are not parsed, because they may have more digits than any type of Python.
JSON_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=refuse_constant)
# Without + and *+ `re` would keep more than 100 bytes for each character of a string.
# Only the first of several blanks begins a match: else a million of them would take an hour.
_STRINGS_AND_LINES = re.compile(r'("(?:[^"\\]+|\\.)*+")|(?<![ \t])[ \t]*+[\r\n][ \t\r\n]*')


def _decode_json(data: bytes) -> str:
    """Return JSON as text, on one line; raise FormatError for bytes that are no JSON, and JSON nested too deeply.

    It stays as it was written but for line ends, the blanks around them, and blanks at both ends. NaN, no bytes, and a
    byte order mark are no JSON.
    """
    try:
        return _check_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not JSON: byte {error.start} is not UTF-8") from error


def _encode_json(text: str) -> bytes:
    """Return JSON as bytes, on one line; raise FormatError for text that is no JSON, and JSON nested too deeply.

    It stays as it was written but for line ends, the blanks around them, and blanks at both ends. NaN, an empty text,
    and a lone surrogate are no JSON.
    """
    try:
        return _check_json(text).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"not JSON: character {error.start + 1} is not UTF-8") from error


def _check_json(text: str) -> str:
    """Return JSON as it was written, on one line; raise FormatError for any other text and for JSON nested too deeply.

    Line ends with the blanks around them are removed, outside of strings, and blanks at both ends. The rest is copied
    and not formatted again: 1.10 stays 1.10, and a repeated name stays. NaN and Infinity are no JSON; half of a
    surrogate pair in the text is accepted.
    """
    try:
        JSON_DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{text[:80]!r} is not JSON: {error}") from error
    text = text.strip()
    return _STRINGS_AND_LINES.sub(lambda match: match[1] or "", text) if "\n" in text or "\r" in text else text


_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")
_BACKSLASH = 0x5C


def _escape(data: bytes) -> str:
    r"""Return bytes as org.apache.kafka.common.utils.Bytes prints them: printable ASCII stays.

    All other bytes, and the backslash, become \xHH with capital digits.
    """
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != _BACKSLASH else f"\\x{byte:02X}" for byte in data)


def _unescape(text: str) -> bytes:
    r"""Return text as bytes, with \xHH replaced by the byte; all other text, also other escapes, stays as UTF-8.

    Bytes that surrogateescape has kept in the text come out unchanged. Raise UnicodeEncodeError for other lone
    surrogates.
    """
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "surrogateescape"))


def _make_strict(name: str, convert: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Return a conversion that raises FormatError where `convert` raises ValueError.

    Both take text and return bytes; `name` stands in the message for the format. Other errors pass through.
    """

    def to_bytes(text: str) -> bytes:
        """Return text as bytes; raise FormatError for text that is not of the format."""
        try:
            return convert(text)
        except (ValueError, binascii.Error) as error:
            raise FormatError(f"{text[:80]!r} is not {name}") from error

    return to_bytes


def _decode_boolean(data: bytes) -> str:
    """Return false for the byte 00 and true for 01; raise FormatError for any other bytes."""
    if data not in (b"\0", b"\1"):
        raise FormatError(f"{data[:40].hex()} is not a boolean, which is 00 or 01")
    return "true" if data == b"\1" else "false"


_UUID = re.compile("-".join([r"(\+?[0-9a-fA-F]+)"] * 5))
_UUID_DIGITS = (8, 4, 4, 4, 12)
_UUID_CHARACTERS = 36


def _decode_uuid(data: bytes) -> str:
    """Return the text of a UUID in small letters; raise FormatError for bytes that Kafka's UUIDDeserializer refuses.

    As in java.util.UUID.fromString the five numbers may be shorter, and have a plus sign, or be longer, where only
    their last digits count: 1-2-3-4-5 is 00000001-0002-0003-0004-000000000005. More than 36 characters, a number from
    2^63 on, and characters that are not ASCII are refused.
    """
    text = data.decode("utf-8", errors="replace")
    found = _UUID.fullmatch(text) if len(text) <= _UUID_CHARACTERS else None
    numbers = [int(digits, 16) for digits in found.groups()] if found else []
    if not numbers or max(numbers) >= 1 << 63:
        raise FormatError(f"{text[:80]!r} is not a UUID")
    return "-".join(f"{number:0{digits}x}"[-digits:] for number, digits in zip(numbers, _UUID_DIGITS, strict=True))


def _encode_boolean(text: str) -> bytes:
    """Return the byte 01 for true and 00 for false, in any case; raise FormatError for any other text."""
    if text.lower() not in ("true", "false"):
        raise FormatError(f"{text[:80]!r} is not a boolean, which is true or false")
    return b"\1" if text.lower() == "true" else b"\0"


_FORMATS = {
    format.name: format
    for format in (
        Format(STRING, jvm_text, lambda text: text.encode("utf-8", "surrogateescape")),
        _make_number_format("short", ">h", int),
        _make_number_format("int", ">i", int),
        _make_number_format("long", ">q", int),
        _make_number_format("float", ">f", float),
        _make_number_format("double", ">d", float),
        Format("boolean", _decode_boolean, _encode_boolean),
        # Kafka's UUIDSerializer writes the text form.
        Format("uuid", _decode_uuid, _make_strict("a UUID", lambda text: str(uuid.UUID(text)).encode())),
        Format("bytes", _escape, _unescape),
        Format("json", _decode_json, _encode_json),
        Format("hex", bytes.hex, _make_strict("hexadecimal", bytes.fromhex)),
        Format(
            "base64",
            lambda data: base64.b64encode(data).decode(),
            _make_strict("base64", lambda text: base64.b64decode(text, validate=True)),
        ),
    )
}
