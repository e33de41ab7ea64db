from __future__ import annotations

import io
import json
from dataclasses import dataclass
from enum import Enum

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.output.render import align_ascii, align_text, show
from kafkactl.output.report import Column, OutputFormat, Report, Table, listing


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Row:
    name: str
    count: int | None
    colour: Colour
    ids: tuple[int, ...]


ROWS = [Row("a", 1, Colour.RED, (1, 2)), Row("bb", None, Colour.RED, ())]
COLUMNS = [
    Column("NAME", lambda row: row.name),
    Column("COUNT", lambda row: row.count),
    Column("COLOUR", lambda row: row.colour),
    Column("IDS", lambda row: row.ids),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(report: Report, format: OutputFormat | None = None, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    show(report, format, stream)
    return stream.getvalue()


def test_piped_it_is_plain_aligned_text() -> None:
    assert shown(listing(COLUMNS, ROWS, "title")) == (
        "title\nNAME  COUNT  COLOUR  IDS\na         1  red     1,2\nbb        -  red     -\n"
    )


def test_on_a_terminal_it_is_a_table() -> None:
    text = shown(listing(COLUMNS, ROWS), stream=Terminal())
    assert "─" in text
    assert "bb" in text


def test_json_and_yaml_are_the_data_itself() -> None:
    expected = [
        {"name": "a", "count": 1, "colour": "red", "ids": [1, 2]},
        {"name": "bb", "count": None, "colour": "red", "ids": []},
    ]
    assert json.loads(shown(listing(COLUMNS, ROWS), OutputFormat.JSON)) == expected
    assert yaml.safe_load(shown(listing(COLUMNS, ROWS), OutputFormat.YAML)) == expected


def test_csv_has_one_heading_for_tables_alike() -> None:
    report = Report(ROWS, [Table(COLUMNS, ROWS[:1]), Table(COLUMNS, ROWS[1:])])
    assert shown(report, OutputFormat.CSV) == 'name,count,colour,ids\na,1,red,"1,2"\nbb,,red,\n'


def test_names_alone_have_no_heading_when_piped() -> None:
    report = Report(ROWS, [Table(COLUMNS, ROWS, headings=False)])
    assert shown(report) == "a\nbb\n"


@pytest.mark.parametrize("format", [OutputFormat.PLAIN, OutputFormat.TABLE, OutputFormat.CSV])
def test_nothing_is_nothing(format: OutputFormat) -> None:
    assert shown(listing(COLUMNS, []), format) in ("", "name,count,colour,ids\n")


def test_what_a_terminal_must_not_obey_is_kept_out_of_markup() -> None:
    row = Row("[red]x[/red]", 1, Colour.RED, ())
    assert "[red]x[/red]" in shown(listing(COLUMNS, [row]), stream=Terminal())


@pytest.mark.parametrize("format", [OutputFormat.TABLE, OutputFormat.PLAIN])
def test_titles_are_escaped_on_a_terminal_as_cells_are(format: OutputFormat) -> None:
    text = "[red]x\x1b[2J\n\u202e"
    report = listing([Column(text, lambda row: row)], [text], text)
    printed = shown(report, format, Terminal())
    assert printed.count(r"[red]x\x1b[2J\n\u202e") == 3
    assert "\u202e" not in printed
    assert "\x1b[2J" not in printed


words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=5), st.booleans())
def test_ascii_is_aligned_as_tabulate_aligns_it(rows: list[tuple[str, str]], numeric: bool) -> None:
    cells = [list(column) for column in zip(*rows, strict=True)]
    titles, numerics = ["NAME", "N"], [False, numeric]
    assert align_ascii(titles, cells, numerics, len(rows)) == align_text(titles, cells, numerics)


@given(st.lists(st.tuples(st.integers(-20, 2000), st.sampled_from(["%s", "50%", "a"])), min_size=1, max_size=5))
def test_numbers_and_what_repeats_are_aligned_as_tabulate_aligns_them(rows: list[tuple[int, str]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    folded = [column[:1] if len(set(column)) == 1 else column for column in columns]
    assert align_ascii(["N", "NAME"], folded, [True, False], len(rows)) == align_text(
        ["N", "NAME"], columns, [True, False]
    )


def test_wide_characters_are_aligned_by_tabulate() -> None:
    text = shown(listing(COLUMNS[:2], [Row("파티션", 1, Colour.RED, ()), Row("x", 22, Colour.RED, ())]))
    assert text.splitlines()[1:] == ["파티션      1", "x          22"]


@given(st.lists(st.sampled_from(["", " ", "x", "é"]), min_size=1, max_size=5), st.booleans())
def test_each_row_has_a_line_also_an_empty_one_at_the_end(names: list[str], with_headings: bool) -> None:
    text = io.StringIO()
    show(listing([Column("NAME", str)], ["é", *names]), OutputFormat.PLAIN, text, with_headings)
    assert text.getvalue().split("\n") == ["NAME"] * with_headings + ["é", *map(str.strip, names), ""]
