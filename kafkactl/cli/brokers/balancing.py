"""The command `kafkactl brokers balance`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.brokers import tables
from kafkactl.cli.frame import replica_moves
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.following import format_bytes
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import OperationError
from kafkactl.output import people
from kafkactl.output.report import OutputFormat, Report, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kafkactl.admin.models import Partition
    from kafkactl.admin.planning import Placement
    from kafkactl.connection.cluster import Cluster


@command
def balance(
    cluster: ClusterOptions,
    output: ReportOptions,
    topics: TopicsOptions,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="FIELD",
            help="Plan moves after which brokers have equally much of: count (replicas), leaders, bytes.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Show how evenly brokers and racks are loaded, and plan moves. Nothing is moved.

    A skew is the difference from an equal share, in percent. Without topics all count. With -o json the plan is a file
    for `reassign execute`.

    Examples:
      kafkactl brokers balance
      kafkactl brokers balance --by count -o json > plan.json
    """
    from kafkactl.admin import loads, planning, reassignment

    if by is not None:
        require_choice(by, "--by", [each for each in planning.Balance if each is not planning.Balance.NOTHING])
    connected = cluster.connect()
    names = topics.choose_or_all(connected)
    placements, running, errors = replica_moves.read_targets(connected, names)
    if by == planning.Balance.BYTES:
        placements = replica_moves.require_sizes(connected, placements)
    else:
        placements, failures = replica_moves.add_sizes(connected, placements)
        errors += failures
    racks = reassignment.read_racks(connected)
    plan = None
    fixed, away = _find_fixed(placements, racks)
    if by is None:
        for broker, count in sorted(away.items()):
            people.warning(f"broker {broker} is not alive: its {count} replicas are not in the loads")
    else:
        errors += [
            OperationError(
                f"broker {broker} is not alive: the partitions with a replica there stay as they are ({count})",
                f"start it first, or move them off: kafkactl brokers drain {broker}",
            )
            for broker, count in sorted(away.items())
        ]
        moving = {(row.topic, row.partition) for row in running}
        plan = planning.plan(placements, list(racks), racks, planning.Balance(by), fixed | moving)
        if plan or not errors:
            _note_plan(placements, plan, len(moving), by)
        if plan and not output.is_structured:
            people.note("to move them, save the plan with -o json > plan.json: kafkactl reassign execute plan.json")
    by_broker, by_rack = loads.measure_loads(placements, racks, _read_leaders(connected, names), plan)
    columns = tables.LOADS if plan is None else tables.PLANNED_LOADS
    rows = replica_moves.list_plan(placements, plan or {})
    shown = [Table(columns, by_broker, "Brokers")]
    # One csv file has rows of one kind.
    if any(len(row.brokers) > 1 for row in by_rack) and output.format is not OutputFormat.CSV:
        shown.append(Table(columns, by_rack, "Racks"))
    if rows and output.format is not OutputFormat.CSV:
        shown.append(Table(replica_moves.PLAN, rows, "Moves"))
    output.show(Report({"version": 1, "partitions": rows, "by_broker": by_broker, "by_rack": by_rack}, shown))
    return print_errors(errors)


def _read_leaders(connected: Cluster, topics: Collection[str]) -> dict[Partition, int | None]:
    """Return the present leader of each partition of topics, None for a partition without a leader.

    Topics that do not exist, or that the user may not see, are left out. Raise UnreachableError, OperationError for a
    refusal, and UsageError for a wrong client setting.
    """
    found = connected.read_metadata().topics
    return {
        (name, number): None if partition.leader < 0 else partition.leader
        for name in set(topics) & found.keys()
        for number, partition in found[name].partitions.items()
    }


def _find_fixed(placements: Sequence[Placement], alive: Collection[int]) -> tuple[set[Partition], Counter[int]]:
    """Return the partitions with a replica on a broker that is not alive, and the number of these replicas.

    The numbers are by the id of the broker; brokers that are alive are not in them. `alive` are the ids of those.
    """
    away: Counter[int] = Counter()
    fixed = set()
    for row in placements:
        if missing := set(row.replicas) - set(alive):
            away.update(missing)
            fixed.add((row.topic, row.partition))
    return fixed, away


def _note_plan(
    placements: Sequence[Placement], plan: Mapping[Partition, tuple[int, ...]], moving: int, by: str
) -> None:
    """Print on stderr how many partitions, new replicas and bytes a plan has, or that there is nothing to move.

    `moving` is the number of partitions that move already; 0 prints nothing about them. `by` is the word for what is
    balanced.
    """
    from kafkactl.admin.planning import count_moves

    if moving:
        people.note(f"partitions that are moving count as moved, and stay: {moving}")
    if not plan:
        people.note(f"nothing to move: no moves make the brokers more equal by {by}")
        return
    count, size = count_moves(placements, plan)
    people.note(f"partitions to change: {len(plan)}; new replicas: {count}, with {format_bytes(size)}")
