"""Numbers that users type: what is almost a number selects nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.admin.groups.conditions import parse as parse_condition
from kafkactl.admin.quotas import parse_limit
from kafkactl.errors import UsageError
from kafkactl.numerals import read_decimal_number, read_whole_number

ALMOST_WHOLE = [
    "",
    " ",
    "1_0",
    "\u0663",
    "\u00b2",
    "+1",
    "-1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x10",
    "nan",
    "1,0",
    "9" * 5000,
]
ALMOST_DECIMAL = [
    "",
    " ",
    "1_0",
    "\u0663",
    " 1",
    "1 ",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "0x10",
    "1,0",
    ".",
    "e3",
    "9" * 5000,
]


@pytest.mark.parametrize("text", ALMOST_WHOLE)
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        read_whole_number(text)


@given(st.integers(0, 2**63 - 1), st.integers(0, 3))
def test_whole_numbers(number: int, zeros: int) -> None:
    assert read_whole_number("0" * zeros + str(number)) == number


def test_the_largest_whole_number() -> None:
    assert read_whole_number("10", most=10) == 10
    for text in ("11", "100", str(2**63)):
        with pytest.raises(ValueError, match="from 0 to 10"):
            read_whole_number(text, most=10)


@pytest.mark.parametrize("text", ALMOST_DECIMAL)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_decimal_number(text)
    with pytest.raises(UsageError, match="not a number"):
        parse_limit("producer_byte_rate", text)
    if text == text.strip():
        with pytest.raises(UsageError, match="--fail-if"):
            parse_condition(f"lag>{text}")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(number: float) -> None:
    assert read_decimal_number(repr(number)) == number
    assert math.copysign(1, read_decimal_number(repr(number))) == math.copysign(1, number)
