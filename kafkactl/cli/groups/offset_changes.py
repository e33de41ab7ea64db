"""New committed offsets: how commands of `kafkactl groups` show them, commit them and print their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_topics
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.errors import KafkactlError
from kafkactl.output import people
from kafkactl.output.report import Report, Table
from kafkactl.patterns import make_arguments
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.groups.offsets import OffsetChange, ResetPlan
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster

Topic = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        metavar="TOPIC[:0,1]",
        help="Topic, or partitions of it; repeatable.",
        autocompletion=complete_topics,
        rich_help_panel=Section.SUBJECT,
    ),
]
Execute = Annotated[
    bool,
    typer.Option(
        "--execute", help="Commit the offsets; without it they are only shown.", rich_help_panel=Section.CONFIRMATION
    ),
]


def make_changes(connected: Cluster, plans: Mapping[str, ResetPlan], execute: bool) -> list[OffsetChange]:
    """Return the changes of the plans; with `execute` they are committed, and each has its result.

    `plans` are by the name of the group. Nobody is asked. The changes are in the order of the plans, sorted by
    partition; without `execute` their `ok` and `error` are None. Raise UsageError in a read-only context, also without
    `execute`, but not without plans. With `execute` a group that does not exist is created; raise OperationError where
    the request for a whole group is refused, or the transient refusal of one partition lasts until the time-out,
    UnreachableError where no broker answers (UnansweredError where offsets may have been committed), and UsageError for
    a wrong client setting; groups before that one are changed then. Of several groups a note names that one and the
    others, and errors of partitions in groups before it are printed, but neither is done in Kafka's style. With --debug
    `execute` logs each change first, and the errors of its inverse are raised.
    """
    from kafkactl.admin.groups.resets import carry_out_plans, preview_plans

    before_change(
        connected, [describe_change(connected, name, plan.offsets) for name, plan in plans.items()], not execute
    )
    if not execute:
        return preview_plans(plans)
    changes: list[OffsetChange] = []
    for number, (name, plan) in enumerate(plans.items()):
        try:
            changes += carry_out_plans(connected, {name: plan})
        except KafkactlError:
            if len(plans) > 1 and not people.is_kafka_style():  # Kafka's tool prints the last error alone
                print_failures(changes)
                _note_stop(list(plans), number)
            raise
    return changes


def _note_stop(names: Sequence[str], number: int) -> None:
    """Print a note that the changes of several groups stop at the group `number` of `names`, with the other groups."""
    before, behind = (", ".join(part) or "none" for part in (names[:number], names[number + 1 :]))
    people.note(f"stopped at group {names[number]}; groups before it: {before}; groups not changed: {behind}")


def describe_change(connected: Cluster, name: str, offsets: Mapping[Partition, int], verb: str = "change") -> Change:
    """Return the change of a group's offsets in words, with `verb` as its first word. No request is sent.

    `inverse` of the result reads the offsets that are committed when it is called. It returns the arguments of a reset,
    without kafkactl, for a change of a single partition in which the group has committed an offset, else None; it
    raises OperationError, UnreachableError, and UsageError for a wrong client setting.
    """

    def find_inverse() -> tuple[str, ...] | None:
        """Return the arguments of the command that commits the present offset again.

        None means no or several partitions, or one without a committed offset. Raise OperationError where the committed
        offsets cannot be read, UnreachableError where no broker answers, and UsageError for a wrong client setting.
        """
        from kafkactl.admin.groups.offsets import read_committed

        present = read_committed(connected, name)
        offsets_before = {(topic, number): present.get((topic, number)) for topic, number in offsets}
        if len(offsets_before) != 1 or None in offsets_before.values():
            return None
        (((topic, number), offset),) = offsets_before.items()
        where = ("--topic", f"{topic}:{number}", "--to-offset", str(offset))
        return make_arguments(("groups", "reset-offsets"), [name], [*where, "--execute"])

    noun = "offset" if len(offsets) == 1 else "offsets"
    return Change(action=f"{verb} {len(offsets)} committed {noun} of group {name}", inverse=find_inverse)


def print_plan_notes(plans: Mapping[str, ResetPlan], as_kafka: bool) -> None:
    """Print the partitions without records after the time, and the offsets that are outside their logs.

    They are warnings on stderr, group by group. With `as_kafka` the first are Kafka's text on stdout, and the second
    stay warnings: raise OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.output.kafka import group_text

    for plan in plans.values():
        if as_kafka:
            out.write_text(group_text.format_empty_partitions(plan.empty))
        else:
            for topic, number in plan.empty:
                people.warning(f"{topic}-{number} has no record after this time: the end of its log is used")
        for (topic, number), requested_offset, used_offset in plan.clamped:
            people.warning(f"{topic}-{number} has no offset {requested_offset}: {used_offset} is used")


def show_changes(changes: Sequence[OffsetChange], output: ReportOptions, execute: bool) -> int:
    """Show changes, also failed ones, on stdout, print their errors on stderr, and return 1 for an error, else 0.

    In Kafka's style the errors are kept in people.failures, and there is no note. `execute` says whether the changes
    were committed; without it a note names --execute, but not where there are no changes. Raise UsageError for a format
    that no report has, for a column of --columns or --sort that the table does not have, and for an unknown order in
    --sort; after `before_change` with `execute` columns and orders give only a warning. Raise OutputError or
    ReaderLeftError where stdout fails.
    """
    from kafkactl.cli.groups import tables

    output.show(Report(changes, [Table(tables.make_offset_change_columns(executed=execute), changes)]))
    if not execute and changes:
        people.note("nothing done yet: --execute commits these offsets")
    return print_failures(changes)


def print_failures(changes: Sequence[OffsetChange]) -> int:
    """Print the errors of changes on stderr, and return an exit status: 1 if there is an error, else 0.

    In Kafka's style they are kept in people.failures instead.
    """
    from kafkactl.admin.groups.offsets import make_partition_error

    return print_errors(
        make_partition_error(change.group, change.topic, change.partition, change.error)
        for change in changes
        if change.error is not None
    )
