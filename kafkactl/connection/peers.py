"""Detection of what listens at an address: a broker, a KRaft controller, ZooKeeper, HTTP, TLS, or something else.

No client library tells these apart. So an ApiVersions request of version 0 is sent over a plain socket, and the first
bytes of the answer are examined. Only a server that does not answer as Kafka does gets other greetings.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from kafkactl.connection.protocol import ApiKey

Address = tuple[str, int]
Secure = Callable[[socket.socket, str], socket.socket]
"""Function that makes a connection to a host secure; it raises OSError."""


class Peer(Enum):
    """What listens at an address."""

    BROKER = "a Kafka broker"
    CONTROLLER = "a KRaft controller"
    ZOOKEEPER = "ZooKeeper"
    HTTP = "an HTTP server"
    TLS = "a listener with TLS"
    STRANGER = "a server of another protocol"
    CLOSING = "a server that closes every connection"
    SILENT = "a server that accepts connections and does not answer"
    NOBODY = "no server"


KAFKA_WAIT_S = 0.5
_OTHERS_WAIT_S = 0.1
_MOST_BYTES = 1 << 16
_MOST_ADDRESSES = 16
_CORRELATION = 0x6B61666B
_CLIENT = b"kafkactl"
_HEADER = struct.Struct(">hhih")
"""Header of a request, version 1: API key, version, correlation id, length of the client's id."""
_ANSWER = struct.Struct(">iihi")
"""Beginning of an ApiVersions answer, version 0: size, correlation id, error code, number of keys."""
_KEY = struct.Struct(">hhh")
"""API key, lowest and highest version."""
_TLS_ALERT, _TLS_HANDSHAKE = b"\x15\x03", b"\x16\x03"
_CLIENT_HELLO = bytes.fromhex(
    "160301003d010000390303" + "6b61666b61" * 6 + "6b61" + "00" + "0002002f" + "0100" + "000e" + "000d000400020401"
    + "ff01000100" + "00"
)  # fmt: skip
"""An offer of TLS 1.2 that no server has to accept: the server answers with a handshake or an alert."""
_OTHER_GREETINGS = (b"srvr", b"GET / HTTP/1.0\r\n\r\n", _CLIENT_HELLO)
_GREETINGS = len(_OTHER_GREETINGS)


def look_at(
    addresses: Sequence[Address], secure: Secure | None = None, wait_s: float = KAFKA_WAIT_S
) -> dict[Address, Peer]:
    """Return what listens at each of the first 16 different addresses. All are asked at the same time.

    A broker has `wait_s` seconds for its answer. `secure` is the function that starts TLS, or None for plain
    connections. Other greetings take 0.3 s more. They are sent only over plain connections, and only where no address
    is a broker. An address that cannot be checked in time is SILENT; its thread goes on in the background. The result
    is in the order of `addresses`, and empty without any; nothing is raised.
    """
    addresses = list(dict.fromkeys(addresses))[:_MOST_ADDRESSES]
    if not addresses:
        return {}
    first_results = _run_in_parallel(
        lambda address: _greet(address, secure, wait_s), addresses, wait_s + _OTHERS_WAIT_S
    )
    peers = {address: first_results.get(address) or Peer.SILENT for address in addresses}
    unclear_addresses = [
        address for address in first_results if peers[address] in (Peer.SILENT, Peer.CLOSING, Peer.STRANGER)
    ]
    if secure is None and unclear_addresses and Peer.BROKER not in peers.values():
        other_peers = _run_in_parallel(_greet_otherwise, unclear_addresses, _GREETINGS * _OTHERS_WAIT_S)
        peers |= {address: peer for address, peer in other_peers.items() if peer is not None}
    return peers


def _run_in_parallel(
    look: Callable[[Address], Peer | None], addresses: Sequence[Address], limit_s: float
) -> dict[Address, Peer | None]:
    """Return the result of `look` for each address. An address that needs longer than `limit_s` is left out.

    Its thread goes on in the background: the look-up of a host name may take minutes. `look` must not raise: the
    address would be left out, and a traceback printed on stderr. The results are in the order in which they came.
    """
    results: dict[Address, Peer | None] = {}

    def store_result(address: Address) -> None:
        """Keep the result of `look` for an address."""
        results[address] = look(address)

    threads = [threading.Thread(target=store_result, args=(address,), daemon=True) for address in addresses]
    deadline = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(results)


def connect(address: Address, wait_s: float) -> socket.socket:
    """Return a connection to an address; raise OSError, also for a host name that Python cannot look up.

    The wait for the connection is at most `wait_s` seconds for each address of the host. Where the last one does not
    answer, TimeoutError, an OSError, is raised. The look-up of the name is not bounded. The connection keeps `wait_s`
    as the time-out of its calls.
    """
    try:
        return socket.create_connection(address, wait_s)
    except (OverflowError, ValueError) as error:  # a number too large for an address, a label too long for a name
        raise OSError(f"no host has the name {address[0]!r}") from error


def _greet(address: Address, secure: Secure | None, wait_s: float) -> Peer:
    """Return the kind of server that answers an ApiVersions request within `wait_s` seconds.

    `secure` starts TLS, or is None. The kind is SILENT without a connection or an answer in time, CLOSING where
    connections are closed or TLS fails, and NOBODY where none is accepted or the name cannot be looked up.
    """
    try:
        answer = _read_first_bytes(address, _build_api_versions_request(), wait_s, secure)
    except TimeoutError:
        return Peer.SILENT
    except OSError:
        return Peer.CLOSING if _accepts(address) else Peer.NOBODY
    return _identify_by_answer(answer) if answer else Peer.CLOSING


def _greet_otherwise(address: Address) -> Peer | None:
    """Return ZOOKEEPER, HTTP or TLS where a server answers one of three other greetings as such; otherwise None.

    The greetings are sent one after the other. Each answer has about 0.1 s, and each address of the host may take 0.1 s
    more; the look-up of the host's name is not bounded. Nothing is raised.
    """
    return next(
        (peer for greeting in _OTHER_GREETINGS if (peer := _identify_by_greeting(address, greeting)) is not None), None
    )


def _identify_by_answer(answer: bytes) -> Peer:
    """Return the kind of server that gives this answer, which is not empty, to an ApiVersions request.

    It is BROKER, CONTROLLER, HTTP, TLS or STRANGER. An answer of Kafka whose list has Metadata means BROKER, and any
    other one, also with an empty list, CONTROLLER. A cut list counts as far as it goes. Bytes of no known protocol mean
    STRANGER.
    """
    if answer.startswith(b"HTTP/"):
        return Peer.HTTP
    if answer.startswith((_TLS_ALERT, _TLS_HANDSHAKE)):
        return Peer.TLS
    if len(answer) < _ANSWER.size:
        return Peer.STRANGER
    size, correlation, _error, count = _ANSWER.unpack_from(answer)
    if correlation != _CORRELATION or not 0 < size < _MOST_BYTES:
        return Peer.STRANGER
    keys = answer[_ANSWER.size : _ANSWER.size + count * _KEY.size]
    is_broker = any(
        key == ApiKey.METADATA for key, _, _ in _KEY.iter_unpack(keys[: len(keys) // _KEY.size * _KEY.size])
    )
    return Peer.BROKER if is_broker else Peer.CONTROLLER


def _identify_by_greeting(address: Address, greeting: bytes) -> Peer | None:
    """Return the kind of server that answers this greeting, or None where the answer is missing or unknown.

    It is ZOOKEEPER, HTTP or TLS. The answer has 0.1 s, and nothing is raised.
    """
    try:
        answer = _read_first_bytes(address, greeting, _OTHERS_WAIT_S, None)
    except OSError:
        return None
    if answer.startswith(b"Zookeeper version") or b"not in the whitelist" in answer:
        return Peer.ZOOKEEPER
    if answer.startswith(b"HTTP/") or b"<html" in answer[:200].lower():
        return Peer.HTTP
    return Peer.TLS if answer.startswith((_TLS_ALERT, _TLS_HANDSHAKE)) else None


def _build_api_versions_request() -> bytes:
    """Return the bytes of an ApiVersions request, version 0."""
    body = _HEADER.pack(ApiKey.API_VERSIONS, 0, _CORRELATION, len(_CLIENT)) + _CLIENT
    return struct.pack(">i", len(body)) + body


def _read_first_bytes(address: Address, greeting: bytes, wait_s: float, secure: Secure | None) -> bytes:
    """Return the first bytes of a server's answer, or b"" where it closes the connection before any.

    Reading ends with a complete answer to an ApiVersions request, with 14 bytes or more of anything else, after 64 KiB,
    at the end of the connection, or, about `wait_s` seconds after the call, at the first pause of 0.01 s; the bytes may
    be a part of an answer. The call may take longer: the look-up of the name is not bounded, and each address of the
    host and each step of TLS may take `wait_s`. `secure` starts TLS, or is None. A reset, or an error of TLS behind its
    handshake, counts as the end of the connection. Raise TimeoutError where nothing came until then, and OSError where
    the server cannot be reached or the handshake fails.
    """
    deadline = time.monotonic() + wait_s
    with connect(address, wait_s) as plain_socket:
        connection = plain_socket if secure is None else secure(plain_socket, address[0])
        connection.settimeout(wait_s)
        answer = b""
        try:
            connection.sendall(greeting)
            while len(answer) < _MOST_BYTES and not _is_whole(answer):
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                if not (piece := connection.recv(_MOST_BYTES)):
                    break
                answer += piece
        except TimeoutError:
            if not answer:
                raise
        except OSError:
            pass  # after a reset the bytes received before it count
        return answer


def _is_whole(answer: bytes) -> bool:
    """Return whether the bytes are a complete answer to our request, or 14 bytes or more of no answer to it at all."""
    if len(answer) < _ANSWER.size:
        return False
    size, correlation, _, _ = _ANSWER.unpack_from(answer)
    return bool(correlation != _CORRELATION or len(answer) >= size + 4)


def _accepts(address: Address) -> bool:
    """Return whether a server accepts connections; False also for a name that cannot be looked up.

    Each address of the host has 0.1 s; the look-up of the name is not bounded.
    """
    try:
        connect(address, _OTHERS_WAIT_S).close()
    except OSError:
        return False
    return True
