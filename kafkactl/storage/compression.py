"""Compression codecs of batches: org.apache.kafka.common.record.CompressionType."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from enum import IntEnum

import cramjam

from kafkactl.errors import FormatError
from kafkactl.storage.lz4_frame import simplify_frame

# Brokers take batches of up to 1 MB by default (message.max.bytes). Data that grow beyond this bound are an attack or
# no batch.
MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
_FIRST_BUFFER_BYTES = 64 * 1024
_BUFFER_FULL = "failed to write whole buffer"

# The framing of snappy that Java clients write (xerial): magic, two versions, then blocks with their lengths.
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
GZIP_WINDOW = 31  # zlib's code for a gzip header and a window of any size
_BLOCK_LENGTH = struct.Struct(">i")


class Codec(IntEnum):
    """Codec by its number in a batch's attributes; the name in lower case is the word of Kafka's tools."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


CODEC_MASK = 0x07


def read_codec(attributes: int, position: int) -> Codec:
    """Return the codec that the lowest three bits of a batch's attributes name.

    `position` is the batch's position in its file, for the error. Raise FormatError for a number that no codec has.
    """
    try:
        return Codec(attributes & CODEC_MASK)
    except ValueError:
        raise FormatError(
            f"batch at position {position}: unknown compression codec {attributes & CODEC_MASK}"
        ) from None


class TooLargeError(FormatError):
    """Decompressed data that grow past the bound."""


def _too_large(bound: int) -> TooLargeError:
    """Return (not raise) the error for data that grow past the bound, in bytes."""
    return TooLargeError(f"a batch grows past {bound} bytes when decompressed", "allow more: --max-decompressed-bytes")


def decompress(codec: Codec, data: bytes, bound: int | None = None) -> bytes:
    """Return data decompressed.

    `bound` is the largest result in bytes; None means MAX_DECOMPRESSED_BYTES. Codec.NONE returns the data as they are,
    whatever their size. Bytes behind the end of gzip and lz4 data are ignored, also a second gzip member; behind zstd
    and snappy data they are an error, but zstd frames may follow each other. Raise FormatError for data that the codec
    cannot decompress, for lz4 blocks that depend on each other, for empty data and for data that are cut off, and
    TooLargeError (a FormatError) for a result past the bound. Snappy data in the framing of Java clients that end after
    the framing's header or one of their blocks are not known to be cut off.
    """
    if codec is Codec.NONE:
        return data
    if bound is None:
        bound = MAX_DECOMPRESSED_BYTES
    try:
        if codec is Codec.GZIP:
            return _decompress_gzip(data, bound)
        if codec is Codec.SNAPPY:
            return _decompress_snappy(data, bound)
        if codec is Codec.LZ4:
            return _decompress_into_buffer(cramjam.lz4.decompress_into, simplify_frame(data), bound)
        return _decompress_into_buffer(cramjam.zstd.decompress_into, data, bound)
    except (cramjam.DecompressionError, struct.error, ValueError) as error:
        raise FormatError(f"corrupt: {codec.name.lower()} data cannot be decompressed: {error}") from error


def _decompress_gzip(data: bytes, bound: int) -> bytes:
    """Return the content of gzip data, without bytes behind its end.

    Raise ValueError for damage and data that are cut off, and TooLargeError past the bound in bytes.
    """
    from isal import isal_zlib  # twice as fast as zlib

    stream = isal_zlib.decompressobj(GZIP_WINDOW)
    try:
        unpacked: bytes = stream.decompress(data, min(bound + 1, sys.maxsize))
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub has it as a value
        raise ValueError(str(error)) from error
    if len(unpacked) > bound:
        raise _too_large(bound)
    if not stream.eof:
        raise ValueError("it is cut off")
    return unpacked


def _decompress_into_buffer(decompress_into: Callable[[bytes, bytearray], int], data: bytes, bound: int) -> bytes:
    """Return the decompressed data of a frame, which need not state its size.

    `decompress_into` writes the content of its first argument into the buffer, and returns its size. Buffers are tried,
    each four times as large as the one before, up to the bound in bytes. Raise TooLargeError past it, and
    cramjam.DecompressionError for damage.
    """
    size = max(_FIRST_BUFFER_BYTES, 4 * len(data))
    while True:
        buffer = bytearray(min(size, bound))
        try:
            return bytes(memoryview(buffer)[: decompress_into(data, buffer)])
        except cramjam.DecompressionError as error:
            if _BUFFER_FULL not in str(error):
                raise
        if size >= bound:
            raise _too_large(bound)
        size *= 4


def _decompress_snappy(data: bytes, bound: int) -> bytes:
    """Return the content of snappy data, with or without the framing of Java clients.

    With the framing, data that end after a whole block, or after the framing's header, are no error. Raise
    TooLargeError past the bound in bytes; ValueError, struct.error or cramjam.DecompressionError for damage.
    """
    if not data.startswith(_XERIAL_MAGIC):
        return _decompress_snappy_block(data, bound)
    if len(data) < _XERIAL_HEADER_BYTES:
        raise ValueError(f"a header of {_XERIAL_HEADER_BYTES} bytes where there are {len(data)}")
    position, blocks, total = _XERIAL_HEADER_BYTES, [], 0
    while position < len(data):
        (length,) = _BLOCK_LENGTH.unpack_from(data, position)
        position += _BLOCK_LENGTH.size
        if not 0 <= length <= len(data) - position:
            raise ValueError(f"a block of {length} bytes where {len(data) - position} are left")
        blocks.append(_decompress_snappy_block(data[position : position + length], bound - total))
        total += len(blocks[-1])
        position += length
    return b"".join(blocks)


def _decompress_snappy_block(data: bytes, bound: int) -> bytes:
    """Return the content of one block.

    Raise TooLargeError past the bound in bytes, and cramjam.DecompressionError for damage, such as no bytes.
    """
    if cramjam.snappy.decompress_raw_len(data) > bound:
        raise _too_large(bound)
    return bytes(cramjam.snappy.decompress_raw(data))
