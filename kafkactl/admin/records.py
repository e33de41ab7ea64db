"""Deletion of records from the beginning of partitions.

Reference: org.apache.kafka.tools.DeleteRecordsCommand (KIP-204).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from kafkactl.admin.models import Partition
from kafkactl.admin.offsets import read_log_ends
from kafkactl.connection.broker_errors import describe_error
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.documents import read_json
from kafkactl.errors import OperationError, UsageError
from kafkactl.patterns import explain_unusable_text

TO_THE_END = -1
"""Offset that means the end of the log."""
VERSION = 1
"""The only version of Kafka's JSON of offsets."""
_FORM = '{"partitions": [{"topic": "orders", "partition": 0, "offset": 42}], "version": 1}'


@dataclass(frozen=True, kw_only=True)
class PlannedDeletion:
    """The effect that a deletion of a partition's records before an offset would have."""

    topic: str
    partition: int
    start: int | None
    """First offset of the log now; None where it is not known."""
    before_offset: int
    """The first offset that stays."""
    records: int | None
    """Largest number of records that go; it is less where the log was compacted. None where nothing can be deleted."""
    error: str | None = None
    """Why the deletion is not possible; None where it is."""


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """The result of a deletion in one partition."""

    topic: str
    partition: int
    low_watermark: int | None
    """The first offset of the log afterwards; None after an error."""
    error: str | None = None
    """Why the deletion failed; None after a success."""
    code: int | None = None
    """Kafka's or librdkafka's code of a refusal, REQUEST_TIMED_OUT for no answer; None after a success."""


def read_offset_file(path: Path) -> dict[Partition, int]:
    """Return the offsets of a JSON file, by partition. An offset of -1 means the end of the log.

    The form is {"partitions": [{"topic": "t", "partition": 0, "offset": 42}], "version": 1}. The version may be
    missing, other fields are ignored, and an empty list gives an empty dict. `path` may be `-` for standard input.
    Raise UsageError for a file that cannot be read or has another form or version, for partitions that are not from 0
    to 2^31 - 1 and offsets that are not from -1 to 2^63 - 1, for repeated partitions, and for a topic whose name is
    empty, has a NUL character or is not Unicode. Whether topics and partitions exist is not checked.
    """
    content = read_json(path)
    rows = content.get("partitions") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise UsageError(f"{path}: not the json of offsets: `partitions` is not a list", f"like {_FORM}")
    if repr(content.get("version", VERSION)) != repr(VERSION):  # true and 1.0 compare as equal
        raise UsageError(f"{path}: version {content['version']!r} is not supported", f"use version {VERSION}")
    pairs = [_parse_row(path, row) for row in rows]
    counts = Counter(partition for partition, _ in pairs)
    duplicates = sorted(f"{topic}-{number}" for (topic, number), count in counts.items() if count > 1)
    if duplicates:
        raise UsageError(f"{path}: repeated partitions: {', '.join(duplicates)}", "name each partition once")
    return dict(pairs)


def plan(cluster: Cluster, before: Mapping[Partition, int], compacted: Collection[str]) -> list[PlannedDeletion]:
    """Return the effect of a deletion in each partition, from the present ends of the logs, sorted by partition.

    `before` has the first offset that stays, or -1 for the end of the log. `compacted` are the topics with compaction
    only: brokers refuse to delete their records. A partition that cannot be read or changed has an error, and `records`
    is None; where its log cannot be read, its `before_offset` is the given one, also -1. An offset before the start of
    the log is no error: `records` is 0, and `before_offset` is the given one. Nothing is deleted; without partitions
    nothing is asked.

    Raise UnreachableError where no partition was answered about its start, or none about its end, UsageError for a
    wrong client setting, ValueError for a partition below 0 and for a topic that is empty, not UTF-8 or has a NUL
    character, and OverflowError for a partition from 2^31 on.
    """
    ends = read_log_ends(cluster, before)
    plans = []
    for (topic, partition), offset in sorted(before.items()):
        log_ends = ends[topic, partition]
        start, end = log_ends.start.offset, log_ends.end.offset
        if start is None or end is None:
            error = log_ends.start.error or log_ends.end.error or "the partition has no offsets"
            plans.append(
                PlannedDeletion(
                    topic=topic, partition=partition, start=start, before_offset=offset, records=None, error=error
                )
            )
            continue
        first_kept = end if offset == TO_THE_END else offset
        refusal_reason = None
        if topic in compacted:
            refusal_reason = "the topic is compacted: only compaction deletes its records"
        elif first_kept > end:
            refusal_reason = f"{describe_error(ErrorCode.OFFSET_OUT_OF_RANGE)}: the log ends at {end}"
        records = None if refusal_reason else max(0, min(first_kept, end) - start)
        plans.append(
            PlannedDeletion(
                topic=topic,
                partition=partition,
                start=start,
                before_offset=first_kept,
                records=records,
                error=refusal_reason,
            )
        )
    return plans


def delete(cluster: Cluster, before: Mapping[Partition, int]) -> list[Deletion]:
    """Delete the records before each partition's offset and return the result of each partition, sorted.

    `before` has the first offset that stays, or -1 for the end of the log. A refused partition has an error, and also
    one without an answer: it has the code REQUEST_TIMED_OUT, and its records may have been deleted. Without partitions
    nothing is sent. Raise UnreachableError where no partition was answered; it is an UnansweredError where records may
    have been deleted. Raise UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic
    that is not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 or an offset from 2^63 on.
    """

    def send(partitions: list[Partition]) -> Mapping[Partition, Future[Any]]:
        """Send the request and return a future for each partition.

        Raise UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic that is not
        UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 or an offset from 2^63 on.
        """
        futures = cluster.admin.delete_records(
            [TopicPartition(*partition, before[partition]) for partition in partitions],
            request_timeout=cluster.timeout_s,
            operation_timeout=cluster.timeout_s,
        )
        return {(partition.topic, partition.partition): future for partition, future in futures.items()}

    with cluster.renew_timeout_for_change(), cluster.sending_change():
        answers: Mapping[Partition, Any] = cluster.ask_each(sorted(before), send)
    return [
        Deletion(topic=topic, partition=number, low_watermark=None, error=str(answer), code=answer.code)
        if isinstance(answer, OperationError)
        else Deletion(topic=topic, partition=number, low_watermark=answer.low_watermark)
        for (topic, number), answer in answers.items()
    ]


def _parse_row(path: Path, row: Any) -> tuple[Partition, int]:
    """Return the partition and the offset of a row; raise UsageError for a row with other content.

    A row is a dict with a topic (text that is not empty and can be sent), a partition (0 to 2^31 - 1) and an offset
    (-1 to 2^63 - 1); other fields are ignored. `path` is for the message.
    """
    wrong = UsageError(f"{path}: not a partition with an offset: {row!r:.100}", f"like {_FORM}")
    if not isinstance(row, dict):
        raise wrong
    topic, number, offset = row.get("topic"), row.get("partition"), row.get("offset")
    if not isinstance(topic, str) or not topic or type(number) is not int or type(offset) is not int:
        raise wrong
    if not (0 <= number < 2**31 and TO_THE_END <= offset < 2**63):
        raise wrong
    if fault := explain_unusable_text(topic):
        raise UsageError(f"{path}: invalid topic {topic!r:.100}: {fault}", f"like {_FORM}")
    return (topic, number), offset
