"""Record batches of a segment file: batches of magic 2, and the choice of the reader for other magics.

Layout: org.apache.kafka.common.record.DefaultRecordBatch (KIP-98, KIP-534). Numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from google_crc32c import extend as extend_crc32c
from google_crc32c import value as crc32c

from kafkactl.errors import FormatError
from kafkactl.storage.compression import Codec, decompress, read_codec
from kafkactl.storage.legacy import LOG_OVERHEAD, SMALLEST, LegacyBatch, parse_legacy_batch
from kafkactl.storage.readers import parse_records, require_whole
from kafkactl.storage.records import Record, increment_sequence, wrap_int64

MAGIC_POSITION = 16  # in all magics: after offset, length, and a leader epoch (magic 2) or CRC

# leader epoch, magic, CRC, attributes, last offset delta, base and max timestamp, producer id and epoch,
# base sequence, number of records
HEADER = struct.Struct(">ibIhiqqqhii")
HEADER_SIZE = LOG_OVERHEAD.size + HEADER.size  # 61
CRC_COVERS_FROM = 21  # position of the attributes, where the checked bytes begin

COPIED_AT_ONCE = 1024 * 1024

MAGIC = 2
LARGEST_MAGIC = 127  # the byte is signed, and no writer uses a number below 0

LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of magic 2: the fields of its header, and its records, which are not decoded yet.

    Fields have the values in the file; offsets are absolute.
    """

    data: memoryview
    """All bytes of the batch, as a view of the file's part in memory: nothing is copied before it is needed."""
    position: int
    """Position of the batch in its file, in bytes."""
    size_bytes: int
    base_offset: int
    leader_epoch: int
    magic: int
    """Format version. A magic above 2 is read as 2, as Kafka's tools do."""
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp_ms: int
    """Timestamp to which the records' deltas are added; the delete horizon in a batch that has one."""
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int
    """Number of records that the header states."""

    @property
    def last_offset(self) -> int:
        """Return the offset of the last record, as the header states it."""
        return wrap_int64(self.base_offset + self.last_offset_delta)

    @property
    def last_sequence(self) -> int:
        """Return the sequence number of the last record, or -1 where `base_sequence` is -1.

        That is so without a producer, and in control batches, which may have one. Sequence numbers start again at 0
        after 2^31 - 1.
        """
        return -1 if self.base_sequence == -1 else increment_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def codec(self) -> Codec:
        """Return the compression codec; Codec.NONE for records that are not compressed.

        Raise FormatError for a number that no codec has.
        """
        return read_codec(self.attributes, self.position)

    @property
    def is_log_append_time(self) -> bool:
        """Return whether the broker set the timestamps, with the time at which it appended the batch."""
        return bool(self.attributes & LOG_APPEND_TIME)

    @property
    def is_transactional(self) -> bool:
        """Return whether the batch belongs to a transaction."""
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Return whether the batch has control records, such as the end of a transaction."""
        return bool(self.attributes & CONTROL)

    @property
    def delete_horizon_ms(self) -> int | None:
        """Return the time from which compaction may remove the tombstones, in ms since 1970, or None without one."""
        return self.base_timestamp_ms if self.attributes & DELETE_HORIZON else None

    @property
    def is_valid(self) -> bool:
        """Return whether the CRC-32C in the header is the CRC-32C of the bytes after it. False below 61 bytes."""
        return self.size_bytes >= HEADER_SIZE and compute_crc(self.data[CRC_COVERS_FROM:]) == self.crc

    @property
    def append_time_ms(self) -> int | None:
        """Return the time in ms that replaces each record's own timestamp, or None where producers set the times."""
        return self.max_timestamp_ms if self.is_log_append_time else None

    def unpack(self, bound: int | None = None) -> bytes | memoryview:
        """Return the bytes of the records, decompressed; a view of the file's part for more than 1 MiB without a codec.

        `bound` is the largest decompressed size in bytes; None means MAX_DECOMPRESSED_BYTES. It does not limit bytes
        without a codec. Raise FormatError for an unknown codec, for data that the codec cannot decompress, such as no
        bytes, and TooLargeError (a FormatError) for data that grow past the bound.
        """
        data = self.data[HEADER_SIZE:]
        if self.codec is Codec.NONE and len(data) > COPIED_AT_ONCE:
            return data
        return decompress(self.codec, bytes(data), bound)

    def records(self, unpacked: bytes | memoryview | None = None) -> Iterator[Record]:
        """Yield the records of the batch, in the order of the file; control records, too.

        Where the broker set the times, all have the largest timestamp of the header. `unpacked` are the decompressed
        bytes of the records, where the caller has them already; None unpacks them here. Raise FormatError for a batch
        below 61 bytes, for an unknown codec, for data that cannot be decompressed or grow past MAX_DECOMPRESSED_BYTES,
        and where the bytes do not agree with the header: for a compressed batch before its first record; for another
        batch at the place of the damage, or in place of the last record where bytes follow it. The CRC is not checked:
        see `is_valid`. Where the header of a batch of 61 bytes or more counts 0 records nothing is yielded, and neither
        the codec nor the bytes after the header are checked.
        """
        if self.size_bytes < HEADER_SIZE:
            raise FormatError(
                f"corrupt: batch at position {self.position} has {self.size_bytes} bytes,"
                f" fewer than its header has ({HEADER_SIZE})"
            )
        if self.count == 0:  # Kafka's readers do not look at the bytes then, either
            return
        codec = self.codec  # its error names the batch itself
        try:
            data = self.unpack() if unpacked is None else unpacked
            if codec is not Codec.NONE:
                require_whole(data, self.count)
            yield from parse_records(
                data, self.count, self.base_offset, self.base_timestamp_ms, self.base_sequence, self.append_time_ms
            )
        except FormatError as error:
            raise FormatError(f"batch at position {self.position}: {error}", error.hint) from error


AnyBatch = Batch | LegacyBatch


def compute_crc(data: memoryview) -> int:
    """Return the CRC-32C of bytes; 0 for none.

    The library takes only `bytes`, so large data are copied in parts of 1 MiB and not as a whole.
    """
    if len(data) <= COPIED_AT_ONCE:
        return int(crc32c(bytes(data)))
    crc = 0
    for start in range(0, len(data), COPIED_AT_ONCE):
        crc = extend_crc32c(crc, bytes(data[start : start + COPIED_AT_ONCE]))
    return crc


def read_batch_size(data: memoryview) -> int:
    """Return the size in bytes that the batch at the beginning of `data` states, its offset and size field included.

    Return 0 for fewer than 12 bytes. The number is not checked: it may be negative or larger than the data.
    """
    if len(data) < LOG_OVERHEAD.size:
        return 0
    length: int = LOG_OVERHEAD.unpack_from(data)[1]
    return LOG_OVERHEAD.size + length


def parse_batch(data: memoryview, position: int, start: int = 0) -> AnyBatch | None:
    """Return the batch at a position of `data`, or None where the data end before the batch does.

    None comes also, whatever the bytes are, where fewer than 18 are left. `position` is an index into `data`, in bytes;
    `start` is the position of `data` in its file. Magic 0, magic 1 and magics above 127 give a LegacyBatch, all others
    a Batch. A wrong CRC is no error. Raise FormatError for a size that no batch has: below 26 bytes, or below 61 in a
    Batch that fewer than 61 bytes of data are left for. With more data left such a Batch is returned; some of its
    fields then come from the bytes behind it, and `is_valid` is False.
    """
    left = len(data) - position
    if left <= MAGIC_POSITION + 1:
        return None
    base_offset, length = LOG_OVERHEAD.unpack_from(data, position)
    magic = data[position + MAGIC_POSITION]
    size_bytes = LOG_OVERHEAD.size + length
    in_file = start + position
    if length < SMALLEST:
        raise FormatError(f"corrupt: batch at position {in_file} has size {length}, which is too small for a batch")
    if size_bytes > left:
        return None
    if magic in (0, 1) or magic > LARGEST_MAGIC:
        return parse_legacy_batch(
            bytes(data[position + LOG_OVERHEAD.size : position + size_bytes]), in_file, base_offset
        )
    if left < HEADER_SIZE:
        raise FormatError(
            f"corrupt: batch at position {in_file} has {size_bytes} bytes, fewer than its header has ({HEADER_SIZE})"
        )
    fields = HEADER.unpack_from(data, position + LOG_OVERHEAD.size)
    return Batch(data[position : position + size_bytes], in_file, size_bytes, base_offset, *fields)
