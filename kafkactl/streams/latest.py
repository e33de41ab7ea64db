"""Compacted view of a topic: the last value of each key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafkactl.streams.record import read_headers


class KeptMessage:
    """Copy of a message, with its methods.

    A message of confluent-kafka would keep the whole answer of the broker in memory.
    """

    __slots__ = ("_epoch", "_headers", "_key", "_place", "_timestamp", "_value")

    def __init__(self, message: Any) -> None:
        """Copy a message of confluent-kafka; raise KafkactlError where its headers cannot be read.

        Headers whose names are not UTF-8 are read again from the broker; raise LookupError where `read_headers_again`
        is not set then.
        """
        self._place: tuple[str, int, int] = (message.topic(), message.partition(), message.offset())
        self._key, self._value, self._headers = message.key(), message.value(), read_headers(message)
        self._timestamp, self._epoch = message.timestamp(), message.leader_epoch()

    def topic(self) -> str:
        """Return the topic."""
        return self._place[0]

    def partition(self) -> int:
        """Return the partition."""
        return self._place[1]

    def offset(self) -> int:
        """Return the offset."""
        return self._place[2]

    def key(self) -> Any:
        """Return the bytes of the key, not decoded, or None."""
        return self._key

    def value(self) -> Any:
        """Return the bytes of the value, not decoded, or None."""
        return self._value

    def headers(self) -> Any:
        """Return the headers as pairs of name and value, an empty list for none; a name that is not UTF-8 is bytes."""
        return self._headers

    def timestamp(self) -> Any:
        """Return the type of the timestamp and the timestamp in ms since 1970, as confluent-kafka does."""
        return self._timestamp

    def leader_epoch(self) -> Any:
        """Return the leader epoch, or None."""
        return self._epoch


class Latest:
    """The last record of each key in each partition; a record without a value deletes its key, as compaction does."""

    def __init__(self) -> None:
        """Begin without records."""
        self._messages: dict[tuple[str, int, bytes], KeptMessage] = {}
        self.without_key = 0
        """Number of records without a key, which are left out."""

    def add(self, messages: Iterable[Any]) -> None:
        """Add messages, which must be in the order of their offsets in each partition.

        A message without a value removes its key. Messages without a key are only counted. An empty key is a key, and
        an empty value a value. Raise KafkactlError where headers cannot be read, and LookupError where
        `read_headers_again` is needed and not set; the messages before stay added.
        """
        for message in messages:
            key = message.key()
            if key is None:
                self.without_key += 1
                continue
            place = (message.topic(), message.partition(), key)
            if message.value() is None:
                self._messages.pop(place, None)
            else:
                self._messages[place] = KeptMessage(message)

    def records(self) -> list[KeptMessage]:
        """Return the remaining records, sorted by topic, partition and offset; empty for none."""
        return sorted(
            self._messages.values(), key=lambda message: (message.topic(), message.partition(), message.offset())
        )
