"""The ends of partitions' logs, and the offsets of moments in between.

Reference: org.apache.kafka.tools.GetOffsetShell; the negative numbers are those of ListOffsets (KIP-79 and others).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import SpecialOffset
from kafkactl.errors import KafkactlError, OperationError

NAMED = {offset.name.lower().replace("_", "-"): offset for offset in SpecialOffset}
"""Names of Kafka's tool for special offsets."""
_NO_OFFSET = -1


@dataclass(frozen=True)
class OffsetAnswer:
    """An offset, or why there is none; neither when there simply is none."""

    offset: int | None
    error: str | None


@dataclass(frozen=True)
class PartitionOffset:
    """A partition's offset of a moment; None where it has none, and `error` where it could not be asked."""

    topic: str
    partition: int
    offset: int | None
    timestamp_ms: int | None
    """The record's, where a time was asked for."""
    error: str | None = None


@dataclass(frozen=True)
class LogEnds:
    """Where a partition's log begins and ends."""

    start: OffsetAnswer
    end: OffsetAnswer

    @property
    def count(self) -> int | None:
        """How many records can be between them."""
        if self.start.offset is None or self.end.offset is None:
            return None
        return self.end.offset - self.start.offset


def log_ends(
    cluster: Cluster, partitions: Iterable[Partition], read_committed: bool = False
) -> dict[Partition, LogEnds]:
    """Each partition's ends, all asked at once; a partition that cannot be asked has its own error.

    With `read_committed` the end is the last stable offset: what follows belongs to transactions that are not ended.
    """
    wanted = sorted(set(partitions))
    if not wanted:
        return {}
    with cluster.share_timeout():
        # Both requests are on their way before the first answer is waited for.
        starts_sent = _send(cluster, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = _ask(cluster, wanted, OffsetSpec.latest(), read_committed)  # type: ignore[no-untyped-call]
        starts = _ask(cluster, wanted, OffsetSpec.earliest(), sent=starts_sent)  # type: ignore[no-untyped-call]
    return {partition: LogEnds(_answer(starts[partition]), _answer(ends[partition])) for partition in wanted}


def offsets_at(cluster: Cluster, partitions: Iterable[Partition], at: int) -> list[PartitionOffset]:
    """Each partition's offset of one of NAMED, or the first at or after a time in ms; sorted, all asked at once."""
    wanted = sorted(set(partitions))
    if not wanted:
        return []
    if at < SpecialOffset.MAX_TIMESTAMP:
        return _of_tiered_storage(cluster, wanted, at)
    answers = _ask(cluster, wanted, _spec(at))
    return [_partition_offset(partition, answers[partition]) for partition in wanted]


def _spec(at: int) -> OffsetSpec:
    named: dict[int, Callable[[], OffsetSpec]] = {
        SpecialOffset.LATEST: OffsetSpec.latest,
        SpecialOffset.EARLIEST: OffsetSpec.earliest,
        SpecialOffset.MAX_TIMESTAMP: OffsetSpec.max_timestamp,
    }
    spec: OffsetSpec = named[at]() if at in named else OffsetSpec.for_timestamp(at)
    return spec


def _partition_offset(partition: Partition, answer: Any) -> PartitionOffset:
    if isinstance(answer, OperationError):
        return PartitionOffset(*partition, None, None, str(answer))
    return _found(partition, answer.offset, answer.timestamp)


def _of_tiered_storage(cluster: Cluster, partitions: list[Partition], at: int) -> list[PartitionOffset]:
    """librdkafka's request is too old for these."""
    answers = cluster.requests.list_offsets(partitions, at)
    return [
        PartitionOffset(*partition, None, None, str(answer))
        if isinstance(answer, KafkactlError)
        else _found(partition, *answer)
        for partition, answer in answers.items()
    ]


def _found(partition: Partition, offset: int, timestamp_ms: int) -> PartitionOffset:
    return PartitionOffset(
        *partition, None if offset == _NO_OFFSET else offset, None if timestamp_ms < 0 else timestamp_ms
    )


def _ask(
    cluster: Cluster,
    partitions: Sequence[Partition],
    spec: OffsetSpec,
    read_committed: bool = False,
    sent: Mapping[Partition, Future[Any]] | None = None,
) -> dict[Partition, Any]:
    """Return the answer or the refusal of each partition. `sent` has requests that are on their way already."""
    on_their_way = [sent] if sent is not None else []

    def send(left: list[Partition]) -> Mapping[Partition, Future[Any]]:
        return on_their_way.pop() if on_their_way else _send(cluster, left, spec, read_committed)

    # Where an answer got lost, librdkafka makes up the offset -1001 without an error.
    return cluster.ask_each(partitions, send, is_lost=lambda answer: answer.offset < _NO_OFFSET)


def _send(
    cluster: Cluster, partitions: Sequence[Partition], spec: OffsetSpec, read_committed: bool = False
) -> dict[Partition, Future[Any]]:
    asked = {TopicPartition(*partition): spec for partition in partitions}
    isolation = IsolationLevel.READ_COMMITTED if read_committed else IsolationLevel.READ_UNCOMMITTED
    futures = cluster.admin.list_offsets(asked, isolation_level=isolation, request_timeout=cluster.timeout_s)
    return {(partition.topic, partition.partition): future for partition, future in futures.items()}


def _answer(answer: Any) -> OffsetAnswer:
    if isinstance(answer, OperationError):
        return OffsetAnswer(None, f"cannot read the log's end: {answer}")
    return OffsetAnswer(answer.offset, None)
