"""What a log dir says about its partitions: names of folders, what is skipped, and whether a topic is compacted."""

from __future__ import annotations

import errno
import json
import os
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from kafkactl.errors import FormatError
from kafkactl.storage.check import CheckCounts, Fault, Severity, check_log_dir, check_partition
from kafkactl.storage.check.cleanup import LogDirKnowledge, Policy
from kafkactl.storage.checkpoint import read_offset_checkpoint
from kafkactl.storage.log_dir import FolderState, list_partition_folders, parse_folder_name, scan_log_dir
from kafkactl.storage.records import Record
from tests.conftest import REPOSITORY, Cli
from tests.data.logs import HERE, extract
from tests.unit.storage.encoding import encode_batch

pytestmark = pytest.mark.slow


TIME_MS = 1_700_000_000_000
CASES = REPOSITORY / "tests" / "data" / "cases"


def records(first: int, count: int = 10, key: bytes | None = b"k%d") -> list[Record]:
    keys = [key % offset if key and b"%" in key else key for offset in range(first, first + count)]
    return [Record(first + index, TIME_MS + first + index, -1, keys[index], b"v", ()) for index in range(count)]


def write_segment(folder: Path, base_offset: int, *batches: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{base_offset:020}.log"
    path.write_bytes(b"".join(batches))
    return path


def findings(folder: Path) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.fault) for finding in check_partition(folder, CheckCounts())]


def faults(found: Sequence[Fault]) -> list[str]:
    return [finding.fault for finding in found if finding.severity is Severity.FAULT]


@pytest.mark.parametrize(
    ("name", "topic", "partition", "state"),
    [
        ("orders-3", "orders", 3, None),
        ("my-orders-12", "my-orders", 12, None),
        ("orders", "orders", None, None),
        ("orders-3.0123456789abcdef0123456789abcdef-delete", "orders", 3, FolderState.DELETE),
        ("my-orders-3.0123456789abcdef0123456789abcdef-stray", "my-orders", 3, FolderState.STRAY),
        ("a.b-3.0123456789abcdef0123456789abcdef-future", "a.b", 3, FolderState.FUTURE),
        ("x-delete", "x-delete", None, None),
        ("orders-\u0663", "orders-\u0663", None, None),
        pytest.param("orders-" + "1" * 5000, "orders-" + "1" * 5000, None, None, id="no name of a file"),
    ],
)
def test_names_of_folders(tmp_path: Path, name: str, topic: str, partition: int | None, state: object) -> None:
    found = parse_folder_name(tmp_path / name)
    assert (found.topic, found.partition, found.state) == (topic, partition, state)


def test_folders_that_are_set_aside_are_no_topics(tmp_path: Path, cli: Cli) -> None:
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    for state in FolderState:
        write_segment(tmp_path / f"orders-1.{'0' * 32}-{state}", 0, encode_batch(records(0)), b"damage")
    found = list(check_log_dir(tmp_path, CheckCounts()))
    assert faults(found) == ["6 bytes that are not a whole batch"]
    notices = {finding.file.name[9 + 32 :]: finding.fault for finding in found if finding.severity is Severity.NOTICE}
    assert notices == {
        "-delete": "skipped: a partition that the broker is deleting",
        "-stray": "skipped: a partition that the cluster no longer assigns to this broker",
        "-future": "a replica that the broker is moving to this log dir",
    }
    done = cli("log", "stats", tmp_path, "-o", "json", check=0)
    assert [(row["topic"], row["partition"]) for row in json.loads(done.stdout)] == [("orders", 0)]
    assert done.stderr.count("skipped: a ") == 3


def test_files_on_their_way_are_named(tmp_path: Path) -> None:
    folder = write_segment(tmp_path / "orders-0", 0, encode_batch(records(0))).parent
    for suffix in (".deleted", ".cleaned", ".swap"):
        (folder / f"{0:020}.index{suffix}").write_bytes(b"anything")
    assert [severity for severity, _ in findings(folder)] == ["notice"] * 3


def test_what_is_no_file_is_skipped(tmp_path: Path, cli: Cli) -> None:
    folder = write_segment(tmp_path / "orders-0", 0, encode_batch(records(0))).parent
    names = [f"{0:020}.index", f"{0:020}.timeindex", f"{0:020}.txnindex", f"{5:020}.snapshot", f"{10:020}.log"]
    for name in (*names, "leader-epoch-checkpoint", "partition.metadata"):
        os.mkfifo(folder / name)
    (folder / f"{20:020}.log").symlink_to("/dev/zero")
    (folder / f"{30:020}.log").symlink_to(f"{30:020}.log")
    (folder / f"{40:020}.log").symlink_to("nowhere")
    pipes = ("meta.properties", "recovery-point-offset-checkpoint", "cleaner-offset-checkpoint", "pipe-1")
    for name in (*pipes, "bootstrap.checkpoint"):
        os.mkfifo(tmp_path / name)
    os.mkfifo(write_segment(tmp_path / "__cluster_metadata-0", 0).with_name(f"{11:020}.log"))
    (tmp_path / "again-0").symlink_to("orders-0")
    (tmp_path / "loop-0").symlink_to("loop-0")
    (tmp_path / "up-0").symlink_to(tmp_path)
    done = cli("log", "check", tmp_path, "-o", "json", check=0)
    reasons = {Path(row["file"]).name: row["fault"] for row in json.loads(done.stdout)}
    assert set(reasons.values()) == {
        "skipped: a FIFO", "skipped: a character device", "skipped: a loop of links", "skipped: a link to nothing",
        "skipped: a link to a folder that is read already",
    }  # fmt: skip
    assert len(reasons) == 19
    assert reasons["again-0"] == reasons["up-0"] == "skipped: a link to a folder that is read already"
    assert "1 batches with 10 records in 2 segments of 2 partitions checked: 0 faults, 19 notices" in done.stderr
    assert cli("log", "stats", tmp_path, check=0).stderr.count("skipped") == 19


def test_what_a_broker_is_writing_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)), b"half of a batch").parent
    snapshot = folder / f"{10:020}.snapshot"
    snapshot.write_bytes(b"")
    (tmp_path / ".lock").touch()
    waits = []

    def finish_writing(seconds: float) -> None:
        waits.append(seconds)
        snapshot.unlink(missing_ok=True)

    monkeypatch.setattr("kafkactl.storage.check.partition.time.sleep", finish_writing)
    assert findings(folder) == [("fault", "15 bytes that are not a whole batch")]
    assert waits
    (tmp_path / ".kafka_cleanshutdown").touch()
    waits.clear()
    assert findings(folder) == [("fault", "15 bytes that are not a whole batch")]
    assert waits == []


def test_a_folder_that_cannot_be_listed_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    write_segment(tmp_path / "orders-1", 0, encode_batch(records(0)), b"damage")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "orders-0":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(check_log_dir(tmp_path, CheckCounts()))
    assert faults(found) == ["permission denied", "6 bytes that are not a whole batch"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOMEM])
def test_a_folder_that_fails_is_read_and_told(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no folder without segments."""
    for name in ("orders-0", "orders-1"):
        write_segment(tmp_path / name, 0, encode_batch(records(0)))
    listdir = os.listdir

    def fail(folder: Path) -> list[str]:
        if Path(folder).name == "orders-0":
            raise OSError(number, os.strerror(number))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", fail)
    assert [folder.name for folder in list_partition_folders(tmp_path)] == ["orders-0", "orders-1"]


def test_an_entry_that_fails_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("orders-0", "orders-1"):
        write_segment(tmp_path / name, 0, encode_batch(records(0)))
    is_dir = Path.is_dir

    def fail(path: Path) -> bool:
        if path.name == "orders-0":
            raise OSError(errno.EIO, "Input/output error")
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", fail)
    assert [folder.name for folder in scan_log_dir(tmp_path).partitions] == ["orders-1"]


@pytest.mark.parametrize("name", [".swap", ".deleted", ".cleaned", "x.swap"])
def test_a_file_on_its_way_is_a_notice(name: str, tmp_path: Path) -> None:
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    (tmp_path / "orders-0" / name).touch()
    assert [severity for severity, _ in findings(tmp_path / "orders-0")] == ["notice"]


def test_a_link_to_a_partition_is_followed_once(tmp_path: Path) -> None:
    write_segment(tmp_path / "elsewhere" / "orders-0", 0, encode_batch(records(0)))
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "orders-0").symlink_to(tmp_path / "elsewhere" / "orders-0")
    assert [folder.name for folder in scan_log_dir(tmp_path / "dir").partitions] == ["orders-0"]


@pytest.mark.parametrize("command", [("log", "check"), ("log", "stats"), ("dump-log",)])
@pytest.mark.parametrize("count", [1, 2])
def test_a_loop_of_links_is_an_error(tmp_path: Path, cli: Cli, command: tuple[str, ...], count: int) -> None:
    loops = [tmp_path / f"loop-{number}" for number in range(count)]
    for number, loop in enumerate(loops):
        loop.symlink_to(loops[(number + 1) % count])
    for path in (loops[0], loops[0] / "orders-0"):
        done = cli(*command, path, check=2)
        assert done.stderr.startswith(f"error: {path}: no such f")
        assert ("but a loop of links" in done.stderr) is (command[0] == "log")


def test_a_loop_of_links_beside_partitions_is_skipped(tmp_path: Path, cli: Cli) -> None:
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    (tmp_path / "orders-1").symlink_to(tmp_path / "orders-1")
    ((severity, text),) = [(finding.severity, finding.fault) for finding in check_log_dir(tmp_path, CheckCounts())]
    assert (severity, text) == (Severity.NOTICE, "skipped: a loop of links")
    assert "orders-1: skipped: a loop of links" in cli("log", "stats", tmp_path, check=0).stderr


def test_the_case_of_a_missing_segment(cli: Cli) -> None:
    done = cli("log", "check", CASES / "missing-segment", check=4)
    assert "offsets 20 to 39 are missing between two segments" in done.stdout
    (row,) = json.loads(cli.ok("log", "stats", CASES / "missing-segment", "-o", "json"))
    assert (row["missing_offsets"], row["gaps"]) == (20, 1)
    rows = json.loads(cli.ok("log", "stats", CASES / "missing-segment", "-o", "json", "--by", "segment"))
    assert [row["missing_offsets"] for row in rows] == [0, 20]
    (row,) = json.loads(cli.ok("log", "stats", CASES / "missing-segment", "-o", "json", "--by", "topic"))
    assert row["missing_offsets"] == 20


def test_gaps_are_not_counted_between_partitions(tmp_path: Path, cli: Cli) -> None:
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    write_segment(tmp_path / "orders-1", 500, encode_batch(records(500)))
    (row,) = json.loads(cli.ok("log", "stats", tmp_path, "-o", "json", "--by", "topic"))
    assert (row["missing_offsets"], row["gaps"]) == (0, 0)


def test_an_empty_segment_behind_a_gap_counts_it(tmp_path: Path, cli: Cli) -> None:
    folder = write_segment(tmp_path / "orders-0", 0, encode_batch(records(0))).parent
    write_segment(folder, 15)
    (row,) = json.loads(cli.ok("log", "stats", folder, "-o", "json"))
    assert (row["missing_offsets"], row["gaps"], row["next_offset"]) == (5, 1, 15)


def test_the_cases_of_times(cli: Cli) -> None:
    assert cli("log", "check", CASES / "negative-timestamps", check=0).stdout == ""
    done = cli("log", "check", CASES / "timeindex-too-old", check=4)
    assert "an entry of timestamp 1600000000000, and the batch's is 1700000000000" in done.stdout


def test_the_case_of_zeros_at_the_end(cli: Cli) -> None:
    done = cli("log", "check", CASES / "zero-tail", "-o", "json", check=4)
    (fault,) = json.loads(done.stdout)
    assert (fault["position"], fault["offset"]) == (1950, 65)
    assert "4096 bytes of zeros up to the end" in fault["fault"]


def gap(folder: Path, *, keys: Sequence[bytes | None] = (b"k%d", b"k%d", b"k%d"), last: bool = False) -> Path:
    """Write offsets 0 to 9 and 20 to 29, and 30 to 39 in a third segment unless the second is to be the last."""
    write_segment(folder, 0, encode_batch(records(0, key=keys[0])))
    write_segment(folder, 20, encode_batch(records(20, key=keys[1])))
    if not last:
        write_segment(folder, 30, encode_batch(records(30, key=keys[2])))
    return folder


def test_a_gap_that_compaction_may_explain_is_a_notice(tmp_path: Path) -> None:
    text = "offsets 10 to 19 are missing between two segments: records are lost, unless the topic is compacted"
    assert findings(gap(tmp_path / "orders-0")) == [("notice", text)]


@pytest.mark.parametrize("name", ["__consumer_offsets-0", "__transaction_state-3"])
def test_topics_of_kafka_that_are_compacted(tmp_path: Path, name: str) -> None:
    assert findings(gap(tmp_path / name, last=True)) == []


def test_a_gap_before_the_last_segment_is_a_fault(tmp_path: Path) -> None:
    ((severity, text),) = findings(gap(tmp_path / "orders-0", last=True))
    assert (severity, text.partition(": ")[0]) == ("fault", "offsets 10 to 19 are missing between two segments")


def test_a_record_without_a_key_proves_that_a_gap_is_a_loss(tmp_path: Path) -> None:
    ((severity, text),) = findings(gap(tmp_path / "orders-0", keys=(None, b"k%d", b"k%d")))
    assert severity == "fault"
    assert text.endswith("the topic is not compacted: the record at offset 0 has no key")


KEYLESS, KEYED = ((None, None, None), (b"k%d", None, None), (b"k%d", b"k%d", None)), (b"k%d", b"k%d", b"k%d")


def write_metadata(log_dir: Path, topic: str, value: str, setting: str = "cleanup.policy") -> None:
    """Write a log of KRaft that knows a topic and one of its settings."""

    def text(word: str) -> bytes:
        return bytes([len(word) + 1]) + word.encode()

    values = [
        b"\x01\x02\x00" + text(topic) + bytes(range(16)) + b"\x00",
        b"\x01\x04\x00\x02" + text(topic) + text(setting) + text(value) + b"\x00",
    ]
    batch = encode_batch([Record(offset, TIME_MS, -1, None, value, ()) for offset, value in enumerate(values)])
    write_segment(log_dir / "__cluster_metadata-0", 0, batch)


def test_what_is_older_than_a_snapshot_of_kraft_is_in_it_already(tmp_path: Path) -> None:
    """A topic was deleted and made again without its policy; the log begins after the first creation."""

    def text(word: str) -> bytes:
        return bytes([len(word) + 1]) + word.encode()

    topic = b"\x01\x02\x00" + text("orders") + bytes(range(16)) + b"\x00"
    config = b"\x01\x04\x00\x02" + text("orders") + text("cleanup.policy") + text("compact") + b"\x00"
    folder = tmp_path / "__cluster_metadata-0"
    write_segment(folder, 8, encode_batch([Record(8, TIME_MS, -1, None, config, ())]))
    snapshot = folder / f"{12:020}-{1:010}.checkpoint"
    snapshot.write_bytes(encode_batch([Record(0, TIME_MS, -1, None, topic, ())]))
    (folder / "bootstrap.checkpoint").write_bytes(b"")
    assert LogDirKnowledge(tmp_path).find_policy("orders", 0) is Policy.DELETE
    snapshot.rename(folder / f"{8:020}-{1:010}.checkpoint")
    assert LogDirKnowledge(tmp_path).find_policy("orders", 0) is Policy.COMPACT


@pytest.mark.parametrize("policy", ["compact", "delete", "compact,delete"])
@pytest.mark.parametrize("is_cleaned", [False, True])
def test_a_policy_that_was_changed(tmp_path: Path, policy: str, is_cleaned: bool) -> None:
    write_metadata(tmp_path, "orders", policy)
    if is_cleaned:
        (tmp_path / "cleaner-offset-checkpoint").write_text("0\n1\norders 0 60\n")
    expected = Policy.COMPACT if "compact" in policy else Policy.FORMERLY_COMPACT if is_cleaned else Policy.DELETE
    assert LogDirKnowledge(tmp_path).find_policy("orders", 0) is expected


@pytest.mark.parametrize("value", ["true", "TRUE", " True ", "false", "yes"])
def test_a_setting_is_true_as_brokers_read_it(tmp_path: Path, value: str) -> None:
    for name, holds in (("remote.storage.enable", "may_be_remote"), ("preallocate", "is_preallocated")):
        folder = tmp_path / name
        write_metadata(folder, "orders", value, name)
        assert bool(getattr(LogDirKnowledge(folder), holds)("orders")) == (value.strip().lower() == "true")


def three_segments(folder: Path, keys: Sequence[bytes | None]) -> list[tuple[Path, list[bytes]]]:
    """Return three segments of three batches each, of ten records, and the batches; the keys are those of a segment."""
    segments = []
    for number in range(3):
        batches = [encode_batch(records(30 * number + first, key=keys[number])) for first in (0, 10, 20)]
        segments.append((write_segment(folder, 30 * number, *batches), batches))
    return segments


def lose(segments: Sequence[tuple[Path, list[bytes]]], number: int, lost: slice) -> str:
    """Remove batches of a segment, and return the text of the gap."""
    path, batches = segments[number]
    first, *_, last = [30 * number + 10 * batch for batch in range(3)][lost] * 2
    path.write_bytes(b"".join(batch for batch in batches if batch not in batches[lost]))
    return f"offsets {first} to {last + 9} are missing"


LOSSES = [(number, lost) for number in range(2) for lost in (slice(0, 1), slice(1, 2), slice(2, 3), slice(0, 3))]


@pytest.mark.parametrize("keys", KEYLESS)
@pytest.mark.parametrize(("number", "lost"), LOSSES)
def test_records_without_keys_behind_a_gap_are_a_proof_where_the_policy_is_delete(
    kraft_dir: Path, tmp_path: Path, number: int, lost: slice, keys: Sequence[bytes | None]
) -> None:
    shutil.copytree(kraft_dir / "__cluster_metadata-0", tmp_path / "__cluster_metadata-0")
    segments = three_segments(tmp_path / "plain-0", keys)
    assert findings(tmp_path / "plain-0") == []
    gap_text = lose(segments, number, lost)
    ((severity, text),) = findings(tmp_path / "plain-0")
    assert (severity, text.startswith(gap_text)) == ("fault", True)
    shutil.rmtree(tmp_path / "__cluster_metadata-0")
    write_metadata(tmp_path, "plain", "delete")
    (tmp_path / "cleaner-offset-checkpoint").write_text("0\n1\nplain 0 60\n")
    right_behind = keys[number + 1 if lost.stop == 3 else number]
    is_proof = keys[0] is None or right_behind is None
    assert [severity for severity, _ in findings(tmp_path / "plain-0") if severity == "fault"] == ["fault"] * is_proof


@pytest.mark.parametrize("keys", KEYLESS)
@pytest.mark.parametrize("number", [0, 1])
def test_a_segment_is_lost_before_records_without_keys(
    tmp_path: Path, number: int, keys: Sequence[bytes | None]
) -> None:
    gap_text = lose(three_segments(tmp_path / "orders-0", keys), number, slice(0, 3))
    ((severity, text),) = findings(tmp_path / "orders-0")
    assert (severity, text.startswith(f"{gap_text} between two segments: the topic is not")) == ("fault", True)


@pytest.mark.parametrize(("keys", "count"), [((None, None, None), 1), (KEYED, 0)])
def test_the_first_batch_of_a_segment_is_lost(tmp_path: Path, keys: Sequence[bytes | None], count: int) -> None:
    """Compaction can have removed the first records, but not where the record behind them has no key."""
    for number in range(2):
        segments = three_segments(tmp_path / f"orders-{number}", keys)
        gap_text = f"{lose(segments, number, slice(0, 1))} before the first batch of the segment: "
        found = findings(tmp_path / f"orders-{number}")
        assert [(severity, text.startswith(gap_text)) for severity, text in found] == [("fault", True)] * count


@pytest.mark.parametrize("name", ["compacted-0", "__consumer_offsets-0"])
@pytest.mark.parametrize(("number", "lost"), LOSSES)
def test_a_compacted_topic_may_miss_any_offsets(
    kraft_dir: Path, tmp_path: Path, name: str, number: int, lost: slice
) -> None:
    shutil.copytree(kraft_dir / "__cluster_metadata-0", tmp_path / "__cluster_metadata-0")
    lose(three_segments(tmp_path / name, KEYED), number, lost)
    assert findings(tmp_path / name) == []


@pytest.mark.parametrize(("number", "lost"), LOSSES)
def test_a_policy_that_was_compact_explains_holes_before_younger_records_without_keys(
    tmp_path: Path, number: int, lost: slice
) -> None:
    """Two holes among records with keys look like compaction, though the newest records have no key."""
    segments = three_segments(tmp_path / "orders-0", (b"k%d", b"k%d", None))
    path, batches = segments[number]
    path.write_bytes(batches[0] + encode_batch(records(30 * number + 12, 3)) + batches[2])
    lose(segments, 1 - number, lost)
    assert [text for severity, text in findings(tmp_path / "orders-0") if severity == "fault"] == (
        ["offsets 50 to 59 are missing between two segments: the topic is not compacted: "
         "the record at offset 60 has no key"] if number == 0 and lost == slice(2, 3) else
        ["offsets 30 to 59 are missing between two segments: the topic is not compacted: "
         "the record at offset 60 has no key"] if number == 0 and lost == slice(0, 3) else []
    )  # fmt: skip


def test_holes_inside_segments_are_the_work_of_compaction(tmp_path: Path) -> None:
    folder = gap(tmp_path / "orders-0", last=True)
    hole = encode_batch(records(0, 3)) + encode_batch(records(5, 5))
    write_segment(folder, 0, hole)
    assert findings(folder) == []
    write_segment(folder, 0, encode_batch([*records(0, 3), *records(5, 5)]))
    assert findings(folder) == []


def test_a_hole_behind_a_key_that_repeats_is_a_notice(tmp_path: Path) -> None:
    folder = tmp_path / "orders-0"
    write_segment(folder, 0, encode_batch(records(0, 5, b"same")), encode_batch(records(8)))
    ((severity, text),) = findings(folder)
    assert (severity, text.partition(": ")[0]) == ("notice", "offsets 5 to 7 are missing between two batches")


def test_the_cleaner_checkpoint_names_compacted_partitions(tmp_path: Path) -> None:
    folder = gap(tmp_path / "orders-0", last=True)
    (tmp_path / "cleaner-offset-checkpoint").write_text("0\n1\norders 0 20\n")
    assert findings(folder) == []
    assert LogDirKnowledge(tmp_path).find_policy("orders", 1) is Policy.UNKNOWN


@pytest.fixture(scope="module")
def kraft_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (folder,) = extract(HERE / "4.3.1.tar.xz", tmp_path_factory.mktemp("kraft"), "stopped-1")
    return folder


@pytest.mark.parametrize(
    ("topic", "policy"),
    [
        ("compacted", Policy.COMPACT),
        ("expired", Policy.DELETE),
        ("plain", Policy.DELETE),
        ("__consumer_offsets", Policy.COMPACT),
        ("__cluster_metadata", Policy.DELETE),
        ("nowhere", Policy.UNKNOWN),
    ],
)
def test_policies_in_the_log_of_kraft(kraft_dir: Path, topic: str, policy: Policy) -> None:
    assert LogDirKnowledge(kraft_dir).find_policy(topic, 0) is policy


def test_a_topic_that_is_not_compacted_loses_nothing(kraft_dir: Path) -> None:
    """In this log dir the same gaps are faults of one topic and the usual thing in another."""
    shutil.rmtree(kraft_dir / "plain-0")
    shutil.rmtree(kraft_dir / "compacted-0")
    ((severity, text),) = findings(gap(kraft_dir / "plain-0"))
    assert (severity, text.rpartition(": ")[2]) == ("fault", "the cleanup.policy of the topic is delete")
    assert findings(gap(kraft_dir / "compacted-0", last=True)) == []


def test_a_default_policy_that_may_be_compact_is_no_proof(kraft_dir: Path) -> None:
    with (kraft_dir / "cleaner-offset-checkpoint").open("w") as file:
        file.write("0\n1\nrolled 0 3\n")
    assert LogDirKnowledge(kraft_dir).find_policy("plain", 0) is Policy.UNKNOWN


def data(first: int, sequence: int, epoch: int = 0, *, attributes: int = 0, time_ms: int = 0, count: int = 4) -> bytes:
    moved = [Record(r.offset, r.timestamp_ms + time_ms, -1, r.key, r.value, ()) for r in records(first, count)]
    return encode_batch(moved, producer=(7, epoch, sequence), attributes=attributes)


DAY_MS = 24 * 60 * 60 * 1000


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([data(0, 0), data(4, 4)], None),
        ([data(0, 0), data(4, 8)], "sequence 8, and 4 comes next"),
        ([data(0, 4), data(4, 4)], "sequence 4, and 8 comes next"),
        ([data(0, 4), data(4, 0)], "sequence 0, and 8 comes next"),
        ([data(0, 4), data(4, 0, 1)], None),
        ([data(0, 4), data(4, 8, 1)], "sequence 8, and 0 comes next"),
        ([data(0, 4, 1), data(4, 8, 0)], "epoch 0 after epoch 1"),
        ([data(0, 2**31 - 4), data(4, 0)], None),
        ([data(0, 2**31 - 2), data(4, 2)], None),
        ([data(0, 2**31 - 2), data(4, 0)], "sequence 0, and 2 comes next"),
        ([data(0, 4), data(4, 99, time_ms=DAY_MS + 1)], None),
        ([data(0, 4), encode_batch(records(4, 2)), data(6, 8)], None),
    ],
)
def test_sequences_of_a_producer(tmp_path: Path, batches: list[bytes], expected: str | None) -> None:
    folder = write_segment(tmp_path / "orders-0", 0, *batches).parent
    found = findings(folder)
    assert found == ([] if expected is None else [("fault", f"producer 7: {expected}")])
    # Across segments, too; and what compaction may have taken proves nothing.
    write_segment(folder, 0, *batches[:-1])
    write_segment(folder, 4 if len(batches) == 2 else 6, batches[-1])
    assert findings(folder) == found
    write_segment(folder, 20, encode_batch([*records(20, 1), *records(25, 1)]))
    assert [text for _, text in findings(folder) if "producer" in text] == []


def marker(offset: int, kind: int) -> bytes:
    key, value = struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0)
    return encode_batch([Record(offset, TIME_MS + offset, -1, key, value, ())], attributes=0x30, producer=(7, 0, -1))


def test_open_transactions_are_notices(tmp_path: Path) -> None:
    opened = data(0, 0, attributes=0x10)
    folder = write_segment(tmp_path / "orders-0", 0, opened).parent
    text = "the transaction of producer 7 is open: read_committed consumers wait here"
    assert findings(folder) == [("notice", text)]
    write_segment(folder, 0, opened, marker(4, 1))
    assert findings(folder) == []
    later = [Record(4, TIME_MS + 3_600_000, -1, b"k", b"v", ())]
    write_segment(folder, 0, opened, encode_batch(later))
    ((severity, long_text),) = findings(folder)
    assert (severity, long_text) == (
        "notice", f"{text}; the log goes on for 59 minutes after its last record, so it may hang",
    )  # fmt: skip


def test_an_abort_that_the_transaction_index_lacks(tmp_path: Path) -> None:
    log = write_segment(tmp_path / "orders-0", 0, data(0, 0, attributes=0x10), marker(4, 0))
    ((severity, text),) = findings(log.parent)
    assert (severity, text.partition(":")[0]) == ("fault", "the abort of producer 7 is missing")
    index = log.with_suffix(".txnindex")
    index.write_bytes(struct.pack(">hqqqq", 0, 7, 0, 4, 5))
    assert findings(log.parent) == []
    index.write_bytes(struct.pack(">hqqqq", 0, 7, 1, 4, 5))
    assert findings(log.parent) == [("fault", "a transaction from offset 1, and the log has it from 0 on")]
    index.write_bytes(struct.pack(">hqqqq", 0, 7, 0, 4, 9))
    assert findings(log.parent) == [("fault", "last stable offset 9, and by the log it is 5")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("is_last_there", [True, False])
def test_a_checkpoint_with_any_line_ends_of_java(line_end: str, is_last_there: bool, tmp_path: Path) -> None:
    path = tmp_path / "replication-offset-checkpoint"
    text = line_end.join(["0", "2", "orders 0 5", "orders 1 7"])
    path.write_bytes((text + line_end * is_last_there).encode())
    assert [(line.topic, line.partition, line.offset) for line in read_offset_checkpoint(path)] == [
        ("orders", 0, 5),
        ("orders", 1, 7),
    ]
    path.write_bytes((text + line_end * 2).encode())
    with pytest.raises(FormatError, match="states 2"):
        read_offset_checkpoint(path)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_topic_that_is_made_again_meanwhile_has_its_new_id(tmp_path: Path, is_running: bool) -> None:
    """The log of KRaft is read again where the broker may have written to it since it was read."""
    if is_running:
        (tmp_path / ".lock").touch()
    write_metadata(tmp_path, "orders", "delete")
    write_segment(tmp_path / "bills-0", 0, encode_batch(records(0)), b"damage")
    write_segment(tmp_path / "orders-0", 0, encode_batch(records(0)))
    found = check_log_dir(tmp_path, CheckCounts())
    assert next(finding for finding in found if finding.file.parent.name == "bills-0")
    log = tmp_path / "__cluster_metadata-0" / f"{0:020}.log"
    removal, topic = b"\x01\x09\x00" + bytes(range(16)) + b"\x00", b"\x01\x02\x00\x07orders" + bytes(16) + b"\x00"
    values = [Record(2 + number, TIME_MS, -1, None, value, ()) for number, value in enumerate((removal, topic))]
    log.write_bytes(log.read_bytes() + encode_batch(values))
    (tmp_path / "orders-0" / "partition.metadata").write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n")
    assert [fault.partition(",")[0] for fault in faults(list(found))] == (
        [] if is_running else ["topic_id AAAAAAAAAAAAAAAAAAAAAA"]
    )


def test_an_entry_whose_inode_cannot_be_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("orders-0", "orders-1"):
        write_segment(tmp_path / name, 0, encode_batch(records(0)))
    stat = os.stat

    def fail(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if Path(path).name == "orders-0":
            raise OSError(errno.EIO, "Input/output error")
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", fail)
    monkeypatch.setattr(os, "lstat", lambda path: fail(path, follow_symlinks=False))
    folders = scan_log_dir(tmp_path)
    assert [folder.name for folder in folders.partitions] == ["orders-1"]
    assert [(entry.path.name, entry.reason) for entry in folders.skipped] == [("orders-0", "Input/output error")]
