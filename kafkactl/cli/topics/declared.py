"""The commands `kafkactl topics export`, `plan` and `apply`, which work with a file of topics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, DocumentOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.cli.topics.collisions import warn_of_collisions
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import make_arguments
from kafkactl.statuses import CONDITION, FAILED

if TYPE_CHECKING:
    from kafkactl.admin.declared_topics import Change as DeclaredChange


@command
def export(cluster: ClusterOptions, output: DocumentOptions, topics: TopicsOptions) -> int:
    """Print topics as a yaml file for plan and apply.

    Without TOPIC all topics but the internal ones are printed.

    Examples:
      kafkactl topics export > topics.yaml
      kafkactl topics export orders clicks
    """
    from kafkactl.admin import declared_topics
    from kafkactl.admin.topics import descriptions

    connected = cluster.connect()
    if topics.selection().is_empty:
        names = [row.topic for row in descriptions.list_topics(connected, topics.include_internal)]
    else:
        names = topics.choose(connected)
    described, errors = descriptions.describe_each(connected, names, with_moves=True)
    # Without configs a topic would lose its settings when the file is applied. Those that are read are never empty.
    output.show(declared_topics.build_declaration([topic for topic in described if topic.settings]))
    return print_errors(errors)


Declaration = Annotated[
    Path, typer.Argument(metavar="FILE", help="Yaml file as topics export prints it; - is standard input.")
]


@command
def plan(cluster: ClusterOptions, output: ReportOptions, file: Declaration) -> int:
    """Show how the cluster differs from a file of topics.

    The status is 4 if there is a difference. The brokers check each change, and nothing is changed.

    Examples:
      kafkactl topics plan topics.yaml
      kafkactl topics plan topics.yaml -o json
    """
    from kafkactl.admin import declared_topics

    declared = declared_topics.read_declaration(file)
    connected = cluster.connect()
    changes = declared_topics.check(connected, declared, declared_topics.compare(connected, declared))
    warn_of_collisions(connected, [change.topic for change in changes if change.action == "create"])
    _show_changes(changes, output)
    return CONDITION if changes else 0


@command
def apply(cluster: ClusterOptions, output: ReportOptions, confirm: ConfirmOptions, file: Declaration) -> int:
    """Change topics to what a file declares.

    The changes are shown first, and on a terminal the command asks. Topics that the file does not declare stay.

    Examples:
      kafkactl topics apply topics.yaml --dry-run
      kafkactl topics apply topics.yaml --yes
    """
    from kafkactl.admin import declared_topics

    declared = declared_topics.read_declaration(file)
    connected = cluster.connect()
    changes = declared_topics.compare(connected, declared)
    before_change(connected, [_make_change(change) for change in changes], confirm.dry_run)
    changes = declared_topics.check(connected, declared, changes)
    warn_of_collisions(connected, [change.topic for change in changes if change.action == "create"])
    if confirm.dry_run or not changes or not confirm.yes:
        _show_changes(changes, output)
    if confirm.dry_run or not changes:
        return 0 if all(change.is_possible for change in changes) else FAILED
    if all(change.is_possible for change in changes):
        action = f"make {len(changes)} change{'s' if len(changes) > 1 else ''}"
        if (status := confirm.ask(action, "nothing changed")) is not None:
            return status
    return show_outcomes(declared_topics.apply(connected, declared, changes), "topic", output)


def _make_change(change: DeclaredChange) -> Change:
    """Return the change with its inverse. Changes of settings and of replicas, and new topics, can be undone.

    `inverse` of the result returns the arguments of a command, or None where it cannot be undone. It restores the
    number of replicas, not their brokers, and deletes a new topic with its records. It sends no request and raises
    nothing.
    """

    def find_inverse() -> tuple[str, ...] | None:
        """Return the arguments of the command that undoes the change.

        The result is None for new partitions, which stay, for a change that is impossible, and for moves where the
        partitions have different numbers of replicas.
        """
        if change.action == "create":
            return make_arguments(("topics", "delete"), [change.topic], ["--yes"])
        if change.action in ("set", "unset"):
            flags = ("--unset", change.what) if change.before is None else ("--set", f"{change.what}={change.before}")
            return make_arguments(("configs", "alter"), ["topics", change.topic], flags)
        if change.action == "move replicas" and change.before is not None and change.before.isdigit():  # no 1-2
            return make_arguments(("topics", "alter"), [change.topic], ["--replication-factor", change.before])
        return None

    return Change(action=f"topic {change.topic}: {change.action} {change.what}", inverse=find_inverse)


def _show_changes(changes: Sequence[DeclaredChange], output: ReportOptions) -> None:
    """Show the changes on stdout, and a warning on stderr for each change that the brokers did not check.

    Without changes there is a note on stderr instead, but structured formats print their empty result and no note.
    Raise UsageError for a column of --columns or --sort that the table does not have, and for an unknown order in
    --sort. The note needs neither, and after `before_change` (except in a dry run) they give a warning, and all columns
    are shown. Raise OutputError or ReaderLeftError where stdout fails.
    """
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("ACTION", lambda row: row.action, lambda row: None if row.is_possible else "red"),
        Column("WHAT", lambda row: row.what, is_sentence=True),
        Column("BEFORE", lambda row: row.before),
        Column("AFTER", lambda row: row.after),
    ]
    for change in changes:
        if change.unchecked is not None:
            people.warning(f"not checked: {change.unchecked}")
    if changes or output.is_structured:
        output.show(Report(list(changes), [Table(columns, changes)]))
    else:
        people.note("no differences")
