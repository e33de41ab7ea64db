"""kafkactl offsets (get-offsets)"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions, TimeOptions
from kafkactl.cli.frame.results import tell_all, tell_errors
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.stdout import out
from kafkactl.times import parse_pause

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster

app = new_app("Show where partitions begin and end, and the offsets of moments in between.")


@app.command()
@command
def offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    clock: TimeOptions,
    partitions: Annotated[str | None, typer.Option(metavar="N,...", help="Only these partitions.")] = None,
    topic_partitions: Annotated[
        str | None, typer.Option(metavar="TOPIC:N,...", help="Rules like orders:0, orders:1-4 (without 4), orders:2-.")
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
        bool, typer.Option("--exclude-internal-topics", help="Leave Kafka's own topics out.")
    ] = False,
    count: Annotated[bool, typer.Option("--count", help="Both ends, and the records there can be between.")] = False,
    rate: Annotated[
        str | None,
        typer.Option("--rate", metavar="DURATION", help="Look twice, so far apart, and show records per second."),
    ] = None,
) -> int:
    """Show the offset of each partition: its log's end, or another moment's."""
    from kafkactl.admin.partition_rules import meant, parse_rules, select_partitions

    selection = topics.selection()
    if topic_partitions and (not selection.is_empty or partitions):
        raise UsageError("--topic-partitions says topics and partitions", "leave the topic and --partitions out")
    if (count or rate is not None) and at != "latest":
        raise UsageError("--count and --rate look at the ends", "leave --time out")
    if (count or rate is not None) and output.output is not None and output.is_kafka:
        raise UsageError("Kafka's tool has no words for --count and --rate", "leave -o kafka out")
    rules = parse_rules(topic_partitions) if topic_partitions else None
    moment = _moment(at, clock)
    apart_s = None if rate is None else parse_pause(rate, "--rate")
    connected = cluster.connect()
    errors: list[KafkactlError] = []
    if rules is not None:
        wanted = meant(connected, rules, include_internal=not exclude_internal)
    else:
        wanted, errors = select_partitions(connected, selection, partitions, include_internal=not exclude_internal)
    if errors and not wanted:
        raise errors[0]
    if count or apart_s is not None:
        status = _show_ends(connected, output, wanted, apart_s)
    else:
        status = _show_offsets(connected, output, wanted, moment)
    return status | tell_all(errors)


def _moment(text: str, clock: TimeOptions) -> int:
    from kafkactl.admin.offsets import NAMED

    if text in NAMED:
        return NAMED[text]
    special = {str(number): number for number in NAMED.values()}
    return special[text] if text in special else clock.parse(text, "--time")


def _show_offsets(connected: Cluster, output: MirrorOutputOptions, wanted: list[Partition], at: int) -> int:
    from kafkactl.admin.offsets import offsets_at
    from kafkactl.connection.protocol import SpecialOffset
    from kafkactl.output.kafka import admin_text
    from kafkactl.times import format_time

    rows = offsets_at(connected, wanted, at)
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
    return tell_errors((row.topic, row.partition, row.error) for row in rows)


def _show_ends(connected: Cluster, output: ReportOptions, wanted: list[Partition], rate: float | None) -> int:
    from kafkactl.admin.offsets import log_ends

    first, looked = log_ends(connected, wanted), time.monotonic()
    ends = first
    if rate is not None:
        time.sleep(rate)
        ends = log_ends(connected, wanted)
    seconds = time.monotonic() - looked
    rows: list[dict[str, Any]] = []
    for (topic, partition), found in ends.items():
        start, end, before = found.start.offset, found.end.offset, first[topic, partition].end.offset
        row = {"topic": topic, "partition": partition, "start": start, "end": end}
        row["count"] = found.count
        if rate is not None:
            row["per_second"] = None if end is None or before is None else round((end - before) / seconds, 1)
        rows.append({**row, "error": found.start.error or found.end.error})
    columns = [
        Column(name.upper().replace("_", "-"), lambda row, name=name: row[name])  # type: ignore[misc]
        for name in rows[0]
        if name != "error"
    ]
    output.show(Report(rows, [Table(columns, rows)]))
    return tell_errors((row["topic"], row["partition"], row["error"]) for row in rows)
