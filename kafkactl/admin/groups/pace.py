"""The time lag of groups, and their speed, which offsets alone do not show."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError, TopicPartition

from kafkactl.admin.groups.descriptions import make_group_lag
from kafkactl.admin.groups.models import CommitState, GroupLag, PartitionLag
from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster

_MS = 1000
_BATCH = 500
_POLL_S = 0.1
# One batch of each partition is enough. A batch above these limits still arrives, but alone.
_FETCH = {"max.partition.fetch.bytes": 65_536, "fetch.max.bytes": 8_388_608, "fetch.wait.max.ms": 50}

Position = tuple[Partition, int]
"""A partition and an offset in it."""


def find_oldest_unread(row: PartitionLag) -> Position | None:
    """Return the position ((topic, partition), offset) of the oldest unread record, or None.

    None means that nothing is unread or that the position is not known. The offset is the committed one, or the start
    of the log where that is later. The log may have no record at it, only a later one. Nothing is read.
    """
    if not row.lag or row.current_offset is None:
        return None
    return (row.topic, row.partition), max(row.current_offset, row.log_start_offset or 0)


def add_time_lags(cluster: Cluster, lags: Sequence[GroupLag], read_committed: bool = False) -> list[GroupLag]:
    """Return the groups, in their order, with each partition's time lag: the age of its oldest unread record, in ms.

    The records are read for this, with `read_committed` only committed ones. The time lag is 0 where nothing is unread,
    or only transaction markers, and for a time in the future. It stays None where the record cannot be read within the
    time-out, which all share, or has no timestamp, and for a partition without a commit or in the state BEYOND_END.
    Raise UsageError for a wrong client setting; a broker that does not answer is no error.
    """
    positions = {
        position for lag in lags for row in lag.partitions if (position := find_oldest_unread(row)) is not None
    }
    stamps = read_timestamps(cluster, positions, read_committed)
    now_ms = round(time.time() * _MS)

    def add_time_lag(row: PartitionLag) -> PartitionLag:
        """Return the row with its time lag in ms, or unchanged where it is unknown or the state is BEYOND_END."""
        position = find_oldest_unread(row)
        if row.lag == 0:
            return row if row.commit is CommitState.BEYOND_END else replace(row, time_lag_ms=0)
        if position is None or position not in stamps:
            return row
        stamp = stamps[position]
        return replace(row, time_lag_ms=0 if stamp is None else max(0, now_ms - stamp))

    return _replace_rows(lags, add_time_lag)


def read_timestamps(
    cluster: Cluster, positions: Iterable[Position], read_committed: bool = False
) -> dict[Position, int | None]:
    """Return the time in ms since 1970 of the first record at or after each position, by position.

    A position is ((topic, partition), offset). The result is in the order in which the records came. With
    `read_committed` only committed records count. Positions that could not be read within the time-out, which all
    share, and records without a timestamp, are missing; nothing is raised for them. The time is None where no record
    follows: at the end of the log, and before transaction markers alone, which consumers do not get. A position beyond
    the end gives the first record of the log, so leave it out. Raise UsageError for a wrong client setting.
    """
    by_partition: dict[Partition, list[int]] = defaultdict(list)
    for partition, offset in sorted(positions):
        by_partition[partition].append(offset)
    if not by_partition:
        return {}
    # What is measured does not depend on the user's settings for a consumer of their own.
    measuring = {
        "group.id": "kafkactl-lag",  # librdkafka needs a group id; no group is joined and nothing is committed
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "isolation.level": "read_committed" if read_committed else "read_uncommitted",
    }
    consumer = cluster.make_consumer(_FETCH, measuring)
    results: dict[Position, int | None] = {}
    deadline = time.monotonic() + cluster.timeout_s
    try:
        # A consumer has one position in a partition at a time. So several offsets of a partition are read in turn.
        while by_partition and time.monotonic() < deadline:
            offsets_in_turn = {partition: offsets.pop(0) for partition, offsets in by_partition.items()}
            by_partition = {partition: offsets for partition, offsets in by_partition.items() if offsets}
            consumer.assign([TopicPartition(*partition, offset) for partition, offset in offsets_in_turn.items()])
            while offsets_in_turn and time.monotonic() < deadline:
                for message in consumer.consume(_BATCH, _POLL_S):
                    partition = (message.topic() or "", message.partition() or 0)
                    error = message.error()
                    if partition not in offsets_in_turn or (
                        error is not None and error.code() != KafkaError._PARTITION_EOF
                    ):
                        continue
                    if error is not None:
                        results[partition, offsets_in_turn[partition]] = None
                    else:
                        kind, stamp = message.timestamp()
                        if kind != TIMESTAMP_NOT_AVAILABLE and stamp >= 0:  # -1 is none, too
                            results[partition, offsets_in_turn[partition]] = stamp
                    del offsets_in_turn[partition]
                    consumer.incremental_unassign([TopicPartition(*partition)])
    finally:
        consumer.close()
    return results


def add_rates(before: Sequence[GroupLag], after: Sequence[GroupLag], seconds: float) -> list[GroupLag]:
    """Return the later groups, in their order, with the records per second written to and read from each partition.

    `before` and `after` are the same groups at two times, `seconds` apart, which must not be 0. A partition that was
    not in `before` stays without rates, and a rate is None where an offset is not known. Rates are rounded to 0.01, and
    may be negative after a reset.
    """
    earlier: Mapping[tuple[str, str, int], PartitionLag] = {
        (row.group, row.topic, row.partition): row for lag in before for row in lag.partitions
    }

    def add_rate(row: PartitionLag) -> PartitionLag:
        """Return the row with its rates, or unchanged where it was not in `before`."""
        earlier_row = earlier.get((row.group, row.topic, row.partition))
        if earlier_row is None:
            return row
        return replace(
            row,
            produced_per_s=_compute_rate(earlier_row.log_end_offset, row.log_end_offset, seconds),
            consumed_per_s=_compute_rate(earlier_row.current_offset, row.current_offset, seconds),
        )

    return _replace_rows(after, add_rate)


def _compute_rate(before: int | None, after: int | None, seconds: float) -> float | None:
    """Return the difference per second, rounded to 0.01, or None where one of the offsets is not known.

    Raise ZeroDivisionError for known offsets and 0 seconds.
    """
    return None if before is None or after is None else round((after - before) / seconds, 2)


def _replace_rows(lags: Sequence[GroupLag], change: Callable[[PartitionLag], PartitionLag]) -> list[GroupLag]:
    """Return the groups, in their order, with each partition's row replaced by the result of `change` and new sums."""
    return [make_group_lag(lag.description, [change(row) for row in lag.partitions]) for lag in lags]
