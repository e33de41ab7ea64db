"""How transactions ended, as the control batches of a partition say it.

An index of transactions (.txnindex) knows only aborted ones, and none of the segment that a broker writes to.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage.batch import Batch
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.damage import sound_batches
from kafkactl.storage.log_dir import segments_in
from kafkactl.storage.segment import Segment

_End = tuple[int, bool]
"""Offset of a control record, and whether it aborts."""
_Ends = dict[int, list[_End]]
"""The ends of every producer's transactions in a segment, by producer id, in the order of their offsets."""


@dataclass(kw_only=True)
class OpenRecords:
    """The records that read_committed leaves out because the files have no end of their transaction."""

    records: int = 0
    transactions: set[tuple[Path, int]] = field(default_factory=set)
    """Folder and producer id; a producer has at most one transaction without an end in a partition."""

    def add(self, path: Path, producer_id: int, records: int) -> None:
        """Count records of a segment and their transaction."""
        if records:
            self.records += records
            self.transactions.add((path.parent, producer_id))

    @property
    def message(self) -> str | None:
        """Return a sentence about the records, or None where nothing was left out."""
        if not self.records:
            return None
        transactions = len(self.transactions)
        records = "1 record" if self.records == 1 else f"{self.records} records"
        owners = "1 transaction" if transactions == 1 else f"{transactions} transactions"
        verb = "is" if self.records == 1 else "are"
        return f"{records} of {owners} without an end {verb} left out: no commit or abort marker is in the files"


class TransactionEnds:
    """The ends of transactions in segments and in those that follow them; each segment is read once, when asked."""

    def __init__(self) -> None:
        self._of_segment: dict[Path, _Ends] = {}
        self._following: dict[Path, list[Path]] = {}

    def is_aborted(self, segment: Segment, batch: Batch) -> bool | None:
        """Return whether the transaction that a batch belongs to was aborted; None where the log has no end of it."""
        if segment.path not in self._of_segment:
            self._of_segment[segment.path] = _read_ends(segment)
        end = _end_behind(self._of_segment[segment.path], batch)
        for path in () if end is not None else self._paths_behind(segment.path):
            end = _end_behind(self._ends_of(path), batch)
            if end is not None:
                break
        return end

    def _paths_behind(self, path: Path) -> list[Path]:
        """Return the segments that follow one in its folder."""
        if path not in self._following:
            segments = segments_in(path.parent)
            self._following[path] = segments[segments.index(path) + 1 :] if path in segments else []
        return self._following[path]

    def _ends_of(self, path: Path) -> _Ends:
        if path not in self._of_segment:
            try:
                with Segment(path) as segment:
                    self._of_segment[path] = _read_ends(segment)
            except KafkactlError:  # a running broker may have deleted it meanwhile; who reads it reports the rest
                self._of_segment[path] = {}
        return self._of_segment[path]


def _end_behind(ends: _Ends, batch: Batch) -> bool | None:
    """Return whether the first end behind a batch, of its producer's transactions, aborts; None without an end."""
    of_producer = ends.get(batch.producer_id, ())
    number = bisect_left(of_producer, (batch.base_offset, False))
    return of_producer[number][1] if number < len(of_producer) else None


def _read_ends(segment: Segment) -> _Ends:
    """Return the ends of transactions in a segment; who reads its records reports what is damaged."""
    ends: _Ends = {}
    try:
        for batch in sound_batches(segment, 0, lambda _: None):
            if isinstance(batch, Batch) and batch.is_control and batch.is_transactional:
                ends.setdefault(batch.producer_id, []).extend(_ends_in(batch))
    except FormatError:
        pass
    return ends


def _ends_in(batch: Batch) -> list[_End]:
    try:
        controls = [(record.offset, parse_control(record).type) for record in batch.records()]
    except FormatError:
        return []
    return [(offset, kind is ControlType.ABORT) for offset, kind in controls if kind in _ENDS]


_ENDS = (ControlType.ABORT, ControlType.COMMIT)
