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
    from kafkactl.connection.diagnosis import Cause
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
        """Begin without an error."""
        self.all_down = False
        self.last: str | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take an error from librdkafka: it sets `all_down`, or its sentence replaces `last`. Nothing is raised."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.all_down = True
        else:
            self.last = describe_kafka_error(error)


class Cluster:
    """The clients for one set of settings. A client is made when it is first needed.

    No request waits longer than the settings' time-out for its answer. After a failure, looking for the cause may take
    about 2 s more.
    """

    def __init__(
        self, settings: Settings, warn: Callable[[str], None] = _ignore_warning, shares_timeout: bool = False
    ) -> None:
        """Take the settings, and a function that gets a warning about settings that no client knows.

        With `shares_timeout` all requests outside renew_timeout_for_change() together take at most the time-out, until
        renew_timeout() or end_sharing() is called; each still has 0.1 s. No client is made and nothing is connected
        yet, so nothing is raised.
        """
        self.settings, self._warn, self._shares_timeout = settings, warn, shares_timeout
        self._unknown_settings: set[str] = set()
        self.reasons = Reasons()
        self._was_answered = False
        self.has_sent_change = False
        """Whether a change was sent, or may have been: see sending_change()."""
        self._remaining_s = settings.timeout_s
        self._deadline: float | None = None
        self._has_checked_listeners = False
        self._causes: dict[str | None, Cause | None] | None = None
        """Causes that were found, by the reason that a client gave; None where each is looked for anew."""
        self._places: dict[int, tuple[str, int]] = {}
        """Host and port of each broker by its id, from the last metadata."""

    @property
    def timeout_s(self) -> float:
        """Return how long a request may take, in s: the time-out, or the rest of it inside share_timeout().

        Inside renew_timeout_for_change() it is the rest of that one's. Elsewhere, where all reads share the time-out,
        it is what the reads before have left. The result is never below 0.1 s.
        """
        remaining_s = self._remaining_s if self._deadline is None else self._deadline - time.monotonic()
        return max(_SHORTEST_WAIT_S, remaining_s)

    def renew_timeout(self) -> None:
        """Give the following reads the whole time-out again, for example in a command that repeats its reads.

        Where the cluster's reads do not share the time-out nothing changes. Inside share_timeout() its end still
        counts.
        """
        self._remaining_s = self.settings.timeout_s

    def end_sharing(self) -> None:
        """Give each of the following reads a whole time-out of its own, for example in a stream of records.

        Inside share_timeout() its end still counts.
        """
        self._shares_timeout = False
        self.renew_timeout()

    @contextlib.contextmanager
    def share_timeout(self) -> Iterator[float]:
        """Let all requests inside share one time-out. Yield its end as a time of time.monotonic().

        Inside another share_timeout() or renew_timeout_for_change() the outer end counts. Nothing is raised at the end
        of the time: the requests inside raise UnreachableError themselves. Where the cluster shares its time-out among
        all reads, the time-out is what these have left, and the time spent inside is taken from that at the end of the
        outermost context, also after an error, which goes on.
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
        """Give the change inside a whole time-out of its own, independent of the reads before it.

        All requests inside share it, and the time that they take is not taken from the reads, unless a share_timeout()
        is around it: that one counts this time, too. Its end does not count meanwhile, and counts again afterwards,
        also after an error, which goes on.
        """
        outer, self._deadline = self._deadline, time.monotonic() + self.settings.timeout_s
        try:
            yield
        finally:
            self._deadline = outer

    @contextlib.contextmanager
    def sending_change(self) -> Iterator[None]:
        """Send a change inside; `has_sent_change` is True from here on, unless the change was certainly not sent.

        That is where an UnreachableError ends it that is no UnansweredError. Errors go on.
        """
        before, self.has_sent_change = self.has_sent_change, True
        try:
            yield
        except UnansweredError:
            raise
        except UnreachableError:
            self.has_sent_change = before
            raise

    @cached_property
    def admin(self) -> AdminClient:
        """The admin client of librdkafka, made at the first use; then UsageError is raised for a wrong setting.

        Unknown settings of the user are left out with one warning, except those of -X, which are refused.
        """
        return self._make_client(AdminClient, {})

    @cached_property
    def requests(self) -> Requests:
        """Requests that librdkafka cannot send. Nothing is connected before the first request.

        Where the address is that of controllers, the active controller gets them, or the one that a request names.
        """
        if self.settings.has_controllers:
            from kafkactl.connection.controllers import ControllerRequests

            return ControllerRequests(self)
        from kafkactl.connection.requests import Requests

        return Requests(self)

    def close(self) -> None:
        """Close the connections of kafka-python. librdkafka closes its own when its clients are garbage-collected.

        Without such connections nothing happens. A later request opens them again.
        """
        if "requests" in self.__dict__:
            self.requests.close()

    def make_producer(self, config: Mapping[str, Any]) -> Producer:
        """Return a new producer of confluent-kafka; raise UsageError for a setting that librdkafka refuses.

        `config` has librdkafka's settings by their names; the user's settings win over it. It is not connected yet.
        Unknown settings of the user are left out with one warning, except those of -X, which are refused.
        """
        return self._make_client(Producer, config)

    def make_text_config(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the settings as librdkafka's pairs of text, for a client that confluent-kafka does not make.

        Our defaults and bootstrap.servers are included. The user's settings win over `config`; but without `debug` the
        log is off, whatever log_level and log.queue say. True and false are in lower case, and the value None is the
        text None. Settings that no client knows stay in the result, unless another client has refused them before;
        nothing is raised for them. Raise ValueError for a fetch.max.bytes or message.max.bytes of more than 4,300
        digits.
        """
        config_values = self._make_config(config)
        del config_values["error_cb"]
        return [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in config_values.items()
        ]

    def make_consumer(self, config: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Consumer:
        """Return a new consumer of confluent-kafka; raise UsageError for a setting that librdkafka refuses.

        `config` has librdkafka's settings by their names; the user's settings win over it, and `overrides` over these.
        Nothing is subscribed yet. Unknown settings of the user are left out with one warning, except those of -X, which
        are refused.
        """
        return self._make_client(Consumer, config, overrides or {})

    def read_metadata(self, topic: str | None = None, client: Any = None) -> ClusterMetadata:
        """Return the brokers, and one topic or all topics (None), as confluent-kafka's metadata.

        `client` is the confluent-kafka client that asks; None means the admin client. A name must be UTF-8, and have no
        NUL character. A topic that does not exist is an entry with an error, but a broker may create a named one, if
        its settings allow that and the client is the admin client, a producer, or a consumer with
        allow.auto.create.topics. The brokers' addresses are kept. Raise UnreachableError where every connection has
        failed, no address is a broker or the time-out is over, UnansweredError (an UnreachableError) where the request
        was or may have been sent, OperationError for a refusal, and UsageError for a wrong setting.
        """
        with self.share_timeout() as deadline:
            if client is None:
                client = self.admin
                # An admin request connects at once. A metadata request alone waits for librdkafka's next round.
                self._connect(client.describe_cluster(request_timeout=self.timeout_s))
            return self._list_topics(topic, client, deadline)

    def _list_topics(self, topic: str | None, client: Any, deadline: float) -> ClusterMetadata:
        """Return the metadata of one topic or of all topics (None) from a client, and keep its brokers' addresses.

        `deadline` is a time of time.monotonic(). Frozen brokers get 1 s, then 2, 4, ... s for an attempt. A broker that
        knows no brokers, because it has just started, is asked again. The client is polled once after a failed attempt.
        A topic that does not exist is an entry with an error. Raise UnreachableError (UnansweredError where the request
        was or may have been sent) at once for an answer that cannot be read, and after the first attempt at whose end
        all connections have failed or the deadline is over; raise OperationError at once for a refusal.
        """
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
                remaining_s, code = deadline - time.monotonic(), error.args[0].code()
                knows_no_brokers = code == KafkaError._PARTIAL  # the broker has just started
                if self.reasons.all_down or remaining_s <= 0 or not (knows_no_brokers or code in UNREACHABLE_CODES):
                    raise self.error(error) from error
                if knows_no_brokers:
                    time.sleep(min(POLL_S, remaining_s))
                attempt_s = min(2 * attempt_s, max(_SHORTEST_WAIT_S, deadline - time.monotonic()))

    def _connect(self, future: Future[Any]) -> None:
        """Wait until the request of the future is answered, and return without an answer after about 1 to 2.5 s.

        Raise UnreachableError (UnansweredError where the request was or may have been sent) where the connections have
        failed, no address is a broker, or the time-out ends before; raise OperationError for a refusal.
        """
        try:
            self.wait(future, "cannot describe the cluster", patience_s=PATIENCE_S)
        except FutureTimeout:
            return

    def list_partitions(self, topic: str, client: Any) -> list[int]:
        """Return the partition numbers of a topic in order, as a client of confluent-kafka sees them.

        None as `client` means the admin client. The name must be UTF-8, and have no NUL character. The brokers may
        create an unknown topic, if their settings allow that and the client is the admin client or a producer. Raise
        NotFoundError for an unknown topic, OperationError for one that cannot be read and for a refusal,
        UnreachableError where no answer comes in time, and UsageError for a wrong setting.
        """
        return list_partition_numbers(self.read_metadata(topic, client).topics[topic])

    def wait(self, future: Future[T], failure: str, patience_s: float | None = None) -> T:
        """Return the result of a future of confluent-kafka, within the cluster's time-out.

        `failure` says what failed; it begins the message of an OperationError, but not of an UnsupportedRequestError.
        `patience_s` is None, or a shorter time in s after which TimeoutError is raised; the request goes on then. While
        it waits, librdkafka is made to look for the brokers again about once a second.

        Raise UnreachableError where no answer came in time, all connections have failed, or something other than a
        broker listens at every address; UnansweredError, an UnreachableError, where the request was sent or may have
        been sent; UnsupportedRequestError where the brokers are too old, and OperationError for a refusal.
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
                        raise self._make_lost_answer_error() from error
                    if now > checked_at + PATIENCE_S:
                        self._check_listeners()
                        checked_at = time.monotonic()
                    if patience_s is not None and now > started + patience_s:
                        raise
                except KafkaException as error:
                    raise self.error(error, failure) from error

    def _check_listeners(self) -> None:
        """Make librdkafka look for the brokers again, for at most 0.4 s.

        Raise UnreachableError where something other than a broker listens at every address; an address where nothing
        listens, nobody answers or TLS fails prevents the error. This is checked once, in less than 1 s, and only before
        the first answer.

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

        `passing` are the codes of an OperationError that count as transient. Between two calls 0.25 s pass. The first
        call is made also when no time is left. When the time is over, the last OperationError is raised. Every other
        error is raised at once.
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

        `send` sends it and returns the future; its errors pass through. `failure` begins the message of an
        OperationError. `patience_s` is None, or a time in s after which one sending raises TimeoutError. All sendings
        share the time-out. Raise UnreachableError (UnansweredError where it was or may have been sent), and
        OperationError for a refusal, also for a transient one that lasts until the time-out.
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
        """Return the answer or the error for each key of a request that may fail in part, in the order of the keys.

        `send` sends the request for a list of keys and returns a future for each key; it may raise, and its errors pass
        through. `describe_failure` returns the text that says what failed for a key. Each key must be there once. Keys
        with a transient error are sent again within the time-out. A key without an answer has an error with the code
        REQUEST_TIMED_OUT; its text may name the silent brokers. Without keys nothing is sent, and the result is empty.

        `is_lost` is only for questions: it returns whether librdkafka made up an answer because none came. Such a key
        is asked again; a key without any answer is not.

        Raise UnreachableError when no key was answered: UnansweredError where the request was or may have been sent for
        one of them. Raise TimeoutError when a key has no answer `patience_s` seconds after the wait for it began (None:
        never): this is for questions that another client library can put to another broker. The keys are waited for one
        after the other; the cause of missing answers is looked for once for each reason.
        """
        answers: dict[K, T | OperationError] = {}
        unanswered_errors: list[UnreachableError] = []
        pending_keys = list(keys)
        with self.share_timeout() as deadline, self._share_causes():
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
            sent = (error for error in unanswered_errors if isinstance(error, UnansweredError))
            raise self.name_silent_brokers(next(sent, unanswered_errors[0]))
        if any(_is_unanswered(answer) for answer in answers.values()):
            return self._name_silent_brokers(answers)
        return answers

    def _name_silent_brokers(self, answers: dict[K, T | OperationError]) -> dict[K, T | OperationError]:
        """Return the answers. Where brokers are silent, an error without any text about the cause names them.

        The error keeps the code REQUEST_TIMED_OUT; errors with a text of their own stay. The brokers are checked anew
        over new connections. Nothing is raised.
        """
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
        """Return the error for a request that not all brokers answered in time; it does not name them."""
        where = self.settings.bootstrap_servers
        return UnreachableError(f"cannot reach all brokers of {where}: no answer within {self.settings.timeout_s:g} s")

    def error(self, error: KafkaException | KafkaError, failure: str | None = None) -> KafkactlError:
        """Return our exception for an error of confluent-kafka; nothing is raised. `failure` says what failed, or None.

        The result is an UnreachableError for failed connections, failed logins, answers that cannot be read and
        time-outs, also the broker's own REQUEST_TIMED_OUT; it is an UnansweredError where the request was or may have
        been sent. Where librdkafka finds the brokers too old it is an UnsupportedRequestError, or an UnreachableError
        if no address is a broker. All else, also a UNSUPPORTED_VERSION of the broker, is an OperationError with the
        code of Kafka or librdkafka. `failure` begins the message of such an OperationError only. Finding the cause of a
        failed connection may take about 2 s.
        """
        cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
        if cause.code() == KafkaError._UNSUPPORTED_FEATURE:
            from kafkactl.connection import diagnosis

            if diagnosis.is_no_broker(self.settings):
                return self._make_unreachable_error()
            reason = describe_kafka_error(cause)
            return UnsupportedRequestError(f"the brokers are too old for this request: {reason}")
        if cause.code() in UNREACHABLE_CODES or cause.code() == KafkaError._BAD_MSG:
            # For requests to several brokers librdkafka does not report whether they were sent.
            is_sent = _SENT in cause.str() or (_WAITING not in cause.str() and self._was_answered)
            is_sent = is_sent or cause.code() == KafkaError.REQUEST_TIMED_OUT  # a broker's code
            return self._make_lost_answer_error(cause, is_sent=is_sent)
        reason = describe_kafka_error(cause)
        return OperationError(f"{failure}: {reason}" if failure else reason, find_hint(cause.code()), cause.code())

    def _make_lost_answer_error(self, cause: KafkaError | None = None, is_sent: bool | None = None) -> UnreachableError:
        """Return the error for an answer that did not come: UnansweredError where the request was sent.

        `cause` is librdkafka's error, or None where only the time was over. Where nobody knows whether the request was
        sent (`is_sent` is None), it counts as sent if this client had an answer before: a change that was done must not
        look undone.
        """
        unreachable = self._make_unreachable_error(cause)
        if is_sent or (is_sent is None and self._was_answered):
            return UnansweredError(str(unreachable), unreachable.hint, unreachable.is_partial)
        return unreachable

    def _make_unreachable_error(self, cause: KafkaError | None = None) -> UnreachableError:
        """Return the error for a cluster without an answer, with the cause as far as it can be found.

        `cause` is librdkafka's error, or None where only the time was over. Where the known reason does not say the
        cause, the brokers are connected to once more, which may take about 2 s. `is_partial` of the result means that
        other brokers answer.
        """
        is_over = self._deadline is not None and time.monotonic() > self._deadline - _GRACE_S
        reason = self.reasons.last
        if reason is None and cause is not None and cause.code() not in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
            reason = describe_kafka_error(cause)
        hint = (
            f"the address is from {self.settings.source}; "
            "choose another with -b HOST:PORT, or start a local cluster: kafkactl local up"
        )
        if finding := self._find_cause(reason):
            if finding.is_partial:
                within = f" within {self.settings.timeout_s:g} s" if is_over else ""
                return UnreachableError(f"no answer{within} {finding.reason}", finding.hint, is_partial=True)
            reason, hint = finding.reason, finding.hint
        if reason is None and not is_over and (self.reasons.all_down or cause is not None):
            reason = "the connection ended before the answer came"
        reason = reason or f"no answer within {self.settings.timeout_s:g} s"
        return UnreachableError(f"cannot reach the cluster at {self.settings.bootstrap_servers}: {reason}", hint)

    @contextlib.contextmanager
    def _share_causes(self) -> Iterator[None]:
        """Look for the cause of a missing answer only once for each reason inside the block.

        A block inside another one begins anew. An error of the block goes on.
        """
        outer, self._causes = self._causes, {}
        try:
            yield
        finally:
            self._causes = outer

    def _find_cause(self, reason: str | None) -> Cause | None:
        """Return the cause behind the reason of a client, None where no more is known; see diagnosis.find_cause.

        Inside _share_causes() the result for the same reason, also None, is returned again without a new search.
        """
        from kafkactl.connection import diagnosis

        if self._causes is None:
            return diagnosis.find_cause(self.settings, reason, self._list_brokers)
        if reason not in self._causes:
            self._causes[reason] = diagnosis.find_cause(self.settings, reason, self._list_brokers)
        return self._causes[reason]

    def find_silent_brokers(self, wait_s: float | None = None) -> tuple[list[str], int]:
        """Return the brokers that do not answer, as texts with their addresses, and the number of all checked brokers.

        A text is "broker 1 at host:port", or the address alone, sorted by address. At most 16 bootstrap servers and 16
        other brokers are checked, over new connections, and nothing is raised. A broker that refuses or closes them,
        whose name cannot be looked up, or with which TLS fails, is silent, too. Each has `wait_s` s for its answer;
        None means 0.5 s. Where no metadata has come yet, one that answers is asked for the others, which takes at most
        about 1 s more. A bootstrap server that is no address of a known broker counts only where no broker is known, or
        none of the known ones is silent.
        """
        from kafkactl.connection.diagnosis import find_silent
        from kafkactl.connection.peers import KAFKA_WAIT_S

        return find_silent(self.settings, self._list_brokers, KAFKA_WAIT_S if wait_s is None else wait_s)

    def name_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """Return the error, or one of the same class that names the silent brokers where only some brokers are silent.

        An error that is already partial comes back unchanged. Otherwise the brokers are checked anew, as by
        find_silent_brokers(). Nothing is raised.
        """
        if error.is_partial:
            return error
        silent, number = self.find_silent_brokers()
        if not silent or len(silent) == number:
            return error
        return type(error)(*self._describe_silence(silent), is_partial=True)

    def _describe_silence(self, silent: Sequence[str]) -> tuple[str, str]:
        """Return the message and the hint for brokers that do not answer in time; `silent` are their names."""
        from kafkactl.connection.diagnosis import SILENT_HINT

        return f"no answer within {self.settings.timeout_s:g} s from {', '.join(silent)}", SILENT_HINT

    def _list_brokers(self, answering: Sequence[tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Return host and port of all brokers by their names ("broker 1"), from the last metadata.

        Without metadata the `answering` addresses are asked, for about 1 s, longer where a login's token comes slowly,
        and the answer is kept. The result is empty where no broker is known, also after an error; nothing is raised.
        """
        from kafkactl.connection.kafka_python import Brokers

        if not self._places and answering:
            servers = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in answering)
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

    def _make_client(self, client: type[T], config: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> T:
        """Return a client of a class of confluent-kafka; raise UsageError for a wrong setting.

        `config` has librdkafka's settings; the user's win over it, and `overrides` over these. Settings that no client
        library knows are left out, with one warning, and later clients leave them out without one. On the command line
        (-X) they are an error.
        """
        unknown_names: list[str] = []
        while True:
            try:
                result = client({**self._make_config(config), **(overrides or {})})  # type: ignore[call-arg]
            except (KafkaException, TypeError, ValueError) as error:
                cause = error.args[0]
                reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
                name = reason.partition(_NO_SUCH_SETTING)[2].rstrip('"')
                # librdkafka's text has the name without "topic.". A setting that is left out already is not at fault.
                names = [
                    text
                    for text in (name, f"topic.{name}")
                    if name and text in self.settings.properties and text not in self._unknown_settings
                ]
                if names and names[0] not in self.settings.flag_names:
                    self._unknown_settings.add(names[0])
                    unknown_names.append(names[0])
                    continue
                raise _make_setting_error(reason, name) from error
            if unknown_names:
                self._warn(f"unknown client settings are ignored: {', '.join(sorted(unknown_names))}")
            return result

    def _make_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a client: our defaults, then `config`, then the user's settings.

        The values are not only text: error_cb is this cluster's `reasons`. librdkafka's log is off, unless `debug` is
        set. Settings that a client has refused as unknown before are left out. Raise ValueError for a fetch.max.bytes
        or message.max.bytes of more than 4,300 digits.
        """
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
    """Return the largest accepted size of an answer, in bytes: at least 64 MiB.

    Where the larger one of fetch.max.bytes and message.max.bytes, plus 512, is more, it is that. A value that is not a
    decimal number is ignored. Raise ValueError for a number of more than 4,300 digits.
    """
    limits = (str(config.get(name, "")) for name in ("fetch.max.bytes", "message.max.bytes"))
    return max(LARGEST_ANSWER_BYTES, *(int(text) + _ANSWER_HEADER_BYTES if text.isdecimal() else 0 for text in limits))


def _make_setting_error(reason: str, name: str) -> UsageError:
    """Return the error for a setting that librdkafka refuses. `name` is the name that no client knows, or empty.

    `reason` is librdkafka's text; it is in the message only without a name. The hint has the nearest known name, if one
    is near.
    """
    from difflib import get_close_matches

    near = get_close_matches(name, KNOWN, 1) if name else []
    if near:
        return UsageError(f"unknown client setting {name}", f"the nearest name is {near[0]}")
    if name:
        return UsageError(f"unknown client setting {name}", "use the names of Java's clients or of librdkafka")
    hint = "look at -X, --command-config, KAFKACTL_CLIENT_* and kafkactl context show"
    return UsageError(f"a client setting is wrong: {reason}", hint)


def _is_transient(answer: object) -> bool:
    """Return whether an answer is an OperationError after which the same request may succeed."""
    return isinstance(answer, OperationError) and answer.code in TRANSIENT_CODES


def _is_unanswered(answer: object) -> bool:
    """Return whether an answer is an OperationError with the code REQUEST_TIMED_OUT, ours or a broker's own."""
    return isinstance(answer, OperationError) and answer.code == ErrorCode.REQUEST_TIMED_OUT


def list_partition_numbers(topic: TopicMetadata) -> list[int]:
    """Return the numbers of a topic's partitions in rising order, also of those that have an error of their own.

    Raise NotFoundError for a topic that does not exist, and OperationError for one that cannot be read.
    """
    if topic.error is None:
        return sorted(topic.partitions)
    code, hint = topic.error.code(), find_hint(topic.error.code())
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise NotFoundError(f"topic not found: {topic.topic!r}", hint, code)
    raise OperationError(f"cannot read {topic.topic}: {describe_kafka_error(topic.error)}", hint, code)


def require_partition(topic: str, number: int, numbers: Iterable[int]) -> None:
    """Raise NotFoundError unless `numbers`, the partitions of the topic, contain the partition.

    `numbers` must not be empty, and not an iterator, because they are read twice; the hint names the largest.
    """
    if number not in numbers:
        raise NotFoundError(f"topic {topic} has no partition {number}", f"use a partition from 0 to {max(numbers)}")
