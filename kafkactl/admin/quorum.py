"""The quorum of the controllers: its leader, and how far each voter and observer has read the metadata log.

Reference: KIP-595, KIP-836 (times), KIP-853 (directory ids, and the change of voters).
"""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Any
from uuid import UUID

from kafkactl.admin.endpoints import describe_cluster
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError, UnsupportedRequestError, UsageError
from kafkactl.patterns import explain_unusable_text

NO_DIRECTORY = "AAAAAAAAAAAAAAAAAAAAAA"
"""Directory id of a voter of a static quorum."""
_ID_BYTES = 16
_MS = 1000
_SILENT_AFTER_MS = 3000
"""Time without a fetch after which a voter counts as down: the leader gives up its office, too, when a majority is so
long silent (1.5 times the default of controller.quorum.fetch.timeout.ms)."""
_ENDPOINT = re.compile(r"([^:/\s]+)://(?:\[([^\[\]/\s]+)\]|([^\[\]:/\s]+)):([0-9]{1,5})")
_LARGEST_PORT, _LONGEST_HOST = 65535, 255


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
    """Listeners of the voter with its id as NAME://HOST:PORT, an IPv6 address in brackets; empty without this voter,
    and before Kafka 3.9."""


@dataclass(frozen=True, kw_only=True)
class VoterEndpoint:
    """A listener of a controller."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        """Return NAME://HOST:PORT, an IPv6 address in brackets."""
        return (
            f"{self.name}://[{self.host}]:{self.port}" if ":" in self.host else f"{self.name}://{self.host}:{self.port}"
        )


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
    def leader(self) -> QuorumNode:
        """Return the leader."""
        return next(node for node in self.nodes if node.role is Role.LEADER)

    @property
    def is_static(self) -> bool:
        """Return whether controller.quorum.voters names the voters, which no request can change then.

        It is also True where the controllers are too old to tell directory ids.
        """
        return all(voter.directory_id == NO_DIRECTORY for voter in self.voters)

    @property
    def voters(self) -> list[QuorumNode]:
        """Return the leader and the followers."""
        return [node for node in self.nodes if node.role is not Role.OBSERVER]

    @property
    def observers(self) -> list[QuorumNode]:
        """Return the nodes that do not vote."""
        return [node for node in self.nodes if node.role is Role.OBSERVER]


def read_quorum(cluster: Cluster) -> Quorum:
    """Return the quorum with all its nodes: the leader, then the followers, then the observers.

    Followers and observers are in the order of the answer. A node that has not fetched from this leader has the log end
    offset -1, and a lag that is one too large. The time lag is None where it is not known. Raise OperationError where
    there is no leader, for a missing right and another refusal, UnsupportedRequestError with ZooKeeper and for nodes
    that are too old, UnreachableError, and UsageError for a wrong client setting.
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

    Raise NotFoundError for a node that is not a voter with this directory id, and UsageError for a text that is no
    directory id (parse_directory_id).
    """
    _require_dynamic(quorum)
    directory_id = _format_directory_id(parse_directory_id(directory_id))
    for voter in quorum.voters:
        if (voter.id, voter.directory_id) == (node_id, directory_id):
            return voter
    raise NotFoundError(
        f"controller {node_id} with directory id {directory_id} is not a voter",
        "show the ids of the controllers: kafkactl quorum replication",
    )


def find_candidate(quorum: Quorum, node_id: int, directory_id: str | None) -> QuorumNode:
    """Return the observer that can become a voter of a dynamic quorum, or the voter that it is already.

    `directory_id` is that of its metadata folder; None takes the one that the node reports. Raise UsageError for a text
    that is no directory id (parse_directory_id); OperationError where the quorum is static, where the id belongs to a
    voter with another folder, and, without `directory_id`, where several observers have the id; NotFoundError for a
    node that does not read the metadata log, and for an observer with another directory id. An observer that is down
    (is_up) is an OperationError, too. A voter that is down is returned, but without `directory_id` it is a voter with
    another folder where an observer with its id is up. A broker is an observer, too, and is not refused.
    """
    _require_dynamic(quorum)
    if directory_id is not None:
        directory_id = _format_directory_id(parse_directory_id(directory_id))
    hint = "show the ids of the controllers: kafkactl quorum replication"
    observers = [node for node in quorum.observers if node.id == node_id]
    for voter in (node for node in quorum.voters if node.id == node_id):
        # After the loss of its disk the process reads the log as an observer, with a new folder.
        has_new_folder = not is_up(quorum, voter) and any(is_up(quorum, node) for node in observers)
        if directory_id == voter.directory_id or (directory_id is None and not has_new_folder):
            return voter
        raise OperationError(
            f"controller {node_id} is a voter with another directory id: {voter.directory_id}",
            f"remove it first: kafkactl quorum remove-controller {node_id} --directory-id={voter.directory_id}",
        )
    candidates = [node for node in observers if directory_id in (None, node.directory_id)]
    if not observers:
        raise NotFoundError(
            f"controller {node_id} does not read the metadata log",
            "start it with controller.quorum.bootstrap.servers, then look again: kafkactl quorum replication",
        )
    if not candidates:
        ids = ", ".join(node.directory_id for node in observers)
        raise NotFoundError(f"controller {node_id} does not have directory id {directory_id}, but {ids}", hint)
    if len(candidates) > 1:
        raise OperationError(f"several observers have id {node_id}", f"add --directory-id; {hint}")
    if not is_up(quorum, candidates[0]):
        raise OperationError(f"controller {node_id} is down: it has not fetched for more than 3 s", "start it first")
    return candidates[0]


def require_majority_without(quorum: Quorum, voter: QuorumNode) -> None:
    """Raise OperationError where the other voters would be none, or no majority of them is up.

    `voter` must be an item of `quorum.voters`, not a copy. The leader is always up. Another voter is down where it has
    not fetched from the leader for more than 3 s, or where this is not known. Without a majority the controllers could
    decide nothing, and nothing could undo the removal.
    """
    others = [node for node in quorum.voters if node is not voter]
    if not others:
        raise OperationError(
            f"controller {voter.id} is the only voter", "add another one first: kafkactl quorum add-controller"
        )
    up = [str(node.id) for node in others if is_up(quorum, node)]
    down = [str(node.id) for node in others if str(node.id) not in up]
    if len(up) <= len(others) // 2:
        raise OperationError(
            f"without controller {voter.id} the quorum would have no majority: "
            f"up: {', '.join(up) or 'none'}; down: {', '.join(down)}",
            f"start {' or '.join(down)} first, or remove a voter that is down",
        )


def is_up(quorum: Quorum, node: QuorumNode) -> bool:
    """Return whether a node leads, or has fetched from the leader in the 3 s before the answer, by the leader's clock.

    `node` must be an item of `quorum.nodes`, not a copy. Any node but the leader counts as down where its last fetch,
    or the leader's, is not known.
    """
    leader = quorum.leader
    if node is leader or leader.last_fetch_ms is None:
        return node is leader
    return node.last_fetch_ms is not None and leader.last_fetch_ms - node.last_fetch_ms <= _SILENT_AFTER_MS


def require_usable_endpoints(quorum: Quorum, endpoints: Sequence[VoterEndpoint]) -> None:
    """Raise UsageError for the addresses 0.0.0.0 and ::, and where no endpoint has the name of a leader's listener.

    Other machines cannot use these addresses; they count in any spelling, such as 0 and ::ffff:0.0.0.0. The leader asks
    a new voter at the listener that has the name of its own one. The names are not checked where those of the leader
    are not known.
    """
    for endpoint in endpoints:
        if _is_any_address(endpoint.host):
            raise UsageError(
                f"invalid endpoint {endpoint}: the other controllers cannot reach this address",
                "name the host of the controller: --endpoint NAME://HOST:PORT",
            )
    known = [text.partition("://")[0] for text in quorum.leader.endpoints]
    if known and not {endpoint.name for endpoint in endpoints} & set(known):
        names = ", ".join(endpoint.name for endpoint in endpoints)
        raise UsageError(f"no voter has a listener with the name {names}", f"names of the leader: {', '.join(known)}")


def _is_any_address(host: str) -> bool:
    """Return whether a host stands for all addresses of its machine: 0.0.0.0 and ::, in any spelling.

    Such spellings are 0, 0x0, 0::0 and ::ffff:0.0.0.0. An address in brackets is not recognized: the result is False.
    """
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return not any(socket.inet_aton(host))  # shorter spellings of IPv4
        except (OSError, ValueError):  # a name
            return False
    return (getattr(address, "ipv4_mapped", None) or address).is_unspecified


def add_voter(
    cluster: Cluster, cluster_id: str | None, node_id: int, directory_id: str, endpoints: Sequence[VoterEndpoint]
) -> None:
    """Add a controller, which runs as an observer, to the voters of the quorum.

    With a `cluster_id` the controllers refuse where it is another one; None is not checked. `directory_id` is that of
    its metadata folder; UsageError for another text. `endpoints` are those of parse_endpoint. Raise OperationError for
    a refusal, also of a static quorum, of a node that is a voter and of one that lacks records; with REQUEST_TIMED_OUT
    it may have been done. Raise UnsupportedRequestError, UnansweredError where it may have been done, UnreachableError,
    and UsageError for a wrong client setting and a `node_id` from 2^31 on.
    """
    answer = cluster.requests.send(
        "AddRaftVoter",
        to_controller=True,
        cluster_id=cluster_id,
        timeout_ms=int(cluster.settings.timeout_s * _MS),
        voter_id=node_id,
        voter_directory_id=parse_directory_id(directory_id),
        listeners=[(endpoint.name, endpoint.host, endpoint.port) for endpoint in endpoints],
    )
    if answer.error_code:
        raise refusal(f"cannot add controller {node_id}", answer.error_code, answer.error_message)


def remove_voter(cluster: Cluster, cluster_id: str | None, node_id: int, directory_id: str) -> None:
    """Remove a voter from the quorum; its process goes on as an observer.

    With a `cluster_id` the controllers refuse where it is another one; None is not checked. `directory_id` is that of
    its metadata folder, as quorum replication shows it; UsageError for another text. Raise OperationError for a
    refusal, also of a static quorum and of an unknown voter; with REQUEST_TIMED_OUT it may have been done. Raise
    UnsupportedRequestError, UnansweredError where it may have been done, UnreachableError, and UsageError for a wrong
    client setting.
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


def parse_endpoint(text: str) -> VoterEndpoint:
    """Return the listener of a text NAME://HOST:PORT, where an IPv6 address is in brackets.

    The name becomes capitals, as Kafka reads it. The host is not looked up, and has no brackets in the result. Raise
    UsageError for another text, a port that is not from 1 to 65,535, and a host of more than 255 characters.
    """
    found = _ENDPOINT.fullmatch(text)
    if (
        found is None
        or not 0 < int(found[4]) <= _LARGEST_PORT
        or len(found[2] or found[3]) > _LONGEST_HOST
        or explain_unusable_text(text) is not None
        or not (found[2] is None or _is_ipv6(found[2]))
    ):
        raise UsageError(f"invalid endpoint {text!r}", "write it as NAME://HOST:PORT, such as CONTROLLER://host4:9093")
    return VoterEndpoint(name=found[1].upper(), host=found[2] or found[3], port=int(found[4]))


def _is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address, which may end with a zone, such as %eth0; it has no brackets."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def parse_directory_id(text: str) -> UUID:
    """Return the id of a metadata folder, 22 characters of URL-safe base64; raise UsageError for another text.

    `=` at the end is ignored, and + and / count as - and _.
    """
    try:
        data = base64.urlsafe_b64decode(f"{text}==")
    except ValueError:
        data = b""
    if len(data) != _ID_BYTES or len(text.rstrip("=")) != len(NO_DIRECTORY):
        raise UsageError(
            f"invalid directory id: {text!r}", "show the ids of the controllers: kafkactl quorum replication"
        )
    return UUID(bytes=data)


def _require_dynamic(quorum: Quorum) -> None:
    """Raise OperationError for a static quorum."""
    if quorum.is_static:
        raise OperationError(
            "the quorum is static: controller.quorum.voters of each node names its voters",
            "change that setting on all nodes, or upgrade kraft.version to 1",
        )


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
    """Yield the id and the listeners of each node of an answer; nothing before version 2.

    A listener is NAME://HOST:PORT, an IPv6 address in brackets.
    """
    for node in getattr(answer, "nodes", None) or ():
        yield (
            node.node_id,
            tuple(str(VoterEndpoint(name=item.name, host=item.host, port=item.port)) for item in node.listeners),
        )


def _make_node(replica: Any, role: Role, log_end_offset: int, endpoints: Mapping[int, tuple[str, ...]]) -> QuorumNode:
    """Return a node of the quorum; `log_end_offset` is the leader's, `endpoints` are listeners by the node's id.

    A replica that has not fetched from this leader has the offset -1, so that its lag is one too large.
    """
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
    """Return how far the slowest voter is behind the leader, in ms; None where a time is not known.

    Both are voters of an answer to DescribeQuorum. The lag is the difference of the times at which they last had the
    whole log. It is 0 where both are the same object, also without times.
    """
    if slowest is leader:
        return 0
    leader_ms, slowest_ms = (_read_time(replica, "last_caught_up_timestamp") for replica in (leader, slowest))
    return None if leader_ms is None or slowest_ms is None else leader_ms - slowest_ms
