"""The long run of tests/cluster/test_no_loss.py: figures for docs/reliability.md.

`python bench/reliability.py [--kills N]` starts three KRaft nodes, sends lines without pause while leaders are killed
and started again, and ends with status 1 when an acknowledged line is lost or doubled; then the same for a consumer
that is killed again and again.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.clusters import RunningCluster, running
from tests.no_loss import read, send_through_kills

READER_KILLS = 30


def consume_through_kills(cluster: RunningCluster, topic: str, kills: int) -> tuple[int, int, int]:
    """(lines there, lines that some run printed, lines printed more than once), members killed after random numbers."""
    seen: list[str] = []
    command = ["consume", topic, "--group", "killed", "--from-beginning", "--exit", "--format", "%k:%s\\n"]
    fast = ["-X", "auto.commit.interval.ms=50", "-X", "session.timeout.ms=6000"]
    for number in range(kills + 1):
        process = cluster.cli.start(*command, *fast, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        if number < kills:
            seen += [process.stdout.readline().rstrip("\n") for _ in range(random.randrange(1, 3000))]
            process.send_signal(signal.SIGKILL)
        # What a killed one has written before is read as well; its last line may be cut.
        seen += process.stdout.read().rpartition("\n")[0].split("\n")
        process.wait(timeout=120)
    there = set(read(cluster, topic))
    printed = [line for line in seen if line in there]
    return len(there), len(set(printed)), len(printed) - len(set(printed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running("kraft-cluster", Path(home)) as cluster:
        figures = send_through_kills(cluster, "orders", given.kills, Path(home))
        print(f"leaders killed and started again: {figures.kills}")
        print(f"longest time a partition had no other leader: {figures.longest_without_leader_s:.1f} s")
        print(f"lines sent: {figures.sent}")
        print(f"acknowledged: {figures.acknowledged}, given back as not acknowledged: {figures.dead_letters}")
        print(
            f"read back exactly once: {figures.read_once}, lost: {len(figures.lost)}, doubled: {len(figures.doubled)}"
        )
        there, printed, again = consume_through_kills(cluster, "orders", READER_KILLS)
        print(f"consumer killed {READER_KILLS} times: {there} lines there, {printed} printed, {again} printed again")
    sys.exit(bool(figures.lost or figures.doubled or printed < there))


if __name__ == "__main__":
    main()
