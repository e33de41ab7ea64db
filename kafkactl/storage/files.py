"""Kinds of the files that brokers leave on disk, by their names."""

from __future__ import annotations

import copy
import os
from enum import Enum
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError

# Suffixes of files that a broker is about to delete, is writing while it compacts, or is putting in place of others.
ON_THEIR_WAY = (".deleted", ".cleaned", ".swap")
GZIP_SUFFIX = ".gz"
STANDARD_INPUT = Path("-")


class FileKind(Enum):
    """Kind of a file that kafkactl can read; the value is the name or its end."""

    LOG = ".log"
    KRAFT_SNAPSHOT = ".checkpoint"
    OFFSET_INDEX = ".index"
    TIME_INDEX = ".timeindex"
    TRANSACTION_INDEX = ".txnindex"
    PRODUCER_SNAPSHOT = ".snapshot"
    LEADER_EPOCHS = "leader-epoch-checkpoint"
    OFFSET_CHECKPOINT = "-offset-checkpoint"
    PARTITION_METADATA = "partition.metadata"
    META_PROPERTIES = "meta.properties"
    QUORUM_STATE = "quorum-state"


_BY_NAME = {
    kind.value: kind
    for kind in (FileKind.LEADER_EPOCHS, FileKind.PARTITION_METADATA, FileKind.META_PROPERTIES, FileKind.QUORUM_STATE)
}
_BY_SUFFIX = {kind.value: kind for kind in FileKind if kind.value.startswith(".")}


def strip_suffixes(path: Path) -> str:
    """Return the name of a file, without its folder and without all .deleted, .cleaned, .swap and .gz at its end."""
    name = path.name
    while name.endswith((*ON_THEIR_WAY, GZIP_SUFFIX)):
        name = name[: name.rindex(".")]
    return name


def find_kind(path: Path) -> FileKind | None:
    """Return the kind of file that a name stands for, or None for an unknown name.

    Any .deleted, .cleaned, .swap and .gz at the end are ignored. Standard input (-) is a log. The file need not exist,
    and is not opened.
    """
    if path == STANDARD_INPUT:
        return FileKind.LOG
    name = strip_suffixes(path)
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(FileKind.OFFSET_CHECKPOINT.value):
        return FileKind.OFFSET_CHECKPOINT
    return _BY_SUFFIX.get(Path(name).suffix)


def add_file_name(error: KafkactlError, path: Path, hint: str | None = None) -> KafkactlError:
    """Return (not raise) an error with the file's name in front of its text, and with `hint` if it has no hint.

    The result has the class of `error`. A `hint` of None adds none. The name is not put before a text that begins with
    it, or that had a file's name put in front of it here. An error other than FormatError is returned as it is, without
    the hint.
    """
    if not isinstance(error, FormatError):
        return error
    text = str(error)
    is_named = error.names_file or text.startswith(f"{path}: ")
    named_error = copy.copy(error)
    named_error.args = (text if is_named else f"{path}: {text}",)
    named_error.hint = error.hint or hint
    named_error.names_file = True
    return named_error


def find_sibling(path: Path, kind: FileKind) -> Path:
    """Return the path of the file of another kind that belongs to the same segment.

    Its name is that of `path` up to its suffix, which need not be of a known kind, and then the suffix of `kind`, in
    the same folder. A path with a further suffix like .deleted or .gz gives the sibling with this suffix, too, if that
    file exists; else the sibling without it, whether or not it exists. A file that may not be looked at counts as one
    that does not exist. Raise ValueError for a path without a name, such as `/`.
    """
    base = Path(strip_suffixes(path)).stem
    tail = path.name.removeprefix(strip_suffixes(path))
    with_tail = path.with_name(f"{base}{kind.value}{tail}")
    return with_tail if tail and os.path.exists(with_tail) else path.with_name(f"{base}{kind.value}")
