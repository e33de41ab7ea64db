"""Topics as a cluster has them: lists, descriptions, sizes.

librdkafka serves most commands. It does not ask for eligible leaders (KIP-966) and reassignments, and it turns 80,000
settings into objects four times as slowly as the broker answers. So `describe_in_full` uses kafka-python.

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

from kafkactl.admin.offsets import read_log_ends
from kafkactl.admin.topics.models import PartitionDescription, TopicDescription, TopicListing, TopicSetting
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ConfigSource, ErrorCode
from kafkactl.connection.protocol import ResourceType as ProtocolResource
from kafkactl.connection.requests import Partition, Reassignment
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError, UnsupportedRequestError
from kafkactl.patterns import INTERNAL_TOPICS

_PAGE = 2000
"""Number of partitions in one answer of DescribeTopicPartitions: Kafka's own default."""
_HINT = "list the topics that you can see: kafkactl topics list"


def list_topics(cluster: Cluster, include_internal: bool = True) -> list[TopicListing]:
    """Return all topics sorted by name, from one metadata request. `include_internal` counts Kafka's own topics in.

    The replication factor is the largest number of replicas that a partition of the topic has, 0 without any. A topic
    that the broker cannot describe is in the list, too. Raise UnreachableError, OperationError, or UsageError for a
    wrong client setting.
    """
    listings = []
    for name, topic in sorted(cluster.read_metadata().topics.items()):
        internal = name in INTERNAL_TOPICS
        if include_internal or not internal:
            replicas = max((len(partition.replicas) for partition in topic.partitions.values()), default=0)
            listings.append(TopicListing(name, len(topic.partitions), replicas, internal))
    return listings


def list_partitions(cluster: Cluster, include_internal: bool = True) -> list[PartitionDescription]:
    """Return every partition of every topic, sorted, from one metadata request.

    `include_internal` counts Kafka's own topics in. The leader is None where there is none; so are sizes, records,
    moves and eligible leaders, which are not asked for. Raise UnreachableError, OperationError, or UsageError for a
    wrong client setting.
    """
    return [
        PartitionDescription(
            name,
            partition.id,
            partition.leader if partition.leader >= 0 else None,
            tuple(partition.replicas),
            tuple(partition.isrs),
        )
        for name, topic in sorted(cluster.read_metadata().topics.items())
        if include_internal or name not in INTERNAL_TOPICS
        for partition in sorted(topic.partitions.values(), key=lambda partition: partition.id)
    ]


Descriptions = tuple[list[TopicDescription], list[KafkactlError]]
"""Descriptions of topics, and an error for each topic, or part of a topic, that could not be described."""


def describe_topics(cluster: Cluster, names: Sequence[str], with_moves: bool = False) -> list[TopicDescription]:
    """Return topics with their settings, sorted by name, as describe_each() does.

    `with_moves` asks for reassignments. Names must be UTF-8, and have no NUL character; a repeated one counts once.
    Without names the result is empty. Raise NotFoundError or OperationError where a topic, or a part of it, cannot be
    described; UnreachableError where no topic, or no topic's settings, were answered, UsageError for a wrong client
    setting, and ValueError for an empty name. The first error is raised, and no topic is returned then.
    """
    topics, errors = describe_each(cluster, names, with_moves)
    if errors:
        raise errors[0]
    return topics


def describe_each(cluster: Cluster, names: Sequence[str], with_moves: bool = False) -> Descriptions:
    """Return topics with their settings, sorted by name, and an error for each topic that fails. All are asked at once.

    A topic that does not exist is a NotFoundError; a topic whose settings cannot be read is in both lists, without
    settings. `with_moves` asks for reassignments, too, but only where a replica is not in sync, and then once more for
    the replicas of such partitions without one. Where no answer about them comes, they are empty, with one error more;
    without the right to list them, and where the brokers cannot list them, they are empty without an error. Where
    librdkafka gets no answer for half of the time-out, kafka-python asks: then eligible leaders are read, too, and with
    `with_moves` all reassignments. Names must be UTF-8, and have no NUL character. Without names both lists are empty.

    Raise OperationError where reassignments are refused for another reason than missing rights, or a whole request of
    kafka-python is refused, UnreachableError where no topic, or no topic's settings, were answered, UsageError for a
    wrong client setting, and ValueError for an empty name.
    """
    if not names:
        return [], []
    names = sorted(set(names))
    with cluster.share_timeout():
        try:
            described, errors = _ask(
                cluster,
                names,
                lambda topic_names: cluster.admin.describe_topics(
                    TopicCollection(topic_names), request_timeout=cluster.timeout_s
                ),
                "cannot describe topic",
            )
            settings, failures = _read_settings_by_librdkafka(cluster, list(described))
        except TimeoutError:  # librdkafka waits for the controller, which may be frozen; others know the topics
            return describe_in_full(cluster, names, with_moves)
        topics = []
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
            topic_id = _format_uuid(topic.topic_id)
            topic_settings = settings.get(name, ())
            topics.append(
                TopicDescription(
                    topic=name,
                    topic_id=topic_id,
                    internal=bool(topic.is_internal),
                    partitions=tuple(partitions),
                    settings=topic_settings,
                )
            )
        # A move ends when all replicas are in sync, so that without others there is none to ask for.
        if with_moves and any(partition.under_replicated for topic in topics for partition in topic.partitions):
            moves = _read_moves(cluster, failures)
            topics = _add_moves(_read_replicas_again(cluster, topics, moves), moves)
    return topics, errors + failures


def find_compacted_topics(cluster: Cluster, names: Sequence[str]) -> set[str]:
    """Return those of the topics that have compaction only, as far as their settings can be read.

    These have cleanup.policy=compact. A topic that does not exist or cannot be read is left out. Names must be UTF-8,
    and have no NUL character. Raise UnreachableError where no topic, or no topic's settings, were answered,
    OperationError where a whole request is refused, UsageError for a wrong client setting, and ValueError for an empty
    name.
    """
    descriptions, _ = describe_each(cluster, names)
    policies = {
        description.topic: [setting.value for setting in description.settings if setting.name == "cleanup.policy"]
        for description in descriptions
    }
    return {topic for topic, values in policies.items() if values == ["compact"]}


def describe_in_full(cluster: Cluster, names: Sequence[str], with_moves: bool = True) -> Descriptions:
    """Return topics with settings, eligible leaders and reassignments, sorted by name, and an error for each failure.

    Brokers before Kafka 4.0 do not know eligible leaders: the fields are None. A topic that does not exist is a
    NotFoundError. A topic whose settings cannot be read is in the list without them. Where the controller does not
    answer about the moves, there is one error, and they are empty; without the right to list them, and where the
    brokers cannot list them, they are empty without an error. Without `with_moves` they are not asked for, and are
    None. Without names both lists are empty. Raise UnreachableError where no broker answers, OperationError where a
    whole request is refused, and UsageError for a wrong client setting and a name that is not UTF-8.
    """
    if not names:
        return [], []
    errors: list[KafkactlError] = []
    try:
        topics = list(_describe_with_eligible_leaders(cluster, names, errors))
    except UnsupportedRequestError:
        topics = list(_describe_by_metadata(cluster, names, errors))
    return _complete(cluster, topics, errors, with_moves)


def find_name(cluster: Cluster, topic_id: str) -> str | None:
    """Return the name of the topic with this id; None where there is none or the user may not see it.

    The id is 22 characters of base64 in the URL-safe alphabet, as Kafka prints it; its form is not checked. It must not
    be empty, which is the id of all topics before Kafka 2.8. Raise UnreachableError, OperationError or UsageError where
    the topics cannot be listed.
    """
    topics = cluster.requests.read_metadata(None)
    return next((topic.name for topic in topics if _format_id(topic.topic_id) == topic_id), None)


def describe_by_id(cluster: Cluster, topic_id: str) -> Descriptions:
    """Return the topic with this id as a list, and the errors.

    Both are empty for an unknown id, and for a topic that the user may not see. The id is 22 characters of URL-safe
    base64, as Kafka prints it; it must not be empty, which is the id of all topics before Kafka 2.8. The topic has
    settings and reassignments. Those that cannot be read are empty, and have an error, but not reassignments that the
    user may not list. As in Kafka's tool, its eligible leaders are not asked for and are None. Raise UnreachableError
    where no broker answers, OperationError where a whole request is refused, and UsageError for a wrong client setting.
    """
    name = find_name(cluster, topic_id)
    errors: list[KafkactlError] = []
    return (
        ([], errors)
        if name is None
        else _complete(cluster, list(_describe_by_metadata(cluster, [name], errors)), errors)
    )


def add_sizes(
    cluster: Cluster, rows: Sequence[PartitionDescription]
) -> tuple[list[PartitionDescription], list[KafkactlError]]:
    """Return the rows with the size of each leader's log in bytes, and an error for each broker or disk that failed.

    A size that is not known is None, also where a partition has no leader. Remote (tiered) segments and copies in a
    move to another directory do not count. The order stays. Only the leaders are asked; without rows none is. Raise the
    first error where no broker answers, an UnreachableError or OperationError, and UsageError for a wrong client
    setting.
    """
    partitions_by_topic: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        partitions_by_topic[row.topic].append(row.partition)
    leaders = {row.leader for row in rows if row.leader is not None}
    answers, errors = cluster.requests.ask_brokers("DescribeLogDirs", leaders, topics=list(partitions_by_topic.items()))
    sizes: dict[tuple[str, int, int | None], int] = {}
    for broker, answer in answers.items():
        for log_dir in answer.results:
            if log_dir.error_code:
                errors.append(
                    refusal(f"cannot read the sizes in {log_dir.log_dir} of broker {broker}", log_dir.error_code)
                )
            for topic in log_dir.topics:
                for partition in topic.partitions:
                    if not partition.is_future_key:
                        sizes[topic.name, partition.partition_index, broker] = partition.partition_size
    rows_with_sizes = [replace(row, size_bytes=sizes.get((row.topic, row.partition, row.leader))) for row in rows]
    return rows_with_sizes, errors


def add_record_counts(cluster: Cluster, rows: Sequence[PartitionDescription]) -> list[PartitionDescription]:
    """Return the rows with the number of records that each partition has at most; None where it cannot be read.

    It is the number of offsets: compaction and transactions leave gaps. The order stays, and a failure has no error.
    Without rows nothing is asked. Raise UnreachableError where no leader answers, UsageError for a wrong client
    setting, and ValueError for a topic without a name.
    """
    ends = read_log_ends(cluster, [(row.topic, row.partition) for row in rows])
    return [replace(row, records=ends[row.topic, row.partition].count) for row in rows]


def _read_settings_by_librdkafka(
    cluster: Cluster, names: Sequence[str]
) -> tuple[dict[str, tuple[TopicSetting, ...]], list[KafkactlError]]:
    """Return the settings of each topic, in the broker's order, and an error for each topic that fails.

    A topic that does not exist is a NotFoundError. Without names nothing is asked. Raise UnreachableError where no
    topic was answered, TimeoutError after half of the time-out, UsageError for a wrong client setting, and ValueError
    for an empty name.
    """

    def send(topic_names: list[str]) -> Mapping[str, Future[Any]]:
        """Send the request and return a future for each name.

        Raise UsageError for a wrong client setting, and ValueError for an empty name.
        """
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topic_names]
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
    cluster: Cluster, names: Sequence[str], send: Callable[[list[str]], Mapping[str, Future[Any]]], failure: str
) -> tuple[dict[str, Any], list[KafkactlError]]:
    """Return the answers by topic, and an error for each other topic. `failure` begins the messages of refusals.

    `send` sends the request for a list of names and returns a future for each name; its errors pass through. The
    answers are objects of confluent-kafka, in the order of the names. A topic that does not exist is a NotFoundError.
    Raise UnreachableError where no topic was answered, TimeoutError after half of the time-out, and UsageError for a
    wrong client setting.
    """
    answers = cluster.ask_each(names, send, lambda name: f"{failure} {name}", patience_s=cluster.timeout_s / 2)
    errors: list[KafkactlError] = []
    for name, answer in answers.items():
        if isinstance(answer, OperationError):
            is_absent = answer.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            errors.append(NotFoundError(f"topic not found: {name!r}", _HINT, answer.code) if is_absent else answer)
    return {name: answer for name, answer in answers.items() if not isinstance(answer, OperationError)}, errors


def _describe_with_eligible_leaders(
    cluster: Cluster, names: Sequence[str], errors: list[KafkactlError]
) -> Iterator[TopicDescription]:
    """Yield the topics from DescribeTopicPartitions; append the error of each refused topic to `errors`.

    Empty `names` ask for all topics. Settings and moves are missing yet. The order is the broker's, and an error of a
    single partition is not looked at. All answers come before the first item: there raise UnsupportedRequestError for
    brokers before Kafka 4.0, UnreachableError, OperationError or UsageError.
    """
    partitions: dict[str, list[PartitionDescription]] = {}
    topics: dict[str, Any] = {}
    refused: set[str] = set()
    cursor = None
    while True:
        answer = cluster.requests.send(
            "DescribeTopicPartitions", topics=[(name,) for name in names], response_partition_limit=_PAGE, cursor=cursor
        )
        for topic in answer.topics:  # a topic with more partitions than a page continues in the next answer
            if (error := _find_refusal(topic)) is not None:
                if topic.name not in refused:  # each page has those that the user may not see
                    errors.append(error)
                    refused.add(topic.name)
                continue
            topics[topic.name] = topic
            partitions.setdefault(topic.name, []).extend(
                replace(
                    _make_partition(topic.name, partition),
                    elr=tuple(partition.eligible_leader_replicas or ()),  # brokers send null for none
                    last_known_elr=tuple(partition.last_known_elr or ()),
                )
                for partition in topic.partitions
            )
        cursor = answer.next_cursor
        if cursor is None:
            break
    for name, rows in partitions.items():
        yield _make_topic(topics[name], rows)


def _describe_by_metadata(
    cluster: Cluster, names: Sequence[str], errors: list[KafkactlError]
) -> Iterator[TopicDescription]:
    """Yield the topics from Metadata; append the error of each refused topic to `errors`.

    Settings, moves and eligible leaders are missing; the order is the broker's. Without names nothing is yielded. Raise
    UnreachableError, OperationError or UsageError at the first item.
    """
    for topic in cluster.requests.read_metadata(names):
        if (error := _find_refusal(topic)) is not None:
            errors.append(error)
            continue
        yield _make_topic(topic, (_make_partition(topic.name, partition) for partition in topic.partitions))


def _complete(
    cluster: Cluster, topics: Iterable[TopicDescription], errors: list[KafkactlError], with_moves: bool = True
) -> Descriptions:
    """Return the topics with settings and reassignments, both topics and partitions in order, and the errors.

    A topic whose settings are refused has none, and its error comes behind the others. The request for the settings is
    sent without topics, too. `errors` are those of earlier steps; they come first. Where no answer about the moves
    comes, they are empty, and an OperationError is appended to `errors` itself; they are empty without an error where
    the right to list them is missing, and where the brokers are too old. Without `with_moves` nothing about them is
    asked or changed. Raise UnreachableError, OperationError or UsageError where the request for all settings fails, and
    OperationError where the moves are refused for another reason than missing rights.
    """
    by_name = {topic.topic: topic for topic in sorted(topics, key=lambda topic: topic.topic)}
    settings, failures = _read_settings_in_bulk(cluster, list(by_name))
    moves = _read_moves(cluster, errors) if with_moves else None
    described = [
        replace(
            topic,
            settings=settings.get(topic.topic, ()),
            partitions=tuple(sorted(topic.partitions, key=lambda row: row.partition)),
        )
        for topic in by_name.values()
    ]
    return described if moves is None else _add_moves(described, moves), errors + failures


def _add_moves(topics: Iterable[TopicDescription], moves: Mapping[Partition, Reassignment]) -> list[TopicDescription]:
    """Return the topics with the replicas that moves add and remove, empty for a partition without a move."""

    def add(row: PartitionDescription) -> PartitionDescription:
        """Return a partition with its move."""
        move = moves.get((row.topic, row.partition))
        return replace(row, adding=move.adding if move else (), removing=move.removing if move else ())

    return [replace(topic, partitions=tuple(map(add, topic.partitions))) for topic in topics]


def _read_replicas_again(
    cluster: Cluster, topics: Sequence[TopicDescription], moves: Mapping[Partition, Reassignment]
) -> list[TopicDescription]:
    """Return the topics in their order, with the present replicas of topics with one out of sync and not in a move.

    A move may have ended after the topic was described: then the replicas that it removed are gone. Leaders and
    replicas in sync are new, too; partitions of `moves` stay as they are. Without such topics nothing is asked. Where
    no answer or a refusal comes, and for a topic or partition that is gone, nothing changes. Raise UsageError for a
    wrong client setting.
    """
    names = [
        topic.topic
        for topic in topics
        if any(row.under_replicated and (row.topic, row.partition) not in moves for row in topic.partitions)
    ]
    try:
        again = list(_describe_by_metadata(cluster, names, [])) if names else []
    except (UnreachableError, OperationError):
        again = []
    present = {(row.topic, row.partition): row for topic in again for row in topic.partitions}

    def update(row: PartitionDescription) -> PartitionDescription:
        """Return a partition with its new replicas; one with a move, and one that is gone, stays as it is."""
        now = row if (row.topic, row.partition) in moves else present.get((row.topic, row.partition), row)
        return replace(row, leader=now.leader, replicas=now.replicas, isr=now.isr)

    return [replace(topic, partitions=tuple(map(update, topic.partitions))) for topic in topics]


def _read_moves(cluster: Cluster, errors: list[KafkactlError]) -> Mapping[Partition, Reassignment]:
    """Return the reassignments in progress, or nothing where the user or the brokers cannot list them.

    Brokers ask the controller. Where it does not answer, and where no broker does, the result is empty and an
    OperationError is appended to `errors`. Raise OperationError for a refusal other than missing rights, and UsageError
    for a wrong client setting.
    """
    try:
        return cluster.requests.list_reassignments()
    except UnsupportedRequestError:
        return {}
    except (UnreachableError, OperationError) as error:
        # A broker that waits for the controller in vain refuses with REQUEST_TIMED_OUT.
        code = error.code if isinstance(error, OperationError) else ErrorCode.REQUEST_TIMED_OUT
        if code == ErrorCode.REQUEST_TIMED_OUT:
            errors.append(OperationError(f"moves of replicas are missing: {error}", error.hint))
        elif code != ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
            raise
        return {}


def _read_settings_in_bulk(
    cluster: Cluster, names: Sequence[str]
) -> tuple[Mapping[str, tuple[TopicSetting, ...]], list[KafkactlError]]:
    """Return the settings of each topic from one request of kafka-python, and an OperationError for each refused topic.

    A refused topic has no settings in the result; one that does not exist is no NotFoundError. Raise UnreachableError,
    OperationError or UsageError where the request fails as a whole.
    """
    resources = [(ProtocolResource.TOPIC, name, None) for name in names]
    own, default = ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DEFAULT_CONFIG
    settings = {}
    errors: list[KafkactlError] = []
    for result in cluster.requests.send("DescribeConfigs", resources=resources, min_version=1).results:
        if result.error_code:
            failure = f"cannot read the configs of topic {result.resource_name}"
            errors.append(refusal(failure, result.error_code, result.error_message))
            continue
        settings[result.resource_name] = tuple(
            TopicSetting(entry.name, entry.value, entry.config_source == own, entry.config_source == default)
            for entry in result.configs
        )
    return settings, errors


def _find_refusal(topic: Any) -> KafkactlError | None:
    """Return the error of a topic in an answer of kafka-python, NotFoundError where it does not exist, or None."""
    if topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return NotFoundError(f"topic not found: {topic.name!r}", _HINT, topic.error_code)
    return refusal(f"cannot describe topic {topic.name}", topic.error_code, None) if topic.error_code else None


def _make_topic(answer: Any, partitions: Iterable[PartitionDescription]) -> TopicDescription:
    """Return a topic of an answer of kafka-python with these partitions, without settings. Nothing is raised."""
    return TopicDescription(
        topic=answer.name,
        topic_id=_format_id(answer.topic_id),
        internal=bool(answer.is_internal),
        partitions=tuple(partitions),
    )


def _make_partition(name: str, answer: Any) -> PartitionDescription:
    """Return a partition of an answer of kafka-python; the leader is None where there is none.

    The error code of the partition is not looked at, and nothing is raised.
    """
    leader = answer.leader_id if answer.leader_id >= 0 else None
    return PartitionDescription(
        name, answer.partition_index, leader, tuple(answer.replica_nodes), tuple(answer.isr_nodes)
    )


def _format_id(topic_id: Any) -> str:
    """Return a topic id as Kafka prints it: base64 in the URL-safe alphabet without padding; "" for None."""
    if topic_id is None:  # brokers before Kafka 2.8 know no ids
        return ""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")


def _format_uuid(topic_id: Uuid) -> str:
    """Return a topic id of librdkafka as Kafka prints it: `+` and `/` become `-` and `_`.

    librdkafka uses the other alphabet of base64.
    """
    return str(topic_id).replace("+", "-").replace("/", "_")
