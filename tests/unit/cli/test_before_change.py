"""Every command that changes a cluster asks before_change first: a read-only context refuses them all."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import pexpect
import pytest

from kafkactl.cli.app import app
from kafkactl.cli.frame.command import build
from tests.clusters import eventually
from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import Acl, FakeBroker, Group, Partition, Producer, Token, Topic, Transaction

pytestmark = pytest.mark.slow


CHANGES = {
    *("CreateTopics", "CreatePartitions", "DeleteTopics", "IncrementalAlterConfigs", "AlterConfigs", "DeleteRecords"),
    *("AlterReplicaLogDirs", "WriteTxnMarkers"),
    *("AlterPartitionReassignments", "ElectLeaders", "DeleteGroups", "OffsetCommit", "OffsetDelete", "LeaveGroup"),
    *("AlterClientQuotas", "AlterUserScramCredentials", "InitProducerId", "Produce", "JoinGroup"),
    *("CreateDelegationToken", "RenewDelegationToken", "ExpireDelegationToken"),
    *("CreateAcls", "DeleteAcls", "UnregisterBroker", "AddRaftVoter", "RemoveRaftVoter", "UpdateFeatures"),
}
"""Requests that alter records, offsets or metadata."""

COMMANDS = {
    "topics create": ["topics", "create", "new"],
    "topics alter": ["topics", "alter", "orders", "--partitions", "9"],
    "topics alter factor": ["topics", "alter", "moved", "--replication-factor", "1", "--yes"],
    "topics delete": ["topics", "delete", "orders", "--yes"],
    "topics delete recreate": ["topics", "delete", "orders", "--yes", "--recreate"],
    "topics delete dry run": ["topics", "delete", "orders", "--dry-run"],
    "topics apply": ["topics", "apply", "{folder}/topics.yaml", "--yes"],
    "configs alter": ["configs", "alter", "topics", "orders", "--set", "retention.ms=5"],
    "configs alter dry run": ["configs", "alter", "topics", "orders", "--set", "retention.ms=5", "--dry-run"],
    "acls add": ["acls", "add", "topic:orders", "--allow", "User:ann", "--operation", "Read", "--yes"],
    "acls add dry run": ["acls", "add", "topic:orders", "--allow", "User:ann", "--operation", "Read", "--dry-run"],
    "acls remove": ["acls", "remove", "group:billing", "--yes"],
    "acls remove dry run": ["acls", "remove", "group:billing", "--dry-run"],
    "acls apply": ["acls", "apply", "{folder}/acls.yaml", "--yes"],
    "quotas set": ["quotas", "set", "--user", "ann", "producer_byte_rate=5"],
    "quotas unset": ["quotas", "unset", "--user", "ann", "producer_byte_rate"],
    "users set": ["users", "set", "ann", "--password-file", "-"],
    "users delete": ["users", "delete", "bob", "--yes"],
    "brokers unregister": ["brokers", "unregister", "1", "--force", "--yes"],
    "brokers unregister dry run": ["brokers", "unregister", "1", "--force", "--dry-run"],
    "features upgrade": ["features", "upgrade", "metadata.version=27", "--yes"],
    "features upgrade dry run": ["features", "upgrade", "metadata.version=27", "--dry-run"],
    "features downgrade": ["features", "downgrade", "metadata.version=3.9", "--yes"],
    "features disable": ["features", "disable", "metadata.version", "--yes"],
    "client-metrics alter": ["client-metrics", "alter", "apps", "--interval", "1m", "--yes"],
    "client-metrics alter dry run": ["client-metrics", "alter", "apps", "--interval", "1m", "--dry-run"],
    "client-metrics delete": ["client-metrics", "delete", "apps", "--yes"],
    "client-metrics delete dry run": ["client-metrics", "delete", "apps", "--dry-run"],
    "tokens create": ["tokens", "create", "--yes"],
    "tokens create dry run": ["tokens", "create", "--dry-run"],
    "tokens renew": ["tokens", "renew", "token-1", "--yes"],
    "tokens renew dry run": ["tokens", "renew", "token-1", "--dry-run"],
    "tokens expire": ["tokens", "expire", "token-1", "--yes"],
    "tokens expire dry run": ["tokens", "expire", "token-1", "--dry-run"],
    "quorum add-controller": ["quorum", "add-controller", "9", "--endpoint", "CONTROLLER://h:1", "--yes"],
    "quorum remove-controller": ["quorum", "remove-controller", "2", "--directory-id", f"{21 * 'A'}g", "--yes"],
    "brokers drain": ["brokers", "drain", "2", "moved", "--yes"],
    "brokers drain dry run": ["brokers", "drain", "2", "moved", "--dry-run"],
    "leaders elect": ["leaders", "elect", "moved", "--yes"],
    "leaders elect dry run": ["leaders", "elect", "moved", "--dry-run"],
    "log-dirs move": ["log-dirs", "move", "orders", "--broker", "1", "--to", "/disk2", "--no-wait", "--yes"],
    "log-dirs move dry run": ["log-dirs", "move", "orders", "--broker", "1", "--to", "/disk2", "--dry-run"],
    "reassign execute": ["reassign", "execute", "{folder}/plan.json", "--no-wait", "--yes"],
    "reassign execute dry run": ["reassign", "execute", "{folder}/plan.json", "--dry-run"],
    "reassign verify": ["reassign", "verify", "{folder}/plan.json"],
    "reassign cancel": ["reassign", "cancel", "--all", "--yes"],
    "throttles clear": ["throttles", "clear", "--yes"],
    "throttles clear dry run": ["throttles", "clear", "--dry-run"],
    "transactions abort": ["transactions", "abort", "moved", "--partition", "0", "--start-offset", "5", "--yes"],
    "transactions abort dry run": [
        "transactions",
        "abort",
        "moved",
        "--partition",
        "0",
        "--start-offset",
        "5",
        "--dry-run",
    ],
    "transactions force-terminate": ["transactions", "force-terminate", "open", "--yes"],
    "records delete": ["records", "delete", "orders", "--all", "--yes"],
    "groups delete": ["groups", "delete", "billing", "--yes"],
    "groups reset-offsets": ["groups", "reset-offsets", "billing", "--topic", "orders", "--to-earliest", "--execute"],
    "groups reset-offsets preview": ["groups", "reset-offsets", "billing", "--topic", "orders", "--to-earliest"],
    "groups delete-offsets": ["groups", "delete-offsets", "billing", "--topic", "orders", "--yes"],
    "groups remove-members": ["groups", "remove-members", "billing", "--member", "m", "--yes"],
    "groups clone": ["groups", "clone", "billing", "copy", "--execute"],
    "groups import": ["groups", "import", "{folder}/groups.yaml", "--execute"],
    "console-producer": ["produce", "orders"],
    "console-consumer": ["consume", "orders", "--group", "billing"],
}


PLAN = '{"partitions": [{"topic": "moved", "partition": 0, "replicas": [1]}]}'
READS = {
    *("topics list", "topics describe", "topics export", "topics plan", "configs describe", "configs diff"),
    *("acls list", "acls export", "acls plan", "acls check", "acls who"),
    *("quotas list", "users list", "offsets", "dump-log", "log check", "log stats"),
    *("brokers list", "brokers describe", "brokers api-versions", "brokers wait", "cluster id", "cluster endpoints"),
    *(
        "quorum status",
        "quorum replication",
        "leaders list",
        "log-dirs list",
        "reassign generate",
        "brokers balance",
        "reassign list",
        "throttles list",
        "transactions list",
        "transactions describe",
        "transactions producers",
        "transactions find-hanging",
        "log-dirs replicas",
        "features describe",
        "features version-mapping",
        "features dependencies",
        "client-metrics list",
        "client-metrics describe",
        "tokens describe",
    ),
    *("groups list", "groups describe", "groups explain", "groups export", "groups diff", "groups exporter"),
    *("context list", "context show", "context set", "context use", "context delete"),
    *("local up", "local down", "local status", "local logs", "local kill", "local pause", "local resume"),
    *("local restart", "groups validate-regex", "compat install", "compat remove", "compat list"),
}
"""Commands that change no cluster of the user's: contexts and launchers are files, local clusters are thrown away."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Return the names of all commands below one."""
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    if not names:
        yield " ".join(path)
    for name in names:
        yield from leaves(command.get_command(None, name), (*path, name))


def test_every_command_is_known_to_change_or_to_read() -> None:
    """A new command has to be put into one of the two lists."""
    changing = {name for name in leaves(build(app)) if any(key.startswith(name) for key in COMMANDS)}
    assert changing | READS == set(leaves(build(app)))
    assert changing & READS == set()


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with make_broker() as broker:
        yield broker


@contextmanager
def make_broker() -> Iterator[FakeBroker]:
    group = Group("billing", offsets={("orders", 0): 0})
    with FakeBroker(topics={"orders": 3}, groups=[group]) as broker:
        broker.state.acls.append(Acl(resource_type=3, resource_name="billing", principal="User:ann"))
        broker.state.transactions["open"] = Transaction(producer_id=7, start_ms=1, partitions=[("orders", 0)])
        broker.state.producers["moved", 0] = [Producer(id=8, start_offset=5)]
        broker.state.tokens["token-1"] = Token(hmac=b"h", owner="ann", issue_ms=1, expiry_ms=2, max_ms=3)
        broker.state.configs[16, "apps"] = {"interval.ms": "1000"}
        broker.state.directory_ids |= {1: uuid.UUID(int=1), 2: uuid.UUID(int=2)}
        broker.state.quotas[frozenset({("user", "ann")})] = {"producer_byte_rate": 9.0}
        broker.state.observers[9] = uuid.UUID(int=9)
        broker.state.brokers[1].more_log_dirs = ("/disk2",)
        broker.state.topics["moved"] = Topic("moved", [Partition(leader=1, replicas=[2, 1], isr=[1, 2])])
        yield broker


def is_change(name: str) -> bool:
    """Return whether a line of COMMANDS sends a request of its own that changes something."""
    return "dry run" not in name and name not in (
        *("groups reset-offsets preview", "console-producer", "console-consumer"),
        "brokers drain",  # needs more brokers; it moves replicas as `reassign execute`
    )


def asks_exactly(name: str) -> bool:
    """Return whether a line of COMMANDS asks something first, and its client knows whether a change was sent.

    librdkafka sends a change behind a question without an answer, over the same connection, or does not say.
    """
    return name != "configs alter" and name not in (
        *("topics create", "topics alter", "topics delete", "topics delete recreate", "groups delete", "groups clone"),
    )


def in_context(cli: Cli, broker: FakeBroker, *flags: str) -> None:
    cli.ok("context", "set", "prod", "--bootstrap-server", broker.address, *flags)
    cli.ok("context", "use", "prod")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_context_refuses_every_change(name: str, cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    prepare(name, broker, tmp_path)
    in_context(cli, broker, "--read-only")
    done = cli(*(word.format(folder=tmp_path) for word in COMMANDS[name]), input="secret\n")
    assert done.returncode == 2, done.stderr
    assert "context prod is read-only" in done.stderr
    assert "--no-read-only" in done.stderr
    assert [request.api for request in broker.requests if request.api in CHANGES] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMMANDS if is_change(name)])
def test_a_change_without_an_answer_may_have_been_done(name: str, cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    """Every command says so, with the command that shows the present state."""
    prepare(name, broker, tmp_path)
    if name in ("reassign verify", "throttles clear"):  # a broker that is not alive would be another failure
        broker.state.topics["moved"].all_partitions[0].replicas = [1]
    broker.on(CHANGES, freeze=True, when=lambda request: not request.fields.get("validate_only"))
    line = [word.format(folder=tmp_path) for word in COMMANDS[name]]
    done = cli("-b", broker.address, *line, "--timeout", "1", input="secret\n")
    # `reassign verify` has shown the states of the moves, and only the removal of a throttle failed.
    assert done.returncode == (1 if name == "reassign verify" else 3), done.stderr
    assert "may have been" in done.stderr
    assert {request.api for request in broker.requests} & CHANGES
    hints = [line for line in done.stderr.splitlines() if line.startswith("hint:")]
    assert hints
    assert all("check the result" in hint and ": kafkactl " in hint for hint in hints), hints


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMMANDS if is_change(name) and asks_exactly(name)])
def test_a_question_without_an_answer_changed_nothing(name: str, cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    """The last one before the first change is not answered."""
    prepare(name, broker, tmp_path)
    line = [word.format(folder=tmp_path) for word in COMMANDS[name]]
    broker.on(CHANGES, error=87)  # INVALID_RECORD: no command tries again
    cli("-b", broker.address, *line, input="secret\n")
    questions = list(takewhile(lambda api: api not in CHANGES, (request.api for request in broker.requests)))
    last = next(api for api in reversed(questions) if api != "ApiVersions")
    for number in range(questions.count(last), 0, -1):  # clients may ask once more or once less
        with make_broker() as second:
            prepare(name, second, tmp_path)
            left = count(number - 1, -1)
            second.on(last, freeze=True, when=lambda _, left=left: next(left) <= 0)
            done = cli("-b", second.address, *line, "--timeout", "1", input="secret\n")
            if not {request.api for request in second.requests} & CHANGES:
                break
    else:
        pytest.fail("a change was sent without its question")
    assert "may have been done" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["topics create", "configs alter", "quorum remove-controller", "tokens create"])
def test_ctrl_c_while_a_change_is_on_its_way(name: str, cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    """Nobody knows whether it was made; a command that makes a file leaves none behind."""
    prepare(name, broker, tmp_path)
    frozen = broker.on(CHANGES, freeze=True)
    flags = ["--hmac-file", str(tmp_path / "hmac")] if name == "tokens create" else []
    process = cli.start("-b", broker.address, *COMMANDS[name], *flags, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    eventually(lambda: frozen.hits > 0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted: the change may have been done; check the result" in told
    assert ": kafkactl " in told
    assert not (tmp_path / "hmac").exists()


def prepare(name: str, broker: FakeBroker, folder: Path) -> None:
    """Bring a broker into the state, and write the files, in which a command has something to change."""
    (folder / "topics.yaml").write_text("topics: {orders: {partitions: 5}, more: {partitions: 1}}")
    (folder / "acls.yaml").write_text("acls: [{type: group, name: billing, rules: []}]")
    (folder / "plan.json").write_text(PLAN)
    if name.startswith(("reassign verify", "throttles")):
        broker.state.configs[4, "1"] = {"leader.replication.throttled.rate": "5"}
    if name.startswith("brokers drain"):
        broker.state.topics["moved"].all_partitions[0].target = [1]
    if name.startswith("reassign cancel"):
        broker.state.topics["orders"].all_partitions[0].target = [1, 2]
    (folder / "groups.yaml").write_text("groups: {billing: {orders: {0: 1}}}")
    broker.state.scram["bob"] = {1: 4096}


@pytest.mark.parametrize(
    "line",
    [
        "kafka-topics --create --topic new",
        "kafka-topics --delete --topic orders",
        "kafka-topics --alter --topic orders --partitions 9",
        "kafka-configs --alter --topic orders --add-config retention.ms=5",
        "kafka-consumer-groups --delete --group billing",
        "kafka-consumer-groups --reset-offsets --group billing --topic orders --to-latest --execute",
        "kafka-consumer-groups --delete-offsets --group billing --topic orders",
        "kafka-console-producer --topic orders",
        "kafka-acls --add --topic orders --allow-principal User:ann",
        "kafka-acls --remove --topic orders --force",
        "kafka-leader-election --election-type preferred --all-topic-partitions",
        "kafka-features upgrade --feature group.version=1",
        "kafka-cluster unregister --id 1",
        "kafka-client-metrics --alter --name apps --interval 5000",
        "kafka-client-metrics --delete --name apps",
        "kafka-delegation-tokens --create --max-life-time-period -1",
        "kafka-delegation-tokens --renew --hmac aA== --renew-time-period -1",
        "kafka-delegation-tokens --expire --hmac aA== --expiry-time-period -1",
        "kafka-metadata-quorum remove-controller --controller-id 1 --controller-directory-id AAAAAAAAAAAAAAAAAAAAAQ",
    ],
)
def test_a_read_only_context_refuses_every_change_in_kafkas_style(line: str, cli: Cli, broker: FakeBroker) -> None:
    """Kafka's tools do not ask, and the context wins all the same."""
    in_context(cli, broker, "--read-only")
    done = cli.with_environment(KAFKACTL_COMPAT_CONTEXT="1")(*line.split(), input="a\n")
    assert done.returncode != 0
    assert "context prod is read-only" in done.stdout + done.stderr
    assert [request.api for request in broker.requests if request.api in CHANGES] == []


def test_every_question_notes_that_nothing_was_changed() -> None:
    """A command that asks without confirm.py says after Ctrl-C that its change may have been done."""
    files = (REPOSITORY / "kafkactl").rglob("*.py")
    asking = sorted(file.name for file in files if "people.confirm(" in file.read_text())
    assert asking == ["confirm.py"]


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("topics delete orders", "nothing deleted"),
        ("records delete orders --all", "nothing deleted"),
        ("groups reset-offsets new --topic orders --to-earliest --execute", "nothing done"),
    ],
)
def test_ctrl_c_at_a_question(line: str, note: str, cli: Cli, broker: FakeBroker) -> None:
    command, *arguments = cli.command("-b", broker.address, *line.split())
    process = pexpect.spawn(command, arguments, env=cli.full_environment(), encoding="utf-8", timeout=30)
    process.expect(r"\[y/N\]")
    process.sendintr()
    process.expect(pexpect.EOF)
    assert note in process.before
    assert "may have been done" not in process.before
    process.close()
    assert process.exitstatus == 130
    assert [request.api for request in broker.requests if request.api in CHANGES] == []


def test_what_only_reads_is_not_refused(cli: Cli, broker: FakeBroker) -> None:
    in_context(cli, broker, "--read-only")
    for arguments in (["topics", "list"], ["groups", "describe"], ["offsets", "orders"], ["topics", "export"]):
        cli.ok(*arguments)
    in_context(cli, broker, "--no-read-only")
    cli.ok("topics", "create", "new")
    assert "new" in broker.state.topics


def test_with_debug_a_change_is_logged_with_its_inverse(cli: Cli, broker: FakeBroker) -> None:
    in_context(cli, broker)
    assert "undo: kafkactl topics delete new --yes" in cli("--debug", "topics", "create", "new", check=0).stderr
    cli.ok("configs", "alter", "topics", "orders", "--set", "retention.ms=7")
    changed = cli("--debug", "configs", "alter", "topics", "orders", "--set", "retention.ms=5", check=0).stderr
    assert "change: change the configs of topic orders: retention.ms=5" in changed
    assert "undo: kafkactl configs alter topics orders --set retention.ms=7" in changed
    unset = cli("--debug", "configs", "alter", "topics", "orders", "--set", "flush.ms=5", check=0).stderr
    assert "undo: kafkactl configs alter topics orders --unset flush.ms" in unset
    assert "undo: not possible" in cli("--debug", "topics", "delete", "orders", "--yes", check=0).stderr


def test_an_inverse_of_a_name_that_looks_like_an_option(cli: Cli, broker: FakeBroker) -> None:
    in_context(cli, broker)
    created = cli("--debug", "topics", "create", "--", "-t", check=0).stderr
    assert "undo: kafkactl topics delete --yes -- -t\n" in created
    changed = cli("--debug", "configs", "alter", "--set", "flush.ms=5", "--", "topics", "-t", check=0).stderr
    assert "undo: kafkactl configs alter --unset flush.ms -- topics -t\n" in changed
    cli.ok("configs", "alter", "--unset", "flush.ms", "--", "topics", "-t")
    cli.ok("topics", "delete", "--yes", "--", "-t")


def test_the_inverse_of_a_default_quota_selects_the_default(cli: Cli, broker: FakeBroker) -> None:
    in_context(cli, broker)
    changed = cli("--debug", "quotas", "set", "--client-defaults", "producer_byte_rate=5", check=0).stderr
    assert "undo: kafkactl quotas unset --client-defaults producer_byte_rate" in changed


@pytest.mark.parametrize(
    ("typed", "reason"), [(b"a\xffb\r", "the password is not UTF-8"), (b"\x04", "no password was given")]
)
def test_a_password_that_cannot_be_read(typed: bytes, reason: str, cli: Cli, broker: FakeBroker) -> None:
    command, *arguments = cli.command("-b", broker.address, "users", "set", "ann")
    process = pexpect.spawn(command, arguments, env=cli.full_environment(), timeout=30)
    process.expect(b"password for ann: ")
    process.waitnoecho()
    process.send(typed)
    process.expect(pexpect.EOF)
    assert reason.encode() in process.before
    process.close()
    assert process.exitstatus == 2
