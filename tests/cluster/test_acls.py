"""The commands `kafkactl acls` at a broker with an authorizer."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acl_broker import AclBroker
from tests.clusters import eventually

KINDS = {
    "topic": "Read",
    "group": "Delete",
    "transactional-id": "TwoPhaseCommit",
    "delegation-token": "Describe",
    "user": "CreateTokens",
}
"""An operation of each type of resource but the cluster, which has only one."""


def test_rules_of_every_type(acls: AclBroker, name: str, tmp_path: Path) -> None:
    cli = acls.cluster.cli
    who = f"User:{name}"
    expected = sorted((kind, pattern, right) for kind, right in KINDS.items() for pattern in ("literal", "prefixed"))
    file = tmp_path / "acls.json"
    resources = [
        {"type": kind, "name": name, "pattern": pattern, "rules": [{"principal": who, "operations": [right]}]}
        for kind, pattern, right in expected
    ]
    file.write_text(json.dumps({"acls": resources}))
    assert cli.ok("acls", "apply", file, "--yes").count("added") == 10
    cli.ok("acls", "add", "cluster", "--deny", who, "--operation", "Alter", "--deny-host", "10.0.0.1", "--yes")

    def list_rules(*flags: str) -> list[tuple[str, str, str]]:
        rows = json.loads(cli.ok("acls", "list", "--principal", who, *flags, "-o", "json"))
        return sorted((row["type"], row["pattern"], row["operation"]) for row in rows)

    eventually(lambda: list_rules() == sorted([("cluster", "literal", "Alter"), *expected]))
    assert list_rules(f"topic:{name}-more") == [("topic", "prefixed", "Read")]
    at_controller = cli.with_environment(KAFKACTL_BOOTSTRAP_SERVER="")
    listed = at_controller.ok("acls", "list", f"group:{name}", "--bootstrap-controller", acls.controller)
    assert listed.count(who) == 2
    words = [f"{kind}:{name}" for kind in KINDS]
    removed = at_controller.ok(
        "acls", "remove", *words, "--pattern-type", "any", "--yes", "--bootstrap-controller", acls.controller
    )
    assert removed.count("removed") == 10
    cli.ok("acls", "remove", "cluster", "--principal", who, "--yes")
    eventually(lambda: list_rules() == [])


def test_a_user_gets_and_loses_a_right(acls: AclBroker, name: str) -> None:
    cli = acls.cluster.cli
    cli.ok("topics", "create", name)

    def may_describe(host: str) -> bool:
        with acls.connect("alice", host) as client:
            answer = client.ask(
                "Metadata", version=9, topics=[{"name": name}], allow_auto_topic_creation=False,
                include_cluster_authorized_operations=False, include_topic_authorized_operations=False,
            )  # fmt: skip
        return bool(answer["topics"][0]["error_code"] == 0)

    check = ("acls", "check", "User:alice", "Describe", f"topic:{name}")
    assert "super.users, which could allow it" in cli(*check, check=4).stderr
    assert not may_describe("127.0.0.1")
    cli.ok("acls", "add", f"topic:{name}", "group:g", "--allow", "User:alice", "--consumer", "--yes")
    cli.ok(
        "acls", "add", f"topic:{name}", "--deny", "User:*", "--operation", "All", "--deny-host", "127.0.0.2", "--yes"
    )
    eventually(lambda: may_describe("127.0.0.1") and not may_describe("127.0.0.2"))
    assert "denied from 127.0.0.2" in cli(*check, check=0).stderr
    assert "deny User:* All" in cli(*check, "--host", "127.0.0.2", check=4).stdout
    cli.ok("acls", "remove", f"topic:{name}", "--yes")
    eventually(lambda: not may_describe("127.0.0.1"))
    cli.ok("acls", "remove", "group:g", "--yes")
    cli.ok("topics", "delete", name, "--yes")


def test_a_file_makes_the_rules_of_its_resources(acls: AclBroker, name: str, tmp_path: Path) -> None:
    """Also more rules than one request takes."""
    cli = acls.cluster.cli
    cli.ok("acls", "add", f"topic:{name}", "--allow", "User:bob", "--operation", "All", "--yes")
    rules = [{"principal": f"User:{number}", "operations": ["Read", "Write", "Describe"]} for number in range(400)]
    file = tmp_path / "acls.json"
    file.write_text(json.dumps({"acls": [{"type": "topic", "name": name, "rules": rules}]}))
    assert cli.ok("acls", "apply", file, "--yes").count("\n") == 1202
    eventually(lambda: cli("acls", "plan", file).returncode == 0)
    file.write_text(cli.ok("acls", "export", f"topic:{name}"))
    assert "no differences" in cli("acls", "plan", file, check=0).stderr
    cli.ok("acls", "remove", f"topic:{name}", "--yes")
