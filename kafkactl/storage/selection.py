"""Which records of segments are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from kafkactl.errors import UsageError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.records import Record
from kafkactl.storage.seek import position_of_offset, position_of_time
from kafkactl.storage.segment import Segment


class BadCrc(Enum):
    """What becomes of the records of a batch whose CRC is not that of its bytes."""

    SHOWN = auto()
    """They are like any others, as in Kafka's tool."""
    LEFT_OUT = auto()
    """They are left out, and that is an error."""
    KEPT = auto()
    """They are there, and it is an error."""


@dataclass(frozen=True)
class Selection:
    """Records that are wanted; ranges begin with their first and end before their second bound."""

    from_offset: int | None = None
    to_offset: int | None = None
    from_time_ms: int | None = None
    to_time_ms: int | None = None
    producer_id: int | None = None
    only_control: bool = False
    key: bytes | None = None
    matches: Callable[[Record], bool] | None = None
    """Any other wish."""
    limit: int | None = None
    """At most so many records, or batches where these are what is read."""
    tail: int | None = None
    """Only so many of the last."""
    follow: bool = False
    """Go on with what is written to the last segment, and to those after it."""
    skip_damaged: bool = False
    """Go on with the next sound batch behind what is damaged."""
    bad_crc: BadCrc = BadCrc.SHOWN
    read_committed: bool = False
    """Only records outside of transactions, and of those that were committed."""
    with_ends: bool = False
    """Look for the ends of transactions."""

    @property
    def is_everything(self) -> bool:
        return self == Selection()

    @property
    def takes_every_record(self) -> bool:
        """Whether only damage and aborted transactions can keep a record out."""
        return self == Selection(
            skip_damaged=self.skip_damaged,
            bad_crc=self.bad_crc,
            read_committed=self.read_committed,
            with_ends=self.with_ends,
            follow=self.follow,
        )

    def start(self, segment: Segment) -> int:
        """The position to begin at."""
        by_offset = 0 if self.from_offset is None else position_of_offset(segment, self.from_offset)
        by_time = 0 if self.from_time_ms is None else position_of_time(segment, self.from_time_ms)
        return max(by_offset, by_time)

    def is_past(self, batch: AnyBatch) -> bool:
        """Whether neither this batch nor any behind it is wanted."""
        if self.to_offset is not None and isinstance(batch, Batch) and batch.base_offset >= self.to_offset:
            return True
        # A producer's clock may go back; a broker's own does not.
        return self.to_time_ms is not None and batch.is_log_append_time and batch.max_timestamp_ms >= self.to_time_ms

    def is_before(self, batch: AnyBatch) -> bool:
        """Whether a batch lies before the offset wanted."""
        return self.from_offset is not None and batch.last_offset < self.from_offset

    def may_take(self, batch: AnyBatch) -> bool:
        """Whether a batch can have a record that is wanted, by its header."""
        if self.from_time_ms is not None and 0 <= batch.max_timestamp_ms < self.from_time_ms:
            return False
        if self.producer_id is not None and not (isinstance(batch, Batch) and batch.producer_id == self.producer_id):
            return False
        return batch.is_control or not self.only_control

    def takes(self, record: Record) -> bool:
        """Whether a record of a batch that may be taken is wanted."""
        return (
            (self.from_offset is None or record.offset >= self.from_offset)
            and (self.to_offset is None or record.offset < self.to_offset)
            and (self.from_time_ms is None or record.timestamp_ms >= self.from_time_ms)
            and (self.to_time_ms is None or record.timestamp_ms < self.to_time_ms)
            and (self.key is None or record.key == self.key)
            and (self.matches is None or self.matches(record))
        )


def grep(pattern: str, texts: Callable[[Record], Sequence[str | None]]) -> Callable[[Record], bool]:
    """Whether a record's key or value, as `texts` shows them, has the pattern; raises UsageError for no pattern."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from None
    return lambda record: any(text is not None and search(text) for text in texts(record))
