"""How numbers are written for people: never with an exponent."""

from __future__ import annotations

import math
from decimal import Decimal


def write_number(value: float) -> str:
    """Return a number in full: 1048576 and 0.00001, where Python has 1.04858e+06 and 1e-05; 12.5 stays as it is."""
    if not math.isfinite(value):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")
