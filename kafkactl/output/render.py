"""Reports as text on stdout, in the requested format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from kafkactl.errors import UsageError
from kafkactl.escaping import escape_for_terminal
from kafkactl.output.report import OutputFormat, Report, Table, format_cell
from kafkactl.stdout import out


def show(
    report: Report, format: OutputFormat | None = None, stream: TextIO | None = None, with_headings: bool = True
) -> None:
    """Print a report in a format.

    A `format` of None is a table on a terminal and plain text elsewhere; a `stream` of None is stdout. `with_headings`
    False leaves the titles of tables and columns out. Tables and plain text on a terminal have the control characters
    of cells and titles escaped. json, jsonl and yaml show the report's `data`, the others its tables; jsonl has a line
    for each item of a list, so none for an empty list, and one line for any other data. The last bytes for stdout can
    stay in the buffer of `out` until it is flushed.

    Raise UsageError for kafka, prometheus, parquet and raw, which are no formats of reports; ValueError for an integer
    of more than 4,300 digits; OutputError where stdout cannot be written, ReaderLeftError where its reader left, and
    the errors of the functions of `structured` for data that json, jsonl, yaml and csv cannot have. Errors of another
    stream pass through.
    """
    stream = stream or out.text
    on_terminal = stream.isatty()
    if format is None:
        format = OutputFormat.TABLE if on_terminal else OutputFormat.PLAIN
    if format in (OutputFormat.TABLE, OutputFormat.PLAIN):
        if on_terminal:
            report = _escape_report(report)
        if format is OutputFormat.PLAIN:
            _show_plain(report, stream, with_headings)
        else:
            from kafkactl.output.terminal import show_tables

            show_tables(report.tables, out.styled if stream is out.text else stream, with_headings)
        return
    from kafkactl.output import structured

    match format:
        case OutputFormat.JSON:
            _write_bytes(structured.encode_json(report.data), stream)
        case OutputFormat.JSONL:
            items = report.data if isinstance(report.data, (list, tuple)) else [report.data]
            _write_bytes(structured.encode_json_lines(items), stream)
        case OutputFormat.YAML:
            stream.writelines(structured.encode_yaml(report.data))
        case OutputFormat.CSV:
            stream.writelines(structured.encode_csv(report.tables, with_headings))
        case _:
            raise UsageError(
                f"invalid value {format.value!r} for -o: this result does not have this form",
                "use another value, or leave -o out",
            )


def _write_bytes(pieces: Any, stream: TextIO) -> None:
    """Write an iterable of pieces of UTF-8 to a stream; as text where the stream has no buffer for bytes.

    Text that the stream itself still keeps comes after them, unless it is flushed before. Errors of the stream and of
    the iterable pass through.
    """
    binary = getattr(stream, "buffer", None)
    if binary is None:
        stream.writelines(piece.decode() for piece in pieces)
        return
    binary.writelines(pieces)


def _escape_report(report: Report) -> Report:
    """Return the report with control characters in cells and in titles of tables and columns made visible.

    Line ends and tabs are made visible, too. Numbers, bools, None and `data` stay as they are; other cells become text.
    """
    tables = [
        replace(
            table,
            columns=[
                replace(column, title=_escape_line(column.title), value=_make_escaped(column.value))
                for column in table.columns
            ],
            title=None if table.title is None else _escape_line(table.title),
        )
        for table in report.tables
    ]
    return Report(report.data, tables)


def _escape_line(text: str) -> str:
    """Return text with all control characters, also line ends and tabs, made visible."""
    return escape_for_terminal(text, keep_line_ends=False)


def _make_escaped(value: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a function that takes a row and returns its value in a column with control characters made visible.

    `value` returns the unescaped value of a row. Numbers, bools and None stay; any other value becomes text. The
    function raises ValueError for a list with an integer of more than 4,300 digits.
    """

    def escape_value(row: Any) -> object:
        """Return the value of a row: a number, a bool or None as it is, anything else as escaped text."""
        item = value(row)
        return item if item is None or isinstance(item, (bool, int, float)) else _escape_line(format_cell(item))

    return escape_value


def _show_plain(report: Report, stream: TextIO, with_headings: bool) -> None:
    """Print each table as aligned text without lines, with an empty line between tables.

    The title of a table is a line above it. A table without rows prints only its title, and one whose `headings` is
    False only its title and the values of its first column. `with_headings` False leaves the titles of tables and
    columns and the empty lines out. Raise ValueError for an integer of more than 4,300 digits. Errors of
    the stream pass through.
    """
    for number, table in enumerate(report.tables):
        if number and with_headings:
            stream.write("\n")
        if table.title and with_headings:
            stream.write(table.title + "\n")
        if table.rows:
            stream.write(_format_table(table, with_headings) + "\n")


def _format_table(table: Table, with_headings: bool) -> str:
    """Return a table with rows as aligned text, without a line end at the end.

    A column with an int or a float is aligned to the right, others to the left. `with_headings` False leaves the titles
    of columns out. A table whose `headings` is False becomes the values of its first column, one a line. The work is
    done column by column, because a table of 100,000 rows has too many cells to check the type of each one. Raise
    ValueError for an integer of more than 4,300 digits.
    """
    if not table.headings:
        return "\n".join(format_cell(table.columns[0].value(row)) for row in table.rows)
    titles = [column.title if with_headings else "" for column in table.columns]
    values = [list(map(column.value, table.rows)) for column in table.columns]
    # A column with one value in all rows is formatted once; a large table has many columns of this kind.
    values = [[column[0]] if column.count(column[0]) == len(column) else column for column in values]
    kinds = [set(map(type, column)) for column in values]
    numeric = [bool(kind & {int, float}) for kind in kinds]
    texts = [_format_column(column, kind) for column, kind in zip(values, kinds, strict=True)]
    non_numbers = ("".join(text) for text, kind in zip(texts, kinds, strict=True) if not kind <= {int})
    if all(text.isascii() and text.isprintable() for text in non_numbers):
        text = align_ascii(titles, texts, numeric, len(table.rows))
    else:
        texts = [text * len(table.rows) if len(text) == 1 else text for text in texts]
        text = align_text(titles, texts, numeric)
    return text if with_headings else text.partition("\n")[2]


def _format_column(column: list[Any], kinds: set[type]) -> list[Any]:
    """Return the cells of a column as text; a column of integers only is returned unchanged.

    `kinds` are the types of the values. `align_ascii` and `align_text` format the integers.
    """
    if kinds <= {str} or kinds <= {int}:
        return column
    if all(issubclass(kind, (str, type(None))) for kind in kinds):
        texts = {value: format_cell(value) for value in set(column)}  # states, clients and hosts repeat in many rows
        return list(map(texts.__getitem__, column))
    return list(map(format_cell, column))


def align_ascii(titles: list[str], columns: list[list[Any]], numeric: list[bool], rows: int) -> str:
    """Return aligned text with the titles in the first line, for printable ASCII only.

    There is no line end at the end, and no blank at the end of a line. The cells of a column are all texts or all
    integers, and no column is empty. `rows` is the number of rows. A column of one cell has this cell in every row, and
    is part of the line's pattern. `numeric` says of each column whether it is aligned to the right. tabulate, which
    `align_text` uses, needs 20 ms to import.
    """
    heading, parts, varying = [], [], []
    for title, column, right in zip(titles, columns, numeric, strict=True):
        width = max(len(title), _measure_width(column))
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


def _measure_width(column: list[Any]) -> int:
    """Return the number of characters of the longest cell.

    The column is not empty, and has only integers or only texts.
    """
    if type(column[0]) is int:
        return max(len(str(min(column))), len(str(max(column))))
    return max(map(len, column))


def align_text(titles: list[str], columns: list[list[Any]], numeric: list[bool]) -> str:
    """Return aligned text with the titles in the first line, without a line end at the end.

    Characters may be two columns wide or none, and a cell may have line ends: each begins a new line, also CR and
    U+2028. Blanks around the text of a cell are left out. `columns` have a cell for each row, a text or an integer;
    without rows there are only the titles. `numeric` says of each column whether it is aligned to the right. No line
    has a blank at its end. tabulate.MIN_PADDING becomes 0 for the whole process. Raise ValueError for an
    integer of more than 4,300 digits.
    """
    import tabulate

    tabulate.MIN_PADDING = 0  # it would widen every heading by two
    aligns = ["right" if right else "left" for right in numeric]
    rows = list(zip(*(map(str, column) for column in columns), strict=True))
    text = tabulate.tabulate(rows, headers=titles, tablefmt="plain", disable_numparse=True, colalign=aligns)
    return "\n".join(line.rstrip() for line in f"{text}\n".splitlines())  # without the line end, an empty row is lost
