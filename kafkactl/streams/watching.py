"""Changes of the partitions that are read: new ones, deleted topics, and partitions without a leader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import TopicMetadata

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, UnreachableError
from kafkactl.streams.selection import Partition, Selection

_INTERVAL_S = 5.0
_WAIT_S = 2.0
_LOOK_S = 5.0
"""Time after which a slow broker counts as one that does not answer."""
_NO_LEADER = -1
_DELETED_AFTER_LOOKS = 2
"""Number of looks that must miss a topic, because a broker that has just started may not know it yet."""


class MissedLooks:
    """How many looks in a row have missed each topic. A broker that has just started may not know all topics."""

    def __init__(self) -> None:
        """Begin without a look."""
        self._looks: dict[str, int] = {}

    def find_deleted(self, watched: Set[str], known: Set[str]) -> set[str]:
        """Count a look that found the `known` topics; return the watched ones that two looks in a row have missed."""
        self._looks = {name: 0 if name in known else self._looks.get(name, 0) + 1 for name in watched}
        return {name for name in watched if self._looks[name] >= _DELETED_AFTER_LOOKS}


class Watch:
    """Watch over the topics of a selection, which looks at them every few seconds and while no record comes.

    `client` is asked for metadata. `tell` is called with sentences for the user.
    """

    def __init__(
        self, cluster: Cluster, client: Any, selection: Selection, partitions: Iterable[Partition],
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Take the metadata client, the selection, the partitions that are read, and a function that gets sentences.

        Nothing is asked yet.
        """
        self._cluster, self._client, self._selection, self._tell = cluster, client, selection, tell
        self.partitions = set(partitions)
        """The partitions that are read."""
        self.without_leader: set[Partition] = set()
        self._missed = MissedLooks()
        self._deleted: set[str] = set()
        self._looked_at = self._progress_at = time.monotonic()
        self._has_come = self._has_looked_at_brokers = False

    def note_progress(self) -> None:
        """Note that a record, or the end of a partition, has come."""
        self._progress_at, self._has_come = time.monotonic(), True

    def postpone(self) -> None:
        """Note that no record could have come yet, so that the time-out begins anew."""
        self._progress_at = time.monotonic()

    def require_leaders(self, at_end: Set[Partition]) -> None:
        """Raise UnreachableError where not all partitions are at their ends, and any of all has no leader.

        `at_end` has the partitions at their ends. No record can come from a partition without a leader. Metadata are
        requested for this, for 2 s at most for each request, and changes of leaders are reported to `tell`. Nothing is
        raised where such a request fails.
        """
        if self.partitions <= at_end:
            return
        try:
            self._note_leaders(self._fetch_metadata())
        except KafkaException:
            return
        if self.without_leader:
            raise self.make_stuck_error()

    def look(self, adds: bool = True) -> tuple[list[Partition], list[Partition]]:
        """Return new partitions, with `adds`, and partitions of deleted topics; the caller must act on both.

        Both are sorted. No partition is new where the selection names partitions, ends at their ends, or has a group. A
        topic counts as deleted when two looks in a row miss it. Metadata are read every 5 s at most, and each request
        waits 2 s at most; both lists are empty between these looks, and where no broker answers the look. `tell` gets
        sentences about lost and new leaders, deleted topics and silent brokers. Without `include` raise NotFoundError
        for a deleted topic. Raise UnreachableError where the reading ends at the ends of the partitions and nothing
        came within the time-out, and where nothing has ever come and no broker answers.
        """
        now = time.monotonic()
        is_stuck = self._selection.until_end and now - self._progress_at > self._cluster.timeout_s
        self.require_brokers(now - self._progress_at)
        if now - self._looked_at < _INTERVAL_S and not is_stuck:
            return [], []
        self._looked_at = now
        try:
            topics = self._fetch_metadata()
        except KafkaException:  # the next look may have an answer
            topics = None
        if topics is not None:
            self._note_leaders(topics)
        if is_stuck:
            raise self.make_stuck_error()
        if topics is None:
            return [], []
        return self._find_new(topics) if adds else [], self._find_deleted(topics)

    def require_brokers(self, waited_s: float) -> None:
        """Report once the brokers that do not answer, where nothing has come since the beginning for the time-out.

        `waited_s` is the time without a record, in seconds. Raise UnreachableError where no broker answers, because no
        record would ever come. The brokers are looked at once only; later calls do nothing.
        """
        if self._has_come or self._has_looked_at_brokers or waited_s < self._cluster.timeout_s:
            return
        self._has_looked_at_brokers = True
        silent, brokers = self._cluster.find_silent_brokers(min(_LOOK_S, self._cluster.timeout_s))
        if silent and len(silent) == brokers:
            raise UnreachableError(
                f"cannot read: no answer within {self._cluster.timeout_s:g} s from {', '.join(silent)}",
                "check advertised.listeners: clients connect to the addresses that brokers advertise",
            )
        if silent:
            self._tell(f"no answer from {', '.join(silent)}: no record comes from the partitions that it leads")

    def make_stuck_error(self) -> UnreachableError:
        """Return (not raise) the error that names the partitions, at most five, from which nothing comes.

        These are the ones without a leader; where all have one, all that are read. In the second case the brokers are
        checked over new connections, and the error names the silent ones.
        """
        missing = sorted(self.without_leader) or sorted(self.partitions)
        names = ", ".join(f"{topic}-{number}" for topic, number in missing[:5]) + (", ..." if len(missing) > 5 else "")
        if self.without_leader:
            reason = f"no leader of {names}"
        else:
            brokers, _ = self._cluster.find_silent_brokers()
            origin = f" from {', '.join(brokers)}" if brokers else ""
            reason = f"no answer within {self._cluster.timeout_s:g} s{origin} of {names}"
        return UnreachableError(
            f"cannot read to the end: {reason}", "look at the brokers: kafkactl topics describe TOPIC"
        )

    def _fetch_metadata(self) -> dict[str, TopicMetadata]:
        """Return the metadata of the topics, by name; raise KafkaException for a request that fails or takes over 2 s.

        With `include` one request asks for all topics of the cluster. Without it there is a request for each topic that
        is named or read; a topic that does not exist is an entry with an error.
        """
        if self._selection.include is not None:
            return dict(self._client.list_topics(timeout=_WAIT_S).topics)
        return {
            topic: self._client.list_topics(topic, timeout=_WAIT_S).topics[topic]
            for topic in {topic for topic, _ in self.partitions} | set(self._selection.topics)
        }

    def _note_leaders(self, topics: dict[str, TopicMetadata]) -> None:
        """Report partitions that have lost their leader or have one again, and keep those without a leader.

        `topics` are metadata by name. A partition that they do not have, or that is no longer watched, does not count
        as one without a leader, and nothing is reported of it.
        """
        leaders = {
            (topic, number): topics[topic].partitions[number].leader
            for topic, number in self.partitions
            if topic in topics and number in topics[topic].partitions
        }
        leaderless = {partition for partition, leader in leaders.items() if leader == _NO_LEADER}
        for topic, number in sorted(leaderless - self.without_leader):
            self._tell(f"{topic}-{number} has no leader: nothing can be read from it")
        for topic, number in sorted((self.without_leader & leaders.keys()) - leaderless):
            self._tell(f"{topic}-{number} has a leader again")
        self.without_leader = leaderless

    def _find_new(self, topics: dict[str, TopicMetadata]) -> list[Partition]:
        """Return the partitions that are there and not watched yet, sorted, and watch them.

        The list is empty where the selection names partitions, ends at the ends of partitions, or has a group. A topic
        with an error has no partitions here; `topics` are metadata by name.
        """
        selection = self._selection
        if selection.until_end or selection.joins or selection.partitions or selection.assigned is not None:
            return []
        include = selection.include
        names = topics if include is None else include.choose(topics).names
        present = {(name, number) for name in names if topics[name].error is None for number in topics[name].partitions}
        new = sorted(present - self.partitions)
        self.partitions |= set(new)
        self.note_present({name for name, _ in new})
        return new

    def _find_deleted(self, topics: dict[str, TopicMetadata]) -> list[Partition]:
        """Return the partitions of deleted topics, sorted, and stop watching them.

        Each deleted topic is reported as by note_deleted(). Where the selection has no `include`, raise NotFoundError
        instead; nothing is removed then. A topic counts as deleted when two calls in a row miss it.
        """
        known = {name for name, topic in topics.items() if not _is_unknown(topic.error)}
        deleted_topics = self._missed.find_deleted({topic for topic, _ in self.partitions}, known)
        for name in sorted(deleted_topics):
            if self._selection.include is None:
                raise NotFoundError(f"topic {name} was deleted")
            self.note_deleted(name)
        deleted = sorted(partition for partition in self.partitions if partition[0] in deleted_topics)
        self.partitions -= set(deleted)
        return deleted

    def note_present(self, names: Set[str]) -> None:
        """Note that topics are there: one that was deleted and created again may be reported again."""
        self._deleted -= names

    def note_deleted(self, name: str) -> None:
        """Report that a topic was deleted; not a second time, unless it was present meanwhile."""
        if name not in self._deleted:
            self._deleted.add(name)
            self._tell(f"topic {name} was deleted: it is not read any more")


def is_deletion(code: int | None) -> bool:
    """Return whether an error code means that a topic or a partition is not known.

    The codes are UNKNOWN_TOPIC_OR_PART, and _UNKNOWN_TOPIC and _UNKNOWN_PARTITION of librdkafka. Any other, such as
    UNKNOWN_TOPIC_ID, and None give False.
    """
    return code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def _is_unknown(error: KafkaError | None) -> bool:
    """Return whether a topic's error means that it does not exist."""
    return error is not None and is_deletion(error.code())
