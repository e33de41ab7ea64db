"""librdkafka's ssl.* settings as a context of Python's own TLS, for clients that are not librdkafka."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping

from kafkactl.errors import UsageError


def context(given: Mapping[str, str]) -> ssl.SSLContext:
    """Trust, host names and a client's certificate as they are set; raises UsageError for what cannot be read."""
    if "ssl.keystore.location" in given:
        raise UsageError(
            "this request needs the client's certificate as PEM, and ssl.keystore.location is PKCS12",
            "openssl pkcs12 -in STORE -out client.pem -nodes, then ssl.certificate.location and ssl.key.location",
        )
    try:
        made = trust(given)
        _load_certificate(made, given)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise UsageError(
            f"a client setting is wrong: {error}", "look at ssl.ca.location, ssl.certificate.location, ssl.key.location"
        ) from error
    return made


def trust(given: Mapping[str, str]) -> ssl.SSLContext:
    """Trust and host names alone; raises OSError and ValueError for authorities that cannot be read."""
    made = ssl.create_default_context(cafile=given.get("ssl.ca.location"), cadata=given.get("ssl.ca.pem"))
    made.check_hostname = given.get("ssl.endpoint.identification.algorithm", "https") == "https"
    if given.get("enable.ssl.certificate.verification", "true") == "false":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def _load_certificate(made: ssl.SSLContext, given: Mapping[str, str]) -> None:
    password = given.get("ssl.key.password")
    if certificate := given.get("ssl.certificate.location"):
        made.load_cert_chain(certificate, given.get("ssl.key.location"), password)
    elif pem := given.get("ssl.certificate.pem"):
        # Python reads certificates from files only.
        descriptor, path = tempfile.mkstemp(suffix=".pem")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(given.get("ssl.key.pem", "") + "\n" + pem + "\n")
            made.load_cert_chain(path, password=password)
        finally:
            os.unlink(path)
