"""The commands `kafkactl acls` at a fake broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kafkactl.admin.acls import models as rules
from kafkactl.admin.acls.requests import create_acls, delete_acls
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from tests.conftest import Cli
from tests.fake_broker import Acl, FakeBroker

pytestmark = pytest.mark.slow

GRANT = ("topic:orders", "--allow", "User:bob", "--operation", "Read", "--operation", "Write")


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with FakeBroker(topics={"orders": 1}) as broker:
        broker.state.acls = [
            Acl(resource_name="orders", principal="User:ann"),
            Acl(resource_name="or", pattern_type=4, principal="User:bob", operation=4),
            Acl(resource_type=3, resource_name="billing", principal="User:ann", permission_type=2),
        ]
        yield broker


def test_rules_that_apply_to_a_resource(cli: Cli, broker: FakeBroker) -> None:
    cluster = ("-b", broker.address, "acls", "list", "-o", "json")
    assert [row["name"] for row in json.loads(cli.ok(*cluster, "topic:orders"))] == ["or", "orders"]
    assert [row["name"] for row in json.loads(cli.ok(*cluster, "--topic", "or"))] == ["or"]
    assert len(json.loads(cli.ok(*cluster, "topic"))) == 2
    assert len(json.loads(cli.ok(*cluster, "--permission", "deny"))) == 1
    assert "not TYPE:NAME" in cli(*cluster, "--principal", "ann", check=2).stderr


def test_a_second_addition_does_nothing(cli: Cli, broker: FakeBroker) -> None:
    add = ("-b", broker.address, "acls", "add", *GRANT)
    preview = cli(*add, "--dry-run", "-o", "json", check=0)
    assert [row["action"] for row in json.loads(preview.stdout)] == ["keep", "add", "add"]
    assert "would add 2 ACLs beside 1 ACL of the resource" in preview.stderr
    assert "there is no terminal to ask at" in cli(*add, check=2).stderr
    assert not broker.requests_of("CreateAcls")
    assert cli.ok(*add, "--yes").count("added") == 2
    assert cli.ok(*add, "--yes").count("exists already") == 2
    assert len(broker.requests_of("CreateAcls")) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("topic:orders --operation Read", "missing option: --allow-principal"),
        ("topic:orders --allow User:ann", "missing option: --operation"),
        ("--allow User:ann --operation Read", "missing argument RESOURCE"),
        ("topic --allow User:ann --operation Read", "missing name of the topic"),
        ("group:g --allow User:ann --operation Write", "a group has no operation Write"),
        ("group:g --allow User:ann --producer", "--producer needs no right on a group"),
        ("topic:t --allow User:ann --producer --operation Read", "mutually exclusive"),
        ("topic:t --allow User:ann --consumer --deny User:bob", "mutually exclusive"),
        ("topic:t --allow User:ann --idempotent", "--idempotent needs --producer"),
        ("topic:t --allow User:ann --operation Read --pattern-type match", "invalid value 'match'"),
        ("topic:t --deny-host 10.0.0.1 --allow User:ann --operation Read", "--deny-host needs --deny-principal"),
    ],
)
def test_additions_that_are_wrong(cli: Cli, words: str, message: str) -> None:
    assert message in cli("-b", "127.0.0.1:1", "acls", "add", *words.split(), check=2).stderr


@pytest.mark.parametrize("way", ["add", "plan"])
@pytest.mark.parametrize(
    ("host", "warning"),
    [
        ("*", None),
        ("10.0.0.7", None),
        ("0:0:0:0:0:0:0:1", None),
        ("2001:db8:0:0:0:0:0:1", None),
        ("web.example.com", "host web.example.com is no IP address"),
        ("10.0.0.0/8", "host 10.0.0.0/8 is no IP address"),
        ("::1", "brokers write host ::1 as 0:0:0:0:0:0:0:1"),
        ("2001:0DB8::1", "brokers write host 2001:0DB8::1 as 2001:db8:0:0:0:0:0:1"),
        ("::ffff:10.0.0.7", "brokers write host ::ffff:10.0.0.7 as 10.0.0.7"),
        ("fe80::1%eth0", "brokers write host fe80::1%eth0 as fe80:0:0:0:0:0:0:1%eth0"),
    ],
)
def test_a_host_that_no_client_has(
    cli: Cli, broker: FakeBroker, host: str, warning: str | None, way: str, tmp_path: Path
) -> None:
    rule = {"principal": "User:bob", "host": host, "operations": ["Read"]}
    file = tmp_path / "acls.json"
    file.write_text(json.dumps({"acls": [{"type": "topic", "name": "orders", "rules": [rule]}]}))
    words = (file,) if way == "plan" else (*GRANT, "--allow-host", host, "--dry-run")
    done = cli("-b", broker.address, "acls", way, *words)
    assert done.returncode == (4 if way == "plan" else 0)
    assert [line for line in done.stderr.splitlines() if "warning" in line] == (
        [] if warning is None else [f"warning: {warning}, so that the rule applies to no client"]
    )


def test_a_question_about_a_host_is_about_its_address(cli: Cli, broker: FakeBroker) -> None:
    grant = ("acls", "add", "topic:orders", "--allow", "User:kim", "--operation", "Read", "--yes", "--allow-host")
    cli.ok("-b", broker.address, *grant, "0:0:0:0:0:0:0:1")
    check = ("-b", broker.address, "acls", "check", "User:kim", "Read", "topic:orders")
    cli(*check, "--host", "::1", check=0)
    cli(*check, "--host", "::2", check=4)
    assert "invalid value 'web' for --host: no IP address" in cli(*check, "--host", "web", check=2).stderr


def test_only_chosen_rules_are_removed(cli: Cli, broker: FakeBroker) -> None:
    remove = ("-b", broker.address, "acls", "remove", "topic:orders", "group:billing")
    assert "no ACL fits" in cli(*remove, "--principal", "User:eve", "--yes", check=0).stderr
    assert "would remove 2 ACLs" in cli(*remove, "--dry-run", check=0).stderr
    assert cli.ok(*remove, "--allow", "User:ann", "--yes").count("removed") == 1
    assert [acl.resource_name for acl in broker.state.acls] == ["or", "billing"]


def test_one_refused_rule_is_named(cli: Cli, broker: FakeBroker) -> None:
    broker.on("CreateAcls", error=31)
    done = cli("-b", broker.address, "acls", "add", *GRANT, "--yes", check=1)
    assert "acl allow User:bob Read on topic:orders: not authorized to access the cluster" in done.stderr
    assert "Describe and Alter on the cluster" in done.stderr


def test_an_addition_without_an_answer_may_have_been_done(cli: Cli, broker: FakeBroker) -> None:
    broker.on("CreateAcls", freeze=True)
    done = cli("-b", broker.address, "--timeout", "1", "acls", "add", *GRANT, "--yes", check=3)
    assert "it may have been done" in done.stderr
    assert "kafkactl acls list" in done.stderr


def test_rules_that_are_not_in_the_file_are_removed_last(cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    file = tmp_path / "acls.yaml"
    cluster = ("-b", broker.address, "acls")
    file.write_text(cli.ok(*cluster, "export"))
    assert "no differences" in cli(*cluster, "plan", file, check=0).stderr
    file.write_text(file.read_text().replace("- Write", "- Create").replace("billing", "other"))
    assert cli(*cluster, "plan", file, check=4).stdout.count("add") == 2
    broker.on("CreateAcls", error=42, times=1)
    done = cli(*cluster, "apply", file, "--yes", check=1)
    assert "not removed, because a rule could not be added" in done.stderr
    assert not broker.requests_of("DeleteAcls")
    cli.ok(*cluster, "apply", file, "--yes")
    assert sorted(acl.resource_name for acl in broker.state.acls) == ["billing", "or", "orders", "other"]


def test_answers_and_their_status(cli: Cli, broker: FakeBroker) -> None:
    check = ("-b", broker.address, "acls", "check")
    assert "allow User:ann Read on topic:orders" in cli.ok(*check, "User:ann", "Describe", "topic:orders")
    assert "denied" in cli(*check, "User:eve", "Read", "topic:orders", check=4).stdout
    assert "super user" in cli.ok(*check, "User:eve", "Read", "topic:orders", "--super-user", "User:eve")
    assert "allowed" in cli.ok(*check, "User:eve", "Read", "topic:free", "--allow-everyone", "true")
    assert "has no operation" in cli(*check, "User:eve", "Read", "cluster", check=2).stderr
    assert "check one operation" in cli(*check, "User:eve", "All", "cluster", check=2).stderr
    who = cli.ok("-b", broker.address, "acls", "who", "Write", "topic:orders")
    assert "User:bob" in who
    assert "User:ann" not in who


def test_settings_that_nobody_shows_are_named(cli: Cli, broker: FakeBroker) -> None:
    broker.on("DescribeConfigs", error=31, item="1")
    check = ("-b", broker.address, "acls", "check", "User:eve", "Read", "topic:free", "-o", "json")
    done = cli(*check, check=4)
    assert json.loads(done.stdout)["unknown_settings"] == ["super.users", "allow.everyone.if.no.acl.found"]
    assert "--super-user" in done.stderr
    assert "--allow-everyone" in done.stderr
    told = (*check, "--allow-everyone", "false", "--super-user", "User:admin")
    assert json.loads(cli(*told, check=4).stdout)["unknown_settings"] == []


UNDECLARABLE: dict[str, dict[str, int | str]] = {
    "newer type": {"resource_type": 99},
    "newer pattern": {"pattern_type": 9},
    "newer operation": {"operation": 99},
    "newer permission": {"permission_type": 9},
    "operation of another type": {"operation": 12},
    "host without a character": {"host": ""},
    "NUL character": {"principal": "User:new\0"},
    "principal without a type": {"principal": "User-new"},
    "name that no topic has": {"resource_name": ""},
}
"""Rules that controllers have, from a newer release or from another client, and that no file can declare."""


@pytest.mark.parametrize("part", UNDECLARABLE)
def test_a_rule_that_no_file_declares_stays_and_is_told(
    part: str, cli: Cli, broker: FakeBroker, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"resource_name": "orders", "principal": "User:new", **UNDECLARABLE[part]}
    newer = Acl(**fields)
    broker.state.acls.append(newer)
    cluster, file = ("-b", broker.address, "acls"), tmp_path / "acls.yaml"
    exported = cli(*cluster, "export", check=1)
    assert exported.stderr.count("error: the file lacks a rule") == 1
    assert newer.principal in exported.stderr
    assert newer.principal not in exported.stdout
    file.write_text(exported.stdout)
    planned = cli(*cluster, "plan", file, check=0)
    in_a_declared_resource = not {"resource_type", "pattern_type", "resource_name"} & UNDECLARABLE[part].keys()
    assert planned.stderr.count("warning: a rule is not compared and stays") == in_a_declared_resource
    file.write_text(exported.stdout.replace("Read", "Describe"))
    applied = cli(*cluster, "apply", file, "--yes", check=0)
    assert applied.stderr.count("warning: a rule is not compared and stays") == in_a_declared_resource
    assert newer in broker.state.acls


def test_a_rule_of_a_newer_kafka_stops_no_other(broker: FakeBroker) -> None:
    """More rules than one request takes: what cannot be sent is known before the first one."""
    rule = rules.Acl(
        type=rules.ResourceKind.TOPIC, name="new", pattern=rules.PatternKind.LITERAL, principal="User:ann", host="*",
        operation=rules.Right.READ, permission=rules.Permission.ALLOW,
    )  # fmt: skip
    many = [replace(rule, name=f"new-{number}") for number in range(1_001)]
    for send in (create_acls, delete_acls):
        with closing(Cluster(Settings(broker.address, "a test", {}, timeout_s=5))) as cluster:
            outcomes = send(cluster, [*many, replace(rule, operation=rules.Right.UNKNOWN), rule])
        assert [outcome.ok for outcome in outcomes] == [*[True] * len(many), False, True]
        assert "newer release of Kafka" in outcomes[-2].result
    assert [len(broker.requests_of(api)) for api in ("CreateAcls", "DeleteAcls")] == [2, 2]
