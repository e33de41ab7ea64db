"""Numbers: reading them strictly, and writing them without an exponent."""

from __future__ import annotations

import math
import re

_MOST_CHARACTERS = 400


_WHOLE = r"[0-9]+"
_DECIMAL = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?"
"""Texts, because every command loads this module, and few read such numbers; `re` keeps what it has compiled."""


def read_whole_number(text: str, most: int = 2**63 - 1) -> int:
    """Return a whole number from 0 to `most`. Raise ValueError for any other text.

    Only ASCII digits count, up to 4,300 of them, also leading zeros. Python's int() also takes signs, blanks, 1_000 and
    the digits of every script: a number that a user has mistyped would select something.
    """
    if re.fullmatch(_WHOLE, text) is None or len(text.lstrip("0")) > len(str(most)) or int(text) > most:
        raise ValueError(f"not a whole number from 0 to {most}: {text[:80]!r}")
    return int(text)


def read_decimal_number(text: str) -> float:
    """Return a number with or without a sign, a point and an exponent. Raise ValueError for any other text.

    Only ASCII digits count; `5.` and `.5` are accepted. The number must be finite: nan, inf and 1e999 are refused, and
    so are texts of more than 400 characters and exponents of more than 4 digits.
    """
    if len(text) > _MOST_CHARACTERS or re.fullmatch(_DECIMAL, text) is None or not math.isfinite(float(text)):
        raise ValueError(f"not a number: {text[:80]!r}")
    return float(text)


def write_number(value: float) -> str:
    """Return a number as text without an exponent: 1048576 and 0.00001, not 1.04858e+06 and 1e-05.

    1.0 becomes 1, -0.0 becomes -0, and 12.5 stays. All digits that Python's repr() needs are kept. Not-a-number and
    infinity are returned as Python writes them.
    """
    if not math.isfinite(value):
        return str(value)
    text = repr(value)
    if "e" in text:
        from decimal import Decimal  # 2 ms, and few numbers need it

        text = format(Decimal(text), "f")
    return text.removesuffix(".0")
