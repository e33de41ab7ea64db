"""Reader of the records in a batch of magic 2, in plain Python.

Layout: org.apache.kafka.common.record.DefaultRecord. A record begins with its length; all numbers but the attributes
are zigzag varints (org.apache.kafka.common.utils.ByteUtils). `_records.pyx` is the compiled form of this reader;
`readers` chooses one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.text import name_text

MAX_VARLONG_SHIFT = 63
MAX_VARINT_SHIFT = 28
_LARGEST_INT32 = 2**31 - 1
_LARGEST_INT64 = 2**63 - 1

Headers = tuple[tuple[str, bytes | None], ...]
Fields = tuple[int, int, bytes | None, bytes | None, Headers]
"""A record as it is written: timestamp delta in ms, offset delta, key, value, headers."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `timestamp_ms` counts from 1970-01-01 UTC, and an absent key or value is None."""

    offset: int
    timestamp_ms: int
    sequence: int
    """Sequence number of the producer; -1 without a producer."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    """Pairs of name and value; an absent value is None."""


def parse_records(
    data: bytes | memoryview,
    count: int,
    base_offset: int,
    base_timestamp_ms: int,
    base_sequence: int,
    append_time_ms: int | None,
) -> Iterator[Record]:
    """Yield `count` records from uncompressed bytes.

    The base values are added to the deltas of each record; `base_sequence` is -1 without a producer. `append_time_ms`
    replaces every record's own timestamp; None keeps it. Raise FormatError where the bytes hold fewer than `count`
    records, or other bytes after them.
    """
    for timestamp_delta, offset_delta, key, value, headers in parse_fields(data, count):
        yield Record(
            wrap_int64(base_offset + offset_delta),
            wrap_int64(base_timestamp_ms + timestamp_delta) if append_time_ms is None else append_time_ms,
            increment_sequence(base_sequence, offset_delta) if base_sequence >= 0 else -1,
            key,
            value,
            headers,
        )


def parse_fields(data: bytes | memoryview, count: int) -> Iterator[Fields]:
    """Yield `count` records as they are written, with deltas in place of offsets and timestamps.

    Varints of one or two bytes, which are the most frequent ones, are read in place, because a call costs more. Raise
    FormatError as `parse_records` does.
    """
    fields = _parse_fields(data, count)
    return fields if isinstance(data, bytes) else map(_copy_parts, fields)


def _copy_parts(fields: Fields) -> Fields:
    """Return the fields with copies of key and value, so that they do not keep all other records in memory."""
    timestamp_delta, offset_delta, key, value, headers = fields
    key, value = (None if part is None else bytes(part) for part in (key, value))
    return timestamp_delta, offset_delta, key, value, headers


def _parse_fields(data: Any, count: int) -> Iterator[Fields]:
    """Yield the fields of each record; keys and values are slices of `data`."""
    if count < 0:
        raise FormatError(f"corrupt: the header counts {count} records")
    zigzag = _build_zigzag_table()
    position, end = 0, len(data)
    for left in reversed(range(count)):
        if position >= end:
            raise FormatError("corrupt: fewer records than the header counts")
        try:
            raw = data[position]
            position += 1
            if raw < 0x80:
                length = zigzag[raw]
            elif (second := data[position]) < 0x80:
                length = zigzag[raw & 0x7F | second << 7]
                position += 1
            else:
                length, position = read_varint(data, position - 1)
            record_end = position + length
            if length < 0 or record_end > end:
                raise FormatError(f"corrupt: a record of {length} bytes where {end - position} are left")
            position += 1  # past the attributes, which have no meaning yet
            raw = data[position]
            position += 1
            if raw < 0x80:
                timestamp_delta = zigzag[raw]
            elif (second := data[position]) < 0x80:
                timestamp_delta = zigzag[raw & 0x7F | second << 7]
                position += 1
            else:
                timestamp_delta, position = read_varlong(data, position - 1)
            raw = data[position]
            position += 1
            if raw < 0x80:
                offset_delta = zigzag[raw]
            elif (second := data[position]) < 0x80:
                offset_delta = zigzag[raw & 0x7F | second << 7]
                position += 1
            else:
                offset_delta, position = read_varint(data, position - 1)
            raw = data[position]
            position += 1
            if raw < 0x80:
                size = zigzag[raw]
            elif (second := data[position]) < 0x80:
                size = zigzag[raw & 0x7F | second << 7]
                position += 1
            else:
                size, position = read_varint(data, position - 1)
            key = None
            if size >= 0:
                key = data[position : position + size]
                position += size
            raw = data[position]
            position += 1
            if raw < 0x80:
                size = zigzag[raw]
            elif (second := data[position]) < 0x80:
                size = zigzag[raw & 0x7F | second << 7]
                position += 1
            else:
                size, position = read_varint(data, position - 1)
            value = None
            if size >= 0:
                value = data[position : position + size]
                position += size
            headers: Headers = ()
            if data[position]:
                if position > record_end:
                    raise IndexError
                headers, position = _read_headers(data, position, record_end)
            else:
                position += 1
        except IndexError:
            raise FormatError("corrupt: the records end inside one") from None
        if position != record_end:
            raise FormatError(f"corrupt: a record says {length} bytes and has {length + position - record_end}")
        if left == 0 and position != end:
            raise FormatError(f"corrupt: {end - position} bytes are left behind the last record")
        yield timestamp_delta, offset_delta, key, value, headers


@cache
def _build_zigzag_table() -> tuple[int, ...]:
    """Return the numbers that varints of one or two bytes stand for, by their raw value."""
    return tuple((raw >> 1) ^ -(raw & 1) for raw in range(1 << 14))


def increment_sequence(sequence: int, increment: int) -> int:
    """Return the sequence number that follows `sequence` after `increment` records.

    Numbers have 32 bits, as in Java: 0 follows 2^31 - 1. Source: DefaultRecordBatch.incrementSequence.
    """
    if sequence > _wrap_int32(_LARGEST_INT32 - increment):
        return _wrap_int32(increment - _wrap_int32(_LARGEST_INT32 - sequence) - 1)
    return _wrap_int32(sequence + increment)


def wrap_int64(value: int) -> int:
    """Return a number as Java has it in 64 bits: the smallest follows the largest."""
    return value if -_LARGEST_INT64 <= value <= _LARGEST_INT64 else ((value + 2**63) & 0xFFFFFFFFFFFFFFFF) - 2**63


def _wrap_int32(value: int) -> int:
    """Return a number as Java has it in 32 bits: the smallest follows the largest."""
    return ((value + 2**31) & 0xFFFFFFFF) - 2**31


def read_varlong(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Return the value of a zigzag varint of 64 bits, and the position after it.

    Raise FormatError where it is cut off or longer than 10 bytes.
    """
    shift = raw = 0
    try:
        while True:
            byte = data[position]
            position += 1
            raw |= (byte & 0x7F) << shift
            if byte < 0x80:
                raw &= 0xFFFFFFFFFFFFFFFF
                return (raw >> 1) ^ -(raw & 1), position
            shift += 7
            if shift > MAX_VARLONG_SHIFT:
                raise FormatError("corrupt: a varint of 64 bits is longer than 10 bytes")
    except IndexError:
        raise FormatError("corrupt: the records end inside a varint") from None


def read_varint(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Return the value of a zigzag varint of 32 bits, and the position after it.

    Raise FormatError where it is cut off or longer than 5 bytes.
    """
    shift = raw = 0
    try:
        while True:
            byte = data[position]
            position += 1
            raw |= (byte & 0x7F) << shift
            if byte < 0x80:
                raw &= 0xFFFFFFFF
                return (raw >> 1) ^ -(raw & 1), position
            shift += 7
            if shift > MAX_VARINT_SHIFT:
                raise FormatError("corrupt: a varint of 32 bits is longer than 5 bytes")
    except IndexError:
        raise FormatError("corrupt: the records end inside a varint") from None


def _read_bytes(data: bytes | memoryview, position: int, end: int) -> tuple[bytes | None, int]:
    """Return a field that follows its length, None for a negative length, and the position after it."""
    length, position = read_varint(data, position)
    if length < 0:
        return None, position
    if position + length > end:
        raise FormatError(f"corrupt: a field of {length} bytes where {end - position} are left")
    return bytes(data[position : position + length]), position + length


def _read_headers(data: bytes | memoryview, position: int, end: int) -> tuple[Headers, int]:
    """Return the headers of a record, and the position after them."""
    count, position = read_varint(data, position)
    if not 0 <= count <= end - position:
        raise FormatError(f"corrupt: {count} headers where {end - position} bytes are left")
    headers = []
    for _ in range(count):
        name, position = _read_bytes(data, position, end)
        if name is None:
            raise FormatError("corrupt: a header without a name")
        value, position = _read_bytes(data, position, end)
        headers.append((name_text(name), value))
    return tuple(headers), position
