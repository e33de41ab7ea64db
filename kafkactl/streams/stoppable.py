"""Input that ends at its end, or where a signal stops it."""

from __future__ import annotations

import os
import select
import time
from typing import Protocol, runtime_checkable

CHUNK = 1 << 17
_REST_S = 2.0
"""Longest time after a signal in which the rest of a piece is read, as far as it comes without waiting."""


class Stop(Protocol):
    """State of a signal that stops the command; cli.frame.stopping implements it."""

    @property
    def is_requested(self) -> bool:
        """Return whether a signal has come. It stays true."""
        ...

    @property
    def is_over(self) -> bool:
        """Return whether the time for deliveries after the signal is over; False before a signal."""
        ...

    def wait_readable(self, descriptor: int) -> bool:
        """Wait for something to read from a descriptor, or its end, and return True; False where a signal came first.

        After a signal it is False at once.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds, or until a signal comes; after a signal return at once."""
        ...


class Input(Protocol):
    """Bytes that come in parts, such as those of a file or of a person who types."""

    def read1(self, size: int = -1, /) -> bytes:
        """Wait for bytes and return some, at most `size` (below 0: any number); nothing at the end.

        Most inputs return nothing after a signal, too. A line that is typed after a prompt comes whole, whatever the
        `size`. Raise OSError where the input cannot be read.
        """
        ...


@runtime_checkable
class CanStop(Protocol):
    """An input that a signal may end inside a piece, such as a line."""

    def finish_piece(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, whose beginning `begun` was read, with its delimiter unless the input has ended.

        Before a signal `begun` comes back alone. With an empty delimiter the piece goes to the end of the input. Return
        nothing for a piece that stays cut; its bytes are in `cut` then. Raise OSError where the input cannot be read.
        """
        ...

    def finish_row(self, begun: bytes) -> bytes:
        """Return the line that continues a row of several lines, of which `begun` was read.

        The line has its end, except at the end of the input. Return nothing at the end, before a signal, or where the
        row stays cut; the row is in `cut` then. Raise OSError where the input cannot be read.
        """
        ...

    def fill_up(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and the bytes after it, `size` bytes in all; fewer at the end, nothing where it stays cut.

        Before a signal `begun` comes back alone. The bytes of a piece that stays cut are in `cut`. Raise OSError where
        the input cannot be read.
        """
        ...

    @property
    def cut(self) -> bytes:
        """Return the bytes of a piece whose end did not come; empty where no piece was cut."""
        ...


class StoppableInput:
    """The bytes of a descriptor up to its end or to a signal; after a signal a piece that was begun is read to its end.

    So a line is read as a whole or not at all, and the next reader of the same input finds whole lines.
    """

    def __init__(self, descriptor: int, stop: Stop, chunk_bytes: int = CHUNK) -> None:
        """Take a descriptor that is open for reading, the state of a signal, and the largest size of a part in bytes.

        The position at this time is the beginning for rewind(). A pipe has no position, and can only be read: see
        `is_seekable`. Nothing is read or raised, and the descriptor is never closed here.
        """
        self._descriptor, self._stop, self._chunk_bytes = descriptor, stop, chunk_bytes
        self._late_s: float | None = None
        try:
            self._start: int | None = os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError:  # a pipe
            self._start = None
        self.cut = b""
        """Bytes of a piece whose end did not come."""

    def read1(self, size: int = -1) -> bytes:
        """Return the bytes that have come, at most `size` and the size of a part, waiting for one byte at least.

        A `size` below 0 is no bound. Return nothing at the end, for a `size` of 0, and after a signal, also within a
        piece: finish_piece() and the other methods read its rest then. Raise OSError where the descriptor cannot be
        read.
        """
        limit = self._chunk_bytes if size < 0 else min(size, self._chunk_bytes)
        while self._stop.wait_readable(self._descriptor):
            try:
                return os.read(self._descriptor, limit)
            except BlockingIOError:  # another process shares it, and has read first
                continue
        return b""

    @property
    def is_seekable(self) -> bool:
        """Return whether the input can be read again from its beginning: True for a file, False for a pipe."""
        return self._start is not None

    def rewind(self) -> StoppableInput:
        """Go back to the position at the creation of this object, and return the object.

        Raise AssertionError for an input that is not seekable.
        """
        assert self._start is not None
        os.lseek(self._descriptor, self._start, os.SEEK_SET)
        return self

    def finish_piece(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, whose beginning `begun` was read, with its delimiter unless the input has ended.

        Before a signal `begun` comes back alone; an empty `begun` always does. With an empty delimiter the piece goes
        to the end of the input. The rest is read only as far as it comes without waiting, for at most 2 s after the
        first such read. Return nothing for a piece that stays cut; its bytes are in `cut` then. Raise OSError where the
        descriptor cannot be read.
        """
        return self._read_to(delimiter, begun) if begun and self._stop.is_requested else begun

    def finish_row(self, begun: bytes) -> bytes:
        """Return the line that continues a row of several lines, of which `begun` was read.

        The line has its end, except at the end of the input. It is read only as far as it comes without waiting, for at
        most 2 s after the first such read. Return nothing at the end, before a signal, or where the row stays cut; the
        row is in `cut` then. Where a piece was cut before, nothing is read: `begun` goes before the bytes in `cut`.
        Raise OSError where the descriptor cannot be read.
        """
        if self.cut:
            self.cut = begun + self.cut
            return b""
        return self._read_to(b"\n", b"", row=begun) if self._stop.is_requested else b""

    def fill_up(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and the bytes after it, `size` bytes in all; fewer at the end, nothing where it stays cut.

        Before a signal, or with `size` bytes or more, `begun` comes back alone. After a signal an empty `begun` is
        filled up, too. The bytes are read only as far as they come without waiting, for at most 2 s after the first
        such read. The bytes of a piece that stays cut are in `cut`. Raise OSError where the descriptor cannot be read.
        """
        if not self._stop.is_requested:
            return begun
        piece = begun
        while len(piece) < size:
            more = self._read_now(size - len(piece))
            if more is None:
                self.cut = piece
                return b""
            if not more:
                break
            piece += more
        return piece

    def _read_to(self, delimiter: bytes, begun: bytes, row: bytes = b"") -> bytes:
        """Return a piece with its delimiter, or up to the end of the input; nothing where it stays cut.

        Only bytes that come without waiting are read, for at most 2 s after the object's first such read; otherwise the
        piece stays cut. Call it after a signal: this is not checked. `begun` is the beginning that was read. Without a
        delimiter (b"") the piece goes to the end. The bytes of a piece that stays cut are in `cut`, behind `row`. Raise
        OSError where the descriptor cannot be read.
        """
        piece = bytearray(begun)
        while not (delimiter and piece.endswith(delimiter)):
            byte = self._read_now(1)
            if byte is None:
                self.cut = row + piece
                return b""
            if not byte:
                break
            piece += byte
        return bytes(piece)

    def _read_now(self, size: int) -> bytes | None:
        """Return at most `size` bytes that can be read without waiting; nothing at the end, None where nothing comes.

        None also means that 2 s have passed since the first call. Raise OSError where the descriptor cannot be read.
        """
        now = time.monotonic()
        if self._late_s is None:
            self._late_s = now + _REST_S
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if now >= self._late_s or not poll.poll(0):
            return None
        try:
            return os.read(self._descriptor, size)
        except BlockingIOError:
            return None


class AnyLineEndInput(StoppableInput):
    r"""An input whose lines end in \n, \r\n or \r, as for Java's BufferedReader; it is read with \n as their end."""

    _after_return = False
    r"""Whether the last byte was \r; a \n after it belongs to the line end that was already returned."""

    def read1(self, size: int = -1) -> bytes:
        r"""Return the bytes that have come, at most `size` (below 0: any number), with \n for each line end.

        It waits for one byte at least. Return nothing at the end, for a `size` of 0, or after a signal. Raise OSError
        where the descriptor cannot be read.
        """
        while data := super().read1(size):
            if ended := self._end_lines(data):
                return ended
        return b""

    def rewind(self) -> StoppableInput:
        """Go back to the position at the creation of this object, and return the object.

        Raise AssertionError for an input that is not seekable.
        """
        self._after_return = False
        return super().rewind()

    def _read_now(self, size: int) -> bytes | None:
        r"""Return at most `size` bytes that can be read without waiting, with \n for each line end.

        Return nothing at the end. None means that nothing comes, or that 2 s have passed since the first call. Raise
        OSError where the descriptor cannot be read.
        """
        while data := super()._read_now(size):
            if ended := self._end_lines(data):
                return ended
        return data

    def _end_lines(self, data: bytes) -> bytes:
        r"""Return bytes with \n for each line end; nothing for a \n alone that follows the \r of the last call."""
        rest = data[1:] if self._after_return and data.startswith(b"\n") else data
        self._after_return = data.endswith(b"\r")
        return rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in rest else rest


class RepeatableInput:
    """All bytes of an input in memory, to be read again and again, also after a signal: the caller ends this."""

    def __init__(self, source: StoppableInput) -> None:
        """Read the input to its end, or up to a signal, into memory; raise OSError where it cannot be read."""
        chunks = []
        while chunk := source.read1():
            chunks.append(chunk)
        self._data, self._at, self._source = b"".join(chunks), 0, source

    def read1(self, size: int = -1) -> bytes:
        """Return some bytes from memory, at most `size` (below 0: 128 KiB), also after a signal; nothing at the end."""
        begin, self._at = self._at, self._at + (CHUNK if size < 0 else size)
        return self._data[begin : self._at]

    @property
    def cut(self) -> bytes:
        """Return the bytes of a piece whose end did not come; empty where no piece was cut."""
        return self._source.cut

    def finish_row(self, begun: bytes) -> bytes:
        """Return the line that continues a row of which `begun` was read.

        The line has its end, except at the end of the input. Return nothing at the end, before a signal, or where the
        row stays cut; the row is in `cut` then. Raise OSError where the descriptor cannot be read.
        """
        return self._source.finish_row(begun)

    def rewind(self) -> RepeatableInput:
        """Go back to the beginning of the bytes, and return the input itself."""
        self._at = 0
        return self

    def finish_piece(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, of which `begun` was read, with its delimiter unless the input has ended.

        Before a signal `begun` comes back alone. Return nothing where a signal cuts the piece; its bytes are in `cut`
        then. Raise OSError where the descriptor cannot be read.
        """
        return self._source.finish_piece(begun, delimiter)

    def fill_up(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and the bytes after it, `size` bytes in all; fewer at the end, nothing where it stays cut.

        Before a signal `begun` comes back alone. The bytes of a piece that stays cut are in `cut`. Raise OSError where
        the descriptor cannot be read.
        """
        return self._source.fill_up(begun, size)
