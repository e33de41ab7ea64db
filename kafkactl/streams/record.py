"""Records to send, and headers of messages."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, TypedDict

Headers = list[tuple[str | bytes, bytes | None]]
"""Pairs of name and value; a name that is not UTF-8 is bytes."""

read_headers_again: ContextVar[Callable[[Any], Headers]] = ContextVar("read_headers_again")
"""Function that reads the headers of a message whose names are not all UTF-8, which confluent_kafka cannot do."""


_ASK_HEADERS = methodcaller("headers")
"""Call of message.headers().

Python does not check a call in this form for an error that comes beside a result.
"""


def read_headers(message: Any) -> Headers:
    """Return a message's headers, pairs of name and value, in their order; an empty list for none.

    Where a name is not UTF-8, the headers are read again from the broker, and kept in the message; that name is bytes.
    Raise KafkactlError where they cannot be read, and LookupError where `read_headers_again` is not set.
    """
    try:
        return _ASK_HEADERS(message) or []
    except SystemError:
        headers = read_headers_again.get()(message)
        message.set_headers(headers)  # a second call would return null pointers for the names
        return headers


def decode_header_name(data: bytes) -> str | bytes:
    """Return the name of a header as Headers have it: text, or the bytes themselves where they are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


class Record(TypedDict, total=False):
    """A record, as confluent_kafka's produce_batch takes it; the broker or the partitioner chooses what is absent.

    It is a dict and not a class, because two million of them are created and passed on in a second or two. A record
    with more than key and value has both of these, so that its length shows it.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int
    timestamp: int
    """Milliseconds since 1970-01-01 UTC."""


Batch = list[Record]


def is_plain(batch: Batch) -> bool:
    """Return whether all records have only a key and a value, or less; True for an empty batch.

    Only the number of fields is looked at, so a record with more than these must have both, as Record says.
    produce_batch takes neither headers nor timestamps, and ignores partitions.
    """
    return max(map(len, batch), default=0) <= 2


@dataclass(frozen=True)
class PlainLine:
    """The separators of a record's line: [key separator] value end, with `null` for an absent key or value."""

    separator: bytes | None
    """Bytes between key and value; None leaves keys out."""
    end: bytes
    null: bytes
