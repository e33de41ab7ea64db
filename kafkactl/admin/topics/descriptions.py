"""Topics with all that kafka-topics --describe tells, asked through kafka-python.

librdkafka does not ask for eligible leaders (KIP-966) and reassignments, and of 80,000 settings it makes objects one by
one, which takes four times as long as the broker's answer.

Reference: org.apache.kafka.tools.TopicCommand.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kafkactl.admin.topics.models import MIN_ISR, PartitionDescription
from kafkactl.connection.kafka_python import AdminClient, refusal, send
from kafkactl.errors import NotFoundError

_TOPIC_RESOURCE = 2
_DEFAULT_CONFIG = 5
_UNKNOWN_TOPIC = 3
_PAGE = 2000
"""Partitions in an answer; Kafka's own default."""


@dataclass(frozen=True)
class TopicSetting:
    """A setting in force; `is_default` when nothing but Kafka itself says it."""

    name: str
    value: str
    is_default: bool


@dataclass(frozen=True)
class FullPartition:
    """A partition with its eligible leaders, None where unknown, and a reassignment under way."""

    row: PartitionDescription
    elr: tuple[int, ...] | None = None
    last_known_elr: tuple[int, ...] | None = None
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @property
    def is_moving(self) -> bool:
        return bool(self.adding or self.removing)


@dataclass(frozen=True)
class FullTopic:
    """A topic with all settings, in the brokers' order."""

    topic: str
    topic_id: str
    partitions: tuple[FullPartition, ...]
    settings: tuple[TopicSetting, ...] = ()

    @property
    def replication_factor(self) -> int:
        """Without the replicas that a reassignment is adding."""
        return len(self.partitions[0].row.replicas) - len(self.partitions[0].adding) if self.partitions else 0

    @property
    def min_isr(self) -> int:
        return next((int(setting.value) for setting in self.settings if setting.name == MIN_ISR), 1)

    @property
    def is_overridden(self) -> bool:
        return any(not setting.is_default for setting in self.settings)


def topic_names(client: AdminClient) -> list[str]:
    """All there are, in order."""
    from kafka.protocol.metadata import MetadataRequest

    return sorted(topic.name for topic in send(client, MetadataRequest(topics=None)).topics)


def describe_by_name(client: AdminClient, names: Sequence[str]) -> list[FullTopic]:
    """Topics by name; raises NotFoundError. Brokers before 4.0 know no eligible leaders."""
    from kafka.errors import IncompatibleBrokerVersion, UnsupportedVersionError

    if not names:
        return []
    try:
        found = list(_with_eligible_leaders(client, names))
    except (IncompatibleBrokerVersion, UnsupportedVersionError):
        found = list(_by_metadata(client, [{"name": name} for name in names]))
    return _completed(client, found)


def describe_by_id(client: AdminClient, topic_id: str) -> list[FullTopic]:
    """The topic of an id, in Kafka's spelling, or none; by a request that tells no eligible leaders, as in Kafka."""
    from kafka.protocol.metadata import MetadataRequest

    listed = send(client, MetadataRequest(topics=None)).topics
    named = [{"name": topic.name} for topic in listed if _id_text(topic.topic_id) == topic_id]
    return _completed(client, list(_by_metadata(client, named))) if named else []


def _with_eligible_leaders(client: AdminClient, names: Sequence[str]) -> Iterator[FullTopic]:
    from kafka.protocol.admin import DescribeTopicPartitionsRequest

    partitions: dict[str, list[FullPartition]] = {}
    ids: dict[str, str] = {}
    cursor = None
    while True:
        request = DescribeTopicPartitionsRequest(
            topics=[(name,) for name in names], response_partition_limit=_PAGE, cursor=cursor
        )
        answer = send(client, request)
        for topic in answer.topics:  # one that is longer than the page goes on in the next
            _require_described(topic)
            ids[topic.name] = _id_text(topic.topic_id)
            partitions.setdefault(topic.name, []).extend(
                FullPartition(
                    _row(topic.name, each),
                    tuple(each.eligible_leader_replicas or ()),  # none is told as null
                    tuple(each.last_known_elr or ()),
                )
                for each in topic.partitions
            )
        cursor = answer.next_cursor
        if cursor is None:
            break
    for name, of_topic in partitions.items():
        yield FullTopic(name, ids[name], tuple(of_topic))


def _by_metadata(client: AdminClient, topics: Sequence[Any]) -> Iterator[FullTopic]:
    from kafka.protocol.metadata import MetadataRequest

    wanted = [MetadataRequest.MetadataRequestTopic(**topic) for topic in topics]
    for topic in send(client, MetadataRequest(topics=wanted, allow_auto_topic_creation=False)).topics:
        _require_described(topic)
        rows = (FullPartition(_row(topic.name, each)) for each in topic.partitions)
        yield FullTopic(topic.name, _id_text(topic.topic_id), tuple(rows))


def _completed(client: AdminClient, topics: Iterable[FullTopic]) -> list[FullTopic]:
    """The same by name, with settings, partitions in order, and what is being moved."""
    by_name = {topic.topic: topic for topic in sorted(topics, key=lambda topic: topic.topic)}
    settings = _settings(client, list(by_name))
    moving = {(each.topic, each.partition): state for each, state in client.list_partition_reassignments().items()}

    def with_moves(each: FullPartition) -> FullPartition:
        state = moving.get((each.row.topic, each.row.partition))
        if state is None:
            return each
        return replace(each, adding=tuple(state["adding_replicas"]), removing=tuple(state["removing_replicas"]))

    return [
        replace(
            topic,
            settings=settings[topic.topic],
            partitions=tuple(map(with_moves, sorted(topic.partitions, key=lambda each: each.row.partition))),
        )
        for topic in by_name.values()
    ]


def _settings(client: AdminClient, names: Sequence[str]) -> dict[str, tuple[TopicSetting, ...]]:
    from kafka.protocol.admin import DescribeConfigsRequest

    resources = [(_TOPIC_RESOURCE, name, None) for name in names]
    found = {}
    for result in send(client, DescribeConfigsRequest(resources=resources, min_version=1)).results:
        if result.error_code:
            what = f"cannot read the configs of topic {result.resource_name}"
            raise refusal(what, result.error_code, result.error_message)
        found[result.resource_name] = tuple(
            TopicSetting(each.name, each.value, each.config_source == _DEFAULT_CONFIG) for each in result.configs
        )
    return found


def _require_described(topic: Any) -> None:
    if topic.error_code == _UNKNOWN_TOPIC:
        hint = "kafkactl topics list shows those that one may see"
        raise NotFoundError(f"there is no topic {topic.name!r}", hint, topic.error_code)
    if topic.error_code:
        raise refusal(f"cannot describe topic {topic.name}", topic.error_code, None)


def _row(name: str, answer: Any) -> PartitionDescription:
    leader = answer.leader_id if answer.leader_id >= 0 else None
    return PartitionDescription(
        name, answer.partition_index, leader, tuple(answer.replica_nodes), tuple(answer.isr_nodes)
    )


def _id_text(topic_id: Any) -> str:
    """As Kafka prints an id: the URL-safe alphabet of base64, without its padding."""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
