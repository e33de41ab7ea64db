from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde import formats


@pytest.mark.parametrize(
    ("name", "text", "data"),
    [
        ("string", "é자", b"\xc3\xa9\xec\x9e\x90"),
        ("short", "-2", b"\xff\xfe"),
        ("int", "258", b"\x00\x00\x01\x02"),
        ("long", "-1", b"\xff" * 8),
        ("double", "1.5", b"\x3f\xf8" + bytes(6)),
        ("float", "-2.0", b"\xc0\x00\x00\x00"),
        ("boolean", "true", b"\x01"),
        ("boolean", "false", b"\x00"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", b"123e4567-e89b-12d3-a456-426614174000"),
        ("hex", "00ff", b"\x00\xff"),
        ("base64", "AP8=", b"\x00\xff"),
    ],
)
def test_both_directions(name: str, text: str, data: bytes) -> None:
    format = formats.get(name)
    assert format.to_bytes(text) == data
    assert format.to_text(data) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("short", "40000"),
        ("int", "x"),
        ("long", ""),
        ("double", "one"),
        ("boolean", "yes"),
        ("uuid", "123"),
        ("hex", "0g"),
        ("base64", "?"),
        ("base64", "AP8"),
        ("float", "1e300"),
    ],
)
def test_text_that_is_not_of_the_format(name: str, text: str) -> None:
    with pytest.raises(FormatError):
        formats.get(name).to_bytes(text)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("int", b"123"),
        ("long", b""),
        ("boolean", b"\x02"),
        ("uuid", b""),
        ("uuid", b"5"),
        ("uuid", b"1-2-3-4"),
        ("uuid", b"1-2-3-4-5-6"),
        ("uuid", b"1-2-3-4-"),
        ("uuid", b"1-2-3--4-5"),
        ("uuid", b"1-2-3-4-g"),
        ("uuid", b"1-2-3-4-5\n"),
        ("uuid", b"8000000000000000-0-0-0-0"),
        ("uuid", b"123e4567-e89b-12d3-a456-4266141740001"),
        ("uuid", b"\xff" * 36),
    ],
)
def test_bytes_that_are_not_of_the_format(name: str, data: bytes) -> None:
    with pytest.raises(FormatError):
        formats.get(name).to_text(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"1-2-3-4-5", "00000001-0002-0003-0004-000000000005"),
        (b"+1-2-3-4-+5", "00000001-0002-0003-0004-000000000005"),
        (b"7fffffff00000001-12345-3-4-5", "00000001-2345-0003-0004-000000000005"),
        (b"123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    ],
)
def test_uuids_are_read_as_java_does(data: bytes, text: str) -> None:
    assert formats.get("uuid").to_text(data) == text


@pytest.mark.parametrize("encoding", ["nothing", "hex", "a\0b"])
def test_an_encoding_that_text_cannot_have_is_refused(encoding: str) -> None:
    with pytest.raises(UsageError, match="encoding"):
        formats.get(f"string:{encoding}")


def test_bytes_that_are_not_utf8_are_shown_all_the_same() -> None:
    assert formats.get("string").to_text(b"a\xffb") == "a�b"


@pytest.mark.parametrize("character", ["x", r"\n", r"\"ab"])
def test_long_texts_in_json_need_little_memory(character: str) -> None:
    """They are searched for line ends, which must not take a hundred times their size."""
    text = f'{{\n"a": "{character * 50_000}"}}'
    tracemalloc.start()
    try:
        assert formats.get("json").to_bytes(text) == text.replace("\n", "").encode()
        assert tracemalloc.get_traced_memory()[1] < 20 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("blank", [" ", "\t"])
def test_many_blanks_in_json_need_little_time(blank: str) -> None:
    """A search for line ends that begins again at every blank would take an hour."""
    text = f"[1,{blank * 1_000_000}2\n]"
    assert formats.get("json").to_text(text.encode()) == text.replace("\n", "")


@pytest.mark.parametrize("name", ["int", "boolean", "uuid", "hex", "base64"])
def test_an_error_does_not_have_the_whole_of_a_large_value(name: str) -> None:
    with pytest.raises(FormatError) as raised:
        formats.get(name).to_bytes("?" * 1_000_000)
    assert len(str(raised.value)) < 200


def test_an_error_does_not_have_all_bytes_of_a_large_value() -> None:
    with pytest.raises(FormatError, match=r"^7878.*78 is not a boolean") as raised:
        formats.get("boolean").to_text(b"x" * 1_000_000)
    assert len(str(raised.value)) < 200


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as raised:
        formats.get("xml")
    assert "base64" in (raised.value.hint or "")


@given(st.binary())
def test_hex_and_base64_lose_nothing(data: bytes) -> None:
    for name in ("hex", "base64"):
        format = formats.get(name)
        assert format.to_bytes(format.to_text(data)) == data


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (1e10, "10000000000.0"),
        (1e-5, "1e-05"),
        (float("inf"), "inf"),
        (-0.0, "-0.0"),
        (1.4e-45, "1.4e-45"),
        (3.4028235e38, "3.4028235e+38"),
        (16777216.0, "16777216.0"),
    ],
)
def test_a_float_is_the_shortest_text(number: float, text: str) -> None:
    assert formats.get("float").to_text(struct.pack(">f", number)) == text


@pytest.mark.parametrize(
    "encoding", ["utf-7", "unicode_escape", "raw_unicode_escape", "utf-16-be", "utf-32-le", "cp1252"]
)
def test_half_a_character_is_no_text_of_any_encoding(encoding: str) -> None:
    """Some encodings of Python have lone surrogates, which no output has."""
    chosen = formats.get(f"string:{encoding}")
    assert chosen.to_output(chosen.from_input("a\u20ac".encode())) == "a\u20ac".encode()
    with pytest.raises(FormatError):
        chosen.from_input(b"a\xff")
    for data in (b"+2AA-", b"\\ud800", b"\xd8\x00", b"\x00\xd8\x00\x00", b"\x81"):
        with suppress(FormatError):
            chosen.to_output(data).decode()


@pytest.mark.parametrize(
    ("encoding", "data"), [("utf-7", b"+2AA-"), ("unicode_escape", b"\\ud800"), ("raw_unicode_escape", b"\\ud800")]
)
def test_bytes_of_half_a_character_are_refused(encoding: str, data: bytes) -> None:
    with pytest.raises(FormatError):
        formats.get(f"string:{encoding}").to_output(data)
