"""State of a log while its batches are read: next offset, producers, transactions and gaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kafkactl.storage.batch import Batch
from kafkactl.storage.check.faults import Fault
from kafkactl.storage.records import increment_sequence

FORGOTTEN_AFTER_MS = 24 * 60 * 60 * 1000
"""Time after which a broker forgets a silent producer and accepts any sequence (producer.id.expiration.ms)."""


@dataclass(kw_only=True, slots=True)
class LastBatch:
    """The newest batch of a producer."""

    epoch: int = -1
    last_offset: int = -1
    last_sequence: int = -1
    timestamp_ms: int = -1
    gaps_before: int = 0
    """Number of gaps in the log before the batch."""


@dataclass(kw_only=True, slots=True)
class OpenTransaction:
    """A transaction without an end so far."""

    first_offset: int
    last_ms: int
    """Largest timestamp of its last batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbortMarker:
    """The end of an aborted transaction; `first_offset` is None where its first batch is not known."""

    first_offset: int | None
    stable_offset: int
    """First offset of the oldest transaction that was open then, or the offset after the marker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Offsets from `first` up to `end` (excluded) that no batch has."""

    file: Path
    position: int | None
    """Position of the batch after the gap, in bytes; None for a gap between segments."""
    first: int
    end: int
    between_segments: bool

    def __str__(self) -> str:
        """Return the offsets as the beginning of a sentence: "offset 5 is" or "offsets 5 to 7 are"."""
        last = self.end - 1
        return f"offset {self.first} is" if self.first == last else f"offsets {self.first} to {last} are"


@dataclass(kw_only=True)
class LogState:
    """The state of a log after the batches that were read."""

    start_offset: int | None = None
    """Base offset of the first segment."""
    next_offset: int | None = None
    """The offset after the last one; None before the first segment."""
    is_exact: bool = True
    """False behind damage, until the next sound batch, because the content of the damage is not known."""
    has_damage: bool = False
    leader_epoch: int = -1
    youngest_ms: int = -1
    producers: dict[int, LastBatch] = field(default_factory=dict)
    """Newest batch by producer id."""
    transactions: dict[int, OpenTransaction] = field(default_factory=dict)
    """Open transactions by producer id."""
    aborts: dict[tuple[int, int], AbortMarker] = field(default_factory=dict)
    """Abort markers of the present segment, by producer id and offset."""
    gaps: list[Gap] = field(default_factory=list)
    is_cleaned: bool = False
    """Whether a segment has holes inside, as compaction leaves them."""
    is_rewritten: bool = False
    """Whether a batch has lost records, which only compaction does."""
    keyless_offset: int | None = None
    """Offset of the first record without a key, which no compacted topic takes; None without one."""
    unless_cleaned: list[Fault] = field(default_factory=list)
    """Faults that compaction explains: they count only where nothing was compacted."""

    def enter_segment(self, path: Path, base_offset: int) -> None:
        """Note where a segment begins, and a gap before it; drop the abort markers of the segment before it.

        The first call sets `start_offset` and `next_offset`; later ones raise `next_offset` to a higher `base_offset`.
        No gap is noted directly behind damage. Call this for the segments in the order of their offsets, before their
        batches.
        """
        self.aborts.clear()
        if self.start_offset is None:
            self.start_offset = self.next_offset = base_offset
        if self.next_offset is not None and base_offset > self.next_offset:
            if self.is_exact:
                self._add_gap(path, None, base_offset, between_segments=True)
            self.next_offset = base_offset

    def meet_offset(self, path: Path, position: int, first: int) -> None:
        """Note a gap before the first offset of a sound batch, which compaction can leave; then `is_cleaned` is set.

        `next_offset` is not moved. No gap is noted where `next_offset` is None, nor directly behind damage, which ends
        here. `position` is that of the batch in its file, in bytes.
        """
        if self.is_exact and self.next_offset is not None and first > self.next_offset:
            self._add_gap(path, position, first, between_segments=False)
            self.is_cleaned = True
        self.is_exact = True

    def lose_track(self) -> None:
        """Note damage: producers and transactions are forgotten, and the next offset stays but is not exact."""
        self.is_exact, self.has_damage = False, True
        self.producers.clear()
        self.transactions.clear()

    def find_sequence_fault(self, batch: Batch) -> str | None:
        """Return the fault of the epoch or the sequence of a producer's next batch, as text, or None.

        None also for an unknown producer, where this batch or its last one has no sequence, where a gap was noted after
        its last one, and for a producer that was silent for 24 hours, which a broker has forgotten. Nothing is changed.
        """
        last = self.producers.get(batch.producer_id)
        if last is None or last.last_sequence < 0 or batch.base_sequence < 0:
            return None
        expected = increment_sequence(last.last_sequence, 1) if batch.producer_epoch == last.epoch else 0
        if batch.base_sequence == expected and batch.producer_epoch >= last.epoch:
            return None
        if last.gaps_before != len(self.gaps) or batch.max_timestamp_ms - last.timestamp_ms >= FORGOTTEN_AFTER_MS:
            return None
        who = f"producer {batch.producer_id}"
        if batch.producer_epoch < last.epoch:
            return f"{who}: epoch {batch.producer_epoch} after epoch {last.epoch}"
        return f"{who}: sequence {batch.base_sequence}, and {expected} comes next"

    def take_data(self, batch: Batch) -> None:
        """Note a data batch as its producer's newest one, and as a part of its open transaction.

        The batch must have a producer. It opens a transaction where the producer has none. A batch that is not
        transactional, or has no records left, belongs to none.
        """
        last = self.producers.get(batch.producer_id)
        if last is None:
            last = self.producers[batch.producer_id] = LastBatch()
        last.epoch, last.last_offset, last.last_sequence = batch.producer_epoch, batch.last_offset, batch.last_sequence
        last.timestamp_ms, last.gaps_before = batch.max_timestamp_ms, len(self.gaps)
        if batch.is_transactional and batch.count:  # a batch that compaction has emptied stays without its marker
            opened = self.transactions.setdefault(
                batch.producer_id, OpenTransaction(first_offset=batch.base_offset, last_ms=batch.max_timestamp_ms)
            )
            opened.last_ms = batch.max_timestamp_ms

    def end_transaction(self, producer_id: int, offset: int, *, aborted: bool) -> None:
        """Note the marker at the end of a producer's transaction, which need not have been open.

        `offset` is that of the marker; with `aborted` it is added to `aborts`.
        """
        opened = self.transactions.pop(producer_id, None)
        if aborted:
            oldest = min((other.first_offset for other in self.transactions.values()), default=offset + 1)
            self.aborts[producer_id, offset] = AbortMarker(
                first_offset=None if opened is None else opened.first_offset, stable_offset=oldest
            )

    def _add_gap(self, path: Path, position: int | None, end: int, *, between_segments: bool) -> None:
        """Note a gap from the next offset up to `end` (excluded), whether or not compaction explains it.

        `position` is that of the batch after the gap, in bytes, or None between segments.
        """
        first = self.next_offset or 0
        self.gaps.append(Gap(file=path, position=position, first=first, end=end, between_segments=between_segments))
