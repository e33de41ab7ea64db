"""log check: a partition's folder that is whole, and one fault of each kind in it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from google_crc32c import value as crc32c

from kafkactl.storage.check import CheckCounts, check_partition
from kafkactl.storage.records import Record
from tests.conftest import Cli
from tests.unit.storage.encoding import encode_batch

pytestmark = pytest.mark.slow


TIME_MS = 1_700_000_000_000


def records(first: int, count: int = 4) -> list[Record]:
    return [Record(offset, TIME_MS + offset, -1, b"k", b"v", ()) for offset in range(first, first + count)]


def abort(offset: int) -> bytes:
    marker = Record(offset, TIME_MS + offset, -1, struct.pack(">hh", 0, 0), struct.pack(">hi", 0, 0), ())
    return encode_batch([marker], attributes=0x30, producer=(7, 0, -1), leader_epoch=1)


BATCHES = [
    encode_batch(records(0)),
    encode_batch(records(4), producer=(7, 0, 0)),
    encode_batch(records(8), producer=(7, 0, 4), leader_epoch=1),
    abort(12),
]
POSITIONS = [sum(map(len, BATCHES[:number])) for number in range(len(BATCHES))]


def snapshot(last_offset: int, last_sequence: int) -> bytes:
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 0, last_sequence, last_offset, 3, TIME_MS, 0, -1)
    return struct.pack(">hI", 1, crc32c(body)) + body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A partition of two segments."""
    folder = tmp_path / "orders-0"
    folder.mkdir()
    (folder / f"{0:020}.log").write_bytes(b"".join(BATCHES))
    entries = [(7, POSITIONS[1]), (11, POSITIONS[2])]
    (folder / f"{0:020}.index").write_bytes(b"".join(struct.pack(">ii", *entry) for entry in entries))
    (folder / f"{0:020}.timeindex").write_bytes(
        struct.pack(">qi", TIME_MS + 7, 7) + struct.pack(">qi", TIME_MS + 11, 11)
    )
    (folder / f"{0:020}.txnindex").write_bytes(struct.pack(">hqqqq", 0, 7, 8, 12, 8))
    (folder / f"{13:020}.log").write_bytes(encode_batch(records(13), leader_epoch=1))
    (folder / f"{13:020}.index").write_bytes(bytes(80))
    (folder / f"{13:020}.timeindex").write_bytes(bytes(120))
    (folder / f"{13:020}.snapshot").write_bytes(snapshot(11, 7))
    (folder / "leader-epoch-checkpoint").write_text("0\n2\n0 0\n1 8\n")
    return folder


def faults(folder: Path) -> list[tuple[str, int | None, int | None, str]]:
    return [
        (fault.file.name.lstrip("0"), fault.position, fault.offset, fault.fault)
        for fault in check_partition(folder, CheckCounts())
    ]


def test_a_folder_that_is_whole(folder: Path) -> None:
    checked = CheckCounts()
    assert list(check_partition(folder, checked)) == []
    assert (checked.segments, checked.batches, checked.records) == (2, 5, 17)


def changed(name: str, position: int, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        content = bytearray(path.read_bytes())
        content[position : position + len(data)] = data
        path.write_bytes(content)

    return change


def written(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


LOG, INDEX, TIME_INDEX = f"{0:020}.log", f"{0:020}.index", f"{0:020}.timeindex"


ACTIVE_LOG, ACTIVE_INDEX, ACTIVE_TIME_INDEX = f"{13:020}.log", f"{13:020}.index", f"{13:020}.timeindex"
ACTIVE_BYTES = len(encode_batch(records(13), leader_epoch=1))
EPOCHS = "leader-epoch-checkpoint"

CHANGES = [
    (changed(LOG, POSITIONS[1] + 70, b"\xaa"), (".log", POSITIONS[1], 4, "its CRC is not")),
    (changed(LOG, POSITIONS[1] + 16, b"\x05"), (".log", POSITIONS[1], 4, "unknown magic 5")),
    (changed(LOG, POSITIONS[1] + 8, b"\0\0\0\0"), (".log", POSITIONS[1], 4, "has size 0")),
    (written(LOG, b"".join(BATCHES)[:-5]), (".log", POSITIONS[3], 12, "not a whole batch")),
    (changed(LOG, POSITIONS[2], struct.pack(">q", 3)), (".log", POSITIONS[2], 3, "where 8 or above comes next")),
    (changed(LOG, POSITIONS[2] + 12, b"\0\0\0\x09"), (".log", POSITIONS[2], 8, "the checkpoint says 1")),
    (changed(INDEX, 4, b"\0\0\0\x05"), (".index", 5, 7, "where no batch begins")),
    (changed(INDEX, 3, b"\x06"), (".index", POSITIONS[1], 6, "whose last offset is 7")),
    (changed(INDEX, 8, b"\0\0\0\x07"), (".index", POSITIONS[2], 7, "do not rise")),
    (written(INDEX, bytes(9)), (".index", None, None, "is not a multiple of")),
    (changed(TIME_INDEX, 7, b"\xff"), (".timeindex", None, 7, "an entry of timestamp")),
    (changed(TIME_INDEX, 11, b"\x06"), (".timeindex", None, 6, "a batch ends at 7")),
    (written(TIME_INDEX, bytes(13)), (".timeindex", None, None, "is not a multiple of")),
    (changed(f"{0:020}.txnindex", 25, b"\x0b"), (".txnindex", None, 11, "that the log does not have")),
    (written(f"{0:020}.txnindex", bytes(5)), (".txnindex", None, None, "its last entry has 5 of")),
    (written(f"{13:020}.snapshot", snapshot(7, 3)), ("13.snapshot", None, 7, "its last batch at 11")),
    (written(f"{13:020}.snapshot", snapshot(11, 6)), ("13.snapshot", None, 11, "sequence 6, and the log has 7")),
    (written(f"{13:020}.snapshot", snapshot(15, 6)), ("13.snapshot", None, 15, "ahead of the snapshot")),
    (written(f"{13:020}.snapshot", bytes(4)), ("13.snapshot", None, None, "too few")),
    (
        written("leader-epoch-checkpoint", b"0\n2\n1 0\n0 8\n"),
        ("leader-epoch-checkpoint", None, 8, "epoch 0 does not rise over 1"),
    ),
    (
        written("leader-epoch-checkpoint", b"0\n5\n"),
        ("leader-epoch-checkpoint", None, None, "it has 0 entries, but states 5"),
    ),
    (written(f"{20:020}.log", encode_batch(records(16), leader_epoch=1)), ("20.log", 0, 16, "its segment's 20")),
]

ENDS = [
    (changed(ACTIVE_LOG, 8, b"\0\1\0\0"), ("13.log", 0, 13, "not a whole batch")),
    (changed(ACTIVE_LOG, 8, struct.pack(">i", ACTIVE_BYTES + 20)), ("13.log", 0, 13, "not a whole batch")),
    (changed(ACTIVE_LOG, ACTIVE_BYTES, b"\xff" * 40), ("13.log", ACTIVE_BYTES, 17, "has size -1")),
    (changed(ACTIVE_LOG, ACTIVE_BYTES, bytes(500)), ("13.log", ACTIVE_BYTES, 17, "500 bytes of zeros")),
    (written(ACTIVE_INDEX, struct.pack(">ii", 999, 100_000)), ("13.index", 100_000, 1012, "where no batch begins")),
    (written(ACTIVE_INDEX, struct.pack(">ii", 19, ACTIVE_BYTES + 1)), ("13.index", ACTIVE_BYTES + 1, 32, "no batch")),
    (written(ACTIVE_TIME_INDEX, struct.pack(">qi", TIME_MS + 999, 999)), ("13.timeindex", None, 1012, "ends at 16")),
    (written(ACTIVE_TIME_INDEX, struct.pack(">qi", TIME_MS + 999, 20)), ("13.timeindex", None, 33, "ends at 16")),
    (written(f"{999:020}.snapshot", snapshot(11, 7)), ("999.snapshot", None, 999, "the log ends at 17")),
    (written(EPOCHS, b"0\n3\n0 0\n1 8\n2 999\n"), (EPOCHS, None, 999, "the log ends at 17")),
    (written(EPOCHS, b"0\n9\n0 0\n1 8\n"), (EPOCHS, None, None, "it has 2 entries, but states 9")),
]
"""Faults at the end of the log, whose texts change while it grows."""


@pytest.mark.parametrize(("change", "expected"), CHANGES + ENDS)
def test_each_fault_is_told_where_it_is(
    folder: Path, change: Callable[[Path], None], expected: tuple[str, int | None, int | None, str]
) -> None:
    change(folder)
    found = faults(folder)
    name, position, offset, words = expected
    assert any(
        (found_name, found_position, found_offset) == (name, position, offset) and words in fault
        for found_name, found_position, found_offset, fault in found
    ), found


@pytest.mark.parametrize(("change", "expected"), CHANGES + ENDS)
def test_each_fault_stays_while_a_broker_writes(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    expected: tuple[str, int | None, int | None, str],
) -> None:
    """The log grows between two looks, so texts with its end in them differ."""
    change(folder)
    (folder.parent / ".lock").touch()
    offset = 17

    def write(_: float) -> None:
        nonlocal offset
        with max(folder.glob("*.log")).open("ab") as log:
            for first in range(offset, offset + 40, 4):
                log.write(encode_batch(records(first), leader_epoch=1))
        offset += 40

    at_rest = faults(folder)
    monkeypatch.setattr("kafkactl.storage.check.partition.time.sleep", write)
    name, position, _, _ = expected
    assert (name, position) in [fault[:2] for fault in at_rest]
    assert (name, position) in [fault[:2] for fault in faults(folder)]
    assert offset > 17


def test_the_command_says_what_it_looked_at(folder: Path, cli: Cli) -> None:
    done = cli("log", "check", folder, check=0)
    assert (done.stdout, done.stderr) == (
        "",
        "5 batches with 17 records in 2 segments of 1 partition checked: 0 faults\n",
    )
    assert cli.ok("log", "check", folder.parent, "-o", "json").strip() == "[]"
    changed(LOG, 80, b"\xaa")(folder)
    done = cli("log", "check", folder.parent, check=4)
    assert "its CRC is not" in done.stdout
    assert '"offset": 0' in cli("log", "check", folder, "-o", "json", check=4).stdout
    (folder.parent / "empty").mkdir()
    assert "no segments in it" in cli("log", "check", folder.parent / "empty", check=1).stderr
    assert "no such folder" in cli("log", "check", folder / "none", check=2).stderr
    assert "missing argument DIR" in cli("log", "check", check=2).stderr


@pytest.mark.parametrize("size", [3, 100])
def test_a_record_of_magic_1_whose_value_is_cut_off_is_a_fault(size: int, tmp_path: Path) -> None:
    """Its CRC is right; the size of its value is not, unless it is 3."""
    body = struct.pack(">bbqii3s", 1, 0, 5, -1, size, b"abc")
    message = struct.pack(">I", zlib.crc32(body)) + body
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(struct.pack(">qi", 0, len(message)) + message)
    found = [text for *_, text in faults(tmp_path) if "0.log" not in text and "index" not in text]
    assert [text for text in found if "a key or value of 100 bytes" in text] == found[: size == 100]
    assert bool(found) == (size == 100)


def test_a_sound_snapshot_behind_a_damaged_batch_is_no_fault(tmp_path: Path) -> None:
    """Its place in the log is hidden by the damage: the log has later batches of its producer already."""

    def batch(offset: int, sequence: int) -> bytes:
        return encode_batch(records(offset, 1), producer=(7, 0, sequence))

    damaged = bytearray(batch(1, 1))
    damaged[-1] ^= 1
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(batch(0, 0) + bytes(damaged) + batch(2, 2) + encode_batch(records(3, 1)))
    (tmp_path / f"{2:020}.snapshot").write_bytes(snapshot(1, 1))
    assert [text for name, *_, text in faults(tmp_path) if "snapshot" in name] == []


def test_an_index_of_aborted_transactions_behind_damage_is_compared_with_markers_only(tmp_path: Path) -> None:
    """The damage may hide where a transaction began, or a record of it."""

    def batch(offset: int, producer: int, sequence: int) -> bytes:
        return encode_batch(records(offset, 1), producer=(producer, 0, sequence), attributes=0x10)

    damaged = bytearray(encode_batch(records(1, 1)))
    damaged[-1] ^= 1
    (tmp_path / f"{0:020}.log").write_bytes(batch(0, 7, 0) + bytes(damaged))
    (tmp_path / f"{2:020}.log").write_bytes(batch(2, 7, 1) + abort(3))
    (tmp_path / f"{2:020}.txnindex").write_bytes(struct.pack(">hqqqq", 0, 7, 0, 3, 0))
    assert [text for name, *_, text in faults(tmp_path) if "txnindex" in name] == []
    (tmp_path / f"{2:020}.txnindex").write_bytes(struct.pack(">hqqqq", 0, 9, 0, 3, 0))
    assert [text for name, *_, text in faults(tmp_path) if "txnindex" in name] == [
        "an abort of producer 9 that the log does not have",
        "the abort of producer 7 is missing: consumers would read its aborted records",
    ]
