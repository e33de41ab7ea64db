"""What is sent to a topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

Headers = list[tuple[str, bytes | None]]


class Record(TypedDict, total=False):
    """A record, as confluent-kafka's produce_batch takes it; what is absent the broker or the partitioner says.

    A dict and not a class, for two million of them are made and handed on in a second or two. One with more than key
    and value has both of these, so that it is told by its length.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int
    timestamp: int
    """Milliseconds since 1970."""


Batch = list[Record]


def is_plain(batch: Batch) -> bool:
    """Whether all have only a key and a value: produce_batch takes no headers and times, and heeds no partitions."""
    return max(map(len, batch), default=0) <= 2


@dataclass(frozen=True)
class PlainLine:
    """A record's bytes as a line: [key separator] value end, with `null` in an absent one's place."""

    separator: bytes | None
    """None leaves keys out."""
    end: bytes
    null: bytes
