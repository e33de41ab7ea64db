"""kafka-python's admin client, for the requests that librdkafka cannot send; the one place that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafkactl.connection import oauth, tls
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, OperationError, UnreachableError, UsageError

AdminClient = Any
"""kafka.admin.KafkaAdminClient, which has no types and is only imported when it is needed."""

_SECURITY = {
    "security.protocol": "security_protocol",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}
_MECHANISMS = ("sasl.mechanisms", "sasl.mechanism")
_MS = 1000
_FIRST_TRY_MS = 1500


def translated(settings: Settings) -> dict[str, Any]:
    """kafka-python's settings for those of librdkafka; what only tunes librdkafka is left out."""
    given = settings.properties
    config: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": given.get("client.id", "kafkactl"),
        "request_timeout_ms": int(settings.timeout_s * _MS),
        "bootstrap_timeout_ms": int(settings.timeout_s * _MS),
    }
    config.update({_SECURITY[name]: value for name, value in given.items() if name in _SECURITY})
    for name in _MECHANISMS:
        if name in given:
            config["sasl_mechanism"] = given[name]
    if "security_protocol" in config:
        config["security_protocol"] = config["security_protocol"].upper()
        if "SSL" in config["security_protocol"]:
            config["ssl_context"] = tls.context(given)
    if config.get("sasl_mechanism") == "OAUTHBEARER":
        config["sasl_oauth_token_provider"] = oauth.token_provider(given)
    return config


@contextmanager
def admin(settings: Settings) -> Iterator[AdminClient]:
    """A connected admin client, closed at the end; its errors become ours."""
    from kafka import errors

    client = _connected(settings)
    try:
        yield client
    except errors.KafkaError as error:
        raise _ours(error, settings) from error
    finally:
        client.close()


def _connected(settings: Settings) -> AdminClient:
    """Soon, or with the reason why not: kafka-python tries on until its time is over, and then tells none."""
    from kafka import errors
    from kafka.admin import KafkaAdminClient

    config = translated(settings)
    try:
        first_ms = min(_FIRST_TRY_MS, config["bootstrap_timeout_ms"])
        return KafkaAdminClient(**{**config, "bootstrap_timeout_ms": first_ms})
    except (errors.KafkaConfigurationError, AssertionError, OSError) as error:
        raise UsageError(
            f"a client setting is wrong: {error}", "look at -X, --command-config and the context"
        ) from error
    except (errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.SaslAuthenticationFailedError):
        from kafkactl.connection.cluster import Cluster

        Cluster(settings).metadata()  # librdkafka says what is wrong, or that the brokers only take their time
    except errors.KafkaError as error:
        raise _ours(error, settings) from error
    try:
        return KafkaAdminClient(**config)
    except errors.KafkaError as error:
        raise _ours(error, settings) from error


def send(client: AdminClient, request: Any, broker: int | None = None) -> Any:
    """The answer to one of kafka.protocol's requests, of that broker or of any."""
    return client._manager.run(lambda: client._manager.send(request, node_id=broker))


def send_to_controller(client: AdminClient, request: Any) -> Any:
    """The answer of the controller; with KRaft any broker passes the request on to it."""
    return send(client, request, client._manager.run(client._refresh_controller_id))


def refusal(what: str, code: int, message: str | None) -> OperationError:
    """The error for a code inside an answer, in the broker's own words where it has some."""
    from kafka import errors

    known: Any = errors.for_code(code)
    reason = _refusal_of_rights(known) or message or getattr(known, "description", None) or known.__name__
    return OperationError(f"{what}: {reason}" if what else reason, None, code)


def _ours(error: Any, settings: Settings) -> KafkactlError:
    from kafka import errors

    reason = (
        _refusal_of_rights(type(error)) or getattr(error, "description", None) or str(error) or type(error).__name__
    )
    unreachable = (errors.KafkaConnectionError, errors.KafkaTimeoutError, errors.SaslAuthenticationFailedError)
    if isinstance(error, errors.RequestTimedOutError):
        reason = f"no answer within {settings.timeout_s:g} s"
    if isinstance(error, (*unreachable, errors.RequestTimedOutError)):
        return UnreachableError(
            f"cannot reach the cluster at {settings.bootstrap_servers}: {reason}",
            f"the address is from {settings.source}; -b HOST:PORT names another",
        )
    if isinstance(error, (errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion)):
        return OperationError(f"the brokers are too old for this request: {reason}")
    return OperationError(str(reason), code=getattr(error, "errno", None))


def _refusal_of_rights(error: Any) -> str | None:
    """librdkafka's words where a class of errors is one: a broker shows its own objects, kafka-python says when."""
    if "AuthorizationFailed" not in error.__name__:
        return None
    from confluent_kafka import KafkaError

    return str(KafkaError(error.errno).str().removeprefix("Broker: "))
