"""lz4 frames as Kafka's clients write and read them: their blocks do not depend on each other.

Reference: org.apache.kafka.common.compress.Lz4BlockInputStream. Like that class, this module checks neither the
checksum of the whole content nor the bytes after the end mark. Numbers are little-endian, as in the lz4 frame format.
"""

from __future__ import annotations

import struct
from functools import lru_cache

MAGIC = 0x184D2204
_HEAD = struct.Struct("<IBB")  # magic, flags, block descriptor
_SIZE = struct.Struct("<I")  # of a block; its first bit says that the block is not compressed
_END_MARK = _SIZE.pack(0)
_CONTENT_SIZE_BYTES = 8

_VERSION_SHIFT, _VERSION = 6, 1
_INDEPENDENT = 0x20
_BLOCK_CHECKSUM = 0x10
_CONTENT_SIZE = 0x08
_RESERVED_FLAGS = 0x03
_RESERVED_DESCRIPTOR = 0x8F
_SIZE_CODE_SHIFT = 4
_SIZE_CODES = range(4, 8)  # 64 KiB, 256 KiB, 1 MiB, 4 MiB
_NOT_COMPRESSED = 0x80000000
_PLAIN_FLAGS = _VERSION << _VERSION_SHIFT | _INDEPENDENT


def simplify_frame(data: bytes) -> bytes:
    """Return a frame with the blocks of a frame, without checksum and size of the content and bytes after its end.

    A frame without these is returned as it is. Raise ValueError for data that are no frame, have a damaged header or a
    wrong size of a block, or are cut off, and for blocks that depend on each other. The bytes inside the blocks are not
    checked. The rare checksums of single blocks are kept and not checked: the decompressor does that.
    """
    flags, descriptor, first = _read_header(data)
    blocks, end = _read_blocks(data, first, 1 << (8 + 2 * (descriptor >> _SIZE_CODE_SHIFT)), flags)
    plain_flags = flags & (_PLAIN_FLAGS | _BLOCK_CHECKSUM)
    if flags == plain_flags and end == len(data) and data.endswith(_END_MARK):
        return data
    head = bytes((plain_flags, descriptor))
    return b"".join((data[:4], head, bytes((xxh32(head) >> 8 & 0xFF,)), *blocks, _END_MARK))


def _read_blocks(data: bytes, position: int, largest: int, flags: int) -> tuple[list[bytes], int]:
    """Return the blocks from a position on, each with its size and any checksum, and the position after the end mark.

    A block of 0 bytes is the end mark. `largest` is the largest size of a block in bytes, and `flags` those of the
    frame. Raise ValueError for a larger block, and where the data end before the end mark.
    """
    blocks: list[bytes] = []
    while True:
        start = position
        size, position = _read_size(data, position)
        size &= ~_NOT_COMPRESSED
        if size == 0:
            return blocks, position
        end = position + size
        if size > largest:
            raise ValueError(f"a block has {size} bytes, more than its maximum of {largest}")
        if end > len(data):
            raise ValueError("it is cut off")
        if flags & _BLOCK_CHECKSUM:
            _, end = _read_size(data, end)
        blocks.append(data[start:end])
        position = end


def _read_header(data: bytes) -> tuple[int, int, int]:
    """Return the flags of a frame, its block descriptor, and the position of its first block.

    Raise ValueError for another magic, unknown bits, an unknown size of blocks, blocks that depend on each other, a
    wrong checksum, and for data that end inside the header.
    """
    if len(data) <= _HEAD.size:
        raise ValueError("it is cut off")
    magic, flags, descriptor = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("it is not an lz4 frame")
    if flags & _RESERVED_FLAGS or flags >> _VERSION_SHIFT != _VERSION or descriptor & _RESERVED_DESCRIPTOR:
        raise ValueError("its header has unknown bits")
    if not flags & _INDEPENDENT:
        raise ValueError("its lz4 blocks depend on each other, which Kafka's clients do not support")
    size_code = descriptor >> _SIZE_CODE_SHIFT
    if size_code not in _SIZE_CODES:
        raise ValueError(f"unknown code {size_code} of the size of blocks")
    end = _HEAD.size + (_CONTENT_SIZE_BYTES if flags & _CONTENT_SIZE else 0)
    if end >= len(data):
        raise ValueError("it is cut off")
    if data[end] != xxh32(data[4:end]) >> 8 & 0xFF:
        raise ValueError("the checksum of its header is wrong")
    return flags, descriptor, end + 1


def _read_size(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it; raise ValueError where the data end before."""
    if len(data) - position < _SIZE.size:
        raise ValueError("it is cut off")
    return _SIZE.unpack_from(data, position)[0], position + _SIZE.size


@lru_cache(maxsize=64)
def xxh32(data: bytes) -> int:
    """Return the xxHash32 with seed 0 of fewer than 16 bytes; the result for 16 or more is wrong.

    The format needs it for headers. The result is cached, because most headers are alike.
    """
    prime1, prime2, prime3, prime4, prime5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    mask = 0xFFFFFFFF
    value = prime5 + len(data)
    whole = len(data) // 4 * 4
    for position in range(0, whole, 4):
        value = (value + int.from_bytes(data[position : position + 4], "little") * prime3) & mask
        value = ((value << 17 | value >> 15) * prime4) & mask
    for byte in data[whole:]:
        value = (value + byte * prime5) & mask
        value = ((value << 11 | value >> 21) * prime1) & mask
    value = ((value ^ value >> 15) * prime2) & mask
    value = ((value ^ value >> 13) * prime3) & mask
    return value ^ value >> 16
