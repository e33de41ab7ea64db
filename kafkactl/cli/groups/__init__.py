"""The commands `kafkactl groups` (consumer-groups): list, describe, explain and delete; other modules have the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, GroupOutputOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, raise_errors, show_outcomes
from kafkactl.cli.frame.subjects import GroupOptions, GroupsOptions
from kafkactl.cli.frame.values import make_invalid_error
from kafkactl.cli.groups import copies, deletions, resets
from kafkactl.cli.groups import exporter as groups_exporter
from kafkactl.cli.groups import tables as groups_tables
from kafkactl.errors import (
    ConditionError,
    KafkactlError,
    NotFoundError,
    OperationError,
    UsageError,
    make_exclusive_error,
)
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
    """Show consumer groups and lag; reset, copy, delete.

    Examples:
      kafkactl groups describe billing --lag
      kafkactl groups explain billing
      kafkactl groups reset-offsets billing --topic orders --to-earliest
    """
)

_TYPES = ("classic", "consumer", "share", "streams")
_KAFKAS_OWN_TYPES = ("classic", "consumer")
_ANY = "all"
_WATCH_FORMATS = (OutputFormat.TABLE, OutputFormat.PLAIN, OutputFormat.JSON, OutputFormat.JSONL)
"""Forms that --watch takes: it draws a table on a terminal, and prints json lines elsewhere."""
_MANY_POSITIONS = 1000
"""Largest number of unread records that are read without --time; reading them takes 1 to 2 s."""


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
    """List groups with type and state; only names in a pipe.

    Examples:
      kafkactl groups list
      kafkactl groups list --state Empty
      kafkactl groups list --match 'billing-.*' -o json
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.admin.groups.models import STATES
    from kafkactl.output.kafka import group_text

    selection = select_names(match=match)
    states, types = _split_values(state), _split_values(type_)
    if unknown := sorted(types - {*_TYPES, _ANY}):
        raise make_invalid_error(unknown[0], "--type", (*_TYPES, _ANY))
    if unknown := sorted(states - {*map(str.lower, STATES), _ANY}):
        raise make_invalid_error(unknown[0], "--state", (*STATES, _ANY))
    errors: Sequence[str] = ()
    if types - {*_KAFKAS_OWN_TYPES, _ANY}:
        from kafkactl.admin.groups.epochs import list_groups_of_types

        groups_of_types = list_groups_of_types(cluster.connect(), sorted(types - {_ANY}))
        groups, errors = list(groups_of_types.groups), groups_of_types.errors
    else:
        connected = cluster.connect()
        consumer_groups = descriptions.list_groups(connected)
        groups, errors = list(consumer_groups.groups), consumer_groups.errors
        if _ANY in types and not output.is_kafka:  # Kafka's tool lists only consumer groups
            others = descriptions.list_other_groups(connected)
            groups += others.groups
            errors = list(dict.fromkeys([*errors, *others.errors]))
    names = set(selection.choose_or_all(row.group for row in groups).names)
    rows = [
        row
        for row in groups
        if row.group in names
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
        people.note("no group matches")
    for error in errors:
        people.error(OperationError(f"the list of groups is incomplete: {error}"))
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
    """Show committed offsets, log ends, lag and consumers.

    Examples:
      kafkactl groups describe billing --lag
      kafkactl groups describe --all-groups --top 10
      kafkactl groups describe billing --fail-if 'lag>10000'
    """
    from kafkactl.admin.groups import descriptions

    if sum((lag, offsets, members, state)) > 1:
        raise UsageError("--lag, --offsets, --members and --state are mutually exclusive", "use one of them")
    sort = output.group_order
    conditions = _parse_conditions(fail_if)
    selection = which.selection()
    every_s = None if watch is None else parse_pause(watch, "--watch")
    apart_s = None if interval is None else parse_pause(interval, "--interval")
    if watch is not None:
        _refuse_together("--watch", {"--fail-if": fail_if, "--interval": interval, "--columns": output.columns})
        is_other_form = output.output is not None and output.format not in _WATCH_FORMATS
        forms = {f"--sort {output.column_sort}": output.column_sort, f"-o {output.output}": is_other_form}
        _refuse_together("--watch", forms)
    if members or state:
        subjects = {f"--fail-if {condition.text}": condition.subject in ("lag", "time") for condition in conditions}
        measures = {"--watch": watch, "--interval": interval, "--top": top, "--time/--no-time": time_lag is not None}
        measures[f"--sort {sort}"] = sort
        others = {**measures, "--read-committed": read_committed, **subjects}
        _refuse_together("--members" if members else "--state", others)
        return _show_descriptions(cluster.connect(), output, selection, conditions, members, verbose)
    connected = cluster.connect()
    wants_time = lag or sort == "time" or any(condition.subject == "time" for condition in conditions)
    reads_time = time_lag if time_lag is not None else None if wants_time or output.is_prometheus or watch else False

    errors: list[KafkactlError] = []
    notes: set[str] = set()

    def look() -> list[GroupLag]:
        """Return the present lag of the selected groups, sorted as the options say. --top cuts nothing off yet.

        `errors` gets the errors of groups and of missing lists in place of its former ones. The time-out begins again.
        The first look that leaves the lag in time out, because too many records are unread, prints a note. Where there
        are errors and no group was read, raise one and print the others, as raise_errors() does. In Kafka's style raise
        the error of a missing group, or else the first other one of the choice. Raise NotFoundError for a pattern
        without a match, UnreachableError, OperationError, and UsageError for a wrong client setting.
        """
        connected.renew_timeout()
        choice = descriptions.choose_groups(connected, selection)
        _refuse_as_kafka(choice.errors)
        lags, failures = descriptions.read_group_lags(connected, choice.groups, read_committed)
        errors[:] = [*choice.errors, *failures]
        if errors and not lags:
            raise_errors(errors)
        lags = _add_time_lags(connected, lags, reads_time, read_committed, notes)
        return _sort_lags(lags, sort, is_cut=top is not None)

    if every_s is not None:
        from kafkactl.cli.groups import watch as groups_watch

        printed_errors: set[str] = set()

        def look_again() -> list[GroupLag]:
            """Return what look() does, and raise its errors; print the errors that the look before did not have."""
            lags = look()
            print_errors(error for error in errors if str(error) not in printed_errors)
            printed_errors.clear()
            printed_errors.update(map(str, errors))
            return lags

        # Sorted and cut after the rates are there.
        rounds = groups_watch.repeat_look(look_again, every_s)
        groups_watch.watch(_sort_lags(lags, sort, is_cut=top is not None)[:top] for lags in rounds)
        return 0
    lags = look()
    if apart_s is not None or sort == "rate":
        from kafkactl.admin.groups.pace import add_rates

        before, start = lags, time.monotonic()
        time.sleep(apart_s or 1.0)
        lags = look()
        lags = _sort_lags(add_rates(before, lags, time.monotonic() - start), sort, is_cut=top is not None)
    status = _show_lags(lags[:top], output, lag, verbose) | print_errors(errors)
    return _check(conditions, lags) or status


@app.command()
@command
def explain(
    cluster: ClusterOptions,
    output: ReportOptions,
    group: GroupOptions,
    interval: Annotated[str, typer.Option("--interval", metavar="TIME", help="Time between the two looks.")] = "3s",
) -> int:
    """Find out what is wrong with a group, with evidence.

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
    start = time.monotonic()
    before = descriptions.read_group_lag(connected, group.name, with_epochs=True)
    time.sleep(seconds)
    connected.renew_timeout()
    second_lag = descriptions.read_group_lag(connected, group.name, with_epochs=True)
    (after,) = add_rates([before], [second_lag], time.monotonic() - start)
    findings = diagnose(before, after, round(time.monotonic() - start, 1))
    columns = [
        Column("WHAT", lambda row: row.what, lambda row: "yellow", is_sentence=True),
        Column("EVIDENCE", lambda row: row.evidence, is_sentence=True),
        Column("ADVICE", lambda row: row.advice, is_sentence=True),
    ]
    if not output.is_structured:
        out.write_text(f"{out.escape_name(groups_tables.make_title(after))}\n")
    if findings or output.is_structured:
        output.show(listing(columns, findings))
    else:
        people.note("no problem found")
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
    from kafkactl.output.kafka.java_errors import format_java_error

    connected = cluster.connect()
    targets = find_targets(connected, which.require_selection())
    names = [target.group for target in targets]
    if not names:
        if people.is_kafka_style():
            out.write_text(group_text.format_deletions({}))
        people.note("there are no groups")
        return 0
    changes = [Change(action=f"delete group {name} with its offsets", inverse=cannot_be_undone) for name in names]
    before_change(connected, changes, confirm.dry_run)
    action = f"delete {len(names)} group{'s' if len(names) > 1 else ''} with all committed offsets: {', '.join(names)}"
    if confirm.dry_run:
        return show_outcomes(preview_deletion(targets), "group", output)
    if (status := confirm.ask(action, "nothing deleted")) is not None:
        return status
    refused_names = {target.group for target in targets if target.error is not None and target.error.code is None}
    results = descriptions.delete_groups(connected, [name for name in names if name not in refused_names])
    results += [outcome for outcome in preview_deletion(targets) if outcome.name in refused_names]
    results.sort(key=lambda outcome: outcome.name)
    if output.is_kafka:
        errors = {row.name: None if row.ok else format_java_error(row.code, row.result) for row in results}
        out.write_text(group_text.format_deletions(errors))
    return show_outcomes(results, "group", output)


@app.command("validate-regex")
@command
def validate_regex(
    regex: Annotated[str, typer.Argument(metavar="REGEX", help="Regular expression for whole names of topics.")],
) -> int:
    """Check whether a regular expression is valid in RE2.

    Consumers of the new protocol may subscribe with one. No broker is asked. The status is 4 where it is invalid.

    Examples:
      kafkactl groups validate-regex 'orders-.*'
    """
    from kafkactl.admin.groups.re2_syntax import find_problem
    from kafkactl.output.kafka.group_text import format_regex_check

    problem = find_problem(regex)
    out.write_text(format_regex_check(regex, problem))
    return CONDITION if problem is not None else 0


app.command("reset-offsets")(resets.reset_offsets)
app.command("delete-offsets")(deletions.delete_offsets)
app.command("remove-members")(deletions.remove_members)
app.command("clone")(copies.clone)
app.command("export")(copies.export)
app.command("import")(copies.import_offsets)
app.command("diff")(copies.diff)
app.command("exporter")(groups_exporter.exporter)


def _parse_conditions(texts: list[str] | None) -> list[Condition]:
    """Return the conditions of --fail-if, in order; empty for None and an empty list.

    A text is SUBJECT OPERATOR BOUND, such as lag>10000, time>5m, members<2 or state!=Stable; blanks may stand between.
    Raise UsageError for any other text, also for a state that Kafka does not have.
    """
    if not texts:
        return []
    from kafkactl.admin.groups import conditions as group_checks

    return [group_checks.parse(text) for text in texts]


def _check(conditions: Sequence[Condition], lags: Sequence[GroupLag]) -> int:
    """Print an error for each condition that a group violates; return CONDITION, or 0 without a violation."""
    violations = [text for lag in lags for condition in conditions if (text := condition.find_violation(lag))]
    for violation in violations:
        people.error(ConditionError(violation))
    return CONDITION if violations else 0


def _refuse_together(option: str, others: Mapping[str, object]) -> None:
    """Raise UsageError for the first of `others` that is given: a value that is not None, False, 0 or empty."""
    for other, value in others.items():
        if value:
            raise make_exclusive_error(option, other)


def _refuse_as_kafka(errors: Sequence[KafkactlError]) -> None:
    """In Kafka's style raise the error that Kafka's tool meets first; otherwise, and without errors, do nothing.

    That is the first missing group in the order of Java's hash map, or else the first of `errors`.
    """
    if not errors or not people.is_kafka_style():
        return
    from kafkactl.output.kafka.java_order import sort_as_hash_map

    missing = {error.names[0]: error for error in errors if isinstance(error, NotFoundError) and error.names}
    raise missing[sort_as_hash_map(list(missing))[0]] if missing else errors[0]


def _split_values(texts: Sequence[str] | None) -> set[str]:
    """Return the values of a repeatable option in lower case, without blanks around; commas separate values, too.

    None gives an empty set. An empty part is a value "".
    """
    return {part.strip().lower() for text in texts or () for part in text.split(",")}


def _add_time_lags(
    connected: Cluster, lags: list[GroupLag], is_requested: bool | None, read_committed: bool, notes: set[str]
) -> list[GroupLag]:
    """Return the lags with lag in time if `is_requested`; the oldest unread records are read for this.

    With None that is done only if at most 1,000 records must be read, else a note says so, unless it is in `notes`,
    which gets it, and `lags` are returned as they are. With False nothing is read. A time lag is in ms, and 0 where
    nothing is unread, or only transaction markers, and for a time in the future. It stays None where the record cannot
    be read within the time-out or has no timestamp, and without a commit or with one beyond the end. `read_committed`
    leaves records of open and aborted transactions out. Raise UsageError for a wrong client setting; a broker that does
    not answer is no error.
    """
    from kafkactl.admin.groups import pace as group_pace

    if is_requested is False:
        return lags
    if is_requested is None and _exceeds(lags, _MANY_POSITIONS):
        reason = f"this would read more than {_MANY_POSITIONS} records"
        note = f"lag in time is not measured, because {reason}; measure it with --time"
        if note not in notes:
            people.note(note)
            notes.add(note)
        return lags
    return group_pace.add_time_lags(connected, lags, read_committed)


def _exceeds(lags: list[GroupLag], bound: int) -> bool:
    """Return whether the partitions have more than `bound` different oldest unread records."""
    from kafkactl.admin.groups.pace import find_oldest_unread

    positions: set[object] = set()
    for lag in lags:
        positions.update(position for row in lag.partitions if (position := find_oldest_unread(row)))
        if len(positions) > bound:
            return True
    return False


_GROUP_SORT_KEYS: dict[str, Callable[[GroupLag], float]] = {
    "lag": lambda lag: lag.total_lag,
    "time": lambda lag: lag.time_lag_ms or 0,
    "rate": lambda lag: lag.produced_per_s or 0,
}
_PARTITION_SORT_KEYS = {
    "lag": lambda row: row.lag or 0,
    "time": lambda row: row.time_lag_ms or 0,
    "rate": lambda row: row.produced_per_s or 0,
}


def _sort_lags(lags: list[GroupLag], sort: str | None, is_cut: bool) -> list[GroupLag]:
    """Return the groups in the order `sort`, with partitions in that order, the highest first.

    `sort` is lag, time or rate (KeyError for others). None keeps the order, but with `is_cut` groups with the largest
    lag come first, whose partitions keep their order. Unknown values count as 0. rate is that of the records written.
    Equal groups and partitions keep their order.
    """
    from dataclasses import replace

    if sort is not None:
        lags = sorted(lags, key=_GROUP_SORT_KEYS[sort], reverse=True)
        key = _PARTITION_SORT_KEYS[sort]
        return [replace(lag, partitions=tuple(sorted(lag.partitions, key=key, reverse=True))) for lag in lags]
    return sorted(lags, key=_GROUP_SORT_KEYS["lag"], reverse=True) if is_cut else lags


def _show_descriptions(
    connected: Cluster,
    output: GroupOutputOptions,
    selection: NameSelection,
    conditions: Sequence[Condition],
    members: bool,
    verbose: bool,
) -> int:
    """Show the members of groups (`members`) or else their states, and return an exit status.

    An empty selection means all consumer groups but those of Kafka Connect. `output` has no order of lag, time or rate.
    `verbose` adds epochs. With `members`, groups that have none get a note, but not with Kafka's text, which has its
    own messages on stderr. The status is 4 if a group violates a condition, which must not be about lag or time.
    Otherwise the status is 1 if a group is not found or cannot be described, or a broker's list is missing, else 0; the
    errors are printed. A missing list does not count where there are only names and all are found.

    Raise NotFoundError for a pattern without a match in complete lists, UnreachableError where no broker answers or
    none describes a group, OperationError where all refuse or one refuses only for the moment until the time-out, both
    also for a coordinator that does not tell the epochs (they are asked for, too, where librdkafka does not know a
    group's state), and UsageError for a wrong column or order (not with Kafka's text), for -o prometheus, and for a
    wrong setting. In Kafka's style raise the error of the first missing group, or else the first other error of the
    choice, also about a missing list; errors of the description are kept in people.failures. Raise OutputError or
    ReaderLeftError where stdout fails.
    """
    from kafkactl.admin.groups import descriptions
    from kafkactl.output.kafka import group_text

    choice = descriptions.choose_groups(connected, selection)
    _refuse_as_kafka(choice.errors)
    described, errors = descriptions.describe_groups(connected, choice.groups, with_epochs=verbose)
    if output.is_kafka:
        for group in described:
            people.write_kafka_message(group_text.format_state_message(group))
            out.write_text(
                group_text.format_members(group, verbose) if members else group_text.format_state(group, verbose)
            )
    elif members:
        rows = [member for group in described for member in groups_tables.sort_members(group.members)]
        output.show(Report(described, [Table(groups_tables.make_member_columns(verbose), rows)]))
        _note_idle(described)
    else:
        output.show(listing(groups_tables.make_state_columns(verbose), described))
    status = print_errors([*choice.errors, *errors])
    return _check(conditions, [descriptions.make_group_lag(group, []) for group in described]) or status


def _show_lags(lags: list[GroupLag], output: GroupOutputOptions, with_lag: bool, verbose: bool) -> int:
    """Show the offsets of groups, with the columns of --lag if `with_lag`, and return an exit status.

    `verbose` adds epochs. Prometheus ignores both, and Kafka's text ignores `with_lag`. Errors of partitions are
    printed on stderr, or in Kafka's style kept in people.failures; the status is 1 then, else 0. Groups without members
    get a note, but not with `with_lag` or Prometheus; Kafka's text has its own messages on stderr. Without groups csv
    has its header. Raise UsageError for a column of --columns or --sort that the tables do not have, or without groups
    cannot have, and for an unknown order in --sort, but not with Prometheus or Kafka's text; OutputError or
    ReaderLeftError where stdout fails.
    """
    from kafkactl.admin.groups.models import CommitState

    if output.is_prometheus:
        from kafkactl.output import prometheus

        out.write_text(prometheus.format_metrics(lags))
        return _print_lag_errors(lags)
    if output.is_kafka:
        from kafkactl.output.kafka import group_text

        for lag in lags:
            people.write_kafka_message(group_text.format_state_message(lag.description))
            out.write_text(group_text.format_offsets(lag, verbose))
        return _print_lag_errors(lags)
    outside_log = (CommitState.BEFORE_START, CommitState.BEYOND_END)
    is_open = not lags and bool(output.columns or output.column_sort)  # any column may be named then
    columns = groups_tables.make_offset_columns(
        verbose, is_open or any(row.commit in outside_log for lag in lags for row in lag.partitions)
    )
    if with_lag:
        columns = groups_tables.make_lag_columns(
            verbose,
            with_time=is_open or any(lag.time_lag_ms is not None for lag in lags),
            with_rates=is_open or any(lag.produced_per_s is not None for lag in lags),
            with_instances=is_open or any(member.instance_id for lag in lags for member in lag.description.members),
        )
    if output.format is OutputFormat.CSV and with_lag:
        columns = [Column("GROUP", lambda row: row.group), *columns]
    tables = [Table(columns, lag.partitions, groups_tables.make_title(lag) if with_lag else None) for lag in lags]
    tables = tables or [Table(columns, [])]  # for the header of csv
    output.show(Report([groups_tables.make_document(lag) for lag in lags] if output.is_structured else lags, tables))
    if not with_lag:  # the titles of --lag show the number of members
        _note_idle([lag.description for lag in lags])
    return _print_lag_errors(lags)


def _note_idle(described: Sequence[GroupDescription]) -> None:
    """Print a note on stderr for the groups without members, in Kafka's words; nothing where all have members."""
    idle = [group.group for group in described if not group.members]
    if idle:
        people.note("\n".join(f"Consumer group '{name}' has no active members." for name in idle))


def _print_lag_errors(lags: list[GroupLag]) -> int:
    """Print the errors of partitions on stderr, and return an exit status: 1 if there is an error, else 0.

    In Kafka's style they are kept in people.failures instead.
    """
    failed = [row for lag in lags for row in lag.partitions if row.error]
    for row in failed:
        people.error(OperationError(f"{row.topic}-{row.partition} in group {row.group}: {row.error}"))
    return FAILED if failed else 0
