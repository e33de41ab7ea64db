"""Records that are read and checked, and not sent."""

from __future__ import annotations

from kafkactl.connection.cluster import Cluster, list_partition_numbers, require_partition
from kafkactl.errors import NotFoundError
from kafkactl.storage.batch import HEADER_SIZE
from kafkactl.storage.text import name_bytes
from kafkactl.streams.account import Account
from kafkactl.streams.producing import largest_bytes, why_not_sent
from kafkactl.streams.record import Batch, Record


class DryRun:
    """Takes records as Sending does, and reports those that could not be sent."""

    def __init__(
        self, cluster: Cluster, topic: str, account: Account, partition: int | None, topic_bytes: int | None
    ) -> None:
        """Raise NotFoundError for a topic or a partition that is not there; no topic is created.

        `topic_bytes` is the largest batch that the topic takes; None where batches are compressed, or it is not known.
        """
        self._topic_bytes = topic_bytes
        self._cluster, self._topic, self._account = cluster, topic, account
        topics = cluster.read_metadata().topics
        if topic not in topics:
            raise NotFoundError(f"there is no topic {topic!r}", f"kafkactl topics create {topic}")
        self._numbers = frozenset(list_partition_numbers(topics[topic]))
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
        if (reason := why_not_sent(self._cluster, record)) is not None:
            return reason
        if (size_bytes := _OVERHEAD_BYTES + content_bytes(record)) > self._account.largest_bytes:
            return f"{size_bytes} bytes are more than max.request.size ({self._account.largest_bytes})"
        if self._topic_bytes is not None and (size_bytes := batch_bytes(record)) > self._topic_bytes:
            return f"{size_bytes} bytes are more than max.message.bytes of the topic ({self._topic_bytes})"
        return None


_OVERHEAD_BYTES = 36
"""What librdkafka adds to a record before it compares it with its limit: RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD."""


def content_bytes(record: Record) -> int:
    """Return how many bytes a record's key, value and headers take in a request."""
    size_bytes = len(record.get("key") or b"") + len(record.get("value") or b"")
    for name, value in record.get("headers") or ():
        size_bytes += sum(_varint_bytes(len(part)) + len(part) for part in (name_bytes(name), value or b""))
    return size_bytes


def batch_bytes(record: Record) -> int:
    """Return how many bytes a batch takes that has this record only, and is not compressed."""
    lengths = (len(record.get("key") or b""), len(record.get("value") or b""), len(record.get("headers") or ()))
    body = 3 + sum(map(_varint_bytes, lengths)) + content_bytes(record)  # attributes and two deltas of 0
    return HEADER_SIZE + _varint_bytes(body) + body


def _varint_bytes(number: int) -> int:
    """Return how many bytes a length takes as a zigzag varint."""
    return max(1, -(-(number << 1).bit_length() // 7))
