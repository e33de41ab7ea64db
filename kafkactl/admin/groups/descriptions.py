"""Consumer groups: members, committed offsets and lag.

A request for the offsets of a group whose coordinator is moving ends librdkafka 2.16 with a segmentation fault
(librdkafka issue 5040). So groups are listed and described first, and their offsets are asked only from coordinators
that have just answered.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand.
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
    make_group_list,
)
from kafkactl.admin.models import Outcome, Partition, send_change
from kafkactl.admin.offsets import LogEnds, read_log_ends
from kafkactl.connection.broker_errors import TRANSIENT_CODES, describe_kafka_error, refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError
from kafkactl.patterns import NameSelection, select_names

# Kafka's own names of the states. librdkafka's differ.
_STATES = {
    ConsumerGroupState.PREPARING_REBALANCING: "PreparingRebalance",
    ConsumerGroupState.COMPLETING_REBALANCING: "CompletingRebalance",
    ConsumerGroupState.STABLE: "Stable",
    ConsumerGroupState.DEAD: "Dead",
    ConsumerGroupState.EMPTY: EMPTY_STATE,
}


OTHER_TYPES = ("share", "streams")
"""Types of groups that are not consumer groups."""
_CONSUMER_TYPES = ("classic", "consumer")
_LIST_HINT = "list the groups that you can see: kafkactl groups list"
_NO_COMMIT = (None, None, None)
_OK = CommitState.OK  # the look-up of an enumeration's member is slow


def list_groups(cluster: Cluster) -> GroupList:
    """Return all consumer groups in the order of the answers, and the errors of brokers as texts.

    All brokers are asked at once. With an error the list is not complete. librdkafka does not name the broker that did
    not answer, and it fails where a frozen broker should list the others. Then all brokers are asked once more by
    kafka-python, and the groups are sorted by name; where the time is over by then, the list has the groups of the
    brokers that did answer. Share and streams groups are left out, and groups of Kafka Connect, too.

    Raise UnreachableError where no broker answers, or where one does not and either the silent broker cannot be found,
    or the time is over and no group was listed; OperationError where a broker refuses and no group was listed, or where
    a transient refusal lasts; and UsageError for a wrong client setting.
    """
    incomplete: list[GroupList] = []

    def ask() -> GroupList:
        """Return the groups as librdkafka lists them.

        Raise UnreachableError of a broker without an answer, OperationError of a transient refusal, and the error of
        any broker where no group was listed; the groups that were listed are kept in `incomplete` then. Raise
        TimeoutError after half of the remaining time, and UsageError for a wrong client setting.
        """
        answer = cluster.wait(
            cluster.admin.list_consumer_groups(request_timeout=cluster.timeout_s),
            "cannot list groups",
            patience_s=cluster.timeout_s / 2,
        )
        failures = [cluster.error(error, "cannot list groups") for error in answer.errors or ()]
        listings = [GroupListing(group.group_id, _get_type(group), _get_state(group)) for group in answer.valid or ()]
        group_list = make_group_list(listings, failures)
        for failure in failures:
            is_passing = isinstance(failure, OperationError) and failure.code in TRANSIENT_CODES
            if is_passing or not listings or isinstance(failure, UnreachableError):
                incomplete[:] = [group_list] if listings else []
                raise failure
        return group_list

    with cluster.share_timeout() as deadline:
        try:
            return cluster.retry(ask)
        except TimeoutError:
            pass
        except UnreachableError as error:
            if time.monotonic() >= deadline and incomplete:
                return incomplete[0]
            if not error.is_partial or time.monotonic() >= deadline:
                raise
        from kafkactl.admin.groups.epochs import list_groups_of_types

        try:
            return list_groups_of_types(cluster, _CONSUMER_TYPES)
        except UnreachableError as error:
            raise cluster.name_silent_brokers(error) from error


def choose_groups(cluster: Cluster, selection: NameSelection | None = None) -> GroupChoice:
    """Return the selected consumer groups (None or empty: all), sorted, and errors, which are not raised.

    A name may have a NotFoundError (where a broker's list is missing, an OperationError that it may exist), or an
    OperationError where it is a share or streams group or its coordinator does not answer, is moving or refuses the
    list. A chosen group whose name no client can send becomes an OperationError, also without a selection. A group of
    Kafka Connect is only chosen by its name. Where a broker's list is missing, the errors say so, but not for names
    alone. Raise NotFoundError for a pattern without a match in complete lists, UnreachableError or OperationError where
    the groups cannot be listed, and UsageError for a wrong client setting.
    """
    group_list = list_groups(cluster)
    list_errors = tuple(OperationError(f"cannot list all groups: {error}") for error in group_list.errors)
    if selection is None or selection.is_empty:
        return _make_choice(group_list.groups, list_errors)
    choice = selection.choose([group.group for group in group_list.groups])
    if choice.unmatched_patterns and not list_errors:
        raise NotFoundError(f"no group matches {choice.unmatched_patterns[0]!r}", _LIST_HINT)
    missing = {} if list_errors else find_unlisted_groups(cluster, choice.absent_names)
    errors: list[KafkactlError] = []
    late: list[GroupListing] = []
    for name in choice.absent_names:
        listing = missing.get(name)
        if isinstance(listing, OperationError):
            errors.append(listing)
        elif listing is not None and listing.type.lower() in OTHER_TYPES:
            errors.append(make_unsupported_error(listing))
        elif listing is not None:
            late.append(listing)
        elif list_errors:
            errors.append(_make_doubt(name, list_errors[0]))
        else:
            errors.append(NotFoundError(f"consumer group not found: {name!r}", _LIST_HINT, names=(name,)))
    if selection.patterns:  # also one with a match may lack another group
        errors += list_errors
    names = set(choice.names)
    chosen = [*(listing for listing in group_list.groups if listing.group in names), *late]
    return _make_choice(chosen, errors)


def _make_choice(listings: Sequence[GroupListing], errors: Sequence[KafkactlError]) -> GroupChoice:
    """Return the choice of these groups, sorted, and the errors.

    A group that cannot be asked about, because its name is empty or has a NUL character, becomes an error after the
    others.
    """
    sendable = [listing for listing in listings if is_sendable(listing.group)]
    names = sorted({listing.group for listing in listings} - {listing.group for listing in sendable})
    return GroupChoice(groups=_sort_groups(sendable), errors=(*errors, *map(make_name_error, names)))


def is_sendable(group: str) -> bool:
    """Return whether the clients can ask about a group of this name: it is not empty, and has no NUL character.

    Some clients make such groups. librdkafka refuses an empty name, and cuts a name at a NUL: the rest may be another
    group.
    """
    return bool(group) and "\0" not in group


def make_name_error(group: str) -> OperationError:
    """Return (not raise) the error for a group whose name no client can send: it is empty, or has a NUL character."""
    reason = "is empty" if not group else "has a NUL character"
    return OperationError(f"group {group!r}: its name {reason}, and no request of this client can have it")


def find_unlisted_groups(cluster: Cluster, names: Sequence[str]) -> dict[str, GroupListing | OperationError]:
    """Return the groups that exist although no list of consumer groups has them, by name.

    `names` are the names to look for; they should be in no list of consumer groups, which is not checked: such a group
    is returned, too. The groups are share and streams groups, and groups whose coordinator is moving: for a moment no
    broker lists them. Groups of Kafka Connect are also among them, as classic groups. An error stands for a name, which
    may be no group, whose coordinator does not answer, is still moving, or refuses the list. A name that is absent from
    the result is no group, or one that the user may not see. Without names nothing is asked.

    Raise UnreachableError or OperationError where no broker lists its groups, OperationError also where a transient
    refusal lasts, and UsageError for a wrong client setting.
    """
    if not names:
        return {}
    unlisted: dict[str, GroupListing | OperationError] = {
        listing.group: listing for listing in list_other_groups(cluster).groups if listing.group in names
    }
    for name in names:
        if name not in unlisted and (listing := _ask_coordinator(cluster, name)) is not None:
            unlisted[name] = listing
    return unlisted


_NO_GROUP_CODES = frozenset(
    {
        0,
        ErrorCode.INVALID_GROUP_ID,
        ErrorCode.GROUP_AUTHORIZATION_FAILED,
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        ErrorCode.UNSUPPORTED_VERSION,
        ErrorCode.GROUP_ID_NOT_FOUND,
    }
)
"""Codes after which there is no group for this user; any other means that there may be one."""


def _ask_coordinator(cluster: Cluster, name: str) -> GroupListing | OperationError | None:
    """Return a group as its own coordinator lists it, or an error, or None where it is no group.

    A broker that has just become the coordinator lists nothing until it has loaded its groups, without an error. So it
    is first asked about the group itself, which it answers when it has loaded them. The group may be of any type. The
    error, an OperationError, is that of a coordinator that does not answer, cannot be found, or refuses. None also
    stands for a group that the user has no right to see, for a name that no group can have, and for brokers that are
    too old. Raise UsageError for a wrong setting.
    """
    from kafkactl.admin.groups.epochs import make_listing

    try:
        described = cluster.requests.send("DescribeGroups", group=name, groups=[name])
        answer = cluster.requests.send("ListGroups", group=name)
    except UnreachableError as error:
        return _make_doubt(name, error)
    except OperationError as error:  # without the right to a group nobody sees it
        return None if error.code is None or error.code in _NO_GROUP_CODES else _make_doubt(name, error)
    if doubts := {group.error_code for group in described.groups} - _NO_GROUP_CODES or {answer.error_code} - {0}:
        return _make_doubt(name, refusal("", doubts.pop()))
    return next((make_listing(group) for group in answer.groups if group.group_id == name), None)


def _make_doubt(name: str, error: KafkactlError) -> OperationError:
    """Return the error for a group that may exist, because a broker did not answer. `error` is that broker's."""
    return OperationError(f"group {name!r} may exist: {error}", "try again when all brokers answer")


def _sort_groups(groups: Iterable[GroupListing]) -> tuple[GroupListing, ...]:
    """Return the groups sorted by name."""
    return tuple(sorted(groups, key=lambda group: group.group))


def list_other_groups(cluster: Cluster) -> GroupList:
    """Return the share and streams groups, sorted by name, and the errors of brokers as texts.

    Brokers that do not know group types have none. Raise UnreachableError or OperationError where no broker answers,
    OperationError also where a transient refusal lasts until the time-out, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.groups.epochs import list_groups_of_types

    return list_groups_of_types(cluster, OTHER_TYPES)


def make_unsupported_error(group: GroupListing) -> OperationError:
    """Return (not raise) the error for a share or streams group; its hint names Kafka's tool."""
    kind = group.type.lower()
    reason = f"group {group.group!r} is a {kind} group: kafkactl does not support {kind} groups yet"
    return OperationError(reason, f"use Kafka's own tool: kafka-{kind}-groups.sh")


def describe_groups(
    cluster: Cluster, groups: Sequence[GroupListing], with_epochs: bool = False
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    """Return a description of each group, in their order, and an error for each group that could not be described.

    `with_epochs` asks also for values that librdkafka does not know: epochs and target assignments of the consumer
    protocol; they are also asked for where librdkafka does not know a state. Without groups both lists are empty. A
    group that has gone is Dead, or has an error. A group whose epochs alone are refused is described without them, and
    has no error. The names must be sendable, as those of choose_groups() are, and each must be there once. Raise
    UnreachableError where no group was answered, or a coordinator does not answer about epochs; OperationError where it
    refuses that whole request, and UsageError for a wrong client setting.
    """
    return _describe_all(cluster, [group.group for group in groups], with_epochs)


def _describe_all(
    cluster: Cluster, group_names: Sequence[str], with_epochs: bool
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    """Return the descriptions of the groups of these names, in their order, and the errors of the others.

    A group that has gone is Dead, or has an error. Without names nothing is asked, and both lists are empty. The names
    must be sendable, as those of choose_groups() are, and each must be there once: librdkafka refuses all groups where
    one is there twice. `with_epochs` asks also for epochs and target assignments, which are also asked for where
    librdkafka does not know a state. Raise UnreachableError where no group was answered, or a coordinator does not
    answer about epochs; OperationError where it refuses that, and UsageError for a wrong client setting.
    """
    if not group_names:
        return [], []

    def send(names: list[str]) -> Mapping[str, Future[Any]]:
        """Send the request and return a future for each name. Raise UsageError for a wrong client setting."""
        return cluster.admin.describe_consumer_groups(names, request_timeout=cluster.timeout_s)

    answers = cluster.ask_each(group_names, send, lambda name: f"cannot describe group {name}")
    errors: list[KafkactlError] = [answer for answer in answers.values() if isinstance(answer, OperationError)]
    descriptions = [_make_description(answer) for answer in answers.values() if not isinstance(answer, OperationError)]
    # librdkafka does not know the states Assigning and Reconciling of the consumer protocol.
    if with_epochs or any(description.state == UNKNOWN_STATE for description in descriptions):
        from kafkactl.admin.groups.epochs import add_epochs

        return add_epochs(cluster, descriptions), errors
    return descriptions, errors


def _describe_briefly(
    cluster: Cluster, groups: Sequence[GroupListing], with_epochs: bool
) -> tuple[list[GroupDescription], list[KafkactlError]]:
    """Return the descriptions of groups, sorted by name, and the errors.

    A group that its coordinator lists as empty is not asked for, because it has no members: its state and type are
    those of the list, its coordinator and assignor None. A group that fails is only in the errors. `with_epochs` asks
    for all groups. The names must be sendable, as those of choose_groups() are, and each must be there once. Raise
    UnreachableError where none of the groups that are asked for was answered, also if others are empty, or a
    coordinator does not answer about epochs; OperationError where it refuses that, and UsageError for a wrong client
    setting.
    """
    empty_groups = [] if with_epochs else [group for group in groups if group.state == EMPTY_STATE]
    described = [
        GroupDescription(
            group=group.group, type=group.type, state=group.state, assignor=None, coordinator=None, members=()
        )
        for group in empty_groups
    ]
    other_names = {group.group for group in groups} - {group.group for group in empty_groups}
    details, errors = _describe_all(cluster, sorted(other_names), with_epochs)
    return sorted(described + details, key=lambda description: description.group), errors


def read_group_lags(
    cluster: Cluster, groups: Sequence[GroupListing], read_committed: bool = False, with_epochs: bool = False
) -> tuple[list[GroupLag], list[KafkactlError]]:
    """Return each group with the lag of every partition, sorted by name, and an error for each group that failed.

    The ends of each partition are read once for all groups. All partitions of a topic are included where the group has
    committed in one of them or a member reads one. A partition without a commit has a lag of None and the state
    NO_COMMIT, or UNKNOWN where its ends cannot be read. Partitions whose lag is None do not count in the sum, which has
    their number beside it. A group that failed is not in the first list. A partition whose end, start or commit cannot
    be read has an error of its own, in its row; the lag is known then only where the end and the commit are.

    With `read_committed` the end of a log is its last stable offset. `with_epochs` asks also for epochs and target
    assignments of the consumer protocol; without it a group that is listed as Empty has neither coordinator nor
    assignor. Without groups both lists are empty, but the metadata are read. The groups must have been listed just
    before, because librdkafka crashes where a coordinator is moving. Their names must be sendable, as those of
    choose_groups() are. The epochs are also asked for where librdkafka does not know a state.

    Raise UnreachableError where no group, no partition or no request for the metadata was answered, or a coordinator
    does not answer about epochs; OperationError for a refusal of the metadata or the epochs; and UsageError for a wrong
    client setting.
    """
    descriptions, errors = _describe_briefly(cluster, groups, with_epochs)
    offsets, failures = _read_offsets(cluster, [description.group for description in descriptions])
    descriptions = [description for description in descriptions if description.group in offsets]
    commits = {group: _group_by_topic(entries) for group, entries in offsets.items()}
    topics = cluster.read_metadata().topics
    watched: set[Partition] = set()
    for description in descriptions:
        committed, owners = commits[description.group], description.owners
        watched.update(owners)
        for topic in committed.keys() | {topic for topic, _ in owners}:
            numbers = set(committed.get(topic, ()))
            if topic in topics:
                numbers.update(topics[topic].partitions)
            watched.update((topic, number) for number in numbers)
    ends: dict[str, dict[int, LogEnds]] = {}
    for (topic, number), log_ends in read_log_ends(cluster, watched, read_committed).items():
        ends.setdefault(topic, {})[number] = log_ends
    rows = {each.group: _make_rows(each, commits[each.group], ends, topics) for each in descriptions}
    if read_committed:
        _compare_with_last_records(cluster, [row for group_rows in rows.values() for row in group_rows])
    return [make_group_lag(each, rows[each.group]) for each in descriptions], errors + failures


def _compare_with_last_records(cluster: Cluster, rows: Sequence[PartitionLag]) -> None:
    """Set the state of rows beyond the last stable offset: only a commit beyond the last record is BEYOND_END.

    A group that reads uncommitted records may have read those of an open transaction. The state is UNKNOWN, with the
    reason in `error`, where the end of the log cannot be read. Without such rows nothing is asked. Raise UsageError for
    a wrong client setting.
    """
    beyond = [row for row in rows if row.commit is CommitState.BEYOND_END and row.current_offset is not None]
    try:
        ends = read_log_ends(cluster, {(row.topic, row.partition) for row in beyond})
    except UnreachableError as error:
        for row in beyond:
            row.commit, row.error = CommitState.UNKNOWN, str(error)
        return
    for row in beyond:
        end = ends[row.topic, row.partition].end
        if end.offset is None:
            row.commit, row.error = CommitState.UNKNOWN, end.error
        elif row.current_offset is not None and row.current_offset <= end.offset:
            row.commit = CommitState.OK


def read_group_lag(cluster: Cluster, name: str, with_epochs: bool = False) -> GroupLag:
    """Return a group with a row for every partition; the lag of one without a commit is None.

    Errors of single partitions are in their rows and are not raised. `with_epochs` asks also for epochs and target
    assignments of the consumer protocol; without it a group that is listed as Empty has neither coordinator nor
    assignor. Raise NotFoundError for a group that does not exist or that the user may not see, but OperationError where
    it may exist, because a broker's list is missing or its coordinator does not answer or is moving.

    Raise OperationError also for a share or streams group and for a refusal; UnreachableError where brokers do not
    answer, also where none of the leaders does, or the coordinator about epochs; and UsageError for a wrong client
    setting and a name that no client can send.
    """
    lags, errors = read_group_lags(cluster, [require_group(cluster, name)], with_epochs=with_epochs)
    if errors:
        raise errors[0]
    return lags[0]


def require_group(cluster: Cluster, name: str) -> GroupListing:
    """Return a consumer group by its name.

    Raise NotFoundError for a group that does not exist or that the user may not see, but OperationError where it may
    exist, because a broker's list is missing or its coordinator does not answer or is moving. Raise OperationError also
    for a share or streams group and where the groups cannot be listed, UnreachableError where brokers do not answer,
    and UsageError for a name that is empty, not UTF-8 or has a NUL character, and for a wrong client setting. A group
    of Kafka Connect is returned, too.
    """
    choice = choose_groups(cluster, select_names([name]))
    if choice.errors:
        raise choice.errors[0]
    return choice.groups[0]


_Committed = Mapping[str, Mapping[int, TopicPartition]]
"""Committed offsets by topic and partition number."""


def _group_by_topic(entries: Iterable[TopicPartition]) -> _Committed:
    """Return the committed offsets by topic and partition number. Entries without an offset, or with an error, stay."""
    by_topic: dict[str, dict[int, TopicPartition]] = {}
    for entry in entries:
        topic = entry.topic  # the attribute is a new string at each access
        if topic in by_topic:
            by_topic[topic][entry.partition] = entry
        else:
            by_topic[topic] = {entry.partition: entry}
    return by_topic


def _make_rows(
    description: GroupDescription,
    commits: _Committed,
    ends: Mapping[str, Mapping[int, LogEnds]],
    existing_topics: Container[str],
) -> list[PartitionLag]:
    """Return the rows of a group, sorted by topic and partition.

    `ends` must have every partition of the group (KeyError otherwise). Only topics count in which the group has a
    commit or a member has a partition; a subscription alone does not. `existing_topics` are names: one of these topics
    has a row for each partition in `ends`, another topic only for those with a commit or a member.
    """
    group, owners = description.group, description.owners
    numbers = {topic: set(committed) for topic, committed in commits.items()}
    for topic, number in owners:
        numbers.setdefault(topic, set()).add(number)
    rows = []
    for topic in sorted(numbers):
        committed, topic_ends = commits.get(topic, {}), ends[topic]
        # An existing topic is shown with all partitions, a deleted topic only with those in a commit or an assignment.
        for number in sorted(numbers[topic].union(topic_ends) if topic in existing_topics else numbers[topic]):
            owner = owners.get((topic, number)) if owners else None
            rows.append(_make_partition_lag(group, topic, number, committed.get(number), topic_ends[number], owner))
    return rows


def read_committed_offsets(cluster: Cluster, groups: Sequence[str]) -> dict[str, dict[Partition, Commit]]:
    """Return the committed offsets of each group by partition, in the order of `groups`. All are asked at once.

    The coordinators must just have answered another request, because librdkafka crashes where one is moving. The names
    must be sendable, as those of choose_groups() are. A partition that the coordinator cannot read has an error in its
    Commit. A group without commits has an empty mapping; without groups the result is empty. Raise OperationError for
    the first group that cannot be read, UnreachableError where no group was answered, UsageError for a wrong client
    setting, and ValueError for an empty name.
    """
    offsets, errors = _read_offsets(cluster, groups)
    if errors:
        raise errors[0]
    return {
        group: {(entry.topic, entry.partition): Commit(*_read_commit(entry)) for entry in entries}
        for group, entries in offsets.items()
    }


def _read_offsets(
    cluster: Cluster, groups: Sequence[str]
) -> tuple[dict[str, list[TopicPartition]], list[KafkactlError]]:
    """Return librdkafka's committed offsets of each group, and an error for each group that could not be read.

    A group that failed is not in the first result. Without groups nothing is asked. Single partitions may have an error
    of their own. The coordinators must just have answered another request, because librdkafka crashes where one is
    moving. A name is cut at a NUL character. Raise UnreachableError where no group was answered, UsageError for a wrong
    client setting, and ValueError for an empty name.
    """

    def send(pending_groups: list[str]) -> Mapping[str, Future[Any]]:
        """Send a request for each group and return their futures.

        Raise UsageError for a wrong client setting, and ValueError for an empty name.
        """
        return {
            group: cluster.admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=cluster.timeout_s
            )[group]
            for group in pending_groups
        }

    answers = cluster.ask_each(groups, send, lambda group: f"cannot read the offsets of group {group}")
    errors: list[KafkactlError] = [answer for answer in answers.values() if isinstance(answer, OperationError)]
    successes = {group: answer for group, answer in answers.items() if not isinstance(answer, OperationError)}
    return {group: answer.topic_partitions or [] for group, answer in successes.items()}, errors


def delete_groups(cluster: Cluster, names: Sequence[str]) -> list[Outcome]:
    """Delete groups and return the outcome of each, in the order of `names`.

    A refusal, also for a group that does not exist or has members, is a failed outcome, and a transient one is tried
    again before; a group without an answer has the code REQUEST_TIMED_OUT and may have been deleted. A repeated name
    counts once. Names must be UTF-8, and have no NUL character: librdkafka cuts them there, and another group may be
    deleted. Without names nothing is sent. Raise UnreachableError where no group has an answer and the request was
    certainly not sent, and UsageError for a wrong client setting.
    """

    def send(group_names: list[str]) -> Mapping[str, Future[Any]]:
        """Send the request and return a future for each name; the names are those of delete_groups(), each once.

        Raise UsageError for a wrong client setting, and ValueError without names.
        """
        return cluster.admin.delete_consumer_groups(group_names, request_timeout=cluster.timeout_s)

    return send_change(cluster, names, send, "deleted")


def _read_commit(entry: TopicPartition) -> tuple[int | None, int | None, str | None]:
    """Return offset, leader epoch and error of a Commit; all are None where nothing is committed.

    With an error, offset and epoch are None. The epoch is also None where the commit has none. An answer for a whole
    group succeeds although single partitions have errors.
    """
    error = entry.error
    if error is not None:
        return None, None, describe_kafka_error(error)
    offset = entry.offset
    return (offset, entry.leader_epoch, None) if offset >= 0 else _NO_COMMIT


def make_group_lag(description: GroupDescription, partitions: Sequence[PartitionLag]) -> GroupLag:
    """Return the group with its partitions, the sum of their known lags, or 0, and the number of unknown ones."""
    known_lags = [row.lag for row in partitions if row.lag is not None]
    return GroupLag(description, tuple(partitions), sum(known_lags), len(partitions) - len(known_lags))


def _make_partition_lag(
    group: str, topic: str, number: int, commit_entry: TopicPartition | None, ends: LogEnds, owner: Member | None
) -> PartitionLag:
    """Return the row of a partition. `commit_entry` is None without a commit, `owner` without a member.

    The lag is None where the commit or the end is not known, and never below 0. A commit before the start counts the
    deleted records, too. The state is UNKNOWN, with the reason in `error`, where the commit or one end of the log could
    not be read; the lag may be known then. Without `owner` the fields about the consumer are None. Time lag and rates
    are always None.
    """
    start, end = ends.start.offset, ends.end.offset
    current, epoch, error = _NO_COMMIT if commit_entry is None else _read_commit(commit_entry)
    lag = None
    # The most frequent case is first, because this runs for every partition of every group.
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


def _make_description(description: Any) -> GroupDescription:
    """Return the description of a group from confluent-kafka's, without epochs.

    Members are in the coordinator's order, the partitions of each are sorted. The assignor is None where the group has
    none; a state that librdkafka does not know is Unknown, and a type that is missing is Classic.
    """
    members = [
        Member(
            group=description.group_id,
            consumer_id=member.member_id,
            instance_id=member.group_instance_id,
            client_id=member.client_id,
            host=member.host,
            assignment=_list_partitions(member.assignment.topic_partitions),
        )
        for member in description.members
    ]
    coordinator = description.coordinator
    return GroupDescription(
        group=description.group_id,
        type=_get_type(description),
        state=_get_state(description),
        assignor=description.partition_assignor or None,
        coordinator=Node(coordinator.id, coordinator.host, coordinator.port),
        members=tuple(members),
    )


def _list_partitions(partitions: Iterable[TopicPartition]) -> tuple[Partition, ...]:
    """Return the partitions as (topic, partition), sorted."""
    return tuple(sorted((partition.topic, partition.partition) for partition in partitions))


def _get_state(group: Any) -> str:
    """Return the state of a group in Kafka's spelling; Unknown for one that is missing or unknown to librdkafka."""
    return _STATES.get(getattr(group, "state", None), UNKNOWN_STATE)  # type: ignore[arg-type]


def _get_type(group: Any) -> str:
    """Return the type of a group, Classic or Consumer. A type that is missing or unknown is Classic."""
    kind = getattr(group, "type", None)
    return kind.name.capitalize() if kind is not None and kind.name != "UNKNOWN" else "Classic"
