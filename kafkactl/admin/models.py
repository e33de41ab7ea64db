"""Values that every noun shares: a partition, and the outcome of each item of a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import OperationError, UnansweredError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

MOST_PARTITIONS, MOST_REPLICAS = 100_000, 10_000
"""Of a topic, in a request that librdkafka sends."""
Partition = tuple[str, int]
"""The name of a topic and the number of a partition."""


@dataclass(frozen=True)
class Outcome:
    """One item's own result."""

    name: str
    ok: bool
    result: str
    """What was done, or why it was not."""
    hint: str | None = None
    code: int | None = None
    """Kafka's, where a broker refused it."""


def outcomes(
    cluster: Cluster,
    names: Iterable[str],
    send: Callable[[list[str]], Mapping[str, Future[Any]]],
    done: str,
    ignored: Mapping[int, str] | None = None,
) -> list[Outcome]:
    """Send a change of several items and return the outcome of each, in their order.

    An error whose code is in `ignored` counts as done, with that word. An item without an answer has the code
    REQUEST_TIMED_OUT: it may have been done. Raises UnreachableError when nothing was sent.
    """
    found = []
    asked = list(names)
    answers: Mapping[str, Any]
    try:
        with cluster.change_timeout():
            answers = cluster.ask_each(asked, send)
    except UnansweredError as error:
        answers = dict.fromkeys(asked, OperationError(error.reason, error.hint, ErrorCode.REQUEST_TIMED_OUT))
    for name, answer in answers.items():
        if not isinstance(answer, OperationError):
            found.append(Outcome(name, True, done))
        elif ignored and answer.code is not None and answer.code in ignored:
            found.append(Outcome(name, True, ignored[answer.code]))
        else:
            found.append(Outcome(name, False, str(answer), answer.hint, answer.code))
    return found
