"""Records inside a batch of magic 2, read in plain Python.

Layout: org.apache.kafka.common.record.DefaultRecord. Each begins with its length; all numbers but the attributes are
zigzag varints (org.apache.kafka.common.utils.ByteUtils). `_records.pyx` is the same reader compiled; `readers` chooses.
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
"""A record as it is written: timestamp delta, offset delta, key, value, headers."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record; times in ms since 1970, absent keys and values None."""

    offset: int
    timestamp_ms: int
    sequence: int
    """The producer's number for it; -1 without a producer."""
    key: bytes | None
    value: bytes | None
    headers: Headers


def parse_records(
    data: bytes | memoryview,
    count: int,
    base_offset: int,
    base_timestamp_ms: int,
    base_sequence: int,
    append_time_ms: int | None,
) -> Iterator[Record]:
    """`count` records from uncompressed bytes; `append_time_ms` stands for every record's own time.

    Raises FormatError when the bytes hold fewer records, or more bytes, than they say.
    """
    for timestamp_delta, offset_delta, key, value, headers in parse_fields(data, count):
        yield Record(
            int64(base_offset + offset_delta),
            int64(base_timestamp_ms + timestamp_delta) if append_time_ms is None else append_time_ms,
            increment_sequence(base_sequence, offset_delta) if base_sequence >= 0 else -1,
            key,
            value,
            headers,
        )


def parse_fields(data: bytes | memoryview, count: int) -> Iterator[Fields]:
    """The same, as written. Varints of one or two bytes, which most are, are read in place: a call costs more."""
    fields = _parse_fields(data, count)
    return fields if isinstance(data, bytes) else map(_copied, fields)


def _copied(fields: Fields) -> Fields:
    """Return the fields with a key and a value that do not keep all other records in memory."""
    timestamp_delta, offset_delta, key, value, headers = fields
    key, value = (None if part is None else bytes(part) for part in (key, value))
    return timestamp_delta, offset_delta, key, value, headers


def _parse_fields(data: Any, count: int) -> Iterator[Fields]:
    if count < 0:
        raise FormatError(f"corrupt: the header counts {count} records")
    zigzag = _zigzag()
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
            position += 1  # past the attributes, which say nothing yet
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
def _zigzag() -> tuple[int, ...]:
    """The numbers that one byte or two can hold."""
    return tuple((raw >> 1) ^ -(raw & 1) for raw in range(1 << 14))


def increment_sequence(sequence: int, increment: int) -> int:
    """The sequence number so many records later, in Java's 32 bits (DefaultRecordBatch.incrementSequence)."""
    if sequence > _int32(_LARGEST_INT32 - increment):
        return _int32(increment - _int32(_LARGEST_INT32 - sequence) - 1)
    return _int32(sequence + increment)


def int64(value: int) -> int:
    """Return a number as Java has it in 64 bits: past the largest, the smallest follows."""
    return value if -_LARGEST_INT64 <= value <= _LARGEST_INT64 else ((value + 2**63) & 0xFFFFFFFFFFFFFFFF) - 2**63


def _int32(value: int) -> int:
    return ((value + 2**31) & 0xFFFFFFFF) - 2**31


def read_varlong(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """(value, position behind it) of a zigzag varint; raises FormatError when it is cut off or too long."""
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
    """Return the value of a zigzag varint of 32 bits and the position behind it; raises FormatError as read_varlong."""
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
    length, position = read_varint(data, position)
    if length < 0:
        return None, position
    if position + length > end:
        raise FormatError(f"corrupt: a field of {length} bytes where {end - position} are left")
    return bytes(data[position : position + length]), position + length


def _read_headers(data: bytes | memoryview, position: int, end: int) -> tuple[Headers, int]:
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
