"""Values as the JVM and Kafka's JSON library print them, where the text must be equal to Kafka's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ESCAPE = re.compile(r"\\(?:\\|u00[01][0-9a-f])")
"""An escaped backslash, or the escape of a control character."""


def format_json(value: Any) -> str:
    """Return a value as compact JSON on one line, without a line end; bytes as base64.

    The value consists of mappings with texts as keys, lists, texts, numbers, bools, bytes and None. Floats are written
    as in Java; NaN and infinity are strings. Keys keep their order. Only quotes, backslashes and characters below
    U+0020 are escaped. Raise TypeError for a type that JSON does not have.
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{format_json(name)}:{format_json(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(format_json, value)) + "]"
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if isinstance(value, float):
        text = format_double(value)
        return text if text[-1].isdigit() else f'"{text}"'
    text = json.dumps(value, ensure_ascii=False)
    # Jackson writes the escapes of control characters with capital digits.
    return _ESCAPE.sub(lambda match: match[0][:4] + match[0][4:].upper(), text) if "\\u00" in text else text


def format_double(value: float) -> str:
    """Return a float as java.lang.Double.toString from Java 19 on: 0.001, 100.0, 1.0E7, NaN, -Infinity.

    Absolute values below 10^-3, except 0, and from 10^7 on are scientific. One digit at least is behind the point, and
    is the nearest one: the smallest value is 4.9E-324, and not 5.0E-324.
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text, two_digits = repr(value), f"{value:.1e}"
    if float(two_digits) == value:
        text = two_digits
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    mantissa, _, exponent = digits.partition("e")
    whole, _, fraction = mantissa.partition(".")
    significant = (whole + fraction).strip("0")
    if not significant:
        return f"{sign}0.0"
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    power = len(whole) - 1 - leading + int(exponent or 0)  # of the first significant digit
    if -3 <= power < 7:
        if power < 0:
            return f"{sign}0.{'0' * (-power - 1)}{significant}"
        padded = significant.ljust(power + 2, "0")
        return f"{sign}{padded[: power + 1]}.{padded[power + 1 :]}"
    return f"{sign}{significant[0]}.{significant[1:] or '0'}E{power}"


def format_boolean(value: bool) -> str:
    """Return the text true or false."""
    return "true" if value else "false"


def make_plain(value: Any) -> Any:
    """Return a value for other writers of JSON: bytes become base64 text, also inside mappings and lists.

    Keys and all other values stay, also tuples with bytes in them; the argument is not changed.
    """
    if isinstance(value, Mapping):
        return {name: make_plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [make_plain(inner) for inner in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


_CSV_LONGEST_CHECKED = 24
"""Longest text whose characters Jackson checks; it quotes every longer one."""


def format_tabbed_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as ToolsUtils.prettyPrintTable does: each cell as wide as its column, and a tab behind it.

    Each line has its end; without rows only the titles are there. Cells are shown as str() does, titles are texts.
    Raise ValueError for a row that has not one cell for each title.
    """
    lines = [titles, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "".join(f"{cell:<{width}}\t" for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )


def format_csv_line(values: Sequence[str | int]) -> str:
    """Return cells as a line of csv with its line end, like Jackson's CsvMapper.

    Numbers stay. Texts are in quotes where they are empty, longer than 24 units of UTF-16 (an emoji has two), or have a
    character whose number is not above that of the comma, such as a blank, a quote, # or +.
    """
    return ",".join(_format_csv_cell(value) if isinstance(value, str) else str(value) for value in values) + "\n"


def _format_csv_cell(text: str) -> str:
    """Return a text as a cell, in quotes where it is empty, longer than 24, or has a character up to a comma.

    The length is in units of UTF-16. Characters are compared by their numbers, so that blanks, quotes, # and + are up
    to the comma. Quotes in a cell are doubled.
    """
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2  # Java's length
    if units <= _CSV_LONGEST_CHECKED and all(character > "," for character in text) and text:
        return text
    return '"' + text.replace('"', '""') + '"'
