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
from kafkactl.errors import KafkactlError, NotFoundError, UsageError
from kafkactl.patterns import TopicSelection, compile_pattern, is_internal_topic

_HIGHEST = 2**31 - 1
_TOPICS_HINT = "list the topics that you can see: kafkactl topics list"
_RULE = re.compile(r"([^:,]*)(?::(?:(\d+)|(\d*)-(\d*))?)?")


@dataclass(frozen=True)
class PartitionRule:
    """Which topics, and which of their partitions."""

    matches: Callable[[str], bool]
    takes: Callable[[int], bool]


def parse_rules(text: str) -> list[PartitionRule]:
    """The rules of --topic-partitions; raises UsageError."""
    return [_parse_rule(part) for part in text.split(",")]


def select_partitions(
    cluster: Cluster, selection: TopicSelection, partitions: str | None, include_internal: bool = True
) -> tuple[list[tuple[str, int]], list[KafkactlError]]:
    """Return the partitions of selected topics, or of all, with these numbers, or all; and what does not exist.

    Raises UsageError for what is no list of numbers.
    """
    numbers = None if partitions is None else _numbers(partitions)
    known = {
        name: sorted(topic.partitions)
        for name, topic in sorted(cluster.metadata().topics.items())
        if include_internal or not is_internal_topic(name)
    }
    errors: list[KafkactlError] = []
    names: Iterable[str] = known
    if not selection.is_empty:
        choice = selection.choose(known)
        names = choice.names
        errors += [NotFoundError(f"there is no topic {name!r}", _TOPICS_HINT) for name in choice.absent_names]
        errors += [NotFoundError(f"no topic matches {text!r}", _TOPICS_HINT) for text in choice.unmatched_patterns]
    if numbers is None:
        return [(name, number) for name in names for number in known[name]], errors
    for number in numbers:
        for name in selection.names:
            if name in known and number not in known[name]:
                hint = f"it has {len(known[name])}, from 0 on"
                errors.append(NotFoundError(f"topic {name} has no partition {number}", hint))
        if not (selection.names or any(number in known[name] for name in names)):
            errors.append(NotFoundError(f"no topic has a partition {number}", _TOPICS_HINT))
    return [(name, number) for name in names for number in numbers if number in known[name]], errors


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and int(part) <= _HIGHEST for part in parts):
        raise UsageError(f"--partitions {text}: not numbers of partitions", "like 0,1,5")
    return sorted({int(part) for part in parts})


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
        raise NotFoundError("no partition is meant by that", _TOPICS_HINT)
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
