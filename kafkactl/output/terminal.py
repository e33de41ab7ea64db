"""Tables on a terminal, by rich: no name and no number is broken over lines or cut, however narrow it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from kafkactl.output.report import Column, Table, cell, is_number

_WIDEST = 10_000
"""Where no terminal sets a width, none is too wide."""
_BETWEEN = 3
"""Blanks between two columns: one beside each, and the place of a line."""
_EDGES = 2


def show_tables(tables: Sequence[Table], stream: TextIO, with_headings: bool = True) -> None:
    """Print each table, its title above it."""
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDEST)
    for number, table in enumerate(tables):
        if number and with_headings:
            console.print()
        if table.title and with_headings:
            console.print(Text(_between_words(table.title, console.width), style="bold"), soft_wrap=True)
        if table.rows:
            console.print(drawn(table, console.width, with_headings), soft_wrap=True)


def _between_words(text: str, width: int) -> str:
    """Return text in lines of a width, broken between words; a longer word has a line of its own."""
    return "\n".join(wrap(text, width, break_long_words=False, break_on_hyphens=False)) or text


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A column as text."""

    column: Column
    cells: Sequence[str]
    is_number: bool
    title: str

    @property
    def width(self) -> int:
        """Return the columns of the terminal that the longest cell takes."""
        return max([cell_len(self.title), *map(cell_len, self.cells)])

    @property
    def narrowest(self) -> int:
        """Return the columns of the terminal that it can do with: only sentences are broken, between words."""
        pieces = (piece for text in self.cells for piece in (text.split(" ") if self.column.is_sentence else [text]))
        return max([cell_len(self.title), *map(cell_len, pieces)])

    @property
    def is_empty(self) -> bool:
        """Return whether no row has a value."""
        return all(text in ("", cell(None)) for text in self.cells)


def drawn(table: Table, width: int, with_headings: bool = True) -> RenderableType:
    """Return a table as rich draws it in so many columns of the terminal.

    Where it is too wide, columns without values are left out first, then sentences are broken between words. Where that
    is not enough, each row becomes a block of lines `NAME: value`.
    """
    columns = [_drawn(table, column, with_headings) for column in table.columns]
    if _width(columns) > width:
        columns = [each for each in columns if not each.is_empty] or columns[:1]
    widths = _fitted(columns, width)
    if widths is None:
        return _blocks(table, columns)
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold cyan", show_header=with_headings)
    for each, fitted in zip(columns, widths, strict=True):
        result.add_column(each.title, justify="right" if each.is_number else "left", width=fitted)
    for number, row in enumerate(table.rows):
        result.add_row(*(Text(each.cells[number], style=_style(each.column, row)) for each in columns))
    return result


def _drawn(table: Table, column: Column, with_headings: bool) -> _Drawn:
    values = [column.value(row) for row in table.rows]
    numeric = any(map(is_number, values))
    return _Drawn(
        column=column, cells=list(map(cell, values)), is_number=numeric, title=column.title if with_headings else ""
    )


def _style(column: Column, row: object) -> str:
    return (column.style(row) if column.style else None) or ""


def _width(columns: Sequence[_Drawn]) -> int:
    return _EDGES + sum(each.width for each in columns) + _BETWEEN * (len(columns) - 1)


def _fitted(columns: Sequence[_Drawn], width: int) -> list[int] | None:
    """Return the width of each column where they fit; None where they cannot."""
    spare = width - _EDGES - _BETWEEN * (len(columns) - 1) - sum(each.narrowest for each in columns)
    if spare < 0:
        return None
    widths = []
    for each in sorted(columns, key=lambda each: each.width - each.narrowest):
        more = min(each.width - each.narrowest, spare)
        spare -= more
        widths.append((each, each.narrowest + more))
    return [next(fitted for other, fitted in widths if other is each) for each in columns]


def _blocks(table: Table, columns: Sequence[_Drawn]) -> RenderableType:
    lines: list[RenderableType] = []
    for number, row in enumerate(table.rows):
        if number:
            lines.append(Text())
        for each in columns:
            value = Text(each.cells[number], style=_style(each.column, row))
            lines.append(Text.assemble((f"{each.column.title}: ", "bold cyan"), value))
    return Group(*lines)
