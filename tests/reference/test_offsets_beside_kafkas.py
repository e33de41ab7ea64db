"""kafka-get-offsets and kafka-delete-records beside ours with -o kafka, on the same cluster."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clusters import RunningCluster

OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
DELETE_RECORDS = "org.apache.kafka.tools.DeleteRecordsCommand"


def test_get_offsets(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", f"{name}.a", "-p", 12)
    cluster.cli.ok("topics", "create", f"{name}_b", "-p", 2)
    cluster.cli.ok("produce", f"{name}.a", input="".join(f"{number}\n" for number in range(500)))
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    for arguments in (
        ["--topic", f"{name}.*"],
        ["--topic", f"{name}.a", "--partitions", "0,3,11", "--time", "earliest"],
        ["--topic-partitions", f"{name}_b:0,{name}.a:3-7,{name}.a:10-", "--time", "-1"],
        ["--topic", f"{name}.a", "--time", "max-timestamp"],
        ["--topic", f"{name}.a", "--time", "-4"],
        ["--topic", f"{name}.a", "--time", "-5"],
        ["--topic", f"{name}.*", "--time", "1500000000000", "--exclude-internal-topics"],
    ):
        theirs = cluster.java(OFFSETS, *where, *arguments)
        assert cluster.cli.ok("offsets", *arguments, "-o", "kafka") == theirs.stdout, arguments
        assert theirs.stdout or arguments[-1] in ("-5",)


def test_delete_records(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    printed = []
    for each in (f"{name}-ours", f"{name}-java"):
        cluster.cli.ok("topics", "create", each, "-p", 1)
        cluster.cli.ok("produce", each, input="a\nb\nc\n")
        file = tmp_path / f"{each}.json"
        file.write_text(json.dumps({"partitions": [{"topic": each, "partition": 0, "offset": 2}], "version": 1}))
        printed.append(file)
    ours = cluster.cli.ok("records", "delete", "--offset-json-file", printed[0], "--yes", "-o", "kafka")
    theirs = cluster.java(
        DELETE_RECORDS, "--bootstrap-server", cluster.bootstrap_servers, "--offset-json-file", printed[1]
    )
    assert ours.replace("-ours", "-java") == theirs.stdout
    assert theirs.stdout.endswith("low_watermark: 2\n")
