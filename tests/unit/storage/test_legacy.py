from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage.batch import parse_batch
from kafkactl.storage.compression import Codec
from kafkactl.storage.legacy import LegacyBatch, _repair_checksum
from kafkactl.storage.lz4_frame import xxh32
from tests.properties import examples
from tests.unit.storage.encoding import COMPRESS

Entry = tuple[int, int, bytes | None, bytes | None]
"""Offset, timestamp, key, value."""


def sized(data: bytes | None) -> bytes:
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def message(magic: int, entry: Entry, attributes: int = 0) -> bytes:
    offset, timestamp_ms, key, value = entry
    times = struct.pack(">q", timestamp_ms) if magic == 1 else b""
    covered = struct.pack(">bb", magic, attributes) + times + sized(key) + sized(value)
    body = struct.pack(">I", zlib.crc32(covered)) + covered
    return struct.pack(">qi", offset, len(body)) + body


def wrapped(magic: int, entries: Sequence[Entry], codec: Codec, attributes: int = 0) -> bytes:
    """Entries in one wrapper; in magic 1 their offsets are relative."""
    base = entries[0][0] if magic == 1 else 0
    inner = b"".join(message(magic, (offset - base, *rest)) for offset, *rest in entries)  # type: ignore[arg-type]
    newest = max(entry[1] for entry in entries)
    return message(magic, (entries[-1][0], newest, None, COMPRESS[codec](inner)), attributes | codec)


def parsed(data: bytes) -> LegacyBatch:
    batch = parse_batch(memoryview(data), 0)
    assert isinstance(batch, LegacyBatch)
    return batch


ENTRIES: list[Entry] = [(10, 1000, b"k", b"v"), (11, 1005, None, b""), (13, 999, b"", None)]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4])
def test_what_is_wrapped_is_read(magic: int, codec: Codec) -> None:
    batch = parsed(wrapped(magic, ENTRIES, codec))
    assert (batch.magic, batch.codec, batch.last_offset, batch.is_valid) == (magic, codec, 13, True)
    times = [1000, 1005, 999] if magic == 1 else [-1, -1, -1]
    expected = [(offset, time, key, value) for (offset, _, key, value), time in zip(ENTRIES, times, strict=True)]
    assert [(one.offset, one.timestamp_ms, one.key, one.value) for one in batch.records()] == expected
    assert all(one.is_valid for one in batch.records())


def test_a_message_alone() -> None:
    (record,) = parsed(message(1, ENTRIES[0])).records()
    assert (record.offset, record.timestamp_ms, record.key, record.value) == ENTRIES[0]


def test_log_append_time_is_the_wrappers() -> None:
    batch = parsed(wrapped(1, ENTRIES, Codec.GZIP, attributes=0x08))
    assert batch.is_log_append_time
    assert {one.timestamp_ms for one in batch.records()} == {1005}


def test_a_wrapper_of_old_clients_with_offset_0() -> None:
    inner = message(1, (0, 1, None, b"a")) + message(1, (1, 1, None, b"b"))
    batch = parsed(message(1, (0, 1, None, COMPRESS[Codec.GZIP](inner)), Codec.GZIP))
    assert [one.offset for one in batch.records()] == [0, 1]


def test_offsets_of_a_damaged_wrapper_stay_in_64_bits() -> None:
    """Its CRC may be right: a producer can send it. dump-log ended unexpectedly."""
    inner = b"".join(message(1, (offset, 1, None, b"a")) for offset in (0, 2**63 - 1, -(2**62)))
    batch = parsed(message(1, (2**62, 1, None, COMPRESS[Codec.GZIP](inner)), Codec.GZIP))
    assert [one.offset for one in batch.records()] == [-(2**63), -1, 2**62]


def test_the_wrong_checksum_in_lz4_frames_of_magic_0_is_set_right() -> None:
    data = bytearray(wrapped(0, ENTRIES, Codec.LZ4))
    frame = data.index(b"\x04\x22\x4d\x18")
    header_end = frame + (14 if data[frame + 4] & 0x08 else 6)
    data[header_end] ^= 0xFF
    assert [one.offset for one in parsed(bytes(data)).records()] == [10, 11, 13]
    with pytest.raises(cramjam.DecompressionError):
        cramjam.lz4.decompress(bytes(data[frame:]))


@pytest.mark.parametrize(("flags", "header_bytes"), [(0x40, 7), (0x48, 15)])
def test_the_cut_header_of_an_lz4_frame_gets_no_checksum(flags: int, header_bytes: int) -> None:
    frame = b"\x04\x22\x4d\x18" + bytes([flags, 0x40]) + bytes(10)
    for size in range(header_bytes):
        assert _repair_checksum(frame[:size]) == frame[:size]
    assert len(_repair_checksum(frame[:header_bytes])) == header_bytes


@pytest.mark.parametrize(("data", "expected"), [(b"", 0x02CC5D05), (b"a", 0x550D7456), (b"abc", 0x32D153FF)])
def test_xxhash_of_few_bytes(data: bytes, expected: int) -> None:
    assert xxh32(data) == expected


def test_a_changed_byte_is_seen() -> None:
    data = bytearray(message(0, ENTRIES[0]))
    data[-1] ^= 1
    assert not parsed(bytes(data)).is_valid


@pytest.mark.parametrize(
    "data",
    [
        message(1, (5, 1, None, None), Codec.GZIP),
        message(1, (5, 1, None, b"garbage"), Codec.GZIP),
        message(1, (5, 1, None, COMPRESS[Codec.ZSTD](b"x")), Codec.ZSTD),
        message(1, (5, 1, None, COMPRESS[Codec.GZIP](b"")), Codec.GZIP),
        message(0, (5, 1, None, b"x"), 7),
        message(1, (5, 1, None, COMPRESS[Codec.GZIP](message(1, (9, 1, None, b"x")))), Codec.GZIP),
        message(1, (5, 1, None, COMPRESS[Codec.GZIP](wrapped(1, ENTRIES, Codec.GZIP))), Codec.GZIP),
        message(1, (5, 1, None, COMPRESS[Codec.GZIP](b"\0" * 8 + struct.pack(">i", 3) + b"abc")), Codec.GZIP),
    ],
)
def test_wrappers_that_lie(data: bytes) -> None:
    with pytest.raises(FormatError):
        list(parsed(data).records())


SAMPLES = [wrapped(magic, ENTRIES, codec) for magic in (0, 1) for codec in (Codec.GZIP, Codec.SNAPPY, Codec.LZ4)]


@examples(300)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(16, 300), st.integers(0, 255)), min_size=1, max_size=5))
def test_whatever_the_bytes_the_only_error_is_ours(sample: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(sample)
    for position, byte in changes:
        data[position % len(data)] = byte
    try:
        batch = parse_batch(memoryview(bytes(data)), 0)
        if batch is not None:
            list(batch.records())
    except KafkactlError as error:
        assert str(error)  # noqa: PT017
