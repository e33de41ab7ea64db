from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clusters import RunningCluster, eventually


@contextmanager
def consuming(cluster: RunningCluster, topic: str, group: str, *arguments: object) -> Iterator[None]:
    """A consumer in the group, stable while the block runs."""
    cli = cluster.cli
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = cli.start("consume", topic, "--group", group, *arguments, **quiet)
    try:
        eventually(lambda: group in cli.ok("groups", "list", "--state", "Stable").splitlines())
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


@pytest.fixture
def topic(cluster: RunningCluster, name: str) -> str:
    """A topic of two partitions with 60 and 40 records."""
    cluster.cli.ok("topics", "create", name, "-p", 2, "-r", cluster.brokers)
    for partition, count in ((0, 60), (1, 40)):
        cluster.cli.ok("produce", name, "--partition", partition, input="x\n" * count)
    return name


def partitions(cluster: RunningCluster, group: str) -> list[dict[str, object]]:
    (told,) = json.loads(cluster.cli.ok("groups", "describe", group, "-o", "json"))
    return told["partitions"]  # type: ignore[no-any-return]


def test_the_lag_of_a_group_that_stopped(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    cli.ok("consume", topic, "--group", topic, "--from-beginning", "--exit")
    cli.ok("produce", topic, "--partition", 1, input="x\n" * 70)
    done = cli("groups", "describe", topic, "--lag", check=0)
    assert re.fullmatch(rf"{topic}  Empty  0 members  total lag 70  [\d.]+m?s late", done.stdout.splitlines()[0])
    assert done.stderr == ""
    assert f"Consumer group '{topic}' has no active members." in cli("groups", "describe", topic, check=0).stderr
    rows = partitions(cluster, topic)
    assert [(row["current_offset"], row["log_end_offset"], row["lag"]) for row in rows] == [(60, 60, 0), (40, 110, 70)]
    for row in rows:
        assert (row["log_start_offset"], row["consumer_id"], row["commit"]) == (0, None, "ok")


def test_a_partition_without_a_commit_is_shown_and_not_counted_as_read(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, input="x\n")
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    cli.ok("topics", "alter", name, "--partitions", 2)
    cli.ok("produce", name, "--partition", 1, input="x\nx\n")
    told = cli.ok("groups", "describe", name, "--lag")
    assert "total lag 0 (and 1 of 2 partitions unknown)" in told
    first, second = partitions(cluster, name)
    assert (first["lag"], first["commit"]) == (0, "ok")
    assert (second["lag"], second["commit"], second["log_end_offset"]) == (None, "no commit", 2)


def test_a_group_with_a_member(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    with consuming(cluster, topic, topic, "--from-beginning", "-X", "client.id=me", "-X", "group.instance.id=static-1"):
        eventually(lambda: all(row["lag"] == 0 for row in partitions(cluster, topic)), timeout_s=30)
        for row in partitions(cluster, topic):
            assert row["client_id"] == "me"
            assert str(row["host"]).startswith("/")
        (member,) = json.loads(cli.ok("groups", "describe", topic, "--members", "-o", "json"))[0]["members"]
        assert member["instance_id"] == "static-1"
        assert member["assignment"] == [[topic, 0], [topic, 1]]
        assert f"{topic}-0,{topic}-1" in cli.ok("groups", "describe", "--group", topic, "--members")
        state = cli.ok("groups", "describe", topic, "--state")
        assert "Stable" in state
        assert "range" in state
        refused = cli("groups", "delete", topic, "--yes", check=1)
        assert f"error: group {topic}: " in refused.stderr
        assert "stop its consumers first" in refused.stderr


def test_delete(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    cli.ok("consume", topic, "--group", topic, "--from-beginning", "--exit")
    assert topic in cli.ok("groups", "list").splitlines()
    assert "there is no terminal to ask at" in cli("groups", "delete", topic, check=2).stderr
    assert "would be deleted" in cli.ok("groups", "delete", topic, "--dry-run")
    cli.ok("groups", "delete", "--group", topic, "--yes")
    assert topic not in cli.ok("groups", "list").splitlines()
    assert f"error: consumer group not found: '{topic}'" in cli("groups", "describe", topic, check=1).stderr


def test_all_groups_and_kafkas_spelling(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    for group in (f"{topic}-a", f"{topic}-b"):
        cli.ok("consume", topic, "--group", group, "--from-beginning", "--exit")
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    shown = cli.ok("consumer-groups", "describe", *where, "--all-groups")
    assert f"{topic}-a" in shown
    assert f"{topic}-b" in shown
    both = cli.ok("groups", "describe", "--group", f"{topic}-a", "--group", f"{topic}-b", "-o", "csv").splitlines()
    assert len(both) == 5
    assert both[0] == "group,topic,partition,current-offset,log-end-offset,lag,consumer-id,host,client-id"


def test_commits_that_do_not_fit_their_log(cluster: RunningCluster, topic: str) -> None:
    """The topic is made anew with fewer records: what was committed then lies beyond the end."""
    cli = cluster.cli
    cli.ok("consume", topic, "--group", topic, "--from-beginning", "--exit")
    cli.ok("topics", "delete", topic, "--yes")
    eventually(lambda: topic not in cli.ok("topics", "list").splitlines())
    eventually(lambda: cli("topics", "create", topic, "-p", 2).returncode == 0)
    cli.ok("produce", topic, "--partition", 0, input="new\n")
    rows = {row["partition"]: row for row in partitions_if_any(cluster, topic)}
    for partition, row in rows.items():
        assert row["commit"] == "beyond end", partition
        assert row["lag"] == 0


def partitions_if_any(cluster: RunningCluster, group: str) -> list[dict[str, object]]:
    """Kafka 4 forgets a deleted topic's commits and, with the last of them, the group; Kafka 3.9 keeps both."""
    done = cluster.cli("groups", "describe", group, "-o", "json")
    return json.loads(done.stdout)[0]["partitions"] if done.returncode == 0 else []


def test_a_deleted_topic_is_never_counted_as_zero_lag(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    other = f"{topic}-other"
    cli.ok("topics", "create", other)
    cli.ok("produce", other, input="x\n")
    for name in (topic, other):
        cli.ok("consume", name, "--group", topic, "--from-beginning", "--exit")
    cli.ok("topics", "delete", topic, "--yes")
    eventually(lambda: topic not in cli.ok("topics", "list").splitlines())
    done = cli("groups", "describe", topic, "-o", "json")
    for row in json.loads(done.stdout)[0]["partitions"]:
        if row["topic"] == topic:
            assert row["lag"] is None
            assert row["error"]
            assert done.returncode == 1
        else:
            assert row["lag"] == 0
