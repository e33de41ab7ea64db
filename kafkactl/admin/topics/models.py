"""Topics and their partitions as values. One description serves every format, whichever client has asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A partition and where its replicas are. Brokers are named by their ids.

    Fields that default to None were not asked for, or the brokers do not know them.
    """

    topic: str
    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    """In the order of preference: the first is the preferred leader."""
    isr: tuple[int, ...]
    elr: tuple[int, ...] | None = None
    """Eligible leader replicas (KIP-966)."""
    last_known_elr: tuple[int, ...] | None = None
    adding: tuple[int, ...] | None = None
    """Replicas that a reassignment is adding; empty where nothing moves."""
    removing: tuple[int, ...] | None = None
    size_bytes: int | None = None
    """Size of the leader's log on disk."""
    records: int | None = None
    """The largest number of records that can lie between the start of the log and its end."""

    @property
    def under_replicated(self) -> bool:
        return len(self.isr) < len(self.replicas)

    @property
    def is_moving(self) -> bool:
        return bool(self.adding or self.removing)


@dataclass(frozen=True)
class TopicSetting:
    """A setting in force. It is `own` when the topic sets it, and `is_default` when only Kafka's default does."""

    name: str
    value: str
    own: bool
    is_default: bool


@dataclass(frozen=True)
class TopicDescription:
    """A topic with its partitions and its settings."""

    topic: str
    topic_id: str
    internal: bool
    partitions: tuple[PartitionDescription, ...]
    settings: tuple[TopicSetting, ...] = ()
    """All settings in force, in the order of the brokers."""

    @property
    def replication_factor(self) -> int:
        """Return the number of replicas of a partition, without those that a reassignment is adding."""
        return max((len(row.replicas) - len(row.adding or ()) for row in self.partitions), default=0)

    @property
    def configs(self) -> Mapping[str, str]:
        """Return the settings that the topic itself sets, sorted by name."""
        return {setting.name: setting.value for setting in sorted(self.settings, key=_name) if setting.own}

    @property
    def min_isr(self) -> int:
        """Return the number of in-sync replicas that acks=all needs."""
        return next((int(setting.value) for setting in self.settings if setting.name == MIN_ISR), 1)

    @property
    def is_overridden(self) -> bool:
        """Return whether any setting differs from Kafka's own defaults."""
        return any(not setting.is_default for setting in self.settings)


@dataclass(frozen=True)
class TopicSpec:
    """A topic to be created; None leaves a number to the brokers' default."""

    topic: str
    partitions: int | None = None
    replication_factor: int | None = None
    replica_assignment: tuple[tuple[int, ...], ...] | None = None
    configs: Mapping[str, str] | None = None


def collisions(name: str, existing: Sequence[str]) -> list[str]:
    """Return the topics whose metrics would have the name of this one's: Kafka's metrics turn `.` into `_`."""
    return [other for other in existing if other != name and other.replace(".", "_") == name.replace(".", "_")]


def _name(setting: TopicSetting) -> str:
    return setting.name
