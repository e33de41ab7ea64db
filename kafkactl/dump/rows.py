"""Files that brokers leave on disk, as rows for programs; `printers` prints them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafkactl.dump.printers import LARGE_BYTES, Row
from kafkactl.dump.text import format_control, name_timestamp_type
from kafkactl.errors import FormatError, KafkactlError, UsageError
from kafkactl.output import people
from kafkactl.output.kafka.java_text import make_plain
from kafkactl.output.records.fields import BASE64_SUFFIX, encode_field, encode_headers
from kafkactl.statuses import combine_items
from kafkactl.stdout import OutputError, out
from kafkactl.storage.batch import Batch
from kafkactl.storage.files import FileKind, add_file_name, find_kind
from kafkactl.storage.legacy import LegacyRecord
from kafkactl.storage.records import Record
from kafkactl.storage.selecting import OnError, SelectedBatch, select
from kafkactl.storage.selection import BadCrc, Selection
from kafkactl.storage.text import format_header_name, is_utf8, jvm_text
from kafkactl.storage.transactions import OpenRecords

if TYPE_CHECKING:
    from kafkactl.storage.index import OffsetIndex, TimeIndex

Values = Callable[[Record], tuple[Any, Any]]
"""Function that returns a record's key and value as JSON data, text as bytes.

It raises FormatError for bytes that are not of their format; with a schema registry also OperationError and
UnreachableError.
"""


class BytesAs(Enum):
    """Form of keys and values that are not UTF-8."""

    BASE64 = auto()
    """A field with another name, which tables and columns cannot have."""
    BYTES = auto()
    """Unchanged bytes."""
    TEXT = auto()
    """Text with U+FFFD in place of invalid bytes."""


BATCHES = (FileKind.LOG, FileKind.KRAFT_SNAPSHOT)


def dump_rows(
    paths: list[Path],
    deep: bool,
    values: Values,
    bytes_as: BytesAs,
    selection: Selection,
    print_rows: Callable[[Iterator[Row]], None],
) -> int:
    """Print the rows of all files, and return the exit status; an error in one file does not hide the others.

    The status is 0 where no file has an error, that of the errors where all files have one and the same, and else 1.
    Files that are no segments come first. With `deep` segments give a row for each record, without it a row for each
    batch. `values` returns a record's key and value, each as bytes or as data of JSON, None without one; `bytes_as`
    chooses the form of bytes that are not UTF-8. `print_rows` prints all rows. Errors are written to stderr, and the
    number of records left out because their transaction has no end. A KafkactlError of `values` ends the batch, and the
    next one is read; an OSError of the selection is raised.

    Raise OutputError and ReaderLeftError where nothing more can be printed, and other errors of `print_rows`; with
    `follow` also KafkactlError for what cannot be read of later batches.
    """
    failures = defaultdict[Path, list[int]](list)
    left_out = OpenRecords()

    def report_error(path: Path, error: KafkactlError) -> None:
        """Write an error of a file to stderr and note its status; raise it where it is an OutputError.

        Raise OutputError and ReaderLeftError also where the output before it cannot be written.
        """
        if isinstance(error, OutputError):  # this is no error of a file: nothing more can be printed
            raise error
        out.flush()
        people.error(error)
        failures[path].append(error.status)

    def read_rows() -> Iterator[Row]:
        """Yield the rows of all files, first of those that are no segments; KafkactlErrors are reported.

        OutputError, ReaderLeftError and an OSError of the selection are raised. With `follow` this has no end, unless a
        limit is reached or all segments are missing, and errors of later reading are raised, too.
        """
        logs = [path for path in paths if find_kind(path) in BATCHES]
        for path in paths:
            if path not in logs:
                try:
                    yield from _read_other_rows(path)
                except KafkactlError as error:
                    report_error(path, add_file_name(error, path))
        yield from _read_log_rows(logs, deep, values, bytes_as, selection, report_error, left_out)

    print_rows(read_rows())
    if left_out.message is not None:
        out.flush()
        people.note(left_out.message)
    return combine_items(paths, failures)


def _read_log_rows(
    paths: list[Path],
    deep: bool,
    values: Values,
    bytes_as: BytesAs,
    selection: Selection,
    report_error: OnError,
    left_out: OpenRecords,
) -> Iterator[Row]:
    """Yield rows of batches, or, with `deep`, of records; damage in one file does not hide the others.

    `report_error` gets the path and every error of a file, also bytes at its end that are no whole batch (with `follow`
    only in front of a later segment), `left_out` counts the records of open transactions. `values` and `bytes_as`
    choose the form of keys and values. With `follow` this has no end, unless a limit is reached or all paths are
    missing, and raises KafkactlError for what cannot be read of later batches, and OutputError and ReaderLeftError
    where the rows cannot be written. A KafkactlError of `values` is an error of the file, too, and ends the batch.
    Errors of `report_error`, and an OSError of the selection, are raised.
    """
    keeps_bad_crc = selection.bad_crc is BadCrc.KEPT
    for selected in select(paths, selection, deep, report_error, left_out):
        try:
            if deep:
                is_valid = not keeps_bad_crc or selected.batch.is_valid
                for record in selected.records:
                    yield _make_record_row(selected, record, is_valid, values, bytes_as)
            else:
                yield _make_batch_row(selected)
        except KafkactlError as error:
            report_error(selected.path, add_file_name(error, selected.path))
        if selection.follow:
            out.flush()  # a reader that follows must not wait until a buffer is full


def _read_other_rows(path: Path) -> Iterator[Row]:
    """Return an iterator over the rows of a file that is no segment, each with the file's path first, as `file`.

    An empty properties file gives one row, with `file` alone. Raise UsageError for an unknown kind. At once, or while
    the result is iterated, raise NotFoundError for a missing file, UsageError for one that cannot be opened and for an
    index without a base offset, and FormatError for one that is corrupt or cannot be read.
    """
    from kafkactl.storage.index import OffsetIndex, TimeIndex
    from kafkactl.storage.producer_snapshot import read_producer_snapshot
    from kafkactl.storage.txnindex import read_aborted_transactions

    kind = find_kind(path)
    if kind is None:
        kinds = ", ".join(kind.value for kind in FileKind)
        raise UsageError(f"{path}: unknown kind of file", f"name files of these kinds: {kinds}")
    if kind is FileKind.OFFSET_INDEX:
        rows: Iterator[Row] = _read_index_rows(OffsetIndex(path))
    elif kind is FileKind.TIME_INDEX:
        rows = _read_index_rows(TimeIndex(path))
    elif kind is FileKind.TRANSACTION_INDEX:
        rows = (asdict(entry) for entry in read_aborted_transactions(path))
    elif kind is FileKind.PRODUCER_SNAPSHOT:
        rows = (asdict(state) for state in read_producer_snapshot(path))
    else:
        rows = read_small_file_rows(path)
    named = {"file": str(path)}
    return (named | row | named for row in rows)  # also where a row has a `file` of its own


def _read_index_rows(index: OffsetIndex | TimeIndex) -> Iterator[Row]:
    """Yield the entries of an index as dicts; raise FormatError, after all of them, where a part of one follows.

    An entry has its absolute offset, and its position in bytes or, in a time index, timestamp_ms. The padding of an
    active segment's index is left out, but a first entry is there even if it is padding.
    """
    for entry in index.read_entries():
        yield asdict(entry)
    index.require_whole()


def read_small_file_rows(path: Path) -> Iterator[Row]:
    """Return an iterator over the rows of a small text file, which Kafka's tool does not read, in their order.

    A checkpoint has one row for each entry: epoch and start_offset, or topic, partition and offset. quorum-state is one
    row with the members of its JSON; any other file is read as properties, which are one row of texts by name. An empty
    checkpoint has no row, empty properties one empty row, and an empty quorum-state is corrupt. Raise at once
    NotFoundError for a missing file, UsageError for one that cannot be opened, and FormatError for one that is corrupt
    or cannot be read.
    """
    from kafkactl.storage import checkpoint

    kind = find_kind(path)
    if kind is FileKind.LEADER_EPOCHS:
        return (asdict(entry) for entry in checkpoint.read_leader_epochs(path))
    if kind is FileKind.OFFSET_CHECKPOINT:
        return (asdict(entry) for entry in checkpoint.read_offset_checkpoint(path))
    if kind is FileKind.QUORUM_STATE:
        return iter([checkpoint.read_quorum_state(path)])
    return iter([checkpoint.read_properties(path)])


def _make_batch_row(selected: SelectedBatch) -> Row:
    """Return the row of a batch, with the names of docs/json.md; fields that magic 0 and 1 do not have are None.

    But `transactional`, `control` and `aborted` are False there, `last_offset` is the offset of the message, and in
    magic 0 `max_timestamp_ms` is -1 and `timestamp_type` is NoTimestampType. `delete_horizon_ms` is None where none is
    set, and `aborted` where that is not known. Names that end in _ms are ms since 1970, and `position` is in bytes.
    Raise FormatError for an unknown codec, a message with a magic above 127, and one that is too short for its
    timestamp.
    """
    batch = selected.batch
    new = batch if isinstance(batch, Batch) else None
    return {
        "file": str(selected.path),
        "position": batch.position,
        "size_bytes": batch.size_bytes,
        "magic": batch.magic,
        "base_offset": new.base_offset if new else None,
        "last_offset": batch.last_offset,
        "count": new.count if new else None,
        "leader_epoch": new.leader_epoch if new else None,
        "codec": batch.codec.name.lower(),
        "timestamp_type": name_timestamp_type(batch),
        "max_timestamp_ms": batch.max_timestamp_ms,
        "producer_id": new.producer_id if new else None,
        "producer_epoch": new.producer_epoch if new else None,
        "base_sequence": new.base_sequence if new else None,
        "transactional": new.is_transactional if new else False,
        "aborted": selected.is_aborted,
        "control": batch.is_control,
        "delete_horizon_ms": new.delete_horizon_ms if new else None,
        "crc": batch.crc,
        "valid": batch.is_valid,
    }


def _make_record_row(selected: SelectedBatch, record: Record, is_valid: bool, values: Values, bytes_as: BytesAs) -> Row:
    """Return the row of a record, with the names of docs/json.md.

    `values` and `bytes_as` choose the form of key and value. Headers are pairs of texts with BytesAs.TEXT, and else
    what encode_headers() returns. `is_valid` is the row's `valid`. Key and value of a control record are None, and
    `control`, None for any other record, is its content as text. `aborted` is None where that is not known. An unknown
    time (magic 0) and sequence are -1; `producer_id` is None in magic 0 and 1. Raise FormatError for a damaged control
    record and for a key or value of magic 0 or 1 that cannot be read, and the errors of `values`.
    """
    if isinstance(record, LegacyRecord) and record.fault:
        raise FormatError(record.fault)
    batch = selected.batch
    new = batch if isinstance(batch, Batch) else None
    key, value = (None, None) if batch.is_control else values(record)
    return {
        "file": str(selected.path),
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "timestamp_type": name_timestamp_type(batch),
        "sequence": record.sequence,
        "producer_id": new.producer_id if new else None,
        "transactional": new.is_transactional if new else False,
        "aborted": selected.is_aborted,
        "control": format_control(record) if batch.is_control else None,
        "valid": is_valid,
        "headers": _decode_headers(record) if bytes_as is BytesAs.TEXT else encode_headers(record.headers),
        **_make_field("key", key, bytes_as),
        **_make_field("value", value, bytes_as),
    }


def _make_field(name: str, data: Any, bytes_as: BytesAs) -> Row:
    """Return a dict with a key or value, in the form that `bytes_as` chooses for bytes; other data of JSON stay.

    Bytes inside other data become base64. BASE64 is text under `name`, or base64 under `name` + _base64 where they are
    not UTF-8. Above 1 MiB the bytes themselves, not encoded, are under the same one of these two names. BYTES is the
    bytes, and TEXT has U+FFFD in place of what is not UTF-8.
    """
    if not isinstance(data, bytes):
        return {name: make_plain(data)}
    if bytes_as is BytesAs.BASE64:
        if len(data) <= LARGE_BYTES:
            return dict(encode_field(name, data))
        # A large value stays bytes, which are printed part by part.
        return {name if is_utf8(data) else f"{name}{BASE64_SUFFIX}": data}
    return {name: data if bytes_as is BytesAs.BYTES else jvm_text(data)}


def _decode_headers(record: Record) -> list[list[str | None]]:
    """Return headers, in their order, as pairs of texts, with U+FFFD in place of invalid bytes.

    An absent value is None.
    """
    return [
        [format_header_name(name), None if data is None else data.decode("utf-8", errors="replace")]
        for name, data in record.headers
    ]
