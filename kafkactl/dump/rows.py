"""Files that brokers leave on disk as rows for programs: json (one object a line), csv, yaml, tables and parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafkactl.dump.text import control_text, timestamp_type
from kafkactl.errors import FormatError, KafkactlError, UsageError
from kafkactl.output import people
from kafkactl.output.kafka.java_text import plain
from kafkactl.output.records.fields import header_items, member
from kafkactl.output.report import Column, OutputFormat, listing
from kafkactl.output.structured import csv_bytes, csv_cell, csv_line, dump_json, yaml_document
from kafkactl.stdout import OutputError, out
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.files import FileKind, kind_of
from kafkactl.storage.records import Record
from kafkactl.storage.selection import Selected, Selection, select
from kafkactl.storage.text import jvm_text, shown_name

if TYPE_CHECKING:
    from kafkactl.storage.index import OffsetIndex, TimeIndex

Row = dict[str, Any]
Values = Callable[[Record], tuple[Any, Any]]
"""A record's key and value as json has them, text as bytes; raises FormatError for what is not of its format."""


class BytesAs(Enum):
    """What becomes of keys and values that are not UTF-8."""

    BASE64 = auto()
    """A member of another name, which tables and columns cannot have."""
    BYTES = auto()
    """They stay bytes."""
    TEXT = auto()
    """Text with U+FFFD in their place."""


BATCHES = (FileKind.LOG, FileKind.KRAFT_SNAPSHOT)


def dump_rows(
    paths: list[Path],
    deep: bool,
    values: Values,
    bytes_as: BytesAs,
    selection: Selection,
    print_rows: Callable[[Iterator[Row]], None],
) -> int:
    """Print every file's rows and return an exit status; an error in one file does not hide the others.

    `bytes_as` says what becomes of keys, values and headers that are not UTF-8.
    """
    status = 0

    def failed(error: KafkactlError) -> None:
        nonlocal status
        if isinstance(error, OutputError):  # no fault of a file: nothing more can be printed
            raise error
        out.flush()
        people.error(error)
        status = error.status

    def rows() -> Iterator[Row]:
        logs = [path for path in paths if kind_of(path) in BATCHES]
        for path in paths:
            if path not in logs:
                try:
                    yield from _small_rows(path)
                except KafkactlError as error:
                    failed(error)
        yield from _log_rows(logs, deep, values, bytes_as, selection, failed)

    print_rows(rows())
    return status


def printer(format: OutputFormat | None, paths: list[Path]) -> Callable[[Iterator[Row]], None]:
    """What prints rows in that format; raises UsageError for files whose rows cannot stand in one table."""
    one_kind = len({kind_of(path) for path in paths}) <= 1
    if not one_kind and format not in (OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.YAML):
        raise UsageError(f"-o {format} cannot mix kinds of files: their columns differ", "-o json can")
    if format in (OutputFormat.JSON, OutputFormat.JSONL):
        return _print_json
    if format is OutputFormat.CSV:
        return _print_csv
    if format is OutputFormat.YAML:
        return _print_yaml
    return lambda rows: _print_table(rows, format)


def _print_json(rows: Iterator[Row]) -> None:
    for row in rows:
        out.write(dump_json(row) + b"\n")


def _print_csv(rows: Iterator[Row]) -> None:
    for number, row in enumerate(rows):
        if number == 0:
            out.write_text(csv_line(row))
        out.write(b",".join(map(_csv_cell, row.values())) + b"\n")


def _csv_cell(cell: Any) -> bytes:
    if isinstance(cell, bytes):
        return csv_bytes(cell)
    return csv_cell(dump_json(cell).decode() if isinstance(cell, (list, dict)) else cell).encode()


def _print_yaml(rows: Iterator[Row]) -> None:
    for row in rows:
        out.write_text(yaml_document(row))


def _print_table(rows: Iterator[Row], format: OutputFormat | None) -> None:
    from kafkactl.output.render import show

    held = list(rows)  # a table's widths are known when its last row is
    names = list(held[0]) if held else []
    show(listing([Column(name.upper(), lambda row, name=name: row[name]) for name in names], held), format)  # type: ignore[misc]


def _log_rows(
    paths: list[Path],
    deep: bool,
    values: Values,
    bytes_as: BytesAs,
    selection: Selection,
    failed: Callable[[KafkactlError], None],
) -> Iterator[Row]:
    """Rows of batches or records; damage in one file does not hide the others."""
    ends: dict[Path, int] = {}
    for selected in select(paths, selection, deep, failed):
        ends[selected.path] = selected.batch.position + selected.batch.size_bytes
        try:
            yield from _record_rows(selected, values, bytes_as) if deep else [_batch_row(selected.path, selected.batch)]
        except FormatError as error:
            failed(FormatError(f"{selected.path}: {error}", error.hint))
        if selection.follow:
            out.flush()  # who follows does not want to wait until a buffer is full
    if selection.is_everything:
        for path in paths:
            trailing = path.stat().st_size - ends.get(path, 0) if path.exists() else 0
            if trailing:
                failed(FormatError(f"{path}: {trailing} invalid bytes at the end"))


def _record_rows(selected: Selected, values: Values, bytes_as: BytesAs) -> Iterator[Row]:
    batch = selected.batch
    if not batch.is_valid:
        raise FormatError(
            f"batch at position {batch.position}: its CRC does not match", "without -o it is shown all the same"
        )
    for record in selected.records:
        yield _record_row(selected.path, batch, record, values, bytes_as)


def _small_rows(path: Path) -> Iterator[Row]:
    from kafkactl.storage.index import OffsetIndex, TimeIndex
    from kafkactl.storage.producer_snapshot import read_producer_snapshot
    from kafkactl.storage.txnindex import read_aborted_transactions

    kind = kind_of(path)
    if kind is None:
        known = ", ".join(kind.value for kind in FileKind)
        raise UsageError(f"{path}: not a kind of file that is known", f"these are: {known}")
    if kind is FileKind.OFFSET_INDEX:
        rows: Iterator[Row] = _index_rows(OffsetIndex(path))
    elif kind is FileKind.TIME_INDEX:
        rows = _index_rows(TimeIndex(path))
    elif kind is FileKind.TRANSACTION_INDEX:
        rows = (asdict(entry) for entry in read_aborted_transactions(path))
    elif kind is FileKind.PRODUCER_SNAPSHOT:
        rows = (asdict(state) for state in read_producer_snapshot(path))
    else:
        rows = small_file_rows(path)
    return ({"file": str(path), **row} for row in rows)


def _index_rows(index: OffsetIndex | TimeIndex) -> Iterator[Row]:
    for entry in index.entries():
        yield asdict(entry)
    index.require_whole()


def small_file_rows(path: Path) -> Iterator[Row]:
    """The lines of the small text files, which Kafka's tool does not read."""
    from kafkactl.storage import checkpoint

    kind = kind_of(path)
    if kind is FileKind.LEADER_EPOCHS:
        return (asdict(entry) for entry in checkpoint.read_leader_epochs(path))
    if kind is FileKind.OFFSET_CHECKPOINT:
        return (asdict(entry) for entry in checkpoint.read_offset_checkpoint(path))
    if kind is FileKind.QUORUM_STATE:
        return iter([checkpoint.read_quorum_state(path)])
    return iter([checkpoint.read_properties(path)])


def _batch_row(path: Path, batch: AnyBatch) -> Row:
    new = batch if isinstance(batch, Batch) else None
    return {
        "file": str(path),
        "position": batch.position,
        "size_bytes": batch.size_bytes,
        "magic": batch.magic,
        "base_offset": new.base_offset if new else None,
        "last_offset": batch.last_offset,
        "count": new.count if new else None,
        "leader_epoch": new.leader_epoch if new else None,
        "codec": batch.codec.name.lower(),
        "timestamp_type": timestamp_type(batch),
        "max_timestamp_ms": batch.max_timestamp_ms,
        "producer_id": new.producer_id if new else None,
        "producer_epoch": new.producer_epoch if new else None,
        "base_sequence": new.base_sequence if new else None,
        "transactional": new.is_transactional if new else False,
        "control": batch.is_control,
        "delete_horizon_ms": new.delete_horizon_ms if new else None,
        "crc": batch.crc,
        "valid": batch.is_valid,
    }


def _record_row(path: Path, batch: AnyBatch, record: Record, values: Values, bytes_as: BytesAs) -> Row:
    key, value = (None, None) if batch.is_control else values(record)
    return {
        "file": str(path),
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "timestamp_type": timestamp_type(batch),
        "sequence": record.sequence,
        "producer_id": batch.producer_id if isinstance(batch, Batch) else None,
        "control": control_text(record) if batch.is_control else None,
        "headers": _header_texts(record) if bytes_as is BytesAs.TEXT else header_items(record.headers),
        **_member("key", key, bytes_as),
        **_member("value", value, bytes_as),
    }


def _member(name: str, data: Any, bytes_as: BytesAs) -> Row:
    if not isinstance(data, bytes):
        return {name: plain(data)}
    if bytes_as is BytesAs.BASE64:
        return dict(member(name, data))
    return {name: data if bytes_as is BytesAs.BYTES else jvm_text(data)}


def _header_texts(record: Record) -> list[list[str | None]]:
    return [
        [shown_name(name), None if data is None else data.decode("utf-8", errors="replace")]
        for name, data in record.headers
    ]
