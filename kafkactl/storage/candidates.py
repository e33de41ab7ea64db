"""Judgement from a few bytes whether a batch can begin at a position, before all of it is read for its CRC.

The bytes at any position give a size, and in noise it is often one that fits into the file. A batch is read whole only
where its size is small, or where its content fits its size: the lengths of its records or of its key and value, or the
first bytes of compressed data. All batches that Kafka's clients and brokers write pass.
"""

from __future__ import annotations

from kafkactl.errors import FormatError
from kafkactl.storage import compression
from kafkactl.storage.batch import HEADER, HEADER_SIZE, MAGIC, MAGIC_POSITION, read_batch_size
from kafkactl.storage.compression import CODEC_MASK, Codec
from kafkactl.storage.legacy import HEADER as LEGACY_HEADER
from kafkactl.storage.legacy import LOG_OVERHEAD, SIZE, SMALLEST, TIMESTAMP
from kafkactl.storage.records import read_varint, read_varlong
from kafkactl.storage.segment import Segment

SMALL_BYTES = 64 * 1024
"""A batch up to this size is read without a check of its content."""
SMALLEST_BATCH = LOG_OVERHEAD.size + SMALLEST
_SMALLEST_RECORD = 7  # length, attributes, deltas of time and offset, lengths of key and value, number of headers
_RECORD_HEAD_BYTES = 32
_COMPRESSED_BEGINNINGS = {Codec.GZIP: b"\x1f\x8b\x08", Codec.LZ4: b"\x04\x22\x4d\x18", Codec.ZSTD: b"\x28\xb5\x2f\xfd"}
_SNAPPY_STREAM = b"\x82SNAPPY\x00"
_SNAPPY_GAIN = 32  # it packs 64 bytes into no fewer than 3


def can_be_batch(segment: Segment, position: int) -> bool:
    """Return whether a batch that the file holds as a whole can begin at a position.

    The position is in bytes. All batches of magic 0 to 2 that Kafka's clients and brokers write pass, if their
    compressed data have up to MAX_DECOMPRESSED_BYTES, so False is certain for these; other magics do not pass. True is
    not certain. Raise LostBytesError where the file cannot be read.
    """
    head = segment.peek(position, HEADER_SIZE)
    if not _can_be_head(head, segment.size_bytes - position):
        return False
    if head[MAGIC_POSITION] in (0, 1):
        return _has_fitting_lengths(segment, position, head)
    return has_fitting_content(segment, position)


def _can_be_head(head: memoryview, left: int) -> bool:
    """Return whether a batch can begin with these bytes where `left` bytes are left in the file, these included.

    They are judged by size, base offset, magic 0 to 2, and in magic 2 the number of records. `head` should have 61
    bytes, fewer only at the end of the file: with fewer than 26, and in magic 2 with fewer than 61, the result is
    False. True is not certain.
    """
    if len(head) < SMALLEST_BATCH or not SMALLEST_BATCH <= read_batch_size(head) <= left:
        return False
    if head[0] > 0x7F:  # a negative base offset, which no batch has
        return False
    return head[MAGIC_POSITION] in (0, 1) or (head[MAGIC_POSITION] == MAGIC and _has_likely_counts(head))


def is_followed(segment: Segment, position: int) -> bool:
    """Return whether a batch is small (up to 64 KiB), or the file ends inside or behind it, or a batch can follow it.

    True is not certain, and few bytes are read. Raise LostBytesError where the file cannot be read.
    """
    size = read_batch_size(segment.peek(position, LOG_OVERHEAD.size))
    following = position + size
    left = segment.size_bytes - following
    return size <= SMALL_BYTES or left <= 0 or _can_be_head(segment.peek(following, HEADER_SIZE), left)


def has_fitting_content(segment: Segment, position: int) -> bool:
    """Return whether the content of a batch fits its size.

    True for every batch of up to 64 KiB, and for one that the file does not hold as a whole. False for a larger one
    with an unknown codec, with compressed data of more than MAX_DECOMPRESSED_BYTES or with a beginning that its codec
    does not write, or with uncompressed records that are none or whose own lengths, lengths of keys or offsets do not
    fit. Of magic 0 and 1, compressed or not, only the lengths of key and value count. Raise LostBytesError where the
    file cannot be read.
    """
    head = segment.peek(position, HEADER_SIZE)
    size = read_batch_size(head)
    if size <= SMALL_BYTES or len(head) < HEADER_SIZE or size > segment.size_bytes - position:
        return True
    if head[MAGIC_POSITION] in (0, 1):
        return _has_fitting_lengths(segment, position, head)
    fields = HEADER.unpack_from(head, LOG_OVERHEAD.size)
    attributes, last_offset_delta, count = fields[3], fields[4], fields[10]
    start, end = position + HEADER_SIZE, position + size
    codec = attributes & CODEC_MASK
    if codec == Codec.NONE:
        return _has_fitting_records(segment, start, end, last_offset_delta, count)
    if end - start > compression.MAX_DECOMPRESSED_BYTES:
        return False  # no reader could decompress it
    begin = bytes(segment.peek(start, _RECORD_HEAD_BYTES))
    if codec == Codec.SNAPPY:
        return begin.startswith(_SNAPPY_STREAM) or _is_likely_snappy(begin, end - start)
    return codec in _COMPRESSED_BEGINNINGS and begin.startswith(_COMPRESSED_BEGINNINGS[Codec(codec)])


def _has_likely_counts(head: memoryview) -> bool:
    """Return whether the header of a batch of magic 2 states no more records than it has offsets.

    False also for a negative number, for fewer than 61 bytes, and for a size below 61.
    """
    if len(head) < HEADER_SIZE or read_batch_size(head) < HEADER_SIZE:
        return False
    fields = HEADER.unpack_from(head, LOG_OVERHEAD.size)
    last_offset_delta, count = fields[4], fields[10]
    return bool(0 <= count <= last_offset_delta + 1)


def _has_fitting_lengths(segment: Segment, position: int, head: memoryview) -> bool:
    """Return whether the key and the value of a message of magic 0 or 1 end where the message ends.

    The file must have the whole message. `head` are the first bytes at `position`, 17 at least. Raise LostBytesError
    where the file cannot be read.
    """
    end = position + read_batch_size(head)
    at = position + LOG_OVERHEAD.size + LEGACY_HEADER.size + (TIMESTAMP.size if head[MAGIC_POSITION] else 0)
    for _ in ("key", "value"):
        if at + SIZE.size > end:
            return False
        (size,) = SIZE.unpack(segment.peek(at, SIZE.size))
        if size < -1:
            return False
        at += SIZE.size + max(0, size)
    return at == end


def _has_fitting_records(segment: Segment, start: int, end: int, last_offset_delta: int, count: int) -> bool:
    """Return whether `count` records, by their lengths, end where the batch ends; False for no records.

    False also for a record whose key's length or offset does not fit. `start` is the position of the first record and
    `end` that of the batch's end, in bytes; `last_offset_delta` is that of the batch. Raise LostBytesError where the
    file cannot be read.
    """
    if not 0 < count <= (end - start) // _SMALLEST_RECORD:
        return False
    for _ in range(count):
        behind = _find_end_of_record(segment, start, end, last_offset_delta)
        if behind is None:
            return False
        start = behind
    return start == end


def _find_end_of_record(segment: Segment, start: int, end: int, last_offset_delta: int) -> int | None:
    """Return the position after a record, or None where its length, its key's length or its offset do not fit.

    `start` and `end` are positions of the record and of the batch's end, in bytes; `last_offset_delta` is that of the
    batch. The length of the value is not looked at. Raise LostBytesError where the file cannot be read.
    """
    head = segment.peek(start, _RECORD_HEAD_BYTES)
    try:
        length, at = read_varint(head, 0)
        behind = start + at + length
        _, at = read_varlong(head, at + 1)
        offset_delta, at = read_varint(head, at)
        key_size, at = read_varint(head, at)
    except FormatError:
        return None
    fits = (
        behind <= end
        and key_size >= -1
        and at + max(0, key_size) <= behind - start
        and 0 <= offset_delta <= last_offset_delta
    )
    return behind if fits else None


def _is_likely_snappy(begin: bytes, size: int) -> bool:
    """Return whether a block of snappy of `size` bytes can begin with these bytes.

    The stated length must fit the size, and a literal must follow it. `begin` should have 6 bytes or more; raise
    IndexError where it has fewer and ends with the length.
    """
    length = 0
    for number, byte in enumerate(begin[:5]):
        length |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return begin[number + 1] & 3 == 0 and size <= 32 + length + length // 6 and length <= _SNAPPY_GAIN * size
    return False
