"""The commands `kafkactl groups` that copy committed offsets: clone, export, import and diff."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_groups
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.options import ClusterOptions, DocumentOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.cli.frame.subjects import GroupsOptions
from kafkactl.cli.groups.offset_changes import Execute, Topic, make_changes, print_plan_notes, show_changes
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import require_group_name, select_names
from kafkactl.statuses import CONDITION

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster


@command
def clone(
    cluster: ClusterOptions,
    output: ReportOptions,
    source: Annotated[
        str,
        typer.Argument(
            metavar="GROUP", help="Group whose offsets are copied.", autocompletion=complete_groups, show_default=False
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
    from kafkactl.admin.groups.resets import read_offsets_to_copy

    require_group_name(target, "NEW")
    connected = cluster.connect()
    return _set_offsets(connected, {target: read_offsets_to_copy(connected, source, topic)}, output, execute)


@command
def export(cluster: ClusterOptions, output: DocumentOptions, which: GroupsOptions) -> int:
    """Print committed offsets as a yaml file for import and diff.

    Examples:
      kafkactl groups export billing > billing.yaml
      kafkactl groups export --all-groups > groups.yaml
    """
    from kafkactl.admin.groups.offset_files import make_document
    from kafkactl.admin.groups.resets import read_offsets

    offsets_by_group, errors = read_offsets(cluster.connect(), which.require_selection())
    output.show(make_document(offsets_by_group))
    return print_errors(errors)


@command
def import_offsets(
    cluster: ClusterOptions,
    output: ReportOptions,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Yaml file as groups export prints it.")],
    execute: Execute = False,
) -> int:
    """Commit the offsets in a file for groups without members.

    The new offsets are shown first; --execute commits them.

    Examples:
      kafkactl groups import billing.yaml
      kafkactl groups import billing.yaml --execute
    """
    from kafkactl.admin.groups.offset_files import read_document

    offsets = read_document(file)
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
    from kafkactl.admin.groups.offset_files import compare, read_document

    differences = compare(read_document(left), read_document(right))
    if differences or output.is_structured:
        output.show(Report(differences, [Table(_DIFF_COLUMNS, differences)]))
    else:
        people.note("no differences")
    return CONDITION if differences else 0


def _set_offsets(
    connected: Cluster, offsets: Mapping[str, Mapping[Partition, int]], output: ReportOptions, execute: bool
) -> int:
    """Commit offsets of several groups, or only show them without `execute`; return an exit status.

    `offsets` has the new offsets of each group by partition; they are moved into their logs, with a warning. Without
    groups there is only a note. A group without offsets is left as it is, and not created. All groups are checked
    before the first commit, which creates a missing group; a later error leaves the commits of earlier groups. The
    status is 1 if a partition is refused, else 0.

    Raise OperationError for a group whose offsets cannot be changed, and where an offset, the topics, the groups or a
    coordinator cannot be read, a whole request is refused, or the transient refusal of one partition lasts until the
    time-out; NotFoundError for a topic or partition that does not exist, UnreachableError (UnansweredError where
    offsets may have been committed), and UsageError in a read-only context (also without `execute`), for a group's name
    that is empty, not UTF-8 or has a NUL character, for a wrong client setting and, without `execute`, for a wrong
    column or order. Raise OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin.groups.resets import find_reset_targets, plan_offsets

    if not offsets:
        people.note("the file has no groups: nothing to do")
        return 0
    targets = find_reset_targets(connected, select_names(list(offsets)))
    if targets.refusals:
        raise targets.refusals[0]
    plans = plan_offsets(connected, {name: offsets[name] for name in targets.changeable})
    print_plan_notes(plans, as_kafka=False)
    changes = make_changes(connected, plans, execute)
    created = {change.group for change in changes if change.ok is not False}.intersection(targets.new)
    for name in sorted(created):
        people.note(
            f"group {name} {'did not exist: it was created' if execute else 'does not exist yet: --execute creates it'}"
        )
    return show_changes(changes, output, execute)


_DIFF_COLUMNS = [
    Column("GROUP", lambda row: row.group),
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEFT", lambda row: row.left),
    Column("RIGHT", lambda row: row.right),
    Column("MOVED", lambda row: row.moved),
]
