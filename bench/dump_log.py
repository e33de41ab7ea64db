"""Compare dump-log with Kafka's own DumpLogSegments: files, run and order are equal, and equal output is checked.

`python bench/dump_log.py [--runs N] [--folder DIR]` makes segments of 100-byte records (2 million without compression,
1 million of each codec, one batch, and 1 GiB), prints tables, and ends with status 1 when a bound is not kept. The
output of both goes to a file in memory where possible, so that the disk is no part of the times. Absolute times mean
nothing on shared machines; the ratios are of one run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from kafkactl.local import jars
from kafkactl.output import render
from kafkactl.output.report import Column, listing
from kafkactl.paths import find_cache_dir
from kafkactl.storage.compression import Codec
from kafkactl.storage.records import Record
from tests.unit.storage.encoding import encode_batch

VERSION = "4.3.1"
TOOL = "org.apache.kafka.tools.DumpLogSegments"
PER_BATCH = 140  # 15 KB, because a producer's batch.size is 16 KB
MILLION = 1_000_000
LOG = f"{0:020}.log"
KAFKACTL = str(Path(sys.executable).with_name("kafkactl"))
BOUNDS = {
    "uncompressed": 30.0,
    "uncompressed, pure Python": 4.0,
    "one batch": 3.0,
    "lz4": 12.0,
    "zstd": 12.0,
    "gzip": 12.0,
    "snappy": 12.0,
}
BOUND_MB = 150


@dataclass(frozen=True)
class Case:
    """A file, and the ways it is read."""

    name: str
    path: Path


def write_segments(folder: Path) -> dict[str, Path]:
    """Return the paths of the segments by name; missing ones are created."""
    sizes = {codec.name.lower(): (codec, MILLION) for codec in Codec}
    sizes["uncompressed"] = (sizes.pop("none")[0], 2 * MILLION)
    sizes["one batch"] = (Codec.NONE, 12)
    paths = {name: folder / name.replace(" ", "-") / LOG for name in sizes}
    for name, (codec, count) in sizes.items():
        write_segment(paths[name], codec, count)
    paths["1 GiB"] = folder / "gib" / LOG
    if not paths["1 GiB"].exists():
        paths["1 GiB"].parent.mkdir()
        with paths["1 GiB"].open("wb") as file:
            piece = paths["uncompressed"].read_bytes()
            while file.tell() < 1 << 30:
                file.write(piece)
    return paths


def write_segment(path: Path, codec: Codec, count: int) -> None:
    """Write a segment, with an entry for every batch in both indexes.

    The values compress as well as text does. A file that exists stays.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True)
    random = Random(1)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 9))) for _ in range(2000)]
    text = " ".join(random.choices(words, k=400_000))
    offsets, times, position = bytearray(), bytearray(), 0
    with path.open("wb") as file:
        for first in range(0, count, PER_BATCH):
            records = []
            for offset in range(first, min(count, first + PER_BATCH)):
                start = random.randrange(len(text) - 100)
                key, value = b"key-%d" % (offset % 100_000), text[start : start + 88].encode()
                records.append(Record(offset, 1_763_700_000_000 + offset // 3, -1, key, value, ()))
            if first:
                offsets += struct.pack(">ii", records[-1].offset, position)
                times += struct.pack(">qi", records[-1].timestamp_ms, records[-1].offset)
            position += file.write(encode_batch(records, codec))
    path.with_suffix(".index").write_bytes(offsets)
    path.with_suffix(".timeindex").write_bytes(times)


def make_reference_command(path: Path, *flags: str) -> list[str]:
    """Return a command line of Kafka's tool, in a JVM with the fastest start and a silent log."""
    java = ["java", "-Xmx512M", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-Dfile.encoding=UTF-8"]
    return [*java, "-cp", f"{find_cache_dir() / 'kafka' / VERSION}/*", TOOL, *flags, "--files", str(path)]


def make_command(path: Path, *flags: str) -> list[str]:
    """Return a command line of kafkactl dump-log."""
    return [KAFKACTL, "dump-log", *flags, str(path)]


def measure_seconds(command: list[str], out: Path, **environment: str) -> float:
    """Return the time of a command whose output goes to a file, in seconds.

    The program ends where the command fails.
    """
    with out.open("wb") as file:
        started = time.perf_counter()
        process = subprocess.run(
            command, stdout=file, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False
        )
        took = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"status {process.returncode}: {' '.join(command)}")
    return took


def compute_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compare(name: str, path: Path, runs: int, out: Path) -> Iterator[tuple[str, float, float, bool]]:
    """Yield rows with the name, the median seconds of Kafka's tool and of ours, and whether the outputs are equal."""
    flags = ["--print-data-log"]
    variants = {name: {}, f"{name}, pure Python": {"KAFKACTL_READER": "pure"}}
    theirs: list[float] = []
    mine: dict[str, list[float]] = {variant: [] for variant in variants}
    are_equal = dict.fromkeys(variants, True)
    for _ in range(runs):
        theirs.append(measure_seconds(make_reference_command(path, *flags), out))
        expected_digest = compute_digest(out)
        for variant, environment in variants.items():
            mine[variant].append(measure_seconds(make_command(path, *flags), out, **environment))
            are_equal[variant] &= compute_digest(out) == expected_digest
    for variant in variants:
        yield variant, statistics.median(theirs), statistics.median(mine[variant]), are_equal[variant]


def compare_by_index(path: Path, runs: int, out: Path) -> Iterator[tuple[str, float, float, bool]]:
    """Yield rows about the last thousandth of a segment, by offset and by time, with and without its indexes.

    They are compared with the time for the whole segment.
    """
    every = statistics.median(measure_seconds(make_command(path, "--print-data-log"), out) for _ in range(runs))
    bare = path.parent / "bare" / LOG
    bare.parent.mkdir(exist_ok=True)
    if not bare.exists():
        os.link(path, bare)
    last = 2 * MILLION - 2000
    selections = {"offset": ["--from-offset", str(last)], "time": ["--from-time", str(1_763_700_000_000 + last // 3)]}
    for name_of_range, flags in selections.items():
        for where, name in ((path, "with its indexes"), (bare, "without")):
            took = statistics.median(
                measure_seconds(make_command(where, "--print-data-log", *flags), out) for _ in range(runs)
            )
            lines = out.read_text().count("\n| offset:")
            yield f"last 2000 by {name_of_range}, {name}", every, took, 1999 <= lines <= 2003


def measure_peak_mb(command: list[str]) -> float:
    """Return the largest sum of memory of a command's processes, without that of files, in MB.

    It is read every few ms.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_read_anonymous_kb(pid) for pid in (process.pid, *_list_children(process.pid))))
        time.sleep(0.005)
    return peak / 1024


def _list_children(pid: int) -> list[int]:
    """Return the ids of a process's children; none of a process that has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _read_anonymous_kb(pid: int) -> int:
    """Return the memory of a process that belongs to no file, in KB; 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")), 0)


def main() -> int:
    """Run the benchmark; return 1 where a bound is not kept, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    jars.get_libs(VERSION, print)
    in_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory(dir=in_memory) as outputs:
        folder = arguments.folder or Path(temporary)
        paths = write_segments(folder)
        out = Path(outputs) / "out.txt"
        names = ("uncompressed", "lz4", "zstd", "gzip", "snappy", "one batch")
        rows = [row for name in names for row in compare(name, paths[name], arguments.runs, out)]
        _show("READ", "KAFKA-S", rows)
        print()
        ranges = list(compare_by_index(paths["uncompressed"], arguments.runs, out))
        _show("READ", "ALL-OF-IT-S", ranges)
        memory = measure_peak_mb(make_command(paths["1 GiB"], "--print-data-log"))
    print(f"\npeak memory of all processes for 1 GiB, beyond the mapped file: {memory:.0f} MB")
    late = [name for name, theirs, mine, is_equal in rows if not is_equal or theirs / mine < BOUNDS.get(name, 0)]
    late += [name for name, _, _, is_equal in ranges if not is_equal]
    late += [f"memory over {BOUND_MB} MB"] * (memory > BOUND_MB)
    print(f"bounds not kept: {', '.join(late) if late else 'none'}")
    return 1 if late else 0


def _show(title: str, other_title: str, rows: list[tuple[str, float, float, bool]]) -> None:
    """Print rows as a table."""
    columns = [
        Column(title, lambda row: row[0]),
        Column(other_title, lambda row: f"{row[1]:.2f}"),
        Column("KAFKACTL-S", lambda row: f"{row[2]:.2f}"),
        Column("TIMES-FASTER", lambda row: f"{row[1] / row[2]:.1f}"),
        Column("AT-LEAST", lambda row: BOUNDS.get(row[0])),
        Column("AS-EXPECTED", lambda row: "yes" if row[3] else "NO"),
    ]
    render.show(listing(columns, rows), stream=sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
