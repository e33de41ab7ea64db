"""Lines sent while leaders are killed and started again, and what can be read of them afterwards."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.clusters import RunningCluster, eventually

PARTITIONS = 6
_BURST = 50


@dataclass
class Figures:
    """What became of all lines."""

    kills: int = 0
    sent: int = 0
    acknowledged: int = 0
    dead_letters: int = 0
    read_once: int = 0
    lost: list[str] = field(default_factory=list)
    """Acknowledged, and not there."""
    doubled: list[str] = field(default_factory=list)
    """There more than once."""
    status: int | None = None
    longest_without_leader_s: float = 0.0


class Feeder:
    """Types numbered lines into a producer until told to stop."""

    def __init__(self, process: subprocess.Popen[str], pause_s: float) -> None:
        self._process, self._pause_s = process, pause_s
        self._stopped = threading.Event()
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the producer has been told that nothing more comes."""
        self._stopped.set()
        self._thread.join()

    def _feed(self) -> None:
        assert self._process.stdin is not None
        while not self._stopped.wait(self._pause_s):
            start = len(self.lines)
            burst = [f"key-{number % 997}:line {number}" for number in range(start, start + _BURST)]
            self._process.stdin.write("\n".join(burst) + "\n")
            self._process.stdin.flush()
            self.lines += burst
        self._process.stdin.close()
        self._process.stdin = None


def send_through_kills(cluster: RunningCluster, topic: str, kills: int, folder: Path, pause_s: float = 0.02) -> Figures:
    """Kills the leader of one partition after the other, each started again before the next, while lines are sent."""
    cli = cluster.cli
    cli.ok("topics", "create", topic, "-p", PARTITIONS, "-r", 3, "-c", "min.insync.replicas=2", "--timeout", 60)
    eventually(lambda: _in_sync(cluster, topic), 60)
    letters = folder / f"{topic}.json"
    process = cli.start(
        *("produce", topic, "-K", ":", "--dead-letter", letters, "-X", "retry.backoff.max.ms=500"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    feeder = Feeder(process, pause_s)
    figures = Figures()
    try:
        for number in range(kills):
            partition = number % PARTITIONS
            leader = leaders(cluster, topic)[partition]
            cli.ok("local", "kill", leader, cluster.name)
            killed = time.monotonic()
            eventually(lambda part=partition, old=leader: leaders(cluster, topic).get(part, old) != old, 120)
            figures.longest_without_leader_s = max(figures.longest_without_leader_s, time.monotonic() - killed)
            cli.ok("local", "restart", leader, cluster.name)
            eventually(lambda: _in_sync(cluster, topic), 120)
            figures.kills += 1
    finally:
        feeder.stop()
    _, told = process.communicate(timeout=300)
    figures.status = process.returncode
    assert "records delivered" in told, told
    kept = [json.loads(line) for line in letters.read_text().splitlines()] if letters.exists() else []
    account(figures, feeder.lines, [f"{each['key']}:{each['value']}" for each in kept], read(cluster, topic))
    return figures


def account(figures: Figures, sent: list[str], dead: list[str], found: list[str]) -> None:
    """Compares what was sent, what was given back as not acknowledged, and what is there."""
    times = Counter(found)
    acknowledged = set(sent) - set(dead)
    figures.sent, figures.acknowledged, figures.dead_letters = len(sent), len(acknowledged), len(dead)
    figures.read_once = sum(times[line] == 1 for line in acknowledged)
    figures.lost = sorted(line for line in acknowledged if not times[line])
    figures.doubled = sorted(line for line in times if times[line] > 1)


def read(cluster: RunningCluster, topic: str) -> list[str]:
    return cluster.cli.ok(
        "consume", topic, "--from-beginning", "--exit", "--format", "%k:%s\\n", "--timeout", 60
    ).splitlines()


def leaders(cluster: RunningCluster, topic: str) -> dict[int, int]:
    """By partition, of those that have one now."""
    done = cluster.cli("topics", "describe", topic, "-o", "json", "--timeout", 10)
    if done.returncode or not done.stdout:
        return {}
    (told,) = json.loads(done.stdout)
    return {each["partition"]: each["leader"] for each in told["partitions"] if each["leader"] is not None}


def _in_sync(cluster: RunningCluster, topic: str) -> bool:
    done = cluster.cli("topics", "describe", topic, "-o", "json", "--timeout", 10)
    if done.returncode or not done.stdout:
        return False
    (told,) = json.loads(done.stdout)
    return all(len(each["isr"]) == 3 and each["leader"] is not None for each in told["partitions"])
