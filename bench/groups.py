"""Compare the lag of many groups with kafka-consumer-groups: one broker, one run, commands in turn, equal numbers.

`python bench/groups.py [--runs N] [--groups N] [--partitions N]` starts a KRaft broker of its own with 300 groups that
have committed in 200 partitions, prints tables of ratios and of peak memory, and ends with status 1 when a bound is not
kept: plain, csv and json at least 10 times as fast as Kafka's tool; csv and json at most 1.3 times plain's time and 40
MB above its memory; yaml at most 15 times plain's time. Absolute times mean nothing on shared machines.
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

from bench.console import measure_memory_mb
from bench.startup import make_java_command, measure_medians
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from tests.clusters import RunningCluster, eventually, running

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
FORMATS = ("plain", "csv", "json", "jsonl", "yaml")
TIMES_FASTER = {"plain": 10.0, "csv": 10.0, "json": 10.0}
"""Smallest ratio of the time of Kafka's tool to that of a format."""
TIMES_PLAIN = {"csv": 1.3, "json": 1.3, "yaml": 15.0}
"""Largest ratio of a format's time to that of plain."""
MB_ABOVE_PLAIN = {"csv": 40.0, "json": 40.0}
"""Largest difference of a format's memory to that of plain, in MB."""
RECORDS = 20_000


def prepare(cluster: RunningCluster, groups: int, partitions: int) -> None:
    """Create a topic with records, and the groups with their commits."""
    cluster.cli.ok("topics", "create", "orders", "-p", partitions, "--timeout", 60)
    eventually(lambda: cluster.cli("offsets", "orders").returncode == 0, 60)
    cluster.cli.ok("produce", "orders", "--key-separator", ":", input="".join(f"{n}:{n}\n" for n in range(RECORDS)))
    commits = {f"group-{n}": {"orders": dict.fromkeys(range(partitions), n % 50)} for n in range(groups)}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": commits}, file)
        file.flush()
        cluster.cli.ok("groups", "import", file.name, "--execute", "-o", "json")


def measure(cluster: RunningCluster, runs: int) -> int:
    """Print the table; return 1 where a bound is not kept or the numbers differ, else 0."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    flags = ["--describe", "--all-groups", "--timeout", "120000"]
    theirs = [*make_java_command(cluster.version), TOOL, "--bootstrap-server", cluster.bootstrap_servers, *flags]
    ours = [kafkactl, "groups", "describe", "--all-groups", "--lag"]
    as_kafka = [kafkactl, "groups", "describe", "--all-groups", "-o", "kafka"]
    outputs = [
        subprocess.run(command, env=environment, capture_output=True, check=True).stdout
        for command in (as_kafka, theirs)
    ]
    groups = json.loads(subprocess.run([*ours, "-o", "json"], env=environment, capture_output=True, check=True).stdout)
    total = sum(group["total_lag"] for group in groups)
    reference = sum(int(line.split()[5]) for line in outputs[1].decode().splitlines() if line.startswith("group-"))
    equal = outputs[0] == outputs[1] and total == reference
    print(
        f"{len(groups)} groups, lag {total}, Kafka's tool {reference};"
        f" -o kafka {'the same' if equal else 'NOT the same'}"
    )
    forms = {name: [*ours, "-o", name] for name in FORMATS}
    took = measure_medians({"java": theirs, **forms, "kafka": as_kafka}, runs, environment)
    memory = {name: measure_memory_mb(command, environment) for name, command in forms.items()}
    rows = [(name, took["java"], took[name], memory.get(name)) for name in (*FORMATS, "kafka")]
    render.show(
        listing(
            [
                Column("DESCRIBE --all-groups -o", lambda row: row[0]),
                Column("KAFKA-MS", lambda row: round(row[1])),
                Column("KAFKACTL-MS", lambda row: round(row[2])),
                Column("TIMES-FASTER", lambda row: round(row[1] / row[2], 1)),
                Column("TIMES-PLAIN", lambda row: round(row[2] / took["plain"], 2)),
                Column("PEAK-MB", lambda row: None if row[3] is None else round(row[3])),
            ],
            rows,
        ),
        stream=sys.stdout,
    )
    broken = [
        *(
            f"{name} is not {bound:g} times as fast"
            for name, bound in TIMES_FASTER.items()
            if took["java"] / took[name] < bound
        ),
        *(
            f"{name} takes over {bound:g} times plain"
            for name, bound in TIMES_PLAIN.items()
            if took[name] / took["plain"] > bound
        ),
        *(
            f"{name} takes over {bound:g} MB more"
            for name, bound in MB_ABOVE_PLAIN.items()
            if memory[name] - memory["plain"] > bound
        ),
    ]
    print(f"\nbounds not kept: {'; '.join(broken) or 'none'}")
    return 0 if equal and not broken else 1


def main() -> None:
    """Run the benchmark; exit with 1 where a bound is not kept."""
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
