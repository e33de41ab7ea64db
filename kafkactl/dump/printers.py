"""Rows printed as json (one object a line), csv, yaml or a table; large keys and values are printed part by part."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.output.records.fields import BASE64_SUFFIX
from kafkactl.output.report import Column, OutputFormat, listing
from kafkactl.output.structured import (
    dump_json,
    encode_yaml_document,
    format_csv_bytes,
    format_csv_cell,
    format_csv_line,
    has_special_bytes,
)
from kafkactl.stdout import out
from kafkactl.storage.files import FileKind, find_kind
from kafkactl.storage.text import split_as_utf8

Row = dict[str, Any]
"""Names and cells.

Keys and values of more than LARGE_BYTES stay bytes, also where smaller ones are text.
"""
LARGE_BYTES = 1024 * 1024
_FREE_NAMES = (FileKind.PARTITION_METADATA, FileKind.META_PROPERTIES, FileKind.QUORUM_STATE)
"""Kinds of files whose content has the names of its row; rows of all other kinds have fixed names."""
_BASE64_PART_BYTES = 3 * 256 * 1024  # a multiple of 3 has no padding


def make_printer(format: OutputFormat | None, paths: list[Path]) -> Callable[[Iterator[Row]], None]:
    """Return a function that takes rows and prints them in a format to stdout.

    A `format` of None is a table on a terminal and plain text elsewhere. JSON and YAML have one object or document for
    each row; csv and tables have a column for each name, and a row without this name has no value there; but csv of
    segments, indexes, producer snapshots and checkpoints takes the names of the first row for all, without a check.
    Without rows nothing is printed. The function raises OutputError and ReaderLeftError, the errors of the rows,
    UnicodeDecodeError for YAML with bytes that are neither UTF-8 nor named for base64, and UsageError for kafka,
    prometheus, parquet and raw.

    Raise UsageError at once where the files have different kinds, for every `format`, None too, but json, jsonl and
    yaml.
    """
    one_kind = len({find_kind(path) for path in paths}) <= 1
    if not one_kind and format not in (OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.YAML):
        raise UsageError(f"-o {format} cannot mix kinds of files: their columns differ", "use -o json")
    if format in (OutputFormat.JSON, OutputFormat.JSONL):
        return _print_json
    if format is OutputFormat.CSV and any(find_kind(path) in _FREE_NAMES for path in paths):
        return lambda rows: _print_csv(iter(_align(rows)))
    if format is OutputFormat.CSV:
        return _print_csv
    if format is OutputFormat.YAML:
        return _print_yaml
    return lambda rows: _print_table(rows, format)


def _print_json(rows: Iterator[Row]) -> None:
    """Print each row as one line of JSON to stdout. Raise OutputError, ReaderLeftError, and the errors of `rows`."""
    for row in rows:
        if bytes in map(type, row.values()):
            _write_parts(_format_json_parts(row))
        else:
            out.write(dump_json(row) + b"\n")
        del row  # it may be large, and the next one needs memory, too


def _format_json_parts(row: Row) -> Iterator[bytes]:
    """Yield a row's JSON object in parts, with its line end at the end.

    The row must not be empty. Bytes become base64 under a name that ends in _base64, else text with U+FFFD in place of
    what is not UTF-8. Bytes inside of lists and objects become text with visible escapes.
    """
    for number, (name, cell) in enumerate(row.items()):
        yield (b"," if number else b"{") + dump_json(name) + b":"
        if isinstance(cell, bytes):
            yield b'"'
            if name.endswith(BASE64_SUFFIX):
                yield from _encode_base64_parts(cell)
            else:
                yield from (dump_json(part.decode())[1:-1] for part in split_as_utf8(cell))
            yield b'"'
        else:
            yield dump_json(cell)
    yield b"}\n"


def _encode_base64_parts(data: bytes) -> Iterator[bytes]:
    """Yield bytes as base64, in parts of up to 1 MiB that form one text without line ends; nothing for no bytes."""
    for start in range(0, len(data), _BASE64_PART_BYTES):
        yield base64.b64encode(data[start : start + _BASE64_PART_BYTES])


def _print_csv(rows: Iterator[Row]) -> None:
    """Print rows as csv to stdout, with the names of the first row as the heading; nothing without rows.

    All rows must have the same names in the same order; this is not checked. None is an empty cell, lists and dicts are
    JSON, and bytes are written as they are, also those that are not UTF-8, but for what a terminal would obey. Raise
    OutputError, ReaderLeftError, and the errors of `rows`.
    """
    for number, row in enumerate(rows):
        if number == 0:
            out.write_text(format_csv_line(row))
        if any(isinstance(cell, bytes) and len(cell) > LARGE_BYTES for cell in row.values()):
            _write_parts(_format_csv_parts(row))
        else:
            out.write(b",".join(map(_format_csv_cell, row.values())) + b"\n")
        del row


def _format_csv_parts(row: Row) -> Iterator[bytes]:
    """Yield a row's line of csv in parts, with its line end at the end.

    Bytes stay as they are, in quotes where needed, with inner quotes doubled; empty ones are "", and None is an empty
    cell. Those above 1 MiB come in several parts.
    """
    for number, cell in enumerate(row.values()):
        if number:
            yield b","
        if not isinstance(cell, bytes) or len(cell) <= LARGE_BYTES:
            yield _format_csv_cell(cell)
            continue
        quote = b'"' if has_special_bytes(cell) else b""
        yield quote
        for start in range(0, len(cell), LARGE_BYTES):
            yield cell[start : start + LARGE_BYTES].replace(b'"', b'""')
        yield quote
    yield b"\n"


def _format_csv_cell(cell: Any) -> bytes:
    """Return a cell of csv, quoted where needed; lists and dicts become JSON, bytes stay, and None is empty."""
    if isinstance(cell, bytes):
        return format_csv_bytes(cell)
    return format_csv_cell(dump_json(cell).decode() if isinstance(cell, (list, dict)) else cell).encode()


def _align(rows: Iterable[Row]) -> list[Row]:
    """Return all rows with the names of all of them, in the order of their first use; missing cells are None."""
    all_rows = list(rows)
    names = dict.fromkeys(name for row in all_rows for name in row)
    return [{name: row.get(name) for name in names} for row in all_rows]


def _write_parts(parts: Iterable[bytes]) -> None:
    """Write parts to stdout one by one. Raise OutputError and ReaderLeftError."""
    for part in parts:
        out.write(part)


def _print_yaml(rows: Iterator[Row]) -> None:
    """Print each row as a YAML document to stdout.

    Raise OutputError and ReaderLeftError, the errors of `rows`, and UnicodeDecodeError for bytes that are not UTF-8 and
    have no name for base64.
    """
    for row in rows:
        out.write_text(encode_yaml_document({name: _decode_cell(name, cell) for name, cell in row.items()}))


def _decode_cell(name: str, cell: Any) -> Any:
    """Return a cell; bytes become base64 under a name that ends in _base64, else text.

    Raise UnicodeDecodeError for other bytes that are not UTF-8.
    """
    if not isinstance(cell, bytes):
        return cell
    return (base64.b64encode(cell) if name.endswith(BASE64_SUFFIX) else cell).decode()


def _print_table(rows: Iterator[Row], format: OutputFormat | None) -> None:
    """Print rows as a table to stdout, with the names of the rows in capitals as titles; all rows are in memory.

    A `format` of None is a table on a terminal and plain text elsewhere. Raise OutputError and ReaderLeftError, the
    errors of `rows`, after which nothing is printed, and, after all rows were read, UsageError for kafka, prometheus,
    parquet and raw.
    """
    from kafkactl.output.render import show

    all_rows = _align(rows)  # the widths of a table depend on all rows
    names = list(all_rows[0]) if all_rows else []
    show(listing([Column(name.upper(), lambda row, name=name: row[name]) for name in names], all_rows), format)  # type: ignore[misc]
