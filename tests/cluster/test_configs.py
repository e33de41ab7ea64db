from __future__ import annotations

import json

from tests.clusters import RunningCluster


def values(cluster: RunningCluster, *arguments: object) -> dict[str, dict[str, object]]:
    rows = json.loads(cluster.cli.ok("configs", "describe", *arguments, "-o", "json"))
    return {row["name"]: row for row in rows}


def test_a_topics_configs(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    done = cli("configs", "describe", "topics", name, check=0)
    assert done.stdout == ""
    assert "has no settings of its own" in done.stderr
    cli.ok("configs", "alter", "topics", name, "--set", "retention.ms=5000", "--set", "cleanup.policy=compact,delete")
    own = values(cluster, "topics", name)
    assert {key: row["value"] for key, row in own.items()} == {
        "retention.ms": "5000",
        "cleanup.policy": "compact,delete",
    }
    assert own["retention.ms"]["source"] == "DYNAMIC_TOPIC_CONFIG"
    everything = values(cluster, "topics", name, "--all")
    assert everything["compression.type"]["source"] == "DEFAULT_CONFIG"
    cli.ok("configs", "alter", "topics", name, "--unset", "retention.ms")
    assert set(values(cluster, "topics", name)) == {"cleanup.policy"}


def test_kafkas_spelling(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    entity = ["--bootstrap-server", cluster.bootstrap_servers, "--entity-type", "topics", "--entity-name", name]
    cli.ok("configs", "alter", *entity, "--add-config", "cleanup.policy=[compact,delete],retention.ms=1")
    assert set(values(cluster, *entity)) == {"cleanup.policy", "retention.ms"}
    assert values(cluster, "--topic", name) == values(cluster, *entity)
    cli.ok("configs", "alter", *entity, "--delete-config", "cleanup.policy,retention.ms")
    assert values(cluster, *entity) == {}


def test_brokers(cluster: RunningCluster) -> None:
    cli = cluster.cli
    static = values(cluster, "brokers", 1, "--all")
    assert static["broker.rack"]["value"] == "a"
    assert static["broker.rack"]["source"] == "STATIC_BROKER_CONFIG"
    cli.ok("configs", "alter", "brokers", 1, "--set", "log.cleaner.threads=2")
    try:
        assert values(cluster, "--broker", 1)["log.cleaner.threads"]["value"] == "2"
    finally:
        cli.ok("configs", "alter", "brokers", 1, "--unset", "log.cleaner.threads")


def test_refusals(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    assert f"there is no topic {name}" in cli("configs", "describe", "topics", name, check=1).stderr
    assert "there is no broker '77'" in cli("configs", "describe", "brokers", 77, check=1).stderr
    cli.ok("topics", "create", name)
    wrong = cli("configs", "alter", "topics", name, "--set", "retention.ms=soon", "--set", "flush.ms=1", check=1)
    assert "retention.ms" in wrong.stderr
    assert values(cluster, "topics", name) == {}, "one request: all or nothing"
    assert (
        "cannot delete what is not set"
        in cli("configs", "alter", "topics", name, "--unset", "flush.ms", check=1).stderr
    )


def test_a_dry_run_changes_nothing(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    cluster.cli.ok("configs", "alter", "topics", name, "--set", "flush.ms=1", "--dry-run")
    assert values(cluster, "topics", name) == {}
