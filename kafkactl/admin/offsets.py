"""The ends of partitions' logs.

Reference: org.apache.kafka.tools.GetOffsetShell.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError

Partition = tuple[str, int]
"""Topic and number."""


@dataclass(frozen=True)
class OffsetAnswer:
    """An offset, or why there is none; neither when there simply is none."""

    offset: int | None
    error: str | None


@dataclass(frozen=True)
class LogEnds:
    """Where a partition's log begins and ends."""

    start: OffsetAnswer
    end: OffsetAnswer


def log_ends(cluster: Cluster, partitions: Iterable[Partition]) -> dict[Partition, LogEnds]:
    """Each partition's ends, all asked at once; a partition that cannot be asked has its own error."""
    wanted = sorted(set(partitions))
    if not wanted:
        return {}
    starts = _ask(cluster, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    ends = _ask(cluster, wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {
        partition: LogEnds(_answer(cluster, starts[partition]), _answer(cluster, ends[partition]))
        for partition in wanted
    }


def _ask(cluster: Cluster, partitions: Iterable[Partition], spec: OffsetSpec) -> dict[Partition, Future[Any]]:
    wanted = {TopicPartition(*partition): spec for partition in partitions}
    futures = cluster.admin.list_offsets(wanted, request_timeout=cluster.timeout_s)
    return {(partition.topic, partition.partition): future for partition, future in futures.items()}


def _answer(cluster: Cluster, future: Future[Any]) -> OffsetAnswer:
    try:
        return OffsetAnswer(cluster.wait(future, "cannot read the log's end").offset, None)
    except OperationError as error:
        return OffsetAnswer(None, str(error))
