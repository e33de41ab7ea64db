"""Deleting records from the beginning of partitions.

Reference: org.apache.kafka.tools.DeleteRecordsCommand (KIP-204).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from kafkactl.admin.models import Partition
from kafkactl.admin.offsets import log_ends
from kafkactl.connection.broker_errors import describe_error
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.documents import read_json
from kafkactl.errors import OperationError, UsageError

TO_THE_END = -1
VERSION = 1
_FORM = '{"partitions": [{"topic": "orders", "partition": 0, "offset": 42}], "version": 1}'


@dataclass(frozen=True)
class PlannedDeletion:
    """What deleting the records of a partition before an offset would take."""

    topic: str
    partition: int
    start: int | None
    before_offset: int
    """The first offset that stays."""
    records: int | None
    """At most so many go; fewer where compaction was before."""
    error: str | None = None


@dataclass(frozen=True)
class Deletion:
    """What became of it."""

    topic: str
    partition: int
    low_watermark: int | None
    """The log's start afterwards."""
    error: str | None = None


def read_offset_file(path: Path) -> dict[Partition, int]:
    """Return what Kafka's json of partitions and offsets says; raises UsageError."""
    content = read_json(path)
    rows = content.get("partitions") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise UsageError(f"{path}: not the json of offsets: `partitions` is no list", f"like {_FORM}")
    if content.get("version", VERSION) != VERSION:
        raise UsageError(f"{path}: version {content['version']!r} is not known", f"the only one is {VERSION}")
    pairs = [_pair(path, row) for row in rows]
    twice = sorted(
        {f"{topic}-{number}" for (topic, number), _ in pairs if [p for p, _ in pairs].count((topic, number)) > 1}
    )
    if twice:
        raise UsageError(f"{path}: partitions that are named twice: {', '.join(twice)}", "name each once")
    return dict(pairs)


def plan(cluster: Cluster, before: Mapping[Partition, int], compacted: Collection[str]) -> list[PlannedDeletion]:
    """Return what would go, by where the logs begin and end now; an offset of -1 means the end.

    Brokers refuse to delete records of topics that are only `compacted`.
    """
    ends = log_ends(cluster, before)
    planned = []
    for (topic, partition), offset in sorted(before.items()):
        found = ends[topic, partition]
        start, end = found.start.offset, found.end.offset
        if start is None or end is None:
            error = found.start.error or found.end.error or "it has no offsets"
            planned.append(PlannedDeletion(topic, partition, start, offset, None, error))
            continue
        stays = end if offset == TO_THE_END else offset
        refused = None
        if topic in compacted:
            refused = "the topic is compacted: only compaction deletes its records"
        elif stays > end:
            refused = f"{describe_error(ErrorCode.OFFSET_OUT_OF_RANGE)}: the log ends at {end}"
        records = None if refused else max(0, min(stays, end) - start)
        planned.append(PlannedDeletion(topic, partition, start, stays, records, refused))
    return planned


def delete(cluster: Cluster, before: Mapping[Partition, int]) -> list[Deletion]:
    """Deletes the records before each partition's offset; each has its own result."""

    def send(left: list[Partition]) -> Mapping[Partition, Future[Any]]:
        futures = cluster.admin.delete_records(
            [TopicPartition(*partition, before[partition]) for partition in left],
            request_timeout=cluster.timeout_s,
            operation_timeout=cluster.timeout_s,
        )
        return {(partition.topic, partition.partition): future for partition, future in futures.items()}

    with cluster.change_timeout():
        answers: Mapping[Partition, Any] = cluster.ask_each(sorted(before), send)
    return [
        Deletion(*partition, None, str(answer))
        if isinstance(answer, OperationError)
        else Deletion(*partition, answer.low_watermark)
        for partition, answer in answers.items()
    ]


def _pair(path: Path, row: Any) -> tuple[Partition, int]:
    wrong = UsageError(f"{path}: not a partition with an offset: {row!r:.100}", f"like {_FORM}")
    if not isinstance(row, dict):
        raise wrong
    topic, number, offset = row.get("topic"), row.get("partition"), row.get("offset")
    if not isinstance(topic, str) or type(number) is not int or type(offset) is not int:
        raise wrong
    if not (0 <= number < 2**31 and TO_THE_END <= offset < 2**63):
        raise wrong
    return (topic, number), offset
