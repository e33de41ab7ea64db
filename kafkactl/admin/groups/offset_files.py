"""Files of committed offsets: the yaml file of `groups export` and the csv file of Kafka's reset, and comparison."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from kafkactl.arguments import LARGEST_INT32, LARGEST_INT64
from kafkactl.documents import read_yaml
from kafkactl.errors import UsageError
from kafkactl.numerals import read_whole_number
from kafkactl.patterns import require_group_name, require_sendable

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition

_YAML_HINT = "write the file as groups export prints it: groups: {billing: {orders: {0: 42}}}"
_CSV_HINT = "write each line as topic,partition,offset or group,topic,partition,offset"


@dataclass(frozen=True, kw_only=True)
class OffsetDifference:
    """A committed offset that differs between two files."""

    group: str
    topic: str
    partition: int
    left: int | None
    """Offset in the first file; None where that file has none."""
    right: int | None
    """Offset in the second file; None where that file has none."""
    moved: int | None
    """`right` minus `left`; None where one of them is missing."""


def make_document(offsets_by_group: Mapping[str, Mapping[Partition, int]]) -> dict[str, Any]:
    """Return the content of an export: {"groups": {group: {topic: {partition: offset}}}}, in the given order.

    Partitions and offsets are ints. A group without offsets has an empty dict.
    """
    groups: dict[str, dict[str, dict[int, int]]] = {}
    for group, offsets in offsets_by_group.items():
        topics = groups.setdefault(group, {})
        for (topic, number), offset in offsets.items():
            topics.setdefault(topic, {})[number] = offset
    return {"groups": groups}


def read_document(path: Path) -> dict[str, dict[Partition, int]]:
    """Return the offsets of groups in a YAML or JSON file {groups: {GROUP: {TOPIC: {PARTITION: OFFSET}}}}.

    A group or topic without content is allowed; a group without topics has an empty dict. A name that YAML reads as an
    integer must be in quotes. Partitions are numbers from 0 to 2^31 - 1, or texts of digits; offsets are numbers from 0
    to 2^63 - 1; the result has ints, in the order of the file. Names beside `groups` are ignored; `groups: {}` gives an
    empty result, but a missing or empty `groups` is an error. `path` may be `-` for standard input. Raise UsageError
    for a file that cannot be read or has another form, for a repeated name or partition (0 and "00" are one), for an
    empty name or one with a NUL character, and for a group's name of more than 32,767 bytes.
    """
    content = read_yaml(path)
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, dict):
        raise UsageError(f"{path}: not the offsets of groups: `groups` is missing", _YAML_HINT)
    offsets_by_group: dict[str, dict[Partition, int]] = {}
    for name, topics in groups.items():
        offsets = offsets_by_group.setdefault(_require_name(path, name, "group"), {})
        for key, partitions in _list_entries(path, topics, f"group {name}"):
            topic = _require_name(path, key, "topic")
            for number, value in _list_entries(path, partitions, f"topic {topic}"):
                offset = _require_number(path, value, f"offset of {topic}-{number}")
                _add(path, name, offsets, (topic, _require_number(path, number, "partition")), offset)
    return offsets_by_group


def parse_csv(path: Path, text: str, groups: Sequence[str], *, with_group: bool) -> dict[str, dict[Partition, int]]:
    """Return the offsets of groups in the text of a csv file of Kafka, by group; `path` is for the messages.

    Lines are group,topic,partition,offset. Without `with_group` they may also be topic,partition,offset, for the first
    of `groups`, which is not empty then. Empty lines are skipped, and lines of blanks are refused. Names are not
    checked and keep their blanks; they may be in double quotes, as in Python's csv module: a quote at a wrong place may
    pass. Blanks around numbers do not count. Partitions are from 0 to 2^31 - 1, offsets to 2^63 - 1. Groups in the file
    that are not in `groups` are in the result, too, which has the order of the file. An empty file gives an empty
    result where `groups` is empty.

    Raise UsageError for another form, for two offsets of one partition in a group, and for a name of `groups` that is
    not in the file.
    """
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        offsets_by_group: dict[str, dict[Partition, int]] = {}
        for *names, topic, number, offset in lines:
            if len(names) > 1 or (not names and with_group):
                raise UsageError(f"{path}: not a plan of offsets", _CSV_HINT)
            group = names[0] if names else groups[0]
            partition = topic, _parse_digits(path, number, "partition")
            _add(path, group, offsets_by_group.setdefault(group, {}), partition, _parse_digits(path, offset, "offset"))
    except (ValueError, csv.Error):
        raise UsageError(f"{path}: not a plan of offsets", _CSV_HINT) from None
    if missing_groups := [group for group in groups if group not in offsets_by_group]:
        raise UsageError(f"{path} has no offsets of group {missing_groups[0]}")
    return offsets_by_group


def compare(
    left: Mapping[str, Mapping[Partition, int]], right: Mapping[str, Mapping[Partition, int]]
) -> list[OffsetDifference]:
    """Return the partitions whose offsets differ, sorted by group, topic and partition; empty if there are none.

    A partition that only one side has is among them. `moved` is the offset on the right minus that on the left.
    """
    differences = []
    for group in sorted({*left, *right}):
        left_offsets, right_offsets = left.get(group, {}), right.get(group, {})
        for topic, number in sorted({*left_offsets, *right_offsets}):
            old, new = left_offsets.get((topic, number)), right_offsets.get((topic, number))
            if old != new:
                moved = None if old is None or new is None else new - old
                differences.append(
                    OffsetDifference(group=group, topic=topic, partition=number, left=old, right=new, moved=moved)
                )
    return differences


def _add(path: Path, group: str, offsets: dict[Partition, int], partition: Partition, offset: int) -> None:
    """Add the offset of a partition to `offsets`, in place. Raise UsageError where it has one of the partition already.

    `path` and `group` are for the message.
    """
    if partition in offsets:
        raise UsageError(
            f"{path}: two offsets of {partition[0]}-{partition[1]} in group {group}", "leave one of them out"
        )
    offsets[partition] = offset


def _parse_digits(path: Path, text: str, noun: str) -> int:
    """Return a partition, below 2^31, or an offset, below 2^63, of a csv file.

    `noun` is "partition" or "offset". Blanks around the number and leading zeros are allowed, a sign is not. Raise
    UsageError, which names `path` and `noun`, for any other text.
    """
    try:
        return read_whole_number(text.strip(), _find_largest(noun))
    except ValueError:
        raise UsageError(f"{path}: invalid {noun}: {text!r}", "end each line with topic,partition,offset") from None


def _find_largest(noun: str) -> int:
    """Return the largest number of a "partition", or of an offset for any other noun."""
    return LARGEST_INT32 if noun == "partition" else LARGEST_INT64


def _list_entries(path: Path, value: Any, noun: str) -> Iterable[tuple[Any, Any]]:
    """Return the entries of a mapping in a yaml file, none for None. Raise UsageError for any other value.

    `path`, and `noun` such as "group billing", are for the message.
    """
    if not isinstance(value, (dict, NoneType)):
        raise UsageError(f"{path}: {noun} is not a mapping", "write it like billing: {orders: {0: 42}}")
    return (value or {}).items()


def _require_name(path: Path, value: Any, noun: str) -> str:
    """Return a name in a yaml file. `noun` is "group" or "topic".

    The name is returned unchanged, and may be blanks alone. Raise UsageError for empty text, text that is not UTF-8, a
    NUL character, a value of another type, and a group's name of more than 32,767 bytes.
    """
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path}: the name of a {noun} is not a text: {value!r}", "write it in quotes")
    require = require_group_name if noun == "group" else require_sendable
    return require(value, f"a {noun} in {path}")


def _require_number(path: Path, value: Any, noun: str) -> int:
    """Return a partition, below 2^31, or an offset, below 2^63, in a yaml file. Raise UsageError for any other value.

    `noun` is "partition" or names an offset, such as "offset of orders-0". For "partition" a text of digits counts as a
    number, because exports to json have such texts.
    """
    if isinstance(value, str) and noun == "partition":
        with suppress(ValueError):
            value = read_whole_number(value)
    if type(value) is not int or not 0 <= value <= _find_largest(noun):
        raise UsageError(
            f"{path}: {noun} is not a whole number from 0: {value!r}", "write it as groups export prints it"
        )
    return value
