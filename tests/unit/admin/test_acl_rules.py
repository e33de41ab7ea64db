"""Rules of access without a broker: names, filters, decisions and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.admin.acls import declared
from kafkactl.admin.acls.decisions import Authorizer, Question, Reason, decide, list_access, list_hosts
from kafkactl.admin.acls.models import (
    CLUSTER_NAME,
    SUPPORTED,
    Acl,
    PatternKind,
    Permission,
    Resource,
    ResourceKind,
    Right,
    build_filters,
    list_role_rights,
    parse_principal,
    parse_resource,
    parse_right,
    require_resource,
    require_supported,
)
from kafkactl.admin.acls.requests import split_super_users
from kafkactl.errors import UsageError

NOBODY = Authorizer()


def rule(text: str, host: str = "*", pattern: str = "literal") -> Acl:
    """Return the rule of a text like `allow User:ann Read topic:orders`."""
    permission, principal, right, resource = text.split()
    kind, name = require_resource(resource)
    return Acl(
        type=kind,
        name=name,
        pattern=PatternKind(pattern),
        principal=principal,
        host=host,
        operation=parse_right(right, "operation"),
        permission=Permission(permission),
    )


def ask(text: str, host: str | None = None) -> Question:
    """Return the question of a text like `User:ann Read topic:orders`."""
    principal, right, resource = text.split()
    kind, name = require_resource(resource)
    return Question(principal=principal, operation=Right(right), type=kind, name=name, host=host)


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        ("topic:orders", (ResourceKind.TOPIC, "orders")),
        ("TOPIC:Orders", (ResourceKind.TOPIC, "Orders")),
        ("group:a:b", (ResourceKind.GROUP, "a:b")),
        ("user:User:ann", (ResourceKind.USER, "User:ann")),
        ("transactional_id:x", (ResourceKind.TRANSACTIONAL_ID, "x")),
        ("cluster", (ResourceKind.CLUSTER, CLUSTER_NAME)),
        ("cluster:kafka-cluster", (ResourceKind.CLUSTER, CLUSTER_NAME)),
        ("topic", (ResourceKind.TOPIC, None)),
    ],
)
def test_resources(text: str, resource: tuple[ResourceKind, str | None]) -> None:
    assert parse_resource(text) == resource


@pytest.mark.parametrize("text", ["", "orders", "topic:", "topics:orders", "unknown:x", "cluster:other", "topic:a\0"])
def test_resources_that_are_wrong(text: str) -> None:
    with pytest.raises(UsageError):
        parse_resource(text)


@pytest.mark.parametrize("text", ["read", "READ", "Read"])
def test_operations_in_any_case(text: str) -> None:
    assert parse_right(text, "--operation") is Right.READ


def test_operations_of_two_words() -> None:
    for text in ("DescribeConfigs", "describe_configs", "DESCRIBE-CONFIGS", "describeconfigs"):
        assert parse_right(text, "--operation") is Right.DESCRIBE_CONFIGS
    for text in ("", "Unknown", "Any", "Reads"):
        with pytest.raises(UsageError, match="--operation"):
            parse_right(text, "--operation")


@pytest.mark.parametrize("text", ["", "ann", ":ann", "User:"])
def test_principals_that_are_wrong(text: str) -> None:
    with pytest.raises(UsageError, match="PRINCIPAL"):
        parse_principal(text, "PRINCIPAL")


def test_operations_of_resources() -> None:
    require_supported(ResourceKind.DELEGATION_TOKEN, Right.ALL)
    with pytest.raises(UsageError, match="a group has no operation Write"):
        require_supported(ResourceKind.GROUP, Right.WRITE)
    assert ResourceKind.UNKNOWN not in SUPPORTED


def test_rights_of_roles() -> None:
    both = [Right.WRITE, Right.DESCRIBE, Right.CREATE, Right.READ]
    assert list_role_rights(ResourceKind.TOPIC, producer=True, consumer=True) == both
    assert list_role_rights(ResourceKind.GROUP, producer=False, consumer=True) == [Right.READ]
    assert list_role_rights(ResourceKind.GROUP, producer=True, consumer=False) == []


def test_filters_are_every_combination_once() -> None:
    resource = Resource(type=ResourceKind.TOPIC, name="orders")
    clients = [(Permission.ALLOW, "User:ann", None), (Permission.DENY, "User:bob", "10.0.0.1")]
    filters = build_filters(resource, clients, [Right.READ, Right.READ, Right.WRITE])
    assert [str(chosen.to_acl()) for chosen in filters] == [
        "allow User:ann Read on topic:orders",
        "allow User:ann Write on topic:orders",
        "deny User:bob Read on topic:orders from host 10.0.0.1",
        "deny User:bob Write on topic:orders from host 10.0.0.1",
    ]
    (every,) = build_filters(resource, [], [])
    assert every.chooses_entry(rule("deny User:x Read topic:orders"))
    with pytest.raises(ValueError, match="not a rule"):
        every.to_acl()


ORDERS = [rule("allow User:ann Read topic:orders"), rule("deny User:bob All topic:orders")]


@pytest.mark.parametrize(
    ("rules", "question", "reason", "is_allowed"),
    [
        (ORDERS, "User:ann Read topic:orders", Reason.ALLOWED, True),
        (ORDERS, "User:ann Describe topic:orders", Reason.ALLOWED, True),
        (ORDERS, "User:ann Write topic:orders", Reason.NO_RULE_OF_PRINCIPAL, False),
        (ORDERS, "User:bob Describe topic:orders", Reason.DENIED, False),
        (ORDERS, "User:eve Read topic:orders", Reason.NO_RULE_OF_PRINCIPAL, False),
        (ORDERS, "User:eve Read topic:other", Reason.NO_RULE_OF_RESOURCE, False),
        (ORDERS, "User:ann Read group:orders", Reason.NO_RULE_OF_RESOURCE, False),
        ([rule("deny User:ann Read topic:a")], "User:ann Describe topic:a", Reason.NO_RULE_OF_PRINCIPAL, False),
        ([rule("allow User:* AlterConfigs topic:*")], "User:x DescribeConfigs topic:a", Reason.ALLOWED, True),
        ([rule("allow User:* Describe topic:*")], "User:x Read topic:a", Reason.NO_RULE_OF_PRINCIPAL, False),
        ([rule("allow Group:ann Read topic:a")], "User:ann Read topic:a", Reason.NO_RULE_OF_PRINCIPAL, False),
    ],
)  # fmt: skip
def test_decisions(rules: list[Acl], question: str, reason: Reason, is_allowed: bool) -> None:
    decision = decide(rules, ask(question), NOBODY)
    assert (decision.reason, decision.is_allowed) == (reason, is_allowed)


def test_prefixes_and_names_for_all() -> None:
    prefix = rule("allow User:ann Read topic:ord", pattern="prefixed")
    everything = rule("allow User:ann Read topic:*")
    star = rule("allow User:ann Read topic:*", pattern="prefixed")
    exact = rule("allow User:ann Read topic:orders")
    question = ask("User:ann Read topic:orders")
    assert decide([everything, prefix, exact], question, NOBODY).acl == exact
    assert decide([everything, prefix], question, NOBODY).acl == prefix
    assert decide([everything], question, NOBODY).acl == everything
    assert decide([star], question, NOBODY).reason is Reason.NO_RULE_OF_RESOURCE
    assert not decide([rule("deny User:* Read topic:*"), exact], question, NOBODY).is_allowed


def test_hosts() -> None:
    rules = [rule("allow User:ann Read topic:a"), rule("deny User:* Read topic:a", host="10.0.0.1")]
    assert decide(rules, ask("User:ann Read topic:a"), NOBODY).is_allowed
    assert not decide(rules, ask("User:ann Read topic:a", "10.0.0.1"), NOBODY).is_allowed
    assert decide(rules, ask("User:ann Read topic:a", "10.0.0.2"), NOBODY).is_allowed
    assert list_hosts(rules, ask("User:ann Read topic:a")) == ["10.0.0.1"]
    assert list_hosts(rules, ask("User:ann Write topic:a")) == []


def test_settings_of_the_brokers() -> None:
    settings = Authorizer(super_users={"User:admin"}, allows_everyone=True)
    assert decide(ORDERS, ask("User:admin Write topic:orders"), settings).reason is Reason.SUPER_USER
    assert decide(ORDERS, ask("User:eve Write topic:other"), settings).is_allowed
    assert not decide(ORDERS, ask("User:eve Write topic:orders"), settings).is_allowed
    assert split_super_users(" User:a;User:b ;;") == ("User:a", "User:b")


def test_who_may_do_something() -> None:
    rules = [*ORDERS, rule("deny User:ann Read topic:ord", host="10.0.0.1", pattern="prefixed")]
    settings = Authorizer(super_users={"User:admin", "User:*"})
    rows = list_access(rules, Right.READ, ResourceKind.TOPIC, "orders", settings)
    assert [(row.principal, row.host, row.decision.is_allowed) for row in rows] == [
        ("User:*", "*", False),
        ("User:admin", "*", True),
        ("User:ann", "*", True),
        ("User:ann", "10.0.0.1", False),
        ("User:bob", "*", False),
    ]
    assert not decide(rules, ask("User:eve Read topic:orders"), settings).is_allowed, "brokers compare them as text"


TEXT = """\
acls:
- type: topic
  name: orders
  rules:
  - {principal: User:ann, operations: [Read, write]}
  - {principal: User:bob, permission: deny, host: 10.0.0.1, operations: [All]}
- {type: Cluster, rules: []}
- {type: group, name: b, pattern: prefixed, rules: [{principal: 'User:*', operations: [Read]}]}
"""


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "acls.yaml"
    file.write_text(TEXT)
    content = declared.read_declaration(file)
    assert list(map(str, content.resources)) == ["topic:orders", "cluster", "group:b"]
    assert list(map(str, content.acls)) == [
        "allow User:ann Read on topic:orders",
        "allow User:ann Write on topic:orders",
        "deny User:bob All on topic:orders from host 10.0.0.1",
        "allow User:* Read on prefix group:b",
    ]
    document = declared.build_declaration(content.acls)
    assert [row["name"] for row in document["acls"]] == ["orders", "b"]
    assert document["acls"][0]["rules"][0]["operations"] == ["Read", "Write"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acls: {}",
        "acls: [topic]",
        "acls: [{type: topic, name: a}]",
        "acls: [{type: topic, rules: []}]",
        "acls: [{type: nosuch, name: a, rules: []}]",
        "acls: [{type: topic, name: a, pattern: any, rules: []}]",
        "acls: [{type: topic, name: a, rules: [], more: 1}]",
        "acls: [{type: topic, name: a, rules: []}, {type: topic, name: a, rules: []}]",
        "acls: [{type: topic, name: a, rules: [{principal: User:ann}]}]",
        "acls: [{type: topic, name: a, rules: [{principal: ann, operations: [Read]}]}]",
        "acls: [{type: topic, name: a, rules: [{principal: User:ann, operations: [Bogus]}]}]",
        "acls: [{type: group, name: a, rules: [{principal: User:ann, operations: [Write]}]}]",
        "acls: [{type: topic, name: a, rules: [{principal: User:ann, operations: [Read], host: 5}]}]",
        "acls: [{type: topic, name: a, rules: [{principal: User:ann, operations: [Read], permission: maybe}]}]",
        *(f"acls: [{{type: topic, name: {name}, rules: []}}]" for name in ("[a]", "{a: b}", "true", "null")),
        *(f"acls: [{{type: {kind}, name: a, rules: []}}]" for kind in ("[topic]", "'topic:x'", "5", "null")),
        *(
            f"acls: [{{type: topic, name: a, rules: [{{principal: {principal}, operations: [Read]}}]}}]"
            for principal in ("['User:ann']", "{User: ann}", "5", "null")
        ),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str) -> None:
    file = tmp_path / "acls.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"acls\.yaml"):
        declared.read_declaration(file)
