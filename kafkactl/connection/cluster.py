"""A cluster one can ask: confluent-kafka's clients, with every wait bounded and every failure one clear error."""

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

from kafkactl.connection.broker_errors import TRANSIENT_CODES, UNREACHABLE_CODES, describe_kafka_error, hint_for
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

# Until then a failed connection may be one address of several: localhost is ::1 before it is 127.0.0.1.
PATIENCE_S = 1.0
POLL_S = 0.25
_SHORTEST_WAIT_S = 0.1
_GRACE_S = 0.25
_LOOK_S = 0.4

# librdkafka waits half of the back-off before it opens its first connection: 50 ms by default, a third of a short
# command. Nagle's algorithm is off in Java's clients, always: small requests do not wait for each other.
FAST_START = {"reconnect.backoff.ms": 20, "socket.nagle.disable": True}


def _nothing(_key: object) -> str:
    return ""


def _nobody(_text: str) -> None:
    return None


def _never(_answer: object) -> bool:
    return False


_WAITING, _SENT = "waiting for", "waiting for response"
"""In what librdkafka says of an admin request that was sent and not answered."""
_ANSWER_HEADER_BYTES = 512
"""librdkafka wants room for this much beside the records of an answer."""
_LATE = "no answer in time"
_NO_SUCH_SETTING = 'No such configuration property: "'


class Reasons:
    """What the client's own threads say about connections; librdkafka tells the cause only here."""

    def __init__(self) -> None:
        self.all_down = False
        self.last: str | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.all_down = True
        else:
            self.last = describe_kafka_error(error)


class Cluster:
    """Clients for one set of settings, made when first needed. No request outlasts the settings' time-out."""

    def __init__(self, settings: Settings, warn: Callable[[str], None] = _nobody, shares_timeout: bool = False) -> None:
        """`warn` hears of settings that no client knows.

        With `shares_timeout` all reads together take the time-out at most, until renew_timeout() is called.
        """
        self.settings, self._warn, self._shares_timeout = settings, warn, shares_timeout
        self._unknown: set[str] = set()
        self.reasons = Reasons()
        self._was_answered = False
        self._left_s = settings.timeout_s
        self._deadline: float | None = None
        self._has_looked = False
        self._places: dict[int, tuple[str, int]] = {}
        """Host and port of each broker by its id, as they were named last."""

    @property
    def timeout_s(self) -> float:
        """Return how long a request may take: the time-out, or what an operation of several requests has left of it."""
        left_s = self._left_s if self._deadline is None else self._deadline - time.monotonic()
        return max(_SHORTEST_WAIT_S, left_s)

    def renew_timeout(self) -> None:
        """Give the reads that follow the whole time-out again, as for the next look of a command that goes on."""
        self._left_s = self.settings.timeout_s

    def end_sharing(self) -> None:
        """Give every read that follows a whole time-out, as in a stream of records."""
        self._shares_timeout = False
        self.renew_timeout()

    @contextlib.contextmanager
    def one_timeout(self) -> Iterator[float]:
        """Let all requests inside share one time-out; return the time of time.monotonic() when it is over."""
        outer, started = self._deadline, time.monotonic()
        self._deadline = started + self._left_s if outer is None else outer
        try:
            yield self._deadline
        finally:
            self._deadline = outer
            if outer is None and self._shares_timeout:  # what a person takes to answer a question does not count
                self._left_s = max(_SHORTEST_WAIT_S, self._left_s - (time.monotonic() - started))

    @contextlib.contextmanager
    def change_timeout(self) -> Iterator[None]:
        """Let the change inside have a whole time-out of its own, whatever the reads before it took."""
        outer, self._deadline = self._deadline, time.monotonic() + self.settings.timeout_s
        try:
            yield
        finally:
            self._deadline = outer

    @cached_property
    def admin(self) -> AdminClient:
        """librdkafka's admin client."""
        return self._made(AdminClient, {})

    @cached_property
    def requests(self) -> Requests:
        """Requests that librdkafka cannot send."""
        from kafkactl.connection.requests import Requests

        return Requests(self)

    def close(self) -> None:
        """Close the connections of kafka-python; librdkafka closes its own when its clients are collected."""
        if "requests" in self.__dict__:
            self.requests.close()

    def producer(self, config: Mapping[str, Any]) -> Producer:
        """A producer with these settings below the user's own; raises UsageError for a wrong one."""
        return self._made(Producer, config)

    def text_config(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The same settings as librdkafka's own pairs of text, for a client that is not confluent-kafka's."""
        found = self._config(config)
        del found["error_cb"]
        return [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in found.items()]

    def consumer(self, config: Mapping[str, Any]) -> Consumer:
        """A consumer with these settings below the user's own; raises UsageError for a wrong one."""
        return self._made(Consumer, config)

    def metadata(self, topic: str | None = None, client: Any = None) -> ClusterMetadata:
        """Brokers, and one topic or all; raises UnreachableError as soon as every connection has failed."""
        with self.one_timeout() as deadline:
            if client is None:
                client = self.admin
                # An admin request connects at once; one for metadata alone waits for librdkafka's next round.
                self._connect(client.describe_cluster(request_timeout=self.timeout_s))
            return self._listed(topic, client, deadline)

    def _listed(self, topic: str | None, client: Any, deadline: float) -> ClusterMetadata:
        arguments = {} if topic is None else {"topic": topic}
        patience = min(PATIENCE_S, self.timeout_s)  # each attempt is with another broker, where one is frozen
        self.reasons.all_down = False  # said again at every attempt while it is so
        while True:
            try:
                found: ClusterMetadata = client.list_topics(timeout=patience, **arguments)
                self._places = {each.id: (str(each.host), each.port) for each in found.brokers.values()}
                return found
            except KafkaException as error:
                client.poll(0)
                left = deadline - time.monotonic()
                if self.reasons.all_down or left <= 0 or error.args[0].code() not in UNREACHABLE_CODES:
                    raise self.error(error) from error
                patience = min(2 * patience, left)

    def _connect(self, future: Future[Any]) -> None:
        """Wait until a request has an answer, or until a frozen broker has had time enough; raise why there is none."""
        try:
            self.wait(future, "cannot describe the cluster", patience_s=PATIENCE_S)
        except FutureTimeout:
            return

    def topic_partitions(self, topic: str, client: Any) -> list[int]:
        """The numbers of a topic's partitions, in order; raises NotFoundError. Nothing makes the topic."""
        return partition_numbers(self.metadata(topic, client).topics[topic])

    def wait(self, future: Future[T], what: str, patience_s: float | None = None) -> T:
        """Return the future's result; raise UnreachableError, or OperationError saying `what` failed and why.

        With `patience_s` TimeoutError is raised after that time, if somebody listens who may be a broker.
        """
        started = looked_at = time.monotonic()
        self.reasons.all_down = False
        with self.one_timeout() as deadline:
            while True:
                try:
                    result = future.result(timeout=POLL_S)
                    self._was_answered = True
                    return result
                except FutureTimeout as error:
                    self.admin.poll(0)
                    now = time.monotonic()
                    # librdkafka's own time-out tells more than ours.
                    if (self.reasons.all_down and now > started + PATIENCE_S) or now > deadline + _GRACE_S:
                        raise self._unreachable() from error
                    if now > looked_at + PATIENCE_S:
                        self._look_around()
                        looked_at = time.monotonic()
                    if patience_s is not None and now > started + patience_s:
                        raise
                except KafkaException as error:
                    raise self.error(error, what) from error

    def _look_around(self) -> None:
        """Have librdkafka ask again who is there; raise UnreachableError where no broker listens.

        Its requests wait for the broker that metadata calls the controller, which with KRaft is any, also one that is
        frozen; it asks no more before that one answers.
        """
        from kafkactl.connection import diagnosis

        if not self._was_answered and not self._has_looked:
            self._has_looked = True
            if diagnosis.is_no_broker(self.settings):
                raise self._unreachable()
        with contextlib.suppress(KafkaException):
            self.admin.list_topics(timeout=min(_LOOK_S, self.timeout_s))

    def retry(self, ask: Callable[[], T], passing: frozenset[int] = TRANSIENT_CODES) -> T:
        """Return what `ask` returns; it is called again after a transient error, and the time-out raises the last."""
        with self.one_timeout() as deadline:
            while True:
                try:
                    return ask()
                except OperationError as error:
                    if error.code not in passing or time.monotonic() + POLL_S > deadline:
                        raise
                    time.sleep(POLL_S)

    def ask(self, send: Callable[[], Future[T]], what: str, patience_s: float | None = None) -> T:
        """Return the answer to a request, which is sent again after a transient error.

        Raises UnreachableError, OperationError saying `what` failed and why, and TimeoutError as wait() does.
        """
        return self.retry(lambda: self.wait(send(), what, patience_s))

    def ask_each(
        self,
        keys: Iterable[K],
        send: Callable[[list[K]], Mapping[K, Future[T]]],
        what: Callable[[K], str] = _nothing,
        is_lost: Callable[[T], bool] = _never,
        patience_s: float | None = None,
    ) -> dict[K, T | OperationError]:
        """Return the answer, or the refusal, for each key of a request that may fail in part.

        `is_lost` is for questions: it tells an answer that librdkafka made up because none came. It is asked again.
        Parts that failed with a transient error are sent again within the time-out. A part without an answer is a
        refusal with the code REQUEST_TIMED_OUT. Raises UnreachableError when no part was answered, and TimeoutError
        when a part has no answer after `patience_s`: for questions that another client can ask another broker.
        """
        answers: dict[K, T | OperationError] = {}
        unanswered: list[UnreachableError] = []
        left = list(keys)
        with self.one_timeout() as deadline:
            while left:
                futures = send(left)
                lost = set()
                for key in left:
                    try:
                        answers[key] = answer = self.wait(futures[key], what(key), patience_s)
                        if is_lost(answer):
                            lost.add(key)
                            unanswered.append(self._without_answer())
                            answers[key] = OperationError(_LATE, code=ErrorCode.REQUEST_TIMED_OUT)
                    except OperationError as error:
                        answers[key] = error
                    except UnreachableError as error:
                        unanswered.append(error)
                        answers[key] = OperationError(str(error), error.hint, ErrorCode.REQUEST_TIMED_OUT)
                left = [key for key in left if key in lost or _is_transient(answers[key])]
                if not left or time.monotonic() + POLL_S > deadline:
                    break
                time.sleep(POLL_S)
        if unanswered and all(_is_unanswered(answer) for answer in answers.values()):
            raise self.with_silent_brokers(unanswered[0])
        if any(_is_unanswered(answer) for answer in answers.values()):
            return self._with_silent_brokers(answers)
        return answers

    def _with_silent_brokers(self, answers: dict[K, T | OperationError]) -> dict[K, T | OperationError]:
        """Return the answers; where none came, with the brokers that are silent."""
        silent, _ = self.find_silent_brokers()
        if not silent:
            return answers
        late = OperationError(*self._silence_of(silent), ErrorCode.REQUEST_TIMED_OUT)
        return {
            key: late
            if isinstance(answer, OperationError) and _is_unanswered(answer) and str(answer) == _LATE
            else answer
            for key, answer in answers.items()
        }

    def _without_answer(self) -> UnreachableError:
        where = self.settings.bootstrap_servers
        return UnreachableError(f"cannot reach all brokers of {where}: no answer within {self.settings.timeout_s:g} s")

    def error(self, error: KafkaException | KafkaError, what: str | None = None) -> KafkactlError:
        """The exception of ours that says what this one means."""
        cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
        if cause.code() == KafkaError._UNSUPPORTED_FEATURE:
            from kafkactl.connection import diagnosis

            if diagnosis.is_no_broker(self.settings):
                return self._unreachable()
            reason = describe_kafka_error(cause)
            return UnsupportedRequestError(f"the brokers are too old for this request: {reason}")
        if cause.code() in UNREACHABLE_CODES or cause.code() == KafkaError._BAD_MSG:
            unreachable = self._unreachable(cause)
            # Of requests that go to several brokers it does not say how far they came.
            is_sent = _SENT in cause.str() or (_WAITING not in cause.str() and self._was_answered)
            if not is_sent:
                return unreachable
            return UnansweredError(str(unreachable), unreachable.hint, unreachable.is_partial)
        reason = describe_kafka_error(cause)
        return OperationError(f"{what}: {reason}" if what else reason, hint_for(cause.code()), cause.code())

    def _unreachable(self, cause: KafkaError | None = None) -> UnreachableError:
        from kafkactl.connection import diagnosis

        is_over = self._deadline is not None and time.monotonic() > self._deadline - _GRACE_S
        reason = self.reasons.last
        if reason is None and cause is not None and cause.code() not in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
            reason = describe_kafka_error(cause)
        hint = f"the address is from {self.settings.source}; -b HOST:PORT names another, kafkactl local up starts one"
        if found := diagnosis.cause(self.settings, reason, self._list_brokers):
            if found.is_partial:
                within = f" within {self.settings.timeout_s:g} s" if is_over else ""
                return UnreachableError(f"no answer{within} {found.reason}", found.hint, is_partial=True)
            reason, hint = found.reason, found.hint
        if reason is None and not is_over and (self.reasons.all_down or cause is not None):
            reason = "the connection ended before the answer came"
        reason = reason or f"no answer within {self.settings.timeout_s:g} s"
        return UnreachableError(f"cannot reach the cluster at {self.settings.bootstrap_servers}: {reason}", hint)

    def find_silent_brokers(self, wait_s: float | None = None) -> tuple[list[str], int]:
        """Return the brokers that do not answer, each with its address, and the number of all brokers.

        They are looked at without a client, so that this takes less than a second where `wait_s` says nothing else.
        """
        from kafkactl.connection.diagnosis import find_silent
        from kafkactl.connection.peers import KAFKA_WAIT_S

        return find_silent(self.settings, self._list_brokers, KAFKA_WAIT_S if wait_s is None else wait_s)

    def with_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """Return the error; where only some brokers are silent, one that names them."""
        if error.is_partial:
            return error
        silent, number = self.find_silent_brokers()
        if not silent or len(silent) == number:
            return error
        return type(error)(*self._silence_of(silent), is_partial=True)

    def _silence_of(self, silent: Sequence[str]) -> tuple[str, str]:
        """Return the sentence and the hint for brokers that do not answer in time."""
        from kafkactl.connection.diagnosis import SILENT_HINT

        return f"no answer within {self.settings.timeout_s:g} s from {', '.join(silent)}", SILENT_HINT

    def _list_brokers(self, answering: Sequence[tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Return the brokers that were named last; where none were, those that one of the answering ones names."""
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

    def _made(self, client: type[T], config: Mapping[str, Any]) -> T:
        """Return a client; names that neither client library knows are left out and told once, unless -X has them."""
        unknown: list[str] = []
        while True:
            try:
                made = client(self._config(config))  # type: ignore[call-arg]
            except (KafkaException, TypeError, ValueError) as error:
                cause = error.args[0]
                reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
                name = reason.partition(_NO_SUCH_SETTING)[2].rstrip('"')
                if name and name in self.settings.properties and name not in self.settings.only_flags:
                    self._unknown.add(name)
                    unknown.append(name)
                    continue
                raise _wrong_setting(reason, name) from error
            if unknown:
                self._warn(f"no client knows these settings, and they do nothing: {', '.join(sorted(unknown))}")
            return made

    def _config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        made = {"client.id": "kafkactl", **FAST_START, **config, **self.settings.properties}
        made.setdefault("receive.message.max.bytes", _largest_answer(made))
        for name in self._unknown:
            made.pop(name, None)
        if "debug" not in made:
            # librdkafka's lines on stderr say again, and at length, what `reasons` hears. A queue that nobody serves
            # keeps fatal ones, too, which no level does.
            made["log_level"], made["log.queue"] = 0, True
        made["bootstrap.servers"] = self.settings.bootstrap_servers
        made["error_cb"] = self.reasons
        return made


def _largest_answer(config: Mapping[str, Any]) -> int:
    """Return how many bytes an answer may have, and more where the settings ask for more."""
    asked = (str(config.get(name, "")) for name in ("fetch.max.bytes", "message.max.bytes"))
    return max(LARGEST_ANSWER_BYTES, *(int(text) + _ANSWER_HEADER_BYTES if text.isdecimal() else 0 for text in asked))


def _wrong_setting(reason: str, unknown: str) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(unknown, KNOWN, 1) if unknown else []
    if near:
        return UsageError(f"there is no client setting {unknown}", f"the nearest name is {near[0]}")
    if unknown:
        return UsageError(f"there is no client setting {unknown}", "Java's and librdkafka's names are known")
    hint = "look at -X, --command-config, KAFKACTL_CLIENT_* and kafkactl context show"
    return UsageError(f"a client setting is wrong: {reason}", hint)


def _is_transient(answer: object) -> bool:
    return isinstance(answer, OperationError) and answer.code in TRANSIENT_CODES


def _is_unanswered(answer: object) -> bool:
    return isinstance(answer, OperationError) and answer.code == ErrorCode.REQUEST_TIMED_OUT


def partition_numbers(topic: TopicMetadata) -> list[int]:
    """A topic's partitions, in order; raises NotFoundError and OperationError for one that is not there to be read."""
    if topic.error is None:
        return sorted(topic.partitions)
    code, hint = topic.error.code(), hint_for(topic.error.code())
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise NotFoundError(f"there is no topic {topic.topic!r}", hint, code)
    raise OperationError(f"cannot read {topic.topic}: {describe_kafka_error(topic.error)}", hint, code)


def require_partition(topic: str, number: int, numbers: Iterable[int]) -> None:
    """Raises NotFoundError for a partition that a topic has not."""
    if number not in numbers:
        raise NotFoundError(f"topic {topic} has no partition {number}", f"it has 0 to {max(numbers)}")
