"""TLS contexts of Python from librdkafka's ssl.* settings, for connections that librdkafka does not make."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping

from kafkactl.errors import UsageError


def make_context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """Return a TLS context with the settings' trust, host name check and client certificate.

    The settings are under librdkafka's names. Raise UsageError for an ssl.keystore.location, which is PKCS12 here, and
    for files and PEM texts that cannot be read or do not fit each other. A key without a certificate is not read. An
    encrypted key needs ssl.key.password. An empty location counts as none.
    """
    if properties.get("ssl.keystore.location"):
        raise UsageError(
            "this request needs the client's certificate as PEM, and ssl.keystore.location is PKCS12",
            "convert it: openssl pkcs12 -in STORE -out client.pem -nodes;"
            " then set ssl.certificate.location and ssl.key.location",
        )
    try:
        tls_context = make_trust_context(properties)
        _load_certificate(tls_context, properties)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise UsageError(
            f"a client setting is wrong: {error}", "look at ssl.ca.*, ssl.certificate.*, ssl.key.* and ssl.key.password"
        ) from error
    return tls_context


def make_trust_context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """Return a TLS context with trust and host name check only, without a client certificate.

    Without ssl.ca.location and ssl.ca.pem the system's authorities are trusted; an empty location and `probe` count as
    none. A location that is a folder has files with OpenSSL's hashed names. The host name is checked unless
    ssl.endpoint.identification.algorithm is other than https; enable.ssl.certificate.verification=false turns both
    checks off, in every spelling that librdkafka takes. Raise OSError or ValueError for CA certificates that cannot be
    read, also for an empty ssl.ca.pem. The files of a folder are not read here. Characters beyond ASCII in ssl.ca.pem,
    which only comments have, are left out.
    """
    pem = properties.get("ssl.ca.pem")
    cadata = None if pem is None else pem.encode("ascii", errors="ignore").decode("ascii")
    if cadata is not None and not cadata.strip():
        raise ValueError("ssl.ca.pem has no certificate")  # Python would take "" for "trust the system's authorities"
    location = properties.get("ssl.ca.location")
    if location in ("", "probe"):
        location = None
    is_folder = location is not None and os.path.isdir(location)
    tls_context = ssl.create_default_context(
        cafile=None if is_folder else location, capath=location if is_folder else None, cadata=cadata
    )
    # Python 3.13 would refuse certificates that librdkafka takes, such as one without its authority's key identifier.
    tls_context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    algorithm = properties.get("ssl.endpoint.identification.algorithm", "https")
    tls_context.check_hostname = algorithm.strip().lower() == "https"
    if properties.get("enable.ssl.certificate.verification", "true").lower() in ("false", "f", "0"):
        tls_context.check_hostname = False
        tls_context.verify_mode = ssl.CERT_NONE
    return tls_context


def _load_certificate(tls_context: ssl.SSLContext, properties: Mapping[str, str]) -> None:
    """Load the client's certificate and key into the context, from files or from PEM texts.

    A file wins over a text. The key of a file is in ssl.key.location or in the same file, that of a text in ssl.key.pem
    or in the same text; the other key setting is ignored. An empty setting counts as none. A text is written to a
    private file for a moment. Without a certificate in the settings nothing happens, even with a key. Raise OSError or
    ValueError where they cannot be read or do not fit each other, also for an encrypted key without ssl.key.password.
    """
    password = properties.get("ssl.key.password", "")  # with None OpenSSL would ask on the terminal
    if certificate := properties.get("ssl.certificate.location"):
        tls_context.load_cert_chain(certificate, properties.get("ssl.key.location") or None, password)
    elif pem := properties.get("ssl.certificate.pem"):
        # Python reads certificates from files only.
        descriptor, path = tempfile.mkstemp(suffix=".pem")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(properties.get("ssl.key.pem", "") + "\n" + pem + "\n")
            tls_context.load_cert_chain(path, password=password)
        finally:
            os.unlink(path)
