"""What is sent to a topic."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, TypedDict

Headers = list[tuple[str | bytes, bytes | None]]
"""Names that are not UTF-8 are bytes."""

read_headers_again: ContextVar[Callable[[Any], Headers]] = ContextVar("read_headers_again")
"""Reads the headers of a message whose names are not all UTF-8: librdkafka's client cannot."""


_ASK_HEADERS = methodcaller("headers")
"""A call written as message.headers() is not checked by Python for an error that comes beside a result."""


def headers_of(message: Any) -> Headers:
    """Return a message's headers, in their order; raises KafkactlError where they cannot be read."""
    try:
        return _ASK_HEADERS(message) or []
    except SystemError:
        headers = read_headers_again.get()(message)
        message.set_headers(headers)  # asked again, it would return what it could not read as null pointers
        return headers


def header_name(data: bytes) -> str | bytes:
    """Return the name of a header as Headers have it: text, or bytes that are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


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
