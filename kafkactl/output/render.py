"""Report -> text on stdout, in the format that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from kafkactl.errors import UsageError
from kafkactl.escaping import escape_for_terminal
from kafkactl.output.report import Column, OutputFormat, Report, Table, cell
from kafkactl.stdout import out


def show(
    report: Report, format: OutputFormat | None = None, stream: TextIO | None = None, with_headings: bool = True
) -> None:
    """Print a result: a table on a terminal and plain text elsewhere, unless a format is named."""
    stream = stream or out.text
    on_terminal = stream.isatty()
    if format is None:
        format = OutputFormat.TABLE if on_terminal else OutputFormat.PLAIN
    if format in (OutputFormat.TABLE, OutputFormat.PLAIN):
        if on_terminal:
            report = _escaped(report)
        if format is OutputFormat.PLAIN:
            _show_plain(report, stream, with_headings)
        else:
            from kafkactl.output.terminal import show_tables

            show_tables(report.tables, out.styled if stream is out.text else stream, with_headings)
        return
    from kafkactl.output import structured

    match format:
        case OutputFormat.JSON:
            _write_bytes(structured.json_pieces(report.data), stream)
        case OutputFormat.JSONL:
            items = report.data if isinstance(report.data, (list, tuple)) else [report.data]
            _write_bytes(structured.json_lines(items), stream)
        case OutputFormat.YAML:
            stream.writelines(structured.yaml_pieces(report.data))
        case OutputFormat.CSV:
            stream.writelines(structured.csv_pieces(report.tables, with_headings))
        case _:
            raise UsageError(f"this result has no form {format.value}", "use another -o, or the command without it")


def _write_bytes(pieces: Any, stream: TextIO) -> None:
    """Write pieces of bytes, to a stream of text that has no descriptor also as text."""
    binary = getattr(stream, "buffer", None)
    if binary is None:
        stream.writelines(piece.decode() for piece in pieces)
        return
    binary.writelines(pieces)


def _escaped(report: Report) -> Report:
    """Return the report with control characters of its cells and titles made visible, for a terminal."""

    def escape(column: Column) -> Column:
        return replace(column, value=_escaping(column.value, escape_for_terminal))

    tables = [
        replace(
            table,
            columns=list(map(escape, table.columns)),
            title=None if table.title is None else escape_for_terminal(table.title, keep_line_ends=False),
        )
        for table in report.tables
    ]
    return Report(report.data, tables)


def _escaping(value: Callable[[Any], object], escape: Callable[..., str]) -> Callable[[Any], object]:
    def escaped(row: Any) -> object:
        found = value(row)
        if found is None or isinstance(found, (bool, int, float)):
            return found
        return escape(cell(found), keep_line_ends=False)

    return escaped


def _show_plain(report: Report, stream: TextIO, with_headings: bool) -> None:
    for number, table in enumerate(report.tables):
        if number and with_headings:
            stream.write("\n")
        if table.title and with_headings:
            stream.write(table.title + "\n")
        if table.rows:
            stream.write(_aligned(table, with_headings) + "\n")


def _aligned(table: Table, with_headings: bool) -> str:
    """Column by column: a hundred thousand rows are no time to ask each cell what it is."""
    if not table.headings:
        return "\n".join(cell(table.columns[0].value(row)) for row in table.rows)
    titles = [column.title if with_headings else "" for column in table.columns]
    values = [list(map(column.value, table.rows)) for column in table.columns]
    # What is the same in every row needs one look, and a large table has many such columns.
    values = [[column[0]] if column.count(column[0]) == len(column) else column for column in values]
    kinds = [set(map(type, column)) for column in values]
    numeric = [bool(kind & {int, float}) for kind in kinds]
    texts = [_texts(column, kind) for column, kind in zip(values, kinds, strict=True)]
    worded = ("".join(text) for text, kind in zip(texts, kinds, strict=True) if not kind <= {int})
    if all(text.isascii() and text.isprintable() for text in worded):
        text = padded(titles, texts, numeric, len(table.rows))
    else:
        texts = [text * len(table.rows) if len(text) == 1 else text for text in texts]
        text = tabulated(titles, texts, numeric)
    return text if with_headings else text.partition("\n")[2]


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
