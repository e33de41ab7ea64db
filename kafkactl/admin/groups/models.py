"""Groups as values: members, commits, and how far behind they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from kafkactl.admin.models import Partition
from kafkactl.errors import KafkactlError

EMPTY_STATE = "Empty"
UNKNOWN_STATE = "Unknown"


class Commit(NamedTuple):
    """A committed offset and its leader's epoch, or why it is not known; neither where there is none."""

    offset: int | None
    leader_epoch: int | None
    error: str | None = None


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


@dataclass(frozen=True, kw_only=True)
class GroupChoice:
    """The groups that a command was asked for, and an error for each name that is no consumer group."""

    groups: tuple[GroupListing, ...]
    errors: tuple[KafkactlError, ...]


@dataclass(frozen=True)
class Member:
    """A consumer in a group; partitions as (topic, partition), in order."""

    group: str
    consumer_id: str
    instance_id: str | None
    client_id: str
    host: str
    assignment: tuple[Partition, ...]
    epoch: int | None = None
    """Of the consumer protocol (KIP-848), as the two below; None where unasked or of the classic one."""
    target_assignment: tuple[Partition, ...] | None = None
    upgraded: bool | None = None
    """Whether it speaks the consumer protocol; members of both are there while a group is moved to it."""


@dataclass(frozen=True)
class Node:
    """A broker."""

    id: int
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port} ({self.id})"


@dataclass(frozen=True)
class GroupDescription:
    """A group as its coordinator knows it."""

    group: str
    type: str
    state: str
    assignor: str | None
    coordinator: Node | None
    """None where it was not asked."""
    members: tuple[Member, ...]
    """As the coordinator tells them."""
    epoch: int | None = None
    assignment_epoch: int | None = None

    @property
    def owners(self) -> dict[Partition, Member]:
        """Who reads each partition."""
        return {partition: member for member in self.members for partition in member.assignment}


@dataclass(slots=True)
class PartitionLag:
    """One partition's progress in a group; offsets and lag in records, None where unknown.

    Not frozen, which would take three times as long to make: a large cluster has a hundred thousand.
    """

    group: str
    topic: str
    partition: int
    current_offset: int | None
    log_start_offset: int | None
    log_end_offset: int | None
    lag: int | None
    commit: CommitState
    consumer_id: str | None
    instance_id: str | None
    host: str | None
    client_id: str | None
    leader_epoch: int | None = None
    """The epoch that was committed with the offset."""
    time_lag_ms: int | None = None
    """How long ago the oldest unread record was written; None where unasked, and 0 where nothing is unread."""
    produced_per_s: float | None = None
    consumed_per_s: float | None = None
    error: str | None = None

    @property
    def catches_up_in_s(self) -> float | None:
        """At the pace that was measured; None where it was not, or it never will."""
        if self.lag is None or self.produced_per_s is None or self.consumed_per_s is None:
            return None
        gained = self.consumed_per_s - self.produced_per_s
        return 0.0 if self.lag == 0 else self.lag / gained if gained > 0 else None


@dataclass(frozen=True)
class GroupLag:
    """A group's description with all its partitions and their sum."""

    description: GroupDescription
    partitions: tuple[PartitionLag, ...]
    total_lag: int
    """Sum over the partitions whose lag is known."""
    unknown_partitions: int
    """How many partitions the sum leaves out."""

    @cached_property
    def time_lag_ms(self) -> int | None:
        """The longest of its partitions'."""
        return max((row.time_lag_ms for row in self.partitions if row.time_lag_ms is not None), default=None)

    @cached_property
    def produced_per_s(self) -> float | None:
        return _sum(row.produced_per_s for row in self.partitions)

    @cached_property
    def consumed_per_s(self) -> float | None:
        return _sum(row.consumed_per_s for row in self.partitions)

    @property
    def catches_up_in_s(self) -> float | None:
        """At the pace that was measured, when the slowest of its partitions has; None where one never will."""
        times = [row.catches_up_in_s for row in self.partitions if row.lag]
        if not times:
            return 0.0 if self.partitions and not self.unknown_partitions else None
        return None if None in times else max(time for time in times if time is not None)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
