"""A broker is emptied while records are written; the command, or a broker, is killed in the middle."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clusters import RunningCluster, eventually, running

RECORDS = 30_000
ASSIGNMENT = "3:1,3:2,1:3,2:3,1:2,3:1"


def replicas_of(cluster: RunningCluster, topic: str) -> list[list[int]]:
    rows = json.loads(cluster.cli.ok("leaders", "list", topic, "-o", "json"))
    return [row["replicas"] for row in rows]


@contextmanager
def writing(cluster: RunningCluster, topic: str) -> Iterator[None]:
    """Records are in the topic, and others are being written, slowly; at the end all are there, each one once."""
    cluster.cli.ok("produce", topic, input="".join(f"old{number:08d}{'x' * 400}\n" for number in range(20_000)))
    producer = cluster.cli.start("produce", topic, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    is_over = threading.Event()

    def write() -> None:
        assert producer.stdin is not None
        for number in range(RECORDS):
            producer.stdin.write(f"new{number:08d}\n")
            if number % 100 == 0:
                producer.stdin.flush()
                is_over.wait(0.02)
        producer.stdin.close()

    feeder = threading.Thread(target=write)
    feeder.start()
    try:
        yield
    finally:
        is_over.set()
        feeder.join()
    assert producer.wait(60) == 0
    text = cluster.cli.ok("consume", topic, "--from-beginning", "--exit")
    counts = Counter(re.match(r"(old|new)\d{8}", line)[0] for line in text.splitlines())  # type: ignore[index]
    assert Counter(counts.values()) == {1: 20_000 + RECORDS}


def require_empty(cluster: RunningCluster, topic: str) -> None:
    """Broker 3 has nothing of the topic, each partition has two replicas in sync, and no throttle is left."""
    rows = json.loads(cluster.cli.ok("leaders", "list", topic, "-o", "json"))
    assert [set(row["replicas"]) for row in rows] == [{1, 2}] * 6
    assert all(row["leader"] in (1, 2) for row in rows)
    eventually(
        lambda: "partition" not in cluster.cli.ok("topics", "describe", topic, "--under-replicated", "-o", "json")
    )
    assert cluster.cli.ok("reassign", "list", "-o", "json").strip() == "[]"
    assert json.loads(cluster.cli.ok("throttles", "list", "-o", "json")) == []
    assert "no replica that can be moved" in cluster.cli("brokers", "drain", 3, topic, "--yes", check=0).stderr


def begin(cluster: RunningCluster, drain: list[object]) -> subprocess.Popen[str]:
    """A drain that has moved a partition and has others left."""
    process = cluster.cli.start(*drain, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    topic = str(drain[3])
    eventually(lambda: sum(3 in each for each in replicas_of(cluster, topic)) < 5, 60)
    return process


def test_a_drain_that_is_killed_goes_on_when_it_is_called_again(kraft_cluster: RunningCluster, name: str) -> None:
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", ASSIGNMENT)
    with writing(kraft_cluster, name):
        shown = cli("brokers", "drain", 3, name, "--dry-run", check=0)
        assert "move 5 partitions off broker 3: 5 new replicas" in shown.stderr
        assert len(shown.stdout.splitlines()) == 6
        drain = ["brokers", "drain", 3, name, "--step", 2, "--throttle", 3_000_000, "--yes"]
        first = begin(kraft_cluster, drain)
        first.kill()
        first.communicate()
        assert first.returncode == -signal.SIGKILL  # it had not ended before
        assert any(3 in each for each in replicas_of(kraft_cluster, name))
        cli(*drain, check=0)
    require_empty(kraft_cluster, name)
    cli.ok("topics", "delete", name, "--yes")


def test_a_drain_outlives_a_broker_that_gets_replicas(tmp_path: Path, name: str) -> None:
    """That broker is killed in the middle; the command is stopped, and called again when the broker is back."""
    with running("kraft-cluster", tmp_path, 12692) as cluster:
        cluster.cli.ok("topics", "create", name, "--replica-assignment", ASSIGNMENT)
        drain = ["brokers", "drain", 3, name, "--step", 2, "--throttle", 1_000_000, "--yes"]
        with writing(cluster, name):
            first = begin(cluster, drain)
            cluster.cli.ok("local", "kill", "kafka-2")
            first.send_signal(signal.SIGINT)
            _, told = first.communicate(timeout=60)
            assert f"kafkactl brokers drain 3 {name}" in told
            assert first.returncode == 130
            assert any(3 in each for each in replicas_of(cluster, name))
            cluster.cli.ok("local", "restart", "kafka-2")
            cluster.cli(*drain[:-3], "--yes", check=0)
        require_empty(cluster, name)


def test_what_cannot_leave_a_broker_is_said(kraft_cluster: RunningCluster, name: str) -> None:
    """With three brokers a partition with three replicas stays; the others leave."""
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1:2:3")
    cli.ok("topics", "create", f"{name}-b", "--replica-assignment", "3")
    told = cli("brokers", "drain", 3, name, f"{name}-b", "--yes", check=1)
    assert f"{name}-0 stays: it has 3 replicas, and there are 2 other brokers" in told.stderr
    assert f"{name}-b-0" in told.stdout
    assert 3 not in replicas_of(kraft_cluster, f"{name}-b")[0]
    assert "broker not found: 77" in cli("brokers", "drain", 77, name, "--yes", check=1).stderr
    cli.ok("topics", "delete", name, f"{name}-b", "--yes")
