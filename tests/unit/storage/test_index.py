from __future__ import annotations

import struct
from pathlib import Path

import pytest

from kafkactl.errors import FormatError
from kafkactl.storage.files import FileKind, find_sibling
from kafkactl.storage.index import OffsetEntry, OffsetIndex, TimeEntry, TimeIndex
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.verify import TimeFault, check_offset_index, check_time_index
from tests.unit.storage.encoding import encode_batch

NAME = "00000000000000000100"


def offset_index(folder: Path, *entries: tuple[int, int], padding: int = 0) -> OffsetIndex:
    path = folder / f"{NAME}.index"
    path.write_bytes(b"".join(struct.pack(">ii", *entry) for entry in entries) + bytes(8 * padding))
    return OffsetIndex(path)


def time_index(folder: Path, *entries: tuple[int, int], padding: int = 0) -> TimeIndex:
    path = folder / f"{NAME}.timeindex"
    path.write_bytes(b"".join(struct.pack(">qi", *entry) for entry in entries) + bytes(12 * padding))
    return TimeIndex(path)


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    """Two batches: offsets 100 to 101 at position 0, and 102 to 104."""
    batches = [
        encode_batch([Record(100 + n, 1000 + n, -1, None, b"v", ()) for n in range(2)]),
        encode_batch([Record(102 + n, 1010 + n, -1, None, b"v", ()) for n in range(3)]),
    ]
    (tmp_path / f"{NAME}.log").write_bytes(b"".join(batches))
    return Segment(tmp_path / f"{NAME}.log")


def second_position(segment: Segment) -> int:
    return [batch.position for batch in segment.batches()][1]


def test_entries_are_relative_to_the_name_and_end_at_the_padding(tmp_path: Path) -> None:
    assert list(offset_index(tmp_path, (1, 0), (4, 70), padding=3).read_entries()) == [
        OffsetEntry(101, 0),
        OffsetEntry(104, 70),
    ]
    assert list(time_index(tmp_path, (1001, 1), padding=2).read_entries()) == [TimeEntry(1001, 101)]


def test_lookup_finds_the_last_entry_at_or_before(tmp_path: Path) -> None:
    index = offset_index(tmp_path, (1, 0), (4, 70), (9, 140))
    assert [index.lookup(offset).position for offset in (100, 101, 103, 104, 200)] == [0, 0, 0, 70, 140]
    assert offset_index(tmp_path).lookup(105) == OffsetEntry(100, 0)


def test_a_size_that_is_no_multiple_of_an_entrys(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.index").write_bytes(bytes(9))
    index = OffsetIndex(tmp_path / f"{NAME}.index")
    assert list(index.read_entries()) == [OffsetEntry(index.base_offset, 0)]
    with pytest.raises(FormatError, match="is not a multiple of"):
        index.is_sane()


def test_sanity(tmp_path: Path) -> None:
    assert offset_index(tmp_path).is_sane()
    assert offset_index(tmp_path, (1, 0)).is_sane()
    assert not offset_index(tmp_path, (-1, 0)).is_sane()
    assert time_index(tmp_path, (1000, 0), (1001, 1)).is_sane()
    assert not time_index(tmp_path, (1001, 0), (1000, 1)).is_sane()


def test_an_offset_index_against_its_log(tmp_path: Path, segment: Segment) -> None:
    position = second_position(segment)
    good = offset_index(tmp_path, (1, 0), (4, position))
    assert [found for _, found in check_offset_index(good, segment)] == [None, None]
    bad = offset_index(tmp_path, (1, 0), (3, position))
    assert [found for _, found in check_offset_index(bad, segment)] == [None, 104]


def test_an_entry_that_points_past_the_log(tmp_path: Path, segment: Segment) -> None:
    index = offset_index(tmp_path, (1, 5_000))
    with pytest.raises(FormatError, match="points at position 5000"):
        list(check_offset_index(index, segment))


def test_a_time_index_against_its_log(tmp_path: Path, segment: Segment) -> None:
    offsets = offset_index(tmp_path, (1, 0), (4, second_position(segment)))

    def faults(*entries: tuple[int, int]) -> list[list[TimeFault]]:
        found = check_time_index(time_index(tmp_path, *entries), offsets, segment)
        return [[finding.fault for finding in findings] for _, findings in found]

    assert faults((1001, 1), (1012, 4)) == [[], []]
    assert faults((1002, 1), (1012, 4)) == [[TimeFault.TIMESTAMP_DIFFERS], []]
    assert faults((1012, 4), (1001, 1)) == [[], [TimeFault.OUT_OF_ORDER]]
    assert faults((1001, 3)) == [[TimeFault.OFFSET_NOT_FOUND]]
    assert faults((1001, 50)) == [[TimeFault.OFFSET_NOT_FOUND]]


def test_files_of_one_segment_lie_beside_each_other(tmp_path: Path) -> None:
    assert find_sibling(tmp_path / f"{NAME}.timeindex", FileKind.LOG) == tmp_path / f"{NAME}.log"
