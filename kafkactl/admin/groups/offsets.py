"""Changing what a group has committed: resets, copies, deletions, and members that are put out.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, org.apache.kafka.tools.OffsetsUtils.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from kafkactl.admin.groups.descriptions import committed_offsets, list_groups, not_supported, other_groups
from kafkactl.admin.models import Outcome, Partition
from kafkactl.admin.offsets import log_ends, offsets_at
from kafkactl.connection.broker_errors import TRANSIENT_CODES, describe_error, describe_kafka_error
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, SpecialOffset
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.patterns import NameSelection

_INACTIVE = ("Empty", "Dead")


class ResetTo(StrEnum):
    """Where to."""

    EARLIEST = "earliest"
    LATEST = "latest"
    CURRENT = "current"
    OFFSET = "offset"
    TIME = "time"
    """The first record at or after a time, in ms; the end where there is none."""
    SHIFT = "shift"
    GIVEN = "given"


@dataclass(frozen=True)
class Reset:
    """What a reset is to do; `value` is an offset, a time in ms, or by how much to shift."""

    to: ResetTo
    value: int = 0
    given: Mapping[Partition, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ResetPlan:
    """New offsets of a group, and what had to be put right on the way to them."""

    offsets: Mapping[Partition, int]
    empty: tuple[Partition, ...] = ()
    """Without a record at or after the time: their ends were taken."""
    clamped: tuple[tuple[Partition, int, int], ...] = ()
    """(partition, wanted, taken) where an offset was beyond its log."""
    committed: Mapping[Partition, int] = field(default_factory=dict)
    """What the group has committed now."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A group whose offsets are to be changed, or that is to be deleted."""

    group: str
    type: str = ""
    """Classic, Consumer, Share or Streams; empty for a group that does not exist."""
    error: OperationError | None = None
    """Why it cannot be: it has members, or is of another type than classic and consumer."""

    @property
    def exists(self) -> bool:
        """Return whether there is the group."""
        return bool(self.type)


@dataclass(frozen=True, kw_only=True)
class OffsetChange:
    """A committed offset, the one that is to take its place, and what became of it."""

    group: str
    topic: str
    partition: int
    old_offset: int | None
    """None where nothing is committed."""
    new_offset: int
    moved: int | None
    """How many offsets the group goes on (or back, below 0); None where nothing is committed."""
    ok: bool | None = None
    """Whether it was committed; None where that was not tried."""
    error: str | None = None


def find_targets(cluster: Cluster, selection: NameSelection) -> list[Target]:
    """Return the selected groups, or all, sorted; a named group need not exist.

    Raises NotFoundError for a pattern that matches no group.
    """
    listed = {group.group: group for group in list_groups(cluster).groups}
    choice = selection.choose_or_all(listed)
    if choice.unmatched_patterns:
        raise NotFoundError(f"no group matches {choice.unmatched_patterns[0]!r}", "kafkactl groups list shows all")
    others = {one.group: one for one in other_groups(cluster).groups} if choice.absent_names else {}
    found = []
    for name in sorted({*choice.names, *choice.absent_names}):
        one = listed.get(name) or others.get(name)
        if one is None:
            found.append(Target(group=name))
            continue
        error = None
        if name in others:
            error = not_supported(one)
        elif one.state not in _INACTIVE:
            reason = f"group {name} is {one.state}: its members would go on from where they are"
            hint = "stop them first; kafkactl groups describe GROUP --members shows them"
            error = OperationError(reason, hint, ErrorCode.NON_EMPTY_GROUP)
        found.append(Target(group=name, type=one.type, error=error))
    return found


def preview_deletion(targets: Iterable[Target]) -> list[Outcome]:
    """Return what the deletion of groups would come to, as the broker would say it."""
    found = []
    for target in targets:
        code = None if target.error is None else target.error.code
        if not target.exists:
            code = ErrorCode.GROUP_ID_NOT_FOUND
        if code is not None:
            found.append(Outcome(target.group, False, describe_error(code), code=code))
        elif target.error is not None:
            found.append(
                Outcome(target.group, False, f"a {target.type.lower()} group, which kafkactl does not support yet")
            )
        else:
            found.append(Outcome(target.group, True, "would be deleted"))
    return found


def partitions_of(cluster: Cluster, topics: Iterable[str]) -> list[Partition]:
    """The partitions that Kafka's TOPIC or TOPIC:0,1,2 means; raises UsageError and NotFoundError."""
    known = cluster.metadata().topics
    found: list[Partition] = []
    for text in topics:
        name, colon, numbers = text.partition(":")
        try:
            chosen = [int(number) for number in numbers.split(",")] if colon else None
        except ValueError:
            raise UsageError(f"--topic {text}: not numbers of partitions", "like orders or orders:0,1,2") from None
        if name not in known:
            raise NotFoundError(f"there is no topic {name!r}", "kafkactl topics list shows those that one may see")
        if chosen is None:
            chosen = sorted(known[name].partitions)
        if missing := [number for number in chosen if number not in known[name].partitions]:
            raise NotFoundError(
                f"topic {name} has no partition {', '.join(map(str, missing))}",
                f"it has {len(known[name].partitions)}, from 0 on",
            )
        found += [(name, number) for number in chosen]
    return list(dict.fromkeys(found))


def existing_partitions(cluster: Cluster, partitions: Iterable[Partition]) -> list[Partition]:
    """Return the partitions; raises NotFoundError for a topic or a partition that does not exist."""
    return partitions_of(cluster, [f"{topic}:{number}" for topic, number in partitions])


def plan_reset(cluster: Cluster, group: str, partitions: Sequence[Partition], reset: Reset) -> ResetPlan:
    """The offsets that a reset comes to; raises OperationError where one cannot be told."""
    committed = committed_at(cluster, group)
    return replace(_planned(cluster, group, partitions, reset, committed), committed=committed)


def _planned(
    cluster: Cluster, group: str, partitions: Sequence[Partition], reset: Reset, committed: Mapping[Partition, int]
) -> ResetPlan:
    match reset.to:
        case ResetTo.OFFSET:
            return _clamped(cluster, dict.fromkeys(partitions, reset.value))
        case ResetTo.GIVEN:
            return _clamped(cluster, reset.given)
        case ResetTo.SHIFT:
            missing = [f"{topic}-{number}" for topic, number in partitions if (topic, number) not in committed]
            if missing:
                raise OperationError(
                    f"group {group} has committed nothing to shift in {', '.join(missing)}",
                    "name partitions that it has committed in, or --all-topics",
                )
            return _clamped(cluster, {each: committed[each] + reset.value for each in partitions})
        case ResetTo.TIME:
            return _at(cluster, partitions, reset.value)
        case ResetTo.CURRENT:
            kept = {each: committed[each] for each in partitions if each in committed}
            others = _ends(cluster, [each for each in partitions if each not in kept], latest=True)
            return ResetPlan({**kept, **others})
        case _:
            return ResetPlan(_ends(cluster, partitions, latest=reset.to is ResetTo.LATEST))


def committed_at(cluster: Cluster, group: str) -> dict[Partition, int]:
    """Return what a group has committed, by partition; raises OperationError where that cannot be read."""
    if group not in {listed.group for listed in list_groups(cluster).groups}:
        return {}
    found = committed_offsets(cluster, [group])[group]
    if errors := [f"{topic}-{number}: {each.error}" for (topic, number), each in found.items() if each.error]:
        raise OperationError(f"cannot read the offsets of group {group}: {'; '.join(errors)}")
    return {partition: each.offset for partition, each in found.items() if each.offset is not None}


def changes_of(group: str, plan: ResetPlan) -> list[OffsetChange]:
    """Return the changes that a plan comes to, sorted by partition."""
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
    """Commit the new offsets of one group without members; return each change with its own result."""
    if not changes:
        return []
    errors = commit(cluster, changes[0].group, {(each.topic, each.partition): each.new_offset for each in changes})
    return [
        replace(each, ok=error is None, error=error)
        for each in changes
        for error in (errors.get((each.topic, each.partition)),)
    ]


def committed_in(cluster: Cluster, group: str) -> list[Partition]:
    """The partitions that a group has committed in."""
    return sorted(committed_at(cluster, group))


def commit(cluster: Cluster, group: str, offsets: Mapping[Partition, int]) -> dict[Partition, str | None]:
    """Commits offsets for a group without members; each partition's error, None where it went well."""
    wanted = [TopicPartition(topic, number, offset) for (topic, number), offset in sorted(offsets.items())]
    if not wanted:
        return {}

    def ask() -> dict[Partition, str | None]:
        (future,) = cluster.admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=cluster.timeout_s
        ).values()
        answer = cluster.wait(future, what).topic_partitions or ()
        # A coordinator that is moving says so of each partition, and the request as a whole seems to succeed.
        for each in answer:
            if each.error is not None and each.error.code() in TRANSIENT_CODES:
                raise cluster.error(each.error, what)
        return {
            (each.topic, each.partition): describe_kafka_error(each.error) if each.error else None for each in answer
        }

    what = f"cannot change the offsets of group {group}"
    with cluster.change_timeout():
        return cluster.retry(ask)


def delete_offsets(cluster: Cluster, group: str, partitions: Sequence[Partition]) -> dict[Partition, str | None]:
    """Deletes what a group has committed in partitions; each one's error, None where it went well."""
    codes = cluster.requests.delete_group_offsets(group, partitions)
    return {partition: describe_error(code) if code else None for partition, code in codes.items()}


def remove_members(
    cluster: Cluster, group: str, members: Sequence[tuple[str | None, str | None]]
) -> dict[str, str | None]:
    """Puts members out of a group, (member id, None) or (None, instance id); each one's error by that id."""
    codes = cluster.requests.remove_group_members(group, members)
    return {name: describe_error(code) if code else None for name, code in codes.items()}


def _ends(cluster: Cluster, partitions: Sequence[Partition], latest: bool) -> dict[Partition, int]:
    found = {}
    for (topic, number), ends in log_ends(cluster, partitions).items():
        answer = ends.end if latest else ends.start
        if answer.offset is None:
            raise OperationError(f"cannot read the ends of {topic}-{number}: {answer.error}")
        found[topic, number] = answer.offset
    return found


def _clamped(cluster: Cluster, wanted: Mapping[Partition, int]) -> ResetPlan:
    starts, ends = (_ends(cluster, list(wanted), latest) for latest in (False, True))
    taken = {each: min(max(offset, starts[each]), ends[each]) for each, offset in wanted.items()}
    changed = tuple((each, wanted[each], taken[each]) for each in sorted(taken) if taken[each] != wanted[each])
    return ResetPlan(taken, clamped=changed)


def _at(cluster: Cluster, partitions: Sequence[Partition], time_ms: int) -> ResetPlan:
    found: dict[Partition, int] = {}
    empty = []
    for row in offsets_at(cluster, partitions, time_ms):
        if row.error:
            raise OperationError(f"cannot read the offsets of {row.topic}-{row.partition}: {row.error}")
        if row.offset is None:
            empty.append((row.topic, row.partition))
        else:
            found[row.topic, row.partition] = row.offset
    for row in offsets_at(cluster, empty, SpecialOffset.LATEST):
        if row.offset is None:
            raise OperationError(f"cannot read the end of {row.topic}-{row.partition}: {row.error}")
        found[row.topic, row.partition] = row.offset
    return ResetPlan(found, tuple(empty))
