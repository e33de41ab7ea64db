"""The commands `kafkactl groups` that delete: delete-offsets and remove-members."""

from __future__ import annotations

from typing import Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.cli.frame.subjects import GroupOptions
from kafkactl.cli.groups.offset_changes import Topic, describe_change
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.stdout import out


@command
def delete_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    group: GroupOptions,
    topic: Topic = None,
) -> int:
    """Delete the committed offsets of a group for topics.

    Brokers refuse topics that members of the group read.

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
    if people.is_kafka_style():
        from kafkactl.cli.groups import as_kafka

        return as_kafka.delete_offsets(connected, name, topic)
    group_offsets.refuse_wrong_topics(topic)  # before anybody is asked
    require_group(connected, name)
    partitions = group_offsets.parse_partitions(connected, topic)
    before_change(
        connected, [describe_change(connected, name, dict.fromkeys(partitions, 0), "delete")], confirm.dry_run
    )
    names = ", ".join(f"{topic_name}-{number}" for topic_name, number in partitions)
    action = f"delete the committed offsets of group {name} for {names}"
    if (status := confirm.ask(action, "nothing deleted")) is not None:
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
    return print_errors(
        group_offsets.make_partition_error(name, topic_name, number, error)
        for (topic_name, number), error in sorted(results.items())
        if error is not None
    )


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
    from kafkactl.admin.models import make_outcome
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
    if (status := confirm.ask(f"remove {ids} from group {name}", "no member removed")) is not None:
        return status
    results = group_offsets.remove_members(connected, name, members)
    return show_outcomes(
        [make_outcome(member_id, "put out", error) for member_id, error in results.items()], "member", output
    )


_RESULT_COLUMNS = [
    Column("TOPIC", lambda row: row["topic"]),
    Column("PARTITION", lambda row: row["partition"]),
    Column("RESULT", lambda row: row["result"], is_sentence=True),
]
