"""Topics and their partitions as values, whichever client has asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MIN_ISR = "min.insync.replicas"


@dataclass(frozen=True)
class TopicListing:
    """A topic in a list."""

    topic: str
    partitions: int
    replication_factor: int
    internal: bool


@dataclass(frozen=True)
class PartitionDescription:
    """One partition and where its replicas are; node ids."""

    topic: str
    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    """In the order of preference: the first is the preferred leader."""
    isr: tuple[int, ...]
    size_bytes: int | None = None
    """Of the leader's log on disk; None where nobody asked."""
    records: int | None = None
    """At most so many, from where the log begins to where it ends; None where nobody asked."""

    @property
    def under_replicated(self) -> bool:
        return len(self.isr) < len(self.replicas)


@dataclass(frozen=True)
class TopicDescription:
    """A topic with its partitions and the settings that differ from the brokers' own."""

    topic: str
    topic_id: str
    internal: bool
    replication_factor: int
    configs: Mapping[str, str]
    partitions: tuple[PartitionDescription, ...]


@dataclass(frozen=True)
class TopicSettings:
    """What a topic says itself, and the least in-sync replicas that acks=all needs there."""

    own: Mapping[str, str]
    min_isr: int


@dataclass(frozen=True)
class TopicSpec:
    """A topic to be created; None leaves a number to the brokers' default."""

    topic: str
    partitions: int | None = None
    replication_factor: int | None = None
    replica_assignment: tuple[tuple[int, ...], ...] | None = None
    configs: Mapping[str, str] | None = None
