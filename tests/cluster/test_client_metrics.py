"""Subscriptions of client metrics at real brokers."""

from __future__ import annotations

import json

from tests.clusters import RunningCluster, eventually


def find(cluster: RunningCluster, name: str) -> dict[str, object] | None:
    """Return a subscription, or None."""
    rows = json.loads(cluster.cli.ok("client-metrics", "list", "-o", "json"))
    return next((row for row in rows if row["name"] == name), None)


def test_a_subscription_from_its_addition_to_its_end(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    rules = "client_id=a.*,client_software_name=b"
    alter = ("client-metrics", "alter", name, "--interval", "1s")
    assert f"would add subscription {name} with interval.ms=1000" in cli.ok(*alter, "--dry-run")
    assert find(kraft, name) is None
    cli.ok(*alter, "--metrics", "org.apache.,x", "--match", rules, "--yes")
    expected = {"name": name, "interval_ms": 1000, "metrics": ["org.apache.", "x"], "match": rules.split(",")}
    eventually(lambda: find(kraft, name) == expected)
    assert "has these values already" in cli.ok(*alter, "--yes")
    cli.ok("client-metrics", "alter", name, "--unset", "metrics", "--unset", "match", "--yes")
    eventually(lambda: find(kraft, name) == {**expected, "metrics": [], "match": []})
    shown = cli.ok("client-metrics", "describe", name)
    assert "DYNAMIC_CLIENT_METRICS_CONFIG" in shown
    assert f"Client metrics configs for {name} are:\n" in cli.ok("client-metrics", "describe", name, "-o", "kafka")
    assert cli.ok("client-metrics", "delete", name, "--yes").split()[-2:] == [name, "deleted"]
    eventually(lambda: find(kraft, name) is None)
    assert f"subscription not found: {name}" in cli("client-metrics", "delete", name, "--yes", check=1).stderr
    assert f"subscription not found: {name}" in cli("client-metrics", "describe", name, check=1).stderr


def test_the_broker_refuses_wrong_values(kraft: RunningCluster, name: str) -> None:
    """A preview makes the same checks as the change."""
    for flags, reason in ((["--interval", "1ms"], "interval.ms"), (["--match", "nosuch=1"], "nosuch")):
        for last in ("--yes", "--dry-run"):
            done = kraft.cli("client-metrics", "alter", name, *flags, last, check=1)
            assert f"cannot change the configs of client-metric {name}" in done.stderr
            assert reason in done.stderr
    assert find(kraft, name) is None


def test_a_random_name(kraft: RunningCluster) -> None:
    flags = ("--generate-name", "--interval", "1h", "--yes", "-o", "json")
    (row,) = json.loads(kraft.cli.ok("client-metrics", "alter", *flags))
    eventually(lambda: find(kraft, row["name"]) is not None)
    kraft.cli.ok("client-metrics", "delete", row["name"], "--yes")


def test_brokers_with_zookeeper_are_named(clusters: object) -> None:
    assert callable(clusters)
    done = clusters("zookeeper").cli("client-metrics", "list", check=1)
    assert "does not have the request ListConfigResources, which only brokers of KRaft clusters have" in done.stderr
