"""Lag of many groups beside kafka-consumer-groups: one broker, one run, commands in turn, equal numbers checked.

`python bench/groups.py [--runs N] [--groups N] [--partitions N]` starts a KRaft broker of its own with 300 groups
that have committed in 200 partitions, prints a table of ratios, and ends with status 1 when the bound is not kept.
Absolute times mean nothing on shared machines.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml

from bench.startup import medians, run_class
from kafkactl.output.render import show
from kafkactl.output.report import Column, listing
from tests.clusters import RunningCluster, eventually, running

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
BOUND = 15.0
RECORDS = 20_000


def prepare(cluster: RunningCluster, groups: int, partitions: int) -> None:
    cluster.cli.ok("topics", "create", "orders", "-p", partitions, "--timeout", 60)
    eventually(lambda: cluster.cli("offsets", "orders").returncode == 0, 60)
    cluster.cli.ok("produce", "orders", "--key-separator", ":", input="".join(f"{n}:{n}\n" for n in range(RECORDS)))
    commits = {f"group-{n}": {"orders": dict.fromkeys(range(partitions), n % 50)} for n in range(groups)}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": commits}, file)
        file.flush()
        cluster.cli.ok("groups", "import", file.name, "--execute", "-o", "json")


def measure(cluster: RunningCluster, runs: int) -> int:
    """Prints the table; returns 1 when the bound is not kept, or the numbers differ."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    flags = ["--describe", "--all-groups", "--timeout", "120000"]
    theirs = [*run_class(cluster.version), TOOL, "--bootstrap-server", cluster.bootstrap_servers, *flags]
    ours = [kafkactl, "groups", "describe", "--all-groups", "--lag"]
    as_kafka = [kafkactl, "groups", "describe", "--all-groups", "-o", "kafka"]
    said = [
        subprocess.run(each, env=environment, capture_output=True, check=True).stdout for each in (as_kafka, theirs)
    ]
    found = json.loads(subprocess.run([*ours, "-o", "json"], env=environment, capture_output=True, check=True).stdout)
    total = sum(one["total_lag"] for one in found)
    reference = sum(int(line.split()[5]) for line in said[1].decode().splitlines() if line.startswith("group-"))
    same = said[0] == said[1] and total == reference
    print(
        f"{len(found)} groups, lag {total}, Kafka's tool {reference}; -o kafka {'the same' if same else 'NOT the same'}"
    )
    took = medians({"java": theirs, "--lag": ours, "-o kafka": as_kafka}, runs, environment)
    rows = [(name, took["java"], took[name], took["java"] / took[name]) for name in ("--lag", "-o kafka")]
    show(
        listing(
            [
                Column("DESCRIBE --all-groups", lambda row: row[0]),
                Column("KAFKA-MS", lambda row: round(row[1])),
                Column("KAFKACTL-MS", lambda row: round(row[2])),
                Column("TIMES-FASTER", lambda row: round(row[3], 1)),
            ],
            rows,
        )
    )
    return 0 if same and rows[0][3] >= BOUND else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--groups", type=int, default=300)
    parser.add_argument("--partitions", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster, arguments.groups, arguments.partitions)
        status = measure(cluster, arguments.runs)
    sys.exit(status)


if __name__ == "__main__":
    main()
