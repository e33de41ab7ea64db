"""Messages of magic 0 and 1, as brokers wrote them before Kafka 0.11: alone, or compressed inside a wrapper message.

Layout: org.apache.kafka.common.record.LegacyRecord and AbstractLegacyRecordBatch (KIP-31, KIP-32). Big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kafkactl.errors import FormatError
from kafkactl.storage.compression import CODEC_MASK, Codec, codec_of, decompress
from kafkactl.storage.lz4_frame import xxh32
from kafkactl.storage.records import Record

LOG_OVERHEAD = struct.Struct(">qi")  # offset, size of the message
HEADER = struct.Struct(">Ibb")  # CRC of all behind it, magic, attributes
TIMESTAMP = struct.Struct(">q")  # magic 1 only
SIZE = struct.Struct(">i")  # before the key and before the value; -1 for none
SMALLEST = HEADER.size + 2 * SIZE.size

LOG_APPEND_TIME = 0x08
NO_TIMESTAMP = -1

_LZ4_CONTENT_SIZE = 0x08


@dataclass(frozen=True, slots=True)
class LegacyRecord(Record):
    """A record that has a CRC of its own."""

    crc: int = 0
    is_valid: bool = True
    key_size: int = -1
    """As it is written, -1 for none; a damaged record may say anything."""
    value_size: int = -1
    fault: str | None = None
    """Why the key or value cannot be had."""


@dataclass(frozen=True, slots=True)
class LegacyBatch:
    """One message: a record, or a wrapper around compressed ones."""

    body: bytes
    """The message without offset and size."""
    position: int
    """Where it begins in its file, in bytes."""
    size_bytes: int
    offset: int
    """A wrapper's is that of its last record."""

    is_control = False

    @property
    def last_offset(self) -> int:
        return self.offset

    @property
    def crc(self) -> int:
        return int(HEADER.unpack_from(self.body)[0])

    @property
    def magic(self) -> int:
        return self.body[4]

    @property
    def attributes(self) -> int:
        return self.body[5]

    @property
    def codec(self) -> Codec:
        """Raises FormatError for a number that is no codec's, and in a message of a magic that is not known."""
        if self.magic > 1:
            raise FormatError(f"batch at position {self.position}: unknown magic {self.magic}")
        return codec_of(self.attributes, self.position)

    @property
    def is_log_append_time(self) -> bool:
        return self.magic != 0 and bool(self.attributes & LOG_APPEND_TIME)

    @property
    def max_timestamp_ms(self) -> int:
        """-1 in magic 0, which has no times; raises FormatError where the message is too short for one."""
        if self.magic == 0:
            return NO_TIMESTAMP
        if len(self.body) < SMALLEST + TIMESTAMP.size:
            raise FormatError(f"corrupt: message at position {self.position} has {len(self.body)} bytes, and no time")
        return int(TIMESTAMP.unpack_from(self.body, HEADER.size)[0])

    @property
    def is_valid(self) -> bool:
        """Whether the CRC-32 in the header is that of the bytes behind it."""
        return zlib.crc32(self.body[4:]) == self.crc

    def records(self) -> Iterator[LegacyRecord]:
        """Its record, or those inside it; raises FormatError where the bytes are not what the header says."""
        outer = self._own_record()
        if self.codec is Codec.NONE:
            yield outer
            return
        if self.codec is Codec.ZSTD or outer.value is None:
            raise FormatError(f"corrupt: message at position {self.position} is said to wrap others, and cannot")
        packed = _with_true_checksum(outer.value) if self.codec is Codec.LZ4 and self.magic == 0 else outer.value
        unpacked = decompress(self.codec, packed)
        last = None
        for last in _inner_messages(unpacked):
            if last.attributes & CODEC_MASK:
                raise FormatError(f"corrupt: a compressed message inside the one at position {self.position}")
        if last is None:
            raise FormatError(f"corrupt: message at position {self.position} wraps no others")
        base_offset = 0
        if self.magic == 1 and self.offset:  # inner offsets are relative; some old clients left the wrapper's at 0
            base_offset = self.offset - last.offset
            if base_offset < 0:
                raise FormatError(f"corrupt: wrapper offset {self.offset} is less than its last message's")
        for message in _inner_messages(unpacked):
            record = message._own_record()
            if self.is_log_append_time and message.magic:
                record = replace(record, timestamp_ms=self.max_timestamp_ms)
            yield replace(record, offset=base_offset + record.offset)

    def _own_record(self) -> LegacyRecord:
        position = HEADER.size + (TIMESTAMP.size if self.magic else 0)
        key_size, key, position = self._sized(position)
        value_size, value, _ = self._sized(position)
        fault = None
        for size, data in ((key_size, key), (value_size, value)):
            if size >= 0 and data is None:
                fault = f"corrupt: {size} bytes wanted of a message of {len(self.body)}"
        return LegacyRecord(
            self.offset, self.max_timestamp_ms, -1, key, value, (), self.crc, self.is_valid, key_size, value_size, fault
        )

    def _sized(self, position: int) -> tuple[int, bytes | None, int]:
        """The size of a key or value, its bytes where there are so many, and the position behind it."""
        if position + SIZE.size > len(self.body):
            raise FormatError(f"corrupt: message at position {self.position} is cut off")
        (size,) = SIZE.unpack_from(self.body, position)
        position += SIZE.size
        end = position + max(0, size)
        return size, self.body[position:end] if size >= 0 and end <= len(self.body) else None, end


def legacy_batch(body: bytes, position: int, offset: int) -> LegacyBatch:
    """The message with these bytes behind its offset and size; raises FormatError for one that is too short."""
    if len(body) < SMALLEST:
        raise FormatError(f"corrupt: message at position {position} has {len(body)} bytes, fewer than any has")
    return LegacyBatch(body, position, LOG_OVERHEAD.size + len(body), offset)


def _inner_messages(data: bytes | memoryview) -> Iterator[LegacyBatch]:
    position = 0
    while len(data) - position >= LOG_OVERHEAD.size:
        offset, size = LOG_OVERHEAD.unpack_from(data, position)
        body = bytes(data[position + LOG_OVERHEAD.size : position + LOG_OVERHEAD.size + max(0, size)])
        if len(body) < size:
            return
        message = legacy_batch(body, position, offset)
        yield message
        position += message.size_bytes


def _with_true_checksum(frame: bytes) -> bytes:
    """An lz4 frame as old clients wrote it in magic 0, its header's checksum set right (KAFKA-3160)."""
    if len(frame) < 7:
        return frame
    end = 14 if frame[4] & _LZ4_CONTENT_SIZE else 6
    checksum = xxh32(frame[4:end]) >> 8 & 0xFF
    return frame[:end] + bytes([checksum]) + frame[end + 1 :]
