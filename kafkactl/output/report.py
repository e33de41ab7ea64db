"""A command's result on its way to text: the data for programs, and the same as columns for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any


class OutputFormat(StrEnum):
    """What -o takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    PLAIN = "plain"


class RecordFormat(StrEnum):
    """What -o takes where records are printed as they come."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    PLAIN = "plain"
    RAW = "raw"


@dataclass(frozen=True)
class Column:
    """One column: its heading, and a row's value in it (None shows as `-`, and as nothing in csv)."""

    title: str
    value: Callable[[Any], object]
    style: Callable[[Any], str | None] | None = None
    """A row's rich style in this column, for what should catch the eye."""


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
    return str(value)


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
