"""log check over log dirs of healthy brokers of four versions: fresh, running, killed, restarted and stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kafkactl.storage.check import CheckCounts, Severity, check_log_dir, check_partition
from kafkactl.storage.log_dir import list_files, list_partition_folders
from tests.conftest import Cli
from tests.data.logs import ARCHIVES, extract

pytestmark = pytest.mark.slow


NOTICES = (
    "missing: the broker runs",
    "the transaction of producer",
    "the broker deletes this file soon",
    "compaction",
    "a partition that the broker is deleting",
)
"""What a healthy broker gives rise to."""


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def log_dirs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return extract(request.param, tmp_path_factory.mktemp("logs"))


def test_there_are_log_dirs_of_every_version() -> None:
    assert [path.name.rsplit(".", 3)[0] for path in ARCHIVES] == ["3.6", "3.9", "4.0", "4.3"]
    assert sum(path.stat().st_size for path in ARCHIVES) < 1_000_000


def test_a_healthy_log_dir_has_no_fault(log_dirs: list[Path]) -> None:
    states = {path.name.rstrip("-123") for path in log_dirs}
    assert states == {"fresh", "running", "killed", "caught-up", "running-later", "restarted", "stopped"}
    for log_dir in log_dirs:
        checked = CheckCounts()
        findings = list(check_log_dir(log_dir, checked))
        assert [finding for finding in findings if finding.severity is Severity.FAULT] == []
        assert [finding.fault for finding in findings if not finding.fault.startswith(NOTICES)] == []
        assert checked.partitions >= 7


def test_each_partition_by_itself_has_no_fault(log_dirs: list[Path]) -> None:
    for folder in list_partition_folders(log_dirs[-1]):
        found = [finding for finding in check_partition(folder, CheckCounts()) if finding.severity is Severity.FAULT]
        assert found == []


def test_a_copied_folder_has_no_fault_without_its_log_dir(log_dirs: list[Path], tmp_path: Path) -> None:
    for log_dir in log_dirs:
        for folder in list_partition_folders(log_dir):
            moved = folder.rename(tmp_path / folder.name)
            found = [finding for finding in check_partition(moved, CheckCounts()) if finding.severity is Severity.FAULT]
            moved.rename(folder)
            assert found == []


def test_the_log_dirs_have_what_brokers_do_in_different_ways(log_dirs: list[Path], cli: Cli) -> None:
    """The data would prove little without compaction, aborts, deleted segments and indexes of followers."""
    rows = {}
    for log_dir in log_dirs:
        for row in json.loads(cli.ok("log", "stats", log_dir, "-o", "json")):
            rows[log_dir.name, row["topic"]] = row
    stopped = {topic: row for (name, topic), row in rows.items() if name == "stopped-1"}
    assert stopped["compacted"]["missing_offsets"] > 20
    assert stopped["compacted"]["tombstones"] >= 1
    assert stopped["expired"]["next_offset"] > 100
    assert stopped["expired"]["first_offset"] != 0
    assert stopped["transactions"]["control_records"] >= 12
    assert {"none", "zstd"} <= set(stopped["rolled"]["codecs"])
    assert stopped["rolled"]["segments"] > 5
    assert stopped["plain"]["missing_offsets"] == stopped["transactions"]["missing_offsets"] == 0
    kinds = {
        path.suffix
        for log_dir in log_dirs
        for folder in list_partition_folders(log_dir)
        for path in list_files(folder).regular
    }
    assert {".log", ".index", ".timeindex", ".txnindex", ".snapshot"} <= kinds
