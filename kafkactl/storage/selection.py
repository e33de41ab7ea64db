"""Selection of the records that a reader returns from segments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from kafkactl.errors import FormatError, UsageError
from kafkactl.patterns import compile_quietly
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment


class BadCrc(Enum):
    """Treatment of the records in a batch with a wrong CRC."""

    SHOWN = auto()
    """The records are shown, and no error is reported, as in Kafka's tool."""
    LEFT_OUT = auto()
    """The records are left out, and an error is reported."""
    KEPT = auto()
    """The records are shown, and an error is reported."""


@dataclass(frozen=True)
class Selection:
    """The conditions for records; a record must meet all of them.

    A range includes its first bound and excludes its second. None means no condition.
    """

    from_offset: int | None = None
    to_offset: int | None = None
    from_time_ms: int | None = None
    to_time_ms: int | None = None
    producer_id: int | None = None
    only_control: bool = False
    key: bytes | None = None
    matches: Callable[[Record], bool] | None = None
    """Any other condition on a record."""
    limit: int | None = None
    """Largest number of records, or of batches where only batches are read."""
    tail: int | None = None
    """Number of records, or of batches, to read from the end of the segments."""
    follow: bool = False
    """Whether to continue with the batches that a broker writes to the last segment and to later ones."""
    skip_damaged: bool = False
    """Whether to continue with the next sound batch after damage."""
    bad_crc: BadCrc = BadCrc.SHOWN
    read_committed: bool = False
    """Whether to read only records outside of transactions and records of committed transactions."""
    with_ends: bool = False
    """Whether to find out how the transactions of the batches ended."""

    @property
    def is_everything(self) -> bool:
        """Return whether no field differs from its default."""
        return self == Selection()

    @property
    def takes_every_record(self) -> bool:
        """Return whether only damage, and transactions that are aborted or have no end, can keep a record out.

        False also with a `limit` or a `tail`.
        """
        return self == Selection(
            skip_damaged=self.skip_damaged,
            bad_crc=self.bad_crc,
            read_committed=self.read_committed,
            with_ends=self.with_ends,
            follow=self.follow,
        )

    def find_start(self, segment: Segment) -> int:
        """Return the position in a segment to begin at, in bytes; no selected record lies before it.

        That needs a right time index: `seek_time` does not notice each wrong entry. Return 0 where the indexes of the
        segment do not help. No error is raised.
        """
        if self.from_offset is None and self.from_time_ms is None:
            return 0
        from kafkactl.storage.seek import seek_offset, seek_time

        by_offset = 0 if self.from_offset is None else seek_offset(segment, self.from_offset)
        by_time = 0 if self.from_time_ms is None else seek_time(segment, self.from_time_ms)
        return max(by_offset, by_time)

    def is_past(self, batch: AnyBatch) -> bool:
        """Return whether neither this batch nor any later one can have a selected record, by its offset.

        False is not certain: the offset of a batch of magic 0 or 1 is not looked at. Times may go back, also those of
        brokers, whose clocks differ, so they prove nothing about later batches. Nothing is raised.
        """
        return self.to_offset is not None and isinstance(batch, Batch) and batch.base_offset >= self.to_offset

    def is_before(self, batch: AnyBatch) -> bool:
        """Return whether all records of a batch lie before the first selected offset; False without such an offset."""
        return self.from_offset is not None and batch.last_offset < self.from_offset

    def may_take(self, batch: AnyBatch) -> bool:
        """Return whether a batch can have a selected record, by times, `producer_id` and `only_control` alone.

        Only its header is read, and nothing is raised. True is not certain.
        """
        if self.to_time_ms is not None and batch.is_log_append_time:  # then all records have this time
            max_timestamp_ms = _find_max_timestamp(batch)
            if max_timestamp_ms is not None and max_timestamp_ms >= self.to_time_ms:
                return False
        if self.from_time_ms is not None:
            max_timestamp_ms = _find_max_timestamp(batch)
            if max_timestamp_ms is not None and 0 <= max_timestamp_ms < self.from_time_ms:
                return False
        if self.producer_id is not None and not (isinstance(batch, Batch) and batch.producer_id == self.producer_id):
            return False
        return batch.is_control or not self.only_control

    def takes(self, record: Record) -> bool:
        """Return whether a record is selected by offset, time, key and `matches`, if its batch passed `may_take`.

        The other fields are not looked at. Raise the errors of `matches`.
        """
        return (
            (self.from_offset is None or record.offset >= self.from_offset)
            and (self.to_offset is None or record.offset < self.to_offset)
            and (self.from_time_ms is None or record.timestamp_ms >= self.from_time_ms)
            and (self.to_time_ms is None or record.timestamp_ms < self.to_time_ms)
            and (self.key is None or record.key == self.key)
            and (self.matches is None or self.matches(record))
        )


def _find_max_timestamp(batch: AnyBatch) -> int | None:
    """Return the largest timestamp of a batch in ms, -1 without timestamps; None for a message too short for one."""
    try:
        return batch.max_timestamp_ms
    except FormatError:  # reading its records reports the damage, and the batches behind it can be read
        return None


def grep(pattern: str, texts: Callable[[Record], Sequence[str | None]]) -> Callable[[Record], bool]:
    """Return a filter of records: it says whether the key or value, as `texts` shows them, contains a pattern.

    `pattern` is a regular expression of Python's `re`, searched anywhere in a text, with upper and lower case as they
    are; a text of None never matches, and an empty pattern matches any other. Records without any text do not match.
    Raise UsageError at once for an invalid or too complex one. The filter raises what `texts` raises.
    """
    try:
        search = compile_quietly(pattern).search
    except re.error as error:
        raise UsageError(f"invalid regular expression {pattern!r}: {error}") from None
    return lambda record: any(text is not None and search(text) for text in texts(record))
