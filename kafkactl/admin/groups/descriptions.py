"""Consumer groups: members, committed offsets and lag.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand.

Asking for the offsets of a group whose coordinator is moving ends librdkafka 2.16 with a segmentation fault
(librdkafka issue 5040): so groups are listed and described first, and offsets are asked only of coordinators
that have just answered.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition

from kafkactl.admin.groups.models import (
    EMPTY_STATE,
    UNKNOWN_STATE,
    Commit,
    CommitState,
    GroupChoice,
    GroupDescription,
    GroupLag,
    GroupList,
    GroupListing,
    Member,
    Node,
    PartitionLag,
)
from kafkactl.admin.models import Outcome, Partition, outcomes
from kafkactl.admin.offsets import LogEnds, log_ends
from kafkactl.connection.broker_errors import TRANSIENT_CODES, describe_kafka_error
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError
from kafkactl.patterns import NameSelection, select_names

# Kafka's own spelling of what librdkafka names differently.
_STATES = {
    ConsumerGroupState.PREPARING_REBALANCING: "PreparingRebalance",
    ConsumerGroupState.COMPLETING_REBALANCING: "CompletingRebalance",
    ConsumerGroupState.STABLE: "Stable",
    ConsumerGroupState.DEAD: "Dead",
    ConsumerGroupState.EMPTY: EMPTY_STATE,
}


OTHER_TYPES = ("share", "streams")
_CONSUMER_TYPES = ("classic", "consumer")
_LIST_HINT = "list the groups that you can see: kafkactl groups list"
_NO_COMMIT = (None, None, None)
_OK = CommitState.OK  # a member of an enumeration is looked up slowly


def list_groups(cluster: Cluster) -> GroupList:
    """Return all consumer groups, asked of every broker at once, as they answer, and the errors of brokers.

    librdkafka says of no broker which one did not answer, and gives up where it has asked a frozen one who the others
    are. Then they are asked once more, without it.
    """

    def ask() -> GroupList:
        answer = cluster.wait(
            cluster.admin.list_consumer_groups(request_timeout=cluster.timeout_s),
            "cannot list groups",
            patience_s=cluster.timeout_s / 2,
        )
        failures = [cluster.error(error, "cannot list groups") for error in answer.errors or ()]
        for failure in failures:
            is_passing = isinstance(failure, OperationError) and failure.code in TRANSIENT_CODES
            if is_passing or not answer.valid or isinstance(failure, UnreachableError):
                raise failure
        listed = [GroupListing(group.group_id, _type(group), _state(group)) for group in answer.valid or ()]
        return GroupList(tuple(listed), tuple(map(str, failures)))

    with cluster.share_timeout() as deadline:
        try:
            return cluster.retry(ask)
        except TimeoutError:
            pass
        except UnreachableError as error:
            if not error.is_partial or time.monotonic() >= deadline:
                raise
        from kafkactl.admin.groups.epochs import list_groups_of

        try:
            return list_groups_of(cluster, _CONSUMER_TYPES)
        except UnreachableError as error:
            raise cluster.name_silent_brokers(error) from error


def choose_groups(cluster: Cluster, selection: NameSelection | None = None) -> GroupChoice:
    """Return the selected consumer groups, or all of them, and an error for each name that is none.

    Raises NotFoundError for a pattern without a match.
    """
    listed = list_groups(cluster)
    unlisted = tuple(OperationError(f"cannot list all groups: {error}") for error in listed.errors)
    if selection is None or selection.is_empty:
        return GroupChoice(groups=_sorted(listed.groups), errors=unlisted)
    choice = selection.choose([group.group for group in listed.groups])
    if choice.unmatched_patterns and not unlisted:
        raise NotFoundError(f"no group matches {choice.unmatched_patterns[0]!r}", _LIST_HINT)
    others = {one.group: one for one in other_groups(cluster).groups} if choice.absent_names else {}
    errors: list[KafkactlError] = []
    for name in choice.absent_names:
        if name in others:
            errors.append(not_supported(others[name]))
        elif unlisted:
            reason = f"group {name!r} may exist: {unlisted[0]}"
            errors.append(OperationError(reason, "ask again when all brokers answer"))
        else:
            errors.append(NotFoundError(f"there is no consumer group {name!r}", _LIST_HINT))
    if choice.unmatched_patterns or not selection.names:
        errors += unlisted
    names = set(choice.names)
    return GroupChoice(groups=_sorted(each for each in listed.groups if each.group in names), errors=tuple(errors))


def _sorted(groups: Iterable[GroupListing]) -> tuple[GroupListing, ...]:
    return tuple(sorted(groups, key=lambda group: group.group))


def other_groups(cluster: Cluster) -> GroupList:
    """Return the share and streams groups, none of brokers that know no types; and the errors of brokers."""
    from kafkactl.admin.groups.epochs import list_groups_of

    return list_groups_of(cluster, OTHER_TYPES)


def not_supported(group: GroupListing) -> OperationError:
    """Return the error for a group of another type than classic and consumer."""
    kind = group.type.lower()
    reason = f"group {group.group!r} is a {kind} group: kafkactl does not support {kind} groups yet"
    return OperationError(reason, f"use Kafka's own tool: kafka-{kind}-groups.sh")


def describe_groups(
    cluster: Cluster, groups: Sequence[GroupListing], with_epochs: bool = False
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    """Return a description of each group, and an error for each that could not be described.

    `with_epochs` asks also for what librdkafka does not: epochs and target assignments of the consumer protocol.
    """
    return _described_all(cluster, [group.group for group in groups], with_epochs)


def _described_all(
    cluster: Cluster, chosen: Sequence[str], with_epochs: bool
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    if not chosen:
        return [], []

    def send(names: list[str]) -> Mapping[str, Future[Any]]:
        return cluster.admin.describe_consumer_groups(names, request_timeout=cluster.timeout_s)

    answers = cluster.ask_each(chosen, send, lambda name: f"cannot describe group {name}")
    errors: list[KafkactlError] = [answer for answer in answers.values() if isinstance(answer, OperationError)]
    described = [_described(answer) for answer in answers.values() if not isinstance(answer, OperationError)]
    # librdkafka has no words for the states in which groups of the consumer protocol are rebalanced.
    if with_epochs or any(one.state == UNKNOWN_STATE for one in described):
        from kafkactl.admin.groups.epochs import with_epochs_of

        return with_epochs_of(cluster, described), errors
    return described, errors


def _briefly(
    cluster: Cluster, groups: Sequence[GroupListing], with_epochs: bool
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    """Likewise, but of groups that their coordinators list as empty only that: they have no members to ask for."""
    empty = [] if with_epochs else [group for group in groups if group.state == EMPTY_STATE]
    described = [GroupDescription(group.group, group.type, group.state, None, None, ()) for group in empty]
    others = {group.group for group in groups} - {group.group for group in empty}
    found, errors = _described_all(cluster, sorted(others), with_epochs)
    return sorted(described + found, key=lambda one: one.group), errors


def group_lags(
    cluster: Cluster, groups: Sequence[GroupListing], read_committed: bool = False, with_epochs: bool = False
) -> tuple[list[GroupLag], list[KafkactlError]]:
    """Return each group with every partition's lag, and an error for each group that could not be asked.

    The ends of each partition are asked once for all groups. A topic that a group has committed in is shown whole:
    records in a partition without a commit are unread, too.
    """
    descriptions, errors = _briefly(cluster, groups, with_epochs)
    asked, failures = _asked_offsets(cluster, [one.group for one in descriptions])
    descriptions = [one for one in descriptions if one.group in asked]
    commits = {group: _by_topic(entries) for group, entries in asked.items()}
    known = cluster.metadata().topics
    watched: set[Partition] = set()
    for one in descriptions:
        committed, owners = commits[one.group], one.owners
        watched.update(owners)
        for topic in committed.keys() | {topic for topic, _ in owners}:
            numbers = set(committed.get(topic, ()))
            if topic in known:
                numbers.update(known[topic].partitions)
            watched.update((topic, number) for number in numbers)
    ends: dict[str, dict[int, LogEnds]] = {}
    for (topic, number), of_log in log_ends(cluster, watched, read_committed).items():
        ends.setdefault(topic, {})[number] = of_log
    return [group_lag(one, _rows(one, commits[one.group], ends, known)) for one in descriptions], errors + failures


def one_group_lag(cluster: Cluster, name: str, with_epochs: bool = False) -> GroupLag:
    """Return a group with every partition's lag; raises NotFoundError and OperationError."""
    found, errors = group_lags(cluster, [require_group(cluster, name)], with_epochs=with_epochs)
    if errors:
        raise errors[0]
    return found[0]


def require_group(cluster: Cluster, name: str) -> GroupListing:
    """Return a consumer group as it is listed; raises NotFoundError, and OperationError for one of another type."""
    choice = choose_groups(cluster, select_names([name]))
    if choice.errors:
        raise choice.errors[0]
    return choice.groups[0]


_Committed = Mapping[str, Mapping[int, TopicPartition]]


def _by_topic(entries: Iterable[TopicPartition]) -> _Committed:
    found: dict[str, dict[int, TopicPartition]] = {}
    for entry in entries:
        topic = entry.topic  # made anew each time that it is asked for
        if topic in found:
            found[topic][entry.partition] = entry
        else:
            found[topic] = {entry.partition: entry}
    return found


def _rows(
    one: GroupDescription, commits: _Committed, ends: Mapping[str, Mapping[int, LogEnds]], known: Container[str]
) -> list[PartitionLag]:
    """A group's partitions in order: what it has committed in, reads, or should read of the same topics."""
    group, owners = one.group, one.owners
    numbers = {topic: set(committed) for topic, committed in commits.items()}
    for topic, number in owners:
        numbers.setdefault(topic, set()).add(number)
    rows = []
    for topic in sorted(numbers):
        committed, of_topic = commits.get(topic, {}), ends[topic]
        # Of a topic that is there all partitions; of one that is gone those that a member still holds.
        for number in sorted(numbers[topic].union(of_topic) if topic in known else numbers[topic]):
            owner = owners.get((topic, number)) if owners else None
            rows.append(_partition_lag(group, topic, number, committed.get(number), of_topic[number], owner))
    return rows


def committed_offsets(cluster: Cluster, groups: Sequence[str]) -> dict[str, dict[Partition, Commit]]:
    """What each group has committed, of all groups at once; coordinators must just have answered (see above)."""
    asked, errors = _asked_offsets(cluster, groups)
    if errors:
        raise errors[0]
    return {
        group: {(entry.topic, entry.partition): Commit(*_commit(entry)) for entry in entries}
        for group, entries in asked.items()
    }


def _asked_offsets(
    cluster: Cluster, groups: Sequence[str]
) -> tuple[dict[str, list[TopicPartition]], list[KafkactlError]]:
    def send(left: list[str]) -> Mapping[str, Future[Any]]:
        return {
            group: cluster.admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=cluster.timeout_s
            )[group]
            for group in left
        }

    answers = cluster.ask_each(groups, send, lambda group: f"cannot read the offsets of group {group}")
    errors: list[KafkactlError] = [answer for answer in answers.values() if isinstance(answer, OperationError)]
    found = {group: answer for group, answer in answers.items() if not isinstance(answer, OperationError)}
    return {group: answer.topic_partitions or [] for group, answer in found.items()}, errors


def delete_groups(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Deletes each group; every one's own outcome."""

    def send(left: list[str]) -> Mapping[str, Future[Any]]:
        return cluster.admin.delete_consumer_groups(left, request_timeout=cluster.timeout_s)

    return outcomes(cluster, names, send, "deleted")


def _commit(entry: TopicPartition) -> tuple[int | None, int | None, str | None]:
    """A Commit's values; the future of a whole group succeeds while single partitions inside carry an error."""
    error = entry.error
    if error is not None:
        return None, None, describe_kafka_error(error)
    offset = entry.offset
    return (offset, entry.leader_epoch, None) if offset >= 0 else _NO_COMMIT


def group_lag(description: GroupDescription, partitions: Sequence[PartitionLag]) -> GroupLag:
    """A group with its partitions and their sum."""
    known = [row.lag for row in partitions if row.lag is not None]
    return GroupLag(description, tuple(partitions), sum(known), len(partitions) - len(known))


def _partition_lag(
    group: str, topic: str, number: int, entry: TopicPartition | None, ends: LogEnds, owner: Member | None
) -> PartitionLag:
    start, end = ends.start.offset, ends.end.offset
    current, epoch, error = _NO_COMMIT if entry is None else _commit(entry)
    lag = None
    # The commonest first: this is done for every partition of every group.
    if current is not None and start is not None and end is not None and start <= current <= end:
        lag, state = end - current, _OK
    elif error or start is None or end is None:
        state = CommitState.UNKNOWN
        error = error or ends.end.error or ends.start.error
        lag = None if current is None or end is None else max(0, end - current)
    elif current is None:
        state = CommitState.NO_COMMIT
    else:
        lag = max(0, end - current)
        state = CommitState.BEFORE_START if current < start else CommitState.BEYOND_END
    consumer, instance, host, client = (
        (None, None, None, None)
        if owner is None
        else (owner.consumer_id, owner.instance_id, owner.host, owner.client_id)
    )
    return PartitionLag(
        group, topic, number, current, start, end, lag, state, consumer, instance, host, client, epoch, error=error
    )


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
