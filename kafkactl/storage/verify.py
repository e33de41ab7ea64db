"""Checks of indexes against their log, as Kafka's tool makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kafkactl.errors import FormatError
from kafkactl.storage.index import OffsetEntry, OffsetIndex, TimeEntry, TimeIndex
from kafkactl.storage.segment import Segment

NO_TIMESTAMP = -1


class TimeFault(Enum):
    """Fault of a time index entry."""

    TIMESTAMP_DIFFERS = "timestamp differs"
    OUT_OF_ORDER = "out of order"
    OFFSET_NOT_FOUND = "offset not found"


@dataclass(frozen=True)
class TimeFinding:
    """One fault of a time index entry, with the value of the entry and the value in the log."""

    fault: TimeFault
    indexed: int
    """Timestamp in ms or offset of the entry, by the kind of fault."""
    actual: int
    """The value in the log, or of the previous entry for OUT_OF_ORDER; -1 where the log has no such batch."""


def check_offset_index(
    index: OffsetIndex, segment: Segment, max_batch_bytes: int | None = None
) -> Iterator[tuple[OffsetEntry, int | None]]:
    """Yield every written entry of an index, and the last offset of the batch at its position; None where both agree.

    The entries are in the order of the index, up to the first padding; what follows it is not checked. The first entry
    comes also where it is padding. `max_batch_bytes` bounds the size of a batch; None is no bound. Raise FormatError,
    after the entries before it, for an entry whose position is negative, has no batch, or no batch within the bound,
    and where the log is corrupt or cannot be read there.
    """
    for entry in index.read_entries():
        end = None if max_batch_bytes is None else max(0, entry.position) + max_batch_bytes
        batch = next(segment.batches(entry.position, end), None) if entry.position >= 0 else None
        if batch is None:
            raise FormatError(
                f"{index.path}: its entry for offset {entry.offset} points at position {entry.position},"
                f" where {segment.path.name} has no batch",
                "ignore this for an empty active segment, whose index is all zeros; any other index is corrupt",
            )
        yield entry, None if batch.last_offset == entry.offset else batch.last_offset


def check_time_index(
    index: TimeIndex, offsets: OffsetIndex, segment: Segment
) -> Iterator[tuple[TimeEntry, list[TimeFinding]]]:
    """Yield every written entry of a time index with the list of its faults, which is empty for a right entry.

    The entries are in the order of the index, up to the first padding; the first one comes also where it is padding. An
    entry is compared with one batch only: its offset must be the last of the batch, and its time the largest of the
    batch (-1 without records). A time that equals that of the entry before, which is -1 for the first, is OUT_OF_ORDER,
    too. The faults of one are in the order in which Kafka's tool checks them; an offset that is not found has no other
    fault. `offsets` is the offset index of the same segment. Raise FormatError, after the entries before it, where
    `offsets` gives a position outside of the log, and where the log is corrupt or cannot be read.
    """
    previous = NO_TIMESTAMP
    for entry in index.read_entries():
        position = offsets.lookup_as_brokers(entry.offset).position
        if not 0 <= position <= segment.size_bytes:
            raise FormatError(
                f"{offsets.path}: corrupt: it points at position {position},"
                f" and {segment.path.name} has {segment.size_bytes} bytes"
            )
        batch = next((batch for batch in segment.batches(position) if batch.last_offset >= entry.offset), None)
        findings = []
        if batch is None or batch.last_offset != entry.offset:
            actual = NO_TIMESTAMP if batch is None else batch.last_offset
            findings.append(TimeFinding(TimeFault.OFFSET_NOT_FOUND, entry.offset, actual))
        else:
            newest = max((record.timestamp_ms for record in batch.records()), default=NO_TIMESTAMP)
            newest = max(newest, NO_TIMESTAMP)
            if newest != entry.timestamp_ms:
                findings.append(TimeFinding(TimeFault.TIMESTAMP_DIFFERS, entry.timestamp_ms, newest))
            if previous >= entry.timestamp_ms:
                findings.append(TimeFinding(TimeFault.OUT_OF_ORDER, entry.timestamp_ms, previous))
        yield entry, findings
        previous = entry.timestamp_ms
