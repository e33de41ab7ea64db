"""lz4 frames as Kafka's clients write and read them: blocks that do not depend on each other.

Reference: org.apache.kafka.common.compress.Lz4BlockInputStream. Like that it does not look at the checksum of the whole
content, nor at what lies behind the mark of the end. Layout: little-endian, by the lz4 frame format.
"""

from __future__ import annotations

import struct

MAGIC = 0x184D2204
_HEAD = struct.Struct("<IBB")  # magic, flags, block descriptor
_SIZE = struct.Struct("<I")  # of a block; its first bit says that the block is not compressed
_CONTENT_SIZE_BYTES = 8

_VERSION_SHIFT, _VERSION = 6, 1
_INDEPENDENT = 0x20
_BLOCK_CHECKSUM = 0x10
_CONTENT_SIZE = 0x08
_RESERVED_FLAG = 0x01
_RESERVED_DESCRIPTOR = 0x8F
_SIZE_CODE_SHIFT = 4
_SIZE_CODES = range(4, 8)  # 64 KiB, 256 KiB, 1 MiB, 4 MiB
_NOT_COMPRESSED = 0x80000000
_PLAIN_FLAGS = _VERSION << _VERSION_SHIFT | _INDEPENDENT


def plain_frame(data: bytes) -> bytes:
    """Return a frame of the same blocks that has no checksums and nothing behind it; raises ValueError for damage."""
    flags, descriptor, first = _read_header(data)
    blocks, end = _read_blocks(data, first, 1 << (8 + 2 * (descriptor >> _SIZE_CODE_SHIFT)), flags)
    if flags == _PLAIN_FLAGS and end == len(data):
        return data
    head = bytes((_PLAIN_FLAGS, descriptor))
    return b"".join((data[:4], head, bytes((xxh32(head) >> 8 & 0xFF,)), *blocks, _SIZE.pack(0)))


def _read_blocks(data: bytes, position: int, largest: int, flags: int) -> tuple[list[bytes], int]:
    """Return the blocks from a position on, with their sizes before them, and where the mark of the end ends."""
    blocks: list[bytes] = []
    while True:
        start = position
        size, position = _read_size(data, position)
        if size == 0:
            return blocks, position
        size &= ~_NOT_COMPRESSED
        end = position + size
        if size > largest:
            raise ValueError(f"a block of {size} bytes, and none has more than {largest}")
        if end > len(data):
            raise ValueError("it is cut off")
        blocks.append(data[start:end])
        if flags & _BLOCK_CHECKSUM:
            checksum, end = _read_size(data, end)
            if xxh32(blocks[-1][_SIZE.size :]) != checksum:
                raise ValueError("the checksum of a block is wrong")
        position = end


def _read_header(data: bytes) -> tuple[int, int, int]:
    """Return the flags of a frame, its block descriptor, and the position of its first block."""
    if len(data) <= _HEAD.size:
        raise ValueError("it is cut off")
    magic, flags, descriptor = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("it is no lz4 frame")
    if flags & _RESERVED_FLAG or flags >> _VERSION_SHIFT != _VERSION or descriptor & _RESERVED_DESCRIPTOR:
        raise ValueError("its header has bits that no version knows")
    if not flags & _INDEPENDENT:
        raise ValueError("lz4 blocks that depend on each other, which no client of Kafka's reads")
    size_code = descriptor >> _SIZE_CODE_SHIFT
    if size_code not in _SIZE_CODES:
        raise ValueError(f"unknown size of blocks {size_code}")
    end = _HEAD.size + (_CONTENT_SIZE_BYTES if flags & _CONTENT_SIZE else 0)
    if end >= len(data):
        raise ValueError("it is cut off")
    if data[end] != xxh32(data[4:end]) >> 8 & 0xFF:
        raise ValueError("the checksum of its header is wrong")
    return flags, descriptor, end + 1


def _read_size(data: bytes, position: int) -> tuple[int, int]:
    if len(data) - position < _SIZE.size:
        raise ValueError("it is cut off")
    return _SIZE.unpack_from(data, position)[0], position + _SIZE.size


def xxh32(data: bytes) -> int:
    """Return the xxHash32 of bytes with seed 0, which the format wants of a header and, rarely, of blocks."""
    prime1, prime2, prime3, prime4, prime5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    mask, position, value = 0xFFFFFFFF, 0, prime5
    if len(data) >= 16:
        lanes = [(prime1 + prime2) & mask, prime2, 0, -prime1 & mask]
        for position in range(0, len(data) - 15, 16):
            for lane, word in enumerate(struct.unpack_from("<4I", data, position)):
                lanes[lane] = _rotated((lanes[lane] + word * prime2) & mask, 13) * prime1 & mask
        position += 16
        value = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True))
    value = (value + len(data)) & mask
    while position + 4 <= len(data):
        (word,) = _SIZE.unpack_from(data, position)
        value = _rotated((value + word * prime3) & mask, 17) * prime4 & mask
        position += 4
    for byte in data[position:]:
        value = _rotated((value + byte * prime5) & mask, 11) * prime1 & mask
    value = ((value ^ value >> 15) * prime2) & mask
    value = ((value ^ value >> 13) * prime3) & mask
    return value ^ value >> 16


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF
