"""Consumer groups: members, committed offsets and lag.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand.

Asking for the offsets of a group whose coordinator is moving ends librdkafka 2.16 with a segmentation fault
(librdkafka issue 5040): so groups are listed and described first, and offsets are asked only of coordinators
that have just answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition

from kafkactl.admin.offsets import LogEnds, OffsetAnswer, Partition, log_ends
from kafkactl.admin.outcome import Outcome, outcomes
from kafkactl.connection.cluster import PASSING_CODES, Cluster
from kafkactl.errors import NotFoundError, OperationError

# Kafka's own spelling of what librdkafka names differently.
_STATES = {
    ConsumerGroupState.PREPARING_REBALANCING: "PreparingRebalance",
    ConsumerGroupState.COMPLETING_REBALANCING: "CompletingRebalance",
    ConsumerGroupState.STABLE: "Stable",
    ConsumerGroupState.DEAD: "Dead",
    ConsumerGroupState.EMPTY: "Empty",
}


class CommitState(StrEnum):
    """How a committed offset lies in its partition's log."""

    OK = "ok"
    NO_COMMIT = "no commit"
    BEFORE_START = "before start"
    """Records it has not read are deleted already."""
    BEYOND_END = "beyond end"
    """Records it has read are gone: the log was truncated, or the topic made anew."""
    UNKNOWN = "unknown"
    """The log's offsets could not be asked; `error` says why."""


@dataclass(frozen=True)
class GroupListing:
    """A group in a list."""

    group: str
    type: str
    state: str


@dataclass(frozen=True)
class GroupList:
    """The groups, and the brokers' errors: with any, the list is not whole."""

    groups: tuple[GroupListing, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A consumer in a group; partitions as (topic, partition)."""

    group: str
    consumer_id: str
    instance_id: str | None
    client_id: str
    host: str
    assignment: tuple[Partition, ...]


@dataclass(frozen=True)
class GroupDescription:
    """A group as its coordinator knows it."""

    group: str
    type: str
    state: str
    assignor: str | None
    coordinator: str
    """host:port (node id)"""
    members: tuple[Member, ...]


@dataclass(frozen=True)
class PartitionLag:
    """One partition's progress in a group; offsets and lag in records, None where unknown."""

    group: str
    topic: str
    partition: int
    current_offset: int | None
    log_start_offset: int | None
    log_end_offset: int | None
    lag: int | None
    commit: CommitState
    consumer_id: str | None
    host: str | None
    client_id: str | None
    error: str | None = None


@dataclass(frozen=True)
class GroupLag:
    """A group's description with all its partitions and their sum."""

    description: GroupDescription
    partitions: tuple[PartitionLag, ...]
    total_lag: int
    """Sum over the partitions whose lag is known."""
    unknown_partitions: int
    """How many partitions the sum leaves out."""


def list_groups(cluster: Cluster) -> GroupList:
    """All consumer groups by name, asked of every broker at once."""

    def ask() -> GroupList:
        answer = cluster.wait(
            cluster.admin.list_consumer_groups(request_timeout=cluster.timeout_s), "cannot list groups"
        )
        failures = [cluster.error(error, "cannot list groups") for error in answer.errors or ()]
        for failure in failures:
            is_passing = isinstance(failure, OperationError) and failure.code in PASSING_CODES
            if is_passing or not answer.valid:
                raise failure
        listed = [GroupListing(group.group_id, _type(group), _state(group)) for group in answer.valid or ()]
        return GroupList(tuple(sorted(listed, key=lambda group: group.group)), tuple(map(str, failures)))

    return cluster.settled(ask)


def describe_groups(cluster: Cluster, names: Sequence[str] | None = None) -> list[GroupDescription]:
    """The named groups, or all; raises NotFoundError for a name that is none."""
    listed = list_groups(cluster)
    present = {group.group for group in listed.groups}
    if names is None:
        names = sorted(present)
    for name in names:
        if name not in present:
            if listed.errors:
                raise OperationError(f"cannot find group {name!r}: {listed.errors[0]}")
            raise NotFoundError(
                f"there is no consumer group {name!r}", "kafkactl groups list shows the groups there are"
            )
    if not names:
        return []

    def ask() -> list[GroupDescription]:
        futures = cluster.admin.describe_consumer_groups(list(names), request_timeout=cluster.timeout_s)
        return [_described(cluster.wait(futures[name], f"cannot describe group {name}")) for name in sorted(names)]

    return cluster.settled(ask)


def group_lags(cluster: Cluster, names: Sequence[str] | None = None) -> list[GroupLag]:
    """The named groups, or all, with every partition's lag; each partition's ends are asked once for all groups.

    A topic that a group has committed in is shown whole: records in a partition without a commit are unread, too.
    """
    descriptions = describe_groups(cluster, names)
    futures = {
        description.group: cluster.admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(description.group)], request_timeout=cluster.timeout_s
        )[description.group]
        for description in descriptions
    }
    committed = {
        group: _committed(cluster.wait(future, f"cannot read the offsets of group {group}"))
        for group, future in futures.items()
    }
    owners = {
        one.group: {partition: member for member in one.members for partition in member.assignment}
        for one in descriptions
    }
    known = cluster.metadata().topics
    watched = {}
    for one in descriptions:
        named = set(committed[one.group]) | set(owners[one.group])
        topics = {topic for topic, _ in named if topic in known}
        watched[one.group] = named | {(topic, number) for topic in topics for number in known[topic].partitions}
    ends = log_ends(cluster, set().union(*watched.values()))
    lags = []
    for one in descriptions:
        commits, members = committed[one.group], owners[one.group]
        partitions = sorted(watched[one.group])
        rows = [_partition_lag(one.group, each, commits, ends[each], members.get(each)) for each in partitions]
        lags.append(_group_lag(one, rows))
    return lags


def delete_groups(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Deletes each group; every one's own outcome."""
    futures = cluster.admin.delete_consumer_groups(list(names), request_timeout=cluster.timeout_s)
    return outcomes(cluster, futures, "deleted")


def _committed(answer: ConsumerGroupTopicPartitions) -> dict[Partition, OffsetAnswer]:
    """The future of a whole group succeeds while single partitions inside carry an error."""
    return {
        (entry.topic, entry.partition): OffsetAnswer(
            entry.offset if entry.error is None and entry.offset >= 0 else None,
            entry.error.str() if entry.error is not None else None,
        )
        for entry in answer.topic_partitions or ()
    }


def _group_lag(description: GroupDescription, partitions: Sequence[PartitionLag]) -> GroupLag:
    known = [row.lag for row in partitions if row.lag is not None]
    return GroupLag(description, tuple(partitions), sum(known), len(partitions) - len(known))


def _partition_lag(
    group: str,
    partition: Partition,
    committed: Mapping[Partition, OffsetAnswer],
    ends: LogEnds,
    owner: Member | None,
) -> PartitionLag:
    commit = committed.get(partition, OffsetAnswer(None, None))
    lag = None
    if commit.offset is not None and ends.end.offset is not None:
        lag = max(0, ends.end.offset - commit.offset)
    return PartitionLag(
        group,
        *partition,
        commit.offset,
        ends.start.offset,
        ends.end.offset,
        lag,
        _commit_state(commit, ends),
        owner.consumer_id if owner else None,
        owner.host if owner else None,
        owner.client_id if owner else None,
        commit.error or ends.end.error or ends.start.error,
    )


def _commit_state(commit: OffsetAnswer, ends: LogEnds) -> CommitState:
    if commit.error or ends.start.offset is None or ends.end.offset is None:
        return CommitState.UNKNOWN
    if commit.offset is None:
        return CommitState.NO_COMMIT
    if commit.offset < ends.start.offset:
        return CommitState.BEFORE_START
    return CommitState.BEYOND_END if commit.offset > ends.end.offset else CommitState.OK


def _described(description: Any) -> GroupDescription:
    members = [
        Member(
            description.group_id,
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.host,
            _pairs(member.assignment.topic_partitions),
        )
        for member in description.members
    ]
    coordinator = description.coordinator
    return GroupDescription(
        description.group_id,
        _type(description),
        _state(description),
        description.partition_assignor or None,
        f"{coordinator.host}:{coordinator.port} ({coordinator.id})",
        tuple(sorted(members, key=lambda member: (member.assignment, member.consumer_id))),
    )


def _pairs(partitions: Iterable[TopicPartition]) -> tuple[Partition, ...]:
    return tuple(sorted((partition.topic, partition.partition) for partition in partitions))


def _state(group: Any) -> str:
    return _STATES.get(getattr(group, "state", None), "Unknown")  # type: ignore[arg-type]


def _type(group: Any) -> str:
    kind = getattr(group, "type", None)
    return kind.name.capitalize() if kind is not None and kind.name != "UNKNOWN" else "Classic"
