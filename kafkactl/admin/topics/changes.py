"""Creating, changing and deleting topics.

Reference: org.apache.kafka.tools.TopicCommand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaError
from confluent_kafka.admin import NewPartitions, NewTopic

from kafkactl.admin.models import Outcome, outcomes
from kafkactl.admin.topics.descriptions import describe_topics, list_topics
from kafkactl.admin.topics.models import TopicSpec
from kafkactl.connection.broker_errors import describe_error
from kafkactl.connection.cluster import POLL_S, Cluster
from kafkactl.connection.protocol import ErrorCode

_RECORDS_A_REQUEST = 5_000
_ASSUMED_PARTITIONS = 50  # where the number is left to the brokers' default


def create_topics(
    cluster: Cluster, specs: Sequence[TopicSpec], if_not_exists: bool = False, validate_only: bool = False
) -> list[Outcome]:
    """Create each topic, or only have the brokers check it; return each one's outcome, in the order given."""
    ignored = {KafkaError.TOPIC_ALREADY_EXISTS: "exists already"} if if_not_exists else {}
    results = []
    for batch in _batches(specs):
        by_name = {spec.topic: _new_topic(spec) for spec in batch}

        def send(names: list[str], by_name: Mapping[str, NewTopic] = by_name) -> Mapping[str, Future[None]]:
            new = [by_name[name] for name in names]
            return cluster.admin.create_topics(new, validate_only=validate_only, **_timeouts(cluster))

        results += outcomes(cluster, by_name, send, "created", ignored)
    return results


def add_partitions(
    cluster: Cluster,
    totals: Mapping[str, int],
    assignment: Sequence[Sequence[int]] | None = None,
    validate_only: bool = False,
) -> list[Outcome]:
    """Raise topics' numbers of partitions in one request, or only have it checked; return each one's outcome.

    `assignment` has the replicas of all partitions of each; those that are there already stay as they are.
    """
    if assignment is None:
        wanted = {name: NewPartitions(name, total) for name, total in totals.items()}
    else:
        there = {listing.topic: listing.partitions for listing in list_topics(cluster)}
        added = {name: [list(replicas) for replicas in assignment[there.get(name, 0) :]] for name in totals}
        wanted = {name: NewPartitions(name, total, replica_assignment=added[name]) for name, total in totals.items()}

    def send(names: list[str]) -> Mapping[str, Future[None]]:
        more = [wanted[name] for name in names]
        return cluster.admin.create_partitions(more, validate_only=validate_only, **_timeouts(cluster))

    done = outcomes(cluster, wanted, send, "")
    return [replace(each, result=f"{totals[each.name]} partitions") if each.ok else each for each in done]


def delete_topics(cluster: Cluster, names: Sequence[str], if_exists: bool = False) -> list[Outcome]:
    """Deletes each topic; every one's own outcome."""
    ignored = {KafkaError.UNKNOWN_TOPIC_OR_PART: "did not exist"} if if_exists else {}

    def send(left: list[str]) -> Mapping[str, Future[None]]:
        return cluster.admin.delete_topics(left, **_timeouts(cluster))

    return outcomes(cluster, names, send, "deleted", ignored)


def preview_deletion(cluster: Cluster, names: Sequence[str], verb: str = "delete") -> list[Outcome]:
    """Return what the deletion of topics would come to: those that do not exist are refused."""
    there = {listing.topic for listing in list_topics(cluster)}
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    past = {"delete": "deleted", "empty": "emptied"}[verb]
    return [
        Outcome(name, True, f"would be {past}")
        if name in there
        else Outcome(name, False, describe_error(code), code=code)
        for name in names
    ]


def recreate_topics(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Deletes topics and creates them again with as many partitions and replicas and the same settings of their own."""
    specs = {
        one.topic: TopicSpec(one.topic, len(one.partitions), one.replication_factor, None, one.configs)
        for one in describe_topics(cluster, names)
    }
    results = {each.name: each for each in delete_topics(cluster, list(specs))}
    pending = [specs[name] for name, each in results.items() if each.ok]
    deadline = time.monotonic() + cluster.settings.timeout_s
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


def _timeouts(cluster: Cluster) -> dict[str, Any]:
    """Return the bounds of a change: on the controller's work, and on the request."""
    return {"operation_timeout": cluster.timeout_s, "request_timeout": cluster.timeout_s}


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
