"""Which records of segments are wanted, and reading no more of the files than these need."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from kafkactl.errors import KafkactlError, UsageError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.records import Record
from kafkactl.storage.seek import position_of_offset, position_of_time
from kafkactl.storage.segment import Segment, base_offset_of

POLL_S = 0.2  # how often a file that grows is looked at


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

    @property
    def is_everything(self) -> bool:
        return self == Selection()

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

    def may_take(self, batch: AnyBatch) -> bool:
        """Whether a batch can have a record that is wanted, by its header."""
        if self.from_offset is not None and batch.last_offset < self.from_offset:
            return False
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

    path: Path
    batch: AnyBatch
    records: Iterator[Record]
    """To be read before the next batch is asked for; raises FormatError where the batch is damaged."""


def select(
    paths: Sequence[Path], selection: Selection, deep: bool, on_error: Callable[[KafkactlError], None]
) -> Iterator[Selected]:
    """What is wanted of these segments, in order; damage in one is told to `on_error` and does not hide others."""
    if selection.tail is not None:
        return _last(paths, selection, deep, on_error)
    return _limited(_in_order(paths, selection, deep, on_error), selection.limit, deep)


def _in_order(
    paths: Sequence[Path], selection: Selection, deep: bool, on_error: Callable[[KafkactlError], None]
) -> Iterator[Selected]:
    position = 0
    for number, path in enumerate(paths):
        try:
            if _ends_before(path, paths[number + 1 : number + 2], selection):
                continue
            with Segment(path) as segment:
                position = selection.start(segment)
                for batch in segment.batches(position):
                    position = batch.position + batch.size_bytes
                    if selection.is_past(batch):
                        break
                    yield from _taken(path, batch, selection, deep)
        except KafkactlError as error:
            on_error(error)
    if selection.follow:
        for path, batch in _written_from_now_on(paths[-1], position):
            yield from _taken(path, batch, selection, deep)


def _taken(path: Path, batch: AnyBatch, selection: Selection, deep: bool) -> Iterator[Selected]:
    if not selection.may_take(batch):
        return
    if not deep:
        yield Selected(path, batch, iter(()))
        return
    records = filter(selection.takes, batch.records())
    for first in islice(records, 1):  # a batch of which nothing is wanted is not told
        yield Selected(path, batch, chain([first], records))


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
        yield Selected(selected.path, selected.batch, counted(selected.records))
        left -= not deep


def _ends_before(path: Path, following: Sequence[Path], selection: Selection) -> bool:
    """Whether all of a segment lies before the offset wanted, told by where the next one of its folder begins."""
    return (
        selection.from_offset is not None
        and bool(following)
        and following[0].parent == path.parent
        and base_offset_of(following[0]) <= selection.from_offset
    )


def _last(
    paths: Sequence[Path], selection: Selection, deep: bool, on_error: Callable[[KafkactlError], None]
) -> Iterator[Selected]:
    """The last `selection.tail` records, or batches: from the last batch on, back to where there are enough."""
    left = selection.tail or 0
    found: list[Selected] = []
    end = 0
    for path in reversed(paths):
        if left <= 0:
            break
        try:
            with Segment(path) as segment:
                batches = list(segment.batches())  # their headers: what the bodies hold is not looked at yet
                if path == paths[-1] and batches:
                    end = batches[-1].position + batches[-1].size_bytes
                for batch in reversed(batches):
                    for selected in _taken(path, batch, selection, deep):
                        last = deque(selected.records, maxlen=left)
                        found.append(Selected(path, batch, iter(last)))
                        left -= len(last) if deep else 1
                    if left <= 0:
                        break
        except KafkactlError as error:
            on_error(error)
    yield from reversed(found)
    if selection.follow:
        for path, batch in _written_from_now_on(paths[-1], end):
            yield from _taken(path, batch, selection, deep)


def _written_from_now_on(path: Path, position: int) -> Iterator[tuple[Path, AnyBatch]]:
    """Batches as they are written, in this segment and in those that follow it; it never ends."""
    while True:
        with Segment(path) as segment:
            for batch in segment.batches(position):
                position = batch.position + batch.size_bytes
                yield path, batch
        younger = [other for other in sorted(path.parent.glob("*.log")) if other.name > path.name]
        if younger and path.stat().st_size <= position:
            path, position = younger[0], 0
        else:
            time.sleep(POLL_S)


def grep(pattern: str, texts: Callable[[Record], Sequence[str | None]]) -> Callable[[Record], bool]:
    """Whether a record's key or value, as `texts` shows them, has the pattern; raises UsageError for no pattern."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from None
    return lambda record: any(text is not None and search(text) for text in texts(record))
