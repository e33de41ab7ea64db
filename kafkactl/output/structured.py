"""Data as json, jsonl, yaml and csv, in pieces, so that a large result is never in memory as text as a whole.

The output is always valid for its format, whatever the data contain: not-a-number becomes null (nan in csv), text that
is not Unicode (lone surrogates) gets visible escapes, integers of up to 4,300 digits stay exact, and csv quotes what a
reader could take for the end of a cell or of a line.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.escaping import escape_in_json
from kafkactl.output.report import Table, format_cell

_PIECE = 1000
"""Number of items in one piece of text."""
_CSV_SPECIAL = re.compile(r'[",\r\n]')
_CSV_SPECIAL_BYTES = re.compile(rb'[",\r\n]')
_YAML_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_YAML_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_YAML_QUOTED = re.compile(r"[yYnN]|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""A number of YAML 1.2, or a bool of YAML 1.1. PyYAML writes 1e5, 0o7, 0089 and y without quotes."""
_YAML_LONGEST_KEY = 1000  # longer keys need the mark `?` in front
_KEPT_CHARACTERS = 100
"""Length of a text up to which its form in yaml is kept."""
_YAML_WIDTH = float("inf")  # PyYAML folds no line


def encode_json(data: Any) -> Iterator[bytes]:
    """Yield a value as indented JSON in UTF-8, in pieces, with a line end at the end.

    The items of a list are encoded 1000 at a time; any other value is one piece. Dataclasses become objects, bytes
    text, sets sorted lists, and NaN and infinity null. Errors come during the iteration, also after the first pieces:
    raise RecursionError for data that are nested about 500 deep, TypeError for a set whose items cannot be sorted, and
    ValueError for an integer of more than 4,300 digits.
    """
    if not isinstance(data, (list, tuple)) or not data:
        yield dump_json(data, indented=True) + b"\n"
        return
    before = b"[\n"
    for piece in _split(data):
        yield before + dump_json(piece, indented=True)[2:-2]  # without the brackets of the piece itself
        before = b",\n"
    yield b"\n]\n"


def encode_json_lines(items: Iterable[Any]) -> Iterator[bytes]:
    """Yield items as lines of JSON in UTF-8, an item a line, each with its line end.

    Items of any type are converted as `dump_json` does. Without items nothing is yielded. Raise RecursionError for data
    that are nested about 500 deep, TypeError for a set whose items cannot be sorted, and ValueError for an integer of
    more than 4,300 digits.
    """
    for item in items:
        yield dump_json(item) + b"\n"


def dump_json(value: Any, indented: bool = False) -> bytes:
    r"""Return a value as JSON in UTF-8, without a line end: dataclasses as objects, bytes as text, sets sorted.

    The text is one line, or several with `indented`. Not-a-number and infinity become null, keys become text, members
    of enumerations their values, and other unknown types text. Bytes that are not UTF-8 become visible escapes.
    Characters that control a terminal or turn the direction of text are written as escapes like `\u009b`, which
    programs read as the character. Raise RecursionError for data that are nested about 500 deep, TypeError for a set
    whose items cannot be sorted, and ValueError for an integer of more than 4,300 digits.
    """
    data = _dump_fast(value, indented)
    if data is None:
        data = json.dumps(make_valid_data(value), indent=2 if indented else None, ensure_ascii=False).encode()
    if data.isascii() and b"\x7f" not in data:
        return data
    return escape_in_json(data)


def _dump_fast(value: Any, indented: bool = False) -> bytes | None:
    """Return a value as JSON in UTF-8, or None where orjson refuses it.

    It refuses text with lone surrogates, integers over 64 bits, keys such as bytes or tuples, deep nesting, and a set
    whose items cannot be sorted. `indented` gives several lines. There is no line end at the end.
    """
    import orjson

    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
    try:
        return orjson.dumps(value, _replace_unknown_type, options)
    except TypeError:
        return None


def encode_yaml(data: Any) -> Iterator[str]:
    """Yield a value as YAML, in pieces with line ends: block style, with keys in their order.

    Each item of a list is one piece; any other value is one piece as a whole. NaN and infinity become null, dataclasses
    mappings, bytes text, and sets sorted lists. Keys become text, but integer keys stay integers in a value that is no
    list. Errors come during the iteration, also after the first pieces: raise RecursionError for data that are nested
    about 500 deep, TypeError for a set whose items cannot be sorted, and ValueError for an integer of more than 4,300
    digits.
    """
    if isinstance(data, (list, tuple)) and data:
        for item in data:
            yield "".join(_encode_yaml_item(_make_plain_types(item), ""))
    else:
        value = make_valid_data(data, keep_keys=True)
        yield "".join(_encode_yaml_block(value, "")) if _is_block(value) else f"{_encode_yaml_flat(value)}\n"


def encode_yaml_document(value: Any) -> str:
    """Return a value as a YAML document of its own, which begins with `---` and ends with a line end.

    Any type is accepted: NaN and infinity become null, dataclasses mappings, bytes text, sets sorted lists, members of
    enumerations their values, and other unknown types text. Keys become text, but integer keys stay integers in a value
    that is no list or tuple. Raise RecursionError for data that are nested about 500 deep, TypeError for a set that
    cannot be sorted, and ValueError for an integer of more than 4,300 digits.
    """
    return "---\n" + "".join(encode_yaml(value))


def encode_csv(tables: Sequence[Table], with_headings: bool = True) -> Iterator[str]:
    """Yield tables as csv: a line of headings, the titles in lower case, and pieces of up to 1000 rows.

    Each piece ends with a line end. Nothing separates two tables, and their titles are left out. A table without rows
    has headings, too. A table with the titles of the table before it, in their order, has no headings of its own; with
    `with_headings` False there are none. `headings` of a table does not count. Raise ValueError, during the iteration,
    for an integer of more than 4,300 digits.
    """
    last_titles: list[str] | None = None
    for table in tables:
        titles = [column.title.lower() for column in table.columns]
        if titles != last_titles and with_headings:
            yield format_csv_line(titles)
        last_titles = titles
        for rows in _split(table.rows):
            yield _format_csv_rows([list(map(column.value, rows)) for column in table.columns])


def format_csv_line(cells: Iterable[object]) -> str:
    """Return one line of csv with its line end; None and an empty list are empty cells, an empty text is in quotes.

    A cell with a comma, a quote or a line end is in quotes. Items of a list are joined by commas, and bools are true
    and false. Lone surrogates become visible escapes. Raise ValueError for an integer of more than 4,300 digits.
    """
    return ",".join([format_csv_cell(value) for value in cells]) + "\n"


def has_special_bytes(data: bytes) -> bool:
    """Return whether bytes have a comma, a quote, a LF or a CR, for which a cell of csv must be in quotes."""
    return _CSV_SPECIAL_BYTES.search(data) is not None


def format_csv_bytes(data: bytes | None, null: bytes = b"") -> bytes:
    """Return a cell of csv with any bytes, which need not be UTF-8.

    None is `null` without quotes, which is not checked: see check_null_marker. An empty cell, one that equals `null`,
    and one with a comma, a quote or a line end are in quotes.
    """
    if data is None:
        return null
    if data and data != null and not _CSV_SPECIAL_BYTES.search(data):
        return data
    return b'"' + data.replace(b'"', b'""') + b'"'


def check_null_marker(text: str) -> None:
    """Raise UsageError for a marker of null in csv with a comma, a quote or a line end; else do nothing."""
    if _CSV_SPECIAL.search(text):
        raise UsageError(
            f"invalid value {text!r} for --null-marker: it has a comma, a quote or a line end",
            "use for example NULL or \\N",
        )


def make_valid_data(value: Any, keep_keys: bool = False) -> Any:
    """Return a value as plain dictionaries, lists and scalars that every format can hold.

    Keys become text as str() shows them, but None and bools as in JSON; with `keep_keys` integers stay integers, as
    YAML allows. Of keys that become equal the last one counts. Not-a-number and infinity become None. Bytes become
    text, with visible escapes where they are not UTF-8. Lone surrogates of a text become such escapes, or the
    characters that their bytes are in UTF-8. Dataclasses become dictionaries, members of enumerations their values (but
    members that are numbers stay), sets sorted lists, and other unknown types text. Raise RecursionError for data that
    are nested about 500 deep, and TypeError for a set whose items cannot be sorted.
    """
    if isinstance(value, str):
        return make_valid_text(str(value.value) if isinstance(value, Enum) else value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_make_valid_key(key, keep_keys): make_valid_data(item, keep_keys) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_valid_data(item, keep_keys) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: make_valid_data(getattr(value, field.name), keep_keys) for field in fields(value)}
    return make_valid_data(_replace_unknown_type(value), keep_keys)


def _make_valid_key(key: Any, keep_numbers: bool) -> Any:
    """Return a key as text, a bool and None as in JSON; with `keep_numbers` an integer, but not a bool, stays one."""
    if key is None or isinstance(key, bool):
        return json.dumps(key)
    return key if keep_numbers and type(key) is int else make_valid_text(str(key))


def _split(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of up to 1000 items, in the order of the items; no items yield no list."""
    iterator = iter(items)
    while piece := list(islice(iterator, _PIECE)):
        yield piece


def _replace_unknown_type(value: Any) -> Any:
    """Return a replacement for a value of a type that JSON does not have.

    A member of an enumeration becomes its value, bytes text (visible escapes where they are not UTF-8), a set a sorted
    list, a tuple a list, and anything else text. Items of a list are not replaced. Raise TypeError for a set whose
    items cannot be sorted.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", errors="backslashreplace")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):  # a named tuple
        return list(value)
    return str(value)


def make_valid_text(text: str) -> str:
    """Return text without lone surrogates: they become visible escapes, of bytes where all stand for bytes.

    Where all stand for bytes, those that are a character in UTF-8 become this character.
    """
    if text.isascii():
        return text
    raw = text.encode("utf-8", "surrogateescape") if _is_escaped(text) else text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def _is_escaped(text: str) -> bool:
    """Return whether all lone surrogates of a text stand for bytes, as surrogateescape makes them.

    True for a text without lone surrogates.
    """
    return not any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


def _make_plain_types(value: Any) -> Any:
    """Return a value with plain types only, as after writing and reading JSON; by the fastest way.

    All keys become text, and NaN and infinity None. Raise RecursionError for deep nesting, and TypeError for a set
    whose items cannot be sorted.
    """
    import orjson

    fast = _dump_fast(value)
    return make_valid_data(value) if fast is None else orjson.loads(fast)


def _is_block(value: Any) -> bool:
    """Return whether YAML writes a value on lines of its own: a list or an object that is not empty."""
    return isinstance(value, (dict, list)) and bool(value)


def _encode_yaml_item(value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of one item of a list, behind `indent`, which consists of blanks.

    Each line has its line end. A dictionary or a list that is not empty begins on the line of the hyphen. `value` has
    plain types only, as make_valid_data returns them. Raise ValueError for an integer of more than 4,300 digits, and
    RecursionError for data that are nested about 500 deep.
    """
    if not _is_block(value):
        yield f"{indent}- {_encode_yaml_flat(value)}\n"
        return
    before = f"{indent}- "
    for line in _encode_yaml_block(value, f"{indent}  "):
        yield before + line[len(before) :]
        before = ""


def _encode_yaml_block(value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a list or a dictionary that is not empty, behind `indent`.

    `indent` consists of blanks. `value` has plain types only, as make_valid_data returns them. Each line has its line
    end. Raise ValueError for an integer of more than 4,300 digits, and RecursionError for data that are nested about
    500 deep.
    """
    if isinstance(value, list):
        for item in value:
            yield from _encode_yaml_item(item, indent)
        return
    for key, item in value.items():
        name = _encode_yaml_flat(key)
        if len(name) > _YAML_LONGEST_KEY:
            name = f"? {name}\n{indent}"
        if not _is_block(item):
            yield f"{indent}{name}: {_encode_yaml_flat(item)}\n"
        else:
            yield f"{indent}{name}:\n"
            yield from _encode_yaml_block(item, indent if isinstance(item, list) else f"{indent}  ")


def _encode_yaml_flat(value: Any) -> str:
    """Return None, a number, a bool, text, or an empty list or dictionary, on one line, without a line end.

    Not-a-number and infinity must be replaced before. Raise ValueError for an integer of more than 4,300 digits.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if not isinstance(value, str):
        return _dump_yaml(value, None)
    return _encode_short_yaml_text(value) if len(value) <= _KEPT_CHARACTERS else _encode_yaml_text(value)


@functools.lru_cache(maxsize=4096)  # names and states are repeated often
def _encode_short_yaml_text(text: str) -> str:
    """Return text as _encode_yaml_text does; up to 4096 results are kept."""
    return _encode_yaml_text(text)


def _encode_yaml_text(text: str) -> str:
    """Return text on one line as PyYAML writes it, and in quotes where YAML 1.1 or 1.2 has another type."""
    if _YAML_WORD.fullmatch(text) and text.lower() not in _YAML_RESERVED:
        return text
    if _YAML_QUOTED.fullmatch(text):
        return f"'{text}'"
    # Text with line ends is written on one line, in double quotes: other styles would need the present indentation.
    return _dump_yaml(text, None if text.isprintable() else '"')


def _dump_yaml(value: str | float, style: str | None) -> str:
    """Return text or a float as PyYAML writes it. `style` is its quote; None lets PyYAML choose.

    The result is one line, except for text with line ends in a style other than the double quote.
    """
    import yaml

    # The value is written in a list, because a scalar alone would end in a line `...`.
    text: str = yaml.safe_dump(
        [value], allow_unicode=True, width=_YAML_WIDTH, default_flow_style=False, default_style=style
    )
    return text.removeprefix("- ").rstrip("\n")


def _format_csv_rows(columns: list[list[Any]]) -> str:
    """Return the rows that these columns form, each with its line end. The columns have equal lengths.

    Raise ValueError for an integer of more than 4,300 digits.
    """
    return "".join([",".join(row) + "\n" for row in zip(*map(_format_csv_column, columns), strict=True)])


def _format_csv_column(values: list[Any]) -> list[str]:
    """Return the cells of a column, each as format_csv_cell writes it, in the order of `values`.

    Most columns repeat few values, or are numbers; both have a faster way. Raise ValueError for an integer of more than
    4,300 digits.
    """
    kinds = set(map(type, values))
    if kinds <= {int}:
        return list(map(str, values))
    if kinds <= {str, type(None)}:
        cells = {value: format_csv_cell(value) for value in set(values)}
        return list(map(cells.__getitem__, values))
    return list(map(format_csv_cell, values))


def format_csv_cell(value: object) -> str:
    """Return one cell of csv, as text that is valid UTF-8; None and an empty list are empty.

    An empty text, and a cell with a comma, a quote or a line end, are in quotes; a list of one empty text is not. The
    other values are as `format_cell` writes them: items of a list are joined by commas, an item of None is a hyphen,
    and bools are true and false. Lone surrogates become visible escapes, or the characters that their bytes are. Raise
    ValueError for an integer of more than 4,300 digits.
    """
    if value == "":
        return '""'
    text = make_valid_text(format_cell(value, absent=""))
    return '"' + text.replace('"', '""') + '"' if _CSV_SPECIAL.search(text) else text
