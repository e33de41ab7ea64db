"""The cause of a failed connection, where a client gives one reason for several causes.

librdkafka has one sentence for an unknown authority, an expired certificate and a wrong host name, and none for a
listener that speaks another protocol. So a failed connection is tried once more with Python's own TLS.
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
"""Bytes above an announced size in the suggested limit."""
_USUAL_PORT = 9092
Brokers = Mapping[str, Address]
"""Addresses of brokers by their names."""
ListBrokers = Callable[[Sequence[Address]], Brokers]
"""Function that asks one of the given addresses and returns all brokers of the cluster."""

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_EXPIRED = 10
_OTHER_HOST = (62, 64)


@dataclass(frozen=True)
class Cause:
    """The cause of a failure, and a hint that says how to repair it."""

    reason: str
    hint: str
    is_partial: bool = False
    """Whether other brokers of the cluster answer."""


_NO_ANSWER = Cause(
    "TLS works, but no request is answered", "set security.protocol=SASL_SSL if the listener wants a login"
)
_NO_TLS = Cause(
    "that listener does not speak TLS", "set security.protocol=PLAINTEXT or SASL_PLAINTEXT, or use another port"
)

_WRONG_CERTIFICATE = Cause(
    "the broker wants a client's certificate that it trusts",
    "set ssl.certificate.location and ssl.key.location to the certificate and its key (PEM)",
)


_TLS = Cause("that listener speaks TLS", "set security.protocol=SSL, or SASL_SSL with a login")
SILENT_HINT = "other brokers answer: check that broker, and the address that it advertises"
_ADDRESS_HINT = "name a broker's HOST:PORT with -b"
_CAUSES_BY_PEER = {
    Peer.HTTP: Cause(
        "it is an HTTP server, not a Kafka broker", f"{_ADDRESS_HINT}, and a registry's URL with --schema-registry"
    ),
    Peer.CONTROLLER: Cause("it is a KRaft controller, which serves no clients", _ADDRESS_HINT),
    Peer.ZOOKEEPER: Cause("it is ZooKeeper, not a Kafka broker", f"{_ADDRESS_HINT}: kafkactl never asks ZooKeeper"),
    Peer.TLS: _TLS,
    Peer.STRANGER: Cause("it does not speak Kafka's protocol", _ADDRESS_HINT),
    Peer.CLOSING: Cause(
        "it closes the connection without an answer",
        "check security.protocol, a proxy or firewall on the way, and the broker's log",
    ),
}
_SUBJECT = re.compile("^(?:it|that listener) ")
"""Beginning of the reasons in _CAUSES_BY_PEER. An address replaces it where there are several."""
_SILENT_PEERS = (Peer.SILENT, Peer.NOBODY, Peer.CLOSING)
_NO_BROKERS = (Peer.HTTP, Peer.CONTROLLER, Peer.ZOOKEEPER, Peer.TLS, Peer.STRANGER)
"""Peers that cannot become a broker later."""
_STRANGE_ANSWER = re.compile(r"invalid response size (-?\d+)", re.IGNORECASE)
"""librdkafka's text for an answer that is too large, or whose first bytes are not of Kafka's protocol."""


def _list_no_brokers(_answering: Sequence[Address]) -> Brokers:
    """Return no brokers: the default where the caller knows none."""
    return {}


def find_cause(settings: Settings, message: str | None, list_brokers: ListBrokers = _list_no_brokers) -> Cause | None:
    """Return the cause behind the message of a client, or None where no more is known.

    `message` is None where the client gave no reason. Where it does not say the cause, the bootstrap servers are
    connected to again. This takes about 1 to 2 s, longer where several TLS servers cannot be reached. Where one of them
    answers, `list_brokers` may be called; its errors pass through, and nothing else is raised. Where only some brokers
    are silent, `is_partial` is set, and the reason is "from NAME at HOST:PORT, ...", without NAME for a bootstrap
    server that is not in that list. The default of `list_brokers` names no broker.
    """
    if message is not None and (known_cause := _find_cause_in_message(message)):
        return known_cause
    secure = _make_secure(settings)
    peers = look_at(_parse_addresses(settings), secure)
    if Peer.BROKER in peers.values():
        if size := _STRANGE_ANSWER.search(message or ""):
            return _explain_answer_size(int(size[1]))
        silent, _ = _find_silent(peers, list_brokers, secure)
        # Other brokers do not list a broker that they consider dead. Then its bootstrap address is reported.
        silent = silent or sorted(f"{host}:{port}" for (host, port), peer in peers.items() if peer in _SILENT_PEERS)
        if silent:
            return Cause(f"from {', '.join(silent)}", SILENT_HINT, is_partial=True)
    if secure is None:
        return _find_cause_by_peer(peers)
    return _find_cause_by_first_handshake(settings) if message is None or "ssl" in message.lower() else None


def _explain_answer_size(size_bytes: int) -> Cause:
    """Return the cause for an answer whose first four bytes announce this size in bytes.

    A negative size means another protocol. Any other size, whatever its bytes look like, is an answer larger than
    receive.message.max.bytes, with the hint to raise this setting.
    """
    if size_bytes < 0:
        return Cause("an answer is not of Kafka's protocol", "check a proxy or load balancer on the way")
    return Cause(
        f"an answer of {size_bytes:,} bytes is larger than receive.message.max.bytes",
        f"accept it, if a broker has sent it: -X receive.message.max.bytes={size_bytes + _ROOM_BYTES}",
    )


def find_cause_at_controllers(settings: Settings, message: str | None) -> Cause | None:
    """Return why no controller answers at the bootstrap addresses, or None where one of them is a controller.

    `message` is the reason of the client, or None; where it says the cause, nothing is asked. Otherwise the addresses
    are connected to again, which takes about 1 to 2 s, with TLS up to about 4 s, and longer where several TLS servers
    cannot be reached. Nothing is raised. Servers that accept connections and stay silent give None, too, also where
    nothing listens at some addresses: they may only be slow. But with security.protocol SSL, silence after a TLS
    handshake that succeeds is a cause.
    """
    if message is not None and (known_cause := _find_cause_in_message(message)):
        return known_cause
    secure = _make_secure(settings)
    peers = look_at(_parse_addresses(settings), secure)
    kinds = set(peers.values())
    if Peer.CONTROLLER in kinds:
        return None
    if Peer.BROKER in kinds:
        return Cause("it is a broker, not a controller", "name the broker with --bootstrap-server")
    if kinds == {Peer.NOBODY}:
        return _find_unknown_hosts(settings) or Cause("nothing listens there", "")
    return _find_cause_by_peer(peers) if secure is None else _find_cause_by_first_handshake(settings)


def _find_unknown_hosts(settings: Settings) -> Cause | None:
    """Return the cause that no name of the bootstrap addresses can be looked up, or None where one can be.

    The names are looked up again. Nothing is raised.
    """
    unknown = []
    for host, port in _parse_addresses(settings):
        try:
            socket.getaddrinfo(host, port)
        except (OSError, UnicodeError):
            unknown.append(f"{host}:{port}")
        else:
            return None
    return Cause(f"Failed to resolve {', '.join(map(repr, unknown))}", "")


def is_no_broker(settings: Settings) -> bool:
    """Return whether something listens at every bootstrap address (of the first 16) and is certainly no Kafka broker.

    That is HTTP, a KRaft controller, ZooKeeper, TLS without TLS in the settings, or another protocol. It is False where
    an address does not answer or closes connections, and where a handshake of TLS fails. The check takes less than 1 s,
    and nothing is raised.
    """
    peers = look_at(_parse_addresses(settings), _make_secure(settings))
    return bool(peers) and all(peer in _NO_BROKERS for peer in peers.values())


def find_silent(settings: Settings, list_brokers: ListBrokers, wait_s: float = KAFKA_WAIT_S) -> tuple[list[str], int]:
    """Return the brokers that do not answer, as texts sorted by address, and the number of checked brokers.

    `list_brokers` takes the bootstrap servers that answer and gives the addresses of all brokers by name. At most 16
    bootstrap servers and 16 other brokers are checked. Each has `wait_s` seconds for its answer; one that refuses or
    closes connections, whose name cannot be looked up, or with which TLS fails, counts as silent, too; anything else
    that answers does not. The texts are "NAME at HOST:PORT", or HOST:PORT for a bootstrap server that is not in that
    list. Such a server is reported and counted only where the list is empty or none of its brokers is silent. Errors of
    `list_brokers` pass through.
    """
    secure = _make_secure(settings)
    peers = look_at(_parse_addresses(settings), secure, wait_s)
    return _find_silent(peers, list_brokers, secure, wait_s)


def _find_silent(
    peers: Mapping[Address, Peer], list_brokers: ListBrokers, secure: Secure | None, wait_s: float = KAFKA_WAIT_S
) -> tuple[list[str], int]:
    """Return the silent brokers as texts, sorted by address, and the number of checked brokers.

    `peers` are the bootstrap servers, already checked; `secure` starts TLS, or is None. The texts are "NAME at
    HOST:PORT", or HOST:PORT without a name. Servers that refuse or close connections, whose name cannot be looked up,
    or with which TLS fails, count as silent; anything else that answers, such as HTTP, does not. Bootstrap servers are
    reported and counted only where `list_brokers` names them, where it names nobody, or where none of its brokers is
    silent. The errors of `list_brokers` pass through.
    """
    brokers = list_brokers([address for address, peer in peers.items() if peer is Peer.BROKER])
    names = {address: name for name, address in brokers.items()}
    all_peers = {**peers, **look_at([address for address in names if address not in peers], secure, wait_s)}
    checked_peers = {address: all_peers[address] for address in names if address in all_peers} or all_peers
    if not any(peer in _SILENT_PEERS for peer in checked_peers.values()):
        checked_peers = all_peers  # a broker that is frozen for long leaves the metadata
    silent_addresses = [address for address, peer in checked_peers.items() if peer in _SILENT_PEERS]
    places = ((names.get(address), f"{address[0]}:{address[1]}") for address in sorted(silent_addresses))
    return [f"{name} at {place}" if name else place for name, place in places], len(checked_peers)


def _make_secure(settings: Settings) -> Secure | None:
    """Return the function that makes a connection secure as the settings say, or None where they use no TLS.

    With a key store or certificates that cannot be read it trusts every server. Nothing is raised here; the function
    raises OSError where TLS fails.
    """
    if "ssl" not in settings.properties.get("security.protocol", "plaintext").lower():
        return None
    try:
        context = tls.make_context(settings.properties)
    except UsageError:  # a key store that only librdkafka reads
        context = tls.make_trust_context({"enable.ssl.certificate.verification": "false"})
    return lambda connection, host: context.wrap_socket(connection, server_hostname=host)


def _find_cause_in_message(message: str) -> Cause | None:
    """Return the cause that a client's own message names, or None for an unknown message. Case does not count.

    Known are refused SASL mechanisms and logins, listeners without SASL, missing or refused client certificates, and
    listeners without TLS.
    """
    lower = message.lower()
    if "supported mechanisms: " in lower and "unsupported sasl mechanism" in lower:
        mechanisms = re.split("supported mechanisms: ", message, flags=re.IGNORECASE)[-1].replace(",", ", ")
        return Cause("the broker does not support that SASL mechanism", f"set sasl.mechanism to one of {mechanisms}")
    if "unsupported sasl mechanism" in lower:
        return Cause("the broker does not support that SASL mechanism", "set sasl.mechanism to one that it has")
    if "not valid in current sasl state" in lower:
        return Cause(
            "that listener does not accept a SASL login", "set security.protocol=SSL or PLAINTEXT, or use another port"
        )
    if "certificate required" in lower or "alert bad certificate" in lower or "alert unknown ca" in lower:
        return _WRONG_CERTIFICATE
    if "authentication" in lower:
        return Cause(message, "look at sasl.username, sasl.password and sasl.mechanism")
    if "wrong version number" in lower or "connecting to a plaintext" in lower:
        return _NO_TLS
    return None


def _find_cause_by_peer(peers: Mapping[Address, Peer]) -> Cause | None:
    """Return the cause where no address is a broker and one of them is something known; None otherwise.

    Known are HTTP, a KRaft controller, ZooKeeper, TLS, another protocol, and a server that closes connections; the
    first kind in this order counts. With several addresses the reason begins with the first one of this kind,
    HOST:PORT.
    """
    if Peer.BROKER in peers.values():
        return None
    for kind, explanation in _CAUSES_BY_PEER.items():
        place = next((f"{host}:{port}" for (host, port), peer in peers.items() if peer is kind), None)
        if place is not None:
            reason = _SUBJECT.sub(f"{place} ", explanation.reason) if len(peers) > 1 else explanation.reason
            return Cause(reason, explanation.hint)
    return None


def _find_cause_by_first_handshake(settings: Settings) -> Cause | None:
    """Return the cause that a TLS handshake with the first reachable server shows, or None.

    It may be a certificate that does not pass the check, a client certificate that the broker wants, a listener without
    TLS, or, for security.protocol SSL, a handshake that succeeds and whose connection stays open, because no request is
    sent. None also means that the server closes it within 0.5 s, that the handshake succeeds with a login (SASL_SSL) or
    fails in an unknown way, that CA certificates cannot be read, or that no server can be reached. The client's
    certificate is shown; where it cannot be read here, as in a key store, a refusal of it gives None. The settings must
    have security.protocol, else KeyError is raised; nothing else is.
    """
    has_login = settings.properties["security.protocol"].lower() != "ssl"
    for connection, host in _open_connections(settings):
        return _find_cause_by_handshake(connection, host, settings.properties, has_login)
    return None


def _find_cause_by_handshake(
    connection: socket.socket, host: str, properties: Mapping[str, str], has_login: bool
) -> Cause | None:
    """Return the cause that a TLS handshake over the connection shows, or None for an unknown failure.

    `has_login` is whether the settings use SASL: then a handshake that succeeds means None. Without a login it means
    that no request is answered, unless the broker closes the connection within 0.5 s (then None). The client's
    certificate is shown; where it cannot be read here, as in a key store, a refusal of the certificate gives None, too.
    CA certificates that cannot be read give None, and so does a server that is silent until the time-out that the
    caller has set for `connection`. A connection that breaks, also after the handshake, counts as a listener without
    TLS. The connection cannot be used afterwards. Nothing is raised.
    """
    shows_certificate = True
    try:
        try:
            context = tls.make_context(properties)
        except UsageError:
            shows_certificate, context = False, tls.make_trust_context(properties)
        with context.wrap_socket(connection, server_hostname=host) as secure:
            return None if has_login or _is_refused(secure) else _NO_ANSWER
    except ssl.SSLCertVerificationError as error:
        return _explain_certificate_error(error, host)
    except (ssl.SSLEOFError, ConnectionError):
        return _NO_TLS  # Kafka's plaintext listener closes: it reads the first bytes of TLS as too large a size
    except ssl.SSLError as error:
        cause = _find_cause_in_message(str(error))
        return cause if shows_certificate or cause != _WRONG_CERTIFICATE else None
    except (OSError, ValueError):
        return None


def _is_refused(secure: ssl.SSLSocket) -> bool:
    """Return whether the broker closes the connection, without any bytes, within 0.5 s.

    False means that it stays open, or that a byte came, which is lost. Raise SSLError when the broker gives the reason,
    as brokers do for certificates after the handshake, and OSError where the connection breaks.
    """
    secure.settimeout(_REFUSAL_TIMEOUT_S)
    try:
        return not secure.recv(1)
    except TimeoutError:
        return False


def _explain_certificate_error(error: ssl.SSLCertVerificationError, host: str) -> Cause:
    """Return the cause for a broker's certificate that does not pass the check.

    It, or the one of its authority, has expired, or it is for another host. Every other fault counts as an unknown
    authority. `host` is only for the text.
    """
    if error.verify_code == _EXPIRED:
        return Cause(
            "the certificate of the broker or of its authority has expired",
            "have it renewed; show the dates of a certificate: openssl x509 -noout -dates -in FILE",
        )
    if error.verify_code in _OTHER_HOST:
        return Cause(
            f"the broker's certificate is not for {host!r}",
            "use a name that it is for, or skip the check: -X ssl.endpoint.identification.algorithm=none",
        )
    return Cause(
        f"the authority of the broker's certificate is unknown ({error.verify_message})",
        "set ssl.ca.location to the authority's certificate (PEM)",
    )


def _open_connections(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """Yield a connection to each bootstrap server that can be reached, with the host name.

    The connection is closed when the next one is asked for, or the iterator is closed. Its calls have a time-out of 1
    s. Servers that cannot be reached within 1 s for each address of the host are passed over; the look-up of the name
    is not bounded. The settings must have passed require_addresses().
    """
    for host, port in _parse_addresses(settings):
        try:
            connection = connect((host, port), _PROBE_TIMEOUT_S)
        except OSError:
            continue
        with connection:
            yield connection, host


def _parse_addresses(settings: Settings) -> list[tuple[str, int]]:
    """Return host and port of each bootstrap server, in the order of the setting. The default port is 9092.

    Brackets of IPv6 addresses and a prefix PROTOCOL:// are left out. The settings must have passed require_addresses().
    """
    addresses = []
    for server in settings.bootstrap_servers.split(","):
        address = server.strip().rpartition("://")[2]
        host, colon, port = address.rpartition(":")
        has_port = colon and not address.endswith("]")
        addresses.append((host.strip("[]"), int(port)) if has_port else (address.strip("[]"), _USUAL_PORT))
    return addresses
