"""The command `kafkactl brokers drain`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_brokers
from kafkactl.cli.frame import move_throttles, replica_moves
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.following import explain_stop, format_bytes, format_time_left
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Report, Table
from kafkactl.statuses import DONE, combine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kafkactl.admin.models import Outcome, Partition
    from kafkactl.admin.planning import Placement
    from kafkactl.admin.throttles import Throttle
    from kafkactl.connection.cluster import Cluster


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
    from kafkactl.admin import reassignment

    connected = cluster.connect()
    names = topics.choose_or_all(connected)
    placements, running, errors = replica_moves.read_targets(connected, names)
    plan, refusals = _plan(connected, placements, broker)
    errors += refusals
    moved = replica_moves.add_moved_sizes(connected, placements, plan)
    leaving = {
        (row.topic, row.partition): reassignment.get_target(row)
        for row in running
        if broker in row.removing and row.topic in names
    }
    foreign = [row for row in running if (row.topic, row.partition) not in leaving]
    if foreign and plan:
        raise OperationError(
            f"other reassignments are running: {foreign[0].topic}-{foreign[0].partition}"
            + (" and others" if len(foreign) > 1 else ""),
            "wait for their end; show them: kafkactl reassign list",
        )
    rows = replica_moves.list_plan(moved, plan)
    changes = [
        Change(action=f"move {topic}-{number} off broker {broker}", inverse=cannot_be_undone)
        for topic, number in {**leaving, **plan}
    ]
    before_change(connected, changes, confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (rows or output.is_structured):
        output.show(Report(rows, [Table(replica_moves.PLAN, rows)]))
    if not changes:
        _require_known(connected, placements, broker)
        if not errors:
            people.note(f"broker {broker} has no replica that can be moved")
        if confirm.yes and output.is_structured and not confirm.dry_run:
            output.show(Report([], [Table(replica_moves.PLAN, [])]))
        return _finish_earlier_call(connected, names, broker, confirm, errors)
    action = _describe(broker, moved, plan, throttle, step)
    if leaving:
        action += f"; wait for {len(leaving)} that are moving"
    if (refused := confirm.ask(f"{action}; then remove the throttles of moves", "nothing moved")) is not None:
        return combine([refused, print_errors(errors)]) if errors else refused
    names_again = " ".join(["", *map(shlex.quote, names)]) if not topics.selection().is_empty else ""
    resume = f"kafkactl brokers drain {broker}{names_again}" + (f" --throttle {throttle}" if throttle else "")
    commands = replica_moves.NextCommands(resume=f"go on: {resume}")
    with explain_stop(commands.describe_rest(throttle is not None)):
        outcomes, failures = _move_in_steps(connected, {**leaving, **plan}, len(leaving), throttle, step, commands)
        failures += _remove_throttles(connected, names, broker)
    status = show_outcomes(outcomes, "partition", output) if outcomes else DONE
    return combine([status, print_errors(_drop_repeated([*errors, *failures]))])


def _drop_repeated(errors: Sequence[KafkactlError]) -> list[KafkactlError]:
    """Return the errors with each text once, as the first error that has it.

    They are in the order of the last error with each text.
    """
    return list({str(error): error for error in reversed(errors)}.values())[::-1]


def _finish_earlier_call(
    connected: Cluster, topics: Sequence[str], broker: int, confirm: ConfirmOptions, errors: Sequence[KafkactlError]
) -> int:
    """Remove the throttles that an earlier drain has left, print errors, and return an exit status.

    They are the rates for moves between brokers of all brokers that are alive, whoever set them, and, for each of
    `topics` that names the broker in one of its lists of throttled replicas, both lists, whole. Without any nobody is
    asked. Ask before, and with --dry-run only show. While reassignments run nothing is removed. `topics` are those of
    the drain. `errors` are printed first. The status is 1 for an error and after the answer no, else 0.

    Raise UsageError where there is nobody to ask, in a read-only context and for a wrong client setting, OSError where
    stdin cannot be read, and UnreachableError or OperationError where no broker answers, or reassignments or brokers
    cannot be listed.
    """
    failed = print_errors(errors)
    rows, failures = _find_left_throttles(connected, topics, broker)
    status = None
    if rows:
        before_change(connected, [move_throttles.make_removal(row) for row in rows], confirm.dry_run)
        text = f"remove {len(rows)} throttle{'' if len(rows) == 1 else 's'} that an earlier call has left"
        status = confirm.ask(text, "nothing removed")
        if status is None:
            failures += move_throttles.remove_listed(connected, rows)
    return combine([status or DONE, failed, print_errors(failures)])


def _plan(
    connected: Cluster, placements: Sequence[Placement], broker: int
) -> tuple[dict[Partition, tuple[int, ...]], Sequence[KafkactlError]]:
    """Return the new replicas of each partition on a broker, and an error for each that stays; nothing is moved.

    Without a replica on the broker, as with an unknown id, both are empty. Other replicas of these partitions change
    only where racks ask for it. The errors are not raised. Raise UnreachableError, OperationError for a refusal, and
    UsageError for a wrong client setting.
    """
    from kafkactl.admin import planning, reassignment

    racks = reassignment.read_racks(connected)
    return planning.plan_drain(placements, broker, racks.keys(), racks)


def _require_known(connected: Cluster, placements: Sequence[Placement], broker: int) -> None:
    """Raise NotFoundError for a broker that is not registered and has no replica of a topic that the user may see.

    Before Kafka 4.0 a broker that is not alive and has no replica is not found, either.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.brokers import list_away

    if any(broker in row.replicas for row in placements):
        return
    if broker in connected.requests.list_brokers() or broker in list_away(connected):
        return
    raise NotFoundError(f"broker not found: {broker}", "list the brokers: kafkactl brokers list")


def _describe(
    broker: int,
    placements: Sequence[Placement],
    plan: Mapping[Partition, Sequence[int]],
    throttle: int | None,
    step: int,
) -> str:
    """Return the moves as a phrase that begins with a verb, with their size, their steps and, if limited, the time.

    `throttle` is the limit of each broker in bytes per second, None for no limit; `step` is the number of partitions in
    a step. Both are above 0. The size is that of all new replicas.
    """
    from kafkactl.admin.planning import count_moves, measure_largest_share

    count, size = count_moves(placements, plan)
    steps = -(-len(plan) // step)
    text = f"move {len(plan)} partition{'' if len(plan) == 1 else 's'} off broker {broker}: {count} new replica"
    text += f"{'' if count == 1 else 's'} with {format_bytes(size)}, in {steps} step{'' if steps == 1 else 's'}"
    if throttle is not None:
        least_s = measure_largest_share(placements, plan) / throttle
        text += f", {format_time_left(least_s)} or more at {format_bytes(throttle)}/s"
    return text


def _move_in_steps(
    connected: Cluster,
    plan: Mapping[Partition, tuple[int, ...]],
    running: int,
    throttle: int | None,
    step: int,
    commands: replica_moves.NextCommands,
) -> tuple[list[Outcome], list[KafkactlError]]:
    """Move partitions, `step` at a time; return the outcome of each, and an error for each that could not be moved.

    Call before_change first. `step` is at least 1. Each step is waited for, without a time limit. The first `running`
    partitions of the plan are moving already; they belong to the first step. `throttle` is in bytes per second, None
    for no limit; throttles are set and removed in each step. `commands` are for the notes about moves that have not
    ended. A topic that was deleted meanwhile has an error, and no outcome; a partition that is in its place already has
    neither. An error of single partitions, brokers or topics does not end the moves. One of the whole step does, as
    where other reassignments run or its end cannot be seen; it is the last of the errors, a note has the number of
    partitions in earlier steps, also failed ones, and throttles may stay. Raise UsageError for a wrong client setting.
    """
    from kafkactl.admin.reassignment_files import ReassignmentFile

    options = replica_moves.ExecuteOptions(
        throttle=throttle, dir_throttle=None, additional=False, allow_factor_change=True, wait=True, dir_timeout_s=0
    )
    places = list(plan)
    outcomes: list[Outcome] = []
    errors: list[KafkactlError] = []
    begin = 0
    while begin < len(places):
        end = begin + step + (running if begin == 0 else 0)
        chosen = {place: plan[place] for place in places[begin:end]}
        connected.renew_timeout()
        try:
            work = replica_moves.prepare(connected, ReassignmentFile(replicas=chosen, log_dirs={}), options)
            errors += [
                replica_moves.make_deleted_error(*error.names)
                if isinstance(error, NotFoundError) and error.names  # it was there when the plan was made
                else error
                for error in work.errors
            ]
            ran = replica_moves.run(connected, work, options, commands)
            outcomes += ran.outcomes
            errors += ran.errors
            if ran.has_lost_sight:
                people.note(f"{begin} of {len(places)} partitions were done; {commands.resume}")
                return outcomes, errors
        except UsageError:
            raise
        except KafkactlError as error:
            people.note(f"{begin} of {len(places)} partitions were done; {commands.resume}")
            return outcomes, [*errors, error]
        begin = end
        if end < len(places):
            people.note(f"{end} of {len(places)} partitions done")
    return outcomes, errors


def _remove_throttles(connected: Cluster, topics: Sequence[str], broker: int) -> list[KafkactlError]:
    """Remove the throttles of moves between brokers that drains of `broker` have left.

    They are the rates for moves between brokers of all brokers that are alive, whoever set them, and, for each of
    `topics` that names the broker in one of its lists of throttled replicas, both lists, whole. Call this after
    before_change. Return an error for each that stays because it could not be removed, one for each other broker that
    is not alive, and the errors of asking; no KafkactlError is raised. A topic that does not exist is no error, unless
    it is deleted in between. While reassignments run, the throttles stay without an error. Otherwise, where `broker`
    is not alive, a note on stderr says that throttles of it stay. Where there are any to remove, a note has the number
    of those that were removed.
    """
    connected.renew_timeout()
    try:
        rows, errors = _find_left_throttles(connected, topics, broker)
        return errors + (move_throttles.remove_listed(connected, rows) if rows else [])
    except KafkactlError as error:
        return [error]


def _find_left_throttles(
    connected: Cluster, topics: Sequence[str], broker: int
) -> tuple[list[Throttle], list[KafkactlError]]:
    """Return the throttles that drains of a broker have left, and an error for each that cannot be read.

    The errors are for topics and for brokers, also for each other one that is not alive; a topic that does not exist
    has neither. The throttles are the rates for moves between brokers of all brokers that are alive, whoever set them,
    and for each of `topics` that names the broker in one of its two lists of throttled replicas, both lists, whole; all
    others may have been set for another reason. While reassignments run, both results are empty. Otherwise the broker
    itself may be not alive; then a note says that throttles of it are not removed.

    Raise UnreachableError or OperationError where no broker answers, or reassignments or brokers cannot be listed, and
    UsageError for a wrong client setting.
    """
    from kafkactl.admin import reassignment, throttles

    rows, errors = throttles.list_throttles(connected, topics, verb="remove", leaving=broker)
    if reassignment.list_running(connected):  # looked for last: a move may begin meanwhile, and need its throttles
        return [], []
    if broker not in connected.requests.list_brokers():
        people.note(f"broker {broker} is not alive: throttles that it may have are not removed")
    own = {row.entity for row in rows if any(item.endswith(f":{broker}") for item in row.value.split(","))}
    left = [
        row
        for row in rows
        if row.name in throttles.RATES or (row.entity in own and row.name in throttles.TOPIC_SETTINGS)
    ]
    return left, errors
