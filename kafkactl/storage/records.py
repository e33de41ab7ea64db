"""Reader of the records in a batch of magic 2, in plain Python.

Layout: org.apache.kafka.common.record.DefaultRecord. A record begins with its length; all numbers but the attributes
are zigzag varints (org.apache.kafka.common.utils.ByteUtils). `_records.pyx` is the compiled form of this reader;
`readers` chooses one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafkactl.errors import FormatError
from kafkactl.storage.text import name_text

_INT32_BITS, _INT64_BITS = 32, 64
_BITS_A_BYTE = 7
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
    """Yield `count` records from uncompressed bytes, in their order.

    The base values are added to the deltas of each record; without a producer `base_sequence` is -1, and so are the
    records' sequences. `append_time_ms` replaces every record's own timestamp; None keeps it. Raise FormatError for a
    negative count, and, after the sound records, for a damaged one and for fewer records than `count`; in place of the
    last record where other bytes follow it. With a count of 0 the bytes are not looked at.
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

    A record is (timestamp delta in ms, offset delta, key, value, headers). Raise FormatError for a negative count, and,
    after the sound records, for a damaged one and for fewer records than `count`; in place of the last record where
    other bytes follow it. With a count of 0 the bytes are not looked at.
    """
    if count < 0:
        raise FormatError(f"corrupt: the header counts {count} records")
    position, end = 0, len(data)
    for remaining in reversed(range(count)):
        if position >= end:
            raise FormatError("corrupt: fewer records than the header counts")
        fields, position = _read_record(data, position)
        if remaining == 0 and position != end:
            raise FormatError(f"corrupt: {end - position} bytes are left after the last record")
        yield fields


def _read_record(data: bytes | memoryview, position: int) -> tuple[Fields, int]:
    """Return the fields of the record at a position, and the position after it.

    The fields are timestamp delta, offset delta, key, value, headers. Raise FormatError where the record is damaged or
    the data end inside it.
    """
    try:
        length, position = _read_zigzag(data, position, _INT32_BITS)
        record_end = position + length
        if length < 0 or record_end > len(data):
            raise FormatError(f"corrupt: a record of {length} bytes where {len(data) - position} are left")
        position += 1  # past the attributes, which have no meaning yet
        timestamp_delta, position = _read_zigzag(data, position, _INT64_BITS)
        offset_delta, position = _read_zigzag(data, position, _INT32_BITS)
        key, position = _read_part(data, position)
        value, position = _read_part(data, position)
        headers, position = _read_headers(data, position, record_end)
    except IndexError:
        raise FormatError("corrupt: the data end inside a record") from None
    if position != record_end:
        raise FormatError(f"corrupt: a record states {length} bytes and has {length + position - record_end}")
    return (timestamp_delta, offset_delta, key, value, headers), position


def _read_part(data: bytes | memoryview, position: int) -> tuple[bytes | None, int]:
    """Return a key or a value, None for a negative length, and the position after it.

    It is a copy, and does not keep all other records in memory. Where the data end inside it, it is cut, and no error
    is raised: the position is then behind the data. Raise IndexError where the data end inside its length, and
    FormatError where the length has too many bytes.
    """
    size, position = _read_zigzag(data, position, _INT32_BITS)
    if size < 0:
        return None, position
    return bytes(data[position : position + size]), position + size


def increment_sequence(sequence: int, increment: int) -> int:
    """Return the sequence number that follows `sequence` after `increment` records.

    Numbers have 32 bits, as in Java: 0 follows 2^31 - 1. -1 is a number like any other, and not "none". Source:
    DefaultRecordBatch.incrementSequence.
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
    return _read_varint(data, position, _INT64_BITS)


def read_varint(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Return the value of a zigzag varint of 32 bits, and the position after it.

    Raise FormatError where it is cut off or longer than 5 bytes.
    """
    return _read_varint(data, position, _INT32_BITS)


def _read_varint(data: bytes | memoryview, position: int, bits: int) -> tuple[int, int]:
    """Return the value of a zigzag varint of `bits` bits (32 or 64), and the position after it.

    Raise FormatError where it is cut off or longer than 5 bytes (32 bits) or 10 bytes (64 bits).
    """
    try:
        return _read_zigzag(data, position, bits)
    except IndexError:
        raise FormatError("corrupt: the data end inside a varint") from None


def _read_zigzag(data: bytes | memoryview, position: int, bits: int) -> tuple[int, int]:
    """Return the value of a zigzag varint, and the position after it.

    Each byte has 7 bits of the number, the lowest ones first, and its highest bit says that another byte follows.
    `bits` is 32 or 64; surplus bits of the last byte are dropped. Raise IndexError where the data end, and FormatError
    for more than 5 or 10 bytes.
    """
    raw = 0
    for shift in range(0, bits, _BITS_A_BYTE):
        byte = data[position]
        position += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            raw &= (1 << bits) - 1
            return (raw >> 1) ^ -(raw & 1), position
    raise FormatError(f"corrupt: a varint of {bits} bits is longer than {bits // _BITS_A_BYTE + 1} bytes")


def _read_bytes(data: bytes | memoryview, position: int, end: int) -> tuple[bytes | None, int]:
    """Return a field that follows its length, None for a negative length, and the position after it.

    `end` is at most the length of the data. Raise FormatError where the field ends after `end`, except one of negative
    length, and where the length is cut off at the end of the data or has too many bytes.
    """
    length, position = read_varint(data, position)
    if length < 0:
        return None, position
    if position + length > end:
        raise FormatError(f"corrupt: a field of {length} bytes where {end - position} are left")
    return bytes(data[position : position + length]), position + length


def _read_headers(data: bytes | memoryview, position: int, end: int) -> tuple[Headers, int]:
    """Return the headers of a record as pairs of name and value (or None), in their order, and the position after them.

    Bytes of a name that are not UTF-8 become surrogates. `end` is the end of the record. Raise FormatError for a
    negative number of headers, for more than there are bytes up to `end`, for one without a name, for a name or value
    past `end` (but not for None), and for a number or length that is cut off or too long.
    """
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
