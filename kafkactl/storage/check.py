"""A partition's files checked against each other: every batch, and what the indexes and checkpoints say of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError, NotFoundError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.checkpoint import LeaderEpoch, read_leader_epochs
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.files import FileKind, beside
from kafkactl.storage.index import OffsetIndex, TimeIndex
from kafkactl.storage.log_dir import segments_in
from kafkactl.storage.producer_snapshot import read_producer_snapshot
from kafkactl.storage.segment import Segment, base_offset_of
from kafkactl.storage.txnindex import read_aborted_transactions
from kafkactl.storage.verify import TimeFault, check_time_index

LARGEST_KNOWN_MAGIC = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it should be; position in bytes, both None where they say nothing."""

    file: Path
    position: int | None
    offset: int | None
    fault: str


@dataclass
class Checked:
    """How much was looked at."""

    partitions: int = 0
    segments: int = 0
    batches: int = 0
    records: int = 0
    size_bytes: int = 0


@dataclass
class _Producer:
    """The last batch of a producer that was seen."""

    epoch: int
    last_offset: int
    last_sequence: int


@dataclass
class _Log:
    """What is known of a partition from its batches so far."""

    next_offset: int | None = None
    leader_epoch: int = -1
    producers: dict[int, _Producer] = field(default_factory=dict)
    aborts: set[tuple[int, int]] = field(default_factory=set)
    """Producer id and offset of every abort marker of the segment at hand."""


def check_partition(folder: Path, checked: Checked) -> Iterator[Fault]:
    """The faults of all files of a partition, as they are found; `checked` counts what was looked at."""
    checked.partitions += 1
    log = _Log()
    epochs, faults = _leader_epochs(folder / FileKind.LEADER_EPOCHS.value)
    yield from faults
    for path in segments_in(folder):
        checked.segments += 1
        yield from _check_producers(beside(path, FileKind.PRODUCER_SNAPSHOT), log)
        log.aborts.clear()
        try:
            with Segment(path) as segment:
                checked.size_bytes += segment.size_bytes
                yield from _check_batches(segment, log, epochs, checked)
                yield from _check_offset_index(segment)
                yield from _check_time_index(segment)
        except NotFoundError:
            continue  # a running broker deleted it meanwhile
        except KafkactlError as error:
            yield Fault(path, None, None, _reason(path, error))
        yield from _check_transactions(beside(path, FileKind.TRANSACTION_INDEX), log)
    snapshots = sorted(folder.glob(f"*{FileKind.PRODUCER_SNAPSHOT.value}"))
    segments = {path.stem for path in segments_in(folder)}
    for snapshot in snapshots:
        if snapshot.stem not in segments:  # what a broker writes when it stops: of the log's end
            yield from _check_producers(snapshot, log)


def _check_batches(segment: Segment, log: _Log, epochs: list[LeaderEpoch], checked: Checked) -> Iterator[Fault]:
    path, position = segment.path, 0
    base_offset = base_offset_of(path)
    try:
        for batch in segment.batches():
            checked.batches += 1
            first = batch.base_offset if isinstance(batch, Batch) else None
            for fault in _faults_of_batch(batch, base_offset, log, epochs, checked):
                yield Fault(path, batch.position, batch.last_offset if first is None else first, fault)
            position = batch.position + batch.size_bytes
            log.next_offset = max(log.next_offset or 0, batch.last_offset + 1)
    except FormatError as error:
        yield Fault(path, position, log.next_offset, _reason(path, error))
        return
    if position < segment.size_bytes:
        yield Fault(path, position, log.next_offset, f"{segment.size_bytes - position} bytes that are no whole batch")


def _faults_of_batch(
    batch: AnyBatch, segment_offset: int, log: _Log, epochs: list[LeaderEpoch], checked: Checked
) -> Iterator[str]:
    if batch.magic > LARGEST_KNOWN_MAGIC:
        yield f"magic {batch.magic} is not known"
        return
    if not batch.is_valid:
        yield f"its CRC is not {batch.crc}"
        return  # its other numbers mean nothing
    try:
        found = _look_at_records(batch, log)
    except FormatError as error:
        yield str(error)
        return
    checked.records += found.count
    first = batch.base_offset if isinstance(batch, Batch) else found.first
    if first < segment_offset:
        yield f"offset {first} is below its segment's {segment_offset}"
    if log.next_offset is not None and first < log.next_offset:
        yield f"offset {first} where {log.next_offset} or above comes next"
    if not found.rises:
        yield "its records' offsets do not rise"
    if found.count and (found.first < first or found.last > batch.last_offset):
        yield f"records of offsets {found.first} to {found.last} in a batch of {first} to {batch.last_offset}"
    if not isinstance(batch, Batch):
        return
    if found.count and batch.max_timestamp_ms != found.youngest_ms:
        yield f"its largest timestamp is said to be {batch.max_timestamp_ms}, and is {found.youngest_ms}"
    if batch.leader_epoch < log.leader_epoch:
        yield f"leader epoch {batch.leader_epoch} after {log.leader_epoch}"
    log.leader_epoch = max(log.leader_epoch, batch.leader_epoch)
    expected = _epoch_at(epochs, first)
    if expected is not None and batch.leader_epoch != expected:
        yield f"leader epoch {batch.leader_epoch}, and the checkpoint says {expected}"
    if not batch.is_control and batch.producer_id >= 0:
        log.producers[batch.producer_id] = _Producer(batch.producer_epoch, batch.last_offset, batch.last_sequence)


@dataclass
class _Records:
    """What a batch's records say together."""

    count: int = 0
    first: int = -1
    last: int = -1
    youngest_ms: int = -1
    rises: bool = True


def _look_at_records(batch: AnyBatch, log: _Log) -> _Records:
    """Reads a batch's records one by one, for there may be very many; raises FormatError."""
    found = _Records()
    for record in batch.records():
        if found.count == 0:
            found.first, found.youngest_ms = record.offset, record.timestamp_ms
        elif record.offset <= found.last:
            found.rises = False
        found.count += 1
        found.last = record.offset
        found.youngest_ms = max(found.youngest_ms, record.timestamp_ms)
        if batch.is_control and isinstance(batch, Batch) and parse_control(record).type is ControlType.ABORT:
            log.aborts.add((batch.producer_id, record.offset))
    return found


def _leader_epochs(path: Path) -> tuple[list[LeaderEpoch], list[Fault]]:
    try:
        epochs = read_leader_epochs(path)
    except NotFoundError:
        return [], []
    except KafkactlError as error:
        return [], [Fault(path, None, None, _reason(path, error))]
    faults = [
        Fault(path, None, after.start_offset, f"epoch {after.epoch} does not rise over {before.epoch} with its offset")
        for before, after in pairwise(epochs)
        if after.epoch <= before.epoch or after.start_offset < before.start_offset
    ]
    return ([] if faults else epochs), faults


def _epoch_at(epochs: list[LeaderEpoch], offset: int) -> int | None:
    """The leader epoch of an offset by the checkpoint; None where it does not reach back so far."""
    number = bisect_right(epochs, offset, key=lambda epoch: epoch.start_offset)
    return epochs[number - 1].epoch if number else None


def _check_offset_index(segment: Segment) -> Iterator[Fault]:
    path = beside(segment.path, FileKind.OFFSET_INDEX)
    try:
        index = OffsetIndex(path)
        index.require_whole()
    except NotFoundError:
        return  # a broker makes it anew
    except KafkactlError as error:
        yield Fault(path, None, None, _reason(path, error))
        return
    before = -1
    for entry in index.entries():
        if entry.offset == index.base_offset and entry.position == 0:
            continue  # the padding of an active segment: no broker writes an entry of the first batch
        found = _batch_at(segment, entry.position)
        if entry.offset <= before:
            yield Fault(path, entry.position, entry.offset, f"its entries do not rise: {entry.offset} after {before}")
        elif found is None:
            yield Fault(path, entry.position, entry.offset, "an entry that points where no batch begins")
        elif found.last_offset != entry.offset:
            yield Fault(
                path, entry.position, entry.offset, f"an entry of the batch whose last offset is {found.last_offset}"
            )
        before = entry.offset


def _batch_at(segment: Segment, position: int) -> AnyBatch | None:
    try:
        return next(segment.batches(position), None) if position >= 0 else None
    except FormatError:
        return None


def _check_time_index(segment: Segment) -> Iterator[Fault]:
    path = beside(segment.path, FileKind.TIME_INDEX)
    words = {
        TimeFault.TIMESTAMP_DIFFERS: "an entry of timestamp {}, and the batch's is {}",
        TimeFault.OUT_OF_ORDER: "an entry of timestamp {} after one of {}",
        TimeFault.OFFSET_NOT_FOUND: "an entry of offset {}, and a batch ends at {} (-1: none)",
    }
    try:
        index = TimeIndex(path)
        index.require_whole()
        offsets = OffsetIndex(beside(segment.path, FileKind.OFFSET_INDEX))
        for entry, findings in check_time_index(index, offsets, segment):
            if entry.offset == index.base_offset and entry.timestamp_ms == 0:
                continue  # padding, likewise
            for finding in findings:
                yield Fault(path, None, entry.offset, words[finding.fault].format(finding.indexed, finding.found))
    except NotFoundError:
        return
    except KafkactlError as error:
        yield Fault(path, None, None, _reason(path, error))


def _check_transactions(path: Path, log: _Log) -> Iterator[Fault]:
    try:
        for entry in read_aborted_transactions(path):
            if entry.first_offset > entry.last_offset:
                yield Fault(path, None, entry.first_offset, f"a transaction that ends at {entry.last_offset} before it")
            elif (entry.producer_id, entry.last_offset) not in log.aborts:
                yield Fault(
                    path,
                    None,
                    entry.last_offset,
                    f"an abort of producer {entry.producer_id} that the log does not have",
                )
    except NotFoundError:
        return
    except KafkactlError as error:
        yield Fault(path, None, None, _reason(path, error))


def _check_producers(path: Path, log: _Log) -> Iterator[Fault]:
    """A snapshot holds what was known of producers below the offset in its name; `log` has come just as far."""
    try:
        states = read_producer_snapshot(path)
    except NotFoundError:
        return
    except KafkactlError as error:
        yield Fault(path, None, None, _reason(path, error))
        return
    end = base_offset_of(path)
    for state in states:
        seen = log.producers.get(state.producer_id)
        if state.last_offset >= end:
            yield Fault(
                path, None, state.last_offset, f"producer {state.producer_id} is ahead of the snapshot's offset"
            )
        elif seen is not None and seen.epoch == state.producer_epoch and seen.last_offset != state.last_offset:
            yield Fault(
                path,
                None,
                state.last_offset,
                f"producer {state.producer_id}: the log has its last batch at {seen.last_offset}",
            )
        elif seen is not None and seen.epoch == state.producer_epoch and seen.last_sequence != state.last_sequence:
            yield Fault(
                path,
                None,
                state.last_offset,
                f"producer {state.producer_id}: sequence {state.last_sequence}, and the log has {seen.last_sequence}",
            )


def _reason(path: Path, error: KafkactlError) -> str:
    """The error without the file's name, which stands beside it."""
    return str(error).removeprefix(f"{path}: ").removeprefix("corrupt: ")
