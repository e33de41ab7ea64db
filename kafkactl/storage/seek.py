"""Where in a segment to begin reading, by its indexes: a binary search instead of the whole file.

An index is a help and never the truth: what it says is looked at in the log, and without it reading begins at 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from kafkactl.errors import KafkactlError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.files import FileKind, beside
from kafkactl.storage.index import OffsetIndex, TimeEntry, TimeIndex
from kafkactl.storage.segment import Segment

# Headers of so little of a log are read faster than a time index is held against it.
READ_WHOLE_BYTES = 4 * 1024 * 1024
# What is compared with the log: so many entries, and so many bytes behind the place that the offset index says.
_COMPARED_ENTRIES = 32
_LOOKED_THROUGH_BYTES = 512 * 1024


def position_of_offset(segment: Segment, offset: int) -> int:
    """Return a position with no record at or past `offset` before it, in bytes."""
    try:
        return _position(OffsetIndex(beside(segment.path, FileKind.OFFSET_INDEX)), segment, offset)
    except KafkactlError:
        return 0


def position_of_time(segment: Segment, timestamp_ms: int) -> int:
    """Return a position with no record of that time or younger before it, in bytes."""
    if segment.size_bytes <= READ_WHOLE_BYTES:
        return 0
    try:
        times = TimeIndex(beside(segment.path, FileKind.TIME_INDEX))
        earlier = bisect_left(times.written, timestamp_ms, key=lambda number: times.entry(number).timestamp_ms)
        if not earlier:
            return 0
        # All records up to an entry's offset are as old as it says, or older.
        last = earlier - 1
        entries = [times.entry(number) for number in range(last % _step(last), last + 1, _step(last))]
        offsets = OffsetIndex(beside(segment.path, FileKind.OFFSET_INDEX))
        if _rise(entries) and all(_is_true(entry, offsets, segment) for entry in entries):
            return _position(offsets, segment, entries[-1].offset)
    except KafkactlError:
        pass
    return 0


def _position(index: OffsetIndex, segment: Segment, offset: int) -> int:
    """Return the position that an offset index says for an offset, 0 where the log does not agree."""
    entry = index.lookup(offset)
    batch = segment.batch_at(entry.position) if index.count and entry.position >= 0 else None
    # Offsets rise, so a sound batch that begins at or below this one has no other before it. An entry of a broker's
    # own has its last offset, and one of a follower that of the last batch that was fetched with it.
    is_trusted = batch is not None and _first_offset(batch) <= min(offset, entry.offset) and batch.is_valid
    return entry.position if is_trusted else 0


def _rise(entries: Sequence[TimeEntry]) -> bool:
    return all(
        earlier.timestamp_ms < later.timestamp_ms and earlier.offset < later.offset
        for earlier, later in pairwise(entries)
    )


def _step(last: int) -> int:
    """Return how many entries to go on, so that not too many are compared."""
    return max(1, last // _COMPARED_ENTRIES)


def _is_true(entry: TimeEntry, offsets: OffsetIndex, segment: Segment) -> bool:
    """Return whether the log has the entry's offset in a batch whose youngest record is as old as it says."""
    start = _position(offsets, segment, entry.offset)
    for batch in segment.batches(start):
        if batch.last_offset >= entry.offset:
            return _first_offset(batch) <= entry.offset and batch.max_timestamp_ms == entry.timestamp_ms
        if batch.position - start > _LOOKED_THROUGH_BYTES:
            break
    return False


def _first_offset(batch: AnyBatch) -> int:
    """Return the offset of a batch's first record, or, in magic 0 and 1, of its last, which only it has."""
    return batch.base_offset if isinstance(batch, Batch) else batch.last_offset
