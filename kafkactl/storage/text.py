"""Bytes as text, as the JVM reads them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_LONGEST_CHARACTER = 4  # bytes of UTF-8


def jvm_text(data: bytes) -> str:
    """Bytes as new String(bytes, UTF_8) reads them: what is not UTF-8 becomes U+FFFD, as often as there."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Python's own replacement is ten times as fast, and differs only where there are surrogates.
        return data.decode("utf-8", _JVM_ERRORS if _SURROGATE.search(data) else "replace")


def utf8_parts(data: bytes, size: int = 1024 * 1024) -> Iterator[bytes]:
    """Yield bytes as UTF-8 in parts, each of about `size` bytes: together what jvm_text makes of all of them."""
    position = 0
    while position < len(data):
        end = _boundary(data, position + size)
        part = data[position:end]
        yield part if _is_utf8(part) else jvm_text(part).encode()
        position = end


def is_utf8(data: bytes, size: int = 1024 * 1024) -> bool:
    """Return whether bytes are UTF-8, without making a text of all of them."""
    position = 0
    while position < len(data):
        end = _boundary(data, position + size)
        if not _is_utf8(data[position:end]):
            return False
        position = end
    return True


def _boundary(data: bytes, end: int) -> int:
    """Return the last place at or before `end` where no character is cut, in UTF-8 and in what only resembles it."""
    if end >= len(data):
        return len(data)
    for start in range(end, end - _LONGEST_CHARACTER, -1):
        if data[start] & 0xC0 != 0x80:  # not inside of a character
            return start
    return end


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def name_text(data: bytes) -> str:
    """Return a header's name; bytes that are not UTF-8 become surrogates, from which name_bytes makes them again."""
    return data.decode("utf-8", "surrogateescape")


def name_bytes(name: str | bytes) -> bytes:
    """Return a header's name as it is in the log."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def shown_name(name: str) -> str:
    """Return a header's name as the JVM shows it."""
    return name if name.isascii() else jvm_text(name_bytes(name))


def _replaced_as_in_java(error: UnicodeError) -> tuple[str, int]:
    """Python replaces the bytes of a lone surrogate one by one, Java all of them at once."""
    assert isinstance(error, UnicodeDecodeError)  # nothing but decoding is registered for
    data, end = error.object, error.end
    if data[error.start] == 0xED and 0xA0 <= data[error.start + 1 : error.start + 2].ljust(1, b"\0")[0] <= 0xBF:
        end = error.start + 2
        if 0x80 <= data[end : end + 1].ljust(1, b"\0")[0] <= 0xBF:
            end += 1
    return "\ufffd", end


_JVM_ERRORS = "kafkactl-jvm"
codecs.register_error(_JVM_ERRORS, _replaced_as_in_java)
