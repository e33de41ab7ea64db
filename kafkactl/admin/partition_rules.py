"""Selection of partitions in the syntax of kafka-get-offsets: TOPIC, TOPIC:N, TOPIC:FROM-TO, separated by commas.

TOPIC is a regular expression for the whole name and may be missing. TO is excluded.

Reference: org.apache.kafka.tools.GetOffsetShell.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, NotFoundError, UsageError
from kafkactl.patterns import TopicSelection, compile_pattern, is_internal_topic

_HIGHEST = 2**31 - 1
_TOPICS_HINT = "list the topics that you can see: kafkactl topics list"
_RULE = re.compile(r"([^:,]*)(?::(?:(\d+)|(\d*)-(\d*))?)?")


@dataclass(frozen=True)
class PartitionRule:
    """A rule that selects topics and some of their partitions."""

    matches: Callable[[str], bool]
    """Function that returns whether the rule selects the topic of a name."""
    takes: Callable[[int], bool]
    """Function that returns whether the rule selects the partition of a number."""


def parse_rules(text: str) -> list[PartitionRule]:
    """Return the rules of --topic-partitions; raise UsageError for a text that is no rule."""
    return [_parse_rule(part) for part in text.split(",")]


def select_partitions(
    cluster: Cluster, selection: TopicSelection, partitions: str | None, include_internal: bool = True
) -> tuple[list[tuple[str, int]], list[KafkactlError]]:
    """Return the selected partitions that exist, and an error for each selected thing that does not exist.

    An empty `selection` means all topics. `partitions` are numbers separated by commas, or None for all partitions.
    Without `include_internal` Kafka's own topics do not count as existing. Raise UsageError for a text that is not a
    list of numbers.
    """
    numbers = None if partitions is None else _parse_numbers(partitions)
    existing_topics = {
        name: sorted(topic.partitions)
        for name, topic in sorted(cluster.read_metadata().topics.items())
        if include_internal or not is_internal_topic(name)
    }
    errors: list[KafkactlError] = []
    names: Iterable[str] = existing_topics
    if not selection.is_empty:
        choice = selection.choose(existing_topics)
        names = choice.names
        errors += [NotFoundError(f"topic not found: {name!r}", _TOPICS_HINT) for name in choice.absent_names]
        errors += [NotFoundError(f"no topic matches {text!r}", _TOPICS_HINT) for text in choice.unmatched_patterns]
    if numbers is None:
        return [(name, number) for name in names for number in existing_topics[name]], errors
    for number in numbers:
        for name in selection.names:
            if name in existing_topics and number not in existing_topics[name]:
                hint = f"it has {len(existing_topics[name])}, from 0 on"
                errors.append(NotFoundError(f"topic {name} has no partition {number}", hint))
        if not (selection.names or any(number in existing_topics[name] for name in names)):
            errors.append(NotFoundError(f"no topic has a partition {number}", _TOPICS_HINT))
    return [(name, number) for name in names for number in numbers if number in existing_topics[name]], errors


def _parse_numbers(text: str) -> list[int]:
    """Return the sorted numbers of --partitions; raise UsageError."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and int(part) <= _HIGHEST for part in parts):
        raise UsageError(f"--partitions {text}: not numbers of partitions", "like 0,1,5")
    return sorted({int(part) for part in parts})


def find_partitions(
    cluster: Cluster, rules: Iterable[PartitionRule], include_internal: bool = True
) -> list[tuple[str, int]]:
    """Return the partitions of the cluster that any rule selects, sorted; raise NotFoundError where there is none.

    Without `include_internal` Kafka's own topics are left out.
    """
    partitions = filter_partitions(
        rules,
        (
            (name, number)
            for name, topic in sorted(cluster.read_metadata().topics.items())
            if include_internal or not is_internal_topic(name)
            for number in sorted(topic.partitions)
        ),
    )
    if not partitions:
        raise NotFoundError("no partition is meant by that", _TOPICS_HINT)
    return partitions


def filter_partitions(rules: Iterable[PartitionRule], partitions: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the partitions that any rule selects."""
    all_rules = list(rules)

    @functools.cache
    def find_rules(topic: str) -> list[PartitionRule]:
        return [rule for rule in all_rules if rule.matches(topic)]

    return [partition for partition in partitions if any(rule.takes(partition[1]) for rule in find_rules(partition[0]))]


def _parse_rule(text: str) -> PartitionRule:
    """Return the rule of a text; raise UsageError."""
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
