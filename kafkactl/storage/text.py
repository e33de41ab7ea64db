"""Bytes as text, as the JVM reads them."""

from __future__ import annotations

import codecs


def jvm_text(data: bytes) -> str:
    """Bytes as new String(bytes, UTF_8) reads them: what is not UTF-8 becomes U+FFFD, as often as there."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", _JVM_ERRORS)


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
