"""Compare topics, offsets and configs of a large cluster with Kafka's own tools: one broker, one run, commands in turn.

`python bench/admin.py [--runs N] [--topics N]` starts a KRaft broker of its own with 2,000 topics of 5 partitions,
checks that both print the same with -o kafka, prints a table of ratios, and ends with status 1 when a bound is not
kept. Absolute times mean nothing on shared machines.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml

from bench.startup import make_java_command, measure_medians
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from tests.clusters import RunningCluster, eventually, running

TOPICS = "org.apache.kafka.tools.TopicCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
CONFIGS = "kafka.admin.ConfigCommand"
PARTITIONS = 5
COMMANDS: dict[str, tuple[list[str], list[str], float | None]] = {
    "topics list": (["topics", "list"], [TOPICS, "--list"], 4.0),
    "topics describe": (["topics", "describe"], [TOPICS, "--describe"], 4.0),
    "topics describe -o kafka": (["topics", "describe", "-o", "kafka"], [TOPICS, "--describe"], None),
    "offsets": (["offsets"], [OFFSETS], 1.5),
    "offsets --time earliest": (["offsets", "--time", "earliest"], [OFFSETS, "--time", "earliest"], 1.5),
    "offsets -o kafka": (["offsets", "-o", "kafka"], [OFFSETS], None),
    "configs describe topics": (
        ["configs", "describe", "topics"], [CONFIGS, "--describe", "--entity-type", "topics"], None,
    ),
}  # fmt: skip
"""Arguments of kafkactl, class and arguments of Kafka's tool, and the smallest ratio of their times or None."""


def prepare(cluster: RunningCluster, topics: int) -> None:
    """Create the topics, and wait until the broker serves all partitions."""
    names = [f"team-{number % 40}.topic-{number}" for number in range(topics)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        declared = {
            name: {"partitions": PARTITIONS, "configs": {"retention.ms": 1000 + at}} for at, name in enumerate(names)
        }
        yaml.safe_dump({"topics": declared}, file)
        file.flush()
        cluster.cli.ok("topics", "create", "--file", file.name, "--timeout", 300)

    def are_all_served() -> bool:
        # A broker needs half a minute to open so many logs, and serves partitions one after the other.
        result = cluster.cli("offsets", "-o", "kafka")
        return result.returncode == 0 and result.stdout.count("\n") == topics * PARTITIONS

    eventually(are_all_served, 300)


def measure(cluster: RunningCluster, runs: int) -> int:
    """Print the table; return 1 where a bound is not kept or the outputs differ, else 0."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    java = make_java_command(cluster.version)
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    commands, bounds = {}, {}
    for name, (ours, (main, *flags), bound) in COMMANDS.items():
        commands[name] = [kafkactl, *ours]
        commands[f"java {name}"] = [*java, main, *where, *flags]
        bounds[name] = bound
    status = 0
    for name in ("topics describe -o kafka", "offsets -o kafka"):
        outputs = [
            subprocess.run(commands[key], env=environment, capture_output=True, check=True).stdout
            for key in (name, f"java {name}")
        ]
        print(f"{name}: {'the same' if outputs[0] == outputs[1] else 'NOT the same'}, {len(outputs[0])} bytes")
        status |= outputs[0] != outputs[1]
    took = measure_medians(commands, runs, environment)
    rows = [
        (name, took[f"java {name}"], took[name], took[f"java {name}"] / took[name], bounds[name]) for name in COMMANDS
    ]
    render.show(
        listing(
            [
                Column("COMMAND", lambda row: row[0]),
                Column("KAFKA-MS", lambda row: round(row[1])),
                Column("KAFKACTL-MS", lambda row: round(row[2])),
                Column("TIMES-FASTER", lambda row: round(row[3], 1)),
                Column("AT-LEAST", lambda row: row[4]),
            ],
            rows,
        ),
        stream=sys.stdout,
    )
    return status | any(row[4] is not None and row[3] < row[4] for row in rows)


def main() -> None:
    """Run the benchmark; exit with 1 where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--topics", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster, arguments.topics)
        status = measure(cluster, arguments.runs)
    sys.exit(status)


if __name__ == "__main__":
    main()
