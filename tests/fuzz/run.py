"""`python -m tests.fuzz.run --inputs 5000000 --jobs 2 --log docs/fuzz.txt`: many damaged files through every reader.

A finding is an error that is not ours, an input that takes longer than a second, or memory past its bound; its bytes
are printed. CI runs a smaller count of it (test_fuzz.py).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

from kafkactl.storage import readers
from tests.fuzz.mutate import mutate
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, limit_memory

SLOW_S = 1.0
SHARES = {"segment": 35, "check": 10, "index": 15, "small": 10, "message": 20, "folder": 5, "lookup": 5}  # of a hundred


@dataclass(frozen=True)
class Finding:
    """An input that did what no input should."""

    target: str
    seed: int
    number: int
    what: str
    data: bytes


def run(
    seed: int, inputs: int, folder: Path, shares: Mapping[str, int] = SHARES
) -> tuple[Counter[str], list[Finding], float]:
    """So many inputs from a seed: how many of each target, what was found, and the slowest one's seconds."""
    limit_memory()
    random = Random(seed)
    starts = {target: seeds(target) for target in shares}
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    slowest = 0.0
    names, weights = list(shares), list(shares.values())
    for number in range(inputs):
        (target,) = random.choices(names, weights)
        data = mutate(random.choice(starts[target]), random, starts[target])
        before = time.perf_counter()
        what = None
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                TARGETS[target](folder, data)
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            what = f"{type(error).__name__}: {error}"
        taken = time.perf_counter() - before
        slowest = max(slowest, taken)
        if taken > SLOW_S:
            what = f"{taken:.1f} s"
        if what:
            findings.append(Finding(target, seed, number, what, data))
        counts[target] += 1
    return counts, findings, slowest


def _work(arguments: tuple[int, int, Mapping[str, int]]) -> tuple[Counter[str], list[Finding], float, int]:
    seed, inputs, shares = arguments
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name:
        orders = Path(name)
        (orders / f"{0:020}.log").write_bytes(seeds("segment")[-1])
        return *run(seed, inputs, orders, shares), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _portions(
    first_seed: int, inputs: int, size: int, shares: Mapping[str, int]
) -> Iterator[tuple[int, int, Mapping[str, int]]]:
    for number, start in enumerate(range(0, inputs, size)):
        yield first_seed + number, min(size, inputs - start), shares


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--target", action="append", choices=SHARES, help="Only this target; may be repeated.")
    wanted = parser.parse_args()
    shares = {target: share for target, share in SHARES.items() if target in (wanted.target or SHARES)}
    began, counts, findings, slowest, memory = time.time(), Counter[str](), list[Finding](), 0.0, 0
    with get_context("fork").Pool(wanted.jobs) as pool:
        portions = _portions(wanted.seed, wanted.inputs, 20_000, shares)
        for done, found, slow, peak_kb in pool.imap_unordered(_work, portions):
            counts += done
            findings += found
            slowest, memory = max(slowest, slow), max(memory, peak_kb)
            for finding in found:
                print(finding.target, finding.seed, finding.number, finding.what, finding.data.hex(), flush=True)
    lines = [
        f"{sum(counts.values())} inputs from seed {wanted.seed}, {readers.NAME} reader",
        *(f"  {target}: {count}" for target, count in sorted(counts.items())),
        f"findings: {len(findings)}",
        f"slowest input: {slowest * 1000:.0f} ms; peak memory of a process: {memory // 1024} MB",
        f"took {(time.time() - began) / 60:.0f} minutes with {wanted.jobs} processes",
    ]
    print("\n".join(lines))
    if wanted.log:
        with wanted.log.open("a") as log:
            log.write("\n".join([*lines, ""]) + "\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
