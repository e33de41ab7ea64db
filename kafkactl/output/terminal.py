"""Tables on a terminal, by rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from kafkactl.output.report import Table, cell, is_number


def show_tables(tables: Sequence[Table], stream: TextIO, with_headings: bool = True) -> None:
    """Prints each table, its title above it."""
    # Where no terminal sets a width, none is too wide.
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 10_000)
    for number, table in enumerate(tables):
        if number and with_headings:
            console.print()
        if table.title and with_headings:
            console.print(Text(table.title, style="bold"))
        if table.rows:
            console.print(drawn(table, with_headings))


def drawn(table: Table, with_headings: bool = True) -> RichTable:
    """A table as rich draws it."""
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold cyan", show_header=with_headings)
    values = [[column.value(row) for column in table.columns] for row in table.rows]
    for position, column in enumerate(table.columns):
        numeric = any(is_number(row[position]) for row in values)
        result.add_column(column.title, justify="right" if numeric else "left", overflow="fold")
    for row, shown in zip(table.rows, values, strict=True):
        styles = [column.style(row) if column.style else None for column in table.columns]
        result.add_row(*(Text(cell(value), style=style or "") for value, style in zip(shown, styles, strict=True)))
    return result
