"""The syntax of regular expressions in subscriptions of consumers: that of RE2, in which brokers read them.

Reference: com.google.re2j.Parser 1.8, with the flags of Pattern.compile.
"""

from __future__ import annotations

import re

_BAD_CLASS = "invalid character class range"
_BAD_ESCAPE = "invalid escape sequence"
_BAD_FLAGS = "invalid or unsupported Perl syntax"
_BAD_NAME = "invalid named capture"
_BAD_COUNT = "invalid repeat count"
_MOST_REPETITIONS = 1000
_LONGEST_COUNT = 8
_LAST_CHARACTER = 0x10FFFF
_COUNTS = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}")
_FLAGS = re.compile(r"\(\?(?:[imsU]*|[imsU]*-[imsU]+)([:)])")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_POSIX = re.compile(r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]")
_PERL_CLASS = re.compile(r"\\[dDsSwW]")
_PLACE = re.compile(r"\\[AbBz]")
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[1-7][0-7]{1,2}|0[0-7]{0,2})|x\{(?P<long>[0-9a-fA-F]+)\}|x(?P<short>[0-9a-fA-F]{2})"
    r"|(?P<control>[afnrtv])|(?P<mark>[^A-Za-z0-9]))",
    re.DOTALL,
)
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_UNICODE_CLASS = re.compile(r"\\[pP](?:\{\^?([^}]*)\}|([^{]))", re.DOTALL)
_UNICODE_NAMES = (
    "Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Arabic "
    "Armenian Avestan Balinese Bamum Batak Bengali Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian "
    "Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Egyptian_Hieroglyphs Ethiopic Georgian "
    "Glagolitic Gothic Greek Gujarati Gurmukhi Han Hangul Hanunoo Hebrew Hiragana Imperial_Aramaic Inherited "
    "Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li Kharoshthi Khmer Lao Latin "
    "Lepcha Limbu Linear_B Lisu Lycian Lydian Malayalam Mandaic Meetei_Mayek Mongolian Myanmar New_Tai_Lue Nko Ogham "
    "Ol_Chiki Old_Italic Old_Persian Old_South_Arabian Old_Turkic Oriya Osmanya Phags_Pa Phoenician Rejang Runic "
    "Samaritan Saurashtra Shavian Sinhala Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet "
    "Tamil Telugu Thaana Thai Tibetan Tifinagh Ugaritic Unknown Vai Yi"
)
"""Names of categories and scripts."""


class _SyntaxError(Exception):
    """A regular expression that RE2 does not accept; the text is its sentence."""


def find_problem(regex: str) -> str | None:
    """Return why a regular expression is invalid, in the words of RE2, or None for a valid one.

    Only the first problem is named, without the wrong piece of the expression. The empty expression is valid. The
    product of nested repetitions is not checked. Nothing is raised.
    """
    try:
        _Reader(regex).read()
    except _SyntaxError as error:
        return str(error)
    return None


class _Reader:
    """The place in a regular expression that is being read."""

    def __init__(self, text: str) -> None:
        """Take the whole expression. Nothing is read or checked yet."""
        self.text = text
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()
        self.can_repeat = False
        """Whether the text before can be repeated."""
        self.is_repeated = False
        """Whether the text before ends with a repetition, or with a { that is a character."""

    def read(self) -> None:
        """Read to the end. Raise _SyntaxError for the first problem, also a group that is not closed. Call it once."""
        while self.at < len(self.text):
            was_repeated, self.is_repeated = self.is_repeated, False
            char = self.text[self.at]
            if char == "(":
                self._open()
            elif char == ")":
                self._close()
            elif char == "|":
                self.at, self.can_repeat = self.at + 1, False
            elif char in "*+?" or (char == "{" and _COUNTS.match(self.text, self.at)):
                self._repeat(was_repeated)
            elif self.text.startswith("\\Q", self.at):
                self._quote()
            else:
                self._read_one(char)
                self.is_repeated = char == "{"  # RE2/J takes this bracket, which is a character, for a repetition, too
        if self.depth:
            raise _SyntaxError("missing closing )")

    def _read_one(self, char: str) -> None:
        r"""Read a class, a set such as \d, a place such as \b, or a single character; `char` is the next character.

        Afterwards a repetition is allowed. Raise _SyntaxError for a wrong one.
        """
        if char == "[":
            self._read_class()
        elif not (char == "\\" and (self._skip(_PLACE) or self._skip_set())):
            self._read_character()
        self.can_repeat = True

    def _open(self) -> None:
        """Read the beginning of a group, or flags.

        Flags alone, such as (?i) or the empty (?), open no group. Look-ahead, such as (?=a), is an unknown kind of
        group. Raise _SyntaxError for an unknown kind of group, wrong flags, and a wrong or repeated name.
        """
        if self.text.startswith(("(?P<", "(?<"), self.at):
            self._read_name()
        elif self.text.startswith("(?", self.at):
            match = self._skip(_FLAGS)
            if match is None:
                raise _SyntaxError(_BAD_FLAGS)
            if match[1] == ")":
                return
        else:
            self.at += 1
        self.depth += 1
        self.can_repeat = False

    def _read_name(self) -> None:
        """Read (?P<NAME> or (?<NAME>, which must be here. Raise _SyntaxError for a wrong or repeated name.

        A name has ASCII letters, digits and _. The caller counts the group as open.
        """
        start = self.text.index("<", self.at) + 1
        end = self.text.find(">", start)
        name = self.text[start:end]
        if end < 0 or not _NAME.fullmatch(name):
            raise _SyntaxError(_BAD_NAME)
        if name in self.names:
            raise _SyntaxError("duplicate capture group name")
        self.names.add(name)
        self.at = end + 1

    def _close(self) -> None:
        """Read the end of a group. Raise _SyntaxError where none is open."""
        if not self.depth:
            raise _SyntaxError("regexp/syntax: internal error")
        self.at += 1
        self.depth -= 1
        self.can_repeat = True

    def _repeat(self, was_repeated: bool) -> None:
        """Read a repetition; `was_repeated` says that another one, or a { that is a character, is just before it.

        A ? behind it belongs to it. Raise _SyntaxError with `was_repeated`, for one with nothing before it, and for
        wrong numbers in it.
        """
        if match := self._skip(_COUNTS):
            least, comma, most = match.groups()
            _check_counts(least, most if comma else least)
        else:
            self.at += 1
        if self.text.startswith("?", self.at):
            self.at += 1
        if was_repeated:
            raise _SyntaxError("invalid nested repetition operator")
        if not self.can_repeat:
            raise _SyntaxError("missing argument to repetition operator")
        self.is_repeated = True

    def _quote(self) -> None:
        r"""Read text between \Q and \E; without \E it goes to the end. Nothing is raised."""
        end = self.text.find("\\E", self.at + 2)
        literal = self.text[self.at + 2 : end if end >= 0 else None]
        self.at = end + 2 if end >= 0 else len(self.text)
        self.can_repeat = self.can_repeat or bool(literal)

    def _read_class(self) -> None:
        """Read a class in square brackets, whose [ is here; a ] at its beginning is a character.

        Raise _SyntaxError for a class without an end, an unknown name such as [:foo:], a wrong escape, and a range
        backwards or with an escaped set (backslash, d) as its end.
        """
        self.at += 2 if self.text.startswith("[^", self.at) else 1
        is_first = True
        while is_first or not self.text.startswith("]", self.at):
            is_first = False
            if self.text.startswith("[:", self.at) and ":]" in self.text[self.at :]:
                if not self._skip(_POSIX):
                    raise _SyntaxError(_BAD_CLASS)
            elif not self._skip_set():
                self._read_range()
        self.at += 1

    def _read_range(self) -> None:
        """Read a character of a class, or a range.

        Raise _SyntaxError at the end of the text and for a wrong one, also for a range backwards or with a set as its
        end.
        """
        low = self._read_member()
        if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
            self.at += 1
            if self._read_member() < low:
                raise _SyntaxError(_BAD_CLASS)

    def _read_member(self) -> int:
        """Return the number of the next character of a class.

        Raise _SyntaxError at the end of the text and for a wrong escape.
        """
        if self.at >= len(self.text):
            raise _SyntaxError("missing closing ]")
        return self._read_character()

    def _skip_set(self) -> bool:
        r"""Skip a set such as \d or \pL, and return whether there is one. Raise _SyntaxError for an unknown \p."""
        if not self.text.startswith(("\\p", "\\P"), self.at):
            return self._skip(_PERL_CLASS) is not None
        match = self._skip(_UNICODE_CLASS)
        if match is None or (match[1] or match[2]) not in _UNICODE_NAMES.split():
            raise _SyntaxError(_BAD_CLASS)
        return True

    def _read_character(self) -> int:
        """Return the number of the next character, which may be escaped, and go behind it.

        The text must not be at its end (IndexError). Raise _SyntaxError for a wrong escape.
        """
        char = self.text[self.at]
        if char != "\\":
            self.at += 1
            return ord(char)
        if self.at + 1 == len(self.text):
            raise _SyntaxError("trailing backslash at end of expression")
        match = self._skip(_ESCAPE)
        number = -1 if match is None else _read_escape(match)
        if not 0 <= number <= _LAST_CHARACTER:
            raise _SyntaxError(_BAD_ESCAPE)
        return number

    def _skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Skip a pattern at this place and return its match, or None without one: then the place stays."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match


def _check_counts(least: str, most: str | None) -> None:
    """Raise _SyntaxError for numbers of repetitions above 1000 or in the wrong order; None has no bound.

    The numbers are texts of digits.
    """
    numbers = [int(text) if len(text) <= _LONGEST_COUNT else _MOST_REPETITIONS + 1 for text in (least, most or least)]
    if numbers[-1] > _MOST_REPETITIONS or numbers != sorted(numbers):
        raise _SyntaxError(_BAD_COUNT)


def _read_escape(match: re.Match[str]) -> int:
    """Return the number of an escaped character; `match` is one of _ESCAPE. It may be above the last character's."""
    if match["octal"]:
        return int(match["octal"], 8)
    if digits := match["long"] or match["short"]:
        return int(digits, 16)
    return _CONTROLS[match["control"]] if match["control"] else ord(match["mark"])
