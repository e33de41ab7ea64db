"""json, jsonl, yaml and csv are valid and mean the same, whatever the data holds."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.output import structured
from kafkactl.output.report import Column, Table
from kafkactl.output.structured import (
    dump_json,
    encode_csv,
    encode_json,
    encode_json_lines,
    encode_yaml,
    format_csv_line,
    make_valid_data,
)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Row:
    name: str
    ids: tuple[int, ...]
    colour: Colour = Colour.RED


TEXT = st.text(st.characters(), max_size=8)  # lone surrogates are among them
WORDS = ["", " ", "null", "~", "on", "1.5", "0x1f", "2026-11-25", "a: b", "- a", "# c", "&a", "*a", "!x", "<<"]
CHARACTERS = ["x\ny", "\r", "\t", "\x1b[31m", "\x85", "\u2028", "\udc80", "\ud800", "\ufeff", "🚀", *"\"'{[%@`="]
HOSTILE = st.sampled_from([*WORDS, *CHARACTERS, "k" * 1500])
NUMBERS = st.one_of(st.integers(), st.integers(-(2**80), 2**80), st.floats())
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT, HOSTILE, st.binary(max_size=4))
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(TEXT, HOSTILE), inner, max_size=4),
        st.builds(Row, TEXT, st.tuples(st.integers(), st.integers())),
    ),
    max_leaves=20,
)


def text_of_json(data: Any) -> str:
    return b"".join(encode_json(data)).decode()


@given(DATA)
def test_json_is_valid_and_says_what_the_data_says(data: Any) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(text_of_json(data), parse_constant=refuse) == _comparable(make_valid_data(data))


@given(DATA)
def test_yaml_means_what_json_means(data: Any) -> None:
    assert repr(yaml.safe_load("".join(encode_yaml(data)))) == repr(json.loads(text_of_json(data)))  # 0.0 is not -0.0


def test_values_that_compare_as_equal_are_written_as_they_are() -> None:
    data = [0.0, -0.0, 0, False, 1.0, 1, True, "1", "1.0", "true", 0.0]
    assert repr(yaml.safe_load("".join(encode_yaml(data)))) == repr(data)
    assert repr(json.loads(text_of_json(data))) == repr(data)


@given(st.lists(DATA, max_size=5))
def test_lines_of_json_are_the_items(items: list[Any]) -> None:
    lines = b"".join(encode_json_lines(items)).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == json.loads(text_of_json(items))


def test_lines_of_json_before_an_error_are_there() -> None:
    lines = encode_json_lines([1, {"a": {3, "b"}}])
    assert next(lines) == b"1\n"
    with pytest.raises(TypeError):  # such a set cannot be sorted
        next(lines)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_pieces_make_one_list(count: int) -> None:
    rows = [Row(f"r{number}", (number,)) for number in range(count)]
    expected = [{"name": row.name, "ids": [*row.ids], "colour": "red"} for row in rows]
    assert json.loads(text_of_json(rows)) == yaml.safe_load("".join(encode_yaml(rows))) == expected
    assert text_of_json(rows) == json.dumps(expected, indent=2) + "\n"


@given(st.lists(st.lists(st.one_of(TEXT, HOSTILE, st.integers(), st.none()), min_size=2, max_size=2), max_size=6))
def test_csv_is_read_back_cell_by_cell(rows: list[list[Any]]) -> None:
    table = Table([Column("A", lambda row: row[0]), Column("B", lambda row: row[1])], rows)
    text = "".join(encode_csv([table]))
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert found == [
        ["a", "b"],
        *(["" if cell is None else str(make_valid_data(cell)) for cell in row] for row in rows),
    ]
    assert "".join(format_csv_line(row) for row in [["a", "b"], *rows]) == text


def test_an_empty_text_and_an_absent_value_differ_in_csv() -> None:
    assert format_csv_line(["", None, "x"]) == '"",,x\n'


@pytest.mark.parametrize("large", [1, 2**70])
def test_keys_are_written_alike_whatever_else_the_data_have(large: int) -> None:
    data = {True: 1, None: 2, 3: {False: 4}, "large": large}
    assert json.loads(dump_json(data)) == {"true": 1, "null": 2, "3": {"false": 4}, "large": large}


def test_types_that_json_does_not_know() -> None:
    data = {"a": {2, 1}, "b": b"\xff", "c": Path("/x"), 3: Colour.RED, "n": math.nan, "big": 2**70}
    expected = {"a": [1, 2], "b": "\\xff", "c": "/x", "3": "red", "n": None, "big": 2**70}
    assert json.loads(text_of_json(data)) == expected


def test_yaml_is_in_block_style_in_the_order_of_the_data() -> None:
    data = {"z": [{"b": [1, [2, 3]], "a": {}}], "x": "x y"}
    assert "".join(encode_yaml(data)) == yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize("text", ["0089", "1e5", "-1.5E+3", ".5e3", "5.", "0o17", "0x1F", "12", "y", "N", "no", "null"])
def test_yaml_quotes_text_that_some_reader_takes_for_a_number_or_a_bool(text: str) -> None:
    """YAML 1.1 and YAML 1.2 have different numbers and bools, and PyYAML quotes those of YAML 1.1 only."""
    assert "".join(encode_yaml([{text: text}])) == f"- '{text}': '{text}'\n"


def _comparable(value: Any) -> Any:
    """Return data as json gives it back: integers beyond 64 bits and floats keep their values."""
    return json.loads(json.dumps(value))


@pytest.mark.slow
def test_a_very_long_text_is_not_folded() -> None:
    """A folded text needs the indentation of its place."""
    value = {"a": {"b": {"c": "x " * 600_000 + "end"}}}
    assert yaml.safe_load("".join(encode_yaml(value))) == value


@pytest.mark.slow
def test_long_texts_are_not_kept() -> None:
    structured._encode_short_yaml_text.cache_clear()
    for number in range(20):
        "".join(encode_yaml([f"{number} " * 50_000, f"short {number}"]))
    assert structured._encode_short_yaml_text.cache_info().currsize == 20
