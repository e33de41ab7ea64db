"""Sockets of the fake: ports that listen or are closed, a thread for each connection, TLS. Nothing outlives `close`."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
LARGEST_FRAME_BYTES = 100 * 1024 * 1024
"""socket.request.max.bytes of a broker: it closes the connection of a client that announces more."""
_JOIN_S = 5.0
_LINGER_0 = struct.pack("ii", 1, 0)
_TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x50"
"""What Java's TLS sends to a client that does not speak it; OpenSSL says nothing."""
_CERTIFICATE_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Connection:
    """Reads and writes one client's socket. Every wait ends when the server stops."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self._socket = sock
        self.stopping = stopping

    def read(self, limit: int) -> bytes:
        """Return up to `limit` bytes, b"" when the client or the server has closed the connection."""
        try:
            return self._socket.recv(limit)
        except (OSError, ValueError):
            return b""

    def read_exactly(self, count: int) -> bytes | None:
        """Return `count` bytes, None when the connection ends before."""
        data = bytearray()
        while len(data) < count:
            piece = self.read(count - len(data))
            if not piece:
                return None
            data += piece
        return bytes(data)

    def read_frame(self) -> bytes | None:
        """Return a request without its length, None at the end or for a length that no broker accepts."""
        prefix = self.read_exactly(4)
        if prefix is None:
            return None
        length = int.from_bytes(prefix, "big", signed=True)
        return self.read_exactly(length) if 0 <= length <= LARGEST_FRAME_BYTES else None

    def send(self, data: bytes) -> None:
        """Send everything; a client that has left is no error."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.sendall(data)

    def send_frame(self, body: bytes) -> None:
        """Send bytes behind their length."""
        self.send(struct.pack(">i", len(body)) + body)

    def wait(self, seconds: float | None) -> bool:
        """Wait; return True when the server stops before the time is over."""
        return self.stopping.wait(seconds)

    def handshake(self) -> bool:
        """Finish the TLS handshake, where there is TLS; return False when the client does not speak it."""
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.do_handshake()
        except ssl.SSLError as error:
            if "ALERT" not in (error.reason or "ALERT"):
                self._drain(_TLS_ALERT)
            return False
        except (OSError, ValueError):
            return False
        return True

    def _drain(self, last_words: bytes) -> None:
        """Send plain bytes, end the own side, and drop what comes: closing with unread bytes would take them away."""
        with contextlib.suppress(OSError):
            socket.socket.sendall(self._socket, last_words)
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            while socket.socket.recv(self._socket, 4096):
                pass

    def interrupt(self) -> None:
        """End every read and write of the connection; called from another thread."""
        with contextlib.suppress(OSError):
            # SSLSocket.shutdown() would take its state away from the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self, reset: bool = False) -> None:
        """Close the socket, with a TCP reset if asked to; a second call does nothing."""
        with contextlib.suppress(OSError):
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            self._socket.close()


class Listener:
    """Owns one port: closed, until `open` accepts connections and serves each in a thread."""

    def __init__(self, serve: Callable[[Connection], None], tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._socket = reserve_port()
        self.port: int = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._threads: dict[threading.Thread, Connection] = {}
        self._lock = threading.Lock()
        self._acceptor: threading.Thread | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self.accepted = 0

    @property
    def address(self) -> str:
        """Return the address, also of a closed port."""
        return f"{HOST}:{self.port}"

    def open(self) -> None:
        """Accept connections from now on."""
        self._stopping = threading.Event()
        self._wake = socket.socketpair()
        self._socket.listen(64)
        self._socket.setblocking(False)
        self._acceptor = threading.Thread(target=self._accept, args=(self._wake[1],), name=f"accept-{self.port}")
        self._acceptor.start()

    def shut(self) -> None:
        """End all connections and close the port, which stays reserved: connecting to it is refused."""
        self._stop()
        self._socket.close()
        self._socket = reserve_port(self.port)

    def close(self) -> None:
        """End all connections and threads, and release the port."""
        self._stop()
        self._socket.close()

    def _stop(self) -> None:
        self._stopping.set()
        if self._acceptor is not None and self._wake is not None:
            self._wake[0].send(b"x")
            _join(self._acceptor)
            for end in self._wake:
                end.close()
            self._acceptor = None
        with self._lock:
            running = dict(self._threads)
        for connection in running.values():
            connection.interrupt()
        for thread in running:
            _join(thread)

    def _accept(self, wake: socket.socket) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while not self._stopping.is_set():
            poll.poll()
            with contextlib.suppress(OSError):
                sock, _ = self._socket.accept()
                self._start(sock)

    def _start(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so `shut` can reserve the port beside its remains
        connection = Connection(self._wrapped(sock), self._stopping)
        thread = threading.Thread(target=self._run, args=(connection,), name=f"serve-{self.port}")
        self.accepted += 1
        thread.start()
        with self._lock:
            self._threads = {old: served for old, served in self._threads.items() if old.is_alive()}
            self._threads[thread] = connection

    def _wrapped(self, sock: socket.socket) -> socket.socket:
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:
            sock.close()  # the client has left already
            raise

    def _run(self, connection: Connection) -> None:
        try:
            if connection.handshake():
                self._serve(connection)
        finally:
            connection.close()


@dataclass(frozen=True)
class TlsIdentity:
    """A certificate, signed by itself, and its key as PEM files; clients that trust `certificate` accept the server."""

    certificate: Path
    key: Path

    @classmethod
    def create(cls, folder: Path, days: int = 2) -> TlsIdentity:
        """Create the files in a folder, with openssl."""
        identity = cls(folder / "fake-broker.crt", folder / "fake-broker.key")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(identity.key)]
        names = ["-subj", "/CN=fake-broker", "-addext", _CERTIFICATE_NAMES, "-days", str(days)]
        command = ["openssl", "req", "-x509", *key, "-out", str(identity.certificate), *names]
        subprocess.run(command, check=True, capture_output=True)
        return identity

    def server_context(self) -> ssl.SSLContext:
        """Return the settings of a server that shows the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def reserve_port(port: int = 0) -> socket.socket:
    """Return a socket that owns a port and does not listen: connecting to the port is refused."""
    sock = socket.socket()
    # Connections that ended a moment ago do not keep the port; afterwards nobody else gets it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if port else 0)
    sock.bind((HOST, port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return sock


@contextlib.contextmanager
def dead_address() -> Iterator[str]:
    """Give an address where nobody listens, reserved until the block ends."""
    sock = reserve_port()
    try:
        yield f"{HOST}:{sock.getsockname()[1]}"
    finally:
        sock.close()


def _join(thread: threading.Thread) -> None:
    if thread is threading.current_thread():
        return
    thread.join(_JOIN_S)
    if thread.is_alive():
        raise AssertionError(f"the thread {thread.name} of a fake broker did not end")
