"""Offset and time indexes: sparse, sorted, of fixed-size entries, padded with zeros while their segment is active.

Layouts: org.apache.kafka.storage.internals.log.OffsetIndex (relative offset i32, position i32) and TimeIndex
(timestamp i64, relative offset i32). Big-endian.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafkactl.errors import FormatError
from kafkactl.storage.segment import base_offset_of, map_file

OFFSET_ENTRY = struct.Struct(">ii")
TIME_ENTRY = struct.Struct(">qi")


@dataclass(frozen=True, slots=True)
class OffsetEntry:
    """The batch whose last offset is `offset` begins at `position`, in bytes."""

    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """Up to `offset` no record is younger than `timestamp_ms`."""

    timestamp_ms: int
    offset: int


class OffsetIndex:
    """An .index file."""

    def __init__(self, path: Path) -> None:
        """Opens it; raises NotFoundError, UsageError and FormatError."""
        self.path = path
        self.base_offset = base_offset_of(path)
        self._map, self._data = map_file(path)
        self.count = _entries(path, len(self._data), OFFSET_ENTRY.size)

    def entries(self) -> Iterator[OffsetEntry]:
        """The entries written; zeros after the first one are the padding of an active segment."""
        for number in range(self.count):
            entry = self._entry(number)
            if entry.offset == self.base_offset and number > 0:
                return
            yield entry

    def lookup(self, offset: int) -> OffsetEntry:
        """The last entry at or before an offset; the segment's beginning when there is none."""
        found = bisect_right(range(self.count), offset, key=lambda number: self._entry(number).offset)
        return self._entry(found - 1) if found else OffsetEntry(self.base_offset, 0)

    def is_sane(self) -> bool:
        """What a broker checks at start: the last entry lies past the segment's base offset."""
        return self.count == 0 or self._entry(self.count - 1).offset >= self.base_offset

    def _entry(self, number: int) -> OffsetEntry:
        relative, position = OFFSET_ENTRY.unpack_from(self._data, number * OFFSET_ENTRY.size)
        return OffsetEntry(self.base_offset + relative, position)


class TimeIndex:
    """A .timeindex file."""

    def __init__(self, path: Path) -> None:
        """Opens it; raises NotFoundError, UsageError and FormatError."""
        self.path = path
        self.base_offset = base_offset_of(path)
        self._map, self._data = map_file(path)
        self.count = _entries(path, len(self._data), TIME_ENTRY.size)

    def entries(self) -> Iterator[TimeEntry]:
        """The entries written; zeros after the first one are the padding of an active segment."""
        for number in range(self.count):
            timestamp_ms, relative = TIME_ENTRY.unpack_from(self._data, number * TIME_ENTRY.size)
            if relative == 0 and number > 0:
                return
            yield TimeEntry(timestamp_ms, self.base_offset + relative)

    def is_sane(self) -> bool:
        """What a broker checks at start: the last entry is no older, and lies no lower, than the first."""
        if self.count == 0:
            return True
        first_ms, _ = TIME_ENTRY.unpack_from(self._data, 0)
        last_ms, relative = TIME_ENTRY.unpack_from(self._data, (self.count - 1) * TIME_ENTRY.size)
        return bool(last_ms >= first_ms and relative >= 0)


def _entries(path: Path, size_bytes: int, entry_bytes: int) -> int:
    if size_bytes % entry_bytes:
        raise FormatError(f"{path}: corrupt: {size_bytes} bytes are no multiple of an entry's {entry_bytes}")
    return size_bytes // entry_bytes
