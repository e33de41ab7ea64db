"""Small text files beside the segments: checkpoints, partition.metadata, meta.properties and quorum-state.

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
_DEEPEST = 100
"""Levels of JSON that are read; every reader and writer of it takes so many."""
_LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines would also split at other characters


@dataclass(frozen=True, slots=True)
class LeaderEpoch:
    """A leader epoch and the first offset that was written in it."""

    epoch: int
    start_offset: int


@dataclass(frozen=True, slots=True)
class PartitionOffset:
    """One line of a recovery-point-, replication-, log-start- or cleaner-offset-checkpoint."""

    topic: str
    partition: int
    offset: int


def read_leader_epochs(path: Path) -> list[LeaderEpoch]:
    """Return the lines of a leader-epoch-checkpoint, in the order of the file.

    An empty file gives an empty list. A file that ends in .gz is unpacked, and so is standard input (`-`) that begins
    as gzip does. Raise NotFoundError for a missing file, UsageError for a folder, a device, a file without read
    permission, or a closed or terminal standard input, and FormatError for content that is no checkpoint of version 0
    or cannot be read.
    """

    def parse(words: list[str]) -> LeaderEpoch:
        """Return the epoch and start offset of a line's two numbers; raise ValueError for other words."""
        epoch, start_offset = map(_parse_number, _require_words(2, words))
        return LeaderEpoch(epoch, start_offset)

    return _read_checkpoint(path, parse)


def read_offset_checkpoint(path: Path) -> list[PartitionOffset]:
    """Return the lines of an offset checkpoint, in the order of the file.

    An empty file gives an empty list. A file that ends in .gz is unpacked, and so is standard input (`-`) that begins
    as gzip does. Raise NotFoundError for a missing file, UsageError for a folder, a device, a file without read
    permission, or a closed or terminal standard input, and FormatError for content that is no checkpoint of version 0
    or cannot be read.
    """

    def parse(words: list[str]) -> PartitionOffset:
        """Return topic, partition and offset of a line's three words; raise ValueError for other words."""
        topic, partition, offset = _require_words(3, words)
        return PartitionOffset(topic, _parse_number(partition), _parse_number(offset))

    return _read_checkpoint(path, parse)


def read_properties(path: Path) -> dict[str, str]:
    """Return a dict from names to values of partition.metadata (`name: value`) or of meta.properties (`name=value`).

    The separator is : for a file whose name begins with partition.metadata, else =. Blanks around names and values are
    removed, blank lines and lines that begin with # or !, also behind blanks, are skipped, and of a repeated name the
    last value counts. Escapes of Java's properties stay as they are. A file that ends in .gz is unpacked, and so is
    standard input (`-`) that begins as gzip does. Raise NotFoundError for a missing file, UsageError for a folder, a
    device, a file without read permission, or a closed or terminal standard input, and FormatError for a line without
    the separator or content that is not UTF-8 or cannot be read.
    """
    properties = {}
    for line in _LINE_END.split(_read_text(path)):
        if line.strip() and not line.lstrip().startswith(("#", "!")):  # comments, as Java's properties have them
            separator = ":" if path.name.startswith("partition.metadata") else "="
            name, separator_in_line, value = line.partition(separator)
            if not separator_in_line:
                raise FormatError(f"{path}: corrupt: {line!r} has no {separator}")
            properties[name.strip()] = value.strip()
    return properties


def read_quorum_state(path: Path) -> dict[str, Any]:
    """Return the JSON object in quorum-state; its fields are not checked.

    NaN and Infinity count as numbers. A file that ends in .gz is unpacked, and so is standard input (`-`) that begins
    as gzip does. Raise NotFoundError for a missing file, UsageError for a folder, a device, a file without read
    permission, or a closed or terminal standard input, and FormatError for content that is not one JSON object, has
    more than 100 levels or a number of too many digits, or cannot be read.
    """
    text = _read_text(path)
    if not text.strip():
        raise FormatError(f"{path}: corrupt: the file is empty, and not a JSON object")
    try:
        state = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"{path}: corrupt: not valid JSON at {where}") from error
    except RecursionError:
        raise FormatError(f"{path}: corrupt: the JSON is nested too deeply") from None
    except ValueError:
        raise FormatError(f"{path}: corrupt: a number in the JSON has too many digits") from None
    if not isinstance(state, dict):
        raise FormatError(f"{path}: corrupt: the JSON is not an object")
    if not _is_flat(state):
        raise FormatError(f"{path}: corrupt: the JSON is nested too deeply")
    return state


def _is_flat(value: Any) -> bool:
    """Return whether lists and objects of JSON are nested in at most 100 levels, so that it can be printed."""
    level = [value]
    for _ in range(_DEEPEST):
        parts = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, (dict, list))]
        if not parts:
            return True
        level = [part for values in parts for part in values]
    return not any(isinstance(part, (dict, list)) for part in level)


def _read_checkpoint(path: Path, parse: Callable[[list[str]], T]) -> list[T]:
    """Return what `parse` makes of the words of each line, in the order of the file; an empty list for an empty file.

    The lines are the version (0), the number of entries, and one entry each. A file that ends in .gz is unpacked, and
    so is standard input (`-`) that begins as gzip does. Raise FormatError for another version, for a wrong number of
    entries, where `parse` raises ValueError, and for a file that cannot be read or is not UTF-8. Raise NotFoundError
    for a missing file, and UsageError for a folder, a device, a file without read permission, or a closed or terminal
    standard input.
    """
    text = _read_text(path)
    if not text:
        return []  # a broker creates the file empty and writes to it when it has the first entry
    try:
        version, *rest = _LINE_END.split(text)
        if rest and not rest[-1]:
            del rest[-1]  # behind the last line end
        if _parse_number(version) != VERSION:
            raise FormatError(f"{path}: unknown file version {version}: only version {VERSION} is known")
        if not rest:
            raise FormatError(f"{path}: corrupt: the line with the number of entries is missing")
        count = rest.pop(0)
        if _parse_number(count) != len(rest):
            raise FormatError(f"{path}: corrupt: it has {len(rest)} entries, but states {count}")
        return [parse(line.split()) for line in rest]
    except ValueError as error:
        raise FormatError(f"{path}: corrupt: {error}") from error


def _require_words(number: int, words: list[str]) -> list[str]:
    """Return the words of a line unchanged; raise ValueError where there are not exactly `number` words."""
    if len(words) != number:
        raise ValueError(f"{' '.join(words)!r} has {len(words)} values, not {number}")
    return words


def _parse_number(text: str) -> int:
    """Return a number as Java reads it: 1 to 19 digits with or without a sign.

    Raise ValueError for any other text, also for one that only Python takes: 1_000. Numbers above 2^63 - 1 are
    accepted.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _read_text(path: Path) -> str:
    """Return the content of a file; raise FormatError for bytes that are not UTF-8, and for a file that cannot be read.

    A file that ends in .gz is unpacked, and so is standard input (`-`) that begins as gzip does. Raise NotFoundError
    for a missing file, and UsageError for a folder, a device, a file without read permission, or a closed or terminal
    standard input.
    """
    data = read_file(path)
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: corrupt: not UTF-8: {error.reason}") from error
