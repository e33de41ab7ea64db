"""The commands `kafkactl reassign`: generate, execute, verify, list, cancel."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.frame import move_throttles, replica_moves
from kafkactl.cli.frame.before_change import before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.following import explain_stop, format_bytes
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, ControllerOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import TopicsOptions
from kafkactl.cli.frame.values import read_broker_ids, require_choice
from kafkactl.documents import STDIN
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.statuses import CONDITION, DONE, combine
from kafkactl.times import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kafkactl.admin.models import Partition
    from kafkactl.admin.reassignment import RunningMove
    from kafkactl.connection.cluster import Cluster
    from kafkactl.errors import KafkactlError

app = new_app(
    """Move replicas between brokers: plan, execute, verify.

    Examples:
      kafkactl reassign generate orders --brokers 1,2,3 -o json > plan.json
      kafkactl reassign execute plan.json --throttle 50000000 --dry-run
    """
)

PlanFile = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Kafka's JSON file with the new replicas; - is stdin.", show_default=False),
]
PlanFlag = Annotated[
    Path | None, typer.Option("--reassignment-json-file", metavar="FILE", help="Kafka's spelling of FILE.")
]
Preserve = Annotated[bool, typer.Option("--preserve-throttles", help="Leave the throttles as they are.")]

DirTimeout = Annotated[
    str | None,
    typer.Option(
        "--dir-timeout",
        metavar="DURATION",
        help="How long replicas may need to reach a broker before they move between its directories. Default: 10s.",
    ),
]

_STATES = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("STATE", lambda row: row.state, lambda row: None if row.state == "done" else "yellow"),
    Column("REPLICAS", lambda row: row.replicas),
    Column("TARGET", lambda row: row.target),
]
_RUNNING = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("REPLICAS", lambda row: row.replicas),
    Column("ADDING", lambda row: row.adding),
    Column("REMOVING", lambda row: row.removing),
]


@app.command()
@command
def generate(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    brokers: Annotated[
        str | None,
        typer.Option(
            "--brokers",
            "--broker-list",
            metavar="ID,...",
            help="Brokers that get the replicas. Default: all that are alive.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="FIELD",
            help="What brokers get equally much of: count (replicas), leaders, bytes; nothing moves the fewest.",
        ),
    ] = "count",
    no_racks: Annotated[
        bool, typer.Option("--disable-rack-aware", help="Do not spread the replicas of a partition over racks.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--topics-to-move-json-file", metavar="FILE", help="Kafka's JSON file with topics.")
    ] = None,
) -> int:
    """Plan new replicas of topics, with the fewest moves. Nothing is moved.

    Each partition keeps its number of replicas, on as many racks as possible. With -o json the plan is a file for
    `reassign execute`, which Kafka's tool reads, too. The table shows the partitions that change.

    Examples:
      kafkactl reassign generate orders --brokers 1,2,3
      kafkactl reassign generate orders --by bytes -o json > plan.json
    """
    from kafkactl.admin import planning
    from kafkactl.admin.reassignment_files import read_topics

    require_choice(by, "--by", list(planning.Balance))
    ids = read_broker_ids(brokers, "--brokers")
    selection = topics.selection()
    if file is not None and not selection.is_empty:
        raise make_exclusive_error("TOPIC", "--topics-to-move-json-file")
    names = None if file is None else read_topics(file)
    if output.is_kafka:
        from kafkactl.cli.reassign import as_kafka

        connected = cluster.connect()
        return as_kafka.generate(connected, names or topics.choose(connected), ids, not no_racks)
    connected = cluster.connect()
    chosen = topics.choose(connected) if names is None else names
    balance = planning.Balance(by)
    placements, running, errors = replica_moves.read_targets(connected, chosen)
    if balance is planning.Balance.BYTES:
        placements = replica_moves.require_sizes(connected, placements)
    plan = replica_moves.plan_replicas(connected, placements, ids, balance, with_racks=not no_racks)
    if balance is not planning.Balance.BYTES:
        placements = replica_moves.add_moved_sizes(connected, placements, plan)
    rows = replica_moves.list_plan(placements, plan)
    if moving := sum(row.topic in chosen for row in running):
        people.note(f"partitions that are moving count as moved: {moving}")
    output.show(Report({"version": 1, "partitions": rows}, [Table(replica_moves.PLAN, rows)]))
    moves, size = planning.count_moves(placements, plan)
    if rows or not errors:
        people.note(f"partitions to change: {len(rows)}; new replicas: {moves}, with {format_bytes(size)}")
    return print_errors(errors)


@app.command()
@command
def execute(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    file: PlanFile = None,
    file_flag: PlanFlag = None,
    throttle: Annotated[
        int | None,
        typer.Option("--throttle", metavar="BYTES", help="Limit of moves between brokers, in bytes per second."),
    ] = None,
    dir_throttle: Annotated[
        int | None,
        typer.Option(
            "--replica-alter-log-dirs-throttle",
            metavar="BYTES",
            help="Limit of moves between directories of a broker, in bytes per second.",
        ),
    ] = None,
    additional: Annotated[
        bool, typer.Option("--additional", help="Also start while other reassignments run, and change their throttle.")
    ] = False,
    keep_factor: Annotated[
        bool, typer.Option("--disallow-replication-factor-change", help="Refuse moves to another number of replicas.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return when the moves have begun, and leave the throttles.")
    ] = False,
    dir_timeout: DirTimeout = None,
) -> int:
    """Move replicas as a file says, and wait until they are moved.

    The command shows the present replicas and asks. It shows progress, rate and time left, and removes the throttles at
    the end. After an interrupt the brokers go on: `reassign verify` looks at the rest and removes the throttles.

    Examples:
      kafkactl reassign execute plan.json --dry-run
      kafkactl reassign execute plan.json --throttle 50000000 --yes
    """
    from kafkactl.admin.reassignment_files import read_reassignment

    path = _require_file(file, file_flag)
    options = replica_moves.ExecuteOptions(
        throttle=_read_rate(throttle, "--throttle"),
        dir_throttle=_read_rate(dir_throttle, "--replica-alter-log-dirs-throttle"),
        additional=additional,
        allow_factor_change=not keep_factor,
        wait=not no_wait,
        dir_timeout_s=_read_timeout(dir_timeout),
    )
    plan = read_reassignment(path)
    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool shows nothing before, and waits for nothing
        from kafkactl.cli.reassign import as_kafka

        return as_kafka.execute(connected, plan, options)
    work = replica_moves.prepare(connected, plan, options)
    before_change(connected, work.changes, confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (work.rows or output.is_structured):
        output.show(listing(_STATES, work.rows))
    if work.moves or work.dir_moves or (work.running and options.throttle is not None):
        status = confirm.ask(work.describe(options), "nothing moved")
        if status is not None:
            return combine([status, print_errors(work.errors)]) if work.errors else status
    else:
        if not work.errors:
            people.note("nothing to move: every partition has its replicas, or is on the way")
        if confirm.dry_run or not (work.running and options.wait):
            return print_errors(work.errors)
    commands = _make_commands(path)
    with explain_stop(commands.describe_rest(options.throttle is not None or options.dir_throttle is not None)):
        ran = replica_moves.run(connected, work, options, commands)
    status = show_outcomes(ran.outcomes, "partition", output) if ran.outcomes or output.is_structured else DONE
    errors = [*work.errors, *ran.errors]
    return combine([status, print_errors(errors)]) if errors else status


def _make_commands(path: Path) -> replica_moves.NextCommands:
    """Return the commands that go on with the plan of a file, for notes.

    Where `path` is `-` or not a file, they are those for all moves, because the plan cannot be read again. `resume` is
    a phrase with a command in it, `cancel` a command alone. The plan is not read.
    """
    if path == STDIN or not path.is_file():  # stdin, or a pipe of the shell, which is read only once
        return replica_moves.NextCommands(
            resume="show the rest: kafkactl reassign list, and then remove throttles: kafkactl throttles clear"
        )
    name = shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))
    return replica_moves.NextCommands(
        resume=f"show the rest, and remove throttles: kafkactl reassign verify {name}",
        cancel=f"kafkactl reassign cancel {name}",
    )


@app.command()
@command
def verify(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    file: PlanFile = None,
    file_flag: PlanFlag = None,
    preserve: Preserve = False,
) -> int:
    """Show how far the moves of a file are, and remove throttles at the end.

    The status is 4 while a partition has other replicas than the file says. When no reassignment runs any more, the
    throttles of the brokers and of the topics are removed.

    Examples:
      kafkactl reassign verify plan.json
      kafkactl reassign verify plan.json --preserve-throttles -o json
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.reassignment_files import read_reassignment

    plan = read_reassignment(_require_file(file, file_flag))
    connected = cluster.connect()
    if people.is_kafka_style():
        from kafkactl.cli.reassign import as_kafka

        return as_kafka.verify(connected, plan, preserve)
    topics = sorted({topic for topic, _ in plan.replicas})
    running = reassignment.list_running(connected)
    rows = reassignment.verify(running, reassignment.read_replicas(connected, topics), plan.replicas)
    dirs = replica_moves.find_unmoved(connected, plan.log_dirs)
    output.show(listing(_STATES, rows))
    errors: list[KafkactlError] = [
        reassignment.make_missing_error(row.topic, row.partition) for row in rows if row.state == "not found"
    ]
    for (topic, number, broker), text in dirs.items():
        people.note(f"{topic}-{number} on broker {broker}: {text}")
    is_done = all(row.state == "done" for row in rows) and not dirs
    if not running and not any(text.startswith("moving") for text in dirs.values()) and not preserve:
        errors += move_throttles.remove_throttles(connected, topics)
    elif is_done and not preserve:
        errors += move_throttles.note_kept_throttles(connected, topics)
    return combine([print_errors(errors), DONE if is_done or errors else CONDITION])


@app.command("list")
@command
def list_running(cluster: ControllerOptions, output: MirrorOutputOptions) -> int:
    """Show all reassignments that are running.

    Examples:
      kafkactl reassign list
      kafkactl reassign list -o json
    """
    from kafkactl.admin import reassignment

    running = reassignment.list_running(cluster.connect())
    if output.is_kafka:
        from kafkactl.cli.reassign import as_kafka

        return as_kafka.list_running(running)
    output.show(listing(_RUNNING, running))
    if not running:
        people.note("no reassignment is running")
    return DONE


@app.command()
@command
def cancel(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    file: PlanFile = None,
    file_flag: PlanFlag = None,
    all_: Annotated[bool, typer.Option("--all", help="Cancel all reassignments that are running.")] = False,
    preserve: Preserve = False,
    dir_timeout: DirTimeout = None,
) -> int:
    """Cancel reassignments that are running: partitions keep their old replicas.

    FILE names the partitions. The command shows them and asks. When no reassignment runs any more, the throttles of the
    brokers and of the topics are removed.

    Examples:
      kafkactl reassign cancel plan.json --dry-run
      kafkactl reassign cancel --all --yes
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.reassignment_files import read_reassignment

    if all_ and (file or file_flag):
        raise make_exclusive_error("--all", "FILE")
    dir_timeout_s = _read_timeout(dir_timeout)
    plan = None if all_ else read_reassignment(_require_file(file, file_flag))
    connected = cluster.connect()
    if people.is_kafka_style() and plan is not None:
        from kafkactl.cli.reassign import as_kafka

        return as_kafka.cancel(connected, plan, preserve, dir_timeout_s)
    running = reassignment.list_running(connected)
    chosen = [row for row in running if plan is None or (row.topic, row.partition) in plan.replicas]
    before_change(connected, replica_moves.list_cancellations(chosen), confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (chosen or output.is_structured):
        output.show(listing(_RUNNING, chosen))
    errors = [] if plan is None else _find_missing(connected, plan.replicas.keys() - _list_keys(chosen))
    if not chosen:
        if not errors:
            people.note("nothing to cancel: none of the reassignments is running")
        return print_errors(errors)
    action = f"cancel the reassignment of {len(chosen)} partition{'' if len(chosen) == 1 else 's'}"
    status = confirm.ask(action, "nothing cancelled")
    if status is None:
        status = _cancel(connected, chosen, output, preserve)
    return combine([status, print_errors(errors)]) if errors else status


def _list_keys(running: Sequence[RunningMove]) -> set[Partition]:
    """Return the partitions of running reassignments."""
    return {(row.topic, row.partition) for row in running}


def _find_missing(connected: Cluster, partitions: Collection[Partition]) -> list[KafkactlError]:
    """Return an error for each of these partitions that does not exist, sorted.

    The list is empty, and nothing is asked, without partitions and where the address is that of controllers: they do
    not list topics. Raise UnreachableError, OperationError for a refusal, also of one topic, and UsageError for a wrong
    client setting and a name that is not UTF-8.
    """
    from kafkactl.admin import reassignment

    if connected.settings.has_controllers or not partitions:
        return []
    present = reassignment.read_replicas(connected, {topic for topic, _ in partitions})
    return [reassignment.make_missing_error(*partition) for partition in sorted(partitions) if partition not in present]


def _cancel(connected: Cluster, chosen: Sequence[RunningMove], output: MirrorOutputOptions, preserve: bool) -> int:
    """Cancel reassignments, remove the throttles where none runs any more, show the results; return an exit status.

    The caller must have called before_change. With -o kafka only failures are shown. The throttles are those of all
    brokers and of the topics in `chosen`, and also go without any move in it. They stay with `preserve`, and where the
    address is that of controllers. The status is 0 without a failure, 3 where the answers about all moves are missing
    and no throttle failed, else 1. Raise UnreachableError (UnansweredError where the moves may have been cancelled) or
    OperationError where the controller refuses all, UsageError for a wrong client setting, and OutputError or
    ReaderLeftError where stdout fails. An error of the throttles is printed behind the results.
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.models import make_outcome

    results: dict[Partition, Any] = reassignment.cancel(connected, [(row.topic, row.partition) for row in chosen])
    outcomes = [
        make_outcome(f"{topic}-{number}", "cancelled", error, is_brief=True)
        for (topic, number), error in results.items()
    ]
    errors: list[KafkactlError] = []
    try:
        if not preserve and not connected.settings.has_controllers and not reassignment.list_running(connected):
            errors = move_throttles.remove_throttles(connected, sorted({row.topic for row in chosen}))
    except KafkactlError as error:  # the moves are cancelled, which must be said
        errors = [error]
    status = show_outcomes(outcomes, "partition", output)
    return combine([status, print_errors(errors)]) if errors else status


def _require_file(file: Path | None, flag: Path | None) -> Path:
    """Return the file of the argument or of its option; raise UsageError where it is missing or given twice."""
    if file is not None and flag is not None:
        raise make_exclusive_error("FILE", "--reassignment-json-file")
    if (path := file or flag) is None:
        raise UsageError("missing argument FILE", "make a plan: kafkactl reassign generate TOPIC -o json > plan.json")
    return path


def _read_rate(rate: int | None, option: str) -> int | None:
    """Return a rate in bytes per second; None for None and, in Kafka's style, for a negative one.

    In Kafka's style 0 is returned as it is. Raise UsageError in our style for a rate below 1, with which moves would
    never end. `option` is the name for the message, with its dashes.
    """
    if rate is None:
        return None
    if people.is_kafka_style():
        return None if rate < 0 else rate
    if rate < 1:
        raise UsageError(f"invalid value for {option}: {rate} is less than 1", "see: kafkactl reassign execute --help")
    return rate


def _read_timeout(text: str | None) -> float:
    """Return the time of --dir-timeout in s, 10 for None; a bare number is seconds.

    Raise UsageError for a text that is no duration above 0.
    """
    return 10.0 if text is None else parse_duration(text, "--dir-timeout", positive=True) / 1000
