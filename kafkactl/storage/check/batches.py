"""Check the batches of a segment: their bytes, their records, and each against those before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kafkactl.errors import FormatError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.check.faults import Checked, Fault, Severity, reason
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.check.producers import SnapshotChecks
from kafkactl.storage.checkpoint import LeaderEpoch
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC
from kafkactl.storage.segment import Segment
from kafkactl.storage.source import LostBytesError

NO_TIMESTAMP = -1


_ROUND_BYTES = 1 << 20
"""Brokers that preallocate (preallocate=true) make segments of segment.bytes, which people give in MiB."""
_BLOCK_BYTES = 512


@dataclass(slots=True)
class BatchRecords:
    """What the records of a batch show together."""

    count: int = 0
    first: int = -1
    last: int = -1
    youngest_ms: int = NO_TIMESTAMP
    rises: bool = True
    is_keyless: bool = False
    """Whether its first record has no key."""


class Watcher(Protocol):
    """A check of another file, which follows the batches of the log."""

    def see(self, batch: AnyBatch, records: BatchRecords | None) -> Iterable[Fault]:
        """Check what the file says about a batch; `records` is None where the batch is damaged."""


@dataclass(kw_only=True)
class SegmentCheck:
    """The check of one segment's batches."""

    segment: Segment
    log: LogState
    epochs: Sequence[LeaderEpoch]
    watchers: Sequence[Watcher]
    checked: Checked
    base_offset: int
    snapshots: SnapshotChecks | None = None
    checks_sequences: bool = True
    is_preallocated: bool | None = False
    """Whether the broker makes the segments of the topic as large as they may become (preallocate); None: unknown."""
    reached: int = 0
    """Position behind the last batch that was read, in bytes."""
    has_damage: bool = False
    ends_with_control: bool = False

    def faults(self) -> Iterator[Fault]:
        """Yield the faults of all batches, and those that the watchers report."""
        path = self.segment.path
        try:
            for batch in self.segment.batches():
                self.checked.batches += 1
                yield from self._check_batch(batch)
                self.reached = batch.position + batch.size_bytes
                self.ends_with_control = batch.is_control
        except LostBytesError as error:
            self._lose_track()
            yield self._fault_behind(reason(path, error))
            return
        except FormatError as error:
            yield self._end_of_readable(reason(path, error))
            return
        behind = self.segment.size_bytes - self.reached
        if behind:
            yield self._end_of_readable(f"{behind} bytes that are no whole batch")

    def _end_of_readable(self, text: str) -> Fault:
        """Return the fault of the bytes behind the last batch; zeros up to the end have a cause of their own."""
        size = self.segment.size_bytes - self.reached
        severity = Severity.FAULT
        try:
            has_data = self.segment.has_data(self.reached)
        except LostBytesError as error:
            has_data, text = True, f"{text}; {reason(self.segment.path, error)}"
        if not has_data:
            text = f"{size} bytes of zeros up to the end, as a machine that stops leaves them: a broker cuts them off"
            if self._looks_preallocated(size) if self.is_preallocated is None else self.is_preallocated:
                text, severity = f"{size} bytes that are allocated and not written yet", Severity.NOTICE
        if severity is Severity.FAULT:
            self._lose_track()
        return self._fault_behind(text, severity)

    def _looks_preallocated(self, zeros_bytes: int) -> bool:
        """Return whether a file was made as large as it may become: of round size, and without blocks at its end."""
        found = self.segment.path.stat()
        blocks = getattr(found, "st_blocks", None)
        is_round = found.st_size >= _ROUND_BYTES and found.st_size % _ROUND_BYTES == 0
        return is_round and blocks is not None and blocks * _BLOCK_BYTES <= found.st_size - zeros_bytes // 2

    def _fault_behind(self, text: str, severity: Severity = Severity.FAULT) -> Fault:
        """Return the fault of the bytes behind the last batch."""
        return Fault(
            file=self.segment.path, position=self.reached, offset=self.log.next_offset, severity=severity, fault=text
        )

    def _lose_track(self) -> None:
        self.has_damage = True
        self.log.lose_track()

    def _check_batch(self, batch: AnyBatch) -> Iterator[Fault]:
        if self.snapshots is not None and self.snapshots.are_waiting and isinstance(batch, Batch):
            yield from self.snapshots.reach(min(batch.base_offset, self.log.next_offset or 0), self.log)
        damage, records = self._damage_of(batch)
        if damage is not None:
            first = batch.base_offset if isinstance(batch, Batch) else batch.last_offset
            yield self._fault(batch, first, damage)
            self._lose_track()
        elif records is not None:
            first = batch.base_offset if isinstance(batch, Batch) else records.first
            for text in self._faults_of_sound(batch, records, first):
                yield self._fault(batch, first, text)
        for watcher in self.watchers:
            yield from watcher.see(batch, records)

    def _damage_of(self, batch: AnyBatch) -> tuple[str | None, BatchRecords | None]:
        """Return why a batch cannot be read, or what its records show."""
        if batch.magic > LARGEST_KNOWN_MAGIC:
            return f"magic {batch.magic} is not known", None
        if not batch.is_valid:
            return f"its CRC is not {batch.crc}", None
        try:
            records = _read_records(batch, self.log)
        except FormatError as error:
            return str(error), None
        self.checked.records += records.count
        return None, records

    def _faults_of_sound(self, batch: AnyBatch, records: BatchRecords, first: int) -> Iterator[str]:
        log = self.log
        if first < self.base_offset:
            yield f"offset {first} is below its segment's {self.base_offset}"
        if log.next_offset is not None and first < log.next_offset:
            yield f"offset {first} where {log.next_offset} or above comes next"
        if not records.rises:
            yield "its records' offsets do not rise"
        if records.count and (records.first < first or records.last > batch.last_offset):
            yield f"records of offsets {records.first} to {records.last} in a batch of {first} to {batch.last_offset}"
        log.meet_offset(self.segment.path, batch.position, first)
        log.next_offset = max(log.next_offset or 0, batch.last_offset + 1)
        if records.is_keyless and log.keyless_offset is None:
            log.keyless_offset = records.first
        if isinstance(batch, Batch):
            yield from self._faults_of_header(batch, records)

    def _faults_of_header(self, batch: Batch, records: BatchRecords) -> Iterator[str]:
        log = self.log
        if records.count != batch.last_offset_delta + 1 or batch.delete_horizon_ms is not None:
            log.is_cleaned = log.is_rewritten = True
        # A broker that meets only timestamps below -1 writes -1 for the largest of them.
        if records.count and batch.max_timestamp_ms != max(NO_TIMESTAMP, records.youngest_ms):
            yield f"its largest timestamp is said to be {batch.max_timestamp_ms}, and is {records.youngest_ms}"
        log.youngest_ms = max(log.youngest_ms, batch.max_timestamp_ms)
        if batch.leader_epoch < log.leader_epoch:
            yield f"leader epoch {batch.leader_epoch} after {log.leader_epoch}"
        log.leader_epoch = max(log.leader_epoch, batch.leader_epoch)
        expected = _epoch_at(self.epochs, batch.base_offset)
        if expected is not None and batch.leader_epoch != expected:
            yield f"leader epoch {batch.leader_epoch}, and the checkpoint says {expected}"
        if batch.producer_id >= 0 and not batch.is_control:
            jump = log.sequence_fault(batch) if self.checks_sequences else None
            if jump is not None:
                log.unless_cleaned.append(self._fault(batch, batch.base_offset, jump))
            log.take_data(batch)

    def _fault(self, batch: AnyBatch, offset: int, text: str) -> Fault:
        return Fault(file=self.segment.path, position=batch.position, offset=offset, fault=text)


def _read_records(batch: AnyBatch, log: LogState) -> BatchRecords:
    """Read the records of a batch one after the other, for there may be very many; raises FormatError."""
    shown = BatchRecords()
    is_control = isinstance(batch, Batch) and batch.is_control
    for record in batch.records():
        if shown.count == 0:
            shown.first, shown.youngest_ms = record.offset, record.timestamp_ms
            shown.is_keyless = record.key is None
        elif record.offset <= shown.last:
            shown.rises = False
        shown.count += 1
        shown.last = record.offset
        if record.timestamp_ms > shown.youngest_ms:
            shown.youngest_ms = record.timestamp_ms
        if is_control:
            control = parse_control(record).type
            if control in (ControlType.ABORT, ControlType.COMMIT) and isinstance(batch, Batch):
                log.end_transaction(batch.producer_id, record.offset, aborted=control is ControlType.ABORT)
    return shown


def _epoch_at(epochs: Sequence[LeaderEpoch], offset: int) -> int | None:
    """Return the leader epoch of an offset by the checkpoint; None where it does not reach back so far."""
    number = bisect_right(epochs, offset, key=lambda epoch: epoch.start_offset)
    return epochs[number - 1].epoch if number else None


def check_snapshot_file(path: Path, checked: Checked) -> Iterator[Fault]:
    """Yield the faults of a snapshot of KRaft, which is made of batches as a segment is."""
    with Segment(path) as segment:
        check = SegmentCheck(segment=segment, log=LogState(), epochs=(), watchers=(), checked=checked, base_offset=0)
        yield from check.faults()
        if not check.has_damage and not check.ends_with_control:
            yield Fault(file=path, position=check.reached, fault="the footer of the snapshot is missing")
