"""Records that are read and checked, and not sent."""

from __future__ import annotations

from kafkactl.connection.cluster import Cluster, partition_numbers, require_partition
from kafkactl.errors import NotFoundError
from kafkactl.streams.account import Account
from kafkactl.streams.producing import has_unusual_names, largest_bytes, why_not_sent
from kafkactl.streams.record import Batch, Record


class DryRun:
    """Takes records as Sending does, and reports those that could not be sent."""

    def __init__(self, cluster: Cluster, topic: str, account: Account, partition: int | None) -> None:
        """Raise NotFoundError for a topic or a partition that is not there; no topic is created."""
        self._cluster, self._topic, self._account = cluster, topic, account
        topics = cluster.metadata().topics
        if topic not in topics:
            raise NotFoundError(f"there is no topic {topic!r}", f"kafkactl topics create {topic}")
        self._numbers = frozenset(partition_numbers(topics[topic]))
        if partition is not None:
            require_partition(topic, partition, self._numbers)
        account.largest_bytes = largest_bytes(cluster)

    def send(self, batch: Batch) -> None:
        """Count and check records."""
        for record in batch:
            self._account.given += 1
            if (reason := self._wrong(record)) is not None:
                self._account.fail_record(record, reason)

    def _wrong(self, record: Record) -> str | None:
        number = record.get("partition")
        if number is not None and number not in self._numbers:
            return f"topic {self._topic} has no partition {number}"
        if has_unusual_names(record) and (reason := why_not_sent(self._cluster)) is not None:
            return reason
        size_bytes = len(record.get("key") or b"") + len(record.get("value") or b"")
        if size_bytes > self._account.largest_bytes:
            return f"{size_bytes} bytes are more than max.request.size ({self._account.largest_bytes})"
        return None
