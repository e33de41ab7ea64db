"""Reading what a selection asks for, and no more of the files than that needs."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError, MissingFileError
from kafkactl.storage.batch import HEADER_SIZE, AnyBatch, Batch
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC, Damage, fault_of, sound_batches
from kafkactl.storage.files import STANDARD_INPUT, FileKind, kind_of, with_file_name
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment, base_offset_of
from kafkactl.storage.selection import BadCrc, Selection
from kafkactl.storage.source import LostBytesError
from kafkactl.storage.transactions import OpenRecords, TransactionEnds

POLL_S = 0.2  # how often a file that grows is looked at
_READ_BACK_BYTES = 1024 * 1024
_KEEP_HINT = "show its records all the same: --keep-bad-crc"
SKIP_HINT = "read the sound batches behind it: --skip-damaged"


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


def select(
    paths: Sequence[Path], selection: Selection, deep: bool, on_error: OnError, left_out: OpenRecords | None = None
) -> Iterator[Selected]:
    """Return what is wanted of these segments, in order; `on_error` takes damage, which does not hide what is sound.

    `left_out` counts the records that read_committed leaves out because their transaction has no end.
    """
    for path in paths:
        if path != STANDARD_INPUT and not path.exists():  # also where not all files have to be read
            on_error(MissingFileError(f"{path}: no such file"))
    paths = [path for path in paths if path == STANDARD_INPUT or path.exists()]
    if not paths:
        return iter(())
    reading = _Reading(selection, deep, on_error, OpenRecords() if left_out is None else left_out)
    if selection.tail is not None:
        return reading.last(paths, selection.tail)
    return _limited(reading.in_order(paths), selection.limit, deep)


class _Reading:
    """Reads what is wanted of segments, and reports what is damaged."""

    def __init__(self, selection: Selection, deep: bool, on_error: OnError, left_out: OpenRecords) -> None:
        self._selection = selection
        self._deep = deep
        self._on_error = on_error
        self._left_out = left_out
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
                    begins, ends = self._places(segment)
                    if path == paths[-1]:
                        end = ends[-1] if ends else 0
                    for selected in self._backwards(segment, begins, ends):
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
        for batch in self._chain(segment, position):
            position = batch.position + batch.size_bytes
            yield batch
        self._require_end(segment, position)

    def _chain(self, segment: Segment, position: int) -> Iterator[AnyBatch]:
        """Yield the batches that follow each other; zeros of a log that is followed are not written yet."""
        try:
            for batch in segment.batches(position):
                position = batch.position + batch.size_bytes
                yield batch
        except FormatError:
            if not self._selection.follow or any(segment.view(position, HEADER_SIZE)[:HEADER_SIZE]):
                raise

    def _require_end(self, segment: Segment, position: int) -> None:
        """Raise FormatError where bytes lie behind the last whole batch; a log that is followed may grow there."""
        if position < segment.size_bytes and not self._selection.follow:
            raise FormatError(
                f"corrupt: {segment.size_bytes - position} invalid bytes at the end: the batch at position {position}"
                " is not whole"
            )

    def _places(self, segment: Segment) -> tuple[array[int], array[int]]:
        """Return where the batches of a segment begin and where they end, and report what is damaged."""
        begins, ends = array("q"), array("q")
        if self._selection.skip_damaged:
            for batch in sound_batches(segment, 0, self._reporter(segment), self._keeps_bad_crc):
                begins.append(batch.position)
                ends.append(batch.position + batch.size_bytes)
            return begins, ends
        for position, size in segment.frames():
            begins.append(position)
            ends.append(position + size)
        try:
            behind = ends[-1] if ends else 0
            segment.batch_at(behind)
            self._require_end(segment, behind)
            segment.require_complete()
        except FormatError as error:
            self._on_error(with_file_name(error, segment.path, SKIP_HINT))
        return begins, ends

    def _backwards(self, segment: Segment, begins: array[int], ends: array[int]) -> Iterator[Selected]:
        """Yield what is wanted of the batches at these places, from the last one on."""
        number = len(begins)
        while number:
            # Batches near each other are read together, because each keeps all that was read with it.
            first = min(number - 1, bisect_left(begins, ends[number - 1] - _READ_BACK_BYTES, 0, number))
            segment.view(begins[first], ends[number - 1] - begins[first])
            for position in reversed(begins[first:number]):
                try:
                    batch = segment.batch_at(position)
                    if batch is not None:
                        yield from self._taken(segment, batch)
                except LostBytesError:
                    raise
                except FormatError as error:
                    self._on_error(with_file_name(error, segment.path))
            number = first

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
            if is_aborted is None and isinstance(batch, Batch):
                self._left_out.add(segment.path, batch.producer_id, self._count_wanted(batch))
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

    def _count_wanted(self, batch: Batch) -> int:
        """Return how many records of a batch the selection takes; all of a batch whose records cannot be read."""
        if not self._deep or self._selection.takes_every_record:
            return batch.count
        try:
            return sum(map(self._selection.takes, batch.records()))
        except FormatError:
            return batch.count

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
                for batch in self._chain(segment, position):
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
        and kind_of(path) is kind_of(following[0]) is FileKind.LOG
        and following[0].parent == path.parent
        and base_offset_of(following[0]) <= selection.from_offset
    )
