"""Data as json, jsonl, yaml and csv, in pieces, so that a large result is never held as text as a whole.

The output is always valid for its format, whatever the data holds: not-a-number becomes null, text that is not
Unicode (lone surrogates) gets visible escapes, integers of any size stay exact, and csv quotes what a reader could
take for the end of a cell or of a line.
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
from kafkactl.output.report import Table, cell

_PIECE = 1000
"""Items in one piece of text."""
_CSV_SPECIAL = re.compile(r'[",\r\n]')
_CSV_SPECIAL_BYTES = re.compile(rb'[",\r\n]')
_YAML_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_YAML_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_YAML_LONGEST_KEY = 1000  # longer keys need a mark of their own
_YAML_WIDTH = 1 << 20  # no line is folded


def json_pieces(data: Any) -> Iterator[bytes]:
    """Return a value as indented json in pieces, with a line end."""
    if not isinstance(data, (list, tuple)) or not data:
        yield dump_json(data, indented=True) + b"\n"
        return
    before = b"[\n"
    for piece in _pieces(data):
        yield before + dump_json(piece, indented=True)[2:-2]  # without the brackets of the piece itself
        before = b",\n"
    yield b"\n]\n"


def json_lines(items: Iterable[Any]) -> Iterator[bytes]:
    """Return each item as one line of json."""
    for piece in _pieces(items):
        yield b"".join([dump_json(item) + b"\n" for item in piece])


def dump_json(value: Any, indented: bool = False) -> bytes:
    r"""Return a value as json: dataclasses as objects, bytes as text, sets sorted.

    What controls a terminal or turns the direction of text is written as `\u009b`, which programs read alike.
    """
    data = _dump_fast(value, indented)
    if data is None:
        data = json.dumps(valid_data(value), indent=2 if indented else None, ensure_ascii=False).encode()
    if data.isascii() and b"\x7f" not in data:
        return data
    return escape_in_json(data)


def _dump_fast(value: Any, indented: bool = False) -> bytes | None:
    """Return a value as json; None for text that is not Unicode, integers over 64 bits, and deep nesting."""
    import orjson

    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
    try:
        return orjson.dumps(value, _plain, options)
    except TypeError:
        return None


def yaml_pieces(data: Any) -> Iterator[str]:
    """Return a value as yaml in pieces: block style, keys in their order."""
    if isinstance(data, (list, tuple)) and data:
        for item in data:
            yield "".join(_yaml_item(_as_read_back(item), ""))
    else:
        value = valid_data(data, keep_keys=True)
        yield "".join(_yaml_block(value, "")) if _is_block(value) else f"{_yaml_flat(value)}\n"


def yaml_document(value: Any) -> str:
    """Return a value as a yaml document of its own, which begins with `---`."""
    return "---\n" + "".join(yaml_pieces(value))


def csv_pieces(tables: Sequence[Table], with_headings: bool = True) -> Iterator[str]:
    """Return tables as csv: one heading for tables with the same columns."""
    headed: list[str] | None = None
    for table in tables:
        titles = [column.title.lower() for column in table.columns]
        if titles != headed and with_headings:
            yield csv_line(titles)
        headed = titles
        for rows in _pieces(table.rows):
            yield _csv_rows([list(map(column.value, rows)) for column in table.columns])


def csv_line(cells: Iterable[object]) -> str:
    """Return one line of csv; None is an empty cell, an empty text is in quotes."""
    return ",".join([csv_cell(value) for value in cells]) + "\n"


def has_special_bytes(data: bytes) -> bool:
    """Return whether bytes have to be quoted in a cell of csv."""
    return _CSV_SPECIAL_BYTES.search(data) is not None


def csv_bytes(data: bytes | None, null: bytes = b"") -> bytes:
    """Return a cell of csv with any bytes; None is `null` without quotes, and nothing else looks like it."""
    if data is None:
        return null
    if data and data != null and not _CSV_SPECIAL_BYTES.search(data):
        return data
    return b'"' + data.replace(b'"', b'""') + b'"'


def check_null_marker(text: str) -> None:
    """Raise UsageError for a text that cannot stand for null in a cell of csv."""
    if _CSV_SPECIAL.search(text):
        raise UsageError(f"--null-marker {text!r}: a cell without quotes cannot have it", "like NULL or \\N")


def valid_data(value: Any, keep_keys: bool = False) -> Any:
    """Return a value as plain dictionaries, lists and scalars that every format can hold.

    Keys become text, as in json; with `keep_keys` numbers stay numbers, as yaml can have them.
    """
    if isinstance(value, str):
        return _valid_text(str(value.value) if isinstance(value, Enum) else value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_valid_key(key, keep_keys): valid_data(item, keep_keys) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [valid_data(item, keep_keys) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: valid_data(getattr(value, field.name), keep_keys) for field in fields(value)}
    return valid_data(_plain(value), keep_keys)


def _valid_key(key: Any, keep_numbers: bool) -> Any:
    return key if keep_numbers and type(key) is int else _valid_text(str(key))


def _pieces(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while piece := list(islice(iterator, _PIECE)):
        yield piece


def _plain(value: Any) -> Any:
    """Return what stands for a value of a type that json does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", errors="backslashreplace")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):  # a named tuple
        return list(value)
    return str(value)


def _valid_text(text: str) -> str:
    """Return text without lone surrogates: bytes that were not UTF-8 become visible escapes."""
    if text.isascii():
        return text
    raw = text.encode("utf-8", "surrogateescape") if _is_escaped(text) else text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def _is_escaped(text: str) -> bool:
    """Return whether all lone surrogates of a text stand for bytes."""
    return not any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


def _as_read_back(value: Any) -> Any:
    """Return a value as json would be read back: plain types only, by the fastest way there is."""
    import orjson

    fast = _dump_fast(value)
    return valid_data(value) if fast is None else orjson.loads(fast)


def _is_block(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _yaml_item(value: Any, indent: str) -> Iterator[str]:
    """Return the lines of one item of a list; a dictionary begins on the line of the hyphen."""
    if not _is_block(value):
        yield f"{indent}- {_yaml_flat(value)}\n"
        return
    before = f"{indent}- "
    for line in _yaml_block(value, f"{indent}  "):
        yield before + line[len(before) :]
        before = ""


def _yaml_block(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _yaml_item(item, indent)
        return
    for key, item in value.items():
        name = _yaml_flat(key)
        if len(name) > _YAML_LONGEST_KEY:
            name = f"? {name}\n{indent}"
        if not _is_block(item):
            yield f"{indent}{name}: {_yaml_flat(item)}\n"
        else:
            yield f"{indent}{name}:\n"
            yield from _yaml_block(item, indent if isinstance(item, list) else f"{indent}  ")


def _yaml_flat(value: Any) -> str:
    """Return a scalar, or an empty collection."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return _yaml_scalar(value)


@functools.lru_cache(maxsize=4096)  # names and states come again and again
def _yaml_scalar(value: str | float) -> str:
    """Return text or a float as PyYAML writes it, which knows what has to be quoted."""
    if isinstance(value, str) and _YAML_WORD.fullmatch(value) and value.lower() not in _YAML_RESERVED:
        return value
    import yaml

    # Text with line ends goes on one line, in double quotes: other styles would need the indentation of the place.
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    # In a list, for a scalar alone would end in a line `...`.
    text: str = yaml.safe_dump(
        [value], allow_unicode=True, width=_YAML_WIDTH, default_flow_style=False, default_style=style
    )
    return text.removeprefix("- ").rstrip("\n")


def _csv_rows(columns: list[list[Any]]) -> str:
    return "".join([",".join(row) + "\n" for row in zip(*map(_csv_column, columns), strict=True)])


def _csv_column(values: list[Any]) -> list[str]:
    """Return the cells of a column; most columns repeat few values, or are numbers."""
    kinds = set(map(type, values))
    if kinds <= {int}:
        return list(map(str, values))
    if kinds <= {str, type(None)}:
        known = {value: csv_cell(value) for value in set(values)}
        return list(map(known.__getitem__, values))
    return list(map(csv_cell, values))


def csv_cell(value: object) -> str:
    """Return one cell of csv; None is empty, an empty text is in quotes."""
    if value == "":
        return '""'
    text = _valid_text(cell(value, absent=""))
    return '"' + text.replace('"', '""') + '"' if _CSV_SPECIAL.search(text) else text
