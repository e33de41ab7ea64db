"""kafkactl topics export, plan and apply"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, OutputOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.statuses import CONDITION, FAILED

if TYPE_CHECKING:
    from kafkactl.admin.declared_topics import Change


@command
def export(cluster: ClusterOptions, topics: TopicsOptions) -> None:
    """Print topics as a yaml file that plan and apply take; all but Kafka's own when none is named."""
    import yaml

    from kafkactl.admin import declared_topics
    from kafkactl.admin.topics import descriptions

    connected = cluster.connect()
    if topics.selection().is_empty:
        names = [row.topic for row in descriptions.list_topics(connected, topics.include_internal)]
    else:
        names = topics.choose(connected)
    declared = declared_topics.declaration(descriptions.describe_topics(connected, names))
    print(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), end="")


Declaration = Annotated[Path, typer.Argument(metavar="FILE", help="Topics as `topics export` prints them.")]


@command
def plan(cluster: ClusterOptions, output: OutputOptions, file: Declaration) -> int:
    """Show what differs from the topics that a file declares; status 4 when anything does."""
    from kafkactl.admin import declared_topics

    changes = declared_topics.plan(cluster.connect(), declared_topics.read_declaration(file))
    _show_changes(changes, output)
    return CONDITION if changes else 0


@command
def apply(cluster: ClusterOptions, output: OutputOptions, confirm: ConfirmOptions, file: Declaration) -> int:
    """Make topics what a file declares; shows what changes, and asks. Topics not declared are left alone."""
    from kafkactl.admin import declared_topics

    declared = declared_topics.read_declaration(file)
    connected = cluster.connect()
    changes = declared_topics.plan(connected, declared)
    if confirm.dry_run or not changes or not confirm.yes:
        _show_changes(changes, output)
    if confirm.dry_run or not changes:
        return 0
    if all(change.is_possible for change in changes) and not people.confirm(
        f"make {len(changes)} change{'s' if len(changes) > 1 else ''}", confirm.yes
    ):
        people.note("nothing changed")
        return FAILED
    return show_outcomes(declared_topics.apply(connected, declared, changes), "topic", output)


def _show_changes(changes: Sequence[Change], output: OutputOptions) -> None:
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("ACTION", lambda row: row.action, lambda row: None if row.is_possible else "red"),
        Column("WHAT", lambda row: row.what),
        Column("BEFORE", lambda row: row.before),
        Column("AFTER", lambda row: row.after),
    ]
    if changes or output.is_structured:
        output.show(Report(list(changes), [Table(columns, changes)]))
    else:
        people.note("no differences")
