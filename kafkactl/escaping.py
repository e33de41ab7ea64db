"""Escaping of characters that must not reach a terminal, and encoding of text with bytes that are not UTF-8.

Everything from outside (records, names, broker errors) passes here before it reaches a terminal: stdout.py calls this
module for data, output/people.py for messages. Passwords in URLs are hidden here, too, because any message can have
one.
"""

from __future__ import annotations

import codecs
import re

# `re` compiles and keeps these at their first use, because only terminals need them.
# U+DC80 to U+DC9F are the bytes 0x80 to 0x9f after surrogateescape.
_FORBIDDEN = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udc9f]"
_FORBIDDEN_IN_LINE = _FORBIDDEN.replace(r"\x00-\x08\x0b-\x1f", r"\x00-\x1f")
# As UTF-8; JSON itself escapes all characters below U+0020.
_FORBIDDEN_IN_JSON = rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]"
# Colours, and the codes of rich's Live: moves of the cursor, erasing, showing and hiding the cursor.
_OUR_CODES = r"\x1b\[[\d;:]*m|\x1b\[\d*[A-K]|\x1b\[\?25[hl]|\r(?=\x1b\[2K)"
_SHORT_FORMS = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


HIDDEN = "********"
"""Text in place of a secret."""
_SCHEME = r"[a-zA-Z][a-zA-Z0-9+.-]*://"
_WORD = r"[^\s\"'<>]+"
_NAME_IN_QUERY = r"[?&][^&=\s]*=?"  # also without =, so that no place is searched twice
_VALUE_IN_QUERY = r"""'[^'\s]+'|"[^"\s]+"|[^&\s"'<>]+"""
_SECRET_NAMES = ("token", "secret", "password", "key")


def hide_in_urls(text: str) -> str:
    """Return text with the logins and secrets of all URLs in it hidden: https://********@host?token=********.

    All between the first :// and the last @ of a word counts as a login, so an @ in a path, too. A word ends at white
    space, a quote, < or >. A secret is the value of a query parameter, also outside of URLs, whose name contains token,
    secret, password or key, in any case. Text without :// is returned unchanged.
    """
    if "://" not in text:
        return text
    return _hide_in_query(re.sub(_WORD, _hide_login, text))


def hide_in_url(url: str) -> str:
    """Return one URL with its login and its secrets hidden, even if the URL is invalid.

    Everything before the last @, except SCHEME://, counts as a login. A secret is the value of a query parameter whose
    name contains token, secret, password or key, in any case. It ends at & or the end. A URL without them is returned
    unchanged.
    """
    login, at, rest = url.rpartition("@")
    scheme = re.match(_SCHEME, login)  # a password may have :// in it
    safe_url = f"{scheme[0] if scheme else ''}{HIDDEN}@{rest}" if at else url
    return _hide_in_query(safe_url, value=r"[^&]+")


def _hide_login(word: re.Match[str]) -> str:
    """Return a word of a text, with the login hidden where the word is a URL.

    The login ends at the last @, because people write passwords with / and @ unescaped.
    """
    before, separator, rest = word[0].partition("://")
    return f"{before}{separator}{HIDDEN}@{rest.rpartition('@')[2]}" if "@" in rest else word[0]


def _hide_in_query(text: str, value: str = _VALUE_IN_QUERY) -> str:
    """Return text with the values of query parameters hidden whose names contain token, secret, password or key.

    Names count in any case, and also where the text is no URL: each ?NAME=VALUE or &NAME=VALUE. `value` is the regular
    expression of a value, by default quoted text without white space, or else up to &, white space, a quote, < or >. An
    empty value stays.
    """
    parts, end = [], 0
    for name in re.finditer(_NAME_IN_QUERY, text):
        if name.start() < end or not any(word in name[0].lower() for word in _SECRET_NAMES):
            continue
        found = re.compile(value).match(text, name.end())
        if name[0].endswith("=") and found is not None:
            parts += [text[end : name.end()], HIDDEN]
            end = found.end()
    return "".join([*parts, text[end:]])


def encode_text(text: str) -> bytes:
    r"""Return text as UTF-8; no text is refused.

    Bytes that surrogateescape kept are restored; other lone surrogates become `\ud800`.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        text = re.sub(r"[\ud800-\udc7f\udd00-\udfff]", _show_character, text)
        return text.encode("utf-8", "surrogateescape")


def escape_for_terminal(text: str, *, keep_line_ends: bool) -> str:
    r"""Return text without characters that control a terminal or turn the direction of text.

    They become visible: `\r`, `\x1b`, `\u202e`. Line feed and tab stay with `keep_line_ends`, for text of records;
    without it, for names and cells, they are escaped, too. Marks such as U+200F stay. Bytes 0x80 to 0x9f that
    surrogateescape kept become `\x80` to `\x9f`; other bytes and backslashes stay.
    """
    if text.isprintable():  # then it has no forbidden character
        return text
    return re.sub(_FORBIDDEN if keep_line_ends else _FORBIDDEN_IN_LINE, _show_character, text)


def escape_in_json(data: bytes) -> bytes:
    r"""Return JSON, as UTF-8, with escapes like `\u009b` for characters that control a terminal or text's direction.

    Its meaning for a program does not change. Characters below U+0020, which JSON has only between values, stay.
    """
    return re.sub(_FORBIDDEN_IN_JSON, lambda match: b"\\u%04x" % ord(match[0].decode()), data)


def escape_bytes_for_terminal(data: bytes, *, keep_line_ends: bool) -> bytes:
    """Return whole UTF-8 text with visible escapes for characters that control a terminal or turn text's direction.

    `keep_line_ends` keeps line feed and tab. Invalid bytes stay, except 0x80 to 0x9f, because some terminals take them
    for C1 control characters.
    """
    suspect = rb"[\x00-\x08\x0b-\x1f\x7f-\x9f]" if keep_line_ends else rb"[\x00-\x1f\x7f-\x9f]"
    if re.search(suspect, data) is None:  # every forbidden character has one of these bytes
        return data
    text = data.decode("utf-8", "surrogateescape")
    return escape_for_terminal(text, keep_line_ends=keep_line_ends).encode("utf-8", "surrogateescape")


def escape_styled(text: str) -> str:
    """Return text escaped for a terminal; line feed and tab stay.

    Codes of colours, and those of rich's Live, stay, too: moves of the cursor, erasing, showing and hiding the cursor.
    """
    return re.sub(f"({_OUR_CODES})|{_FORBIDDEN}", lambda match: match[1] or _show_character(match), text)


def _escape_decoded(text: str) -> bytes:
    """Return text that was decoded with surrogateescape as escaped bytes; line feed and tab stay."""
    return escape_for_terminal(text, keep_line_ends=True).encode("utf-8", "surrogateescape")


def _show_character(match: re.Match[str]) -> str:
    r"""Return the visible form of the matched character: \r, \n, \t, \x1b or \u202e; a byte 0x9b becomes \x9b."""
    character = match[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDC9F:
        code -= 0xDC00
    return _SHORT_FORMS.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


class TerminalEscaper:
    """Escaper of a stream of bytes for a terminal, however the stream is cut into pieces."""

    def __init__(self) -> None:
        """Begin a stream."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def escape(self, piece: bytes | bytearray | memoryview) -> bytes:
        """Return the next piece of the stream escaped; line feed and tab stay.

        The beginning of an incomplete character at its end is returned with the next piece, or by finish(). Bytes that
        are not UTF-8 stay, except 0x80 to 0x9f, which become visible.
        """
        return _escape_decoded(self._decoder.decode(bytes(piece)))

    def finish(self) -> bytes:
        """Return the incomplete character at the end of the stream, escaped; b"" without one.

        A new stream can begin then.
        """
        return _escape_decoded(self._decoder.decode(b"", True))
