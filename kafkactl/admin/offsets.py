"""The ends of partitions' logs.

Reference: org.apache.kafka.tools.GetOffsetShell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError


class Position(Enum):
    """Which end of a log."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True)
class OffsetAnswer:
    """An offset, or why there is none; neither when there simply is none."""

    offset: int | None
    error: str | None


def list_offsets(
    cluster: Cluster, partitions: Iterable[tuple[str, int]], position: Position
) -> dict[tuple[str, int], OffsetAnswer]:
    """Each (topic, partition)'s offset at that end; a partition that cannot be asked has its own error."""
    spec = OffsetSpec.earliest() if position is Position.EARLIEST else OffsetSpec.latest()  # type: ignore[no-untyped-call]
    wanted = {TopicPartition(*partition): spec for partition in sorted(set(partitions))}
    if not wanted:
        return {}
    futures = cluster.admin.list_offsets(wanted, request_timeout=cluster.timeout_s)
    found = {}
    for partition, future in futures.items():
        key = (partition.topic, partition.partition)
        try:
            found[key] = OffsetAnswer(cluster.wait(future, "cannot read the log's end").offset, None)
        except OperationError as error:
            found[key] = OffsetAnswer(None, str(error))
    return found
