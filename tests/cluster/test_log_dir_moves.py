"""Replicas are moved between two log directories of a real broker."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually, running


@pytest.fixture
def with_two_dirs(tmp_path: Path) -> Iterator[tuple[RunningCluster, str]]:
    """A broker that has a second, empty log directory, and the path of this directory.

    The topic "moved" is in the first one: its partitions are older than the second.
    """
    with running("kraft", tmp_path, near=11550) as cluster:
        cluster.cli.ok("topics", "create", "moved", "-p", 4, "-r", 1)
        second = tmp_path / "disk2"
        second.mkdir()
        (properties,) = (tmp_path / "data" / "local" / "kraft").glob("*/node.properties")
        lines = properties.read_text().splitlines()
        (first,) = [line for line in lines if line.startswith("log.dirs=")]
        meta = Path(first.removeprefix("log.dirs="), "meta.properties").read_text()
        fresh = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        (second / "meta.properties").write_text(re.sub(r"(?<=directory\.id=)\S+", fresh, meta))
        pid = int(properties.with_name("pid").read_text())
        os.kill(pid, signal.SIGTERM)  # an orderly end: the broker need not wait for its session before it starts again
        eventually(lambda: not Path(f"/proc/{pid}").exists())
        properties.write_text("\n".join([*(line for line in lines if line != first), f"{first},{second}", ""]))
        cluster.cli.ok("local", "restart", 1)
        yield cluster, str(second)


def test_replicas_move_between_directories(with_two_dirs: tuple[RunningCluster, str]) -> None:
    cluster, second = with_two_dirs
    cli = cluster.cli

    def list_replicas() -> dict[int, str]:
        rows = json.loads(cli.ok("log-dirs", "replicas", "moved", "-o", "json"))
        return {row["partition"]: row["log_dir"] for row in rows if not row["is_future"]}

    cli.ok("produce", "moved", input="".join(f"{number}\n" for number in range(1000)))
    dirs = {row["log_dir"] for row in json.loads(cli.ok("log-dirs", "list", "-o", "json"))}
    assert second in dirs
    assert len(dirs) == 2
    before = list_replicas()
    away = [number for number, path in before.items() if path != second]
    assert away, "the broker put all partitions into the new directory"
    preview = cli("log-dirs", "move", "moved", "--broker", 1, "--to", second, "--dry-run", check=0)
    assert f"would move {len(away)} replica" in preview.stderr
    assert list_replicas() == before
    done = cli("log-dirs", "move", "moved", "--broker", 1, "--to", second, "--yes", check=0)
    assert done.stdout.count(f"moved to {second}") == len(away)
    assert set(list_replicas().values()) == {second}
    again = cli("log-dirs", "move", "moved", "--broker", 1, "--to", second, "--yes", check=0)
    assert "nothing to move" in again.stderr
    records = cli.ok("consume", "moved", "--from-beginning", "--max-messages", 1000)
    assert sorted(map(int, records.split())) == list(range(1000))
