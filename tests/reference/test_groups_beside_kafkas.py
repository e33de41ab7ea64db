"""kafka-consumer-groups beside ours with -o kafka, line for line, on the same cluster."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def theirs(cluster: RunningCluster, *arguments: object) -> subprocess.CompletedProcess[str]:
    return cluster.java(GROUPS, "--bootstrap-server", cluster.bootstrap_servers, *arguments)


def same(cluster: RunningCluster, *arguments: object, action: str = "describe") -> str:
    """Both say the same, at a moment when nothing changes; what they say."""
    said: dict[str, object] = {}

    def equal() -> bool:
        reference = theirs(cluster, f"--{action}", *arguments)
        ours = cluster.cli("groups", action, *arguments, "-o", "kafka")
        said.update(theirs=(reference.stdout, reference.stderr), ours=(ours.stdout, ours.stderr))
        return said["ours"] == said["theirs"]

    try:
        eventually(equal, timeout_s=15)
    except AssertionError:
        assert said["ours"] == said["theirs"]
    out, err = said["theirs"]  # type: ignore[misc]
    return str(out) + str(err)


@contextmanager
def consumers(
    cluster: RunningCluster, topic: str, group: str, *settings: list[str]
) -> Iterator[list[subprocess.Popen[str]]]:
    """Members of a group, each with settings of its own, joined."""
    members = []
    with ExitStack() as stack:
        for each in settings:
            flags = [text for setting in each for text in ("-X", setting)]
            running = cluster.cli.start("consume", topic, "--group", group, *flags, stdout=subprocess.DEVNULL)
            stack.callback(running.wait)
            stack.callback(running.kill)
            members.append(running)

        def joined() -> bool:
            found = json.loads(cluster.cli("groups", "describe", group, "--members", "-o", "json").stdout or "[]")
            return [len(one["members"]) for one in found] == [len(settings)] and all(
                member["assignment"] for member in found[0]["members"]
            )

        eventually(joined)
        yield members


@pytest.fixture
def topic(cluster: RunningCluster, name: str) -> str:
    cluster.cli.ok("topics", "create", name, "-p", 4)
    cluster.cli.ok("produce", name, "--key-separator", ":", input="".join(f"{n}:{n}\n" for n in range(200)))
    return name


def test_an_empty_group(cluster: RunningCluster, topic: str) -> None:
    cluster.cli.ok("consume", topic, "--group", topic, "--from-beginning", "--exit")
    cluster.cli.ok("produce", topic, input="one more\n")
    text = same(cluster, "--group", topic)
    assert f"Consumer group '{topic}' has no active members." in text
    assert "LEADER-EPOCH" in same(cluster, "--group", topic, "--verbose")
    same(cluster, "--group", topic, "--members")
    assert "Empty" in same(cluster, "--group", topic, "--state")


def test_members_dynamic_and_static(cluster: RunningCluster, topic: str) -> None:
    with consumers(cluster, topic, topic, ["client.id=a"], ["client.id=b", "group.instance.id=one"], ["client.id=c"]):
        assert topic in same(cluster, "--group", topic, "--members")
        assert "GROUP-INSTANCE-ID" in same(cluster, "--group", topic, "--members", "--verbose")
        assert "Stable" in same(cluster, "--group", topic, "--state", "--verbose")
        same(cluster, "--group", topic)


def test_a_group_in_rebalance(kraft: RunningCluster, name: str) -> None:
    """One member does not answer, so that another cannot join before the first one's time is over."""
    kraft.cli.ok("topics", "create", name, "-p", 2)
    with consumers(kraft, name, name, ["client.id=a"]) as (member,):
        member.send_signal(signal.SIGSTOP)
        joining = kraft.cli.start("consume", name, "--group", name, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: "PreparingRebalance" in kraft.cli.ok("groups", "describe", name, "--state"))
            for view in ([], ["--members"], ["--members", "--verbose"], ["--state"]):
                assert "is rebalancing" in same(kraft, "--group", name, *view)
        finally:
            joining.kill()
            joining.wait()


def test_a_group_that_does_not_exist(cluster: RunningCluster, name: str) -> None:
    reference, ours = theirs(cluster, "--describe", "--group", name), cluster.cli("groups", "describe", name)
    assert name in reference.stdout + reference.stderr
    assert f"consumer group not found: {name!r}" in ours.stderr
    assert ours.returncode == 1


def test_the_consumer_protocol(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 4)
    kraft.cli.ok("produce", name, input="a\nb\n")
    new = "group.protocol=consumer"
    with consumers(kraft, name, name, [new, "client.id=a"], [new, "client.id=b", "group.instance.id=one"]):
        assert f"{name}:" in same(kraft, "--group", name, "--members", "--verbose")
        assert "Stable" in same(kraft, "--group", name, "--state", "--verbose")
        same(kraft, "--group", name, "--offsets")
    eventually(lambda: "Empty" in kraft.cli.ok("groups", "describe", name, "--state"), 60)
    assert "has no active members" in same(kraft, "--group", name)


def test_lists(cluster: RunningCluster, topic: str) -> None:
    """Lines alike; two names in one bucket of the tool's hash table come as brokers answered, this time."""
    for number in range(3):
        cluster.cli.ok("consume", topic, "--group", f"{topic}.{number}", "--exit")
    for flags, ours in (
        ([], []),
        (["--state", "--type"], ["--state", "all", "--type", "all"]),
        (["--state", "Empty"], ["--state", "Empty"]),
    ):
        reference = theirs(cluster, "--list", *flags).stdout
        assert reference.count(topic) >= 3
        assert sorted(cluster.cli.ok("groups", "list", *ours, "-o", "kafka").splitlines()) == sorted(
            reference.splitlines()
        )


def test_all_groups(kraft: RunningCluster) -> None:
    for view in ([], ["--members"], ["--state"]):
        same(kraft, "--all-groups", *view)


def test_resets(cluster: RunningCluster, topic: str, tmp_path: Path) -> None:
    cli = cluster.cli
    cli.ok("consume", topic, "--group", topic, "--from-beginning", "--exit")
    cli.ok("records", "delete", topic, "--partitions", "1", "--before-offset", "3", "--yes")
    where = ["--group", topic]
    for flags in (
        ["--all-topics", "--to-earliest"],
        ["--topic", topic, "--to-latest"],
        ["--topic", f"{topic}:0,2", "--to-offset", 5],
        ["--topic", topic, "--to-offset", 100_000],
        ["--topic", f"{topic}:1", "--to-offset", 0],
        ["--all-topics", "--shift-by", -4],
        ["--all-topics", "--to-current"],
        ["--topic", topic, "--to-datetime", "2020-01-01T00:00:00.000"],
        ["--topic", topic, "--to-datetime", "2099-01-01T00:00:00.000"],
        ["--topic", topic, "--by-duration", "PT1H"],
        ["--all-topics", "--to-earliest", "--export"],
    ):
        reference = theirs(cluster, "--reset-offsets", *where, *flags, "--dry-run")
        ours = cli("groups", "reset-offsets", *where, *flags, "--dry-run", "-o", "kafka")
        assert ours.stdout == reference.stdout, flags
        assert ours.returncode == reference.returncode == 0, flags
    plan = tmp_path / "plan.csv"
    plan.write_text(
        theirs(cluster, "--reset-offsets", *where, "--all-topics", "--shift-by", -1, "--export", "--dry-run").stdout
    )
    reference = theirs(cluster, "--reset-offsets", *where, "--from-file", plan, "--execute")
    before = cli.ok("groups", "describe", topic, "-o", "kafka")
    assert (
        cli.ok("groups", "reset-offsets", *where, "--from-file", plan, "--execute", "-o", "kafka") == reference.stdout
    )
    assert cli.ok("groups", "describe", topic, "-o", "kafka") == before, "ours committed what theirs had"


def test_deletions(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    for group in (f"{topic}.a", f"{topic}.b"):
        cli.ok("consume", topic, "--group", group, "--from-beginning", "--exit")
    reference = theirs(cluster, "--delete-offsets", "--group", f"{topic}.a", "--topic", f"{topic}:0,1")
    done = cli.ok("groups", "delete-offsets", f"{topic}.b", "--topic", f"{topic}:0,1", "--yes", "-o", "kafka")
    assert done == reference.stdout.replace(f"{topic}.a", f"{topic}.b")
    reference = theirs(cluster, "--delete", "--group", f"{topic}.a")
    done = cli.ok("groups", "delete", f"{topic}.b", "--yes", "-o", "kafka")
    assert done == reference.stdout.replace(f"{topic}.a", f"{topic}.b")
