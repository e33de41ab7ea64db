"""Topics: what there is, and creating, changing and deleting them.

Reference: org.apache.kafka.tools.TopicCommand.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, TopicCollection, Uuid
from confluent_kafka.admin import ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourceType

from kafkactl.admin.outcome import Outcome, outcomes
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError, UsageError

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
MAX_NAME_LENGTH = 249
_NAME = re.compile(r"[a-zA-Z0-9._-]+")


@dataclass(frozen=True)
class TopicListing:
    """A topic in a list."""

    topic: str
    partitions: int
    replication_factor: int
    internal: bool


@dataclass(frozen=True)
class PartitionDescription:
    """One partition and where its replicas are; node ids."""

    topic: str
    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    """In the order of preference: the first is the preferred leader."""
    isr: tuple[int, ...]

    @property
    def under_replicated(self) -> bool:
        return len(self.isr) < len(self.replicas)


@dataclass(frozen=True)
class TopicDescription:
    """A topic with its partitions and the settings that differ from the brokers' own."""

    topic: str
    topic_id: str
    internal: bool
    replication_factor: int
    configs: Mapping[str, str]
    partitions: tuple[PartitionDescription, ...]


@dataclass(frozen=True)
class TopicSpec:
    """A topic to be created; None leaves a number to the brokers' default."""

    topic: str
    partitions: int | None = None
    replication_factor: int | None = None
    replica_assignment: tuple[tuple[int, ...], ...] | None = None
    configs: Mapping[str, str] | None = None


def list_topics(cluster: Cluster, include_internal: bool = True) -> list[TopicListing]:
    """All topics by name, from one metadata request."""
    listed = []
    for name, topic in sorted(cluster.metadata().topics.items()):
        internal = name in INTERNAL_TOPICS
        if include_internal or not internal:
            replicas = max((len(partition.replicas) for partition in topic.partitions.values()), default=0)
            listed.append(TopicListing(name, len(topic.partitions), replicas, internal))
    return listed


def matching(cluster: Cluster, names: Sequence[str]) -> list[str]:
    """The topics meant by names and patterns (a pattern is what cannot be a name); raises NotFoundError."""
    if all(map(is_valid_name, names)):
        return list(names)
    existing = [listing.topic for listing in list_topics(cluster)]
    found: dict[str, None] = {}
    for name in names:
        if is_valid_name(name):
            hits = [name]
        else:
            pattern = name_pattern(name)
            hits = [topic for topic in existing if pattern.fullmatch(topic)]
            if not hits:
                raise NotFoundError(f"no topic matches {name!r}", "kafkactl topics list shows the topics there are")
        found.update(dict.fromkeys(hits))
    return list(found)


def name_pattern(text: str) -> re.Pattern[str]:
    """A regular expression for topics' whole names; raises UsageError."""
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"{text!r} is neither a topic's name nor a pattern: {error}") from error


def is_valid_name(name: str) -> bool:
    """Whether Kafka takes it as a topic's name (org.apache.kafka.common.internals.Topic)."""
    return name not in (".", "..") and len(name) <= MAX_NAME_LENGTH and _NAME.fullmatch(name) is not None


def describe_topics(cluster: Cluster, names: Sequence[str] | None = None) -> list[TopicDescription]:
    """Topics by name with their partitions and own settings, all asked at once; raises NotFoundError."""
    if names is None:
        names = [listing.topic for listing in list_topics(cluster)]
    if not names:
        return []
    timeout_s = cluster.timeout_s
    described = cluster.admin.describe_topics(TopicCollection(list(names)), request_timeout=timeout_s)
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    configs = cluster.admin.describe_configs(resources, request_timeout=timeout_s)
    own_configs = {resource.name: future for resource, future in configs.items()}
    descriptions = []
    for name in sorted(names):
        try:
            topic = cluster.wait(described[name], f"cannot describe topic {name}")
        except OperationError as error:
            if error.code == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise NotFoundError(f"there is no topic {name!r}", error.hint, error.code) from error
            raise
        partitions = tuple(
            PartitionDescription(
                name,
                partition.id,
                partition.leader.id if partition.leader is not None and partition.leader.id >= 0 else None,
                tuple(node.id for node in partition.replicas),
                tuple(node.id for node in partition.isr),
            )
            for partition in sorted(topic.partitions, key=lambda partition: partition.id)
        )
        descriptions.append(
            TopicDescription(
                name,
                _kafka_spelling(topic.topic_id),
                bool(topic.is_internal),
                max((len(partition.replicas) for partition in partitions), default=0),
                _overrides(cluster, own_configs[name], name),
                partitions,
            )
        )
    return descriptions


@dataclass(frozen=True)
class TopicSetting:
    """A topic's setting in force; `is_default` when nothing but Kafka itself set it."""

    name: str
    value: str
    is_default: bool


@dataclass(frozen=True)
class PartitionDetail:
    """What librdkafka does not ask: eligible leaders (KIP-966), None where unknown, and a reassignment under way."""

    elr: tuple[int, ...] | None = None
    last_known_elr: tuple[int, ...] | None = None
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @property
    def is_moving(self) -> bool:
        return bool(self.adding or self.removing)


def settings_of(cluster: Cluster, names: Sequence[str]) -> dict[str, list[TopicSetting]]:
    """All settings of topics, in the brokers' order."""
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    futures = cluster.admin.describe_configs(resources, request_timeout=cluster.timeout_s)
    default = ConfigSource.DEFAULT_CONFIG.value
    return {
        resource.name: [
            TopicSetting(entry.name, entry.value, entry.source == default)
            for entry in cluster.wait(future, f"cannot read the configs of topic {resource.name}").values()
        ]
        for resource, future in futures.items()
    }


def partition_details(cluster: Cluster, names: Sequence[str]) -> dict[tuple[str, int], PartitionDetail]:
    """The details of topics' partitions; brokers that know no eligible leaders leave them unknown."""
    from kafka.errors import UnsupportedVersionError

    from kafkactl.connection.kafka_python import admin

    details: dict[tuple[str, int], PartitionDetail] = {}
    with admin(cluster.settings) as client:
        moving = {
            (partition.topic, partition.partition): state
            for partition, state in client.list_partition_reassignments().items()
        }
        eligible: dict[tuple[str, int], Mapping[str, Any]] = {}
        with contextlib.suppress(UnsupportedVersionError):
            eligible = _eligible_leaders(client, names)
    for key in (*eligible, *moving):
        known, state = eligible.get(key), moving.get(key, {})
        details[key] = PartitionDetail(
            None if known is None else tuple(known["eligible_leader_replicas"] or ()),  # none is told as null
            None if known is None else tuple(known["last_known_elr"] or ()),
            tuple(state.get("adding_replicas", ())),
            tuple(state.get("removing_replicas", ())),
        )
    return details


def _eligible_leaders(client: Any, names: Sequence[str]) -> dict[tuple[str, int], Mapping[str, Any]]:
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    cursor = None
    while True:
        page = client.describe_topic_partitions(list(names), cursor=cursor)
        for topic in page["topics"]:
            for partition in topic["partitions"]:
                found[topic["name"], partition["partition_index"]] = partition
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def create_topics(cluster: Cluster, specs: Sequence[TopicSpec], if_not_exists: bool = False) -> list[Outcome]:
    """Creates each topic; every one's own outcome, in the order given."""
    new = [_new_topic(spec) for spec in specs]
    futures = cluster.admin.create_topics(new, operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s)
    ignored = {KafkaError.TOPIC_ALREADY_EXISTS: "exists already"} if if_not_exists else {}
    return outcomes(cluster, futures, "created", ignored)


def add_partitions(cluster: Cluster, names: Sequence[str], total: int) -> list[Outcome]:
    """Raises each topic's number of partitions to `total`; every one's own outcome."""
    wanted = [NewPartitions(name, total) for name in names]
    futures = cluster.admin.create_partitions(
        wanted, operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s
    )
    return outcomes(cluster, futures, f"{total} partitions")


def delete_topics(cluster: Cluster, names: Sequence[str], if_exists: bool = False) -> list[Outcome]:
    """Deletes each topic; every one's own outcome."""
    futures = cluster.admin.delete_topics(
        list(names), operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s
    )
    ignored = {KafkaError.UNKNOWN_TOPIC_OR_PART: "did not exist"} if if_exists else {}
    return outcomes(cluster, futures, "deleted", ignored)


def collisions(name: str, existing: Sequence[str]) -> list[str]:
    """Topics whose metrics names would be the same: Kafka's metrics turn `.` into `_`."""
    return [other for other in existing if other != name and other.replace(".", "_") == name.replace(".", "_")]


def _new_topic(spec: TopicSpec) -> NewTopic:
    configs = dict(spec.configs or {})
    if spec.replica_assignment:
        assignment = [list(brokers) for brokers in spec.replica_assignment]
        return NewTopic(spec.topic, num_partitions=len(assignment), replica_assignment=assignment, config=configs)
    # -1 leaves the number to the brokers' own default (KIP-464).
    return NewTopic(spec.topic, spec.partitions or -1, spec.replication_factor or -1, config=configs)


def _kafka_spelling(topic_id: Uuid) -> str:
    """Kafka prints ids in the URL-safe alphabet of base64, librdkafka in the other one."""
    return str(topic_id).replace("+", "-").replace("/", "_")


def _overrides(cluster: Cluster, future: Future[dict[str, object]], name: str) -> dict[str, str]:
    entries = cluster.wait(future, f"cannot read the configs of topic {name}")
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {
        entry.name: entry.value  # type: ignore[attr-defined]
        for _, entry in sorted(entries.items())
        if entry.source == own  # type: ignore[attr-defined]
    }
