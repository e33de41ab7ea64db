"""The small text files beside the segments.

Sources: org.apache.kafka.server.common.CheckpointFile (offset checkpoints and leader epochs, KIP-101),
org.apache.kafka.storage.internals.log.PartitionMetadataFile (KIP-516), org.apache.kafka.metadata.properties
(meta.properties) and org.apache.kafka.raft.FileQuorumStateStore (quorum-state, KIP-595).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kafkactl.errors import FormatError
from kafkactl.storage.source import read_file

T = TypeVar("T")
VERSION = 0
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_LINE_END = re.compile(r"\r\n|\r|\n")  # and no other character that Python counts among them


@dataclass(frozen=True, slots=True)
class LeaderEpoch:
    """A leader's epoch and the first offset written in it."""

    epoch: int
    start_offset: int


@dataclass(frozen=True, slots=True)
class PartitionOffset:
    """A line of recovery-point-, replication-, log-start- or cleaner-offset-checkpoint."""

    topic: str
    partition: int
    offset: int


def read_leader_epochs(path: Path) -> list[LeaderEpoch]:
    """The lines of leader-epoch-checkpoint; raises NotFoundError, UsageError and FormatError."""

    def parse(words: list[str]) -> LeaderEpoch:
        epoch, start_offset = map(_number, _require(2, words))
        return LeaderEpoch(epoch, start_offset)

    return _read_checkpoint(path, parse)


def read_offset_checkpoint(path: Path) -> list[PartitionOffset]:
    """The lines of an offset checkpoint; raises NotFoundError, UsageError and FormatError."""

    def parse(words: list[str]) -> PartitionOffset:
        topic, partition, offset = _require(3, words)
        return PartitionOffset(topic, _number(partition), _number(offset))

    return _read_checkpoint(path, parse)


def read_properties(path: Path) -> dict[str, str]:
    """partition.metadata (`name: value`) or meta.properties (`name=value`); raises what the others raise."""
    found = {}
    for line in _text(path).splitlines():
        if line.strip() and not line.startswith("#"):
            separator = ":" if path.name.startswith("partition.metadata") else "="
            name, found_separator, value = line.partition(separator)
            if not found_separator:
                raise FormatError(f"{path}: corrupt: {line!r} has no {separator}")
            found[name.strip()] = value.strip()
    return found


def read_quorum_state(path: Path) -> dict[str, Any]:
    """quorum-state: one json object; raises what the others raise."""
    text = _text(path)
    if not text.strip():
        raise FormatError(f"{path}: corrupt: the file has no text, and a json object is expected")
    try:
        state = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"{path}: corrupt: not valid json at {where}") from error
    except RecursionError:
        raise FormatError(f"{path}: corrupt: the json is nested too deeply") from None
    except ValueError:
        raise FormatError(f"{path}: corrupt: a number in the json has too many digits") from None
    if not isinstance(state, dict):
        raise FormatError(f"{path}: corrupt: the json is no object")
    return state


def _read_checkpoint(path: Path, parse: Callable[[list[str]], T]) -> list[T]:
    text = _text(path)
    if not text:
        return []  # a broker makes the file empty, and fills it when there is something to note
    try:
        version, *rest = _LINE_END.split(text.removesuffix("\n"))
        if _number(version) != VERSION:
            raise FormatError(f"{path}: file version {version}, and {VERSION} is the only one known")
        if not rest:
            raise FormatError(f"{path}: corrupt: the line with the number of entries is missing")
        count = rest.pop(0)
        if _number(count) != len(rest):
            raise FormatError(f"{path}: corrupt: {len(rest)} lines, and it says {count}")
        return [parse(line.split()) for line in rest]
    except ValueError as error:
        raise FormatError(f"{path}: corrupt: {error}") from error


def _require(number: int, words: list[str]) -> list[str]:
    """Return the words of a line; raises ValueError where there are more or fewer."""
    if len(words) != number:
        raise ValueError(f"{' '.join(words)!r} has {len(words)} values, not {number}")
    return words


def _number(text: str) -> int:
    """A number as Java reads it; raises ValueError for what only Python takes, like 1_000."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _text(path: Path) -> str:
    data = read_file(path)
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: corrupt: no text: {error.reason}") from error
