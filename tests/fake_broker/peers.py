"""Servers that are no Kafka brokers: HTTP, TLS, ZooKeeper, garbage, silence, and those that hang up."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Self

from tests.fake_broker.server import Connection, Listener, TlsIdentity

_PIECE_BYTES = 65536
_ZOOKEEPER_ANSWERS = {
    b"ruok": b"imok",
    b"srvr": b"Zookeeper version: 3.8.4\nLatency min/avg/max: 0/0.0/0\nMode: standalone\nNode count: 5\n",
}


class Peer:
    """A server on 127.0.0.1 for a `with` block; subclasses say what it does on a connection."""

    def __init__(self, tls: TlsIdentity | None = None) -> None:
        self._listener = Listener(self.talk, tls.server_context() if tls else None)

    def __enter__(self) -> Self:
        self._listener.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    @property
    def address(self) -> str:
        """Return the address where the peer listens."""
        return self._listener.address

    @property
    def connections(self) -> int:
        """Return the number of connections that were accepted so far."""
        return self._listener.accepted

    def talk(self, connection: Connection) -> None:
        """Serve one connection, which is closed at the end."""
        raise NotImplementedError


def read_until_closed(connection: Connection) -> None:
    """Read and drop what comes, until the client leaves or the server stops."""
    while connection.read(_PIECE_BYTES):
        pass


class SilentPeer(Peer):
    """Accepts and reads, never answers."""

    def talk(self, connection: Connection) -> None:
        """Read until the client leaves."""
        read_until_closed(connection)


class ClosingPeer(Peer):
    """Closes every connection at once, or after the first bytes; with a TCP reset if asked to."""

    def __init__(self, *, after_reading: bool = False, reset: bool = False) -> None:
        super().__init__()
        self._after_reading = after_reading
        self._reset = reset

    def talk(self, connection: Connection) -> None:
        """Close the connection."""
        if self._after_reading:
            connection.read(_PIECE_BYTES)
        connection.close(reset=self._reset)


class HttpPeer(Peer):
    """Answers the first bytes with an HTTP status, 400 as real servers do for what is no HTTP, and closes."""

    def __init__(self, status: int = 400, body: str = "", tls: TlsIdentity | None = None) -> None:
        super().__init__(tls)
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}\r\nContent-Length: {len(body)}\r\n"
        self._answer = (head + "Connection: close\r\n\r\n" + body).encode()

    def talk(self, connection: Connection) -> None:
        """Answer once."""
        if connection.read(_PIECE_BYTES):
            connection.send(self._answer)


class GarbagePeer(Peer):
    """Answers the first bytes with random ones, the same for the same seed, or with given ones; then it is silent."""

    def __init__(self, *, seed: int = 1, size_bytes: int = 4096, data: bytes | None = None) -> None:
        super().__init__()
        self._data = random.Random(seed).randbytes(size_bytes) if data is None else data

    def talk(self, connection: Connection) -> None:
        """Answer once and be silent."""
        if connection.read(_PIECE_BYTES):
            connection.send(self._data)
            read_until_closed(connection)


class TlsPeer(Peer):
    """Speaks TLS, and is silent inside of it; to plain clients it sends a TLS alert."""

    def __init__(self, identity: TlsIdentity) -> None:
        super().__init__(identity)

    def talk(self, connection: Connection) -> None:
        """Read until the client leaves."""
        read_until_closed(connection)


class ZooKeeperPeer(Peer):
    """Answers ZooKeeper's words srvr and ruok, and hangs up on everything else."""

    def talk(self, connection: Connection) -> None:
        """Answer one word."""
        connection.send(_ZOOKEEPER_ANSWERS.get(connection.read(_PIECE_BYTES)[:4], b""))
