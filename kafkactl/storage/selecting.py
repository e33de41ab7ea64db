"""Reading of the batches and records that a selection takes, without the parts of the files that it does not need."""

from __future__ import annotations

import os
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
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC, Damage, find_fault, read_sound_batches
from kafkactl.storage.files import STANDARD_INPUT, FileKind, add_file_name, find_kind
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment, find_base_offset
from kafkactl.storage.selection import BadCrc, Selection
from kafkactl.storage.source import LostBytesError
from kafkactl.storage.transactions import OpenRecords, TransactionEnds

POLL_S = 0.2  # time between two checks whether a file has grown
_READ_BACK_BYTES = 1024 * 1024
_KEEP_HINT = "show its records all the same: --keep-bad-crc"
SKIP_HINT = "read the sound batches behind it: --skip-damaged"


@dataclass(frozen=True, slots=True)
class SelectedBatch:
    """A batch with its selected records; without records where batches are read."""

    segment: Segment
    batch: AnyBatch
    records: Iterator[Record]
    """Read these before the next batch is requested. This raises FormatError for damage, and errors of `matches`."""
    is_aborted: bool | None = False
    """Whether the transaction of the batch was aborted; None where that is not known."""

    @property
    def path(self) -> Path:
        """Return the path of the batch's segment."""
        return self.segment.path


OnError = Callable[[Path, KafkactlError], None]
"""Function that is called with the path of a file and each of its errors, such as damage."""


def select(
    paths: Sequence[Path], selection: Selection, deep: bool, on_error: OnError, left_out: OpenRecords | None = None
) -> Iterator[SelectedBatch]:
    """Return an iterator over the selected batches of segments, in the order of `paths`.

    With `deep` the records of the batches are selected and read, and batches without a selected record are left out,
    unless the selection takes every record. Without it only the headers of batches count: `key` and `matches` keep no
    batch out, and `to_time_ms` does so only where the broker set the times.

    `on_error` takes the path and every error: a missing file (at once), damage, a file that cannot be read. An error
    that it raises ends the reading; a KafkactlError may be passed to it once more before.

    By default (BadCrc.SHOWN) CRCs are not checked; with `skip_damaged` they are, and a batch with a wrong one is left
    out unless BadCrc.KEPT is set. BadCrc.KEPT alone reports such a batch and shows it, and so does BadCrc.LEFT_OUT,
    which leaves it out with `deep`. An unknown magic is reported, too, and its batch is shown only with BadCrc.SHOWN
    and without `skip_damaged`. After a wrong CRC and damaged records reading continues with the next batch, after a
    place without a whole batch and after a file that cannot be read with the next segment, or, with `skip_damaged`,
    behind the damage. A KafkactlError of `selection.matches` up to a batch's first selected record goes to `on_error`,
    like damage; behind that record, iterating over the batch's records raises both. Its other errors are always raised.

    With `tail` the last records are read beforehand, all these errors go to `on_error`, and `limit` is ignored.
    `left_out` counts the records that `read_committed` leaves out because their transaction has no end; None counts
    nowhere.

    With `follow` the last path that is not missing is followed, and the iterator has no end, unless all paths are
    missing or `limit` is reached. In later batches, and behind the last sound batch of that path, damage is not
    skipped, also with `skip_damaged`. Errors of later reading are raised, also of a last path that `on_error` has got
    already: FormatError for a file or batch that cannot be read, MissingFileError for a deleted segment, and UsageError
    for a folder, a device, a file without read permission or a folder that cannot be listed, also to find the end of a
    transaction.
    """
    missing_paths = set(filter(_is_missing, paths))
    for path in paths:
        # A missing file is an error also where the selection does not need the file.
        if path in missing_paths:
            on_error(path, MissingFileError(f"{path}: no such file"))
    paths = [path for path in paths if path not in missing_paths]
    if not paths:
        return iter(())
    reading = _Reading(selection, deep, on_error, OpenRecords() if left_out is None else left_out)
    if selection.tail is not None:
        return reading.read_last(paths, selection.tail)
    return _limit(reading.read_in_order(paths), selection.limit, deep)


class _Reading:
    """One reading of segments: it yields the selected batches and reports damage.

    Errors that `on_error` raises pass through; a KafkactlError may be passed to `on_error` once more first.
    """

    def __init__(self, selection: Selection, deep: bool, on_error: OnError, left_out: OpenRecords) -> None:
        """Take the selection, whether to read records, the function for errors, and the counter of records left out."""
        self._selection = selection
        self._deep = deep
        self._on_error = on_error
        self._left_out = left_out
        self._are_checked = selection.skip_damaged
        """Whether read_sound_batches has checked the batches that are selected from."""
        self._ends = TransactionEnds() if selection.read_committed or selection.with_ends else None

    def read_in_order(self, paths: Sequence[Path]) -> Iterator[SelectedBatch]:
        """Yield the selected batches, in the order of `paths`; `selection.limit` and `tail` are not applied.

        Errors of a file, and a KafkactlError of `matches` up to the first selected record of a batch, go to `on_error`,
        and the next file follows. After a wrong CRC, an unknown magic, damage in records and a FormatError of `matches`
        the next batch follows. A later error in a batch comes when its records are read. With `follow` this has no end,
        `paths` must not be empty, and later errors are raised: FormatError, MissingFileError and UsageError, as
        `_follow` says. Errors of `matches` that are no KafkactlError are always raised.
        """
        selection = self._selection
        for number, path in enumerate(paths):
            position = 0
            try:
                if _ends_before(path, paths[number + 1 : number + 2], selection):
                    continue
                with Segment(path) as segment:
                    position = selection.find_start(segment)
                    for batch in self._read_batches(segment, position):
                        position = batch.position + batch.size_bytes
                        if selection.is_past(batch):
                            break
                        yield from self._select_from(segment, batch)
            except KafkactlError as error:
                self._on_error(path, add_file_name(error, path, SKIP_HINT))
        if selection.follow:
            yield from self._follow(paths[-1], position)

    def read_last(self, paths: Sequence[Path], count: int) -> Iterator[SelectedBatch]:
        """Yield the batches with the last `count` selected records; the last `count` batches where only these are read.

        The batches come in the order of the file, with no other records. All are read before the first is yielded, from
        the last batch back until there are enough. `paths` must not be empty with `follow`; a `count` of 0 gives no
        such batches. Without `skip_damaged` the search ends at the first place of a file without a whole batch. Damage
        of one batch, also a FormatError of `matches`, goes to `on_error`, and the batch before it follows. Errors of a
        file and other KafkactlErrors of `matches` go there, too, and the file before it follows. With `follow` later
        batches come after them, without an end, and later errors are raised: FormatError, MissingFileError and
        UsageError, as `_follow` says. Errors of `matches` that are no KafkactlError are always raised.
        """
        left, end = count, 0
        selected_batches: list[SelectedBatch] = []
        for path in reversed(paths):
            is_last = path == paths[-1]
            if left <= 0 and not (is_last and self._selection.follow):
                break
            try:
                with Segment(path) as segment:
                    begins, ends = self._find_places(segment)
                    if is_last:
                        end = ends[-1] if ends else 0
                    for selected in self._read_backwards(segment, begins, ends) if left > 0 else ():
                        records = self._read_last_records(selected, left)
                        selected_batches.append(replace(selected, records=iter(records)))
                        left -= len(records) if self._deep else 1
                        if left <= 0:
                            break
            except KafkactlError as error:
                self._on_error(path, add_file_name(error, path))
        yield from reversed(selected_batches)
        if self._selection.follow:
            yield from self._follow(paths[-1], end)

    def _read_batches(self, segment: Segment, position: int) -> Iterator[AnyBatch]:
        """Yield all batches from a position on, in bytes; raise FormatError for a batch that is not whole.

        With `skip_damaged` damage, also a wrong CRC, is reported to `on_error` and passed over instead; with
        BadCrc.KEPT a batch with a wrong CRC is yielded, too. Without it FormatError comes also for a size that
        `parse_batch` refuses, and a wrong CRC and an unknown magic are not looked at; with `follow` a last batch that
        is not whole, and zeros in its place, are no error. In both cases raise FormatError for a gzip file that is cut
        off (but see `_read_chain` for `follow`), and where the file cannot be read.
        """
        if self._selection.skip_damaged:
            yield from read_sound_batches(segment, position, self._make_reporter(segment), self._keeps_bad_crc)
            return
        for batch in self._read_chain(segment, position):
            position = batch.position + batch.size_bytes
            yield batch
        self._require_end(segment, position)

    def _read_chain(self, segment: Segment, position: int) -> Iterator[AnyBatch]:
        """Yield the batches that follow each other, up to the first that is not whole.

        Positions are in bytes. A wrong CRC is no error. Raise FormatError for a size that `parse_batch` refuses, for a
        gzip file that is cut off, and where the file cannot be read. Zeros in a log that is followed are the place of
        batches that are not written yet, and no error; nor is a followed gzip file that is cut off right behind a
        batch.
        """
        try:
            for batch in segment.batches(position):
                position = batch.position + batch.size_bytes
                yield batch
        except FormatError:
            if not self._is_reserved(segment, position):
                raise

    def _is_reserved(self, segment: Segment, position: int) -> bool:
        """Return whether the log is followed, and no byte of the header at a position, in bytes, differs from zero.

        Only the header is looked at. The end of the file gives True, too. Raise LostBytesError where a file that is
        followed cannot be read.
        """
        return self._selection.follow and not any(segment.view(position, HEADER_SIZE)[:HEADER_SIZE])

    def _require_end(self, segment: Segment, position: int) -> None:
        """Raise FormatError where bytes follow the last whole batch; do nothing for a log that is followed."""
        if position < segment.size_bytes and not self._selection.follow:
            raise _make_end_error(segment, position)

    def _find_places(self, segment: Segment) -> tuple[array[int], array[int]]:
        """Return where the batches of a segment begin and where they end, in bytes, in the order of the file.

        Without `skip_damaged` the batches end before the first place without a whole one, which is reported to
        `on_error`; what is in the batches is not looked at. In a log that is followed, zeros and a last batch that is
        not whole are not reported. With `skip_damaged` damage, also a wrong CRC, is reported and passed over, except
        zeros at the end of a log that is followed; BadCrc.KEPT keeps batches with a wrong CRC. A file that cannot be
        read, and a gzip file that is cut off, are reported, too: what was found before is returned. Raise
        LostBytesError only where a log that is followed becomes unreadable meanwhile.
        """
        begins, ends = array("q"), array("q")
        try:
            if self._selection.skip_damaged:
                for batch in read_sound_batches(segment, 0, self._make_reporter(segment), self._keeps_bad_crc):
                    begins.append(batch.position)
                    ends.append(batch.position + batch.size_bytes)
                return begins, ends
            for position, size in segment.read_frames():
                begins.append(position)
                ends.append(position + size)
        except LostBytesError as error:  # as of a gzip file that is cut off: what was found before stays
            self._on_error(segment.path, add_file_name(error, segment.path))
            return begins, ends
        behind = ends[-1] if ends else 0
        try:
            segment.read_batch(behind)
            self._require_end(segment, behind)
            segment.require_complete()
        except FormatError as error:
            if isinstance(error, LostBytesError) or not self._is_reserved(segment, behind):
                self._on_error(segment.path, add_file_name(error, segment.path, SKIP_HINT))
        return begins, ends

    def _read_backwards(self, segment: Segment, begins: array[int], ends: array[int]) -> Iterator[SelectedBatch]:
        """Yield the selected batches among those at these places, from the last one on.

        The places are in bytes, in the order of the file. Damage of a batch goes to `on_error`. Raise LostBytesError
        where the file cannot be read, UsageError where its folder cannot be listed to find the end of a transaction,
        and the errors of `matches` except FormatError.
        """
        number = len(begins)
        while number:
            # Neighbouring batches are read together, because each one keeps all bytes of its part in memory.
            first = min(number - 1, bisect_left(begins, ends[number - 1] - _READ_BACK_BYTES, 0, number))
            segment.view(begins[first], ends[number - 1] - begins[first])
            for position in reversed(begins[first:number]):
                try:
                    batch = segment.read_batch(position)
                    if batch is not None:
                        yield from self._select_from(segment, batch)
                except LostBytesError:
                    raise
                except FormatError as error:
                    self._on_error(segment.path, add_file_name(error, segment.path))
            number = first

    def _read_last_records(self, selected: SelectedBatch, count: int) -> deque[Record]:
        """Return the last `count` selected records of a batch before any damage, which is reported to `on_error`.

        A FormatError of `matches` counts as damage; other errors of it are raised.
        """
        records: deque[Record] = deque(maxlen=count)
        try:
            records.extend(selected.records)
        except FormatError as error:
            self._on_error(selected.path, add_file_name(error, selected.path))
        return records

    def _select_from(self, segment: Segment, batch: AnyBatch) -> Iterator[SelectedBatch]:
        """Yield a batch with its selected records, or nothing.

        The records are empty where only batches are read. A batch without selected records is left out, unless the
        selection takes every record. With `read_committed` only control batches, and batches outside of transactions or
        of a committed one, are yielded. Damage is reported to `on_error` where it comes before the first selected
        record; later damage is raised as FormatError when the records are read. A FormatError of `matches` counts as
        damage; other errors of it are raised. With `read_committed` the records of a transaction without an end are
        counted in `left_out`. Raise UsageError where the folder cannot be listed to find the end of a transaction.
        """
        selection = self._selection
        if selection.is_before(batch) or not self._is_shown(segment.path, batch):
            return
        if selection.is_past(batch) or not selection.may_take(batch):
            return
        is_aborted = self._is_aborted(segment, batch)
        if selection.read_committed and is_aborted is not False:
            if is_aborted is None and isinstance(batch, Batch):
                self._left_out.add(segment.path, batch.producer_id, self._count_selected(batch))
            return
        if not self._deep:
            yield SelectedBatch(segment, batch, iter(()), is_aborted)
            return
        records = filter(selection.takes, batch.records())
        try:
            first = list(islice(records, 1))
        except FormatError as error:
            self._on_error(segment.path, add_file_name(error, segment.path))
            return
        if first or selection.takes_every_record:  # a batch without selected records is left out
            yield SelectedBatch(segment, batch, chain(first, records), is_aborted)

    def _count_selected(self, batch: Batch) -> int:
        """Return how many records of a batch the selection takes; its header's count where the records cannot be read.

        A negative count is 0. The header's count is also the result where `matches` raises FormatError, where only
        batches are read, and where the selection takes every record. Raise the errors of `matches` except FormatError.
        """
        count = max(0, batch.count)
        if not self._deep or self._selection.takes_every_record:
            return count
        try:
            return sum(map(self._selection.takes, batch.records()))
        except FormatError:
            return count

    def _is_shown(self, path: Path, batch: AnyBatch) -> bool:
        """Return whether a batch is shown; report an unknown magic or a wrong CRC to `on_error`.

        With `skip_damaged` every batch is shown that read_sound_batches has checked; `_follow` has others. With
        BadCrc.SHOWN every one with a known magic is shown, unchecked and unreported. Elsewhere a wrong CRC is shown
        with BadCrc.KEPT or where only batches are read, and an unknown magic only with BadCrc.SHOWN.
        """
        selection = self._selection
        if self._are_checked:
            return True
        if batch.magic <= LARGEST_KNOWN_MAGIC and selection.bad_crc is BadCrc.SHOWN:
            return True
        fault = find_fault(batch)
        if fault is None:
            return True
        is_unknown = batch.magic > LARGEST_KNOWN_MAGIC
        hint = None if is_unknown or selection.bad_crc is BadCrc.KEPT else _KEEP_HINT
        self._on_error(path, FormatError(f"{path}: corrupt: batch at position {batch.position}: {fault}", hint))
        if is_unknown:
            return selection.bad_crc is BadCrc.SHOWN
        return selection.bad_crc is BadCrc.KEPT or not self._deep

    def _is_aborted(self, segment: Segment, batch: AnyBatch) -> bool | None:
        """Return whether the batch belongs to an aborted transaction; None where that is not known.

        It is not known where the selection does not ask for it (read_committed, with_ends), or no segment from this one
        on has the end. False for a batch outside of transactions and for a control batch. Raise UsageError where the
        folder cannot be listed.
        """
        if not isinstance(batch, Batch) or not batch.is_transactional or batch.is_control:
            return False
        return None if self._ends is None else self._ends.is_aborted(segment, batch)

    @property
    def _keeps_bad_crc(self) -> bool:
        """Return whether batches with a wrong CRC are read while damage is skipped."""
        return self._selection.bad_crc is BadCrc.KEPT

    def _make_reporter(self, segment: Segment) -> Callable[[Damage], None]:
        """Return a function that takes a Damage of the segment and passes it to `on_error` as a FormatError.

        The error's text begins with the file's path. Zeros up to the end of a log that is followed are no damage, and
        not passed on: the function raises LostBytesError where the file cannot be read to look for them.
        """

        def report(damage: Damage) -> None:
            """Pass the damage on, unless it is zeros up to the end of a log that is followed.

            Raise LostBytesError where the file cannot be read.
            """
            is_end = self._selection.follow and damage.is_skipped and damage.end == segment.size_bytes
            if not is_end or segment.has_data(damage.position):
                self._on_error(segment.path, FormatError(f"{segment.path}: {damage}"))

        return report

    def _follow(self, path: Path, position: int) -> Iterator[SelectedBatch]:
        """Yield the selected batches from a position on, here and in later segments, without an end.

        `position` is in bytes; from there on a broker writes. Later segments are the .log files of the folder with a
        later name; each is read once it is there. The files are looked at every 0.2 s. Raise FormatError for a size
        that `parse_batch` refuses and a file that cannot be read, MissingFileError for a segment that was deleted
        meanwhile, UsageError for a folder, a device, a file without read permission, and a folder that cannot be
        listed, also to find the end of a transaction, and the errors of `matches` except FormatError. Damage before a
        batch's first selected record, unknown magics, bytes without a whole batch in front of a later segment, unless
        all are zeros, and wrong CRCs unless BadCrc.SHOWN is set, go to `on_error`, also with `skip_damaged`. So does a
        file that became shorter (KafkactlError): what is written after its new end is yielded. The ends of the
        selection, `to_offset` and `to_time_ms`, do not end this.
        """
        self._are_checked = False
        while True:
            later = _find_later_segment(path)  # before the reading: a segment with a later one does not grow
            with Segment(path) as segment:
                if segment.size_bytes < position:
                    self._on_error(path, _make_shorter_error(path, position, segment.size_bytes))
                    position = segment.size_bytes
                for batch in self._read_chain(segment, position):
                    position = batch.position + batch.size_bytes
                    yield from self._select_from(segment, batch)
                if later is not None and segment.has_data(position):
                    self._on_error(path, add_file_name(_make_end_error(segment, position), path))
            if later is None:
                time.sleep(POLL_S)
            else:
                path, position = later, 0


def _find_later_segment(path: Path) -> Path | None:
    """Return the segment with the next name in the folder of a segment; None without one, and without the folder.

    Raise UsageError where the folder cannot be listed.
    """
    from kafkactl.storage.log_dir import list_segments

    return next((other for other in list_segments(path.parent) if other.name > path.name), None)


def _make_end_error(segment: Segment, position: int) -> FormatError:
    """Return (not raise) the error for the bytes behind the last whole batch, which ends at `position`."""
    return FormatError(
        f"corrupt: {segment.size_bytes - position} invalid bytes at the end: the batch at position {position}"
        " is not whole"
    )


def _make_shorter_error(path: Path, position: int, size_bytes: int) -> KafkactlError:
    """Return (not raise) the error for a file that has become shorter than what was read, up to `position` in bytes."""
    return KafkactlError(
        f"{path}: the file became shorter: {position} bytes were read, and it has {size_bytes} now",
        "a broker cuts off records that were not replicated; reading goes on at the new end",
    )


def _is_missing(path: Path) -> bool:
    """Return whether a path leads to nothing, as a broken link does.

    False for a folder, for standard input, and where looking fails otherwise, as without the right or in a loop of
    links.
    """
    if path == STANDARD_INPUT:
        return False
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # opening the file raises an error with the reason
        return False
    return False


def _limit(batches: Iterator[SelectedBatch], limit: int | None, deep: bool) -> Iterator[SelectedBatch]:
    """Yield batches with at most `limit` records in all, or, unless `deep`, at most `limit` batches. None is no limit.

    The records of a batch are counted when they are read: read them before the next batch. A limit of 0 yields nothing.
    Errors of `batches` are raised.
    """
    if limit is None:
        yield from batches
        return
    left = limit

    def count_down(records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records while the limit is not reached, and count them."""
        nonlocal left
        for record in islice(records, left):
            left -= 1
            yield record

    while left > 0:
        selected = next(batches, None)
        if selected is None:
            return
        yield SelectedBatch(selected.segment, selected.batch, count_down(selected.records), selected.is_aborted)
        left -= not deep


def _ends_before(path: Path, following: Sequence[Path], selection: Selection) -> bool:
    """Return whether all of a segment lies before the first selected offset; False where that is not known.

    `following` has the next segment, or nothing. False also without a `from_offset`. The base offset of the next
    segment shows it, if both are logs in the same folder, it can be found out and is larger than that of this one.
    """
    if selection.from_offset is None or not following or following[0].parent != path.parent:
        return False
    try:
        are_logs = find_kind(path) is find_kind(following[0]) is FileKind.LOG
        return are_logs and find_base_offset(path) < find_base_offset(following[0]) <= selection.from_offset
    except KafkactlError:  # the error comes when the segment is read
        return False
