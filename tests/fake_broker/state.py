"""What the fake cluster holds. Tests read and change it freely; requests that are answered change it too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]
"""The name of a topic and the number of a partition."""
Entity = frozenset[tuple[str, str | None]]
"""A quota's entity as pairs such as ("user", "ann"); the name None is the default entity."""


@dataclass(kw_only=True)
class Broker:
    """A broker. Host and port are what clients are sent to: the real listener, unless a test sets them."""

    id: int
    host: str = ""
    port: int = 0
    rack: str | None = None
    fenced: bool = False
    log_dir: str = "/var/lib/kafka"
    more_log_dirs: tuple[str, ...] = ()
    total_bytes: int = 100_000_000_000
    usable_bytes: int = 60_000_000_000


@dataclass(kw_only=True)
class Partition:
    """A partition. Without a leader `leader` is None; offset i has the time start_ms + 1000 * i."""

    leader: int | None = 1
    replicas: list[int] = field(default_factory=lambda: [1])
    isr: list[int] = field(default_factory=lambda: [1])
    leader_epoch: int = 0
    begin: int = 0
    end: int = 0
    start_ms: int = 1_700_000_000_000
    size_bytes: int = 0
    target: list[int] | None = None
    """The replicas that a running reassignment leads to."""
    log_dirs: dict[int, str] = field(default_factory=dict)
    """Directory of the replica on a broker; the broker's first one without an entry."""
    future_log_dirs: dict[int, str] = field(default_factory=dict)
    """Directory that a running move on a broker leads to."""


@dataclass
class Topic:
    """A topic; `partitions` may be their count, all led by broker 1."""

    name: str
    partitions: list[Partition] | int = 1
    configs: dict[str, str | None] = field(default_factory=dict)
    internal: bool = False
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        if isinstance(self.partitions, int):
            self.partitions = [Partition() for _ in range(self.partitions)]

    @property
    def all_partitions(self) -> list[Partition]:
        """Return the partitions as a list."""
        assert isinstance(self.partitions, list)
        return self.partitions


@dataclass(kw_only=True)
class Member:
    """A member of a group: partitions by topic that it has, and that it shall have (the same, if None)."""

    id: str
    client_id: str = "client"
    host: str = "/127.0.0.1"
    instance_id: str | None = None
    rack: str | None = None
    topics: list[str] = field(default_factory=list)
    assignment: dict[str, list[int]] = field(default_factory=dict)
    target: dict[str, list[int]] | None = None


@dataclass
class Group:
    """A group: type as ListGroups has it (Classic, Consumer, Share, Streams), and offsets by partition."""

    id: str
    type: str = "Classic"
    state: str = "Empty"
    members: list[Member] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    protocol: str = "range"
    protocol_type: str = "consumer"
    epoch: int = 1

    def remove_member(self, member: Member) -> None:
        """Remove a member; a group without members is Empty."""
        self.members.remove(member)
        if not self.members:
            self.state = "Empty"


@dataclass(frozen=True, kw_only=True)
class Acl:
    """A rule, in Kafka's numbers: type 2 topic, pattern 3 literal, operation 3 READ, permission 3 ALLOW."""

    resource_type: int = 2
    resource_name: str
    pattern_type: int = 3
    principal: str
    host: str = "*"
    operation: int = 3
    permission_type: int = 3


@dataclass(kw_only=True)
class Transaction:
    """A transactional id; without an open transaction `start_ms` is -1."""

    producer_id: int
    epoch: int = 0
    state: str = "Ongoing"
    timeout_ms: int = 60_000
    start_ms: int = -1
    partitions: list[Place] = field(default_factory=list)


@dataclass(kw_only=True)
class Producer:
    """A producer that a partition knows; without an open transaction `start_offset` is -1."""

    id: int
    epoch: int = 0
    last_sequence: int = 0
    last_timestamp_ms: int = 1_700_000_000_000
    coordinator_epoch: int = -1
    start_offset: int = -1


@dataclass(kw_only=True)
class Token:
    """A delegation token; owner and renewers are names of users, times are in ms since 1970."""

    hmac: bytes
    owner: str
    renewers: list[str] = field(default_factory=list)
    issue_ms: int
    expiry_ms: int
    max_ms: int


@dataclass(kw_only=True)
class State:
    """Everything that a fake cluster knows."""

    brokers: dict[int, Broker] = field(default_factory=dict)
    controller_id: int = 1
    coordinator_id: int | None = 1
    cluster_id: str = "fakeClusterIdAAAAAAAAA"
    topics: dict[str, Topic] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    configs: dict[tuple[int, str], dict[str, str | None]] = field(default_factory=dict)
    """Dynamic settings of what is no topic, by resource type (4 broker, 16 client metrics, 32 group) and name."""
    quotas: dict[Entity, dict[str, float]] = field(default_factory=dict)
    scram: dict[str, dict[int, int]] = field(default_factory=dict)
    """Iterations by user and mechanism (1 is SCRAM-SHA-256, 2 is SCRAM-SHA-512)."""
    acls: list[Acl] = field(default_factory=list)
    features: dict[str, int] = field(default_factory=lambda: {"metadata.version": 27})
    directory_ids: dict[int, uuid.UUID] = field(default_factory=dict)
    """Ids of the metadata folders of a dynamic quorum, by node."""
    observers: dict[int, uuid.UUID] = field(default_factory=dict)
    """Ids of the metadata folders of controllers that do not vote, by node."""
    next_producer_id: int = 1000
    transactions: dict[str, Transaction] = field(default_factory=dict)
    """Transactional ids; the coordinator has all."""
    producers: dict[Place, list[Producer]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    """Delegation tokens by their ids."""

    def topic_of_id(self, topic_id: uuid.UUID | None) -> Topic | None:
        """Return the topic with an id, or None."""
        return next((topic for topic in self.topics.values() if topic.id == topic_id), None)

    def partition(self, name: str, number: int) -> Partition | None:
        """Return a partition, or None."""
        topic = self.topics.get(name)
        if topic is None or not 0 <= number < len(topic.all_partitions):
            return None
        return topic.all_partitions[number]

    def live_brokers(self) -> list[int]:
        """Return the ids of the brokers that are not fenced, in order."""
        return sorted(broker.id for broker in self.brokers.values() if not broker.fenced)

    def new_partition(self, number: int, replication_factor: int) -> Partition:
        """Return an empty partition with replicas on brokers in turn."""
        brokers = self.live_brokers()
        return placed([brokers[(number + i) % len(brokers)] for i in range(replication_factor)])

    def finish_reassignments(self) -> None:
        """Complete every running reassignment."""
        for topic in self.topics.values():
            for partition in topic.all_partitions:
                if partition.target is not None:
                    partition.replicas, partition.isr = list(partition.target), list(partition.target)
                    partition.leader, partition.target = partition.replicas[0], None

    def finish_dir_moves(self) -> None:
        """Complete every move between two log directories."""
        for topic in self.topics.values():
            for partition in topic.all_partitions:
                partition.log_dirs.update(partition.future_log_dirs)
                partition.future_log_dirs.clear()


def placed(replicas: list[int]) -> Partition:
    """Return an empty partition on these brokers, led by the first."""
    return Partition(leader=replicas[0], replicas=list(replicas), isr=list(replicas))


def topics_by_name(topics: Iterable[Topic | str] | Mapping[str, int]) -> dict[str, Topic]:
    """Return topics by name from topics, from names (1 partition), or from partition counts by name."""
    if isinstance(topics, Mapping):
        return {name: Topic(name, count) for name, count in topics.items()}
    described = [Topic(topic) if isinstance(topic, str) else topic for topic in topics]
    return {topic.name: topic for topic in described}


def groups_by_id(groups: Iterable[Group | str]) -> dict[str, Group]:
    """Return groups by id from groups or from ids (empty classic groups)."""
    return {group.id: group for group in (Group(item) if isinstance(item, str) else item for item in groups)}
