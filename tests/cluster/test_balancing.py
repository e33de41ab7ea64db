"""Brokers with unequal loads: what is shown, the plan, its execution, and a second plan that has nothing to move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clusters import RunningCluster


def balance(cluster: RunningCluster, topic: str, by: str) -> dict[str, Any]:
    result = json.loads(cluster.cli.ok("brokers", "balance", topic, "--by", by, "-o", "json"))
    assert isinstance(result, dict)
    return result


def values(result: dict[str, Any], measure: str, field: str) -> list[int]:
    return [load[field] for load in result["by_broker"] if load["measure"] == measure]


@pytest.mark.parametrize(
    ("by", "measure", "goal"),
    [("count", "replicas", [4, 4, 4]), ("leaders", "preferred leaders", [3, 2, 1]), ("bytes", "bytes", None)],
)
def test_a_plan_makes_brokers_equal(
    kraft_cluster: RunningCluster, name: str, tmp_path: Path, by: str, measure: str, goal: list[int] | None
) -> None:
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1:2,1:2,1:2,1:2,1:2,1:3")
    for partition in range(6):
        cli.ok("produce", name, "--partition", partition, input=f"{'x' * 500}\n" * 1_000)
    plan = balance(kraft_cluster, name, by)
    assert values(plan, "replicas", "value") == [6, 5, 1]
    assert values(plan, "leaders", "value") == [6, 0, 0]
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    cli.ok("reassign", "execute", file, "--yes")
    after = balance(kraft_cluster, name, by)
    assert after["partitions"] == []
    assert values(after, measure, "value") == values(plan, measure, "planned")
    if goal is not None:
        assert values(after, measure, "value") == goal
    before, now = values(plan, measure, "value"), values(after, measure, "value")
    assert max(now) - min(now) < max(before) - min(before)
    assert "nothing to move" in cli("brokers", "balance", name, "--by", by, check=0).stderr
    cli.ok("topics", "delete", name, "--yes")


def test_all_topics_and_none(kraft_cluster: RunningCluster, name: str) -> None:
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1:2")
    everything = json.loads(cli.ok("brokers", "balance", "-o", "json"))
    assert everything["partitions"] == []
    assert {load["planned"] for load in everything["by_broker"]} == {None}
    assert sum(values(everything, "replicas", "value")) >= 2
    missing = cli("brokers", "balance", f"{name}-none", "--by", "count", check=1)
    assert f"topic not found: '{name}-none'" in missing.stderr
    assert "use one of count, leaders, bytes" in cli("brokers", "balance", "--by", "nothing", check=2).stderr
    cli.ok("topics", "delete", name, "--yes")
