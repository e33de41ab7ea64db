"""Folders whose entries may be listed and not looked at: with the right to read them, and not to search them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kafkactl.cli.files.dump_log import expand_folders
from kafkactl.errors import KafkactlError, MissingFileError, UsageError
from kafkactl.storage.check import CheckCounts, Severity, check_log_dir, check_partition
from kafkactl.storage.log_dir import list_files, list_partition_folders, scan_log_dir
from kafkactl.storage.records import Record
from kafkactl.storage.selecting import select
from kafkactl.storage.selection import Selection
from tests.unit.storage.encoding import encode_batch

NOBODY = 65534
BATCH = encode_batch([Record(0, 1_700_000_000_000, -1, None, b"v", ())])
READS: list[Callable[[Path], object]] = [
    scan_log_dir,
    list_partition_folders,
    list_files,
    lambda path: list(check_log_dir(path, CheckCounts())),
]


@pytest.fixture
def log_dir() -> Iterator[Path]:
    """A log dir with two partitions and a link, which is read with the rights of a user who is not root."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        for partition in ("orders-0", "orders-1"):
            (path / partition).mkdir()
            (path / partition / f"{0:020}.log").write_bytes(BATCH)
        for each in [path, *path.rglob("*")]:
            each.chmod(0o755)
        user = os.geteuid()
        os.seteuid(user or NOBODY)
        try:
            yield path
        finally:
            os.seteuid(user)
            for each in [path, path / "orders-0"]:
                each.chmod(0o755)


def set_rights(path: Path, mode: int) -> None:
    user = os.geteuid()
    os.seteuid(os.getuid())
    path.chmod(mode)
    os.seteuid(user)


@pytest.mark.parametrize("mode", [0o644, 0o711, 0o600])
@pytest.mark.parametrize("read", READS)
def test_a_log_dir(log_dir: Path, read: Callable[[Path], object], mode: int) -> None:
    set_rights(log_dir, mode)
    with pytest.raises(UsageError, match="permission denied"):
        read(log_dir)
    set_rights(log_dir, 0o755)
    set_rights(log_dir / "orders-0", mode)
    with pytest.raises(UsageError, match="permission denied"):
        read(log_dir / "orders-0")


@pytest.mark.parametrize("mode", [0o644, 0o711, 0o600])
def test_a_partition_that_cannot_be_read_is_told_beside_the_others(
    log_dir: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    set_rights(log_dir / "orders-0", mode)
    paths, statuses = expand_folders([log_dir])
    assert paths == [log_dir / "orders-1" / f"{0:020}.log"]
    assert len(statuses) == 1
    assert "orders-0" in capsys.readouterr().err


def test_a_partition_that_may_not_be_searched_hides_no_other(log_dir: Path) -> None:
    set_rights(log_dir / "orders-0", 0o644)
    assert [path.name for path in scan_log_dir(log_dir).partitions] == ["orders-0", "orders-1"]
    assert [path.name for path in list_partition_folders(log_dir)] == ["orders-0", "orders-1"]
    found = list(check_log_dir(log_dir, CheckCounts()))
    assert [fault.fault for fault in found if fault.severity is Severity.FAULT] == ["permission denied"]


def test_a_link_that_may_not_be_followed_is_skipped(log_dir: Path) -> None:
    set_rights(log_dir, 0o777)
    hidden = log_dir / "orders-0"
    (log_dir / "orders-2").symlink_to(hidden / "inside")
    set_rights(hidden, 0o644)
    (skipped,) = scan_log_dir(log_dir).skipped
    assert (skipped.path.name, skipped.reason) == ("orders-2", "Permission denied")
    faults = [fault.fault for fault in check_log_dir(log_dir, CheckCounts()) if fault.severity is Severity.FAULT]
    assert faults == ["permission denied"]  # of orders-0 itself


def test_a_name_in_a_folder_that_may_not_be_searched_is_left_for_its_reader(log_dir: Path) -> None:
    names = [log_dir / "orders-1", log_dir / "orders-0" / f"{0:020}.log"]
    set_rights(log_dir / "orders-0", 0o644)
    assert expand_folders(names) == ([log_dir / "orders-1" / f"{0:020}.log", names[1]], [])


def test_a_partition_in_a_log_dir_that_may_not_be_searched(monkeypatch: pytest.MonkeyPatch, log_dir: Path) -> None:
    """It is reached as the working directory; what lies beside it counts as missing.

    `monkeypatch` stands first, so that it leaves the folder with the rights that the test began with.
    """
    monkeypatch.chdir(log_dir / "orders-1")
    set_rights(log_dir, 0o600)
    found = list(check_partition(Path(), CheckCounts()))
    assert [fault.fault for fault in found if fault.severity is Severity.FAULT] == []


def test_a_segment_that_may_not_be_looked_at_is_not_missing(log_dir: Path) -> None:
    hidden = log_dir / "orders-0" / f"{0:020}.log"
    set_rights(log_dir / "orders-0", 0o644)
    errors: list[KafkactlError] = []
    paths = [hidden, log_dir / ("x" * 300), log_dir / "orders-1" / f"{0:020}.log", log_dir / "orders-1" / "none.log"]
    selected = list(select(paths, Selection(), True, lambda _, error: errors.append(error)))
    assert [str(batch.path) for batch in selected] == [str(paths[2])]
    assert [isinstance(error, MissingFileError) for error in errors] == [True, False, False]
    for error, reason in zip(errors, ("no such file", "permission denied", "file name too long"), strict=True):
        assert reason in str(error).lower()


def test_a_log_whose_folder_may_not_be_listed_is_not_followed(log_dir: Path) -> None:
    """The next segment would never be found, and the reader would wait without a word."""
    set_rights(log_dir / "orders-0", 0o711)
    followed = select(
        [log_dir / "orders-0" / f"{0:020}.log"], Selection(follow=True), True, lambda _, error: pytest.fail(str(error))
    )
    assert next(followed).batch.base_offset == 0
    with pytest.raises(UsageError, match="permission denied"):
        next(followed)
