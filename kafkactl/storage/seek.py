"""Where in a segment to begin reading, by its indexes: a binary search instead of the whole file.

An index is a help and never the truth: what it says is looked at in the log, and without it reading begins at 0.
"""

from __future__ import annotations

from bisect import bisect_left

from kafkactl.errors import KafkactlError
from kafkactl.storage.files import FileKind, beside
from kafkactl.storage.index import OffsetIndex, TimeIndex
from kafkactl.storage.segment import Segment


def position_of_offset(segment: Segment, offset: int) -> int:
    """A position with no record at or past `offset` before it, in bytes."""
    try:
        index = OffsetIndex(beside(segment.path, FileKind.OFFSET_INDEX))
        if not index.count:
            return 0
        entry = index.lookup(offset)
        batch = next(segment.batches(entry.position), None) if entry.position >= 0 else None
    except KafkactlError:
        return 0
    # An entry names the last offset of the batch at its position.
    trusted = batch is not None and batch.last_offset == entry.offset <= offset
    return entry.position if trusted else 0


def position_of_time(segment: Segment, timestamp_ms: int) -> int:
    """A position with no record of that time or younger before it, in bytes."""
    try:
        index = TimeIndex(beside(segment.path, FileKind.TIME_INDEX))
        earlier = bisect_left(index.written, timestamp_ms, key=lambda number: index.entry(number).timestamp_ms)
        # All records up to an entry's offset are as old as it says, or older.
        return position_of_offset(segment, index.entry(earlier - 1).offset) if earlier else 0
    except KafkactlError:
        return 0
