"""OAUTHBEARER tokens for kafka-python, from the settings that librdkafka gets its own tokens with.

Reference: KIP-255; librdkafka's CONFIGURATION.md, sasl.oauthbearer.*; RFC 6749 section 4.4 (client credentials).
"""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from kafkactl.connection.tls import make_trust_context
from kafkactl.errors import UnreachableError, UsageError

_LIFE_S = 3600
LONGEST_STEP_S = 10.0
"""Time that a token endpoint has for each step of its answer, such as the connection."""


def make_token_provider(properties: Mapping[str, str], timeout_s: float = LONGEST_STEP_S) -> Any:
    """Return an object for kafka-python's sasl_oauth_token_provider.

    `properties` are under librdkafka's names. A token endpoint has `timeout_s` for each step of its answer, at most 10
    s: kafka-python waits for it, and for no broker meanwhile. kafka-python calls token() of the object for each new
    token; nothing is fetched before and nothing is raised here. token() raises UsageError or UnreachableError where
    there is none.
    """
    from kafka.net.sasl.oauth import AbstractTokenProvider

    class Provider(AbstractTokenProvider):  # type: ignore[misc]
        def token(self) -> str:
            """Return a new token; raise UsageError or UnreachableError where there is none."""
            return get_token(properties, min(timeout_s, LONGEST_STEP_S))

    return Provider()


def get_token(properties: Mapping[str, str], timeout_s: float = LONGEST_STEP_S) -> str:
    """Return a new token for the settings, which are under librdkafka's names.

    enable.sasl.oauthbearer.unsecure.jwt=true makes an unsigned one from sasl.oauthbearer.config (name=value words).
    Otherwise sasl.oauthbearer.method=oidc asks the token endpoint, which has `timeout_s` for each step of its answer.
    Raise UsageError where neither is set, where the endpoint's URL is missing, has a login or malformed brackets or
    does not begin with http:// or https:// in small letters, where the authorities of https.ca.* cannot be read, and
    for a lifeSeconds that is not a number of 1 to 9 digits. Raise UnreachableError where the endpoint gives no token,
    also for a URL without a host, with a blank or a wrong port, or with a character beyond ASCII behind its host.
    """
    if properties.get("enable.sasl.oauthbearer.unsecure.jwt", "").lower() in ("true", "t", "1"):  # as in librdkafka
        return _make_unsecured_token(dict(_parse_pairs(properties.get("sasl.oauthbearer.config", ""))))
    if properties.get("sasl.oauthbearer.method", "").strip().lower() == "oidc":
        return _fetch_token(properties, timeout_s)
    raise UsageError(
        "sasl.mechanism is OAUTHBEARER, and no setting says how to get a token",
        "set sasl.oauthbearer.method=oidc with sasl.oauthbearer.token.endpoint.url, client.id and client.secret",
    )


def _parse_pairs(text: str) -> list[tuple[str, str]]:
    """Return the name=value words of a text, in order. A word without "=" has an empty value."""
    return [(name, value) for name, _, value in (word.partition("=") for word in text.split())]


def _make_unsecured_token(config: Mapping[str, str]) -> str:
    """Return a token without a signature, for tests. It is valid for lifeSeconds, or for an hour.

    `config` has the options of sasl.oauthbearer.config: principal (else empty), principalClaimName, scope (separated by
    commas), scopeClaimName, lifeSeconds. Raise UsageError for a lifeSeconds that is not a number of 1 to 9 digits.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        config.get("principalClaimName", "sub"): config.get("principal", ""),
        "iat": now,
        "exp": now + _parse_life(config.get("lifeSeconds", str(_LIFE_S))),
    }
    if "scope" in config:
        claims[config.get("scopeClaimName", "scope")] = config["scope"].split(",")
    header, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)
    )
    return f"{header}.{body}."


def _parse_life(text: str) -> int:
    """Return the life of a token in s. Raise UsageError unless the text has 1 to 9 digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"invalid value {text!r} for lifeSeconds in sasl.oauthbearer.config: not a number of seconds")
    return int(text)


def _fetch_token(properties: Mapping[str, str], timeout_s: float) -> str:
    """Return a token from the token endpoint, which has `timeout_s` for each step of its answer.

    The settings have its URL, the client's id and secret, and a scope or none. A missing id or secret counts as empty.
    The grant is always client_credentials. With https the server's certificate must be from an authority of
    https.ca.location or https.ca.pem, or else of the system; ssl.* settings have no effect.

    Raise UsageError for authorities that cannot be read, a missing URL, one without http:// or https:// in small
    letters, one with an @ before its path, as of a login, and one with malformed brackets. Raise UnreachableError for a
    refusal, silence, an answer without a token, a redirection to another server, and a URL without a host, with a blank
    or a wrong port, or with a character beyond ASCII behind its host.
    """
    url = properties.get("sasl.oauthbearer.token.endpoint.url", "")
    if not url.startswith(("https://", "http://")):
        raise UsageError("sasl.oauthbearer.token.endpoint.url is missing or is not a URL")
    if "@" in url.partition("//")[2].partition("/")[0]:  # an error would show the password as a part of the port
        raise UsageError(
            "sasl.oauthbearer.token.endpoint.url has a login",
            "leave it out, and use sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret",
        )
    form = {"grant_type": "client_credentials"}
    if scope := properties.get("sasl.oauthbearer.scope"):
        form["scope"] = scope
    login = f"{properties.get('sasl.oauthbearer.client.id', '')}:{properties.get('sasl.oauthbearer.client.secret', '')}"
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode(), "Accept": "application/json"}
    try:
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
    except ValueError as error:
        raise UsageError(f"sasl.oauthbearer.token.endpoint.url is not a URL: {error}") from error
    authorities = {name: properties.get(f"https.ca.{name}") for name in ("location", "pem")}
    try:
        tls_context = make_trust_context({f"ssl.ca.{name}": text for name, text in authorities.items() if text})
    except (OSError, ValueError) as error:
        raise UsageError(f"the authorities of https.ca.* cannot be read: {error}") from error
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls_context), _SameServer())
        with opener.open(request, timeout=timeout_s) as answer:
            token = json.load(answer)["access_token"]
            if not isinstance(token, str) or not token:
                raise TypeError
            return token
    except (KeyError, RecursionError, TypeError) as error:
        raise UnreachableError(f"cannot get a token from {url}: the answer has no access_token") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnreachableError(
            f"cannot get a token from {url}: {error}", "check sasl.oauthbearer.client.id and client.secret"
        ) from error


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows redirections on the same server only: the request has the client's secret."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request for the new URL; raise HTTPError for another server or scheme, as urllib calls it."""
        if urllib.parse.urlsplit(newurl)[:2] != urllib.parse.urlsplit(req.full_url)[:2]:
            raise urllib.error.HTTPError(req.full_url, code, f"it leads to another server, {newurl}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
