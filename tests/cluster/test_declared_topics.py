"""topics export, plan and apply on real clusters."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.clusters import RunningCluster, eventually


def changes(cluster: RunningCluster, file: Path, status: int = 4) -> list[tuple[str, str, str | None, str | None]]:
    rows = json.loads(cluster.cli("topics", "plan", file, "-o", "json", check=status).stdout)
    return [(row["action"], row["what"], row["before"], row["after"]) for row in rows]


def test_a_file_becomes_topics_and_topics_a_file(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    declared = {"partitions": 2, "replication_factor": 1, "configs": {"retention.ms": 5000, "preallocate": True}}
    file.write_text(yaml.safe_dump({"topics": {name: declared, f"{name}.b": None}}))
    assert [row[0] for row in changes(cluster, file)] == ["create", "create"]
    assert "there is no terminal to ask at" in cluster.cli("topics", "apply", file, check=2).stderr
    cluster.cli.ok("topics", "apply", file, "--yes")
    eventually(lambda: changes(cluster, file, status=0) == [])
    assert "no differences" in cluster.cli("topics", "plan", file, check=0).stderr
    exported = yaml.safe_load(cluster.cli.ok("topics", "export", name))
    configs = {"retention.ms": "5000", "preallocate": "true"}
    assert exported == {"topics": {name: {"partitions": 2, "replication_factor": 1, "configs": configs}}}
    file.write_text(cluster.cli.ok("topics", "export", name))
    assert changes(cluster, file, status=0) == []
    exported["topics"][name] = {"partitions": 3, "configs": {"retention.ms": 6000, "flush.ms": 9}}
    file.write_text(yaml.safe_dump(exported))
    assert changes(cluster, file) == [
        ("add partitions", "partitions", "2", "3"),
        ("set", "flush.ms", None, "9"),
        ("unset", "preallocate", "true", None),
        ("set", "retention.ms", "5000", "6000"),
    ]
    cluster.cli.ok("topics", "apply", file, "--dry-run")
    cluster.cli.ok("topics", "apply", file, "--yes")
    eventually(lambda: changes(cluster, file, status=0) == [])


def test_what_cannot_be_is_refused_before_anything_is_done(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 3, "-r", 1)
    file = tmp_path / "topics.yaml"
    declared = {name: {"partitions": 1, "replication_factor": 9}, f"{name}-new": None}
    file.write_text(yaml.safe_dump({"topics": declared}))
    assert [row[0] for row in changes(cluster, file)] == ["impossible", "impossible", "create"]
    refused = cluster.cli("topics", "apply", file, "--yes", check=1).stderr
    assert "no topic was changed" in refused
    assert "partitions cannot be removed" in refused
    assert f"{name}-new" not in cluster.cli.ok("topics", "list").split()


def test_replicas_move(kraft_cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    kraft_cluster.cli.ok("topics", "create", name, "-p", 2, "-r", 1)
    file = tmp_path / "topics.yaml"
    file.write_text(yaml.safe_dump({"topics": {name: {"partitions": 3, "replication_factor": 3}}}))
    done = kraft_cluster.cli.ok("topics", "apply", file, "--yes")
    assert "replication 3: 3 partitions moving" in done, "of the new one, too"
    eventually(lambda: changes_or_none(kraft_cluster, file) == [])


def changes_or_none(cluster: RunningCluster, file: Path) -> object:
    return json.loads(cluster.cli("topics", "plan", file, "-o", "json").stdout)


def test_the_brokers_are_asked_before_anything_is_done(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    """Partitions cannot be taken back: none are added where another change of the file is refused."""
    kraft.cli.ok("topics", "create", name, "-p", 1)
    file = tmp_path / "topics.yaml"
    wrong = {"partitions": 3, "configs": {"retention.ms": "soon", "flush.ms": 9}}
    new = {"partitions": 1, "configs": {"no.such.setting": 1}}
    file.write_text(yaml.safe_dump({"topics": {f"{name}-good": None, f"{name}-wrong": new, name: wrong}}))
    found = changes(kraft, file)
    assert [row[0] for row in found] == ["add partitions", "set", "impossible", "create", "impossible"]
    assert "retention.ms: " in found[2][1]
    assert "no.such.setting" in found[4][1]
    for flag in ("--yes", "--dry-run"):
        kraft.cli("topics", "apply", file, flag, check=1)
    assert kraft.cli.ok("topics", "list", name, "-o", "csv", "--columns", "TOPIC,PARTITIONS").split()[1] == f"{name},1"
    assert f"{name}-good" not in kraft.cli.ok("topics", "list").split()


def test_values_are_taken_as_they_are_written(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    configs = "{cleanup.policy: [compact, delete], retention.ms: ' 5000 ', preallocate: true, max.message.bytes: 4096}"
    text = f"topics: {{{name}: {{partitions: 1, configs: {configs}}}, no: {{partitions: 1}}}}"
    file.write_text(text)
    assert [row[0] for row in changes(kraft, file)] == ["create", "create"]
    kraft.cli.ok("topics", "apply", "-", "--yes", input=text)
    try:
        eventually(lambda: changes(kraft, file, status=0) == [])
        own = yaml.safe_load(kraft.cli.ok("topics", "export", name))["topics"][name]["configs"]
        assert own == {
            "cleanup.policy": "compact,delete", "retention.ms": "5000", "preallocate": "true",
            "max.message.bytes": "4096",
        }  # fmt: skip
        file.write_text(text.replace("[compact, delete]", "'compact , delete'"))
        assert changes(kraft, file, status=0) == []
    finally:
        kraft.cli.ok("topics", "delete", "no", "--yes")


def test_names_that_share_their_metrics_are_warned_of(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(f"topics: {{{name}.a: , {name}_a: }}")
    for arguments in (("plan",), ("apply", "--yes")):
        told = kraft.cli("topics", arguments[0], file, *arguments[1:]).stderr
        assert f"the metrics of {name}.a and {name}_a will share a name" in told


def test_files_that_declare_no_topics(kraft: RunningCluster, tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    for content, words in {
        "[1": "cannot read",
        "x: 1": "declares no topics",
        "topics: {'a b': }": "topic a b: invalid topic name",
        "topics: {a: {partition: 1}}": "invalid fields: only configs, partitions, replication_factor are allowed",
        "topics: {a: {partitions: 0}}": "for partitions: not a number from 1",
        "topics: {a: {partitions: many}}": "for partitions: not a number from 1",
        "topics: {a: {configs: [1]}}": "configs is not a mapping of names to values",
        "topics: {a: {partitions: 010}}": "invalid value '010' for partitions: not a number from 1",
        "topics: {a: {partitions: 3, partitions: 4}}": "'partitions' occurs twice",
        "topics: {a: , a: }": "'a' occurs twice",
        "topics: {a: {configs: {retention.ms: null}}}": "retention.ms has no value",
        "topics: {a: {configs: {retention.ms: {b: 1}}}}": "the value of retention.ms is not a text",
    }.items():
        file.write_text(content)
        assert words in kraft.cli("topics", "plan", file, check=2).stderr, content
    assert "cannot read" in kraft.cli("topics", "plan", tmp_path / "none", check=2).stderr
