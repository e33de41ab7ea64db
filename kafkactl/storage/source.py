"""Files that are read at any position: as they are, unpacked from gzip, or standard input.

The files are read and not mapped into memory. A mapped file that becomes shorter, as an index does when its broker
stops, kills the process that reads it. A read returns how many bytes there were.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from kafkactl.documents import read_piece
from kafkactl.errors import FormatError, MissingFileError, UsageError
from kafkactl.storage.compression import GZIP_WINDOW
from kafkactl.storage.files import GZIP_SUFFIX, STANDARD_INPUT

_COPIED_AT_ONCE = 1024 * 1024
_SEARCHED_BYTES = 64 * 1024
_LARGEST_SMALL_FILE = 2**31 - 1  # no broker writes a larger index
_COPY_HINT = "copy the file, and read the copy"
_GZIP_MAGIC = b"\x1f\x8b\x08"


class LostBytesError(FormatError):
    """Bytes that a file should have and that cannot be read."""


class StoredFile:
    """An open file for reading; its size is the size at the time of opening."""

    def __init__(self, path: Path) -> None:
        """Open a path; one that ends in .gz is unpacked, a FIFO is copied, and `-` is standard input.

        Standard input is unpacked where it begins as gzip data do. A FIFO, and standard input that is no file, are read
        until their writers close them, which may take time. Close the file after use. Raise MissingFileError for a
        missing file; UsageError for a folder, a file without read permission, a device, or a closed or terminal
        standard input; FormatError for a socket, where the file cannot be read or copied, and where a gzip file is
        empty or damaged before its first unpacked byte. `fault` says why a gzip file ends too early.
        """
        self.path = path
        self.fault: LostBytesError | None = None
        """Why the file has fewer bytes than it should have, or None; the bytes before that place can be read."""
        self._file = self._open()
        self.size_bytes = os.fstat(self._file.fileno()).st_size

    def read(self, position: int, size: int) -> bytes:
        """Return exactly `size` bytes from a position on.

        Raise LostBytesError where the file does not have all of them (any more), where they cannot be read, and where
        they do not fit into memory.
        """
        try:
            data = os.pread(self._file.fileno(), size, position)
            while len(data) < size and (more := os.pread(self._file.fileno(), size - len(data), position + len(data))):
                data += more
        except OSError as error:
            raise self._unreadable(position, error) from error
        except MemoryError:
            raise LostBytesError(
                f"{self.path}: {size} bytes from position {position} on do not fit into memory"
            ) from None
        if len(data) < size:
            raise self._shorter()
        return data

    def has_data(self, position: int) -> bool:
        """Return whether a byte that is not zero stands at a position or after it.

        Holes of sparse files are not read. Raise LostBytesError where the file cannot be read.
        """
        while (start := self._find_data(position)) < self.size_bytes:
            data = self.read(start, min(_SEARCHED_BYTES, self.size_bytes - start))
            if data.strip(b"\0"):
                return True
            position = start + len(data)
        return False

    def _find_data(self, position: int) -> int:
        """Return the first position from this one on that is in no hole of the file; the file's size without one.

        A position at or behind the end is returned as it is, and any position on a system that does not tell holes. The
        result is behind the end where a file that has grown goes on there. Raise LostBytesError where the file cannot
        be read, and where it became shorter and has no data from the position on.
        """
        if position >= self.size_bytes or not hasattr(os, "SEEK_DATA"):
            return position
        try:
            return os.lseek(self._file.fileno(), position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.EINVAL:  # a file system without holes
                return position
            if error.errno != errno.ENXIO:
                raise self._unreadable(position, error) from error
        size_bytes = os.fstat(self._file.fileno()).st_size
        if size_bytes < self.size_bytes:
            raise self._shorter()
        return self.size_bytes

    def _unreadable(self, position: int, error: OSError) -> LostBytesError:
        """Return (not raise) the error for a position that cannot be read."""
        return LostBytesError(f"{self.path}: position {position} cannot be read: {error.strerror}", _COPY_HINT)

    def _shorter(self) -> LostBytesError:
        """Return (not raise) the error for a file that became shorter."""
        return LostBytesError(
            f"{self.path}: the file became shorter while it was read: it had {self.size_bytes} bytes,"
            f" and has {os.fstat(self._file.fileno()).st_size} now",
            _COPY_HINT,
        )

    def close(self) -> None:
        """Close the file; nothing happens the second time."""
        self._file.close()

    def _open(self) -> BinaryIO:
        """Open the path, and return the file to read from; set `fault` where a gzip file is damaged or cut off.

        A FIFO is copied, and read until its writer closes it. Raise MissingFileError for a missing file; UsageError for
        a folder, a file without read permission, a device, or a closed or terminal standard input; FormatError for a
        socket, where the file cannot be read or copied, and where a gzip file is empty or damaged before its first
        unpacked byte.
        """
        path = self.path
        try:
            if path == STANDARD_INPUT:
                file, self.fault = _open_standard_input()
                return os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
            file = path.open("rb", buffering=0)
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISFIFO(mode):
                with file as pipe:
                    file = _copy_stream(pipe.read)
            elif not stat.S_ISREG(mode):
                file.close()
                raise UsageError(f"{path}: not a regular file")
            if path.suffix == GZIP_SUFFIX:
                with file:
                    unpacked, self.fault = _unpack(path, file)
                return unpacked
            return file
        except FileNotFoundError:
            raise MissingFileError(f"{path}: no such file") from None
        except IsADirectoryError:
            raise UsageError(f"{path} is a directory", "name the files in it: DIR/*.log") from None
        except PermissionError:
            raise UsageError(f"{path}: permission denied") from None
        except (OSError, ValueError) as error:
            raise FormatError(f"{path}: cannot be read: {error}") from error


def require_present(path: Path) -> None:
    """Raise an error for a path that names nothing or cannot be looked at; do nothing for a file, a folder or a device.

    Nothing is opened, and `-` is a name like any other. Raise MissingFileError where nothing is there, also for a
    broken link and a loop of links; UsageError without the right to look; FormatError for any other error, such as a
    name that is too long or a file in the place of a folder.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except PermissionError:
        raise UsageError(f"{path}: permission denied") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise MissingFileError(f"{path}: no such file") from None
        raise FormatError(f"{path}: cannot be read: {error}") from error


def read_file(path: Path) -> memoryview:
    """Return all bytes of a small file, unpacked if its name ends in .gz; `-` is standard input.

    Standard input that begins as gzip data do is unpacked, too. A FIFO is copied first, and read until its writer
    closes it. Raise MissingFileError for a missing file; UsageError for a folder, a file without read permission, a
    device, or a closed or terminal standard input; FormatError for 2 GiB or more, a socket, a file that cannot be read
    or copied, or a gzip file that is damaged or cut off.
    """
    file = StoredFile(path)
    try:
        if file.size_bytes > _LARGEST_SMALL_FILE:
            raise FormatError(f"{path}: {file.size_bytes} bytes are too many for an index or a snapshot")
        data = memoryview(file.read(0, file.size_bytes))
    finally:
        file.close()
    if file.fault is not None:
        raise file.fault
    return data


@cache
def _open_standard_input() -> tuple[BinaryIO, LostBytesError | None]:
    """Return standard input as a file, and its fault or None; gzip data are unpacked.

    A stream is read until its writer closes it, and copied from its present position on. The result is cached (an error
    is not), because standard input can be read only once: read the file by position, and do not close it. Raise
    UsageError where standard input is closed or a terminal, LostBytesError where gzip data are damaged before the first
    unpacked byte, OSError where it cannot be read or its copy cannot be written, and ValueError where the program has
    closed `sys.stdin`.
    """
    if sys.stdin is None:
        raise UsageError("standard input is closed", "name a file instead of -")
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal", "redirect a file: kafkactl dump-log - < FILE")
    descriptor = sys.stdin.fileno()
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and os.lseek(descriptor, 0, os.SEEK_CUR) == 0:
        file: BinaryIO = os.fdopen(os.dup(descriptor), "rb", buffering=0)
    else:
        file = _copy_stream(lambda size: read_piece(descriptor, size))
    if os.pread(file.fileno(), len(_GZIP_MAGIC), 0) == _GZIP_MAGIC:
        return _unpack(STANDARD_INPUT, file)
    return file, None


def _unpack(path: Path, file: BinaryIO) -> tuple[BinaryIO, LostBytesError | None]:
    """Return the content of a gzip file as a file, and why it ends too early, or None.

    The returned file is at its end, so read it by position. `path` is for messages. `file` is read from its beginning,
    and stays open. Raise LostBytesError where the file is empty or damaged before its first unpacked byte, and OSError
    where it cannot be read or its copy cannot be written.
    """
    file.seek(0)
    parts = _unpack_parts(file)
    copied = 0
    fault: LostBytesError | None = None

    def read(_: int) -> bytes:
        """Return the next unpacked part; b"" at the end and where the data are damaged, which `fault` then says.

        The number is ignored: a part has at most 1 MiB. Raise OSError where the file cannot be read.
        """
        nonlocal copied, fault
        try:
            part = next(parts, b"")
        except ValueError as error:
            reason = f"{path}: corrupt: its gzip data end after {copied} unpacked bytes: {error}"
            fault = LostBytesError(reason, _COPY_HINT)
            return b""
        copied += len(part)
        return part

    unpacked = _copy_stream(read)
    if fault is not None and copied == 0:
        unpacked.close()
        raise fault
    return unpacked, fault


def _unpack_parts(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a gzip file in parts that are not empty; several gzip files may follow each other.

    Reading begins at the present position. Raise ValueError, after the parts before it, where the file is empty,
    damaged or cut off, or where other bytes follow, also zeros; and OSError where it cannot be read.
    """
    from isal import isal_zlib  # twice as fast as zlib

    stream = isal_zlib.decompressobj(GZIP_WINDOW)
    while data := file.read(_COPIED_AT_ONCE):
        while data:
            if stream.eof:  # another gzip file may follow
                stream = isal_zlib.decompressobj(GZIP_WINDOW)
            try:
                part: bytes = stream.decompress(data, _COPIED_AT_ONCE)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub has it as a value
                raise ValueError(str(error)) from error
            if part:
                yield part
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
    if not stream.eof:
        raise ValueError("they are cut off")


def _copy_stream(read: Callable[[int], bytes | None]) -> BinaryIO:
    """Return a file without a name that has all bytes of a stream; it is at its end, so read it by position.

    `read` gets a number of bytes and returns up to this many; b"" or None is the end. The file is on disk where a
    folder for temporary files exists, else in memory. Raise OSError where the copy cannot be written, and the errors of
    `read`.
    """
    copy = _create_nameless_file()
    while data := read(_COPIED_AT_ONCE):
        copy.write(data)
    copy.flush()
    return copy


def _create_nameless_file() -> BinaryIO:
    """Return an empty file without a name; in memory where no file can be created on disk.

    Raise OSError where neither is possible.
    """
    try:
        import tempfile  # brings in random

        return tempfile.TemporaryFile()
    except OSError:
        if not hasattr(os, "memfd_create"):
            raise
        return os.fdopen(os.memfd_create("kafkactl"), "w+b")  # every file system is read-only
