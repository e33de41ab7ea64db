"""Connections to brokers by kafka-python, for requests that librdkafka cannot send.

Only this room imports kafka-python. It has no types: `Network`, `Manager` and `Connection` are the parts of its room
`net` that are used here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from kafkactl.connection import oauth, tls
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.protocol import LARGEST_ANSWER_BYTES, ApiKey
from kafkactl.connection.settings import Settings
from kafkactl.errors import (
    KafkactlError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UnsupportedRequestError,
    UsageError,
)

Node = int | str
"""The id of a broker, or kafka-python's name for a bootstrap server."""


class Connection(Protocol):
    """The members of kafka.net.connection.KafkaConnection that kafkactl uses."""

    connected: bool
    init_future: Any

    def send_request(self, request: Any, request_timeout_ms: int) -> Any: ...


class Manager(Protocol):
    """The members of kafka.net.manager.KafkaConnectionManager that kafkactl uses. Reference: kafka-python 3."""

    cluster: Any
    broker_version_data: Any

    def get_connection(
        self, node_id: Node, timeout_ms: int, *, refresh_metadata_on_err: bool, reset_backoff_on_connect: bool
    ) -> Connection: ...
    def wait_for(self, future: Any, timeout_ms: int) -> Awaitable[Any]: ...
    def close(self) -> None: ...


class Network(Protocol):
    """The members of kafka.net.selector.NetworkSelector that kafkactl uses."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def run(self, coro: Callable[..., Any], *args: Any) -> Any: ...
    def sleep(self, delay: float) -> Awaitable[None]: ...
    def close(self) -> None: ...


_SECURITY = {
    "security.protocol": "security_protocol",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}
_MECHANISMS = ("sasl.mechanisms", "sasl.mechanism")
_MS = 1000
_NEXT_AFTER_S = 0.3
"""After this long the next broker is tried as well."""
_PAUSE_S = 0.05
_MOMENT_S = 0.005
_SHORTEST_WAIT_S = 0.2
_PATIENCE_S = 1.5
"""After this long without a connection the other client is asked for the reason."""
_BROKER_HINT = "look at that broker, and at the address that it advertises"
_ERRNO = re.compile(r"(\d+) E[A-Z]+")


def translated(settings: Settings) -> dict[str, Any]:
    """kafka-python's settings for those of librdkafka; what only tunes librdkafka is left out."""
    given = settings.properties
    config: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": given.get("client.id", "kafkactl"),
        "request_timeout_ms": int(settings.timeout_s * _MS),
        "receive_message_max_bytes": LARGEST_ANSWER_BYTES,
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


class Brokers:
    """The brokers of a cluster: who they are, which of them answer, and a request to one of them.

    Times are those of time.monotonic(). Every method raises our own errors only: UnreachableError where no answer came
    in time, UnansweredError where a request was sent before, UsageError for a wrong setting, OperationError.
    """

    def __init__(self, settings: Settings, raise_reason: Callable[[], Any]) -> None:
        """`raise_reason` raises why there is no connection, where the other client knows it."""
        from kafka.errors import KafkaConfigurationError
        from kafka.net.manager import KafkaConnectionManager
        from kafka.net.selector import NetworkSelector

        self._settings, self._raise_reason = settings, raise_reason
        config = translated(settings)
        try:
            self._net: Network = NetworkSelector(client_id=config["client_id"])
            self._manager: Manager = KafkaConnectionManager(self._net, **config)
        except (AssertionError, OSError, ValueError, KafkaConfigurationError) as error:
            raise _wrong_setting(error) from error
        self._net.start()
        self._seed: Node | None = None
        """The bootstrap server that has answered."""
        self._silent: set[Node] = set()
        """Nodes of which a request got no answer."""
        self.controller: int | None = None
        """Where changes of the cluster go; None for any broker."""
        self.places: dict[int, tuple[str, int]] = {}
        """Host and port of each broker by its id."""

    def close(self) -> None:
        """Close all connections."""
        self._manager.close()
        self._net.stop()
        self._net.close()

    def any(self, deadline: float) -> Node:
        """Return a node that answers, so that a request to it is sent once only."""
        if self._seed is None or self._seed in self._silent:
            self._meet(deadline)
        assert self._seed is not None
        return self._seed

    def ask_any(self, make: Callable[[], Any], deadline: float) -> Any:
        """Return the first answer to a question, which is sent to another node where the first takes its time.

        `make` returns the request: its version is that of the broker that it goes to.
        """
        lost: UnreachableError | None = None
        while lost is None or deadline - time.monotonic() > _SHORTEST_WAIT_S:
            try:
                node = self.any(deadline)
            except UnreachableError as error:
                raise lost or error from error
            answer = self._net.run(self._first_answer, node, make, deadline)
            if not isinstance(answer, KafkactlError):
                return answer
            if not isinstance(answer, UnreachableError):
                raise answer
            lost = answer
            time.sleep(_PAUSE_S)
        raise lost

    async def _first_answer(self, node: Node, make: Callable[[], Any], deadline: float) -> Any:
        """Return the answer of a node whose connection stands, or of another that is asked after half of the time."""
        try:
            flying = {node: self._open(node, deadline).send_request(make(), self._ms_until(deadline))}
        except _kafka_errors() as error:  # the connection has ended meanwhile
            self._silent.add(node)
            return self._error(node, error)
        others = [other for other in self._bootstrap_nodes() if other != node and other not in self._silent]
        lost = self._error(node, None, is_sent=True)
        now = time.monotonic()
        next_at = now + (deadline - now) / 2
        while (flying or others) and time.monotonic() < deadline:
            for asked in [each for each, future in flying.items() if future.is_done]:
                future = flying.pop(asked)
                if future.exception is None:
                    self._silent.update(flying)
                    self._seed = asked
                    return future.value
                self._silent.add(asked)
                lost = self._error(asked, future.exception, is_sent=True)
                if not isinstance(lost, UnreachableError):
                    return lost
            is_due = bool(others) and (not flying or time.monotonic() >= next_at)
            if is_due and (other := self._connected(others, deadline)) is not None:
                others.remove(other)
                flying[other] = self._open(other, deadline).send_request(make(), self._ms_until(deadline))
                next_at += (deadline - next_at) / 2
            elif is_due or len(flying) != 1:
                await self._net.sleep(_MOMENT_S)
            else:
                until = next_at if others else deadline
                await self._settled(next(iter(flying.values())), until - time.monotonic())
        self._silent.update(flying)
        return lost

    def _connected(self, nodes: Sequence[Node], deadline: float) -> Node | None:
        """Return the first of the nodes whose connection stands; the others' are opened."""
        for node in nodes:
            try:
                if self._open(node, deadline).connected:
                    return node
            except _kafka_errors():  # a pause after a failed connection
                continue
        return None

    def learn(self, deadline: float) -> None:
        """Ask who the brokers are and which one is the controller."""
        from kafka.protocol.metadata import MetadataRequest

        answer = self.ask_any(lambda: MetadataRequest(topics=[], min_version=1), deadline)
        self._manager.cluster.update_metadata(answer)
        self.places = {broker.node_id: (broker.host, broker.port) for broker in answer.brokers}
        # Only brokers of a KRaft cluster serve it, and these pass on what is for the controller.
        is_kraft = ApiKey.DESCRIBE_QUORUM in self._manager.broker_version_data.api_versions
        self.controller = None if is_kraft else answer.controller_id

    def send(self, node: Node, request: Any, deadline: float) -> Any:
        """Return a node's answer to a request."""
        (answer,) = self.send_all({node: request}, deadline).values()
        if isinstance(answer, KafkactlError):
            raise answer
        return answer

    def send_all(self, requests: Mapping[Any, Any], deadline: float) -> dict[Node, Any]:
        """Return the answer of each node, or the error, to requests that are all on their way at once."""
        answers: dict[Node, Any] = self._net.run(self._send_all, requests, deadline)
        for node, answer in answers.items():
            if isinstance(answer, UnreachableError):
                self._silent.add(node)
        return answers

    async def _send_all(self, requests: Mapping[Node, Any], deadline: float) -> dict[Node, Any]:
        waiting = dict(requests)
        answers: dict[Node, Any] = {}
        sent: dict[Node, Any] = {}
        reasons: dict[Node, BaseException | None] = {}
        while waiting and time.monotonic() < deadline:
            for node in list(waiting):
                try:
                    connection = self._open(node, deadline)
                except _kafka_errors() as error:
                    reasons[node] = error
                    continue
                if connection.connected:
                    sent[node] = connection.send_request(waiting.pop(node), self._ms_until(deadline))
                elif connection.init_future.is_done:
                    reasons[node] = connection.init_future.exception
            await self._net.sleep(_MOMENT_S if waiting else 0)
        for node, future in sent.items():
            try:
                answers[node] = await future
            except _kafka_errors() as error:
                answers[node] = self._error(node, error, is_sent=True)
        for node in waiting:
            answers[node] = self._error(node, reasons.get(node))
        return {node: answers[node] for node in requests}

    def _meet(self, deadline: float) -> None:
        """Find a bootstrap server that answers; raise why there is none."""
        patience = min(time.monotonic() + _PATIENCE_S, deadline)
        self._seed = self._net.run(self._first_connected, patience)
        if self._seed is None:
            self._raise_reason()  # or the brokers only take their time
            self._seed = self._net.run(self._first_connected, deadline)
        if self._seed is None:
            raise self._error("", None)
        if ApiKey.METADATA not in self._manager.broker_version_data.api_versions:
            self._raise_reason()

    def _bootstrap_nodes(self) -> list[Node]:
        return [broker.node_id for broker in self._manager.cluster.bootstrap_brokers()]

    async def _first_connected(self, deadline: float) -> Node | None:
        """Return the first bootstrap server whose connection stands; each is tried, one a little after the other."""
        nodes = self._bootstrap_nodes()
        nodes = [node for node in nodes if node not in self._silent] or nodes
        begun = 0
        while time.monotonic() < deadline:
            begun = min(begun + 1, len(nodes))
            if (node := self._connected(nodes[:begun], deadline)) is not None:
                return node
            wait_s = _NEXT_AFTER_S if begun < len(nodes) else _PAUSE_S
            await self._settled(self._opening(nodes[begun - 1]), min(wait_s, max(0.0, deadline - time.monotonic())))
        return None

    def _opening(self, node: Node) -> Any:
        """Return what is done when the connection to a node stands or has failed; None where it is not tried now."""
        try:
            return self._open(node, time.monotonic() + _NEXT_AFTER_S).init_future
        except _kafka_errors():
            return None

    async def _settled(self, future: Any, wait_s: float) -> None:
        """Wait until a future is done, but not for long; a moment where there is none."""
        if future is None or future.is_done:
            await self._net.sleep(min(max(0.0, wait_s), _MOMENT_S))
            return
        try:
            await self._manager.wait_for(future, max(1, int(wait_s * _MS)))
        except _kafka_errors():
            return

    def _open(self, node: Node, deadline: float) -> Connection:
        return self._manager.get_connection(
            node, self._ms_until(deadline), refresh_metadata_on_err=False, reset_backoff_on_connect=True
        )

    @staticmethod
    def _ms_until(deadline: float) -> int:
        return max(1, int((deadline - time.monotonic()) * _MS))

    def _error(self, node: Node, error: BaseException | None, is_sent: bool = False) -> KafkactlError:
        """Return the exception of ours for a request that has no answer."""
        from kafka import errors

        unanswered = (
            errors.KafkaConnectionError,
            errors.NodeNotReadyError,
            errors.KafkaTimeoutError,
            errors.RequestTimedOutError,
            errors.SaslAuthenticationFailedError,
            errors.Cancelled,
            OSError,
            OverflowError,
            ValueError,
        )
        if error is not None and not isinstance(error, unanswered):
            return _ours(error)
        kind = UnansweredError if is_sent else UnreachableError
        place = "broker {} at {}:{}".format(node, *self.places[node]) if node in self.places else None
        reason = None if error is None else _connection_reason(error)
        if reason is None and place is not None:
            return kind(f"no answer within {self._settings.timeout_s:g} s from {place}", _BROKER_HINT)
        if place is not None:
            return kind(f"cannot reach {place}: {reason}", _BROKER_HINT)
        return kind(
            f"cannot reach the cluster at {self._settings.bootstrap_servers}: "
            f"{reason or f'no answer within {self._settings.timeout_s:g} s'}",
            f"the address is from {self._settings.source}; -b HOST:PORT names another",
        )


def _kafka_errors() -> tuple[type[Exception], ...]:
    from kafka.errors import KafkaError

    return KafkaError, OSError, OverflowError, ValueError  # the last two for hosts that cannot be looked up


def _wrong_setting(error: Exception) -> UsageError:
    return UsageError(f"a client setting is wrong: {error}", "look at -X, --command-config and the context")


def _ours(error: Any) -> KafkactlError:
    """Return the exception of ours for a refusal. Errors of the protocol have their code as `errno`."""
    from kafka import errors

    if isinstance(error, (errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion)):
        return UnsupportedRequestError(f"the brokers are too old for this request: {_text(error)}")
    code: int = getattr(error, "errno", 0)
    return refusal("", code) if code else OperationError(_text(error))


def _connection_reason(error: BaseException) -> str | None:
    """Return why a connection failed; None where only the time was over."""
    from kafka import errors

    if isinstance(
        error, (errors.KafkaTimeoutError, errors.RequestTimedOutError, errors.NodeNotReadyError, TimeoutError)
    ):
        return None
    if isinstance(error, errors.SaslAuthenticationFailedError):
        return _text(error)
    if code := _ERRNO.search(str(error)):
        return os.strerror(int(code[1]))
    return "the connection ended before the answer came"


def _text(error: Any) -> str:
    return str(getattr(error, "description", None) or error or type(error).__name__)
