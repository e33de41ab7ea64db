"""Tables at any width: no name and no number is broken or cut, and wide characters stay aligned."""

from __future__ import annotations

import errno
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from kafkactl.output.report import Column, Table
from kafkactl.output.terminal import draw_table, make_console, show_tables
from kafkactl.stdout import ReaderLeftError

SENTENCE = "start its consumers, or delete the group"


def text_of(rows: list[tuple[object, ...]], width: int, titles: list[str] | None = None) -> str:
    titles = titles or [f"COLUMN-{number}" for number in range(len(rows[0]))]
    columns = [
        Column(title, lambda row, at=number: row[at], is_sentence="ADVICE" in title)  # type: ignore[misc]
        for number, title in enumerate(titles)
    ]
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(draw_table(Table(columns, rows), width), soft_wrap=True)
    return stream.getvalue()


cells = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63),
    st.text("ab-파🚀", min_size=1, max_size=30),
    st.just("a group with blanks in its name"),
    st.just("127.0.0.1:9092,127.0.0.1:9093"),
)


@given(st.integers(1, 6).flatmap(lambda width: st.lists(st.tuples(*[cells] * width), min_size=1, max_size=4)))
@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_no_name_is_broken_or_cut(width: int, rows: list[tuple[object, ...]]) -> None:
    text = text_of(rows, width)
    for row in rows:
        for value in row:
            assert value is None or str(value) in text
    if "─" in text:
        assert max(map(cell_len, text.splitlines())) <= width
        assert len({cell_len(line) for line in text.splitlines()}) == 1, "all rows are aligned"


def test_columns_without_values_are_left_out_first() -> None:
    rows: list[tuple[object, ...]] = [("payments", None, 1, "-"), ("orders", None, 22, None)]
    titles = ["TOPIC", "A-LONG-TITLE-OF-NOTHING", "PARTITION", "ANOTHER-LONG-TITLE"]
    assert "NOTHING" in text_of(rows, 80, titles)
    narrow = text_of(rows, 40, titles)
    assert "NOTHING" not in narrow
    assert "─" in narrow


def test_no_rows() -> None:
    assert "TOPIC" in text_of([], 60, ["TOPIC", "LAG"])


def test_each_row_becomes_a_block_where_a_table_is_too_wide() -> None:
    rows: list[tuple[object, ...]] = [("x" * 30, "y" * 30, 1), ("한국", None, 2**40)]
    assert text_of(rows, 60, ["GROUP", "TOPIC", "LAG"]) == (
        f"GROUP: {'x' * 30}\nTOPIC: {'y' * 30}\nLAG: 1\n\nGROUP: 한국\nTOPIC: -\nLAG: 1099511627776\n"
    )


def test_sentences_are_broken_between_words() -> None:
    text = text_of([("payments-billing-group", SENTENCE)], 60, ["GROUP", "ADVICE"])
    assert "─" in text
    assert "payments-billing-group" in text
    assert len(text.splitlines()) > 4


@pytest.mark.parametrize(("value", "text"), [(1048576.0, "1048576"), (1e21, "1" + "0" * 21), (0.00001, "0.00001")])
def test_numbers_have_no_exponent(value: float, text: str) -> None:
    assert text in text_of([(value,)], 60).split()


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["0", "1", "80", ""])
def test_a_width_of_0_is_none(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    stream = Terminal()
    table = Table([Column("NAME", lambda row: row)], ["orders"], title="topics and more")
    show_tables([table], stream)
    assert "orders" in stream.getvalue()
    assert make_console(stream).width > 0


@pytest.mark.parametrize(("stream", "width"), [(io.StringIO(), 10_000), (Terminal(), 50)])
def test_a_dumb_terminal_sets_no_width(stream: io.StringIO, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich would take 80 columns for both, and for a file where FORCE_COLOR makes it a terminal."""
    for name, value in (("TERM", "dumb"), ("FORCE_COLOR", "1"), ("COLUMNS", "50")):
        monkeypatch.setenv(name, value)
    assert make_console(stream).width == width


def test_a_reader_that_left_has_the_error_of_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> int:
        raise ReaderLeftError(errno.EPIPE, "Broken pipe")

    stream = io.StringIO()
    monkeypatch.setattr(stream, "write", refuse)
    with pytest.raises(ReaderLeftError):
        show_tables([Table([Column("NAME", lambda row: row)], ["orders"])], stream)
