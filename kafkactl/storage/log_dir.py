"""Folders of segments: a partition's, named topic-number, and a broker's log directory full of them."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kafkactl.errors import MissingFileError, NotFoundError, UsageError
from kafkactl.storage.files import FileKind, kind_of

_SET_ASIDE = re.compile(r"(?P<topic>.+)-(?P<partition>[0-9]+)\.[^.]+-(?P<state>delete|stray|future)")
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class FolderState(StrEnum):
    """Why a broker has renamed a partition's folder."""

    DELETE = "delete"
    STRAY = "stray"
    FUTURE = "future"

    @property
    def meaning(self) -> str:
        """Return the state as words of a sentence about a partition."""
        meanings = {
            FolderState.DELETE: "a partition that the broker is deleting",
            FolderState.STRAY: "a partition that the cluster no longer assigns to this broker",
            FolderState.FUTURE: "a replica that the broker is moving to this log dir",
        }
        return meanings[self]


@dataclass(frozen=True, kw_only=True)
class PartitionName:
    """What the name of a partition's folder says; `partition` is None where the name has no number."""

    topic: str
    partition: int | None = None
    state: FolderState | None = None


@dataclass(frozen=True, kw_only=True)
class SkippedPath:
    """A path that is not read, and why."""

    path: Path
    reason: str


@dataclass(kw_only=True)
class FolderFiles:
    """The entries of a folder: regular files by name, and what cannot be read as a file."""

    regular: list[Path] = field(default_factory=list)
    skipped: list[SkippedPath] = field(default_factory=list)

    @property
    def segments(self) -> list[Path]:
        """Return the segments in the order of their offsets, without those on their way out."""
        return [path for path in self.regular if path.suffix == FileKind.LOG.value and kind_of(path) is FileKind.LOG]


@dataclass(kw_only=True)
class LogDirFolders:
    """The folders of a log dir: partitions in the order of topics, and folders that are not read."""

    partitions: list[Path] = field(default_factory=list)
    skipped: list[SkippedPath] = field(default_factory=list)


def partition_name(folder: Path) -> PartitionName:
    """Return the topic, partition and state in the name of a folder, also of one that a broker has renamed."""
    name = os.path.basename(os.path.abspath(folder))  # of a link its own name, as a broker takes it
    match = _SET_ASIDE.fullmatch(name)
    if match is not None:
        return PartitionName(topic=match["topic"], partition=int(match["partition"]), state=FolderState(match["state"]))
    topic, _, number = name.rpartition("-")
    if topic and _NUMBER.fullmatch(number):
        return PartitionName(topic=topic, partition=int(number))
    return PartitionName(topic=name)


def topic_and_partition(folder: Path) -> tuple[str, int | None]:
    """Return the topic and the partition in a folder's name; no number where the name has none."""
    name = partition_name(folder)
    return name.topic, name.partition


def scan_log_dir(path: Path) -> LogDirFolders:
    """Return the partitions at or right below a path, and the folders that are set aside.

    Partitions are folders with segments, and folders with the name of a partition. Raises MissingFileError where the
    path is no folder, and UsageError without the right to read it.
    """
    folders = LogDirFolders()
    is_partition = _has_segments(path)
    if is_partition:
        folders.partitions.append(path)
    known = {real_path(path)}
    for child in sorted(_children(path), key=lambda child: (child.is_symlink(), child.name)):
        why = None if is_partition else _why_skipped(child)
        if why is not None:
            folders.skipped.append(SkippedPath(path=child, reason=why))
        elif child.is_dir() and (_has_segments(child) or partition_name(child).partition is not None):
            if real_path(child) in known:
                folders.skipped.append(SkippedPath(path=child, reason="a link to a folder that is read already"))
            else:
                known.add(real_path(child))
                folders.partitions.append(child)
    folders.partitions.sort(key=_order)
    return folders


def partition_folders(path: Path) -> list[Path]:
    """Return the folders with segments at or right below a path, by topic and partition.

    Raises NotFoundError where no folder has a segment, and what `scan_log_dir` raises.
    """
    folders = [path, *(folder for folder in _children(path) if folder.is_dir())]
    folders = sorted((folder for folder in folders if _has_segments(folder)), key=_order)
    if not folders:
        raise no_segments(path)
    return folders


def no_segments(path: Path) -> NotFoundError:
    """Return the error of a folder without a partition."""
    return NotFoundError(f"{path}: no segments in it", "a broker's log.dirs holds a folder TOPIC-N for each partition")


def segments_in(folder: Path) -> list[Path]:
    """Return a partition's segments in the order of their offsets, without those on their way out."""
    return files_in(folder).segments


def segments_under(path: Path) -> list[Path]:
    """Return the segments of every partition at or right below a folder; raises NotFoundError without any."""
    return [segment for folder in partition_folders(path) for segment in segments_in(folder)]


def files_in(folder: Path) -> FolderFiles:
    """Return a folder's entries, sorted by name; none of a folder that a broker has deleted meanwhile."""
    files = FolderFiles()
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return files
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in entries:
        path = folder / entry.name
        if entry.is_file(follow_symlinks=False):
            files.regular.append(path)
        elif (why := why_irregular(path)) is not None:
            files.skipped.append(SkippedPath(path=path, reason=why))
        elif path.is_file():
            files.regular.append(path)
    return files


def why_irregular(path: Path) -> str | None:
    """Return why a path is neither a file nor a folder, or None; reading a FIFO would wait for its writer."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "a link to nothing" if path.is_symlink() else None
    except OSError as error:
        return "a loop of links" if error.errno == errno.ELOOP else str(error.strerror)
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def _why_skipped(child: Path) -> str | None:
    state = partition_name(child).state if child.is_dir() else None
    if state in (FolderState.DELETE, FolderState.STRAY):
        return state.meaning
    return why_irregular(child)


def real_path(path: Path) -> Path:
    """Return the path behind all links; a loop of links stays a path, where Path.resolve raises RuntimeError."""
    return Path(os.path.realpath(path))


def _children(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        why = why_irregular(path)
        raise MissingFileError(f"{path}: no such folder" + (f", but {why}" if why else ""))
    try:
        return iter(list(path.iterdir()))
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such folder") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(folder: Path, error: OSError) -> UsageError:
    """Return the error of a folder that cannot be listed."""
    return UsageError(f"{folder}: {(error.strerror or str(error)).lower()}")


def _has_segments(folder: Path) -> bool:
    return any(kind_of(path) is FileKind.LOG and path.is_file() for path in folder.glob(f"*{FileKind.LOG.value}"))


def _order(folder: Path) -> tuple[str, int, str]:
    name = partition_name(folder)
    return name.topic, -1 if name.partition is None else name.partition, name.state or ""
