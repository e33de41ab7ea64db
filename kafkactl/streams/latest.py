"""The compacted view of a topic: each key's last value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Latest:
    """Keeps the last record of each key in its partition; one without a value deletes its key, as compaction does."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, bytes], Any] = {}
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
                self._found[place] = message

    def records(self) -> list[Any]:
        """What is left, by topic, partition and offset."""
        return sorted(self._found.values(), key=lambda each: (each.topic(), each.partition(), each.offset()))
