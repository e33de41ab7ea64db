"""Long run of tests/cluster/test_no_loss.py: figures for docs/reliability.md.

`python bench/reliability.py [--kills N]` starts three KRaft nodes, sends lines without pause while leaders are killed
and started again, and ends with status 1 when an acknowledged line is lost or doubled. Then a consumer is killed again
and again.
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
    """Return the numbers of lines in the topic, of lines that some run printed, and of lines printed more than once.

    Members of a group are killed after random numbers of lines.
    """
    printed_lines: list[str] = []
    command = ["consume", topic, "--group", "killed", "--from-beginning", "--exit", "--format", "%k:%s\\n"]
    fast = ["-X", "auto.commit.interval.ms=50", "-X", "session.timeout.ms=6000"]
    for number in range(kills + 1):
        process = cluster.cli.start(*command, *fast, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        if number < kills:
            printed_lines += [process.stdout.readline().rstrip("\n") for _ in range(random.randrange(1, 3000))]
            process.send_signal(signal.SIGKILL)
        # The output of a killed process is read, too; its last line may be cut.
        printed_lines += process.stdout.read().rpartition("\n")[0].split("\n")
        process.wait(timeout=120)
    expected = set(read(cluster, topic))
    printed = [line for line in printed_lines if line in expected]
    return len(expected), len(set(printed)), len(printed) - len(set(printed))


def main() -> None:
    """Run the test; exit with 1 where a line was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running("kraft-cluster", Path(home)) as cluster:
        figures = send_through_kills(cluster, "orders", arguments.kills, Path(home))
        print(f"leaders killed and started again: {figures.kills}")
        print(f"longest time a partition had no other leader: {figures.longest_without_leader_s:.1f} s")
        print(f"lines sent: {figures.sent}")
        print(f"acknowledged: {figures.acknowledged}, given back as not acknowledged: {figures.dead_letters}")
        print(
            f"read back exactly once: {figures.read_once}, lost: {len(figures.lost)}, doubled: {len(figures.doubled)}"
        )
        expected, printed, again = consume_through_kills(cluster, "orders", READER_KILLS)
        print(f"consumer killed {READER_KILLS} times: {expected} lines there, {printed} printed, {again} printed again")
    sys.exit(bool(figures.lost or figures.doubled or printed < expected))


if __name__ == "__main__":
    main()
