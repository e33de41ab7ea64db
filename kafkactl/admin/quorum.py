"""The quorum of the controllers: its leader, and how far each voter and observer has read the metadata log.

Reference: KIP-595, KIP-836 (times), KIP-853 (directory ids, and the change of voters).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from kafkactl.admin.endpoints import describe_cluster
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError, UnsupportedRequestError, UsageError

NO_DIRECTORY = "AAAAAAAAAAAAAAAAAAAAAA"
"""Directory id of a voter of a static quorum."""
_ID_BYTES = 16


class Role(StrEnum):
    """What a node does in the quorum."""

    LEADER = "leader"
    FOLLOWER = "follower"
    """A voter that is not the leader."""
    OBSERVER = "observer"
    """A node that reads the log and does not vote: a broker, or a controller that was not added."""


@dataclass(frozen=True, kw_only=True)
class QuorumNode:
    """A node that reads the metadata log."""

    id: int
    role: Role
    directory_id: str
    """Id of its metadata folder; AAAAAAAAAAAAAAAAAAAAAA in a static quorum."""
    log_end_offset: int
    lag: int
    """Records that it lacks."""
    last_fetch_ms: int | None
    """Time of its last fetch, in ms since 1970; None where it is not known."""
    last_caught_up_ms: int | None
    """Last time at which it had the whole log, in ms since 1970; None where it is not known."""
    endpoints: tuple[str, ...]
    """Listeners as NAME://HOST:PORT; empty for observers, and for controllers before 3.9."""


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """The quorum of a KRaft cluster."""

    cluster_id: str | None
    leader_id: int
    leader_epoch: int
    high_watermark: int
    max_follower_lag: int
    """Records that the slowest voter lacks."""
    max_follower_lag_ms: int | None
    """How far it is behind in time, in ms; None where it is not known."""
    nodes: list[QuorumNode]
    """The leader, then the other voters, then the observers, each kind in the order of the answer."""

    @property
    def voters(self) -> list[QuorumNode]:
        """Return the leader and the followers."""
        return [node for node in self.nodes if node.role is not Role.OBSERVER]

    @property
    def observers(self) -> list[QuorumNode]:
        """Return the nodes that do not vote."""
        return [node for node in self.nodes if node.role is Role.OBSERVER]


def read_quorum(cluster: Cluster) -> Quorum:
    """Return the quorum with all its nodes.

    Raise OperationError where there is no leader, for a missing right and another refusal, UnsupportedRequestError with
    ZooKeeper, UnreachableError, and UsageError for a wrong client setting.
    """
    with cluster.share_timeout():
        cluster_id = describe_cluster(cluster).cluster_id
        answer = cluster.requests.describe_quorum()
    partition = _find_partition(answer)
    leader_id = partition.leader_id
    leader = next((replica for replica in partition.current_voters if replica.replica_id == leader_id), None)
    if leader is None:
        raise OperationError("the quorum has no leader now", "ask again in a moment")
    endpoints = dict(_list_endpoints(answer))
    followers = [replica for replica in partition.current_voters if replica is not leader]
    nodes = [
        _make_node(replica, role, leader.log_end_offset, endpoints)
        for role, replicas in (
            (Role.LEADER, [leader]),
            (Role.FOLLOWER, followers),
            (Role.OBSERVER, partition.observers),
        )
        for replica in replicas
    ]
    slowest = min(partition.current_voters, key=lambda replica: replica.log_end_offset)
    return Quorum(
        cluster_id=cluster_id,
        leader_id=leader_id,
        leader_epoch=partition.leader_epoch,
        high_watermark=partition.high_watermark,
        max_follower_lag=leader.log_end_offset - slowest.log_end_offset,
        max_follower_lag_ms=_compute_time_lag(leader, slowest),
        nodes=nodes,
    )


def find_voter(quorum: Quorum, node_id: int, directory_id: str) -> QuorumNode:
    """Return a voter of a dynamic quorum; raise OperationError where the quorum is static.

    Raise NotFoundError for a node that is not a voter with this directory id.
    """
    if all(voter.directory_id == NO_DIRECTORY for voter in quorum.voters):
        raise OperationError(
            "the quorum is static: controller.quorum.voters of each node names its voters",
            "change that setting on all nodes, or upgrade kraft.version to 1",
        )
    for voter in quorum.voters:
        if (voter.id, voter.directory_id) == (node_id, directory_id):
            return voter
    raise NotFoundError(
        f"controller {node_id} with directory id {directory_id} is not a voter",
        "show the ids of the controllers: kafkactl quorum replication",
    )


def remove_voter(cluster: Cluster, cluster_id: str | None, node_id: int, directory_id: str) -> None:
    """Remove a voter from the quorum; its process goes on as an observer.

    `directory_id` is that of its metadata folder, as quorum replication shows it; UsageError for another text. Raise
    OperationError for a refusal, also of a static quorum and of an unknown voter, UnsupportedRequestError,
    UnansweredError where it may have been done, UnreachableError, and UsageError for a wrong client setting.
    """
    answer = cluster.requests.send(
        "RemoveRaftVoter",
        to_controller=True,
        cluster_id=cluster_id,
        voter_id=node_id,
        voter_directory_id=parse_directory_id(directory_id),
    )
    if answer.error_code:
        raise refusal(f"cannot remove controller {node_id}", answer.error_code, answer.error_message)


def parse_directory_id(text: str) -> UUID:
    """Return the id of a metadata folder, 22 characters of base64; raise UsageError for another text."""
    try:
        data = base64.urlsafe_b64decode(f"{text}==")
    except ValueError:
        data = b""
    if len(data) != _ID_BYTES or len(text.rstrip("=")) != len(NO_DIRECTORY):
        raise UsageError(
            f"invalid directory id: {text!r}", "show the ids of the controllers: kafkactl quorum replication"
        )
    return UUID(bytes=data)


def _find_partition(answer: Any) -> Any:
    """Return the part of an answer to DescribeQuorum about the metadata log.

    Raise UnsupportedRequestError where there is no such log, and OperationError for another refusal.
    """
    failure = "cannot describe the quorum"
    if answer.error_code:
        raise refusal(failure, answer.error_code, getattr(answer, "error_message", None))
    partitions = [partition for topic in answer.topics for partition in topic.partitions]
    if not partitions:
        raise UnsupportedRequestError(f"{failure}: the cluster has no quorum of controllers")
    if partitions[0].error_code:
        raise refusal(failure, partitions[0].error_code, getattr(partitions[0], "error_message", None))
    return partitions[0]


def _list_endpoints(answer: Any) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the id and the listeners of each node of an answer; nothing for answers before version 2."""
    for node in getattr(answer, "nodes", None) or ():
        yield node.node_id, tuple(f"{item.name}://{item.host}:{item.port}" for item in node.listeners)


def _make_node(replica: Any, role: Role, log_end_offset: int, endpoints: Mapping[int, tuple[str, ...]]) -> QuorumNode:
    """Return a node of the quorum; `log_end_offset` is the leader's, `endpoints` are listeners by the node's id."""
    directory = getattr(replica, "replica_directory_id", None)
    return QuorumNode(
        id=replica.replica_id,
        role=role,
        directory_id=NO_DIRECTORY if directory is None else _format_directory_id(directory),
        log_end_offset=replica.log_end_offset,
        lag=log_end_offset - replica.log_end_offset,
        last_fetch_ms=_read_time(replica, "last_fetch_timestamp"),
        last_caught_up_ms=_read_time(replica, "last_caught_up_timestamp"),
        endpoints=endpoints.get(replica.replica_id, ()),
    )


def _format_directory_id(directory_id: UUID) -> str:
    """Return the id of a metadata folder as Kafka shows it: 22 characters of base64."""
    return base64.urlsafe_b64encode(directory_id.bytes).decode().rstrip("=")


def _read_time(replica: Any, name: str) -> int | None:
    """Return a time of a replica in ms since 1970; None where it is not known, also in answers of version 0."""
    value = getattr(replica, name, None)
    return None if value is None or value < 0 else int(value)


def _compute_time_lag(leader: Any, slowest: Any) -> int | None:
    """Return how far the slowest voter is behind the leader, in ms; None where a time is not known."""
    if slowest is leader:
        return 0
    leader_ms, slowest_ms = (_read_time(replica, "last_caught_up_timestamp") for replica in (leader, slowest))
    return None if leader_ms is None or slowest_ms is None else leader_ms - slowest_ms
