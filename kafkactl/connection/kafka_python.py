"""Connections to brokers by kafka-python, for requests that librdkafka cannot send.

Only the package connection imports kafka-python. It has no types: `Network`, `Manager` and `Connection` describe the
parts of kafka-python's package `net` that are used here.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from kafkactl.connection import oauth, tls
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.kafka_python_errors import (
    UNREADABLE_VERSIONS,
    explain_login_failure,
    list_kafka_errors,
    list_login_errors,
    make_error,
    make_setting_error,
    make_unsendable_error,
    make_version_error,
)
from kafkactl.connection.protocol import LARGEST_ANSWER_BYTES, ApiKey, EndpointType
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, UnreachableError

Node = int | str
"""The id of a broker, or kafka-python's name for a bootstrap server."""


class Connection(Protocol):
    """The members of kafka.net.connection.KafkaConnection that kafkactl uses."""

    connected: bool
    init_future: Any
    broker_version_data: Any
    parser: Any
    """None until TCP has connected."""

    def send_request(self, request: Any, request_timeout_ms: int) -> Any:
        """Send a request and return a future of its answer; nothing is waited for.

        While the connection opens the request is kept, also beyond the time-out. The future fails after the time-out,
        which also closes the connection, and where the connection is paused or has ended or the brokers are too old.
        """


class Manager(Protocol):
    """The members of kafka.net.manager.KafkaConnectionManager that kafkactl uses. Reference: kafka-python 3."""

    cluster: Any
    broker_version_data: Any

    def get_connection(
        self, node_id: Node, timeout_ms: int, *, refresh_metadata_on_err: bool, reset_backoff_on_connect: bool
    ) -> Connection:
        """Return the connection to a node, which may still be opening; nothing is waited for.

        Raise an error of kafka-python, OSError, OverflowError or ValueError, for example during the pause after a
        failure.
        """

    def wait_for(self, future: Any, timeout_ms: int) -> Awaitable[Any]:
        """Return an awaitable of a future's result; it raises the future's error, or KafkaTimeoutError after the time.

        The future itself goes on then. Only coroutines of the event loop can await it.
        """

    def close(self) -> None:
        """Close all connections; a second call does nothing."""


class Network(Protocol):
    """The members of kafka.net.selector.NetworkSelector that kafkactl uses."""

    def start(self) -> None:
        """Start the daemon thread of the event loop; nothing happens where it runs already."""

    def stop(self) -> None:
        """Stop the thread of the event loop and wait for its end; nothing happens where it does not run.

        Calls of run() that still wait in other threads raise an error of kafka-python.
        """

    def run(self, coro: Callable[..., Any], *args: Any) -> Any:
        """Run a coroutine function with its arguments in the event loop; wait for its result, or raise its error.

        Without the thread, the loop runs in the calling thread. Raise RuntimeError after close() and in the thread of
        the loop.
        """

    def sleep(self, delay: float) -> Awaitable[None]:
        """Return an awaitable that waits for `delay` s; only coroutines of the event loop can await it."""

    def close(self) -> None:
        """Stop the thread where it still runs, and release the selector; a second call does nothing."""


_SECURITY = {
    "security.protocol": "security_protocol",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}
_MECHANISMS = ("sasl.mechanisms", "sasl.mechanism")
_MS = 1000
_NEXT_AFTER_S = 0.3
"""Time without a connection after which the next broker is tried as well."""
_PAUSE_S = 0.05
_MOMENT_S = 0.005
_LONGEST_PAUSE_MS = 500
"""Longest pause after failed connections to a node. kafka-python's own is 30 s, longer than most time-outs."""
_SHORTEST_WAIT_S = 0.2
_PATIENCE_S = 1.5
"""Time without a connection after which the other client library is asked for the reason."""


def translate_settings(settings: Settings) -> dict[str, Any]:
    """Return kafka-python's settings, by its own names, for librdkafka's.

    They are the addresses, the time-out, the largest answer, the longest pause after failures, client.id (kafkactl
    without it), security.protocol, the SASL mechanism (sasl.mechanism wins over sasl.mechanisms), user and password,
    and, where they are needed, a TLS context and a provider of OAUTHBEARER tokens. All other settings are left out.
    With TLS, raise UsageError for CA or client certificates that cannot be read, do not fit each other, also for an
    encrypted key without its password, and for a PKCS12 key store. The values are not checked otherwise.
    """
    properties = settings.properties
    config: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": properties.get("client.id", "kafkactl"),
        "request_timeout_ms": int(settings.timeout_s * _MS),
        "receive_message_max_bytes": LARGEST_ANSWER_BYTES,
        "reconnect_backoff_max_ms": _LONGEST_PAUSE_MS,
    }
    config.update({_SECURITY[name]: value for name, value in properties.items() if name in _SECURITY})
    for name in _MECHANISMS:
        if name in properties:
            config["sasl_mechanism"] = properties[name]
    if "security_protocol" in config:
        config["security_protocol"] = config["security_protocol"].strip().upper()
        if "SSL" in config["security_protocol"]:
            config["ssl_context"] = tls.make_context(properties)
    if config.get("sasl_mechanism") == "OAUTHBEARER":
        config["sasl_oauth_token_provider"] = oauth.make_token_provider(properties, settings.timeout_s)
    return config


class Brokers:
    """The brokers of a cluster over kafka-python: it lists them, finds those that answer, and sends requests to them.

    Deadlines are times of time.monotonic(). Every method raises our own errors only: UnreachableError where no answer
    came in time, UnansweredError where the request had been sent, UsageError for a wrong setting, OperationError for a
    refusal.
    """

    def __init__(self, settings: Settings, raise_reason: Callable[[], Any]) -> None:
        """Take the settings, and a function that raises the other client's reason for a missing connection.

        `raise_reason` may return where it finds none; the waiting then goes on. A thread is started; nothing is
        connected. Raise UsageError for a setting that kafka-python refuses at once, for certificates that cannot be
        read, and for a PKCS12 key store. A wrong security.protocol, mechanism or login shows only at a connection.
        """
        from kafka.errors import KafkaConfigurationError
        from kafka.net.manager import KafkaConnectionManager
        from kafka.net.selector import NetworkSelector

        self._settings, self._raise_reason = settings, raise_reason
        config = translate_settings(settings)
        try:
            self._net: Network = NetworkSelector(client_id=config["client_id"])
            self._manager: Manager = KafkaConnectionManager(self._net, **config)
        except (AssertionError, OSError, ValueError, KafkaConfigurationError) as error:
            raise make_setting_error(error) from error
        self._net.start()
        self._seed: Node | None = None
        """The bootstrap server that answered last; None before the first answer."""
        self._is_only_slow = False
        """Whether no server was connected in time in the last search, while the other client had an answer."""
        self._last_sent: dict[Node, tuple[Any, Connection]] = {}
        self._opened: dict[Node, Connection] = {}
        """The last connection to each node, since the last search or request began."""
        self._opened_again: set[Node] = set()
        """Nodes whose connection ended during the login, and was opened once more since then."""
        self.login_failure: str | None = None
        """Why the last server that refused a login did so, in the words of librdkafka; None where none has."""
        self._silent: set[Node] = set()
        """Nodes that did not answer a request."""
        self.controller: int | None = None
        """Id of the broker that gets changes of the cluster; None where any broker takes them."""
        self.places: dict[int, tuple[str, int]] = {}
        """Host and port of each broker by its id."""

    def close(self) -> None:
        """Close all connections, and end the thread and wait for its end. A second call does nothing.

        The object cannot be used afterwards: its requests raise RuntimeError.
        """
        self._manager.close()
        self._net.stop()
        self._net.close()

    @property
    def has_answered(self) -> bool:
        """Return whether a broker has answered: a known bootstrap server, or one that only `raise_reason` found.

        It is False before the first answer. A search that finds no connected server makes it False again where
        `raise_reason` raises.
        """
        return self._seed is not None or self._is_only_slow

    def find_answering_node(self, deadline: float) -> Node:
        """Return a bootstrap server that is connected, so that a request to it is sent only once.

        It is the last one that answered or was found, whose connection is not checked again; where that was silent, or
        there is none, one is searched for. `deadline` is a time of time.monotonic(). Raise UnreachableError where no
        server is connected until then, or sooner where all refuse the login, and UsageError or UnreachableError where
        there is no OAUTHBEARER token. `raise_reason` is called after 1.5 s without a connection, sooner where all
        servers refuse the login, and, unless controllers are asked, where the server that was found is no broker. Its
        errors pass through: UnreachableError, OperationError, UsageError.
        """
        if self._seed is None or self._seed in self._silent:
            self._find_seed(deadline)
        assert self._seed is not None
        return self._seed

    def ask_any(self, make: Callable[[], Any], deadline: float) -> Any:
        """Return the first answer to a question, also one with an error code.

        Another node is asked as well after half of the time that is left. `make` returns a new request; it is called
        for each node, because the node's version decides the request's. Its errors pass through. `deadline` is a time
        of time.monotonic(). Raise UnreachableError where no answer came until then, or sooner where `raise_reason`
        raises it, all servers refuse the login or there is no OAUTHBEARER token; UnansweredError where the request had
        been sent; and any other error at once: OperationError, UnsupportedRequestError where the brokers are too old,
        UsageError.
        """
        last_error: UnreachableError | None = None
        while last_error is None or deadline - time.monotonic() > _SHORTEST_WAIT_S:
            try:
                node = self.find_answering_node(deadline)
            except UnreachableError as error:
                raise last_error or error from error
            answer = self._net.run(self._wait_for_first_answer, node, make, deadline)
            if not isinstance(answer, KafkactlError):
                return answer
            if not isinstance(answer, UnreachableError):
                raise answer
            last_error = answer
            time.sleep(_PAUSE_S)
        raise last_error

    async def _wait_for_first_answer(self, node: Node, make: Callable[[], Any], deadline: float) -> Any:
        """Return the first answer, or the last error as a KafkactlError. It is returned, not raised.

        `node` is asked first, and another bootstrap server after half of the time until the `deadline`, a time of
        time.monotonic(), and each further one after half of the rest, or at once where nobody is left to wait for.
        Servers that were silent before are not asked. Where no connection to `node` can be opened, the error is
        returned at once. `make` returns a new request for each. An error other than UnreachableError ends the waiting.
        Errors of `make` are raised, and UsageError for a request that cannot be sent. The node that answers becomes the
        seed. Nodes with an error count as silent from then on, and so do those without an answer
        when another one answers or the time is over.
        """
        request = make()
        try:
            futures = {node: self._send_over(self._open(node, deadline), node, request, deadline)}
        except list_kafka_errors() as error:  # the connection may have ended since it was found
            self._silent.add(node)
            return self._make_error(node, error)
        other_nodes = [other for other in self._list_bootstrap_nodes() if other != node and other not in self._silent]
        last_error = self._make_error(node, None, is_sent=True)
        now = time.monotonic()
        next_at = now + (deadline - now) / 2
        while (futures or other_nodes) and time.monotonic() < deadline:
            for finished_node in [node_id for node_id, future in futures.items() if future.is_done]:
                future = futures.pop(finished_node)
                if future.exception is None:
                    self._silent.update(futures)
                    self._seed = finished_node
                    return future.value
                self._silent.add(finished_node)
                last_error = self._make_error(finished_node, future.exception, is_sent=True)
                if not isinstance(last_error, UnreachableError):
                    return last_error
            is_due = bool(other_nodes) and (not futures or time.monotonic() >= next_at)
            if is_due and (other := self._find_connected(other_nodes, deadline)) is not None:
                other_nodes.remove(other)
                futures[other] = self._send_over(self._open(other, deadline), other, make(), deadline)
                next_at += (deadline - next_at) / 2
            elif is_due or len(futures) != 1:
                await self._net.sleep(_MOMENT_S)
            else:
                until = next_at if other_nodes else deadline
                await self._wait_briefly(next(iter(futures.values())), until - time.monotonic())
        self._silent.update(futures)
        return last_error

    def _find_connected(self, nodes: Sequence[Node], deadline: float) -> Node | None:
        """Return the first node whose connection stands, or None. The connections before it are opened.

        Opening may last until the `deadline`, a time of time.monotonic(); nothing is waited for here. Nothing is
        raised: a node whose connection fails is passed over.
        """
        for node in nodes:
            try:
                if self._open(node, deadline).connected:
                    return node
            except list_kafka_errors():  # kafka-python pauses after a failed connection
                continue
        return None

    def learn(self, deadline: float) -> None:
        """Ask for the brokers and the controller, and keep both in `places` and `controller`.

        With KRaft `controller` becomes None, and otherwise an id, or -1 while there is no controller. `deadline` is a
        time of time.monotonic(). A broker that knows no broker yet, because it has just started, is asked again. Raise
        UnreachableError where no broker answers until then (UnansweredError after the request was sent) or the answers
        have no broker, OperationError for a refusal, or UsageError; both stay as they were then.
        """
        from kafka.protocol.metadata import MetadataRequest

        while not (answer := self.ask_any(lambda: MetadataRequest(topics=[], min_version=1), deadline)).brokers:
            if time.monotonic() + _SHORTEST_WAIT_S > deadline:
                raise UnreachableError("no broker is alive: the one that answers lists none", "try again in a moment")
            time.sleep(_PAUSE_S)
        self._manager.cluster.update_metadata(answer)
        self.places = {broker.node_id: (broker.host, broker.port) for broker in answer.brokers}
        # Only brokers of a KRaft cluster serve DescribeQuorum, and they forward the controller's requests.
        is_kraft = ApiKey.DESCRIBE_QUORUM in self._manager.broker_version_data.api_versions
        self.controller = None if is_kraft else answer.controller_id

    def learn_controllers(self, deadline: float) -> None:
        """Ask for the controllers and the active one, and keep both in `places` and `controller`.

        The bootstrap servers are controllers. `controller` is -1 while none is active. `deadline` is a time of
        time.monotonic(). Raise UnreachableError where no controller answers until then (UnansweredError after the
        request was sent), UnsupportedRequestError where the controllers are too old, OperationError for a refusal, also
        of a broker, or UsageError.
        """
        from kafka.protocol.admin import DescribeClusterRequest
        from kafka.protocol.metadata import MetadataResponse

        def make() -> Any:
            """Return a new request."""
            return DescribeClusterRequest(
                include_cluster_authorized_operations=False, endpoint_type=EndpointType.CONTROLLERS, min_version=1
            )

        answer = self.ask_any(make, deadline)
        if answer.error_code:
            raise refusal("cannot list the controllers", answer.error_code, answer.error_message)
        nodes = [
            MetadataResponse.MetadataResponseBroker(node.broker_id, node.host, node.port, None, version=1)
            for node in answer.brokers
        ]
        controller_id = answer.controller_id if answer.controller_id is not None else -1
        self._manager.cluster.update_metadata(
            MetadataResponse(version=1, brokers=nodes, controller_id=controller_id, topics=[])
        )
        self.places = {node.broker_id: (node.host, node.port) for node in answer.brokers}
        self.controller = controller_id

    def send(self, node: Node, request: Any, deadline: float) -> Any:
        """Return a node's answer to a request, also one with an error code. The request is for one node only.

        A broker must be in `places`; any other one gives an OperationError at the deadline. `deadline` is a time of
        time.monotonic(). Raise UnansweredError where the request was or may have been sent, UnreachableError where the
        node was not connected or refused the login, UsageError or UnreachableError where there is no OAUTHBEARER token,
        UnsupportedRequestError where the brokers are too old, UsageError for a text that is not Unicode and a number
        that does not fit its field, and OperationError for another error of kafka-python. A node with an
        UnreachableError counts as silent from then on.
        """
        (answer,) = self.send_all({node: request}, deadline).values()
        if isinstance(answer, KafkactlError):
            raise answer
        return answer

    def send_all(self, requests: Mapping[Any, Any], deadline: float) -> dict[Node, Any]:
        """Send all requests at once. Return the answer or the error of each node, in the order of `requests`.

        `requests` are by node; without any the result is empty. A broker must be in `places`; any other one has an
        OperationError at the deadline. `deadline` is a time of time.monotonic(). An answer may have an error code. The
        error of a node is UnansweredError where its request was or may have been sent, UnreachableError before,
        UsageError or UnreachableError where there is no OAUTHBEARER token, UnsupportedRequestError or OperationError;
        it is not raised. A node with an UnreachableError counts as silent from then on. Raise UsageError for a text
        that is not Unicode and a number that does not fit its field; the requests before that one may have been sent.
        """
        answers: dict[Node, Any] = self._net.run(self._send_all, requests, deadline)
        for node, answer in answers.items():
            if isinstance(answer, UnreachableError):
                self._silent.add(node)
        return answers

    async def _send_all(self, requests: Mapping[Node, Any], deadline: float) -> dict[Node, Any]:
        """Return the answer or the KafkactlError of each node. A request is sent as soon as its connection stands.

        The result is in the order of `requests`. At the `deadline`, a time of time.monotonic(), the waiting ends. A
        node whose login is refused has its error at once. Unlike send_all(), this does not note who was silent.
        """
        self._forget_connections()
        pending_requests = dict(requests)
        answers: dict[Node, Any] = {}
        futures: dict[Node, Any] = {}
        reasons: dict[Node, BaseException | None] = {}
        while pending_requests and time.monotonic() < deadline:
            for node in list(pending_requests):
                try:
                    connection = self._open(node, deadline)
                except list_kafka_errors() as error:
                    reasons[node] = self._find_failure(node) or error  # the error may be that of the pause after it
                    if self._has_refused_login(node):
                        answers[node] = self._make_error(node, error)
                        del pending_requests[node]
                    continue
                if connection.connected:
                    futures[node] = self._send_over(connection, node, pending_requests.pop(node), deadline)
                elif connection.init_future.is_done:
                    reasons[node] = connection.init_future.exception
            await self._net.sleep(_MOMENT_S if pending_requests else 0)
        for node, future in futures.items():
            try:
                answers[node] = await future
            except list_kafka_errors() as error:
                answers[node] = self._make_error(node, error, is_sent=True)
        for node in pending_requests:
            answers[node] = self._make_error(node, reasons.get(node))
        return {node: answers[node] for node in requests}

    def _find_seed(self, deadline: float) -> None:
        """Find a bootstrap server that can be connected to, also where there is a seed, and make it the seed.

        After 1.5 s without a connection, or sooner where all servers refuse the login, `raise_reason` is called; if it
        returns, the waiting goes on. Raise UnreachableError at the `deadline`, a time of time.monotonic(), or once all
        refuse the login after that, and UsageError or UnreachableError where there is no OAUTHBEARER token. The errors
        of `raise_reason` pass through. It is also called where the server does not answer as a broker does, unless
        controllers are asked; that server stays the seed.
        """
        patience = min(time.monotonic() + _PATIENCE_S, deadline)
        self._is_only_slow = False
        self._seed = self._net.run(self._find_first_connected, patience)
        if self._seed is None:
            self._raise_reason()
            self._is_only_slow = True
            self._seed = self._net.run(self._find_first_connected, deadline)
        if self._seed is None:
            refused = (node for node in self._opened if self._has_refused_login(node))
            raise self._make_error("", next((self._opened[node].init_future.exception for node in refused), None))
        no_broker = ApiKey.METADATA not in self._manager.broker_version_data.api_versions
        if no_broker and not self._settings.has_controllers:
            self._raise_reason()

    def _list_bootstrap_nodes(self) -> list[Node]:
        """Return kafka-python's names of the bootstrap servers: bootstrap-0, ... It numbers them in random order."""
        return [broker.node_id for broker in self._manager.cluster.bootstrap_brokers()]

    async def _find_first_connected(self, deadline: float) -> Node | None:
        """Return the first bootstrap server whose connection stands, or None at the deadline.

        `deadline` is a time of time.monotonic(). A new server is tried, beside the earlier ones, after 0.3 s, or sooner
        where the last one has failed; the order is random. Servers that were silent before are tried only where all
        were silent. Once all that are to be tried have refused the login, None is returned. Raise UsageError or
        UnreachableError where there is no OAUTHBEARER token.
        """
        self._forget_connections()
        nodes = self._list_bootstrap_nodes()
        nodes = [node for node in nodes if node not in self._silent] or nodes
        attempts = 0
        while time.monotonic() < deadline:
            attempts = min(attempts + 1, len(nodes))
            if (node := self._find_connected(nodes[:attempts], deadline)) is not None:
                return node
            if all(map(self._has_refused_login, nodes)):
                return None
            wait_s = _NEXT_AFTER_S if attempts < len(nodes) else _PAUSE_S
            await self._wait_briefly(
                self._start_opening(nodes[attempts - 1]), min(wait_s, max(0.0, deadline - time.monotonic()))
            )
        return None

    def _start_opening(self, node: Node) -> Any:
        """Return a future that is done when the connection stands or has failed; None where it cannot be opened.

        It cannot be opened in the pause after a failure, or after a refused login. A new connection has 0.3 s to open.
        Nothing is raised here.
        """
        try:
            return self._open(node, time.monotonic() + _NEXT_AFTER_S).init_future
        except list_kafka_errors():
            return None

    async def _wait_briefly(self, future: Any, wait_s: float) -> None:
        """Wait until the future is done, but no longer than `wait_s` s (1 ms where that is less).

        Without a future, or with one that is done, the wait is `wait_s` s and at most 5 ms, and nothing is raised.
        Otherwise raise the future's error, unless it is one of list_kafka_errors() or UNREADABLE_VERSIONS.
        """
        if future is None or future.is_done:
            await self._net.sleep(min(max(0.0, wait_s), _MOMENT_S))
            return
        try:
            await self._manager.wait_for(future, max(1, int(wait_s * _MS)))
        except list_kafka_errors() + UNREADABLE_VERSIONS:
            return

    def _open(self, node: Node, deadline: float) -> Connection:
        """Return the connection to a node. It may still be opening, until the `deadline`, a time of time.monotonic().

        Raise an error of list_kafka_errors() where it cannot be opened, for example in the pause after a failure. A
        login that was refused is not tried again in the same search or request, because some servers lock a user after
        several failures: its error is raised again.
        """
        if self._has_refused_login(node):
            raise self._opened[node].init_future.exception
        connection = self._manager.get_connection(
            node, self._get_ms_until(deadline), refresh_metadata_on_err=False, reset_backoff_on_connect=True
        )
        if (previous := self._opened.get(node)) not in (None, connection) and self._has_ended_at_login(previous):
            self._opened_again.add(node)
        self._opened[node] = connection
        return connection

    def _forget_connections(self) -> None:
        """Forget which logins were refused and why, at the beginning of a search or a request: each is tried again."""
        self._opened.clear()
        self._opened_again.clear()
        self.login_failure = None

    def _has_refused_login(self, node: Node) -> bool:
        """Return whether the last connection to a node has ended with a refused login; `login_failure` is set then.

        A server may close the connection so soon behind its refusal that kafka-python loses the reason. This counts the
        second time, and only at controllers: librdkafka finds the reason at brokers.
        """
        connection = self._opened.get(node)
        if connection is None or not connection.init_future.is_done:
            return False
        error = connection.init_future.exception
        if isinstance(error, list_login_errors()):
            self.login_failure = explain_login_failure(error)
            return True
        if self._settings.has_controllers and node in self._opened_again and self._has_ended_at_login(connection):
            self.login_failure = "SASL authentication error: the connection ended during the login"
            return True
        return False

    def _find_failure(self, node: Node) -> BaseException | None:
        """Return why the last connection to a node could not be opened, or None where it was, or none was tried.

        None also while it still opens. Connections of earlier searches and requests do not count.
        """
        connection = self._opened.get(node)
        exception: BaseException | None = None
        if connection is not None and connection.init_future.is_done:
            exception = connection.init_future.exception
        return exception

    def _has_ended_at_login(self, connection: Connection | None) -> bool:
        """Return whether a connection with SASL ended while it opened, and the brokers' versions were known.

        They are known from its own ApiVersions answer, or from an earlier connection to a bootstrap server. False for
        None, where not even TCP had connected, as to a server that restarts, and where there was no token for it.
        """
        return (
            connection is not None
            and self._settings.uses_sasl
            and connection.init_future.is_done
            and connection.init_future.exception is not None
            and not isinstance(connection.init_future.exception, KafkactlError)  # there was no token for the login
            and connection.parser is not None  # it is made when TCP has connected
            and connection.broker_version_data is not None
        )

    def _send_over(self, connection: Connection, node: Node, request: Any, deadline: float) -> Any:
        """Send a request over a node's connection and return a future of its answer; nothing is waited for.

        The request is kept as the node's last one. `deadline` is a time of time.monotonic(). Raise UsageError, and send
        nothing, for a text in the request that is not Unicode and for a number that does not fit its field.
        """
        self._last_sent[node] = request, connection
        try:
            return connection.send_request(request, self._get_ms_until(deadline))
        except (UnicodeEncodeError, struct.error) as error:
            raise make_unsendable_error(request, error) from error

    @staticmethod
    def _get_ms_until(deadline: float) -> int:
        """Return the time until a deadline, a time of time.monotonic(), in ms; at least 1, also after it."""
        return max(1, int((deadline - time.monotonic()) * _MS))

    def _make_error(self, node: Node, error: BaseException | None, is_sent: bool = False) -> KafkactlError:
        """Return our exception for a request to a node that has no answer: that of make_error.

        `is_sent` is whether the request was sent. Where it was, and the broker is too old for it, the exception is that
        of make_version_error.
        """
        from kafka.errors import IncompatibleBrokerVersion

        address = self.places.get(node) if isinstance(node, int) else None
        if isinstance(error, IncompatibleBrokerVersion) and is_sent and node in self._last_sent:
            request, connection = self._last_sent[node]
            return make_version_error(self._settings, node, address, request, connection.broker_version_data)
        return make_error(self._settings, node, address, error, is_sent)
