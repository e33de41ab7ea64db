"""Topics: what there is, and creating, changing and deleting them.

Reference: org.apache.kafka.tools.TopicCommand.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import KafkaError, TopicCollection, Uuid
from confluent_kafka.admin import ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourceType

from kafkactl.admin.models import Outcome, outcomes
from kafkactl.admin.offsets import log_ends
from kafkactl.admin.topics.models import (
    MIN_ISR,
    PartitionDescription,
    TopicDescription,
    TopicListing,
    TopicSettings,
    TopicSpec,
)
from kafkactl.admin.topics.names import INTERNAL_TOPICS
from kafkactl.connection.cluster import POLL_S, Cluster
from kafkactl.errors import NotFoundError, OperationError

_RECORDS_A_REQUEST = 5_000
_ASSUMED_PARTITIONS = 50  # where the number is left to the brokers' default


def list_topics(cluster: Cluster, include_internal: bool = True) -> list[TopicListing]:
    """All topics by name, from one metadata request."""
    listed = []
    for name, topic in sorted(cluster.metadata().topics.items()):
        internal = name in INTERNAL_TOPICS
        if include_internal or not internal:
            replicas = max((len(partition.replicas) for partition in topic.partitions.values()), default=0)
            listed.append(TopicListing(name, len(topic.partitions), replicas, internal))
    return listed


def describe_topics(
    cluster: Cluster, names: Sequence[str], settings: Mapping[str, TopicSettings] | None = None
) -> list[TopicDescription]:
    """Topics by name with their partitions and own settings, all asked at once; raises NotFoundError."""
    if not names:
        return []
    described = cluster.admin.describe_topics(TopicCollection(list(names)), request_timeout=cluster.timeout_s)
    if settings is None:
        settings = settings_of(cluster, names)
    descriptions = []
    for name in sorted(names):
        with _not_found(name):
            topic = cluster.wait(described[name], f"cannot describe topic {name}")
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
                settings[name].own,
                partitions,
            )
        )
    return descriptions


def settings_of(cluster: Cluster, names: Sequence[str]) -> dict[str, TopicSettings]:
    """Topics' own settings, by name; raises NotFoundError."""
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    futures = cluster.admin.describe_configs(resources, request_timeout=cluster.timeout_s)
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    found = {}
    for resource, future in futures.items():
        with _not_found(resource.name):
            entries = cluster.wait(future, f"cannot read the configs of topic {resource.name}")
        found[resource.name] = TopicSettings(
            {name: entry.value for name, entry in sorted(entries.items()) if entry.source == own},
            int(entries[MIN_ISR].value),
        )
    return found


def all_partitions(cluster: Cluster, include_internal: bool = True) -> list[PartitionDescription]:
    """Every partition of every topic, from one metadata request."""
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


def with_sizes(cluster: Cluster, rows: Sequence[PartitionDescription]) -> list[PartitionDescription]:
    """The same, with the size of each leader's log."""
    from kafkactl.connection.kafka_python import admin

    wanted: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        wanted[row.topic].append(row.partition)
    with admin(cluster.settings) as client:
        answers = client.describe_log_dirs(wanted)
    sizes = {
        (topic["name"], partition["partition_index"], answer["broker"]): partition["partition_size"]
        for answer in answers
        for log_dir in answer["log_dirs"]
        for topic in log_dir["topics"]
        for partition in topic["partitions"]
        if not partition["is_future_key"]
    }
    return [replace(row, size_bytes=sizes.get((row.topic, row.partition, row.leader))) for row in rows]


def with_records(cluster: Cluster, rows: Sequence[PartitionDescription]) -> list[PartitionDescription]:
    """The same, with how many records each can hold at most."""
    ends = log_ends(cluster, [(row.topic, row.partition) for row in rows])
    return [replace(row, records=ends[row.topic, row.partition].count) for row in rows]


def create_topics(cluster: Cluster, specs: Sequence[TopicSpec], if_not_exists: bool = False) -> list[Outcome]:
    """Creates each topic; every one's own outcome, in the order given."""
    ignored = {KafkaError.TOPIC_ALREADY_EXISTS: "exists already"} if if_not_exists else {}
    results = []
    for batch in _batches(specs):
        futures = cluster.admin.create_topics(
            [_new_topic(spec) for spec in batch], operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s
        )
        results += outcomes(cluster, futures, "created", ignored)
    return results


def add_partitions(
    cluster: Cluster, totals: Mapping[str, int], assignment: Sequence[Sequence[int]] | None = None
) -> list[Outcome]:
    """Raises topics' numbers of partitions, in one request; every one's own outcome.

    `assignment` has the replicas of all partitions of each; those that are there already stay as they are.
    """
    if assignment is None:
        wanted = [NewPartitions(name, total) for name, total in totals.items()]
    else:
        there = {listing.topic: listing.partitions for listing in list_topics(cluster)}
        added = {name: [list(replicas) for replicas in assignment[there.get(name, 0) :]] for name in totals}
        wanted = [NewPartitions(name, total, replica_assignment=added[name]) for name, total in totals.items()]
    futures = cluster.admin.create_partitions(
        wanted, operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s
    )
    done = outcomes(cluster, futures, "")
    return [replace(each, result=f"{totals[each.name]} partitions") if each.ok else each for each in done]


def delete_topics(cluster: Cluster, names: Sequence[str], if_exists: bool = False) -> list[Outcome]:
    """Deletes each topic; every one's own outcome."""
    futures = cluster.admin.delete_topics(
        list(names), operation_timeout=cluster.timeout_s, request_timeout=cluster.timeout_s
    )
    ignored = {KafkaError.UNKNOWN_TOPIC_OR_PART: "did not exist"} if if_exists else {}
    return outcomes(cluster, futures, "deleted", ignored)


def recreate_topics(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Deletes topics and creates them again with as many partitions and replicas and the same settings of their own."""
    specs = {
        one.topic: TopicSpec(one.topic, len(one.partitions), one.replication_factor, None, one.configs)
        for one in describe_topics(cluster, names)
    }
    results = {each.name: each for each in delete_topics(cluster, list(specs))}
    pending = [specs[name] for name, each in results.items() if each.ok]
    deadline = time.monotonic() + cluster.timeout_s
    while pending:
        made = {each.name: each for each in create_topics(cluster, pending)}
        results.update({name: _created_again(specs[name], each) for name, each in made.items()})
        # Until a deleted topic is gone from every broker there still is one of that name.
        pending = [spec for spec in pending if made[spec.topic].code == KafkaError.TOPIC_ALREADY_EXISTS]
        if time.monotonic() > deadline:
            break
        if pending:
            time.sleep(POLL_S)
    return list(results.values())


def _created_again(spec: TopicSpec, made: Outcome) -> Outcome:
    if made.ok:
        return replace(made, result="emptied: deleted and created again")
    settings = " ".join(f"-c {name}={value}" for name, value in (spec.configs or {}).items())
    again = f"kafkactl topics create {spec.topic} -p {spec.partitions} -r {spec.replication_factor} {settings}".rstrip()
    return replace(made, result=f"deleted, but not created again: {made.result}", hint=again)


def _batches(specs: Sequence[TopicSpec]) -> Iterator[list[TopicSpec]]:
    """Specs in requests that a controller takes: KRaft refuses what comes to over 10,000 records in its log."""
    batch: list[TopicSpec] = []
    records = 0
    for spec in specs:
        partitions = len(spec.replica_assignment or ()) or spec.partitions or _ASSUMED_PARTITIONS
        of_this = 1 + partitions + len(spec.configs or {})
        if batch and records + of_this > _RECORDS_A_REQUEST:
            yield batch
            batch, records = [], 0
        batch.append(spec)
        records += of_this
    if batch:
        yield batch


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


@contextlib.contextmanager
def _not_found(name: str) -> Iterator[None]:
    try:
        yield
    except OperationError as error:
        if error.code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise NotFoundError(f"there is no topic {name!r}", error.hint, error.code) from error
        raise
