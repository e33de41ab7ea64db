"""What changes about the partitions that are read: new ones, deleted topics, and partitions without a leader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import TopicMetadata

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, UnreachableError
from kafkactl.streams.selection import Partition, Selection

_EVERY_S = 5.0
_WAIT_S = 2.0
_LOOK_S = 5.0
"""Before a slow broker is taken for one that does not answer."""
_NO_LEADER = -1
_DELETED_AFTER_LOOKS = 2
"""A broker that has just started may not know of a topic yet."""


class Watch:
    """Looks at the topics of a selection now and then, while nothing comes or every few seconds.

    `client` is asked for metadata, and `tell` hears what a person has to know.
    """

    def __init__(
        self, cluster: Cluster, client: Any, selection: Selection, partitions: Iterable[Partition],
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._cluster, self._client, self._selection, self._tell = cluster, client, selection, tell
        self.partitions = set(partitions)
        """Those that are read."""
        self.without_leader: set[Partition] = set()
        self._missing: dict[str, int] = {}
        self._deleted: set[str] = set()
        self._looked_at = self._progress_at = time.monotonic()
        self._has_come = self._has_looked_at_brokers = False

    def progressed(self) -> None:
        """Note that something came."""
        self._progress_at, self._has_come = time.monotonic(), True

    def postpone(self) -> None:
        """Note that nothing can have come yet."""
        self._progress_at = time.monotonic()

    def require_leaders(self, at_end: Set[Partition]) -> None:
        """Raise UnreachableError where a partition that is not at its end has no leader: nothing can come from it."""
        if self.partitions <= at_end:
            return
        try:
            self._note_leaders(self._ask())
        except KafkaException:
            return
        if self.without_leader:
            raise self.stuck()

    def look(self, adds: bool = True) -> tuple[list[Partition], list[Partition]]:
        """Return new partitions, if wanted, and those of deleted topics; the caller has to heed both.

        Raises NotFoundError for a deleted topic that was named, and UnreachableError where the reading is to end at
        the end of every partition and nothing came within the time-out.
        """
        now = time.monotonic()
        is_stuck = self._selection.until_end and now - self._progress_at > self._cluster.timeout_s
        self.require_brokers(now - self._progress_at)
        if now - self._looked_at < _EVERY_S and not is_stuck:
            return [], []
        self._looked_at = now
        try:
            topics = self._ask()
        except KafkaException:  # the next look may have an answer
            topics = None
        if topics is not None:
            self._note_leaders(topics)
        if is_stuck:
            raise self.stuck()
        if topics is None:
            return [], []
        return self._new(topics) if adds else [], self._gone(topics)

    def require_brokers(self, waited_s: float) -> None:
        """Say which brokers do not answer, once, where nothing has come within the time-out since the beginning.

        Raises UnreachableError where none answers: nothing would ever come.
        """
        if self._has_come or self._has_looked_at_brokers or waited_s < self._cluster.timeout_s:
            return
        self._has_looked_at_brokers = True
        silent, brokers = self._cluster.find_silent_brokers(min(_LOOK_S, self._cluster.timeout_s))
        if silent and len(silent) == brokers:
            raise UnreachableError(
                f"cannot read: no answer within {self._cluster.timeout_s:g} s from {', '.join(silent)}",
                "clients are sent to the addresses that brokers advertise: look at advertised.listeners",
            )
        if silent:
            self._tell(f"no answer from {', '.join(silent)}: nothing comes from the partitions that it leads")

    def stuck(self) -> UnreachableError:
        """Return the error that names the partitions of which nothing comes."""
        missing = sorted(self.without_leader) or sorted(self.partitions)
        named = ", ".join(f"{topic}-{number}" for topic, number in missing[:5]) + (", ..." if len(missing) > 5 else "")
        if self.without_leader:
            why = f"no leader of {named}"
        else:
            brokers, _ = self._cluster.find_silent_brokers()
            whom = f" from {', '.join(brokers)}" if brokers else ""
            why = f"no answer within {self._cluster.timeout_s:g} s{whom} of {named}"
        return UnreachableError(f"cannot read to the end: {why}", "look at the brokers: kafkactl topics describe TOPIC")

    def _ask(self) -> dict[str, TopicMetadata]:
        if self._selection.include is not None:
            return dict(self._client.list_topics(timeout=_WAIT_S).topics)
        return {
            topic: self._client.list_topics(topic, timeout=_WAIT_S).topics[topic]
            for topic in {topic for topic, _ in self.partitions} | set(self._selection.topics)
        }

    def _note_leaders(self, topics: dict[str, TopicMetadata]) -> None:
        found = {
            (topic, number)
            for topic, number in self.partitions
            if topic in topics
            and number in topics[topic].partitions
            and topics[topic].partitions[number].leader == _NO_LEADER
        }
        for topic, number in sorted(found - self.without_leader):
            self._tell(f"{topic}-{number} has no leader: nothing can be read from it")
        for topic, number in sorted(self.without_leader - found):
            self._tell(f"{topic}-{number} has a leader again")
        self.without_leader = found

    def _new(self, topics: dict[str, TopicMetadata]) -> list[Partition]:
        selection = self._selection
        if selection.until_end or selection.joins or selection.partitions or selection.assigned is not None:
            return []
        include = selection.include
        names = topics if include is None else include.choose(topics).names
        there = {(name, number) for name in names if topics[name].error is None for number in topics[name].partitions}
        new = sorted(there - self.partitions)
        self.partitions |= set(new)
        return new

    def _gone(self, topics: dict[str, TopicMetadata]) -> list[Partition]:
        for name in {topic for topic, _ in self.partitions}:
            is_missing = name not in topics or _is_unknown(topics[name].error)
            self._missing[name] = self._missing.get(name, 0) + 1 if is_missing else 0
        gone = {name for name, looks in self._missing.items() if looks >= _DELETED_AFTER_LOOKS}
        for name in sorted(gone):
            if self._selection.include is None:
                raise NotFoundError(f"topic {name} was deleted")
            self.note_deleted(name)
            del self._missing[name]
        lost = sorted(each for each in self.partitions if each[0] in gone)
        self.partitions -= set(lost)
        return lost

    def note_deleted(self, name: str) -> None:
        """Say once that a topic was deleted."""
        if name not in self._deleted:
            self._deleted.add(name)
            self._tell(f"topic {name} was deleted: it is not read any more")


def is_deletion(code: int | None) -> bool:
    """Return whether an error of a partition says that its topic is not there any more."""
    return code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def _is_unknown(error: KafkaError | None) -> bool:
    return error is not None and is_deletion(error.code())
