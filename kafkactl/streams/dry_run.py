"""Dry run of producing: records are read and checked, and not sent."""

from __future__ import annotations

from kafkactl.connection.cluster import Cluster, list_partition_numbers, require_partition
from kafkactl.errors import NotFoundError
from kafkactl.patterns import write_command
from kafkactl.storage.batch import HEADER_SIZE
from kafkactl.storage.text import name_bytes
from kafkactl.streams.account import Account
from kafkactl.streams.producing import explain_unsendable, find_largest_bytes, make_producer_settings
from kafkactl.streams.record import Batch, Record


class DryRun:
    """Checker with the interface of Sending: it reports the records that could not be sent."""

    def __init__(
        self, cluster: Cluster, topic: str, account: Account, partition: int | None, topic_bytes: int | None
    ) -> None:
        """Check the client settings, and read the topic's metadata; no topic is created.

        The `largest_bytes` of the account is set to max.request.size, or to 1 MiB without that setting. `partition`
        must exist, unless it is None; it is not kept. `topic_bytes` is the largest batch that the topic accepts, in
        bytes; None, which checks no such size, where batches are compressed or where it is not known. Raise
        NotFoundError for a missing topic or partition, OperationError for a topic that cannot be read and for another
        refusal, UsageError for a wrong client setting, also for a max.request.size that is not a number of 1 to 18
        digits, and UnreachableError where no broker answers.
        """
        self._topic_bytes = topic_bytes
        self._cluster, self._topic, self._account = cluster, topic, account
        cluster.make_producer(make_producer_settings(cluster))  # it refuses settings that the admin client takes
        topics = cluster.read_metadata().topics
        if topic not in topics:
            raise NotFoundError(
                f"topic not found: {topic!r}", f"create it: {write_command('kafkactl topics create', topic)}"
            )
        self._numbers = frozenset(list_partition_numbers(topics[topic]))
        if partition is not None:
            require_partition(topic, partition, self._numbers)
        account.largest_bytes = find_largest_bytes(cluster)

    def send(self, batch: Batch) -> None:
        """Count records as accepted, and check them; those that could not be sent fail in the account. Nothing is sent.

        Only errors of the account's `tell` are raised.
        """
        for record in batch:
            self._account.accepted += 1
            if (reason := self._find_fault(record)) is not None:
                self._account.fail_record(record, reason)

    def _find_fault(self, record: Record) -> str | None:
        """Return why a record could not be sent, as text, or None.

        Reasons are a partition that the topic does not have, a timestamp of 0, a header's name that this client or a
        transaction cannot send, and a size above the client's or the topic's largest one. A record without a partition
        is not checked for one.
        """
        number = record.get("partition")
        if number is not None and number not in self._numbers:
            return f"topic {self._topic} has no partition {number}"
        if (reason := explain_unsendable(self._cluster, record)) is not None:
            return reason
        if (size_bytes := _OVERHEAD_BYTES + count_content_bytes(record)) > self._account.largest_bytes:
            return f"{size_bytes} bytes are more than max.request.size ({self._account.largest_bytes})"
        if self._topic_bytes is not None and (size_bytes := count_batch_bytes(record)) > self._topic_bytes:
            return f"{size_bytes} bytes are more than max.message.bytes of the topic ({self._topic_bytes})"
        return None


_OVERHEAD_BYTES = 36
"""Bytes that librdkafka adds to a record for the comparison with its limit: RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD."""


def count_content_bytes(record: Record) -> int:
    """Return the number of bytes that a record's key, value and headers take in a request.

    The varints of the lengths of headers' names and values are included; those of key and value, and of the number of
    headers, are not.
    """
    size_bytes = len(record.get("key") or b"") + len(record.get("value") or b"")
    for name, value in record.get("headers") or ():
        size_bytes += sum(_count_varint_bytes(len(part)) + len(part) for part in (name_bytes(name), value or b""))
    return size_bytes


def count_batch_bytes(record: Record) -> int:
    """Return the size in bytes of an uncompressed batch with this record only."""
    lengths = (len(record.get("key") or b""), len(record.get("value") or b""), len(record.get("headers") or ()))
    body = 3 + sum(map(_count_varint_bytes, lengths)) + count_content_bytes(record)  # attributes and two deltas of 0
    return HEADER_SIZE + _count_varint_bytes(body) + body


def _count_varint_bytes(number: int) -> int:
    """Return the number of bytes, at least 1, of a length as a zigzag varint. The length is 0 or more."""
    return max(1, -(-(number << 1).bit_length() // 7))
