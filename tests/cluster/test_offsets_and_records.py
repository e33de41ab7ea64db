"""offsets and records delete on real clusters."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clusters import RunningCluster


def filled(cluster: RunningCluster, name: str, partitions: int = 2) -> None:
    """A topic with ten records in each partition."""
    cluster.cli.ok("topics", "create", name, "-p", partitions)
    for partition in range(partitions):
        lines = "".join(f"{number}\n" for number in range(10))
        cluster.cli.ok("produce", name, "--partition", partition, input=lines)


def offsets(cluster: RunningCluster, *arguments: object) -> dict[int, int | None]:
    rows = json.loads(cluster.cli.ok("offsets", *arguments, "-o", "json"))
    return {row["partition"]: row["offset"] for row in rows}


def test_offsets_of_every_moment(cluster: RunningCluster, name: str) -> None:
    filled(cluster, name)
    assert offsets(cluster, name) == {0: 10, 1: 10}
    assert offsets(cluster, name, "--time", "earliest") == {0: 0, 1: 0}
    assert offsets(cluster, name, "--time", "0") == {0: 0, 1: 0}
    assert offsets(cluster, name, "--time", "2000-01-01") == {0: 0, 1: 0}
    assert offsets(cluster, name, "--time", "2100-01-01") == {0: None, 1: None}
    assert set(offsets(cluster, name, "--time", "max-timestamp")) == {0, 1}
    assert offsets(cluster, name, "--time", "earliest-local") == {0: 0, 1: 0}
    assert offsets(cluster, "--topic-partitions", f"{name}:1") == {1: 10}
    assert offsets(cluster, name, "--partitions", "0") == {0: 10}
    (row, _) = json.loads(cluster.cli.ok("offsets", name, "--count", "--rate", "0.01", "-o", "json"))
    assert (row["start"], row["end"], row["count"], row["per_second"]) == (0, 10, 10, 0.0)


def test_wrong_questions(kraft: RunningCluster) -> None:
    for arguments, words in {
        ("no-such-topic",): "topic not found: 'no-such-topic'",
        ("--topic-partitions", "no-such-topic"): "no partition matches --topic-partitions",
        ("(",): "invalid value '(' for TOPIC",
        ("--time", "-9"): "a negative number is not a time",
        ("--time", "soon"): "this is not a time",
        ("x", "--topic-partitions", "y"): "--topic-partitions and a selection of topics are mutually exclusive",
        ("--topic-partitions", "a:b"): "invalid value 'a:b' for --topic-partitions: not a selection of partitions",
        ("--partitions", "one"): "not partition numbers",
        ("--count", "-o", "kafka"): "--count and -o kafka are mutually exclusive",
    }.items():
        assert words in kraft.cli("offsets", *arguments).stderr, arguments


def test_records_are_deleted_before_an_offset_and_a_time(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    filled(cluster, name)
    cli = cluster.cli
    planned = json.loads(cli.ok("records", "delete", name, "--before-offset", 3, "--dry-run", "-o", "json"))
    assert [(row["start"], row["before_offset"], row["records"]) for row in planned] == [(0, 3, 3), (0, 3, 3)]
    assert offsets(cluster, name, "--time", "earliest") == {0: 0, 1: 0}
    assert "there is no terminal to ask at" in cli("records", "delete", name, "--before-offset", 3, check=2).stderr
    cli.ok("records", "delete", name, "--before-offset", 3, "--partitions", "1", "--yes")
    assert offsets(cluster, name, "--time", "earliest") == {0: 0, 1: 3}
    cli.ok("records", "delete", name, "--before-time", "2000-01-01", "--yes")
    assert offsets(cluster, name, "--time", "earliest") == {0: 0, 1: 3}
    file = tmp_path / "offsets.json"
    wanted = [{"topic": name, "partition": number, "offset": offset} for number, offset in ((0, 4), (1, 99), (5, 1))]
    file.write_text(json.dumps({"partitions": wanted, "version": 1}))
    done = cli("records", "delete", "--offset-json-file", file, "--yes", check=1)
    assert f"error: {name}-1: the offset is outside the log" in done.stderr
    assert f"error: {name}-5: " in done.stderr
    assert offsets(cluster, name, "--time", "earliest") == {0: 4, 1: 3}
    cli.ok("records", "delete", name, "--all", "--yes")
    assert offsets(cluster, name, "--time", "earliest") == {0: 10, 1: 10}


def test_offset_files_that_are_refused(kraft: RunningCluster, tmp_path: Path) -> None:
    file = tmp_path / "offsets.json"
    one = {"topic": "t", "partition": 0, "offset": 1}
    for content, words in {
        "{": "not JSON",
        "[]": "not the json of offsets",
        json.dumps({"partitions": [[]]}): "not a partition with an offset",
        json.dumps({"partitions": [{**one, "partition": -1}]}): "not a partition with an offset",
        json.dumps({"partitions": [{**one, "offset": True}]}): "not a partition with an offset",
        json.dumps({"partitions": [one], "version": 2}): "version 2",
        json.dumps({"partitions": [one, one]}): "repeated partitions: t-0",
        json.dumps({"partitions": [{**one, "offset": "1"}]}): "not a partition with an offset",
    }.items():
        file.write_text(content)
        assert words in kraft.cli("records", "delete", "--offset-json-file", file, "--yes", check=2).stderr
    missing = kraft.cli("records", "delete", "--offset-json-file", tmp_path / "none", "--yes", check=2)
    assert "No such file" in missing.stderr
    assert (
        "missing option: --before-offset, --before-time, --all or --offset-json-file"
        in kraft.cli("records", "delete", "t", "--yes", check=2).stderr
    )
