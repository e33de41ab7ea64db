"""Values that every noun shares: a partition, and the outcome of each item of a change."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafkactl.errors import OperationError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

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
    cluster: Cluster, futures: Mapping[str, Future[Any]], done: str, ignored: Mapping[int, str] | None = None
) -> list[Outcome]:
    """Waits for every future; an error whose code is in `ignored` counts as done, with that word.

    Raises UnreachableError when the cluster goes away: what became of the rest is then unknown.
    """
    found = []
    for name, future in futures.items():
        try:
            cluster.wait(future, "")
            found.append(Outcome(name, True, done))
        except OperationError as error:
            if ignored and error.code is not None and error.code in ignored:
                found.append(Outcome(name, True, ignored[error.code]))
            else:
                found.append(Outcome(name, False, str(error), error.hint, error.code))
    return found
