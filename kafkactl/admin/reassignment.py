"""Reassignment of replicas: the plan of the moves, their start, their state, and their end.

Reference: KIP-455 (AlterPartitionReassignments); racks as in org.apache.kafka.admin.AdminUtils.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from confluent_kafka import KafkaError

from kafkactl.admin.models import Outcome, Partition
from kafkactl.admin.topics.descriptions import describe_in_full, describe_topics
from kafkactl.admin.topics.models import PartitionDescription
from kafkactl.connection.broker_errors import refusal, require_readable
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import NotFoundError, OperationError

_MS = 1000
_TOPICS_HINT = "list the topics that you can see: kafkactl topics list"
FACTOR_HINT = "keep the number, or leave out --disallow-replication-factor-change"
"""Hint of a refusal to change the number of replicas of a partition."""
Racks = Mapping[int, str | None]
"""Rack of each live broker by its id; None for a broker without a rack."""


@dataclass(frozen=True)
class Move:
    """The present and the future replicas of a partition. The first one is the preferred leader."""

    topic: str
    partition: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class RunningMove:
    """A reassignment in progress. The replicas are ids of brokers."""

    topic: str
    partition: int
    replicas: tuple[int, ...]
    """All replicas, with those that are added and those that are removed."""
    adding: tuple[int, ...]
    removing: tuple[int, ...]


class MoveState(StrEnum):
    """How far the move of a partition is."""

    DONE = "done"
    """The partition has the replicas of the plan, in their order."""
    RUNNING = "running"
    OTHER = "other replicas"
    """No reassignment runs, and the partition has other replicas than the plan."""
    MISSING = "not found"
    """The partition does not exist."""


@dataclass(frozen=True, kw_only=True)
class VerifiedMove:
    """The state of a partition, compared with a plan."""

    topic: str
    partition: int
    state: MoveState
    replicas: tuple[int, ...]
    """Present replicas; while a move runs, with those that are added and removed."""
    target: tuple[int, ...]
    """Replicas of the plan."""


def read_racks(cluster: Cluster) -> dict[int, str | None]:
    """Return the rack of each live broker by its id, None without a rack.

    Raise UnreachableError, OperationError, or UsageError for a wrong client setting.
    """
    described = cluster.ask(
        lambda: cluster.admin.describe_cluster(request_timeout=cluster.timeout_s), "cannot describe the cluster"
    )
    return {node.id: node.rack for node in described.nodes}


def count_replicas(cluster: Cluster) -> Counter[int]:
    """Return the number of replicas on each broker by its id; brokers without replicas are missing, and count as 0.

    Internal topics count, and during a move old and new replicas; topics that the user may not see do not count. Raise
    UnreachableError, OperationError, or UsageError for a wrong client setting.
    """
    return Counter(
        broker
        for topic in cluster.read_metadata().topics.values()
        for partition in topic.partitions.values()
        for broker in partition.replicas
    )


def plan(partitions: Sequence[PartitionDescription], factor: int, racks: Racks, loads: Mapping[int, int]) -> list[Move]:
    """Return the fewest moves that give each partition `factor` replicas, in the order of `partitions`.

    Partitions that have as many replicas are left out. Kept replicas stay in their order. A new replica goes to the
    rack with the fewest replicas of the partition, and there to the broker with the fewest replicas (`loads`, by
    broker, which stay as they are), of equals the one with the lowest id; each move of the plan counts for the next
    one. A broker without a rack is a rack of its own. A replica out of sync that is not the leader is removed first,
    and one of a broker that is not alive before others, then one from the rack with the most replicas, there of the
    broker with the most, of equals the highest id. An eligible leader, also a last known one, counts as in sync. The
    preferred leader in sync comes near the end; a leader that is one of the replicas is never removed. `factor` is at
    least 1, which is not checked. Raise OperationError where fewer than `factor` brokers are alive, also where nothing
    has to move.
    """
    if factor > len(racks):
        raise OperationError(
            f"{factor} replicas need {factor} brokers, and {len(racks)} {'is' if len(racks) == 1 else 'are'} alive",
            f"live brokers: {', '.join(map(str, sorted(racks)))}",
        )
    load = Counter(loads)
    moves = []
    for row in partitions:
        replicas = list(row.replicas)
        while len(replicas) < factor:
            new_broker = min(
                (broker for broker in racks if broker not in replicas),
                key=lambda broker: (_count_in_rack(racks, broker, replicas), load[broker], broker),
            )
            replicas.append(new_broker)
            load[new_broker] += 1
        in_sync = {row.leader, *row.isr, *(row.elr or ()), *(row.last_known_elr or ())}
        while len(replicas) > factor:
            old_broker = max(
                replicas,
                key=lambda broker: (
                    broker not in in_sync,
                    broker != row.leader and broker not in racks,
                    broker not in (row.leader, row.replicas[0]),
                    broker != row.leader,
                    _count_in_rack(racks, broker, replicas),
                    load[broker],
                    broker,
                ),
            )
            replicas.remove(old_broker)
            load[old_broker] -= 1
        if tuple(replicas) != row.replicas:
            moves.append(Move(row.topic, row.partition, row.replicas, tuple(replicas)))
    return moves


def plan_factor(
    cluster: Cluster, names: Sequence[str], factor: int, added: Mapping[str, int] | None = None
) -> list[Move]:
    """Return the moves that give every partition of these topics `factor` replicas. Nothing is moved.

    Partitions that have as many replicas are left out; the moves are sorted by topic and partition. A partition that is
    moving counts as moved. `added` has the total number of partitions of topics that have just got new ones: brokers
    learn of them one after the other. `factor` is at least 1, which is not checked; names must be UTF-8, and have no
    NUL character.

    Raise OperationError where a broker does not know them within the time-out, or where fewer than `factor` brokers are
    alive, also where nothing has to move. Raise NotFoundError or OperationError for a topic that cannot be described
    and for another refusal, UnreachableError, UsageError for a wrong client setting, and ValueError for an empty name.
    """

    def ask() -> list[PartitionDescription]:
        """Return the partitions of the topics; raise OperationError (_UNKNOWN_PARTITION) where new ones are missing.

        Raise NotFoundError or OperationError for a topic that cannot be described, UnreachableError, UsageError for a
        wrong client setting, and ValueError for an empty name.
        """
        described = describe_topics(cluster, names)
        for topic in described:
            if len(topic.partitions) < (added or {}).get(topic.topic, 0):
                failure = f"a broker does not know the new partitions of {topic.topic} yet"
                raise OperationError(failure, "try again later", KafkaError._UNKNOWN_PARTITION)
        return [row for topic in described for row in topic.partitions]

    # The moves come first: after one that ends between the two answers, the topic has the replicas of its target.
    targets = {(row.topic, row.partition): get_target(row) for row in list_running(cluster)}
    partitions = cluster.retry(ask, frozenset({KafkaError._UNKNOWN_PARTITION}))
    partitions = [replace(row, replicas=targets.get((row.topic, row.partition), row.replicas)) for row in partitions]
    partitions = _add_eligible_leaders(cluster, partitions)
    return plan(partitions, factor, read_racks(cluster), count_replicas(cluster))


def list_running(cluster: Cluster) -> list[RunningMove]:
    """Return all reassignments in progress, sorted by topic and partition.

    Raise OperationError for a refusal, UnsupportedRequestError before Kafka 2.4, UnreachableError, and UsageError for a
    wrong client setting.
    """
    running = [
        RunningMove(topic=topic, partition=number, replicas=move.replicas, adding=move.adding, removing=move.removing)
        for (topic, number), move in cluster.requests.list_reassignments().items()
    ]
    return sorted(running, key=lambda row: (row.topic, row.partition))


def read_replicas(cluster: Cluster, topics: Iterable[str]) -> dict[Partition, tuple[int, ...]]:
    """Return the replicas of each partition of these topics, sorted; topics that do not exist are left out.

    The first replica is the preferred leader. While a move runs, the replicas that it adds and removes are among them.
    Without topics nothing is asked. Raise OperationError for a refusal, also of one topic, UnreachableError, and
    UsageError for a wrong client setting and a name that is not UTF-8.
    """
    names = sorted(set(topics))
    described = cluster.requests.read_metadata(names) if names else []
    require_readable(described)
    return dict(
        sorted(
            ((topic.name, item.partition_index), tuple(item.replica_nodes))
            for topic in described
            for item in topic.partitions
        )
    )


def verify(
    running: Iterable[RunningMove],
    present: Mapping[Partition, tuple[int, ...]],
    targets: Mapping[Partition, tuple[int, ...]],
) -> list[VerifiedMove]:
    """Return the state of each partition of a plan, sorted by topic and partition; nothing is asked.

    `running` are all reassignments, `present` the replicas of the partitions that exist, and `targets` those of the
    plan, as tuples. A partition is RUNNING while any reassignment of it runs, also one to other replicas. It is DONE
    only with the plan's order of replicas, else OTHER. One that does not exist is MISSING, and its replicas are empty.
    """
    moving = {(row.topic, row.partition): row for row in running}
    rows = []
    for partition, target in sorted(targets.items()):
        replicas = present.get(partition, ())
        if partition in moving:
            state, replicas = MoveState.RUNNING, moving[partition].replicas
        elif partition not in present:
            state = MoveState.MISSING
        else:
            state = MoveState.DONE if replicas == target else MoveState.OTHER
        rows.append(
            VerifiedMove(
                topic=partition[0], partition=partition[1], state=state, replicas=replicas, target=tuple(target)
            )
        )
    return rows


def find_faults(
    targets: Mapping[Partition, Sequence[int]], present: Collection[Partition], alive: Collection[int]
) -> dict[Partition, OperationError]:
    """Return a NotFoundError for each partition of a plan that does not exist, or has a broker that is not alive.

    The errors are sorted by partition and not raised; sound partitions are left out. `present` are the partitions that
    exist, `alive` the ids of the brokers that are alive.
    """
    faults: dict[Partition, OperationError] = {}
    for (topic, number), brokers in sorted(targets.items()):
        unknown = sorted(set(brokers) - set(alive))
        if (topic, number) not in present:
            faults[topic, number] = make_missing_error(topic, number)
        elif unknown:
            names = ", ".join(map(str, unknown))
            text = f"{topic}-{number}: broker{'' if len(unknown) == 1 else 's'} not alive: {names}"
            faults[topic, number] = NotFoundError(text, "list the brokers: kafkactl brokers list")
    return faults


def make_missing_error(topic: str, partition: int) -> NotFoundError:
    """Return the error of a partition that does not exist; its `names` have the topic."""
    return NotFoundError(f"partition not found: {topic}-{partition}", _TOPICS_HINT, names=[topic])


def get_target(row: RunningMove) -> tuple[int, ...]:
    """Return the replicas that a running reassignment leads to."""
    return tuple(broker for broker in row.replicas if broker not in row.removing)


def find_factor_changes(
    targets: Mapping[Partition, Sequence[int]],
    present: Mapping[Partition, Sequence[int]],
    running: Iterable[RunningMove],
) -> dict[Partition, OperationError]:
    """Return an error for each partition to which a plan gives another number of replicas, sorted and not raised.

    `present` are the replicas of the partitions that exist. For a partition of `running` the replicas after its move
    count, as in the controller. Partitions that do not exist have no error.
    """
    counts = {partition: len(replicas) for partition, replicas in present.items()}
    counts |= {(row.topic, row.partition): len(get_target(row)) for row in running}
    return {
        (topic, number): OperationError(
            f"{topic}-{number}: the number of replicas would change from {counts[topic, number]} to {len(replicas)}",
            FACTOR_HINT,
        )
        for (topic, number), replicas in sorted(targets.items())
        if counts.get((topic, number), len(replicas)) != len(replicas)
    }


def start(
    cluster: Cluster, moves: Iterable[Move], allow_factor_change: bool = True
) -> dict[Move, OperationError | None]:
    """Start the moves on the controller, and do not wait for their end.

    Return the error of each move that it refused, and None for the others, in the order of the moves. Of several moves
    of a partition only the last one is sent and returned, in the place of the first. Without moves an empty request is
    sent. Without `allow_factor_change` the controller refuses moves to another number of replicas; it must be Kafka 4.1
    or newer.

    Raise OperationError where it refuses all, UnansweredError where moves may have been started without an answer,
    UnreachableError where the request was not sent, UnsupportedRequestError for an old controller, and UsageError for a
    wrong client setting, a name that is not UTF-8 and a number from 2^31 on. A move that the answer leaves out, and
    each one where the controller did not finish in time, has an error with the code REQUEST_TIMED_OUT: it may have been
    started.
    """
    by_partition = {(move.topic, move.partition): move for move in moves}
    errors = _alter(
        cluster,
        {key: list(move.after) for key, move in by_partition.items()},
        "move replicas",
        "move",
        allow_factor_change,
    )
    return {move: errors[key] for key, move in by_partition.items()}


def cancel(cluster: Cluster, partitions: Iterable[Partition]) -> dict[Partition, OperationError | None]:
    """Cancel the reassignments of partitions: their replicas become those before the move.

    Return the error of each partition, None for a success, in their order. A partition without a reassignment has an
    error. Without partitions nothing is sent. Raise OperationError where the controller refuses all, UnansweredError
    where the moves may have been cancelled, UnreachableError where the request was not sent, and UsageError for a wrong
    client setting. A partition that the answer leaves out, and each one where the controller did not finish in time,
    has an error with the code REQUEST_TIMED_OUT: its move may have been cancelled.
    """
    chosen = list(partitions)
    errors = _alter(cluster, dict.fromkeys(chosen), "cancel moves", "cancel the move of") if chosen else {}
    return {partition: errors[partition] for partition in chosen}


def _alter(
    cluster: Cluster,
    replicas: Mapping[Partition, list[int] | None],
    action: str,
    verb: str,
    allow_factor_change: bool = True,
) -> dict[Partition, OperationError | None]:
    """Send new replicas of partitions, None to cancel a move, and return the error of each, None for a success.

    A partition that the answer leaves out, and each one where the controller did not finish in time, has an error with
    the code REQUEST_TIMED_OUT: it may have been changed. The messages of partitions are "cannot VERB TOPIC-PARTITION:
    ...", that of a whole refusal "cannot ACTION: ...", but the reason alone where a transient one lasts until the
    time-out. An empty request is sent, too. Without `allow_factor_change` the controller must be Kafka 4.1 or newer.

    Raise OperationError where the controller refuses all, UnansweredError where the change may have been made,
    UnreachableError where the request was not sent, UnsupportedRequestError for an old controller, and UsageError for a
    wrong client setting and a text that is not UTF-8.
    """
    topics: dict[str, list[tuple[int, list[int] | None]]] = defaultdict(list)
    for (topic, number), brokers in replicas.items():
        topics[topic].append((number, brokers))
    fields: dict[str, Any] = {"timeout_ms": int(cluster.settings.timeout_s * _MS), "topics": list(topics.items())}
    if not allow_factor_change:
        fields |= {"allow_replication_factor_change": False, "min_version": 1}
    answer = cluster.requests.send("AlterPartitionReassignments", to_controller=True, **fields)
    is_late = answer.error_code == ErrorCode.REQUEST_TIMED_OUT  # the controller can still do it
    if answer.error_code and not is_late:
        raise refusal(f"cannot {action}", answer.error_code, answer.error_message)
    answers = {(topic.name, item.partition_index): item for topic in answer.responses for item in topic.partitions}
    errors: dict[Partition, OperationError | None] = {}
    for topic, number in replicas:
        failure, item = f"cannot {verb} {topic}-{number}", answer if is_late else answers.get((topic, number))
        if item is None:
            errors[topic, number] = OperationError(f"{failure}: no answer", code=ErrorCode.REQUEST_TIMED_OUT)
        else:
            errors[topic, number] = refusal(failure, item.error_code, item.error_message) if item.error_code else None
    return errors


def summarize_moves(
    names: Sequence[str], factor: int, started: Mapping[Move, OperationError | None], verb: str
) -> list[Outcome]:
    """Return the outcome of each topic, in the order of `names`, from the errors (None: none) of started moves.

    The text is "replication FACTOR: N partitions VERB", where N is the number of moves without an error. The errors of
    the topic's other moves come before it, joined with "; ", and the outcome has failed then. `verb` describes the
    state of the started moves, such as "moving". A topic without moves is a success with N = 0. Where all moves of a
    topic have the code REQUEST_TIMED_OUT, so has the outcome: they may have been started. No other outcome has a code,
    and none a hint.
    """
    results = []
    for name in names:
        errors = [error for move, error in started.items() if move.topic == name]
        refusals = [str(error) for error in errors if error is not None]
        text = f"replication {factor}: {errors.count(None)} partitions {verb}"
        codes = {None if error is None else error.code for error in errors}
        code = ErrorCode.REQUEST_TIMED_OUT if codes == {ErrorCode.REQUEST_TIMED_OUT} else None
        results.append(
            Outcome(name=name, ok=not refusals, result="; ".join([*refusals, text] if refusals else [text]), code=code)
        )
    return results


def find_unfinished_moves(cluster: Cluster, moves: Sequence[Move]) -> set[tuple[str, int]]:
    """Return the partitions (topic, number) of these moves whose replicas are still being added or removed.

    A later move of such a partition counts, too, also one of another user. The set is empty when all are over. Without
    moves the controller is asked, too. Nothing is waited for. Raise OperationError for a refusal, UnreachableError, and
    UsageError for a wrong client setting.
    """
    running = {(row.topic, row.partition) for row in list_running(cluster)}
    return running & {(move.topic, move.partition) for move in moves}


def _add_eligible_leaders(cluster: Cluster, rows: Sequence[PartitionDescription]) -> list[PartitionDescription]:
    """Return the rows, those without a leader with their eligible leaders, in their order.

    These may be the only ones with all records. Brokers before Kafka 4.0 do not know them. A row stays as it is where
    its topic, or the partition, is not described any more. Where all rows have a leader nothing is asked. Raise
    UnreachableError, OperationError or UsageError where the request fails.
    """
    names = sorted({row.topic for row in rows if row.leader is None})
    described, _ = describe_in_full(cluster, names)
    full = {(row.topic, row.partition): row for topic in described for row in topic.partitions}
    return [
        replace(row, elr=known.elr, last_known_elr=known.last_known_elr)
        if row.leader is None and (known := full.get((row.topic, row.partition))) is not None
        else row
        for row in rows
    ]


def _count_in_rack(racks: Racks, broker: int, replicas: Sequence[int]) -> int:
    """Return how many of the replicas are in the broker's rack, the broker's own replica included.

    A broker without a rack or with an empty one counts as a rack of its own, and so does one that is not alive.
    """
    rack = racks.get(broker)
    return int(broker in replicas) if not rack else sum(racks.get(replica) == rack for replica in replicas)
