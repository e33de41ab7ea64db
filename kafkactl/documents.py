"""Files that people write by hand: text, JSON and YAML. They are read completely, and each fault has its own error.

YAML is read by YAML 1.2's core schema, and not by PyYAML's default: `no` and `010` stay texts, a name that is repeated
in a mapping is refused, and only true, false, null and decimal integers are not texts.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.stdout import was_closed

STDIN = Path("-")
"""Path that means standard input."""
_PIECE_BYTES = 8192


def read_piece(descriptor: int, size: int) -> bytes:
    """Return the next bytes of a descriptor, at most `size`, and b"" at its end; wait for one byte at least.

    The wait is the same where another program has made the descriptor non-blocking. Raise OSError where it cannot be
    read.
    """
    while True:
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            import select

            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()


def read_stdin(*, is_line: bool = False) -> bytes:
    """Return the rest of standard input, or with `is_line` the rest of its line, without LF and all CR at its end.

    The result is b"" where nothing is left, and for an empty line. Bytes behind the line stay for the next reader, but
    bytes that `sys.stdin` has already buffered may be lost. Raise OSError where it cannot be read, and ValueError where
    `sys.stdin` was closed.
    """
    stream = sys.stdin.buffer
    if not isinstance(stream, io.BufferedReader):  # in memory
        return stream.readline().rstrip(b"\r\n") if is_line else stream.read()
    data = bytearray()
    size = 1 if is_line else _PIECE_BYTES  # what is behind a line is for the next question
    while not (is_line and data.endswith(b"\n")) and (piece := read_piece(stream.fileno(), size)):
        data += piece
    return bytes(data.rstrip(b"\r\n")) if is_line else bytes(data)


def read_text(path: Path) -> str:
    """Return a file's whole text, or that of standard input for the path `-`.

    Standard input is read to its end, so a second call returns an empty text. Line ends stay as they are; a byte order
    mark (U+FEFF) at the beginning, which editors on Windows write, is removed. Raise UsageError for a file that cannot
    be read or does not exist, for bytes that are not UTF-8, and for a standard input that was closed when the command
    began.
    """
    if path == STDIN and was_closed(0):
        raise UsageError("cannot read standard input: it is closed", "name a file")
    try:
        data = read_stdin() if path == STDIN else path.read_bytes()
        return data.decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # bytes that are not UTF-8, or a path that no file can have
        reason = f"byte {error.start} is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(f"cannot read {path}: {reason}") from None


def read_json(path: Path) -> Any:
    """Return the value of a JSON file, or of standard input for the path `-`.

    A byte order mark at the beginning is removed. Of a name that is repeated in an object the last value counts. NaN,
    Infinity and half a character (a lone surrogate) are accepted. Raise UsageError for a file that cannot be read, is
    empty, not UTF-8 or not JSON, is nested too deeply, or has an integer of more than 4,300 digits.
    """
    try:
        return json.loads(read_text(path))
    except RecursionError:
        raise UsageError(f"cannot read {path}: it is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"cannot read {path}: not JSON: {error}") from None


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file: mappings, lists, texts, integers, true, false and None; None for an empty file.

    The path `-` means standard input. JSON is read as well. Numbers with a point or an exponent are texts, so are yes,
    True, Null, 0x1F and dates, and in YAML that is no JSON also -0 and integers with a plus sign, with leading zeros or
    of more than 19 digits; only the tag !!float gives a float. A merge key << is a name like others.

    Raise UsageError for a file that cannot be read, is not UTF-8 or not YAML, has several documents, or is nested too
    deeply; for a mapping with a repeated name (5 and "5" are one) or a name that is neither a text nor an integer; for
    a text that no client can send, with half a character or a NUL; for an integer of more than 4,300 digits, from the
    tag !!int; for a value that contains itself, and a tag such as !!binary, !!set or !!timestamp.
    """
    text = read_text(path)
    value = _read_json_value(path, text) if text.lstrip()[:1] in ("{", "[") else _NOT_JSON
    if value is _NOT_JSON:
        value = _read_yaml_value(path, text)
    try:
        _check_value(value, set(), set())
    except UnicodeEncodeError:
        raise UsageError(f"cannot read {path}: a text has half a character, such as \\ud83d alone") from None
    except _NulError:
        raise UsageError(f"cannot read {path}: a text has a NUL character") from None
    except _LongIntegerError:
        raise UsageError(f"cannot read {path}: an integer has more than 4,300 digits") from None
    except (TypeError, ValueError, RecursionError):  # bytes, sets and dates by their tags, and aliases in a circle
        raise UsageError(f"cannot read {path}: a value contains itself, or has a tag that JSON does not have") from None
    return value


class _NulError(Exception):
    """A text has a NUL character, at which librdkafka would cut it."""


class _LongIntegerError(Exception):
    """An integer has more than 4,300 digits, so that Python cannot write it as text."""


_NOT_JSON = object()
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")


def _check_value(value: Any, checked: set[int], around: set[int]) -> None:
    """Raise UnicodeEncodeError for half a character, ValueError for a value in itself, TypeError for types JSON lacks.

    Raise _NulError for a text with a NUL character, _LongIntegerError for an integer of more than 4,300 digits, and
    RecursionError where the value is nested too deeply. `value` is what a loader of JSON or YAML returned; names in
    mappings are checked in the same way. `checked` and `around` have the ids of mappings and lists: of those that were
    checked, because an alias of YAML may be there a million times, and of those around the value. Both are empty at
    first, and are changed.
    """
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise _NulError
    elif isinstance(value, (dict, list)):
        if id(value) in around:
            raise ValueError("a value contains itself")
        if id(value) in checked:
            return
        around.add(id(value))
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_value(part, checked, around)
        around.remove(id(value))
        checked.add(id(value))
    elif isinstance(value, int):
        try:
            str(value)
        except ValueError:
            raise _LongIntegerError from None
    elif value is not None and not isinstance(value, float):
        raise TypeError(f"a value is of type {type(value).__name__}")


def _read_json_value(path: Path, text: str) -> Any:
    r"""Return the value of JSON, or _NOT_JSON for another text and for one that is nested too deeply.

    Raise UsageError, which names `path`, for a mapping with a repeated name.

    PyYAML does not read all of JSON: it refuses names of more than 1,024 characters, and takes \ud83d\ude00 as two
    characters. As in YAML, numbers with a point or an exponent are texts; so are NaN and Infinity. Integers of up to
    4,300 digits stay integers; a text with a longer one gives _NOT_JSON. Half a character is not refused.
    """

    def make_mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return the mapping of these names and values. Raise UsageError for the first repeated name."""
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            repeated_name = next(name for name, count in counts.items() if count > 1)
            raise UsageError(f"cannot read {path}: {repeated_name!r} occurs twice")
        return mapping

    try:
        return json.loads(text, parse_float=str, parse_constant=str, object_pairs_hook=make_mapping)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _read_yaml_value(path: Path, text: str) -> Any:
    """Return the value of a YAML text; None for an empty one.

    Raise UsageError, which names `path`, for a text that is not one YAML document or is nested too deeply, for a
    mapping with a repeated name or a name that is neither a text nor an integer, and for an unknown tag or a value such
    as `!!float x`. The value is not checked further: it may have bytes, sets, dates or half a character, or contain
    itself.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_make_loader())  # the loader is a safe one
    except RecursionError:
        raise UsageError(f"cannot read {path}: it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise UsageError(f"cannot read {path}: {where}{error.problem or 'not YAML'}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"cannot read {path}: not YAML: {' '.join(str(error).split())}") from None
    # PyYAML's readers of tags, such as `!!bool maybe`.
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
        raise UsageError(f"cannot read {path}: not YAML: a value does not have the type of its tag") from None


def _make_loader() -> Any:
    """Return a new subclass of PyYAML's safe loader that refuses repeated names; 5 and "5" are one.

    Values without a tag and quotes are texts, except null, ~, an empty value, true, false, and decimal integers of up
    to 19 digits without leading zeros or a plus sign; -0 is a text. Names must be texts or integers. `<<` is an
    ordinary name, and merges nothing.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """The core schema without floats: 1.10 is a text."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            """Return a mapping with its values; PyYAML calls this, with `deep` where nested values are needed at once.

            Raise ConstructorError for a name that occurs twice (5 and "5" are one), for one that is neither a text nor
            an integer, and for an unknown tag. A name or value that does not have the form of its tag, `!!int x`, may
            raise ConstructorError, ValueError, TypeError, LookupError, AttributeError or ArithmeticError.
            """
            keys = set()
            for name, _ in node.value:
                key = self.construct_object(name, deep=True)
                if not isinstance(key, (str, int)) or isinstance(key, bool):
                    raise yaml.constructor.ConstructorError(None, None, "a name is not a text", name.start_mark)
                if str(key) in keys:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", name.start_mark)
                keys.add(str(key))
            return super().construct_mapping(node, deep=deep)

    for tag, pattern, first in (
        ("null", re.compile(r"~|null|"), ["~", "n", ""]),
        ("bool", re.compile(r"true|false"), ["t", "f"]),
        ("int", _INTEGER, list("-0123456789")),
    ):
        whole = re.compile(f"(?:{pattern.pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, first)
    return Loader
