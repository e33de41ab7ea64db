"""Reading of Java .properties files, by the rules of java.util.Properties.load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kafkactl.errors import UsageError
from kafkactl.patterns import JAVA_BLANKS

_ESCAPE = r"\\(?:u([0-9a-fA-F]{4})|(.))"
_ESCAPED_CHARACTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_PAIR = r"(?P<key>(?:\\.|[^\\ \t\f=:])*)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+|$)(?P<value>.*)"


def read(path: Path) -> dict[str, str]:
    """Return the settings of a file, as text by name; the last of equal names counts. Names are not checked.

    A byte order mark at the beginning is a part of the first name. Raise UsageError for a file that cannot be read, is
    not UTF-8, or has a malformed escape or half a character.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}", "name a Java .properties file (name=value lines)") from error
    except ValueError as error:
        raise UsageError(f"cannot read {path}: {error}", "a Java .properties file has name=value lines") from error


def read_client_settings(path: Path) -> dict[str, str]:
    """Return the client settings of a file, as read does, without blanks around the values of Java's settings.

    Java's clients remove them, too. Values of other names, such as sasl.password, keep their blanks. Raise UsageError
    as read does.
    """
    from kafkactl.connection.java_settings import KNOWN

    return {name: value.strip(JAVA_BLANKS) if name in KNOWN else value for name, value in read(path).items()}


def parse(text: str) -> dict[str, str]:
    r"""Return the settings of a .properties text, as text by name.

    Raise ValueError for \u without four hex digits, and for half a character, such as \ud83d alone. The separator is =,
    : or blanks. The last of equal names counts. A line without a separator is a name with an empty value. A value keeps
    its trailing blanks. Lines that begin with # or ! are comments. Blanks are spaces, tabs and form feeds. Any other
    blank, such as a no-break space, is a part of the name or value, and so is a byte order mark at the beginning.
    """
    settings = {}
    for line in _iterate_logical_lines(text):
        match = re.match(_PAIR, line, re.DOTALL)
        assert match is not None  # only a backslash alone at the end does not match, and no line ends with one
        name = _unescape(match["key"], "a name")
        settings[name] = _unescape(match["value"], f"the value of {name}")
    return settings


def _iterate_logical_lines(text: str) -> Iterator[str]:
    """Yield the lines without their leading blanks; comments (# or !) and blank lines are left out.

    A line, but no comment, that ends with an odd number of backslashes continues in the next one, whose leading blanks
    are left out; the last backslash is not part of the line. A line of one backslash counts as blank. Line ends are LF,
    CR or both.
    """
    pending = ""
    for raw in re.split(r"\r\n|\n|\r", text):
        line = raw.lstrip(" \t\f")
        if not pending and (not line or line[0] in "#!"):
            continue
        pending += line
        if (len(pending) - len(pending.rstrip("\\"))) % 2:
            pending = pending[:-1]
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def _unescape(text: str, what: str) -> str:
    r"""Return a key or value without its escapes: \t, \n, \r, \f and \uXXXX.

    A backslash before another character is left out; one at the end stays. Raise ValueError for \u without four hex
    digits and for half a character, such as \ud83d alone. Its message has `what` in place of the text, which may be a
    secret.
    """
    if re.search(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})", text):
        raise ValueError(f"malformed \\u escape in {what}")

    def replace_escape(match: re.Match[str]) -> str:
        """Return the character of an escape; an escape without a meaning is its character alone."""
        code, character = match.groups()
        return chr(int(code, 16)) if code else _ESCAPED_CHARACTERS.get(character, character)

    characters = re.sub(_ESCAPE, replace_escape, text, flags=re.DOTALL)
    # Two escapes can be one character above U+FFFF, as in Java.
    try:
        return characters.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError(f"half a character in {what}") from None
