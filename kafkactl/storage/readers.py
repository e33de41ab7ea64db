"""Which reader of records is in use: the compiled one where it was built, the one in plain Python elsewhere.

KAFKACTL_READER=pure chooses the latter; the tests run with both.
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

# The compiled reader makes all records of a batch at once; of larger ones they are made one after the other.
MAX_AT_ONCE_BYTES = 1024 * 1024


def parse_records(
    data: bytes | memoryview,
    count: int,
    base_offset: int,
    base_timestamp_ms: int,
    base_sequence: int,
    append_time_ms: int | None,
) -> Iterable[Record]:
    """As records.parse_records."""
    if NAME == "compiled" and isinstance(data, bytes) and len(data) <= MAX_AT_ONCE_BYTES:
        found = _records.parse_records(data, count, base_offset, base_timestamp_ms, base_sequence, append_time_ms)
        if found is not None:
            return found
    # What is damaged is read in plain Python, by both: one place words the errors.
    return records.parse_records(data, count, base_offset, base_timestamp_ms, base_sequence, append_time_ms)


def require_whole(data: bytes | memoryview, count: int) -> None:
    """Raises what reading these records would raise."""
    if NAME == "compiled" and isinstance(data, bytes) and _records.are_whole(data, count):
        return
    deque(records.parse_fields(data, count), maxlen=0)
