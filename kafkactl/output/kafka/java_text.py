"""Values as the JVM and Kafka's json library print them, where text must be equal to Kafka's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_CONTROL_CHARACTER = re.compile(r"\\u00([01][0-9a-f])")


def json_text(value: Any) -> str:
    """Compact json; bytes as base64."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json_text(name)}:{json_text(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if isinstance(value, float):
        text = double_text(value)
        return text if text[-1].isdigit() else f'"{text}"'
    text = json.dumps(value, ensure_ascii=False)
    # Jackson writes the escapes of control characters with capital digits.
    return _CONTROL_CHARACTER.sub(lambda match: match[0][:4] + match[0][4:].upper(), text) if "\\u00" in text else text


def double_text(value: float) -> str:
    """As java.lang.Double.toString: scientific below 10^-3 and from 10^7 on."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits = ("-", repr(value)[1:]) if repr(value).startswith("-") else ("", repr(value))
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


def boolean_text(value: bool) -> str:
    return "true" if value else "false"


def plain(value: Any) -> Any:
    """The same value for other writers of json: bytes as base64, all else as it is."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


_CSV_UNCHECKED = 24
"""Jackson quotes what is longer without looking at it."""


def csv_line(values: Sequence[str | int]) -> str:
    """As Jackson's CsvMapper: quoted is also what only might need it."""
    return ",".join(_csv_cell(value) if isinstance(value, str) else str(value) for value in values) + "\n"


def _csv_cell(text: str) -> str:
    if len(text) <= _CSV_UNCHECKED and all(character > "," for character in text) and text:
        return text
    return '"' + text.replace('"', '""') + '"'
