"""Creation, changes and deletion of topics.

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

from kafkactl.admin.models import Outcome, send_change
from kafkactl.admin.topics.descriptions import describe_topics, list_topics
from kafkactl.admin.topics.models import TopicSpec
from kafkactl.connection.broker_errors import describe_error
from kafkactl.connection.cluster import POLL_S, Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import UnreachableError
from kafkactl.patterns import write_command

_RECORDS_A_REQUEST = 5_000
"""Most records of the metadata log that one request may cause."""
_ASSUMED_PARTITIONS = 50  # estimate where the brokers' default decides the number


def create_topics(
    cluster: Cluster, specs: Sequence[TopicSpec], if_not_exists: bool = False, validate_only: bool = False
) -> list[Outcome]:
    """Create topics and return the outcome of each, in the order of `specs`.

    With `if_not_exists` a topic that exists counts as a success. With `validate_only` the brokers only check; the text
    of a success is "created" then, too. A refusal is a failed outcome; a topic without an answer has the code
    REQUEST_TIMED_OUT and may have been created. Many topics need several requests; without topics nothing is sent.
    Specs with one name in a request have one outcome together: only the last one is sent. Names must be UTF-8, and have
    no NUL character.

    Raise UnreachableError where no topic of a request has an answer and the request was certainly not sent: topics of
    earlier requests may have been created. Raise UsageError for a wrong client setting, ValueError for numbers above
    100,000 partitions or 10,000 replicas or below -1, and for an assignment with a partition without replicas, and
    OverflowError for numbers from 2^31 on: topics of earlier requests may have been created then, too. A number of 0 or
    None, and -1, is the brokers' default.
    """
    ignored = {KafkaError.TOPIC_ALREADY_EXISTS: "exists already"} if if_not_exists else {}
    results = []
    for batch in _split_into_batches(specs):
        by_name = {spec.topic: _make_new_topic(spec) for spec in batch}

        def send(names: list[str], by_name: Mapping[str, NewTopic] = by_name) -> Mapping[str, Future[None]]:
            """Send the request and return a future for each topic.

            Raise UsageError for a wrong client setting, and ValueError for wrong numbers and for an assignment with a
            partition without replicas.
            """
            new = [by_name[name] for name in names]
            return cluster.admin.create_topics(new, validate_only=validate_only, **_make_timeouts(cluster))

        results += send_change(cluster, by_name, send, "created", ignored)
    return results


def add_partitions(
    cluster: Cluster,
    totals: Mapping[str, int],
    assignment: Sequence[Sequence[int]] | None = None,
    validate_only: bool = False,
) -> list[Outcome]:
    """Increase the topics' numbers of partitions in one request; return the outcomes in the order of `totals`.

    `totals` has the new number of partitions, 1 to 100,000, by topic; a name must be UTF-8, without a NUL character.
    `assignment` has the replicas of all partitions, the same for each topic; existing partitions stay as they are. None
    lets the brokers choose. With `validate_only` the brokers only check; the text of a success is like "6 partitions"
    then, too. A refusal, also of a number that is not larger, and an assignment of another length are failed outcomes;
    a topic without an answer has the code REQUEST_TIMED_OUT and may have been changed.

    Raise UnreachableError where no topic has an answer and the request was certainly not sent, and where the topics
    cannot be listed for an `assignment` (OperationError for a refusal of that), and UsageError for a wrong client
    setting. Raise ValueError, before anything is changed, for another total (OverflowError from 2^31 on) and for a new
    partition without replicas, where the length of the `assignment` is right.
    """
    short: dict[str, Outcome] = {}
    if assignment is None:
        requests = {name: NewPartitions(name, total) for name, total in totals.items()}
    else:
        present_counts = {listing.topic: listing.partitions for listing in list_topics(cluster)}
        new_replicas = {
            name: [list(replicas) for replicas in assignment[present_counts.get(name, 0) :]] for name in totals
        }
        short = {
            name: _make_short_outcome(name, totals[name] - present_counts[name], len(replicas))
            for name, replicas in new_replicas.items()
            if name in present_counts and len(replicas) != totals[name] - present_counts[name] > 0
        }
        requests = {
            # Other topics and totals are for the brokers to refuse; librdkafka would refuse all for such an assignment.
            name: NewPartitions(name, total, replica_assignment=new_replicas[name])
            if name in present_counts and total > present_counts[name]
            else NewPartitions(name, total)
            for name, total in totals.items()
            if name not in short
        }

    def send(names: list[str]) -> Mapping[str, Future[None]]:
        """Send the request and return a future for each topic.

        Raise UsageError for a wrong client setting, and ValueError for a wrong number and for an assignment with a new
        partition without replicas.
        """
        more = [requests[name] for name in names]
        return cluster.admin.create_partitions(more, validate_only=validate_only, **_make_timeouts(cluster))

    results = {outcome.name: outcome for outcome in send_change(cluster, requests, send, "")} | short
    return [
        replace(results[name], result=f"{total} partitions") if results[name].ok else results[name]
        for name, total in totals.items()
    ]


def _make_short_outcome(topic: str, added: int, assigned: int) -> Outcome:
    """Return the failure of a topic whose assignment does not have a list of brokers for each new partition.

    `added` is the number of new partitions, `assigned` that of the lists. librdkafka does not send such a request. The
    sentence is that of a broker.
    """
    reason = f"Attempted to add {added} additional partition(s), but only {assigned} assignment(s) were specified."
    return Outcome(name=topic, ok=False, result=reason, code=KafkaError.INVALID_REPLICA_ASSIGNMENT)


def delete_topics(cluster: Cluster, names: Sequence[str], if_exists: bool = False) -> list[Outcome]:
    """Delete topics and return the outcome of each, in the order of `names`.

    With `if_exists` a topic that does not exist counts as a success. A refusal is a failed outcome; a topic without an
    answer has the code REQUEST_TIMED_OUT and may have been deleted. A name that is there twice has one outcome. Without
    names nothing is sent. Names must be UTF-8, and have no NUL character: librdkafka cuts them there, and another topic
    may be deleted. Raise UnreachableError where no topic has an answer and the request was certainly not sent, and
    UsageError for a wrong client setting.
    """
    ignored = {KafkaError.UNKNOWN_TOPIC_OR_PART: "did not exist"} if if_exists else {}

    def send(topic_names: list[str]) -> Mapping[str, Future[None]]:
        """Send the request and return a future for each topic. Raise UsageError for a wrong client setting."""
        return cluster.admin.delete_topics(topic_names, **_make_timeouts(cluster))

    return send_change(cluster, names, send, "deleted", ignored)


def preview_deletion(cluster: Cluster, names: Sequence[str], verb: str = "delete") -> list[Outcome]:
    """Return the outcome that a deletion of topics would have: it fails for topics that do not exist.

    A topic that the user may not see fails, too. There is an outcome for each of `names`, also for a repeated one, in
    their order; nothing is deleted. `verb` is "delete" or "empty", for the text "would be deleted" or "would be
    emptied"; another one is a KeyError. Raise UnreachableError or OperationError where the topics cannot be listed, and
    UsageError for a wrong client setting.
    """
    existing_topics = {listing.topic for listing in list_topics(cluster)}
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    past = {"delete": "deleted", "empty": "emptied"}[verb]
    return [
        Outcome(name=name, ok=True, result=f"would be {past}")
        if name in existing_topics
        else Outcome(name=name, ok=False, result=describe_error(code), code=code)
        for name in names
    ]


def recreate_topics(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Delete topics and create them again with the same numbers of partitions and replicas and the same own settings.

    The number of replicas is the largest of a partition, after reassignments in progress, or that of now where the user
    or the brokers cannot list these. Settings whose values the brokers do not tell are left out. Names must be UTF-8,
    and have no NUL character, else another topic may be deleted. The brokers of replicas are chosen anew, and all
    records are lost. Until the time-out is over, the creation is tried again for names that are not free yet. Return
    the outcome of each topic, sorted by name. A topic whose deletion fails or has no answer is not created again. Where
    a topic was deleted but not created, the hint is the command that creates it; with the code REQUEST_TIMED_OUT it may
    have been created.

    Raise NotFoundError for a topic that does not exist and OperationError for one that cannot be described, also where
    no answer about reassignments comes, before anything is deleted; raise UnreachableError where no broker answers to
    the description, or where the deletion was certainly not sent, UsageError for a wrong client setting, and ValueError
    for an empty name. Without names the result is empty.
    """
    specs = {
        description.topic: TopicSpec(
            topic=description.topic,
            partitions=len(description.partitions),
            replication_factor=description.target_factor,
            replica_assignment=None,
            configs=description.configs,
        )
        for description in describe_topics(cluster, names, with_moves=True)
    }
    results = {outcome.name: outcome for outcome in delete_topics(cluster, list(specs))}
    pending = [specs[name] for name, outcome in results.items() if outcome.ok]
    deadline = time.monotonic() + cluster.settings.timeout_s
    while pending:
        try:
            creations = {outcome.name: outcome for outcome in create_topics(cluster, pending)}
        except UnreachableError as error:  # the user must see the topics that are gone, and the commands that make them
            creations = {
                spec.topic: Outcome(name=spec.topic, ok=False, result=str(error), code=ErrorCode.REQUEST_TIMED_OUT)
                for spec in pending
            }
        results.update({name: _describe_recreation(specs[name], outcome) for name, outcome in creations.items()})
        # The name stays in use until the deleted topic is gone from every broker.
        pending = [spec for spec in pending if creations[spec.topic].code == KafkaError.TOPIC_ALREADY_EXISTS]
        if time.monotonic() > deadline:
            break
        if pending:
            time.sleep(POLL_S)
    return list(results.values())


def _make_timeouts(cluster: Cluster) -> dict[str, Any]:
    """Return librdkafka's arguments for the time-outs of a change in s: of the controller's work, and of the request.

    Both are what is left of the cluster's time-out.
    """
    return {"operation_timeout": cluster.timeout_s, "request_timeout": cluster.timeout_s}


def _describe_recreation(spec: TopicSpec, creation: Outcome) -> Outcome:
    """Return the outcome of a topic's second creation in the words of a recreation.

    A failed one gets the command that creates the topic, such as "kafkactl topics create NAME -p 6 -r 3", as its hint.
    `spec` must have both numbers; a `replica_assignment` is not used. Name, state and code stay.
    """
    if creation.ok:
        return replace(creation, result="emptied: deleted and created again")
    settings = [word for name, value in (spec.configs or {}).items() for word in ("-c", f"{name}={value}")]
    numbers = ("-p", str(spec.partitions), "-r", str(spec.replication_factor))
    hint = write_command("kafkactl topics create", spec.topic, *numbers, *settings)
    return replace(creation, result=f"deleted, but not created again: {creation.result}", hint=hint)


def _split_into_batches(specs: Sequence[TopicSpec]) -> Iterator[list[TopicSpec]]:
    """Yield the specs in requests of at most 5,000 records: KRaft refuses requests that cause more than 10,000.

    A topic causes records of the controller's log for itself, its partitions (50 where the brokers choose) and its
    settings, not for its replicas. A larger topic is a request of its own. The order stays; without specs nothing is
    yielded.
    """
    batch: list[TopicSpec] = []
    records = 0
    for spec in specs:
        partitions = len(spec.replica_assignment or ()) or max(0, spec.partitions or 0) or _ASSUMED_PARTITIONS
        spec_records = 1 + partitions + len(spec.configs or {})
        if batch and records + spec_records > _RECORDS_A_REQUEST:
            yield batch
            batch, records = [], 0
        batch.append(spec)
        records += spec_records
    if batch:
        yield batch


def _make_new_topic(spec: TopicSpec) -> NewTopic:
    """Return librdkafka's object for a new topic; numbers that are None or 0 leave the choice to the brokers.

    A `replica_assignment` replaces both numbers, an empty one does not. Numbers are not checked here: the admin
    client's create_topics raises ValueError for wrong ones. Raise OverflowError where one of both does not fit 32 bits,
    and ValueError for a topic that is not UTF-8 or has a NUL character.
    """
    configs = dict(spec.configs or {})
    if spec.replica_assignment:
        assignment = [list(brokers) for brokers in spec.replica_assignment]
        return NewTopic(spec.topic, num_partitions=len(assignment), replica_assignment=assignment, config=configs)
    # -1 means the brokers' own default (KIP-464).
    return NewTopic(spec.topic, spec.partitions or -1, spec.replication_factor or -1, config=configs)
