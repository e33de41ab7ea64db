"""The command `kafkactl brokers drain`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_brokers
from kafkactl.cli.frame import replica_moves
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.following import format_bytes, format_time_left
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.errors import NotFoundError
from kafkactl.output import people
from kafkactl.output.report import Report, Table
from kafkactl.statuses import DONE, combine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kafkactl.admin.models import Outcome, Partition
    from kafkactl.admin.planning import Placement
    from kafkactl.admin.reassignment import RunningMove
    from kafkactl.connection.cluster import Cluster
    from kafkactl.errors import KafkactlError


@command
def drain(
    cluster: ClusterOptions,
    output: ReportOptions,
    confirm: ConfirmOptions,
    broker: Annotated[
        int,
        typer.Argument(
            metavar="BROKER",
            help="Id of the broker.",
            min=0,
            max=2**31 - 1,
            show_default=False,
            autocompletion=complete_brokers,
        ),
    ],
    topics: TopicsOptions,
    throttle: Annotated[
        int | None,
        typer.Option(
            "--throttle",
            metavar="BYTES",
            min=1,
            help="Limit of the moves, in bytes per second.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    step: Annotated[
        int,
        typer.Option(
            "--step", metavar="N", min=1, help="Partitions that move at the same time.", rich_help_panel=Section.SUBJECT
        ),
    ] = 20,
) -> int:
    """Move all replicas of a broker to the other brokers, with the fewest moves.

    Without topics all are moved. The command shows the moves and asks. It can be stopped, and goes on when it is called
    again. The throttles are removed at the end.

    Examples:
      kafkactl brokers drain 3 orders --dry-run
      kafkactl brokers drain 3 orders --throttle 50000000 --yes
    """
    connected = cluster.connect()
    names = connected.requests.list_topics() if topics.selection().is_empty else topics.choose(connected)
    placements, running, errors = _read_targets(connected, names)
    plan, refusals = _plan(connected, placements, broker)
    errors += refusals
    leaving = {
        (row.topic, row.partition): tuple(node for node in row.replicas if node in replica_moves.get_target(row))
        for row in running
        if broker in row.removing and row.topic in names
    }
    rows = replica_moves.list_plan(placements, plan)
    changes = [
        Change(action=f"move {topic}-{number} off broker {broker}", inverse=cannot_be_undone) for topic, number in plan
    ]
    before_change(connected, changes, confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (rows or output.is_structured):
        output.show(Report(rows, [Table(replica_moves.PLAN, rows)]))
    if not plan and not leaving:
        _require_known(connected, placements, broker)
        people.note(f"broker {broker} has no replica that can be moved")
        if confirm.dry_run:
            return print_errors(errors)
    elif plan:
        status = confirm.ask(_describe(broker, placements, plan, throttle, step), "nothing moved")
        if status is not None:
            return combine([status, print_errors(errors)]) if errors else status
    elif confirm.dry_run:
        people.note(f"would wait for {len(leaving)} moves that are running")
        return print_errors(errors)
    outcomes = _move_in_steps(connected, broker, {**leaving, **plan}, len(leaving), throttle, step)
    errors += _remove_throttles(connected, names)
    status = DONE
    if outcomes:
        status = show_outcomes(outcomes, "partition", output)
    elif output.is_structured and confirm.yes:
        output.show(Report([], [Table(replica_moves.PLAN, [])]))
    return combine([status, print_errors(errors)]) if errors else status


def _read_targets(
    connected: Cluster, names: Sequence[str]
) -> tuple[list[Placement], list[RunningMove], list[KafkactlError]]:
    """Return the replicas of topics as they are after all running moves, these moves, and an error for each failure.

    Raise UnreachableError or OperationError where no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import reassignment

    running = reassignment.list_running(connected)
    targets = {
        (row.topic, row.partition): tuple(node for node in row.replicas if node not in row.removing) for row in running
    }
    placements, errors = replica_moves.read_placements(connected, names)
    return (
        [replace(row, replicas=targets.get((row.topic, row.partition), row.replicas)) for row in placements],
        running,
        errors,
    )


def _plan(
    connected: Cluster, placements: Sequence[Placement], broker: int
) -> tuple[dict[Partition, tuple[int, ...]], Sequence[KafkactlError]]:
    """Return the new replicas of each partition on a broker, and an error for each that stays.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import planning, reassignment

    racks = reassignment.read_racks(connected)
    return planning.plan_drain(placements, broker, racks.keys(), racks)


def _require_known(connected: Cluster, placements: Sequence[Placement], broker: int) -> None:
    """Raise NotFoundError for a broker that is not alive and has no replica.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    if any(broker in row.replicas for row in placements) or broker in connected.requests.list_brokers():
        return
    raise NotFoundError(f"broker not found: {broker}", "list the brokers: kafkactl brokers list")


def _describe(
    broker: int,
    placements: Sequence[Placement],
    plan: Mapping[Partition, Sequence[int]],
    throttle: int | None,
    step: int,
) -> str:
    """Return the moves as a phrase that begins with a verb, with their size, their steps and, if limited, the time."""
    from kafkactl.admin.planning import count_moves

    count, size = count_moves(placements, plan)
    steps = -(-len(plan) // step)
    text = f"move {len(plan)} partition{'' if len(plan) == 1 else 's'} off broker {broker}: {count} new replica"
    text += f"{'' if count == 1 else 's'} with {format_bytes(size)}, in {steps} step{'' if steps == 1 else 's'}"
    if throttle is not None:
        text += f", {format_time_left(size / throttle)} or more at {format_bytes(throttle)}/s"
    return text


def _move_in_steps(
    connected: Cluster,
    broker: int,
    plan: Mapping[Partition, tuple[int, ...]],
    running: int,
    throttle: int | None,
    step: int,
) -> list[Outcome]:
    """Move partitions, `step` at a time, and return the outcome of each that was moved.

    The first `running` partitions of the plan are moving already; they belong to the first step. Raise OperationError
    where other reassignments run or the controller refuses a whole step, UnreachableError (UnansweredError where the
    moves of a step may have begun), UsageError for a wrong client setting, and KeyboardInterrupt.
    """
    from kafkactl.admin.reassignment_files import ReassignmentFile

    options = replica_moves.ExecuteOptions(
        throttle=throttle, dir_throttle=None, additional=False, allow_factor_change=True, wait=True, dir_timeout_s=0
    )
    places = list(plan)
    outcomes: list[Outcome] = []
    begin = 0
    while begin < len(places):
        end = begin + step + (running if begin == 0 else 0)
        chosen = {place: plan[place] for place in places[begin:end]}
        connected.renew_timeout()
        work = replica_moves.prepare(connected, ReassignmentFile(replicas=chosen, log_dirs={}), options)
        outcomes += replica_moves.run(connected, work, options, f"kafkactl brokers drain {broker}")
        begin = end
        if end < len(places):
            people.note(f"{end} of {len(places)} partitions moved")
    return outcomes


def _remove_throttles(connected: Cluster, topics: Sequence[str]) -> list[KafkactlError]:
    """Remove throttles that an earlier call has left, unless reassignments are running; return an error for each left.

    Raise UnreachableError, OperationError or UsageError.
    """
    from kafkactl.admin import reassignment

    connected.renew_timeout()
    return [] if reassignment.list_running(connected) else replica_moves.remove_throttles(connected, topics)
