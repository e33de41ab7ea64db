"""log stats: what segments hold, counted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kafkactl.errors import KafkactlError
from kafkactl.storage import stats
from kafkactl.storage.compression import Codec
from kafkactl.storage.records import Record
from kafkactl.storage.source import StoredFile
from kafkactl.storage.stats import Stats, compute_stats
from tests.conftest import Cli
from tests.unit.storage.encoding import encode_batch


def record(offset: int, key: bytes | None, value: bytes | None) -> Record:
    return Record(offset, 1000 + offset, -1, key, value, ())


def fail(error: KafkactlError) -> None:
    raise error


def segment(folder: Path, base_offset: int, *batches: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{base_offset:020}.log"
    path.write_bytes(b"".join(batches))
    return path


def partition(tmp_path: Path) -> Path:
    folder = tmp_path / "orders-3"
    many = [record(10 + number, b"often" if number % 2 else b"k%d" % number, b"x" * number) for number in range(20)]
    segment(
        folder, 0, encode_batch([record(2, b"a", b"1"), record(4, b"b", None)]), encode_batch([record(6, None, b"")])
    )
    segment(folder, 8, encode_batch(many, Codec.ZSTD, producer=(5, 0, 0)))
    return folder


def test_a_segments_numbers(tmp_path: Path) -> None:
    first = compute_stats(partition(tmp_path) / f"{0:020}.log", fail)
    assert (first.records, first.batches, first.tombstones, first.first_offset, first.next_offset) == (3, 2, 1, 2, 7)
    assert (first.gaps, first.missing_offsets) == (3, 4)  # 0 and 1, 3, 5
    assert (first.oldest_ms, first.youngest_ms, first.compression_ratio) == (1002, 1006, None)
    assert stats.compute_percentiles(first.value_sizes) == {"p50": 0, "p90": 1, "p99": 1, "max": 1}
    assert stats.compute_percentiles(Stats().key_sizes) == {"p50": None, "p90": None, "p99": None, "max": None}


def test_a_partitions_numbers_as_json(tmp_path: Path, cli: Cli) -> None:
    (row,) = json.loads(cli.ok("log", "stats", partition(tmp_path), "-o", "json", "--top", "2"))
    assert (row["topic"], row["partition"], row["segments"], row["records"]) == ("orders", 3, 2, 23)
    assert (row["first_offset"], row["next_offset"], row["gaps"], row["missing_offsets"]) == (2, 30, 4, 7)
    assert row["codecs"] == {"none": 2, "zstd": 1}
    assert row["compression_ratio"] > 1
    assert row["top_keys"] == [{"key": "often", "records": 10}, {"key": "a", "records": 1}]
    assert (row["producers"], row["distinct_keys"]) == (1, 13)
    rows = json.loads(cli.ok("log", "stats", tmp_path, "--by", "segment", "-o", "json"))
    assert [Path(row["file"]).name for row in rows] == [f"{0:020}.log", f"{8:020}.log"]
    assert "often:10" in cli.ok("log", "stats", tmp_path)
    (tmp_path / "orders-11").mkdir()
    (tmp_path / "orders-11" / f"{0:020}.log").write_bytes(encode_batch([record(0, b"often", b"")]))
    (topic,) = json.loads(cli.ok("log", "stats", tmp_path, "--by", "topic", "-o", "json"))
    assert (topic["topic"], topic["segments"], topic["records"], topic["next_offset"]) == ("orders", 3, 24, None)
    assert "partition" not in topic


def test_a_topic_in_several_log_dirs_is_one_row_and_a_copy_of_a_partition_is_another(tmp_path: Path, cli: Cli) -> None:
    for name in ("a/orders-0", "a/views-0", "b/orders-0", "b/orders-1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{0:020}.log").write_bytes(encode_batch([record(0, b"key", b"")]))
    folders = tmp_path / "a", tmp_path / "b"
    rows = json.loads(cli.ok("log", "stats", *folders, "--by", "topic", "-o", "json"))
    assert [(row["topic"], row["records"]) for row in rows] == [("orders", 3), ("views", 1)]
    copies = folders[0] / "orders-0", folders[1] / "orders-0"
    for names in (copies, copies[:1] * 2):
        rows = json.loads(cli.ok("log", "stats", *names, "-o", "json"))
        assert [(row["topic"], row["partition"], row["records"]) for row in rows] == [("orders", 0, 1)] * 2


def test_rare_keys_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "MOST_KEYS", 100)
    found = Stats()
    for number in range(1000):
        found.take(number, 0, b"%d" % number if number % 3 else b"hot", b"")
    assert not found.keys_are_exact
    assert len(found.keys) <= 200
    assert found.list_top_keys(1) == [(b"hot", 334)]
    assert stats.export_stats(found, 1)["distinct_keys"] is None


def test_a_damaged_segment_is_told_and_the_others_are_counted(tmp_path: Path, cli: Cli) -> None:
    folder = partition(tmp_path)
    path = folder / f"{0:020}.log"
    path.write_bytes(path.read_bytes() + bytes(40))
    done = cli("log", "stats", folder, "-o", "json", check=1)
    assert "has size 0" in done.stderr
    assert json.loads(done.stdout)[0]["records"] == 23


def test_a_file_of_another_kind_does_not_hide_the_segments_beside_it(tmp_path: Path, cli: Cli) -> None:
    folder = partition(tmp_path)
    (folder / "notes.log").write_bytes(b"")
    done = cli("log", "stats", folder, "-o", "json", check=1)
    assert [row["partition"] for row in json.loads(done.stdout)] == [3]
    assert json.loads(done.stderr)["error"].endswith(
        "notes.log: neither the name nor the first batch has a base offset"
    )


@pytest.mark.parametrize("left", [0, 100, 1024 * 1024, 1024 * 1024 + 100, 1_400_000])
def test_a_file_that_becomes_shorter_names_itself_once_and_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    batches = [encode_batch([record(offset, None, b"x" * 400_000)]) for offset in range(8)]
    path = segment(tmp_path / "orders-0", 0, *batches)
    size = path.stat().st_size
    read = StoredFile.read

    def cut_off_and_read(file: StoredFile, position: int, count: int) -> bytes:
        if position > 0 or left == 0:
            os.truncate(path, left)
        return read(file, position, count)

    monkeypatch.setattr(StoredFile, "read", cut_off_and_read)
    errors: list[KafkactlError] = []
    compute_stats(path, errors.append)
    assert [str(error) for error in errors] == [
        f"{path}: the file became shorter while it was read: it had {size} bytes, and has {left} now"
    ]
