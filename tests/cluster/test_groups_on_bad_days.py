"""Groups that are missing, of other types, or committed where their log is not; and previews that tell the truth."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli
from tests.fake_broker import FakeBroker
from tests.fake_broker.state import Group

OTHER_TYPES = ("share", "streams")


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    groups = [
        Group("billing", offsets={("orders", 0): 0}),
        Group("many", type="Share", protocol_type="share"),
        Group("flow", type="Streams", protocol_type="streams"),
    ]
    with FakeBroker(topics={"orders": 3, "other": 1}, groups=groups) as broker:
        yield broker


def test_groups_of_other_types_are_listed(broker: FakeBroker, cli: Cli) -> None:
    listed = json.loads(cli.ok("-b", broker.address, "groups", "list", "--type", "all", "-o", "json"))
    assert [(each["group"], each["type"]) for each in listed] == [
        ("billing", "Classic"), ("flow", "Streams"), ("many", "Share"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["describe", "{group}"],
        ["describe", "{group}", "--members"],
        ["explain", "{group}"],
        ["export", "{group}"],
        ["delete", "{group}", "--yes"],
        ["delete", "{group}", "--dry-run"],
        ["reset-offsets", "{group}", "--topic", "orders", "--to-earliest", "--execute", "--yes"],
        ["reset-offsets", "{group}", "--topic", "orders", "--to-earliest"],
        ["delete-offsets", "{group}", "--topic", "orders", "--yes"],
        ["remove-members", "{group}", "--all", "--yes"],
        ["clone", "{group}", "new", "--execute"],
        ["clone", "billing", "{group}", "--execute"],
    ],
)
@pytest.mark.parametrize(("group", "kind"), [("many", "share"), ("flow", "streams")])
def test_every_command_says_what_they_are(
    arguments: list[str], group: str, kind: str, broker: FakeBroker, cli: Cli
) -> None:
    done = cli("-b", broker.address, "groups", *(each.format(group=group) for each in arguments), check=1)
    assert f"a {kind} group" in done.stderr
    assert "not support" in done.stderr
    assert {"billing", "many", "flow"} <= set(broker.state.groups)


@pytest.mark.parametrize(
    "arguments",
    [
        ["describe", "billing", "missing", "many"],
        ["describe", "billing", "missing", "many", "--members", "-o", "json"],
        ["describe", "billing", "missing", "many", "--state"],
        ["describe", "billing", "missing", "many", "-o", "kafka"],
        ["export", "billing", "missing", "many"],
        ["delete", "billing", "missing", "many", "--dry-run"],
    ],
)
def test_one_that_is_missing_does_not_hide_the_others(arguments: list[str], broker: FakeBroker, cli: Cli) -> None:
    done = cli("-b", broker.address, "groups", *arguments, check=1)
    assert "billing" in done.stdout
    assert "missing" in done.stderr
    assert "a share group" in done.stderr
    assert done.stderr.count("error") == 2


@pytest.mark.parametrize(
    ("file", "status", "why"),
    [
        ("groups: {billing: {orders: {7: 1}}}", 1, "topic orders has no partition 7"),
        ("groups: {billing: {orders: {0: 0}}, fresh: {gone: {0: 1}}}", 1, "topic not found: 'gone'"),
        ("groups: {many: {orders: {0: 1}}}", 1, "a share group"),
        ("groups: {billing: {orders: {0: 1.9}}}", 2, "not a whole number from 0"),
    ],
)
def test_an_import_is_checked_as_a_whole(
    file: str, status: int, why: str, broker: FakeBroker, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "offsets.yaml").write_text(file)
    for flags in ([], ["--execute"]):
        done = cli("-b", broker.address, "groups", "import", tmp_path / "offsets.yaml", *flags, check=status)
        assert why in done.stderr
    assert broker.state.groups["billing"].offsets == {("orders", 0): 0}
    assert "fresh" not in broker.state.groups


def test_what_a_reset_changes_is_shown(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, input="a\nb\nc\n")
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    reset = ["groups", "reset-offsets", name, "--topic", name, "-o", "json"]
    row = {"group": name, "topic": name, "partition": 0, "old_offset": 3, "error": None}
    assert json.loads(cli.ok(*reset, "--to-offset", 1)) == [{**row, "new_offset": 1, "moved": -2, "ok": None}]
    done = json.loads(cli.ok(*reset, "--to-offset", 1, "--execute"))
    assert done == [{**row, "new_offset": 1, "moved": -2, "ok": True}]
    (tmp_path / "far.yaml").write_text(f"groups: {{{name}: {{{name}: {{0: 5000}}}}}}")
    told = cli("groups", "import", tmp_path / "far.yaml", "--execute", check=0)
    assert f"{name}-0 has no offset 5000: 3 is used" in told.stderr
    assert "committed" in told.stdout


def test_a_reset_that_creates_a_group_asks(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    reset = ["groups", "reset-offsets", name, "--topic", name, "--to-latest"]
    for flags in ([], ["--execute"]):
        refused = cli(*reset, *flags, check=1)
        assert f"group not found: '{name}': a reset of its offsets creates it" in refused.stderr
        assert refused.stdout == ""
    program, *arguments = cli.command(*reset, "--execute")
    terminal = pexpect.spawn(program, arguments, env=cli.full_environment(), encoding="utf-8", timeout=30)
    terminal.expect_exact("continue? [y/N] ")
    terminal.sendline("n")
    terminal.expect_exact("nothing done")
    terminal.expect(pexpect.EOF)
    assert name not in cli.ok("groups", "list").splitlines()
    cli.ok(*reset, "--execute", "--yes")
    assert name in cli.ok("groups", "list").splitlines()


def test_a_commit_beyond_the_end_is_shown_as_such(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, input="a\nb\nc\n")
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    cli.ok("topics", "delete", name, "--yes", "--recreate")
    commit_beyond_the_end(kraft, name)
    for arguments in ([], ["--lag"], ["-o", "json"], ["-o", "csv"], ["-o", "yaml"]):
        assert "beyond end" in cli.ok("groups", "describe", name, *arguments)
    assert "-5" in cli.ok("groups", "describe", name, "-o", "kafka").split()
    metrics = cli.ok("groups", "describe", name, "--lag", "-o", "prometheus")
    assert f'kafka_consumergroup_commits_beyond_end{{consumergroup="{name}"}} 1.0' in metrics
    (described,) = json.loads(cli.ok("groups", "describe", name, "--lag", "-o", "json"))
    assert described["partitions"][0]["time_lag_ms"] is None


def commit_beyond_the_end(cluster: RunningCluster, name: str) -> None:
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    wanted = [ConsumerGroupTopicPartitions(name, [TopicPartition(name, 0, 5)])]
    for future in admin.alter_consumer_group_offsets(wanted).values():
        future.result(30)


def test_a_transactional_topic_that_is_read_is_not_late(kraft: RunningCluster, name: str) -> None:
    """Its last offset is a marker's: nothing is left to read, so nothing is waited for."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, "--transactional-id", name, input="a\nb\n")
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    started = time.monotonic()
    described = cli.ok("groups", "describe", name, "--lag", "--fail-if", "time>5s", "--timeout", 20, "-o", "json")
    assert time.monotonic() - started < 15
    (row,) = json.loads(described)[0]["partitions"]
    assert (row["lag"], row["time_lag_ms"]) == (1, 0)


def test_a_group_with_members_is_not_deleted_in_the_preview_either(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    member = cli.start("consume", name, "--group", name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: name in cli.ok("groups", "list", "--state", "Stable").split())
        for flag in ("--dry-run", "--yes"):
            assert f"group {name}: the group has members" in cli("groups", "delete", name, flag, check=1).stderr
    finally:
        member.terminate()
        member.wait(30)
    assert "invalid value 'bogus' for --state" in cli("groups", "list", "--state", "bogus", check=2).stderr
    assert "no group matches" in cli("groups", "list", "--state", "Dead", check=0).stderr
