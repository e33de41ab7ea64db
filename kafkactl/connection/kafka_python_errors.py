"""Our errors for kafka-python's: a connection that cannot be opened, an answer that does not come, brokers too old."""

from __future__ import annotations

import os
import re
from typing import Any

from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.protocol import ApiKey
from kafkactl.connection.settings import Settings
from kafkactl.errors import (
    KafkactlError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UnsupportedRequestError,
    UsageError,
)

Address = tuple[str, int]
"""Host and port."""
UNREADABLE_VERSIONS: tuple[type[Exception], ...] = (TypeError,)
"""Errors of kafka-python for a list of versions that is null, while a connection opens."""
_ENDED = "the connection ended before the answer came"
_ERRNO = re.compile(r"(\d+) E[A-Z]+")
_KRAFT_RELEASES: dict[int, dict[tuple[int, int], int]] = {
    ApiKey.DESCRIBE_QUORUM: {(2, 8): 0, (3, 3): 1, (3, 9): 2},
    ApiKey.UNREGISTER_BROKER: {(2, 8): 0},
    ApiKey.LIST_CONFIG_RESOURCES: {(3, 7): 0},
    ApiKey.ADD_RAFT_VOTER: {(3, 9): 0},
    ApiKey.REMOVE_RAFT_VOTER: {(3, 9): 0},
}
"""The highest version of requests that only KRaft has, by the releases that brought one before 4.0 (KIP-595, KIP-836,
KIP-714, KIP-853)."""


def make_error(
    settings: Settings, node: int | str, address: Address | None, error: BaseException | None, is_sent: bool = False
) -> KafkactlError:
    """Return our exception for a request without an answer. `is_sent` is whether the request was sent.

    Without a connection or an answer, for an answer that cannot be read, for a failed login, and for OSError,
    ValueError and OverflowError, it is an UnreachableError, or an UnansweredError if the request was sent. `error` is
    None where only the time was over. Where the brokers are too old it is an UnsupportedRequestError, which names no
    broker. An error of kafkactl, such as that of a token, stays. Another error becomes an OperationError, which names
    no broker. Any other message names the broker or controller `node` at `address`; without an address, as for a
    bootstrap server, it names the cluster or the controllers. Nothing is raised.
    """
    from kafka import errors

    unanswered = (
        errors.KafkaConnectionError,
        errors.NodeNotReadyError,
        errors.KafkaTimeoutError,
        errors.RequestTimedOutError,
        errors.KafkaProtocolError,  # an answer that cannot be read
        *list_login_errors(),
        errors.Cancelled,
        OSError,
        OverflowError,
        ValueError,
        *(() if is_sent else UNREADABLE_VERSIONS),
    )
    if isinstance(error, KafkactlError):
        return error
    if error is not None and not isinstance(error, unanswered):
        return _translate_error(error)
    kind = UnansweredError if is_sent else UnreachableError
    place = None if address is None else _name_place(settings, node, address)
    reason = None if error is None else _find_connection_reason(error)
    at_controllers = settings.has_controllers
    hint = f"check that {_name_kind(settings)}, and the address that it advertises"
    if reason is None and place is not None:
        return kind(f"no answer within {settings.timeout_s:g} s from {place}", hint)
    if place is not None:
        return kind(f"cannot reach {place}: {reason}", hint)
    hint = f"the address is from {settings.source}; choose another"
    if at_controllers and reason == _ENDED and not settings.uses_sasl:
        hint = "if the listener wants a login, set security.protocol=SASL_PLAINTEXT, or SASL_SSL with TLS"
    return kind(
        f"cannot reach the {'controllers' if at_controllers else 'cluster'} at {settings.bootstrap_servers}: "
        f"{reason or f'no answer within {settings.timeout_s:g} s'}",
        hint if at_controllers else f"{hint} with -b HOST:PORT",
    )


def make_version_error(
    settings: Settings, node: int | str, address: Address | None, request: Any, versions: Any
) -> UnsupportedRequestError:
    """Return our exception for a request that a broker does not have, or not in a version that would do.

    `versions` is kafka-python's list of the requests that the broker has. The message names the node where it has an
    `address`. For one that is too old it also names the first release of Kafka that has the request, if that is known.
    One whose versions are all too new has a text of its own. `request`, `needed_versions` and `supported_versions` of
    the exception are set; the last is None where the node does not have the request. For a request that controllers do
    not serve, and settings with controllers, `request` and `is_of_brokers` of the exception are set instead.
    """
    api = request.name.removesuffix("Request")
    if settings.has_controllers and "controller" not in request.json.get("listeners", ()):
        return _make_endpoint_error(_name_place(settings, node, address), api)
    lowest = max(request.min_version, request._min_version or 0)
    highest = request.max_version if request._max_version is None else request._max_version
    supported = versions.api_versions.get(request.API_KEY)
    place = _name_place(settings, node, address)
    release = find_first_release(request.API_KEY, lowest)
    if supported is not None and supported[0] > highest:
        reason = f"is too new: it has {api} from version {supported[0]} on, and kafkactl knows up to {highest}"
        release = None
    elif supported is not None:
        reason = f"is too old: it has {api} up to version {supported[1]}, and version {lowest} is needed"
    elif release is not None and ApiKey.DESCRIBE_QUORUM not in versions.api_versions:
        reason = f"does not have the request {api}"
        if release <= versions.broker_version:
            reason, release = f"{reason}, which only brokers of KRaft clusters have", None
        else:
            reason = f"is too old: it {reason}"
    else:
        reason = f"is too old: it does not have the request {api}"
    since = "" if release is None else f" (Kafka {'.'.join(map(str, release))} has it)"
    error = UnsupportedRequestError(f"{place} {reason}{since}")
    error.request, error.needed_versions, error.supported_versions = api, (lowest, highest), supported
    return error


def _make_endpoint_error(place: str, api: str) -> UnsupportedRequestError:
    """Return our exception for a request that only brokers serve, and that went to the controller named `place`.

    `api` is the request's name without "Request". `request` and `is_of_brokers` of the exception are set.
    """
    error = UnsupportedRequestError(
        f"{place} does not serve {api}: only brokers do", "name brokers with --bootstrap-server"
    )
    error.request, error.is_of_brokers = api, True
    return error


def _name_kind(settings: Settings) -> str:
    """Return what the nodes behind these settings are, broker or controller, as a word for messages."""
    return "controller" if settings.has_controllers else "broker"


def _name_place(settings: Settings, node: int | str, address: Address | None) -> str:
    """Return the name of a node for messages, such as "broker 1 at host:9092", or "the broker" without an address."""
    kind = _name_kind(settings)
    return f"the {kind}" if address is None else "{} {} at {}:{}".format(kind, node, *address)


def find_first_release(api_key: int, version: int) -> tuple[int, ...] | None:
    """Return the first release of Kafka, such as (4, 2), whose brokers have a version of a request; None if unknown.

    `api_key` is the number of the request. The releases are those that kafka-python knows. It has looked at brokers
    with ZooKeeper before Kafka 4.0, so the requests that only KRaft has stand in a table here.
    """
    from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

    for release, highest in _KRAFT_RELEASES.get(api_key, {}).items():
        if highest >= version:
            return release
    releases = (
        release for release, ranges in BROKER_API_VERSIONS.items() if ranges.get(api_key, (0, -1))[1] >= version
    )
    return min(releases, default=None)


def list_kafka_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that kafka-python's calls raise, for an except clause."""
    from kafka.errors import KafkaError

    return KafkaError, OSError, OverflowError, ValueError  # the last two: host names that Python cannot look up


def list_login_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of kafka-python after which the same login would fail again, for an except clause."""
    from kafka import errors

    return errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError, errors.IllegalSaslStateError


def explain_login_failure(error: BaseException) -> str:
    """Return why a login was refused, in the words of librdkafka for this failure."""
    from kafka import errors

    if isinstance(error, errors.UnsupportedSaslMechanismError):
        return "Unsupported SASL mechanism"
    if isinstance(error, errors.IllegalSaslStateError):
        return "Request not valid in current SASL state"
    text = str(error.args[0]) if error.args else ""
    return f"SASL authentication error: {text.removeprefix('SaslAuthenticationFailedError: ')}".removesuffix(": ")


def make_setting_error(error: Exception) -> UsageError:
    """Return the error for a setting that kafka-python refuses, with kafka-python's text."""
    return UsageError(f"a client setting is wrong: {error}", "look at -X, --command-config and the context")


def make_unsendable_error(request: Any, error: Exception) -> UsageError:
    """Return the error for a request that kafka-python cannot write, because `error` ended the writing."""
    reason = f"a number does not fit its field: {error}"
    if isinstance(error, UnicodeEncodeError):
        reason = f"a text is not Unicode: it has a lone surrogate at position {error.start}"
    return UsageError(f"cannot send {request.name.removesuffix('Request')}: {reason}")


def _translate_error(error: Any) -> KafkactlError:
    """Return our exception for a refusal. kafka-python's protocol errors have Kafka's code as `errno`.

    It is an UnsupportedRequestError where the brokers are too old, and otherwise an OperationError. The code of the
    first is None, and that of an OperationError only for an error without `errno`.
    """
    from kafka import errors

    if isinstance(error, (errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion)):
        return UnsupportedRequestError(f"the brokers are too old for this request: {_describe(error)}")
    code: int = getattr(error, "errno", 0)
    return refusal("", code) if code else OperationError(_describe(error))


def _find_connection_reason(error: BaseException) -> str | None:
    """Return why a connection failed, as text, or None where only the time was over or the node is not ready yet.

    The reason is that of a refused login, that a name cannot be looked up, or that of an error of the operating system
    whose number and name are in the text, such as 111 ECONNREFUSED, or that an answer cannot be read. All other errors,
    also those of TLS, give the sentence that the connection ended.
    """
    from kafka import errors

    if isinstance(
        error, (errors.KafkaTimeoutError, errors.RequestTimedOutError, errors.NodeNotReadyError, TimeoutError)
    ):
        return None
    if isinstance(error, list_login_errors()):
        return explain_login_failure(error)
    if code := _ERRNO.search(str(error)):
        return os.strerror(int(code[1]))
    if isinstance(error, UnicodeError) or "DNS" in str(error):
        return "the name cannot be looked up"
    if isinstance(error, (errors.KafkaProtocolError, *UNREADABLE_VERSIONS)):
        return "an answer cannot be read"
    return _ENDED


def _describe(error: Any) -> str:
    """Return the description of one of kafka-python's errors, or its text where it has none.

    An error of another library without arguments gives an empty text.
    """
    return str(getattr(error, "description", None) or error or type(error).__name__)
