"""The contract of -o json at a real broker: every command that asks a cluster, and the files that a broker writes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from tests import json_contract
from tests.acl_broker import AclBroker
from tests.clusters import RunningCluster, eventually
from tests.json_contract import Case, case, load_outputs, require_messages, require_output

OUTPUTS = load_outputs()
WATCH = "groups describe --watch"
NODE_CHANGES = {"brokers unregister", "quorum add-controller", "quorum remove-controller"}
"""Commands that would change the nodes of the shared cluster; the fake broker has their results."""
ELSEWHERE = ("acls ", "log-dirs move", "reassign ", "throttles ", "transactions ", "brokers drain", "tokens ")
"""Beginnings of commands that need an authorizer, a login, several nodes or directories, or an open transaction.

The fake broker has their results; test_acls.py, test_log_dir_moves.py, test_moving_replicas.py, test_draining.py,
test_transactions.py and test_tokens.py run them on clusters.
"""


@pytest.fixture
def topic(kraft: RunningCluster, name: str) -> Iterator[str]:
    """A topic with odd records, and a group of its name that is behind in it; gone at the end."""
    kraft.cli.ok("topics", "create", name, f"{name}.b", "-p", 2, "-c", "retention.ms=86400000")
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers})
    for key, value, headers in (
        (b"k1", b"v1", [("trace", b"1"), ("empty", None), ("odd", b"\xff")]),
        (b"k1", None, []),
        (None, "값".encode(), []),
        (b"\xff\x00", b"not UTF-8: \xfe", []),
        (b"", b"", []),
    ):
        producer.produce(name, value, key, 0, headers=headers)
    producer.flush(30)
    # In another topic, for the marker at its end counts as a record that nobody reads: time lags need a record.
    kraft.cli.ok("produce", f"{name}.b", "--partition", 1, "--transactional-id", name, input="in a transaction\n")
    kraft.cli.ok("groups", "reset-offsets", name, "--topic", f"{name}:0", "--to-offset", 2, "--execute", "--yes")
    yield name
    kraft.cli("topics", "delete", name, f"{name}.b", f"{name}.new", "--yes")
    for group in (name, f"{name}-copy", f"{name}-classic", f"{name}-consumer"):
        kraft.cli("groups", "delete", group, "--yes")


@pytest.fixture
def live(kraft: RunningCluster, topic: str) -> Iterator[None]:
    """A group of each protocol with a member that has committed."""
    members = []
    for protocol, more in (("classic", {"group.instance.id": f"{topic}-1"}), ("consumer", {})):
        settings = {"bootstrap.servers": kraft.bootstrap_servers, "group.protocol": protocol, "client.id": "app"}
        members.append(
            Consumer({**settings, **more, "group.id": f"{topic}-{protocol}", "auto.offset.reset": "earliest"})
        )
        members[-1].subscribe([topic])
    for member in members:
        eventually(lambda member=member: member.poll(0.2) is not None)  # type: ignore[misc]
        member.commit(asynchronous=False)
    yield
    for member in members:
        member.close()


@pytest.fixture
def owner(kraft: RunningCluster, name: str) -> Iterator[str]:
    """A user with quotas and a credential; gone at the end."""
    cli = kraft.cli
    cli.ok("quotas", "set", "--user", name, "producer_byte_rate=1048576", "request_percentage=12.5")
    cli.ok("quotas", "set", "--user", name, "--client-defaults", "consumer_byte_rate=5")
    cli.ok("users", "set", name, "--password-file", "-", input="secret\n")
    eventually(lambda: cli("users", "list", name).returncode == 0)
    yield name
    cli("quotas", "unset", "--user", name, "producer_byte_rate", "request_percentage")
    cli("quotas", "unset", "--user", name, "--client-defaults", "consumer_byte_rate")
    cli("users", "delete", name, "--yes")


def validate_cases(cluster: RunningCluster, *cases: Case) -> set[str]:
    """Run command lines, and return the names of their outputs, which are valid."""
    json_contract.run_cases(cluster.cli.full_environment(), cases, "json")
    return {item.output for item in cases}


def list_topic_cases(topic: str, file: Path) -> list[Case]:
    file.write_text(
        f"topics: {{{topic}: {{partitions: 3, configs: {{retention.ms: 7}}}}, {topic}.new: {{partitions: 1}}}}"
    )
    return [
        case("topics list", "topics", "list"),
        case("topics describe", "topics", "describe", topic, "--size", "--count"),
        case("topics describe", "topics", "describe"),
        case("topics describe", "topics", "describe", "--unavailable", has_values=False),
        case("topics alter --dry-run", "topics", "alter", topic, "-r", 1, "--dry-run", has_values=False),
        case("topics export", "topics", "export"),
        case("topics plan", "topics", "plan", file, expected=4),
        case("topics apply --dry-run", "topics", "apply", file, "--dry-run"),
        case("offsets", "offsets", "--exclude-internal-topics"),
        case("offsets", "offsets", topic, "--time", "max-timestamp"),
        case("offsets", "offsets", topic, "--time", 0),
        case("offsets", "offsets", topic, "--time", "earliest-local"),
        case("offsets --count", "offsets", topic, "--count"),
        case("offsets --rate", "offsets", topic, "--rate", "100ms"),
        case("records delete --dry-run", "records", "delete", topic, "--all", "--dry-run"),
        case("console-consumer", "consume", topic, "--from-beginning", "--exit"),
        case("console-consumer", "consume", topic, "--from-beginning", "--exit", "--value-format", "hex"),
        case("console-consumer", "consume", topic, "--from-beginning", "--exit", "--dedupe-latest"),
    ]


def list_group_cases(topic: str, file: Path) -> list[Case]:
    file.write_text(f"groups: {{{topic}: {{{topic}: {{0: 1, 1: 0}}}}}}")
    describe = ("groups", "describe")
    return [
        case("groups list", "groups", "list"),
        case("groups list", "groups", "list", "--type", "share,consumer"),
        case("groups describe", *describe),
        case("groups describe", *describe, topic, "--offsets", "--verbose"),
        case("groups describe", *describe, "--lag", "--time", "--interval", "100ms"),
        case("groups describe", *describe, "--match", f"{topic}.*", "--lag", "--read-committed", "--sort", "lag"),
        case("groups describe --members", *describe, "--members"),
        case("groups describe --members", *describe, f"{topic}-consumer", "--members", "--verbose"),
        case("groups describe --state", *describe, "--state"),
        case("groups describe --state", *describe, "--state", "--verbose"),
        case("groups explain", "groups", "explain", topic, "--interval", "100ms", expected=4),
        case("groups reset-offsets", "groups", "reset-offsets", topic, "--all-topics", "--shift-by", 1),
        case(
            "groups reset-offsets",
            "groups",
            "reset-offsets",
            topic,
            "--topic",
            topic,
            "--to-latest",
            "--execute",
            "--yes",
        ),
        case("groups clone", "groups", "clone", topic, f"{topic}-copy", "--execute"),
        case("groups export", "groups", "export", "--all-groups"),
        case("groups import", "groups", "import", file, "--execute"),
        case("groups delete-offsets", "groups", "delete-offsets", topic, "--topic", f"{topic}:1", "--yes"),
    ]


def list_config_cases(topic: str, owner: str) -> list[Case]:
    describe = ("configs", "describe")
    return [
        case("configs describe", *describe, "topics", topic),
        case("configs describe", *describe, "topics", topic, "--all", "--documentation"),
        case("configs describe", *describe, "brokers", "--all"),
        case("configs describe", *describe, "broker-loggers", "1"),
        case("configs describe", *describe, "groups", topic, "--all"),
        case("configs describe", *describe, "client-metrics", has_values=False),
        case("configs describe users", *describe, "users", owner),
        case("configs describe users", *describe, "--user", owner, "--client-defaults"),
        case("configs describe users", *describe, "ips", has_values=False),
        case("configs diff", "configs", "diff", "topics", topic, "__consumer_offsets", expected=4),
        case("configs alter", "configs", "alter", "topics", topic, "--set", "retention.ms=5", "--dry-run"),
        case("quotas list", "quotas", "list"),
        case("users list", "users", "list"),
    ]


def list_cluster_cases() -> list[Case]:
    return [
        case("brokers list", "brokers", "list", "--size"),
        case("brokers balance", "brokers", "balance", "--by", "leaders"),
        case("brokers describe", "brokers", "describe", 1),
        case("brokers api-versions", "brokers", "api-versions"),
        case("brokers wait", "brokers", "wait"),
        case("cluster id", "cluster", "id"),
        case("cluster endpoints", "cluster", "endpoints"),
        case("leaders list", "leaders", "list"),
        case("reassign list", "reassign", "list", has_values=False),
        case("throttles list", "throttles", "list", has_values=False),
        case("transactions list", "transactions", "list", has_values=False),
        case("log-dirs list", "log-dirs", "list"),
        case("log-dirs replicas", "log-dirs", "replicas"),
        case("log-dirs replicas --by", "log-dirs", "replicas", "--by", "topic"),
        case("leaders elect --dry-run", "leaders", "elect", "--all", "--dry-run", has_values=False),
        case("leaders elect", "leaders", "elect", "--all", "--yes", has_values=False),
        case("quorum status", "quorum", "status"),
        case("quorum replication", "quorum", "replication"),
        case("features describe", "features", "describe"),
        case("features upgrade", "features", "upgrade", "group.version=1", "--dry-run"),
        case("features downgrade", "features", "downgrade", "transaction.version=1", "--dry-run"),
        case("features disable", "features", "disable", "nosuch", "--yes", expected=1),
    ]  # fmt: skip


def list_change_cases(topic: str, owner: str, file: Path) -> list[Case]:
    return [
        case("topics create", "topics", "create", topic, expected=1),
        case("topics apply", "topics", "apply", file, "--yes"),
        case("topics alter", "topics", "alter", f"{topic}.b", "-p", 3),
        case("topics alter", "topics", "alter", topic, "-r", 1),
        case("configs alter", "configs", "alter", "topics", topic, "--set", "retention.ms=86400000"),
        case("quotas set", "quotas", "set", "--user", owner, "consumer_byte_rate=7"),
        case("quotas unset", "quotas", "unset", "--user", owner, "consumer_byte_rate"),
        case("users set", "users", "set", owner, "-m", "SCRAM-SHA-256", "--password-file", "-", input="secret\n"),
        case("users delete", "users", "delete", owner, "-m", "SCRAM-SHA-256", "--yes"),
        case("client-metrics alter", "client-metrics", "alter", topic, "--interval", "1s", "--metrics", "*", "--yes"),
        case("client-metrics list", "client-metrics", "list"),
        case("client-metrics describe", "client-metrics", "describe"),
        case("client-metrics delete", "client-metrics", "delete", topic, "nosuch", "--yes", expected=1),
        case("groups remove-members", "groups", "remove-members", f"{topic}-classic", "--all", "--yes"),
        case("groups delete", "groups", "delete", f"{topic}-copy", f"{topic}-consumer", "--yes", expected=1),
        case("records delete", "records", "delete", f"{topic}", "--before-offset", 9, "--yes", expected=1),
        case("records delete", "records", "delete", topic, "--all", "--yes"),
        case("topics delete", "topics", "delete", topic, f"{topic}.no", "--yes", expected=1),
    ]


@pytest.mark.usefixtures("live")
def test_commands_at_a_cluster(kraft: RunningCluster, topic: str, owner: str, tmp_path: Path) -> None:
    topics, groups = tmp_path / "topics.yaml", tmp_path / "groups.yaml"
    names = validate_cases(
        kraft, *list_topic_cases(topic, topics), *list_group_cases(topic, groups), *list_config_cases(topic, owner)
    )
    require_watch(kraft)
    names |= validate_cases(kraft, *list_cluster_cases())
    names |= {WATCH} | validate_cases(kraft, *list_change_cases(topic, owner, topics))
    commands = json_contract.walk_commands()
    asking = {name for name, output in OUTPUTS.items() if json_contract.asks_cluster(commands[output.command])}
    asking = {name for name in asking if not name.startswith(ELSEWHERE)}
    assert asking - NODE_CHANGES <= names, "every form of a result of a cluster is tried"


def test_rules_of_a_cluster(acls: AclBroker, name: str, tmp_path: Path) -> None:
    file = tmp_path / "acls.yaml"
    file.write_text(f"acls: [{{type: topic, name: {name}, rules: [{{principal: User:ann, operations: [Read]}}]}}]")
    grant = (f"topic:{name}", "--allow", "User:bob", "--operation", "Write")
    names = validate_cases(
        acls.cluster,
        case("acls add --dry-run", "acls", "add", *grant, "--dry-run"),
        case("acls add", "acls", "add", *grant, "--yes"),
        case("acls list", "acls", "list", f"topic:{name}"),
        case("acls export", "acls", "export", f"topic:{name}"),
        case("acls check", "acls", "check", "User:bob", "Describe", f"topic:{name}"),
        case("acls check", "acls", "check", "User:eve", "Read", f"topic:{name}", expected=4),
        case("acls who", "acls", "who", "Write", f"topic:{name}", "--all"),
        case("acls plan", "acls", "plan", file, expected=4),
        case("acls apply --dry-run", "acls", "apply", file, "--dry-run"),
        case("acls apply", "acls", "apply", file, "--yes"),
        case("acls remove --dry-run", "acls", "remove", f"topic:{name}", "--dry-run"),
        case("acls remove", "acls", "remove", f"topic:{name}", "--yes"),
    )
    assert names == {name for name in OUTPUTS if name.startswith("acls ")}


def require_watch(cluster: RunningCluster) -> None:
    """Read a few lines of groups that are watched."""
    flags = ("--watch", "200ms", "--lag", "-o", "json")
    process = cluster.cli.start("groups", "describe", *flags, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or json.loads(lines[-1])["produced_per_s"] is None:  # rates begin with the second round
        lines.append(process.stdout.readline())
        assert len(lines) < 5000
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    values = require_output(WATCH, "".join(lines))
    assert values[-1]["produced_per_s"] >= 0


def test_fields_that_need_a_live_member(kraft: RunningCluster, topic: str, live: None) -> None:
    def read(group: str, *flags: object) -> Mapping[str, Any]:
        text = kraft.cli.ok("groups", "describe", f"{topic}-{group}", *flags, "-o", "json")
        ((value,),) = require_output("groups describe" if "--lag" in flags else "groups describe --members", text)
        return value  # type: ignore[no-any-return]

    (member,) = read("classic", "--members")["members"]
    assert (member["instance_id"], member["epoch"], len(member["assignment"])) == (f"{topic}-1", None, 2)
    described = read("consumer", "--members", "--verbose")
    assert described["epoch"] >= 1
    assert described["members"][0]["upgraded"] is True
    behind = read("classic", "--lag")
    assert behind["total_lag"] > 0
    assert behind["time_lag_ms"] >= 0
    assert {row["client_id"] for row in behind["partitions"]} == {"app"}


def test_records_as_they_are(kraft: RunningCluster, topic: str) -> None:
    flags = ("--partition", 0, "--offset", "earliest", "--exit", "-o", "json")
    done = kraft.cli("consume", topic, *flags, check=0)
    records = require_output("console-consumer", done.stdout)
    require_messages(done.stderr)
    assert records[0]["headers"] == [["trace", "1"], ["empty", None], {"name": "odd", "value_base64": "/w=="}]
    names = ("key", "value", "key_base64", "value_base64")
    assert [{name: record[name] for name in names if name in record} for record in records] == [
        {"key": "k1", "value": "v1"},
        {"key": "k1", "value": None},
        {"key": None, "value": "값"},
        {"key_base64": "/wA=", "value_base64": "bm90IFVURi04OiD+"},
        {"key": "", "value": ""},
    ]


def test_files_of_a_broker(kraft: RunningCluster, topic: str, tmp_path: Path) -> None:
    (log_dir,) = kraft.log_dirs()
    # The broker writes it twice a second: a copy has whole batches, unless it was made meanwhile.
    metadata = tmp_path / "__cluster_metadata-0"
    eventually(lambda: copied(log_dir / metadata.name, metadata) and kraft.cli("dump-log", metadata).returncode == 0)
    logs = [log_dir / f"{topic}-0", log_dir / f"{topic}.b-1"]
    segment = logs[0] / f"{0:020}.log"
    offsets = sorted(log_dir.glob("__consumer_offsets-*/*.log"))
    records = "dump-log records"
    names = validate_cases(
        kraft,
        case("dump-log batches", "dump-log", *logs, metadata),
        case(records, "dump-log", *logs, "--print-data-log"),
        case(records, "dump-log", metadata, "--cluster-metadata-decoder"),
        case(records, "dump-log", *offsets, "--offsets-decoder"),
        case("dump-log index", "dump-log", segment.with_suffix(".index"), has_values=False),
        case("dump-log timeindex", "dump-log", segment.with_suffix(".timeindex"), has_values=False),
        case("dump-log leader-epoch-checkpoint", "dump-log", metadata / "leader-epoch-checkpoint"),
        case("dump-log partition.metadata", "dump-log", logs[0] / "partition.metadata"),
        case("dump-log quorum-state", "dump-log", metadata / "quorum-state"),
        case("dump-log meta.properties", "dump-log", log_dir / "meta.properties"),
        case("log check", "log", "check", *logs, has_values=False),
        case("log stats", "log", "stats", *logs),
        case("log stats --by topic", "log", "stats", *logs, "--by", "topic"),
        case("log stats --by segment", "log", "stats", *logs, "--by", "segment"),
        case("context list", "context", "list"),
        case("context show", "context", "show"),
        case("local status", "local", "status"),
    )
    assert names


def copied(folder: Path, target: Path) -> Path:
    """Return a fresh copy of a folder."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.lock")))


def test_errors_of_a_cluster(kraft: RunningCluster, name: str) -> None:
    for arguments, status in (
        (("topics", "describe", name), 1),
        (("groups", "describe", name), 1),
        (("offsets", name), 1),
        (("users", "list", name), 1),
        (("configs", "describe", "topics", name), 1),
        (("consume", name, "--exit", "--timeout", 5), None),
    ):
        done = kraft.cli(*arguments, "-o", "json", check=status)
        messages = require_messages(done.stderr)
        assert "error" in messages[0]
        assert json.loads(done.stdout or "[]") == []
