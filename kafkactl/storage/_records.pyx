# cython: language_level=3
"""Compiled form of the reader in kafkactl.storage.records. It reads whole records and leaves damaged ones to it."""

from libc.stdint cimport int64_t

from kafkactl.storage._varints cimport RecordFields, is_whole, read_fields, read_sized

from kafkactl.storage.records import Record
from kafkactl.storage.text import name_text


def parse_records(
    bytes data not None,
    int64_t count,
    int64_t base_offset,
    int64_t base_timestamp_ms,
    int64_t base_sequence,
    append_time_ms,
):
    """Return the `count` records of uncompressed bytes as a list of Record, in their order.

    Return None for a negative count or offset delta, and where the bytes are not exactly `count` whole records: the
    reader in plain Python reads these and raises the errors. The other parameters are those of `records.parse_records`.
    """
    cdef const unsigned char* at = data
    cdef const unsigned char* end = at + len(data)
    cdef RecordFields record
    cdef int64_t number
    cdef list found = []
    if count < 0:
        return None
    for number in range(count):
        at = read_fields(at, end, &record)
        if at == NULL or record.offset_delta < 0:
            return None
        headers = ()
        if record.header_count:
            headers = _headers(&record, at)
            if headers is None:
                return None
        found.append(
            Record(
                base_offset + record.offset_delta,
                base_timestamp_ms + record.timestamp_delta if append_time_ms is None else append_time_ms,
                (base_sequence + record.offset_delta) & 0x7FFFFFFF if base_sequence >= 0 else -1,
                None if record.key_size < 0 else record.key[: record.key_size],
                None if record.value_size < 0 else record.value[: record.value_size],
                headers,
            )
        )
    return found if at == end else None


def are_whole(bytes data not None, int64_t count):
    """Return whether the bytes are exactly `count` whole records. False also for a negative offset delta."""
    cdef const unsigned char* at = data
    return is_whole(at, at + len(data), count)


cdef _headers(RecordFields* record, const unsigned char* end):
    """Return the headers of a record as a tuple of (name, value or None); None where they do not end at `end`."""
    cdef const unsigned char* at = record.headers
    cdef const unsigned char* name
    cdef const unsigned char* value
    cdef int64_t name_size, value_size, number
    cdef list found = []
    for number in range(record.header_count):
        at = read_sized(at, end, &name, &name_size)
        if at == NULL or name_size < 0:
            return None
        at = read_sized(at, end, &value, &value_size)
        if at == NULL:
            return None
        found.append((name_text(name[:name_size]), None if value_size < 0 else value[:value_size]))
    return tuple(found) if at == end else None
