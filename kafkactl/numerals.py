"""Numbers as text for people, never with an exponent."""

from __future__ import annotations

import math
from decimal import Decimal


def write_number(value: float) -> str:
    """Return a number as text without an exponent: 1048576 and 0.00001, where Python writes 1.04858e+06 and 1e-05.

    1.0 becomes 1, and 12.5 stays. Not-a-number and infinity are returned as Python writes them.
    """
    if not math.isfinite(value):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")
