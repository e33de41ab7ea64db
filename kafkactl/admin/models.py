"""Values that all nouns share: a partition, and the outcome of each item of a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, OperationError, UnansweredError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

MOST_PARTITIONS, MOST_REPLICAS = 100_000, 10_000
"""Largest numbers for one topic in a request of librdkafka."""
Partition = tuple[str, int]
"""The name of a topic and the number of a partition."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a change for one item."""

    name: str
    ok: bool
    result: str
    """What was done, or why it was not done."""
    hint: str | None = None
    code: int | None = None
    """Kafka's or librdkafka's code of a refusal, REQUEST_TIMED_OUT for no answer; None where there is no code."""


def make_failure(name: str, error: KafkactlError, reason: str | None = None) -> Outcome:
    """Return the outcome of an item that failed, with the hint of the error. Nothing is raised.

    `reason` is the text of the result; None takes the whole message of the error. After an UnansweredError `reason` is
    not used: the text is that error's own reason, and the code is REQUEST_TIMED_OUT. Other errors without a code of
    Kafka have None as the code.
    """
    if isinstance(error, UnansweredError):
        return Outcome(name=name, ok=False, result=error.reason, hint=error.hint, code=ErrorCode.REQUEST_TIMED_OUT)
    code = error.code if isinstance(error, OperationError) else None
    return Outcome(name=name, ok=False, result=str(error) if reason is None else reason, hint=error.hint, code=code)


def make_outcome(name: str, done: str, error: KafkactlError | None, *, is_brief: bool = False) -> Outcome:
    """Return the outcome of an item: a success with the text `done` where `error` is None, else that of make_failure().

    `is_brief` takes the reason of an OperationError as the result, and not its whole message.
    """
    if error is None:
        return Outcome(name=name, ok=True, result=done)
    return make_failure(name, error, error.reason if is_brief and isinstance(error, OperationError) else None)


def make_unusable_error(broker: int, log_dir: str, reason: str) -> OperationError:
    """Return the error of a log directory that its broker cannot use."""
    return OperationError(f"log folder {log_dir} of broker {broker}: {reason}")


def send_change(
    cluster: Cluster,
    names: Iterable[str],
    send: Callable[[list[str]], Mapping[str, Future[Any]]],
    result_text: str,
    ignored: Mapping[int, str] | None = None,
) -> list[Outcome]:
    """Send a change of several items and return the outcome of each item, in the order of the names.

    A repeated name counts once. `send` sends the request for a list of names and returns a future for each name.
    `result_text` is the result of a success. An error whose code is in `ignored` counts as a success, with the text
    there as its result; None ignores none. A refusal is a failed outcome; a transient one is tried again within the
    time-out. An item without an answer has the code REQUEST_TIMED_OUT: its change may have been done. Without names
    nothing is sent. Where no item has an answer, raise UnreachableError if the request was certainly not sent;
    otherwise all have that code, and UnansweredError is not raised. Errors of `send`, such as UsageError for a wrong
    client setting, pass through.
    """
    results = []
    all_names = list(dict.fromkeys(names))  # librdkafka refuses all groups where one is there twice
    if not all_names:
        return []
    answers: Mapping[str, Any]
    try:
        with cluster.renew_timeout_for_change(), cluster.sending_change():
            answers = cluster.ask_each(all_names, send)
    except UnansweredError as error:
        answers = dict.fromkeys(all_names, OperationError(error.reason, error.hint, ErrorCode.REQUEST_TIMED_OUT))
    for name, answer in answers.items():
        if not isinstance(answer, OperationError):
            results.append(Outcome(name=name, ok=True, result=result_text))
        elif ignored and answer.code is not None and answer.code in ignored:
            results.append(Outcome(name=name, ok=True, result=ignored[answer.code]))
        else:
            results.append(Outcome(name=name, ok=False, result=str(answer), hint=answer.hint, code=answer.code))
    return results
