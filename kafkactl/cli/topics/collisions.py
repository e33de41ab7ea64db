"""The warning before topics are created whose metrics would have one name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster


def warn_of_collisions(connected: Cluster, names: Sequence[str]) -> None:
    """Warn of each new topic whose name differs only in `.` and `_` from another topic, existing or new.

    `names` are the new topics. Each other topic is one warning on stderr, so that two new ones give two. The existing
    ones are read only where a name has such a character. Raise UnreachableError, OperationError for a refusal, or
    UsageError for a wrong client setting where they cannot be read.
    """
    colliding = [name for name in names if "." in name or "_" in name]
    if not colliding:
        return
    from kafkactl.admin.topics.descriptions import list_topics
    from kafkactl.admin.topics.models import find_collisions

    existing = [row.topic for row in list_topics(connected)]
    for name in colliding:
        for other in find_collisions(name, sorted({*existing, *names})):
            people.warning(f"the metrics of {name} and {other} will share a name: Kafka replaces . with _ in them")
