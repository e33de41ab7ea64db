"""The table of client settings beside those of Kafka's own clients, and of librdkafka."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from kafkactl.cli.kafka_style.java_configs import read_rules
from kafkactl.connection.java_settings import HARMLESS, KNOWN, REFUSED, RENAMED, SAME, SYNONYMS, TRANSLATED
from tests import java_tools


@pytest.fixture(scope="module")
def java_names() -> set[str]:
    done = java_tools.run_alone(str(Path(__file__).with_name("ClientSettings.java")))
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_every_setting_of_kafkas_clients_is_in_the_table(java_names: set[str]) -> None:
    assert java_names - KNOWN == set()


def test_every_name_is_in_the_table_once() -> None:
    rooms = [SAME, RENAMED.keys(), SYNONYMS.keys(), TRANSLATED, HARMLESS.keys(), REFUSED.keys()]
    assert sum(map(len, rooms)) == len(KNOWN)


@pytest.mark.parametrize("client", ["producer", "consumer"])
def test_the_rules_are_those_of_kafkas_classes(client: str) -> None:
    """Type, range and allowed values of every setting, in Java's order."""
    done = java_tools.run_alone(str(Path(__file__).with_name("SettingRules.java")), client)
    assert done.returncode == 0, done.stderr
    rows = (row.split("\t") for row in done.stdout.splitlines())
    theirs = {name: rule for name, type, validator in rows if (rule := make_rule(type, validator))}
    assert list(read_rules(client).items()) == list(theirs.items())


def make_rule(type: str, validator: str) -> str | None:
    kind, _, text = validator.partition(" ")
    if kind in ("ValidString", "CaseInsensitiveValidString"):
        return f"one of{' (case insensitive)' if kind.startswith('Case') else ''}: {text.partition('[')[2][:-1]}"
    if kind == "NonEmptyString":
        return "non-empty"
    if type not in ("SHORT", "INT", "LONG", "DOUBLE", "BOOLEAN", "CLASS"):
        return None
    span = re.match(r"\[(.*?),\.\.\.,?(.*)\]", text) if kind == "Range" else None
    return f"{type} {span[1]}..{span[2]}" if span else type


def test_what_is_the_same_is_known_to_librdkafka() -> None:
    """It may refuse the value; it must not say that there is no such name."""
    for name in (*SAME, *RENAMED.values(), *SYNONYMS, *SYNONYMS.values()):
        said = []
        for client in (Consumer, Producer):
            try:
                client({"group.id": "g", "log_level": 0, name: "no such value"})
            except KafkaException as error:
                said.append(error.args[0].str())
        assert all("No such configuration property" not in each for each in said), name
