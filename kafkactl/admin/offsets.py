"""The ends of partitions' logs, and the offsets of times and of Kafka's special timestamps.

Reference: org.apache.kafka.tools.GetOffsetShell. The negative numbers are those of ListOffsets (KIP-79 and others).
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

SPECIAL_OFFSETS = {offset.name.lower().replace("_", "-"): offset for offset in SpecialOffset}
"""Special offsets by the names that Kafka's tool gives them."""
_NO_OFFSET = -1


@dataclass(frozen=True)
class OffsetAnswer:
    """An offset, or the error that kept it from being read. One of the two is None."""

    offset: int | None
    error: str | None


@dataclass(frozen=True)
class PartitionOffset:
    """The offset of a partition at a time.

    `offset` is None where there is none, `error` says why it could not be read.
    """

    topic: str
    partition: int
    offset: int | None
    timestamp_ms: int | None
    """Timestamp of the record at the offset, where a time was asked for; None otherwise."""
    error: str | None = None


@dataclass(frozen=True)
class LogEnds:
    """The start and the end of a partition's log."""

    start: OffsetAnswer
    end: OffsetAnswer

    @property
    def count(self) -> int | None:
        """Return the number of offsets between start and end, or None where one of the two is not known.

        This is the largest possible number of records: compaction and transaction markers leave gaps.
        """
        if self.start.offset is None or self.end.offset is None:
            return None
        return self.end.offset - self.start.offset


def read_log_ends(
    cluster: Cluster, partitions: Iterable[Partition], read_committed: bool = False
) -> dict[Partition, LogEnds]:
    """Return the start and the end of each partition's log, sorted by partition. All partitions are asked at once.

    A start or an end that cannot be read has an error of its own; both have one where the partition does not exist.
    With `read_committed` the end is the last stable offset: the records after it belong to open transactions. Without
    partitions nothing is asked. Raise UnreachableError where no partition was answered about its start, or none about
    its end, UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic that is empty,
    not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on.
    """
    sorted_partitions = sorted(set(partitions))
    if not sorted_partitions:
        return {}
    with cluster.share_timeout():
        # Both requests are sent before the wait for the first answer.
        start_futures = _send(cluster, sorted_partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = _ask(cluster, sorted_partitions, OffsetSpec.latest(), read_committed)  # type: ignore[no-untyped-call]
        starts = _ask(cluster, sorted_partitions, OffsetSpec.earliest(), sent_futures=start_futures)  # type: ignore[no-untyped-call]
    return {
        partition: LogEnds(_make_answer(starts[partition]), _make_answer(ends[partition]))
        for partition in sorted_partitions
    }


def find_offsets(cluster: Cluster, partitions: Iterable[Partition], at: int) -> list[PartitionOffset]:
    """Return the offset of each partition at a time, sorted by partition. A partition with an error has its text.

    `at` is a time in ms since 1970, below 2^63, for the first record at or after it, or a SpecialOffset. The offset is
    None where there is no such record. Without partitions nothing is asked. Raise UnreachableError where no partition
    was answered, UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic that is
    empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on. For a SpecialOffset below
    MAX_TIMESTAMP, UnreachableError or OperationError is raised only where no broker tells the leaders, and the last two
    never.
    """
    return make_rows(ask_offsets(cluster, partitions, at))


def make_rows(answers: Mapping[Partition, PartitionOffset | KafkactlError]) -> list[PartitionOffset]:
    """Return the offset of each partition, in the order of the answers; an error becomes the `error` of its partition.

    Nothing is asked.
    """
    return [
        PartitionOffset(*partition, None, None, str(answer)) if isinstance(answer, KafkactlError) else answer
        for partition, answer in answers.items()
    ]


def ask_offsets(
    cluster: Cluster, partitions: Iterable[Partition], at: int
) -> dict[Partition, PartitionOffset | KafkactlError]:
    """Return the offset of each partition at a time, or its error, sorted by partition. All are asked at once.

    `at` is a time in ms since 1970, below 2^63, for the first record at or after it, or a SpecialOffset. The offset is
    None where there is no such record. Without partitions nothing is asked. Raise UnreachableError where no partition
    was answered, UsageError for a wrong client setting, ValueError for a partition below 0 and for a topic that is
    empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on. For a SpecialOffset below
    MAX_TIMESTAMP, UnreachableError or OperationError is raised only where no broker tells the leaders, and the last two
    never.
    """
    sorted_partitions = sorted(set(partitions))
    if not sorted_partitions:
        return {}
    if at < SpecialOffset.MAX_TIMESTAMP:  # librdkafka's version of the request does not know these
        tiered = cluster.requests.list_offsets(sorted_partitions, at)
        return {
            partition: answer if isinstance(answer, KafkactlError) else _build_partition_offset(partition, *answer)
            for partition, answer in tiered.items()
        }
    answers = _ask(cluster, sorted_partitions, _make_spec(at))
    return {
        partition: answer
        if isinstance(answer := answers[partition], OperationError)
        else _build_partition_offset(partition, answer.offset, answer.timestamp)
        for partition in sorted_partitions
    }


def _make_spec(at: int) -> OffsetSpec:
    """Return librdkafka's OffsetSpec for a time in ms since 1970, or for EARLIEST, LATEST or MAX_TIMESTAMP.

    Other numbers, below 0 or above 2^63 - 1, are not refused here, and no request can have them.
    """
    special_specs: dict[int, Callable[[], OffsetSpec]] = {
        SpecialOffset.LATEST: OffsetSpec.latest,
        SpecialOffset.EARLIEST: OffsetSpec.earliest,
        SpecialOffset.MAX_TIMESTAMP: OffsetSpec.max_timestamp,
    }
    spec: OffsetSpec = special_specs[at]() if at in special_specs else OffsetSpec.for_timestamp(at)
    return spec


def _build_partition_offset(partition: Partition, offset: int, timestamp_ms: int) -> PartitionOffset:
    """Return the offset; -1 as an offset, and a negative timestamp in ms, become None."""
    return PartitionOffset(
        *partition, None if offset == _NO_OFFSET else offset, None if timestamp_ms < 0 else timestamp_ms
    )


def _ask(
    cluster: Cluster,
    partitions: Sequence[Partition],
    spec: OffsetSpec,
    read_committed: bool = False,
    sent_futures: Mapping[Partition, Future[Any]] | None = None,
) -> dict[Partition, Any]:
    """Return the answer of librdkafka, or the OperationError, of each partition, in the order of `partitions`.

    With `read_committed` the end is the last stable offset. `sent_futures` are those of a request that was already
    sent; None sends one. Partitions with a transient refusal, or whose answer librdkafka made up, are asked again
    within the time-out. One without any answer is not; its error has the code REQUEST_TIMED_OUT. Raise UnreachableError
    where no partition was answered, UsageError for a wrong client setting, ValueError for a partition below 0 and for a
    topic that is empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on.
    """
    first_futures = [sent_futures] if sent_futures is not None else []

    def send(pending_partitions: list[Partition]) -> Mapping[Partition, Future[Any]]:
        """Return a future for each partition: `sent_futures` at the first call, if given; else send a new request.

        A new request may raise UsageError for a wrong client setting, ValueError for a partition below 0 and for a
        topic that is empty, not UTF-8 or has a NUL character, and OverflowError for a partition from 2^31 on.
        """
        return first_futures.pop() if first_futures else _send(cluster, pending_partitions, spec, read_committed)

    # Where an answer is lost, librdkafka makes up the offset -1001 without an error.
    return cluster.ask_each(partitions, send, is_lost=lambda answer: answer.offset < _NO_OFFSET)


def _send(
    cluster: Cluster, partitions: Sequence[Partition], spec: OffsetSpec, read_committed: bool = False
) -> dict[Partition, Future[Any]]:
    """Send a request for the offsets and return a future for each partition; nothing is waited for.

    With `read_committed` the end is the last stable offset. Raise UsageError for a wrong client setting, ValueError for
    a partition below 0 and for a topic that is empty, not UTF-8 or has a NUL character, and OverflowError for a
    partition from 2^31 on.
    """
    specs = {TopicPartition(*partition): spec for partition in partitions}
    isolation = IsolationLevel.READ_COMMITTED if read_committed else IsolationLevel.READ_UNCOMMITTED
    futures = cluster.admin.list_offsets(specs, isolation_level=isolation, request_timeout=cluster.timeout_s)
    return {(partition.topic, partition.partition): future for partition, future in futures.items()}


def _make_answer(answer: Any) -> OffsetAnswer:
    """Return the offset, or the error text, of an answer, which is librdkafka's or an OperationError.

    The error text is "cannot read the offset: " and the OperationError's message. librdkafka's offset is not changed:
    -1, for no offset, stays. Nothing is raised.
    """
    if isinstance(answer, OperationError):
        return OffsetAnswer(None, f"cannot read the offset: {answer}")
    return OffsetAnswer(answer.offset, None)
