"""Record batches, as they lie in a segment file: those of magic 2, and whose reader another magic needs.

Layout: org.apache.kafka.common.record.DefaultRecordBatch (KIP-98, KIP-534). Big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from google_crc32c import extend as extend_crc32c
from google_crc32c import value as crc32c

from kafkactl.errors import FormatError
from kafkactl.storage.compression import Codec, codec_of, decompress
from kafkactl.storage.legacy import LOG_OVERHEAD, SMALLEST, LegacyBatch, legacy_batch
from kafkactl.storage.readers import parse_records, require_whole
from kafkactl.storage.records import Record, increment_sequence, int64

MAGIC_POSITION = 16  # in all magics: behind offset, length, and a leader epoch (magic 2) or CRC

# leader epoch, magic, CRC, attributes, last offset delta, base and max timestamp, producer id and epoch,
# base sequence, number of records
HEADER = struct.Struct(">ibIhiqqqhii")
HEADER_SIZE = LOG_OVERHEAD.size + HEADER.size  # 61
CRC_COVERS_FROM = 21  # from the attributes on

COPIED_AT_ONCE = 1024 * 1024

MAGIC = 2
LARGEST_MAGIC = 127  # the byte is signed; none is written below 0

LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: its header's fields and, undecoded, its records."""

    data: memoryview
    """All its bytes, where they lie: nothing is copied before it is wanted."""
    position: int
    """Where it begins in its file, in bytes."""
    size_bytes: int
    base_offset: int
    leader_epoch: int
    magic: int
    """Kafka's tools read what is above 2 as if it were 2, and so is it here."""
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp_ms: int
    """With a delete horizon, that horizon instead."""
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int

    @property
    def last_offset(self) -> int:
        return int64(self.base_offset + self.last_offset_delta)

    @property
    def last_sequence(self) -> int:
        """Sequence numbers go round after 2^31 - 1; -1 without a producer."""
        return -1 if self.base_sequence == -1 else increment_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def codec(self) -> Codec:
        """Raises FormatError for a number that is no codec's."""
        return codec_of(self.attributes, self.position)

    @property
    def is_log_append_time(self) -> bool:
        return bool(self.attributes & LOG_APPEND_TIME)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & CONTROL)

    @property
    def delete_horizon_ms(self) -> int | None:
        return self.base_timestamp_ms if self.attributes & DELETE_HORIZON else None

    @property
    def is_valid(self) -> bool:
        """Whether the CRC-32C in the header is that of the bytes behind it."""
        return self.size_bytes >= HEADER_SIZE and crc_of(self.data[CRC_COVERS_FROM:]) == self.crc

    @property
    def append_time_ms(self) -> int | None:
        """What stands for every record's own time, where the broker sets it."""
        return self.max_timestamp_ms if self.is_log_append_time else None

    def unpacked(self, bound: int | None = None) -> bytes | memoryview:
        """The records' bytes, decompressed; raises FormatError for what cannot be, or grows past the bound."""
        data = self.data[HEADER_SIZE:]
        if self.codec is Codec.NONE and len(data) > COPIED_AT_ONCE:
            return data
        return decompress(self.codec, bytes(data), bound)

    def records(self, unpacked: bytes | memoryview | None = None) -> Iterator[Record]:
        """Its records, from `unpacked` where that is done already; raises FormatError where they are not as it says.

        That is before the first of a compressed batch, and behind those that are whole of another, as Kafka reads them.
        """
        if self.size_bytes < HEADER_SIZE:
            raise FormatError(
                f"corrupt: batch at position {self.position} has {self.size_bytes} bytes,"
                f" its header alone {HEADER_SIZE}"
            )
        if self.count == 0:  # nothing is looked at then, by Kafka's readers either
            return
        try:
            data = self.unpacked() if unpacked is None else unpacked
            if self.codec is not Codec.NONE:
                require_whole(data, self.count)
            yield from parse_records(
                data, self.count, self.base_offset, self.base_timestamp_ms, self.base_sequence, self.append_time_ms
            )
        except FormatError as error:
            raise FormatError(f"batch at position {self.position}: {error}", error.hint) from error


AnyBatch = Batch | LegacyBatch


def crc_of(data: memoryview) -> int:
    """Return the CRC-32C of bytes of any number; the library takes bytes only, and large ones are not copied whole."""
    if len(data) <= COPIED_AT_ONCE:
        return int(crc32c(bytes(data)))
    crc = 0
    for start in range(0, len(data), COPIED_AT_ONCE):
        crc = extend_crc32c(crc, bytes(data[start : start + COPIED_AT_ONCE]))
    return crc


def size_of_batch(data: memoryview) -> int:
    """Return how many bytes the batch says to have that these bytes begin with; 0 where they are too few to tell."""
    if len(data) < LOG_OVERHEAD.size:
        return 0
    length: int = LOG_OVERHEAD.unpack_from(data)[1]
    return LOG_OVERHEAD.size + length


def parse_batch(data: memoryview, position: int, start: int = 0) -> AnyBatch | None:
    """The batch at a position of these bytes; None when they end before the batch does.

    `start` is where in the file the bytes begin. Raises FormatError for a size that no batch has.
    """
    left = len(data) - position
    if left <= MAGIC_POSITION + 1:
        return None
    base_offset, length = LOG_OVERHEAD.unpack_from(data, position)
    magic = data[position + MAGIC_POSITION]
    size_bytes = LOG_OVERHEAD.size + length
    in_file = start + position
    if length < SMALLEST:
        raise FormatError(f"corrupt: batch at position {in_file} has size {length}, less than any batch has")
    if size_bytes > left:
        return None
    if magic in (0, 1) or magic > LARGEST_MAGIC:
        return legacy_batch(bytes(data[position + LOG_OVERHEAD.size : position + size_bytes]), in_file, base_offset)
    if left < HEADER_SIZE:
        raise FormatError(
            f"corrupt: batch at position {in_file} has {size_bytes} bytes, its header alone {HEADER_SIZE}"
        )
    fields = HEADER.unpack_from(data, position + LOG_OVERHEAD.size)
    return Batch(data[position : position + size_bytes], in_file, size_bytes, base_offset, *fields)
