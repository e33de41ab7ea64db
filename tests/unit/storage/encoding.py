"""Writes batches of magic 2 by the format's text (KIP-98), apart from the reader under test."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import cramjam
from google_crc32c import value as crc32c

from kafkactl.storage.compression import Codec
from kafkactl.storage.records import Record


def varlong(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def counted(data: bytes | None) -> bytes:
    return varlong(-1) if data is None else varlong(len(data)) + data


def encode_record(record: Record, base_offset: int, base_timestamp_ms: int) -> bytes:
    headers = b"".join(counted(name.encode()) + counted(value) for name, value in record.headers)
    body = (
        b"\0"
        + varlong(record.timestamp_ms - base_timestamp_ms)
        + varlong(record.offset - base_offset)
        + counted(record.key)
        + counted(record.value)
        + varlong(len(record.headers))
        + headers
    )
    return varlong(len(body)) + body


def xerial(data: bytes) -> bytes:
    block = bytes(cramjam.snappy.compress_raw(data))
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + struct.pack(">i", len(block)) + block


def lz4(data: bytes) -> bytes:
    """Blocks that do not depend on each other: Kafka's clients read no others."""
    compressor = cramjam.lz4.Compressor(block_linked=False)
    compressor.compress(data)
    return bytes(compressor.finish())


COMPRESS = {
    Codec.NONE: bytes,
    Codec.GZIP: lambda data: bytes(cramjam.gzip.compress(data)),
    Codec.SNAPPY: xerial,
    Codec.LZ4: lz4,
    Codec.ZSTD: lambda data: bytes(cramjam.zstd.compress(data)),
}


def encode_batch(
    records: Sequence[Record],
    codec: Codec = Codec.NONE,
    *,
    attributes: int = 0,
    producer: tuple[int, int, int] = (-1, -1, -1),
    leader_epoch: int = 0,
    count: int | None = None,
    data: bytes | None = None,
) -> bytes:
    """`producer` is id, epoch and base sequence; `count` and `data` replace the true ones, to lie."""
    base_offset, base_timestamp_ms = records[0].offset, records[0].timestamp_ms
    if data is None:
        data = COMPRESS[codec](b"".join(encode_record(one, base_offset, base_timestamp_ms) for one in records))
    covered = struct.pack(
        ">hiqqqhii",
        attributes | codec,
        records[-1].offset - base_offset,
        base_timestamp_ms,
        max(one.timestamp_ms for one in records),
        *producer,
        len(records) if count is None else count,
    )
    body = covered + data
    header = struct.pack(">ibI", leader_epoch, 2, crc32c(body))
    return struct.pack(">qi", base_offset, len(header) + len(body)) + header + body


def _record(offset: int, key: bytes | None, value: bytes | None, *headers: tuple[str, bytes | None]) -> Record:
    return Record(offset, 1_700_000_000_000 + offset, -1, key, value, headers)


_PLAIN = [_record(offset, b"key %d" % offset, b"value %d" % offset) for offset in range(12)]
_ODD = [
    _record(100, None, None),
    _record(101, b"", b""),
    _record(103, b"\xff\xed\xa0\x80", "값".encode(), ("h", None), ("", b""), ("a,b", b"\x00")),
    _record(107, b"k" * 300, b"\x80" * 200),
]
_CONTROL = [_record(7, b"\0\0\0\1", b"\0\0\0\0\0\5")]
_EMPTY = encode_batch(_PLAIN[:1], count=0, data=b"")

# One batch of every kind there is, for tests that take each of them apart.
KINDS_OF_BATCHES = [
    *(encode_batch(_PLAIN, codec) for codec in Codec),
    *(encode_batch(_ODD, codec) for codec in Codec),
    encode_batch(_PLAIN, attributes=0x08),
    encode_batch(_PLAIN, attributes=0x10, producer=(9, 3, 2**31 - 5)),
    encode_batch(_PLAIN, attributes=0x40),
    encode_batch(_CONTROL, attributes=0x30, producer=(9, 3, -1)),
    _EMPTY,
]
