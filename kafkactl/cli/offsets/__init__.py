"""The command `kafkactl offsets`, also called get-offsets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions, TimeOptions
from kafkactl.cli.frame.results import SkippedPartitionsError, print_errors, print_partition_errors, raise_errors
from kafkactl.cli.frame.subjects import Partitions, TopicsOptions
from kafkactl.errors import KafkactlError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.statuses import FAILED
from kafkactl.stdout import out
from kafkactl.times import parse_pause

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster

app = new_app("Show first, last or timed offsets of partitions.")


@app.command()
@command
def offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    clock: TimeOptions,
    partitions: Partitions = None,
    topic_partitions: Annotated[
        str | None,
        typer.Option(metavar="TOPIC:N,...", help="Rules such as orders:0, orders:1-4 (without 4), orders:2-."),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            "--time",
            metavar="WHEN",
            help="A time, ms, latest, earliest, max-timestamp, earliest-local, latest-tiered, "
            "earliest-pending-upload, or Kafka's numbers for these (-1 to -6).",
        ),
    ] = "latest",
    exclude_internal: Annotated[
        bool, typer.Option("--exclude-internal-topics", help="Leave the internal topics of Kafka out.")
    ] = False,
    count: Annotated[
        bool, typer.Option("--count", help="Show first and last offset, and how many records there can be at most.")
    ] = False,
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="DURATION", help="Time between two looks; shows records per second.")
    ] = None,
) -> int:
    """Show the offset of each partition at the end or at another time.

    Examples:
      kafkactl offsets orders
      kafkactl offsets orders --time earliest
      kafkactl offsets orders --time 2026-01-01T00:00:00
    """
    from kafkactl.admin.partition_rules import find_partitions, parse_rules, select_partitions

    selection = topics.selection()
    if topic_partitions and (not selection.is_empty or partitions):
        raise make_exclusive_error(
            "--topic-partitions", "--partitions" if selection.is_empty else "a selection of topics"
        )
    if (count or rate is not None) and at != "latest":
        raise make_exclusive_error("--count" if count else "--rate", "--time")
    if (count or rate is not None) and output.output is not None and output.is_kafka:
        raise make_exclusive_error("--count" if count else "--rate", "-o kafka")
    rules = parse_rules(topic_partitions) if topic_partitions else None
    moment = _parse_moment(at, clock)
    apart_s = None if rate is None else parse_pause(rate, "--rate")
    connected = cluster.connect()
    errors: list[KafkactlError] = []
    if rules is not None:
        selected_partitions = find_partitions(connected, rules, include_internal=not exclude_internal)
    else:
        selected_partitions, errors = select_partitions(
            connected, selection, partitions, include_internal=not exclude_internal
        )
    if errors and not selected_partitions:
        raise_errors(errors)
    if count or apart_s is not None:
        status = _show_ends(connected, output, selected_partitions, apart_s)
    else:
        status = _show_offsets(connected, output, selected_partitions, moment)
    if people.is_kafka_style():  # Kafka's tool is silent about what only a part of the choice lacks
        return status
    return status | print_errors(errors)


def _parse_moment(text: str, clock: TimeOptions) -> int:
    """Return the time in ms since 1970, or the special offset, of --time.

    A special offset is negative: latest (-1), earliest (-2), max-timestamp (-3), earliest-local (-4), latest-tiered
    (-5) or earliest-pending-upload (-6), by its name or its number. Raise UsageError for any other text that is not a
    time from 1970 on, and, with a time, for an unknown zone.
    """
    from kafkactl.admin.offsets import SPECIAL_OFFSETS

    if text in SPECIAL_OFFSETS:
        return SPECIAL_OFFSETS[text]
    special = {str(number): number for number in SPECIAL_OFFSETS.values()}
    return special[text] if text in special else clock.parse(text, "--time")


def _show_offsets(connected: Cluster, output: MirrorOutputOptions, partitions: list[Partition], at: int) -> int:
    """Show the offset of each partition and return an exit status: 1 if a partition has an error, else 0.

    `at` is a time in ms since 1970, or a special offset, which is negative. A partition with an error has no offset in
    the table; Kafka's text leaves out every partition without an offset. Raise UnreachableError where no partition was
    answered (for a special offset below -3, UnreachableError or OperationError where no broker tells the leaders), and
    UsageError for a wrong client setting, a column that the table does not have, and an unknown order in --sort. Errors
    of partitions are printed on stderr; Kafka's style keeps them as one SkippedPartitionsError in people.failures.
    Raise OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin.offsets import ask_offsets, make_rows
    from kafkactl.connection.protocol import SpecialOffset
    from kafkactl.output.kafka import admin_text
    from kafkactl.times import format_time

    answers = ask_offsets(connected, partitions, at)
    rows = make_rows(answers)
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("PARTITION", lambda row: row.partition),
        Column("OFFSET", lambda row: row.offset),
    ]
    if at >= 0 or at == SpecialOffset.MAX_TIMESTAMP:
        columns.append(Column("TIME", lambda row: None if row.timestamp_ms is None else format_time(row.timestamp_ms)))
    if output.is_kafka:
        out.write_text(admin_text.format_offsets(rows))
    else:
        output.show(listing(columns, rows))
    errors = {partition: answer for partition, answer in answers.items() if isinstance(answer, KafkactlError)}
    if errors and people.is_kafka_style():
        people.error(SkippedPartitionsError(errors))
        return FAILED
    return print_partition_errors((row.topic, row.partition, row.error) for row in rows)


def _show_ends(connected: Cluster, output: ReportOptions, partitions: list[Partition], rate: float | None) -> int:
    """Show both ends of each log, and with `rate` the records per second; return an exit status.

    `rate` is the pause between two readings in s, or None; the ends are those of the second reading, and records per
    second may be negative. Where an end is not known, its column and those that need it are empty. The status is 1 if a
    partition has an error, also in the first reading of its end, else 0. Raise UnreachableError where no partition was
    answered, and UsageError for a wrong client setting, a column that the table does not have, and an unknown order in
    --sort. Errors of partitions are printed on stderr. Raise OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin.offsets import read_log_ends

    first, started = read_log_ends(connected, partitions), time.monotonic()
    ends = first
    if rate is not None:
        time.sleep(rate)
        ends = read_log_ends(connected, partitions)
    seconds = time.monotonic() - started
    rows: list[dict[str, Any]] = []
    for (topic, partition), log_ends in ends.items():
        start, end, before = log_ends.start.offset, log_ends.end.offset, first[topic, partition].end.offset
        row = {"topic": topic, "partition": partition, "start": start, "end": end}
        row["count"] = log_ends.count
        if rate is not None:
            row["per_second"] = None if end is None or before is None else round((end - before) / seconds, 1)
        # Without the first end the rate is not known.
        error = log_ends.start.error or log_ends.end.error or first[topic, partition].end.error
        rows.append({**row, "error": error})
    names = ["topic", "partition", "start", "end", "count", *([] if rate is None else ["per_second"])]
    columns = [Column(name.upper().replace("_", "-"), lambda row, name=name: row[name]) for name in names]  # type: ignore[misc]
    output.show(Report(rows, [Table(columns, rows)]))
    return print_partition_errors((row["topic"], row["partition"], row["error"]) for row in rows)
