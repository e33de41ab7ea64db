"""Log directories of brokers: the replicas in them with sizes and lags, their disks, and moves between directories.

Reference: KIP-113 (DescribeLogDirs, AlterReplicaLogDirs), KIP-827 (sizes of disks).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafkactl.admin.models import Partition, make_unusable_error
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnansweredError, UnreachableError
from kafkactl.patterns import write_command

ReplicaKey = tuple[str, int, int]
"""The name of a topic, the number of a partition, and the id of the broker that has the replica."""

_HINT = "list the brokers: kafkactl brokers list"


@dataclass(frozen=True, kw_only=True)
class StoredReplica:
    """A replica in a log directory, or the copy that a move between directories makes of it."""

    topic: str
    partition: int
    broker: int
    log_dir: str
    size_bytes: int
    lag: int
    """Records that are missing: to the high watermark, for a future replica to the end of the replica itself.

    It is -1 where the broker does not know it, for example for a log that belongs to no replica.
    """
    is_future: bool
    """Whether this is the copy of a move that has not ended."""

    @property
    def key(self) -> ReplicaKey:
        """Return topic, partition and broker; a future replica has the key of the replica that it is a copy of."""
        return self.topic, self.partition, self.broker


@dataclass(frozen=True, kw_only=True)
class StoredDir:
    """A log directory of a broker with the replicas in it."""

    broker: int
    log_dir: str
    replicas: tuple[StoredReplica, ...]
    """In the broker's order, future replicas included."""
    total_bytes: int | None
    usable_bytes: int | None
    """Size and free space of its volume; None for brokers before 3.3, and where the broker cannot tell."""
    error: str | None
    """Why it cannot be used; None for no error."""
    code: int | None
    """Kafka's error code for `error`."""


@dataclass(frozen=True, kw_only=True)
class DirUsage:
    """A log directory of a broker with the sums of its replicas."""

    broker: int
    log_dir: str
    replicas: int
    """Without future replicas."""
    future_replicas: int
    size_bytes: int
    """Of all replicas, future ones included."""
    total_bytes: int | None
    usable_bytes: int | None
    """Size and free space of its volume; None where they are not known."""
    error: str | None
    """Why it cannot be used; None for no error."""


class Grouping(StrEnum):
    """Ways to sum replicas up."""

    BROKER = "broker"
    TOPIC = "topic"
    PARTITION = "partition"


@dataclass(frozen=True, kw_only=True)
class ReplicaSum:
    """The sum of the replicas of a broker, a topic or a partition. The fields that do not name it are None."""

    topic: str | None
    partition: int | None
    broker: int | None
    replicas: int
    """Without future replicas."""
    future_replicas: int
    size_bytes: int
    """Of all replicas, future ones included."""
    lag: int
    """Largest lag of a replica that is no future replica, in records; -1 where it is known for none."""


class MissingBrokersError(NotFoundError):
    """Brokers that are named are not alive."""

    def __init__(self, brokers: Sequence[int], alive: Sequence[int]) -> None:
        """Take the ids of the missing brokers and of those that are alive, both sorted."""
        names = ", ".join(map(str, brokers))
        super().__init__(
            f"broker{'' if len(brokers) == 1 else 's'} not alive: {names} (alive: {', '.join(map(str, alive))})", _HINT
        )
        self.brokers = tuple(brokers)
        self.alive = tuple(alive)


class DirMoveState(StrEnum):
    """How far a move of a replica between two directories is."""

    NEEDED = "needed"
    """It has not begun, or the replica is on its way to another directory."""
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class DirMove:
    """A move of a replica from one directory of its broker to another one."""

    topic: str
    partition: int
    broker: int
    log_dir: str
    """The present directory."""
    target: str
    """The directory after the move."""
    size_bytes: int
    state: DirMoveState

    @property
    def key(self) -> ReplicaKey:
        """Return topic, partition and broker of the replica."""
        return self.topic, self.partition, self.broker


def describe_log_dirs(
    cluster: Cluster, brokers: Collection[int] | None = None, topics: Mapping[str, Sequence[int]] | None = None
) -> tuple[list[StoredDir], list[KafkactlError]]:
    """Return the log directories of brokers, sorted by broker and path, and an error for each broker that failed.

    `brokers` are ids, None for all that are alive; without any both lists are empty. `topics` has the numbers of
    partitions of each topic, None for all topics; replicas of others are left out, and a topic that does not exist has
    none. Without any topic the directories have no replicas. A directory that cannot be used has an `error` and no
    replicas. Raise MissingBrokersError for a broker that is not alive, UnreachableError or OperationError where no
    broker answers, and UsageError for a wrong client setting and a name that is not UTF-8.
    """
    with cluster.share_timeout():
        require_live_brokers(cluster, brokers or ())
        answers, errors = cluster.requests.ask_brokers(
            "DescribeLogDirs",
            brokers,
            topics=None if topics is None else [(name, list(topics[name])) for name in topics],
        )
    dirs = [_make_dir(broker, item) for broker, answer in answers.items() for item in answer.results]
    return sorted(dirs, key=lambda row: (row.broker, row.log_dir)), errors


def require_live_brokers(cluster: Cluster, brokers: Iterable[int]) -> None:
    """Raise MissingBrokersError for the brokers that are not alive; without brokers nothing is asked.

    Raise UnreachableError, OperationError, and UsageError for a wrong client setting.
    """
    wanted_ids = set(brokers)
    if not wanted_ids:
        return
    alive = cluster.requests.list_brokers()
    if missing := sorted(wanted_ids - set(alive)):
        raise MissingBrokersError(missing, alive)


def find_unusable(dirs: Iterable[StoredDir]) -> list[OperationError]:
    """Return an error for each log directory that its broker cannot use; its replicas and sizes are not known."""
    return [make_unusable_error(row.broker, row.log_dir, row.error) for row in dirs if row.error is not None]


def find_replicas(dirs: Iterable[StoredDir], is_future: bool = False) -> dict[ReplicaKey, StoredReplica]:
    """Return the replicas in directories by topic, partition and broker, without the copies that moves make.

    With `is_future` these copies are returned, and nothing else.
    """
    return {replica.key: replica for row in dirs for replica in row.replicas if replica.is_future is is_future}


def measure_dir(row: StoredDir) -> DirUsage:
    """Return the sums of a directory's replicas; they are 0 where the directory has an error, because none are known.

    The size includes the copies that moves make. `replicas` does not; `future_replicas` is the number of these copies.
    """
    return DirUsage(
        broker=row.broker,
        log_dir=row.log_dir,
        replicas=sum(not replica.is_future for replica in row.replicas),
        future_replicas=sum(replica.is_future for replica in row.replicas),
        size_bytes=sum(replica.size_bytes for replica in row.replicas),
        total_bytes=row.total_bytes,
        usable_bytes=row.usable_bytes,
        error=row.error,
    )


def sum_replicas(replicas: Iterable[StoredReplica], grouping: Grouping) -> list[ReplicaSum]:
    """Return the sums of replicas by broker, topic or partition, sorted by what they are grouped by.

    The copies of moves count for the size only, and have a number of their own. The lag is the largest one, not a sum:
    -1 where it is known for none, and 0 where there are only copies.
    """
    keys: dict[Grouping, Callable[[StoredReplica], tuple[str | None, int | None, int | None]]] = {
        Grouping.BROKER: lambda row: (None, None, row.broker),
        Grouping.TOPIC: lambda row: (row.topic, None, None),
        Grouping.PARTITION: lambda row: (row.topic, row.partition, None),
    }
    groups: dict[tuple[str | None, int | None, int | None], list[StoredReplica]] = defaultdict(list)
    for replica in replicas:
        groups[keys[grouping](replica)].append(replica)
    return [
        ReplicaSum(
            topic=topic,
            partition=partition,
            broker=broker,
            replicas=sum(not row.is_future for row in rows),
            future_replicas=sum(row.is_future for row in rows),
            size_bytes=sum(row.size_bytes for row in rows),
            lag=max((row.lag for row in rows if not row.is_future), default=0),
        )
        for (topic, partition, broker), rows in sorted(
            groups.items(), key=lambda item: [part for part in item[0] if part is not None]
        )
    ]


def require_dir(dirs: Iterable[StoredDir], broker: int, path: str) -> None:
    """Raise NotFoundError where a broker does not have a directory, and OperationError where it cannot use it.

    `dirs` are the directories of this broker, and may have those of others; without any of it every path is missing.
    Paths are compared as texts: a / at the end makes another one.
    """
    paths = {row.log_dir: row for row in dirs if row.broker == broker}
    if path not in paths:
        raise NotFoundError(
            f"broker {broker} does not have the log directory {path!r}", f"it has: {', '.join(sorted(paths))}"
        )
    if paths[path].error is not None:
        raise OperationError(f"broker {broker} cannot use {path}: {paths[path].error}", None, paths[path].code)


def plan_dir_moves(
    dirs: Sequence[StoredDir], broker: int, partitions: Iterable[Partition], target: str
) -> tuple[list[DirMove], list[KafkactlError]]:
    """Return the moves that bring replicas of a broker into its directory `target`, and an error for each one missing.

    `dirs` are the directories of the broker. A replica that is in the directory has a move, too, with the state DONE,
    or NEEDED where it is on its way to another one; one on its way to the directory is RUNNING. Partitions keep their
    order. Replicas in a directory that the broker cannot use are missing, too. Raise NotFoundError where the broker
    does not have the directory, and OperationError where it cannot use it.
    """
    own_dirs = [row for row in dirs if row.broker == broker]
    require_dir(own_dirs, broker, target)
    present, futures = find_replicas(own_dirs), find_replicas(own_dirs, is_future=True)
    moves: list[DirMove] = []
    errors: list[KafkactlError] = []
    for topic, partition in partitions:
        key = (topic, partition, broker)
        replica, future = present.get(key), futures.get(key)
        if replica is None:
            errors.append(
                NotFoundError(
                    f"broker {broker} has no replica of {topic}-{partition}",
                    f"show where it is: {write_command('kafkactl log-dirs replicas', topic)}",
                )
            )
            continue
        moves.append(
            DirMove(
                topic=topic,
                partition=partition,
                broker=broker,
                log_dir=replica.log_dir,
                target=target,
                size_bytes=replica.size_bytes,
                state=_find_state(replica, future, target),
            )
        )
    return moves, errors


def _find_state(replica: StoredReplica, future: StoredReplica | None, target: str) -> DirMoveState:
    """Return how far the move of a replica to the directory `target` is; `future` is its copy, or None.

    Where the copy is for another directory, the move is NEEDED, also for a replica that is in `target`.
    """
    if future is not None and future.log_dir == target:
        return DirMoveState.RUNNING
    return DirMoveState.DONE if future is None and replica.log_dir == target else DirMoveState.NEEDED


def move_replicas(cluster: Cluster, targets: Mapping[ReplicaKey, str]) -> dict[ReplicaKey, KafkactlError | None]:
    """Start to move replicas to other log directories of their brokers; return the error of each, None for a success.

    `targets` has the path of the new directory of each replica. Each broker gets one request; the end of the moves is
    not waited for. The directory in which the replica is already is no error: a move of it to elsewhere is cancelled
    then. A broker that does not have the replica yet keeps the path for later, and its answer is REPLICA_NOT_AVAILABLE.
    The result is in the order of `targets`. A broker that did not answer is an UnreachableError of each of its
    replicas, or an UnansweredError where the move may have begun, as for a replica that the answer leaves out. A
    request that is refused as a whole is an OperationError of each replica. Without `targets` nothing is sent. Raise
    UsageError for a wrong client setting and a text that is not UTF-8.
    """
    by_broker: dict[int, list[ReplicaKey]] = defaultdict(list)
    for key in targets:
        by_broker[key[2]].append(key)
    results: dict[ReplicaKey, KafkactlError | None] = {}
    for broker, keys in by_broker.items():
        try:
            answer = cluster.requests.send(
                "AlterReplicaLogDirs", broker=broker, dirs=_build_dirs({key: targets[key] for key in keys})
            )
        except (UnreachableError, OperationError) as error:
            results.update(dict.fromkeys(keys, error))
            continue
        results.update(
            {
                (topic.topic_name, item.partition_index, broker): _make_error(
                    topic.topic_name, item.partition_index, broker, item.error_code
                )
                for topic in answer.results
                for item in topic.partitions
            }
        )
    return {
        key: results.get(key, UnansweredError(f"broker {key[2]} did not answer about {key[0]}-{key[1]}"))
        for key in targets
    }


def is_not_there_yet(error: KafkactlError | None) -> bool:
    """Return whether an error of move_replicas says that the broker does not have the replica yet.

    It is False for None.
    """
    return isinstance(error, OperationError) and error.code == ErrorCode.REPLICA_NOT_AVAILABLE


def _make_error(topic: str, partition: int, broker: int, code: int) -> OperationError | None:
    """Return the error of a replica for an error code of a broker, None for 0.

    For a directory that the broker does not have, the hint says how to list its directories.
    """
    if not code:
        return None
    error = refusal(f"cannot move {topic}-{partition} on broker {broker}", code)
    if code == ErrorCode.LOG_DIR_NOT_FOUND:
        error.hint = f"list its log directories: kafkactl log-dirs list --brokers {broker}"
    return error


def _build_dirs(targets: Mapping[ReplicaKey, str]) -> list[tuple[str, list[tuple[str, list[int]]]]]:
    """Return the field `dirs` of a request to one broker: (path, [(topic, [partition])]) for each directory.

    The ids of brokers in `targets` are not looked at.
    """
    dirs: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for (topic, partition, _), path in targets.items():
        dirs[path][topic].append(partition)
    return [(path, list(topics.items())) for path, topics in dirs.items()]


def _make_dir(broker: int, item: Any) -> StoredDir:
    """Return a log directory of an answer to DescribeLogDirs. An error is a text in it, and nothing is raised.

    Sizes of the volume that the answer does not have, or that are negative, are None.
    """
    total, usable = getattr(item, "total_bytes", None), getattr(item, "usable_bytes", None)
    return StoredDir(
        broker=broker,
        log_dir=item.log_dir,
        replicas=tuple(
            StoredReplica(
                topic=topic.name,
                partition=partition.partition_index,
                broker=broker,
                log_dir=item.log_dir,
                size_bytes=partition.partition_size,
                lag=partition.offset_lag,
                is_future=partition.is_future_key,
            )
            for topic in item.topics
            for partition in topic.partitions
        ),
        total_bytes=None if total is None or total < 0 else total,
        usable_bytes=None if usable is None or usable < 0 else usable,
        error=str(refusal("", item.error_code)) if item.error_code else None,
        code=item.error_code or None,
    )
