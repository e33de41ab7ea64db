"""The compacted view of a topic: each key's last value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafkactl.streams.record import headers_of


class Kept:
    """A message's own bytes: confluent-kafka's would keep the whole answer that it came in."""

    __slots__ = ("_epoch", "_headers", "_key", "_place", "_timestamp", "_value")

    def __init__(self, message: Any) -> None:
        self._place: tuple[str, int, int] = (message.topic(), message.partition(), message.offset())
        self._key, self._value, self._headers = message.key(), message.value(), headers_of(message)
        self._timestamp, self._epoch = message.timestamp(), message.leader_epoch()

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]

    def key(self) -> Any:
        return self._key

    def value(self) -> Any:
        return self._value

    def headers(self) -> Any:
        return self._headers

    def timestamp(self) -> Any:
        return self._timestamp

    def leader_epoch(self) -> Any:
        return self._epoch


class Latest:
    """Keeps the last record of each key in its partition; one without a value deletes its key, as compaction does."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, bytes], Kept] = {}
        self.without_key = 0

    def add(self, messages: Iterable[Any]) -> None:
        """Messages in the order of their partitions."""
        for message in messages:
            key = message.key()
            if key is None:
                self.without_key += 1
                continue
            place = (message.topic(), message.partition(), key)
            if message.value() is None:
                self._found.pop(place, None)
            else:
                self._found[place] = Kept(message)

    def records(self) -> list[Kept]:
        """What is left, by topic, partition and offset."""
        return sorted(self._found.values(), key=lambda each: (each.topic(), each.partition(), each.offset()))
