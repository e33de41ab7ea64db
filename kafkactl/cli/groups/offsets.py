"""kafkactl groups reset-offsets, delete-offsets, remove-members, clone, export, import and diff"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.completion.names import group_names, topic_names
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, DocumentOptions, MirrorOutputOptions, ReportOptions, TimeOptions
from kafkactl.cli.frame.subjects import GroupOptions, GroupsOptions
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import refuse_empty, select_names
from kafkactl.statuses import CONDITION, FAILED
from kafkactl.stdout import out
from kafkactl.times import format_time, parse_duration

if TYPE_CHECKING:
    from kafkactl.admin.groups.offsets import Reset, ResetPlan
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster

Topic = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        metavar="TOPIC[:0,1]",
        help="Only these topics or partitions; repeatable.",
        autocompletion=topic_names,
    ),
]
Execute = Annotated[bool, typer.Option("--execute", help="Do it; without, it is only shown.")]


@command
def reset_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    which: GroupsOptions,
    clock: TimeOptions,
    topic: Topic = None,
    all_topics: Annotated[bool, typer.Option("--all-topics", help="All that the group has committed in.")] = False,
    to_earliest: Annotated[bool, typer.Option("--to-earliest", help="Where the log begins.")] = False,
    to_latest: Annotated[bool, typer.Option("--to-latest", help="Where it ends.")] = False,
    to_current: Annotated[
        bool, typer.Option("--to-current", help="Where the group is; the end where it has no commit.")
    ] = False,
    to_offset: Annotated[int | None, typer.Option("--to-offset", metavar="N", help="That offset.")] = None,
    to_datetime: Annotated[
        str | None,
        typer.Option("--to-datetime", metavar="TIME", help="The first record from then on: ISO 8601, or ms."),
    ] = None,
    by_duration: Annotated[
        str | None,
        typer.Option("--by-duration", metavar="PT1H", help="The first record of the last hour; also 90s, 5m, 2h."),
    ] = None,
    shift_by: Annotated[int | None, typer.Option("--shift-by", metavar="N", help="So many on, or back.")] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Offsets as --export writes them, csv.")
    ] = None,
    export: Annotated[bool, typer.Option("--export", help="Print the new offsets as csv, for --from-file.")] = False,
    execute: Execute = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it, as without --execute.")] = False,
) -> int:
    """Set where groups without members go on reading; shown first, done with --execute."""
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.output.kafka import group_text

    if execute and dry_run:
        raise UsageError("--execute and --dry-run", "say one of them")
    selection = which.require_selection()
    time_ms = _time_ms(clock, to_datetime, by_duration)
    reset = _reset(to_earliest, to_latest, to_current, to_offset, time_ms, shift_by, from_file)
    if (topic is not None) + all_topics + (from_file is not None) != 1:
        raise UsageError(
            "which partitions?", "--topic TOPIC, --topic TOPIC:0,1, --all-topics or --from-file, one of them"
        )
    connected = cluster.connect()
    chosen = group_offsets.choose_groups(connected, selection)
    given = _read_csv(from_file, chosen) if from_file is not None else {}
    plans: dict[str, ResetPlan] = {}
    failed = False
    for name, state in group_offsets.inactive(connected, chosen).items():
        if state is not None:
            failed = True
            reason = f"group {name} is {state}: its members would go on from where they are"
            people.error(OperationError(reason, "stop them first; kafkactl groups describe GROUP --members shows them"))
            continue
        if from_file is not None:
            if name not in given:
                raise UsageError(f"{from_file} has no offsets of group {name}")
            wanted = group_offsets.partitions_of(connected, [f"{of}:{number}" for of, number in given[name]])
            plans[name] = group_offsets.plan_reset(
                connected, name, wanted, group_offsets.Reset(group_offsets.ResetTo.GIVEN, given=given[name])
            )
        else:
            wanted = (
                group_offsets.committed_in(connected, name)
                if all_topics
                else group_offsets.partitions_of(connected, topic or ())
            )
            plans[name] = group_offsets.plan_reset(connected, name, wanted, reset)
    _tell(plans, output.is_kafka)
    if time_ms is not None and not (execute or export or output.is_kafka):
        people.note(f"offsets are those of {format_time(time_ms, clock.tzinfo)}")
    rows = [
        {"group": name, "topic": of, "partition": number, "new_offset": offset}
        for name, plan in plans.items()
        for (of, number), offset in sorted(plan.offsets.items())
    ]
    before_change(connected, [_as_change(connected, name, plan.offsets) for name, plan in plans.items()], not execute)
    if execute:
        for name, plan in plans.items():
            failed |= _committed(connected, name, plan.offsets)
    if export or output.is_kafka:
        offsets = {name: plan.offsets for name, plan in plans.items()}
        text = group_text.exported(offsets, with_group=len(chosen) != 1) if export else group_text.reset(offsets)
        out.write_text(text)
    else:
        output.show(Report(rows, [Table(_RESET_COLUMNS, rows)]))
        if not execute:
            people.note("nothing done yet: --execute commits these offsets")
    return FAILED if failed else 0


@command
def delete_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    group: GroupOptions,
    topic: Topic = None,
) -> int:
    """Forget what a group has committed in topics or partitions that it does not read any more."""
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.output.kafka import group_text

    name = group.name
    if not topic:
        raise UsageError("which partitions?", "--topic TOPIC or --topic TOPIC:0,1")
    connected = cluster.connect()
    if name not in group_offsets.existing(connected):
        raise NotFoundError(f"there is no consumer group {name!r}", "kafkactl groups list shows those that one may see")
    partitions = group_offsets.partitions_of(connected, topic)
    before_change(connected, [_as_change(connected, name, dict.fromkeys(partitions, 0), "delete")], confirm.dry_run)
    what = f"delete what group {name} has committed in {', '.join(f'{of}-{number}' for of, number in partitions)}"
    if (status := confirm.declined(what, "nothing deleted")) is not None:
        return status
    results = group_offsets.delete_offsets(connected, name, partitions)
    if output.is_kafka:
        out.write_text(group_text.offsets_deleted(name, results))
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
    member: Annotated[list[str] | None, typer.Option("--member", metavar="ID", help="Consumer id; repeatable.")] = None,
    instance: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="ID", help="group.instance.id of a static member; repeatable."),
    ] = None,
    all_members: Annotated[bool, typer.Option("--all", help="Every member there is.")] = False,
) -> int:
    """Put members out of a group of the classic protocol; those that still run join again."""
    from kafkactl.admin.groups import descriptions
    from kafkactl.admin.groups import offsets as group_offsets
    from kafkactl.admin.models import Outcome
    from kafkactl.cli.frame.results import show_outcomes

    name = group.name
    connected = cluster.connect()
    (described,) = descriptions.describe_groups(connected, select_names([name]))
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
    source: Annotated[str, typer.Argument(metavar="GROUP", autocompletion=group_names, show_default=False)],
    target: Annotated[str, typer.Argument(metavar="NEW", show_default=False)],
    topic: Topic = None,
    execute: Execute = False,
) -> int:
    """Give another group the offsets that a group has committed; shown first, done with --execute."""
    from kafkactl.admin.groups import descriptions

    refuse_empty(target, "NEW")
    connected = cluster.connect()
    (lag,) = descriptions.group_lags(connected, select_names([source]))
    offsets = {
        (row.topic, row.partition): row.current_offset
        for row in lag.partitions
        if row.current_offset is not None and (not topic or row.topic in topic)
    }
    return _set(connected, target, offsets, output, execute)


@command
def export(cluster: ClusterOptions, output: DocumentOptions, which: GroupsOptions) -> None:
    """Print groups' committed offsets as a yaml file that import and diff take."""
    from kafkactl.admin.groups import descriptions

    content: dict[str, dict[str, dict[int, int]]] = {}
    for lag in descriptions.group_lags(cluster.connect(), which.require_selection()):
        topics = content.setdefault(lag.description.group, {})
        for row in lag.partitions:
            if row.error:
                raise OperationError(f"{row.topic}-{row.partition} in group {row.group}: {row.error}")
            if row.current_offset is not None:
                topics.setdefault(row.topic, {})[row.partition] = row.current_offset
    output.show({"groups": content})


@command
def import_offsets(
    cluster: ClusterOptions,
    output: ReportOptions,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As export prints it.")],
    execute: Execute = False,
) -> int:
    """Commit the offsets that a file has for groups without members; shown first, done with --execute."""
    connected = cluster.connect()
    status = 0
    for name, offsets in _read_yaml(file).items():
        status |= _set(connected, name, offsets, output, execute)
    return status


@command
def diff(
    output: ReportOptions,
    left: Annotated[Path, typer.Argument(metavar="FILE", help="As export prints it.")],
    right: Annotated[Path, typer.Argument(metavar="OTHER", help="Another, most often a later one.")],
) -> int:
    """Compare two exports, partition by partition; status 4 when they differ."""
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


def _set(connected: Cluster, name: str, offsets: Mapping[Partition, int], output: ReportOptions, execute: bool) -> int:
    from kafkactl.admin.groups import offsets as group_offsets

    state = group_offsets.inactive(connected, [name])[name]
    if state is not None:
        raise OperationError(f"group {name} is {state}: its members would go on from where they are", "stop them first")
    rows = [
        {"group": name, "topic": of, "partition": number, "new_offset": offset}
        for (of, number), offset in sorted(offsets.items())
    ]
    before_change(connected, [_as_change(connected, name, offsets)], not execute)
    failed = execute and _committed(connected, name, offsets)
    output.show(Report(rows, [Table(_RESET_COLUMNS, rows)]))
    if not execute:
        people.note("nothing done yet: --execute commits these offsets")
    return FAILED if failed else 0


def _as_change(connected: Cluster, name: str, offsets: Mapping[Partition, int], verb: str = "change") -> Change:
    """Return the change of a group's offsets; its inverse names the present ones, where that fits on a line."""

    def inverse() -> tuple[str, ...] | None:
        from kafkactl.admin.groups.offsets import committed_at

        present = committed_at(connected, name)
        known = {(topic, number): present.get((topic, number)) for topic, number in offsets}
        if len(known) != 1 or None in known.values():
            return None
        (((topic, number), offset),) = known.items()
        where = ("--topic", f"{topic}:{number}", "--to-offset", str(offset))
        return ("groups", "reset-offsets", name, *where, "--execute")

    return Change(what=f"{verb} {len(offsets)} committed offsets of group {name}", inverse=inverse)


def _committed(connected: Cluster, name: str, offsets: Mapping[Partition, int]) -> bool:
    """Commits them, telling each partition that is refused; whether any was."""
    from kafkactl.admin.groups import offsets as group_offsets

    return bool(_failures(name, group_offsets.commit(connected, name, offsets)))


def _failures(name: str, results: Mapping[Partition, str | None]) -> int:
    failed = {partition: error for partition, error in results.items() if error is not None}
    for (of, number), error in sorted(failed.items()):
        people.error(OperationError(f"{of}-{number} in group {name}: {error}"))
    return FAILED if failed else 0


def _tell(plans: Mapping[str, ResetPlan], as_kafka: bool) -> None:
    from kafkactl.output.kafka import group_text

    for plan in plans.values():
        if as_kafka:
            out.write_text(group_text.empty(plan.empty))
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
        lines = [row for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) if row]
        found: dict[str, dict[Partition, int]] = {}
        for *names, of, number, offset in lines:
            if len(names) > 1 or (not names and len(groups) != 1):
                raise UsageError(f"{path}: not a plan of offsets", form)
            found.setdefault(names[0] if names else groups[0], {})[of, int(number)] = int(offset)
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{path}: not a plan of offsets: {error}", form) from None
    return found


def _read_yaml(path: Path) -> dict[str, dict[Partition, int]]:
    import yaml

    form = "like groups: {billing: {orders: {0: 42}}}"
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            str(name): {
                (str(of), int(number)): int(offset)
                for of, partitions in (topics or {}).items()
                for number, offset in partitions.items()
            }
            for name, topics in content["groups"].items()
        }
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: not the offsets of groups: {' '.join(str(error).split())}", form) from None


_RESET_COLUMNS = [
    Column("GROUP", lambda row: row["group"]),
    Column("TOPIC", lambda row: row["topic"]),
    Column("PARTITION", lambda row: row["partition"]),
    Column("NEW-OFFSET", lambda row: row["new_offset"]),
]
_RESULT_COLUMNS = [
    Column("TOPIC", lambda row: row["topic"]),
    Column("PARTITION", lambda row: row["partition"]),
    Column("RESULT", lambda row: row["result"]),
]
_DIFF_COLUMNS = [
    *_RESET_COLUMNS[:3],
    Column("LEFT", lambda row: row["left"]),
    Column("RIGHT", lambda row: row["right"]),
    Column("MOVED", lambda row: row["moved"]),
]
