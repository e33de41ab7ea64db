from __future__ import annotations

import json
from pathlib import Path

from tests.clusters import RunningCluster


def test_replicas_move_and_the_throttles_are_gone(kraft_cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    """A plan for two of three brokers is executed with a throttle; it can be run again, and nothing is lost."""
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1:2,2:3,3:1")
    cli.ok("produce", name, input="".join(f"{number}\n" for number in range(3000)))
    plan = tmp_path / "plan.json"
    plan.write_text(cli.ok("reassign", "generate", name, "--brokers", "1,2", "-o", "json"))
    rows = json.loads(plan.read_text())["partitions"]
    assert [sorted(row["replicas"]) for row in rows] == [[1, 2]] * 2
    done = cli("reassign", "execute", plan, "--throttle", 10_000_000, "--yes", check=0)
    assert done.stdout.count("moved to") == 2
    assert name not in cli.ok("throttles", "list")
    assert cli.ok("reassign", "verify", plan, "-o", "plain").count("done") == 2
    assert "nothing to move" in cli("reassign", "execute", plan, "--yes", check=0).stderr
    records = cli.ok("consume", name, "--from-beginning", "--max-messages", 3000)
    assert sorted(map(int, records.split())) == list(range(3000))
    cli.ok("topics", "delete", name, "--yes")
