"""The commands `kafkactl log`: check and stats."""

from __future__ import annotations

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
    """Thing that a row of statistics describes."""

    SEGMENT = "segment"
    PARTITION = "partition"
    TOPIC = "topic"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that identify a row: topic; for a partition also partition; for a segment also file."""
        counts = {"topic": 1, "partition": 2, "segment": 3}
        return ("topic", "partition", "file")[: counts[self]]


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
    rows, status = _read_folders(folder, lambda path: list(check_log_dir(path, checked)))
    findings = [{**asdict(row), "file": str(row.file), "severity": row.severity.value} for row in rows]
    faults = sum(row.severity is Severity.FAULT for row in rows)
    columns = [
        Column("FILE", lambda row: row["file"]),
        Column("POSITION", lambda row: row["position"]),
        Column("OFFSET", lambda row: row["offset"]),
        Column("SEVERITY", lambda row: row["severity"], _choose_style),
        Column("FAULT", lambda row: row["fault"], _choose_style, is_sentence=True),
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

    partitions, status = _find_partitions(folder)
    failures: list[int] = []

    def report_failure(error: KafkactlError) -> None:
        """Print an error on stderr and add its exit status to `failures`."""
        people.error(error)
        failures.append(error.status)

    def read_segments() -> Iterator[tuple[tuple[int | None, dict[str, Any]], Stats]]:
        """Yield the row and the Stats of every segment.

        A row is the number of its folder, None by topic, and its names, as a dict from the columns of --by. They have
        the order of `partitions`, and in a folder that of the offsets. A segment that was deleted meanwhile is left
        out. So is one that cannot be opened or has no base offset; its error is printed, and so is that of a part that
        cannot be read: `failures` gets their status. Raise UsageError for a folder that cannot be listed.
        """
        for index, partition_folder in enumerate(partitions):
            topic, partition = split_folder_name(partition_folder)
            number = None if by is Level.TOPIC else index  # copies of a partition have a row each
            end = None
            for path in list_segments(partition_folder):
                names = {"topic": topic, "partition": partition, "file": str(path)}
                try:
                    numbers = compute_stats(path, report_failure, end)
                except NotFoundError:  # a running broker deleted it meanwhile
                    continue
                except KafkactlError as error:
                    report_failure(error)
                    continue
                end = numbers.next_offset
                yield (number, {name: names[name] for name in by.names}), numbers

    if by is Level.TOPIC:  # its partitions may be in several log dirs
        places: dict[str, int] = {}
        partitions.sort(key=lambda path: places.setdefault(split_folder_name(path)[0], len(places)))
    rows: list[dict[str, Any]] = []
    for (_, names), group in groupby(read_segments(), key=itemgetter(0)):
        total = Stats()
        for _, segment_stats in group:
            total.add(segment_stats)
        rows.append({**names, **export_stats(total, top)})
        if by is Level.TOPIC:
            rows[-1].update(first_offset=None, next_offset=None)  # each partition has its own offsets
    output.show(_make_report(rows, by))
    return combine([status, *failures])


def _find_partitions(folders: list[Path] | None) -> tuple[list[Path], int]:
    """Return the folders of partitions, and an exit status: 0 if every given folder has partitions.

    Else the status is that of the errors if all folders failed alike, or 1. `folders` are partitions or log dirs. The
    result has their order, and in a log dir that of topic and number; a folder that is given twice is in it twice. In a
    log dir the folders of deleted, stray and future replicas are skipped. Skipped entries are printed as notes. Errors
    are printed; if only one folder is given, its error is raised: MissingFileError for a path that is no folder,
    NotFoundError for one without a partition, UsageError for one that cannot be listed or has such a partition. Raise
    UsageError for None or an empty list.
    """
    from kafkactl.storage.log_dir import SkippedPath, list_files, no_segments, parse_folder_name, scan_log_dir

    def list_partitions(path: Path) -> list[Path]:
        """Return the folders of partitions at or directly below a path, by topic and number; note what is skipped.

        The path itself must have a segment for that, a folder in it only the name of a partition or a segment. Folders
        in it that are named TOPIC-N.ID-delete, -stray or -future, and second links to a folder, are skipped, and so are
        FIFOs, broken links and such in the path and in the partitions. Raise MissingFileError where the path is no
        folder, NotFoundError for no partition, and UsageError where the folder, or that of a partition in it, cannot be
        listed.
        """
        folders = scan_log_dir(path)
        for folder in [folder for folder in folders.partitions if folder != path]:
            state = parse_folder_name(folder).state
            if state is not None:  # until the end of the move, the replica of the topic is in another log dir
                folders.partitions.remove(folder)
                folders.skipped.append(SkippedPath(path=folder, reason=state.meaning))
        skipped = [*folders.skipped, *(entry for folder in folders.partitions for entry in list_files(folder).skipped)]
        for entry in skipped:
            people.note(f"{entry.path}: skipped: {entry.reason}")
        if not folders.partitions:
            raise no_segments(path)
        return folders.partitions

    return _read_folders(folders, list_partitions)


def _read_folders(folders: list[Path] | None, read: Callable[[Path], list[T]]) -> tuple[list[T], int]:
    """Return the results of `read`, called with each given folder, in one list, and an exit status for all folders.

    A KafkactlError of `read` is printed; if only one folder is given, it is raised. The status is 0 if all were read,
    the status of the errors if all failed alike, else 1. Raise UsageError for None or an empty list.
    """
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


def _choose_style(row: dict[str, Any]) -> str:
    """Return the style of a finding: red for a fault, yellow for any other severity."""
    return "red" if row["severity"] == "fault" else "yellow"


def _make_report(rows: list[dict[str, Any]], by: Level) -> Report:
    """Return the two tables of statistics: offsets and counts, then codecs, sizes and keys.

    `rows` are the statistics by the names of their json fields, and the data for structured formats. `by` is what a row
    describes: TOPIC is always a column, PARTITION not by topic, SEGMENT only by segment.
    """
    from kafkactl.times import format_time

    def get(name: str) -> Callable[[dict[str, Any]], object]:
        """Return a function that takes a row and returns its field `name`; KeyError without the field."""
        return lambda row: row[name]

    def format_sizes(name: str) -> Callable[[dict[str, Any]], object]:
        """Return a function that takes a row and returns the percentiles of its field `name` as text.

        They are joined by /, with - for an unknown one, such as 10/20/30/40.
        """
        return lambda row: "/".join("-" if size is None else str(size) for size in row[name].values())

    def format_moment(name: str) -> Callable[[dict[str, Any]], object]:
        """Return a function that takes a row and returns the time in its field `name`, which is in ms since 1970.

        The time is ISO 8601 in UTC, outside the years 1 to 9999 the number of ms; None where the field is None.
        """
        return lambda row: None if row[name] is None else format_time(row[name])

    key_columns = [Column("TOPIC", get("topic"))]
    if by is not Level.TOPIC:
        key_columns.append(Column("PARTITION", get("partition")))
    if by is Level.SEGMENT:
        key_columns.append(Column("SEGMENT", lambda row: Path(row["file"]).name))
    counts = [
        *key_columns,
        Column("SEGMENTS", get("segments")),
        Column("BYTES", get("size_bytes")),
        Column("BATCHES", get("batches")),
        Column("RECORDS", get("records")),
        Column("FIRST", get("first_offset")),
        Column("NEXT", get("next_offset")),
        Column("MISSING", get("missing_offsets")),
        Column("TOMBSTONES", get("tombstones")),
        Column("OLDEST", format_moment("oldest_ms")),
        Column("YOUNGEST", format_moment("youngest_ms")),
    ]
    sizes = [
        *key_columns,
        Column("CODECS", lambda row: ",".join(f"{name}:{count}" for name, count in row["codecs"].items())),
        Column("RATIO", get("compression_ratio")),
        Column("BATCH p50/p90/p99/max", format_sizes("batch_size_bytes")),
        Column("KEY p50/p90/p99/max", format_sizes("key_size_bytes")),
        Column("VALUE p50/p90/p99/max", format_sizes("value_size_bytes")),
        Column("PRODUCERS", get("producers")),
        Column("TOP KEYS", lambda row: ", ".join(f"{key['key']}:{key['records']}" for key in row["top_keys"])),
    ]
    return Report(rows, [Table(counts, rows), Table(sizes, rows)])


def _count(number: int, name: str) -> str:
    """Return a number with a noun, whose plural has an s, such as "2 faults"."""
    return f"{number} {name}{'' if number == 1 else 's'}"
