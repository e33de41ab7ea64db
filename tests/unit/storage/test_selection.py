"""Ranges, filters and the last records, with indexes and without."""

from __future__ import annotations

import gzip
import itertools
import os
import struct
import threading
import zlib
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafkactl.errors import KafkactlError
from kafkactl.storage import seek
from kafkactl.storage.records import Record
from kafkactl.storage.seek import seek_offset, seek_time
from kafkactl.storage.segment import Segment
from kafkactl.storage.selecting import select
from kafkactl.storage.selection import BadCrc, Selection, grep
from tests.unit.storage.encoding import encode_batch

TIME_MS = 1_700_000_000_000
PER_BATCH, BATCHES = 5, 40


def times(offset: int) -> int:
    """A clock that goes back now and then."""
    return TIME_MS + offset * 10 - (35 if offset % 7 == 0 else 0)


RECORDS = [
    Record(offset, times(offset), -1, b"k%d" % (offset % 3), b"value %d" % offset, ())
    for offset in range(100, 100 + PER_BATCH * BATCHES)
]


def write(folder: Path, base_offset: int, records: list[Record], indexed: bool) -> Path:
    data, offsets, timestamps, youngest, its_offset = b"", b"", b"", -1, -1
    for start in range(0, len(records), PER_BATCH):
        batch = records[start : start + PER_BATCH]
        if (largest := max(record.timestamp_ms for record in batch)) > youngest:
            youngest, its_offset = largest, batch[-1].offset
        if start and start % (4 * PER_BATCH) == 0:
            offsets += struct.pack(">ii", batch[-1].offset - base_offset, len(data))
            timestamps += struct.pack(">qi", youngest, its_offset - base_offset)
        data += encode_batch(batch, producer=(batch[0].offset % 2, 0, 0))
    path = folder / f"{base_offset:020}.log"
    path.write_bytes(data)
    if indexed:
        path.with_suffix(".index").write_bytes(offsets + bytes(80))
        path.with_suffix(".timeindex").write_bytes(timestamps + bytes(120))
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["indexed", "bare"])
def paths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("orders-0")
    half = len(RECORDS) // 2
    return [write(folder, 100, RECORDS[:half], request.param), write(folder, 100 + half, RECORDS[half:], request.param)]


@pytest.fixture(autouse=True)
def _indexes_of_small_logs_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seek, "READ_WHOLE_BYTES", 0)


def offsets(paths: list[Path], selection: Selection) -> list[int]:
    def fail(_: Path, error: KafkactlError) -> None:
        raise error

    return [record.offset for one in select(paths, selection, True, fail) for record in one.records]


bounds = st.none() | st.integers(90, 310)
moments = st.none() | st.integers(TIME_MS + 900, TIME_MS + 3100)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bounds, bounds, moments, moments)
def test_ranges_are_what_looking_at_every_record_finds(
    paths: list[Path], first: int | None, end: int | None, since: int | None, until: int | None
) -> None:
    selection = Selection(from_offset=first, to_offset=end, from_time_ms=since, to_time_ms=until)
    assert offsets(paths, selection) == [
        record.offset
        for record in RECORDS
        if (first is None or record.offset >= first)
        and (end is None or record.offset < end)
        and (since is None or record.timestamp_ms >= since)
        and (until is None or record.timestamp_ms < until)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 250), st.none() | st.integers(0, 2))
def test_the_last_and_the_first(paths: list[Path], count: int, key: int | None) -> None:
    wanted = [record.offset for record in RECORDS if key is None or record.key == b"k%d" % key]
    of_key = None if key is None else b"k%d" % key
    assert offsets(paths, Selection(tail=count, key=of_key)) == wanted[len(wanted) - min(count, len(wanted)) :]
    assert offsets(paths, Selection(limit=count, key=of_key)) == wanted[:count]


def test_filters(paths: list[Path]) -> None:
    assert offsets(paths, Selection(matches=grep("e 10[13]$", lambda record: [(record.value or b"").decode()]))) == [
        101,
        103,
    ]
    assert offsets(paths, Selection(producer_id=1)) == [record.offset for record in RECORDS if record.offset // 5 % 2]
    assert offsets(paths, Selection(only_control=True)) == []


def test_an_index_saves_reading(paths: list[Path]) -> None:
    with Segment(paths[1]) as segment:
        indexed = paths[1].with_suffix(".index").exists()
        assert (seek_offset(segment, 290) > segment.size_bytes // 2) == indexed
        assert (seek_time(segment, TIME_MS + 2900) > segment.size_bytes // 2) == indexed
        assert seek_offset(segment, 0) == seek_time(segment, 0) == 0


def test_an_index_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path, 100, RECORDS[:50], True)
    for lie in (struct.pack(">ii", 9, 17), struct.pack(">ii", 9, -5), struct.pack(">ii", 9, 10**9), b"123"):
        path.with_suffix(".index").write_bytes(lie)
        assert offsets([path], Selection(from_offset=120)) == list(range(120, 150))
        assert offsets([path], Selection(from_time_ms=0, from_offset=120)) == list(range(120, 150))


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("times", [{}, {"from_time_ms": 1}, {"to_time_ms": TIME_MS}])
def test_a_message_without_room_for_its_timestamp_hides_no_later_one(
    tmp_path: Path, times: dict[str, int], deep: bool
) -> None:
    short, whole = _encode_message(0, b""), _encode_message(1, struct.pack(">q", TIME_MS - 1))
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(short + whole)
    errors: list[KafkactlError] = []
    batches = [
        (batch.batch.last_offset, [record.offset for record in batch.records])
        for batch in select([path], Selection(**times), deep, lambda _, error: errors.append(error))
    ]
    assert batches == ([(1, [1])] if deep else [(0, []), (1, [])])
    assert ["is cut off" in str(error) for error in errors] == ([True] if deep else [])


def _encode_message(offset: int, timestamp: bytes) -> bytes:
    """Return a message of magic 1, with timestamps of the broker and without key and value."""
    body = struct.pack(">bb", 1, 0x08) + timestamp + struct.pack(">ii", -1, -1)
    body = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(body)) + body


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("skip_damaged", [False, True])
@pytest.mark.parametrize("tail", [None, 0, 1])
def test_zeros_at_the_end_of_a_log_that_is_followed_are_no_damage(
    tmp_path: Path, tail: int | None, skip_damaged: bool, damaged: bool
) -> None:
    """A broker can reserve space for a segment, and writes its next batch there; other bytes are damage."""
    path = write(tmp_path, 100, RECORDS[:PER_BATCH], indexed=False)
    batch = path.read_bytes()
    path.write_bytes(batch + bytes(2000) + (b"x" if damaged else b""))
    errors: list[KafkactlError] = []
    batches = select(
        [path],
        Selection(follow=True, tail=tail, skip_damaged=skip_damaged),
        True,
        lambda _, error: errors.append(error),
    )
    if tail != 0:
        assert len(list(next(batches).records)) == (tail or PER_BATCH)

    def write_next() -> None:
        with path.open("r+b") as file:
            file.seek(len(batch))
            file.write(encode_batch([Record(200, TIME_MS, -1, None, b"v", ())]))

    threading.Timer(0.1, write_next).start()
    assert [record.offset for record in next(batches).records] == [200]
    assert bool(errors) is (damaged and skip_damaged)


@pytest.mark.parametrize("skip_damaged", [False, True])
@pytest.mark.parametrize("tail", [None, 1])
def test_a_later_batch_with_a_wrong_crc_is_left_out_and_told(
    tmp_path: Path, tail: int | None, skip_damaged: bool
) -> None:
    path = write(tmp_path, 100, RECORDS[:PER_BATCH], indexed=False)
    errors: list[KafkactlError] = []
    selection = Selection(follow=True, tail=tail, skip_damaged=skip_damaged, bad_crc=BadCrc.LEFT_OUT)
    batches = select([path], selection, True, lambda _, error: errors.append(error))
    assert next(batches).batch.base_offset == 100
    bad = bytearray(encode_batch([Record(200, TIME_MS, -1, None, b"bad", ())]))
    bad[-2] ^= 1
    with path.open("ab") as file:
        file.write(bad + encode_batch([Record(201, TIME_MS, -1, None, b"good", ())]))
    assert [record.offset for record in next(batches).records] == [201]
    assert ["CRC" in str(error) for error in errors] == [True]


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("tail", [None, 2, 1000])
def test_no_way_of_reading_shows_what_is_behind_the_end(
    tmp_path: Path, tail: int | None, deep: bool, follow: bool
) -> None:
    path = write(tmp_path, 100, RECORDS[: PER_BATCH * 4], indexed=False)
    selection = Selection(to_offset=110, tail=tail, follow=follow)
    batches = select([path], selection, deep, lambda _, error: pytest.fail(str(error)))
    found = [batch.batch.base_offset for batch in islice(batches, 1 if deep and tail == 2 else 2)]
    assert found == ([105] if deep and tail == 2 else [100, 105])
    if not follow:
        assert list(batches) == []


@pytest.mark.parametrize("next_bytes", [b"", b"short"])
def test_the_next_file_does_not_hide_this_one(tmp_path: Path, next_bytes: bytes) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    write(tmp_path, 100, RECORDS[:PER_BATCH], indexed=False).rename(first)
    second.write_bytes(next_bytes)
    errors: list[KafkactlError] = []
    batches = select([first, second], Selection(from_offset=100), True, lambda _, error: errors.append(error))
    assert [record.offset for batch in batches for record in batch.records] == [100, 101, 102, 103, 104]
    assert all(str(second) in str(error) for error in errors)


@pytest.mark.parametrize("skip_damaged", [False, True])
def test_the_last_records_of_a_gzip_file_that_is_cut_off(tmp_path: Path, skip_damaged: bool) -> None:
    """What can be unpacked counts, and the segment before it is not needed."""
    batches = [encode_batch([Record(offset, 5, -1, None, b"%d" % offset, ())]) for offset in range(4)]
    before, cut = tmp_path / f"{0:020}.log", tmp_path / f"{1:020}.log.gz"
    before.write_bytes(batches[0])
    cut.write_bytes(gzip.compress(b"".join(batches[1:]), compresslevel=0)[:-20])
    errors: list[KafkactlError] = []
    selected = select(
        [before, cut], Selection(tail=2, skip_damaged=skip_damaged), True, lambda _, error: errors.append(error)
    )
    assert [record.value for batch in selected for record in batch.records] == [b"1", b"2"]
    assert errors
    assert all(str(cut) in str(error) for error in errors)


@pytest.mark.parametrize("deep", [True, False])
def test_times_of_brokers_may_go_back(tmp_path: Path, deep: bool) -> None:
    """A new leader has another clock, and a topic may change to times of producers."""
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(
        encode_batch([Record(0, 100, -1, None, b"v", ())], attributes=0x08)
        + encode_batch([Record(1, 99, -1, None, b"v", ())], attributes=0x08)
        + encode_batch([Record(2, 50, -1, None, b"v", ())])
    )
    batches = select([path], Selection(to_time_ms=100), deep, lambda _, error: pytest.fail(str(error)))
    assert [one.batch.base_offset for one in batches] == [1, 2]
    if deep:
        assert offsets([path], Selection(to_time_ms=100, tail=1)) == [2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_segments_in_any_order_lose_none(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A shell sorts names as texts, and people name files as they come."""
    paths = []
    for number in range(3):
        path = tmp_path / f"{number * 100:020}.log"
        path.write_bytes(encode_batch([Record(number * 100 + n, 1, -1, None, b"v", ()) for n in (0, 60)]))
        paths.append(path)
    found = offsets([paths[number] for number in order], Selection(from_offset=150))
    assert sorted(found) == [160, 200, 260]
    again = tmp_path / f"{0:020}.log.swap"
    again.write_bytes(paths[0].read_bytes())
    assert offsets([paths[0], again], Selection(from_offset=50)) == [60, 60]
    assert offsets([paths[0], paths[0]], Selection(from_offset=50)) == [60, 60]


def test_fifos_without_an_offset_in_their_names_are_read_once(tmp_path: Path) -> None:
    paths = [tmp_path / "a.log", tmp_path / "b.log"]
    for number, path in enumerate(paths):
        os.mkfifo(path)
        batch = encode_batch([Record(number, 0, -1, None, b"v", ())])
        threading.Thread(target=path.write_bytes, args=(batch,), daemon=True).start()
    selected = select(paths, Selection(from_offset=1), True, lambda path, error: pytest.fail(str(error)))
    offsets: list[int] = []
    reader = threading.Thread(
        target=lambda: offsets.extend(record.offset for batch in selected for record in batch.records), daemon=True
    )
    reader.start()
    reader.join(10)
    assert not reader.is_alive()
    assert offsets == [1]


@pytest.mark.parametrize("length", [1, 8, 13])
@pytest.mark.parametrize("deep", [True, False])
def test_the_last_records_lie_before_a_size_that_no_batch_has(tmp_path: Path, length: int, deep: bool) -> None:
    """The batches behind it are not read, with `tail` and without, and the damage is reported once."""
    path = tmp_path / f"{0:020}.log"
    first, second = (encode_batch([Record(offset, 5, -1, None, b"v", ())]) for offset in (0, 1))
    path.write_bytes(first + struct.pack(">qi", 1, length) + bytes(length) + second)
    for tail in (None, 5):
        errors: list[KafkactlError] = []
        selected = select([path], Selection(tail=tail), deep, lambda _, error, errors=errors: errors.append(error))
        assert [batch.batch.base_offset for batch in selected] == [0]
        assert [f"batch at position {len(first)} has size {length}" in str(error) for error in errors] == [True]
