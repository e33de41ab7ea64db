"""Bytes as text, as the JVM decodes them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_LONGEST_CHARACTER = 4  # bytes of UTF-8


def jvm_text(data: bytes) -> str:
    """Return bytes as text, like `new String(bytes, UTF_8)` in Java.

    Bytes that are not UTF-8 become U+FFFD, in the same number as in Java.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Python's own replacement is ten times as fast, and differs only where there are surrogates.
        return data.decode("utf-8", _JVM_ERRORS if _SURROGATE.search(data) else "replace")


def split_as_utf8(data: bytes, size: int = 1024 * 1024) -> Iterator[bytes]:
    """Yield bytes as valid UTF-8, in parts of about `size` bytes, in their order; nothing for no bytes.

    `size` is 4 at least. Bytes that are not UTF-8 become U+FFFD, which can make a part up to three times as large:
    together the parts are the encoded result of `jvm_text`.
    """
    position = 0
    while position < len(data):
        end = _find_boundary(data, position + size)
        part = data[position:end]
        yield part if _is_utf8(part) else jvm_text(part).encode()
        position = end


def is_utf8(data: bytes, size: int = 1024 * 1024) -> bool:
    """Return whether bytes are valid UTF-8.

    True for no bytes; surrogates are not valid. They are checked in parts of about `size` bytes, 4 at least, so that no
    text of all of them is needed.
    """
    position = 0
    while position < len(data):
        end = _find_boundary(data, position + size)
        if not _is_utf8(data[position:end]):
            return False
        position = end
    return True


def _find_boundary(data: bytes, end: int) -> int:
    """Return the last position at or before `end` that cuts no character, in UTF-8 and in bytes that resemble it.

    `end` is 3 at least; past the data it gives their length. Where none of the last 4 positions begins a character, the
    result is `end`.
    """
    if end >= len(data):
        return len(data)
    for start in range(end, end - _LONGEST_CHARACTER, -1):
        if data[start] & 0xC0 != 0x80:  # not inside of a character
            return start
    return end


def _is_utf8(data: bytes) -> bool:
    """Return whether bytes are valid UTF-8, checked as a whole."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def name_text(data: bytes) -> str:
    """Return a header's name as text; bytes that are not UTF-8 become surrogates, which `name_bytes` reverses."""
    return data.decode("utf-8", "surrogateescape")


def name_bytes(name: str | bytes) -> bytes:
    """Return a header's name as bytes, as it is in the log; bytes are returned as they are.

    Raise UnicodeEncodeError for text with a lone surrogate that stands for no byte.
    """
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def format_header_name(name: str) -> str:
    """Return a header's name as the JVM shows it: with U+FFFD in place of the bytes that are not UTF-8.

    `name` has such bytes as surrogates, as `name_text` makes them. Raise UnicodeEncodeError for any other surrogate.
    """
    return name if name.isascii() else jvm_text(name_bytes(name))


def _replace_as_in_java(error: UnicodeError) -> tuple[str, int]:
    """Return U+FFFD and the position where decoding goes on, as a handler of errors of the module `codecs`.

    `error` is one of decoding. Python replaces each byte of a lone surrogate, Java all of its bytes together.
    """
    assert isinstance(error, UnicodeDecodeError)  # the error handler is used for decoding only
    data, end = error.object, error.end
    if data[error.start] == 0xED and 0xA0 <= data[error.start + 1 : error.start + 2].ljust(1, b"\0")[0] <= 0xBF:
        end = error.start + 2
        if 0x80 <= data[end : end + 1].ljust(1, b"\0")[0] <= 0xBF:
            end += 1
    return "\ufffd", end


_JVM_ERRORS = "kafkactl-jvm"
codecs.register_error(_JVM_ERRORS, _replace_as_in_java)
