"""A segment: one .log file, read in place.

Reference: org.apache.kafka.storage.internals.log.LogSegment, org.apache.kafka.common.record.FileRecords.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from kafkactl.errors import FormatError, MissingFileError, UsageError
from kafkactl.storage.batch import AnyBatch, parse_batch
from kafkactl.storage.records import Record

_NAME = re.compile(r"(\d+)(?:\.|$)")
_LOG_SUFFIX = ".log"
_BASE_OFFSET = struct.Struct(">q")  # the first field of a batch, in every format


def base_offset_of(path: Path) -> int:
    """Return the offset in a segment file's name; of a copy with another name, the first offset in the log itself.

    The log of an index is the file beside it. Raises UsageError where neither the name nor a log has an offset.
    """
    match = _NAME.match(path.name)
    if match is not None:
        return int(match[1])
    log = path.with_suffix(_LOG_SUFFIX)
    try:
        with log.open("rb") as file:
            first = file.read(_BASE_OFFSET.size)
    except OSError:
        first = b""
    if len(first) == _BASE_OFFSET.size:
        offset: int = _BASE_OFFSET.unpack(first)[0]
        return offset
    raise UsageError(
        f"{path}: neither the name nor the first batch has a base offset",
        "a broker names segments like 00000000000000000000.log; give an index the name of its log",
    )


class Segment:
    """An open segment file, mapped into memory; a context manager."""

    def __init__(self, path: Path | str) -> None:
        """Opens it; raises NotFoundError and UsageError."""
        self.path = Path(path)
        self._map, self.data = map_file(self.path)

    def __enter__(self) -> Segment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def base_offset(self) -> int:
        return base_offset_of(self.path)

    def batches(self, position: int = 0, end: int | None = None) -> Iterator[AnyBatch]:
        """Batches from a position on, up to the first that is not whole; raises FormatError for a corrupt one."""
        data = self.data if end is None else self.data[:end]
        while True:
            batch = parse_batch(data, position)
            if batch is None:
                return
            yield batch
            position += batch.size_bytes

    def records(self) -> Iterator[Record]:
        """The records of all batches but control batches; raises FormatError where one is corrupt."""
        for batch in self.batches():
            if not batch.is_control:
                yield from batch.records()

    def close(self) -> None:
        """Ends the mapping, unless somebody still holds a batch of it: then that one's end ends it."""
        if self._map is not None:
            try:
                self.data.release()
                self._map.close()
            except BufferError:
                pass


def map_file(path: Path) -> tuple[mmap.mmap | None, memoryview]:
    """A file's bytes without reading them; raises NotFoundError and UsageError."""
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:  # nothing can be mapped
                return None, memoryview(b"")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return mapped, memoryview(mapped)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory", "name the files in it: DIR/*.log") from None
    except PermissionError:
        raise UsageError(f"{path}: permission denied") from None
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read: {error}") from error
