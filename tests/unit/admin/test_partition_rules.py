"""Rules for partitions, as kafka-get-offsets reads them."""

from __future__ import annotations

import pytest

from kafkactl.admin.partition_rules import chosen, parse_rules, rules_for
from kafkactl.errors import UsageError
from kafkactl.patterns import select_topics

EVERY = [(topic, number) for topic in ("clicks", "orders", "orders2") for number in range(4)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("orders", [("orders", number) for number in range(4)]),
        ("orders:2", [("orders", 2)]),
        ("orders:1-3", [("orders", 1), ("orders", 2)]),
        ("orders:2-", [("orders", 2), ("orders", 3)]),
        ("orders:-1", [("orders", 0)]),
        ("orders:", [("orders", number) for number in range(4)]),
        (":3", [("clicks", 3), ("orders", 3), ("orders2", 3)]),
        ("orders.*:0", [("orders", 0), ("orders2", 0)]),
        ("clicks:0,orders:3", [("clicks", 0), ("orders", 3)]),
        ("clicks:9", []),
    ],
)
def test_rules(rules: str, expected: list[tuple[str, int]]) -> None:
    assert chosen(parse_rules(rules), EVERY) == expected


def test_topics_and_partitions_apart() -> None:
    assert chosen(rules_for(select_topics(), None), EVERY) == EVERY
    assert chosen(rules_for(select_topics(["orders", "cl.*"]), "0,3"), EVERY) == [
        ("clicks", 0),
        ("clicks", 3),
        ("orders", 0),
        ("orders", 3),
    ]


@pytest.mark.parametrize("rules", ["a:b", "a:1:2", "a:1-2-3", "(:1"])
def test_what_is_no_rule(rules: str) -> None:
    with pytest.raises(UsageError):
        parse_rules(rules)


def test_partitions_that_are_no_numbers() -> None:
    with pytest.raises(UsageError, match="not numbers"):
        rules_for(select_topics(), "one")
