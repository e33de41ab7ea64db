"""Requests that librdkafka cannot send, sent through kafka-python. No other room imports kafka-python.

kafka-python has no types: `AdminClient` is the part of its admin client that is used here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from kafkactl.connection import oauth, tls
from kafkactl.connection.broker_errors import TRANSIENT_CODES, refusal
from kafkactl.connection.protocol import ErrorCode
from kafkactl.connection.settings import Settings
from kafkactl.errors import (
    KafkactlError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UnsupportedRequestError,
    UsageError,
)

T = TypeVar("T")
Partition = tuple[str, int]
"""The name of a topic and the number of a partition."""


class Retry(Protocol):
    """Cluster.retry: returns what `ask` returns, and calls it again after a transient error."""

    def __call__(self, ask: Callable[[], T]) -> T: ...


class AdminClient(Protocol):
    """The public methods of kafka.admin.KafkaAdminClient that kafkactl calls.

    Keys that are partitions are of the type kafka.TopicPartition, a named tuple. Reference: kafka-python 3.
    """

    def close(self) -> None: ...
    def list_topics(self) -> list[str]: ...
    def list_groups(self) -> list[dict[str, Any]]: ...
    def list_config_resources(self, resource_types: Sequence[int]) -> dict[str, list[str]]: ...
    def describe_cluster(self) -> dict[str, Any]: ...
    def describe_log_dirs(self, topic_partitions: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]: ...
    def list_partition_offsets(self, topic_partition_specs: Mapping[Any, int]) -> dict[Any, Any]: ...
    def list_partition_reassignments(self) -> dict[Any, dict[str, list[int]]]: ...
    def alter_partition_reassignments(self, reassignments: Mapping[Any, list[int] | None]) -> dict[Any, Any]: ...
    def delete_group_offsets(self, group_id: str, partitions: Sequence[Any]) -> dict[Any, Any]: ...
    def remove_group_members(self, group_id: str, members: Sequence[Any]) -> dict[str, Any]: ...


PRIVATE_MEMBERS = ("_manager.run", "_manager.send", "_refresh_controller_id")
"""Members of KafkaAdminClient that are not public and are used here, in one function each."""


def _run(client: AdminClient, coroutine: Callable[[], Any]) -> Any:
    return client._manager.run(coroutine)  # type: ignore[attr-defined]


def _send(client: AdminClient, request: Any, broker: int | None, timeout_ms: int) -> Any:
    return client._manager.send(request, broker, timeout_ms)  # type: ignore[attr-defined]


def _controller_id(client: AdminClient, timeout_ms: int) -> Any:
    return client._refresh_controller_id(timeout_ms)  # type: ignore[attr-defined]


_SECURITY = {
    "security.protocol": "security_protocol",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}
_MECHANISMS = ("sasl.mechanisms", "sasl.mechanism")
_MS = 1000
_FIRST_TRY_MS = 1500
_PAUSE_S = 0.1
_NO_CONTROLLER = "Failed to find active controller"
"""How kafka-python says that its search for the controller failed."""
_READING = ("Describe", "List", "Metadata", "ConsumerGroupDescribe")
"""How the names of requests begin that change nothing."""


_FETCH_WAIT_MS = 500
_FETCH_BYTES = 1 << 20  # a larger batch comes whole all the same


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


class Requests:
    """Requests of one cluster, over an admin client that is connected when it is first needed.

    Every method raises our own errors only: UnreachableError, UsageError for a wrong setting, OperationError.
    """

    def __init__(self, settings: Settings, retry: Retry, ask_other_client: Callable[[], Any]) -> None:
        """`retry` repeats a request after a transient error; `ask_other_client` raises why there is no connection."""
        self._settings, self._retry, self._ask_other_client = settings, retry, ask_other_client
        self._client: AdminClient | None = None

    def send(self, api: str, *, broker: int | None = None, to_controller: bool = False, **fields: Any) -> Any:
        """Return the answer to one request of Kafka's protocol.

        `api` is its name without "Request", `fields` are those of its schema. It goes to the broker of that id, to the
        controller (with KRaft any broker passes it on), or to any broker. A request that no broker could take at that
        moment is sent again, until the time-out; then the answer is returned with the errors that it has.
        """
        from kafkactl.connection.messages import request_class

        request = request_class(api)(**fields)
        deadline = time.monotonic() + self._settings.timeout_s
        is_change = not api.startswith(_READING)
        # Time is left to ask another broker, as with Java's request.timeout.ms and default.api.timeout.ms.
        wait_s = self._settings.timeout_s / (1 if is_change or broker is not None else 2)

        def ask(client: AdminClient) -> Any:
            answer = self._send(client, request, broker, to_controller, int(wait_s * _MS))
            codes = set(_error_codes(answer))
            if codes and codes <= TRANSIENT_CODES and time.monotonic() < deadline:
                raise refusal("", codes.pop())
            return answer

        return self._call(ask, is_change)

    def _send(self, client: AdminClient, request: Any, broker: int | None, to_controller: bool, wait_ms: int) -> Any:
        if to_controller:
            timeout_ms = int(self._settings.timeout_s * _MS)
            broker = _run(client, functools.partial(_controller_id, client, timeout_ms))
        return _run(client, lambda: _send(client, request, broker, wait_ms))

    def list_topics(self) -> list[str]:
        """Return the names of all topics."""
        return self._call(lambda client: client.list_topics())

    def read_metadata(self, names: Iterable[str] | None) -> list[Any]:
        """Return topics as Metadata describes them, all with None. A topic that does not exist is not created."""
        from kafka.protocol.metadata import MetadataRequest

        topics = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
        found: list[Any] = self.send("Metadata", topics=topics, allow_auto_topic_creation=False).topics
        return found

    def fetch(self, topic: str, partition: int, offset: int) -> bytes:
        """Return the batches of a partition from the one that has an offset on; nothing where there is none."""
        from kafka.protocol.consumer import FetchRequest

        (described,) = self.read_metadata([topic])
        leader = next(each.leader_id for each in described.partitions if each.partition_index == partition)
        wanted = FetchRequest.FetchTopic.FetchPartition(
            partition=partition, current_leader_epoch=-1, fetch_offset=offset, partition_max_bytes=_FETCH_BYTES
        )
        answer = self.send(
            "Fetch",
            broker=leader,
            replica_id=-1,
            max_wait_ms=_FETCH_WAIT_MS,
            min_bytes=1,
            max_bytes=_FETCH_BYTES,
            topics=[FetchRequest.FetchTopic(topic=topic, topic_id=described.topic_id, partitions=[wanted])],
        )
        (found,) = answer.responses[0].partitions
        if found.error_code:
            raise refusal(f"cannot read {topic}-{partition}", found.error_code)
        return bytes(found.records or b"")

    def list_brokers(self) -> list[int]:
        """Return the ids of the brokers that are alive, in order."""
        cluster = self._call(lambda client: client.describe_cluster())
        return sorted(broker["broker_id"] for broker in cluster["brokers"])

    def list_groups(self) -> list[dict[str, Any]]:
        """Return all groups of all types, as ListGroups describes them."""
        return self._call(lambda client: client.list_groups())

    def list_config_resources(self, resource_type: int) -> list[str]:
        """Return the names of a type that have settings; none where brokers cannot or will not list them."""
        from kafka import errors

        refused = (errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion)

        def ask(client: AdminClient) -> dict[str, list[str]]:
            try:
                return client.list_config_resources([resource_type])
            except (*refused, errors.ClusterAuthorizationFailedError):
                return {}

        return [name for names in self._call(ask).values() for name in names]

    def describe_log_dirs(self, partitions: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
        """Return the log dirs of every broker that has replicas of the partitions."""
        return self._call(lambda client: client.describe_log_dirs(partitions))

    def list_offsets(self, partitions: Mapping[Partition, int]) -> dict[Partition, tuple[int, int]]:
        """Return offset and timestamp (-1 is none) of each partition at a time in ms or a special offset."""
        asked = _keyed(partitions)
        answers = self._call(lambda client: client.list_partition_offsets(asked))
        return {tuple(key): (answers[key].offset, answers[key].timestamp) for key in asked}

    def list_reassignments(self) -> dict[Partition, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the replicas that are being added to and removed from each partition that is moving."""
        answers = self._call(lambda client: client.list_partition_reassignments())
        return {
            tuple(key): (tuple(state["adding_replicas"]), tuple(state["removing_replicas"]))
            for key, state in answers.items()
        }

    def alter_reassignments(self, replicas: Mapping[Partition, Sequence[int]]) -> dict[Partition, int]:
        """Start moving partitions to the given replicas; return the error code of each partition, 0 for none."""
        asked = {key: list(brokers) for key, brokers in _keyed(replicas).items()}
        answers = self._call(lambda client: client.alter_partition_reassignments(asked), is_change=True)
        return {tuple(key): answers[key].errno if answers.get(key) else 0 for key in asked}

    def delete_group_offsets(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Delete what a group has committed in partitions; return the error code of each, 0 for none."""
        asked = list(_keyed(dict.fromkeys(partitions)))
        answers = self._call(lambda client: client.delete_group_offsets(group, asked), is_change=True)
        return {tuple(key): error.errno for key, error in answers.items()}

    def remove_group_members(self, group: str, members: Iterable[tuple[str | None, str | None]]) -> dict[str, int]:
        """Remove members, (member id, None) or (None, instance id); return the error code by that id, 0 for none."""
        from kafka.admin import MemberToRemove

        asked = [MemberToRemove(*member, reason="kafkactl") for member in members]
        answers = self._call(lambda client: client.remove_group_members(group, asked), is_change=True)
        return {name: error.errno for name, error in answers.items()}

    def close(self) -> None:
        """Close the connections; a later request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _call(self, operation: Callable[[AdminClient], T], is_change: bool = False) -> T:
        """Return what an operation returns.

        A question goes to another broker when the connection of one fails. A change does not: it may have been done.
        """
        from kafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError

        passing = (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError, RuntimeError)
        deadline = time.monotonic() + self._settings.timeout_s

        def ask() -> T:
            while True:
                try:
                    return self._call_once(operation, is_change)
                except UnreachableError as error:
                    is_over = is_change or time.monotonic() > deadline
                    if is_over or not isinstance(error.__cause__, passing):
                        raise
                    self.close()  # kafka-python would go on asking the controller that it has met first
                    time.sleep(_PAUSE_S)

        return self._retry(ask)

    def _call_once(self, operation: Callable[[AdminClient], T], is_change: bool) -> T:
        if self._client is None:
            self._client = _connected(self._settings, self._ask_other_client)
        try:
            with _our_errors(self._settings):
                return operation(self._client)
        except UnreachableError as error:
            if not is_change:
                raise
            raise UnansweredError(str(error), error.hint) from error


def _error_codes(answer: Any) -> Iterator[int]:
    """Return the error codes of an answer and of its items, 0 for an item without an error."""
    if code := getattr(answer, "error_code", 0):
        yield code
    for name in answer.fields:
        items = getattr(answer, name)
        if isinstance(items, list):
            yield from (item.error_code for item in items if hasattr(item, "error_code"))


def _keyed(partitions: Mapping[Partition, T]) -> dict[Any, T]:
    """Return the mapping with kafka-python's own type of keys."""
    from kafka import TopicPartition

    return {TopicPartition(*partition): value for partition, value in partitions.items()}


@contextmanager
def _our_errors(settings: Settings) -> Iterator[None]:
    from kafka import errors

    try:
        yield
    except errors.KafkaError as error:
        raise _ours(error, settings) from error
    except RuntimeError as error:
        if _NO_CONTROLLER in str(error):
            raise refusal("", ErrorCode.NOT_CONTROLLER) from error
        raise UnreachableError(f"cannot reach the cluster at {settings.bootstrap_servers}: {_text(error)}") from error


def _connected(settings: Settings, ask_other_client: Callable[[], Any]) -> AdminClient:
    """Return a client soon, or raise the reason why not.

    kafka-python alone would try until its time is over and then give no reason, so librdkafka is asked for it.
    """
    from kafka import errors
    from kafka.admin import KafkaAdminClient

    config = translated(settings)
    try:
        first_ms = min(_FIRST_TRY_MS, config["bootstrap_timeout_ms"])
        with _our_errors(settings):
            try:
                return _client(KafkaAdminClient, {**config, "bootstrap_timeout_ms": first_ms})
            except (errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.SaslAuthenticationFailedError):
                ask_other_client()  # raises the reason, or the brokers only take their time
            return _client(KafkaAdminClient, config)
    except (AssertionError, OSError) as error:
        raise _wrong_setting(error) from error


def _client(kind: Callable[..., Any], config: Mapping[str, Any]) -> AdminClient:
    from kafka import errors

    try:
        client: AdminClient = kind(**config)
    except errors.KafkaConfigurationError as error:
        raise _wrong_setting(error) from error
    return client


def _wrong_setting(error: Exception) -> UsageError:
    return UsageError(f"a client setting is wrong: {error}", "look at -X, --command-config and the context")


def _ours(error: Any, settings: Settings) -> KafkactlError:
    """Return the exception of ours for one of kafka-python. Errors of the protocol have their code as `errno`."""
    from kafka import errors

    code: int = getattr(error, "errno", 0)
    unreachable = (
        errors.KafkaConnectionError,
        errors.NodeNotReadyError,
        errors.KafkaTimeoutError,
        errors.SaslAuthenticationFailedError,
        errors.RequestTimedOutError,
    )
    if isinstance(error, unreachable):
        reason = f"no answer within {settings.timeout_s:g} s" if code == ErrorCode.REQUEST_TIMED_OUT else _text(error)
        return UnreachableError(
            f"cannot reach the cluster at {settings.bootstrap_servers}: {reason}",
            f"the address is from {settings.source}; -b HOST:PORT names another",
        )
    if isinstance(error, (errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion)):
        return UnsupportedRequestError(f"the brokers are too old for this request: {_text(error)}")
    if code:
        return refusal("", code)
    return OperationError(_text(error))


def _text(error: Any) -> str:
    return str(getattr(error, "description", None) or error or type(error).__name__)
