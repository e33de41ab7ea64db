"""Messages of magic 0 and 1, which brokers wrote before Kafka 0.11: single ones, or many in a compressed wrapper.

Layout: org.apache.kafka.common.record.LegacyRecord and AbstractLegacyRecordBatch (KIP-31, KIP-32). Numbers are
big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kafkactl.errors import FormatError
from kafkactl.storage.compression import CODEC_MASK, Codec, decompress, read_codec
from kafkactl.storage.lz4_frame import xxh32
from kafkactl.storage.records import Record, wrap_int64

LOG_OVERHEAD = struct.Struct(">qi")  # offset, size of the message
HEADER = struct.Struct(">Ibb")  # CRC of all bytes after it, magic, attributes
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
    """Size in bytes as it is written, -1 without a key; a damaged record may state any number."""
    value_size: int = -1
    """Size in bytes as it is written, -1 without a value."""
    fault: str | None = None
    """Why the key or the value cannot be read, or None."""


@dataclass(frozen=True, slots=True)
class LegacyBatch:
    """One message: a single record, or a wrapper around compressed messages."""

    body: bytes
    """Bytes of the message after its offset and size."""
    position: int
    """Position of the message in its file, in bytes."""
    size_bytes: int
    offset: int
    """Offset of the record; a wrapper has the offset of its last record."""

    is_control = False

    @property
    def last_offset(self) -> int:
        """Return the offset in the message's header, which is that of its last record."""
        return self.offset

    @property
    def crc(self) -> int:
        """Return the CRC-32 in the header."""
        return int(HEADER.unpack_from(self.body)[0])

    @property
    def magic(self) -> int:
        """Return the format version: 0 or 1; a damaged message may have any number up to 255."""
        return self.body[4]

    @property
    def attributes(self) -> int:
        """Return the bits of codec and timestamp type."""
        return self.body[5]

    @property
    def codec(self) -> Codec:
        """Return the compression codec.

        Raise FormatError for a number that no codec has, and for a message with an unknown magic.
        """
        if self.magic > 1:
            raise FormatError(f"batch at position {self.position}: unknown magic {self.magic}")
        return read_codec(self.attributes, self.position)

    @property
    def is_log_append_time(self) -> bool:
        """Return whether the broker set the timestamps; never true in magic 0."""
        return self.magic != 0 and bool(self.attributes & LOG_APPEND_TIME)

    @property
    def max_timestamp_ms(self) -> int:
        """Return the message's own timestamp in ms since 1970, or -1 in magic 0, which has no timestamps.

        Raise FormatError where `body` has fewer than 22 bytes in any other magic.
        """
        if self.magic == 0:
            return NO_TIMESTAMP
        if len(self.body) < SMALLEST + TIMESTAMP.size:
            raise FormatError(
                f"corrupt: message at position {self.position} has {len(self.body)} bytes, and no timestamp"
            )
        return int(TIMESTAMP.unpack_from(self.body, HEADER.size)[0])

    @property
    def is_valid(self) -> bool:
        """Return whether the CRC-32 in the header is the CRC-32 of the bytes after it."""
        return zlib.crc32(self.body[4:]) == self.crc

    def records(self) -> Iterator[LegacyRecord]:
        """Yield the record of the message, or all records inside a wrapper, with their absolute offsets.

        Offsets of a damaged wrapper wrap around at 64 bits. Where the broker set the times, records of magic 1 in a
        wrapper have the wrapper's timestamp. A record whose value is longer than its message is yielded with a value of
        None and its `fault`. A last inner message that is cut off is left out.

        Raise FormatError for an unknown magic or codec, for a message that is too short or has a longer key, and for a
        wrapper that cannot be decompressed (TooLargeError past MAX_DECOMPRESSED_BYTES), is marked with zstd, has no
        value or no messages, has another wrapper inside, or, in magic 1, has an offset that is not 0 and is below that
        of its last message. Errors of an inner message can come after the records before it. The magic of inner
        messages is not checked. The CRC is not checked here: see `is_valid`.
        """
        outer = self._read_own_record()
        if self.codec is Codec.NONE:
            yield outer
            return
        if self.codec is Codec.ZSTD or outer.value is None:
            raise FormatError(
                f"corrupt: message at position {self.position} is marked as a wrapper, but cannot contain messages"
            )
        packed = _repair_checksum(outer.value) if self.codec is Codec.LZ4 and self.magic == 0 else outer.value
        unpacked = decompress(self.codec, packed)
        last = None
        for last in _read_inner_messages(unpacked):
            if last.attributes & CODEC_MASK:
                raise FormatError(f"corrupt: a compressed message inside the one at position {self.position}")
        if last is None:
            raise FormatError(f"corrupt: message at position {self.position} is a wrapper without messages")
        base_offset = 0
        if self.magic == 1 and self.offset:  # inner offsets are relative; some old clients wrote 0 into the wrapper
            base_offset = self.offset - last.offset
            if base_offset < 0:
                raise FormatError(f"corrupt: wrapper offset {self.offset} is less than its last message's")
        for message in _read_inner_messages(unpacked):
            record = message._read_own_record()
            if self.is_log_append_time and message.magic:
                record = replace(record, timestamp_ms=self.max_timestamp_ms)
            yield replace(record, offset=wrap_int64(base_offset + record.offset))

    def _read_own_record(self) -> LegacyRecord:
        """Return the record that the body holds; for a wrapper its value is the compressed messages.

        A value that is longer than the body is None, and `fault` says so; `value_size` is as written. The timestamp is
        -1 in magic 0. Raise FormatError for a key that is longer than the body, and where the body ends before the
        timestamp or before the size of the key or the value.
        """
        position = HEADER.size + (TIMESTAMP.size if self.magic else 0)
        key_size, key, position = self._read_sized(position)
        value_size, value, _ = self._read_sized(position)
        fault = None
        for size, data in ((key_size, key), (value_size, value)):
            if size >= 0 and data is None:
                fault = f"corrupt: a key or value of {size} bytes in a message of {len(self.body)}"
        return LegacyRecord(
            self.offset, self.max_timestamp_ms, -1, key, value, (), self.crc, self.is_valid, key_size, value_size, fault
        )

    def _read_sized(self, position: int) -> tuple[int, bytes | None, int]:
        """Return the size of a key or value as written, its bytes, and the position after it.

        `position` is an index into the body; the returned one is past the body's end where a size is too large. The
        bytes are None for a size below 0, and where the body has fewer bytes. Raise FormatError where the body ends
        before the size.
        """
        if position + SIZE.size > len(self.body):
            raise FormatError(f"corrupt: message at position {self.position} is cut off")
        (size,) = SIZE.unpack_from(self.body, position)
        position += SIZE.size
        end = position + max(0, size)
        return size, self.body[position:end] if size >= 0 and end <= len(self.body) else None, end


def parse_legacy_batch(body: bytes, position: int, offset: int) -> LegacyBatch:
    """Return the message that has these bytes after its offset and size.

    `position` is its position in the file, in bytes. Magic and CRC are not checked. Raise FormatError for a body below
    14 bytes.
    """
    if len(body) < SMALLEST:
        raise FormatError(
            f"corrupt: message at position {position} has {len(body)} bytes, which is too few for a message"
        )
    return LegacyBatch(body, position, LOG_OVERHEAD.size + len(body), offset)


def _read_inner_messages(data: bytes | memoryview) -> Iterator[LegacyBatch]:
    """Yield the messages inside a decompressed wrapper; a last one that is cut off is left out.

    Raise FormatError, after the messages before it, for one that is too short for a message.
    """
    position = 0
    while len(data) - position >= LOG_OVERHEAD.size:
        offset, size = LOG_OVERHEAD.unpack_from(data, position)
        body = bytes(data[position + LOG_OVERHEAD.size : position + LOG_OVERHEAD.size + max(0, size)])
        if len(body) < size:
            return
        message = parse_legacy_batch(body, position, offset)
        yield message
        position += message.size_bytes


def _repair_checksum(frame: bytes) -> bytes:
    """Return an lz4 frame of magic 0 with the right checksum in its header; unchanged if the header is cut off.

    Old clients wrote a wrong one (KAFKA-3160).
    """
    end = 14 if len(frame) > 4 and frame[4] & _LZ4_CONTENT_SIZE else 6
    if len(frame) <= end:
        return frame
    checksum = xxh32(frame[4:end]) >> 8 & 0xFF
    return frame[:end] + bytes([checksum]) + frame[end + 1 :]
