"""Records by a template with kcat's marks (its option -f)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.output.records import RecordWriter
from kafkactl.serde.formats import Format
from kafkactl.storage.text import name_bytes
from kafkactl.streams.properties import unescape
from kafkactl.streams.record import headers_of

MARKS = (
    "%s value, %S its length, %R its length as four bytes, %k key, %K its length, %t topic, %p partition, %o offset, "
    "%T time in ms, %h headers, %% percent; \\n \\t \\xHH"
)

_ABSENT = -1


class Template(RecordWriter):
    """Prints each record by the template and nothing else: line ends are said in it. Raises UsageError."""

    def __init__(self, text: str, key: Format, value: Format) -> None:
        self._key, self._value = key.to_output, value.to_output
        marks: dict[str, Callable[[Any], bytes]] = {
            "s": lambda message: self._text(message.value(), self._value),
            "S": lambda message: str(_length(message.value())).encode(),
            "R": lambda message: struct.pack(">i", _length(message.value())),
            "k": lambda message: self._text(message.key(), self._key),
            "K": lambda message: str(_length(message.key())).encode(),
            "t": lambda message: message.topic().encode(),
            "p": lambda message: str(message.partition()).encode(),
            "o": lambda message: str(message.offset()).encode(),
            "T": lambda message: str(message.timestamp()[1] if message.timestamp()[0] else _ABSENT).encode(),
            "h": _headers,
            "%": lambda message: b"%",
        }
        self._parts: list[bytes | Callable[[Any], bytes]] = []
        literal, *rest = text.split("%")
        self._add(literal)
        at = iter(rest)
        for piece in at:
            # Between two marks of percent is nothing: %% is one.
            mark, following = ("%", next(at, None)) if not piece else (piece[0], piece[1:])
            if mark not in marks or following is None:
                raise UsageError(f"--format: %{piece[:1]} is no mark", MARKS)
            self._parts.append(marks[mark])
            self._add(following)

    def write(self, message: Any) -> bytes:
        """One record; raises FormatError for bytes that are not of their format."""
        return b"".join([part if isinstance(part, bytes) else part(message) for part in self._parts])

    def _add(self, literal: str) -> None:
        if literal:
            self._parts.append(unescape(literal).encode("utf-8", "surrogateescape"))

    @staticmethod
    def _text(data: bytes | None, write: Callable[[bytes], bytes]) -> bytes:
        return b"" if data is None else write(data)


def _length(data: bytes | None) -> int:
    return _ABSENT if data is None else len(data)


def _headers(message: Any) -> bytes:
    pairs = headers_of(message)
    return b",".join(name_bytes(name) + b"=" + (b"NULL" if value is None else value) for name, value in pairs)
