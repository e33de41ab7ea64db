"""Topics as a cluster has them: lists, descriptions, sizes.

librdkafka asks for what most commands need. It asks neither for eligible leaders (KIP-966) nor for reassignments, and
it makes objects of 80,000 settings four times as slowly as the broker answers: `describe_in_full` goes another way.

Reference: org.apache.kafka.tools.TopicCommand.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from confluent_kafka import TopicCollection, Uuid
from confluent_kafka.admin import ConfigResource, ResourceType

from kafkactl.admin.offsets import log_ends
from kafkactl.admin.topics.models import PartitionDescription, TopicDescription, TopicListing, TopicSetting
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ConfigSource, ErrorCode
from kafkactl.connection.protocol import ResourceType as ProtocolResource
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError, UnsupportedRequestError
from kafkactl.patterns import INTERNAL_TOPICS

_PAGE = 2000
"""Partitions in one answer of DescribeTopicPartitions: Kafka's own default."""
_HINT = "list the topics that you can see: kafkactl topics list"


def list_topics(cluster: Cluster, include_internal: bool = True) -> list[TopicListing]:
    """Return all topics sorted by name, from one metadata request."""
    listed = []
    for name, topic in sorted(cluster.metadata().topics.items()):
        internal = name in INTERNAL_TOPICS
        if include_internal or not internal:
            replicas = max((len(partition.replicas) for partition in topic.partitions.values()), default=0)
            listed.append(TopicListing(name, len(topic.partitions), replicas, internal))
    return listed


def all_partitions(cluster: Cluster, include_internal: bool = True) -> list[PartitionDescription]:
    """Return every partition of every topic, from one metadata request."""
    return [
        PartitionDescription(
            name,
            partition.id,
            partition.leader if partition.leader >= 0 else None,
            tuple(partition.replicas),
            tuple(partition.isrs),
        )
        for name, topic in sorted(cluster.metadata().topics.items())
        if include_internal or name not in INTERNAL_TOPICS
        for partition in sorted(topic.partitions.values(), key=lambda partition: partition.id)
    ]


Found = tuple[list[TopicDescription], list[KafkactlError]]
"""Descriptions of topics, and an error for each topic, or part of one, that could not be described."""


def describe_topics(cluster: Cluster, names: Sequence[str]) -> list[TopicDescription]:
    """Return topics by name with their settings; raises NotFoundError and OperationError for the first that fails.

    Eligible leaders and reassignments are not asked for.
    """
    found, errors = describe_each(cluster, names)
    if errors:
        raise errors[0]
    return found


def describe_each(cluster: Cluster, names: Sequence[str]) -> Found:
    """Return topics by name with their settings, all asked at once, and the errors of those that fail."""
    if not names:
        return [], []
    with cluster.share_timeout():
        try:
            described, errors = _ask(
                cluster,
                sorted(names),
                lambda left: cluster.admin.describe_topics(TopicCollection(left), request_timeout=cluster.timeout_s),
                "cannot describe topic",
            )
            settings, failures = _settings_by_librdkafka(cluster, list(described))
        except TimeoutError:  # librdkafka waits for the controller, which may be frozen, and others know it all
            return describe_in_full(cluster, names)
    found = []
    for name, topic in described.items():
        partitions = (
            PartitionDescription(
                name,
                partition.id,
                partition.leader.id if partition.leader is not None and partition.leader.id >= 0 else None,
                tuple(node.id for node in partition.replicas),
                tuple(node.id for node in partition.isr),
            )
            for partition in sorted(topic.partitions, key=lambda partition: partition.id)
        )
        topic_id = _kafka_spelling(topic.topic_id)
        own = settings.get(name, ())
        found.append(TopicDescription(name, topic_id, bool(topic.is_internal), tuple(partitions), own))
    return found, errors + failures


def compacted(cluster: Cluster, names: Sequence[str]) -> set[str]:
    """Return those of the topics that are compacted only, as far as their settings can be seen."""
    found, _ = describe_each(cluster, names)
    policies = {one.topic: [each.value for each in one.settings if each.name == "cleanup.policy"] for one in found}
    return {topic for topic, values in policies.items() if values == ["compact"]}


def describe_in_full(cluster: Cluster, names: Sequence[str]) -> Found:
    """Return topics by name with eligible leaders and reassignments, too, and the errors of those that fail.

    Brokers before 4.0 do not know eligible leaders.
    """
    if not names:
        return [], []
    errors: list[KafkactlError] = []
    try:
        found = list(_with_eligible_leaders(cluster, names, errors))
    except UnsupportedRequestError:
        found = list(_by_metadata(cluster, names, errors))
    return _completed(cluster, found, errors)


def find_name(cluster: Cluster, topic_id: str) -> str | None:
    """Return the name of the topic with that id, in Kafka's spelling; None where no topic has it."""
    topics = cluster.requests.read_metadata(None)
    return next((topic.name for topic in topics if _id_text(topic.topic_id) == topic_id), None)


def describe_by_id(cluster: Cluster, topic_id: str) -> Found:
    """Return the topic with that id, or nothing; as in Kafka's tool without its eligible leaders."""
    name = find_name(cluster, topic_id)
    errors: list[KafkactlError] = []
    return ([], errors) if name is None else _completed(cluster, list(_by_metadata(cluster, [name], errors)), errors)


def with_sizes(
    cluster: Cluster, rows: Sequence[PartitionDescription]
) -> tuple[list[PartitionDescription], list[KafkactlError]]:
    """Return the rows with the size of each leader's log, and an error for each broker that did not tell its sizes."""
    asked: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        asked[row.topic].append(row.partition)
    leaders = {row.leader for row in rows if row.leader is not None}
    answers, errors = cluster.requests.ask_brokers("DescribeLogDirs", leaders, topics=list(asked.items()))
    sizes: dict[tuple[str, int, int | None], int] = {}
    for broker, answer in answers.items():
        for log_dir in answer.results:
            if log_dir.error_code:
                errors.append(
                    refusal(f"cannot read the sizes in {log_dir.log_dir} of broker {broker}", log_dir.error_code)
                )
            for topic in log_dir.topics:
                for each in topic.partitions:
                    if not each.is_future_key:
                        sizes[topic.name, each.partition_index, broker] = each.partition_size
    sized = [replace(row, size_bytes=sizes.get((row.topic, row.partition, row.leader))) for row in rows]
    return sized, errors


def with_records(cluster: Cluster, rows: Sequence[PartitionDescription]) -> list[PartitionDescription]:
    """Return the rows with the largest number of records that each can hold; None where its leader did not say."""
    ends = log_ends(cluster, [(row.topic, row.partition) for row in rows])
    return [replace(row, records=ends[row.topic, row.partition].count) for row in rows]


def _settings_by_librdkafka(
    cluster: Cluster, names: Sequence[str]
) -> tuple[dict[str, tuple[TopicSetting, ...]], list[KafkactlError]]:
    def send(left: list[str]) -> Mapping[str, Future[Any]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in left]
        futures = cluster.admin.describe_configs(resources, request_timeout=cluster.timeout_s)
        return {resource.name: future for resource, future in futures.items()}

    own, default = ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DEFAULT_CONFIG
    answers, errors = _ask(cluster, names, send, "cannot read the configs of topic")
    settings = {
        topic: tuple(
            TopicSetting(name, entry.value, entry.source == own, entry.source == default)
            for name, entry in entries.items()
        )
        for topic, entries in answers.items()
    }
    return settings, errors


def _ask(
    cluster: Cluster, names: Sequence[str], send: Callable[[list[str]], Mapping[str, Future[Any]]], what: str
) -> tuple[dict[str, Any], list[KafkactlError]]:
    """Return the answer for each topic, and the errors of those that are refused."""
    answers = cluster.ask_each(names, send, lambda name: f"{what} {name}", patience_s=cluster.timeout_s / 2)
    errors: list[KafkactlError] = []
    for name, answer in answers.items():
        if isinstance(answer, OperationError):
            is_absent = answer.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            errors.append(NotFoundError(f"there is no topic {name!r}", _HINT, answer.code) if is_absent else answer)
    return {name: answer for name, answer in answers.items() if not isinstance(answer, OperationError)}, errors


def _with_eligible_leaders(
    cluster: Cluster, names: Sequence[str], errors: list[KafkactlError]
) -> Iterator[TopicDescription]:
    partitions: dict[str, list[PartitionDescription]] = {}
    topics: dict[str, Any] = {}
    cursor = None
    while True:
        answer = cluster.requests.send(
            "DescribeTopicPartitions", topics=[(name,) for name in names], response_partition_limit=_PAGE, cursor=cursor
        )
        for topic in answer.topics:  # a topic that is longer than the page goes on in the next
            if (error := _refusal(topic)) is not None:
                errors.append(error)
                continue
            topics[topic.name] = topic
            partitions.setdefault(topic.name, []).extend(
                replace(
                    _row(topic.name, each),
                    elr=tuple(each.eligible_leader_replicas or ()),  # no eligible leader comes as null
                    last_known_elr=tuple(each.last_known_elr or ()),
                )
                for each in topic.partitions
            )
        cursor = answer.next_cursor
        if cursor is None:
            break
    for name, rows in partitions.items():
        yield TopicDescription(name, _id_text(topics[name].topic_id), bool(topics[name].is_internal), tuple(rows))


def _by_metadata(cluster: Cluster, names: Sequence[str], errors: list[KafkactlError]) -> Iterator[TopicDescription]:
    for topic in cluster.requests.read_metadata(names):
        if (error := _refusal(topic)) is not None:
            errors.append(error)
            continue
        rows = (_row(topic.name, each) for each in topic.partitions)
        yield TopicDescription(topic.name, _id_text(topic.topic_id), bool(topic.is_internal), tuple(rows))


def _completed(cluster: Cluster, topics: Iterable[TopicDescription], errors: list[KafkactlError]) -> Found:
    """Return topics by name with settings, partitions in order, and the replicas that are being moved."""
    by_name = {topic.topic: topic for topic in sorted(topics, key=lambda topic: topic.topic)}
    settings, failures = _settings_in_bulk(cluster, list(by_name))
    moving = _moving(cluster, errors)

    def with_moves(row: PartitionDescription) -> PartitionDescription:
        adding, removing = moving.get((row.topic, row.partition), ((), ()))
        return replace(row, adding=adding, removing=removing)

    described = [
        replace(
            topic,
            settings=settings.get(topic.topic, ()),
            partitions=tuple(map(with_moves, sorted(topic.partitions, key=lambda row: row.partition))),
        )
        for topic in by_name.values()
    ]
    return described, errors + failures


def _moving(
    cluster: Cluster, errors: list[KafkactlError]
) -> Mapping[tuple[str, int], tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the replicas that are being added and removed; none where the user or the brokers cannot list them.

    Brokers ask the controller for them: where it does not answer, `errors` gets that they are missing.
    """
    try:
        return cluster.requests.list_reassignments()
    except UnsupportedRequestError:
        return {}
    except UnreachableError as error:
        errors.append(OperationError(f"moves of replicas are missing: {error}", error.hint))
        return {}
    except OperationError as error:
        if error.code != ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
            raise
        return {}


def _settings_in_bulk(
    cluster: Cluster, names: Sequence[str]
) -> tuple[Mapping[str, tuple[TopicSetting, ...]], list[KafkactlError]]:
    resources = [(ProtocolResource.TOPIC, name, None) for name in names]
    own, default = ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DEFAULT_CONFIG
    found = {}
    errors: list[KafkactlError] = []
    for result in cluster.requests.send("DescribeConfigs", resources=resources, min_version=1).results:
        if result.error_code:
            what = f"cannot read the configs of topic {result.resource_name}"
            errors.append(refusal(what, result.error_code, result.error_message))
            continue
        found[result.resource_name] = tuple(
            TopicSetting(each.name, each.value, each.config_source == own, each.config_source == default)
            for each in result.configs
        )
    return found, errors


def _refusal(topic: Any) -> KafkactlError | None:
    if topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return NotFoundError(f"there is no topic {topic.name!r}", _HINT, topic.error_code)
    return refusal(f"cannot describe topic {topic.name}", topic.error_code, None) if topic.error_code else None


def _row(name: str, answer: Any) -> PartitionDescription:
    leader = answer.leader_id if answer.leader_id >= 0 else None
    return PartitionDescription(
        name, answer.partition_index, leader, tuple(answer.replica_nodes), tuple(answer.isr_nodes)
    )


def _id_text(topic_id: Any) -> str:
    """Return an id as Kafka prints it: in the URL-safe alphabet of base64, without its padding; "" for none."""
    if topic_id is None:  # brokers before 2.8
        return ""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")


def _kafka_spelling(topic_id: Uuid) -> str:
    """Return an id as Kafka prints it; librdkafka uses the other alphabet of base64."""
    return str(topic_id).replace("+", "-").replace("/", "_")
