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
_MOST_DIGITS = 100  # int() refuses more than 4300
_NUMBER = rf"[0-9]{{0,{_MOST_DIGITS}}}"
_RULE = re.compile(rf"([^:,]*)(?::(?:([0-9]{{1,{_MOST_DIGITS}}})|({_NUMBER})-({_NUMBER}))?)?")


@dataclass(frozen=True)
class PartitionRule:
    """A rule that selects topics and some of their partitions."""

    matches: Callable[[str], bool]
    """Function that returns whether the rule selects the topic of a name."""
    takes: Callable[[int], bool]
    """Function that returns whether the rule selects the partition of a number."""


def parse_rules(text: str) -> list[PartitionRule]:
    """Return the rules of --topic-partitions, one for each part between commas, in their order.

    A part is TOPIC, TOPIC:N or TOPIC:FROM-TO; TOPIC is a regular expression, without commas and colons, for the whole
    name, TO is excluded, and each piece may be missing. Blanks around a part do not count. So an empty part selects
    everything. A range backwards selects nothing. Raise UsageError for another form, such as a number of more than 100
    digits, and for a regular expression that is longer than 2,000 characters, not valid or not UTF-8, or has a NUL
    character.
    """
    return [_parse_rule(part.strip()) for part in text.split(",")]


def select_partitions(
    cluster: Cluster, selection: TopicSelection, partitions: str | None, include_internal: bool = True
) -> tuple[list[tuple[str, int]], list[KafkactlError]]:
    """Return the selected partitions that exist, sorted, and an error for each selected thing that does not exist.

    An empty `selection` means all topics. `partitions` are numbers from 0 to 2^31 - 1, separated by commas without
    blanks (0,1,5), or None for all partitions. Without `include_internal` Kafka's own topics do not count as existing;
    patterns choose them only where `selection` includes them, too. The errors are NotFoundErrors and are not raised:
    for names, for patterns without a match, and for missing partitions. A partition is missing for each named topic
    without it; where no topic is named, only if no selected topic has it.

    Raise UsageError for any other text of `partitions` and for a wrong client setting, and UnreachableError or
    OperationError where no broker lists the topics.
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
                hint = f"the topic has {len(existing_topics[name])} partitions, numbered from 0"
                errors.append(NotFoundError(f"topic {name} has no partition {number}", hint))
        if not (selection.names or any(number in existing_topics[name] for name in names)):
            errors.append(NotFoundError(f"no topic has a partition {number}", _TOPICS_HINT))
    return [(name, number) for name in names for number in numbers if number in existing_topics[name]], errors


def _parse_numbers(text: str) -> list[int]:
    """Return the numbers of --partitions, a text like 0,1,5, sorted and without repetitions.

    Raise UsageError for any other text: each part must be a number from 0 to 2^31 - 1 in at most 100 ASCII digits,
    without blanks.
    """
    parts = text.split(",")
    if not all(_is_partition_number(part) for part in parts):
        raise UsageError(f"invalid value {text!r} for --partitions: not partition numbers", "like 0,1,5")
    return sorted({int(part) for part in parts})


def _is_partition_number(text: str) -> bool:
    """Return whether the text is a number from 0 to 2^31 - 1 in at most 100 ASCII digits."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) <= _HIGHEST


def find_partitions(
    cluster: Cluster, rules: Iterable[PartitionRule], include_internal: bool = True
) -> list[tuple[str, int]]:
    """Return the partitions of the cluster that any rule selects, sorted; raise NotFoundError where there is none.

    Without `include_internal` Kafka's own topics are left out. Raise UnreachableError or OperationError where no broker
    lists the topics, and UsageError for a wrong client setting.
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
        raise NotFoundError("no partition matches --topic-partitions", _TOPICS_HINT)
    return partitions


def filter_partitions(rules: Iterable[PartitionRule], partitions: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the partitions that any rule selects, in the order of `partitions`; empty where there is none."""
    all_rules = list(rules)

    @functools.cache
    def find_rules(topic: str) -> list[PartitionRule]:
        """Return the rules that select the topic."""
        return [rule for rule in all_rules if rule.matches(topic)]

    return [partition for partition in partitions if any(rule.takes(partition[1]) for rule in find_rules(partition[0]))]


def _parse_rule(text: str) -> PartitionRule:
    """Return the rule of one part of --topic-partitions: TOPIC, TOPIC:N or TOPIC:FROM-TO.

    Each piece may be missing. TOPIC is a regular expression for the whole name, and TO is excluded. Without a topic, as
    in "" and ":0", all topics are selected, and without numbers all partitions. Blanks are not removed. A range
    backwards selects no partition. Raise UsageError for a text of another form, such as one with a comma or a number of
    more than 100 digits, and for a regular expression that is longer than 2,000 characters, not valid or not UTF-8, or
    has a NUL character.
    """
    match = _RULE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"invalid value {text!r} for --topic-partitions: not a selection of partitions",
            "like orders, orders:0, orders:1-4, orders:2- or :0",
        )
    topic, number, first, end = match.groups()
    pattern = compile_pattern(topic or ".*", "--topic-partitions")

    def matches(name: str) -> bool:
        """Return whether the whole name matches the rule's pattern."""
        return pattern.fullmatch(name) is not None

    if number:
        return PartitionRule(matches, int(number).__eq__)
    lowest, highest = int(first or 0), int(end) if end else None
    return PartitionRule(matches, lambda partition: lowest <= partition and (highest is None or partition < highest))
