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
from typing import ClassVar

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


class _Index:
    """A mapped file of entries of one layout."""

    layout: ClassVar[struct.Struct]

    def __init__(self, path: Path) -> None:
        """Opens it; raises NotFoundError, UsageError and FormatError."""
        self.path = path
        self.base_offset = base_offset_of(path)
        self._map, self._data = map_file(path)
        self.count, left = divmod(len(self._data), self.layout.size)
        if left:
            raise FormatError(
                f"{path}: corrupt: {len(self._data)} bytes are no multiple of an entry's {self.layout.size}"
            )

    def _fields(self, number: int) -> tuple[int, int]:
        first, second = self.layout.unpack_from(self._data, number * self.layout.size)
        return first, second


class OffsetIndex(_Index):
    """An .index file."""

    layout = OFFSET_ENTRY

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
        relative, position = self._fields(number)
        return OffsetEntry(self.base_offset + relative, position)


class TimeIndex(_Index):
    """A .timeindex file."""

    layout = TIME_ENTRY

    def entries(self) -> Iterator[TimeEntry]:
        """The entries written; zeros after the first one are the padding of an active segment."""
        for number in range(self.count):
            timestamp_ms, relative = self._fields(number)
            if relative == 0 and number > 0:
                return
            yield TimeEntry(timestamp_ms, self.base_offset + relative)

    def is_sane(self) -> bool:
        """What a broker checks at start: the last entry is no older, and lies no lower, than the first."""
        if self.count == 0:
            return True
        first_ms, _ = self._fields(0)
        last_ms, relative = self._fields(self.count - 1)
        return last_ms >= first_ms and relative >= 0
