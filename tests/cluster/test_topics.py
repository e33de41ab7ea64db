from __future__ import annotations

import json

from tests.clusters import RunningCluster


def described(cluster: RunningCluster, name: str) -> dict[str, object]:
    (topic,) = json.loads(cluster.cli.ok("topics", "describe", name, "-o", "json"))
    return topic


def test_create_list_describe_alter_delete(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 2, "-r", cluster.brokers, "-c", "retention.ms=60000")
    assert name in cli.ok("topics", "list").splitlines()
    topic = described(cluster, name)
    assert topic["replication_factor"] == cluster.brokers
    assert topic["configs"] == {"retention.ms": "60000"}
    partitions = topic["partitions"]
    assert isinstance(partitions, list)
    assert [one["partition"] for one in partitions] == [0, 1]
    for one in partitions:
        assert one["leader"] in one["isr"]
        assert sorted(one["isr"]) == sorted(one["replicas"]) == list(range(1, cluster.brokers + 1))
    cli.ok("topics", "alter", name, "--partitions", 5)
    assert len(described(cluster, name)["partitions"]) == 5  # type: ignore[arg-type]
    cli.ok("topics", "delete", name, "--yes")
    assert name not in cli.ok("topics", "list").splitlines()


def test_kafkas_spelling(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    cli.ok(
        "topics",
        "create",
        *where,
        "--topic",
        name,
        "--partitions",
        1,
        "--replication-factor",
        1,
        "--config",
        "retention.ms=1",
    )
    assert cli.ok("topics", "describe", *where, "--topic", name) == cli.ok("topics", "describe", name)
    cli.ok("topics", "alter", *where, "--topic", name, "--partitions", 2)
    assert cli.ok("topics", "list", *where, "--topic", name) == f"{name}\n"
    cli.ok("topics", "delete", *where, "--topic", name, "--yes")


def test_several_at_once_each_with_its_own_result(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", f"{name}-a", f"{name}-b")
    done = cli("topics", "create", f"{name}-b", f"{name}-c", check=1)
    assert f"{name}-c" in done.stdout
    assert f"error: topic {name}-b: Topic '{name}-b' already exists." in done.stderr
    assert "--if-not-exists" in done.stderr
    results = json.loads(cli("topics", "create", f"{name}-b", f"{name}-d", "-o", "json", check=1).stdout)
    assert [(one["name"], one["ok"]) for one in results] == [(f"{name}-b", False), (f"{name}-d", True)]
    cli.ok("topics", "create", f"{name}-b", "--if-not-exists")
    cli.ok("topics", "delete", f"{name}-.*", "--yes")
    assert name not in cli.ok("topics", "list")
    assert "topic not found" not in cli("topics", "delete", f"{name}-b", "--yes", "--if-exists", check=0).stderr


def test_replicas_placed_by_hand(kraft_cluster: RunningCluster, name: str) -> None:
    kraft_cluster.cli.ok("topics", "create", name, "--replica-assignment", "1:2,3:1")
    partitions = described(kraft_cluster, name)["partitions"]
    assert [one["replicas"] for one in partitions] == [[1, 2], [3, 1]]  # type: ignore[attr-defined]


def test_what_the_broker_refuses_is_told_as_it_says_it(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    assert "eplication factor" in cli("topics", "create", name, "-r", 9, check=1).stderr
    assert "nosuch.config" in cli("topics", "create", name, "-c", "nosuch.config=1", check=1).stderr
    cli.ok("topics", "create", name, "-p", 2)
    assert "error: topic" in cli("topics", "alter", name, "--partitions", 1, check=1).stderr


def test_what_is_not_there(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    assert f"error: topic not found: '{name}'" in cli("topics", "describe", name, check=1).stderr
    assert "error: topic" in cli("topics", "delete", name, "--yes", check=1).stderr
    assert "no topic matches" in cli("topics", "describe", f"{name}.*", check=1).stderr
    assert name not in cli.ok("topics", "list"), "asking must not create"


def test_nothing_is_deleted_unasked(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    assert "there is no terminal to ask at" in cli("topics", "delete", name, check=2).stderr
    assert "would be deleted" in cli.ok("topics", "delete", name, "--dry-run")
    some = cli("topics", "delete", name, f"{name}-none", "--dry-run", check=1)
    assert name in some.stdout
    assert f"topic {name}-none: the topic or partition does not exist" in some.stderr
    assert name in cli.ok("topics", "list")


def test_internal_topics_can_be_left_out(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    cli.ok("produce", name, input="x\n")
    cli.ok("consume", name, "--group", name, "--from-beginning", "-n", 1)
    assert "__consumer_offsets" in cli.ok("topics", "list").splitlines()
    assert "__consumer_offsets" not in cli.ok("topics", "list", "--exclude-internal").splitlines()


def test_names_that_collide_in_metrics_are_warned_of(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", f"{name}.x")
    done = kraft.cli("topics", "create", f"{name}_x")
    assert "warning: the metrics of" in done.stderr


def test_every_format(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name)
    assert json.loads(cli.ok("topics", "list", name, "-o", "json"))[0]["topic"] == name
    assert cli.ok("topics", "list", name, "-o", "csv").splitlines()[0] == "topic,partitions,replication,internal"
    assert f"topic: {name}" in cli.ok("topics", "list", name, "-o", "yaml")
    assert "TOPIC" in cli.ok("topics", "list", name, "-o", "table")


def replicas(cluster: RunningCluster, name: str) -> list[list[int]]:
    (topic,) = json.loads(cluster.cli.ok("topics", "describe", name, "-o", "json"))
    return [row["replicas"] for row in topic["partitions"]]


def test_more_and_fewer_replicas(kraft_cluster: RunningCluster, name: str) -> None:
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1,2,3,1")
    cli.ok("produce", name, input="a\n" * 1000)
    planned = json.loads(cli.ok("topics", "alter", name, "-r", 3, "--dry-run", "-o", "json"))
    assert [len(move["after"]) for move in planned] == [3, 3, 3, 3]
    assert replicas(kraft_cluster, name) == [[1], [2], [3], [1]], "nothing moved yet"
    moved = cli("topics", "alter", name, "--replication-factor", 3, check=0)
    assert "4 partitions moved" in moved.stdout
    assert replicas(kraft_cluster, name) == [move["after"] for move in planned]
    assert all(sorted(each) == [1, 2, 3] for each in replicas(kraft_cluster, name))
    cli.ok("topics", "alter", name, "-r", 2, "--yes")
    assert [each[0] for each in replicas(kraft_cluster, name)] == [1, 2, 3, 1], "leaders stay"
    assert all(len(each) == 2 for each in replicas(kraft_cluster, name))
    assert "0 partitions moved" in cli.ok("topics", "alter", name, "-r", 2)
    assert "4 replicas need 4 brokers" in cli("topics", "alter", name, "-r", 4, check=1).stderr
    assert cli.ok("consume", name, "--from-beginning", "--max-messages", 1000).count("a") == 1000


def test_partitions_with_an_assignment(kraft_cluster: RunningCluster, name: str) -> None:
    kraft_cluster.cli.ok("topics", "create", name, "--replica-assignment", "1:2")
    kraft_cluster.cli.ok("topics", "alter", name, "--partitions", 3, "--replica-assignment", "3:1,3:2,2:3")
    assert replicas(kraft_cluster, name) == [[1, 2], [3, 2], [2, 3]]
    wrong = kraft_cluster.cli("topics", "alter", name, "--partitions", 5, "--replica-assignment", "3:1,3:2", check=2)
    assert "--replica-assignment has 2 partitions, but --partitions is 5" in wrong.stderr


def test_sizes_and_counts(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 2)
    cluster.cli.ok("produce", name, "--partition", 1, input="x\n" * 50)
    (topic,) = json.loads(cluster.cli.ok("topics", "describe", name, "--size", "--count", "-o", "json"))
    assert [row["records"] for row in topic["partitions"]] == [0, 50]
    assert topic["partitions"][0]["size_bytes"] == 0
    assert topic["partitions"][1]["size_bytes"] > 50
    assert "records 50" in cluster.cli.ok("topics", "describe", name, "--count").splitlines()[0]


def test_recreated_with_the_same_settings(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 3, "-c", "flush.ms=7")
    cli.ok("produce", name, input="x\n")
    (before,) = json.loads(cli.ok("topics", "describe", name, "-o", "json"))
    assert "there is no terminal to ask at" in cli("topics", "delete", name, "--recreate", check=2).stderr
    assert "would be emptied" in cli.ok("topics", "delete", name, "--recreate", "--dry-run")
    cli.ok("topics", "delete", name, "--recreate", "--yes")
    (after,) = json.loads(cli.ok("topics", "describe", name, "--count", "-o", "json"))
    assert after["topic_id"] != before["topic_id"]
    assert (after["configs"], len(after["partitions"])) == ({"flush.ms": "7"}, 3)
    assert [row["records"] for row in after["partitions"]] == [0, 0, 0]


def test_by_id(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    (topic,) = json.loads(cluster.cli.ok("topics", "describe", name, "-o", "json"))
    (same,) = json.loads(cluster.cli.ok("topics", "describe", "--topic-id", topic["topic_id"], "-o", "json"))
    assert same == topic
    assert "topic not found: id '" in cluster.cli("topics", "describe", "--topic-id", "x" * 22, check=1).stderr


def test_what_need_not_exist(cluster: RunningCluster, name: str) -> None:
    for command in (["delete", "--yes"], ["alter", "-p", "9"], ["describe"]):
        noun, *flags = command
        cluster.cli.ok("topics", noun, name, *flags, "--if-exists")
        assert name in cluster.cli("topics", noun, name, *flags, check=1).stderr


def test_created_from_a_file(cluster: RunningCluster, name: str) -> None:
    file = cluster.cli.home / f"{name}.yaml"
    file.write_text(f"topics: {{{name}.1: {{partitions: 3}}, {name}.2: {{configs: {{flush.ms: 5}}}}}}")
    cluster.cli.ok("topics", "create", "--file", file)
    assert len(replicas(cluster, f"{name}.1")) == 3
    assert cluster.cli("topics", "create", "--file", file, check=1).stderr.count("already exists") == 2
    refused = cluster.cli("topics", "create", name, "--file", file, check=2)
    assert "--file and other settings of topics are mutually exclusive" in refused.stderr
