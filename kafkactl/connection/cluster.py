"""The Cluster: clients of both libraries for one cluster, with bounded waits and one clear error for every failure."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ClusterMetadata, TopicMetadata

from kafkactl.connection.broker_errors import TRANSIENT_CODES, UNREACHABLE_CODES, describe_kafka_error, find_hint
from kafkactl.connection.java_settings import KNOWN
from kafkactl.connection.protocol import LARGEST_ANSWER_BYTES, ErrorCode
from kafkactl.connection.settings import Settings
from kafkactl.errors import (
    KafkactlError,
    NotFoundError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UnsupportedRequestError,
    UsageError,
)

if TYPE_CHECKING:
    from kafkactl.connection.requests import Requests

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

# Before this time a failed connection may be only one of a host's addresses: localhost is ::1 before it is 127.0.0.1.
PATIENCE_S = 1.0
"""Time that the first connection attempts get, in s."""
POLL_S = 0.25
"""Pause between two attempts, in s."""
_SHORTEST_WAIT_S = 0.1
_GRACE_S = 0.25
"""Time after the deadline in which librdkafka's own time-out can still come, in s."""
_LIST_TIMEOUT_S = 0.4

# librdkafka waits half of the back-off before it opens its first connection. By default this is 50 ms, a third of a
# short command's time. Nagle's algorithm is off, as always in Java's clients, so that small requests do not wait.
FAST_START = {"reconnect.backoff.ms": 20, "socket.nagle.disable": True}


def _return_empty_text(_key: object) -> str:
    """Return "": the default text about a failure."""
    return ""


def _ignore_warning(_text: str) -> None:
    """Ignore a warning."""


def _return_false(_answer: object) -> bool:
    """Return False: the default for answers that librdkafka does not make up."""
    return False


_WAITING, _SENT = "waiting for", "waiting for response"
"""Parts of librdkafka's error texts. The second stands in errors of admin requests that were sent and not answered."""
_ANSWER_HEADER_BYTES = 512
"""Bytes that librdkafka needs for an answer beside its records."""
_LATE = "no answer in time"
_NO_SUCH_SETTING = 'No such configuration property: "'


class Reasons:
    """The connection errors that librdkafka's threads report. librdkafka gives the cause of a failure only here.

    An object is an error_cb for librdkafka. `all_down` is True once all brokers are down. `last` is the last other
    error as a sentence, or None.
    """

    def __init__(self) -> None:
        self.all_down = False
        self.last: str | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take an error from librdkafka."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.all_down = True
        else:
            self.last = describe_kafka_error(error)


class Cluster:
    """The clients for one set of settings. A client is made when it is first needed.

    No request takes longer than the settings' time-out.
    """

    def __init__(
        self, settings: Settings, warn: Callable[[str], None] = _ignore_warning, shares_timeout: bool = False
    ) -> None:
        """Take the settings, and a function that gets a warning about settings that no client knows.

        With `shares_timeout` all reads together take at most the time-out, until renew_timeout() is called.
        """
        self.settings, self._warn, self._shares_timeout = settings, warn, shares_timeout
        self._unknown_settings: set[str] = set()
        self.reasons = Reasons()
        self._was_answered = False
        self._remaining_s = settings.timeout_s
        self._deadline: float | None = None
        self._has_checked_listeners = False
        self._places: dict[int, tuple[str, int]] = {}
        """Host and port of each broker by its id, from the last metadata."""

    @property
    def timeout_s(self) -> float:
        """Return how long a request may take, in s: the time-out, or the rest of it inside share_timeout().

        The result is never below 0.1 s.
        """
        remaining_s = self._remaining_s if self._deadline is None else self._deadline - time.monotonic()
        return max(_SHORTEST_WAIT_S, remaining_s)

    def renew_timeout(self) -> None:
        """Give the following reads the whole time-out again, for example in a command that repeats its reads."""
        self._remaining_s = self.settings.timeout_s

    def end_sharing(self) -> None:
        """Give each of the following reads a whole time-out of its own, for example in a stream of records."""
        self._shares_timeout = False
        self.renew_timeout()

    @contextlib.contextmanager
    def share_timeout(self) -> Iterator[float]:
        """Let all requests inside share one time-out. Yield its end as a time of time.monotonic().

        Inside another share_timeout() the outer end counts.
        """
        outer, started = self._deadline, time.monotonic()
        self._deadline = started + self._remaining_s if outer is None else outer
        try:
            yield self._deadline
        finally:
            self._deadline = outer
            if outer is None and self._shares_timeout:  # the time of a user's answer to a question does not count
                self._remaining_s = max(_SHORTEST_WAIT_S, self._remaining_s - (time.monotonic() - started))

    @contextlib.contextmanager
    def renew_timeout_for_change(self) -> Iterator[None]:
        """Give the change inside a whole time-out of its own, independent of the reads before it."""
        outer, self._deadline = self._deadline, time.monotonic() + self.settings.timeout_s
        try:
            yield
        finally:
            self._deadline = outer

    @cached_property
    def admin(self) -> AdminClient:
        """The admin client of librdkafka."""
        return self._make_client(AdminClient, {})

    @cached_property
    def requests(self) -> Requests:
        """Requests that librdkafka cannot send."""
        from kafkactl.connection.requests import Requests

        return Requests(self)

    def close(self) -> None:
        """Close the connections of kafka-python. librdkafka closes its own when its clients are garbage-collected."""
        if "requests" in self.__dict__:
            self.requests.close()

    def make_producer(self, config: Mapping[str, Any]) -> Producer:
        """Return a producer. The user's settings win over `config`. Raise UsageError for a wrong setting."""
        return self._make_client(Producer, config)

    def make_text_config(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the settings as librdkafka's pairs of text, for a client that confluent-kafka does not make.

        The user's settings win over `config`. Settings that no client knows stay in the result, unless another client
        has refused them before.
        """
        config_values = self._make_config(config)
        del config_values["error_cb"]
        return [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in config_values.items()
        ]

    def make_consumer(self, config: Mapping[str, Any]) -> Consumer:
        """Return a consumer. The user's settings win over `config`. Raise UsageError for a wrong setting."""
        return self._make_client(Consumer, config)

    def read_metadata(self, topic: str | None = None, client: Any = None) -> ClusterMetadata:
        """Return the brokers, and one topic or all topics (None), as confluent-kafka's metadata.

        `client` is the confluent-kafka client that asks; None means the admin client. A topic that does not exist is an
        entry with an error. Raise UnreachableError as soon as every connection has failed, or OperationError for a
        refusal.
        """
        with self.share_timeout() as deadline:
            if client is None:
                client = self.admin
                # An admin request connects at once. A metadata request alone waits for librdkafka's next round.
                self._connect(client.describe_cluster(request_timeout=self.timeout_s))
            return self._list_topics(topic, client, deadline)

    def _list_topics(self, topic: str | None, client: Any, deadline: float) -> ClusterMetadata:
        """Return the metadata from a client; raise as read_metadata() does."""
        arguments = {} if topic is None else {"topic": topic}
        attempt_s = min(PATIENCE_S, self.timeout_s)  # where a broker is frozen, each attempt asks another one
        self.reasons.all_down = False  # librdkafka reports it again at every failed attempt
        while True:
            try:
                metadata: ClusterMetadata = client.list_topics(timeout=attempt_s, **arguments)
                self._places = {broker.id: (str(broker.host), broker.port) for broker in metadata.brokers.values()}
                return metadata
            except KafkaException as error:
                client.poll(0)
                remaining_s = deadline - time.monotonic()
                if self.reasons.all_down or remaining_s <= 0 or error.args[0].code() not in UNREACHABLE_CODES:
                    raise self.error(error) from error
                attempt_s = min(2 * attempt_s, remaining_s)

    def _connect(self, future: Future[Any]) -> None:
        """Wait until a request is answered, or until a frozen broker has had 1 s.

        Raise UnreachableError for a failure.
        """
        try:
            self.wait(future, "cannot describe the cluster", patience_s=PATIENCE_S)
        except FutureTimeout:
            return

    def list_partitions(self, topic: str, client: Any) -> list[int]:
        """Return the partition numbers of a topic in order, as a client of confluent-kafka sees them.

        The topic is not created. Raise NotFoundError for an unknown topic, OperationError for one that cannot be read,
        and UnreachableError.
        """
        return list_partition_numbers(self.read_metadata(topic, client).topics[topic])

    def wait(self, future: Future[T], failure: str, patience_s: float | None = None) -> T:
        """Return the result of a future of confluent-kafka, within the cluster's time-out.

        `failure` says what failed, for the message of the error. `patience_s` is None, or a shorter time in s after
        which TimeoutError is raised.

        Raise UnreachableError where no answer came in time or certainly no broker listens: the request may have been
        sent even so. Raise UnansweredError, an UnreachableError, where librdkafka reports that it was sent, and
        OperationError for a refusal.
        """
        started = checked_at = time.monotonic()
        self.reasons.all_down = False
        with self.share_timeout() as deadline:
            while True:
                try:
                    result = future.result(timeout=POLL_S)
                    self._was_answered = True
                    return result
                except FutureTimeout as error:
                    self.admin.poll(0)
                    now = time.monotonic()
                    # The grace time lets librdkafka's own time-out come first, because its error is more exact.
                    if (self.reasons.all_down and now > started + PATIENCE_S) or now > deadline + _GRACE_S:
                        raise self._make_unreachable_error() from error
                    if now > checked_at + PATIENCE_S:
                        self._check_listeners()
                        checked_at = time.monotonic()
                    if patience_s is not None and now > started + patience_s:
                        raise
                except KafkaException as error:
                    raise self.error(error, failure) from error

    def _check_listeners(self) -> None:
        """Make librdkafka look for the brokers again; raise UnreachableError where no broker listens.

        librdkafka's requests wait for the broker that metadata calls the controller. With KRaft this can be any broker,
        also a frozen one, and librdkafka does not ask another one before the frozen broker answers.
        """
        from kafkactl.connection import diagnosis

        if not self._was_answered and not self._has_checked_listeners:
            self._has_checked_listeners = True
            if diagnosis.is_no_broker(self.settings):
                raise self._make_unreachable_error()
        with contextlib.suppress(KafkaException):
            self.admin.list_topics(timeout=min(_LIST_TIMEOUT_S, self.timeout_s))

    def retry(self, ask: Callable[[], T], passing: frozenset[int] = TRANSIENT_CODES) -> T:
        """Call `ask` and return its result. Call it again after a transient error, until the time-out.

        `passing` are the error codes that count as transient. When the time is over, the last OperationError is raised;
        every other error is raised at once.
        """
        with self.share_timeout() as deadline:
            while True:
                try:
                    return ask()
                except OperationError as error:
                    if error.code not in passing or time.monotonic() + POLL_S > deadline:
                        raise
                    time.sleep(POLL_S)

    def ask(self, send: Callable[[], Future[T]], failure: str, patience_s: float | None = None) -> T:
        """Return the answer to a request. The request is sent again after a transient error.

        `send` sends it and returns the future. `failure`, `patience_s` and the errors are those of wait().
        """
        return self.retry(lambda: self.wait(send(), failure, patience_s))

    def ask_each(
        self,
        keys: Iterable[K],
        send: Callable[[list[K]], Mapping[K, Future[T]]],
        describe_failure: Callable[[K], str] = _return_empty_text,
        is_lost: Callable[[T], bool] = _return_false,
        patience_s: float | None = None,
    ) -> dict[K, T | OperationError]:
        """Return the answer or the error for each key of a request that may fail in part.

        `send` sends the request for a list of keys and returns a future for each key. `describe_failure` returns the
        text that says what failed for a key. Keys with a transient error are sent again within the time-out. A key
        without an answer has an error with the code REQUEST_TIMED_OUT.

        `is_lost` is only for questions: it returns whether librdkafka made up an answer because none came. Such a key
        is asked again.

        Raise UnreachableError when no key was answered. Raise TimeoutError when a key has no answer after `patience_s`
        seconds: this is for questions that another client library can put to another broker.
        """
        answers: dict[K, T | OperationError] = {}
        unanswered_errors: list[UnreachableError] = []
        pending_keys = list(keys)
        with self.share_timeout() as deadline:
            while pending_keys:
                futures = send(pending_keys)
                unanswered_keys = set()
                for key in pending_keys:
                    try:
                        answers[key] = answer = self.wait(futures[key], describe_failure(key), patience_s)
                        if is_lost(answer):
                            unanswered_keys.add(key)
                            unanswered_errors.append(self._make_silence_error())
                            answers[key] = OperationError(_LATE, code=ErrorCode.REQUEST_TIMED_OUT)
                    except OperationError as error:
                        answers[key] = error
                    except UnreachableError as error:
                        unanswered_errors.append(error)
                        answers[key] = OperationError(str(error), error.hint, ErrorCode.REQUEST_TIMED_OUT)
                pending_keys = [key for key in pending_keys if key in unanswered_keys or _is_transient(answers[key])]
                if not pending_keys or time.monotonic() + POLL_S > deadline:
                    break
                time.sleep(POLL_S)
        if unanswered_errors and all(_is_unanswered(answer) for answer in answers.values()):
            raise self.name_silent_brokers(unanswered_errors[0])
        if any(_is_unanswered(answer) for answer in answers.values()):
            return self._name_silent_brokers(answers)
        return answers

    def _name_silent_brokers(self, answers: dict[K, T | OperationError]) -> dict[K, T | OperationError]:
        """Return the answers. The error of a key without an answer names the brokers that are silent."""
        silent, _ = self.find_silent_brokers()
        if not silent:
            return answers
        late = OperationError(*self._describe_silence(silent), ErrorCode.REQUEST_TIMED_OUT)
        return {
            key: late
            if isinstance(answer, OperationError) and _is_unanswered(answer) and str(answer) == _LATE
            else answer
            for key, answer in answers.items()
        }

    def _make_silence_error(self) -> UnreachableError:
        """Return the error for a request that not all brokers answered in time."""
        where = self.settings.bootstrap_servers
        return UnreachableError(f"cannot reach all brokers of {where}: no answer within {self.settings.timeout_s:g} s")

    def error(self, error: KafkaException | KafkaError, failure: str | None = None) -> KafkactlError:
        """Return our exception for an error of confluent-kafka. `failure` says what failed; None leaves that out.

        The result is an UnreachableError, an UnansweredError (the request was sent), an UnsupportedRequestError or an
        OperationError with Kafka's code.
        """
        cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
        if cause.code() == KafkaError._UNSUPPORTED_FEATURE:
            from kafkactl.connection import diagnosis

            if diagnosis.is_no_broker(self.settings):
                return self._make_unreachable_error()
            reason = describe_kafka_error(cause)
            return UnsupportedRequestError(f"the brokers are too old for this request: {reason}")
        if cause.code() in UNREACHABLE_CODES or cause.code() == KafkaError._BAD_MSG:
            unreachable = self._make_unreachable_error(cause)
            # For requests to several brokers librdkafka does not report whether they were sent.
            is_sent = _SENT in cause.str() or (_WAITING not in cause.str() and self._was_answered)
            if not is_sent:
                return unreachable
            return UnansweredError(str(unreachable), unreachable.hint, unreachable.is_partial)
        reason = describe_kafka_error(cause)
        return OperationError(f"{failure}: {reason}" if failure else reason, find_hint(cause.code()), cause.code())

    def _make_unreachable_error(self, cause: KafkaError | None = None) -> UnreachableError:
        """Return the error for a cluster without an answer, with the cause as far as it can be found."""
        from kafkactl.connection import diagnosis

        is_over = self._deadline is not None and time.monotonic() > self._deadline - _GRACE_S
        reason = self.reasons.last
        if reason is None and cause is not None and cause.code() not in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
            reason = describe_kafka_error(cause)
        hint = f"the address is from {self.settings.source}; -b HOST:PORT names another, kafkactl local up starts one"
        if finding := diagnosis.find_cause(self.settings, reason, self._list_brokers):
            if finding.is_partial:
                within = f" within {self.settings.timeout_s:g} s" if is_over else ""
                return UnreachableError(f"no answer{within} {finding.reason}", finding.hint, is_partial=True)
            reason, hint = finding.reason, finding.hint
        if reason is None and not is_over and (self.reasons.all_down or cause is not None):
            reason = "the connection ended before the answer came"
        reason = reason or f"no answer within {self.settings.timeout_s:g} s"
        return UnreachableError(f"cannot reach the cluster at {self.settings.bootstrap_servers}: {reason}", hint)

    def find_silent_brokers(self, wait_s: float | None = None) -> tuple[list[str], int]:
        """Return the brokers that do not answer, with their addresses, and the number of all brokers.

        The brokers are checked without a client. This takes less than 1 s, unless `wait_s` gives them more time.
        """
        from kafkactl.connection.diagnosis import find_silent
        from kafkactl.connection.peers import KAFKA_WAIT_S

        return find_silent(self.settings, self._list_brokers, KAFKA_WAIT_S if wait_s is None else wait_s)

    def name_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """Return the error, or one that names the silent brokers where only some brokers are silent."""
        if error.is_partial:
            return error
        silent, number = self.find_silent_brokers()
        if not silent or len(silent) == number:
            return error
        return type(error)(*self._describe_silence(silent), is_partial=True)

    def _describe_silence(self, silent: Sequence[str]) -> tuple[str, str]:
        """Return the message and the hint for brokers that do not answer in time."""
        from kafkactl.connection.diagnosis import SILENT_HINT

        return f"no answer within {self.settings.timeout_s:g} s from {', '.join(silent)}", SILENT_HINT

    def _list_brokers(self, answering: Sequence[tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Return the addresses of all brokers by their names, from the last metadata.

        Without metadata one of the `answering` addresses is asked. The result is empty where nothing is known.
        """
        from kafkactl.connection.kafka_python import Brokers

        if not self._places and answering:
            servers = ",".join(f"{host}:{port}" for host, port in answering)
            try:
                brokers = Brokers(replace(self.settings, bootstrap_servers=servers), lambda: None)
            except UsageError:  # a key store that only librdkafka reads
                return {}
            try:
                brokers.learn(time.monotonic() + PATIENCE_S)
                self._places = brokers.places
            except KafkactlError:
                return {}
            finally:
                brokers.close()
        return {f"broker {number}": place for number, place in self._places.items()}

    def _make_client(self, client: type[T], config: Mapping[str, Any]) -> T:
        """Return a client of a class of confluent-kafka; raise UsageError for a wrong setting.

        Settings that no client library knows are left out, with one warning. On the command line (-X) they are an
        error.
        """
        unknown_names: list[str] = []
        while True:
            try:
                result = client(self._make_config(config))  # type: ignore[call-arg]
            except (KafkaException, TypeError, ValueError) as error:
                cause = error.args[0]
                reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
                name = reason.partition(_NO_SUCH_SETTING)[2].rstrip('"')
                if name and name in self.settings.properties and name not in self.settings.flag_names:
                    self._unknown_settings.add(name)
                    unknown_names.append(name)
                    continue
                raise _make_setting_error(reason, name) from error
            if unknown_names:
                self._warn(f"no client knows these settings, and they do nothing: {', '.join(sorted(unknown_names))}")
            return result

    def _make_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a client: our defaults, then `config`, then the user's settings."""
        values = {"client.id": "kafkactl", **FAST_START, **config, **self.settings.properties}
        values.setdefault("receive.message.max.bytes", _compute_answer_limit(values))
        for name in self._unknown_settings:
            values.pop(name, None)
        if "debug" not in values:
            # librdkafka's log lines on stderr would repeat at length what `reasons` already has. A log queue without a
            # reader also holds back fatal lines, and no log level does that.
            values["log_level"], values["log.queue"] = 0, True
        values["bootstrap.servers"] = self.settings.bootstrap_servers
        values["error_cb"] = self.reasons
        return values


def _compute_answer_limit(config: Mapping[str, Any]) -> int:
    """Return the largest size of an answer, in bytes: 64 MiB, or more where the settings ask for more."""
    limits = (str(config.get(name, "")) for name in ("fetch.max.bytes", "message.max.bytes"))
    return max(LARGEST_ANSWER_BYTES, *(int(text) + _ANSWER_HEADER_BYTES if text.isdecimal() else 0 for text in limits))


def _make_setting_error(reason: str, name: str) -> UsageError:
    """Return the error for a setting that librdkafka refuses. `name` is the name that no client knows, or empty."""
    from difflib import get_close_matches

    near = get_close_matches(name, KNOWN, 1) if name else []
    if near:
        return UsageError(f"unknown client setting {name}", f"the nearest name is {near[0]}")
    if name:
        return UsageError(f"unknown client setting {name}", "Java's and librdkafka's names are known")
    hint = "look at -X, --command-config, KAFKACTL_CLIENT_* and kafkactl context show"
    return UsageError(f"a client setting is wrong: {reason}", hint)


def _is_transient(answer: object) -> bool:
    return isinstance(answer, OperationError) and answer.code in TRANSIENT_CODES


def _is_unanswered(answer: object) -> bool:
    return isinstance(answer, OperationError) and answer.code == ErrorCode.REQUEST_TIMED_OUT


def list_partition_numbers(topic: TopicMetadata) -> list[int]:
    """Return the numbers of a topic's partitions in order.

    Raise NotFoundError for a topic that does not exist, and OperationError for one that cannot be read.
    """
    if topic.error is None:
        return sorted(topic.partitions)
    code, hint = topic.error.code(), find_hint(topic.error.code())
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise NotFoundError(f"topic not found: {topic.topic!r}", hint, code)
    raise OperationError(f"cannot read {topic.topic}: {describe_kafka_error(topic.error)}", hint, code)


def require_partition(topic: str, number: int, numbers: Iterable[int]) -> None:
    """Raise NotFoundError unless `numbers`, the partitions of the topic, contain the partition."""
    if number not in numbers:
        raise NotFoundError(f"topic {topic} has no partition {number}", f"it has 0 to {max(numbers)}")
