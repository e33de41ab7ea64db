"""dump-log beside Kafka's own DumpLogSegments: the same files, in one run, taken in turn, identical output checked.

`python bench/dump_log.py [--runs N] [--folder DIR]` makes segments of 100-byte records (2 million without compression,
1 million of each codec, one batch, and 1 GiB), prints tables, and ends with status 1 when a bound is not kept. Output
goes to a file in memory where there is such a place, ours as theirs: a disk that writes back is no part of it.
Absolute times mean nothing on shared machines; the ratios are of one run.
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
PER_BATCH = 140  # 15 KB: a producer's batch.size is 16
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
    """The files, made anew where they are not there yet."""
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
    """Records whose values compress as text does, with an index and a time index of every batch."""
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


def reference(path: Path, *flags: str) -> list[str]:
    """Kafka's tool, in a JVM set up for the fastest start and a silent log."""
    run_class = ["java", "-Xmx512M", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-Dfile.encoding=UTF-8"]
    return [*run_class, "-cp", f"{find_cache_dir() / 'kafka' / VERSION}/*", TOOL, *flags, "--files", str(path)]


def ours(path: Path, *flags: str) -> list[str]:
    return [KAFKACTL, "dump-log", *flags, str(path)]


def seconds(command: list[str], out: Path, **environment: str) -> float:
    """How long a command takes with its output into a file; ends the program when it fails."""
    with out.open("wb") as file:
        started = time.perf_counter()
        done = subprocess.run(
            command, stdout=file, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False
        )
        took = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"status {done.returncode}: {' '.join(command)}")
    return took


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compare(name: str, path: Path, runs: int, out: Path) -> Iterator[tuple[str, float, float, bool]]:
    """Rows of what was read, Kafka's and our median seconds, and whether the output is the same."""
    flags = ["--print-data-log"]
    variants = {name: {}, f"{name}, pure Python": {"KAFKACTL_READER": "pure"}}
    theirs: list[float] = []
    mine: dict[str, list[float]] = {variant: [] for variant in variants}
    same = dict.fromkeys(variants, True)
    for _ in range(runs):
        theirs.append(seconds(reference(path, *flags), out))
        wanted = digest(out)
        for variant, environment in variants.items():
            mine[variant].append(seconds(ours(path, *flags), out, **environment))
            same[variant] &= digest(out) == wanted
    for variant in variants:
        yield variant, statistics.median(theirs), statistics.median(mine[variant]), same[variant]


def by_index(path: Path, runs: int, out: Path) -> Iterator[tuple[str, float, float, bool]]:
    """The last thousandth of a segment by offset and by time, with its indexes and without, beside reading it all."""
    every = statistics.median(seconds(ours(path, "--print-data-log"), out) for _ in range(runs))
    bare = path.parent / "bare" / LOG
    bare.parent.mkdir(exist_ok=True)
    if not bare.exists():
        os.link(path, bare)
    last = 2 * MILLION - 2000
    wanted = {"offset": ["--from-offset", str(last)], "time": ["--from-time", str(1_763_700_000_000 + last // 3)]}
    for what, flags in wanted.items():
        for where, name in ((path, "with its indexes"), (bare, "without")):
            took = statistics.median(seconds(ours(where, "--print-data-log", *flags), out) for _ in range(runs))
            lines = out.read_text().count("\n| offset:")
            yield f"last 2000 by {what}, {name}", every, took, 1999 <= lines <= 2003


def peak_mb(command: list[str]) -> float:
    """The largest sum of memory that is not a file's, of a command's processes, in MB; looked at every few ms."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_anonymous_kb(pid) for pid in (process.pid, *_children(process.pid))))
        time.sleep(0.005)
    return peak / 1024


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _anonymous_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    wanted = parser.parse_args()
    jars.get_libs(VERSION, print)
    in_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory(dir=in_memory) as outputs:
        folder = wanted.folder or Path(temporary)
        paths = write_segments(folder)
        out = Path(outputs) / "out.txt"
        names = ("uncompressed", "lz4", "zstd", "gzip", "snappy", "one batch")
        rows = [row for name in names for row in compare(name, paths[name], wanted.runs, out)]
        _show("READ", "KAFKA-S", rows)
        print()
        ranges = list(by_index(paths["uncompressed"], wanted.runs, out))
        _show("READ", "ALL-OF-IT-S", ranges)
        memory = peak_mb(ours(paths["1 GiB"], "--print-data-log"))
    print(f"\npeak memory of all processes for 1 GiB, beyond the mapped file: {memory:.0f} MB")
    late = [name for name, theirs, mine, same in rows if not same or theirs / mine < BOUNDS.get(name, 0)]
    late += [name for name, _, _, same in ranges if not same]
    late += [f"memory over {BOUND_MB} MB"] * (memory > BOUND_MB)
    print(f"bounds not kept: {', '.join(late) if late else 'none'}")
    return 1 if late else 0


def _show(what: str, beside: str, rows: list[tuple[str, float, float, bool]]) -> None:
    columns = [
        Column(what, lambda row: row[0]),
        Column(beside, lambda row: f"{row[1]:.2f}"),
        Column("KAFKACTL-S", lambda row: f"{row[2]:.2f}"),
        Column("TIMES-FASTER", lambda row: f"{row[1] / row[2]:.1f}"),
        Column("AT-LEAST", lambda row: BOUNDS.get(row[0])),
        Column("AS-EXPECTED", lambda row: "yes" if row[3] else "NO"),
    ]
    render.show(listing(columns, rows), stream=sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
