"""kafkactl dump-log"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import FormatOptions, OutputOptions, command
from kafkactl.errors import FormatError, KafkactlError, UsageError
from kafkactl.output import people
from kafkactl.output.report import OutputFormat

if TYPE_CHECKING:
    from kafkactl.serde.formats import Format
    from kafkactl.storage.index import OffsetIndex, TimeIndex

app = new_app("Read segments, indexes and snapshots as a broker leaves them on disk.")

MAX_BYTES = 2**31 - 1


@dataclass(frozen=True)
class Wanted:
    """What the flags ask for."""

    deep: bool
    data: bool
    metadata: bool
    max_bytes: int
    sanity_only: bool
    verify_only: bool
    key: Format
    value: Format


@app.command()
@command
def dump_log(
    output: OutputOptions,
    formats: FormatOptions,
    file: Annotated[list[Path] | None, typer.Argument(metavar="FILE", show_default=False)] = None,
    files: Annotated[
        list[str] | None, typer.Option("--files", metavar="FILE,...", help="Kafka's spelling of FILE...")
    ] = None,
    print_data_log: Annotated[
        bool, typer.Option("--print-data-log", help="Records with their keys and values.")
    ] = False,
    deep_iteration: Annotated[bool, typer.Option("--deep-iteration", help="Records, not only batches.")] = False,
    skip_record_metadata: Annotated[
        bool, typer.Option("--skip-record-metadata", help="Only keys and values of records.")
    ] = False,
    max_bytes: Annotated[
        int, typer.Option("--max-bytes", metavar="BYTES", min=0, help="Read so much of each log.", show_default=False)
    ] = MAX_BYTES,
    index_sanity_check: Annotated[
        bool, typer.Option("--index-sanity-check", help="Only the check of indexes that a broker makes at start.")
    ] = False,
    verify_index_only: Annotated[
        bool, typer.Option("--verify-index-only", help="Compare indexes to their log without printing them.")
    ] = False,
) -> int:
    """Print segments, KRaft snapshots, the three kinds of indexes and producer snapshots as kafka-dump-log does."""
    paths = list(file or ()) + [Path(part.strip()) for text in files or () for part in text.split(",") if part.strip()]
    if not paths:
        raise UsageError("which file?", "name it: as the argument, or with --files")
    deep = deep_iteration or print_data_log
    wanted = Wanted(
        deep,
        print_data_log,
        not skip_record_metadata,
        max_bytes,
        index_sanity_check,
        verify_index_only,
        formats.key,
        formats.value,
    )
    if output.format not in (None, OutputFormat.PLAIN):
        from kafkactl.output.dump_rows import dump_rows

        return dump_rows(paths, deep, wanted.key, wanted.value, output.format)
    return _dump_text(paths, wanted)


def _dump_text(paths: list[Path], wanted: Wanted) -> int:
    dumpers: dict[str, Callable[[Path, Wanted, list[str]], Iterator[str]]] = {
        ".log": _dump_segment,
        ".checkpoint": _dump_segment,
        ".index": _dump_offset_index,
        ".timeindex": _dump_time_index,
        ".txnindex": _dump_transaction_index,
        ".snapshot": _dump_producer_snapshot,
    }
    faults: list[str] = []  # for stderr after everything else, as Kafka's tool has them
    status = 0
    for path in paths:
        _write(f"Dumping {path}")
        dump = dumpers.get(path.suffix)
        if dump is None:
            people.note(f"Ignoring unknown file {path}")
            continue
        try:
            for line in dump(path, wanted, faults):
                _write(line)
        except KafkactlError as error:
            # One bad file must not hide the others.
            sys.stdout.flush()
            people.error(error)
            status = error.status
    sys.stdout.flush()
    for line in faults:
        people.note(line)
    return status


def _write(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", errors="replace") + b"\n")


def _dump_segment(path: Path, wanted: Wanted, faults: list[str]) -> Iterator[str]:
    from kafkactl.output import dump_text
    from kafkactl.storage.segment import Segment

    gaps: list[tuple[int, int]] = []
    with Segment(path) as segment:
        yield dump_text.log_heading(path)
        read_bytes, last_offset = 0, -1
        for batch in segment.batches(end=min(wanted.max_bytes, segment.size_bytes)):
            yield dump_text.batch_line(batch)
            if wanted.deep:
                for record, line in dump_text.record_lines(
                    batch, wanted.key, wanted.value, wanted.data, wanted.metadata
                ):
                    if last_offset not in (-1, record.offset - 1):
                        gaps.append((last_offset, record.offset))
                    last_offset = record.offset
                    yield line
            read_bytes += batch.size_bytes
        trailing = segment.size_bytes - read_bytes
        if trailing and wanted.max_bytes == MAX_BYTES:
            yield f"Found {trailing} invalid bytes at the end of {path.name}"
    if gaps:
        faults += dump_text.non_consecutive(path, gaps)


def _dump_offset_index(path: Path, wanted: Wanted, faults: list[str]) -> Iterator[str]:
    from kafkactl.output import dump_text
    from kafkactl.storage.index import OffsetIndex
    from kafkactl.storage.segment import Segment
    from kafkactl.storage.verify import check_offset_index, log_beside

    index = OffsetIndex(path)
    if index.count == 0:
        yield f"{path} is empty."
        return
    if wanted.sanity_only:
        yield _sanity(index, "its last offset is below its segment's")
        return
    mismatches = []
    with Segment(log_beside(path)) as segment:
        for entry, found in check_offset_index(index, segment):
            if found is not None:
                mismatches.append((entry.offset, found))
            if not wanted.verify_only:
                yield f"offset: {entry.offset} position: {entry.position}"
    if mismatches:
        faults += dump_text.index_mismatches(path, mismatches[::-1])


def _dump_time_index(path: Path, wanted: Wanted, faults: list[str]) -> Iterator[str]:
    from kafkactl.output.dump_text import time_faults
    from kafkactl.storage.index import OffsetIndex, TimeIndex
    from kafkactl.storage.segment import Segment
    from kafkactl.storage.verify import TimeFinding, check_time_index, log_beside

    index = TimeIndex(path)
    if wanted.sanity_only:
        yield _sanity(index, "its last entry lies before its first")
        return
    all_findings: list[TimeFinding] = []
    offsets = OffsetIndex(path.with_suffix(".index"))
    with Segment(log_beside(path)) as segment:
        for entry, findings in check_time_index(index, offsets, segment):
            all_findings += findings
            if not wanted.verify_only:
                yield f"timestamp: {entry.timestamp_ms} offset: {entry.offset}"
    faults += time_faults(path, all_findings)


def _sanity(index: OffsetIndex | TimeIndex, fault: str) -> str:
    """What Kafka's tool says of an index that a broker would take as it is; raises FormatError for another."""
    if not index.is_sane():
        raise FormatError(f"{index.path}: corrupt: {fault}", "the broker rebuilds it at start")
    return f"{index.path} passed sanity check."


def _dump_transaction_index(path: Path, wanted: Wanted, faults: list[str]) -> Iterator[str]:
    from kafkactl.output.dump_text import aborted_line
    from kafkactl.storage.txnindex import read_aborted_transactions

    yield from map(aborted_line, read_aborted_transactions(path))


def _dump_producer_snapshot(path: Path, wanted: Wanted, faults: list[str]) -> Iterator[str]:
    from kafkactl.output.dump_text import producer_line
    from kafkactl.storage.producer_snapshot import read_producer_snapshot

    yield from map(producer_line, read_producer_snapshot(path))
