"""What segments hold, in numbers: records, bytes, codecs, sizes, times, keys, producers and the gaps of compaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.compression import Codec
from kafkactl.storage.files import with_file_name
from kafkactl.storage.segment import Segment, base_offset_of

PERCENTILES = (50, 90, 99, 100)
# So many keys are counted exactly; of more, those seen rarely are forgotten.
MOST_KEYS = 100_000
UNPACKED_HEADER_BYTES = 61


@dataclass
class Stats:
    """Numbers of one segment, or of many: they add up."""

    segments: int = 0
    size_bytes: int = 0
    batches: int = 0
    control_batches: int = 0
    records: int = 0
    control_records: int = 0
    tombstones: int = 0
    transactional_batches: int = 0
    compressed_bytes: int = 0
    """Of the records of compressed batches."""
    uncompressed_bytes: int = 0
    """The same when decompressed."""
    first_offset: int | None = None
    next_offset: int | None = None
    missing_offsets: int = 0
    gaps: int = 0
    oldest_ms: int | None = None
    youngest_ms: int | None = None
    codecs: Counter[str] = field(default_factory=Counter)
    batch_sizes: Counter[int] = field(default_factory=Counter)
    key_sizes: Counter[int] = field(default_factory=Counter)
    value_sizes: Counter[int] = field(default_factory=Counter)
    keys: Counter[bytes] = field(default_factory=Counter)
    keys_are_exact: bool = True
    producers: set[int] = field(default_factory=set)
    damaged_batches: int = 0

    @property
    def compression_ratio(self) -> float | None:
        """How many times smaller compressed records are; None without any."""
        return self.uncompressed_bytes / self.compressed_bytes if self.compressed_bytes else None

    def add(self, other: Stats) -> None:
        """Takes in the numbers of what comes behind."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(mine, Counter):
                mine.update(value)
            elif isinstance(mine, set):
                mine |= value
            elif name in ("segments", "missing_offsets", "gaps") or name.endswith(("bytes", "batches", "records")):
                setattr(self, name, mine + value)
        self.tombstones += other.tombstones
        self.keys_are_exact &= other.keys_are_exact
        self._forget_rare_keys()
        if other.first_offset is not None and self.first_offset is None:
            self.first_offset = other.first_offset
        self.next_offset = other.next_offset
        for timestamp_ms in (other.oldest_ms, other.youngest_ms):
            if timestamp_ms is not None:
                self._time(timestamp_ms)

    def take(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None) -> None:
        """Counts a record."""
        self.records += 1
        self.note_offsets(offset, offset + 1)
        if timestamp_ms >= 0:
            self._time(timestamp_ms)
        if key is not None:
            self.key_sizes[len(key)] += 1
            self.keys[key] += 1
            if len(self.keys) > 2 * MOST_KEYS:
                self._forget_rare_keys()
        if value is None:
            self.tombstones += key is not None
        else:
            self.value_sizes[len(value)] += 1

    def top_keys(self, count: int) -> list[tuple[bytes, int]]:
        """The keys of most records, and of how many; equal ones by name."""
        return sorted(self.keys.items(), key=lambda item: (-item[1], item[0]))[:count]

    def note_offsets(self, first: int, end: int) -> None:
        """Count offsets that are there, and what is missing before them."""
        if self.first_offset is None:
            self.first_offset = first
        self.note_end(first)
        self.next_offset = max(self.next_offset or 0, end)

    def note_end(self, offset: int) -> None:
        """Count what is missing up to an offset."""
        if self.next_offset is not None and offset > self.next_offset:
            self.gaps += 1
            self.missing_offsets += offset - self.next_offset
            self.next_offset = offset

    def _time(self, timestamp_ms: int) -> None:
        self.oldest_ms = timestamp_ms if self.oldest_ms is None else min(self.oldest_ms, timestamp_ms)
        self.youngest_ms = timestamp_ms if self.youngest_ms is None else max(self.youngest_ms, timestamp_ms)

    def _forget_rare_keys(self) -> None:
        if len(self.keys) > MOST_KEYS:
            self.keys_are_exact = False
            self.keys = Counter(dict(self.keys.most_common(MOST_KEYS)))


def stats_of(path: Path, on_error: Callable[[KafkactlError], None], after: int | None = None) -> Stats:
    """Return a segment's numbers, up to where it cannot be read on, which goes to `on_error`.

    `after` is the next offset of the segment before it; what is missing between them counts here. Raises NotFoundError
    and UsageError.
    """
    base_offset = base_offset_of(path)
    stats = Stats(segments=1, next_offset=base_offset if after is None else after)
    with Segment(path) as segment:
        stats.size_bytes = segment.size_bytes
        try:
            for batch in segment.batches():
                _count(batch, stats)
        except FormatError as error:
            on_error(with_file_name(error, path))
    stats.note_end(base_offset)
    return stats


def _count(batch: AnyBatch, stats: Stats) -> None:
    stats.batches += 1
    stats.batch_sizes[batch.size_bytes] += 1
    if not batch.is_valid:
        stats.damaged_batches += 1
        return
    stats.codecs[batch.codec.name.lower()] += 1
    records = batch.records()
    if isinstance(batch, Batch):
        stats.transactional_batches += batch.is_transactional and not batch.is_control
        if batch.producer_id >= 0:
            stats.producers.add(batch.producer_id)
        if batch.codec is not Codec.NONE:
            stats.compressed_bytes += batch.size_bytes - UNPACKED_HEADER_BYTES
            unpacked = batch.unpacked()
            stats.uncompressed_bytes += len(unpacked)
            records = batch.records(unpacked)
    if batch.is_control:
        stats.control_batches += 1
        for record in records:
            stats.control_records += 1
            stats.note_offsets(record.offset, record.offset + 1)
        return
    for record in records:
        stats.take(record.offset, record.timestamp_ms, record.key, record.value)


def percentiles(sizes: Counter[int]) -> dict[str, int | None]:
    """The sizes below which so many of a hundred lie: p50, p90, p99 and max, in bytes; None of nothing."""
    total, found = sum(sizes.values()), {}
    ordered = sorted(sizes.items())
    for percent in PERCENTILES:
        found["max" if percent == 100 else f"p{percent}"] = _percentile(ordered, total, percent)
    return found


def _percentile(ordered: Sequence[tuple[int, int]], total: int, percent: int) -> int | None:
    seen = 0
    for size, count in ordered:
        seen += count
        if seen * 100 >= percent * total:
            return size
    return None


def as_data(stats: Stats, top: int) -> dict[str, Any]:
    """The numbers for programs; keys as UTF-8 where they are, and in hexadecimal elsewhere."""
    return {
        "segments": stats.segments,
        "size_bytes": stats.size_bytes,
        "batches": stats.batches,
        "records": stats.records,
        "control_records": stats.control_records,
        "tombstones": stats.tombstones,
        "transactional_batches": stats.transactional_batches,
        "damaged_batches": stats.damaged_batches,
        "first_offset": stats.first_offset,
        "next_offset": stats.next_offset,
        "missing_offsets": stats.missing_offsets,
        "gaps": stats.gaps,
        "oldest_ms": stats.oldest_ms,
        "youngest_ms": stats.youngest_ms,
        "codecs": dict(sorted(stats.codecs.items())),
        "compression_ratio": None if stats.compression_ratio is None else round(stats.compression_ratio, 2),
        "batch_size_bytes": percentiles(stats.batch_sizes),
        "key_size_bytes": percentiles(stats.key_sizes),
        "value_size_bytes": percentiles(stats.value_sizes),
        "producers": len(stats.producers),
        "distinct_keys": len(stats.keys) if stats.keys_are_exact else None,
        "top_keys": [{"key": key_text(key), "records": count} for key, count in stats.top_keys(top)],
    }


def key_text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return f"0x{key.hex()}"
