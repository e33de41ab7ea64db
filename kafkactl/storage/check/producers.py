"""Check of producer snapshots and transaction indexes against the batches of the log."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from kafkactl.errors import KafkactlError, NotFoundError
from kafkactl.storage.check.faults import Fault, notice, unreadable
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.producer_snapshot import ProducerState, read_producer_snapshot
from kafkactl.storage.segment import find_base_offset
from kafkactl.storage.txnindex import AbortedTransaction, read_aborted_transactions

LONG_OPEN_MS = 15 * 60 * 1000
"""Longest transaction that brokers allow by default (transaction.max.timeout.ms)."""


class SnapshotChecks:
    """The producer snapshots of a folder; each has the producers as of the offset in its name."""

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        """Take the paths of snapshots, whose names begin with their offsets.

        A file with an offset in its name is not opened here. Without one, raise UsageError where the file has fewer
        than 8 bytes, is missing, a folder or a device, or may not be opened, and FormatError where it cannot be read.
        """
        self._waiting = deque(sorted((find_base_offset(path), path) for path in paths))

    @property
    def are_waiting(self) -> bool:
        """Return whether a snapshot is left to check."""
        return bool(self._waiting)

    def reach(self, offset: int, log: LogState) -> Iterator[Fault]:
        """Yield the faults of the snapshots up to an offset (included), which the log has reached and not passed.

        Each snapshot is read and checked once, a missing one has no faults, and one that cannot be read is a fault.
        Faults that compaction explains go to `log.unless_cleaned` instead.
        """
        while self._waiting and self._waiting[0][0] <= offset:
            end, path = self._waiting.popleft()
            yield from _check_snapshot(path, end, log)

    def finish(self, log: LogState) -> Iterator[Fault]:
        """Yield the faults of the remaining snapshots, at the end of the log.

        A sound one past the end is a fault, unless the log has damage. One that was deleted meanwhile has none. Faults
        that compaction explains go to `log.unless_cleaned` instead.
        """
        end = log.next_offset or 0
        yield from self.reach(end, log)
        for offset, path in self._waiting:
            faults = list(_check_snapshot(path, offset, log))
            yield from faults
            if not faults and not log.has_damage and os.path.exists(path):
                text = f"a snapshot of offset {offset}, and the log ends at {end}: its last records are missing"
                yield Fault(file=path, offset=offset, fault=text)


def _check_snapshot(path: Path, end: int, log: LogState) -> Iterator[Fault]:
    """Yield the faults of a snapshot; the log has been read up to its offset `end`, or ends before it.

    A missing file has none, and one that cannot be read is a fault. Faults that compaction explains go to
    `log.unless_cleaned` instead.
    """
    try:
        states = read_producer_snapshot(path)
    except NotFoundError:
        return
    except KafkactlError as error:
        yield unreadable(path, error)
        return
    snapshot_ids = {state.producer_id for state in states}
    for state in states:
        if state.last_offset >= end:
            text = f"producer {state.producer_id} is ahead of the snapshot's offset"
            yield Fault(file=path, offset=state.last_offset, fault=text)
            continue
        difference = _find_difference(state, end, log)
        if difference is not None:
            log.unless_cleaned.append(Fault(file=path, offset=state.last_offset, fault=difference))
    for producer_id, opened in log.transactions.items():
        if producer_id not in snapshot_ids and opened.first_offset < end <= (log.next_offset or 0):
            text = f"producer {producer_id} with a transaction open since offset {opened.first_offset} is missing"
            log.unless_cleaned.append(Fault(file=path, offset=opened.first_offset, fault=text))


def _find_difference(state: ProducerState, end: int, log: LogState) -> str | None:
    """Return where a snapshot of offset `end` and the log disagree about a producer, as text, or None.

    None also where the log, as far as it was read, has no batch of the producer, its newest one has another epoch or,
    in a log with damage, is behind `end` already, or the state's last offset was not reached. Transactions are compared
    only where the log has no damage and the snapshot has an open one that began in the log.
    """
    producer = f"producer {state.producer_id}"
    last = log.producers.get(state.producer_id)
    if last is None or last.epoch != state.producer_epoch or state.last_offset >= (log.next_offset or 0):
        return None
    if log.has_damage and last.last_offset >= end:
        return None  # the damage has hidden the place of the snapshot
    if last.last_offset != state.last_offset:
        return f"{producer}: the log has its last batch at {last.last_offset}"
    if last.last_sequence != state.last_sequence:
        return f"{producer}: sequence {state.last_sequence}, and the log has {last.last_sequence}"
    if log.has_damage:
        return None  # transactions may begin inside the damage
    opened = log.transactions.get(state.producer_id)
    in_log = -1 if opened is None else opened.first_offset
    if state.current_transaction_first_offset != in_log and state.current_transaction_first_offset >= (
        log.start_offset or 0
    ):
        return (
            f"{producer}: a transaction open since {state.current_transaction_first_offset}, and the log has {in_log}"
        )
    return None


def check_aborted(path: Path | None, log_path: Path, log: LogState, *, has_damage: bool) -> Iterator[Fault]:
    """Yield the differences between a segment's transaction index and the abort markers in its log, both ways.

    A `path` of None means that the segment has no index; then the findings are about `log_path`, the segment. A missing
    index counts as one without entries, and one that cannot be read is a fault. With `has_damage`, which says that this
    segment has damage, nothing is compared. Markers that the index lacks go to `log.unless_cleaned` instead; those
    whose transaction has no known beginning are not looked for.
    """
    path = path or log_path
    try:
        entries = [] if path == log_path else list(read_aborted_transactions(path))
    except NotFoundError:
        entries = []
    except KafkactlError as error:
        yield unreadable(path, error)
        return
    if has_damage:
        return  # the damage may hide markers
    for entry in entries:
        reason = _find_fault_of_entry(entry, log)
        if reason is not None:
            offset = entry.first_offset if entry.first_offset > entry.last_offset else entry.last_offset
            yield Fault(file=path, offset=offset, fault=reason)
    indexed = {(entry.producer_id, entry.last_offset) for entry in entries}
    for (producer_id, offset), marker in log.aborts.items():
        if marker.first_offset is not None and (producer_id, offset) not in indexed:
            text = f"the abort of producer {producer_id} is missing: consumers would read its aborted records"
            log.unless_cleaned.append(Fault(file=path, offset=offset, fault=text))


def _find_fault_of_entry(entry: AbortedTransaction, log: LogState) -> str | None:
    """Return the fault of an index entry, as text, or None.

    A first offset above the last one is a fault. Otherwise the entry is compared with the abort marker of its producer
    at its last offset. Where the log has holes of compaction or damage, or does not show where the transaction began,
    only the marker must exist. The last stable offset is compared only where the log begins at offset 0 or the entry's
    is negative.
    """
    if entry.first_offset > entry.last_offset:
        return f"a transaction that ends at {entry.last_offset} before it"
    marker = log.aborts.get((entry.producer_id, entry.last_offset))
    if marker is None:
        return f"an abort of producer {entry.producer_id} that the log does not have"
    if log.is_cleaned or log.has_damage or marker.first_offset is None:
        return None
    if marker.first_offset != entry.first_offset:
        return f"a transaction from offset {entry.first_offset}, and the log has it from {marker.first_offset} on"
    # A log that begins later may have lost the beginning of a transaction that was open.
    if entry.last_stable_offset != marker.stable_offset and (log.start_offset == 0 or entry.last_stable_offset < 0):
        return f"last stable offset {entry.last_stable_offset}, and by the log it is {marker.stable_offset}"
    return None


def find_open_transactions(path: Path, log: LogState) -> Iterator[Fault]:
    """Yield a notice for every transaction without an end, sorted by producer id, about the file `path`.

    Consumers with read_committed get neither its records nor any later ones.
    """
    for producer_id, opened in sorted(log.transactions.items()):
        text = f"the transaction of producer {producer_id} is open: read_committed consumers wait here"
        behind_ms = log.youngest_ms - opened.last_ms
        if behind_ms > LONG_OPEN_MS:
            minutes = behind_ms // 60000
            text += f"; the log goes on for {minutes} minutes after its last record, so it may hang"
        yield notice(path, text, opened.first_offset)
