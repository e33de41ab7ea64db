"""Report -> text on stdout, in the format asked for."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TextIO

from kafkactl.output.report import OutputFormat, Report, Table, cell


def show(report: Report, format: OutputFormat | None = None, stream: TextIO | None = None) -> None:
    """Prints a result: a table on a terminal and plain text elsewhere, unless a format is named."""
    stream = stream or sys.stdout
    if format is None:
        format = OutputFormat.TABLE if stream.isatty() else OutputFormat.PLAIN
    match format:
        case OutputFormat.JSON:
            import json

            stream.write(json.dumps(plain_data(report.data), indent=2, ensure_ascii=False) + "\n")
        case OutputFormat.YAML:
            import yaml

            stream.write(yaml.safe_dump(plain_data(report.data), sort_keys=False, allow_unicode=True))
        case OutputFormat.CSV:
            _show_csv(report, stream)
        case OutputFormat.PLAIN:
            _show_plain(report, stream)
        case OutputFormat.TABLE:
            from kafkactl.output.terminal import show_tables

            show_tables(report.tables, stream)


def plain_data(value: Any) -> Any:
    """Dataclasses, enums, bytes and sequences as what json and yaml know."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain_data(item) for item in items]
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value


def _show_csv(report: Report, stream: TextIO) -> None:
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    headed: list[str] | None = None
    for table in report.tables:
        titles = [column.title.lower() for column in table.columns]
        if titles != headed:
            writer.writerow(titles)
            headed = titles
        for row in table.rows:
            writer.writerow([cell(column.value(row), absent="") for column in table.columns])


def _show_plain(report: Report, stream: TextIO) -> None:
    for number, table in enumerate(report.tables):
        if number:
            stream.write("\n")
        if table.title:
            stream.write(table.title + "\n")
        if table.rows:
            stream.write(_aligned(table) + "\n")


def _aligned(table: Table) -> str:
    """Column by column: a hundred thousand rows are no time to ask each cell what it is."""
    if not table.headings:
        return "\n".join(cell(table.columns[0].value(row)) for row in table.rows)
    titles = [column.title for column in table.columns]
    values = [list(map(column.value, table.rows)) for column in table.columns]
    # What is the same in every row needs one look, and a large table has many such columns.
    values = [[column[0]] if column.count(column[0]) == len(column) else column for column in values]
    kinds = [set(map(type, column)) for column in values]
    numeric = [bool(kind & {int, float}) for kind in kinds]
    texts = [_texts(column, kind) for column, kind in zip(values, kinds, strict=True)]
    worded = ("".join(text) for text, kind in zip(texts, kinds, strict=True) if not kind <= {int})
    if all(text.isascii() and text.isprintable() for text in worded):
        return padded(titles, texts, numeric, len(table.rows))
    texts = [text * len(table.rows) if len(text) == 1 else text for text in texts]
    return tabulated(titles, texts, numeric)


def _texts(column: list[Any], kinds: set[type]) -> list[Any]:
    """Cells as text; numbers stay, for to be written is all that they wait for."""
    if kinds <= {str} or kinds <= {int}:
        return column
    if all(issubclass(kind, (str, type(None))) for kind in kinds):
        known = {value: cell(value) for value in set(column)}  # states, clients, hosts come again and again
        return list(map(known.__getitem__, column))
    return list(map(cell, column))


def padded(titles: list[str], columns: list[list[Any]], numeric: list[bool], rows: int) -> str:
    """What `tabulated` gives for plain ASCII, where a character is a column: tabulate takes 20 ms to import.

    A column of one cell stands for that in every row, and is part of the line's pattern.
    """
    heading, parts, varying = [], [], []
    for title, column, right in zip(titles, columns, numeric, strict=True):
        width = max(len(title), _width(column))
        pattern = f"%{width}s" if right else f"%-{width}s"
        heading.append(pattern % title)
        if len(column) == 1:
            parts.append((pattern % column[0]).replace("%", "%%"))
        else:
            parts.append(pattern)
            varying.append(column)
    line = "  ".join(parts)
    lines = map(line.__mod__, zip(*varying, strict=True)) if varying else [line % ()] * rows
    return "\n".join(map(str.rstrip, ["  ".join(heading), *lines]))


def _width(column: list[Any]) -> int:
    if type(column[0]) is int:
        return max(len(str(min(column))), len(str(max(column))))
    return max(map(len, column))


def tabulated(titles: list[str], columns: list[list[Any]], numeric: list[bool]) -> str:
    """Aligned text where characters may be two columns wide, or none, or break the line."""
    import tabulate

    tabulate.MIN_PADDING = 0  # it would widen every heading by two
    aligns = ["right" if right else "left" for right in numeric]
    rows = list(zip(*(map(str, column) for column in columns), strict=True))
    text = tabulate.tabulate(rows, headers=titles, tablefmt="plain", disable_numparse=True, colalign=aligns)
    return "\n".join(line.rstrip() for line in text.splitlines())
