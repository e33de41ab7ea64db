"""log check where the disk fails: the reason is named, and bytes that cannot be read are never taken for zeros."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from kafkactl.errors import KafkactlError
from kafkactl.storage import source
from kafkactl.storage.check import CheckCounts, Fault, Severity, check_log_dir, check_partition
from kafkactl.storage.segment import Segment
from tests.unit.storage.encoding import encode_batch
from tests.unit.storage.test_check import folder as folder  # a fixture
from tests.unit.storage.test_log_dirs import records, write_segment

BATCH = encode_batch(records(0))
ENDS = {
    "sound": b"",
    "half of a batch": BATCH[:50],
    "zeros": bytes(300),
    "zeros and more": bytes(100_000) + b"more",
    "noise": b"\x05" * 200,
}
FAULT = "Input/output error"


def fail_from(monkeypatch: pytest.MonkeyPatch, limit: int, names: tuple[str, ...], number: int = errno.EIO) -> None:
    """Let `pread` and SEEK_DATA fail from a position on."""
    pread, lseek = os.pread, os.lseek

    def failing_pread(descriptor: int, size: int, position: int) -> bytes:
        if "pread" in names and position + size > limit:
            raise OSError(number, os.strerror(number))
        return pread(descriptor, size, position)

    def failing_lseek(descriptor: int, position: int, whence: int) -> int:
        if "lseek" in names and whence == os.SEEK_DATA:
            raise OSError(number, os.strerror(number))
        return lseek(descriptor, position, whence)

    monkeypatch.setattr(source.os, "pread", failing_pread)
    monkeypatch.setattr(source.os, "lseek", failing_lseek)


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, refused: Path) -> None:
    """Let the file be opened by nobody, also not by the administrator."""
    open_path = Path.open

    def opened(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_path(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", opened)


def faults_of(path: Path) -> list[Fault]:
    return list(check_partition(path.parent, CheckCounts()))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("names", [("pread",), ("pread", "lseek")])
def test_a_disk_that_cannot_be_read_is_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, names: tuple[str, ...]
) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH, ENDS[end])
    fail_from(monkeypatch, 0, names)
    (fault,) = faults_of(path)
    assert (fault.file, fault.position, fault.offset) == (path, 0, 0)
    assert fault.fault == f"position 0 cannot be read: {FAULT}"


@pytest.mark.parametrize("end", ["half of a batch", "zeros", "noise"])
def test_an_end_that_cannot_be_searched_is_no_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH, ENDS[end])
    fail_from(monkeypatch, 0, ("lseek",))
    (fault,) = faults_of(path)
    assert "of zeros" not in fault.fault
    assert fault.fault.endswith(f"; position {len(BATCH)} cannot be read: {FAULT}")


@pytest.mark.parametrize(("end", "number"), [*((end, errno.EINVAL) for end in ENDS), ("zeros", errno.ENXIO)])
def test_a_file_system_without_holes_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, number: int
) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH, ENDS[end])
    expected = faults_of(path)
    assert ("of zeros" in "".join(fault.fault for fault in expected)) == (end == "zeros")
    fail_from(monkeypatch, 0, ("lseek",), number)
    assert faults_of(path) == expected


@pytest.mark.parametrize(
    ("end", "left"),
    [(end, left) for end in ENDS for left in (0, 1, 50, len(BATCH), len(BATCH) + 20) if left < len(BATCH + ENDS[end])],
)
def test_a_file_that_is_cut_while_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, left: int
) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH, ENDS[end])
    size = path.stat().st_size
    with Segment(path) as segment:
        os.truncate(path, left)
        with pytest.raises(KafkactlError, match=f"it had {size} bytes, and has {left} now"):
            segment.has_data(left)
        with pytest.raises(KafkactlError, match=f"it had {size} bytes, and has {left} now"):
            list(segment.batches())


def test_a_hole_at_the_end_is_zeros(tmp_path: Path) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH)
    os.truncate(path, 1 << 40)
    (fault,) = faults_of(path)
    assert f"{(1 << 40) - len(BATCH)} bytes of zeros up to the end" in fault.fault


@pytest.mark.parametrize(("size_bytes", "severity"), [(1 << 30, Severity.NOTICE), ((1 << 30) + 5, Severity.FAULT)])
def test_a_segment_that_a_running_broker_may_have_preallocated(
    tmp_path: Path, size_bytes: int, severity: Severity
) -> None:
    """A setting can have changed since, and ZooKeeper's log dirs tell none: only the shape of the file does."""
    path = write_segment(tmp_path / "orders-0", 0, BATCH)
    os.truncate(path, size_bytes)
    (tmp_path / ".lock").touch()
    (found,) = faults_of(path)
    assert found.severity is severity
    (tmp_path / ".kafka_cleanshutdown").touch()
    (found,) = faults_of(path)
    assert found.severity is Severity.FAULT, "a broker that stops cuts them off"


@pytest.mark.parametrize("kind", [".index", ".timeindex", ".txnindex", ".snapshot", "-checkpoint"])
def test_every_file_of_a_partition_names_its_reason(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Each file fails by itself, and its own fault says why."""
    damaged = {path for path in folder.iterdir() if path.name.endswith(kind)}
    assert damaged
    inodes = {path.stat().st_ino for path in damaged}
    pread = os.pread

    def failing_pread(descriptor: int, size: int, position: int) -> bytes:
        if os.fstat(descriptor).st_ino in inodes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, size, position)

    monkeypatch.setattr(source.os, "pread", failing_pread)
    found = list(check_partition(folder, CheckCounts()))
    assert {fault.file for fault in found if FAULT in fault.fault} == damaged


@pytest.mark.parametrize("number", range(3))
def test_a_segment_that_cannot_be_opened_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    folder = tmp_path / "orders-0"
    segments = [write_segment(folder, first, encode_batch(records(first))) for first in (0, 10, 20)]
    (folder / "leader-epoch-checkpoint").write_text("0\n1\n0 0\n")
    refuse_to_open(monkeypatch, segments[number])
    assert [(finding.file, finding.fault) for finding in faults_of(segments[0])] == [
        (segments[number], "permission denied")
    ]


def test_a_gap_before_a_segment_that_cannot_be_opened_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "orders-0"
    first, last = (write_segment(folder, offset, encode_batch(records(offset))) for offset in (0, 20))
    refuse_to_open(monkeypatch, last)
    assert [finding.offset for finding in faults_of(first) if finding.fault.startswith("offsets 10 to 19")] == [10]


@pytest.mark.parametrize("is_opened", [True, False])
def test_the_end_of_a_log_behind_damage_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_opened: bool
) -> None:
    folder = tmp_path / "orders-0"
    write_segment(folder, 0, encode_batch(records(0)))
    last = write_segment(folder, 10, encode_batch(records(10))[:-1] + b"?")
    (tmp_path / "meta.properties").write_text("version=1\nnode.id=1\ncluster.id=c\n")
    (tmp_path / "recovery-point-offset-checkpoint").write_text("0\n1\norders 0 20\n")
    if not is_opened:
        refuse_to_open(monkeypatch, last)
    texts = [finding.fault for finding in check_log_dir(tmp_path, CheckCounts()) if "orders-0: " in finding.fault]
    assert texts == ["orders-0: records up to offset 20 were on disk, and the log can only be read up to 10"]


@pytest.mark.parametrize("name", ["partition.metadata", "leader-epoch-checkpoint"])
def test_a_small_file_whose_inode_cannot_be_read_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = write_segment(tmp_path / "orders-0", 0, BATCH)
    (path.parent / name).write_text("")
    stat, open_path = os.stat, Path.open

    def fail(path: Path) -> None:
        if Path(path).name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def failing_stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        fail(path)
        return stat(path, follow_symlinks=follow_symlinks)

    def failing_open(path: Path, *arguments: Any, **options: Any) -> Any:
        fail(path)
        return open_path(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", failing_stat)
    monkeypatch.setattr(os, "lstat", lambda path: failing_stat(path, follow_symlinks=False))
    monkeypatch.setattr(Path, "open", failing_open)
    (fault,) = faults_of(path)
    assert (fault.file, fault.fault) == (path.parent / name, f"cannot be read: [Errno 5] {FAULT}")
