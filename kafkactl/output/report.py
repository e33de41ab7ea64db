"""A command's result on its way to text: the data for programs, and the same as columns for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.numerals import write_number


class OutputFormat(StrEnum):
    """All values of -o. Each command says which of them it has."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"
    KAFKA = "kafka"
    PROMETHEUS = "prometheus"
    PARQUET = "parquet"
    RAW = "raw"


REPORT_FORMATS = (
    OutputFormat.TABLE,
    OutputFormat.PLAIN,
    OutputFormat.JSON,
    OutputFormat.JSONL,
    OutputFormat.YAML,
    OutputFormat.CSV,
)
"""Formats of every report."""
STRUCTURED_FORMATS = frozenset({OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.YAML, OutputFormat.CSV})
"""Formats that programs read."""


@dataclass(frozen=True)
class Column:
    """One column: its heading, and a row's value in it (None shows as `-`, and as nothing in csv)."""

    title: str
    value: Callable[[Any], object]
    style: Callable[[Any], str | None] | None = None
    """A row's rich style in this column, for what should catch the eye."""
    is_sentence: bool = False
    """Whether its cells are sentences of ours, which may be broken between words; names may not."""


@dataclass(frozen=True)
class Table:
    """Rows of one kind."""

    columns: Sequence[Column]
    rows: Sequence[Any]
    title: str | None = None
    headings: bool = True
    """False prints bare names when piped, as `ls` does."""


@dataclass(frozen=True)
class Report:
    """A whole result; `data` is what json and yaml show."""

    data: Any
    tables: Sequence[Table]

    def arranged(self, columns: Sequence[str], sort: str | None) -> Report:
        """Return the report with its tables cut down to columns, and rows sorted by a column.

        Columns are named by their titles, in any case; `sort` may end in :desc. Rows without a value come last. With
        columns the data becomes the rows of the tables, with these columns only; without, it is sorted where it is
        the rows of the only table. Raises UsageError for a column that a table does not have.
        """
        report = self if sort is None else self._sorted(sort)
        if not columns:
            return report
        tables = [replace(table, columns=_pick(table, columns), headings=True) for table in report.tables]
        return Report([_as_object(table, row) for table in tables for row in table.rows], tables)

    def _sorted(self, sort: str) -> Report:
        title, _, order = sort.partition(":")
        if order not in ("", "asc", "desc"):
            raise UsageError(f"invalid value {sort!r} for --sort: {order!r} is not an order", "COLUMN or COLUMN:desc")
        tables = [
            replace(table, rows=_sort_rows(table.rows, _pick(table, [title], "--sort")[0], order == "desc"))
            for table in self.tables
        ]
        is_rows = len(tables) == 1 and self.data == list(self.tables[0].rows)
        return Report(tables[0].rows if is_rows else self.data, tables)


def _pick(table: Table, titles: Sequence[str], flag: str = "--columns") -> list[Column]:
    known = {column.title.lower(): column for column in table.columns}
    for title in titles:
        if title.lower() not in known:
            possible = ", ".join(column.title for column in table.columns)
            raise UsageError(f"invalid value {title!r} for {flag}: there is no such column", f"columns: {possible}")
    return [known[title.lower()] for title in titles]


def _as_object(table: Table, row: Any) -> dict[str, object]:
    """Return the columns of a row as data: LOG-END-OFFSET is named log_end_offset."""
    return {column.title.lower().replace("-", "_"): column.value(row) for column in table.columns}


def _sort_rows(rows: Sequence[Any], column: Column, descending: bool) -> list[Any]:
    def key(row: Any) -> tuple[bool, Any]:
        value = column.value(row)
        return (False, value) if is_number(value) else (True, cell(value))

    present = [row for row in rows if column.value(row) is not None]
    absent = [row for row in rows if column.value(row) is None]
    return sorted(present, key=key, reverse=descending) + absent


def listing(columns: Sequence[Column], rows: Sequence[Any], title: str | None = None) -> Report:
    """The common case: the data is the table's rows."""
    return Report(list(rows), [Table(columns, rows, title)])


def cell(value: object, absent: str = "-") -> str:
    """A value as a person reads it in a table."""
    if value is None:
        return absent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(cell(item) for item in value) if value else absent
    if isinstance(value, Enum):
        return str(value.value)
    return write_number(value) if isinstance(value, float) else str(value)


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
