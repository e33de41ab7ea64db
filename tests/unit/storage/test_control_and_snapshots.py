from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.dump.text import format_control, format_producer
from kafkactl.errors import FormatError
from kafkactl.storage.control import ControlType, find_control_layout, parse_control
from kafkactl.storage.producer_snapshot import read_producer_snapshot
from kafkactl.storage.records import Record
from kafkactl.storage.txnindex import read_aborted_transactions


def control(kind: int, value: bytes | None) -> Record:
    return Record(7, 0, -1, struct.pack(">hh", 0, kind), value, ())


def test_ends_of_transactions() -> None:
    assert format_control(control(1, struct.pack(">hi", 0, 5))) == "endTxnMarker: COMMIT coordinatorEpoch: 5"
    assert format_control(control(0, struct.pack(">hi", 0, 5))) == "endTxnMarker: ABORT coordinatorEpoch: 5"


def test_a_leader_change() -> None:
    voters = bytes([3]) + struct.pack(">ib", 1, 0) + struct.pack(">ib", 2, 0)
    value = struct.pack(">hi", 0, 2) + voters + bytes([2]) + struct.pack(">ib", 1, 0) + b"\0"
    assert format_control(control(2, value)) == (
        'LeaderChange: {"version":0,"leaderId":2,'
        '"voters":[{"voterId":1},{"voterId":2}],"grantingVoters":[{"voterId":1}]}'
    )


def test_a_type_that_is_not_known() -> None:
    assert format_control(control(9, b"x")) == "controlType: UNKNOWN(9)"


def test_tagged_fields_are_passed_over() -> None:
    value = struct.pack(">hq", 0, 5) + bytes([1, 3, 2]) + b"xx"
    assert parse_control(control(3, value)).message == {"version": 0, "lastContainedLogTimestamp": 5}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b""),
        (b"\0\0", b""),
        (b"\0\0\0\1", b"\0"),
        (b"\0\0\0\2", b""),
        (b"\0\0\0\2", b"\0\0\0\0"),
        (b"\0\0\0\6", None),
        (b"\0\0\0\3", b"\xff\xff"),
        (b"\0\0\0\2", b"\x80\0" + bytes(40)),
    ],
)
def test_what_is_cut_off_is_told(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(FormatError, match="corrupt"):
        parse_control(Record(7, 0, -1, key, value, ()))


@given(st.sampled_from(list(ControlType)[3:]), st.binary(max_size=60), st.integers(0, 1))
def test_whatever_the_bytes_the_only_error_is_ours(kind: ControlType, data: bytes, version: int) -> None:
    with contextlib.suppress(FormatError):
        find_control_layout(kind).read(data, version)


def snapshot(folder: Path, *entries: tuple[int, ...], version: int = 1, crc: int | None = None) -> Path:
    body = struct.pack(">i", len(entries)) + b"".join(struct.pack(">qhiqiqiq", *entry) for entry in entries)
    path = folder / "00000000000000000016.snapshot"
    path.write_bytes(struct.pack(">hI", version, crc32c(body) if crc is None else crc) + body)
    return path


def test_producers(tmp_path: Path) -> None:
    first, second, third = read_producer_snapshot(
        snapshot(tmp_path, (7, 1, 11, 14, 2, 1000, 3, -1), (8, 0, 1, 20, 4, 1000, 0, 15), (9, 0, -1, -1, 0, 5, -1, -1))
    )
    assert format_producer(first) == (
        "producerId: 7 producerEpoch: 1 coordinatorEpoch: 3 currentTxnFirstOffset: OptionalLong.empty"
        " lastTimestamp: 1000 firstSequence: 9 lastSequence: 11 lastOffset: 14 offsetDelta: 2 timestamp: 1000"
    )
    assert "currentTxnFirstOffset: OptionalLong[15]" in format_producer(second)
    assert second.first_sequence == 2**31 - 3
    assert format_producer(third).endswith("lastTimestamp: 5 ")


def test_producer_snapshots_that_are_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="stored CRC 1, computed"):
        read_producer_snapshot(snapshot(tmp_path, crc=1))
    with pytest.raises(FormatError, match="file version 9"):
        read_producer_snapshot(snapshot(tmp_path, version=9))
    path = tmp_path / "0.snapshot"
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="too few"):
        read_producer_snapshot(path)
    for count in (-1, 2**30):
        path.write_bytes(struct.pack(">hIi", 1, 0, count))
        with pytest.raises(FormatError, match="do not fit"):
            read_producer_snapshot(path)


def test_aborted_transactions(tmp_path: Path) -> None:
    path = tmp_path / "0.txnindex"
    path.write_bytes(struct.pack(">hqqqq", 0, 7, 4, 9, 10) * 2)
    assert [entry.last_offset for entry in read_aborted_transactions(path)] == [9, 9]
    path.write_bytes(struct.pack(">hqqqq", 0, 7, 4, 9, 10) + b"rest")
    with pytest.raises(FormatError, match="4 of 34 bytes"):
        list(read_aborted_transactions(path))
    path.write_bytes(struct.pack(">hqqqq", 3, 7, 4, 9, 10))
    with pytest.raises(FormatError, match="version 3"):
        list(read_aborted_transactions(path))
