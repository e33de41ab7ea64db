"""Offset and time indexes: sparse, sorted, of fixed-size entries, padded with zeros while their segment is active.

Layouts: org.apache.kafka.storage.internals.log.OffsetIndex (relative offset i32, position i32) and TimeIndex
(timestamp i64, relative offset i32). Big-endian.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

from kafkactl.errors import FormatError
from kafkactl.storage.segment import base_offset_of
from kafkactl.storage.source import read_file

OFFSET_ENTRY = struct.Struct(">ii")
TIME_ENTRY = struct.Struct(">qi")
_WARM_BYTES = 8192  # of an index, at its end: brokers keep them in memory


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


class _Index(ABC):
    """A file of entries of one layout."""

    layout: ClassVar[struct.Struct]

    def __init__(self, path: Path) -> None:
        """Opens it; raises NotFoundError and UsageError."""
        self.path = path
        self.base_offset = base_offset_of(path)
        self._data = read_file(path)
        self.count, self.bytes_behind = divmod(len(self._data), self.layout.size)

    def require_whole(self) -> None:
        """Raises FormatError where a part of an entry lies behind the last one."""
        if self.bytes_behind:
            raise FormatError(
                f"{self.path}: corrupt: {len(self._data)} bytes are no multiple of an entry's {self.layout.size}"
            )

    def has_data_behind(self, count: int) -> bool:
        """Return whether another byte than zero stands behind so many entries."""
        rest = self._data[count * self.layout.size :]
        return bytes(rest) != bytes(len(rest))

    @cached_property
    def written(self) -> range:
        """The numbers of the entries that are; zeros after the first one are the padding of an active segment."""
        behind_first = range(1, self.count)
        end = 1 + bisect_left(behind_first, True, key=self._is_padding)
        return range(min(end, self.count))

    def _numbers(self) -> Iterator[int]:
        """The same one by one: also of an index whose zeros are not all at its end."""
        return takewhile(lambda number: number == 0 or not self._is_padding(number), range(self.count))

    @abstractmethod
    def _is_padding(self, number: int) -> bool:
        """Whether an entry behind the first holds zeros where no written one does."""

    def _fields(self, number: int) -> tuple[int, int]:
        first, second = self.layout.unpack_from(self._data, number * self.layout.size)
        return first, second


class OffsetIndex(_Index):
    """An .index file."""

    layout = OFFSET_ENTRY

    def entries(self) -> Iterator[OffsetEntry]:
        """The entries written."""
        return map(self.entry, self._numbers())

    def lookup(self, offset: int) -> OffsetEntry:
        """The last entry at or before an offset; the segment's beginning when there is none."""
        found = bisect_right(self.written, offset, key=lambda number: self.entry(number).offset)
        return self.entry(found - 1) if found else OffsetEntry(self.base_offset, 0)

    def lookup_as_brokers(self, offset: int) -> OffsetEntry:
        """Return the entry at which a broker's search ends. It takes padding for entries, and they may not be sorted.

        Source: AbstractIndex.indexSlotRangeFor, which looks in the last entries first.
        """
        if not self.count:
            return OffsetEntry(self.base_offset, 0)
        low, high = max(0, self.count - 1 - _WARM_BYTES // self.layout.size), self.count - 1
        if self.entry(low).offset >= offset:
            low, high = 0, low
            if self.entry(low).offset > offset:
                return OffsetEntry(self.base_offset, 0)
        while low < high:
            middle = (low + high + 1) // 2
            entry = self.entry(middle)
            if entry.offset == offset:
                return entry
            low, high = (middle, high) if entry.offset < offset else (low, middle - 1)
        return self.entry(low)

    def is_sane(self) -> bool:
        """What a broker checks at start: the last entry lies past the segment's base offset."""
        self.require_whole()
        return self.count == 0 or self.entry(self.count - 1).offset >= self.base_offset

    def entry(self, number: int) -> OffsetEntry:
        relative, position = self._fields(number)
        return OffsetEntry(self.base_offset + relative, position)

    def _is_padding(self, number: int) -> bool:
        return self._fields(number)[0] == 0


class TimeIndex(_Index):
    """A .timeindex file."""

    layout = TIME_ENTRY

    def entries(self) -> Iterator[TimeEntry]:
        """The entries written."""
        return map(self.entry, self._numbers())

    def entry(self, number: int) -> TimeEntry:
        timestamp_ms, relative = self._fields(number)
        return TimeEntry(timestamp_ms, self.base_offset + relative)

    def _is_padding(self, number: int) -> bool:
        return self._fields(number)[1] == 0

    def is_sane(self) -> bool:
        """What a broker checks at start: the last entry is no older, and lies no lower, than the first."""
        self.require_whole()
        if self.count == 0:
            return True
        first_ms, _ = self._fields(0)
        last_ms, relative = self._fields(self.count - 1)
        return last_ms >= first_ms and relative >= 0
