"""How late groups are in time, and how fast they go: what offsets alone do not tell."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError, TopicPartition

from kafkactl.admin.groups.descriptions import group_lag
from kafkactl.admin.groups.models import CommitState, GroupLag, PartitionLag
from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster

_MS = 1000
_BATCH = 500
_POLL_S = 0.1
# One batch of each partition is enough; a larger one still comes, alone.
_FETCH = {"max.partition.fetch.bytes": 65_536, "fetch.max.bytes": 8_388_608, "fetch.wait.max.ms": 50}

Position = tuple[Partition, int]
"""A partition and an offset in it."""


def unread(row: PartitionLag) -> Position | None:
    """Where the oldest unread record is; None where nothing is unread, or it is not known."""
    if not row.lag or row.current_offset is None:
        return None
    return (row.topic, row.partition), max(row.current_offset, row.log_start_offset or 0)


def with_time(cluster: Cluster, lags: Sequence[GroupLag], read_committed: bool = False) -> list[GroupLag]:
    """The same, with how long ago each partition's oldest unread record was written: it is read for that.

    What cannot be read within the time-out stays unknown.
    """
    wanted = {position for lag in lags for row in lag.partitions if (position := unread(row)) is not None}
    stamps = timestamps(cluster, wanted, read_committed)
    now_ms = round(time.time() * _MS)

    def timed(row: PartitionLag) -> PartitionLag:
        position = unread(row)
        if row.lag == 0:
            return row if row.commit is CommitState.BEYOND_END else replace(row, time_lag_ms=0)
        if position is None or position not in stamps:
            return row
        stamp = stamps[position]
        return replace(row, time_lag_ms=0 if stamp is None else max(0, now_ms - stamp))

    return _changed(lags, timed)


def timestamps(
    cluster: Cluster, positions: Iterable[Position], read_committed: bool = False
) -> dict[Position, int | None]:
    """Return the time in ms of the first record at or after each position, for those that could be read.

    It is None where no record follows: only markers of transactions do, which nobody reads.
    """
    by_partition: dict[Partition, list[int]] = defaultdict(list)
    for partition, offset in sorted(positions):
        by_partition[partition].append(offset)
    if not by_partition:
        return {}
    consumer = cluster.consumer(
        {
            "group.id": "kafkactl-lag",  # librdkafka wants one; nothing is joined and nothing committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if read_committed else "read_uncommitted",
            **_FETCH,
        }
    )
    found: dict[Position, int | None] = {}
    deadline = time.monotonic() + cluster.timeout_s
    try:
        # A consumer is at one place of a partition at a time: groups at several are asked in turn.
        while by_partition and time.monotonic() < deadline:
            at = {partition: offsets.pop(0) for partition, offsets in by_partition.items()}
            by_partition = {partition: offsets for partition, offsets in by_partition.items() if offsets}
            consumer.assign([TopicPartition(*partition, offset) for partition, offset in at.items()])
            while at and time.monotonic() < deadline:
                for message in consumer.consume(_BATCH, _POLL_S):
                    partition = (message.topic() or "", message.partition() or 0)
                    error = message.error()
                    if partition not in at or (error is not None and error.code() != KafkaError._PARTITION_EOF):
                        continue
                    if error is not None:
                        found[partition, at[partition]] = None
                    else:
                        kind, stamp = message.timestamp()
                        if kind != TIMESTAMP_NOT_AVAILABLE:
                            found[partition, at[partition]] = stamp
                    del at[partition]
                    consumer.incremental_unassign([TopicPartition(*partition)])
    finally:
        consumer.close()
    return found


def with_rates(before: Sequence[GroupLag], after: Sequence[GroupLag], seconds: float) -> list[GroupLag]:
    """The later ones, with how many records a second came into each partition and were read from it in between."""
    earlier: Mapping[tuple[str, str, int], PartitionLag] = {
        (row.group, row.topic, row.partition): row for lag in before for row in lag.partitions
    }

    def paced(row: PartitionLag) -> PartitionLag:
        was = earlier.get((row.group, row.topic, row.partition))
        if was is None:
            return row
        return replace(
            row,
            produced_per_s=_rate(was.log_end_offset, row.log_end_offset, seconds),
            consumed_per_s=_rate(was.current_offset, row.current_offset, seconds),
        )

    return _changed(after, paced)


def _rate(before: int | None, after: int | None, seconds: float) -> float | None:
    return None if before is None or after is None else round((after - before) / seconds, 2)


def _changed(lags: Sequence[GroupLag], change: Callable[[PartitionLag], PartitionLag]) -> list[GroupLag]:
    return [group_lag(lag.description, [change(row) for row in lag.partitions]) for lag in lags]
