"""Kafka's JSON files of reassignments: the plan of replicas, and the topics of a plan that is to be made.

Reference: org.apache.kafka.tools.reassign.ReassignPartitionsCommand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafkactl.admin.log_dirs import ReplicaKey
from kafkactl.admin.models import Partition
from kafkactl.documents import read_json
from kafkactl.errors import UsageError
from kafkactl.patterns import explain_unusable_text

ANY_DIR = "any"
"""Value of log_dirs for a directory that the broker chooses."""
_FORM = 'like {"version": 1, "partitions": [{"topic": "orders", "partition": 0, "replicas": [1, 2]}]}'
_TOPICS_FORM = 'like {"version": 1, "topics": [{"topic": "orders"}]}'


@dataclass(frozen=True, kw_only=True)
class ReassignmentFile:
    """The plan in a file."""

    replicas: Mapping[Partition, tuple[int, ...]]
    """New replicas of each partition, in the order of the file."""
    log_dirs: Mapping[ReplicaKey, str]
    """Directory of a replica, where the file names one."""


def read_reassignment(path: Path) -> ReassignmentFile:
    """Return the plan of Kafka's JSON file; `path` may be `-` for standard input.

    The version and `log_dirs` may be missing, and the list of partitions may be empty. Directories are texts in UTF-8
    without a NUL character, which are not checked further; the result leaves out those that are "any". Other fields are
    ignored. Raise UsageError for a file that cannot be read or has another form or version, for a partition that stands
    twice or has no replicas, a broker that stands twice in a partition, and another number of directories than of
    replicas.
    """
    rows = _read_rows(path, "partitions", _FORM)
    replicas: dict[Partition, tuple[int, ...]] = {}
    log_dirs: dict[ReplicaKey, str] = {}
    for row in rows:
        topic: Any = row.get("topic")
        number: Any = row.get("partition")
        brokers: Any = row.get("replicas")
        if not _is_topic(topic) or not _is_number(number) or not isinstance(brokers, list) or not brokers:
            raise UsageError(f"{path}: not a partition with replicas: {row!r:.100}", _FORM)
        if not all(map(_is_number, brokers)):
            raise UsageError(f"{path}: not ids of brokers: {brokers!r:.100}", _FORM)
        name = f"{topic}-{number}"
        if (topic, number) in replicas:
            raise UsageError(f"{path}: partition {name} stands twice", "remove one of them")
        if len(set(brokers)) < len(brokers):
            raise UsageError(f"{path}: a broker stands twice in the replicas of {name}", "remove one of them")
        dirs = row.get("log_dirs", [ANY_DIR] * len(brokers))
        if not isinstance(dirs, list) or len(dirs) != len(brokers) or not all(isinstance(item, str) for item in dirs):
            raise UsageError(f"{path}: log_dirs of {name} is not a list with a text for each replica", _FORM)
        if reason := next(filter(None, map(explain_unusable_text, dirs)), None):
            raise UsageError(f"{path}: no broker has a directory of log_dirs of {name}: {reason}", _FORM)
        replicas[topic, number] = tuple(brokers)
        log_dirs |= {
            (topic, number, broker): item for broker, item in zip(brokers, dirs, strict=True) if item != ANY_DIR
        }
    return ReassignmentFile(replicas=replicas, log_dirs=log_dirs)


def read_topics(path: Path) -> list[str]:
    """Return the topics of Kafka's JSON file {"topics": [{"topic": NAME}]}, in its order, at least one.

    `path` may be `-` for standard input. Raise UsageError for a file that cannot be read, has another form or version,
    or names a topic twice or none.
    """
    rows = _read_rows(path, "topics", _TOPICS_FORM)
    names: list[Any] = [row.get("topic") for row in rows]
    if not names or not all(map(_is_topic, names)):
        raise UsageError(f"{path}: not names of topics", _TOPICS_FORM)
    if doubles := sorted(name for name, count in Counter(names).items() if count > 1):
        raise UsageError(f"{path}: topic {doubles[0]} stands twice", "remove one of them")
    return [str(name) for name in names]


def build_document(replicas: Mapping[Partition, Sequence[int]], log_dirs: Mapping[ReplicaKey, str]) -> dict[str, Any]:
    """Return a plan as the value of Kafka's JSON file, sorted by topic and partition.

    It is {"version": 1, "partitions": [{"topic": T, "partition": N, "replicas": [ID], "log_dirs": [PATH]}]}. A replica
    that `log_dirs` does not have gets "any" as its directory.
    """
    return {
        "version": 1,
        "partitions": [
            {
                "topic": topic,
                "partition": number,
                "replicas": list(brokers),
                "log_dirs": [log_dirs.get((topic, number, broker), ANY_DIR) for broker in brokers],
            }
            for (topic, number), brokers in sorted(replicas.items())
        ],
    }


def _read_rows(path: Path, name: str, form: str) -> Iterable[dict[str, Any]]:
    """Return the objects of the list `name` in a JSON file of version 1, which may leave the version out.

    Nothing in the objects is checked, and the list may be empty. The path `-` is standard input. Raise UsageError for a
    file that cannot be read or has another form or version.
    """
    content = read_json(path)
    rows = content.get(name) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: `{name}` is no list of objects", form)
    if repr(content.get("version", 1)) != "1":  # true and 1.0 compare as equal
        raise UsageError(f"{path}: version {content['version']!r:.20} is not supported", form)
    return rows


def _is_topic(value: object) -> bool:
    """Return whether a value is a text that is not empty, is UTF-8 and has no NUL character; of any length."""
    return isinstance(value, str) and bool(value) and explain_unusable_text(value) is None


def _is_number(value: object) -> bool:
    """Return whether a value is an integer from 0 to 2^31 - 1."""
    return type(value) is int and 0 <= value < 1 << 31
