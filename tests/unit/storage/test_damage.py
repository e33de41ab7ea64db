"""Sound batches behind any damage, and records by how their transactions ended."""

from __future__ import annotations

import itertools
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from random import Random

import cramjam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.storage import seek, source
from kafkactl.storage.compression import Codec
from kafkactl.storage.damage import Damage, find_sound_batch, read_sound_batches
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.selecting import select
from kafkactl.storage.selection import BadCrc, Selection
from kafkactl.storage.transactions import OpenRecords
from tests.unit.storage.encoding import KINDS_OF_BATCHES, encode_batch

pytestmark = pytest.mark.slow


LOG = f"{0:020}.log"


def legacy_message(magic: int, offset: int, value: bytes = b"va") -> bytes:
    body = (
        struct.pack(">bb", magic, 0)
        + (struct.pack(">q", 5) if magic else b"")
        + struct.pack(">i3si", 3, b"key", len(value))
        + value
    )
    message = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(message)) + message


BATCHES = [*KINDS_OF_BATCHES, legacy_message(0, 3), legacy_message(1, 4)]


def written(folder: Path, data: bytes) -> Path:
    path = folder / LOG
    path.write_bytes(data)
    return path


def sound_and_damage(path: Path) -> tuple[list[bytes], list[Damage]]:
    damage: list[Damage] = []
    with Segment(path) as segment:
        data = path.read_bytes()
        batches = list(read_sound_batches(segment, 0, damage.append))
        return [data[one.position : one.position + one.size_bytes] for one in batches], damage


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(BATCHES), min_size=1, max_size=8),
    where=st.floats(0, 1),
    removed=st.integers(0, 400),
    inserted=st.one_of(st.binary(max_size=60), st.integers(0, 3000).map(bytes)),
)
def test_every_batch_outside_of_the_damage_is_read(
    tmp_path: Path, kinds: list[bytes], where: float, removed: int, inserted: bytes
) -> None:
    """Bytes are replaced, removed and inserted at any place; what is not sound is reported, byte for byte."""
    data = b"".join(kinds)
    start = int(where * len(data))
    end = min(len(data), start + removed)
    path = written(tmp_path, data[:start] + inserted + data[end:])
    intact, position = [], 0
    for batch in kinds:
        if position + len(batch) <= start or position >= end:
            intact.append(batch)
        position += len(batch)
    sound, damage = sound_and_damage(path)
    assert is_subsequence(intact, sound)
    assert sum(map(len, sound)) + sum(one.end - one.position for one in damage) == path.stat().st_size
    assert (damage == []) == (b"".join(sound) == path.read_bytes())


@pytest.mark.parametrize("keeps_bad_crc", [False, True])
@pytest.mark.parametrize("behind", KINDS_OF_BATCHES)
def test_a_batch_that_lost_as_many_bytes_as_others_have_hides_none(
    tmp_path: Path, behind: bytes, keeps_bad_crc: bool
) -> None:
    """Its size leads to the end of the file, as that of a batch with a few wrong bytes does."""
    largest = max(KINDS_OF_BATCHES, key=len)
    for others in (behind, behind * 2):
        if len(largest) - len(others) > 100:
            path = written(tmp_path, largest[: len(largest) - len(others)] + others)
            damage: list[Damage] = []
            with Segment(path) as segment:
                sound = list(read_sound_batches(segment, 0, damage.append, keeps_bad_crc))
            assert [one.size_bytes for one in sound] == [len(behind)] * (len(others) // len(behind))
            assert [(one.position, one.end) for one in damage] == [(0, len(largest) - len(others))]


def is_subsequence(few: Sequence[bytes], many: Sequence[bytes]) -> bool:
    rest = iter(many)
    return all(one in rest for one in few)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024 - 30, 3 * 1024 * 1024 + 5])
def test_a_batch_behind_many_zeros_and_noise(tmp_path: Path, size: int) -> None:
    for filling in (bytes(size), os.urandom(size // 8), b"\x02\x00\x00\x00\x00\x00\x00" * (size // 70)):
        path = written(tmp_path, filling + KINDS_OF_BATCHES[0])
        with Segment(path) as segment:
            assert find_sound_batch(segment, 0) == len(filling)


@dataclass
class Reads:
    """What was read of files."""

    count: int = 0
    total_bytes: int = 0
    largest_bytes: int = 0


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads, pread = Reads(), os.pread

    def counted(descriptor: int, size: int, position: int) -> bytes:
        reads.count += 1
        reads.total_bytes += size
        reads.largest_bytes = max(reads.largest_bytes, size)
        return pread(descriptor, size, position)

    monkeypatch.setattr(source.os, "pread", counted)
    return reads


def head_of_2(size: int, *, codec: int = 0, count: int = 5, content: bytes = b"") -> bytes:
    """Return a header of magic 2 with a wrong CRC, and what is behind it."""
    fields = struct.pack(">ibIhiqqqhii", 0, 2, 0, codec, count - 1, 5, 5, -1, -1, -1, count)
    return struct.pack(">qi", 7, size - 12) + fields + content


MIB = 1024 * 1024
UNCOMPRESSED = [batch for batch in BATCHES if batch[16] < 2 or not batch[22] & 7]
NOISE: dict[str, Callable[[Random], bytes]] = {
    "any bytes": lambda random: random.randbytes(MIB),
    "small numbers": lambda random: bytes(random.choices(range(4), k=MIB)),
    "zeros and ones": lambda random: bytes(random.choices((0, 0, 0, 0, 0, 1), k=MIB)),
    "bytes of batches": lambda random: b"".join(
        batch[random.randrange(len(batch)) :] for batch in random.choices(UNCOMPRESSED, k=3000)
    ),
    "heads of magic 0": lambda random: struct.pack(">qiIbbi", 7, 1 << 30, 0, 0, 0, 1 << 29) * 1000,
    "heads of magic 1": lambda random: struct.pack(">qiIbbqi", 7, 1 << 30, 0, 1, 0, 5, -1) * 1000,
    **{f"heads of {codec.name}": lambda _, codec=codec: head_of_2(1 << 30, codec=codec) * 1000 for codec in Codec},
    "records that do not fit": lambda _: head_of_2(1 << 30, content=b"\x0c\0\0\0\0\0\0" * 9) * 1000,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", NOISE)
def test_noise_takes_bounded_reads_in_a_large_file(tmp_path: Path, reads: Reads, noise: str, seed: int) -> None:
    """Nearly every size fits into a file of 64 GiB, and nothing of it is read to find that out."""
    filling = plain(0) + b"\xff" * 20 + NOISE[noise](Random(seed)) + b"\xff" * 20
    path = written(tmp_path, filling + plain(5))
    os.truncate(path, 64 << 30)
    with Segment(path) as segment:
        positions = (batch.position for batch in read_sound_batches(segment, 0, lambda _: None))
        assert next(positions) == 0
        assert len(filling) in takewhile(lambda position: position <= len(filling), positions)
    assert reads.total_bytes < 8 * MIB
    assert reads.largest_bytes <= 2 * MIB


LARGE = [Record(7, 5, -1, b"k", Random(1).randbytes(3 * MIB), ())]
MANY = [Record(7 + n, 5, -1, b"k%d" % n, Random(n).randbytes(200), (("h", b"x"),)) for n in range(20_000)]
LARGE_BATCHES = {
    **{f"a value, {codec.name}": encode_batch(LARGE, codec) for codec in Codec},
    **{f"many records, {codec.name}": encode_batch(MANY, codec) for codec in Codec},
    "raw snappy": encode_batch(LARGE, Codec.SNAPPY, data=bytes(cramjam.snappy.compress_raw(LARGE[0].value or b""))),
    "a key": encode_batch([Record(7, 5, -1, LARGE[0].value, None, ())]),
    "headers": encode_batch([Record(7, 5, -1, None, None, (("h", LARGE[0].value),))]),
    "holes": encode_batch([*LARGE, Record(90, 5, -1, None, b"", ())]),
    "a transaction": encode_batch(LARGE, attributes=0x10, producer=(9, 3, 2**31 - 1)),
    "magic 0": legacy_message(0, 7, LARGE[0].value or b""),
    "magic 1": legacy_message(1, 7, LARGE[0].value or b""),
}


@pytest.mark.parametrize("end", ["", "zeros", "noise", "a batch"])
@pytest.mark.parametrize("kind", LARGE_BATCHES)
def test_large_batches_are_found_behind_noise(tmp_path: Path, kind: str, end: str) -> None:
    """A batch that is sound is found whatever lies before and behind it."""
    batch = LARGE_BATCHES[kind]
    behind = {"": b"", "zeros": bytes(500), "noise": Random(3).randbytes(500), "a batch": plain(100)}[end]
    path = written(tmp_path, b"\xff" * 999 + batch + behind)
    sound, _ = sound_and_damage(path)
    assert sound == [batch, behind] if end == "a batch" else [batch]


@pytest.mark.parametrize("kind", LARGE_BATCHES)
def test_a_large_batch_with_a_wrong_crc_is_kept_where_another_follows(tmp_path: Path, kind: str) -> None:
    broken = with_changed_byte(LARGE_BATCHES[kind], 90)
    path = written(tmp_path, broken + plain(100))
    with Segment(path) as segment:
        kept = [batch.size_bytes for batch in read_sound_batches(segment, 0, lambda _: None, keeps_bad_crc=True)]
    assert kept == [len(broken), len(plain(100))]


def records_of(paths: list[Path], selection: Selection) -> tuple[list[int], list[str]]:
    errors: list[KafkactlError] = []
    offsets = []
    for one in select(paths, selection, True, lambda _, error: errors.append(error)):
        try:
            offsets.extend(record.offset for record in one.records)
        except FormatError as error:
            errors.append(error)
    return offsets, [str(error) for error in errors]


def plain(offset: int, count: int = 5, codec: Codec = Codec.NONE) -> bytes:
    return encode_batch([Record(offset + n, 100 + offset + n, -1, b"k", b"v", ()) for n in range(count)], codec)


def with_changed_byte(batch: bytes, position: int = -1) -> bytes:
    changed = bytearray(batch)
    changed[position] ^= 0x40
    return bytes(changed)


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "sound": bytes,
    "zeros": lambda batch: bytes(len(batch)),
    "crc": lambda batch: with_changed_byte(batch, -2),
    "crc and records": with_changed_byte,
    "size": lambda batch: batch[:8] + b"\x7f\xff\xff\xff" + batch[12:],
    "short": lambda batch: batch[:-9],
    "magic": lambda batch: batch[:16] + b"\x05" + batch[17:],
    "noise": lambda batch: os.urandom(40) + batch[40:],
}


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.ZSTD])
@pytest.mark.parametrize("name", BROKEN)
def test_the_last_records_are_the_last_of_all(tmp_path: Path, name: str, codec: Codec) -> None:
    """With damage and without, with skipping and without, in a file and in several."""
    data = plain(0) + BROKEN[name](plain(5, codec=codec)) + plain(10, codec=codec)
    (tmp_path / f"{20:020}.log").write_bytes(plain(20) + bytes(200))
    paths = [written(tmp_path, data), tmp_path / f"{20:020}.log"]
    for bad_crc in BadCrc:
        for skip_damaged in (False, True):
            everything, errors = records_of(paths, Selection(skip_damaged=skip_damaged, bad_crc=bad_crc))
            assert errors
            for count in (1, 5, 6, 12, 50):
                selection = Selection(skip_damaged=skip_damaged, bad_crc=bad_crc, tail=count)
                last, _ = records_of(paths, selection)
                assert last == everything[-count:]
            kept = {"sound", "crc"} if bad_crc is BadCrc.KEPT else {"sound"}
            if skip_damaged and (codec is Codec.NONE or "crc" not in name):
                middle = [5, 6, 7, 8, 9] if name in kept else []
                if name == "crc and records" and bad_crc is BadCrc.KEPT:
                    middle = [5, 6, 7, 8]
                assert everything == [0, 1, 2, 3, 4, *middle, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]


def test_a_batch_that_cannot_be_decompressed_hides_no_other(tmp_path: Path) -> None:
    broken = encode_batch([Record(5, 1, -1, b"k", b"v", ())], Codec.ZSTD, data=b"no zstd")
    path = written(tmp_path, plain(0) + broken + plain(10))
    for selection in (Selection(from_offset=2), Selection(bad_crc=BadCrc.LEFT_OUT), Selection(skip_damaged=True)):
        offsets, errors = records_of([path], selection)
        assert offsets[-5:] == [10, 11, 12, 13, 14]
        assert len(errors) == 1
        assert errors[0].startswith(f"{path}: batch at position {len(plain(0))}: corrupt: zstd data")


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """Records of a producer, and how they end: 0 aborted, 1 committed, None open."""

    producer: int
    end: int | None


def data_batch(offset: int, producer: int) -> bytes:
    return encode_batch([Record(offset, 5, -1, b"k", b"v", ())], attributes=0x10, producer=(producer, 0, 0))


def end_batch(offset: int, producer: int, kind: int) -> bytes:
    record = Record(offset, 5, -1, struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0), ())
    return encode_batch([record], attributes=0x30, producer=(producer, 0, -1))


@given(
    transactions=st.lists(st.builds(Transaction, producer=st.integers(1, 3), end=st.sampled_from([0, 1])), max_size=12),
    open_producers=st.sets(st.integers(1, 3)),
    interleaving=st.randoms(use_true_random=False),
    rolls=st.integers(1, 6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_by_how_their_transactions_ended(
    tmp_path: Path, transactions: list[Transaction], open_producers: set[int], interleaving: object, rolls: int
) -> None:
    """Transactions of several producers between each other and records without, over several segments."""
    for old in tmp_path.glob("*.log"):
        old.unlink()
    queues: dict[int, list[tuple[int | None, int | None]]] = {0: [(None, None)] * 4}
    for each in [*transactions, *(Transaction(producer=one, end=None) for one in sorted(open_producers))]:
        queues.setdefault(each.producer, []).extend([(None, each.end), (None, each.end)])
        if each.end is not None:
            queues[each.producer].append((each.end, each.end))
    offset, batches, aborted = 0, [], {}
    while any(queues.values()):
        producer = interleaving.choice([one for one, queue in sorted(queues.items()) if queue])  # type: ignore[attr-defined]
        marker, end = queues[producer].pop(0)
        if producer == 0:
            batches.append(plain(offset, 1))
            aborted[offset] = False
        elif marker is None:
            batches.append(data_batch(offset, producer))
            aborted[offset] = None if end is None else end == 0
        else:
            batches.append(end_batch(offset, producer, marker))
            aborted[offset] = False
        offset += 1
    paths = []
    for start in range(0, offset, rolls):
        paths.append(tmp_path / f"{start:020}.log")
        paths[-1].write_bytes(b"".join(batches[start : start + rolls]))
    for chosen in (paths, paths[:1]):
        offsets = [one for one in aborted if one < len(chosen) * rolls]
        found = {
            record.offset: one.is_aborted
            for one in select(chosen, Selection(with_ends=True), True, fail)
            for record in one.records
        }
        assert found == {one: aborted[one] for one in offsets}
        committed = records_of(chosen, Selection(read_committed=True))[0]
        assert committed == [one for one in offsets if aborted[one] is False]
        open_offsets = [offset for offset in offsets if aborted[offset] is None]
        for deep, first in itertools.product((True, False), (0, rolls // 2)):
            left_out = OpenRecords()
            for selected in select(chosen, Selection(read_committed=True, from_offset=first), deep, fail, left_out):
                assert selected.is_aborted is False
                list(selected.records)
            assert left_out.records == sum(offset >= first for offset in open_offsets)
            assert len(left_out.transactions) <= len(open_producers)
            assert (left_out.message is None) is (left_out.records == 0)


@pytest.mark.parametrize("damaged", [None, 1, 3])
def test_the_order_of_ends_does_not_rest_on_one_offset(tmp_path: Path, damaged: int | None) -> None:
    """No CRC covers the offset of a batch: a damaged one must not make aborted records committed."""
    batches = [data_batch(0, 7), end_batch(1, 7, 1), data_batch(2, 7), end_batch(3, 7, 0), data_batch(4, 7)]
    if damaged is not None:
        batches[damaged] = batches[damaged][:6] + b"\1" + batches[damaged][7:]
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(b"".join([*batches, end_batch(5, 7, 0)]))
    aborted = {
        record.offset: one.is_aborted
        for one in select([path], Selection(with_ends=True), True, fail)
        for record in one.records
    }
    assert (aborted[2], aborted[4]) == (True, True)


def fail(_: Path, error: KafkactlError) -> None:
    raise error


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    index=st.lists(st.tuples(st.integers(-5, 300), st.integers(-2, 60)), max_size=6),
    offsets=st.lists(st.tuples(st.integers(-2, 60), st.integers(-10, 5000)), max_size=6),
    since=st.integers(90, 180),
)
def test_no_index_keeps_records_out(
    tmp_path: Path, index: list[tuple[int, int]], offsets: list[tuple[int, int]], since: int
) -> None:
    """Whatever the indexes of a small log say, the records are those that the log has."""
    path = written(tmp_path, b"".join(plain(offset) for offset in range(0, 50, 5)))
    path.with_suffix(".timeindex").write_bytes(b"".join(struct.pack(">qi", *entry) for entry in index))
    path.with_suffix(".index").write_bytes(b"".join(struct.pack(">ii", *entry) for entry in offsets))
    assert records_of([path], Selection(from_time_ms=since)) == ([n for n in range(50) if 100 + n >= since], [])
    assert records_of([path], Selection(from_offset=since - 100))[0] == [n for n in range(50) if n >= since - 100]


SIZE = 1 << 30 if os.environ.get("KAFKACTL_TEST_EVERY_CELL") else 128 << 20


@pytest.mark.parametrize("lie", [None, "time", "offset", "order"])
def test_a_time_index_saves_reading_where_it_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str | None
) -> None:
    batch_bytes = 16_000
    count = SIZE // batch_bytes
    value = bytes(batch_bytes - 90)
    path, offsets, times = tmp_path / LOG, [], []
    with path.open("wb") as file:
        for number in range(count):
            offsets.append((number, file.tell()))
            times.append((1000 + number, number))
            file.write(encode_batch([Record(number, 1000 + number, -1, b"k", value, ())]))
    if lie == "time":
        times = [(timestamp - 500_000_000, offset) for timestamp, offset in times]
    elif lie == "offset":
        times = [(timestamp, min(count - 1, offset + 7)) for timestamp, offset in times]
    elif lie == "order":
        times.reverse()
    path.with_suffix(".index").write_bytes(b"".join(struct.pack(">ii", *entry) for entry in offsets[1:]))
    path.with_suffix(".timeindex").write_bytes(b"".join(struct.pack(">qi", *entry) for entry in times[1:]))
    read = 0
    pread = os.pread

    def counted(descriptor: int, size: int, position: int) -> bytes:
        nonlocal read
        data = pread(descriptor, size, position)
        read += len(data)
        return data

    monkeypatch.setattr(source.os, "pread", counted)
    since = 1000 + count - 20
    assert records_of([path], Selection(from_time_ms=since))[0] == list(range(count - 20, count))
    assert (read < path.stat().st_size * 0.02) == (lie is None)
    with Segment(path) as segment:
        assert (seek.seek_time(segment, since) == 0) == (lie is not None)
