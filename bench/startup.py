"""What a command costs before it does anything, beside Python's own imports and Kafka's own tools, in one run.

`python bench/startup.py [--runs N]` starts a local KRaft broker of its own and prints two tables: milliseconds that
each command line takes beyond importing what it stands on (the bound is 40), and how many times faster than Kafka's
tool the whole command is. Absolute times mean nothing on shared machines; the differences and ratios are of one run,
commands taken in turn.
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
# What each of these commands waits for on the wire, measured by a bare client that asks nothing else.
REQUESTS = """
import typer, confluent_kafka.admin
admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": "%s", "reconnect.backoff.ms": 20})
admin.list_topics(timeout=10)
"""


def medians(commands: Mapping[str, list[str]], runs: int, environment: Mapping[str, str]) -> dict[str, float]:
    """Median milliseconds of each command; one of each in turn, so that a slow moment falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
            )
            took_ms = (time.perf_counter() - started) * 1000
            if done.returncode:
                sys.exit(f"{name}: status {done.returncode}\n{done.stderr}")
            if number:  # the first warms the caches
                times[name].append(took_ms)
    return {name: statistics.median(values) for name, values in times.items()}


def run_class(version: str) -> list[str]:
    """As bin/kafka-run-class.sh starts tools, but for the collector that starts fastest and a silent log."""
    libs = find_cache_dir() / "kafka" / version
    return ["java", "-Xmx256M", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*"]


def prepare(cluster: RunningCluster) -> None:
    cluster.cli.ok("topics", "create", "orders", "-p", 3)
    cluster.cli.ok("produce", "orders", input="".join(f"{number}\n" for number in range(1000)))
    cluster.cli.ok("consume", "orders", "--group", "billing", "--from-beginning", "--exit")


def measure(cluster: RunningCluster, runs: int) -> int:
    """Prints the tables; returns 1 when a bound is not kept."""
    environment = cluster.cli.full_environment()
    kafkactl = str(Path(sys.executable).with_name("kafkactl"))
    python = [sys.executable, "-c"]
    commands = {" ".join(arguments): [kafkactl, *arguments] for arguments in LOCAL + ON_A_CLUSTER}
    bases = {TYPER: [*python, TYPER], "one request": [*python, REQUESTS % cluster.bootstrap_servers]}
    took = medians({**bases, **commands}, runs, environment)
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
    jvm = run_class(cluster.version)
    java = {name: [*jvm, main, *where, *arguments] for name, (main, *arguments) in REFERENCE.items()}
    both = medians(
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster)
        status = measure(cluster, runs)
    sys.exit(status)


if __name__ == "__main__":
    main()
