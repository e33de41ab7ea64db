r"""Writer of data to standard output, the only one.

`out` is the writer of descriptor 1, and `take_over_stdout()` lets `print` use it, too. It hands everything to the
kernel or raises. It never blocks inside a system call of a pipe, a socket or a terminal: it waits outside of the call,
where signals, a deadline and a hook can end the wait.

Which method to call:

- `write`, `write_text` and `text` are for everything. On a terminal they escape every control character except line
  feed and tab, so a forgotten call of an escape function shows `\x1b` and does no harm.
- `write_styled` and `styled` are for text with this program's own colour codes. Everything in it that comes from
  outside passes `escape_name` or `escape_text` first. Of a forgotten name, at most a colour or a move of the cursor
  gets through.
- `escape_name` is also for names in lines and tables, where a line feed would look like a new row.

Pipes and files get the bytes unchanged.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, BinaryIO, TextIO, cast

from kafkactl.errors import KafkactlError
from kafkactl.escaping import TerminalEscaper, encode_text, escape_for_terminal, escape_styled

BUFFER_BYTES = 64 * 1024
STANDARD_OUTPUT = "standard output"

# A blocked writer looks this often at its deadline, and calls its hook.
_SLICE_MS = 200
# A write with this flag never blocks, whatever the descriptor's own flags are. Only Linux has it.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_WITHOUT_FLAG = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EPERM}
_HINTS = {
    errno.ENOSPC: "free space on its file system, or write to another file",
    errno.EDQUOT: "free space within your quota, or write to another file",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or write to another file",
    errno.EBADF: "open it for writing: kafkactl ... > FILE",
}
_reserved: set[int] = set()

Bytes = bytes | bytearray | memoryview


class OutputError(KafkactlError):
    """Failure to write data; the writer that raised it writes nothing more."""


class WriteTimeoutError(OutputError):
    """The reader took no data before the writer's deadline."""


class ReaderLeftError(BrokenPipeError):
    """The reader of a pipe or socket left; this is no failure of the command, whose status is 0."""


class _Batch:
    """Accepted data, and the numbers of bytes that the kernel took of it.

    A signal handler can raise directly after a system call, before Python stores the result. So C code puts each number
    into `counts` (see `_Channel._offer`), and a batch is replaced by one assignment.
    """

    __slots__ = ("base", "counts", "data")

    def __init__(self, base: int, data: Bytes) -> None:
        """Take the position of the first byte in the whole output, and the bytes, which are not copied."""
        self.base, self.data = base, data
        self.counts: list[int] = []


class _Channel:
    """A descriptor: its kind, and the way to write to it without blocking."""

    def __init__(self, descriptor: int) -> None:
        """Take a descriptor, and find out its kind; a pipe or terminal may be opened a second time.

        Nothing is raised.
        """
        mode = _read_mode(descriptor)
        self._descriptor = self._target = descriptor
        self.is_pipe = stat.S_ISFIFO(mode)
        self.is_terminal = stat.S_ISCHR(mode) and os.isatty(descriptor)
        self._poll: Any = None
        self._flags: int | None = None
        self._polls_first = False
        if self.is_pipe or stat.S_ISSOCK(mode):
            self._flags = _NO_WAIT
        if self._flags is None and (self.is_pipe or stat.S_ISSOCK(mode) or self.is_terminal):
            self._do_without_flag()

    def close(self) -> None:
        """Close the second descriptor, if one was opened here; the first stays open. Do not call this twice."""
        if self._target != self._descriptor:
            os.close(self._target)

    def try_write(self, data: memoryview, counts: list[int]) -> bool:
        """Write bytes for which there is room, not always all, and append the number of written bytes to `counts`.

        Return False where there is no room. Return True without a new number where the kernel refused the way of
        writing: the next call uses another way. Raise OSError for a failure of the descriptor.
        """
        try:
            return self._offer(data, counts)
        except BlockingIOError:
            return False
        except OSError as error:
            if self._flags is None or error.errno not in _WITHOUT_FLAG:
                raise
        self._do_without_flag()  # a kernel before 6.5, or a sandbox
        return True

    def _do_without_flag(self) -> None:
        """Write from now on without the flag of pwritev: to a second descriptor that does not block.

        Where none can be opened, as for a socket, each write polls first. It is for terminals, and for systems and
        kernels that do not have the flag. `close` closes the second descriptor. Nothing is raised.
        """
        target = _reopen_without_blocking(self._descriptor, self.is_terminal)
        self._polls_first = target == self._descriptor
        self._target = target
        self._flags = self._poll = None  # the last assignment: an exception of a signal before it changes nothing

    def _offer(self, data: memoryview, counts: list[int]) -> bool:
        """Write once, without blocking, and append the number of written bytes to `counts`.

        Where there is no room, return False or raise BlockingIOError, by the way of writing. Raise OSError for any
        failure.
        """
        if self._flags is not None:
            counts.extend(map(os.pwritev, (self._target,), ((data,),), (-1,), (self._flags,)))
        elif not self._polls_first:
            counts.extend(map(os.write, (self._target,), (data,)))
        else:
            if not self.wait(0):
                return False
            with data[: self._room_bytes()] as part:
                counts.extend(map(os.write, (self._target,), (part,)))
        return True

    def _room_bytes(self) -> int:
        """Return how many bytes can be written without blocking when poll reports room."""
        import select

        return min(select.PIPE_BUF, 256) if self.is_terminal else select.PIPE_BUF

    def wait(self, wait_ms: int) -> bool:
        """Wait up to `wait_ms` until the descriptor has room or has failed; return False where the time is over.

        A failure counts as room, because the next write reports it.
        """
        if self._poll is None:
            import select

            self._poll = select.poll()
            self._poll.register(self._target, select.POLLOUT)
        return bool(self._poll.poll(wait_ms))

    def has_reader(self) -> bool:
        """Return whether this pipe still has a reader, without waiting; False where the descriptor was closed."""
        import select

        poll = select.poll()
        poll.register(self._descriptor, 0)
        return not poll.poll(0)

    def count_unread_bytes(self) -> int:
        """Return the number of unread bytes in this pipe, those of other writers included; 0 where that is unknown.

        That is so on systems other than Linux and for other kinds of outputs. Raise OSError where the descriptor of a
        pipe was closed meanwhile.
        """
        if not (self.is_pipe and sys.platform == "linux"):
            return 0
        import fcntl
        import termios

        answer = fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)


class DescriptorWriter:
    """A buffered writer of one descriptor that loses and repeats nothing.

    An exception of a signal handler or of `while_blocked` ends a write. Then `handed_over` is exact, `pending` is the
    rest of the accepted bytes, and the next `flush` continues after the last byte that the kernel took. An error of the
    descriptor is final: every later `write` and `flush` raises it again.

    Only one thread may use a writer. A signal handler and `while_blocked` must not write to it.
    """

    def __init__(self, descriptor: int, name: str = STANDARD_OUTPUT) -> None:
        """Take a descriptor, which is looked at when it is first used, and the output's name for messages."""
        self.descriptor, self.name = descriptor, name
        self.text = cast(TextIO, _TextAdapter(self, self.write_text))
        """A text stream of this writer, for `print`, csv and other code that wants a file."""
        self.styled = cast(TextIO, _TextAdapter(self, self.write_styled))
        """A text stream that lets colour codes pass, for rich's Console."""
        self.binary = cast(BinaryIO, _BinaryAdapter(self))
        """A binary stream of this writer, for pyarrow and other code that wants a file."""
        self.restart()

    def restart(self) -> None:
        """Forget all data, counts, errors, the deadline and the hook, for a forked process and between tests.

        The second descriptor that the writer may have opened for the pipe or terminal is closed. Bytes that were not
        handed over are lost. The descriptor stays open, and is looked at again when it is next used.
        """
        if (channel := self.__dict__.pop("_channel", None)) is not None:
            channel.close()
        self._escaper: TerminalEscaper | None = None
        self._batch = _Batch(0, bytearray())
        self._read_at_least = 0
        self.error: OutputError | ReaderLeftError | None = None
        self.deadline: float | None = None
        """Time of `time.monotonic()` after which a blocked write raises WriteTimeoutError; None means no deadline."""
        self.while_blocked: Callable[[], object] | None = None
        """Function that is called about five times a second while the output is blocked, or None."""

    @property
    def is_terminal(self) -> bool:
        """Return whether the descriptor is a terminal, False for a closed one, as it was at its first use."""
        return self._channel.is_terminal

    @property
    def handed_over(self) -> int:
        """Return the number of bytes that the kernel took from this writer."""
        return self._batch.base + sum(self._batch.counts)

    @property
    def pending(self) -> int:
        """Return the number of bytes that were accepted and not handed over.

        A character that is incomplete on a terminal does not count.
        """
        return len(self._batch.data) - sum(self._batch.counts)

    @property
    def accepted(self) -> int:
        """Return the position after the last accepted byte.

        A record is handed over when `handed_over` reaches the position after its last byte.
        """
        return self._batch.base + len(self._batch.data)

    @property
    def read_at_least(self) -> int:
        """Return the number of bytes that the reader of a pipe has certainly read, which only Linux tells.

        Elsewhere, and for any other output than a pipe, it is `handed_over`. Raise OSError where the descriptor of a
        pipe was closed meanwhile.
        """
        unread = self._channel.count_unread_bytes()
        self._read_at_least = max(self._read_at_least, self.handed_over - unread)
        return self._read_at_least

    @property
    def received(self) -> int:
        """Return the number of bytes that the reader got or can still get.

        That is `handed_over`, or, after the reader of a pipe left, `read_at_least`: what it has certainly read. Raise
        OSError where the descriptor of a pipe was closed meanwhile.
        """
        reader_left = self._channel.is_pipe and not self._channel.has_reader()
        certain = self.read_at_least
        return certain if reader_left else self.handed_over

    def write(self, data: Bytes) -> None:
        """Accept bytes, and hand them over when 64 KiB are together.

        A terminal gets them at once, with control characters except line feed and tab escaped; only a character that is
        incomplete at the end waits. Raise OutputError where they cannot be written, its subclass WriteTimeoutError
        after `deadline`, and ReaderLeftError where the reader of a pipe or socket left. An earlier one of these is
        raised again by every call. An exception of a signal handler or of `while_blocked` passes through; afterwards
        `accepted` tells whether the bytes were accepted. They are not where they are 64 KiB or more, and those before
        them could not be handed over.
        """
        if self._channel.is_terminal:
            self._escaper = self._escaper or TerminalEscaper()
            data = self._escaper.escape(data)
        self._accept(data)

    def write_text(self, text: str) -> None:
        """Accept text, as UTF-8, and hand it over when 64 KiB are together.

        A terminal gets it at once, with control characters except line feed and tab escaped. No text is refused:
        `encode_text` makes lone surrogates bytes or visible escapes. Raise OutputError where it cannot be written, its
        subclass WriteTimeoutError after `deadline`, and ReaderLeftError where the reader left; an earlier one again.
        Exceptions are otherwise as in `write`.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = encode_text(text)
        self.write(data)

    def write_styled(self, text: str) -> None:
        """Accept text, as UTF-8, and let the codes of this program's styles pass to a terminal.

        Those are colours, moves of the cursor, erasing, and showing and hiding the cursor. A terminal gets the text at
        once, with all other controls except line feed and tab escaped; other outputs get all codes, when 64 KiB are
        together. Lone surrogates are as in `write_text`. Text from outside in it must have passed `escape_name` or
        `escape_text`. Raise OutputError where it cannot be written, its subclass WriteTimeoutError after `deadline`,
        and ReaderLeftError where the reader of a pipe or socket left; an earlier one again. Exceptions are otherwise as
        in `write`.
        """
        if self.is_terminal:
            self._release_tail()
            text = escape_styled(text)
        self._accept(encode_text(text))

    def escape_name(self, text: str) -> str:
        """Return a name or another text of one line, escaped by escape_for_terminal if the output is a terminal.

        Line feed and tab are escaped, too. For a file or pipe the text is returned unchanged.
        """
        return escape_for_terminal(text, keep_line_ends=False) if self.is_terminal else text

    def escape_text(self, text: str) -> str:
        """Return text, escaped by escape_for_terminal, except for line feed and tab, if the output is a terminal.

        For a file or pipe the text is returned unchanged.
        """
        return escape_for_terminal(text, keep_line_ends=True) if self.is_terminal else text

    def flush(self) -> None:
        """Hand over everything that was accepted, waiting where there is no room.

        A character that is incomplete on a terminal is handed over, too. Before all comes what `print` keeps in a
        buffer of its own for this descriptor. Raise OutputError where it cannot be written, its subclass
        WriteTimeoutError after `deadline`, and ReaderLeftError where the reader of a pipe or socket left. An earlier
        one of these is raised again. An exception of a signal handler or of `while_blocked` passes through.
        """
        self._raise_error()
        self._release_tail()
        self._flush_print()
        self._send()

    def discard_pending(self) -> None:
        """Forget the bytes that were accepted and not handed over, also a character begun. An earlier error stays."""
        self._escaper = None
        self._batch = _Batch(self.handed_over, bytearray())

    @cached_property
    def _channel(self) -> _Channel:
        """Return the channel, which is opened at its first use. Nothing is raised for a closed descriptor."""
        return _Channel(self.descriptor)

    def _accept(self, data: Bytes) -> None:
        """Add bytes to the buffer, and hand it over when it is full or the output is a terminal.

        64 KiB or more are written directly, after the buffer, and not copied. Nothing is escaped. Raise OutputError
        where the bytes cannot be written, its subclass WriteTimeoutError after `deadline`, ReaderLeftError where the
        reader of a pipe or socket left, and again the error of an earlier call. An exception of `while_blocked` or of a
        signal handler passes through; if it comes while the buffer is written before 64 KiB or more, these bytes are
        not accepted.
        """
        if self.error is not None:
            self._raise_error()
        if not isinstance(data, bytes):
            data = memoryview(data).cast("B")
        if len(data) >= BUFFER_BYTES:
            self._send()
            self._send(data)
            return
        if not isinstance(self._batch.data, bytearray):
            self._settle()  # after two signals within one write
        batch = self._batch
        batch.data += data  # type: ignore[operator]
        if self._channel.is_terminal or len(batch.data) >= BUFFER_BYTES:
            self._send()

    def _release_tail(self) -> None:
        """Accept the bytes that wait for the rest of their character, escaped.

        Raise OutputError and ReaderLeftError. An exception of `while_blocked` passes through.
        """
        if self._escaper is not None and (tail := self._escaper.finish()):
            self._accept(tail)

    def _send(self, data: Bytes = b"") -> None:
        """Hand over the buffer, or other data instead, which are not copied.

        Empty `data` means the buffer; before other data the buffer must be empty. Where there are bytes, the content of
        `print`'s own buffer is handed over before them. An exception of `while_blocked` or of a signal handler passes
        through. Bytes that the kernel did not take stay pending, also after an exception. Raise OutputError and
        ReaderLeftError.
        """
        try:
            if data:
                self._batch = _Batch(self._batch.base, data)
            if self._batch.data:
                self._flush_print()
                self._hand_over(self._batch)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Keep only the pending bytes, as a copy, because the caller's memory may change afterwards.

        `handed_over` and `pending` stay the same.
        """
        batch = self._batch
        taken = sum(batch.counts)
        with memoryview(batch.data) as whole, whole[taken:] as rest:
            self._batch = _Batch(batch.base + taken, bytearray(rest))

    def _hand_over(self, batch: _Batch) -> None:
        """Write the rest of a batch, waiting where there is no room; its `counts` grow by the written numbers of bytes.

        Raise OutputError and ReaderLeftError. An exception of `while_blocked` or of a signal handler passes through.
        """
        counts = batch.counts
        position = sum(counts)
        with memoryview(batch.data) as whole:
            while position < len(whole):
                earlier_count = len(counts)
                with whole[position:] as rest:
                    has_room = self._try_write(rest, counts)
                position += sum(counts[earlier_count:])
                if not has_room:
                    self._wait()

    def _try_write(self, data: memoryview, counts: list[int]) -> bool:
        """Write bytes for which there is room, append the number of written bytes to `counts`, and return True.

        Return False where there is no room. True without a new number means that the next call writes in another way.
        Raise OutputError or ReaderLeftError, and keep it for later calls, where the descriptor fails.
        """
        try:
            return self._channel.try_write(data, counts)
        except OSError as failure:
            raise self._fail(self._translate(failure)) from failure

    def _wait(self) -> None:
        """Wait for room, and call the hook, if there is one, about five times a second.

        Raise WriteTimeoutError after the deadline, and keep it for later calls. Errors of the hook pass through. A
        failure of the descriptor ends the waiting; the next write reports it.
        """
        while not self._channel.wait(self._slice_ms()):
            if self.while_blocked is not None:
                self.while_blocked()

    def _slice_ms(self) -> int:
        """Return how long to wait before the hook's next call, in ms, 1 to 200; it is 200 without a deadline.

        Raise WriteTimeoutError after the deadline, or up to 0.5 ms before it, and keep it for later calls.
        """
        if self.deadline is None:
            return _SLICE_MS
        left_ms = round((self.deadline - time.monotonic()) * 1000)
        if left_ms <= 0:
            raise self._fail(WriteTimeoutError(f"cannot write to {self.name}: timed out"))
        return min(left_ms, _SLICE_MS)

    def _translate(self, failure: OSError) -> OutputError | ReaderLeftError:
        """Return (not raise) the error for a failed write: ReaderLeftError where the reader left, else OutputError."""
        return translate_error(failure, self.descriptor, self.name)

    def _fail(self, error: OutputError | ReaderLeftError) -> OutputError | ReaderLeftError:
        """Keep the error for every later call, and return it.

        Where `print` writes to this descriptor through another stream, it uses this writer from then on. The buffer of
        that stream is dropped, so that nothing is written at exit, if it is Python's first standard output; else it
        stays as it is. Pending bytes stay, too.
        """
        self.error = error
        if _writes_to(sys.stdout, self.descriptor):
            _drop_print(sys.stdout)
            sys.stdout = self.text
        return error

    def _raise_error(self) -> None:
        """Raise the error of an earlier call, if there was one; else do nothing."""
        if self.error is not None:
            raise self.error.with_traceback(None)

    def _flush_print(self) -> None:
        """Hand over the content of `print`'s buffer, where `print` writes to this descriptor by a stream of its own.

        On a descriptor that blocks the system call waits, so `deadline` and `while_blocked` have no effect then.
        Raise OutputError where it cannot be written, its subclass WriteTimeoutError after `deadline`, and
        ReaderLeftError where the reader of a pipe or socket left; the error is kept for later calls. Errors of
        `while_blocked` pass through.
        """
        while _writes_to(sys.stdout, self.descriptor):
            try:
                sys.stdout.flush()
                return
            except BlockingIOError:
                self._wait()
            except OSError as failure:
                raise self._fail(self._translate(failure)) from failure


class _TextAdapter(io.TextIOBase):
    """A text stream on top of a writer; closing it does not close the descriptor."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, writer: DescriptorWriter, write: Callable[[str], None]) -> None:
        """Take a writer, and its method that accepts text: `write_text` or `write_styled`."""
        self._writer, self._write = writer, write

    @property
    def buffer(self) -> BinaryIO:
        """Return the binary stream of the writer."""
        return self._writer.binary

    def write(self, text: str) -> int:
        """Write text; return its number of characters.

        Raise OutputError where it cannot be written, and ReaderLeftError where the reader of a pipe or socket left. An
        exception of `while_blocked` passes through.
        """
        self._write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over everything that the writer accepted.

        Raise OutputError where it cannot be written, and ReaderLeftError where the reader of a pipe or socket left. An
        exception of `while_blocked` passes through. The interpreter calls this at exit, so an error that was raised
        before is not raised again.
        """
        if self._writer.error is None:
            self._writer.flush()

    def close(self) -> None:
        """Do nothing: Python calls this for a lost object, whose descriptor may be another file by then."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the writer writes to a terminal."""
        return self._writer.is_terminal

    def fileno(self) -> int:
        """Return the descriptor of the writer."""
        return self._writer.descriptor


class _BinaryAdapter(io.BufferedIOBase):
    """A binary stream on top of a writer; closing it does not close the descriptor."""

    mode = "wb"

    def __init__(self, writer: DescriptorWriter) -> None:
        """Take a writer, which gets all bytes."""
        self._writer = writer

    def write(self, data: Any) -> int:
        """Write bytes, or any object with a contiguous buffer; return their number.

        Raise TypeError for text, OutputError where the bytes cannot be written, and ReaderLeftError where the reader of
        a pipe or socket left. An exception of `while_blocked` passes through.
        """
        view = data if isinstance(data, bytes) else memoryview(data).cast("B")
        self._writer.write(view)
        return len(view)

    def flush(self) -> None:
        """Hand over everything that the writer accepted.

        Raise OutputError where it cannot be written, and ReaderLeftError where the reader of a pipe or socket left. An
        error that was raised before is not raised again. An exception of `while_blocked` passes through.
        """
        if self._writer.error is None:
            self._writer.flush()

    def close(self) -> None:
        """Do nothing: Python calls this for a lost object, whose descriptor may be another file by then."""

    def tell(self) -> int:
        """Return the position after the last accepted byte, counted from the writer's start or restart."""
        return self._writer.accepted

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the writer writes to a terminal."""
        return self._writer.is_terminal

    def fileno(self) -> int:
        """Return the descriptor of the writer."""
        return self._writer.descriptor


def take_over_stdout() -> None:
    """Reserve the standard descriptors and let `print` write through `out`; main calls this first.

    Where standard output was closed, OutputError is raised when data are handed over to it. An error of what `print`
    wrote before is not raised here, but by the first write to `out`. A second call changes nothing. Raise OSError where
    a standard descriptor is closed and no file can be opened in its place.
    """
    reserve_descriptors()
    with suppress(OutputError, ReaderLeftError):  # `out` raises it again at the first write
        out._flush_print()
    sys.stdout = out.text


def reserve_descriptors() -> None:
    """Open a harmless file at each closed descriptor of 0, 1 and 2, and give Python a stream for it.

    So no file or socket that is opened later gets this number. Standard input is empty, standard output raises
    OutputError when data are handed over, and standard error drops all text. Child processes inherit these files.
    was_closed() remembers the descriptors. A second call changes nothing. Raise OSError where no file can be opened.
    """
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        if _read_mode(descriptor) == 0:
            os.set_inheritable(os.open(os.devnull, flags), True)  # the lowest free number is this one
            _reserved.add(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # it stays open
    if sys.stdout is None:
        sys.stdout = out.text
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def was_closed(descriptor: int) -> bool:
    """Return whether reserve_descriptors found a descriptor closed; False for all before its call."""
    return descriptor in _reserved


def write_all(descriptor: int, data: Bytes, *, position: int | None = None, deadline: float | None = None) -> None:
    """Hand all bytes to the kernel: for forked processes and compiled code, which share no writer.

    With a `position` the bytes are written there in a file, whatever others write elsewhere in it. `deadline` is a time
    of `time.monotonic()`, or None to wait without a bound; it has no effect with a position, nor where there is room.
    Raise OutputError, ReaderLeftError where the reader of a pipe or socket left, and WriteTimeoutError after the
    deadline; a part of the bytes may be written then. The errors name standard output, whatever the descriptor is.
    Buffers of `print` and of writers are not written before; an error can drop that of `print`. The data are not
    escaped: a terminal needs a DescriptorWriter.
    """
    if position is not None:
        return _write_at(descriptor, memoryview(data).cast("B"), position)
    writer = DescriptorWriter(descriptor)
    writer.deadline = deadline
    try:
        writer._hand_over(_Batch(0, memoryview(data).cast("B")))
    finally:
        writer.restart()


def translate_error(failure: OSError, descriptor: int, name: str) -> OutputError | ReaderLeftError:
    """Return (not raise) the error for a failed write: ReaderLeftError for EPIPE and ECONNRESET, else OutputError.

    `name` is the name of the output in the text.
    """
    if failure.errno in (errno.EPIPE, errno.ECONNRESET):
        return ReaderLeftError(errno.EPIPE, f"the reader of {name} left")
    reason = failure.strerror or str(failure)
    if failure.errno == errno.EBADF:
        is_closed = descriptor in _reserved or _read_mode(descriptor) == 0
        reason = "it is closed" if is_closed else "it is not open for writing"
    return OutputError(f"cannot write to {name}: {reason}", _HINTS.get(failure.errno or 0))


def _write_at(descriptor: int, data: memoryview, position: int) -> None:
    """Write all bytes at a position of a file, in bytes from its start.

    Raise OutputError where they cannot be written, also for a pipe; a part may be written then. The error names
    standard output, whatever the descriptor is.
    """
    end = position + len(data)
    while data:
        try:
            data = data[os.pwrite(descriptor, data, end - len(data)) :]
        except OSError as failure:
            raise translate_error(failure, descriptor, STANDARD_OUTPUT) from failure


def _read_mode(descriptor: int) -> int:
    """Return the type and mode of an open file, as st_mode has them, or 0 where the descriptor is closed."""
    try:
        return os.fstat(descriptor).st_mode
    except OSError:
        return 0


def _reopen_without_blocking(descriptor: int, is_terminal: bool) -> int:
    """Return another descriptor of a pipe or terminal that does not block, or the old one if none can be opened.

    `is_terminal` says which of both it is. A socket gives the old one. The caller closes another one. A change of the
    old one would affect the shell and every other process that has it.
    """
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    with suppress(OSError):
        return os.open(os.ttyname(descriptor), flags) if is_terminal else descriptor
    return descriptor


def _writes_to(stream: TextIO | None, descriptor: int) -> bool:
    """Return whether a stream has its own buffer in front of this descriptor.

    False for None and for our own streams.
    """
    if stream is None or isinstance(stream, _TextAdapter):
        return False
    try:
        return stream.fileno() == descriptor
    except (AttributeError, OSError, ValueError):
        return False


def _drop_print(stream: TextIO) -> None:
    """Drop the buffer of a stream of Python's own, so that it is not written at exit.

    Its descriptor stays open, and the stream cannot be used any more. Any other stream than Python's first standard
    output is left alone.
    """
    if stream is sys.__stdout__:
        with suppress(AttributeError, OSError):
            stream.buffer.raw.close()  # Python made it with closefd=False


out = DescriptorWriter(1)
