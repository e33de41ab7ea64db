"""Reading records, with only what was handled counted as read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkactl.connection.cluster import Cluster, hint_for, plain_reason
from kafkactl.errors import NotFoundError, OperationError

BATCH = 1000
_WAIT_S = 0.1

# What a ListOffsets request takes in a timestamp's place.
LISTED_LATEST, LISTED_EARLIEST = -1, -2


@dataclass(frozen=True)
class Selection:
    """What to read, and when to stop; None or False means on and on."""

    topic: str
    partitions: Sequence[int] | None = None
    """With any named, or without a group, partitions are assigned by hand: no group is made or joined."""
    group: str | None = None
    offset: int | None = None
    """Where named partitions start: an offset, or OFFSET_BEGINNING or OFFSET_END."""
    from_beginning: bool = False
    max_messages: int | None = None
    idle_timeout_ms: int | None = None
    until_end: bool = False
    """Stop at the ends that the partitions have when they are reached."""


class Reading:
    """An open consumer; see batches()."""

    def __init__(self, cluster: Cluster, selection: Selection, config: Mapping[str, Any]) -> None:
        """Connects and joins or assigns; raises UnreachableError and NotFoundError."""
        self._cluster = cluster
        self._selection = selection
        self._joins = selection.group is not None and not selection.partitions
        self._consumer = cluster.consumer({**_config(selection, self._joins), **config})
        self._at_end: set[tuple[str, int]] = set()
        self._starts: list[TopicPartition] = []
        partitions = self._partitions()
        if self._joins:
            self._consumer.subscribe([selection.topic], on_assign=self._on_assign)
        else:
            self._consumer.assign(partitions)

    def batches(self) -> Iterator[list[Message]]:
        """Records as they come, some at a time; whoever handles them says so by done()."""
        left = self._selection.max_messages
        last_record_at = time.monotonic()
        while left is None or left > 0:
            batch = self._next_batch(BATCH if left is None else min(BATCH, left))
            if batch:
                yield batch
                last_record_at = time.monotonic()
                left = None if left is None else left - len(batch)
            elif self._is_over(last_record_at):
                return

    def done(self, messages: Sequence[Message]) -> None:
        """Counts these as handled, once or again: the group's next commit goes past them."""
        if self._joins and messages:
            last = {(message.topic(), message.partition()): message.offset() for message in messages}
            self._store([TopicPartition(*partition, offset + 1) for partition, offset in last.items()])  # type: ignore[arg-type,operator]

    def _store(self, offsets: list[TopicPartition]) -> None:
        """Puts offsets into the next commit; a partition taken from us meanwhile is its new owner's to commit."""
        try:
            self._consumer.store_offsets(offsets=offsets)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise

    def close(self) -> None:
        """Commits what is done and leaves the group."""
        self._consumer.close()

    def _partitions(self) -> list[TopicPartition]:
        topic = self._selection.topic
        metadata = self._cluster.metadata(topic, self._consumer).topics[topic]
        if metadata.error is not None:
            if metadata.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise NotFoundError(f"there is no topic {topic!r}", hint_for(metadata.error))
            raise OperationError(f"cannot read {topic}: {plain_reason(metadata.error)}", hint_for(metadata.error))
        numbers = sorted(metadata.partitions)
        for wanted in self._selection.partitions or ():
            if wanted not in metadata.partitions:
                raise NotFoundError(f"topic {topic} has no partition {wanted}", f"it has 0 to {numbers[-1]}")
        start = self._selection.offset
        if start is None:
            start = OFFSET_BEGINNING if self._selection.from_beginning else OFFSET_END
        return [TopicPartition(topic, number, start) for number in self._selection.partitions or numbers]

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Finds where partitions without a commit start: that becomes their first commit, as with the Java client.

        Without it a partition that was empty, or not reached before we stopped, would have no commit, and the
        group's next consumer would begin at its end and never show what has come in between.
        """
        timeout_s = self._cluster.timeout_s
        end = LISTED_EARLIEST if self._selection.from_beginning else LISTED_LATEST
        unread = [
            TopicPartition(partition.topic, partition.partition, end)
            for partition in consumer.committed(partitions, timeout=timeout_s)
            if partition.offset < 0
        ]
        if unread:
            found = consumer.offsets_for_times(unread, timeout=timeout_s)
            self._starts = [start for start in found if start.error is None and start.offset >= 0]

    def _next_batch(self, size: int) -> list[Message]:
        """Waits for one record only, then takes what has come with it: a lone record is not held back."""
        try:
            first = self._consumer.poll(_WAIT_S)
        except KafkaException as error:  # from _on_assign
            raise self._cluster.error(error, f"cannot join group {self._selection.group}") from error
        if self._starts:
            self._store(self._starts)
            self._starts = []
        if first is None:
            return []
        messages = [first] if size == 1 else [first, *self._consumer.consume(size - 1, 0)]
        return [message for message in messages if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            self._at_end.discard((message.topic(), message.partition()))
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add((message.topic(), message.partition()))  # type: ignore[arg-type]
            return False
        raise self._cluster.error(KafkaException(error), f"cannot read {self._selection.topic}")

    def _is_over(self, last_record_at: float) -> bool:
        limit_ms = self._selection.idle_timeout_ms
        if limit_ms is not None and (time.monotonic() - last_record_at) * 1000 >= limit_ms:
            return True
        if not self._selection.until_end:
            return False
        assigned = {(partition.topic, partition.partition) for partition in self._consumer.assignment()}
        return bool(assigned) and assigned <= self._at_end


def _config(selection: Selection, joins: bool) -> dict[str, Any]:
    return {
        # librdkafka wants a name even where no group is joined; nothing is ever committed under this one.
        "group.id": selection.group or "kafkactl-console-consumer",
        "enable.auto.commit": joins,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest" if selection.from_beginning else "latest",
        "enable.partition.eof": selection.until_end,
    }
