"""Groups as values: members, commits and lag."""

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
STATES = (
    "Stable", EMPTY_STATE, "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "NotReady", "Dead",
)  # fmt: skip
"""The names of Kafka's GroupState, without Unknown."""


class Commit(NamedTuple):
    """A committed offset with its leader epoch, or an error. All fields are None where nothing is committed."""

    offset: int | None
    leader_epoch: int | None
    error: str | None = None


class CommitState(StrEnum):
    """Position of a committed offset relative to its partition's log."""

    OK = "ok"
    NO_COMMIT = "no commit"
    BEFORE_START = "before start"
    """Unread records are already deleted."""
    BEYOND_END = "beyond end"
    """Read records are gone: the log was truncated, or the topic was created again."""
    UNKNOWN = "unknown"
    """The commit or the log's offsets could not be read; `error` says why."""


@dataclass(frozen=True)
class GroupListing:
    """A group in a list."""

    group: str
    type: str
    state: str


@dataclass(frozen=True)
class GroupList:
    """The groups, and the errors of brokers. With an error the list is not complete."""

    groups: tuple[GroupListing, ...]
    errors: tuple[str, ...]


def make_group_list(listings: Iterable[GroupListing], errors: Iterable[KafkactlError]) -> GroupList:
    """Return a list of groups in the order of their first listing, with the errors of brokers as texts.

    While a coordinator moves, two brokers may list a group: the last listing counts, as in Java's client.
    """
    groups = {listing.group: listing for listing in listings}
    return GroupList(tuple(groups.values()), tuple(map(str, errors)))


@dataclass(frozen=True, kw_only=True)
class GroupChoice:
    """The groups that a command selects, and an error for each selected name that is no consumer group."""

    groups: tuple[GroupListing, ...]
    errors: tuple[KafkactlError, ...]


@dataclass(frozen=True, kw_only=True)
class Member:
    """A consumer in a group. Its partitions are (topic, partition), in order."""

    group: str
    consumer_id: str
    instance_id: str | None
    """Id of a static member; None for a dynamic one."""
    client_id: str
    host: str
    assignment: tuple[Partition, ...]
    epoch: int | None = None
    """Epoch of the member. This and the next two fields belong to the consumer protocol (KIP-848).

    They are None where they were not asked for, and in the classic protocol.
    """
    target_assignment: tuple[Partition, ...] | None = None
    upgraded: bool | None = None
    """Whether the member uses the consumer protocol.

    A group that is being migrated to it has members of both protocols.
    """


@dataclass(frozen=True)
class Node:
    """A broker."""

    id: int
    host: str
    port: int

    def __str__(self) -> str:
        """Return the broker for messages, as "host:port (id)"."""
        return f"{self.host}:{self.port} ({self.id})"


@dataclass(frozen=True, kw_only=True)
class GroupDescription:
    """A group as its coordinator knows it."""

    group: str
    type: str
    state: str
    assignor: str | None
    coordinator: Node | None
    """Broker that coordinates the group; None where it was not asked for."""
    members: tuple[Member, ...]
    """Members in the coordinator's order."""
    epoch: int | None = None
    assignment_epoch: int | None = None

    @property
    def owners(self) -> dict[Partition, Member]:
        """Return the member that reads each partition; empty without members. It is computed at each access."""
        return {partition: member for member in self.members for partition in member.assignment}


@dataclass(slots=True)
class PartitionLag:
    """The progress of a group in one partition. Offsets and lag count records and are None where they are not known.

    The class is not frozen, because frozen objects take three times as long to make: a large cluster has a hundred
    thousand.
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
    """Leader epoch that was committed with the offset."""
    time_lag_ms: int | None = None
    """Age of the oldest unread record.

    0 where nothing is unread; None where it was not asked for or could not be read.
    """
    produced_per_s: float | None = None
    """Records per second that were written; None where no rate was measured."""
    consumed_per_s: float | None = None
    """Records per second that were read; None where no rate was measured."""
    error: str | None = None
    """Why the commit or the log could not be read; None otherwise."""

    @property
    def catches_up_in_s(self) -> float | None:
        """Return the time until the lag is 0 at the measured rates, in s; 0 where nothing is unread.

        None means that the lag is not known, that a rate was not measured (also without lag), or that a lag above 0
        does not shrink.
        """
        if self.lag is None or self.produced_per_s is None or self.consumed_per_s is None:
            return None
        gained = self.consumed_per_s - self.produced_per_s
        return 0.0 if self.lag == 0 else self.lag / gained if gained > 0 else None


@dataclass(frozen=True)
class GroupLag:
    """A description of a group with all its partitions and the sum of their lags."""

    description: GroupDescription
    partitions: tuple[PartitionLag, ...]
    total_lag: int
    """Sum of the lags that are known."""
    unknown_partitions: int
    """Number of partitions whose lag is not known."""

    @cached_property
    def time_lag_ms(self) -> int | None:
        """Return the largest time lag of the group's partitions, in ms; None where no time lag is known."""
        return max((row.time_lag_ms for row in self.partitions if row.time_lag_ms is not None), default=None)

    @cached_property
    def produced_per_s(self) -> float | None:
        """Return the records per second that were written to all partitions, or None where no rate was measured.

        Partitions without a rate count as 0.
        """
        return _sum_known(row.produced_per_s for row in self.partitions)

    @cached_property
    def consumed_per_s(self) -> float | None:
        """Return the records per second that were read from all partitions, or None where no rate was measured.

        Partitions without a rate count as 0.
        """
        return _sum_known(row.consumed_per_s for row in self.partitions)

    @property
    def catches_up_in_s(self) -> float | None:
        """Return the time until the slowest partition's lag is 0 at the measured rates, in s.

        None where a partition with lag lacks a rate or never catches up. Partitions without lag, or with an unknown
        one, are ignored beside it. Without any lag the time is 0, also without rates, or None where a lag is unknown or
        the group has no partitions.
        """
        times = [row.catches_up_in_s for row in self.partitions if row.lag]
        if not times:
            return 0.0 if self.partitions and not self.unknown_partitions else None
        return None if None in times else max(time for time in times if time is not None)


def _sum_known(values: Iterable[float | None]) -> float | None:
    """Return the sum of the values that are not None, rounded to 0.01 as they are, or None where there is none."""
    known_values = [value for value in values if value is not None]
    return round(sum(known_values), 2) if known_values else None
