"""Measure the cost of a command's start, compared with Python's own imports and Kafka's own tools, in one run.

`python bench/startup.py [--runs N]` starts a local KRaft broker of its own and prints two tables: milliseconds that
each command line takes beyond the imports that it needs (the bound is 40), and how many times faster than Kafka's tool
the whole command is. Absolute times mean nothing on shared machines; the differences and ratios are of one run, with
the commands in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kafkactl.output import render
from kafkactl.output.report import Column, listing
from kafkactl.paths import find_cache_dir
from tests.clusters import RunningCluster, running
from tests.conftest import REPOSITORY

SEGMENT = REPOSITORY / "tests" / "data" / "orders-0" / "00000000000000000000.log"
TYPER = "import typer"
BOUND_MS = 40

LOCAL = [
    ["--help"],
    ["--version"],
    ["topics", "--help"],
    ["topics", "create", "--help"],
    ["context", "list"],
    ["local", "status"],
    ["dump-log", str(SEGMENT)],
]
ON_A_CLUSTER = [
    ["topics", "list"],
    ["topics", "describe", "orders"],
    ["groups", "list"],
    ["groups", "describe", "billing"],
    ["configs", "describe", "topics", "orders"],
]
REFERENCE = {
    "topics list": ["org.apache.kafka.tools.TopicCommand", "--list"],
    "topics describe orders": ["org.apache.kafka.tools.TopicCommand", "--describe", "--topic", "orders"],
    "groups list": ["org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--list"],
    "groups describe billing": [
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--describe", "--group", "billing",
    ],
    "configs describe topics orders": [
        "kafka.admin.ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", "orders",
    ],
}  # fmt: skip
# The request that each of these commands waits for, sent by a client that does nothing else.
REQUESTS = """
import typer, confluent_kafka.admin
admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": "%s", "reconnect.backoff.ms": 20})
admin.list_topics(timeout=10)
"""


def measure_medians(commands: Mapping[str, list[str]], runs: int, environment: Mapping[str, str]) -> dict[str, float]:
    """Return the median time of each command, in ms.

    One run of each command follows the other, so that a slow moment affects all of them. The program ends where a
    command fails.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            process = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
            )
            took_ms = (time.perf_counter() - started) * 1000
            if process.returncode:
                sys.exit(f"{name}: status {process.returncode}\n{process.stderr}")
            if number:  # the first run warms the caches
                times[name].append(took_ms)
    return {name: statistics.median(values) for name, values in times.items()}


def make_java_command(version: str) -> list[str]:
    """Return the beginning of a command line of Kafka's tools, as in bin/kafka-run-class.sh.

    The JVM has the garbage collector that starts fastest, and a silent log.
    """
    libs = find_cache_dir() / "kafka" / version
    return ["java", "-Xmx256M", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*"]


def prepare(cluster: RunningCluster) -> None:
    """Create a topic with records, and a group that has read them."""
    cluster.cli.ok("topics", "create", "orders", "-p", 3)
    cluster.cli.ok("produce", "orders", input="".join(f"{number}\n" for number in range(1000)))
    cluster.cli.ok("consume", "orders", "--group", "billing", "--from-beginning", "--exit")


def measure(cluster: RunningCluster, runs: int) -> int:
    """Print the tables; return 1 where a bound is not kept, else 0."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    python = [sys.executable, "-c"]
    commands = {" ".join(arguments): [kafkactl, *arguments] for arguments in LOCAL + ON_A_CLUSTER}
    bases = {TYPER: [*python, TYPER], "one request": [*python, REQUESTS % cluster.bootstrap_servers]}
    took = measure_medians({**bases, **commands}, runs, environment)
    rows = []
    for arguments in LOCAL + ON_A_CLUSTER:
        name = " ".join(arguments)
        base = "one request" if arguments in ON_A_CLUSTER else TYPER
        rows.append((name.replace(str(REPOSITORY) + "/", ""), took[name], base, took[base], took[name] - took[base]))
    render.show(
        listing(
            [
                Column("COMMAND", lambda row: row[0]),
                Column("MS", lambda row: round(row[1])),
                Column("BEYOND", lambda row: row[2]),
                Column("MS-OF-THAT", lambda row: round(row[3])),
                Column("ITS-OWN-MS", lambda row: round(row[4])),
            ],
            rows,
        ),
        stream=sys.stdout,
    )
    print()
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    jvm = make_java_command(cluster.version)
    java = {name: [*jvm, main, *where, *arguments] for name, (main, *arguments) in REFERENCE.items()}
    both = measure_medians(
        {**{f"java {name}": command for name, command in java.items()}, **{name: commands[name] for name in java}},
        max(3, runs // 3),
        environment,
    )
    ratios = [(name, both[f"java {name}"], both[name], both[f"java {name}"] / both[name]) for name in java]
    render.show(
        listing(
            [
                Column("COMMAND", lambda row: row[0]),
                Column("KAFKA-MS", lambda row: round(row[1])),
                Column("KAFKACTL-MS", lambda row: round(row[2])),
                Column("TIMES-FASTER", lambda row: round(row[3], 1)),
            ],
            ratios,
        ),
        stream=sys.stdout,
    )
    late = [row[0] for row in rows if row[4] > BOUND_MS]
    print(f"\nover {BOUND_MS} ms of its own: {', '.join(late) if late else 'none'}")
    return 1 if late or ratios[0][3] < 4 else 0


def main() -> None:
    """Run the benchmark; exit with 1 where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster)
        status = measure(cluster, runs)
    sys.exit(status)


if __name__ == "__main__":
    main()
