"""The command `kafkactl records delete`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, TimeOptions
from kafkactl.cli.frame.results import print_partition_errors, print_unanswered, raise_errors
from kafkactl.cli.frame.subjects import Partitions, TopicsOptions
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import OperationError, UnansweredError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import write_command
from kafkactl.statuses import DONE, FAILED
from kafkactl.stdout import out
from kafkactl.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafkactl.admin.models import Partition
    from kafkactl.admin.records import Deletion
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Delete records from the beginning of partitions.

    Examples:
      kafkactl records delete orders --before-time 2026-01-01 --dry-run
    """
)


@app.callback()
def records() -> None:
    """Delete records from the beginning of partitions.

    Examples:
      kafkactl records delete orders --before-time 2026-01-01 --dry-run
    """


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    topics: TopicsOptions,
    clock: TimeOptions,
    partitions: Partitions = None,
    before_offset: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="First offset that stays in each partition.")
    ] = None,
    before_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="Delete records that are older: ISO 8601, or ms.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Delete all records that are there now.")] = False,
    offset_json_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Kafka's json file of partitions and offsets; -1 deletes all records."),
    ] = None,
) -> int:
    """Delete the records before an offset or a time.

    The command shows how many records would be deleted, and asks on a terminal.

    Examples:
      kafkactl records delete orders --before-time 2026-01-01 --dry-run
      kafkactl records delete orders --partitions 0 --before-offset 1 --yes
      kafkactl records delete orders --all --yes
    """
    from kafkactl.admin import records
    from kafkactl.admin.partition_rules import select_partitions
    from kafkactl.admin.topics.descriptions import find_compacted_topics

    options = (before_offset is not None, before_time is not None, all_, offset_json_file is not None)
    if sum(options) != 1:
        raise UsageError(
            "--before-offset, --before-time, --all and --offset-json-file are mutually exclusive"
            if any(options)
            else "missing option: --before-offset, --before-time, --all or --offset-json-file",
            "use one of them",
        )
    moment = None if before_time is None else clock.parse(before_time, "--before-time")
    if offset_json_file is not None:
        if not topics.selection().is_empty or partitions:
            raise UsageError(
                "--offset-json-file and a selection of topics or partitions are mutually exclusive",
                "leave TOPIC and --partitions out",
            )
        before = records.read_offset_file(offset_json_file)
        connected = cluster.connect()
    else:
        selection = topics.require_selection()
        connected = cluster.connect()
        selected_partitions, errors = select_partitions(connected, selection, partitions)
        if errors:
            raise_errors(errors)
        before = _find_kept_offsets(connected, selected_partitions, before_offset, moment)
    planned: list[records.PlannedDeletion] = []
    if not people.is_kafka_style():  # Kafka's tool shows no plan, and the brokers say what they refuse
        compacted = find_compacted_topics(connected, sorted({topic for topic, _ in before}))
        planned = records.plan(connected, before, compacted)
        before = {(row.topic, row.partition): row.before_offset for row in planned}  # records that come later stay
    changes = [
        Change(action=f"delete records of {topic}-{partition} before offset {offset}", inverse=cannot_be_undone)
        for (topic, partition), offset in sorted(before.items())
    ]
    before_change(connected, changes, confirm.dry_run)
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("PARTITION", lambda row: row.partition),
        Column("START", lambda row: row.start),
        Column("FIRST-THAT-STAYS", lambda row: row.before_offset),
        Column("RECORDS", lambda row: row.records),
    ]
    preview = Report(planned, [Table(columns, planned)])
    if moment is not None and not confirm.yes:
        people.note(f"records before {format_time(moment, clock.tzinfo)}")
    if confirm.dry_run:
        output.show(preview)
        return print_partition_errors((row.topic, row.partition, row.error) for row in planned)
    if planned and all(row.error for row in planned):
        rows = [
            records.Deletion(topic=row.topic, partition=row.partition, low_watermark=None, error=row.error)
            for row in planned
        ]
        return _show_deletions(rows, output)
    total = sum(row.records or 0 for row in planned)
    if not confirm.yes:
        output.show(preview)
    action = f"delete up to {total} records of {len(planned)} partitions"
    if (status := confirm.ask(action, "nothing deleted")) is not None:
        return status
    return _show_deletions(records.delete(connected, before), output)


def _show_deletions(rows: Sequence[Deletion], output: MirrorOutputOptions) -> int:
    """Show the results of a deletion and return an exit status: 1 if a partition has an error, else 0.

    Without a success only structured formats with errors and -o kafka print something on stdout. Errors are printed on
    stderr (Kafka's style keeps them in people.failures), and structured formats and -o kafka have them on stdout, too.
    On stderr, an error with the code REQUEST_TIMED_OUT says that the records may have been deleted, with a hint.
    A wrong column or order is only a warning after `before_change`, which the command calls first. Raise OutputError or
    ReaderLeftError where stdout fails.
    """
    if output.is_kafka:
        from kafkactl.output.kafka import admin_text

        out.write_text(admin_text.format_deletions(rows))
    else:
        shown_rows = rows if output.is_structured else [row for row in rows if row.error is None]
        columns = [
            Column("TOPIC", lambda row: row.topic),
            Column("PARTITION", lambda row: row.partition),
            Column("START", lambda row: row.low_watermark),
        ]
        if shown_rows:
            output.show(Report(rows, [Table(columns, shown_rows)]))
    if people.is_kafka_style():
        return print_partition_errors((row.topic, row.partition, row.error) for row in rows)
    for row in rows:
        if row.code == ErrorCode.REQUEST_TIMED_OUT:
            command = write_command("offsets", row.topic, "--time", "earliest")
            print_unanswered(UnansweredError(row.error or ""), "partition", f"{row.topic}-{row.partition}", command)
        else:
            print_partition_errors([(row.topic, row.partition, row.error)])
    return FAILED if any(row.error for row in rows) else DONE


def _find_kept_offsets(
    connected: Cluster, partitions: list[Partition], offset: int | None, moment: int | None
) -> dict[Partition, int]:
    """Return the first offset that stays in each partition: the present end where all records are older than the time.

    `moment` is the time in ms since 1970: the first record at or after it stays. With a `moment` of None the result is
    `offset` everywhere, or -1 (the end) for an `offset` of None, and nothing is asked. Raise OperationError where an
    offset cannot be read, UnreachableError where no partition was answered, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.offsets import find_offsets
    from kafkactl.admin.records import TO_THE_END
    from kafkactl.connection.protocol import SpecialOffset

    if moment is None:
        return dict.fromkeys(partitions, TO_THE_END if offset is None else offset)
    kept: dict[Partition, int] = {}
    for at in (SpecialOffset.LATEST, moment):  # the end first: a new record that comes between both answers stays
        for row in find_offsets(connected, partitions, at):
            if row.error:
                raise OperationError(f"{row.topic}-{row.partition}: {row.error}: nothing deleted")
            if row.offset is not None:
                kept[row.topic, row.partition] = row.offset
    return kept
