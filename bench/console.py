"""Compare producing and consuming of lines with Kafka's console tools and kcat: one broker, one run, commands in turn.

`python bench/console.py [--runs N] [--records N] [--stream-gb N]` starts a KRaft broker of its own, prints tables of
ratios, of memory and of latency, and ends with status 1 when a bound is not kept. kcat is measured where it is
installed. Absolute times mean nothing on shared machines.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pexpect

from bench.startup import make_java_command
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from tests.clusters import RunningCluster, running

PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
LINE_BYTES = 106
PARTITIONS = (1, 6)
"""Numbers of partitions of the topics.

The bounds are for one partition, the default of a new topic; other numbers are shown without a bound.
"""
MAX_MEMORY_MB = 200
MAX_LATENCY_MS = 20
TYPED_LINES = 40
MB = 1 << 20


@dataclass(frozen=True)
class Bound:
    """Smallest number of times that kafkactl is as fast as another tool."""

    other: str
    times: float


PRODUCING = [Bound("kafka", 4.0), Bound("kcat", 0.6)]
CONSUMING = [Bound("kafka", 3.0), Bound("kcat", 1.0)]


def make_command(*arguments: object) -> list[str]:
    """Return a command line of kafkactl."""
    return [str(Path(sys.executable).with_name("kafkactl")), *map(str, arguments)]


def write_lines(path: Path, records: int) -> None:
    """Write lines with keys into a file."""
    with path.open("w") as file:
        for number in range(records):
            key = f"key-{number % 100_000:06d}:"
            file.write(key + (f"{number:09d}-" * 10)[: LINE_BYTES - 1 - len(key)] + "\n")


def measure_medians(commands: Mapping[str, Callable[[], None]], runs: int) -> dict[str, float]:
    """Return the median time of each command, in seconds.

    One run of each command follows the other, so that a slow moment affects all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, run in commands.items():
            started = time.perf_counter()
            run()
            if number:  # the first run warms the caches
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def make_tools(
    cluster: RunningCluster, records: int, lines: Path, partitions: int
) -> tuple[dict[str, Callable[[], None]], ...]:
    """Return the commands that produce and the commands that consume, by tool."""
    environment = cluster.cli.full_environment()
    where = ["--bootstrap-server", cluster.bootstrap_servers, "--topic"]
    java = make_java_command(cluster.version)
    separator = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
    printing = ["--formatter-property", "print.key=true", "--formatter-property", "key.separator=:"]

    def run(command: list[str], stdin: Path | None = None) -> Callable[[], None]:
        def run_command() -> None:
            with open(stdin or os.devnull, "rb") as source, tempfile.TemporaryFile(dir="/dev/shm") as out:
                subprocess.run(
                    command, stdin=source, stdout=out, stderr=subprocess.DEVNULL, env=environment, check=True
                )
                if stdin is None and out.seek(0, os.SEEK_END) != records * LINE_BYTES:
                    sys.exit(f"{command}: {out.tell()} bytes instead of {records * LINE_BYTES}")

        return run_command

    limit = ["--from-beginning", "--max-messages", str(records)]
    producing = {
        "kafkactl": run(make_command("produce", f"ours-{partitions}", "-K", ":", "--from-file", lines), lines),
        "kafka": run([*java, PRODUCER, *where, f"java-{partitions}", *separator], lines),
    }
    consuming = {
        "kafkactl": run(make_command("consume", f"read-{partitions}", *limit, *printing)),
        "kafka": run([*java, CONSUMER, *where, f"read-{partitions}", *limit, *printing]),
    }
    if shutil.which("kcat"):
        kcat = ["kcat", "-b", cluster.bootstrap_servers]
        producing["kcat"] = run([*kcat, "-P", "-t", f"kcat-{partitions}", "-K:", "-l", str(lines)], lines)
        consuming["kcat"] = run(
            [*kcat, "-C", "-t", f"read-{partitions}", "-K:", "-o", "beginning", "-q", "-c", str(records)]
        )
    return producing, consuming


def judge(name: str, partitions: int, took: Mapping[str, float], bounds: list[Bound]) -> list[tuple[object, ...]]:
    """Return the rows of a table, with the bound and whether it is kept."""
    rows: list[tuple[object, ...]] = []
    for bound in bounds:
        if bound.other in took:
            times = took[bound.other] / took["kafkactl"]
            least = bound.times if partitions == 1 else None
            is_kept = least is None or times >= least
            rows.append((name, partitions, bound.other, took[bound.other], took["kafkactl"], times, least, is_kept))
        else:
            print(f"{bound.other} is not installed, and not measured", file=sys.stderr)
    return rows


def measure_memory_mb(command: list[str], environment: Mapping[str, str]) -> float:
    """Return the largest memory that a command used, in MB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command}: status {process.returncode}")
    return usage.ru_maxrss / 1024


def measure_stream(cluster: RunningCluster, gigabytes: float, lines: Path) -> list[tuple[object, ...]]:
    """Return rows about the memory for a long stream.

    A file of lines is sent repeatedly, and compressed so that the disk does not matter.
    """
    environment = cluster.cli.full_environment()
    cluster.cli.ok("topics", "create", "stream", "-p", max(PARTITIONS), "--timeout", 60)
    times = max(1, round(gigabytes * 1e9 / lines.stat().st_size))
    size = times * lines.stat().st_size / 1e9
    flags = ["-K", ":", "--from-file", lines, "--repeat", times, "-z", "zstd"]
    producing = measure_memory_mb(make_command("produce", "stream", *flags), environment)
    consuming = measure_memory_mb(make_command("consume", "stream", "--from-beginning", "--exit"), environment)
    peaks = (("produce", producing), ("consume", consuming))
    return [(name, size, most, MAX_MEMORY_MB, most <= MAX_MEMORY_MB) for name, most in peaks]


def measure_latency_ms(cluster: RunningCluster) -> list[float]:
    """Return the times from the return key at a terminal to the consumer's line, in ms."""
    environment = cluster.cli.full_environment()
    cluster.cli.ok("topics", "create", "typed", "-p", 1, "--timeout", 60)
    command, *arguments = make_command("consume", "typed", "--from-beginning")
    consumer = subprocess.Popen(
        [command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    command, *arguments = make_command("produce", "typed")
    terminal = pexpect.spawn(command, arguments, env=environment, encoding="utf-8", timeout=30)
    terminal.delaybeforesend = None
    latencies = []
    try:
        for number in range(TYPED_LINES):
            terminal.expect_exact(">")
            started = time.perf_counter()
            terminal.sendline(f"line {number}")
            assert consumer.stdout is not None
            assert consumer.stdout.readline() == f"line {number}\n"
            latencies.append((time.perf_counter() - started) * 1000)
    finally:
        terminal.close(force=True)
        consumer.terminate()
        consumer.wait()
    return latencies[5:]  # the first ones open connections


def measure(cluster: RunningCluster, runs: int, records: int, gigabytes: float, folder: Path) -> int:
    """Print all tables; return 1 where a bound is not kept, else 0."""
    lines = folder / "lines.txt"
    write_lines(lines, records)
    rows = []
    for partitions in PARTITIONS:
        for topic in ("ours", "java", "kcat", "read"):
            cluster.cli.ok("topics", "create", f"{topic}-{partitions}", "-p", partitions, "--timeout", 60)
        cluster.cli.ok("produce", f"read-{partitions}", "-K", ":", "--from-file", lines)
        producing, consuming = make_tools(cluster, records, lines, partitions)
        rows += judge("produce", partitions, measure_medians(producing, runs), PRODUCING)
        rows += judge("consume", partitions, measure_medians(consuming, runs), CONSUMING)
    render.show(
        listing(
            [
                Column(f"{records} LINES OF {LINE_BYTES} BYTES", lambda row: row[0]),
                Column("PARTITIONS", lambda row: row[1]),
                Column("BESIDE", lambda row: row[2]),
                Column("ITS-S", lambda row: round(row[3], 2)),
                Column("KAFKACTL-S", lambda row: round(row[4], 2)),
                Column("TIMES-FASTER", lambda row: round(row[5], 2)),
                Column("AT-LEAST", lambda row: row[6]),
            ],
            rows,
        ),
        stream=sys.stdout,
    )
    are_kept = [bool(row[-1]) for row in rows]
    if gigabytes:
        used = measure_stream(cluster, gigabytes, lines)
        print()
        render.show(
            listing(
                [
                    Column("STREAM", lambda row: row[0]),
                    Column("GB", lambda row: round(row[1], 1)),
                    Column("MEMORY-MB", lambda row: round(row[2])),
                    Column("AT-MOST", lambda row: row[3]),
                ],
                used,
            ),
            stream=sys.stdout,
        )
        are_kept += [bool(row[-1]) for row in used]
    latencies = sorted(measure_latency_ms(cluster))
    middle, late = statistics.median(latencies), latencies[int(len(latencies) * 0.9)]
    print(f"\nfrom return to screen: {middle:.1f} ms, nine of ten within {late:.1f} ms; at most {MAX_LATENCY_MS}")
    return 0 if all(are_kept) and middle < MAX_LATENCY_MS else 1


def main() -> None:
    """Run the benchmark; exit with 1 where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--stream-gb", type=float, default=0, help="0 leaves memory out")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        running("kraft", Path(home)) as cluster,
    ):
        sys.exit(measure(cluster, arguments.runs, arguments.records, arguments.stream_gb, Path(folder)))


if __name__ == "__main__":
    main()
