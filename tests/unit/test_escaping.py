"""What a terminal must not obey is escaped, and nothing else is changed."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kafkactl.escaping import TerminalEscaper, encode_text, escape_bytes_for_terminal, escape_for_terminal

FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xDC80, 0xDCA0)}
KEPT = {0x09, 0x0A}
controls = st.sampled_from([chr(code) for code in sorted(FORBIDDEN)])
texts = st.lists(st.one_of(st.text(max_size=5), controls, st.characters(categories=["Cs", "Cf", "Lo"]))).map("".join)
byte_texts = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.text(max_size=3).map(str.encode),
        st.sampled_from(
            [b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xc2\x9b", b"\xe2", b"\x80", b"\x9b", b"\x1b", b"\xf0\x9f"]
        ),
    )
).map(b"".join)


@given(texts, st.booleans())
def test_no_forbidden_character_is_left(text: str, keep: bool) -> None:
    escaped = escape_for_terminal(text, keep_line_ends=keep)
    assert not {ord(character) for character in escaped} & (FORBIDDEN - (KEPT if keep else set()))
    assert escape_for_terminal(escaped, keep_line_ends=keep) == escaped


@given(texts, st.booleans())
def test_other_characters_stay(text: str, keep: bool) -> None:
    allowed = "".join(c for c in text if ord(c) not in FORBIDDEN or (keep and ord(c) in KEPT))
    assert escape_for_terminal(allowed, keep_line_ends=keep) == allowed
    assert len(escape_for_terminal(text, keep_line_ends=keep)) >= len(text)


@given(byte_texts, st.booleans())
def test_text_and_bytes_are_escaped_alike(data: bytes, keep: bool) -> None:
    text = data.decode("utf-8", "surrogateescape")
    expected = escape_for_terminal(text, keep_line_ends=keep).encode("utf-8", "surrogateescape")
    assert escape_bytes_for_terminal(data, keep_line_ends=keep) == expected


@given(byte_texts)
def test_no_forbidden_byte_is_left(data: bytes) -> None:
    escaped = escape_bytes_for_terminal(data, keep_line_ends=True)
    text = escaped.decode("utf-8", "surrogateescape")
    assert not {ord(character) for character in text} & (FORBIDDEN - KEPT)


@given(byte_texts, st.data())
def test_cuts_do_not_change_what_is_escaped(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    escaper = TerminalEscaper()
    pieces = [data[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(data)])]
    escaped = b"".join([*map(escaper.escape, pieces), escaper.finish()])
    assert escaped == escape_bytes_for_terminal(data, keep_line_ends=True)


@given(st.binary(), st.text(st.characters(categories=["Cs"])))
def test_text_keeps_bytes_and_shows_other_surrogates(data: bytes, surrogates: str) -> None:
    assert encode_text(data.decode("utf-8", "surrogateescape")) == data
    shown = encode_text(surrogates)
    for character in surrogates:
        is_byte = 0xDC80 <= ord(character) <= 0xDCFF
        assert (bytes([ord(character) & 0xFF]) if is_byte else f"\\u{ord(character):04x}".encode()) in shown
