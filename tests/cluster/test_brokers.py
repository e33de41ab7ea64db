from __future__ import annotations

import json
from typing import Any

from tests.clusters import RunningCluster, eventually


def list_brokers(cluster: RunningCluster, *flags: object) -> list[dict[str, Any]]:
    done = cluster.cli("brokers", "list", *flags, "-o", "json")  # status 1 while a broker is silent
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_brokers_of_each_kind_of_cluster(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 1, "-r", cluster.brokers)
    cluster.cli.ok("produce", name, input="a record\n")
    rows = list_brokers(cluster, "--size")
    assert [row["state"] for row in rows] == ["alive"] * cluster.brokers
    assert sum(row["controller"] for row in rows) == 1
    assert all(row["replicas"] >= 1 and row["size_bytes"] > 0 for row in rows)
    is_zookeeper = cluster.name == "zookeeper"
    assert {row["api_level"] for row in rows} == {"3.9" if is_zookeeper else "4.3"}
    assert all((row["metadata_version"] is None) == is_zookeeper for row in rows)
    described = json.loads(cluster.cli.ok("brokers", "describe", rows[0]["id"], "-o", "json"))
    assert "://" in described["listeners"]
    assert described["log_dirs"][0]["usable_bytes"] > 0
    cluster.cli.ok("brokers", "wait", "--count", cluster.brokers)
    cluster.cli.ok("topics", "delete", name, "--yes")


def test_controllers_answer_where_their_address_is_given(kraft_cluster: RunningCluster) -> None:
    cli, controllers = kraft_cluster.cli, ("--bootstrap-controller", kraft_cluster.controllers)
    assert cli.ok("cluster", "id", *controllers) == cli.ok("cluster", "id")
    nodes = json.loads(cli.ok("cluster", "endpoints", *controllers, "-o", "json"))
    assert [(node["id"], node["kind"]) for node in nodes] == [(1, "controller"), (2, "controller"), (3, "controller")]
    unknown = cli("brokers", "unregister", 4000, *controllers, "--force", "--yes", check=1)
    assert "Broker ID 4000 is not currently registered" in unknown.stderr
    wrong = cli("cluster", "id", "--bootstrap-controller", kraft_cluster.bootstrap_servers, check=1)
    assert "hint: name controllers with --bootstrap-controller" in wrong.stderr


def test_a_running_broker_stays_registered(kraft: RunningCluster) -> None:
    refused = kraft.cli("brokers", "unregister", 1, "--yes", check=1)
    assert "broker 1 is running" in refused.stderr
    assert (
        "would unregister broker 1: it is alive"
        in kraft.cli("brokers", "unregister", 1, "--force", "--dry-run", check=0).stderr
    )
    assert "broker not found: 4000" in kraft.cli("brokers", "unregister", 4000, "--yes", check=1).stderr
    assert [row["id"] for row in list_brokers(kraft)] == [1]


def test_a_stopped_broker_is_fenced_and_comes_back(kraft_cluster: RunningCluster) -> None:
    cli = kraft_cluster.cli
    cli.ok("local", "kill", "3")
    try:
        eventually(lambda: [row["state"] for row in list_brokers(kraft_cluster)] == ["alive", "alive", "fenced"], 30)
        too_few = cli("brokers", "wait", "--count", 3, "--timeout", "3s", check=3)
        assert "2 of 3 brokers are alive" in too_few.stderr
        assert "unregistered" in cli.ok("brokers", "unregister", 3, "--yes")
        eventually(lambda: [row["id"] for row in list_brokers(kraft_cluster)] == [1, 2])
    finally:
        cli.ok("local", "restart", "3")
    cli.ok("brokers", "wait", "--count", 3, "--timeout", "60s")
