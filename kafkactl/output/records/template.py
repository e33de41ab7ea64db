"""Records in a template with the marks of kcat's option -f."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.output.records import RecordWriter
from kafkactl.serde.formats import Format
from kafkactl.storage.text import name_bytes
from kafkactl.streams.properties import unescape
from kafkactl.streams.record import read_headers

MARKS = (
    "%s value, %S its length, %R its length as four bytes, %k key, %K its length, %t topic, %p partition, %o offset, "
    "%T time in ms, %h headers, %% percent; \\n \\t \\xHH"
)

_ABSENT = -1


class Template(RecordWriter):
    """Writer of records by a template.

    Only the template is printed, so it must contain the line ends. Raise UsageError for an unknown mark.
    """

    def __init__(self, text: str, key: Format, value: Format) -> None:
        r"""Take a template with the marks in MARKS, and the formats of keys and values.

        Escapes (\t, \n, \r, \0, \xHH, \\) are replaced; an unknown escape stays. \xHH is a character, so \xff is two
        bytes of UTF-8. Values of the record keep their backslashes. An empty template prints nothing. Raise UsageError
        for an unknown mark, and for a single % at the end, and UnicodeEncodeError for a lone surrogate that stands for
        no byte.
        """
        self._key, self._value = key.to_output, value.to_output
        marks: dict[str, Callable[[Any], bytes]] = {
            "s": lambda message: self._write_or_empty(message.value(), self._value),
            "S": lambda message: str(_count_bytes(message.value())).encode(),
            "R": lambda message: struct.pack(">i", _count_bytes(message.value())),
            "k": lambda message: self._write_or_empty(message.key(), self._key),
            "K": lambda message: str(_count_bytes(message.key())).encode(),
            "t": lambda message: message.topic().encode(),
            "p": lambda message: str(message.partition()).encode(),
            "o": lambda message: str(message.offset()).encode(),
            "T": lambda message: str(message.timestamp()[1] if message.timestamp()[0] else _ABSENT).encode(),
            "h": _format_headers,
            "%": lambda message: b"%",
        }
        self._parts: list[bytes | Callable[[Any], bytes]] = []
        literal, *rest = text.split("%")
        self._add_literal(literal)
        at = iter(rest)
        for piece in at:
            # An empty piece between two percent signs means %%, which is one percent sign.
            mark, following = ("%", next(at, None)) if not piece else (piece[0], piece[1:])
            if mark not in marks or following is None:
                raise UsageError(f"unknown mark %{piece[:1]} in --format", f"use {MARKS}")
            self._parts.append(marks[mark])
            self._add_literal(following)

    def write(self, message: Any) -> bytes:
        """Return the bytes of one record, without a line end that the template does not have.

        Lengths count the record's own bytes, before the format; they are -1 for None, and so is a missing time. A key
        or value of None is empty. Raise FormatError for a printed key or value that its format cannot read,
        OperationError where no temporary file can be made or a schema registry refuses, UnreachableError where it
        refuses the login or does not answer, and KafkactlError for headers that cannot be read.
        """
        return b"".join([part if isinstance(part, bytes) else part(message) for part in self._parts])

    def _add_literal(self, literal: str) -> None:
        """Add the text between two marks to the parts, with its escapes replaced; empty text adds nothing."""
        if literal:
            self._parts.append(unescape(literal).encode("utf-8", "surrogateescape"))

    @staticmethod
    def _write_or_empty(data: bytes | None, write: Callable[[bytes], bytes]) -> bytes:
        """Return bytes as `write` converts them; nothing for None. The errors of `write` are raised."""
        return b"" if data is None else write(data)


def _count_bytes(data: bytes | None) -> int:
    """Return the number of bytes; -1 for None."""
    return _ABSENT if data is None else len(data)


def _format_headers(message: Any) -> bytes:
    """Return headers as NAME=VALUE joined by commas; NULL for a value of None, nothing without headers.

    Headers with a name that is not UTF-8 are read again from the broker. Raise KafkactlError where that fails.
    """
    pairs = read_headers(message)
    return b",".join(name_bytes(name) + b"=" + (b"NULL" if value is None else value) for name, value in pairs)
