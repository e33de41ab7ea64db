"""Moving replicas: which brokers a partition should have, and getting it there.

Reference: KIP-455 (AlterPartitionReassignments); racks as in org.apache.kafka.admin.AdminUtils.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError

from kafkactl.admin.models import Outcome
from kafkactl.admin.topics.descriptions import describe_topics
from kafkactl.admin.topics.models import PartitionDescription
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError

Racks = Mapping[int, str | None]
"""Each live broker's rack; None where it has none."""


@dataclass(frozen=True)
class Move:
    """A partition's replicas as they are and as they shall be, preferred leader first."""

    topic: str
    partition: int
    before: tuple[int, ...]
    after: tuple[int, ...]


def racks_of(cluster: Cluster) -> dict[int, str | None]:
    """Every live broker, with its rack."""
    described = cluster.ask(
        lambda: cluster.admin.describe_cluster(request_timeout=cluster.timeout_s), "cannot describe the cluster"
    )
    return {node.id: node.rack for node in described.nodes}


def load_of(cluster: Cluster) -> Counter[int]:
    """How many replicas each broker has."""
    return Counter(
        broker
        for topic in cluster.metadata().topics.values()
        for partition in topic.partitions.values()
        for broker in partition.replicas
    )


def plan(partitions: Sequence[PartitionDescription], factor: int, racks: Racks, loads: Mapping[int, int]) -> list[Move]:
    """The fewest moves that give each partition `factor` replicas; raises OperationError where brokers are too few.

    Replicas that are kept stay in their order, so leaders stay where they are. What is added goes to the rack that
    holds fewest of the partition's replicas, there to the broker with the fewest of all; what is dropped is out of sync
    if any is, else from the rack that holds most.
    """
    if factor > len(racks):
        raise OperationError(
            f"{factor} replicas need {factor} brokers, and {len(racks)} are there",
            f"live brokers: {', '.join(map(str, sorted(racks)))}",
        )
    load = Counter(loads)
    moves = []
    for row in partitions:
        replicas = list(row.replicas)
        while len(replicas) < factor:
            chosen = min(
                (broker for broker in racks if broker not in replicas),
                key=lambda broker: (_in_rack(racks, broker, replicas), load[broker], broker),
            )
            replicas.append(chosen)
            load[chosen] += 1
        while len(replicas) > factor:
            dropped = max(
                replicas,
                key=lambda broker: (
                    broker != row.leader and broker not in row.isr,
                    broker not in (row.leader, row.replicas[0]),
                    _in_rack(racks, broker, replicas),
                    load[broker],
                    broker,
                ),
            )
            replicas.remove(dropped)
            load[dropped] -= 1
        if tuple(replicas) != row.replicas:
            moves.append(Move(row.topic, row.partition, row.replicas, tuple(replicas)))
    return moves


def plan_factor(
    cluster: Cluster, names: Sequence[str], factor: int, added: Mapping[str, int] | None = None
) -> list[Move]:
    """The moves that give every partition of these topics that many replicas.

    `added` has the number of partitions of topics that just got some: brokers hear of them one after the other.
    Raises OperationError when one has not heard within the time-out.
    """

    def ask() -> list[PartitionDescription]:
        described = describe_topics(cluster, names)
        for one in described:
            if len(one.partitions) < (added or {}).get(one.topic, 0):
                what = f"a broker has not heard of the new partitions of {one.topic}"
                raise OperationError(what, "do it again later", KafkaError._UNKNOWN_PARTITION)
        return [row for one in described for row in one.partitions]

    partitions = cluster.retry(ask, frozenset({KafkaError._UNKNOWN_PARTITION}))
    return plan(partitions, factor, racks_of(cluster), load_of(cluster))


def start(cluster: Cluster, moves: Iterable[Move]) -> dict[Move, OperationError | None]:
    """Have the controller start the moves; return the error of each move that it refused, else None."""
    by_partition = {(move.topic, move.partition): move for move in moves}
    codes = cluster.requests.alter_reassignments({key: move.after for key, move in by_partition.items()})
    results: dict[Move, OperationError | None] = {}
    for key, move in by_partition.items():
        where = f"cannot move {move.topic}-{move.partition}"
        results[move] = refusal(where, codes[key], None) if codes[key] else None
    return results


def outcomes(
    names: Sequence[str], factor: int, started: Mapping[Move, OperationError | None], verb: str
) -> list[Outcome]:
    """What became of each topic."""
    results = []
    for name in names:
        refused = [str(error) for move, error in started.items() if move.topic == name and error is not None]
        moved = sum(move.topic == name and error is None for move, error in started.items())
        done = f"replication {factor}: {moved} partitions {verb}"
        results.append(Outcome(name, not refused, "; ".join([*refused, done] if refused else [done])))
    return results


def unfinished(cluster: Cluster, moves: Sequence[Move]) -> set[tuple[str, int]]:
    """Return the moved partitions whose replicas are still being added or removed."""
    return set(cluster.requests.list_reassignments()) & {(move.topic, move.partition) for move in moves}


def _in_rack(racks: Racks, broker: int, replicas: Sequence[int]) -> int:
    """How many of the replicas share the broker's rack; a broker without one is a rack of its own."""
    rack = racks.get(broker)
    return 0 if rack is None else sum(racks.get(replica) == rack for replica in replicas)
