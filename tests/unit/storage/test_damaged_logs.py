"""log check over a real broker's log dir with one file damaged: every damage is found, in every kind of file."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from kafkactl.errors import UsageError
from kafkactl.storage.check import CheckCounts, Fault, Severity, broker, check_log_dir, check_partition
from kafkactl.storage.check.cleanup import LogDirKnowledge
from kafkactl.storage.check.partition import PartitionCheck
from kafkactl.storage.log_dir import list_segments
from kafkactl.storage.segment import Segment
from tests.data.logs import HERE, extract

pytestmark = pytest.mark.slow


FLIPS = 15
"""Bits that are flipped in each kind of file."""
TOPICS = ("plain-0", "rolled-0", "transactions-0", "__cluster_metadata-0")
KINDS = ("*.log", "*.index", "*.timeindex", "*.txnindex", "*.snapshot", "*.checkpoint")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (folder,) = extract(HERE / "4.3.1.tar.xz", tmp_path_factory.mktemp("logs"), "stopped-1")
    return folder


@pytest.fixture
def log_dir(original: Path, tmp_path: Path) -> Path:
    """A log dir of a stopped broker, to be damaged."""
    return shutil.copytree(original, tmp_path / "log-dir")


def faults(folder: Path, check: Callable[[Path, CheckCounts], Iterator[Fault]] = check_partition) -> list[Fault]:
    return [finding for finding in check(folder, CheckCounts()) if finding.severity is Severity.FAULT]


@pytest.mark.parametrize("pattern", KINDS)
def test_a_flipped_bit_is_found(log_dir: Path, pattern: str) -> None:
    random = Random(pattern)
    paths = [path for topic in TOPICS for path in sorted((log_dir / topic).glob(pattern)) if _content(path)]
    missed = []
    for _ in range(FLIPS):
        path = random.choice(paths)
        data = path.read_bytes()
        position, bit = random.randrange(len(_content(path))), 1 << random.randrange(8)
        path.write_bytes(data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :])
        if not faults(path.parent):
            missed.append((path.parent.name, path.name, position, bit))
        path.write_bytes(data)
        assert faults(path.parent) == []
    # An index entry may name another offset of its batch, or of a later one, and serve as well: a bit can do that.
    assert len(missed) <= (2 if pattern in ("*.index", "*.timeindex") else 0), missed


def _content(path: Path) -> bytes:
    """Return the bytes before the padding of an index, or all of another file."""
    data = path.read_bytes()
    return data.rstrip(b"\0") if path.suffix.endswith("index") else data


@pytest.mark.parametrize("pattern", KINDS)
@pytest.mark.parametrize("cut", ["last byte", "second half", "zeros"])
def test_a_file_that_is_cut_off_is_found(log_dir: Path, pattern: str, cut: str) -> None:
    for topic in TOPICS:
        for path in sorted((log_dir / topic).glob(pattern))[:4]:
            data = path.read_bytes()
            half = len(_content(path)) // 2
            changed = {"last byte": data[:-1], "second half": data[: half | 1], "zeros": data[:half] + bytes(50)}[cut]
            if not _content(path) or (cut == "zeros" and not any(data[half:])):
                continue
            path.write_bytes(changed)
            assert faults(path.parent), (topic, path.name, cut)
            path.write_bytes(data)


@pytest.mark.parametrize("topic", ["rolled-0", "transactions-0", "append-time-0"])
def test_a_missing_segment_is_found(log_dir: Path, topic: str) -> None:
    folder = log_dir / topic
    segments = list_segments(folder)
    assert len(segments) >= 4
    for segment in segments[:-1]:
        files = {path: path.read_bytes() for path in folder.glob(f"{segment.stem}.*")}
        for path in files:
            path.unlink()
        assert faults(folder), segment
        for path, data in files.items():
            path.write_bytes(data)
    assert faults(folder) == []


@pytest.mark.parametrize("topic", ["rolled-0", "transactions-0", "append-time-0"])
@pytest.mark.parametrize("is_alone", [False, True])
def test_a_segment_that_was_emptied_is_found(log_dir: Path, tmp_path: Path, topic: str, is_alone: bool) -> None:
    """Without the log of KRaft, a gap before records with keys is a notice: compaction can explain it."""
    folder = log_dir / topic
    if is_alone:
        folder = folder.rename(tmp_path / topic)
    for segment in list_segments(folder)[:-1]:
        files = {path: path.read_bytes() for path in folder.glob(f"{segment.stem}.*") if path.suffix != ".snapshot"}
        for path in files:
            path.write_bytes(b"")
        found = [finding for finding in check_partition(folder, CheckCounts()) if "missing between" in finding.fault]
        is_proven = not is_alone or topic == "rolled-0" or segment == list_segments(folder)[-2]
        assert [finding.severity for finding in found] == [Severity.FAULT if is_proven else Severity.NOTICE]
        for path, data in files.items():
            path.write_bytes(data)
    assert faults(folder) == []


def test_the_last_segment_is_missed_by_the_checkpoints(log_dir: Path) -> None:
    for path in (log_dir / "rolled-0").glob(f"{list_segments(log_dir / 'rolled-0')[-1].stem}.*"):
        path.unlink()
    assert {fault.file.name for fault in faults(log_dir, check_log_dir)} >= {
        "recovery-point-offset-checkpoint", "replication-offset-checkpoint",
    }  # fmt: skip


def test_only_the_log_of_a_segment_is_missing(log_dir: Path) -> None:
    list_segments(log_dir / "compacted-0")[0].unlink()
    assert "an index without its segment" in [fault.fault for fault in faults(log_dir / "compacted-0")]


@pytest.mark.parametrize("suffix", [".index", ".timeindex", ".snapshot"])
def test_a_packed_copy_beside_its_segment_is_no_fault(log_dir: Path, suffix: str) -> None:
    segment = list_segments(log_dir / "compacted-0")[0]
    copy = segment.with_name(f"{segment.stem}{suffix}.gz")
    copy.write_bytes(gzip.compress(b""))
    assert faults(log_dir / "compacted-0") == []
    copy.rename(copy.with_name(f"{12345:020}{suffix}.gz"))
    found = [fault.fault for fault in faults(log_dir / "compacted-0")]
    assert found == ([] if suffix == ".snapshot" else ["an index without its segment"])


@pytest.mark.parametrize("topic", ["plain-0", "rolled-0", "transactions-0", "append-time-0"])
def test_a_batch_that_was_cut_out_is_found(log_dir: Path, topic: str) -> None:
    for path in list_segments(log_dir / topic)[:3]:
        data = path.read_bytes()
        with Segment(path) as segment:
            ends = [(batch.position, batch.position + batch.size_bytes) for batch in segment.batches()]
        for start, end in [*ends[:1], *ends[1:-1:2]]:
            path.write_bytes(data[:start] + data[end:])
            assert faults(path.parent), (path.name, start)
        path.write_bytes(data)


def test_a_partition_without_segments(log_dir: Path) -> None:
    for path in (log_dir / "plain-0").glob("0*"):
        path.unlink()
    (found,) = [fault for fault in faults(log_dir, check_log_dir) if fault.file.name == "plain-0"]
    assert found.fault == "a partition's folder without a segment"
    shutil.rmtree(log_dir / "plain-0")
    assert "plain-0 is missing in the log dir" in [fault.fault for fault in faults(log_dir, check_log_dir)]


@pytest.mark.parametrize("was_stopped", [True, False])
@pytest.mark.parametrize("rest", [None, "delete", "stray", "future", "link to nothing", "unreadable"])
def test_a_partition_without_a_folder_is_missed_by_the_checkpoints(
    log_dir: Path, monkeypatch: pytest.MonkeyPatch, was_stopped: bool, rest: str | None
) -> None:
    folder = log_dir / "plain-0"
    if rest in ("delete", "stray", "future"):
        folder.rename(log_dir / f"plain-0.{'0' * 32}-{rest}")
    elif rest != "unreadable":
        shutil.rmtree(folder)
    else:
        look = broker.look_at_partition

        def refuse(path: Path, knowledge: LogDirKnowledge) -> PartitionCheck:
            if path == folder:
                raise UsageError(f"{path}: permission denied")
            return look(path, knowledge)

        monkeypatch.setattr(broker, "look_at_partition", refuse)
    if rest == "link to nothing":
        folder.symlink_to(log_dir / "nothing")
    if not was_stopped:
        (log_dir / ".kafka_cleanshutdown").unlink()
    text = "plain-0 is missing in the log dir"
    missing = [finding for finding in check_log_dir(log_dir, CheckCounts()) if finding.fault.startswith(text)]
    is_explained = rest == "unreadable" or (rest in ("delete", "stray") and not was_stopped)
    assert {finding.file.name for finding in missing} == (
        set() if is_explained else {"recovery-point-offset-checkpoint", "replication-offset-checkpoint"}
    )
    assert {finding.severity for finding in missing} <= {Severity.FAULT if was_stopped else Severity.NOTICE}


def replaced(old: str, new: str) -> Callable[[str], str]:
    def replace(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return replace


META, RECOVERY, QUORUM = "meta.properties", "recovery-point-offset-checkpoint", "__cluster_metadata-0/quorum-state"
EPOCHS, PARTITION = "rolled-0/leader-epoch-checkpoint", "rolled-0/partition.metadata"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (META, lambda text: text.replace("version=1", "version="), "unknown version '': only versions 0 and 1"),
        (META, lambda _: "version=0\nbroker.id=x\n", "broker.id 'x' is not a number"),
        (META, replaced("directory.id=", "directory.id=+/"), "directory.id '+/"),
        (META, lambda text: text + "directory.id=AAAAAAAAAAA!AAAAAAAAAAA\n", "directory.id 'AAAAAAAAAAA!"),
        (META, replaced("version=1", "version=7"), "unknown version '7': only versions 0 and 1"),
        (META, replaced("node.id=1", "node.id=x"), "node.id 'x' is not a number"),
        (META, replaced("node.id=1", "broker.id=1"), "node.id None is not a number"),
        (META, replaced("cluster.id=", "cluster.i="), "cluster.id is missing"),
        (META, replaced("directory.id=", "directory.id=A"), "directory.id 'A"),
        (META, replaced("=", " "), "has no ="),
        (RECOVERY, replaced("0\n", "1\n"), "file version 1"),
        (RECOVERY, replaced("rolled 0 ", "rolled 0 9"), "rolled-0: records up to offset 9"),
        (RECOVERY, replaced("rolled 0 ", "rolled 0 -"), "a number below 0"),
        (RECOVERY, replaced("rolled 0", "plain 0"), "plain-0 occurs twice"),
        (RECOVERY, replaced("rolled 0", "rolled zero"), "'zero' is not a number"),
        (RECOVERY, replaced("rolled 0", "rolled 0 0"), "has 4 values, not 3"),
        (RECOVERY, replaced("rolled", "gone"), "gone-0 is missing in the log dir"),
        (RECOVERY, lambda text: text[: len(text) // 2], "entries, but states"),
        ("replication-offset-checkpoint", replaced("rolled 0 ", "rolled 0 9"), "were replicated, and the log ends"),
        ("log-start-offset-checkpoint", lambda _: "0\n1\nplain 0 999\n", "the log begins at offset 999"),
        ("cleaner-offset-checkpoint", lambda _: "0\n1\ncompacted 0 999\n", "up to offset 999 were compacted"),
        ("cleaner-offset-checkpoint", lambda _: "\0\0\0\0", "is not a number"),
        (QUORUM, lambda _: "", "the file is empty, and not a JSON object"),
        (QUORUM, lambda _: " \n", "the file is empty, and not a JSON object"),
        (QUORUM, lambda _: '{"leaderId":1,\n"', "not valid JSON at line 2, column 1"),
        (QUORUM, lambda _: "[" * 200_000, "the JSON is nested too deeply"),
        (QUORUM, lambda _: '{"a":' * 200_000, "the JSON is nested too deeply"),
        (QUORUM, lambda _: "9" * 5000, "a number in the JSON has too many digits"),
        (QUORUM, lambda _: "[]", "the JSON is not an object"),
        (QUORUM, replaced('"data_version":0', '"data_version":5'), "data_version 5"),
        (QUORUM, replaced('"leaderEpoch":', '"leaderEpoch":-'), "leaderEpoch -"),
        (QUORUM, replaced('"leaderEpoch":', '"leaderEpoch":0,"x":'), "leaderEpoch 0, and the log has batches of epoch"),
        (QUORUM, replaced('"leaderId":', '"leader":'), "leaderId None is not a number"),
        (QUORUM, replaced('"leaderId":', '"leaderId":1'), "is not one of the voters 1, 2, 3"),
        (QUORUM, replaced('"voterId"', '"voter"'), "is not a list of objects with a voterId"),
        (QUORUM, replaced('"currentVoters":[', '"currentVoters":["x",'), "is not a list of objects with a voterId"),
        (QUORUM, replaced('"currentVoters":[', '"currentVoters":{},"x":['), "is not a list of objects with a voterId"),
        (PARTITION, lambda _: "", "version None"),
        (PARTITION, replaced("version: 0", "version: 1"), "version '1'"),
        (PARTITION, replaced("topic_id: ", "topic_id: A"), "is not an id of 16 bytes"),
        (PARTITION, lambda _: "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n", "the topic's id in the log of KRaft"),
        (EPOCHS, lambda _: "0\n1\n0 999\n", "epoch 0 begins at offset 999, and the log ends at"),
        (EPOCHS, lambda _: "0\n2\n1 0\n0 5\n", "epoch 0 does not rise over 1"),
        (EPOCHS, lambda _: "0\n1\n9 0\n", "the checkpoint says 9"),
        (EPOCHS, lambda _: "x", "is not a number"),
    ],
)
def test_a_small_file_with_a_fault(original: Path, name: str, change: Callable[[str], str], expected: str) -> None:
    path = original / name
    text = path.read_text()
    path.write_text(change(text))
    found = faults(original, check_log_dir)
    path.write_text(text)
    # A wrong epoch shows at the batches, any other fault at its file.
    assert any(expected in fault.fault for fault in found if fault.file == path or "checkpoint says" in expected), found


@pytest.mark.parametrize("text", ["", "broker.id=1\n", "version=0\n", "version=0\nbroker.id=1\ncluster.id=x\n"])
def test_meta_properties_of_version_0_need_no_ids(text: str, log_dir: Path) -> None:
    """A missing version is 0, as brokers read it."""
    (log_dir / META).write_text(text)
    assert [fault for fault in faults(log_dir, check_log_dir) if fault.file.name == META] == []


def test_a_log_dir_without_meta_properties(log_dir: Path) -> None:
    (log_dir / META).unlink()
    assert [fault.file.name for fault in faults(log_dir, check_log_dir)] == [META]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[: len(data) // 2], lambda _: b""])
def test_a_snapshot_of_kraft_that_is_cut_off(log_dir: Path, damage: Callable[[bytes], bytes]) -> None:
    path = log_dir / "bootstrap.checkpoint"
    data = path.read_bytes()
    with Segment(path) as segment:
        *_, last = segment.batches()
        without_footer = data[: last.position]
    snapshot = log_dir / "__cluster_metadata-0" / f"{9:020}-{1:010}.checkpoint"
    snapshot.write_bytes(data)
    assert faults(log_dir, check_log_dir) == []
    snapshot.write_bytes(damage(data))
    path.write_bytes(without_footer)
    found = {fault.file.name: fault.fault for fault in faults(log_dir, check_log_dir)}
    assert found["bootstrap.checkpoint"] == "the footer of the snapshot is missing"
    assert snapshot.name in found


def test_a_snapshot_of_kraft_without_one_of_its_batches(log_dir: Path) -> None:
    path = log_dir / "bootstrap.checkpoint"
    data = path.read_bytes()
    with Segment(path) as segment:
        places = [(batch.position, batch.size_bytes, batch.base_offset) for batch in segment.batches()]
    assert len(places) > 2
    for position, size_bytes, offset in places[:-1]:
        path.write_bytes(data[:position] + data[position + size_bytes :])
        (found,) = faults(log_dir, check_log_dir)
        assert (found.file, found.position, found.offset) == (path, position, offset)
        assert "missing" in found.fault
