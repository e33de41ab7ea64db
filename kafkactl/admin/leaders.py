"""Leaders of partitions, and elections of the preferred replica or of one that is out of sync.

Reference: KIP-460 (ElectLeaders), org.apache.kafka.tools.LeaderElectionCommand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kafkactl.admin.models import Partition
from kafkactl.connection.broker_errors import describe_error, refusal, require_readable
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, group_by_topic
from kafkactl.documents import read_json
from kafkactl.errors import UsageError
from kafkactl.patterns import explain_unusable_text

_FORM = 'like {"partitions": [{"topic": "orders", "partition": 0}]}'
_MS = 1000
_NO_LEADER = -1


class ElectionType(StrEnum):
    """Which replica becomes the leader."""

    PREFERRED = "preferred"
    """The first replica of the assignment, if it is in sync."""
    UNCLEAN = "unclean"
    """Any replica that is alive, also one that lacks records; only where there is no leader."""


_NUMBERS = {ElectionType.PREFERRED: 0, ElectionType.UNCLEAN: 1}


@dataclass(frozen=True, kw_only=True)
class PartitionLeader:
    """A partition with its leader and its replicas, which are ids of brokers."""

    topic: str
    partition: int
    leader: int | None
    """None where there is no leader."""
    preferred: int
    """The first replica of the assignment."""
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    """Replicas that are in sync."""
    offline: tuple[int, ...]
    """Replicas whose broker is not alive, or whose log folder has failed."""

    def is_candidate(self, kind: ElectionType) -> bool:
        """Return whether an election of this type would change the leader, if a replica can be elected.

        UNCLEAN needs a partition without a leader, PREFERRED one whose leader is not the preferred replica, also one
        without a leader.
        """
        return self.leader is None if kind is ElectionType.UNCLEAN else self.leader != self.preferred

    def can_elect(self, kind: ElectionType) -> bool:
        """Return whether there is a replica that an election of this type can choose.

        For PREFERRED the preferred replica must be in sync and not offline, for UNCLEAN any replica not offline.
        Whether the leader would change is not looked at.
        """
        if kind is ElectionType.UNCLEAN:
            return not set(self.replicas) <= set(self.offline)
        return self.preferred in self.isr and self.preferred not in self.offline


@dataclass(frozen=True, kw_only=True)
class Election:
    """The result of an election for one partition."""

    topic: str
    partition: int
    elected: bool
    """Whether there is a new leader; False where no election was needed, and for an error."""
    error: str | None
    """Why no leader was elected; None for a new leader, and where no election was needed."""
    code: int | None
    """Kafka's error code for `error`."""


def read_election_file(path: Path) -> list[Partition]:
    """Return the partitions of Kafka's JSON file {"partitions": [{"topic": T, "partition": N}]}, in their order.

    The list may be empty. Other fields are ignored. `path` may be `-` for standard input. Raise UsageError for a file
    that cannot be read or has another form, and for a partition that stands twice.
    """
    content = read_json(path)
    rows = content.get("partitions") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise UsageError(f"{path}: `partitions` is missing", _FORM)
    partitions = [_parse_row(path, row) for row in rows]
    if doubles := [partition for partition, count in Counter(partitions).items() if count > 1]:
        topic, number = min(doubles)
        raise UsageError(f"{path}: partition {topic}-{number} stands twice", "remove one of them")
    return partitions


def _parse_row(path: Path, row: Any) -> Partition:
    """Return the partition of a row; raise UsageError, which names `path`, for a row without a valid one.

    The topic is a text that is not empty, is UTF-8 and has no NUL character; nothing else of it is checked. Other
    fields of the row are ignored. The number is from 0 to 2^31 - 1; a number as text is a UsageError, too.
    """
    topic, number = (row.get("topic"), row.get("partition")) if isinstance(row, dict) else (None, None)
    if not isinstance(topic, str) or not topic or explain_unusable_text(topic) is not None:
        raise UsageError(f"{path}: not a partition: {row!r:.100}", _FORM)
    if type(number) is not int or not 0 <= number < 1 << 31:
        raise UsageError(f"{path}: not a partition: {row!r:.100}", _FORM)
    return topic, number


def list_leaders(cluster: Cluster, topics: Collection[str] | None = None) -> list[PartitionLeader]:
    """Return the partitions of these topics, or of all for None, sorted by topic and partition.

    Without any topic the result is empty. A topic that does not exist is left out, and so is a partition without
    replicas. Raise UnreachableError, OperationError for a refusal, also of one topic, and UsageError for a wrong client
    setting and a text that is not UTF-8.
    """
    answers = cluster.requests.read_metadata(topics)
    require_readable(answers)
    leaders = [
        PartitionLeader(
            topic=topic.name,
            partition=item.partition_index,
            leader=None if item.leader_id == _NO_LEADER else item.leader_id,
            preferred=item.replica_nodes[0],
            replicas=tuple(item.replica_nodes),
            isr=tuple(item.isr_nodes),
            offline=tuple(item.offline_replicas),
        )
        for topic in answers
        for item in topic.partitions
        if item.replica_nodes
    ]
    return sorted(leaders, key=lambda row: (row.topic, row.partition))


def elect(cluster: Cluster, kind: ElectionType, partitions: Iterable[Partition] | None) -> list[Election]:
    """Elect leaders for these partitions, or for all that need one with None; return each result, sorted by partition.

    The partitions are in one request, and the brokers answer when the leaders are there. Without partitions nothing is
    sent and the result is empty. A partition that the answer leaves out has an error with the code REQUEST_TIMED_OUT:
    its leader may have been elected. A partition that needs no election is not `elected` and has no error. With None
    the result has only the partitions with a new leader or an error.

    Raise UnreachableError, UnansweredError where the leaders may have been elected, OperationError for a refusal of the
    whole request (with the code REQUEST_TIMED_OUT the leaders may have been elected), UnsupportedRequestError before
    Kafka 2.4, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    requested = None if partitions is None else sorted(set(partitions))
    if requested == []:
        return []
    answer = cluster.requests.send(
        "ElectLeaders",
        to_controller=True,
        election_type=_NUMBERS[kind],
        topic_partitions=None if requested is None else list(group_by_topic(requested).items()),
        timeout_ms=int(cluster.settings.timeout_s * _MS),
        min_version=1,
    )
    if answer.error_code:
        raise refusal("cannot elect leaders", answer.error_code)
    results = [
        _make_election(result.topic, item)
        for result in answer.replica_election_results
        for item in result.partition_result
    ]
    if requested is None:
        results = [row for row in results if row.elected or row.error is not None]
    else:
        missing = {*requested}.difference((row.topic, row.partition) for row in results)
        results += [
            Election(topic=topic, partition=number, elected=False, error="no answer", code=ErrorCode.REQUEST_TIMED_OUT)
            for topic, number in missing
        ]
    return sorted(results, key=lambda row: (row.topic, row.partition))


def _make_election(topic: str, item: Any) -> Election:
    """Return the result for a partition of an answer; nothing is raised.

    Where no election was needed it is neither elected nor an error.
    """
    has_failed = item.error_code not in (0, ErrorCode.ELECTION_NOT_NEEDED)
    return Election(
        topic=topic,
        partition=item.partition_id,
        elected=item.error_code == 0,
        error=describe_error(item.error_code, item.error_message) if has_failed else None,
        code=item.error_code if has_failed else None,
    )
