"""Topics and their partitions as values. One description serves every output format and both client libraries."""

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
    """A partition and its replicas. Brokers are given by their ids.

    Fields that default to None were not asked for, or the brokers do not know them.
    """

    topic: str
    partition: int
    leader: int | None
    """Id of the leader; None where there is none."""
    replicas: tuple[int, ...]
    """Replicas in the order of preference. The first is the preferred leader."""
    isr: tuple[int, ...]
    elr: tuple[int, ...] | None = None
    """Eligible leader replicas (KIP-966)."""
    last_known_elr: tuple[int, ...] | None = None
    adding: tuple[int, ...] | None = None
    """Replicas that a reassignment adds; empty where none is in progress."""
    removing: tuple[int, ...] | None = None
    """Replicas that a reassignment removes; empty where none is in progress."""
    size_bytes: int | None = None
    """Size of the leader's log on disk."""
    records: int | None = None
    """Largest number of records between the start and the end of the log."""

    @property
    def under_replicated(self) -> bool:
        """Return whether a replica is not in sync, also if it is one that a reassignment adds."""
        return len(self.isr) < len(self.replicas)

    @property
    def lacks_replicas(self) -> bool:
        """Return whether the partition is under-replicated without the replicas that a reassignment adds.

        Kafka's tool counts so. Where reassignments were not asked for, these replicas count, too.
        """
        return len(self.isr) < self.settled_count

    @property
    def settled_count(self) -> int:
        """Return the number of replicas without those that a reassignment adds; all where none was asked for."""
        return len(self.replicas) - len(self.adding or ())

    @property
    def target_count(self) -> int:
        """Return the number of replicas after the reassignment in progress; all of now where none was asked for."""
        return len(self.replicas) - len(self.removing or ())

    @property
    def is_moving(self) -> bool:
        """Return whether a reassignment adds or removes replicas; False where this was not asked for."""
        return bool(self.adding or self.removing)


@dataclass(frozen=True)
class TopicSetting:
    """A setting in force. `own` means that the topic sets it, `is_default` that only Kafka's default sets it."""

    name: str
    value: str | None
    """None where the brokers do not tell it, as of a setting that they do not know any more."""
    own: bool
    is_default: bool


@dataclass(frozen=True, kw_only=True)
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
        """Return the number of replicas of a partition without those that a reassignment adds; 0 without partitions.

        Where partitions differ it is the largest number. Where reassignments were not asked for, or could not be read,
        the added replicas count, too.
        """
        return max((row.settled_count for row in self.partitions), default=0)

    @property
    def target_factor(self) -> int:
        """Return the largest number of replicas of a partition after reassignments in progress; 0 without partitions.

        Where reassignments were not asked for, or could not be read, it is the number of now.
        """
        return max((row.target_count for row in self.partitions), default=0)

    @property
    def configs(self) -> Mapping[str, str]:
        """Return the value of each setting that the topic itself sets, sorted by name; also empty if none were read.

        A setting whose value the brokers do not tell is left out: none of them knows it, and no new topic may have it.
        """
        own = (setting for setting in sorted(self.settings, key=_name) if setting.own)
        return {setting.name: setting.value for setting in own if setting.value is not None}

    @property
    def min_isr(self) -> int:
        """Return the number of in-sync replicas that acks=all needs (min.insync.replicas); 1 without the setting.

        It is also 1 where the settings could not be read. Raise ValueError for a value that is not a whole number,
        which brokers do not accept.
        """
        found = (setting.value for setting in self.settings if setting.name == MIN_ISR)
        return int(next(found, None) or 1)

    @property
    def is_overridden(self) -> bool:
        """Return whether any setting has another source than Kafka's own default; False where no settings were read."""
        return any(not setting.is_default for setting in self.settings)


@dataclass(frozen=True, kw_only=True)
class TopicSpec:
    """A topic to be created. None leaves a number to the brokers' default."""

    topic: str
    partitions: int | None = None
    replication_factor: int | None = None
    replica_assignment: tuple[tuple[int, ...], ...] | None = None
    """Brokers of the replicas of each partition; it replaces both numbers."""
    configs: Mapping[str, str] | None = None


def find_collisions(name: str, existing: Sequence[str]) -> list[str]:
    """Return the existing topics whose metrics would have the same name, because Kafka's metrics turn `.` into `_`.

    They are in the order of `existing`; the topic itself does not count.
    """
    return [other for other in existing if other != name and other.replace(".", "_") == name.replace(".", "_")]


def _name(setting: TopicSetting) -> str:
    """Return the setting's name, for sorting."""
    return setting.name
