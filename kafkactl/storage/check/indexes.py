"""Check of a segment's indexes against its batches, in one pass over both.

Brokers have written indexes in more than one way. All of these ways are right, because a reader that begins at an entry
misses nothing:

- An offset index entry has the position of a batch and the last offset of this batch or of a later one: followers up to
  Kafka 4.0 wrote one entry for each set of batches that they fetched. The cleaner wrote the last record that it kept.
- A time index entry has the largest timestamp so far and the last offset of the batch that has it. Leaders before Kafka
  3.7 wrote the offset of the record itself.

Sources: org.apache.kafka.storage.internals.log.LogSegment (append, recover), OffsetIndex and TimeIndex.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from kafkactl.errors import FormatError, KafkactlError, NotFoundError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.check.batches import NO_TIMESTAMP, BatchRecords
from kafkactl.storage.check.faults import Fault, unreadable
from kafkactl.storage.index import OffsetEntry, OffsetIndex, TimeEntry, TimeIndex

Index = TypeVar("Index", OffsetIndex, TimeIndex)
Entry = TypeVar("Entry", OffsetEntry, TimeEntry)


class OffsetIndexWatcher:
    """Check of an offset index's entries, batch by batch of its segment."""

    def __init__(self, path: Path, entries: list[OffsetEntry]) -> None:
        """Take the path of an index for its faults, and its entries, whose offsets and positions must rise.

        Neither is checked here, and the file is not read.
        """
        self._path = path
        self._waiting = deque(entries)
        self._open: OffsetEntry | None = None
        """An entry with a right position, whose offset was in no batch yet; or None."""

    def see(self, batch: AnyBatch, records: BatchRecords | None) -> Iterable[Fault]:
        """Return the faults of the entries up to a batch's position, and of an earlier entry whose offset is due here.

        `records` is None for a damaged batch: no offset is compared there, and an entry that waits for its offset is
        dropped, without a fault unless the next entry is due. Pass the batches in the order of the file, each once, and
        iterate over the result before the next call, because this does the work.
        """
        is_due = self._waiting and self._waiting[0].position <= batch.position
        return self._compare(batch, records) if is_due or self._open is not None else ()

    def finish(self, segment_bytes: int, *, has_damage: bool) -> Iterator[Fault]:
        """Yield the faults of entries that matched no batch; call this once, after all batches.

        `segment_bytes` is the size of the log. With `has_damage`, only entries with a position at or past the end of
        the log are faults.
        """
        if self._open is not None and not has_damage:
            yield self._make_fault(self._open, "an entry with an offset behind the end of its segment")
        for entry in self._waiting:
            if not has_damage or entry.position >= segment_bytes:
                yield self._make_fault(entry, "an entry that points where no batch begins")

    def _compare(self, batch: AnyBatch, records: BatchRecords | None) -> Iterator[Fault]:
        """Yield the faults of entries up to a batch's position, and of an earlier entry that is still open.

        An entry is open until a batch reaches its offset; an open one is a fault where the next entry comes first.
        `records` is None for a damaged batch: then no offset is compared, an entry at its position is no fault, and no
        entry stays open.
        """
        while self._waiting and self._waiting[0].position <= batch.position:
            if self._open is not None:
                yield self._make_fault(self._open, "an entry with an offset behind the position of the next entry")
                self._open = None
            entry = self._waiting.popleft()
            if entry.position < batch.position:
                yield self._make_fault(entry, "an entry that points where no batch begins")
            elif records is not None:
                self._open = entry
        if records is None:
            self._open = None  # the offsets of a damaged batch prove nothing
        elif self._open is not None:
            yield from self._compare_offset(self._open, batch, records)

    def _compare_offset(self, entry: OffsetEntry, batch: AnyBatch, records: BatchRecords) -> Iterator[Fault]:
        """Close an open entry where a batch ends at its offset; where the batch goes past it, also yield a fault.

        A batch ends at its last offset and at the offset of its last record. An entry of a later offset stays open.
        """
        ends = (batch.last_offset, records.last) if records.count else (batch.last_offset,)
        if entry.offset in ends:
            self._open = None
        elif batch.last_offset > entry.offset:
            yield self._make_fault(entry, f"an entry of the batch whose last offset is {batch.last_offset}")
            self._open = None

    def _make_fault(self, entry: OffsetEntry, text: str) -> Fault:
        """Return a fault about the index file with the entry's offset and its position, which is one in the log."""
        return Fault(file=self._path, position=entry.position, offset=entry.offset, fault=text)


class TimeIndexWatcher:
    """Check of a time index's entries, batch by batch of its segment."""

    def __init__(self, path: Path, entries: list[TimeEntry]) -> None:
        """Take the path of an index for its faults, and its entries.

        Their timestamps must rise, and their offsets must not fall. Nothing is checked here, and the file is not read.
        """
        self._path = path
        self._waiting = deque(entries)
        self._youngest_ms = NO_TIMESTAMP
        self._end = -1

    def see(self, batch: AnyBatch, records: BatchRecords | None) -> Iterable[Fault]:
        """Return the faults of the entries with offsets up to the last one of a batch.

        `records` is None for a damaged batch, with which no entry is compared; those up to its last offset are dropped.
        Pass the batches in the order of the file, each once.
        """
        faults: Iterable[Fault] = ()
        if self._waiting and self._waiting[0].offset <= batch.last_offset:
            faults = list(self._compare_due(batch, records))
        if records is not None and batch.max_timestamp_ms > self._youngest_ms:
            self._youngest_ms = batch.max_timestamp_ms
        self._end = max(self._end, batch.last_offset)
        return faults

    def finish(self, *, has_damage: bool) -> Iterator[Fault]:
        """Yield the faults of entries past the last batch.

        Call this once, after all batches; without any batch all entries are faults. With `has_damage` there are none,
        because the entries cannot be checked.
        """
        if not has_damage:
            for entry in self._waiting:
                yield self._make_fault(entry, f"an entry of offset {entry.offset}, and the segment ends at {self._end}")

    def _compare_due(self, batch: AnyBatch, records: BatchRecords | None) -> Iterator[Fault]:
        """Yield the faults of the entries with offsets up to the last one of a batch.

        `records` is None for a damaged batch, with which no entry is compared; they are dropped.
        """
        while self._waiting and self._waiting[0].offset <= batch.last_offset:
            entry = self._waiting.popleft()
            if records is not None:
                yield from self._compare(entry, batch, records)

    def _compare(self, entry: TimeEntry, batch: AnyBatch, records: BatchRecords) -> Iterator[Fault]:
        """Yield the fault, at most one, of an entry that the batch with its offset contradicts.

        Faults are an offset before the batch, a timestamp other than the batch's largest, one that an earlier sound
        batch exceeds, and an offset that is neither the last of the batch or of its records nor that of a record with
        this timestamp.
        """
        first = batch.base_offset if isinstance(batch, Batch) else records.first
        if entry.offset < first:
            text = f"an entry of offset {entry.offset}, and a batch ends at {self._end} and the next begins at {first}"
        elif entry.timestamp_ms != batch.max_timestamp_ms:
            text = f"an entry of timestamp {entry.timestamp_ms}, and the batch's is {batch.max_timestamp_ms}"
        elif self._youngest_ms > entry.timestamp_ms:
            text = f"an entry of timestamp {entry.timestamp_ms}, and a record before it has {self._youngest_ms}"
        elif entry.offset not in (batch.last_offset, records.last) and not _has_time(batch, entry):
            text = f"an entry of offset {entry.offset}, and a batch ends at {batch.last_offset}"
        else:
            return
        yield self._make_fault(entry, text)

    def _make_fault(self, entry: TimeEntry, text: str) -> Fault:
        """Return a fault about the index file with the offset of an entry, and without a position."""
        return Fault(file=self._path, offset=entry.offset, fault=text)


def watch_offset_index(path: Path | None) -> tuple[OffsetIndexWatcher, list[Fault]]:
    """Return the watcher of an offset index, and the faults that the file has by itself.

    A `path` of None, a missing file and a file that cannot be read give a watcher without entries, because brokers
    write missing indexes again; so does one with a part of an entry at its end. The last two give a fault, and so do
    entries whose offsets or positions do not rise or are negative, which are not watched, and zeros between entries.
    Entries behind such zeros are not watched. A file, also a missing one, is a fault and gives no entries where neither
    its name nor its log has a base offset. Nothing is raised.
    """
    faults: list[Fault] = []
    index = None if path is None else _open(OffsetIndex, path, faults)
    if path is None or index is None:
        return OffsetIndexWatcher(Path(), []), faults
    # Brokers write no entry of a segment's first batch: this is the padding of an active segment.
    entries = _strip_padding(index, list(index.read_entries()), OffsetEntry(index.base_offset, 0), faults)
    rising: list[OffsetEntry] = []
    for entry in entries:
        last = rising[-1] if rising else OffsetEntry(-1, -1)
        if entry.offset > last.offset and entry.position > last.position:
            rising.append(entry)
        else:
            text = f"its entries do not rise: {entry.offset} after {last.offset}"
            faults.append(Fault(file=path, position=entry.position, offset=entry.offset, fault=text))
    return OffsetIndexWatcher(path, rising), faults


def watch_time_index(path: Path | None) -> tuple[TimeIndexWatcher, list[Fault]]:
    """Return the watcher of a time index, and the faults that the file has by itself.

    A `path` of None, a missing file, a file that cannot be read, and one with a part of an entry at its end give a
    watcher without entries. The last two give a fault, and so do entries whose times do not rise or are negative or
    whose offsets fall, which are not watched, and zeros between entries. Entries behind such zeros are not watched. A
    file, also a missing one, is a fault and gives no entries where neither its name nor its log has a base offset.
    Nothing is raised.
    """
    faults: list[Fault] = []
    index = None if path is None else _open(TimeIndex, path, faults)
    if path is None or index is None:
        return TimeIndexWatcher(Path(), []), faults
    entries = _strip_padding(index, list(index.read_entries()), TimeEntry(0, index.base_offset), faults)
    rising: list[TimeEntry] = []
    for entry in entries:
        last = rising[-1] if rising else TimeEntry(NO_TIMESTAMP, -1)
        if entry.timestamp_ms > last.timestamp_ms and entry.offset >= last.offset:
            rising.append(entry)
        else:
            text = f"an entry of timestamp {entry.timestamp_ms} after one of {last.timestamp_ms}"
            faults.append(Fault(file=path, offset=entry.offset, fault=text))
    return TimeIndexWatcher(path, rising), faults


def _open(kind: type[Index], path: Path, faults: list[Fault]) -> Index | None:
    """Return an index that can be read and is whole, or None; nothing is raised.

    A file that exists and cannot be read, or is not whole, adds a fault to `faults`; so does any file, also a missing
    one, where neither its name nor its log has a base offset.
    """
    try:
        index = kind(path)
        index.require_whole()
    except NotFoundError:
        return None
    except KafkactlError as error:
        faults.append(unreadable(path, error))
        return None
    return index


def _strip_padding(index: Index, entries: list[Entry], padding: Entry, faults: list[Fault]) -> list[Entry]:
    """Return the entries without a first one that is padding; zeros between entries add a fault to `faults`.

    `entries` are all that `index.read_entries` gives: those behind zeros are not among them. `padding` is the entry as
    which zeros are read.
    """
    if index.has_data_behind(len(entries)):
        text = f"zeros behind entry {len(entries)}, and more entries behind the zeros"
        faults.append(Fault(file=index.path, fault=text))
    return entries[1:] if entries[:1] == [padding] else entries


def _has_time(batch: AnyBatch, entry: TimeEntry) -> bool:
    """Return whether the record with an entry's offset has its timestamp; False where it cannot be read."""
    with suppress(FormatError):
        return any(
            record.offset == entry.offset and record.timestamp_ms == entry.timestamp_ms for record in batch.records()
        )
    return False
