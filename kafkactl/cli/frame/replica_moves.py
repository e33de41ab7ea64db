"""Moves of replicas between brokers: what a plan changes, their start, and the wait for their end."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kafkactl.cli.frame import move_throttles
from kafkactl.cli.frame.before_change import Change, cannot_be_undone
from kafkactl.cli.frame.following import Progress, follow, format_bytes
from kafkactl.cli.frame.results import print_errors
from kafkactl.connection.protocol import ErrorCode, group_by_topic
from kafkactl.errors import (
    KafkactlError,
    NotFoundError,
    OperationError,
    UnansweredError,
    UnreachableError,
    make_caused_error,
)
from kafkactl.output import people
from kafkactl.output.report import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kafkactl.admin.log_dirs import ReplicaKey, StoredDir
    from kafkactl.admin.models import Outcome, Partition
    from kafkactl.admin.planning import Balance, Placement
    from kafkactl.admin.reassignment import Move, RunningMove, VerifiedMove
    from kafkactl.admin.reassignment_files import ReassignmentFile
    from kafkactl.admin.throttles import ThrottlePlan
    from kafkactl.connection.cluster import Cluster

_PAUSE_S = 0.1
_SETTLING_S = 5.0
"""How long after the end of a move a broker may still name the replicas before it."""
_SHOWN = 5
"""Number of partitions that a note names."""
PLAN = [
    Column("TOPIC", lambda row: row["topic"]),
    Column("PARTITION", lambda row: row["partition"]),
    Column("BEFORE", lambda row: row["before"]),
    Column("AFTER", lambda row: row["replicas"]),
    Column("SIZE", lambda row: row["size_bytes"]),
]
"""Columns of what list_plan() returns."""


@dataclass(frozen=True, kw_only=True)
class ExecuteOptions:
    """How a plan is executed. Rates are in bytes per second, None for no limit."""

    throttle: int | None
    dir_throttle: int | None
    additional: bool
    """Whether other reassignments may run."""
    allow_factor_change: bool
    wait: bool
    dir_timeout_s: float
    """How long a replica may need to reach its broker before it moves between directories, in s."""


@dataclass(frozen=True, kw_only=True)
class NextCommands:
    """What messages about moves that have not ended advise to type."""

    resume: str
    """A phrase with the command that goes on, or shows the rest, and removes the throttles."""
    cancel: str = "kafkactl reassign cancel --all"

    def describe_rest(self, has_throttles: bool) -> str:
        """Return the sentence for a person who no longer waits; `has_throttles` says whether there are throttles."""
        left = ", and the throttles stay until they are removed" if has_throttles else ""
        return f"the brokers continue to move replicas{left}; {self.resume}"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a plan changes on a cluster."""

    rows: list[VerifiedMove]
    """The partitions of the plan that exist, and whose brokers are alive."""
    moves: list[Move]
    """Those that do not have their replicas, and are not on the way to them."""
    running: list[RunningMove]
    """All reassignments that are running."""
    dir_moves: Mapping[ReplicaKey, str]
    """Directories of replicas of the plan that are not there yet."""
    moved_bytes: int
    """Size of the new replicas."""
    errors: list[KafkactlError]
    """An error for each partition that cannot be moved."""
    changes: list[Change]

    def describe(self, options: ExecuteOptions) -> str:
        """Return the work as a phrase that begins with a verb, for the question before it.

        It has the number of moves and the new replicas with their size, also where they are 0, then the limit between
        brokers and the number of moves between directories, where there are any. A size that is not known counts as 0.
        The limit between directories is not in it.
        """
        added = sum(len(set(move.after) - set(move.before)) for move in self.moves)
        count = len(self.moves)
        text = f"move {count} partition{'' if count == 1 else 's'}: {added} new replica{'' if added == 1 else 's'}"
        text += f" with {format_bytes(self.moved_bytes)}"
        if options.throttle:
            text += f", {format_bytes(options.throttle)}/s at most"
        if self.dir_moves:
            text += f", {len(self.dir_moves)} between directories"
        return text


def read_placements(connected: Cluster, topics: Sequence[str]) -> tuple[list[Placement], list[KafkactlError]]:
    """Return the replicas of the partitions of topics, sorted, without sizes, and an error for each missing topic.

    While a move runs, the replicas that it adds are among them. The errors are sorted by topic and not raised. Raise
    OperationError for a refusal, also of one topic, UnreachableError where no broker answers, and UsageError for a
    wrong client setting.
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.planning import Placement
    from kafkactl.errors import NotFoundError

    present = reassignment.read_replicas(connected, topics)
    found = {topic for topic, _ in present}
    errors: list[KafkactlError] = [
        NotFoundError(f"topic not found: {name!r}", "list the topics that you can see: kafkactl topics list")
        for name in sorted(set(topics) - found)
    ]
    rows = [
        Placement(topic=topic, partition=number, replicas=replicas) for (topic, number), replicas in present.items()
    ]
    return rows, errors


def add_sizes(connected: Cluster, placements: Sequence[Placement]) -> tuple[list[Placement], list[KafkactlError]]:
    """Return partitions with the size of their largest replica, in the same order, and an error for each failure.

    Sizes are in bytes; the copies that moves between directories make do not count. A failure is a broker that does not
    answer about its sizes, or one of its log folders that cannot be used; a size that is not known is 0. A broker that
    is not alive is not asked, and is no failure. Without partitions nothing is asked. Raise UnreachableError or
    OperationError where no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    if not placements:
        return [], []
    chosen = group_by_topic((row.topic, row.partition) for row in placements)
    dirs, errors = log_dirs.describe_log_dirs(connected, None, chosen)
    sizes: dict[Partition, int] = defaultdict(int)
    for replica in log_dirs.find_replicas(dirs).values():
        key = (replica.topic, replica.partition)
        sizes[key] = max(sizes[key], replica.size_bytes)
    rows = [replace(row, size_bytes=sizes[row.topic, row.partition]) for row in placements]
    return rows, [*errors, *log_dirs.find_unusable(dirs)]


def require_sizes(connected: Cluster, placements: Sequence[Placement]) -> list[Placement]:
    """Return partitions with the size of their largest replica in bytes, in the same order, for a plan by bytes.

    Brokers that are not alive are no failure: a partition that has all its replicas there has the size 0. Raise
    OperationError where another broker refuses or has a log folder that cannot be used, UnreachableError where it does
    not answer, and UsageError for a wrong client setting.
    """
    rows, missing = add_sizes(connected, placements)
    if missing:
        raise make_caused_error(f"cannot plan by bytes, because sizes are missing: {missing[0]}", missing[0])
    return rows


def add_moved_sizes(
    connected: Cluster, placements: Sequence[Placement], plan: Collection[Partition]
) -> list[Placement]:
    """Return the partitions that a plan changes, with the size of their largest replica in bytes, in the same order.

    The other partitions are left out. A size that cannot be read is 0, and a warning on stderr has each reason, but
    none for a broker that is not alive. Raise UnreachableError or OperationError where no broker answers, and
    UsageError for a wrong client setting.
    """
    rows, missing = add_sizes(connected, [row for row in placements if (row.topic, row.partition) in plan])
    for error in missing:
        people.warning(f"a size is missing: {error}")
    return rows


def read_targets(
    connected: Cluster, topics: Sequence[str]
) -> tuple[list[Placement], list[RunningMove], list[KafkactlError]]:
    """Return the replicas of topics as they are after all running moves, these moves, and an error for missing topics.

    The replicas are sorted by topic and partition and have no sizes. The moves are all of the cluster, also those of
    other topics. There is one error for each missing topic. Raise OperationError for a refusal, also of one topic,
    UnreachableError where no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import reassignment

    running = reassignment.list_running(connected)
    targets = {(row.topic, row.partition): reassignment.get_target(row) for row in running}
    placements, errors = read_placements(connected, topics)
    return (
        [replace(row, replicas=targets.get((row.topic, row.partition), row.replicas)) for row in placements],
        running,
        errors,
    )


def plan_replicas(
    connected: Cluster, placements: Sequence[Placement], brokers: Sequence[int] | None, by: Balance, with_racks: bool
) -> dict[Partition, tuple[int, ...]]:
    """Return the new replicas of each partition that changes, in the order of `placements`.

    Nothing is moved. All replicas are on `brokers` afterwards; None or no `brokers` means all that are alive. Without
    `with_racks` racks do not count. A plan by bytes needs the sizes in `placements`. Raise NotFoundError for a broker
    that is not alive, OperationError where a partition has more replicas than there are brokers, and for a refusal;
    UnreachableError, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs, planning

    log_dirs.require_live_brokers(connected, brokers or ())
    nodes = connected.requests.send("Metadata", topics=[], min_version=1).brokers
    racks = {node.node_id: node.rack if with_racks else None for node in nodes}
    return planning.plan(placements, brokers or list(racks), racks, by)


def list_plan(placements: Iterable[Placement], plan: Mapping[Partition, Sequence[int]]) -> list[dict[str, Any]]:
    """Return the partitions of a plan as dicts, in the order of `placements`.

    The keys are topic, partition, replicas (the new ones), before (those in `placements`) and size_bytes. The first
    three are those of Kafka's JSON file. Partitions that are not in `placements` are left out.
    """
    return [
        {
            "topic": row.topic,
            "partition": row.partition,
            "replicas": list(plan[row.topic, row.partition]),
            "before": list(row.replicas),
            "size_bytes": row.size_bytes,
        }
        for row in placements
        if (row.topic, row.partition) in plan
    ]


def prepare(connected: Cluster, plan: ReassignmentFile, options: ExecuteOptions) -> Work:
    """Return the work of a plan for the present state of the cluster. Nothing is changed yet.

    A partition that cannot be moved is left out and has an error in the result: it does not exist, a broker of the plan
    is not alive, its number of replicas may not change, or a directory cannot be used. Moves and errors are sorted by
    partition. Sizes that cannot be read count as 0. A running reassignment to the replicas of the plan, in its order,
    is no move of the result; without one a new order alone is a move. Raise OperationError where reassignments run that
    do not lead to the replicas of the plan, also of partitions that are not in it, without `options.additional`, and
    for a refusal, also of one topic; UnreachableError, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.planning import Placement
    from kafkactl.admin.reassignment import Move

    running = reassignment.list_running(connected)
    targets = plan.replicas
    present = reassignment.read_replicas(connected, [topic for topic, _ in targets])
    alive = set(connected.requests.list_brokers())
    faults = reassignment.find_faults(targets, present, alive)
    if not options.allow_factor_change:
        faults = reassignment.find_factor_changes(targets, present, running) | faults
    sound_dirs = {key: path for key, path in plan.log_dirs.items() if (key[0], key[1]) not in faults}
    dir_moves, dir_faults = _plan_dirs(connected, sound_dirs)
    faults |= dir_faults
    rows = [row for row in reassignment.verify(running, present, targets) if (row.topic, row.partition) not in faults]
    on_the_way = {
        (row.topic, row.partition)
        for row in running
        if reassignment.get_target(row) == tuple(targets.get((row.topic, row.partition), ()))
    }
    foreign = [row for row in running if (row.topic, row.partition) not in on_the_way]
    if foreign and not options.additional:
        names = ", ".join(f"{row.topic}-{row.partition}" for row in foreign[:3])
        raise OperationError(
            f"{move_throttles.FOREIGN}: {names}{' and others' if len(foreign) > 3 else ''}",
            "wait for their end, or start in addition to them with --additional; show them: kafkactl reassign list",
        )
    moves = [
        Move(row.topic, row.partition, present[row.topic, row.partition], row.target)
        for row in rows
        if row.state != "done" and (row.topic, row.partition) not in on_the_way
    ]
    placements, _ = add_sizes(
        connected, [Placement(topic=move.topic, partition=move.partition, replicas=move.before) for move in moves]
    )
    sizes = {(row.topic, row.partition): row.size_bytes for row in placements}
    return Work(
        rows=rows,
        moves=moves,
        running=running,
        dir_moves=dir_moves,
        moved_bytes=sum(
            len(set(move.after) - set(move.before)) * sizes.get((move.topic, move.partition), 0) for move in moves
        ),
        errors=[faults[partition] for partition in sorted(faults)],
        changes=[_make_change(move) for move in moves] + _list_other_changes(dir_moves, moves, running, options),
    )


def _plan_dirs(
    connected: Cluster, dirs: Mapping[ReplicaKey, str]
) -> tuple[dict[ReplicaKey, str], dict[Partition, OperationError]]:
    """Return the directories of replicas that are not there yet, and an error for each partition that cannot be moved.

    It cannot where a broker does not have the directory (a / at the end makes another one), cannot use it, or does not
    tell its directories; then all directories of the partition are left out. A replica that is on its way, or that the
    broker does not have, is not there yet. Without `dirs` nothing is asked. The directories are sorted by topic,
    partition and broker. Raise NotFoundError for a broker that is not alive, UnreachableError or OperationError where
    no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    if not dirs:
        return {}, {}
    asked = {key[2] for key in dirs}
    described, errors = log_dirs.describe_log_dirs(
        connected, sorted(asked), group_by_topic(dict.fromkeys((key[0], key[1]) for key in dirs))
    )
    silent = sorted(asked - {row.broker for row in described})
    reasons = dict(zip(silent, errors, strict=True))  # errors are in the order of the brokers
    faults: dict[Partition, OperationError] = {}
    for (topic, number, broker), path in dirs.items():
        try:
            if broker in silent:
                raise OperationError(f"cannot read the log directories of broker {broker}: {reasons[broker]}")
            log_dirs.require_dir(described, broker, path)
        except OperationError as error:
            faults[topic, number] = OperationError(f"{topic}-{number}: {error}", error.hint, error.code)
    unmoved = _find_unmoved(described, {key: path for key, path in dirs.items() if (key[0], key[1]) not in faults})
    return {key: dirs[key] for key in unmoved}, faults


@dataclass(frozen=True)
class Ran:
    """What has become of moves."""

    outcomes: list[Outcome]
    errors: list[KafkactlError]
    has_lost_sight: bool = False
    """Whether the wait has ended by an error, the last one of `errors`; the moves go on."""


def run(connected: Cluster, work: Work, options: ExecuteOptions, commands: NextCommands) -> Ran:
    """Start the moves with throttles, wait for their end, and remove the throttles.

    Call before_change first. Return the outcome of each move, the refused ones first, and an error for each broker or
    topic whose throttles could not be removed, and for each topic that was deleted meanwhile. Where throttles are
    removed, all throttles of these brokers and topics go, also former ones. Brokers that are not alive get none, with a
    note. The limit between brokers holds for all reassignments that ran before, too.

    With `options.wait` there is no time limit, and progress is on stderr. The moves of the plan that ran before have an
    outcome, too, and moves whose topic was deleted after their begin have none. The throttles stay, with a note, while
    any other reassignment runs. An error of the wait is the last of the errors, and not raised: the moves that this
    call began are successes then, those that ran before have no outcome, and the throttles may stay. Without
    `options.wait` a move that has begun is a success, and the throttles stay, with a note; they are only removed where
    every move was refused and no reassignment of the cluster ran before. A move that the answer leaves out, or with the
    code REQUEST_TIMED_OUT, may have begun, and so may one between directories without an answer: it is waited for;
    without `options.wait`, and after an error of the wait, it is a failed outcome. A replica that its broker does not
    have yet is tried again for `options.dir_timeout_s`, also without the wait.

    Where the throttles cannot be set, nothing is moved, and those that were set are removed. Raise OperationError for
    that (UnreachableError where a broker does not answer), and where the controller refuses the whole request for moves
    between brokers: then the throttles are removed, and no move between directories begins. Raise UnreachableError
    where the request was not sent: then the throttles are removed, too. Raise UnansweredError where the moves may have
    begun: then the throttles stay. Raise UnreachableError or OperationError, before anything is set, where the brokers
    cannot be listed, and UsageError for a wrong client setting. `commands` are for the notes.
    """
    from kafkactl.admin import throttles
    from kafkactl.admin.models import Outcome

    settings = move_throttles.leave_out_dead(
        connected,
        throttles.plan_throttles(
            work.moves, work.running, options.throttle, {key[2] for key in work.dir_moves}, options.dir_throttle
        ),
    )
    move_throttles.set_throttles(connected, settings)
    results = _start_moves(connected, work, settings, options, commands) if work.moves else {}
    failures: list[KafkactlError] = []
    late = {
        move: error for move, error in results.items() if error and error.code == ErrorCode.REQUEST_TIMED_OUT
    }  # these may have been started
    is_refused = bool(work.moves) and all(results.values()) and not late and not work.running
    if is_refused and not work.dir_moves:
        failures = move_throttles.clear_throttles(connected, settings.brokers, settings.topics)
    dirs = _start_dir_moves(connected, work.dir_moves, options) if work.dir_moves else {}
    started = [move for move, error in results.items() if error is None]
    late_dirs = {key: error for key, error in dirs.items() if isinstance(error, UnansweredError)}
    doubtful = _list_refusals(late, late_dirs, options)
    refused = _list_refusals(
        {move: error for move, error in results.items() if move not in late},
        {key: error for key, error in dirs.items() if key not in late_dirs},
        options,
    )
    moving_dirs = {key: work.dir_moves[key] for key, error in dirs.items() if error is None}
    begun = [
        Outcome(name=f"{move.topic}-{move.partition}", ok=True, result=f"moving to {_show(move.after)}")
        for move in started
    ]
    begun += [
        Outcome(name="{}-{} on broker {}".format(*key), ok=True, result=f"moving to {path}")
        for key, path in moving_dirs.items()
    ]
    if not options.wait:
        if settings.brokers and (started or late or moving_dirs or late_dirs or work.running):
            people.note(commands.describe_rest(has_throttles=True))
        elif settings.brokers and work.dir_moves:
            failures = move_throttles.clear_throttles(connected, settings.brokers, settings.topics)
        return Ran([*refused, *doubtful, *begun], failures)
    moving_dirs |= {key: work.dir_moves[key] for key in late_dirs}
    over = {(move.topic, move.partition) for move, error in results.items() if error and move not in late}
    work = replace(work, rows=[row for row in work.rows if (row.topic, row.partition) not in over])
    try:
        _follow(connected, work, [*started, *late], commands, bool(settings.brokers))
        _follow_dirs(connected, moving_dirs, commands.describe_rest(bool(settings.brokers)))
        if settings.brokers and not is_refused:
            failures = move_throttles.remove_own_throttles(connected, settings)
        elif settings.brokers and work.dir_moves:
            failures = move_throttles.clear_throttles(connected, settings.brokers, settings.topics)
        outcomes, deleted = _check_results(connected, work, [*started, *late], moving_dirs)
    except (UnreachableError, OperationError) as error:
        return Ran([*refused, *doubtful, *begun], [*failures, error], has_lost_sight=True)
    return Ran([*refused, *outcomes], [*map(make_deleted_error, deleted), *failures])


def _start_moves(
    connected: Cluster, work: Work, settings: ThrottlePlan, options: ExecuteOptions, commands: NextCommands
) -> dict[Move, OperationError | None]:
    """Start the moves between brokers, and return the error of each, in their order, None for a success.

    Nothing is waited for. Where the request fails as a whole, all throttles of the brokers and topics in `settings` are
    removed, also former ones, before OperationError or UnreachableError is raised; throttles that cannot be removed are
    printed as errors. After UnansweredError the moves may have begun: the throttles stay, and a note says so where
    there are any of brokers. Where each move has its own error, nothing is removed or raised; one with the code
    REQUEST_TIMED_OUT may have begun. Raise UsageError for a wrong client setting.
    """
    from kafkactl.admin import reassignment

    try:
        return reassignment.start(connected, work.moves, options.allow_factor_change)
    except UnansweredError:
        if settings.brokers:
            people.note(f"the throttles stay until they are removed; {commands.resume}")
        raise
    except (OperationError, UnreachableError):
        print_errors(move_throttles.clear_throttles(connected, settings.brokers, settings.topics))
        raise


def _list_refusals(
    moves: Mapping[Move, OperationError | None],
    dirs: Mapping[ReplicaKey, KafkactlError | None],
    options: ExecuteOptions,
) -> list[Outcome]:
    """Return the outcome of each move that has an error; moves between brokers come before those of directories.

    A refusal to change the number of replicas gets the hint FACTOR_HINT where `options` forbid it; the error is
    changed.
    """
    from kafkactl.admin.models import make_failure
    from kafkactl.admin.reassignment import FACTOR_HINT

    outcomes = []
    for move, error in moves.items():
        if error is None:
            continue
        if error.code == ErrorCode.INVALID_REPLICATION_FACTOR and not options.allow_factor_change:
            error.hint = FACTOR_HINT
        outcomes.append(make_failure(f"{move.topic}-{move.partition}", error, error.reason))
    for (topic, number, broker), dir_error in dirs.items():
        if dir_error is not None:
            reason = dir_error.reason if isinstance(dir_error, OperationError) else None
            outcomes.append(make_failure(f"{topic}-{number} on broker {broker}", dir_error, reason))
    return outcomes


def make_deleted_error(topic: str) -> KafkactlError:
    """Return the error of a topic that was deleted while its replicas were moved; its `names` have the topic."""
    return NotFoundError(f"topic {topic}: it was deleted during the moves", names=[topic])


def _check_results(
    connected: Cluster, work: Work, started: Sequence[Move], dirs: Mapping[ReplicaKey, str]
) -> tuple[list[Outcome], list[str]]:
    """Return the outcome of each move that was waited for, from the replicas that are there now, and deleted topics.

    The moves between brokers come first. A replica that is not where it should be, or whose broker does not answer
    about its directories, is a failed outcome, and so are replicas in another order, because the first one is the
    preferred leader. Moves of topics that were deleted have no outcome; the topics are sorted. `started` are moves of
    this call; those of the plan that were running before count, too. `dirs` are the directories of replicas that were
    moved. Brokers learn of the end of a move between brokers one after the other: for 5 s its replicas are looked for
    again.

    Raise OperationError for a refusal, also of one topic, UnreachableError where no broker answers, and UsageError for
    a wrong client setting.
    """
    from kafkactl.admin import reassignment
    from kafkactl.admin.models import Outcome

    waited = {(move.topic, move.partition) for move in started}
    waited |= {(row.topic, row.partition) for row in work.running}
    rows = [row for row in work.rows if (row.topic, row.partition) in waited]
    deadline = time.monotonic() + _SETTLING_S
    while True:
        present = reassignment.read_replicas(connected, sorted({row.topic for row in rows}))
        deleted = {row.topic for row in rows} - {topic for topic, _ in present}
        moved = {row for row in rows if present.get((row.topic, row.partition)) == row.target}
        if all(row in moved or row.topic in deleted for row in rows) or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_S)
        connected.renew_timeout()
    outcomes = []
    for row in (row for row in rows if row.topic not in deleted):
        now = present.get((row.topic, row.partition), ())
        is_moved = row in moved
        text = f"moved to {_show(row.target)}" if is_moved else f"not moved: its replicas are on {_show(now)}"
        outcomes.append(Outcome(name=f"{row.topic}-{row.partition}", ok=is_moved, result=text))
    gone = _find_deleted(connected, {key[0] for key in dirs} - {row.topic for row in rows})
    deleted |= gone
    left = {key: path for key, path in dirs.items() if key[0] not in deleted}
    unmoved = find_unmoved(connected, left)
    outcomes += [
        Outcome(
            name="{}-{} on broker {}".format(*key), ok=key not in unmoved, result=unmoved.get(key, f"moved to {path}")
        )
        for key, path in left.items()
    ]
    return outcomes, sorted(deleted)


def _find_deleted(connected: Cluster, topics: set[str]) -> set[str]:
    """Return the topics that do not exist; without topics nothing is asked.

    Raise OperationError for a refusal, also of one topic, UnreachableError where no broker answers, and UsageError for
    a wrong client setting.
    """
    from kafkactl.admin import reassignment

    return topics - {topic for topic, _ in reassignment.read_replicas(connected, topics)}


def _show(brokers: Sequence[int]) -> str:
    """Return the ids of brokers with commas between."""
    return ",".join(map(str, brokers))


def find_unmoved(connected: Cluster, dirs: Mapping[ReplicaKey, str]) -> dict[ReplicaKey, str]:
    """Return why replicas are not in their directories, as text, for each that is not; empty without directories.

    The result is sorted by topic, partition and broker. A text that begins with "moving to" means that the move runs,
    or that the broker does not answer or refuses to, so that it may run. Raise UnreachableError or OperationError where
    no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    if not dirs:
        return {}
    partitions = dict.fromkeys((key[0], key[1]) for key in dirs)
    described, _ = log_dirs.describe_log_dirs(connected, None, group_by_topic(partitions))
    answered = {row.broker for row in described}
    silent = {key: path for key, path in dirs.items() if key[2] not in answered}
    texts = _find_unmoved(described, {key: path for key, path in dirs.items() if key not in silent})
    texts |= {
        key: f"moving to {path}, if it is not there: broker {key[2]} does not answer" for key, path in silent.items()
    }
    return dict(sorted(texts.items()))


def _find_unmoved(described: Sequence[StoredDir], dirs: Mapping[ReplicaKey, str]) -> dict[ReplicaKey, str]:
    """Return why replicas are not in their directories, as text, for each that is not.

    `described` are the directories of all brokers that answered. The result is sorted by topic, partition and broker. A
    text that begins with "moving to" means that the move runs, also one to the right directory.
    """
    from kafkactl.admin import log_dirs

    present, futures = log_dirs.find_replicas(described), log_dirs.find_replicas(described, is_future=True)
    unusable = {row.broker: row.log_dir for row in described if row.error is not None}
    texts = {}
    for key, path in sorted(dirs.items()):
        if key in futures:
            texts[key] = f"moving to {futures[key].log_dir}"
        elif key not in present:
            texts[key] = "the broker does not have the replica"
            if key[2] in unusable:  # nobody knows which replicas are there
                texts[key] += f", or it is in {unusable[key[2]]}, which the broker cannot use"
        elif present[key].log_dir != path:
            texts[key] = f"in {present[key].log_dir}, and not in {path}"
    return texts


def list_cancellations(running: Iterable[RunningMove]) -> list[Change]:
    """Return the changes that cancel reassignments; nothing can undo them."""
    return [
        Change(action=f"cancel the reassignment of {row.topic}-{row.partition}", inverse=cannot_be_undone)
        for row in running
    ]


def _list_other_changes(
    dirs: Mapping[ReplicaKey, str], moves: Sequence[Move], running: Sequence[RunningMove], options: ExecuteOptions
) -> list[Change]:
    """Return the moves between directories, and as the last one the setting of all throttles, as changes.

    The throttles are left out where `options` have no limit for what moves.
    """
    changes = [
        Change(action=f"move {topic}-{number} on broker {broker} to {path}", inverse=cannot_be_undone)
        for (topic, number, broker), path in dirs.items()
    ]
    if (options.throttle is not None and (moves or running)) or (options.dir_throttle is not None and dirs):
        changes.append(Change(action="set throttles of replicas", inverse=cannot_be_undone))
    return changes


def _make_change(move: Move) -> Change:
    """Return the move of a partition as a change that nothing can undo."""
    before, after = (",".join(map(str, replicas)) for replicas in (move.before, move.after))
    return Change(action=f"move {move.topic}-{move.partition} from {before} to {after}", inverse=cannot_be_undone)


def _start_dir_moves(
    connected: Cluster, dirs: Mapping[ReplicaKey, str], options: ExecuteOptions
) -> dict[ReplicaKey, KafkactlError | None]:
    """Start moves between directories; return the error of each, in the order of `dirs`, None for a success.

    Replicas that their broker does not have yet are tried again, until the time-out of the options is over; then they
    keep that error, and the broker keeps the directory for later. The end of the moves is not waited for. A broker that
    does not answer is an error of its replicas. Raise UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    deadline = time.monotonic() + options.dir_timeout_s
    results = log_dirs.move_replicas(connected, dirs)
    while late := [key for key, error in results.items() if log_dirs.is_not_there_yet(error)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_S)
        connected.renew_timeout()
        results |= log_dirs.move_replicas(connected, {key: dirs[key] for key in late})
    return results


def _describe_obstacle(moves: Sequence[RunningMove], alive: Collection[int], cancel: str) -> str | None:
    """Return which brokers that are not alive the moves wait for, as a sentence; None where they wait for none.

    A move waits for its new brokers, and for its old ones where none of them is alive. `alive` are ids of brokers,
    `cancel` is the command that cancels the moves.
    """
    waiting: dict[str, set[int]] = {}
    for row in moves:
        old = set(row.replicas) - set(row.adding)
        missing = set(row.adding) - set(alive)
        if old.isdisjoint(alive):
            missing |= old
        if missing:
            waiting[f"{row.topic}-{row.partition}"] = missing
    return f"{_describe_wait(waiting)}, and cancel the moves: {cancel}" if waiting else None


def _describe_wait(waiting: Mapping[str, set[int]]) -> str:
    """Return a sentence about moves that wait for brokers that are not alive, with the advice to start these.

    `waiting` has the ids of the brokers by the name of the partition, and is not empty. The first 5 partitions are
    named.
    """
    brokers = sorted(set().union(*waiting.values()))
    names = ", ".join(list(waiting)[:_SHOWN]) + (f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else "")
    text = f"broker {_show(brokers)} is" if len(brokers) == 1 else f"brokers {_show(brokers)} are"
    start = "it" if len(brokers) == 1 else "them"
    text += f" not alive: {names} wait{'s' if len(waiting) == 1 else ''} for {start}"
    return f"{text}; start {start} again, or stop with Ctrl-C"


def _follow(connected: Cluster, work: Work, moves: Sequence[Move], commands: NextCommands, has_throttles: bool) -> None:
    """Wait until the moves, and those of the plan that were running before, have ended, without a time limit.

    Progress is shown on stderr. A note says which brokers that are not alive they wait for. A move that was cancelled
    has ended, too: where the replicas are is not checked. `commands` and `has_throttles` are for the notes about moves
    that have not ended. Raise UnreachableError or OperationError, after a note, where the moves or the brokers cannot
    be read, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs, reassignment

    chosen = {(row.topic, row.partition): row.target for row in work.rows}
    waiting = {(move.topic, move.partition) for move in moves}
    waiting |= {(row.topic, row.partition) for row in work.running if (row.topic, row.partition) in chosen}
    added = {(move.topic, move.partition): set(move.after) - set(move.before) for move in moves}
    brokers = sorted({broker for ids in added.values() for broker in ids})
    topics = group_by_topic(added)

    def look() -> Progress:
        """Return how far the moves are; sizes that cannot be read count as 0 moved bytes.

        Raise UnreachableError or OperationError where the moves or the brokers cannot be read, and UsageError for a
        wrong client setting.
        """
        running = [row for row in reassignment.list_running(connected) if (row.topic, row.partition) in waiting]
        left = {(row.topic, row.partition) for row in running}
        alive = connected.requests.list_brokers() if left else []
        moved = 0
        if left and brokers and work.moved_bytes:
            try:
                dirs, _ = log_dirs.describe_log_dirs(connected, [id for id in brokers if id in alive], topics)
            except (UnreachableError, OperationError):  # sizes are only for the eye
                dirs = []
            moved = sum(
                replica.size_bytes
                for replica in log_dirs.find_replicas(dirs).values()
                if replica.broker in added.get((replica.topic, replica.partition), ())
            )
        return Progress(
            left=len(left),
            total=len(waiting),
            moved_bytes=moved,
            total_bytes=work.moved_bytes,
            obstacle=_describe_obstacle(running, alive, commands.cancel),
        )

    follow(connected, look, commands.describe_rest(has_throttles))


def _follow_dirs(connected: Cluster, dirs: Mapping[ReplicaKey, str], interrupted: str) -> None:
    """Wait until moves between directories have ended, without a time limit; return at once without any.

    Progress is shown on stderr. A move on a broker that does not answer, or refuses to, counts as running, and a note
    says which brokers are not alive. A replica that is in another directory, or is not there, counts as ended.
    `interrupted` is the note before an error. Raise UnreachableError or OperationError where no broker answers, and
    UsageError for a wrong client setting.
    """

    def look() -> Progress:
        """Return how far the moves are; raise the errors of the function around it."""
        left = [key for key, text in find_unmoved(connected, dirs).items() if text.startswith("moving")]
        alive = connected.requests.list_brokers() if left else []
        waiting: dict[str, set[int]] = defaultdict(set)
        for topic, number, broker in left:
            if broker not in alive:
                waiting[f"{topic}-{number}"].add(broker)
        obstacle = _describe_wait(waiting) if waiting else None
        return Progress(left=len(left), total=len(dirs), moved_bytes=0, total_bytes=0, obstacle=obstacle)

    if dirs:
        follow(connected, look, interrupted)
