"""Numbers about segments: records, bytes, codecs, sizes, times, keys, producers, and the gaps of compaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.compression import Codec
from kafkactl.storage.files import add_file_name
from kafkactl.storage.segment import Segment, find_base_offset

PERCENTILES = (50, 90, 99, 100)
# Up to so many different keys are counted exactly. With more of them, the rare ones are forgotten.
MOST_KEYS = 100_000
UNPACKED_HEADER_BYTES = 61


@dataclass
class Stats:
    """Numbers about one segment, or about many after `add`."""

    segments: int = 0
    size_bytes: int = 0
    batches: int = 0
    control_batches: int = 0
    records: int = 0
    control_records: int = 0
    tombstones: int = 0
    transactional_batches: int = 0
    compressed_bytes: int = 0
    """Size of the records of compressed batches, as they are stored."""
    uncompressed_bytes: int = 0
    """Size of the records of compressed batches, decompressed."""
    first_offset: int | None = None
    next_offset: int | None = None
    """The offset after the last record."""
    missing_offsets: int = 0
    """Number of offsets in the gaps."""
    gaps: int = 0
    oldest_ms: int | None = None
    """Smallest timestamp; None without a timestamp."""
    youngest_ms: int | None = None
    """Largest timestamp; None without a timestamp."""
    codecs: Counter[str] = field(default_factory=Counter)
    """Number of batches by codec name."""
    batch_sizes: Counter[int] = field(default_factory=Counter)
    """Number of batches by size in bytes."""
    key_sizes: Counter[int] = field(default_factory=Counter)
    value_sizes: Counter[int] = field(default_factory=Counter)
    keys: Counter[bytes] = field(default_factory=Counter)
    """Number of records by key."""
    keys_are_exact: bool = True
    """False where there were too many different keys, and rare ones were forgotten."""
    producers: set[int] = field(default_factory=set)
    """Ids of the producers."""
    damaged_batches: int = 0
    """Number of batches with a wrong CRC, whose records are not counted."""

    @property
    def compression_ratio(self) -> float | None:
        """Return decompressed bytes divided by stored bytes of compressed batches of magic 2; None without any.

        Headers of batches, and batches with a wrong CRC, do not count.
        """
        return self.uncompressed_bytes / self.compressed_bytes if self.compressed_bytes else None

    def add(self, other: Stats) -> None:
        """Add the numbers of the next segments, which follow these ones, to these ones; `other` is not changed.

        `next_offset` becomes that of `other`, also None, and rare keys are forgotten where there are too many. A gap
        between both is not counted here: compute_stats counts it with `after`.
        """
        for name, value in vars(other).items():
            own = getattr(self, name)
            if isinstance(own, Counter):
                own.update(value)
            elif isinstance(own, set):
                own |= value
            elif name in ("segments", "missing_offsets", "gaps") or name.endswith(("bytes", "batches", "records")):
                setattr(self, name, own + value)
        self.tombstones += other.tombstones
        self.keys_are_exact &= other.keys_are_exact
        self._forget_rare_keys()
        if other.first_offset is not None and self.first_offset is None:
            self.first_offset = other.first_offset
        self.next_offset = other.next_offset
        for timestamp_ms in (other.oldest_ms, other.youngest_ms):
            if timestamp_ms is not None:
                self._note_time(timestamp_ms)

    def take(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None) -> None:
        """Count one record, the gap before it, its time, and its key and value, which are None where they are absent.

        `timestamp_ms` is in ms since 1970, and a negative one is not counted. A record with a key and without a value
        is a tombstone. Rare keys are forgotten where there are more than 200,000 (2 * MOST_KEYS).
        """
        self.records += 1
        self.note_offsets(offset, offset + 1)
        if timestamp_ms >= 0:
            self._note_time(timestamp_ms)
        if key is not None:
            self.key_sizes[len(key)] += 1
            self.keys[key] += 1
            if len(self.keys) > 2 * MOST_KEYS:
                self._forget_rare_keys()
        if value is None:
            self.tombstones += key is not None
        else:
            self.value_sizes[len(value)] += 1

    def list_top_keys(self, count: int) -> list[tuple[bytes, int]]:
        """Return the `count` most frequent keys and their numbers of records, the most frequent first.

        Keys with equal numbers are sorted by their bytes. Where `keys_are_exact` is False, rare keys may be missing and
        numbers too small.
        """
        return sorted(self.keys.items(), key=lambda item: (-item[1], item[0]))[:count]

    def note_offsets(self, first: int, end: int) -> None:
        """Note records with the offsets from `first` up to `end` (excluded), and count the gap before them.

        `first` becomes `first_offset` where that is None, and `next_offset` never becomes smaller. No record is
        counted.
        """
        if self.first_offset is None:
            self.first_offset = first
        self.note_end(first)
        self.next_offset = max(self.next_offset or 0, end)

    def note_end(self, offset: int) -> None:
        """Count the gap between `next_offset` and a larger offset, and move `next_offset` there.

        Nothing happens where `next_offset` is None or not smaller.
        """
        if self.next_offset is not None and offset > self.next_offset:
            self.gaps += 1
            self.missing_offsets += offset - self.next_offset
            self.next_offset = offset

    def _note_time(self, timestamp_ms: int) -> None:
        """Take a timestamp, also a negative one, into the oldest and the youngest."""
        self.oldest_ms = timestamp_ms if self.oldest_ms is None else min(self.oldest_ms, timestamp_ms)
        self.youngest_ms = timestamp_ms if self.youngest_ms is None else max(self.youngest_ms, timestamp_ms)

    def _forget_rare_keys(self) -> None:
        """Keep only the 100,000 (MOST_KEYS) most frequent keys; with more of them `keys_are_exact` becomes False."""
        if len(self.keys) > MOST_KEYS:
            self.keys_are_exact = False
            self.keys = Counter(dict(self.keys.most_common(MOST_KEYS)))


def compute_stats(path: Path, on_error: Callable[[KafkactlError], None], after: int | None = None) -> Stats:
    """Return the numbers about one segment.

    Where a part cannot be read, `on_error` gets the error, and the numbers end there. A cut batch at the end is no
    error, but 18 or more zeros are one. A batch with a wrong CRC is none: it counts in `batches` and `damaged_batches`;
    its records do not count, and their offsets are a gap if records follow. `after` is the next offset of the segment
    before this one: the gap between them counts here. Where it is None, a gap between the base offset and the first
    record counts. `next_offset` is never None: without records it is the base offset, or `after` where that is larger.

    Raise NotFoundError for a missing file; UsageError for a folder, a device, a file without read permission, a closed
    or terminal standard input, and a file without a base offset, such as a missing one without a number in its name;
    FormatError where the file cannot be opened.
    """
    base_offset = find_base_offset(path)
    stats = Stats(segments=1, next_offset=base_offset if after is None else after)
    with Segment(path) as segment:
        stats.size_bytes = segment.size_bytes
        try:
            for batch in segment.batches():
                _count_batch(batch, stats)
        except FormatError as error:
            on_error(add_file_name(error, path))
    stats.note_end(base_offset)
    return stats


def _count_batch(batch: AnyBatch, stats: Stats) -> None:
    """Add the numbers of one batch to `stats`.

    A batch with a wrong CRC counts with its size and as damaged, but not its records. Bytes of compression and
    producers are those of magic 2 only. Raise FormatError for an unknown codec, and where the batch cannot be
    decompressed or read; a part of it may be counted then.
    """
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
            unpacked = batch.unpack()
            stats.compressed_bytes += batch.size_bytes - UNPACKED_HEADER_BYTES
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


def compute_percentiles(sizes: Counter[int]) -> dict[str, int | None]:
    """Return the percentiles of sizes, in bytes, by the names p50, p90, p99 and max.

    `sizes` has the number of occurrences by size. Each value is None where `sizes` is empty.
    """
    total, values = sum(sizes.values()), {}
    ordered = sorted(sizes.items())
    for percent in PERCENTILES:
        values["max" if percent == 100 else f"p{percent}"] = _find_percentile(ordered, total, percent)
    return values


def _find_percentile(ordered: Sequence[tuple[int, int]], total: int, percent: int) -> int | None:
    """Return the smallest size that at least `percent` percent of all sizes do not exceed; None without sizes.

    `ordered` has pairs of size and number, sorted by size; `total` is the sum of the numbers.
    """
    running_count = 0
    for size, count in ordered:
        running_count += count
        if running_count * 100 >= percent * total:
            return size
    return None


def export_stats(stats: Stats, top: int) -> dict[str, Any]:
    """Return the numbers as a dict that is ready for JSON, by the names in docs/json.md.

    `top` is the number of most frequent keys to include in `top_keys`, as objects of key (text of `format_key`) and
    records, the most frequent first. Sizes become dicts of percentiles (p50, p90, p99, max), each None without sizes,
    and `producers` and `distinct_keys` are numbers; the latter is None where rare keys were forgotten. The first offset
    is None where no record was read, also no control record. The next offset is that of `stats`: None only where no
    segment was read. The oldest and the youngest time (ms) are None where no record has one; control records do not
    count for them. The ratio of compression has two decimal places, None without compressed batches of magic 2. Numbers
    of compressed bytes and of control batches are left out.
    """
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
        "batch_size_bytes": compute_percentiles(stats.batch_sizes),
        "key_size_bytes": compute_percentiles(stats.key_sizes),
        "value_size_bytes": compute_percentiles(stats.value_sizes),
        "producers": len(stats.producers),
        "distinct_keys": len(stats.keys) if stats.keys_are_exact else None,
        "top_keys": [{"key": format_key(key), "records": count} for key, count in stats.list_top_keys(top)],
    }


def format_key(key: bytes) -> str:
    """Return a key as text where it is UTF-8, else as 0x and hexadecimal digits; "" for an empty key."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return f"0x{key.hex()}"
