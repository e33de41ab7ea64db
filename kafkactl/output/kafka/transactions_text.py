"""Transactions and producers as kafka-transactions prints them, line for line.

Reference: org.apache.kafka.tools.TransactionsCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_order import compute_string_hash, sort_by_hash

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition
    from kafkactl.admin.transactions import ProducerState, Transaction, TransactionListing

_NONE = "None"
_UNKNOWN = -1
_MINUTE_MS = 60_000
_LISTING = ("TransactionalId", "Coordinator", "ProducerId", "TransactionState")
_DESCRIPTION = (
    "CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch", "TransactionState", "TransactionTimeoutMs",
    "CurrentTransactionStartTimeMs", "TransactionDurationMs", "TopicPartitions",
)  # fmt: skip
_PRODUCERS = (
    "ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence", "LastTimestamp",
    "CurrentTransactionStartOffset",
)  # fmt: skip
_HANGING = (
    "Topic", "Partition", "ProducerId", "ProducerEpoch", "CoordinatorEpoch", "StartOffset", "LastTimestamp",
    "Duration(min)",
)  # fmt: skip


def format_listing(rows: Iterable[TransactionListing]) -> str:
    """Return the table of kafka-transactions list, each line with its end."""
    return _format_table(
        _LISTING, [(row.transactional_id, row.coordinator, row.producer_id, row.state) for row in rows]
    )


def format_descriptions(rows: Iterable[Transaction], now_ms: int) -> str:
    """Return the table of kafka-transactions describe, each line with its end; `now_ms` is in ms since 1970."""
    return _format_table(
        _DESCRIPTION,
        [
            (
                row.coordinator,
                row.transactional_id,
                row.producer_id,
                row.producer_epoch,
                row.state,
                row.timeout_ms,
                _NONE if row.start_ms is None else row.start_ms,
                _NONE if row.start_ms is None else now_ms - row.start_ms,
                ",".join(f"{topic}-{number}" for topic, number in _sort_partitions(row.partitions)),
            )
            for row in rows
        ],
    )


def format_producers(rows: Iterable[ProducerState]) -> str:
    """Return the table of kafka-transactions describe-producers, each line with its end."""
    return _format_table(
        _PRODUCERS,
        [
            (
                row.producer_id,
                row.producer_epoch,
                _UNKNOWN if row.coordinator_epoch is None else row.coordinator_epoch,
                row.last_sequence,
                row.last_timestamp_ms,
                _NONE if row.start_offset is None else row.start_offset,
            )
            for row in rows
        ],
    )


def format_hanging(rows: Iterable[ProducerState], now_ms: int) -> str:
    """Return the table of kafka-transactions find-hanging, each line with its end; `now_ms` is in ms since 1970."""
    return _format_table(
        _HANGING,
        [
            (
                row.topic,
                row.partition,
                row.producer_id,
                row.producer_epoch,
                _UNKNOWN if row.coordinator_epoch is None else row.coordinator_epoch,
                _UNKNOWN if row.start_offset is None else row.start_offset,
                row.last_timestamp_ms,
                int((now_ms - row.last_timestamp_ms) / _MINUTE_MS),
            )
            for row in rows
        ],
    )


def _sort_partitions(partitions: Sequence[Partition]) -> list[Partition]:
    """Return partitions in the order of a java.util.HashSet of TopicPartition."""
    return sort_by_hash(partitions, _compute_hash)


def _compute_hash(partition: Partition) -> int:
    """Return TopicPartition.hashCode of a partition, as an unsigned number of 32 bits."""
    topic, number = partition
    return (31 * (31 + number) + compute_string_hash(topic)) & 0xFFFFFFFF


def _format_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a tab behind each cell, in columns as wide as their longest text, each line with its end."""
    lines = [titles, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "".join(f"{cell:<{width}}\t" for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )
