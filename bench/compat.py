"""Compare launchers of Kafka's tools with Kafka's tools themselves, on small requests.

`python bench/compat.py [--runs N]` starts a local KRaft broker of its own, installs the launchers, and runs each
command line with both in turn. The bound is 4 where librdkafka or no broker answers, and 2 where kafka-python answers.
Consumers are not timed: they wait. Only the ratios mean something on shared machines.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.startup import make_java_command, measure_medians
from kafkactl.cli.kafka_style.tools import load_tool
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from kafkactl.stdout import out
from tests.clusters import running
from tests.conftest import REPOSITORY

SEGMENT = REPOSITORY / "tests" / "data" / "orders-0" / "00000000000000000000.log"
LINES = {
    "kafka-topics --list": 4,
    "kafka-topics --describe --topic orders": 2,
    "kafka-consumer-groups --list": 4,
    "kafka-consumer-groups --describe --group billing": 4,
    "kafka-get-offsets --topic orders": 4,
    "kafka-configs --describe --topic orders": 2,
    "kafka-configs --describe --user nobody": 2,
    f"kafka-dump-log --files {SEGMENT}": 4,
}
"""Command lines without their server, and how many times faster than Kafka's tool they must be."""


def main() -> int:
    """Print the table; return 1 where a line is slower than its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, running("kraft", Path(folder), near=11900) as cluster:
        cluster.cli.ok("topics", "create", "orders", "-p", 3)
        cluster.cli.ok("produce", "orders", input="a\nb\n")
        cluster.cli.ok("groups", "reset-offsets", "billing", "--topic", "orders", "--to-earliest", "--execute", "--yes")
        launchers = Path(folder) / "bin"
        launchers.mkdir()
        cluster.cli.ok("compat", "install", launchers)
        java = make_java_command(cluster.version)
        commands: dict[str, list[str]] = {}
        for line in LINES:
            name, *words = shlex.split(line)
            server = [] if name == "kafka-dump-log" else ["--bootstrap-server", cluster.bootstrap_servers]
            commands[f"ours {line}"] = [str(launchers / name), *server, *words]
            commands[f"kafka {line}"] = [*java, load_tool(name).main_class, *server, *words]
        times = measure_medians(commands, runs, {**os.environ, "LC_ALL": "C.UTF-8"})
    rows = [
        (line.replace(str(REPOSITORY), "."), times[f"kafka {line}"], times[f"ours {line}"], bound)
        for line, bound in LINES.items()
    ]
    columns = [
        Column("COMMAND", lambda row: row[0]),
        Column("KAFKA-MS", lambda row: round(row[1])),
        Column("KAFKACTL-MS", lambda row: round(row[2])),
        Column("TIMES-FASTER", lambda row: round(row[1] / row[2], 1)),
        Column("AT-LEAST", lambda row: row[3]),
    ]
    render.show(listing(columns, rows), None)
    out.flush()
    return int(any(kafka_ms < bound * our_ms for _, kafka_ms, our_ms, bound in rows))


if __name__ == "__main__":
    sys.exit(main())
