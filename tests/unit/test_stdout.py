"""Check that data reach every kind of descriptor whole, once and in order, or fail with the right error."""

from __future__ import annotations

import csv
import errno
import fcntl
import gc
import itertools
import json
import os
import pickle
import pty
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from kafkactl import stdout
from kafkactl.escaping import encode_text, escape_bytes_for_terminal
from kafkactl.stdout import BUFFER_BYTES, DescriptorWriter, OutputError, ReaderLeftError, WriteTimeoutError, write_all

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 30.0
LARGE = bytes(range(256)) * 1500  # six times the size of a pipe
LETTERS_ONLY = b"letters " * 50_000  # the same on a terminal
FORMS: dict[str, list[bytes | str]] = {
    "empty": [b"", "", b""],
    "small": [b"one\n", b"two\n"],
    "text": ["Grüße ", "한국어\n", "\udcff\udc80 ", "\ud800\n"],
    "large": [LARGE],
    "large text": ["한국어 " * 50_000],
    "small around large": [b"before\n", LARGE, b"between\n", LARGE, b"after\n"],
    "many small": [b"%d\n" % number for number in range(40_000)],
}


class InterruptionError(Exception):
    """What the signal handlers of these tests raise."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and fail after half a minute."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at, "the condition never came true"
        time.sleep(0.0005)


def is_full(descriptor: int) -> bool:
    """Return whether a write would block."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return not poll.poll(0)


def unread_bytes(descriptor: int) -> int:
    """Return how many bytes lie unread in a pipe."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def read_available(descriptor: int) -> bytes:
    """Return what lies unread in a pipe."""
    return os.read(descriptor, max(unread_bytes(descriptor), 1))


def join(pieces: list[bytes | str]) -> bytes:
    """Return the bytes of all pieces."""
    return b"".join(piece if isinstance(piece, bytes) else encode_text(piece) for piece in pieces)


class Target:
    """A descriptor to write to, and a thread that reads its other end."""

    def __init__(self, write_end: int, read_end: int, *, slow: bool = False) -> None:
        self.write_end, self.read_end, self.slow = write_end, read_end, slow
        self.data, self._closing = bytearray(), False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self) -> bytes:
        """Close the write end, and return everything that was read."""
        self._closing = True
        os.close(self.write_end)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        os.close(self.read_end)
        return bytes(self.data)

    def _read(self) -> None:
        closed = False
        for number in itertools.count():
            if self.slow and number < 5:
                # The first reads wait until the writer is blocked, and then make room for a part only.
                wait_until(lambda: self._closing or is_full(self.write_end))
            try:
                piece = os.read(self.read_end, 5000 if self.slow else 1 << 20)
            except OSError:  # EIO: a terminal whose other end was closed
                if closed:
                    return
                closed = True  # what was written while this read looked for data comes with the next one
                continue
            if not piece:
                return
            self.data += piece


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def open_pipe() -> tuple[int, int]:
    """Return the write end and the read end of a pipe."""
    read_end, write_end = os.pipe()
    return write_end, read_end


def open_slow_non_blocking_pipe() -> tuple[int, int]:
    """Return a pipe whose write end does not block."""
    write_end, read_end = open_pipe()
    os.set_blocking(write_end, False)
    return write_end, read_end


def open_terminal() -> tuple[int, int]:
    """Return a terminal that changes nothing of what is written to it, and its master."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    return slave, master


def open_sockets() -> tuple[int, int]:
    """Return both ends of a pair of sockets."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


OPENERS = {
    "pipe": open_pipe,
    "slow non-blocking pipe": open_slow_non_blocking_pipe,
    "terminal": open_terminal,
    "sockets": open_sockets,
}


@pytest.fixture(params=["flag", "reopen", "poll"])
def no_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write by all three ways: with a flag of new kernels, by a second descriptor, and as elsewhere."""
    if request.param != "flag":
        monkeypatch.setattr(stdout, "_NO_WAIT", 0x4000_0000)  # a flag that no kernel has
    if request.param == "poll":
        monkeypatch.setattr(stdout, "_reopen_without_blocking", lambda descriptor, _is_terminal: descriptor)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the write end and the read end of a pipe that nobody reads."""
    ends = open_pipe()
    yield ends
    for end in ends:
        if _is_open(end):
            os.close(end)


# --- Every kind of descriptor with every form of data ---


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", OPENERS)
def test_all_data_arrive_once_and_in_order(kind: str, form: str) -> None:
    pieces = FORMS[form]
    if kind == "terminal":
        pieces = [piece[:100_000] for piece in pieces[:2000]]  # a terminal takes little at a time
    expected = join(pieces)
    if kind == "terminal":
        expected = escape_bytes_for_terminal(expected, keep_line_ends=True)
    target = Target(*OPENERS[kind](), slow=kind.startswith("slow"))
    writer = DescriptorWriter(target.write_end)
    assert writer.is_terminal == (kind == "terminal")
    write_pieces(writer, pieces)
    writer.flush()
    assert (writer.handed_over, writer.pending, writer.accepted) == (len(expected), 0, len(expected))
    assert writer.received == len(expected)
    writer.restart()  # closes its own descriptor of the terminal
    assert target.finish() == expected


@pytest.mark.parametrize("form", FORMS)
def test_all_data_reach_a_file(tmp_path: Path, form: str) -> None:
    pieces = FORMS[form]
    with open(tmp_path / "file", "wb") as file:
        writer = DescriptorWriter(file.fileno())
        write_pieces(writer, pieces)
        writer.flush()
    assert (tmp_path / "file").read_bytes() == join(pieces)
    assert writer.handed_over == writer.received == writer.read_at_least == len(join(pieces))


def write_pieces(writer: DescriptorWriter, pieces: Sequence[bytes | str], *, flush: bool = False) -> None:
    """Write bytes and text."""
    for piece in pieces:
        if isinstance(piece, str):
            writer.write_text(piece)
        else:
            writer.write(piece)
        if flush:
            writer.flush()


def test_buffers_and_views_are_accepted_and_not_kept(pipe: tuple[int, int]) -> None:
    target = Target(*open_pipe())
    writer = DescriptorWriter(target.write_end)
    small, large = bytearray(b"small"), bytearray(LARGE)
    writer.write(memoryview(small))
    writer.write(memoryview(large))
    writer.write(memoryview(large).cast("I"))
    small[:] = b"other"
    large += b"a bytearray can grow only when no view of it is left"
    writer.flush()
    writer.restart()
    assert target.finish() == b"small" + LARGE + LARGE


def test_small_data_wait_for_a_flush(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.write(b"line\n")
    assert (writer.handed_over, writer.pending, writer.accepted) == (0, 5, 5)
    assert unread_bytes(pipe[0]) == 0
    writer.flush()
    assert (writer.handed_over, writer.pending, writer.accepted) == (5, 0, 5)
    writer.write(b"lost")
    writer.discard_pending()
    writer.flush()
    assert os.read(pipe[1], 100) == b"line\n"
    assert writer.accepted == 5


@pytest.mark.usefixtures("no_wait")
def test_blocking_descriptors_stay_blocking(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.write(b"line\n")
    writer.flush()
    assert os.get_blocking(pipe[0])


# --- Errors ---


def test_full_device() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        writer = DescriptorWriter(full.fileno())
        writer.write(b"line\n")
        check_final_error(writer, 0, 5, "cannot write to standard output: No space left on device")
        assert writer.error is not None
        assert "free space" in str(getattr(writer.error, "hint", ""))


def test_descriptor_that_is_open_for_reading_only() -> None:
    with open("/dev/null", "rb") as file:
        writer = DescriptorWriter(file.fileno(), "the report")
        writer.write(b"line\n")
        check_final_error(writer, 0, 5, "cannot write to the report: it is not open for writing")


def test_closed_descriptor(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = DescriptorWriter(pipe[0])
    writer.write(b"line\n")
    check_final_error(writer, 0, 5, "cannot write to standard output: it is closed")


@pytest.mark.parametrize("sizes", [[300], [10, 20, 300], [100, 100], [BUFFER_BYTES * 2]])
def test_limit_of_file_sizes(tmp_path: Path, sizes: list[int]) -> None:
    """A file system that is full takes the first part of a write; a limit of file sizes does it, too."""
    limit = 130
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    data = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    with open(tmp_path / "file", "wb", buffering=0) as file:
        writer = DescriptorWriter(file.fileno())
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(OutputError, match="File too large"):
                write_pieces(writer, data, flush=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (writer.handed_over, writer.accepted) == (limit, len(b"".join(data)))
        check_final_error(writer, limit, writer.accepted - limit, "cannot write to standard output: File too large")
    assert (tmp_path / "file").read_bytes() == b"".join(data)[:limit]


def check_final_error(writer: DescriptorWriter, handed_over: int, pending: int, message: str) -> None:
    """Check that every call fails in the same way, and that nothing is written by it."""
    for call in (writer.flush, lambda: writer.write(b"more"), lambda: writer.write_text("more"), writer.flush):
        with pytest.raises(OutputError) as raised:
            call()
        assert str(raised.value) == message
        assert raised.value.status == 1
        assert (writer.handed_over, writer.pending) == (handed_over, pending)
    writer.text.flush()  # what the interpreter calls at exit
    writer.text.close()


@pytest.mark.parametrize(
    "error",
    [OutputError("cannot write", "free space"), WriteTimeoutError("timed out"), ReaderLeftError(errno.EPIPE, "left")],
)
def test_errors_pass_from_process_to_process(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), getattr(copy, "hint", None)) == (str(error), getattr(error, "hint", None))


# --- The reader that leaves ---


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("opened", ["pipe", "slow non-blocking pipe", "sockets"])
def test_reader_that_left_before(opened: str) -> None:
    write_end, read_end = OPENERS[opened]()
    os.close(read_end)
    writer = DescriptorWriter(write_end)
    writer.write(b"line\n")
    for _ in range(2):
        with pytest.raises(ReaderLeftError):
            writer.flush()
    assert (writer.handed_over, writer.received, writer.pending) == (0, 0, 5)
    os.close(write_end)


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("taken", [0, 1, 4096, 50_000])
def test_reader_that_leaves_in_the_middle(pipe: tuple[int, int], taken: int) -> None:
    writer = DescriptorWriter(pipe[0])
    with run_beside(lambda: leave_when_full(pipe, taken)), pytest.raises(ReaderLeftError):
        writer.write(LARGE)
    unread = unread_bytes(pipe[0])
    assert writer.handed_over == taken + unread
    assert writer.received == writer.read_at_least == taken
    assert writer.handed_over + writer.pending == writer.accepted == len(LARGE)


def leave_when_full(ends: tuple[int, int], taken: int) -> None:
    """Read a part and close the read end, once the pipe is full."""
    wait_until(lambda: is_full(ends[0]))
    # Less than a page makes no room, so that the writer stays blocked.
    os.read(ends[1], taken)
    os.close(ends[1])


@contextmanager
def run_beside(work: Callable[[], object]) -> Iterator[None]:
    """Run work in a thread beside the block, and wait for its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_reader_that_leaves_after_the_last_write(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.write(b"0123456789")
    writer.flush()
    assert (writer.handed_over, writer.received, writer.read_at_least) == (10, 10, 0)
    os.read(pipe[1], 4)
    assert (writer.received, writer.read_at_least) == (10, 4)
    os.close(pipe[1])
    assert (writer.handed_over, writer.received, writer.read_at_least) == (10, 4, 4)
    assert writer.error is None


def test_bytes_of_other_writers_never_count_as_received(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    os.write(pipe[0], b"theirs")
    writer.write(b"ours!")
    writer.flush()
    os.write(pipe[0], b"theirs again")
    assert (writer.read_at_least, writer.received) == (0, 5)
    os.read(pipe[1], len(b"theirsours!"))
    assert writer.read_at_least == 0  # 5 of ours, but 12 bytes lie in the pipe: they could be ours
    os.read(pipe[1], 10)
    assert writer.read_at_least == 3
    os.write(pipe[0], b"theirs once more")
    os.close(pipe[1])
    assert (writer.received, writer.read_at_least) == (3, 3)  # what was certain stays certain


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_head_as_the_reader(unbuffered: str) -> None:
    script = """
        lines = [b"%d\\n" % number for number in range(100_000)]
        try:
            for line in lines:
                stdout.out.write(line)
            stdout.out.flush()
        except stdout.ReaderLeftError:
            pass
        report(handed_over=stdout.out.handed_over, received=stdout.out.received, unread=unread())
    """
    with subprocess.Popen(["head", "-n", "3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as head:
        assert head.stdin is not None
        done = run_child(script, stdout=head.stdin.fileno(), PYTHONUNBUFFERED=unbuffered)
        head.stdin.close()
        assert head.stdout is not None
        assert head.stdout.read() == b"0\n1\n2\n"
    counts = json.loads(done.stderr)
    assert 6 <= counts["received"] == counts["handed_over"] - counts["unread"]


# --- Signals, deadlines and the hook of a blocked writer ---


@pytest.fixture
def interruptions() -> Iterator[None]:
    """Let SIGALRM raise inside `write` and `flush`, and nowhere else, such as in a finalizer of other objects."""

    def interrupt(_number: int, frame: Any) -> None:
        while frame is not None and frame.f_code.co_filename != __file__:
            if frame.f_code.co_filename == stdout.__file__ and frame.f_code.co_name in ("write", "flush"):
                raise InterruptionError
            frame = frame.f_back

    gc.collect()
    gc.disable()
    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    gc.enable()


@pytest.mark.usefixtures("no_wait", "interruptions")
@pytest.mark.parametrize("kind", OPENERS)
@pytest.mark.parametrize("pieces", [[LETTERS_ONLY], [memoryview(LETTERS_ONLY)], [LETTERS_ONLY[:30_000]] * 20])
def test_signal_in_a_blocked_write(kind: str, pieces: list[bytes]) -> None:
    write_end, read_end = OPENERS[kind]()
    writer = DescriptorWriter(write_end)
    main, stopped = threading.main_thread().ident or 0, threading.Event()

    def interrupt_when_full() -> None:
        wait_until(lambda: is_full(write_end))
        while not stopped.wait(0.001):
            signal.pthread_kill(main, signal.SIGALRM)

    with run_beside(interrupt_when_full):
        with pytest.raises(InterruptionError):
            write_pieces(writer, pieces)
        stopped.set()
    assert writer.error is None
    assert writer.pending > 0
    accepted = writer.handed_over + writer.pending
    assert writer.accepted == accepted
    assert accepted % len(pieces[0]) == 0  # each piece was accepted whole
    target = Target(write_end, read_end)
    writer.flush()
    assert (writer.handed_over, writer.pending) == (accepted, 0)
    writer.restart()
    assert target.finish() == b"".join(pieces)[:accepted]


@pytest.mark.usefixtures("no_wait", "interruptions")
@pytest.mark.parametrize("kind", OPENERS)
def test_storm_of_signals_loses_and_repeats_nothing(kind: str) -> None:
    """Signals arrive at every place of the writer, also directly after a system call that took a part."""
    target = Target(*OPENERS[kind](), slow=kind.startswith("slow"))
    writer = DescriptorWriter(target.write_end)
    long_piece = 2_000 if kind == "terminal" else 10_000
    written, interrupted = [b"first\n"], 0
    writer.write(b"first\n")  # now it has opened its second descriptor, which a signal would leave open for ever
    writer.flush()
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    while interrupted < 30:
        piece = b"%07d\n" % len(written) * (1 if len(written) % 40 else long_piece)
        written.append(piece)
        end = writer.accepted + len(piece)
        while writer.accepted < end:
            try:
                writer.write(piece)
            except InterruptionError:
                interrupted += 1
                assert writer.accepted in (end - len(piece), end)
    while writer.pending:
        with suppress(InterruptionError):
            writer.flush()
    signal.setitimer(signal.ITIMER_REAL, 0)
    expected = b"".join(written)
    assert writer.handed_over == len(expected)
    writer.restart()
    assert target.finish() == expected


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("kind", OPENERS)
def test_deadline_ends_a_blocked_write(kind: str) -> None:
    write_end, read_end = OPENERS[kind]()
    writer = DescriptorWriter(write_end)
    writer.deadline = time.monotonic() + 0.02
    with pytest.raises(WriteTimeoutError, match="cannot write to standard output: timed out"):
        writer.write(LETTERS_ONLY)
    assert time.monotonic() - writer.deadline < 5
    assert writer.handed_over + writer.pending == 400_000
    with pytest.raises(WriteTimeoutError):
        writer.flush()
    writer.restart()
    target = Target(write_end, read_end)
    received = target.finish()
    assert received == LETTERS_ONLY[: len(received)]


def test_deadline_counts_what_was_handed_over(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.deadline = time.monotonic()
    with pytest.raises(WriteTimeoutError):
        writer.write(LARGE)
    assert writer.handed_over == unread_bytes(pipe[0]) > 0


def test_deadline_is_no_limit_where_there_is_room(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.deadline = time.monotonic() - 1
    writer.write(b"line\n")
    writer.flush()
    assert writer.handed_over == 5


def test_handler_that_sets_a_deadline_ends_the_wait(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])

    def set_deadline(_number: int, _frame: object) -> None:
        writer.deadline = time.monotonic()

    before = signal.signal(signal.SIGALRM, set_deadline)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(WriteTimeoutError):
            writer.write(LARGE)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert writer.handed_over == unread_bytes(pipe[0])


def test_hook_runs_while_the_output_is_blocked(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdout, "_SLICE_MS", 5)
    writer = DescriptorWriter(pipe[0])
    received = bytearray()
    writer.while_blocked = lambda: received.extend(read_available(pipe[1]))
    data = b"x" * (unread_limit(pipe[0]) + 10)
    writer.write(data)
    received += read_available(pipe[1])
    assert received == data

    def stop() -> None:
        raise InterruptionError

    writer.while_blocked = stop
    with pytest.raises(InterruptionError):
        writer.write(LARGE)
    assert writer.handed_over == len(data) + unread_bytes(pipe[0])


def unread_limit(descriptor: int) -> int:
    """Return the size of a pipe in bytes."""
    return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)


# --- Forked processes ---


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("kind", OPENERS)
def test_write_all(kind: str) -> None:
    target = Target(*OPENERS[kind](), slow=kind.startswith("slow"))
    write_all(target.write_end, b"first ")
    write_all(target.write_end, b"")
    write_all(target.write_end, memoryview(LARGE))
    assert target.finish() == b"first " + LARGE


def test_write_all_at_a_position_and_its_errors(tmp_path: Path, pipe: tuple[int, int]) -> None:
    with open(tmp_path / "file", "wb") as file:
        write_all(file.fileno(), b"behind", position=6)
        write_all(file.fileno(), b"before", position=0)
    assert (tmp_path / "file").read_bytes() == b"beforebehind"
    for position in (None, 0):
        with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OutputError, match="No space left"):
            write_all(full.fileno(), b"data", position=position)
    with pytest.raises(WriteTimeoutError):
        write_all(pipe[0], LARGE, deadline=time.monotonic())
    os.close(pipe[1])
    with pytest.raises(ReaderLeftError):
        write_all(pipe[0], b"data")


def test_forked_processes_repeat_nothing() -> None:
    script = """
        import os
        stdout.out.write(b"held by the parent\\n")
        child = os.fork()
        if child == 0:
            stdout.out.restart()
            stdout.out.write(b"of the child\\n")
            stdout.out.flush()
            os._exit(0)
        os.waitpid(child, 0)
        stdout.out.flush()
    """
    assert run_child(script).stdout == b"of the child\nheld by the parent\n"


# --- Real processes: Python's own streams, closed descriptors, exit ---


def run_child(script: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a script after `take_over_stdout()`; names in capitals are variables of its environment."""
    prefix = """
        import sys, fcntl, termios
        sys.path.insert(0, REPOSITORY)
        from kafkactl import stdout
from kafkactl.escaping import encode_text, escape_bytes_for_terminal
        def report(**values):
            import json
            sys.stderr.write(json.dumps(values))
        def unread():
            return int.from_bytes(fcntl.ioctl(1, termios.FIONREAD, bytes(4)), sys.byteorder)
        stdout.take_over_stdout()
    """
    return run_script(prefix.replace("REPOSITORY", repr(str(REPOSITORY))) + script, **streams)


def run_script(script: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a script in a process of its own."""
    variables = {name: streams.pop(name) for name in list(streams) if name.isupper()}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    lines = [line.removeprefix("        ") for line in script.splitlines()]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams}
    prefix = streams.pop("prefix", [])
    return subprocess.run(
        [*prefix, sys.executable, "-S", "-c", "\n".join(lines)],
        env={**environment, "PYTHONPATH": str(REPOSITORY), **{name: text for name, text in variables.items() if text}},
        timeout=PATIENCE_S,
        check=False,
        **streams,
    )


MIXED = """
        import csv
        for number in range(3):
            print("printed", number)
            stdout.out.write(b"bytes %d\\n" % number)
            csv.writer(sys.stdout, lineterminator="\\n").writerow(["csv", number])
            sys.stdout.buffer.write(b"binary %d\\n" % number)
            stdout.out.write(b"x" * 100_000 + b"\\n")
            stdout.out.write_text(f"text {number}\\n")
        stdout.out.flush()
        report(handed_over=stdout.out.handed_over, pending=stdout.out.pending)
"""
MIXED_OUTPUT = b"".join(
    b"printed %d\nbytes %d\ncsv,%d\nbinary %d\n" % (number, number, number, number)
    + b"x" * 100_000
    + b"\ntext %d\n" % number
    for number in range(3)
)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("kind", [*OPENERS, "file"])
def test_print_and_the_writer_keep_their_order(tmp_path: Path, kind: str, unbuffered: str) -> None:
    if kind == "file":
        with open(tmp_path / "file", "wb") as file:
            done = run_child(MIXED, stdout=file, PYTHONUNBUFFERED=unbuffered)
        output = (tmp_path / "file").read_bytes()
    else:
        target = Target(*OPENERS[kind](), slow=kind.startswith("slow"))
        done = run_child(MIXED, stdout=target.write_end, PYTHONUNBUFFERED=unbuffered)
        output = target.finish()
    assert done.returncode == 0, done.stderr
    assert output == MIXED_OUTPUT
    assert json.loads(done.stderr) == {"handed_over": len(MIXED_OUTPUT), "pending": 0}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_print_before_the_writer_without_take_over(unbuffered: str) -> None:
    script = """
        from kafkactl import stdout
from kafkactl.escaping import encode_text, escape_bytes_for_terminal
        print("first")
        stdout.out.write(b"second\\n")
        stdout.out.flush()
        print("third")
        stdout.out.write(b"fourth\\n")
        stdout.out.flush()
    """
    assert run_script(script, PYTHONUNBUFFERED=unbuffered).stdout == b"first\nsecond\nthird\nfourth\n"


FAILING = """
        try:
            stdout.out.write(b"bytes\\n")
            stdout.out.flush()
        except stdout.OutputError as error:
            print("error:", error, file=sys.stderr)
        try:
            print("more", flush=True)
        except stdout.OutputError as error:
            print("again:", error, file=sys.stderr)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("takes_over", [True, False])
def test_nothing_is_written_at_exit_after_an_error(takes_over: bool, unbuffered: str) -> None:
    script = "        import sys\n        from kafkactl import stdout\n"
    script += "        stdout.take_over_stdout()\n" if takes_over else ""
    script += "        print('held', end='')\n" if not (unbuffered and not takes_over) else ""
    with open("/dev/full", "wb") as full:
        done = run_script(script + FAILING, stdout=full, PYTHONUNBUFFERED=unbuffered)
    message = b"cannot write to standard output: No space left on device\n"
    assert done.stderr == b"error: " + message + b"again: " + message
    assert done.returncode == 0


@pytest.mark.parametrize("takes_over", [True, False])
def test_what_print_holds_is_dropped_after_an_error(tmp_path: Path, takes_over: bool) -> None:
    script = """
        import resource
        from kafkactl import stdout
from kafkactl.escaping import encode_text, escape_bytes_for_terminal
        if TAKES_OVER:
            stdout.take_over_stdout()
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, resource.RLIM_INFINITY))
        print("held by print")
        try:
            stdout.out.flush()
        except stdout.OutputError:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    """
    with open(tmp_path / "file", "wb") as file:
        done = run_script(script.replace("TAKES_OVER", str(takes_over)), stdout=file)
    assert done.stderr == b""
    assert (tmp_path / "file").read_bytes() == b"held "


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_uncaught_errors_leave_no_second_error(unbuffered: str) -> None:
    write_end, read_end = open_pipe()
    os.close(read_end)
    done = run_child("\n        print('x' * 100_000)", stdout=write_end, PYTHONUNBUFFERED=unbuffered)
    os.close(write_end)
    assert done.returncode == 1
    assert b"ReaderLeftError" in done.stderr
    assert b"Exception ignored" not in done.stderr


CLOSED = """
        import os, socket
        opened = [socket.socket().detach(), os.open("/dev/null", os.O_RDWR), *os.pipe()]
        text = sys.stdin.read()
        print("message", file=sys.stderr)
        sys.stderr.flush()
        error = None
        try:
            print("data")
            stdout.out.flush()
        except stdout.OutputError as failure:
            error = str(failure)
        with open(REPORT, "w") as file:
            import json
            json.dump({"lowest": min(opened), "stdin": text, "error": error}, file)
"""


@pytest.mark.parametrize("closed", [c for n in range(4) for c in itertools.combinations((0, 1, 2), n)])
def test_closed_standard_descriptors(tmp_path: Path, closed: tuple[int, ...]) -> None:
    redirections = " ".join({0: "<&-", 1: ">&-", 2: "2>&-"}[number] for number in closed)
    script = CLOSED.replace("REPORT", repr(str(tmp_path / "report")))
    done = run_child(script, prefix=["sh", "-c", f'exec "$@" {redirections}', "sh"], stdin=subprocess.PIPE)
    report = json.loads((tmp_path / "report").read_bytes())
    assert report["lowest"] > 2
    assert report["stdin"] == ""
    assert report["error"] == ("cannot write to standard output: it is closed" if 1 in closed else None)
    assert done.stdout == (b"" if 1 in closed else b"data\n")
    assert done.stderr == (b"" if 2 in closed else b"message\n")
    assert done.returncode == 0


def test_children_of_the_process_inherit_the_reserved_descriptors() -> None:
    script = """
        import subprocess
        done = subprocess.run(["sh", "-c", "echo data; echo message >&2; cat"], stderr=subprocess.PIPE)
        report(returncode=done.returncode)
    """
    done = run_child(script, prefix=["sh", "-c", 'exec "$@" <&- >&-', "sh"])
    assert done.stdout == b""
    assert json.loads(done.stderr) == {"returncode": 0}


# --- The streams for other code ---


def test_text_stream(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    csv.writer(writer.text, lineterminator="\n").writerow(["a", 1])
    assert writer.text.write("Grüße\n") == 6
    print("printed", file=writer.text, flush=True)
    writer.text.writelines(["one\n", "two\n"])
    assert (writer.text.fileno(), writer.text.isatty(), writer.text.writable()) == (pipe[0], False, True)
    assert (writer.text.encoding, writer.text.errors) == ("utf-8", "backslashreplace")
    writer.text.close()
    assert unread_bytes(pipe[0]) == len("a,1\nGrüße\nprinted\n".encode())
    writer.flush()
    assert os.read(pipe[1], 100) == "a,1\nGrüße\nprinted\none\ntwo\n".encode()


def test_parquet_through_the_binary_stream(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"offset": list(range(10_000)), "value": ["value"] * 10_000})
    with open(tmp_path / "file", "wb") as file:
        writer = DescriptorWriter(file.fileno())
        with parquet.ParquetWriter(writer.binary, table.schema) as rows:
            rows.write_table(table)
        writer.flush()
    assert parquet.read_table(tmp_path / "file").equals(table)


# --- Terminals ---

LETTERS = "Grüße, 한국어, \u200dשלום, 🙂 \\ | ~"


def write_to_terminal(write: Callable[[DescriptorWriter], object]) -> bytes:
    """Return what reaches a terminal."""
    target = Target(*open_terminal())
    writer = DescriptorWriter(target.write_end)
    write(writer)
    writer.flush()
    writer.restart()
    return target.finish()


def test_terminal_shows_control_characters() -> None:
    text = f"{LETTERS}\r\x1b[2J\x7f\x9b\u202e\u2066\udc9b\x00\t\n"
    shown = LETTERS + r"\r\x1b[2J\x7f\x9b\u202e\u2066\x9b\x00" + "\t\n"
    assert write_to_terminal(lambda writer: writer.write(encode_text(text))).decode() == shown
    assert write_to_terminal(lambda writer: writer.write_text(text)).decode() == shown
    assert write_to_terminal(lambda writer: writer.text.write(text)).decode() == shown
    assert write_to_terminal(lambda writer: writer.binary.write(encode_text(text))).decode() == shown


def test_terminal_gets_data_without_a_flush() -> None:
    write_end, read_end = open_terminal()
    writer = DescriptorWriter(write_end)
    writer.write(b"line\n")
    assert (writer.pending, os.read(read_end, 100)) == (0, b"line\n")
    writer.restart()
    os.close(write_end)
    os.close(read_end)


@pytest.mark.parametrize("cut", range(1, 9))
def test_terminal_gets_characters_in_pieces(cut: int) -> None:
    data = "é\u202eß\x9b".encode()

    def write(writer: DescriptorWriter) -> None:
        writer.write(data[:cut])
        writer.write(data[cut:])

    assert write_to_terminal(write).decode() == r"é\u202eß\x9b"


def test_terminal_gets_an_incomplete_character_at_a_flush() -> None:
    assert write_to_terminal(lambda writer: writer.write(b"a\xe2\x80")) == b"a\xe2\\x80"


def test_styled_text_has_our_codes_only() -> None:
    ours = "\x1b[1;31mred\x1b[0m \r\x1b[2K\x1b[1A\x1b[?25l"
    assert write_to_terminal(lambda writer: writer.write_styled(ours)).decode() == ours
    assert write_to_terminal(lambda writer: writer.styled.write(ours)).decode() == ours
    others = "\x1b]0;title\x07 \x1b[6n \x1b[?1049h \x1bc \r \x9b31m \u202e"
    shown = r"\x1b]0;title\x07 \x1b[6n \x1b[?1049h \x1bc \r \x9b31m \u202e"
    assert write_to_terminal(lambda writer: writer.write_styled(others)).decode() == shown


def test_rich_draws_through_the_styled_stream() -> None:
    console = pytest.importorskip("rich.console")
    live = pytest.importorskip("rich.live")

    def draw(writer: DescriptorWriter) -> None:
        screen = console.Console(file=writer.styled, force_terminal=True, color_system="standard", width=40)
        with live.Live("first", console=screen, auto_refresh=False) as view:
            view.update("[red]second[/red]\nline", refresh=True)
            view.update("third", refresh=True)

    shown = write_to_terminal(draw).decode()
    assert "\x1b[31msecond\x1b[0m" in shown
    assert "\\x1b" not in shown
    assert "\\r" not in shown


def test_pipes_get_the_bytes(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[0])
    writer.write(b"\x1b[2J\r\x9b\xc2\x9b")
    writer.write_text("\u202e")
    writer.write_styled("\x1bc")
    assert writer.escape_name("a\nb\x1b") == writer.escape_text("a\nb\x1b") == "a\nb\x1b"
    writer.flush()
    assert os.read(pipe[1], 100) == b"\x1b[2J\r\x9b\xc2\x9b" + "\u202e\x1bc".encode()


def test_names_and_text_from_outside() -> None:
    names: list[str] = []

    def collect(writer: DescriptorWriter) -> None:
        names.append(writer.escape_name("a\tb\nc\x1b"))
        names.append(writer.escape_text("a\tb\nc\x1b"))

    write_to_terminal(collect)
    assert names == [r"a\tb\nc\x1b", "a\tb\nc\\x1b"]


def test_window_size_is_of_no_matter() -> None:
    """A terminal of no size, as `script` and CI make them, takes data like any other."""
    write_end, read_end = open_terminal()
    fcntl.ioctl(write_end, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    target = Target(write_end, read_end)
    write_all(write_end, b"x" * 1000)
    assert target.finish() == b"x" * 1000
