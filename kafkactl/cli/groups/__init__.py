"""kafkactl groups (consumer-groups)"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, GroupOutputOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import GroupOptions, GroupsOptions
from kafkactl.cli.groups import exporter as groups_exporter
from kafkactl.cli.groups import offsets as groups_offsets
from kafkactl.cli.groups import tables as groups_tables
from kafkactl.errors import ConditionError, KafkactlError, OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, OutputFormat, Report, Table, listing
from kafkactl.patterns import select_names
from kafkactl.statuses import CONDITION, FAILED
from kafkactl.stdout import out
from kafkactl.times import parse_pause

if TYPE_CHECKING:
    from kafkactl.admin.groups.conditions import Condition
    from kafkactl.admin.groups.models import GroupDescription, GroupLag
    from kafkactl.connection.cluster import Cluster
    from kafkactl.patterns import NameSelection

app = new_app(
    """List, describe, reset, copy and delete consumer groups; show their lag.

    Examples:
      kafkactl groups describe billing --lag
      kafkactl groups explain billing
      kafkactl groups reset-offsets billing --topic orders --to-earliest
    """
)

_TYPES = ("classic", "consumer", "share", "streams")
_STATES = (
    "Stable", "Empty", "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "NotReady", "Dead",
)  # fmt: skip
"""Those of Kafka's GroupState."""
_KAFKAS_OWN_TYPES = ("classic", "consumer")
_ANY = "all"
_MANY_POSITIONS = 1000
"""Reading one unread record of each of so many partitions takes a second or two: more are read when asked for."""


@app.command("list")
@command
def list_groups(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", metavar="STATE", help="Only groups in this state, such as Stable or Empty; all adds the column."
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type", metavar="TYPE", help=f"Only groups of this type: {', '.join(_TYPES)}; all adds the column."
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="REGEX", help="Regular expression for whole names of groups; repeatable."),
    ] = None,
) -> int:
    """List groups: names in a pipe, with type and state on a terminal.

    Examples:
      kafkactl groups list
      kafkactl groups list --state Empty
      kafkactl groups list --match 'billing-.*' -o json
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.output.kafka import group_text

    selection = select_names(match=match)
    states, types = _said(state), _said(type_)
    if unknown := sorted(types - {*_TYPES, _ANY}):
        raise UsageError(f"--type {unknown[0]}: no such type", f"one of {', '.join(_TYPES)}")
    if unknown := sorted(states - {*map(str.lower, _STATES), _ANY}):
        raise UsageError(f"--state {unknown[0]}: no such state", f"one of {', '.join(_STATES)}, or {_ANY}")
    errors: Sequence[str] = ()
    if types - {*_KAFKAS_OWN_TYPES, _ANY}:
        from kafkactl.admin.groups.epochs import list_groups_of_types

        listed = list_groups_of_types(cluster.connect(), sorted(types - {_ANY}))
        found, errors = list(listed.groups), listed.errors
    else:
        connected = cluster.connect()
        listed = descriptions.list_groups(connected)
        found, errors = list(listed.groups), listed.errors
        if _ANY in types and not output.is_kafka:  # whose tool lists none of these
            others = descriptions.list_other_groups(connected)
            found += others.groups
            errors = list(dict.fromkeys([*errors, *others.errors]))
    chosen = set(selection.choose_or_all(row.group for row in found).names)
    rows = [
        row
        for row in found
        if row.group in chosen
        and (not states - {_ANY} or row.state.lower() in states)
        and (not types - {_ANY} or row.type.lower() in types)
    ]
    if output.is_kafka:
        out.write_text(group_text.format_groups(rows, bool(types), bool(states)))
    else:
        columns = [
            Column("GROUP", lambda row: row.group),
            Column("TYPE", lambda row: row.type),
            Column("STATE", lambda row: row.state),
        ]
        rows.sort(key=lambda row: row.group)
        output.show(Report(rows, [Table(columns, rows, headings=_ANY in states | types)]))
    if not rows and (states | types or not selection.is_empty) and not output.is_kafka:
        people.note("no group is of that kind" if selection.is_empty else "no group matches")
    for error in errors:
        people.error(OperationError(f"the list is not whole: {error}"))
    return FAILED if errors else 0


@app.command()
@command
def describe(
    cluster: ClusterOptions,
    output: GroupOutputOptions,
    which: GroupsOptions,
    lag: Annotated[
        bool, typer.Option("--lag", help="Show sums, lag in time, log starts, and where each commit lies in its log.")
    ] = False,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Show offsets and lag of each partition. This is the default.")
    ] = False,
    members: Annotated[bool, typer.Option("--members", help="Show members and their partitions.")] = False,
    state: Annotated[bool, typer.Option("--state", help="Show state, coordinator and assignor.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show epochs and target assignments of the consumer protocol.")
    ] = False,
    read_committed: Annotated[
        bool,
        typer.Option("--read-committed", help="Measure lag to the last stable offset, where open transactions begin."),
    ] = False,
    time_lag: Annotated[
        bool | None,
        typer.Option(
            "--time/--no-time",
            help=f"Measure lag in time; this reads unread records, with --lag up to {_MANY_POSITIONS} by itself.",
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="TIME", help="Time between two looks, from which rates are computed: 5s."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=1, help="Show only the first N groups of the order.")
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option("--watch", metavar="TIME", help="Look again after each TIME; in a pipe print json lines."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="End with status 4 if it holds: lag>10000, time>5m, state!=Stable, members<3.",
        ),
    ] = None,
) -> int:
    """Show committed offsets, log ends, lag and consumers of groups.

    Examples:
      kafkactl groups describe billing --lag
      kafkactl groups describe --all-groups --top 10
      kafkactl groups describe billing --fail-if 'lag>10000'
    """
    from kafkactl.admin.groups import descriptions

    if sum((lag, offsets, members, state)) > 1:
        raise UsageError("--lag, --offsets, --members and --state show different things", "say one of them")
    sort = output.group_order
    conditions = _conditions(fail_if)
    selection = which.selection()
    every_s = None if watch is None else parse_pause(watch, "--watch")
    apart_s = None if interval is None else parse_pause(interval, "--interval")
    connected = cluster.connect()
    if members or state:
        return _show_descriptions(connected, output, selection, members, verbose)
    wants_time = lag or sort == "time" or any(each.subject == "time" for each in conditions)
    asks_time = time_lag if time_lag is not None else None if wants_time or output.is_prometheus or watch else False

    errors: list[KafkactlError] = []

    def look() -> list[GroupLag]:
        connected.renew_timeout()
        choice = descriptions.choose_groups(connected, selection)
        found, failures = descriptions.read_group_lags(connected, choice.groups, read_committed)
        errors[:] = [*choice.errors, *failures]
        if errors and not found:
            raise errors.pop(0)
        return _ordered(_timed(connected, found, asks_time, read_committed), sort, top)

    if every_s is not None:
        from kafkactl.cli.groups import watch as groups_watch

        groups_watch.watch(groups_watch.looks(look, every_s))
        return 0
    found = look()
    if apart_s is not None or sort == "rate":
        from kafkactl.admin.groups.pace import add_rates

        before, looked = found, time.monotonic()
        time.sleep(apart_s or 1.0)
        found = look()
        found = _ordered(add_rates(before, found, time.monotonic() - looked), sort, top)
    status = _show_lags(found, output, lag, verbose) | print_errors(errors)
    violations = [told for each in found for condition in conditions if (told := condition.find_violation(each))]
    for told in violations:
        people.error(ConditionError(told))
    return CONDITION if violations else status


@app.command()
@command
def explain(
    cluster: ClusterOptions,
    output: ReportOptions,
    group: GroupOptions,
    interval: Annotated[str, typer.Option("--interval", metavar="TIME", help="Time between the two looks.")] = "3s",
) -> int:
    """Find out what is wrong with a group, with evidence and advice.

    The group is looked at twice. The status is 4 if something is wrong.

    Examples:
      kafkactl groups explain billing
      kafkactl groups explain billing --interval 10s
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.admin.groups.diagnosis import diagnose
    from kafkactl.admin.groups.pace import add_rates

    seconds = parse_pause(interval, "--interval")
    connected = cluster.connect()
    looked = time.monotonic()
    before = descriptions.read_group_lag(connected, group.name, with_epochs=True)
    time.sleep(seconds)
    connected.renew_timeout()
    found = descriptions.read_group_lag(connected, group.name, with_epochs=True)
    (after,) = add_rates([before], [found], time.monotonic() - looked)
    findings = diagnose(before, after, round(time.monotonic() - looked, 1))
    columns = [
        Column("WHAT", lambda row: row.what, lambda row: "yellow", is_sentence=True),
        Column("EVIDENCE", lambda row: row.evidence, is_sentence=True),
        Column("ADVICE", lambda row: row.advice, is_sentence=True),
    ]
    if not output.is_structured:
        out.write_text(f"{out.escape_name(groups_tables.title(after))}\n")
    if findings or output.is_structured:
        output.show(listing(columns, findings))
    else:
        people.note("nothing is wrong with it")
    return CONDITION if findings else 0


@app.command()
@command
def delete(cluster: ClusterOptions, output: MirrorOutputOptions, confirm: ConfirmOptions, which: GroupsOptions) -> int:
    """Delete groups and their committed offsets.

    A group that has members cannot be deleted.

    Examples:
      kafkactl groups delete old-billing --dry-run
      kafkactl groups delete old-billing --yes
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.admin.groups.offsets import find_targets, preview_deletion
    from kafkactl.output.kafka import group_text

    connected = cluster.connect()
    targets = find_targets(connected, which.require_selection())
    names = [target.group for target in targets]
    if not names:
        people.note("there are no groups")
        return 0
    changes = [Change(what=f"delete group {name} with its offsets", inverse=cannot_be_undone) for name in names]
    before_change(connected, changes, confirm.dry_run)
    what = f"delete {len(names)} group{'s' if len(names) > 1 else ''} with all committed offsets: {', '.join(names)}"
    if confirm.dry_run:
        return show_outcomes(preview_deletion(targets), "group", output)
    if (status := confirm.declined(what, "nothing deleted")) is not None:
        return status
    refused = {target.group for target in targets if target.error is not None and target.error.code is None}
    results = descriptions.delete_groups(connected, [name for name in names if name not in refused])
    results += [each for each in preview_deletion(targets) if each.name in refused]
    results.sort(key=lambda each: each.name)
    if output.is_kafka:
        out.write_text(group_text.format_deletions({each.name: None if each.ok else each.result for each in results}))
    return show_outcomes(results, "group", output)


app.command("reset-offsets")(groups_offsets.reset_offsets)
app.command("delete-offsets")(groups_offsets.delete_offsets)
app.command("remove-members")(groups_offsets.remove_members)
app.command("clone")(groups_offsets.clone)
app.command("export")(groups_offsets.export)
app.command("import")(groups_offsets.import_offsets)
app.command("diff")(groups_offsets.diff)
app.command("exporter")(groups_exporter.exporter)


def _conditions(texts: list[str] | None) -> list[Condition]:
    if not texts:
        return []
    from kafkactl.admin.groups import conditions as group_checks

    return [group_checks.parse(text) for text in texts]


def _said(texts: Sequence[str] | None) -> set[str]:
    return {part.strip().lower() for text in texts or () for part in text.split(",")}


def _timed(connected: Cluster, lags: list[GroupLag], asked: bool | None, read_committed: bool) -> list[GroupLag]:
    """With lag in time: where it was asked for, and where nobody said so only if it does not take long."""
    from kafkactl.admin.groups import pace as group_pace

    if asked is False:
        return lags
    if asked is None and _exceeds(lags, _MANY_POSITIONS):
        people.note("how late in time is left out, for too many records would be read for it; --time reads them")
        return lags
    return group_pace.add_time_lags(connected, lags, read_committed)


def _exceeds(lags: list[GroupLag], bound: int) -> bool:
    """Whether more different records are the oldest unread ones."""
    from kafkactl.admin.groups.pace import find_oldest_unread

    found: set[object] = set()
    for one in lags:
        found.update(position for row in one.partitions if (position := find_oldest_unread(row)))
        if len(found) > bound:
            return True
    return False


_SORTED_BY: dict[str, Callable[[GroupLag], float]] = {
    "lag": lambda one: one.total_lag,
    "time": lambda one: one.time_lag_ms or 0,
    "rate": lambda one: one.produced_per_s or 0,
}
_PARTITIONS_BY = {
    "lag": lambda row: row.lag or 0,
    "time": lambda row: row.time_lag_ms or 0,
    "rate": lambda row: row.produced_per_s or 0,
}


def _ordered(lags: list[GroupLag], sort: str | None, top: int | None) -> list[GroupLag]:
    from dataclasses import replace

    if sort is not None:
        lags = sorted(lags, key=_SORTED_BY[sort], reverse=True)
        by = _PARTITIONS_BY[sort]
        lags = [replace(one, partitions=tuple(sorted(one.partitions, key=by, reverse=True))) for one in lags]
    elif top is not None:
        lags = sorted(lags, key=_SORTED_BY["lag"], reverse=True)
    return lags[:top]


def _show_descriptions(
    connected: Cluster, output: GroupOutputOptions, selection: NameSelection, members: bool, verbose: bool
) -> int:
    from kafkactl.admin.groups import descriptions
    from kafkactl.output.kafka import group_text

    choice = descriptions.choose_groups(connected, selection)
    described, errors = descriptions.describe_groups(connected, choice.groups, with_epochs=verbose)
    if output.is_kafka:
        for one in described:
            people.write_kafka_message(group_text.format_state_message(one))
            out.write_text(
                group_text.format_members(one, verbose) if members else group_text.format_state(one, verbose)
            )
    elif members:
        rows = [member for one in described for member in groups_tables.in_order(one.members)]
        output.show(Report(described, [Table(groups_tables.members(verbose), rows)]))
        _note_idle(described)
    else:
        output.show(listing(groups_tables.states(verbose), described))
    return print_errors([*choice.errors, *errors])


def _show_lags(lags: list[GroupLag], output: GroupOutputOptions, lag: bool, verbose: bool) -> int:
    from kafkactl.admin.groups.models import CommitState

    if output.is_prometheus:
        from kafkactl.output import prometheus

        out.write_text(prometheus.format_metrics(lags))
        return _tell_errors(lags)
    if output.is_kafka:
        from kafkactl.output.kafka import group_text

        for one in lags:
            people.write_kafka_message(group_text.format_state_message(one.description))
            out.write_text(group_text.format_offsets(one, verbose))
        return _tell_errors(lags)
    odd = (CommitState.BEFORE_START, CommitState.BEYOND_END)
    columns = groups_tables.offsets(verbose, any(row.commit in odd for one in lags for row in one.partitions))
    if lag:
        columns = groups_tables.lags(
            verbose,
            with_time=any(one.time_lag_ms is not None for one in lags),
            with_rates=any(one.produced_per_s is not None for one in lags),
            with_instances=any(member.instance_id for one in lags for member in one.description.members),
        )
    if output.format is OutputFormat.CSV and lag:
        columns = [Column("GROUP", lambda row: row.group), *columns]
    tables = [Table(columns, one.partitions, groups_tables.title(one) if lag else None) for one in lags]
    output.show(Report([groups_tables.as_data(one) for one in lags] if output.is_structured else lags, tables))
    if not lag:  # their titles say it
        _note_idle([one.description for one in lags])
    return _tell_errors(lags)


def _note_idle(described: Sequence[GroupDescription]) -> None:
    idle = [one.group for one in described if not one.members]
    if idle:
        people.note("\n".join(f"Consumer group '{name}' has no active members." for name in idle))


def _tell_errors(lags: list[GroupLag]) -> int:
    """Errors of single partitions make the status 1."""
    failed = [row for one in lags for row in one.partitions if row.error]
    for row in failed:
        people.error(OperationError(f"{row.topic}-{row.partition} in group {row.group}: {row.error}"))
    return FAILED if failed else 0
