from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, KafkactlError, NotFoundError, UsageError
from kafkactl.storage import compression
from kafkactl.storage.batch import parse_batch
from kafkactl.storage.compression import Codec, decompress
from kafkactl.storage.lz4_frame import xxh32
from kafkactl.storage.records import Record, read_varlong
from kafkactl.storage.segment import Segment, find_base_offset
from tests.properties import examples
from tests.unit.storage.encoding import COMPRESS, encode_batch, varlong, xerial

RECORDS = [
    Record(10, 1_700_000_000_000, -1, b"k", b"value " * 20, (("h", b"1"), ("n", None))),
    Record(11, 1_700_000_000_005, -1, None, b"", ()),
    Record(13, 1_699_999_999_990, -1, b"", None, ()),
]


def segment_of(tmp_path: Path, *batches: bytes, name: str = "00000000000000000010.log") -> Segment:
    path = tmp_path / name
    path.write_bytes(b"".join(batches))
    return Segment(path)


optional_bytes = st.none() | st.binary(max_size=40)
record = st.builds(
    Record,
    st.integers(0, 2**40),
    st.integers(0, 2**42),
    st.just(-1),
    optional_bytes,
    optional_bytes,
    st.lists(st.tuples(st.text(max_size=5), optional_bytes), max_size=3).map(tuple),
)


@given(st.lists(record, min_size=1, max_size=8), st.sampled_from(list(Codec)))
def test_what_is_written_is_read(written: list[Record], codec: Codec) -> None:
    base = min(one.offset for one in written)
    written = [Record(base + n, r.timestamp_ms, -1, r.key, r.value, r.headers) for n, r in enumerate(written)]
    data = encode_batch(written, codec)
    batch = parse_batch(memoryview(data), 0)
    assert batch is not None
    assert batch.is_valid
    assert batch.codec is codec
    assert list(batch.records()) == written


def test_header_fields(tmp_path: Path) -> None:
    data = encode_batch(RECORDS, attributes=0x10, producer=(7, 3, 2**31 - 1), leader_epoch=5)
    with segment_of(tmp_path, data) as segment:
        (batch,) = segment.batches()
        assert (batch.base_offset, batch.last_offset, batch.count) == (10, 13, 3)
        assert (batch.producer_id, batch.producer_epoch, batch.leader_epoch) == (7, 3, 5)
        assert batch.is_transactional
        assert not batch.is_control
        assert (batch.base_sequence, batch.last_sequence) == (2**31 - 1, 2)  # past the largest comes 0
        assert [one.sequence for one in batch.records()] == [2**31 - 1, 0, 2]
        assert batch.delete_horizon_ms is None
        assert batch.size_bytes == segment.size_bytes == len(data)


def test_log_append_time_is_the_batches_own(tmp_path: Path) -> None:
    with segment_of(tmp_path, encode_batch(RECORDS, attributes=0x08)) as segment:
        (batch,) = segment.batches()
        assert {one.timestamp_ms for one in batch.records()} == {batch.max_timestamp_ms}


def test_a_delete_horizon_takes_the_base_timestamps_place(tmp_path: Path) -> None:
    with segment_of(tmp_path, encode_batch(RECORDS, attributes=0x40)) as segment:
        (batch,) = segment.batches()
        assert batch.delete_horizon_ms == RECORDS[0].timestamp_ms


def test_a_changed_byte_is_seen(tmp_path: Path) -> None:
    data = bytearray(encode_batch(RECORDS))
    data[-1] ^= 1
    with segment_of(tmp_path, bytes(data)) as segment:
        assert [batch.is_valid for batch in segment.batches()] == [False]


@pytest.mark.parametrize("cut", [1, 30, 60, 100])
def test_a_cut_off_end_is_no_batch(tmp_path: Path, cut: int) -> None:
    whole = encode_batch(RECORDS)
    with segment_of(tmp_path, whole, whole[:-cut]) as segment:
        assert len(list(segment.batches())) == 1


@pytest.mark.parametrize("length", [-1, 0, 13, 48])
def test_a_size_that_no_batch_has(tmp_path: Path, length: int) -> None:
    data = bytearray(encode_batch(RECORDS))
    data[8:12] = struct.pack(">i", length)
    with segment_of(tmp_path, bytes(data)) as segment, pytest.raises(FormatError, match="corrupt"):
        list(segment.batches())


@pytest.mark.parametrize("magic", [3, 255])
def test_other_magics_are_named(tmp_path: Path, magic: int) -> None:
    data = bytearray(encode_batch(RECORDS))
    data[16] = magic
    with segment_of(tmp_path, bytes(data)) as segment:
        (batch,) = segment.batches()
        assert batch.magic == magic
        if magic > 127:  # below 0, for the byte is signed
            with pytest.raises(FormatError, match="corrupt"):
                list(batch.records())
        else:
            assert list(batch.records()) == RECORDS


@pytest.mark.parametrize("count", [-1, 4, 2**31 - 1])
def test_a_count_that_lies(count: int) -> None:
    batch = parse_batch(memoryview(encode_batch(RECORDS, count=count)), 0)
    assert batch is not None
    with pytest.raises(FormatError, match="corrupt"):
        list(batch.records())


def test_bytes_behind_the_last_record_are_told() -> None:
    batch = parse_batch(memoryview(encode_batch(RECORDS, count=2)), 0)
    assert batch is not None
    with pytest.raises(FormatError, match="left after"):
        list(batch.records())


def test_an_unknown_codec_is_named() -> None:
    batch = parse_batch(memoryview(encode_batch(RECORDS, attributes=7)), 0)
    assert batch is not None
    with pytest.raises(FormatError, match="codec 7") as raised:
        list(batch.records())
    assert str(raised.value).count("batch at position") == 1


@pytest.mark.parametrize("size", range(8, 17))
def test_snappy_data_without_the_whole_header_of_java_are_cut_off(size: int) -> None:
    data = xerial(b"")[:size]
    if size == 16:
        assert decompress(Codec.SNAPPY, data) == b""
        return
    with pytest.raises(FormatError, match="a header of 16 bytes"):
        decompress(Codec.SNAPPY, data)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD])
def test_garbage_where_compressed_data_should_be(codec: Codec) -> None:
    batch = parse_batch(memoryview(encode_batch(RECORDS, codec, data=b"\x07garbage" * 5)), 0)
    assert batch is not None
    with pytest.raises(FormatError):
        list(batch.records())


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD])
def test_a_bomb_is_stopped_at_the_bound(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_DECOMPRESSED_BYTES", 100_000)
    with pytest.raises(FormatError, match="grows past"):
        compression.decompress(codec, COMPRESS[codec](bytes(100_001)))
    assert len(compression.decompress(codec, COMPRESS[codec](bytes(100_000)))) == 100_000


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD])
@pytest.mark.parametrize("bound", [2**63 - 2, 2**63 - 1, 2**64])
def test_the_bound_can_be_any_number(codec: Codec, bound: int) -> None:
    assert decompress(codec, COMPRESS[codec](b"value"), bound) == b"value"


@pytest.mark.parametrize("flag", [0x01, 0x02])
def test_an_lz4_frame_with_a_reserved_flag_is_damaged(flag: int) -> None:
    frame = bytearray(COMPRESS[Codec.LZ4](b"value"))
    frame[4] |= flag
    end = 14 if frame[4] & 0x08 else 6  # the checksum follows the size of the content, if there is one
    frame[end] = xxh32(bytes(frame[4:end])) >> 8 & 0xFF
    with pytest.raises(FormatError, match="unknown bits"):
        decompress(Codec.LZ4, bytes(frame))


@given(st.integers(-(2**63), 2**63 - 1))
def test_varlongs(value: int) -> None:
    data = varlong(value)
    assert read_varlong(data, 0) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 11])
def test_a_varint_cut_off_or_too_long(data: bytes) -> None:
    with pytest.raises(FormatError, match="varint"):
        read_varlong(data, 0)


SAMPLES = [encode_batch(RECORDS, codec) for codec in Codec]


@pytest.mark.slow
@examples(400)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_whatever_the_bytes_the_only_error_is_ours(sample: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(sample * 2)
    for position, byte in changes:
        data[position % len(data)] = byte
    view, position = memoryview(bytes(data)), 0
    with contextlib.suppress(KafkactlError):  # anything else fails the test
        while (batch := parse_batch(view, position)) is not None:
            list(batch.records())
            position += batch.size_bytes


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        Segment(tmp_path / "0.log")
    with pytest.raises(UsageError, match="is a directory"):
        Segment(tmp_path)
    with segment_of(tmp_path, name="0.log") as empty:
        assert list(empty.batches()) == []
    with (
        segment_of(tmp_path, name="orders.log") as misnamed,
        pytest.raises(UsageError, match="neither the name nor the first batch"),
    ):
        _ = misnamed.base_offset


def test_a_name_of_more_digits_than_a_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        find_base_offset(tmp_path / ("1" * 5000 + ".log"))
