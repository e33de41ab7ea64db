"""Tables on a terminal, by rich: no name and no number is broken over lines or cut, however narrow the terminal is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from kafkactl.output.report import Column, Table, format_cell, is_number

_WIDEST = 10_000
"""Width of a table where no terminal sets a width."""
_HEIGHT = 25
"""Height of a console without a terminal, which no table uses."""
_BETWEEN = 3
"""Number of blanks between two columns: one on each side, and one in place of a line."""
_EDGES = 2


def show_tables(tables: Sequence[Table], stream: TextIO, with_headings: bool = True) -> None:
    """Print each table, with its title above it, and an empty line between tables.

    Tables are as wide as their cells need, up to the width of the terminal, or to 10,000 columns elsewhere. A wider one
    loses its empty columns, breaks sentences, or becomes blocks of lines, which can be wider (see draw_table). A table
    without rows prints only its title. `with_headings` False leaves the titles of tables and columns out, and the empty
    lines between tables; a table that is drawn keeps a blank line above and below it, and blocks keep the titles of
    columns. Control characters of cells must be escaped before, as render.show does.

    Raise OutputError where the stream is stdout and cannot be written, ReaderLeftError where its reader left, and
    ValueError for an integer of more than 4,300 digits.
    """
    console = make_console(stream)
    for number, table in enumerate(tables):
        if number and with_headings:
            console.print()
        if table.title and with_headings:
            console.print(Text(_wrap_words(table.title, console.width), style="bold"), soft_wrap=True)
        if table.rows:
            console.print(draw_table(table, console.width, with_headings), soft_wrap=True)


class _Console(Console):
    """A console that raises the error of a reader that left, as every other form of output does."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that rich handles. Rich would raise SystemExit, and close standard output."""
        error = sys.exception()
        assert error is not None  # rich calls this in its handler
        raise error


def make_console(stream: TextIO) -> Console:
    """Return a console of rich as wide as the terminal that `stream` is, or 10,000 columns elsewhere.

    The variable COLUMNS counts before the terminal, unless it is no number, or 0, which rich would take. A terminal of
    unknown width has 80 columns.
    """
    if not stream.isatty():  # without a height rich takes 80 columns where FORCE_COLOR and TERM=dumb are set
        return _Console(file=stream, highlight=False, width=_WIDEST, height=_HEIGHT)
    console = _Console(file=stream, highlight=False)
    if console.width < 1 or console.is_dumb_terminal:
        columns, lines = shutil.get_terminal_size()
        return _Console(file=stream, highlight=False, width=columns, height=lines)
    return console


def _wrap_words(text: str, width: int) -> str:
    """Return text in lines of at most `width` characters, broken between words, without a line end at the end.

    A longer word has a line of its own. Line ends and tabs in the text become blanks; text of blanks alone is returned
    unchanged. Raise ValueError for a `width` below 1.
    """
    return "\n".join(wrap(text, width, break_long_words=False, break_on_hyphens=False)) or text


@dataclass(frozen=True, kw_only=True)
class _DrawnColumn:
    """A column whose cells are text."""

    source: Column
    cells: Sequence[str]
    is_number: bool
    title: str

    @property
    def width(self) -> int:
        """Return the width of the longest cell or the title, in columns of the terminal."""
        return max([cell_len(self.title), *map(cell_len, self.cells)])

    @property
    def narrowest(self) -> int:
        """Return the smallest possible width, in columns of the terminal.

        Only sentences are broken, between words; other cells and the title are not.
        """
        pieces = (piece for text in self.cells for piece in (text.split(" ") if self.source.is_sentence else [text]))
        return max([cell_len(self.title), *map(cell_len, pieces)])

    @property
    def is_empty(self) -> bool:
        """Return whether no row has a value: every cell is empty or a hyphen. True without rows."""
        return all(text in ("", format_cell(None)) for text in self.cells)


def draw_table(table: Table, width: int, with_headings: bool = True) -> RenderableType:
    """Return a table as rich draws it in `width` columns of the terminal.

    A drawn table has a blank line above and below it. `with_headings` False leaves the titles of columns out;
    `headings` of the table does not count. Where the table is too wide, columns without values are left out first (the
    first column stays where none has values), then sentences are broken between words. Where that is not enough, each
    row becomes a block of lines `NAME: value`, also without headings. Raise ValueError for an integer of more than
    4,300 digits.
    """
    columns = [_draw_column(table, column, with_headings) for column in table.columns]
    if _measure_width(columns) > width:
        columns = [column for column in columns if not column.is_empty] or columns[:1]
    widths = _fit_widths(columns, width)
    if widths is None:
        return _draw_blocks(table, columns)
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold cyan", show_header=with_headings)
    for column, column_width in zip(columns, widths, strict=True):
        result.add_column(Text(column.title), justify="right" if column.is_number else "left", width=column_width)
    for number, row in enumerate(table.rows):
        result.add_row(*(Text(column.cells[number], style=_find_style(column.source, row)) for column in columns))
    return result


def _draw_column(table: Table, column: Column, with_headings: bool) -> _DrawnColumn:
    """Return a column with its cells as text; `with_headings` False makes its title empty.

    It counts as numbers, which are aligned to the right, where one of its values is a number. Raise ValueError for an
    integer of more than 4,300 digits.
    """
    values = [column.value(row) for row in table.rows]
    numeric = any(map(is_number, values))
    return _DrawnColumn(
        source=column,
        cells=list(map(format_cell, values)),
        is_number=numeric,
        title=column.title if with_headings else "",
    )


def _find_style(column: Column, row: object) -> str:
    """Return the rich style of a row in a column; "" without a style."""
    return (column.style(row) if column.style else None) or ""


def _measure_width(columns: Sequence[_DrawnColumn]) -> int:
    """Return the width of a table with these columns, in columns of the terminal."""
    return _EDGES + sum(column.width for column in columns) + _BETWEEN * (len(columns) - 1)


def _fit_widths(columns: Sequence[_DrawnColumn], width: int) -> list[int] | None:
    """Return the width of each column, in the order of the columns, or None where the table cannot be narrow enough.

    The columns that need the least more than their narrowest width get it first.
    """
    spare = width - _EDGES - _BETWEEN * (len(columns) - 1) - sum(column.narrowest for column in columns)
    if spare < 0:
        return None
    widths = []
    for column in sorted(columns, key=lambda column: column.width - column.narrowest):
        more = min(column.width - column.narrowest, spare)
        spare -= more
        widths.append((column, column.narrowest + more))
    return [next(column_width for other, column_width in widths if other is column) for column in columns]


def _draw_blocks(table: Table, columns: Sequence[_DrawnColumn]) -> RenderableType:
    """Return each row as a block of lines `NAME: value`, with an empty line between blocks.

    NAME is the title of the column, as it is without headings, too.
    """
    lines: list[RenderableType] = []
    for number, row in enumerate(table.rows):
        if number:
            lines.append(Text())
        for column in columns:
            value = Text(column.cells[number], style=_find_style(column.source, row))
            lines.append(Text.assemble((f"{column.source.title}: ", "bold cyan"), value))
    return Group(*lines)
