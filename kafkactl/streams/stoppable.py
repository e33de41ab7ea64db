"""An input that ends where it ends, or where a signal finds it."""

from __future__ import annotations

import os
import select
import time
from typing import Protocol, runtime_checkable

CHUNK = 1 << 17
_REST_S = 2.0
"""So long the rest of a piece that was begun is read after a signal, while it comes without waiting."""


class Stop(Protocol):
    """What tells that a signal has come; cli.frame.stopping has it."""

    @property
    def is_requested(self) -> bool:
        """Whether a signal has come."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the time for deliveries after it is over."""
        ...

    def wait_readable(self, descriptor: int) -> bool:
        """Wait for something to read; return False when a signal came first."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        ...


class Input(Protocol):
    """Bytes that come when they come, such as a file's or what is typed."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes, at most `size`; nothing at the end."""
        ...


@runtime_checkable
class CanStop(Protocol):
    """An input that a signal may end within a piece, such as a line."""

    def ended(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, with its delimiter unless the input has ended; nothing for one that stays cut."""
        ...

    def rest_of_row(self, begun: bytes) -> bytes:
        """Return the line that goes on with a row of several lines; nothing at the end or where it stays cut."""
        ...

    def filled(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and what follows it, `size` bytes in all; fewer at the end, nothing if it stays cut."""
        ...

    @property
    def cut(self) -> bytes:
        """What was read of a piece whose end did not come any more."""
        ...


class StoppableInput:
    """The bytes of a descriptor up to its end or to a signal. After a signal only what was begun is read to its end.

    So a line is either read whole or not at all, and whoever reads the same input afterwards finds whole lines.
    """

    def __init__(self, descriptor: int, stop: Stop, chunk_bytes: int = CHUNK) -> None:
        self._descriptor, self._stop, self._chunk_bytes = descriptor, stop, chunk_bytes
        self._late_s: float | None = None
        try:
            self._start: int | None = os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError:  # a pipe
            self._start = None
        self.cut = b""
        """What was read of a piece whose end did not come any more."""

    def read1(self, size: int = -1) -> bytes:
        """Return what has come, waiting for one byte at least; nothing at the end or after a signal."""
        limit = self._chunk_bytes if size < 0 else min(size, self._chunk_bytes)
        while self._stop.wait_readable(self._descriptor):
            try:
                return os.read(self._descriptor, limit)
            except BlockingIOError:  # another process shares it, and has read first
                continue
        return b""

    @property
    def is_seekable(self) -> bool:
        """Whether it can be read again from where it began."""
        return self._start is not None

    def again(self) -> StoppableInput:
        """Return itself, at its beginning; only for one that is seekable."""
        assert self._start is not None
        os.lseek(self._descriptor, self._start, os.SEEK_SET)
        return self

    def ended(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, with its delimiter unless the input has ended; nothing for one that stays cut."""
        return self._read_to(delimiter, begun) if begun and self._stop.is_requested else begun

    def rest_of_row(self, begun: bytes) -> bytes:
        """Return the line that goes on with a row of several lines; nothing when the input has ended or stays cut."""
        if self.cut:
            self.cut = begun + self.cut
            return b""
        return self._read_to(b"\n", b"", row=begun) if self._stop.is_requested else b""

    def filled(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and what follows it, `size` bytes in all; fewer at the end, nothing if it stays cut."""
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
        """Return what can be read without waiting: nothing at the end, None where nothing comes."""
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


class Kept:
    """All that an input had, to be read again and again; after a signal it still gives all it has, once."""

    def __init__(self, source: StoppableInput) -> None:
        """Read the input to its end, or up to a signal."""
        chunks = []
        while chunk := source.read1():
            chunks.append(chunk)
        self._data, self._at, self._source = b"".join(chunks), 0, source

    def read1(self, size: int = -1) -> bytes:
        """Return some bytes, nothing at the end."""
        begin, self._at = self._at, self._at + (CHUNK if size < 0 else size)
        return self._data[begin : self._at]

    @property
    def cut(self) -> bytes:
        """What was read of a piece whose end did not come any more."""
        return self._source.cut

    def rest_of_row(self, begun: bytes) -> bytes:
        """Return the line that goes on with a row, as the input does."""
        return self._source.rest_of_row(begun)

    def again(self) -> Kept:
        """Return itself, at its beginning."""
        self._at = 0
        return self

    def ended(self, begun: bytes, delimiter: bytes) -> bytes:
        """Return the last piece, as the input does."""
        return self._source.ended(begun, delimiter)

    def filled(self, begun: bytes, size: int) -> bytes:
        """Return `begun` and what follows it, as the input does."""
        return self._source.filled(begun, size)
