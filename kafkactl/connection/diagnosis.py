"""Why a broker lets nobody in, told apart where a client says one thing for several causes.

librdkafka has one sentence for an unknown authority, an expired certificate and a wrong host name, and none for a
listener that speaks another protocol. So a failed connection is tried once more, with Python's own TLS.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kafkactl.connection import tls
from kafkactl.connection.settings import Settings

_PROBE_TIMEOUT_S = 1.0  # on top of --timeout
_REFUSAL_TIMEOUT_S = 0.5

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_EXPIRED = 10
_OTHER_HOST = (62, 64)


@dataclass(frozen=True)
class Cause:
    """What is wrong, and what a person can do about it."""

    reason: str
    hint: str


_NO_ANSWER = Cause("TLS works, but no request is answered", "if the listener wants a login: security.protocol=SASL_SSL")
_NO_TLS = Cause("that listener does not speak TLS", "security.protocol=PLAINTEXT or SASL_PLAINTEXT, or another port")


def cause(settings: Settings, said: str | None) -> Cause | None:
    """The cause behind what a client said, or behind its silence (None); None when nothing more is known."""
    if said is not None:
        return _by_words(said) or (_by_trying(settings) if "ssl" in said.lower() else None)
    return _by_trying(settings)


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


def _by_trying(settings: Settings) -> Cause | None:
    protocol = settings.properties.get("security.protocol", "plaintext").lower()
    if "ssl" not in protocol:
        if _speaks_tls(settings):
            return Cause("that listener speaks TLS", "security.protocol=SSL, or SASL_SSL with a login")
        return None
    for connection, host in _connections(settings):
        return _by_handshake(connection, host, settings.properties, has_login=protocol != "ssl")
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


def _speaks_tls(settings: Settings) -> bool:
    anybody = tls.trust({"enable.ssl.certificate.verification": "false"})
    for connection, _host in _connections(settings):
        try:
            anybody.wrap_socket(connection).close()
        except ssl.SSLError as error:
            return "ALERT" in (error.reason or "")  # it speaks TLS, and refuses
        except OSError:
            continue
        return True
    return False


def _connections(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """Each server that can be connected to, with the name it was reached by."""
    for host, port in _addresses(settings):
        try:
            connection = socket.create_connection((host, port), _PROBE_TIMEOUT_S)
        except OSError:
            continue
        with connection:
            yield connection, host


def _addresses(settings: Settings) -> list[tuple[str, int]]:
    found = []
    for server in settings.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition("://")[2].rpartition(":")
        if port.isdigit():
            found.append((host.strip("[]"), int(port)))
    return found
