"""kafka-topics beside ours with -o kafka, line for line, on the same cluster."""

from __future__ import annotations

import re

from tests.clusters import RunningCluster, eventually

TOPICS = "org.apache.kafka.tools.TopicCommand"


def same(cluster: RunningCluster, *arguments: object) -> str:
    """Both say the same, at a moment when nothing changes; what they say."""
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    said = {}

    def equal() -> bool:
        theirs = cluster.java(TOPICS, *where, "--describe", *arguments)
        ours = cluster.cli.ok("topics", "describe", *arguments, "-o", "kafka")
        said.update(theirs=theirs.stdout, ours=ours)
        return ours == theirs.stdout

    try:
        eventually(equal, timeout_s=10)
    except AssertionError:
        assert said["ours"] == said["theirs"]
    return said["theirs"]


def test_describe_of_one_topic_and_of_many(cluster: RunningCluster, name: str) -> None:
    settings = ["retention.ms=5", "flush.ms=7", "cleanup.policy=compact,delete", "min.insync.replicas=1"]
    flags = [text for each in settings for text in ("-c", each)]
    cluster.cli.ok("topics", "create", name, "-p", 3, "-r", cluster.brokers, *flags)
    cluster.cli.ok("topics", "create", *(f"{name}.{number}" for number in range(14)), "-p", 2)
    assert "flush.ms=7" in same(cluster, "--topic", name)
    assert same(cluster, "--topic", f"{name}.*").count("TopicId") == 15
    assert "Partition:" not in same(cluster, "--topic", f"{name}.*", "--topics-with-overrides")
    assert same(cluster, "--topic", name, "--under-replicated-partitions") == ""
    assert same(cluster, "--topic", name, "--unavailable-partitions") == ""
    assert same(cluster, "--topic", name, "--under-min-isr-partitions") == ""
    at_min = same(cluster, "--topic", name, "--at-min-isr-partitions")
    assert at_min.count("Partition:") == (3 if cluster.brokers == 1 else 0)


def test_describe_under_min_isr(cluster: RunningCluster, name: str) -> None:
    """A minimum that one replica cannot reach."""
    cluster.cli.ok("topics", "create", name, "-p", 2, "-r", 1, "-c", "min.insync.replicas=2")
    assert same(cluster, "--topic", name, "--under-min-isr-partitions").count("Partition:") == 2
    assert cluster.cli.ok("topics", "list", f"{name}.*", "-o", "kafka") == f"{name}\n"


def test_describe_by_id(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 3)
    text = same(cluster, "--topic", name)
    topic_id = text.split("TopicId: ")[1].split("\t")[0]
    # By id Kafka asks an older request, which tells no eligible leaders.
    assert re.sub(r"Elr: [^\t\n]*", "Elr: N/A", text) == same(cluster, "--topic-id", topic_id)


def test_what_changes_say(cluster: RunningCluster, name: str) -> None:
    """Each step by Kafka's tool on one topic and by ours on another, whose name is as long."""
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    mine, its = f"{name}.a_b", f"{name}.c_d"
    steps = (
        ("create", ["--partitions", 2, "--replication-factor", 1, "--config", "flush.ms=7"]),
        ("create", ["--if-not-exists"]),
        ("create", []),
        ("create", ["--replication-factor", 9, "--if-not-exists"]),
        ("alter", ["--partitions", 3]),
        ("alter", ["--partitions", 4, "--replica-assignment", "1,1,1,1"]),
        ("alter", ["--partitions", 2]),
        ("describe", ["--if-exists"]),
        ("delete", []),
        ("delete", ["--if-exists"]),
    )
    for step, flags in steps:
        theirs = cluster.java(TOPICS, *where, f"--{step}", "--topic", its, *flags)
        ours = cluster.cli(
            "topics", step, "--topic", mine, *flags, "-o", "kafka", *(["--yes"] if step == "delete" else [])
        )
        assert (ours.returncode == 0) == (theirs.returncode == 0), (step, flags, ours.stderr, theirs.stdout)
        if theirs.returncode == 0 and step != "describe":
            assert ours.stdout == theirs.stdout.replace(its, mine), (step, flags)
        if step == "delete":
            eventually(
                lambda: mine not in cluster.cli.ok("topics", "list") and its not in cluster.cli.ok("topics", "list")
            )


def test_list(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, f"{name}.2")
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    for flags, status in (
        ([], 0), (["--topic", f"{name}.*"], 0), (["--topic", "no-such-topic"], 1), (["--exclude-internal"], 0),
    ):  # fmt: skip
        theirs = cluster.java(TOPICS, *where, "--list", *flags).stdout
        assert cluster.cli("topics", "list", *flags, "-o", "kafka", check=status).stdout == theirs
