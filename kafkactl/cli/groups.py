"""kafkactl groups (consumer-groups)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion import group_names
from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import ClusterOptions, ConfirmOptions, OutputOptions, command, subjects
from kafkactl.cli.outcomes import show_outcomes
from kafkactl.errors import EXIT_FAILED, OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing

if TYPE_CHECKING:
    from kafkactl.admin.groups import GroupLag, PartitionLag

app = new_app("List, describe and delete consumer groups; their lag.")

Groups = Annotated[list[str] | None, typer.Argument(metavar="GROUP", autocompletion=group_names, show_default=False)]
GroupFlag = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="GROUP", help="Kafka's spelling of GROUP.", autocompletion=group_names),
]


@app.command("list")
@command
def list_groups(
    cluster: ClusterOptions,
    output: OutputOptions,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only groups in this state, like Stable or Empty."),
    ] = None,
) -> int:
    """List consumer groups: one name a line when piped, with type and state on a terminal."""
    from kafkactl.admin import groups

    listed = groups.list_groups(cluster.connect())
    wanted = {part.strip().lower() for text in state or () for part in text.split(",")}
    rows = [row for row in listed.groups if not wanted or row.state.lower() in wanted]
    columns = [
        Column("GROUP", lambda row: row.group),
        Column("TYPE", lambda row: row.type),
        Column("STATE", lambda row: row.state),
    ]
    output.show(Report(rows, [Table(columns, rows, headings=False)]))
    for error in listed.errors:
        people.error(OperationError(f"the list is not whole: {error}"))
    return EXIT_FAILED if listed.errors else 0


@app.command()
@command
def describe(
    cluster: ClusterOptions,
    output: OutputOptions,
    group: Groups = None,
    group_flag: GroupFlag = None,
    all_groups: Annotated[bool, typer.Option("--all-groups", help="Every group there is.")] = False,
    lag: Annotated[bool, typer.Option("--lag", help="Sums, log starts, and how each commit lies in its log.")] = False,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Offsets and lag of each partition (the default).")
    ] = False,
    members: Annotated[bool, typer.Option("--members", help="Members and their partitions.")] = False,
    state: Annotated[bool, typer.Option("--state", help="State, coordinator and assignor.")] = False,
) -> int:
    """Show groups: each partition's committed offset, log end, lag and consumer."""
    from kafkactl.admin import groups

    if sum((lag, offsets, members, state)) > 1:
        raise UsageError("--lag, --offsets, --members and --state show different things", "say one of them")
    if all_groups and (group or group_flag):
        raise UsageError("--all-groups and a group's name", "say one of them")
    names = None if all_groups else subjects(group, group_flag, "group")
    connected = cluster.connect()
    if members or state:
        described = groups.describe_groups(connected, names)
        if state:
            output.show(listing(_STATE_COLUMNS, described))
        else:
            all_members = [member for one in described for member in one.members]
            output.show(Report(described, [Table(_MEMBER_COLUMNS, all_members)]))
        return 0
    lags = groups.group_lags(connected, names)
    tables = [
        Table(_LAG_COLUMNS if lag else _OFFSET_COLUMNS, one.partitions, _title(one) if lag else None) for one in lags
    ]
    output.show(Report(lags, tables))
    return _tell_troubles(lags)


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: OutputOptions,
    confirm: ConfirmOptions,
    group: Groups = None,
    group_flag: GroupFlag = None,
) -> int:
    """Delete groups and their committed offsets; a group with members cannot be deleted."""
    from kafkactl.admin import groups

    names = subjects(group, group_flag, "group")
    what = f"delete {len(names)} group{'s' if len(names) > 1 else ''} with all committed offsets: {', '.join(names)}"
    if confirm.dry_run:
        groups.describe_groups(cluster.connect(), names)
        people.note(f"would {what}")
        return 0
    if not people.confirm(what, confirm.yes):
        people.note("nothing deleted")
        return 1
    return show_outcomes(groups.delete_groups(cluster.connect(), names), "group", output)


def _lag_style(row: PartitionLag) -> str | None:
    if row.lag is None:
        return "red"
    return "yellow" if row.lag else "green"


def _commit_style(row: PartitionLag) -> str | None:
    return None if row.commit.value == "ok" else "bold red"


_LAG = Column("LAG", lambda row: row.lag, _lag_style)
_OWNER_COLUMNS = [
    Column("CONSUMER-ID", lambda row: row.consumer_id),
    Column("HOST", lambda row: row.host),
    Column("CLIENT-ID", lambda row: row.client_id),
]
_OFFSET_COLUMNS = [
    Column("GROUP", lambda row: row.group),
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("CURRENT-OFFSET", lambda row: row.current_offset),
    Column("LOG-END-OFFSET", lambda row: row.log_end_offset),
    _LAG,
    *_OWNER_COLUMNS,
]
_LAG_COLUMNS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LOG-START", lambda row: row.log_start_offset),
    Column("CURRENT", lambda row: row.current_offset),
    Column("LOG-END", lambda row: row.log_end_offset),
    _LAG,
    Column("COMMIT", lambda row: row.commit, _commit_style),
    Column("CLIENT-ID", lambda row: row.client_id),
    Column("HOST", lambda row: row.host),
]
_MEMBER_COLUMNS = [
    Column("GROUP", lambda row: row.group),
    Column("CONSUMER-ID", lambda row: row.consumer_id),
    Column("INSTANCE-ID", lambda row: row.instance_id),
    Column("HOST", lambda row: row.host),
    Column("CLIENT-ID", lambda row: row.client_id),
    Column("#PARTITIONS", lambda row: len(row.assignment)),
    Column("ASSIGNMENT", lambda row: [f"{topic}-{partition}" for topic, partition in row.assignment]),
]
_STATE_COLUMNS = [
    Column("GROUP", lambda row: row.group),
    Column("COORDINATOR (ID)", lambda row: row.coordinator),
    Column("ASSIGNMENT-STRATEGY", lambda row: row.assignor),
    Column("TYPE", lambda row: row.type),
    Column("STATE", lambda row: row.state),
    Column("#MEMBERS", lambda row: len(row.members)),
]


def _title(lag: GroupLag) -> str:
    one = lag.description
    unknown = (
        f" (and {lag.unknown_partitions} of {len(lag.partitions)} partitions unknown)" if lag.unknown_partitions else ""
    )
    members = f"{len(one.members)} member{'' if len(one.members) == 1 else 's'}"
    return f"{one.group}  {one.state}  {members}  total lag {lag.total_lag}{unknown}"


def _tell_troubles(lags: list[GroupLag]) -> int:
    """Notes on groups without members, as Kafka's tool has them; errors of single partitions make the status 1."""
    failed = False
    for one in lags:
        if not one.description.members:
            people.note(f"Consumer group '{one.description.group}' has no active members.")
        for row in one.partitions:
            if row.error:
                failed = True
                people.error(OperationError(f"{row.topic}-{row.partition} in group {row.group}: {row.error}"))
    return EXIT_FAILED if failed else 0
