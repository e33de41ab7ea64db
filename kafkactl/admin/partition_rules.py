"""Which partitions are meant, in the words of kafka-get-offsets: TOPIC, TOPIC:N, TOPIC:FROM-TO, several with commas.

Reference: org.apache.kafka.tools.GetOffsetShell. TOPIC is a regular expression for the whole name, and may be left out;
TO is not taken in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.patterns import TopicSelection, compile_pattern, is_internal_topic

_RULE = re.compile(r"([^:,]*)(?::(?:(\d+)|(\d*)-(\d*))?)?")


@dataclass(frozen=True)
class PartitionRule:
    """Which topics, and which of their partitions."""

    matches: Callable[[str], bool]
    takes: Callable[[int], bool]


def parse_rules(text: str) -> list[PartitionRule]:
    """The rules of --topic-partitions; raises UsageError."""
    return [_parse_rule(part) for part in text.split(",")]


def rules_for(selection: TopicSelection, partitions: str | None) -> list[PartitionRule]:
    """Return the rules for selected topics, or for all, and partitions by number; raises UsageError."""
    numbers = None
    if partitions:
        try:
            numbers = frozenset(int(part) for part in partitions.split(","))
        except ValueError:
            raise UsageError(f"--partitions {partitions}: not numbers", "like 0,1,5") from None

    def takes(partition: int) -> bool:
        return numbers is None or partition in numbers

    def matches(topic: str) -> bool:
        return selection.is_empty or bool(selection.choose([topic]).names)

    return [PartitionRule(matches, takes)]


def meant(cluster: Cluster, rules: Iterable[PartitionRule], include_internal: bool = True) -> list[tuple[str, int]]:
    """The partitions of a cluster that any rule means, sorted; raises NotFoundError when there is none."""
    found = chosen(
        rules,
        (
            (name, number)
            for name, topic in sorted(cluster.metadata().topics.items())
            if include_internal or not is_internal_topic(name)
            for number in sorted(topic.partitions)
        ),
    )
    if not found:
        raise NotFoundError("no partition is meant by that", "kafkactl topics list shows those that one may see")
    return found


def chosen(rules: Iterable[PartitionRule], partitions: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those partitions that any rule means."""
    every = list(rules)

    @functools.cache
    def of(topic: str) -> list[PartitionRule]:
        return [rule for rule in every if rule.matches(topic)]

    return [partition for partition in partitions if any(rule.takes(partition[1]) for rule in of(partition[0]))]


def _parse_rule(text: str) -> PartitionRule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} names no partitions", "like orders, orders:0, orders:1-4, orders:2- or :0")
    topic, number, first, end = match.groups()
    pattern = compile_pattern(topic or ".*", "--topic-partitions")

    def matches(name: str) -> bool:
        return pattern.fullmatch(name) is not None

    if number:
        return PartitionRule(matches, int(number).__eq__)
    lowest, highest = int(first or 0), int(end) if end else None
    return PartitionRule(matches, lambda partition: lowest <= partition and (highest is None or partition < highest))
