"""The contract of -o json: its page, its schemas, offline commands, and commands at a fake broker."""

from __future__ import annotations

import json
import re
import signal
import struct
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google_crc32c import value as crc32c

from kafkactl.cli.compat import launchers
from kafkactl.storage.records import Record
from tests import json_contract
from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import Acl, FakeCluster, Group, Member, Partition, Producer, Token, Topic, Transaction, placed
from tests.json_contract import (
    PAGE,
    Case,
    case,
    load_contract,
    load_messages,
    load_outputs,
    require_messages,
    require_output,
)
from tests.unit.storage.encoding import KINDS_OF_BATCHES, encode_batch

pytestmark = pytest.mark.slow


OUTPUTS = load_outputs()
MESSAGES = load_messages()
COMMANDS = json_contract.walk_commands()
WITH_JSON = {path: command for path, command in COMMANDS.items() if "json" in json_contract.formats_of(command)}
SCHEMAS = {**{name: output.schema for name, output in OUTPUTS.items()}, **MESSAGES}
OFFLINE = {name for name, output in OUTPUTS.items() if not json_contract.asks_cluster(COMMANDS[output.command])}

DATA = REPOSITORY / "tests" / "data"
FOLDER = DATA / "orders-0"
LOG = FOLDER / f"{0:020}.log"
ELR = "eligible.leader.replicas.version"
VOTER = "AAAAAAAAAAAAAAAAAAAAAQ"
TIME_MS = 1_700_000_000_000


FORMATS = ("json", "jsonl", "yaml")


# ---- the page and the schemas


def test_page_is_generated_from_the_schemas() -> None:
    assert PAGE.read_text(encoding="utf-8") == json_contract.write_page(), (
        "run: python -m tests.json_contract docs/json.md"
    )


def test_every_command_with_json_has_a_schema_and_every_schema_a_command() -> None:
    assert {output.command for output in OUTPUTS.values()} == set(WITH_JSON)
    assert all(name.startswith(output.command) for name, output in OUTPUTS.items())


def test_messages_are_named_by_their_first_field() -> None:
    for name, schema in MESSAGES.items():
        assert next(iter(schema["properties"])) == name


def test_every_shared_part_is_used() -> None:
    text = json.dumps(load_contract())
    for name in load_contract()["$defs"]:
        assert f'"#/$defs/{name}"' in text, name


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_and_strict(name: str) -> None:
    schema = SCHEMAS[name]
    json_contract.check_schema(schema)
    for part in _objects(schema):
        assert "additionalProperties" in part, "every object says whether it takes other fields"
        assert set(part.get("required", ())) <= set(part.get("properties", ()))
        if part["additionalProperties"] is False:
            optional = set(part["properties"]) - set(part["required"])
            assert all("absent" in _description(part["properties"][field]) for field in optional), optional


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_description(name: str) -> None:
    for field in json_contract.walk_fields(SCHEMAS[name]):
        text = field.schema.get("description", "")
        assert re.fullmatch(r"[A-Z0].*\.", text), f"{field.path}: {text!r} is no sentence"
        assert len(text) <= 180, field.path
        types = json_contract.types_of(field.schema)
        if types:
            assert ("null" in types) == bool(re.search(r"\bnull\b", text)), f"{field.path}: null and its meaning"


@pytest.mark.parametrize("name", SCHEMAS)
def test_names_have_their_units(name: str) -> None:
    for field in json_contract.walk_fields(SCHEMAS[name]):
        text, types = field.schema["description"], set(json_contract.types_of(field.schema)) - {"null"}
        leaf = field.path.rpartition(".")[2]
        assert re.fullmatch(r"[a-z][a-z0-9_]*|\*|.*\[[01]\]", leaf), field.path
        assert leaf.endswith("_ms") == ("in milliseconds" in text), field.path
        assert ("_bytes" in field.path) == ("in bytes" in text), field.path
        if leaf.endswith("_ms"):
            assert types == {"integer"}, field.path
        if leaf.endswith("_bytes"):
            assert types <= {"integer", "object"}, field.path
        if leaf.endswith(("_per_s", "_in_s")):
            assert types == {"number"}, field.path


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_are_valid(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["examples"]
    for example in schema["examples"]:
        json_contract.require_valid(schema, example)


def test_a_value_that_breaks_the_contract_is_refused() -> None:
    schema = OUTPUTS["topics list"].schema
    good = schema["examples"][0][0]
    for bad in ({**good, "new": 1}, {**good, "partitions": 3.0}, {**good, "internal": None}, {"topic": "t"}):
        with pytest.raises(AssertionError):
            json_contract.require_valid(schema, [bad])


def _objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return every object in a schema, shared parts included."""
    schema = json_contract.resolve(schema)
    if "object" in json_contract.types_of(schema) and "anyOf" not in schema and schema["type"] == "object":
        yield schema
    below = [*schema.get("properties", {}).values(), *schema.get("prefixItems", ()), *schema.get("anyOf", ())]
    below += [part for part in (schema.get("additionalProperties"), schema.get("items")) if isinstance(part, dict)]
    for part in below:
        yield from _objects(part)


def _description(schema: Mapping[str, Any]) -> str:
    return str(json_contract.resolve(schema)["description"])


# ---- commands that need no cluster


def _snapshot() -> bytes:
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 0, 7, 11, 3, TIME_MS, 0, -1)
    return struct.pack(">hI", 1, crc32c(body)) + body


SMALL_FILES: Mapping[str, tuple[str, bytes]] = {
    "dump-log txnindex": (f"{0:020}.txnindex", struct.pack(">hqqqq", 0, 7, 4, 12, 13)),
    "dump-log snapshot": (f"{13:020}.snapshot", _snapshot()),
    "dump-log leader-epoch-checkpoint": ("leader-epoch-checkpoint", b"0\n2\n0 0\n3 17\n"),
    "dump-log offset-checkpoint": ("recovery-point-offset-checkpoint", b"0\n1\norders 2 9\n"),
    "dump-log partition.metadata": ("partition.metadata", b"version: 0\ntopic_id: abc\n"),
    "dump-log meta.properties": ("meta.properties", b"#\nnode.id=1\nversion=1\n"),
    "dump-log quorum-state": ("quorum-state", b'{"leaderId":1,"currentVoters":[{"voterId":1}]}'),
}


def prepare_offline_cases(home: Path) -> list[Case]:
    """Return command lines without a cluster, and write the files that they read."""
    legacy = sorted((DATA / "legacy").glob("*.log"))
    own = home / "all-0" / f"{0:020}.log"
    own.parent.mkdir()
    own.write_bytes(b"".join([*KINDS_OF_BATCHES, KINDS_OF_BATCHES[0]]))
    damaged = home / "bad-0" / LOG.name
    damaged.parent.mkdir()
    damaged.write_bytes(LOG.read_bytes()[:200])
    offsets = home / f"{1:020}.log"
    key, value = struct.pack(">h", 1) + b"\0\1g\0\1t" + struct.pack(">i", 0), struct.pack(">hqh", 1, 5, 0)
    offsets.write_bytes(encode_batch([Record(1, TIME_MS, -1, key, value + struct.pack(">qq", 1, 1), ())]))
    (home / "left.yaml").write_text("groups: {a: {t: {0: 1, 1: 2}}}")
    (home / "right.yaml").write_text("groups: {a: {t: {0: 3, 2: 2}}}")
    for name, content in SMALL_FILES.values():
        (home / name).write_bytes(content)
    (home / "bin").mkdir()
    launchers.install(str(home / "bin"), dry_run=False)
    (home / "bin" / "kafka-topics").write_text("another program")
    records = "dump-log records"
    return [
        case("dump-log batches", "dump-log", LOG, own, *legacy),
        case(records, "dump-log", LOG, own, *legacy, "--print-data-log"),
        case(records, "dump-log", LOG, "--print-data-log", "--value-format", "hex", "--limit", 3),
        case(records, "dump-log", offsets, "--offsets-decoder"),
        case("dump-log index", "dump-log", LOG.with_suffix(".index")),
        case("dump-log timeindex", "dump-log", LOG.with_suffix(".timeindex")),
        *(case(output, "dump-log", home / name) for output, (name, _) in SMALL_FILES.items()),
        case("log check", "log", "check", FOLDER, has_values=False),
        case("log check", "log", "check", damaged.parent, expected=4),
        case("features version-mapping", "features", "version-mapping"),
        case("features dependencies", "features", "dependencies", f"{ELR}=1", "group.version=1"),
        case("log stats", "log", "stats", FOLDER, own.parent),
        case("log stats --by topic", "log", "stats", FOLDER, "--by", "topic"),
        case("log stats --by segment", "log", "stats", FOLDER, "--by", "segment", "--top", 1),
        case("context list", "context", "list"),
        case("context show", "context", "show", "a"),
        case("local status", "local", "status", has_values=False),
        case("compat install", "compat", "install", home / "bin", "--dry-run", expected=1),
        case("compat remove", "compat", "remove", home / "bin", "--dry-run"),
        case("compat list", "compat", "list"),
        case("compat list", "compat", "list", "kafka-configs.sh"),
        case("groups diff", "groups", "diff", home / "left.yaml", home / "right.yaml", expected=4),
        case("groups diff", "groups", "diff", home / "left.yaml", home / "left.yaml", has_values=False),
    ]


def test_offline_commands(cli: Cli, tmp_path: Path) -> None:
    cli.ok("context", "set", "a", "-b", "127.0.0.1:9092", "-X", "client.id=ops")
    cli.ok("context", "set", "b", "-b", "127.0.0.1:9093", "--read-only")
    cases = prepare_offline_cases(tmp_path)
    assert {item.output for item in cases} >= OFFLINE, "every form of an offline command is tried"
    require_cases(cli, cases, dict.fromkeys(FORMATS, ()))


def require_cases(cli: Cli, cases: Sequence[Case], before: Mapping[str, Sequence[object]]) -> None:
    """Run command lines with each of their formats; values must be valid, and equal in all formats.

    `before` has the first arguments of each format: the cluster.
    """

    def run_format(format: str) -> list[list[Any]]:
        lines = [
            replace(item, arguments=(*before[format], *item.arguments)) for item in cases if offers_format(item, format)
        ]
        return json_contract.run_cases(cli.full_environment(), lines, format)

    with ThreadPoolExecutor(len(FORMATS)) as pool:
        by_format = dict(zip(FORMATS, pool.map(run_format, FORMATS), strict=True))
    for format in FORMATS[1:]:
        expected = [
            values for item, values in zip(cases, by_format["json"], strict=True) if offers_format(item, format)
        ]
        assert by_format[format] == expected, f"-o {format} has other data than -o json"


def offers_format(item: Case, format: str) -> bool:
    """Return whether the command of a case has a format."""
    return format in json_contract.formats_of(COMMANDS[OUTPUTS[item.output].command])


def test_local_status_of_a_cluster_that_was_started(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "local" / "kraft"
    folder.mkdir(parents=True)
    record = {"target": "kraft", "engine": "native", "version": "4.3.1", "port": 9092}
    (folder / "instance.json").write_text(json.dumps(record))
    ((node,),) = require_output("local status", cli.ok("local", "status", "-o", "json"))
    assert (node["state"], node["pid"]) == ("stopped", None)


# ---- errors


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("nosuch",), 2),
        (("topics", "list", "--nosuch"), 2),
        (("topics", "create"), 2),
        (("topics", "describe", ""), 2),
        (("offsets", "t", "--time", "noon"), 2),
        (("context", "show", "nosuch"), 1),
        (("dump-log", "nosuch.log"), 2),
        (("topics", "plan", "nosuch.yaml"), 2),
        (("log", "check", "."), 1),
        (("-b", "127.0.0.1:1", "--timeout", "1", "topics", "list"), 3),
    ],
)
def test_errors_are_objects(cli: Cli, tmp_path: Path, arguments: Sequence[str], status: int) -> None:
    flags = ("-o", "json") if len(arguments) % 2 else ("--output=jsonl",)
    done = cli(*flags, *arguments) if arguments == ("nosuch",) else cli(*arguments, *flags)
    (message,) = require_messages(done.stderr)
    assert (message["status"], done.returncode, done.stdout) == (status, status, "")


def test_errors_are_objects_by_the_variable(cli: Cli) -> None:
    done = cli.with_environment(KAFKACTL_OUTPUT="json")("topics", "list", "--nosuch", check=2)
    (message,) = require_messages(done.stderr)
    assert message["status"] == 2


def test_notes_and_warnings_are_objects(cli: Cli, broker: FakeCluster) -> None:
    reset = ("groups", "reset-offsets", "idle", "--topic", "orders:0", "--to-offset", 99)
    done = cli("-b", broker.address, *reset, "-o", "json", check=0)
    assert [next(iter(message)) for message in require_messages(done.stderr)] == ["warning", "note"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("topics", "describe", "nosuch"), 3),
        (("topics", "create", "orders"), 36),
        (("topics", "delete", "nosuch", "--yes"), 3),
        (("groups", "delete", "nosuch", "--yes"), 69),
    ],
)
def test_an_error_of_a_broker_has_its_code(line: Sequence[str], code: int, cli: Cli, broker: FakeCluster) -> None:
    """Also one of an item among others, as on stdout."""
    done = cli("-b", broker.address, *line, "-o", "json", check=1)
    (message,) = require_messages(done.stderr)
    assert message["code"] == code
    rows = json.loads(done.stdout or "[]")
    assert [row["code"] for row in rows] == [code] * len(rows)


# ---- commands at a fake broker


@pytest.fixture
def broker() -> Iterator[FakeCluster]:
    with build_fake_cluster() as cluster:
        yield cluster


def build_fake_cluster() -> FakeCluster:
    """Return two brokers with topics, groups of both protocols, quotas and credentials."""
    topics = [Topic("orders", [placed([1, 2]), placed([2, 1])], {"retention.ms": "1000"}), Topic("other")]
    topics.append(Topic("moved", [Partition(leader=2, replicas=[1, 2], isr=[1, 2])]))
    for partition in topics[0].all_partitions:
        partition.end, partition.size_bytes = 10, 700
    busy = Member(id="m1", instance_id="i1", assignment={"orders": [0, 1]})
    new = Member(id="m2", assignment={"orders": [0]}, target={"orders": [0, 1]})
    groups = [
        Group("idle", offsets={("orders", 0): 4, ("other", 0): 7}),
        Group("busy", state="Stable", members=[busy], offsets={("orders", 0): 4}),
        Group("new", type="Consumer", state="Stable", members=[new], offsets={("orders", 1): 10}),
    ]
    cluster = FakeCluster(brokers=2, topics=topics, groups=groups)
    cluster.state.brokers[1].more_log_dirs = ("/disk2",)
    topics[1].all_partitions[0].future_log_dirs[1] = "/disk2"
    cluster.state.configs[4, "1"] = {"replica.alter.log.dirs.io.max.bytes.per.second": "5"}
    cluster.state.tokens["token-1"] = Token(
        hmac=b"h" * 64, owner="ann", renewers=["eve"], issue_ms=TIME_MS, expiry_ms=TIME_MS + 1, max_ms=TIME_MS + 2
    )
    cluster.state.configs[16, "apps"] = {"interval.ms": "1000", "match": "client_id=a.*,client_software_name=b"}
    topics.append(Topic("running", [Partition(leader=1, replicas=[1], isr=[1], target=[2])]))
    cluster.state.topics["running"] = topics[-1]
    cluster.state.quotas[frozenset({("user", "ann")})] = {"producer_byte_rate": 1048576.0}
    cluster.state.quotas[frozenset({("user", None), ("client-id", "app")})] = {"request_percentage": 12.5}
    cluster.state.directory_ids[2] = uuid.UUID(int=1)
    cluster.state.observers[9] = uuid.UUID(int=9)
    cluster.state.acls += [
        Acl(resource_name="orders", principal="User:ann"),
        Acl(resource_name="orders", principal="User:*", host="10.0.0.1", permission_type=2),
        Acl(resource_name="or", pattern_type=4, principal="User:bob", operation=4),
    ]
    cluster.state.scram["ann"] = {1: 4096, 2: 8192}
    cluster.state.transactions["open"] = Transaction(producer_id=7, start_ms=1, partitions=[("orders", 0)])
    cluster.state.producers["moved", 0] = [Producer(id=8, start_offset=5)]
    return cluster


DECLARATION = "topics: {orders: {partitions: 3, configs: {retention.ms: 7}}, declared: {partitions: 1}}"
PLAN = (
    '{"partitions": [{"topic": "moved", "partition": 0, "replicas": [2]},'
    ' {"topic": "running", "partition": 0, "replicas": [2]}]}'
)
EXPORT = "groups: {idle: {orders: {0: 1, 1: 2}}}"

ACLS = "acls: [{type: topic, name: orders, rules: [{principal: User:bob, operations: [Read, Write]}]}]"
GRANT = ("--allow", "User:bob", "--operation", "Read")

DIR_MOVE = ("log-dirs", "move", "moved", "--broker", 1, "--to", "/disk2")
READING = [
    case("topics list", "topics", "list"),
    case("topics describe", "topics", "describe", "orders"),
    case("topics describe", "topics", "describe", "--size", "--count"),
    case("topics alter --dry-run", "topics", "alter", "orders", "-r", 1, "--dry-run"),
    case("topics export", "topics", "export", "orders", "other"),
    case("topics plan", "topics", "plan", "topics.yaml", expected=4),
    case("topics apply --dry-run", "topics", "apply", "topics.yaml", "--dry-run"),
    case("groups list", "groups", "list"),
    case("groups list", "groups", "list", "--type", "share", has_values=False),
    case("groups describe", "groups", "describe"),
    case("groups describe", "groups", "describe", "idle", "--offsets", "--verbose"),
    case("groups describe", "groups", "describe", "busy", "--lag", "--no-time"),
    case("groups describe --members", "groups", "describe", "--members"),
    case("groups describe --members", "groups", "describe", "--members", "--verbose"),
    case("groups describe --state", "groups", "describe", "--state", "--verbose"),
    case("groups explain", "groups", "explain", "idle", "--interval", "50ms", expected=4),
    case("groups reset-offsets", "groups", "reset-offsets", "idle", "--all-topics", "--to-latest"),
    case("groups clone", "groups", "clone", "idle", "copy"),
    case("groups export", "groups", "export", "--all-groups"),
    case("groups import", "groups", "import", "groups.yaml"),
    case("configs describe", "configs", "describe", "topics"),
    case("configs describe", "configs", "describe", "topics", "orders", "--all", "--documentation"),
    case("configs describe", "configs", "describe", "brokers", "1", "--all"),
    case("configs describe users", "configs", "describe", "users", "ann"),
    case("configs describe users", "configs", "describe", "ips", has_values=False),
    case("configs alter", "configs", "alter", "topics", "orders", "--set", "retention.ms=5", "--dry-run"),
    case("configs diff", "configs", "diff", "topics", "orders", "other", expected=4),
    case("quotas list", "quotas", "list"),
    case("quotas set", "quotas", "set", "--user", "bob", "producer_byte_rate=5", "--dry-run"),
    case("users list", "users", "list"),
    case("acls list", "acls", "list"),
    case("acls list", "acls", "list", "topic:orders", "--principal", "User:ann"),
    case("acls add --dry-run", "acls", "add", "topic:orders", *GRANT, "--dry-run"),
    case("acls remove --dry-run", "acls", "remove", "topic:orders", "--dry-run"),
    case("acls export", "acls", "export"),
    case("acls plan", "acls", "plan", "acls.yaml", expected=4),
    case("acls apply --dry-run", "acls", "apply", "acls.yaml", "--dry-run"),
    case("acls check", "acls", "check", "User:ann", "Read", "topic:orders"),
    case("acls check", "acls", "check", "User:eve", "Write", "topic:orders", expected=4),
    case("acls who", "acls", "who", "Read", "topic:orders", "--all"),
    case("brokers list", "brokers", "list", "--size"),
    case("brokers describe", "brokers", "describe", 1),
    case("brokers api-versions", "brokers", "api-versions", 2),
    case("leaders list", "leaders", "list", "moved"),
    case("leaders elect --dry-run", "leaders", "elect", "moved", "--dry-run"),
    case("log-dirs list", "log-dirs", "list"),
    case("log-dirs replicas", "log-dirs", "replicas"),
    case("log-dirs replicas --by", "log-dirs", "replicas", "--by", "broker"),
    case("log-dirs replicas --by", "log-dirs", "replicas", "--by", "topic"),
    case("log-dirs replicas --by", "log-dirs", "replicas", "--by", "partition"),
    case("log-dirs move --dry-run", *DIR_MOVE, "--dry-run"),
    case("reassign generate", "reassign", "generate", "other", "--brokers", 2),
    case("brokers balance", "brokers", "balance", "--by", "count"),
    case("reassign execute --dry-run", "reassign", "execute", "plan.json", "--dry-run"),
    case("reassign verify", "reassign", "verify", "plan.json", expected=4),
    case("reassign list", "reassign", "list"),
    case("reassign cancel --dry-run", "reassign", "cancel", "--all", "--dry-run"),
    case("throttles list", "throttles", "list"),
    case("throttles clear --dry-run", "throttles", "clear", "--dry-run"),
    case("transactions list", "transactions", "list"),
    case("transactions describe", "transactions", "describe", "open", "nosuch", expected=1),
    case("transactions producers", "transactions", "producers", "moved"),
    case("transactions find-hanging", "transactions", "find-hanging", "moved"),
    case("quorum status", "quorum", "status"),
    case("quorum replication", "quorum", "replication"),
    case("features describe", "features", "describe"),
    case("features upgrade", "features", "upgrade", "metadata.version=4.1", "--dry-run"),
    case("client-metrics list", "client-metrics", "list"),
    case("client-metrics describe", "client-metrics", "describe", "apps", "nosuch", expected=1),
    case("client-metrics alter", "client-metrics", "alter", "apps", "--interval", "1m", "--dry-run"),
    case("tokens describe", "tokens", "describe", "token-1", "nosuch", expected=1),
    case("tokens describe", "tokens", "describe", "--owner", "User:ann", "--show-hmac"),
    case("cluster id", "cluster", "id"),
    case("cluster endpoints", "cluster", "endpoints"),
    case("brokers wait", "brokers", "wait", "--count", 2),
    case("brokers drain --dry-run", "brokers", "drain", 2, "orders", "--dry-run", expected=1, has_values=False),
    case("offsets", "offsets", "orders"),
    case("offsets", "offsets", "orders", "--time", TIME_MS),
    case("offsets --count", "offsets", "--count"),
    case("offsets --rate", "offsets", "orders", "--rate", "50ms"),
    case("records delete --dry-run", "records", "delete", "orders", "--all", "--dry-run"),
]  # fmt: skip
CHANGING = [
    case("brokers drain", "brokers", "drain", 2, "orders", "--yes", expected=1, has_values=False),
    case("topics create", "topics", "create", "fresh", "fresh.2", "-p", 2),
    case("topics create", "topics", "create", "orders", expected=1),
    case("topics alter", "topics", "alter", "other", "-p", 4),
    case("topics apply", "topics", "apply", "topics.yaml", "--yes"),
    case("topics alter", "topics", "alter", "orders", "-r", 1, "--no-wait", "--yes"),
    case("groups delete-offsets", "groups", "delete-offsets", "busy", "--topic", "orders", "--yes", expected=1),
    case("groups delete-offsets", "groups", "delete-offsets", "idle", "--topic", "orders:0", "--yes"),
    case("groups reset-offsets", "groups", "reset-offsets", "idle", "--topic", "orders", "--to-earliest", "--execute"),
    case("groups clone", "groups", "clone", "idle", "copy", "--execute"),
    case("groups import", "groups", "import", "groups.yaml", "--execute"),
    case("groups delete", "groups", "delete", "idle", "busy", "--yes", expected=1),
    case("groups remove-members", "groups", "remove-members", "busy", "--all", "--yes"),
    case("configs alter", "configs", "alter", "topics", "orders", "--set", "retention.ms=5"),
    case("quotas set", "quotas", "set", "--user", "bob", "producer_byte_rate=5"),
    case("quotas unset", "quotas", "unset", "--user", "ann", "producer_byte_rate"),
    case("acls add", "acls", "add", "topic:orders", *GRANT, "--yes"),
    case("acls add", "acls", "add", "topic:orders", *GRANT, "--yes"),
    case("acls apply", "acls", "apply", "acls.yaml", "--yes"),
    case("acls remove", "acls", "remove", "topic:orders", "--yes"),
    case("users set", "users", "set", "bob", "--password-file", "-", input="secret\n"),
    case("users delete", "users", "delete", "ann", "--yes"),
    case("records delete", "records", "delete", "orders", "--before-offset", 99, "--yes", expected=1),
    case("records delete", "records", "delete", "orders", "--before-offset", 0, "--yes"),
    case("topics delete", "topics", "delete", "orders", "nosuch", "--yes", expected=1),
    case("features downgrade", "features", "downgrade", "metadata.version=3.9", "--yes"),
    case("features disable", "features", "disable", "nosuch", "--yes", expected=1),
    case("client-metrics alter", "client-metrics", "alter", "new", "--metrics", "*", "--yes"),
    case("client-metrics delete", "client-metrics", "delete", "apps", "nosuch", "--yes", expected=1),
    case("tokens create", "tokens", "create", "--owner", "User:bob", "--renewer", "User:eve", "--yes"),
    case("tokens create", "tokens", "create", "--show-hmac", "--yes"),
    case("tokens renew", "tokens", "renew", "token-1", "nosuch", "--yes", expected=1),
    case("tokens expire", "tokens", "expire", "token-1", "--yes"),
    case("leaders elect", "leaders", "elect", "moved", "--yes"),
    case("log-dirs move", *DIR_MOVE, "--no-wait", "--yes"),
    case("reassign cancel", "reassign", "cancel", "--all", "--preserve-throttles", "--yes"),
    case("reassign execute", "reassign", "execute", "plan.json", "--no-wait", "--yes"),
    case("throttles clear", "throttles", "clear", "--yes"),
    case("transactions abort", "transactions", "abort", "moved", "--partition", 0, "--start-offset", 5, "--yes"),
    case("transactions force-terminate", "transactions", "force-terminate", "open", "--yes"),
    case("quorum add-controller", "quorum", "add-controller", 9, "--endpoint", "CONTROLLER://h:1", "--yes"),
    case("quorum remove-controller", "quorum", "remove-controller", 2, "--directory-id", VOTER, "--yes"),
    case("brokers unregister", "brokers", "unregister", 2, "--force", "--yes"),
]
"""These run after each other at a cluster of their own for each format."""


def fill_in_files(cases: Sequence[Case], home: Path) -> list[Case]:
    """Return the cases with paths of their files, which are written."""
    (home / "topics.yaml").write_text(DECLARATION)
    (home / "groups.yaml").write_text(EXPORT)
    (home / "acls.yaml").write_text(ACLS)
    (home / "plan.json").write_text(PLAN)
    names = ("topics.yaml", "groups.yaml", "acls.yaml", "plan.json")
    files = {name: home / name for name in names}
    return [replace(item, arguments=[files.get(str(text), text) for text in item.arguments]) for item in cases]


def test_reading_commands_at_a_fake_broker(cli: Cli, broker: FakeCluster, tmp_path: Path) -> None:
    require_cases(cli, fill_in_files(READING, tmp_path), dict.fromkeys(FORMATS, ("-b", broker.address)))


def test_changing_commands_at_a_fake_broker(cli: Cli, tmp_path: Path) -> None:
    with ExitStack() as stack:
        clusters = {format: stack.enter_context(build_fake_cluster()) for format in FORMATS}
        before = {format: ("-b", cluster.address) for format, cluster in clusters.items()}
        require_cases(cli, fill_in_files(CHANGING, tmp_path), before)


def test_every_result_of_the_fake_broker_is_tried() -> None:
    covered = {item.output for item in (*READING, *CHANGING)} | {"groups describe --watch"}
    assert set(OUTPUTS) - OFFLINE - covered == {"console-consumer", "groups diff"} - OFFLINE


def test_watch_at_a_fake_broker(cli: Cli, broker: FakeCluster) -> None:
    watch = ("groups", "describe", "--watch", "100ms", "--no-time", "-o", "json")
    process = cli.start("-b", broker.address, *watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(6)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    values = require_output("groups describe --watch", "".join(lines))
    assert [value["group"] for value in values] == ["busy", "idle", "new"] * 2
    assert values[0]["produced_per_s"] is None
    assert values[5]["produced_per_s"] == 0.0


def test_several_groups_of_an_import_are_one_list(cli: Cli, broker: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("groups: {idle: {orders: {0: 1}}, fresh: {orders: {0: 2}}}")
    done = cli("-b", broker.address, "groups", "import", tmp_path / "two.yaml", "-o", "json", check=0)
    rows = json.loads(done.stdout)
    json_contract.require_valid(OUTPUTS["groups import"].schema, rows)
    assert [row["group"] for row in rows] == ["fresh", "idle"]


@pytest.mark.slow
def test_csv_of_nothing_has_its_headings_and_refuses_unknown_columns(cli: Cli, tmp_path: Path) -> None:
    """A program that reads csv of a new cluster finds the same columns as of a full one."""
    checked = set()
    with FakeCluster(brokers=1) as empty:
        for item in fill_in_files(READING, tmp_path):
            words = ("-b", empty.address, "--timeout", "3", *map(str, item.arguments), "-o", "csv")
            done = cli(*words)
            if "export" in words or done.returncode not in (0, 4):
                continue
            assert done.stdout, words
            assert "for --columns" in cli(*words, "--columns", "NOPE", check=2).stderr, words
            checked.add(item.output)
    assert checked > {"topics list", "groups describe", "configs describe", "configs describe users", "acls list"}


def test_csv_of_several_entities_names_each(cli: Cli, broker: FakeCluster) -> None:
    done = cli.ok("configs", "describe", "topics", "-o", "csv", "--columns", "entity,name,value", "-b", broker.address)
    assert done.splitlines()[:2] == ["entity,name,value", "orders,retention.ms,1000"]
