"""Transactions and producers as kafka-transactions prints them, line for line.

Reference: org.apache.kafka.tools.TransactionsCommand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_order import sort_partitions
from kafkactl.output.kafka.java_text import format_tabbed_table

if TYPE_CHECKING:
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
    """Return the table of kafka-transactions list, each line with its end; rows keep their order.

    Without rows only the titles are there.
    """
    return format_tabbed_table(
        _LISTING, [(row.transactional_id, row.coordinator, row.producer_id, row.state) for row in rows]
    )


def format_descriptions(rows: Iterable[Transaction], now_ms: int) -> str:
    """Return the table of kafka-transactions describe, each line with its end; `now_ms` is in ms since 1970.

    Start and duration are in ms, and None without a start. Rows keep their order, and without them only the titles are
    there; the partitions of a transaction have the order of Java's hash table.
    """
    return format_tabbed_table(
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
                ",".join(f"{topic}-{number}" for topic, number in sort_partitions(row.partitions)),
            )
            for row in rows
        ],
    )


def format_producers(rows: Iterable[ProducerState]) -> str:
    """Return the table of kafka-transactions describe-producers, each line with its end; rows keep their order.

    An unknown epoch of the coordinator is -1; without an open transaction its start offset is None. Without rows only
    the titles are there.
    """
    return format_tabbed_table(
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
    """Return the table of kafka-transactions find-hanging, each line with its end; `now_ms` is in ms since 1970.

    The duration is the time since the last record, in whole minutes. An unknown epoch of the coordinator or start
    offset is -1. Rows keep their order; without them only the titles are there.
    """
    return format_tabbed_table(
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
