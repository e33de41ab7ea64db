"""The commands `kafkactl log-dirs`: list, replicas, move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_brokers
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.following import Progress, explain_stop, follow, format_bytes
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.replica_moves import find_unmoved
from kafkactl.cli.frame.results import print_errors, show_outcomes, warn_of_fenced
from kafkactl.cli.frame.subjects import Partitions, TopicsOptions
from kafkactl.cli.frame.values import read_broker_ids, require_choice
from kafkactl.connection.protocol import group_by_topic
from kafkactl.errors import OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, listing
from kafkactl.patterns import make_arguments, refuse_empty
from kafkactl.statuses import DONE, combine
from kafkactl.stdout import out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kafkactl.admin.log_dirs import DirMove, ReplicaKey, StoredDir
    from kafkactl.admin.models import Outcome, Partition
    from kafkactl.connection.cluster import Cluster
    from kafkactl.errors import KafkactlError
    from kafkactl.patterns import TopicSelection

app = new_app(
    """Show log directories, and move replicas between them.

    Examples:
      kafkactl log-dirs list
      kafkactl log-dirs replicas orders
    """
)

Brokers = Annotated[
    str | None,
    typer.Option(
        "--brokers", "--broker-list", metavar="ID,...", help="Only these brokers.", rich_help_panel=Section.SUBJECT
    ),
]
_DIRS = [
    Column("BROKER", lambda row: row.broker),
    Column("LOG-DIR", lambda row: row.log_dir),
    Column("REPLICAS", lambda row: row.replicas),
    Column("FUTURE-REPLICAS", lambda row: row.future_replicas),
    Column("SIZE", lambda row: row.size_bytes),
    Column("TOTAL", lambda row: row.total_bytes),
    Column("USABLE", lambda row: row.usable_bytes),
    Column("ERROR", lambda row: row.error, is_sentence=True),
]
_REPLICAS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("BROKER", lambda row: row.broker),
    Column("LOG-DIR", lambda row: row.log_dir),
    Column("SIZE", lambda row: row.size_bytes),
    Column("LAG", lambda row: row.lag),
    Column("FUTURE", lambda row: row.is_future),
]
_SUM_VALUES = [
    Column("REPLICAS", lambda row: row.replicas),
    Column("FUTURE-REPLICAS", lambda row: row.future_replicas),
    Column("SIZE", lambda row: row.size_bytes),
    Column("LAG", lambda row: row.lag),
]
_SUM_KEYS = {"broker": (2,), "topic": (0,), "partition": (0, 1)}
"""Columns of `_REPLICAS` that name a sum, by the value of --by."""
_MOVES = [
    *_REPLICAS[:4],
    Column("TO", lambda row: row.target),
    Column("SIZE", lambda row: row.size_bytes),
    Column("STATE", lambda row: row.state),
]

_GOES_ON = "the broker continues to move replicas; show them: kafkactl log-dirs replicas"


@app.command("list")
@command
def list_dirs(
    cluster: ClusterOptions, output: MirrorOutputOptions, topics: TopicsOptions, brokers: Brokers = None
) -> int:
    """Show the log directories of brokers: replicas, sizes, space on the disk.

    With topics only their replicas count. A future replica is the copy that a move between directories makes.

    Examples:
      kafkactl log-dirs list
      kafkactl log-dirs list --brokers 1,2 --sort size:desc
    """
    from kafkactl.admin import log_dirs

    ids = read_broker_ids(brokers, "--brokers")
    if output.is_kafka:
        return _list_as_kafka(cluster.connect(), topics.selection(), ids)
    connected = cluster.connect()
    dirs, errors = _describe(connected, topics.selection(), None, ids)
    if ids is None:
        warn_of_fenced(connected)
    output.show(listing(_DIRS, [log_dirs.measure_dir(row) for row in dirs]))
    return print_errors(errors)


@app.command()
@command
def replicas(
    cluster: ClusterOptions,
    output: ReportOptions,
    topics: TopicsOptions,
    partitions: Partitions = None,
    brokers: Brokers = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="FIELD", help="Show sums instead of replicas, by broker, topic or partition."),
    ] = None,
) -> int:
    """Show the replicas in log directories: size, lag, moves between directories.

    Without topics all are shown. A sum has the largest lag of its replicas.

    Examples:
      kafkactl log-dirs replicas orders
      kafkactl log-dirs replicas --by topic --sort size:desc
    """
    from kafkactl.admin import log_dirs

    if by is not None:
        require_choice(by, "--by", list(log_dirs.Grouping))
    ids = read_broker_ids(brokers, "--brokers")
    connected = cluster.connect()
    dirs, errors = _describe(connected, topics.selection(), partitions, ids)
    if ids is None:
        warn_of_fenced(connected)
    rows = sorted(
        (replica for row in dirs for replica in row.replicas), key=lambda replica: (*replica.key, replica.is_future)
    )
    if by is None:
        output.show(listing(_REPLICAS, rows))
    else:
        columns = [*(_REPLICAS[number] for number in _SUM_KEYS[by]), *_SUM_VALUES]
        output.show(listing(columns, log_dirs.sum_replicas(rows, log_dirs.Grouping(by))))
    return print_errors(errors)


@app.command()
@command
def move(
    cluster: ClusterOptions,
    output: ReportOptions,
    confirm: ConfirmOptions,
    topics: TopicsOptions,
    broker: Annotated[
        int | None,
        typer.Option(
            "--broker",
            metavar="ID",
            min=0,
            help="Id of the broker.",
            rich_help_panel=Section.SUBJECT,
            autocompletion=complete_brokers,
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="Log directory of the broker that gets the replicas.")
    ] = None,
    partitions: Partitions = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return when the moves have begun.")] = False,
) -> int:
    """Move replicas of a broker to another one of its log directories.

    The broker copies each replica, and then takes the copy. The command shows the moves and asks. A replica that is in
    the directory stays there. Where it was on its way to another directory, that move is cancelled.

    Examples:
      kafkactl log-dirs move orders --broker 1 --to /disk2/kafka --dry-run
    """
    from kafkactl.admin import log_dirs

    refuse_empty(to, "--to")
    if to is None or broker is None:
        option = "--broker" if broker is None else "--to"
        raise UsageError(f"missing option {option}", "show brokers and directories: kafkactl log-dirs list")
    selection = topics.require_selection()
    connected = cluster.connect()
    chosen, errors = _choose_partitions(connected, selection, partitions)
    dirs, _ = log_dirs.describe_log_dirs(connected, [broker], group_by_topic(chosen))
    moves, missing = log_dirs.plan_dir_moves(dirs, broker, chosen, to)
    if partitions is None and moves:
        missing = []  # of a whole topic the replicas are meant that the broker has
    errors += missing
    needed = [row for row in moves if row.state == "needed"]
    before_change(connected, [_make_change(row) for row in needed], confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (moves or output.is_structured):
        output.show(listing(_MOVES, moves))
    if not needed:
        if not errors:
            people.note(f"nothing to move: no replica has to leave its directory for {to}")
    else:
        size = format_bytes(sum(row.size_bytes for row in needed))
        action = f"move {len(needed)} replica{'' if len(needed) == 1 else 's'} ({size}) on broker {broker} to {to}"
        status = confirm.ask(action, "nothing moved")
        if status is not None:
            return combine([status, print_errors(errors)]) if errors else status
    if confirm.dry_run:
        return print_errors(errors)
    results = log_dirs.move_replicas(connected, {row.key: to for row in needed})
    running = [row for row in moves if row.state != "done" and results.get(row.key) is None]
    if running and not no_wait:
        _follow(connected, running)
        unmoved = find_unmoved(connected, {row.key: to for row in running})
        results |= {key: OperationError(f"not moved: {text}") for key, text in unmoved.items()}
    outcomes = _make_outcomes(moves, results, "moving" if no_wait else "moved")
    status = show_outcomes(outcomes, "partition", output, "log-dirs describe")
    return combine([status, print_errors(errors)]) if errors else status


def _make_outcomes(
    moves: Sequence[DirMove], results: Mapping[ReplicaKey, KafkactlError | None], verb: str
) -> Sequence[Outcome]:
    """Return the outcome of each move, in their order; `results` has the errors of those that were begun.

    `verb` says how far the moves without an error are, such as "moving". A move that was done before is a success with
    another text. A move without an entry in `results` is a success, too. The name of an outcome is TOPIC-PARTITION,
    without the broker.
    """
    from kafkactl.admin.models import Outcome, make_failure

    outcomes = []
    for row in moves:
        name, error = f"{row.topic}-{row.partition}", results.get(row.key)
        if error is None:
            text = f"already in {row.target}" if row.state == "done" else f"{verb} to {row.target}"
            outcomes.append(Outcome(name=name, ok=True, result=text))
        else:
            outcomes.append(make_failure(name, error))
    return outcomes


def _make_change(row: DirMove) -> Change:
    """Return the move of a replica as a change, whose inverse is a move to its present directory."""
    place = f"{row.topic}-{row.partition} on broker {row.broker}"
    flags = ("--partitions", str(row.partition), "--broker", str(row.broker), "--to", row.log_dir)
    inverse = make_arguments(("log-dirs", "move"), [row.topic], flags)
    return Change(action=f"move {place} to {row.target}", inverse=lambda: inverse)


def _follow(connected: Cluster, moves: Sequence[DirMove]) -> None:
    """Wait until the replicas are in their new directories, or their moves were cancelled, without a time limit.

    `moves` are of one broker and at least one (IndexError). Call this in the main thread (ValueError). A replica counts
    as ended, too, where its new directory cannot be read. What has happened is left to the caller. Progress is shown on
    stderr. Raise StopRequestedError where a signal ends the wait; a note that the moves go on comes before. The same
    note comes before other errors: raise NotFoundError where the broker is not alive, UnreachableError or
    OperationError where it does not answer, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    broker = moves[0].broker
    topics = group_by_topic([(row.topic, row.partition) for row in moves])
    keys = {row.key for row in moves}

    def look() -> Progress:
        """Return how far the moves are; one counts as ended where the broker shows no copy for it.

        Raise NotFoundError where the broker is not alive, UnreachableError or OperationError where it does not answer,
        and UsageError for a wrong client setting.
        """
        dirs, _ = log_dirs.describe_log_dirs(connected, [broker], topics)
        futures = {key: row for key, row in log_dirs.find_replicas(dirs, is_future=True).items() if key in keys}
        total = sum(row.size_bytes for row in moves)
        left = sum(row.size_bytes for row in moves if row.key in futures)
        copied = sum(row.size_bytes for row in futures.values())
        return Progress(
            left=len(futures), total=len(moves), moved_bytes=max(0, total - left) + copied, total_bytes=total
        )

    with explain_stop(_GOES_ON):
        follow(connected, look, _GOES_ON)


def _describe(
    connected: Cluster, selection: TopicSelection, partitions: str | None, brokers: Sequence[int] | None
) -> tuple[list[StoredDir], list[KafkactlError]]:
    """Return the log directories with the selected replicas, and an error for each thing that does not exist.

    The directories are sorted by broker and path, also those without a selected replica. The errors also have the
    brokers that did not answer. Nothing selected means all topics; None for `partitions` or `brokers` all of them.
    Without any broker in `brokers` there are no directories. Raise NotFoundError for a broker that is not alive,
    UnreachableError or OperationError where no broker answers or the topics cannot be listed, and UsageError for a
    wrong list of partitions or a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    if selection.is_empty and partitions is None:
        return log_dirs.describe_log_dirs(connected, brokers)
    chosen, errors = _choose_partitions(connected, selection, partitions)
    dirs, failures = log_dirs.describe_log_dirs(connected, brokers, group_by_topic(chosen))
    return dirs, errors + failures


def _choose_partitions(
    connected: Cluster, selection: TopicSelection, partitions: str | None
) -> tuple[list[Partition], list[KafkactlError]]:
    """Return the selected partitions, sorted, and an error for each selected thing that does not exist.

    An empty selection means all topics. `partitions` are numbers with commas between, None for all. A partition is
    missing for each named topic without it; where no topic is named, only if no selected topic has it. The errors are
    not raised. Raise UsageError for a wrong list of partitions or a wrong client setting, UnreachableError or
    OperationError where no broker lists the topics.
    """
    from kafkactl.admin.partition_rules import select_partitions

    return select_partitions(connected, selection, partitions)


def _list_as_kafka(connected: Cluster, selection: TopicSelection, brokers: Sequence[int] | None) -> int:
    """Print the log directories as kafka-log-dirs does, and return 1 if a broker did not answer or refused, else 0.

    None or no `brokers` means all that are alive. Where a broker failed, no directory is printed, only the beginning
    and the errors; Kafka's style keeps these in people.failures. Topics that do not exist are no error. Raise
    NotFoundError for a broker that is not alive, before anything is printed, UnreachableError or OperationError where
    no broker answers, UsageError for a wrong client setting, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import log_dirs
    from kafkactl.output.kafka import log_dirs_text

    log_dirs.require_live_brokers(connected, brokers or ())
    ids = brokers or connected.requests.list_brokers()
    out.write_text(log_dirs_text.BEGIN)
    dirs, errors = log_dirs.describe_log_dirs(connected, ids)
    if errors:
        return print_errors(errors)
    topics = selection.choose({replica.topic for row in dirs for replica in row.replicas}).names
    out.write_text(log_dirs_text.format_dirs(ids, dirs, None if selection.is_empty else topics))
    return DONE
