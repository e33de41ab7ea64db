"""Report: the result of a command, as data for programs and as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.numerals import write_number


class OutputFormat(StrEnum):
    """All values of -o; each command accepts some of them."""

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
"""Formats for programs."""


@dataclass(frozen=True)
class Column:
    """One column: its title, and the function for a row's value, where None is shown as `-`, and as nothing in csv."""

    title: str
    value: Callable[[Any], object]
    style: Callable[[Any], str | None] | None = None
    """Function that returns a row's rich style in this column, or None, for values that need attention."""
    is_sentence: bool = False
    """Whether the cells are sentences of this program, which may be broken between words; names may not."""


@dataclass(frozen=True)
class Table:
    """Rows of one kind, with their columns."""

    columns: Sequence[Column]
    rows: Sequence[Any]
    title: str | None = None
    headings: bool = True
    """False prints bare names without titles when piped, as `ls` does."""


@dataclass(frozen=True)
class Report:
    """A whole result; json and yaml show `data`, the other formats show `tables`."""

    data: Any
    tables: Sequence[Table]

    def arrange(self, columns: Sequence[str], sort: str | None) -> Report:
        """Return the report with its tables cut down to columns, and with rows sorted by a column.

        Columns are named by their titles, in any case; the tables have them in the order of `columns`, and an empty one
        keeps all. `sort` is TITLE, TITLE:asc or TITLE:desc, with the order in lower case; None keeps the order of rows,
        and an empty text is no column. Rows with a value of None come last, but not those with an empty list. With
        columns the data becomes a list of dicts, from titles like log_end_offset to values, for the rows of all tables,
        and each table gets headings; [] without tables. Without columns the data is sorted where it is the rows of the
        only table. Of several tables those without a named column are left out, and those without the column of `sort`
        keep their order.

        Raise UsageError where no table has all of the columns or the column of `sort`, unless there is no table, and
        for an unknown order; ValueError where values to sort are lists with an integer of more than 4,300 digits.
        """
        report = self if sort is None else self._sort(sort)
        if not columns:
            return report
        _require_columns(report.tables, columns, "--columns")
        tables = [
            replace(table, columns=_pick(table, columns), headings=True)
            for table in report.tables
            if _has(table, columns)
        ]
        return Report([_make_object(table, row) for table in tables for row in table.rows], tables)

    def _sort(self, sort: str) -> Report:
        """Return the report with the rows of its tables sorted by a column, TITLE, TITLE:asc or TITLE:desc.

        TITLE is in any case, the order in lower case; TITLE alone means asc. Numbers come before text, with desc after
        it; rows with equal values keep their order. Rows with a value of None come last, but not those with an empty
        list. The data is sorted where it is the rows of the only table. Tables without the column keep their order.
        Raise UsageError for a column that no table has, unless there is no table, and for an unknown order.
        """
        title, _, order = sort.partition(":")
        if order not in ("", "asc", "desc"):
            raise UsageError(
                f"invalid value {sort!r} for --sort: {order!r} is not an order", "use COLUMN or COLUMN:desc"
            )
        _require_columns(self.tables, [title], "--sort")
        tables = [
            replace(table, rows=_sort_rows(table.rows, _pick(table, [title])[0], order == "desc"))
            if _has(table, [title])
            else table
            for table in self.tables
        ]
        is_rows = len(tables) == 1 and self.data == list(self.tables[0].rows)
        return Report(tables[0].rows if is_rows else self.data, tables)


def _require_columns(tables: Sequence[Table], titles: Sequence[str], flag: str) -> None:
    """Raise UsageError where no table has all of the columns with these titles, which may be in any case.

    Without tables nothing is raised. `flag` is the option to name in the error.
    """
    if not tables or any(_has(table, titles) for table in tables):
        return
    known = list(dict.fromkeys(column.title for table in tables for column in table.columns))
    unknown = [title for title in titles if title.lower() not in map(str.lower, known)]
    if unknown:
        raise UsageError(f"invalid value {unknown[0]!r} for {flag}", f"use one of these columns: {', '.join(known)}")
    choices = "; or ".join(", ".join(column.title for column in table.columns) for table in tables)
    raise UsageError(
        f"invalid value {','.join(titles)!r} for {flag}: no table has all of them",
        f"use columns of one table: {choices}",
    )


def _has(table: Table, titles: Sequence[str]) -> bool:
    """Return whether a table has all columns with these titles, which may be in any case."""
    return {title.lower() for title in titles} <= {column.title.lower() for column in table.columns}


def _pick(table: Table, titles: Sequence[str]) -> list[Column]:
    """Return the columns with these titles, which may be in any case, in the order of `titles`.

    The table must have all of them.
    """
    columns = {column.title.lower(): column for column in table.columns}
    return [columns[title.lower()] for title in titles]


def _make_object(table: Table, row: Any) -> dict[str, object]:
    """Return the values of a row by the titles of its columns: LOG-END-OFFSET is the key log_end_offset.

    Only hyphens become underscores: blanks and brackets of a title stay. The values are those of Column.value, without
    formatting.
    """
    return {column.title.lower().replace("-", "_"): column.value(row) for column in table.columns}


def _sort_rows(rows: Sequence[Any], column: Column, descending: bool) -> list[Any]:
    """Return rows sorted by a column: numbers before text, rows with a value of None last.

    Values that are no numbers, also bools, are compared as the text of their cells. With `descending` texts come before
    numbers, and None is last, too. Rows with equal values keep their order. Raise ValueError for a list with an integer
    of more than 4,300 digits.
    """

    def key(row: Any) -> tuple[bool, Any]:
        """Return the sort key of a row that has a value: False and a number, or True and the cell's text."""
        value = column.value(row)
        return (False, value) if is_number(value) else (True, format_cell(value))

    present = [row for row in rows if column.value(row) is not None]
    absent = [row for row in rows if column.value(row) is None]
    return sorted(present, key=key, reverse=descending) + absent


def listing(columns: Sequence[Column], rows: Sequence[Any], title: str | None = None) -> Report:
    """Return a report of one table, with these columns and rows, and a title or None.

    The rows are also the data.
    """
    return Report(list(rows), [Table(columns, rows, title)])


def format_cell(value: object, absent: str = "-") -> str:
    """Return a value as text in a table.

    None and an empty list or tuple become `absent`; items of a list are joined by commas, and an item of None is a
    hyphen. A bool becomes true or false, a member of an enumeration its value, a float a number without an exponent,
    and any other value its str(). Raise ValueError for an integer of more than 4,300 digits.
    """
    if value is None:
        return absent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(format_cell(item) for item in value) if value else absent
    if isinstance(value, Enum):
        return str(value.value)
    return write_number(value) if isinstance(value, float) else str(value)


def is_number(value: object) -> bool:
    """Return whether a value is a number; a bool is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
