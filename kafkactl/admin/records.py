"""Deleting records from the beginning of partitions.

Reference: org.apache.kafka.tools.DeleteRecordsCommand (KIP-204).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from kafkactl.admin.models import Partition
from kafkactl.admin.offsets import log_ends
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError, UsageError

TO_THE_END = -1
VERSION = 1


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
    """Kafka's json of partitions and offsets; raises NotFoundError, and UsageError for what it does not take."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    form = '{"partitions": [{"topic": "orders", "partition": 0, "offset": 42}], "version": 1}'
    try:
        content = json.loads(text)
        if content.get("version", VERSION) != VERSION:
            raise UsageError(f"{path}: version {content['version']}, and {VERSION} is the only one known")
        pairs = [((str(one["topic"]), _int(one["partition"])), _int(one["offset"])) for one in content["partitions"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not the json of offsets: {error!r}", f"like {form}") from None
    twice = sorted(
        {f"{topic}-{number}" for (topic, number), _ in pairs if [p for p, _ in pairs].count((topic, number)) > 1}
    )
    if twice:
        raise UsageError(f"{path}: partitions that are named twice: {', '.join(twice)}", "name each once")
    return dict(pairs)


def plan(cluster: Cluster, before: Mapping[Partition, int]) -> list[PlannedDeletion]:
    """What would go, by where the logs begin and end now; an offset of -1 means the end."""
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
        planned.append(PlannedDeletion(topic, partition, start, stays, max(0, min(stays, end) - start)))
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

    answers: Mapping[Partition, Any] = cluster.ask_each(sorted(before), send)
    return [
        Deletion(*partition, None, str(answer))
        if isinstance(answer, OperationError)
        else Deletion(*partition, answer.low_watermark)
        for partition, answer in answers.items()
    ]


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value
