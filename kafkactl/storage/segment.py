"""Segment: one .log file, read part by part.

Reference: org.apache.kafka.storage.internals.log.LogSegment, org.apache.kafka.common.record.FileRecords.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from kafkactl.errors import FormatError, MissingFileError, UsageError
from kafkactl.storage.batch import HEADER_SIZE, AnyBatch, parse_batch, read_batch_size
from kafkactl.storage.files import FileKind, add_file_name, find_kind, find_sibling
from kafkactl.storage.legacy import LOG_OVERHEAD, SMALLEST
from kafkactl.storage.records import Record
from kafkactl.storage.source import StoredFile

# No file system takes names of more than 255 bytes, and int() refuses numbers of thousands of digits.
_NAME = re.compile(r"(\d{1,255})(?:\.|$)")
_INDEXES = (FileKind.OFFSET_INDEX, FileKind.TIME_INDEX, FileKind.TRANSACTION_INDEX)
_BASE_OFFSET = struct.Struct(">q")  # the first field of a batch, in every format

_PART_BYTES = 1024 * 1024  # size of one read
_FIRST_PART_BYTES = 32 * 1024  # size of the first read after a jump
_HEADS_BYTES = 4096


def find_base_offset(path: Path) -> int:
    """Return the number before the first dot of a file's name (or all of it), or else the first offset in its log.

    The log of an index is the .log file of the same segment; any other file is read itself. The first offset is the
    number in the first 8 bytes. Raise UsageError where neither the name nor the log has an offset, where the log does
    not exist, and where it is a folder, a FIFO, a device, or a closed or terminal standard input, or may not be opened;
    FormatError where it is a socket or cannot be read. With a number in the name nothing is opened.
    """
    offset = _offset_in_name(path)
    if offset is not None:
        return offset
    log_path = find_sibling(path, FileKind.LOG) if find_kind(path) in _INDEXES else path
    if _is_fifo(log_path):
        raise _no_base_offset(path)
    try:
        with Segment(log_path) as log:
            return log.base_offset
    except MissingFileError:
        raise _no_base_offset(path) from None


def _is_fifo(path: Path) -> bool:
    """Return whether a path leads to a FIFO, whose bytes can be read only once; False where it cannot be looked at."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _offset_in_name(path: Path) -> int | None:
    """Return the number before the first dot of a file's name, or all of it.

    None for other characters or none, and for more than 255 digits.
    """
    match = _NAME.match(path.name)
    return None if match is None else int(match[1])


def _no_base_offset(path: Path) -> UsageError:
    """Return (not raise) the error for a file whose base offset is not known."""
    return UsageError(
        f"{path}: neither the name nor the first batch has a base offset",
        "a broker names segments like 00000000000000000000.log; give an index the name of its log",
    )


class Segment:
    """An open segment file; a context manager.

    One part of the file is in memory at a time. Batches that were read from a part keep it in memory.
    """

    def __init__(self, path: Path | str) -> None:
        """Open a path; one that ends in .gz is unpacked, a FIFO is copied, and `-` is standard input.

        Standard input that begins as gzip data do is unpacked, too. Raise MissingFileError (a NotFoundError) for a
        missing file; UsageError for a folder, a file without read permission, a device, or a closed or terminal
        standard input; FormatError for a socket, where the file cannot be read or copied, and where a gzip file is
        empty or damaged before its first unpacked byte. A gzip file that is cut off later is no error here. The content
        is not checked, and the name needs no offset.
        """
        self.path = Path(path)
        self._file = StoredFile(self.path)
        self.size_bytes = self._file.size_bytes
        self._part = memoryview(b"")
        self._part_start = 0
        self._base_offset = _offset_in_name(self.path)
        if self._base_offset is None and self.size_bytes >= _BASE_OFFSET.size:
            (self._base_offset,) = _BASE_OFFSET.unpack(self._file.read(0, _BASE_OFFSET.size))

    def __enter__(self) -> Segment:
        """Return the segment, which is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; an error of the block goes on."""
        self.close()

    @property
    def base_offset(self) -> int:
        """Return the offset in the file's name, or else the first offset in the content.

        Raise UsageError where neither has an offset: the file has another name and fewer than 8 bytes.
        """
        if self._base_offset is None:
            raise _no_base_offset(self.path)
        return self._base_offset

    def require_complete(self) -> None:
        """Raise LostBytesError (a FormatError) for a gzip file that is damaged or cut off; do nothing otherwise."""
        if self._file.fault is not None:
            raise self._file.fault

    def has_data(self, position: int) -> bool:
        """Return whether a byte that is not zero stands at a position or after it.

        Raise LostBytesError (a FormatError) where the file cannot be read.
        """
        return self._file.has_data(position)

    def view(self, position: int, size: int, end: int | None = None) -> memoryview:
        """Return at least `size` bytes from a position on, or fewer where `end` or the end of the file comes first.

        All arguments are in bytes, and positions count from the start of the file, unpacked; an `end` of None is its
        end. Bytes that are not in memory are read from the file, and become the part in memory. Raise LostBytesError (a
        FormatError) where the file became shorter, cannot be read or does not fit into memory.
        """
        end = self.size_bytes if end is None else min(end, self.size_bytes)
        size = max(0, min(size, end - position))
        start, part_end = self._part_start, self._part_start + len(self._part)
        if not start <= position or position + size > part_end:
            # A caller that continues at the end of the last part will read on; one that jumps may need no more.
            size = max(size, _PART_BYTES if start <= position <= part_end else _FIRST_PART_BYTES)
            left = max(0, end - position)
            self._part = memoryview(b"")  # so that two large batches are not in memory at the same time
            self._part = memoryview(self._file.read(position, left if left < 2 * size else size))
            self._part_start = start = position
        return self._part[position - start : max(0, end - start)]

    def peek(self, position: int, size: int) -> memoryview:
        """Return a view of `size` bytes from a position on, fewer at the end of the file; the part in memory stays.

        The position counts in bytes from the start of the file, unpacked. Raise LostBytesError (a FormatError) where
        the file became shorter or cannot be read.
        """
        start = position - self._part_start
        size = max(0, min(size, self.size_bytes - position))
        if 0 <= start <= len(self._part) - size:
            return self._part[start : start + size]
        return memoryview(self._file.read(position, size))

    def read_batch(self, position: int, end: int | None = None) -> AnyBatch | None:
        """Return the batch at a position, or None where the file or `end` comes before the end of the batch.

        Positions are in bytes from the start of the file, unpacked; an `end` of None is its end. A wrong CRC and an
        unknown magic are no errors. Raise FormatError, with the file's name, for a size that `parse_batch` refuses, and
        where the file cannot be read.
        """
        try:
            return parse_batch(self.view_batch(position, end), 0, position)
        except FormatError as error:
            raise add_file_name(error, self.path) from None

    def _parse_batch_in_memory(self, position: int) -> AnyBatch | None:
        """Return the batch at a position where all of it is in memory, else None. No error is raised.

        None comes also where fewer than 61 bytes from there on are in memory, and for a size below 26 bytes. Most
        batches are in memory, and this is faster than read_batch.
        """
        at = position - self._part_start
        if not 0 <= at <= len(self._part) - HEADER_SIZE:
            return None
        try:
            return parse_batch(self._part, at, self._part_start)
        except FormatError:
            return None  # read_batch raises the error with the name of the file

    def view_batch(self, position: int, end: int | None = None) -> memoryview:
        """Return a view of bytes from a position on that contain the whole batch there, and maybe more.

        Where the file or `end` comes before the end of the batch, the view may have only the header or less. The size
        in the header is not checked. `end` is in bytes; None is the end of the file. Raise LostBytesError (a
        FormatError) where the file cannot be read.
        """
        view = self.view(position, HEADER_SIZE, end)
        size = read_batch_size(view)
        limit = self.size_bytes if end is None else min(end, self.size_bytes)
        return view if not len(view) < size <= limit - position else self.view(position, size, end)

    def batches(self, position: int = 0, end: int | None = None) -> Iterator[AnyBatch]:
        """Yield the batches from a position on, up to the first that is not whole.

        Positions are in bytes from the start of the file, unpacked; an `end` of None is its end. A wrong CRC is no
        error (`is_valid` of a batch checks it), nor is an unknown magic. Raise FormatError, after the batches before
        it, for a size that `parse_batch` refuses, as in 18 or more zeros at the end, and where the file cannot be read;
        also for a gzip file that is damaged or cut off, if `end` is None.
        """
        while True:
            batch = (self._parse_batch_in_memory(position) if end is None else None) or self.read_batch(position, end)
            if batch is None:
                break
            yield batch
            position += batch.size_bytes
        if end is None:
            self.require_complete()

    def read_frames(self, position: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield position and size in bytes of every batch, as its header states them, up to one that is not whole.

        `position`, where a batch begins, and `end` (None: the end of the file) are in bytes from the start of the file,
        unpacked; a batch that goes past `end` is not whole. This reads little more than the headers. A size below 26
        bytes, which no batch has, and a file that cannot be read end the iteration without an error.
        """
        end = self.size_bytes if end is None else min(end, self.size_bytes)
        heads, start = b"", position
        unpack, overhead = LOG_OVERHEAD.unpack_from, LOG_OVERHEAD.size
        while end - position >= overhead:
            if position + overhead > start + len(heads):
                try:
                    heads, start = self._file.read(position, min(_HEADS_BYTES, end - position)), position
                except FormatError:
                    return
            size = overhead + unpack(heads, position - start)[1]
            if not overhead + SMALLEST <= size <= end - position:
                return
            yield position, size
            position += size

    def records(self) -> Iterator[Record]:
        """Yield the records of all batches that are not control batches, in the order of the file.

        A wrong CRC is no error, and magics from 3 to 127 are read as magic 2. A last batch that is not whole is
        ignored. A record of magic 0 or 1 whose value is longer than its message has the value None and says so in
        `fault`. Raise FormatError, after the records before it, where a batch is corrupt or cannot be decompressed, for
        18 or more zeros at the end, where the file cannot be read, and for a gzip file that is cut off.
        """
        for batch in self.batches():
            if not batch.is_control:
                yield from batch.records()

    def close(self) -> None:
        """Close the file; batches that were read stay valid, and nothing happens the second time."""
        self._part = memoryview(b"")
        self._file.close()
