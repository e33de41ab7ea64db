"""Changes of a group's committed offsets: resets, copies and deletions, and the removal of members.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, org.apache.kafka.tools.OffsetsUtils.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from kafkactl.admin.groups.descriptions import (
    OTHER_TYPES,
    find_unlisted_groups,
    is_sendable,
    list_groups,
    make_name_error,
    make_unsupported_error,
    read_committed_offsets,
)
from kafkactl.admin.models import Outcome, Partition, make_failure
from kafkactl.admin.offsets import find_offsets, read_log_ends
from kafkactl.connection.broker_errors import TRANSIENT_CODES, describe_error, describe_kafka_error, refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, SpecialOffset
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.numerals import read_whole_number
from kafkactl.patterns import NameSelection

_INACTIVE = ("Empty", "Dead")


class ResetTo(StrEnum):
    """Targets of a reset."""

    EARLIEST = "earliest"
    LATEST = "latest"
    CURRENT = "current"
    OFFSET = "offset"
    TIME = "time"
    """The first record at or after a time in ms; the end of the log where there is none."""
    SHIFT = "shift"
    """The committed offset plus a number."""
    GIVEN = "given"
    """Separate offsets for each partition."""


@dataclass(frozen=True)
class Reset:
    """The target of a reset. `value` is an offset, a time in ms from 0, or the number of offsets to shift."""

    to: ResetTo
    value: int = 0
    offsets: Mapping[Partition, int] = field(default_factory=dict)
    """New offset of each partition, for GIVEN."""


@dataclass(frozen=True)
class ResetPlan:
    """The new offsets of a group, with the corrections that they needed."""

    offsets: Mapping[Partition, int]
    empty: tuple[Partition, ...] = ()
    """Partitions without a record at or after the time. They get the end of their log."""
    clamped: tuple[tuple[Partition, int, int], ...] = ()
    """(partition, requested offset, new offset) for each requested offset outside the log."""
    committed: Mapping[Partition, int] = field(default_factory=dict)
    """The offsets that the group has committed at present."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A group that is to be deleted, or whose offsets are to be changed."""

    group: str
    type: str = ""
    """Classic, Consumer, Share or Streams; empty for a group that does not exist."""
    error: OperationError | None = None
    """Why the change is not possible: members, a type that is neither classic nor consumer, or a silent coordinator."""
    state: str = ""
    """Such as Empty or Stable; empty for a group that does not exist."""

    @property
    def exists(self) -> bool:
        """Return whether the group exists; False also where its coordinator did not answer, and then `error` is set."""
        return bool(self.type)


@dataclass(frozen=True, kw_only=True)
class OffsetChange:
    """A committed offset, the offset that replaces it, and the result."""

    group: str
    topic: str
    partition: int
    old_offset: int | None
    """Present offset; None where nothing is committed."""
    new_offset: int
    moved: int | None
    """Number of offsets that the group moves forward, or back if below 0; None where nothing is committed."""
    ok: bool | None = None
    """Whether the new offset was committed; None where this was not tried."""
    error: str | None = None
    """Why the new offset was not committed; None otherwise."""


def find_targets(cluster: Cluster, selection: NameSelection) -> list[Target]:
    """Return the selected groups, or all for an empty selection, sorted by name.

    All and patterns mean consumer groups only; a name may also be that of a share, streams or Kafka Connect group. A
    name without a group, or of one that the user may not see, has a target whose `exists` is False and whose `error` is
    None. A group that cannot be changed has an error, which is not raised: its state is neither Empty nor Dead, it is a
    share or streams group, no client can send its name, or its coordinator does not answer, refuses the list or is
    moving (then `exists` is False, too).

    Raise NotFoundError for a pattern that matches no group, OperationError where all groups or a pattern are selected
    and one broker does not list its groups, UnreachableError or OperationError where the groups cannot be listed, and
    UsageError for a wrong client setting.
    """
    group_list = list_groups(cluster)
    if group_list.errors and (selection.is_empty or selection.patterns):
        raise OperationError(
            f"the list of groups is incomplete: {group_list.errors[0]}", "name the groups, or try again later"
        )
    groups = {group.group: group for group in group_list.groups}
    choice = selection.choose_or_all(groups)
    if choice.unmatched_patterns:
        raise NotFoundError(
            f"no group matches {choice.unmatched_patterns[0]!r}",
            "list the groups that you can see: kafkactl groups list",
        )
    unlisted = find_unlisted_groups(cluster, choice.absent_names)
    targets_found = []
    for name in sorted({*choice.names, *choice.absent_names}):
        listing = groups.get(name) or unlisted.get(name)
        if listing is None:
            targets_found.append(Target(group=name))
            continue
        if isinstance(listing, OperationError):
            targets_found.append(Target(group=name, error=listing))
            continue
        error = None
        if not is_sendable(name):
            error = make_name_error(name)
        elif listing.type.lower() in OTHER_TYPES:
            error = make_unsupported_error(listing)
        elif listing.state not in _INACTIVE:
            reason = f"group {name} is {listing.state}: its members would go on from their own positions"
            hint = "stop its consumers first; list them: kafkactl groups describe GROUP --members"
            error = OperationError(reason, hint, ErrorCode.NON_EMPTY_GROUP)
        targets_found.append(Target(group=name, type=listing.type, error=error, state=listing.state))
    return targets_found


def preview_deletion(targets: Iterable[Target]) -> list[Outcome]:
    """Return the outcome that a deletion of the groups would have, in the order of `targets`.

    Nothing is asked and nothing is deleted. A success has the text "would be deleted". A group that does not exist or
    has an error is a failed outcome, with Kafka's error code and its text, or with the hint of its error and without a
    code for a share or streams group, a name that no client can send, and a coordinator that did not answer or list it.
    """
    previews = []
    for target in targets:
        code = None if target.error is None else target.error.code
        if not target.exists and target.error is not None:  # its coordinator did not answer
            previews.append(make_failure(target.group, target.error))
            continue
        if not target.exists:
            code = ErrorCode.GROUP_ID_NOT_FOUND
        if code is not None:
            previews.append(Outcome(name=target.group, ok=False, result=describe_error(code), code=code))
        elif target.error is not None and target.type.lower() not in OTHER_TYPES:
            previews.append(make_failure(target.group, target.error))
        elif target.error is not None:
            reason = f"a {target.type.lower()} group, which kafkactl does not support yet"
            previews.append(make_failure(target.group, target.error, reason))
        else:
            previews.append(Outcome(name=target.group, ok=True, result="would be deleted"))
    return previews


def parse_partitions(cluster: Cluster, topics: Iterable[str]) -> list[Partition]:
    """Return the partitions of texts in Kafka's syntax, TOPIC or TOPIC:0,1,2, in their order and without repetitions.

    TOPIC alone means all its partitions. Raise UsageError where the part after the colon is no list of whole numbers
    from 0 to 2^63 - 1, NotFoundError for a topic or partition that does not exist, UnreachableError or OperationError
    where the topics cannot be listed, and UsageError for a wrong client setting.
    """
    return _find_partitions(cluster, [_parse_topic(text) for text in topics])


def refuse_wrong_topics(topics: Iterable[str]) -> None:
    """Raise UsageError for a text that parse_partitions() refuses; nobody is asked whether the partitions exist."""
    for text in topics:
        _parse_topic(text)


def _find_partitions(cluster: Cluster, selected: Sequence[tuple[str, list[int] | None]]) -> list[Partition]:
    """Return the partitions of topics with the numbers of partitions or None for all, without repetitions.

    The order is that of `selected`; for None the numbers are sorted. Without any topic the result is empty, but the
    topics are listed. Raise NotFoundError for a topic or partition that does not exist, UnreachableError or
    OperationError where the topics cannot be listed, and UsageError for a wrong client setting.
    """
    topics_metadata = cluster.read_metadata().topics
    if missing_topics := [name for name, _ in selected if name not in topics_metadata]:
        raise NotFoundError(
            f"topic not found: {missing_topics[0]!r}",
            "list the topics that you can see: kafkactl topics list",
            names=missing_topics,
        )
    partitions = [
        (name, number)
        for name, numbers in selected
        for number in (sorted(topics_metadata[name].partitions) if numbers is None else numbers)
    ]
    missing = [(name, number) for name, number in partitions if number not in topics_metadata[name].partitions]
    if missing:
        topic = missing[0][0]
        raise NotFoundError(
            f"topic {topic} has no partition {', '.join(str(number) for name, number in missing if name == topic)}",
            f"the topic has {len(topics_metadata[topic].partitions)} partitions, numbered from 0",
            names=[f"{name}-{number}" for name, number in missing],
        )
    return list(dict.fromkeys(partitions))


def _parse_topic(text: str) -> tuple[str, list[int] | None]:
    """Return the topic of a text TOPIC or TOPIC:0,1,2, and its partitions, or None for all.

    The numbers are in their order, may be repeated, and go to 2^63 - 1. The topic is not checked and may be empty.
    Raise UsageError where the part after the colon is no list of whole numbers from 0.
    """
    name, colon, numbers = text.partition(":")
    try:
        return name, [read_whole_number(number) for number in numbers.split(",")] if colon else None
    except ValueError:
        raise UsageError(
            f"invalid value {text!r} for --topic: not partition numbers", "like orders or orders:0,1,2"
        ) from None


def require_partitions(cluster: Cluster, partitions: Iterable[Partition]) -> list[Partition]:
    """Return the partitions, in their order and without repetitions; raise NotFoundError for one that does not exist.

    Raise UnreachableError or OperationError where the topics cannot be listed, and UsageError for a wrong client
    setting.
    """
    return _find_partitions(cluster, [(topic, [number]) for topic, number in partitions])


def plan_reset(cluster: Cluster, group: str, partitions: Sequence[Partition] | None, reset: Reset) -> ResetPlan:
    """Return the new offsets of a reset, with the present ones. Nothing is changed, and members are not looked at.

    `partitions` are those to reset, and None means all in which the group has committed; for GIVEN they are those of
    `reset.offsets` instead. Without any the plan has no offsets. For OFFSET, GIVEN and SHIFT an offset outside a log
    moves to its nearest end. EARLIEST and LATEST are the start and the end of each log. For TIME a partition without a
    record at or after the time gets the end of its log, and is in `empty`. CURRENT keeps the committed offsets, and
    takes the end of the log where nothing is committed. A group that neither a list nor its own coordinator shows, also
    because the user may not see it, counts as new, without present offsets. The name of the group must be sendable: it
    may be cut at a NUL character.

    Raise OperationError where an offset cannot be read, the groups cannot be listed or such a coordinator does not
    answer, NotFoundError for a shift in a partition without a commit, UnreachableError, UsageError for a wrong client
    setting, ValueError for a partition below 0 and for a topic that is empty, not UTF-8 or has a NUL character, and
    OverflowError for a partition from 2^31 on.
    """
    committed = read_committed(cluster, group)
    chosen = sorted(committed) if partitions is None else partitions
    return replace(_plan_offsets(cluster, group, chosen, reset, committed), committed=committed)


def _plan_offsets(
    cluster: Cluster, group: str, partitions: Sequence[Partition], reset: Reset, committed: Mapping[Partition, int]
) -> ResetPlan:
    """Return the new offsets of a reset without the present ones; `committed` are the group's committed offsets.

    `partitions` are those to reset; for GIVEN they are those of `reset.offsets` instead. OFFSET, GIVEN and SHIFT move
    an offset outside its log to the nearest end. CURRENT takes the end of the log where nothing is committed, and TIME
    where no record is at or after it. Raise OperationError where an offset cannot be read, NotFoundError for a shift in
    a partition without a commit, UnreachableError where no partition was answered, UsageError for a wrong client
    setting, ValueError for a partition below 0 and for a topic that is empty, not UTF-8 or has a NUL character, and
    OverflowError for a partition from 2^31 on.
    """
    match reset.to:
        case ResetTo.OFFSET:
            return _clamp(cluster, dict.fromkeys(partitions, reset.value))
        case ResetTo.GIVEN:
            return _clamp(cluster, reset.offsets)
        case ResetTo.SHIFT:
            missing = [f"{topic}-{number}" for topic, number in partitions if (topic, number) not in committed]
            if missing:
                raise NotFoundError(
                    f"group {group} has committed nothing to shift in {', '.join(missing)}",
                    "choose partitions with a committed offset, or use --all-topics",
                    names=missing,
                )
            return _clamp(cluster, {partition: committed[partition] + reset.value for partition in partitions})
        case ResetTo.TIME:
            return _plan_for_time(cluster, partitions, reset.value)
        case ResetTo.CURRENT:
            committed_offsets = {partition: committed[partition] for partition in partitions if partition in committed}
            log_end_offsets = _read_ends(
                cluster, [partition for partition in partitions if partition not in committed_offsets], latest=True
            )
            return ResetPlan({**committed_offsets, **log_end_offsets})
        case _:
            return ResetPlan(_read_ends(cluster, partitions, latest=reset.to is ResetTo.LATEST))


def read_committed(cluster: Cluster, group: str) -> dict[Partition, int]:
    """Return the committed offsets of a group by partition; empty for a name that is no group.

    The result is also empty for a group that the user may not see. A group that no broker lists is looked for at its
    coordinator. Partitions without an offset are left out. The name must be sendable: it may be cut at a NUL character.
    Raise OperationError where an offset or the groups cannot be read, or the coordinator of an unlisted group fails to
    tell whether it exists; UnreachableError where that of a listed group does not answer, or the groups cannot be
    listed; and UsageError for a wrong client setting.
    """
    if group not in {group_listing.group for group_listing in list_groups(cluster).groups}:
        unlisted = find_unlisted_groups(cluster, [group]).get(group)
        if unlisted is None:
            return {}
        if isinstance(unlisted, OperationError):
            raise unlisted
    commits = read_committed_offsets(cluster, [group])[group]
    if errors := [
        f"{topic}-{number}: {commit_entry.error}"
        for (topic, number), commit_entry in commits.items()
        if commit_entry.error
    ]:
        raise OperationError(f"cannot read the offsets of group {group}: {'; '.join(errors)}")
    return {
        partition: commit_entry.offset for partition, commit_entry in commits.items() if commit_entry.offset is not None
    }


def list_changes(group: str, plan: ResetPlan) -> list[OffsetChange]:
    """Return the changes of a plan, sorted by partition. Offsets that stay the same are included, with `moved` 0."""
    return [
        OffsetChange(
            group=group,
            topic=partition[0],
            partition=partition[1],
            old_offset=(old := plan.committed.get(partition)),
            new_offset=new,
            moved=None if old is None else new - old,
        )
        for partition, new in sorted(plan.offsets.items())
    ]


def carry_out(cluster: Cluster, changes: Sequence[OffsetChange]) -> list[OffsetChange]:
    """Commit the new offsets of one group without members, and return each change with its result.

    A group that does not exist is created. All changes must be of the same group, whose name is cut at a NUL character,
    and stay in their order. A refused partition is a change that is not ok and has an `error`. Without changes nothing
    is sent. A group with members has an error in each partition. Raise OperationError where the brokers refuse to name
    the coordinator, for example without the right to see the group, and where the transient refusal of one partition
    lasts until the time-out: others may have been committed then.

    Raise UnansweredError where the offsets may have been committed, UnreachableError, UsageError for a wrong client
    setting, ValueError for a group or topic that is empty or not UTF-8, for a NUL character in a topic and for a
    negative partition or offset, and OverflowError for a partition from 2^31 or an offset from 2^63 on.
    """
    if not changes:
        return []
    errors = commit(
        cluster, changes[0].group, {(change.topic, change.partition): change.new_offset for change in changes}
    )
    return [
        replace(change, ok=error is None, error=error)
        for change in changes
        for error in (errors.get((change.topic, change.partition)),)
    ]


def commit(cluster: Cluster, group: str, offsets: Mapping[Partition, int]) -> dict[Partition, str | None]:
    """Commit offsets for a group without members. Return the error of each partition as text, None for a success.

    The result has all partitions: librdkafka takes one that the answer leaves out for a success. A group that does not
    exist is created. Without offsets nothing is sent. The name of the group must be sendable: it is cut at a NUL
    character. A group with members has an error in each partition. Raise OperationError where the brokers refuse to
    name the coordinator, for example without the right to see the group, and where the transient refusal of one
    partition lasts until the time-out: others may have been committed then.

    Raise UnansweredError where the offsets may have been committed, UnreachableError, UsageError for a wrong client
    setting, ValueError for a group or topic that is empty or not UTF-8, for a NUL character in a topic and for a
    negative partition or offset, and OverflowError for a partition from 2^31 or an offset from 2^63 on.
    """
    topic_partitions = [TopicPartition(topic, number, offset) for (topic, number), offset in sorted(offsets.items())]
    if not topic_partitions:
        return {}

    def ask() -> dict[Partition, str | None]:
        """Send the commit and return the error of each partition, None for a success.

        Raise OperationError with a transient code while the coordinator moves, also for one partition only;
        OperationError, UnreachableError or UsageError where the request fails; ValueError for a group or topic that is
        empty or not UTF-8, for a NUL character in a topic and for a negative partition or offset; and OverflowError for
        a partition from 2^31 or an offset from 2^63 on.
        """
        (future,) = cluster.admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, topic_partitions)], request_timeout=cluster.timeout_s
        ).values()
        answer = cluster.wait(future, failure).topic_partitions or ()
        # A coordinator that is moving reports this error for each partition, while the whole request succeeds.
        for entry in answer:
            if entry.error is not None and entry.error.code() in TRANSIENT_CODES:
                raise cluster.error(entry.error, failure)
        return {
            (entry.topic, entry.partition): describe_kafka_error(entry.error) if entry.error else None
            for entry in answer
        }

    failure = f"cannot change the offsets of group {group}"
    with cluster.renew_timeout_for_change(), cluster.sending_change():
        return cluster.retry(ask)


def delete_offsets(cluster: Cluster, group: str, partitions: Sequence[Partition]) -> dict[Partition, str | None]:
    """Delete a group's committed offsets of partitions. Return the error of each partition as text, None for a success.

    Also a group with members may be given: partitions of a topic that they read have an error. Transient errors of
    single partitions are not tried again. The result is in the order of the answer; a partition that the answer leaves
    out has an error, and is at the end. Raise OperationError where the whole request is refused, for example for a
    group that does not exist, UnansweredError where the offsets may have been deleted, UnreachableError, and UsageError
    for a wrong client setting.
    """
    codes = request_deletion(cluster, group, partitions)
    results = {partition: describe_error(code) if code else None for partition, code in codes.items()}
    return _complete(results, partitions)


def _complete(results: dict[Partition, str | None], requested: Iterable[Partition]) -> dict[Partition, str | None]:
    """Return the results of a change, and an error for each requested partition without one, which follow them."""
    missing = (partition for partition in requested if partition not in results)
    return {**results, **dict.fromkeys(missing, "the broker's answer leaves it out: the change may have been done")}


def request_deletion(cluster: Cluster, group: str, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
    """Delete a group's committed offsets of partitions, and return the error codes by partition, 0 for a success.

    A partition that the broker's answer leaves out is missing in the result. Raise OperationError where the whole
    request is refused, for example for a group that does not exist, UnansweredError where the offsets may have been
    deleted, UnreachableError, and UsageError for a wrong client setting.
    """
    return cluster.requests.delete_group_offsets(group, partitions)


def remove_members(
    cluster: Cluster, group: str, members: Sequence[tuple[str | None, str | None]]
) -> dict[str, OperationError | None]:
    """Remove members from a group. Return the error by the id of the member or of the instance, None for a success.

    A member is (member id, None) or (None, instance id). An unknown member has an error. Without members the request is
    sent, too. The result is in the order of the answer; a member that it leaves out is at the end, with an error with
    the code REQUEST_TIMED_OUT. Raise UnsupportedRequestError where the brokers are older than Kafka 2.4, OperationError
    where the whole request is refused, UnansweredError where members may have been removed, UnreachableError, and
    UsageError for a wrong client setting.
    """
    codes = cluster.requests.remove_group_members(group, members)
    names = (member_id or instance_id or "" for member_id, instance_id in members)
    late = OperationError("the answer leaves it out", code=ErrorCode.REQUEST_TIMED_OUT)
    return {
        **{name: refusal("", code) if code else None for name, code in codes.items()},
        **{name: late for name in names if name not in codes},
    }


def make_partition_error(group: str, topic: str, number: int, error: str) -> OperationError:
    """Return (not raise) the error of one partition of a group."""
    return OperationError(f"{topic}-{number} in group {group}: {error}")


def _read_ends(cluster: Cluster, partitions: Sequence[Partition], latest: bool) -> dict[Partition, int]:
    """Return the ends (`latest`) or starts of the partitions' logs, sorted by partition.

    Without partitions nothing is asked. Raise OperationError where one cannot be read, UnreachableError where no
    partition was answered, UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic
    that is empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on.
    """
    offsets = {}
    for (topic, number), ends in read_log_ends(cluster, partitions).items():
        answer = ends.end if latest else ends.start
        if answer.offset is None:
            raise OperationError(f"cannot read the ends of {topic}-{number}: {answer.error}")
        offsets[topic, number] = answer.offset
    return offsets


def _clamp(cluster: Cluster, requested_offsets: Mapping[Partition, int]) -> ResetPlan:
    """Return a plan with the requested offsets, each moved to the nearest end of its log where it lies outside.

    `clamped` of the plan has those that were moved. Raise OperationError where the ends of a log cannot be read,
    UnreachableError where no partition was answered, UsageError for a wrong client setting, ValueError for a partition
    below 0 and for a topic that is empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31
    on.
    """
    starts, ends = (_read_ends(cluster, list(requested_offsets), latest) for latest in (False, True))
    clamped_offsets = {
        partition: min(max(offset, starts[partition]), ends[partition])
        for partition, offset in requested_offsets.items()
    }
    changed = tuple(
        (partition, requested_offsets[partition], clamped_offsets[partition])
        for partition in sorted(clamped_offsets)
        if clamped_offsets[partition] != requested_offsets[partition]
    )
    return ResetPlan(clamped_offsets, clamped=changed)


def _plan_for_time(cluster: Cluster, partitions: Sequence[Partition], time_ms: int) -> ResetPlan:
    """Return a plan with the offsets of the first records at or after a time in ms since 1970.

    Partitions without such a record get the end of their log, and are in `empty`, too. `time_ms` must be from 0 to
    below 2^63: a negative number is a SpecialOffset. Raise OperationError where an offset cannot be read,
    UnreachableError where no partition was answered, UsageError for a wrong client setting, ValueError for a partition
    below 0 and for a topic that is empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31
    on.
    """
    offsets: dict[Partition, int] = {}
    empty = []
    for row in find_offsets(cluster, partitions, time_ms):
        if row.error:
            raise OperationError(f"cannot read the offsets of {row.topic}-{row.partition}: {row.error}")
        if row.offset is None:
            empty.append((row.topic, row.partition))
        else:
            offsets[row.topic, row.partition] = row.offset
    for row in find_offsets(cluster, empty, SpecialOffset.LATEST):
        if row.offset is None:
            raise OperationError(f"cannot read the end of {row.topic}-{row.partition}: {row.error}")
        offsets[row.topic, row.partition] = row.offset
    return ResetPlan(offsets, tuple(empty))
