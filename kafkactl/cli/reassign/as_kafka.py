"""Reassignments in the order and the words of kafka-reassign-partitions, which asks nobody and does not wait.

Reference: org.apache.kafka.tools.reassign.ReassignPartitionsCommand.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.connection.protocol import ErrorCode, group_by_topic
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError
from kafkactl.output.kafka import reassign_text as text
from kafkactl.output.kafka.java_errors import INVALID_TOPIC, MirroredError, find_java_message
from kafkactl.output.kafka.java_order import sort_partitions
from kafkactl.patterns import is_topic_name
from kafkactl.statuses import DONE
from kafkactl.stdout import out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafkactl.admin.log_dirs import ReplicaKey, StoredReplica
    from kafkactl.admin.models import Partition
    from kafkactl.admin.reassignment import RunningMove
    from kafkactl.admin.reassignment_files import ReassignmentFile
    from kafkactl.cli.frame.replica_moves import ExecuteOptions
    from kafkactl.connection.cluster import Cluster

_FAILED = "org.apache.kafka.tools.AdminCommandFailedException"
_UNKNOWN = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
_INVALID_TOPIC = "org.apache.kafka.common.errors.InvalidTopicException"
_FACTOR = "org.apache.kafka.common.errors.InvalidReplicationFactorException"
_OPERATION = "org.apache.kafka.tools.AdminOperationException"
_EXECUTION = "java.util.concurrent.ExecutionException"
_PAUSE_S = 0.1


def list_running(running: Sequence[RunningMove]) -> int:
    """Print the running reassignments, and return 0. Raise OutputError or ReaderLeftError where stdout fails."""
    out.write_text(text.format_running(running))
    return DONE


def generate(connected: Cluster, topics: Sequence[str], brokers: Sequence[int] | None, with_racks: bool) -> int:
    """Print the present replicas of topics and new ones on brokers, and return 0. Nothing is moved.

    None or no `brokers` means all that are alive; those that are not alive are left out. A directory that cannot be
    read is "any". Raise MirroredError for a topic that does not exist, with `with_racks` where some of the brokers have
    a rack and others have none, and for no broker or fewer brokers than replicas; UnreachableError, OperationError for
    a refusal, UsageError for a wrong client setting, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import planning
    from kafkactl.admin.planning import Balance, Placement
    from kafkactl.admin.reassignment_files import build_document

    present = _read_present(connected, topics)
    nodes = connected.requests.send("Metadata", topics=[], min_version=1).brokers
    chosen = {
        node.node_id: node.rack if with_racks else None for node in nodes if not brokers or node.node_id in brokers
    }
    if len({rack is None for rack in chosen.values()}) > 1:
        raise MirroredError(
            "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica "
            "assignment without rack information.",
            _OPERATION,
        )
    most = max((len(replicas) for replicas in present.values()), default=0)
    if not chosen:
        raise MirroredError("All brokers are currently fenced, or have all their log directories cordoned.", _FACTOR)
    if most > len(chosen):
        raise MirroredError(
            f"The target replication factor of {most} cannot be reached because only {len(chosen)} broker(s) are "
            "registered or some brokers have all their log directories cordoned.",
            _FACTOR,
        )
    rows = [Placement(topic=key[0], partition=key[1], replicas=replicas) for key, replicas in present.items()]
    plan = planning.plan(rows, list(chosen), chosen, Balance.COUNT)
    dirs = _read_dirs(connected, present)
    current = build_document(present, {key: row.log_dir for key, row in dirs.items()})
    out.write_text(text.format_proposal(current, build_document({**present, **plan}, {})))
    return DONE


def execute(connected: Cluster, plan: ReassignmentFile, options: ExecuteOptions) -> int:
    """Print the present replicas, set throttles and start the moves of a plan, and return 0.

    The end of the moves is not waited for, whatever `options.wait` is, and the throttles stay, also after an error. A
    replica that has not reached its broker is waited for before it moves between directories, for
    `options.dir_timeout_s` at most. Raise MirroredError for any running reassignment without `options.additional`, a
    broker that is not alive, a partition that does not exist, a throttle that cannot be set, and moves that could not
    be started: other moves of the plan may have begun then. Raise UsageError in a read-only context and for a wrong
    client setting, UnreachableError, OperationError, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import reassignment, throttles
    from kafkactl.admin.reassignment import Move
    from kafkactl.admin.reassignment_files import build_document

    _announce(connected, "move replicas")
    running = reassignment.list_running(connected)
    if running and not options.additional:
        raise MirroredError(text.EXISTING)
    alive = connected.requests.list_brokers()
    if unknown := [broker for replicas in plan.replicas.values() for broker in replicas if broker not in alive]:
        raise MirroredError(f"Unknown broker id {unknown[0]}", _FAILED)
    present = {key: ids for key, ids in _read_present(connected, _list_topics(plan)).items() if key in plan.replicas}
    if missing := sort_partitions(key for key in plan.replicas if key not in present):
        names = ", ".join(f"{topic}-{number}" for topic, number in missing)
        raise MirroredError(f"Unable to find partition: {names}", _UNKNOWN, _EXECUTION)
    dirs = _read_dirs(connected, present)
    out.write_text(text.format_current(build_document(present, {key: row.log_dir for key, row in dirs.items()})))
    moves = [Move(key[0], key[1], present[key], after) for key, after in plan.replicas.items()]
    if options.throttle is not None or options.dir_throttle is not None:
        out.write_text(text.VERIFY_WARNING)
        settings = throttles.plan_throttles(
            moves, running, options.throttle, {key[2] for key in plan.log_dirs}, options.dir_throttle
        )
        _require_all(throttles.set_throttles(connected, settings))
        if options.throttle is not None:
            out.write_text(f"The inter-broker throttle limit was set to {options.throttle} B/s\n")
        if options.dir_throttle is not None:
            out.write_text(f"The replica-alter-dir throttle limit was set to {options.dir_throttle} B/s\n")
    errors = reassignment.start(connected, moves, options.allow_factor_change)
    _refuse(
        "Error reassigning partition(s):\n", {(move.topic, move.partition): error for move, error in errors.items()}
    )
    out.write_text(text.format_started(sorted(plan.replicas)))
    if plan.log_dirs:
        _move_dirs(connected, plan.log_dirs, options.dir_timeout_s)
    return DONE


def verify(connected: Cluster, plan: ReassignmentFile, preserve: bool) -> int:
    """Print how far the moves of a plan are, remove throttles where nothing moves any more, and return 0.

    The result is also 0 while partitions have other replicas. Nothing moves where the whole cluster has no reassignment
    and no broker has a directory move of the plan. Where one of their brokers does not answer, raise UnreachableError
    before the moves between directories are printed: they may go on, and the throttles stay. The throttles are those of
    all live brokers and of the plan's topics, whoever set them; with `preserve` none is removed. In a read-only context
    UsageError is raised in place of the removal, also where there are no throttles.

    Raise UsageError also for a wrong client setting, MirroredError where throttles cannot be removed, UnreachableError,
    OperationError for a refusal, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import reassignment

    running = reassignment.list_running(connected)
    rows = reassignment.verify(running, reassignment.read_replicas(connected, _list_topics(plan)), plan.replicas)
    out.write_text(text.format_states(rows))
    present, futures, alive = _read_dir_states(connected, plan.log_dirs)
    if silent := sorted({broker for _, _, broker in plan.log_dirs} - alive):
        raise UnreachableError(f"no answer from broker {silent[0]}: its moves between directories may go on")
    lines = [
        text.format_dir_state(
            key,
            plan.log_dirs[key],
            present[key].log_dir if key in present else None,
            futures[key].log_dir if key in futures else None,
            key[2] in alive,
        )
        for key in _sort_replicas(plan.log_dirs)
    ]
    out.write_text("".join(lines) or "\n")
    if not running and not any(key in futures for key in plan.log_dirs) and not preserve:
        _clear(connected, plan)
    return DONE


def cancel(connected: Cluster, plan: ReassignmentFile, preserve: bool, timeout_s: float) -> int:
    """Cancel the running moves of a plan's partitions, remove the throttles, and return 0.

    The moves may also be to other replicas or directories than the plan's. Moves between directories are cancelled for
    the replicas whose directory the plan names. Where one of their brokers does not answer, raise UnreachableError at
    the end: its moves go on, and the throttles stay. The throttles of all live brokers and of the plan's topics are
    removed, also while other reassignments run; with `preserve` none is removed. `timeout_s` is how long, in s, a
    broker is asked again that does not have its replica yet.

    Raise MirroredError where a move cannot be cancelled (others may have been, and the throttles stay) or a throttle
    cannot be removed, UsageError in a read-only context and for a wrong client setting, UnreachableError,
    OperationError for a refusal, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import reassignment

    _announce(connected, "cancel reassignments")
    chosen = [
        (row.topic, row.partition)
        for row in reassignment.list_running(connected)
        if (row.topic, row.partition) in plan.replicas
    ]
    if chosen:
        errors = reassignment.cancel(connected, chosen)
        failed = sum(error is not None for error in errors.values())
        _refuse(f"Error cancelling partition reassignment{'' if failed == 1 else 's'} for:\n", errors)
        out.write_text(text.format_cancelled(chosen))
    else:
        out.write_text(text.NO_REASSIGNMENTS)
    present, futures, answered = _read_dir_states(connected, plan.log_dirs)
    silent = sorted({broker for _, _, broker in plan.log_dirs} - answered)
    if moving := {key: present[key].log_dir for key in plan.log_dirs if key in futures and key in present}:
        _move_dirs(connected, moving, timeout_s)
    elif not silent:
        out.write_text(text.NO_MOVES)
    if silent:
        raise UnreachableError(f"no answer from broker {silent[0]}: its moves between directories go on")
    if not preserve:
        _clear(connected, plan)
    return DONE


def _announce(connected: Cluster, action: str) -> None:
    """Note that a change begins, and log it with --debug; raise UsageError in a read-only context."""
    before_change(connected, [Change(action=action, inverse=cannot_be_undone)])


def _list_topics(plan: ReassignmentFile) -> list[str]:
    """Return the topics of a plan, each once, in its order."""
    return list(dict.fromkeys(topic for topic, _ in plan.replicas))


def _read_present(connected: Cluster, topics: Sequence[str]) -> dict[Partition, tuple[int, ...]]:
    """Return the replicas of each partition of topics, sorted; raise MirroredError for the first missing topic.

    It has another text for a name that no topic can have. The first one is in the order of `topics`. While a move runs,
    the replicas that it adds and removes are among them. Raise UnreachableError, OperationError for a refusal, also of
    one topic, and UsageError for a wrong client setting and a name that is not UTF-8.
    """
    from kafkactl.admin import reassignment

    present = reassignment.read_replicas(connected, topics)
    names = {topic for topic, _ in present}
    for topic in topics:
        if topic not in names and is_topic_name(topic):
            raise MirroredError(f"Topic {topic} not found.", _UNKNOWN, _EXECUTION)
        if topic not in names:
            raise MirroredError(INVALID_TOPIC, _INVALID_TOPIC, _EXECUTION)
    return present


def _read_dirs(connected: Cluster, partitions: Iterable[Partition]) -> Mapping[ReplicaKey, StoredReplica]:
    """Return the replicas of partitions in the directories of the brokers that answer, by topic, partition and broker.

    Copies that moves make are left out, and so are brokers without an answer and directories that cannot be used. The
    brokers are asked without partitions, too. Raise UnreachableError or OperationError where no broker answers, and
    UsageError for a wrong client setting and a name that is not UTF-8.
    """
    from kafkactl.admin import log_dirs

    dirs, _ = log_dirs.describe_log_dirs(connected, None, group_by_topic(partitions))
    return log_dirs.find_replicas(dirs)


def _read_dir_states(
    connected: Cluster, targets: Mapping[ReplicaKey, str]
) -> tuple[Mapping[ReplicaKey, StoredReplica], Mapping[ReplicaKey, StoredReplica], set[int]]:
    """Return replicas and their copies that moves make, by key, and the ids of the brokers that answered.

    They are those of all brokers, for the partitions of `targets`, whose paths do not count. Brokers without an answer
    and directories that cannot be used are left out. Without targets nothing is asked. Raise UnreachableError or
    OperationError where no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import log_dirs

    if not targets:
        return {}, {}, set()
    partitions = dict.fromkeys((key[0], key[1]) for key in targets)
    dirs, _ = log_dirs.describe_log_dirs(connected, None, group_by_topic(partitions))
    return log_dirs.find_replicas(dirs), log_dirs.find_replicas(dirs, is_future=True), {row.broker for row in dirs}


def _move_dirs(connected: Cluster, targets: Mapping[ReplicaKey, str], timeout_s: float) -> None:
    """Start moves between directories, and print a line for each; their end is not waited for.

    `targets` has the path of each new directory, and is not changed; the present directory cancels a running move. A
    move whose broker does not have the replica yet is tried again for `timeout_s` seconds, and for 0 tried once. Raise
    MirroredError afterwards, and at once for another failure, also a missing answer: other moves may have begun then.
    Raise UsageError for a wrong client setting, and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import log_dirs

    deadline = time.monotonic() + timeout_s
    pending = dict(targets)
    while pending:
        results = log_dirs.move_replicas(connected, pending)
        for key in _sort_replicas(key for key, error in results.items() if error is None):
            out.write_text(text.format_dir_started(key, pending.pop(key)))
        for key, error in results.items():
            if error is not None and not log_dirs.is_not_there_yet(error):
                raise MirroredError("Failed to alter dir for {}-{}-{}".format(*key), _FAILED)
        if pending and time.monotonic() >= deadline:
            raise MirroredError(text.format_late(_sort_replicas(pending)))
        if pending:
            time.sleep(_PAUSE_S)
            connected.renew_timeout()


def _split(error: KafkactlError) -> tuple[str, str]:
    """Return an error's reason, in Java's words where find_java_message has them, and the class of its Java exception.

    An error that is no OperationError counts as REQUEST_TIMED_OUT. Without a code, or with an unknown one, the class is
    java.lang.IllegalStateException.
    """
    from kafkactl.connection.broker_errors import BROKER_ERRORS

    code = error.code if isinstance(error, OperationError) else ErrorCode.REQUEST_TIMED_OUT
    reason = error.reason if isinstance(error, OperationError) else str(error)
    entry = BROKER_ERRORS.get(code or 0)
    name = "java.lang.IllegalStateException" if entry is None else entry.exception_class
    return find_java_message(code or 0, reason), name


def _require_all(results: Mapping[Any, KafkactlError | None]) -> None:
    """Raise MirroredError for the first item with an error, in their order; do nothing without any.

    Each NotFoundError, also that of a broker, is taken for a topic that does not exist.
    """
    for entity, error in results.items():
        if isinstance(error, NotFoundError):
            raise MirroredError(f"The topic '{entity.name}' does not exist.", _UNKNOWN, _EXECUTION)
        if error is not None:
            raise MirroredError(*_split(error), _EXECUTION)


def _refuse(beginning: str, errors: Mapping[Partition, OperationError | None]) -> None:
    """Raise MirroredError with a line for each partition with an error, sorted; do nothing without any.

    `beginning` stands before the lines, and has its line end already; the last line has none.
    """
    lines = [
        f"{topic}-{number}: {find_java_message(error.code or 0, error.reason)}"
        for (topic, number), error in sorted(errors.items(), key=lambda item: item[0])
        if error is not None
    ]
    if lines:
        raise MirroredError(beginning + "\n".join(lines))


def _clear(connected: Cluster, plan: ReassignmentFile) -> None:
    """Remove the throttles of all brokers that are alive and of the topics of a plan, with the lines of Kafka's tool.

    All of them go, whoever set them, also while reassignments run. The brokers come first: after an error there, the
    topics keep theirs. Raise UsageError in a read-only context and for a wrong client setting, MirroredError for the
    first throttle that cannot be removed, UnreachableError or OperationError where the brokers cannot be listed, and
    OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import throttles

    _announce(connected, "remove throttles")
    alive = connected.requests.list_brokers()
    brokers = sorted({*alive, *(broker for replicas in plan.replicas.values() for broker in replicas)})
    first, second = text.format_clearing(brokers, _list_topics(plan))
    out.write_text(first)
    _require_all(throttles.clear_throttles(connected, [broker for broker in brokers if broker in alive], ()))
    out.write_text(second)
    _require_all(throttles.clear_throttles(connected, (), _list_topics(plan)))


def _sort_replicas(keys: Iterable[ReplicaKey]) -> list[ReplicaKey]:
    """Return replicas sorted by broker, topic and partition."""
    return sorted(keys, key=lambda key: (key[2], key[0], key[1]))
