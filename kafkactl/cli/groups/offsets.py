"""kafkactl groups reset-offsets, delete-offsets, remove-members, clone, export, import and diff"""

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
        raise UsageError("--execute and --dry-run are mutually exclusive", "leave one of them out")
    selection = which.require_selection()
    time_ms = _time_ms(clock, to_datetime, by_duration)
    reset = _reset(to_earliest, to_latest, to_current, to_offset, time_ms, shift_by, from_file)
    if (topic is not None) + all_topics + (from_file is not None) != 1:
        raise UsageError(
            "which partitions?", "--topic TOPIC, --topic TOPIC:0,1, --all-topics or --from-file, one of them"
        )
    connected = cluster.connect()
    targets = group_offsets.find_targets(connected, selection)
    given = _read_csv(from_file, [target.group for target in targets]) if from_file is not None else {}
    plans: dict[str, ResetPlan] = {}
    refused = [target.error for target in targets if target.error is not None]
    for error in refused:
        people.error(error)
    changeable = [target for target in targets if target.error is None]
    if not _may_create([target.group for target in changeable if not target.exists], confirm.yes, execute):
        return FAILED
    for name in (target.group for target in changeable):
        if from_file is not None:
            if name not in given:
                raise UsageError(f"{from_file} has no offsets of group {name}")
            plans[name] = _plan_given(connected, name, given[name])
        else:
            wanted = (
                group_offsets.list_committed_partitions(connected, name)
                if all_topics
                else group_offsets.parse_partitions(connected, topic or ())
            )
            plans[name] = group_offsets.plan_reset(connected, name, wanted, reset)
    _tell(plans, output.is_kafka)
    if time_ms is not None and not (execute or export or output.is_kafka):
        people.note(f"offsets are those of {format_time(time_ms, clock.tzinfo)}")
    changes = _carried_out(connected, plans, execute)
    if export or output.is_kafka:
        offsets = {name: plan.offsets for name, plan in plans.items()}
        text = (
            group_text.format_export(offsets, with_group=len(targets) != 1)
            if export
            else group_text.format_reset(offsets)
        )
        out.write_text(text)
        failed = _tell_failures(changes)
    else:
        failed = _show_changes(changes, output, execute)
    return FAILED if failed or refused else 0


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
        raise UsageError("which partitions?", "--topic TOPIC or --topic TOPIC:0,1")
    connected = cluster.connect()
    require_group(connected, name)
    partitions = group_offsets.parse_partitions(connected, topic)
    before_change(connected, [_as_change(connected, name, dict.fromkeys(partitions, 0), "delete")], confirm.dry_run)
    what = f"delete what group {name} has committed in {', '.join(f'{of}-{number}' for of, number in partitions)}"
    if (status := confirm.declined(what, "nothing deleted")) is not None:
        return status
    results = group_offsets.delete_offsets(connected, name, partitions)
    if output.is_kafka:
        out.write_text(group_text.format_offset_deletions(name, results))
    else:
        rows = [
            {"topic": of, "partition": number, "result": error or "deleted", "ok": error is None}
            for (of, number), error in sorted(results.items())
        ]
        output.show(Report(rows, [Table(_RESULT_COLUMNS, rows)]))
    return _failures(name, results)


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
    found, errors = descriptions.describe_groups(connected, [descriptions.require_group(connected, name)])
    if errors:
        raise errors[0]
    (described,) = found
    wanted: list[tuple[str | None, str | None]] = [(each, None) for each in member or ()]
    wanted += [(None, each) for each in instance or ()]
    if all_members == bool(wanted):
        raise UsageError("which members?", "--member ID, --instance ID, or --all")
    if all_members:
        wanted = [
            (None, each.instance_id) if each.instance_id else (each.consumer_id, None) for each in described.members
        ]
    if not wanted:
        people.note(f"group {name} has no members")
        return 0
    change = Change(what=f"remove members of group {name}", inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    what = f"put {', '.join(one or two or '' for one, two in wanted)} out of group {name}"
    if (status := confirm.declined(what, "nobody put out")) is not None:
        return status
    results = group_offsets.remove_members(connected, name, wanted)
    return show_outcomes(
        [Outcome(one, error is None, error or "put out") for one, error in results.items()], "member", output
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
    return _set(connected, {target: offsets}, output, execute)


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
    wanted = _read_yaml(file)
    return _set(cluster.connect(), wanted, output, execute)


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
        one, two = before.get(name, {}), after.get(name, {})
        for of, number in sorted({*one, *two}):
            old, new = one.get((of, number)), two.get((of, number))
            if old != new:
                moved = None if old is None or new is None else new - old
                rows.append(
                    {"group": name, "topic": of, "partition": number, "left": old, "right": new, "moved": moved}
                )
    if rows or output.is_structured:
        output.show(Report(rows, [Table(_DIFF_COLUMNS, rows)]))
    else:
        people.note("no differences")
    return CONDITION if rows else 0


def _set(
    connected: Cluster, wanted: Mapping[str, Mapping[Partition, int]], output: ReportOptions, execute: bool
) -> int:
    """Commit offsets of several groups, or show them. All are checked before the first is committed."""
    from kafkactl.admin.groups import offsets as group_offsets

    targets = group_offsets.find_targets(connected, select_names(list(wanted)))
    refused = [target.error for target in targets if target.error is not None]
    if refused:
        raise refused[0]
    for target in targets:
        if not target.exists:
            people.note(f"group {target.group} does not exist{'' if execute else ' yet'}: this creates it")
    plans = {target.group: _plan_given(connected, target.group, wanted[target.group]) for target in targets}
    _tell(plans, as_kafka=False)
    return FAILED if _show_changes(_carried_out(connected, plans, execute), output, execute) else 0


def _plan_given(connected: Cluster, name: str, offsets: Mapping[Partition, int]) -> ResetPlan:
    """Return offsets of a file as a plan: within their logs, of partitions that exist; raises NotFoundError."""
    from kafkactl.admin.groups import offsets as group_offsets

    wanted = group_offsets.require_partitions(connected, offsets)
    return group_offsets.plan_reset(
        connected, name, wanted, group_offsets.Reset(group_offsets.ResetTo.GIVEN, offsets=offsets)
    )


def _may_create(names: Sequence[str], assume_yes: bool, execute: bool) -> bool:
    """Ask before groups are created by a reset; raises NotFoundError where nobody can be asked."""
    if not names or assume_yes:
        return True
    what = f"there is no group {', '.join(map(repr, names))}: to reset its offsets creates it"
    if not people.can_ask():
        raise NotFoundError(what, "--yes creates it; kafkactl groups list shows the groups that you can see")
    if not execute:
        people.note(what)
        return True
    if people.confirm(f"{what}; go on", assume_yes):
        return True
    people.note("nothing done")
    return False


def _carried_out(connected: Cluster, plans: Mapping[str, ResetPlan], execute: bool) -> list[OffsetChange]:
    """Return the changes that the plans come to, committed with `execute`, each with its own result."""
    from kafkactl.admin.groups.offsets import carry_out, list_changes

    changes = {name: list_changes(name, plan) for name, plan in plans.items()}
    before_change(connected, [_as_change(connected, name, plan.offsets) for name, plan in plans.items()], not execute)
    return [
        change for planned in changes.values() for change in (carry_out(connected, planned) if execute else planned)
    ]


def _show_changes(changes: Sequence[OffsetChange], output: ReportOptions, execute: bool) -> bool:
    """Show changes as a table or as values; return whether one failed."""
    from kafkactl.cli.groups import tables

    output.show(Report(changes, [Table(tables.offset_changes(executed=execute), changes)]))
    if not execute:
        people.note("nothing done yet: --execute commits these offsets")
    return _tell_failures(changes)


def _tell_failures(changes: Sequence[OffsetChange]) -> bool:
    failed = [change for change in changes if change.error is not None]
    for each in failed:
        people.error(OperationError(f"{each.topic}-{each.partition} in group {each.group}: {each.error}"))
    return bool(failed)


def _as_change(connected: Cluster, name: str, offsets: Mapping[Partition, int], verb: str = "change") -> Change:
    """Return the change of a group's offsets; its inverse names the present ones, where that fits on a line."""

    def inverse() -> tuple[str, ...] | None:
        from kafkactl.admin.groups.offsets import read_committed

        present = read_committed(connected, name)
        known = {(topic, number): present.get((topic, number)) for topic, number in offsets}
        if len(known) != 1 or None in known.values():
            return None
        (((topic, number), offset),) = known.items()
        where = ("--topic", f"{topic}:{number}", "--to-offset", str(offset))
        return ("groups", "reset-offsets", name, *where, "--execute")

    return Change(what=f"{verb} {len(offsets)} committed offsets of group {name}", inverse=inverse)


def _failures(name: str, results: Mapping[Partition, str | None]) -> int:
    failed = {partition: error for partition, error in results.items() if error is not None}
    for (of, number), error in sorted(failed.items()):
        people.error(OperationError(f"{of}-{number} in group {name}: {error}"))
    return FAILED if failed else 0


def _tell(plans: Mapping[str, ResetPlan], as_kafka: bool) -> None:
    from kafkactl.output.kafka import group_text

    for plan in plans.values():
        if as_kafka:
            out.write_text(group_text.format_empty_partitions(plan.empty))
        else:
            for of, number in plan.empty:
                people.warning(f"{of}-{number} has no record since then: its end is taken")
        for (of, number), wanted, taken in plan.clamped:
            people.warning(f"{of}-{number} has no offset {wanted}: {taken} is taken")


def _reset(
    to_earliest: bool,
    to_latest: bool,
    to_current: bool,
    to_offset: int | None,
    time_ms: int | None,
    shift_by: int | None,
    from_file: Path | None,
) -> Reset:
    from kafkactl.admin.groups.offsets import Reset, ResetTo

    said = [
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
    if len(said) != 1:
        hint = "--to-earliest, -latest, -current, -offset, -datetime, --by-duration, --shift-by or --from-file"
        raise UsageError("reset to where?" if not said else "two places to reset to", hint)
    return said[0]


def _time_ms(clock: TimeOptions, to_datetime: str | None, by_duration: str | None) -> int | None:
    """Return the time to reset to, in milliseconds since 1970, or None; raises UsageError for two times."""
    if to_datetime is not None and by_duration is not None:
        raise UsageError("--to-datetime and --by-duration are mutually exclusive", "leave one of them out")
    if to_datetime is not None:
        return clock.parse(to_datetime, "--to-datetime")
    if by_duration is None:
        return None
    return max(0, time.time_ns() // 1_000_000 - parse_duration(by_duration, "--by-duration", signed=True))


def _read_csv(path: Path, groups: Sequence[str]) -> dict[str, dict[Partition, int]]:
    """Kafka's two forms: topic,partition,offset of the one group that is named, or with the group before them."""
    import csv

    form = "lines like topic,partition,offset or group,topic,partition,offset"
    try:
        lines = [row for row in csv.reader(read_text(path).splitlines()) if row]
        found: dict[str, dict[Partition, int]] = {}
        for *names, of, number, offset in lines:
            if len(names) > 1 or (not names and len(groups) != 1):
                raise UsageError(f"{path}: not a plan of offsets", form)
            offsets = found.setdefault(names[0] if names else groups[0], {})
            offsets[of, _digits(path, number, "partition")] = _digits(path, offset, "offset")
    except (ValueError, csv.Error):
        raise UsageError(f"{path}: not a plan of offsets", form) from None
    return found


def _digits(path: Path, text: str, what: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise UsageError(f"{path}: not a number of {what}: {text!r}", "topic,partition,offset are the last three")
    return int(text)


def _read_yaml(path: Path) -> dict[str, dict[Partition, int]]:
    """Return the offsets of groups in a file as export writes it; raises UsageError."""
    content = read_yaml(path)
    form = "like groups: {billing: {orders: {0: 42}}}"
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, dict):
        raise UsageError(f"{path}: not the offsets of groups: `groups` is missing", form)
    found: dict[str, dict[Partition, int]] = {}
    for name, topics in groups.items():
        offsets = found.setdefault(_text(path, name, "group"), {})
        for topic, partitions in _entries(path, topics, f"group {name}"):
            of = _text(path, topic, "topic")
            for number, offset in _entries(path, partitions, f"topic {topic}"):
                offsets[of, _whole(path, number, "partition")] = _whole(path, offset, f"offset of {of}-{number}")
    return found


def _entries(path: Path, value: Any, what: str) -> Iterable[tuple[Any, Any]]:
    if not isinstance(value, (dict, NoneType)):
        raise UsageError(f"{path}: {what} is not a mapping", "like billing: {orders: {0: 42}}")
    return (value or {}).items()


def _text(path: Path, value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path}: the name of a {what} is not a text: {value!r}", "write it in quotes")
    return value


def _whole(path: Path, value: Any, what: str) -> int:
    """Return a number of a partition or an offset; export to json writes the former as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and what == "partition":
        value = int(value)  # json has it as text
    if type(value) is not int or not 0 <= value < 2**63:
        raise UsageError(f"{path}: {what} is not a whole number from 0: {value!r}", "as export prints it")
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
