"""Which records of segments are wanted, and reading no more of the files than these need."""

from __future__ import annotations

import re
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import chain, islice
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError, MissingFileError, UsageError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC, Damage, fault_of, sound_batches
from kafkactl.storage.files import STANDARD_INPUT, with_file_name
from kafkactl.storage.records import Record
from kafkactl.storage.seek import position_of_offset, position_of_time
from kafkactl.storage.segment import Segment, base_offset_of
from kafkactl.storage.source import LostBytesError
from kafkactl.storage.transactions import TransactionEnds

POLL_S = 0.2  # how often a file that grows is looked at
_KEEP_HINT = "show its records all the same: --keep-bad-crc"
SKIP_HINT = "read the sound batches behind it: --skip-damaged"


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


@dataclass(frozen=True, slots=True)
class Selected:
    """A batch with those of its records that are wanted; without any where batches are what is read."""

    segment: Segment
    batch: AnyBatch
    records: Iterator[Record]
    """To be read before the next batch is asked for; raises FormatError where the batch is damaged."""
    is_aborted: bool | None = False
    """Whether the batch is of a transaction that was aborted; None where that is not known."""

    @property
    def path(self) -> Path:
        """Return the path of the batch's segment."""
        return self.segment.path


OnError = Callable[[KafkactlError], None]


def select(paths: Sequence[Path], selection: Selection, deep: bool, on_error: OnError) -> Iterator[Selected]:
    """What is wanted of these segments, in order; damage in one is told to `on_error` and does not hide others."""
    for path in paths:
        if path != STANDARD_INPUT and not path.exists():  # also where not all files have to be read
            on_error(MissingFileError(f"{path}: no such file"))
    paths = [path for path in paths if path == STANDARD_INPUT or path.exists()]
    if not paths:
        return iter(())
    reading = _Reading(selection, deep, on_error)
    if selection.tail is not None:
        return reading.last(paths, selection.tail)
    return _limited(reading.in_order(paths), selection.limit, deep)


class _Reading:
    """Reads what is wanted of segments, and reports what is damaged."""

    def __init__(self, selection: Selection, deep: bool, on_error: OnError) -> None:
        self._selection = selection
        self._deep = deep
        self._on_error = on_error
        self._ends = TransactionEnds() if selection.read_committed or selection.with_ends else None

    def in_order(self, paths: Sequence[Path]) -> Iterator[Selected]:
        """Yield what is wanted, from the first segment to the last."""
        selection, position = self._selection, 0
        for number, path in enumerate(paths):
            try:
                if _ends_before(path, paths[number + 1 : number + 2], selection):
                    continue
                with Segment(path) as segment:
                    position = selection.start(segment)
                    for batch in self._batches(segment, position):
                        position = batch.position + batch.size_bytes
                        if selection.is_past(batch):
                            break
                        yield from self._taken(segment, batch)
            except KafkactlError as error:
                self._on_error(with_file_name(error, path, SKIP_HINT))
        if selection.follow:
            yield from self._written_from_now_on(paths[-1], position)

    def last(self, paths: Sequence[Path], count: int) -> Iterator[Selected]:
        """Yield the last records, or batches: from the last batch on, back to where there are enough."""
        left, end = count, 0
        taken: list[Selected] = []
        for path in reversed(paths):
            if left <= 0:
                break
            try:
                with Segment(path) as segment:
                    places, behind = self._places(segment)
                    if path == paths[-1]:
                        end = behind
                    for selected in self._backwards(segment, places):
                        records = self._last_records(selected, left)
                        taken.append(replace(selected, records=iter(records)))
                        left -= len(records) if self._deep else 1
                        if left <= 0:
                            break
            except KafkactlError as error:
                self._on_error(with_file_name(error, path))
        yield from reversed(taken)
        if self._selection.follow:
            yield from self._written_from_now_on(paths[-1], end)

    def _batches(self, segment: Segment, position: int) -> Iterator[AnyBatch]:
        """Yield all batches from a position on; raises FormatError where the chain of batches breaks."""
        if self._selection.skip_damaged:
            yield from sound_batches(segment, position, self._reporter(segment), self._keeps_bad_crc)
            return
        for batch in segment.batches(position):
            position = batch.position + batch.size_bytes
            yield batch
        self._require_end(segment, position)

    def _require_end(self, segment: Segment, position: int) -> None:
        """Raise FormatError where bytes lie behind the last whole batch; a log that is followed may grow there."""
        if position < segment.size_bytes and not self._selection.follow:
            raise FormatError(
                f"corrupt: {segment.size_bytes - position} invalid bytes at the end: the batch at position {position}"
                " is not whole"
            )

    def _places(self, segment: Segment) -> tuple[array[int], int]:
        """Return where the batches of a segment begin and where the last one ends, and report what is damaged."""
        if self._selection.skip_damaged:
            batches = sound_batches(segment, 0, self._reporter(segment), self._keeps_bad_crc)
            return array("q", (batch.position for batch in batches)), segment.size_bytes
        places, end = array("q"), 0
        for position, size in segment.frames():
            places.append(position)
            end = position + size
        try:
            segment.batch_at(end)
            self._require_end(segment, end)
            segment.require_complete()
        except FormatError as error:
            self._on_error(with_file_name(error, segment.path, SKIP_HINT))
        return places, end

    def _backwards(self, segment: Segment, places: array[int]) -> Iterator[Selected]:
        """Yield what is wanted of the batches at these places, from the last one on."""
        for position in reversed(places):
            try:
                batch = segment.batch_at(position)
                if batch is not None:
                    yield from self._taken(segment, batch)
            except LostBytesError:
                raise
            except FormatError as error:
                self._on_error(with_file_name(error, segment.path))

    def _last_records(self, selected: Selected, count: int) -> deque[Record]:
        """Return the last records of a batch, those before any damage; it is reported."""
        records: deque[Record] = deque(maxlen=count)
        try:
            records.extend(selected.records)
        except FormatError as error:
            self._on_error(with_file_name(error, selected.path))
        return records

    def _taken(self, segment: Segment, batch: AnyBatch) -> Iterator[Selected]:
        """Yield a batch with the records that are wanted of it, or nothing."""
        selection = self._selection
        if selection.is_before(batch) or not self._is_shown(segment.path, batch) or not selection.may_take(batch):
            return
        is_aborted = self._is_aborted(segment, batch)
        if selection.read_committed and is_aborted is not False:
            return
        if not self._deep:
            yield Selected(segment, batch, iter(()), is_aborted)
            return
        records = filter(selection.takes, batch.records())
        try:
            first = list(islice(records, 1))
        except FormatError as error:
            self._on_error(with_file_name(error, segment.path))
            return
        if first or selection.takes_every_record:  # a batch of which nothing is wanted is not shown
            yield Selected(segment, batch, chain(first, records), is_aborted)

    def _is_shown(self, path: Path, batch: AnyBatch) -> bool:
        """Return whether a batch is shown, damaged as it may be, and report what is wrong with it."""
        selection = self._selection
        if selection.skip_damaged:
            return True  # sound_batches has seen to it
        if batch.magic <= LARGEST_KNOWN_MAGIC and selection.bad_crc is BadCrc.SHOWN:
            return True
        fault = fault_of(batch)
        if fault is None:
            return True
        is_unknown = batch.magic > LARGEST_KNOWN_MAGIC
        hint = None if is_unknown or selection.bad_crc is BadCrc.KEPT else _KEEP_HINT
        self._on_error(FormatError(f"{path}: corrupt: batch at position {batch.position}: {fault}", hint))
        if is_unknown:
            return selection.bad_crc is BadCrc.SHOWN
        return selection.bad_crc is BadCrc.KEPT or not self._deep

    def _is_aborted(self, segment: Segment, batch: AnyBatch) -> bool | None:
        if not isinstance(batch, Batch) or not batch.is_transactional or batch.is_control:
            return False
        return None if self._ends is None else self._ends.is_aborted(segment, batch)

    @property
    def _keeps_bad_crc(self) -> bool:
        return self._selection.bad_crc is BadCrc.KEPT

    def _reporter(self, segment: Segment) -> Callable[[Damage], None]:
        return lambda damage: self._on_error(FormatError(f"{segment.path}: {damage}"))

    def _written_from_now_on(self, path: Path, position: int) -> Iterator[Selected]:
        """Yield what is written, in this segment and in those that follow it; it never ends."""
        while True:
            with Segment(path) as segment:
                for batch in segment.batches(position):
                    position = batch.position + batch.size_bytes
                    yield from self._taken(segment, batch)
            younger = [other for other in sorted(path.parent.glob("*.log")) if other.name > path.name]
            if younger and path.stat().st_size <= position:
                path, position = younger[0], 0
            else:
                time.sleep(POLL_S)


def _limited(found: Iterator[Selected], limit: int | None, deep: bool) -> Iterator[Selected]:
    if limit is None:
        yield from found
        return
    left = limit

    def counted(records: Iterator[Record]) -> Iterator[Record]:
        nonlocal left
        for record in islice(records, left):
            left -= 1
            yield record

    while left > 0:
        selected = next(found, None)
        if selected is None:
            return
        yield Selected(selected.segment, selected.batch, counted(selected.records), selected.is_aborted)
        left -= not deep


def _ends_before(path: Path, following: Sequence[Path], selection: Selection) -> bool:
    """Whether all of a segment lies before the offset wanted, told by where the next one of its folder begins."""
    return (
        selection.from_offset is not None
        and bool(following)
        and following[0].parent == path.parent
        and base_offset_of(following[0]) <= selection.from_offset
    )


def grep(pattern: str, texts: Callable[[Record], Sequence[str | None]]) -> Callable[[Record], bool]:
    """Whether a record's key or value, as `texts` shows them, has the pattern; raises UsageError for no pattern."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from None
    return lambda record: any(text is not None and search(text) for text in texts(record))
