"""Naming entities: in place, by Kafka's flags, by the short ones."""

from __future__ import annotations

from typing import Any

import pytest

from kafkactl.admin.entities import EntityType
from kafkactl.cli.configs.entities import EntityOptions, require_entities
from kafkactl.cli.quotas import QuotaEntityOptions
from kafkactl.errors import UsageError
from kafkactl.output import people
from tests.conftest import Cli


def chosen(first: bool = False, **options: Any) -> list[tuple[str, str | None]]:
    return [(each.type.value, each.name) for each in EntityOptions(**options).parse_choices(first)]


def test_three_spellings_of_one() -> None:
    for options in (
        {"entity": ["topics", "orders"]},
        {"entity": ["topic", "orders"]},
        {"entity_type": ["topics"], "entity_name": ["orders"]},
        {"topic": "orders"},
    ):
        assert chosen(**options) == [("topics", "orders")]


def test_all_of_a_type_and_the_default() -> None:
    assert chosen(entity=["brokers"]) == [("brokers", None)]
    assert chosen(entity=["brokers"], entity_default=True) == [("brokers", "")]
    assert chosen(entity_type=["brokers"], entity_default=True) == [("brokers", "")]
    assert chosen(broker_defaults=True) == [("brokers", "")]


def test_a_user_and_a_client() -> None:
    both = [("users", "alice"), ("clients", "app")]
    assert chosen(entity=["users", "alice", "clients", "app"]) == both
    assert chosen(entity_type=["users", "clients"], entity_name=["alice", "app"]) == both
    assert chosen(user="alice", client="app") == both[::-1], "in the order of Kafka's own flags"
    assert chosen(entity_type=["users", "clients"], entity_name=["app"], entity_default=True, first=True) == [
        ("users", ""),
        ("clients", "app"),
    ]
    assert chosen(entity_type=["users", "clients"], entity_name=["alice"], entity_default=True) == [
        ("users", "alice"),
        ("clients", ""),
    ]
    assert chosen(entity_type=["users", "clients"], entity_name=["alice"]) == [("users", "alice"), ("clients", None)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "missing argument TYPE"),
        ({"entity": ["tables", "x"]}, "invalid value 'tables' for TYPE"),
        ({"entity": ["topics", "x"], "topic": "y"}, "given in two ways"),
        ({"entity": ["topics", "x", "brokers", "1"]}, "together have no settings"),
        ({"user": "a", "ip": "10.0.0.1"}, "together have no settings"),
        ({"entity": ["topics"], "entity_default": True}, "topics have no default"),
        ({"entity": ["brokers", "1"], "entity_default": True}, "broker 1 and --default are mutually exclusive"),
        ({"entity": ["brokers", "one"]}, "invalid broker id 'one'"),
        ({"entity": ["brokers", "²"]}, "invalid broker id '²'"),
        ({"entity": ["brokers", "2147483648"]}, "invalid broker id '2147483648'"),
        ({"entity": ["broker-loggers", "1" * 5000]}, "invalid broker id '1111"),
        ({"entity_name": ["x"]}, "missing option --entity-type"),
        ({"entity_type": ["topics"], "entity_name": ["x", "y"]}, "there are more entity names than entity types"),
        ({"ip": "no such host"}, "neither an ip address nor a host"),
    ],
)
def test_what_makes_no_sense(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        EntityOptions(**options).parse_choices()


def test_a_change_needs_a_name() -> None:
    with pytest.raises(UsageError, match="missing argument NAME"):
        require_entities(EntityOptions(entity=["topics"]).parse_choices())
    (one,) = require_entities(EntityOptions(broker_defaults=True).parse_choices())
    assert (one.type, one.name, str(one)) == (EntityType.BROKERS, "", "brokers by default")


EMPTY: list[dict[str, Any]] = [
    {"entity": ["users", ""]},
    {"entity": ["users", "alice", "clients", ""]},
    {"entity_type": ["users"], "entity_name": [""]},
    *({name: ""} for name in ("client", "user", "broker", "ip")),
]


@pytest.mark.parametrize("options", EMPTY, ids=str)
def test_an_empty_name_is_not_the_default(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from an empty variable of a shell; in Kafka's style it is the default, as in Kafka's tool."""
    with pytest.raises(UsageError, match="the value is empty"):
        chosen(**options)
    monkeypatch.setattr(people, "is_kafka_style", lambda: True)
    assert chosen(**options)[-1][1] == ""


@pytest.mark.parametrize("option", ["user", "client", "ip"])
def test_quotas_of_an_empty_name_are_not_the_default_ones(option: str) -> None:
    with pytest.raises(UsageError, match=f"invalid value '' for --{option}: the value is empty") as raised:
        QuotaEntityOptions(**{option: ""}).require_entity()
    assert raised.value.hint == f"for all others use --{option}-defaults"
    assert [part.name for part in QuotaEntityOptions(**{f"{option}_defaults": True}).require_entity()] == [""]


@pytest.mark.parametrize(
    ("verb", "quotas"),
    [
        ("set", "producer_byte_rate=1 producer_byte_rate=2"),
        ("set", "producer_byte_rate=1 consumer_byte_rate=3 producer_byte_rate=1"),
        ("unset", "producer_byte_rate producer_byte_rate"),
    ],
)
def test_a_quota_that_is_changed_twice_is_refused(verb: str, quotas: str, cli: Cli) -> None:
    """As `configs alter` does: the last value must not win in silence."""
    done = cli("quotas", verb, "-b", "127.0.0.1:1", "--client", "app", *quotas.split(), check=2)
    assert done.stderr.startswith("error: quota given twice: producer_byte_rate\n")
