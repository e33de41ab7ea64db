"""Ends of transactions, from the control batches of a partition.

A transaction index (.txnindex) is not enough: it has only aborted transactions, and there is none for the segment that
a broker writes to.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage.batch import Batch
from kafkactl.storage.damage import read_sound_batches
from kafkactl.storage.segment import Segment

_End = tuple[int, bool]
"""Offset of a control record, and whether it aborts the transaction."""
_Ends = dict[int, list[_End]]
"""Ends of the transactions in a segment by producer id, in the order of their offsets."""


@dataclass(kw_only=True)
class OpenRecords:
    """Count of the records that read_committed leaves out because the files have no end of their transaction."""

    records: int = 0
    """Number of records left out."""
    transactions: set[tuple[Path, int]] = field(default_factory=set)
    """Folder and producer id of each transaction; a producer has at most one open transaction in a partition."""

    def add(self, path: Path, producer_id: int, records: int) -> None:
        """Count records of a producer's transaction in a segment; 0 records count nothing.

        `path` is that of the segment. All records of a producer in one folder count as one transaction.
        """
        if records:
            self.records += records
            self.transactions.add((path.parent, producer_id))

    @property
    def message(self) -> str | None:
        """Return a sentence, without a full stop, with the numbers of records and transactions; None without any."""
        if not self.records:
            return None
        transactions = len(self.transactions)
        records = "1 record" if self.records == 1 else f"{self.records} records"
        owners = "1 transaction" if transactions == 1 else f"{transactions} transactions"
        verb = "is" if self.records == 1 else "are"
        return f"{records} of {owners} without an end {verb} left out: no commit or abort marker is in the files"


class TransactionEnds:
    """The ends of transactions in segments and in the later segments of their folders.

    Each segment is read once, when it is needed.
    """

    def __init__(self) -> None:
        """Begin without a segment that was read."""
        self._of_segment: dict[Path, _Ends] = {}
        self._following: dict[Path, list[Path]] = {}

    def is_aborted(self, segment: Segment, batch: Batch) -> bool | None:
        """Return whether the transaction of a batch was aborted; None where no segment from this one on has its end.

        `batch` must be a data batch of a transaction. The segment is read, and the later .log files of its folder where
        they are needed (none for a segment with a suffix like .gz), each once; the folder is listed once for each
        segment that needs later ones. So ends that are written afterwards are not seen. Damage is no error here: its
        control batches are ignored. Raise UsageError where the folder cannot be listed.
        """
        if segment.path not in self._of_segment:
            self._of_segment[segment.path] = _read_ends(segment)
        end = _find_end(self._of_segment[segment.path], batch)
        for path in () if end is not None else self._list_later_segments(segment.path):
            end = _find_end(self._read_ends_once(path), batch)
            if end is not None:
                break
        return end

    def _list_later_segments(self, path: Path) -> list[Path]:
        """Return the segments that follow a segment in its folder, in the order of their offsets.

        The folder is listed at the first call for a path, and not again. The list is empty where the segment is not
        among `list_segments`, as with a suffix like .gz or .deleted. Raise UsageError where the folder cannot be
        listed.
        """
        if path not in self._following:
            from kafkactl.storage.log_dir import list_segments  # most logs end without an open transaction

            segments = list_segments(path.parent)
            self._following[path] = segments[segments.index(path) + 1 :] if path in segments else []
        return self._following[path]

    def _read_ends_once(self, path: Path) -> _Ends:
        """Return the ends in a segment, which is read at the first call only.

        There are none where it cannot be opened, and where it cannot be read to its end those before that place: the
        reader of its records reports that. Nothing is raised.
        """
        if path not in self._of_segment:
            try:
                with Segment(path) as segment:
                    self._of_segment[path] = _read_ends(segment)
            except KafkactlError:  # a running broker may have deleted it
                self._of_segment[path] = {}
        return self._of_segment[path]


def _find_end(ends: _Ends, batch: Batch) -> bool | None:
    """Return whether the first end at or after a batch, of its producer's transactions, aborts; None without an end."""
    of_producer = ends.get(batch.producer_id, ())
    number = bisect_left(of_producer, (batch.base_offset, False))
    return of_producer[number][1] if number < len(of_producer) else None


def _read_ends(segment: Segment) -> _Ends:
    """Return the ends of transactions in a segment, by producer id, in the order of their offsets.

    Damage is ignored, and what is behind it is read: the reader of the records reports it. The offset that a batch
    begins with has no CRC: the order is right also where one of them is damaged. Where the file cannot be read to its
    end, the result has the ends before that place. Nothing is raised.
    """
    ends: _Ends = {}
    try:
        for batch in read_sound_batches(segment, 0, lambda _: None):
            if isinstance(batch, Batch) and batch.is_control and batch.is_transactional:
                ends.setdefault(batch.producer_id, []).extend(_read_batch_ends(batch))
    except FormatError:
        pass
    for of_producer in ends.values():
        of_producer.sort()
    return ends


def _read_batch_ends(batch: Batch) -> list[_End]:
    """Return the ends in one control batch, in the order of the records; none where one of its records cannot be read.

    Control records that are neither a commit nor an abort are left out.
    """
    from kafkactl.storage.control import ControlType, parse_control

    try:
        controls = [(record.offset, parse_control(record).type) for record in batch.records()]
    except FormatError:
        return []
    return [
        (offset, kind is ControlType.ABORT)
        for offset, kind in controls
        if kind in (ControlType.ABORT, ControlType.COMMIT)
    ]
