"""Rules for partitions, as kafka-get-offsets reads them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kafkactl.admin.partition_rules import filter_partitions, parse_rules, select_partitions
from kafkactl.connection.cluster import Cluster
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
    assert filter_partitions(parse_rules(rules), EVERY) == expected


@dataclass(frozen=True)
class Known:
    """A cluster that knows its partitions."""

    def read_metadata(self) -> Any:
        numbers: dict[str, dict[int, None]] = {}
        for topic, number in EVERY:
            numbers.setdefault(topic, {})[number] = None
        return SimpleNamespace(
            topics={topic: SimpleNamespace(partitions=partitions) for topic, partitions in numbers.items()}
        )


CLUSTER = cast("Cluster", Known())


def test_topics_and_partitions_apart() -> None:
    assert select_partitions(CLUSTER, select_topics(), None) == (EVERY, [])
    found = [("clicks", 0), ("clicks", 3), ("orders", 0), ("orders", 3)]
    assert select_partitions(CLUSTER, select_topics(["orders", "cl.*"]), "3,0") == (found, [])


@pytest.mark.parametrize(
    ("topics", "partitions", "missing"),
    [
        (["orders", "nosuch"], None, ["topic not found: 'nosuch'"]),
        (["orders", "no.*"], "0", ["no topic matches 'no.*'"]),
        (["orders"], "0,99", ["topic orders has no partition 99"]),
        ([], "99", ["no topic has a partition 99"]),
        (["orders.*"], "99", ["no topic has a partition 99"]),
    ],
)
def test_what_does_not_exist_is_named_and_hides_nothing(
    topics: list[str], partitions: str | None, missing: list[str]
) -> None:
    found, errors = select_partitions(CLUSTER, select_topics(topics), partitions)
    assert list(map(str, errors)) == missing
    assert bool(found) == (partitions != "99")


@pytest.mark.parametrize(
    "rules", ["a:b", "a:1:2", "a:1-2-3", "(:1", "a:٣", "a:٣-", pytest.param("a:" + 5000 * "1", id="long")]
)
def test_what_is_no_rule(rules: str) -> None:
    with pytest.raises(UsageError):
        parse_rules(rules)


@pytest.mark.parametrize(
    "text",
    ["one", "1,", "-1", "1.0", "1_0", "\u0663", "2147483648", "99999999999", pytest.param(5000 * "1", id="long")],
)
def test_partitions_that_are_no_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="for --partitions: not partition numbers"):
        select_partitions(CLUSTER, select_topics(), text)
