"""Check of the batches of a segment: their bytes, their records, and each batch against those before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kafkactl.errors import FormatError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.check.faults import CheckCounts, Fault, Severity, strip_file_name
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.check.producers import SnapshotChecks
from kafkactl.storage.checkpoint import LeaderEpoch
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC
from kafkactl.storage.legacy import LegacyRecord
from kafkactl.storage.segment import Segment
from kafkactl.storage.source import LostBytesError

NO_TIMESTAMP = -1


_ROUND_BYTES = 1 << 20
"""Unit of a preallocated segment's size.

Brokers that preallocate (preallocate=true) create segments of segment.bytes, which people give in MiB.
"""
_BLOCK_BYTES = 512
"""Unit of `st_blocks`."""


@dataclass(slots=True)
class BatchRecords:
    """Facts about the records of one batch."""

    count: int = 0
    first: int = -1
    """Offset of the first record; -1 without records."""
    last: int = -1
    """Offset of the last record; -1 without records."""
    youngest_ms: int = NO_TIMESTAMP
    """Largest timestamp."""
    rises: bool = True
    """Whether the offsets rise."""
    is_keyless: bool = False
    """Whether the first record has no key."""


class Watcher(Protocol):
    """A check of another file, which follows the batches of the log."""

    def see(self, batch: AnyBatch, records: BatchRecords | None) -> Iterable[Fault]:
        """Return the faults that a batch shows in the file; `records` is None where the batch is damaged.

        Pass each batch once, in the order of the file, and iterate over the result before the next call.
        """


@dataclass(kw_only=True)
class SegmentCheck:
    """The check of one segment's batches."""

    segment: Segment
    log: LogState
    epochs: Sequence[LeaderEpoch]
    """Lines of the leader-epoch-checkpoint; empty without one."""
    watchers: Sequence[Watcher]
    checked: CheckCounts
    base_offset: int
    snapshots: SnapshotChecks | None = None
    """Producer snapshots to check at their offsets; None without any."""
    checks_sequences: bool = True
    """Whether sequence numbers of producers are checked."""
    is_preallocated: bool | None = False
    """Whether the broker creates the topic's segments at their full size (preallocate); None: unknown."""
    reached: int = 0
    """Position after the last batch that was read, in bytes."""
    has_damage: bool = False
    """Whether damage was found so far."""
    ends_with_control: bool = False
    """Whether the last batch is a control batch."""

    def find_faults(self) -> Iterator[Fault]:
        """Yield the faults of all batches, and those that the watchers and the snapshots report.

        Damage, and a file that cannot be read further, are faults and raise nothing. Gaps between offsets go to `gaps`
        of the log state instead, and other faults that compaction explains to its `unless_cleaned`. Iterate once only,
        as counts and state grow. Behind a place without a whole batch no batch is read: one fault, or a notice in a
        preallocated segment, is about the rest of the file. The log state and the batches and records in `checked` are
        updated.
        """
        path = self.segment.path
        try:
            for batch in self.segment.batches():
                self.checked.batches += 1
                yield from self._check_batch(batch)
                self.reached = batch.position + batch.size_bytes
                self.ends_with_control = batch.is_control
        except LostBytesError as error:
            self._lose_track()
            yield self._make_fault_of_rest(strip_file_name(path, error))
            return
        except FormatError as error:
            yield self._judge_unread_bytes(strip_file_name(path, error))
            return
        behind = self.segment.size_bytes - self.reached
        if behind:
            yield self._judge_unread_bytes(f"{behind} bytes that are not a whole batch")

    def _judge_unread_bytes(self, text: str) -> Fault:
        """Return the fault of the bytes after the last batch, with `text`, which says why they are no batch.

        Zeros up to the end have their own text, and are only a notice in a preallocated segment, or, where that is not
        known, in one that looks so. A fault sets `has_damage`; the log state then forgets its producers and
        transactions, and its next offset stays, but is not exact. Nothing is raised.
        """
        size = self.segment.size_bytes - self.reached
        severity = Severity.FAULT
        try:
            has_data = self.segment.has_data(self.reached)
        except LostBytesError as error:
            has_data, text = True, f"{text}; {strip_file_name(self.segment.path, error)}"
        if not has_data:
            text = f"{size} bytes of zeros up to the end, as a machine that stops leaves them: a broker cuts them off"
            if self._looks_preallocated(size) if self.is_preallocated is None else self.is_preallocated:
                text, severity = f"{size} bytes that are allocated and not written yet", Severity.NOTICE
        if severity is Severity.FAULT:
            self._lose_track()
        return self._make_fault_of_rest(text, severity)

    def _looks_preallocated(self, zeros_bytes: int) -> bool:
        """Return whether a file looks preallocated: its size is a multiple of 1 MiB, and it has holes at its end.

        The blocks on disk must lack at least half of `zeros_bytes`, the number of zeros at the end. False for a file
        that was deleted meanwhile, and where the system does not count blocks.
        """
        try:
            status = self.segment.path.stat()
        except OSError:  # a running broker has deleted it meanwhile
            return False
        blocks = getattr(status, "st_blocks", None)
        is_round = status.st_size >= _ROUND_BYTES and status.st_size % _ROUND_BYTES == 0
        return is_round and blocks is not None and blocks * _BLOCK_BYTES <= status.st_size - zeros_bytes // 2

    def _make_fault_of_rest(self, text: str, severity: Severity = Severity.FAULT) -> Fault:
        """Return a fault at the position after the last batch, with the next offset, which damage makes inexact."""
        return Fault(
            file=self.segment.path, position=self.reached, offset=self.log.next_offset, severity=severity, fault=text
        )

    def _lose_track(self) -> None:
        """Note damage: producers and transactions are forgotten, and the next offset stays but is not exact."""
        self.has_damage = True
        self.log.lose_track()

    def _check_batch(self, batch: AnyBatch) -> Iterator[Fault]:
        """Yield the faults of one batch, and the faults that it shows in other files, such as snapshots.

        Damage is one fault and raises nothing. It sets `has_damage`, the log state forgets its producers and
        transactions and keeps its next offset, and other faults of the batch are not looked for. Records of a sound
        batch are counted in `checked`, and the log state is updated. Gaps between offsets go to `gaps` of the log state
        instead, and other faults that compaction explains to its `unless_cleaned`.
        """
        if self.snapshots is not None and self.snapshots.are_waiting and isinstance(batch, Batch):
            yield from self.snapshots.reach(min(batch.base_offset, self.log.next_offset or 0), self.log)
        damage, records = self._read_or_explain(batch)
        if damage is not None:
            first = batch.base_offset if isinstance(batch, Batch) else batch.last_offset
            yield self._make_fault(batch, first, damage)
            self._lose_track()
        elif records is not None:
            first = batch.base_offset if isinstance(batch, Batch) else records.first
            for text in self._check_sound_batch(batch, records, first):
                yield self._make_fault(batch, first, text)
        for watcher in self.watchers:
            yield from watcher.see(batch, records)

    def _read_or_explain(self, batch: AnyBatch) -> tuple[str | None, BatchRecords | None]:
        """Return the damage of a batch, as text, and None, or None and the facts about its records.

        Records of a batch without damage are counted in `checked`. Ends of transactions are noted in the log state,
        also those before a damage. Nothing is raised.
        """
        if batch.magic > LARGEST_KNOWN_MAGIC:
            return f"unknown magic {batch.magic}", None
        if not batch.is_valid:
            return f"its CRC is not {batch.crc}", None
        try:
            records = _read_records(batch, self.log)
        except FormatError as error:
            return str(error), None
        self.checked.records += records.count
        return None, records

    def _check_sound_batch(self, batch: AnyBatch, records: BatchRecords, first: int) -> Iterator[str]:
        """Yield the faults, as text, of a batch that can be read, and update the log state.

        `first` is the batch's first offset. Gaps between offsets go to `gaps` of the log state instead, and faults of a
        producer's epoch or sequence numbers to its `unless_cleaned`.
        """
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
            yield from self._check_header(batch, records)

    def _check_header(self, batch: Batch, records: BatchRecords) -> Iterator[str]:
        """Yield the faults, as text, in the header of a batch of magic 2, and update the log state.

        Faults are a largest timestamp other than that of the records (not looked at without records; -1 may stand for
        all below -1), a leader epoch that falls, also to -1, and one that differs from the checkpoint. Faults of a
        producer's epoch or sequence numbers go to `unless_cleaned` of the log state instead.
        """
        log = self.log
        if records.count != batch.last_offset_delta + 1 or batch.delete_horizon_ms is not None:
            log.is_cleaned = log.is_rewritten = True
        # A broker that meets only timestamps below -1 writes -1 for the largest of them.
        possible = (records.youngest_ms, max(NO_TIMESTAMP, records.youngest_ms))
        if records.count and batch.max_timestamp_ms not in possible:
            yield f"its header states the largest timestamp {batch.max_timestamp_ms}, but it is {records.youngest_ms}"
        log.youngest_ms = max(log.youngest_ms, batch.max_timestamp_ms)
        if batch.leader_epoch < log.leader_epoch:
            yield f"leader epoch {batch.leader_epoch} after {log.leader_epoch}"
        log.leader_epoch = max(log.leader_epoch, batch.leader_epoch)
        expected = _find_epoch(self.epochs, batch.base_offset)
        if expected is not None and batch.leader_epoch != expected:
            yield f"leader epoch {batch.leader_epoch}, and the checkpoint says {expected}"
        if batch.producer_id >= 0 and not batch.is_control:
            jump = log.find_sequence_fault(batch) if self.checks_sequences else None
            if jump is not None:
                log.unless_cleaned.append(self._make_fault(batch, batch.base_offset, jump))
            log.take_data(batch)

    def _make_fault(self, batch: AnyBatch, offset: int, text: str) -> Fault:
        """Return a fault at a batch of the segment, with its position and an offset."""
        return Fault(file=self.segment.path, position=batch.position, offset=offset, fault=text)


def _read_records(batch: AnyBatch, log: LogState) -> BatchRecords:
    """Return the facts about the records of a batch, and note the ends of transactions in the log state.

    The records are read one by one, because a batch can have very many. Raise FormatError where they, or control
    records, cannot be read; ends before that place stay noted. The CRC is not checked.
    """
    facts = BatchRecords()
    is_control = isinstance(batch, Batch) and batch.is_control
    for record in batch.records():
        if isinstance(record, LegacyRecord) and record.fault:
            raise FormatError(record.fault)
        if facts.count == 0:
            facts.first, facts.youngest_ms = record.offset, record.timestamp_ms
            facts.is_keyless = record.key is None
        elif record.offset <= facts.last:
            facts.rises = False
        facts.count += 1
        facts.last = record.offset
        if record.timestamp_ms > facts.youngest_ms:
            facts.youngest_ms = record.timestamp_ms
        if is_control:
            control = parse_control(record).type
            if control in (ControlType.ABORT, ControlType.COMMIT) and isinstance(batch, Batch):
                log.end_transaction(batch.producer_id, record.offset, aborted=control is ControlType.ABORT)
    return facts


def _find_epoch(epochs: Sequence[LeaderEpoch], offset: int) -> int | None:
    """Return the leader epoch of an offset by the lines of the checkpoint, whose offsets rise.

    None where all lines begin later, and without lines.
    """
    number = bisect_right(epochs, offset, key=lambda epoch: epoch.start_offset)
    return epochs[number - 1].epoch if number else None


def check_snapshot_file(path: Path, checked: CheckCounts) -> Iterator[Fault]:
    """Yield the faults of a KRaft snapshot, which consists of batches as a segment does.

    Faults are those of `find_faults`, missing offsets, which count from 0 on, and, without damage, a missing control
    batch at the end. The batches and records in `checked` are updated. Raise NotFoundError, UsageError and FormatError
    where the file cannot be opened.
    """
    log = LogState(start_offset=0, next_offset=0)
    with Segment(path) as segment:
        check = SegmentCheck(segment=segment, log=log, epochs=(), watchers=(), checked=checked, base_offset=0)
        yield from check.find_faults()
        for gap in log.gaps:
            yield Fault(file=path, position=gap.position, offset=gap.first, fault=f"{gap} missing")
        if not check.has_damage and not check.ends_with_control:
            yield Fault(file=path, position=check.reached, fault="the footer of the snapshot is missing")
