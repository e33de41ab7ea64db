"""Writes tests/data/orders-0/: a real segment, its indexes, and what Kafka's own tool says of them; and legacy/: what
Kafka's own builders make of magic 0 and 1.

Run by hand (`python -m tests.data.make`) when the files should change; the tests read what is committed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests import java_tools
from tests.clusters import running

HERE = Path(__file__).parent
TOPIC = "orders"
OPTIONS = {
    "batches": [],
    "records": ["--print-data-log"],
    "values": ["--print-data-log", "--skip-record-metadata"],
    "limited": ["--deep-iteration", "--max-bytes", "3000"],
    "verified": ["--verify-index-only"],
    "sane": ["--index-sanity-check"],
}


def main() -> None:
    target = HERE / f"{TOPIC}-0"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        cli = cluster.cli
        cli.ok("topics", "create", TOPIC, "-p", 1, "-c", "index.interval.bytes=400")
        keyed = ["produce", TOPIC, "--key-separator", ":"]
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            lines = "".join(f"customer-{n % 7}:order {n} by {codec}, 3 x 커피, paid\n" for n in range(12))
            cli.ok(*keyed, "--compression-codec", codec, input=lines)
        cli.ok(*keyed, "--acks", "1", input="customer-1:without idempotence\n")
        odd = "trace:1,empty:NIL\tcustomer-2\tNIL\nNIL\tNIL\tno key\nNIL\t\t\n"
        properties = ["parse.headers=true", "parse.key=true", "null.marker=NIL"]
        cli.ok("produce", TOPIC, *[text for each in properties for text in ("--property", each)], input=odd)
        cli.ok("produce", TOPIC, input=b"not UTF-8: \xff\xfe caf\xc3\xa9\n")
        (log_dir,) = cluster.log_dirs()
        cli.ok("local", "down", "kraft", "--keep-data")  # a clean end cuts the indexes' padding off
        target.mkdir()
        for file in sorted((log_dir / f"{TOPIC}-0").iterdir()):
            if file.suffix in (".log", ".index", ".timeindex"):
                shutil.copy(file, target)
    os.chdir(HERE)
    files = ",".join(str(file) for file in sorted(Path(f"{TOPIC}-0").iterdir()))
    for name, options in OPTIONS.items():
        done = java_tools.run_alone("org.apache.kafka.tools.DumpLogSegments", *options, "--files", files)
        assert done.returncode == 0, done.stderr
        (HERE / f"{TOPIC}-0.{name}.txt").write_text(done.stdout, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        java_tools.run_alone(str(HERE.parent / "reference" / "LegacySegments.java"), folder)
        (HERE / "legacy").mkdir(exist_ok=True)
        for file in Path(folder).glob("*/*.log"):
            shutil.copy(file, HERE / "legacy" / f"{file.parent.name}.log")


if __name__ == "__main__":
    main()
