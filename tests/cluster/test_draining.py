"""A broker is emptied while records are written; the command is killed in the middle and called again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections import Counter

from tests.clusters import RunningCluster, eventually

RECORDS = 30_000


def replicas_of(cluster: RunningCluster, topic: str) -> list[list[int]]:
    rows = json.loads(cluster.cli.ok("leaders", "list", topic, "-o", "json"))
    return [row["replicas"] for row in rows]


def test_a_drain_that_is_killed_goes_on_when_it_is_called_again(kraft_cluster: RunningCluster, name: str) -> None:
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "3:1,3:2,1:3,2:3,1:2,3:1")
    cli.ok("produce", name, input="".join(f"old{number:08d}{'x' * 400}\n" for number in range(20_000)))
    writing = cli.start("produce", name, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    is_over = threading.Event()

    def write() -> None:
        assert writing.stdin is not None
        for number in range(RECORDS):
            writing.stdin.write(f"new{number:08d}\n")
            if number % 100 == 0:
                writing.stdin.flush()
                is_over.wait(0.02)
        writing.stdin.close()

    feeder = threading.Thread(target=write)
    feeder.start()
    shown = cli("brokers", "drain", 3, name, "--dry-run", check=0)
    assert "move 5 partitions off broker 3: 5 new replicas" in shown.stderr
    assert len(shown.stdout.splitlines()) == 6
    drain = ["brokers", "drain", 3, name, "--step", 2, "--throttle", 3_000_000, "--yes"]
    first = cli.start(*drain, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: sum(3 in each for each in replicas_of(kraft_cluster, name)) < 5, 60)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    again = cli(*drain, check=0)
    is_over.set()
    feeder.join()
    assert writing.wait(60) == 0
    after = replicas_of(kraft_cluster, name)
    assert [len(each) for each in after] == [2] * 6
    assert all(set(each) == {1, 2} for each in after), again.stderr
    assert cli.ok("reassign", "list", "-o", "json").strip() == "[]"
    assert json.loads(cli.ok("throttles", "list", "-o", "json")) == []
    assert "no replica that can be moved" in cli("brokers", "drain", 3, name, "--yes", check=0).stderr
    text = cli.ok("consume", name, "--from-beginning", "--exit")
    counts = Counter(re.match(r"(old|new)\d{8}", line)[0] for line in text.splitlines())  # type: ignore[index]
    assert Counter(counts.values()) == {1: 20_000 + RECORDS}
    cli.ok("topics", "delete", name, "--yes")


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
