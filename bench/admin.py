"""Compare commands about a large cluster with Kafka's own tools: one broker, one run, commands in turn.

`python bench/admin.py [--runs N] [--topics N]` starts a KRaft broker of its own with 2,000 topics of 5 partitions, and
one with an authorizer and 10,000 ACLs. It checks that both print the same with -o kafka, prints a table of ratios and
the memory of `acls list`, and ends with status 1 when a bound is not kept. Absolute times mean nothing on shared
machines.
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

from bench.startup import make_java_command, measure_medians
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from tests.acl_broker import running_acl_broker
from tests.clusters import RunningCluster, eventually, running

TOPICS = "org.apache.kafka.tools.TopicCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
CONFIGS = "kafka.admin.ConfigCommand"
API_VERSIONS = "org.apache.kafka.tools.BrokerApiVersionsCommand"
LOG_DIRS = "org.apache.kafka.tools.LogDirsCommand"
REASSIGN = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
ACLS = "org.apache.kafka.tools.AclCommand"
PARTITIONS = 5
MOST_ACLS, ACLS_OF_A_TOPIC = 10_000, 10
MOST_MEMORY_MB = 150
Commands = dict[str, tuple[list[str], list[str], float | None]]
"""Arguments of kafkactl, class and arguments of Kafka's tool, and the smallest ratio of their times or None."""
COMMANDS: Commands = {
    "topics list": (["topics", "list"], [TOPICS, "--list"], 4.0),
    "topics describe": (["topics", "describe"], [TOPICS, "--describe"], 4.0),
    "topics describe -o kafka": (["topics", "describe", "-o", "kafka"], [TOPICS, "--describe"], None),
    "offsets": (["offsets"], [OFFSETS], 1.5),
    "offsets --time earliest": (["offsets", "--time", "earliest"], [OFFSETS, "--time", "earliest"], 1.5),
    "offsets -o kafka": (["offsets", "-o", "kafka"], [OFFSETS], None),
    "configs describe topics": (
        ["configs", "describe", "topics"], [CONFIGS, "--describe", "--entity-type", "topics"], None,
    ),
    "brokers list": (["brokers", "list"], [API_VERSIONS], 2.0),
    "log-dirs list": (["log-dirs", "list"], [LOG_DIRS, "--describe"], 2.0),
    "reassign generate": (
        ["reassign", "generate", "--topics-to-move-json-file", "{topics}", "--brokers", "1"],
        [REASSIGN, "--generate", "--topics-to-move-json-file", "{topics}", "--broker-list", "1"],
        3.0,
    ),
}  # fmt: skip
COMMANDS_ABOUT_ACLS: Commands = {"acls list": (["acls", "list"], [ACLS, "--list"], 2.0)}
SAME = ("topics describe -o kafka", "offsets -o kafka")
"""Commands whose output is compared with that of Kafka's tool."""


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


def prepare_acls(cluster: RunningCluster) -> None:
    """Make 10,000 ACLs, ten for each topic."""
    users = [f"User:user-{number}" for number in range(ACLS_OF_A_TOPIC)]
    acls = [
        {
            "type": "topic",
            "name": f"topic-{topic}",
            "rules": [{"principal": user, "operations": ["Read"]} for user in users],
        }
        for topic in range(MOST_ACLS // ACLS_OF_A_TOPIC)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"acls": acls}, file)
        file.flush()
        cluster.cli.ok("acls", "apply", file.name, "--yes", "--timeout", 300)


def measure_memory(cluster: RunningCluster, *arguments: str) -> float:
    """Return the largest memory of a command in MB (10^6 bytes)."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *cluster.cli.command(*arguments)],
        env=cluster.cli.full_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout) * 1024 / 1e6


def measure(cluster: RunningCluster, compared: Commands, runs: int) -> int:
    """Print the table of commands; return 1 where a bound is not kept or the outputs differ, else 0."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    java = make_java_command(cluster.version)
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    commands, bounds = {}, {}
    for name, (ours, (main, *flags), bound) in compared.items():
        commands[name] = [kafkactl, *ours]
        commands[f"java {name}"] = [*java, main, *where, *flags]
        bounds[name] = bound
    status = 0
    for name in (name for name in SAME if name in compared):
        outputs = [
            subprocess.run(commands[key], env=environment, capture_output=True, check=True).stdout
            for key in (name, f"java {name}")
        ]
        print(f"{name}: {'the same' if outputs[0] == outputs[1] else 'NOT the same'}, {len(outputs[0])} bytes")
        status |= outputs[0] != outputs[1]
    took = measure_medians(commands, runs, environment)
    rows = [
        (name, took[f"java {name}"], took[name], took[f"java {name}"] / took[name], bounds[name]) for name in compared
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


def fill_in(commands: Commands, topics: Path) -> Commands:
    """Return commands with the path of the file of topics."""
    return {
        name: ([word.format(topics=topics) for word in ours], [word.format(topics=topics) for word in theirs], bound)
        for name, (ours, theirs, bound) in commands.items()
    }


def main() -> None:
    """Run the benchmark; exit with 1 where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--topics", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster, arguments.topics)
        listed = json.loads(cluster.cli.ok("topics", "list", "-o", "json"))
        file = Path(home) / "topics.json"
        file.write_text(json.dumps({"version": 1, "topics": [{"topic": row["topic"]} for row in listed]}))
        status = measure(cluster, fill_in(COMMANDS, file), arguments.runs)
    with tempfile.TemporaryDirectory() as home, running_acl_broker(Path(home)) as broker:
        prepare_acls(broker.cluster)
        status |= measure(broker.cluster, COMMANDS_ABOUT_ACLS, arguments.runs)
        memory = measure_memory(broker.cluster, "acls", "list")
        print(f"acls list: {memory:.0f} MB of memory; at most {MOST_MEMORY_MB}")
        status |= memory > MOST_MEMORY_MB
    sys.exit(status)


if __name__ == "__main__":
    main()
