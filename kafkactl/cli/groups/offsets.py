"""The commands `kafkactl groups` for offsets and members.

They are reset-offsets, delete-offsets, remove-members, clone, export, import and diff.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.completion.names import group_names, topic_names
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, DocumentOptions, MirrorOutputOptions, ReportOptions, TimeOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.cli.frame.subjects import GroupOptions, GroupsOptions
from kafkactl.cli.frame.values import make_exclusive_error
from kafkactl.documents import read_text, read_yaml
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import refuse_empty, select_names
from kafkactl.statuses import CONDITION, FAILED
from kafkactl.stdout import out
from kafkactl.times import format_time, parse_duration

if TYPE_CHECKING:
    from kafkactl.admin.groups.offsets import OffsetChange, Reset, ResetPlan
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster

Topic = Annotated[
    list[str] | None,
    typer.Option(
        "--topic", metavar="TOPIC[:0,1]", help="Topic, or partitions of it; repeatable.", autocompletion=topic_names
    ),
]
Execute = Annotated[bool, typer.Option("--execute", help="Commit the offsets; without it they are only shown.")]


@command
def reset_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    which: GroupsOptions,
    clock: TimeOptions,
    topic: Topic = None,
    all_topics: Annotated[
        bool, typer.Option("--all-topics", help="All topics in which the group has committed.")
    ] = False,
    to_earliest: Annotated[bool, typer.Option("--to-earliest", help="Go to the first offset of each log.")] = False,
    to_latest: Annotated[bool, typer.Option("--to-latest", help="Go to the end of each log.")] = False,
    to_current: Annotated[
        bool, typer.Option("--to-current", help="Stay at the committed offset, or go to the end where there is none.")
    ] = False,
    to_offset: Annotated[int | None, typer.Option("--to-offset", metavar="N", help="Go to this offset.")] = None,
    to_datetime: Annotated[
        str | None,
        typer.Option(
            "--to-datetime", metavar="TIME", help="Go to the first record from this time on: ISO 8601, or ms."
        ),
    ] = None,
    by_duration: Annotated[
        str | None,
        typer.Option("--by-duration", metavar="PT1H", help="Go back by this duration from now: PT1H, 90s, 5m, 2h."),
    ] = None,
    shift_by: Annotated[
        int | None, typer.Option("--shift-by", metavar="N", help="Go N offsets on, or back if N is negative.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Csv file of offsets, as --export writes it.")
    ] = None,
    export: Annotated[bool, typer.Option("--export", help="Print the new offsets as csv for --from-file.")] = False,
    execute: Execute = False,
) -> int:
    """Set the committed offsets of groups that have no members.

    The new offsets are shown first; --execute commits them.

    Examples:
      kafkactl groups reset-offsets billing --topic orders --to-earliest
      kafkactl groups reset-offsets billing --all-topics --by-duration 2h
      kafkactl groups reset-offsets billing --topic orders:0 --shift-by -5 --execute
    """
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.output.kafka import group_text

    if execute and confirm.dry_run:
        raise make_exclusive_error("--execute", "--dry-run")
    selection = which.require_selection()
    time_ms = _parse_time(clock, to_datetime, by_duration)
    reset = _choose_reset(to_earliest, to_latest, to_current, to_offset, time_ms, shift_by, from_file)
    if (count := (topic is not None) + all_topics + (from_file is not None)) != 1:
        raise UsageError(
            "--topic, --all-topics and --from-file are mutually exclusive"
            if count
            else "missing option: --topic, --all-topics or --from-file",
            "use one of --topic TOPIC, --topic TOPIC:0,1, --all-topics and --from-file FILE",
        )
    connected = cluster.connect()
    targets = group_offsets.find_targets(connected, selection)
    file_offsets = _read_csv(from_file, [target.group for target in targets]) if from_file is not None else {}
    plans: dict[str, ResetPlan] = {}
    refusals = [target.error for target in targets if target.error is not None]
    for error in refusals:
        people.error(error)
    changeable = [target for target in targets if target.error is None]
    if not _may_create([target.group for target in changeable if not target.exists], confirm.yes, execute):
        return FAILED
    for name in (target.group for target in changeable):
        if from_file is not None:
            if name not in file_offsets:
                raise UsageError(f"{from_file} has no offsets of group {name}")
            plans[name] = _plan_file_offsets(connected, name, file_offsets[name])
        else:
            partitions = (
                group_offsets.list_committed_partitions(connected, name)
                if all_topics
                else group_offsets.parse_partitions(connected, topic or ())
            )
            plans[name] = group_offsets.plan_reset(connected, name, partitions, reset)
    _print_plan_notes(plans, output.is_kafka)
    if time_ms is not None and not (execute or export or output.is_kafka):
        people.note(f"time of the new offsets: {format_time(time_ms, clock.tzinfo)}")
    changes = _make_changes(connected, plans, execute)
    if export or output.is_kafka:
        offsets = {name: plan.offsets for name, plan in plans.items()}
        text = (
            group_text.format_export(offsets, with_group=len(targets) != 1)
            if export
            else group_text.format_reset(offsets)
        )
        out.write_text(text)
        has_failed = _print_failures(changes)
    else:
        has_failed = _show_changes(changes, output, execute)
    return FAILED if has_failed or refusals else 0


@command
def delete_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    group: GroupOptions,
    topic: Topic = None,
) -> int:
    """Delete committed offsets of topics that a group no longer reads.

    Examples:
      kafkactl groups delete-offsets billing --topic orders --yes
      kafkactl groups delete-offsets billing --topic orders:0,1 --dry-run
    """
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.admin.groups.descriptions import require_group
    from kafkactl.output.kafka import group_text

    name = group.name
    if not topic:
        raise UsageError("missing option --topic", "name the partitions: --topic TOPIC or --topic TOPIC:0,1")
    connected = cluster.connect()
    require_group(connected, name)
    partitions = group_offsets.parse_partitions(connected, topic)
    before_change(
        connected, [_describe_change(connected, name, dict.fromkeys(partitions, 0), "delete")], confirm.dry_run
    )
    names = ", ".join(f"{topic_name}-{number}" for topic_name, number in partitions)
    action = f"delete the committed offsets of group {name} for {names}"
    if (status := confirm.declined(action, "nothing deleted")) is not None:
        return status
    results = group_offsets.delete_offsets(connected, name, partitions)
    if output.is_kafka:
        out.write_text(group_text.format_offset_deletions(name, results))
    else:
        rows = [
            {"topic": topic_name, "partition": number, "result": error or "deleted", "ok": error is None}
            for (topic_name, number), error in sorted(results.items())
        ]
        output.show(Report(rows, [Table(_RESULT_COLUMNS, rows)]))
    return _print_deletion_errors(name, results)


@command
def remove_members(
    cluster: ClusterOptions,
    output: ReportOptions,
    confirm: ConfirmOptions,
    group: GroupOptions,
    member: Annotated[
        list[str] | None, typer.Option("--member", metavar="ID", help="Consumer id of a member; repeatable.")
    ] = None,
    instance: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="ID", help="Static member by its group.instance.id; repeatable."),
    ] = None,
    all_members: Annotated[bool, typer.Option("--all", help="All members of the group.")] = False,
) -> int:
    """Remove members from a group of the classic protocol.

    A consumer that still runs joins again.

    Examples:
      kafkactl groups remove-members billing --all --yes
      kafkactl groups remove-members billing --instance reader-1 --dry-run
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.admin.models import Outcome
    from kafkactl.cli.frame.results import show_outcomes

    name = group.name
    connected = cluster.connect()
    groups, errors = descriptions.describe_groups(connected, [descriptions.require_group(connected, name)])
    if errors:
        raise errors[0]
    (described,) = groups
    members: list[tuple[str | None, str | None]] = [(consumer_id, None) for consumer_id in member or ()]
    members += [(None, instance_id) for instance_id in instance or ()]
    if all_members and members:
        raise make_exclusive_error("--all", "a selection of members")
    if not (all_members or members):
        raise UsageError(
            "missing option: --member, --instance or --all", "name the members: --member ID, --instance ID, or --all"
        )
    if all_members:
        members = [(None, row.instance_id) if row.instance_id else (row.consumer_id, None) for row in described.members]
    if not members:
        people.note(f"group {name} has no members")
        return 0
    change = Change(action=f"remove members of group {name}", inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    ids = ", ".join(consumer_id or instance_id or "" for consumer_id, instance_id in members)
    if (status := confirm.declined(f"remove {ids} from group {name}", "no member removed")) is not None:
        return status
    results = group_offsets.remove_members(connected, name, members)
    return show_outcomes(
        [Outcome(member_id, error is None, error or "put out") for member_id, error in results.items()],
        "member",
        output,
    )


@command
def clone(
    cluster: ClusterOptions,
    output: ReportOptions,
    source: Annotated[
        str,
        typer.Argument(
            metavar="GROUP", help="Group whose offsets are copied.", autocompletion=group_names, show_default=False
        ),
    ],
    target: Annotated[str, typer.Argument(metavar="NEW", help="Group that gets the offsets.", show_default=False)],
    topic: Topic = None,
    execute: Execute = False,
) -> int:
    """Copy the committed offsets of a group to another group.

    The new offsets are shown first; --execute commits them.

    Examples:
      kafkactl groups clone billing billing-2
      kafkactl groups clone billing billing-2 --topic orders --execute
    """
    from kafkactl.admin.groups.descriptions import read_group_lag

    refuse_empty(target, "NEW")
    connected = cluster.connect()
    offsets = {
        (row.topic, row.partition): row.current_offset
        for row in read_group_lag(connected, source).partitions
        if row.current_offset is not None and (not topic or row.topic in topic)
    }
    return _set_offsets(connected, {target: offsets}, output, execute)


@command
def export(cluster: ClusterOptions, output: DocumentOptions, which: GroupsOptions) -> int:
    """Print committed offsets as a yaml file for import and diff.

    Examples:
      kafkactl groups export billing > billing.yaml
      kafkactl groups export --all-groups > groups.yaml
    """
    from kafkactl.admin.groups import descriptions

    connected = cluster.connect()
    choice = descriptions.choose_groups(connected, which.require_selection())
    lags, failures = descriptions.read_group_lags(connected, choice.groups)
    errors = [*choice.errors, *failures]
    content: dict[str, dict[str, dict[int, int]]] = {}
    for lag in lags:
        topics = content.setdefault(lag.description.group, {})
        for row in lag.partitions:
            if row.current_offset is not None:
                topics.setdefault(row.topic, {})[row.partition] = row.current_offset
            elif row.error:
                errors.append(OperationError(f"{row.topic}-{row.partition} in group {row.group}: {row.error}"))
    output.show({"groups": content})
    return print_errors(errors)


@command
def import_offsets(
    cluster: ClusterOptions,
    output: ReportOptions,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Yaml file as groups export prints it.")],
    execute: Execute = False,
) -> int:
    """Commit the offsets in a file for groups that have no members.

    The new offsets are shown first; --execute commits them.

    Examples:
      kafkactl groups import billing.yaml
      kafkactl groups import billing.yaml --execute
    """
    offsets = _read_yaml(file)
    return _set_offsets(cluster.connect(), offsets, output, execute)


@command
def diff(
    output: ReportOptions,
    left: Annotated[Path, typer.Argument(metavar="FILE", help="Yaml file as groups export prints it.")],
    right: Annotated[Path, typer.Argument(metavar="OTHER", help="Second yaml file, usually the later one.")],
) -> int:
    """Compare two exports of groups, partition by partition.

    The status is 4 if they differ.

    Examples:
      kafkactl groups diff before.yaml after.yaml
    """
    before, after = _read_yaml(left), _read_yaml(right)
    rows = []
    for name in sorted({*before, *after}):
        old_offsets, new_offsets = before.get(name, {}), after.get(name, {})
        for topic, number in sorted({*old_offsets, *new_offsets}):
            old, new = old_offsets.get((topic, number)), new_offsets.get((topic, number))
            if old != new:
                moved = None if old is None or new is None else new - old
                rows.append(
                    {"group": name, "topic": topic, "partition": number, "left": old, "right": new, "moved": moved}
                )
    if rows or output.is_structured:
        output.show(Report(rows, [Table(_DIFF_COLUMNS, rows)]))
    else:
        people.note("no differences")
    return CONDITION if rows else 0


def _set_offsets(
    connected: Cluster, offsets: Mapping[str, Mapping[Partition, int]], output: ReportOptions, execute: bool
) -> int:
    """Commit offsets of several groups, or only show them without `execute`; return an exit status.

    All groups are checked before the first commit. Raise the error of a group whose offsets cannot be changed.
    """
    from kafkactl.admin.groups import offsets as group_offsets

    targets = group_offsets.find_targets(connected, select_names(list(offsets)))
    refusals = [target.error for target in targets if target.error is not None]
    if refusals:
        raise refusals[0]
    for target in targets:
        if not target.exists:
            people.note(
                f"group {target.group} does not exist yet: {'it is created' if execute else '--execute creates it'}"
            )
    plans = {target.group: _plan_file_offsets(connected, target.group, offsets[target.group]) for target in targets}
    _print_plan_notes(plans, as_kafka=False)
    return FAILED if _show_changes(_make_changes(connected, plans, execute), output, execute) else 0


def _plan_file_offsets(connected: Cluster, name: str, offsets: Mapping[Partition, int]) -> ResetPlan:
    """Return the plan for offsets from a file, moved into their logs. Raise NotFoundError for a missing partition."""
    from kafkactl.admin.groups import offsets as group_offsets

    partitions = group_offsets.require_partitions(connected, offsets)
    return group_offsets.plan_reset(
        connected, name, partitions, group_offsets.Reset(group_offsets.ResetTo.GIVEN, offsets=offsets)
    )


def _may_create(names: Sequence[str], assume_yes: bool, execute: bool) -> bool:
    """Ask before a reset creates groups, and return the answer. Raise NotFoundError where stdin is no terminal."""
    if not names or assume_yes:
        return True
    text = f"group not found: {', '.join(map(repr, names))}: a reset of its offsets creates it"
    if not people.can_ask():
        raise NotFoundError(text, "create it with --yes, or list the groups that you can see: kafkactl groups list")
    if not execute:
        people.note(text)
        return True
    if people.confirm(f"{text}; continue", assume_yes):
        return True
    people.note("nothing done")
    return False


def _make_changes(connected: Cluster, plans: Mapping[str, ResetPlan], execute: bool) -> list[OffsetChange]:
    """Return the changes of the plans. With `execute` they are committed, and each has its result."""
    from kafkactl.admin.groups.offsets import carry_out, list_changes

    changes = {name: list_changes(name, plan) for name, plan in plans.items()}
    before_change(
        connected, [_describe_change(connected, name, plan.offsets) for name, plan in plans.items()], not execute
    )
    return [
        change for planned in changes.values() for change in (carry_out(connected, planned) if execute else planned)
    ]


def _show_changes(changes: Sequence[OffsetChange], output: ReportOptions, execute: bool) -> bool:
    """Show changes in the selected format, and print their errors. Return whether a change failed."""
    from kafkactl.cli.groups import tables

    output.show(Report(changes, [Table(tables.make_offset_change_columns(executed=execute), changes)]))
    if not execute:
        people.note("nothing done yet: --execute commits these offsets")
    return _print_failures(changes)


def _print_failures(changes: Sequence[OffsetChange]) -> bool:
    """Print the errors of changes, and return whether there is one."""
    failed = [change for change in changes if change.error is not None]
    for change in failed:
        people.error(OperationError(f"{change.topic}-{change.partition} in group {change.group}: {change.error}"))
    return bool(failed)


def _describe_change(connected: Cluster, name: str, offsets: Mapping[Partition, int], verb: str = "change") -> Change:
    """Return the change of a group's offsets. It has an inverse only for a single partition with a committed offset."""

    def find_inverse() -> tuple[str, ...] | None:
        from kafkactl.admin.groups.offsets import read_committed

        present = read_committed(connected, name)
        offsets_before = {(topic, number): present.get((topic, number)) for topic, number in offsets}
        if len(offsets_before) != 1 or None in offsets_before.values():
            return None
        (((topic, number), offset),) = offsets_before.items()
        where = ("--topic", f"{topic}:{number}", "--to-offset", str(offset))
        return ("groups", "reset-offsets", name, *where, "--execute")

    return Change(action=f"{verb} {len(offsets)} committed offsets of group {name}", inverse=find_inverse)


def _print_deletion_errors(name: str, results: Mapping[Partition, str | None]) -> int:
    """Print the errors of partitions, and return an exit status: 1 if there is an error."""
    failed = {partition: error for partition, error in results.items() if error is not None}
    for (topic, number), error in sorted(failed.items()):
        people.error(OperationError(f"{topic}-{number} in group {name}: {error}"))
    return FAILED if failed else 0


def _print_plan_notes(plans: Mapping[str, ResetPlan], as_kafka: bool) -> None:
    """Print the partitions without records after the time, and the offsets that are outside their logs."""
    from kafkactl.output.kafka import group_text

    for plan in plans.values():
        if as_kafka:
            out.write_text(group_text.format_empty_partitions(plan.empty))
        else:
            for topic, number in plan.empty:
                people.warning(f"{topic}-{number} has no record after this time: the end of its log is used")
        for (topic, number), requested_offset, used_offset in plan.clamped:
            people.warning(f"{topic}-{number} has no offset {requested_offset}: {used_offset} is used")


def _choose_reset(
    to_earliest: bool,
    to_latest: bool,
    to_current: bool,
    to_offset: int | None,
    time_ms: int | None,
    shift_by: int | None,
    from_file: Path | None,
) -> Reset:
    """Return the reset of the only option that is given; raise UsageError for none or several."""
    from kafkactl.admin.groups.offsets import Reset, ResetTo

    resets = [
        Reset(to, value)
        for to, value in (
            (ResetTo.EARLIEST, 0 if to_earliest else None),
            (ResetTo.LATEST, 0 if to_latest else None),
            (ResetTo.CURRENT, 0 if to_current else None),
            (ResetTo.OFFSET, to_offset),
            (ResetTo.TIME, time_ms),
            (ResetTo.SHIFT, shift_by),
            (ResetTo.GIVEN, 0 if from_file is not None else None),
        )
        if value is not None
    ]
    if len(resets) != 1:
        hint = (
            "use one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, "
            "--shift-by and --from-file"
        )
        raise UsageError(
            "options for the new offsets are mutually exclusive" if resets else "missing option for the new offsets",
            hint,
        )
    return resets[0]


def _parse_time(clock: TimeOptions, to_datetime: str | None, by_duration: str | None) -> int | None:
    """Return the time to reset to in ms since 1970, or None. Raise UsageError for two times and for a wrong one."""
    if to_datetime is not None and by_duration is not None:
        raise make_exclusive_error("--to-datetime", "--by-duration")
    if to_datetime is not None:
        return clock.parse(to_datetime, "--to-datetime")
    if by_duration is None:
        return None
    return max(0, time.time_ns() // 1_000_000 - parse_duration(by_duration, "--by-duration", signed=True))


def _read_csv(path: Path, groups: Sequence[str]) -> dict[str, dict[Partition, int]]:
    """Return the offsets of groups in a csv file of Kafka; raise UsageError for a file of another form.

    Lines are group,topic,partition,offset, or topic,partition,offset if there is only one group.
    """
    import csv

    hint = "write each line as topic,partition,offset or group,topic,partition,offset"
    try:
        lines = [row for row in csv.reader(read_text(path).splitlines()) if row]
        offsets_by_group: dict[str, dict[Partition, int]] = {}
        for *names, topic, number, offset in lines:
            if len(names) > 1 or (not names and len(groups) != 1):
                raise UsageError(f"{path}: not a plan of offsets", hint)
            offsets = offsets_by_group.setdefault(names[0] if names else groups[0], {})
            offsets[topic, _parse_digits(path, number, "partition")] = _parse_digits(path, offset, "offset")
    except (ValueError, csv.Error):
        raise UsageError(f"{path}: not a plan of offsets", hint) from None
    return offsets_by_group


def _parse_digits(path: Path, text: str, noun: str) -> int:
    """Return a whole number of a csv file; raise UsageError that calls it by its noun."""
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise UsageError(f"{path}: invalid {noun}: {text!r}", "end each line with topic,partition,offset")
    return int(text)


def _read_yaml(path: Path) -> dict[str, dict[Partition, int]]:
    """Return the offsets of groups in a yaml file of `groups export`. Raise UsageError for a file of another form."""
    content = read_yaml(path)
    hint = "write the file as groups export prints it: groups: {billing: {orders: {0: 42}}}"
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, dict):
        raise UsageError(f"{path}: not the offsets of groups: `groups` is missing", hint)
    offsets_by_group: dict[str, dict[Partition, int]] = {}
    for name, topics in groups.items():
        offsets = offsets_by_group.setdefault(_require_name(path, name, "group"), {})
        for key, partitions in _list_entries(path, topics, f"group {name}"):
            topic = _require_name(path, key, "topic")
            for number, value in _list_entries(path, partitions, f"topic {topic}"):
                offset = _require_number(path, value, f"offset of {topic}-{number}")
                offsets[topic, _require_number(path, number, "partition")] = offset
    return offsets_by_group


def _list_entries(path: Path, value: Any, noun: str) -> Iterable[tuple[Any, Any]]:
    """Return the entries of a mapping in a yaml file; raise UsageError for any other value. None has no entries."""
    if not isinstance(value, (dict, NoneType)):
        raise UsageError(f"{path}: {noun} is not a mapping", "write it like billing: {orders: {0: 42}}")
    return (value or {}).items()


def _require_name(path: Path, value: Any, noun: str) -> str:
    """Return a name in a yaml file; raise UsageError for a value that is not text."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path}: the name of a {noun} is not a text: {value!r}", "write it in quotes")
    return value


def _require_number(path: Path, value: Any, noun: str) -> int:
    """Return a partition or an offset in a yaml file; raise UsageError. Exports to json have partitions as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and noun == "partition":
        value = int(value)  # json has it as text
    if type(value) is not int or not 0 <= value < 2**63:
        raise UsageError(
            f"{path}: {noun} is not a whole number from 0: {value!r}", "write it as groups export prints it"
        )
    return value


_RESULT_COLUMNS = [
    Column("TOPIC", lambda row: row["topic"]),
    Column("PARTITION", lambda row: row["partition"]),
    Column("RESULT", lambda row: row["result"], is_sentence=True),
]
_DIFF_COLUMNS = [
    Column("GROUP", lambda row: row["group"]),
    *_RESULT_COLUMNS[:2],
    Column("LEFT", lambda row: row["left"]),
    Column("RIGHT", lambda row: row["right"]),
    Column("MOVED", lambda row: row["moved"]),
]
