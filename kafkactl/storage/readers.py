"""Choice of the record reader: the compiled one where it was built, the one in plain Python elsewhere.

KAFKACTL_READER=pure chooses plain Python; the tests run with both.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable

from kafkactl.storage import records
from kafkactl.storage.records import Record

try:
    if os.environ.get("KAFKACTL_READER") == "pure":
        raise ImportError
    from kafkactl.storage import _records

    NAME = "compiled"
except ImportError:
    NAME = "pure Python"

# The compiled reader creates all records of a batch at a time. To save memory, records of larger batches are created
# one by one.
MAX_AT_ONCE_BYTES = 1024 * 1024


def parse_records(
    data: bytes | memoryview,
    count: int,
    base_offset: int,
    base_timestamp_ms: int,
    base_sequence: int,
    append_time_ms: int | None,
) -> Iterable[Record]:
    """Return the records of a batch, in their order, with the reader that is in use.

    Iterate over the result once only. `data` are the uncompressed bytes of `count` records. The base values are added
    to the deltas of each record; without a producer `base_sequence` is -1, and so are the records' sequences.
    `append_time_ms` replaces every record's own timestamp; None keeps it. Iterating over the result raises FormatError
    where `count` is negative, and, after the sound records, where the bytes are not exactly `count` whole records; in
    place of the last record where other bytes follow it. With a count of 0 the bytes are not looked at.
    """
    if NAME == "compiled" and isinstance(data, bytes) and len(data) <= MAX_AT_ONCE_BYTES:
        parsed = _records.parse_records(data, count, base_offset, base_timestamp_ms, base_sequence, append_time_ms)
        if parsed is not None:
            return parsed
    # Damaged records are read in plain Python in any case, so that one place has the texts of errors.
    return records.parse_records(data, count, base_offset, base_timestamp_ms, base_sequence, append_time_ms)


def require_whole(data: bytes | memoryview, count: int) -> None:
    """Raise FormatError where `data`, the uncompressed bytes, are not `count` whole records, or `count` is negative.

    The error is the one that reading the records would raise. With a count of 0 the bytes are not looked at.
    """
    if NAME == "compiled" and isinstance(data, bytes) and _records.are_whole(data, count):
        return
    deque(records.parse_fields(data, count), maxlen=0)
