"""Consumer groups: members, committed offsets and lag.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand.

Asking for the offsets of a group whose coordinator is moving ends librdkafka 2.16 with a segmentation fault
(librdkafka issue 5040): so groups are listed and described first, and offsets are asked only of coordinators
that have just answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition

from kafkactl.admin.group_models import (
    UNKNOWN_STATE,
    Commit,
    CommitState,
    GroupDescription,
    GroupLag,
    GroupList,
    GroupListing,
    Member,
    Node,
    Partition,
    PartitionLag,
)
from kafkactl.admin.offsets import LogEnds, log_ends
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


def describe_groups(
    cluster: Cluster, names: Sequence[str] | None = None, with_epochs: bool = False
) -> list[GroupDescription]:
    """Groups by name or regular expression, or all; raises NotFoundError for what names none.

    `with_epochs` asks also for what librdkafka does not: epochs and target assignments of the consumer protocol.
    """
    listed = list_groups(cluster)
    chosen = sorted(_meant([group.group for group in listed.groups], names, listed.errors))
    if not chosen:
        return []

    def ask() -> list[GroupDescription]:
        futures = cluster.admin.describe_consumer_groups(chosen, request_timeout=cluster.timeout_s)
        return [_described(cluster.wait(futures[name], f"cannot describe group {name}")) for name in chosen]

    described = cluster.settled(ask)
    # librdkafka has no words for the states in which groups of the consumer protocol are rebalanced.
    if with_epochs or any(one.state == UNKNOWN_STATE for one in described):
        from kafkactl.admin.group_epochs import with_epochs_of

        return with_epochs_of(cluster.settings, described)
    return described


def _meant(existing: Sequence[str], names: Sequence[str] | None, errors: Sequence[str]) -> set[str]:
    if names is None:
        return set(existing)
    found: set[str] = set()
    for name in names:
        hits = [name] if name in existing else _matches(existing, name)
        if not hits and errors:
            raise OperationError(f"cannot find group {name!r}: {errors[0]}")
        if not hits:
            raise NotFoundError(
                f"there is no consumer group {name!r}", "kafkactl groups list shows the groups there are"
            )
        found.update(hits)
    return found


def _matches(existing: Sequence[str], pattern: str) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return []  # a group may be called anything
    return [name for name in existing if compiled.fullmatch(name)]


def group_lags(
    cluster: Cluster,
    names: Sequence[str] | None = None,
    read_committed: bool = False,
    with_epochs: bool = False,
) -> list[GroupLag]:
    """The named groups, or all, with every partition's lag; each partition's ends are asked once for all groups.

    A topic that a group has committed in is shown whole: records in a partition without a commit are unread, too.
    """
    descriptions = describe_groups(cluster, names, with_epochs)
    commits = committed_offsets(cluster, [one.group for one in descriptions])
    owners = {one.group: one.owners for one in descriptions}
    known = cluster.metadata().topics
    watched = {}
    for one in descriptions:
        named = commits[one.group].keys() | owners[one.group].keys()
        topics = {topic for topic, _ in named if topic in known}
        watched[one.group] = named | {(topic, number) for topic in topics for number in known[topic].partitions}
    ends = log_ends(cluster, set().union(*watched.values()), read_committed)
    nothing = Commit(None, None)
    lags = []
    for one in descriptions:
        of_group, members = commits[one.group], owners[one.group]
        rows = [
            _partition_lag(one.group, each, of_group.get(each, nothing), ends[each], members.get(each))
            for each in sorted(watched[one.group])
        ]
        lags.append(group_lag(one, rows))
    return lags


def committed_offsets(cluster: Cluster, groups: Sequence[str]) -> dict[str, dict[Partition, Commit]]:
    """What each group has committed, of all groups at once; coordinators must just have answered (see above)."""
    futures = {
        group: cluster.admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=cluster.timeout_s
        )[group]
        for group in groups
    }
    return {
        group: _committed(cluster.wait(future, f"cannot read the offsets of group {group}"))
        for group, future in futures.items()
    }


def delete_groups(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Deletes each group; every one's own outcome."""
    futures = cluster.admin.delete_consumer_groups(list(names), request_timeout=cluster.timeout_s)
    return outcomes(cluster, futures, "deleted")


def _committed(answer: ConsumerGroupTopicPartitions) -> dict[Partition, Commit]:
    """The future of a whole group succeeds while single partitions inside carry an error."""
    return {
        (entry.topic, entry.partition): Commit(
            entry.offset if entry.error is None and entry.offset >= 0 else None,
            entry.leader_epoch,
            entry.error.str() if entry.error is not None else None,
        )
        for entry in answer.topic_partitions or ()
    }


def group_lag(description: GroupDescription, partitions: Sequence[PartitionLag]) -> GroupLag:
    """A group with its partitions and their sum."""
    known = [row.lag for row in partitions if row.lag is not None]
    return GroupLag(description, tuple(partitions), sum(known), len(partitions) - len(known))


def _partition_lag(
    group: str, partition: Partition, commit: Commit, ends: LogEnds, owner: Member | None
) -> PartitionLag:
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
        owner.instance_id if owner else None,
        owner.host if owner else None,
        owner.client_id if owner else None,
        commit.leader_epoch,
        error=commit.error or ends.end.error or ends.start.error,
    )


def _commit_state(commit: Commit, ends: LogEnds) -> CommitState:
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
        Node(coordinator.id, coordinator.host, coordinator.port),
        tuple(members),
    )


def _pairs(partitions: Iterable[TopicPartition]) -> tuple[Partition, ...]:
    return tuple(sorted((partition.topic, partition.partition) for partition in partitions))


def _state(group: Any) -> str:
    return _STATES.get(getattr(group, "state", None), UNKNOWN_STATE)  # type: ignore[arg-type]


def _type(group: Any) -> str:
    kind = getattr(group, "type", None)
    return kind.name.capitalize() if kind is not None and kind.name != "UNKNOWN" else "Classic"
