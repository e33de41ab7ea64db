"""Lines in and out, beside kafka-console-producer, kafka-console-consumer and kcat: one broker, one run, in turn.

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

from bench.startup import run_class
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from tests.clusters import RunningCluster, running

PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
LINE_BYTES = 106
PARTITIONS = (1, 6)
"""The bounds are for a topic as it is made without saying more, of one partition; more are shown."""
MAX_MEMORY_MB = 200
MAX_LATENCY_MS = 20
TYPED_LINES = 40
MB = 1 << 20


@dataclass(frozen=True)
class Bound:
    """At least so many times as fast as another tool."""

    other: str
    times: float


PRODUCING = [Bound("kafka", 4.0), Bound("kcat", 0.6)]
CONSUMING = [Bound("kafka", 3.0), Bound("kcat", 1.0)]


def kafkactl(*arguments: object) -> list[str]:
    return [str(Path(sys.executable).with_name("kafkactl")), *map(str, arguments)]


def write_lines(path: Path, records: int) -> None:
    with path.open("w") as file:
        for number in range(records):
            key = f"key-{number % 100_000:06d}:"
            file.write(key + (f"{number:09d}-" * 10)[: LINE_BYTES - 1 - len(key)] + "\n")


def medians(commands: Mapping[str, Callable[[], None]], runs: int) -> dict[str, float]:
    """Median seconds of each; one of each in turn, so that a slow moment falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, run in commands.items():
            started = time.perf_counter()
            run()
            if number:  # the first warms the caches
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(taken) for name, taken in times.items()}


def tools(
    cluster: RunningCluster, records: int, lines: Path, partitions: int
) -> tuple[dict[str, Callable[[], None]], ...]:
    """What produces, and what consumes, by tool's name."""
    environment = cluster.cli.full_environment()
    where = ["--bootstrap-server", cluster.bootstrap_servers, "--topic"]
    java = run_class(cluster.version)
    separator = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
    shown = ["--formatter-property", "print.key=true", "--formatter-property", "key.separator=:"]

    def run(command: list[str], stdin: Path | None = None) -> Callable[[], None]:
        def do() -> None:
            with open(stdin or os.devnull, "rb") as source, tempfile.TemporaryFile(dir="/dev/shm") as out:
                subprocess.run(
                    command, stdin=source, stdout=out, stderr=subprocess.DEVNULL, env=environment, check=True
                )
                if stdin is None and out.seek(0, os.SEEK_END) != records * LINE_BYTES:
                    sys.exit(f"{command}: {out.tell()} bytes instead of {records * LINE_BYTES}")

        return do

    limit = ["--from-beginning", "--max-messages", str(records)]
    producing = {
        "kafkactl": run(kafkactl("produce", f"ours-{partitions}", "-K", ":", "--from-file", lines), lines),
        "kafka": run([*java, PRODUCER, *where, f"java-{partitions}", *separator], lines),
    }
    consuming = {
        "kafkactl": run(kafkactl("consume", f"read-{partitions}", *limit, *shown)),
        "kafka": run([*java, CONSUMER, *where, f"read-{partitions}", *limit, *shown]),
    }
    if shutil.which("kcat"):
        kcat = ["kcat", "-b", cluster.bootstrap_servers]
        producing["kcat"] = run([*kcat, "-P", "-t", f"kcat-{partitions}", "-K:", "-l", str(lines)], lines)
        consuming["kcat"] = run(
            [*kcat, "-C", "-t", f"read-{partitions}", "-K:", "-o", "beginning", "-q", "-c", str(records)]
        )
    return producing, consuming


def judged(name: str, partitions: int, took: Mapping[str, float], bounds: list[Bound]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for bound in bounds:
        if bound.other in took:
            times = took[bound.other] / took["kafkactl"]
            least = bound.times if partitions == 1 else None
            kept = least is None or times >= least
            rows.append((name, partitions, bound.other, took[bound.other], took["kafkactl"], times, least, kept))
        else:
            print(f"{bound.other} is not installed, and not measured", file=sys.stderr)
    return rows


def memory_mb(command: list[str], environment: Mapping[str, str]) -> float:
    """The most memory that a command has had."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command}: status {process.returncode}")
    return usage.ru_maxrss / 1024


def streamed(cluster: RunningCluster, gigabytes: float, lines: Path) -> list[tuple[object, ...]]:
    """Memory on a long stream: the same lines over and over, compressed so that the disk does not matter."""
    environment = cluster.cli.full_environment()
    cluster.cli.ok("topics", "create", "stream", "-p", max(PARTITIONS), "--timeout", 60)
    times = max(1, round(gigabytes * 1e9 / lines.stat().st_size))
    size = times * lines.stat().st_size / 1e9
    flags = ["-K", ":", "--from-file", lines, "--repeat", times, "-z", "zstd"]
    producing = memory_mb(kafkactl("produce", "stream", *flags), environment)
    consuming = memory_mb(kafkactl("consume", "stream", "--from-beginning", "--exit"), environment)
    named = (("produce", producing), ("consume", consuming))
    return [(what, size, most, MAX_MEMORY_MB, most <= MAX_MEMORY_MB) for what, most in named]


def latency_ms(cluster: RunningCluster) -> list[float]:
    """From the return key of a line typed at a terminal to the consumer's line."""
    environment = cluster.cli.full_environment()
    cluster.cli.ok("topics", "create", "typed", "-p", 1, "--timeout", 60)
    command, *arguments = kafkactl("consume", "typed", "--from-beginning")
    consumer = subprocess.Popen(
        [command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    command, *arguments = kafkactl("produce", "typed")
    terminal = pexpect.spawn(command, arguments, env=environment, encoding="utf-8", timeout=30)
    terminal.delaybeforesend = None
    taken = []
    try:
        for number in range(TYPED_LINES):
            terminal.expect_exact(">")
            started = time.perf_counter()
            terminal.sendline(f"line {number}")
            assert consumer.stdout is not None
            assert consumer.stdout.readline() == f"line {number}\n"
            taken.append((time.perf_counter() - started) * 1000)
    finally:
        terminal.close(force=True)
        consumer.terminate()
        consumer.wait()
    return taken[5:]  # the first bring connections up


def measure(cluster: RunningCluster, runs: int, records: int, gigabytes: float, folder: Path) -> int:
    lines = folder / "lines.txt"
    write_lines(lines, records)
    rows = []
    for partitions in PARTITIONS:
        for topic in ("ours", "java", "kcat", "read"):
            cluster.cli.ok("topics", "create", f"{topic}-{partitions}", "-p", partitions, "--timeout", 60)
        cluster.cli.ok("produce", f"read-{partitions}", "-K", ":", "--from-file", lines)
        producing, consuming = tools(cluster, records, lines, partitions)
        rows += judged("produce", partitions, medians(producing, runs), PRODUCING)
        rows += judged("consume", partitions, medians(consuming, runs), CONSUMING)
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
    kept = [bool(row[-1]) for row in rows]
    if gigabytes:
        used = streamed(cluster, gigabytes, lines)
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
        kept += [bool(row[-1]) for row in used]
    taken = sorted(latency_ms(cluster))
    middle, late = statistics.median(taken), taken[int(len(taken) * 0.9)]
    print(f"\nfrom return to screen: {middle:.1f} ms, nine of ten within {late:.1f} ms; at most {MAX_LATENCY_MS}")
    return 0 if all(kept) and middle < MAX_LATENCY_MS else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--stream-gb", type=float, default=0, help="0 leaves memory out")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        running("kraft", Path(home)) as cluster,
    ):
        sys.exit(measure(cluster, given.runs, given.records, given.stream_gb, Path(folder)))


if __name__ == "__main__":
    main()
