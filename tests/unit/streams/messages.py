"""A record as confluent-kafka hands it over."""

from __future__ import annotations

from typing import Any


class Message:
    def __init__(
        self,
        key: bytes | None = b"k",
        value: bytes | None = b"v",
        headers: Any = None,
        partition: int = 3,
        offset: int = 42,
        timestamp: tuple[int, int] = (1, 1700000000000),
        epoch: int | None = 7,
    ) -> None:
        self._parts = key, value, headers
        self._place = partition, offset
        self._timestamp, self._epoch = timestamp, epoch

    def topic(self) -> str:
        return "orders"

    def key(self) -> bytes | None:
        return self._parts[0]

    def value(self) -> bytes | None:
        return self._parts[1]

    def headers(self) -> Any:
        return self._parts[2]

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp

    def leader_epoch(self) -> int | None:
        return self._epoch
