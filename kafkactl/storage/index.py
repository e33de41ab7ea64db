"""Offset indexes and time indexes: sparse and sorted, padded with zeros while their segment is active.

Layouts: org.apache.kafka.storage.internals.log.OffsetIndex (relative offset i32, position i32) and TimeIndex (timestamp
i64, relative offset i32). All entries of an index have the same size. Numbers are big-endian.
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
from kafkactl.storage.segment import find_base_offset
from kafkactl.storage.source import read_file

OFFSET_ENTRY = struct.Struct(">ii")
TIME_ENTRY = struct.Struct(">qi")
_WARM_BYTES = 8192  # bytes at the end of an index, which brokers keep in memory


@dataclass(frozen=True, slots=True)
class OffsetEntry:
    """Entry of an offset index: the batch whose last offset is `offset` begins at `position`, in bytes."""

    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """Entry of a time index: no record up to `offset` is younger than `timestamp_ms`."""

    timestamp_ms: int
    offset: int


class _Index(ABC):
    """A file with entries of one layout."""

    layout: ClassVar[struct.Struct]

    def __init__(self, path: Path) -> None:
        """Read a whole index file; one that ends in .gz is unpacked.

        Raise UsageError where neither the name nor the log of the segment has a base offset, also if the index is
        missing; NotFoundError for any other missing file; UsageError for a folder, a device and a file without read
        permission; FormatError where the file or that log cannot be read. A part of an entry at the end is no error:
        `require_whole` checks it.
        """
        self.path = path
        self.base_offset = find_base_offset(path)
        self._data = read_file(path)
        self.count, self.bytes_behind = divmod(len(self._data), self.layout.size)

    def require_whole(self) -> None:
        """Raise FormatError where a part of an entry follows the last one."""
        if self.bytes_behind:
            raise FormatError(
                f"{self.path}: corrupt: its size of {len(self._data)} bytes is not a multiple of {self.layout.size}"
            )

    def has_data_behind(self, count: int) -> bool:
        """Return whether a byte that is not zero follows the first `count` entries."""
        rest = self._data[count * self.layout.size :]
        return bytes(rest) != bytes(len(rest))

    @cached_property
    def written_numbers(self) -> range:
        """Return the numbers of the written entries, from 0 on, found by one binary search, and kept.

        The first entry counts as written. Zeros after it are the padding of an active segment; the result is right only
        where they are all at the end.
        """
        behind_first = range(1, self.count)
        end = 1 + bisect_left(behind_first, True, key=self._is_padding)
        return range(min(end, self.count))

    def _find_written_numbers(self) -> Iterator[int]:
        """Return an iterator over the numbers of the written entries, from 0 on, up to the first padding.

        The first entry counts as written. Unlike `written_numbers` this is right for an index whose zeros are not all
        at its end.
        """
        return takewhile(lambda number: number == 0 or not self._is_padding(number), range(self.count))

    @abstractmethod
    def _is_padding(self, number: int) -> bool:
        """Return whether an entry has a zero where no written entry after the first has one; `number` counts from 0."""

    def _read_fields(self, number: int) -> tuple[int, int]:
        """Return the two numbers of an entry, as they are in the file; `number` is from 0 to `count` - 1."""
        first, second = self.layout.unpack_from(self._data, number * self.layout.size)
        return first, second


class OffsetIndex(_Index):
    """An .index file: positions of batches by offset."""

    layout = OFFSET_ENTRY

    def read_entries(self) -> Iterator[OffsetEntry]:
        """Return an iterator over the entries in the order of the file, up to the padding of an active segment.

        Offsets are absolute. The first entry comes also where it is padding, and a part of an entry at the end is
        ignored.
        """
        return map(self.read_entry, self._find_written_numbers())

    def lookup(self, offset: int) -> OffsetEntry:
        """Return the last written entry at or before an offset; without one, the base offset with position 0.

        The entries are taken as sorted; no order is checked.
        """
        count = bisect_right(self.written_numbers, offset, key=lambda number: self.read_entry(number).offset)
        return self.read_entry(count - 1) if count else OffsetEntry(self.base_offset, 0)

    def lookup_as_brokers(self, offset: int) -> OffsetEntry:
        """Return the entry at which a broker's search for an offset ends.

        The search takes padding for entries, and the entries may not be sorted. Without an entry, and for an offset
        before the entries, the result is the base offset with position 0. Source: AbstractIndex.indexSlotRangeFor,
        which searches the last entries first.
        """
        if not self.count:
            return OffsetEntry(self.base_offset, 0)
        low, high = max(0, self.count - 1 - _WARM_BYTES // self.layout.size), self.count - 1
        if self.read_entry(low).offset >= offset:
            low, high = 0, low
            if self.read_entry(low).offset > offset:
                return OffsetEntry(self.base_offset, 0)
        while low < high:
            middle = (low + high + 1) // 2
            entry = self.read_entry(middle)
            if entry.offset == offset:
                return entry
            low, high = (middle, high) if entry.offset < offset else (low, middle - 1)
        return self.read_entry(low)

    def is_sane(self) -> bool:
        """Return whether the last entry is not below the segment's base offset, which a broker checks at start.

        Padding counts as an entry. An empty index is sane. Raise FormatError where a part of an entry follows the last
        one.
        """
        self.require_whole()
        return self.count == 0 or self.read_entry(self.count - 1).offset >= self.base_offset

    def read_entry(self, number: int) -> OffsetEntry:
        """Return the entry with a number from 0 to `count` - 1, padding included; its offset is absolute."""
        relative, position = self._read_fields(number)
        return OffsetEntry(self.base_offset + relative, position)

    def _is_padding(self, number: int) -> bool:
        """Return whether the relative offset of an entry is zero."""
        return self._read_fields(number)[0] == 0


class TimeIndex(_Index):
    """A .timeindex file: offsets by timestamp."""

    layout = TIME_ENTRY

    def read_entries(self) -> Iterator[TimeEntry]:
        """Return an iterator over the entries in the order of the file, up to the padding of an active segment.

        Offsets are absolute. The first entry comes also where it is padding, and a part of an entry at the end is
        ignored.
        """
        return map(self.read_entry, self._find_written_numbers())

    def read_entry(self, number: int) -> TimeEntry:
        """Return the entry with a number from 0 to `count` - 1, padding included; its offset is absolute."""
        timestamp_ms, relative = self._read_fields(number)
        return TimeEntry(timestamp_ms, self.base_offset + relative)

    def _is_padding(self, number: int) -> bool:
        """Return whether the relative offset of an entry is zero."""
        return self._read_fields(number)[1] == 0

    def is_sane(self) -> bool:
        """Return whether the last entry is not older than the first and not below the base offset.

        A broker checks this at start, and padding counts as an entry. An empty index is sane. Raise FormatError where a
        part of an entry follows the last one.
        """
        self.require_whole()
        if self.count == 0:
            return True
        first_ms, _ = self._read_fields(0)
        last_ms, relative = self._read_fields(self.count - 1)
        return last_ms >= first_ms and relative >= 0
