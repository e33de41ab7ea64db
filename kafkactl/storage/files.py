"""What kind of file a name says it is, among those that brokers leave on disk."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from kafkactl.errors import FormatError, KafkactlError

# A broker renames files that are on their way: to be deleted, being cleaned, being swapped in.
ON_THEIR_WAY = (".deleted", ".cleaned", ".swap")
GZIP_SUFFIX = ".gz"
STANDARD_INPUT = Path("-")


class FileKind(Enum):
    """The files that can be read."""

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


def plain_name(path: Path) -> str:
    """The name without what says that the file is on its way, or compressed."""
    name = path.name
    while name.endswith((*ON_THEIR_WAY, GZIP_SUFFIX)):
        name = name[: name.rindex(".")]
    return name


def kind_of(path: Path) -> FileKind | None:
    """The kind that a file's name says; None for one that is not known. Standard input is a log."""
    if path == STANDARD_INPUT:
        return FileKind.LOG
    name = plain_name(path)
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(FileKind.OFFSET_CHECKPOINT.value):
        return FileKind.OFFSET_CHECKPOINT
    return _BY_SUFFIX.get(Path(name).suffix)


def with_file_name(error: KafkactlError, path: Path, hint: str | None = None) -> KafkactlError:
    """Return an error of a format with the file's name before it, and with a hint if it has none."""
    if not isinstance(error, FormatError):
        return error
    text = str(error)
    is_named = error.names_file or text.startswith(f"{path}: ")
    named = type(error)(text if is_named else f"{path}: {text}", error.hint or hint)
    named.names_file = True
    return named


def beside(path: Path, kind: FileKind) -> Path:
    """The file of another kind of the same segment; on its way or compressed, too, where such a one exists."""
    base = Path(plain_name(path)).stem
    tail = path.name.removeprefix(plain_name(path))
    same = path.with_name(f"{base}{kind.value}{tail}")
    return same if tail and same.exists() else path.with_name(f"{base}{kind.value}")
