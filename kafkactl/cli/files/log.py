"""kafkactl log"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.errors import KafkactlError, NotFoundError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.statuses import CONDITION, DONE, combine

T = TypeVar("T")

app = new_app(
    """Check and measure the log folders of a broker on disk.

    Examples:
      kafkactl log check orders-0
      kafkactl log stats orders-0
    """
)


class Level(StrEnum):
    """Thing that a row of numbers describes."""

    SEGMENT = "segment"
    PARTITION = "partition"
    TOPIC = "topic"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns that identify a row."""
        every = {"topic": 1, "partition": 2, "segment": 3}
        return ("topic", "partition", "file")[: every[self]]


Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="DIR", help="Folder of a partition, or a log directory of a broker.", show_default=False),
]


@app.command()
@command
def check(output: ReportOptions, folder: Folders = None) -> int:
    """Find damage in the log folders of a broker.

    It checks logs, indexes, transactions, snapshots, checkpoints and the files of the broker itself. The status is 4
    if there is a fault.

    Examples:
      kafkactl log check orders-0
      kafkactl log check . -o json
    """
    from kafkactl.storage.check import CheckCounts, Severity, check_log_dir

    checked = CheckCounts()
    rows, status = _of_every(folder, lambda path: list(check_log_dir(path, checked)))
    findings = [{**asdict(row), "file": str(row.file), "severity": row.severity.value} for row in rows]
    faults = sum(row.severity is Severity.FAULT for row in rows)
    columns = [
        Column("FILE", lambda row: row["file"]),
        Column("POSITION", lambda row: row["position"]),
        Column("OFFSET", lambda row: row["offset"]),
        Column("SEVERITY", lambda row: row["severity"], _severity_style),
        Column("FAULT", lambda row: row["fault"], _severity_style, is_sentence=True),
    ]
    if findings or output.is_structured:
        output.show(listing(columns, findings))
    notices = len(findings) - faults
    people.note(
        f"{checked.batches} batches with {checked.records} records in {_count(checked.segments, 'segment')} of "
        f"{_count(checked.partitions, 'partition')} checked: {_count(faults, 'fault')}"
        + (f", {_count(notices, 'notice')}" if notices else "")
    )
    return combine([status, CONDITION]) if faults else status


@app.command()
@command
def stats(
    output: ReportOptions,
    folder: Folders = None,
    by: Annotated[Level, typer.Option("--by", help="Thing that a row describes.")] = Level.PARTITION,
    top: Annotated[int, typer.Option(metavar="N", min=0, help="Number of the most frequent keys to show.")] = 5,
) -> int:
    """Count records, bytes, keys, codecs and producers in log folders.

    It also counts tombstones, sizes of records and missing offsets.

    Examples:
      kafkactl log stats orders-0
      kafkactl log stats . --by topic --top 10
    """
    from kafkactl.storage.log_dir import list_segments, split_folder_name
    from kafkactl.storage.stats import Stats, compute_stats, export_stats

    partitions, status = _partitions(folder)
    failures: list[int] = []

    def failed(error: KafkactlError) -> None:
        people.error(error)
        failures.append(error.status)

    def of_segments() -> Iterator[tuple[dict[str, Any], Stats]]:
        for each in partitions:
            topic, partition = split_folder_name(each)
            end = None
            for path in list_segments(each):
                names = {"topic": topic, "partition": partition, "file": str(path)}
                with contextlib.suppress(NotFoundError):  # a running broker deleted it meanwhile
                    numbers = compute_stats(path, failed, end)
                    end = numbers.next_offset
                    yield {name: names[name] for name in by.names}, numbers

    rows: list[dict[str, Any]] = []
    for names, group in groupby(of_segments(), key=itemgetter(0)):
        total = Stats()
        for _, of_segment in group:
            total.add(of_segment)
        rows.append({**names, **export_stats(total, top)})
        if by is Level.TOPIC:
            rows[-1].update(first_offset=None, next_offset=None)  # each partition counts its own
    output.show(_report(rows, by))
    return combine([status, *failures])


def _partitions(folders: list[Path] | None) -> tuple[list[Path], int]:
    """Return the folders of partitions, and the exit status of what is none; raises the error of the only one."""
    from kafkactl.storage.log_dir import SkippedPath, list_files, no_segments, parse_folder_name, scan_log_dir

    def partitions_in(path: Path) -> list[Path]:
        folders = scan_log_dir(path)
        for folder in [folder for folder in folders.partitions if folder != path]:
            state = parse_folder_name(folder).state
            if state is not None:  # until the move is done, the topic has its replica in another log dir
                folders.partitions.remove(folder)
                folders.skipped.append(SkippedPath(path=folder, reason=state.meaning))
        skipped = [*folders.skipped, *(entry for folder in folders.partitions for entry in list_files(folder).skipped)]
        for entry in skipped:
            people.note(f"{entry.path}: skipped: {entry.reason}")
        if not folders.partitions:
            raise no_segments(path)
        return folders.partitions

    return _of_every(folders, partitions_in)


def _of_every(folders: list[Path] | None, read: Callable[[Path], list[T]]) -> tuple[list[T], int]:
    """Return what `read` makes of every folder, and the exit status; raises the error of the only folder."""
    if not folders:
        raise UsageError("missing argument DIR", "name a partition's folder, or one of the broker's log.dirs")
    results: list[T] = []
    statuses = []
    for folder in folders:
        try:
            results += read(folder)
            statuses.append(DONE)
        except KafkactlError as error:
            if len(folders) == 1:
                raise
            people.error(error)
            statuses.append(error.status)
    return results, combine(statuses)


def _severity_style(row: dict[str, Any]) -> str:
    return "red" if row["severity"] == "fault" else "yellow"


def _report(rows: list[dict[str, Any]], by: Level) -> Report:
    from kafkactl.times import format_time

    def of(name: str) -> Callable[[dict[str, Any]], object]:
        return lambda row: row[name]

    def sizes(name: str) -> Callable[[dict[str, Any]], object]:
        return lambda row: "/".join("-" if size is None else str(size) for size in row[name].values())

    def moment(name: str) -> Callable[[dict[str, Any]], object]:
        return lambda row: None if row[name] is None else format_time(row[name])

    where = [Column("TOPIC", of("topic"))]
    if by is not Level.TOPIC:
        where.append(Column("PARTITION", of("partition")))
    if by is Level.SEGMENT:
        where.append(Column("SEGMENT", lambda row: Path(row["file"]).name))
    what = [
        *where,
        Column("SEGMENTS", of("segments")),
        Column("BYTES", of("size_bytes")),
        Column("BATCHES", of("batches")),
        Column("RECORDS", of("records")),
        Column("FIRST", of("first_offset")),
        Column("NEXT", of("next_offset")),
        Column("MISSING", of("missing_offsets")),
        Column("TOMBSTONES", of("tombstones")),
        Column("OLDEST", moment("oldest_ms")),
        Column("YOUNGEST", moment("youngest_ms")),
    ]
    how = [
        *where,
        Column("CODECS", lambda row: ",".join(f"{name}:{count}" for name, count in row["codecs"].items())),
        Column("RATIO", of("compression_ratio")),
        Column("BATCH p50/p90/p99/max", sizes("batch_size_bytes")),
        Column("KEY p50/p90/p99/max", sizes("key_size_bytes")),
        Column("VALUE p50/p90/p99/max", sizes("value_size_bytes")),
        Column("PRODUCERS", of("producers")),
        Column("TOP KEYS", lambda row: ", ".join(f"{one['key']}:{one['records']}" for one in row["top_keys"])),
    ]
    return Report(rows, [Table(what, rows), Table(how, rows)])


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
