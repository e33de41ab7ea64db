"""log check, log stats and dump-log over what real brokers wrote: transactions, compaction, several codecs."""

from __future__ import annotations

import json
from pathlib import Path

from confluent_kafka import Producer

from tests.clusters import RunningCluster, eventually


def folder_of(cluster: RunningCluster, name: str) -> Path:
    (folder,) = [log_dir / f"{name}-0" for log_dir in cluster.log_dirs() if (log_dir / f"{name}-0").is_dir()]
    return folder


def test_transactions_leave_nothing_to_fault(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok(
        "topics", "create", name, "-p", 1, "-r", 1, "-c", "segment.bytes=1048576", "-c", "index.interval.bytes=1"
    )
    settings = {"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": name, "log_level": 0}
    producer = Producer({**settings, "compression.type": "lz4"})
    producer.init_transactions(30)
    for number in range(8):
        producer.begin_transaction()
        for count in range(5):
            producer.produce(name, bytes(range(256)) * 300, f"{number % 3}-{count}")
        producer.flush()
        (producer.abort_transaction if number % 2 else producer.commit_transaction)(30)
    folder = folder_of(cluster, name)
    done = cluster.cli("log", "check", folder, check=0)
    assert done.stderr.endswith("of 1 partition checked: 0 faults\n")
    (row,) = json.loads(cluster.cli.ok("log", "stats", folder, "-o", "json"))
    assert (row["topic"], row["partition"]) == (name, 0)
    assert (row["records"], row["control_records"], row["transactional_batches"]) == (40, 8, row["codecs"]["lz4"])
    assert (row["first_offset"], row["next_offset"], row["missing_offsets"]) == (0, 48, 0)
    aborted = cluster.cli.ok("dump-log", folder, "--only-control", "--deep-iteration", "--grep", "x", "-o", "json")
    assert aborted == ""


def test_compaction_leaves_gaps_and_nothing_to_fault(kraft: RunningCluster, name: str) -> None:
    settings = ["cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.001"]
    settings += ["max.compaction.lag.ms=1", "segment.ms=1000", "file.delete.delay.ms=100"]
    kraft.cli.ok("topics", "create", name, "-p", 1, *(text for each in settings for text in ("-c", each)))
    folder = folder_of(kraft, name)

    def compacted() -> bool:
        lines = "".join(f"k{number % 10}:{number}\n" for number in range(500))
        kraft.cli.ok("produce", name, "--key-separator", ":", input=lines)
        (row,) = json.loads(kraft.cli.ok("log", "stats", folder, "-o", "json"))
        return row["missing_offsets"] > 0

    eventually(compacted, timeout_s=90)
    assert "0 faults" in kraft.cli("log", "check", folder, check=0).stderr
    assert kraft.cli("dump-log", folder, "--deep-iteration", check=0).stdout.count("Dumping ") >= 1


def test_running_brokers_have_no_fault(cluster: RunningCluster) -> None:
    """Whatever other tests write meanwhile: a fault that a second look does not find again is none."""
    for log_dir in cluster.log_dirs():
        rows = json.loads(cluster.cli.ok("log", "check", log_dir, "-o", "json"))
        assert [row for row in rows if row["severity"] == "fault"] == []
        assert ".kafka_cleanshutdown" in {Path(row["file"]).name for row in rows}
