"""Numbers and json as the JVM prints them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.output.kafka.java_text import format_double, format_json, make_plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (100.0, "100.0"),
        (1234567.0, "1234567.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (-2.5e-10, "-2.5E-10"),
        (1e300, "1.0E300"),
        (5e-324, "4.9E-324"),
        (-5e-324, "-4.9E-324"),
        (1e-323, "9.9E-324"),
        (1.5e-323, "1.5E-323"),
        (2e-323, "2.0E-323"),
        (9e-323, "8.9E-323"),
        (2.2250738585072014e-308, "2.2250738585072014E-308"),
        (123.456, "123.456"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_doubles(value: float, text: str) -> None:
    assert format_double(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_doubles_text_is_that_double(value: float) -> None:
    assert float(format_double(value)) == value


def test_json() -> None:
    value = {"a": [1, True, None], "b": b"\xff\0", "text": 'q"\\ \t\x01\x1f 값', "n": 1e7, "no": float("nan")}
    assert (
        format_json(value)
        == '{"a":[1,true,null],"b":"/wA=","text":"q\\"\\\\ \\t\\u0001\\u001F 값","n":1.0E7,"no":"NaN"}'
    )
    assert make_plain({"b": [b"\xff"]}) == {"b": ["/w=="]}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_any_json_is_read_back(value: object) -> None:
    assert json.loads(format_json(value)) == value


def test_only_escapes_of_control_characters_get_capitals() -> None:
    assert format_json("g\\u001f") == r'"g\\u001f"', "a backslash, and no escape"
    assert format_json("g\x1f\\\x1b") == r'"g\u001F\\\u001B"'
