"""Search for the position in a segment where reading begins: a binary search in its indexes.

An index is a help and never the truth: its entries are compared with the log, and without an index reading begins at 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from kafkactl.errors import KafkactlError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.files import FileKind, find_sibling
from kafkactl.storage.index import OffsetIndex, TimeEntry, TimeIndex
from kafkactl.storage.segment import Segment

# The headers of a log up to this size are read faster than a time index is compared with the log.
READ_WHOLE_BYTES = 4 * 1024 * 1024
# The comparison with the log is bounded: up to twice so many entries, and so many bytes after the position in the
# offset index.
_COMPARED_ENTRIES = 32
_LOOKED_THROUGH_BYTES = 512 * 1024


def seek_offset(segment: Segment, offset: int) -> int:
    """Return a position, in bytes, with no record at or past `offset` before it. No error is raised.

    Return 0 where the offset index cannot be read, is missing, has no entry up to `offset`, or disagrees with the log.
    """
    try:
        return _find_position(OffsetIndex(find_sibling(segment.path, FileKind.OFFSET_INDEX)), segment, offset)
    except KafkactlError:
        return 0


def seek_time(segment: Segment, timestamp_ms: int) -> int:
    """Return a position, in bytes, before which every record is older than `timestamp_ms`. No error is raised.

    Return 0 where an index cannot be read or is missing, where the compared entries disagree with the log or do not
    rise, where the time index has no earlier entry, and for a segment of up to 4 MiB (READ_WHOLE_BYTES). At most 64
    entries are compared; where another entry is wrong, the result may be, too.
    """
    if segment.size_bytes <= READ_WHOLE_BYTES:
        return 0
    try:
        times = TimeIndex(find_sibling(segment.path, FileKind.TIME_INDEX))
        earlier = bisect_left(
            times.written_numbers, timestamp_ms, key=lambda number: times.read_entry(number).timestamp_ms
        )
        if not earlier:
            return 0
        # All records up to an entry's offset are as old as it says, or older.
        last = earlier - 1
        entries = [
            times.read_entry(number) for number in range(last % _compute_step(last), last + 1, _compute_step(last))
        ]
        offsets = OffsetIndex(find_sibling(segment.path, FileKind.OFFSET_INDEX))
        if _are_rising(entries) and all(_is_true(entry, offsets, segment) for entry in entries):
            return _find_position(offsets, segment, entries[-1].offset)
    except KafkactlError:
        pass
    return 0


def _find_position(index: OffsetIndex, segment: Segment, offset: int) -> int:
    """Return the position that an offset index has for an offset, in bytes, or 0 where the log disagrees.

    The log disagrees where the batch there has a wrong CRC, or an offset (`_first_offset`) after the given one or the
    entry's. Return 0 also for an empty index, a negative position, and where no whole batch is at the position. Raise
    FormatError where the log cannot be read there, or the size there is one that `parse_batch` refuses.
    """
    entry = index.lookup(offset)
    batch = segment.read_batch(entry.position) if index.count and entry.position >= 0 else None
    # Offsets rise, so no record at or past this offset lies before a sound batch that begins at or below it. An entry
    # of a leader has the last offset of the batch, one of a follower the last offset of all batches fetched with it.
    is_trusted = batch is not None and _first_offset(batch) <= min(offset, entry.offset) and batch.is_valid
    return entry.position if is_trusted else 0


def _are_rising(entries: Sequence[TimeEntry]) -> bool:
    """Return whether both the timestamps and the offsets of the entries rise."""
    return all(
        earlier.timestamp_ms < later.timestamp_ms and earlier.offset < later.offset
        for earlier, later in pairwise(entries)
    )


def _compute_step(last: int) -> int:
    """Return the step from one compared entry to the next, 1 or more, so that at most 64 entries are compared.

    `last` is the number of the last entry, counted from 0.
    """
    return max(1, last // _COMPARED_ENTRIES)


def _is_true(entry: TimeEntry, offsets: OffsetIndex, segment: Segment) -> bool:
    """Return whether the log has the entry's offset in a batch whose largest timestamp is the entry's.

    A batch of magic 0 or 1 must have the entry's offset as its last one. The search begins where the offset index
    points. False also where the batch is not found within about 512 KiB. Raise FormatError where the log cannot be read
    there or is a gzip file that ends there too early, a size there is one that `parse_batch` refuses, or a message is
    too short for its timestamp.
    """
    start = _find_position(offsets, segment, entry.offset)
    for batch in segment.batches(start):
        if batch.last_offset >= entry.offset:
            return _first_offset(batch) <= entry.offset and batch.max_timestamp_ms == entry.timestamp_ms
        if batch.position - start > _LOOKED_THROUGH_BYTES:
            break
    return False


def _first_offset(batch: AnyBatch) -> int:
    """Return the base offset of a batch; the last offset for a batch of magic 0 or 1, whose header has no other.

    No record is read: compaction may have removed the one at the base offset.
    """
    return batch.base_offset if isinstance(batch, Batch) else batch.last_offset
