"""Why a broker lets nobody in, told apart where a client says one thing for several causes.

librdkafka has one sentence for an unknown authority, an expired certificate and a wrong host name, and none for a
listener that speaks another protocol. So a failed connection is tried once more, with Python's own TLS.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kafkactl.connection import tls
from kafkactl.connection.peers import KAFKA_WAIT_S, Address, Peer, Secure, connect, look_at
from kafkactl.connection.settings import Settings
from kafkactl.errors import UsageError

_PROBE_TIMEOUT_S = 1.0  # on top of --timeout
_REFUSAL_TIMEOUT_S = 0.5
_ROOM_BYTES = 1 << 20
_USUAL_PORT = 9092
Brokers = Mapping[str, Address]
"""The addresses of brokers, by what to call them."""
ListBrokers = Callable[[Sequence[Address]], Brokers]
"""Returns all brokers of a cluster, as one of those at these addresses names them."""

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_EXPIRED = 10
_OTHER_HOST = (62, 64)


@dataclass(frozen=True)
class Cause:
    """What is wrong, and what a person can do about it."""

    reason: str
    hint: str
    is_partial: bool = False
    """Whether other brokers of the cluster answer."""


_NO_ANSWER = Cause("TLS works, but no request is answered", "if the listener wants a login: security.protocol=SASL_SSL")
_NO_TLS = Cause("that listener does not speak TLS", "security.protocol=PLAINTEXT or SASL_PLAINTEXT, or another port")


_TLS = Cause("that listener speaks TLS", "security.protocol=SSL, or SASL_SSL with a login")
SILENT_HINT = "the cluster answers elsewhere: look at that broker, and at the address that it advertises"
_ADDRESS_HINT = "name a broker's HOST:PORT with -b"
_BY_PEER = {
    Peer.HTTP: Cause(
        "it is an HTTP server, not a Kafka broker", f"{_ADDRESS_HINT}; a registry's URL with --schema-registry"
    ),
    Peer.CONTROLLER: Cause("it is a KRaft controller, which serves no clients", _ADDRESS_HINT),
    Peer.ZOOKEEPER: Cause("it is ZooKeeper, not a Kafka broker", f"{_ADDRESS_HINT}: kafkactl never asks ZooKeeper"),
    Peer.TLS: _TLS,
    Peer.STRANGER: Cause("it does not speak Kafka's protocol", _ADDRESS_HINT),
    Peer.CLOSING: Cause(
        "it closes the connection without an answer",
        "look at security.protocol, at what stands between (a proxy, a firewall), and at the broker's log",
    ),
}
_QUIET = (Peer.SILENT, Peer.NOBODY, Peer.CLOSING)
_NO_BROKERS = (Peer.HTTP, Peer.CONTROLLER, Peer.ZOOKEEPER, Peer.TLS, Peer.STRANGER)
"""What does not become a broker by waiting."""
_STRANGE_ANSWER = re.compile(r"invalid response size (-?\d+)", re.IGNORECASE)
"""How librdkafka says that an answer is too large, or that its first bytes are not Kafka's."""


def _nobody(_addresses: Sequence[Address]) -> Brokers:
    return {}


def cause(settings: Settings, said: str | None, list_brokers: ListBrokers = _nobody) -> Cause | None:
    """Return the cause behind what a client said, or behind its silence (None); None when nothing more is known.

    `list_brokers` is called where one of the bootstrap servers answers.
    """
    if said is not None and (known := _by_words(said)):
        return known
    secure = _secure(settings)
    peers = look_at(_addresses(settings), secure)
    if Peer.BROKER in peers.values():
        if size := _STRANGE_ANSWER.search(said or ""):
            return _too_large(int(size[1]))
        silent, _ = _find_silent(peers, list_brokers, secure)
        # A broker that the others take for dead is named by its address.
        silent = silent or sorted(f"{host}:{port}" for (host, port), peer in peers.items() if peer in _QUIET)
        if silent:
            return Cause(f"from {', '.join(silent)}", SILENT_HINT, is_partial=True)
    if secure is None:
        return _by_peer(peers)
    return _by_handshake_with_any(settings) if said is None or "ssl" in said.lower() else None


def _too_large(size_bytes: int) -> Cause:
    if size_bytes < 0:
        return Cause("an answer is not of Kafka's protocol", "look at what stands between: a proxy, a load balancer")
    return Cause(
        f"an answer of {size_bytes:,} bytes is larger than receive.message.max.bytes",
        f"-X receive.message.max.bytes={size_bytes + _ROOM_BYTES} takes it, if a broker has sent it",
    )


def is_no_broker(settings: Settings) -> bool:
    """Return whether something listens at each address of which is certain that it is no broker."""
    peers = look_at(_addresses(settings), _secure(settings))
    return bool(peers) and all(peer in _NO_BROKERS for peer in peers.values())


def find_silent(settings: Settings, list_brokers: ListBrokers, wait_s: float = KAFKA_WAIT_S) -> tuple[list[str], int]:
    """Return the brokers that do not answer, each with its address, and the number of brokers that were looked at.

    Each has `wait_s` for its answer.
    """
    secure = _secure(settings)
    peers = look_at(_addresses(settings), secure, wait_s)
    return _find_silent(peers, list_brokers, secure, wait_s)


def _find_silent(
    peers: Mapping[Address, Peer], list_brokers: ListBrokers, secure: Secure | None, wait_s: float = KAFKA_WAIT_S
) -> tuple[list[str], int]:
    brokers = list_brokers([address for address, peer in peers.items() if peer is Peer.BROKER])
    names = {address: name for name, address in brokers.items()}
    everybody = {**peers, **look_at([address for address in names if address not in peers], secure, wait_s)}
    chosen = {address: everybody[address] for address in names if address in everybody} or everybody
    quiet = [address for address, peer in chosen.items() if peer in _QUIET]
    places = ((names.get(address), f"{address[0]}:{address[1]}") for address in sorted(quiet))
    return [f"{name} at {place}" if name else place for name, place in places], len(chosen)


def _secure(settings: Settings) -> Secure | None:
    """Return what makes a connection secure as the settings say; None where they want no TLS."""
    if "ssl" not in settings.properties.get("security.protocol", "plaintext").lower():
        return None
    try:
        context = tls.context(settings.properties)
    except UsageError:  # a key store that only librdkafka reads
        context = tls.trust({"enable.ssl.certificate.verification": "false"})
    return lambda connection, host: context.wrap_socket(connection, server_hostname=host)


def _by_words(said: str) -> Cause | None:
    words = said.lower()
    if "supported mechanisms: " in words and "unsupported sasl mechanism" in words:
        known = said.rpartition("supported mechanisms: ")[2].replace(",", ", ")
        return Cause("the broker does not take that SASL mechanism", f"sasl.mechanism is one of {known}")
    if "not valid in current sasl state" in words:
        return Cause("that listener takes no SASL login", "security.protocol=SSL, or PLAINTEXT, or another port")
    if "certificate required" in words or "alert bad certificate" in words or "alert unknown ca" in words:
        return Cause(
            "the broker wants a client's certificate that it trusts",
            "ssl.certificate.location and ssl.key.location name it and its key (PEM)",
        )
    if "authentication" in words:
        return Cause(said, "look at sasl.username, sasl.password and sasl.mechanism")
    if "wrong version number" in words or "connecting to a plaintext" in words:
        return _NO_TLS
    return None


def _by_peer(peers: Mapping[Address, Peer]) -> Cause | None:
    if Peer.BROKER in peers.values():
        return None
    for kind, known in _BY_PEER.items():
        place = next((f"{host}:{port}" for (host, port), peer in peers.items() if peer is kind), None)
        if place is not None:
            named = known.reason.replace("it ", f"{place} ", 1) if len(peers) > 1 else known.reason
            return Cause(named, known.hint)
    return None


def _by_handshake_with_any(settings: Settings) -> Cause | None:
    has_login = settings.properties["security.protocol"].lower() != "ssl"
    for connection, host in _connections(settings):
        return _by_handshake(connection, host, settings.properties, has_login)
    return None


def _by_handshake(connection: socket.socket, host: str, properties: Mapping[str, str], has_login: bool) -> Cause | None:
    try:
        with tls.trust(properties).wrap_socket(connection, server_hostname=host) as secure:
            return None if has_login or _is_refused(secure) else _NO_ANSWER
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(error, host)
    except (ssl.SSLEOFError, ConnectionError):
        return _NO_TLS  # Kafka's plaintext listener hangs up: TLS's first bytes are too long a request
    except ssl.SSLError as error:
        return _by_words(str(error))
    except (OSError, ValueError):
        return None


def _is_refused(secure: ssl.SSLSocket) -> bool:
    """Whether the broker hangs up; raises SSLError when it says why, as it does of certificates after the handshake."""
    secure.settimeout(_REFUSAL_TIMEOUT_S)
    try:
        return not secure.recv(1)
    except TimeoutError:
        return False


def _of_certificate(error: ssl.SSLCertVerificationError, host: str) -> Cause:
    if error.verify_code == _EXPIRED:
        return Cause(
            "the broker's certificate, or its authority's, has expired",
            "have it renewed; openssl x509 -noout -dates -in FILE shows how long one lasts",
        )
    if error.verify_code in _OTHER_HOST:
        return Cause(
            f"the broker's certificate is not for {host!r}",
            "use a name that it is for; ssl.endpoint.identification.algorithm=none leaves names unchecked",
        )
    return Cause(
        f"the broker's certificate is of no authority that is known ({error.verify_message})",
        "ssl.ca.location names the authority's certificate (PEM)",
    )


def _connections(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """Each server that can be connected to, with the name it was reached by."""
    for host, port in _addresses(settings):
        try:
            connection = connect((host, port), _PROBE_TIMEOUT_S)
        except OSError:
            continue
        with connection:
            yield connection, host


def _addresses(settings: Settings) -> list[tuple[str, int]]:
    found = []
    for server in settings.bootstrap_servers.split(","):
        address = server.strip().rpartition("://")[2]
        host, colon, port = address.rpartition(":")
        found.append((host.strip("[]"), int(port)) if colon else (address.strip("[]"), _USUAL_PORT))
    return found
