"""Folders of segments: the folder of a partition (TOPIC-N), and a broker's log directory that contains them."""

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
from kafkactl.storage.files import FileKind, find_kind

# No file system takes names of more than 255 bytes, and int() refuses numbers of thousands of digits.
_SET_ASIDE = re.compile(r"(?P<topic>.+)-(?P<partition>[0-9]{1,255})\.[^.]+-(?P<state>delete|stray|future)")
_NUMBER = re.compile(r"[0-9]{1,255}")
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class FolderState(StrEnum):
    """The reason for which a broker has renamed a partition's folder; the value is the end of the name."""

    DELETE = "delete"
    STRAY = "stray"
    FUTURE = "future"

    @property
    def meaning(self) -> str:
        """Return the state as a noun phrase, such as "a partition that the broker is deleting"."""
        meanings = {
            FolderState.DELETE: "a partition that the broker is deleting",
            FolderState.STRAY: "a partition that the cluster no longer assigns to this broker",
            FolderState.FUTURE: "a replica that the broker is moving to this log dir",
        }
        return meanings[self]


@dataclass(frozen=True, kw_only=True)
class PartitionName:
    """The topic, partition and state in the name of a folder.

    `partition` is None where the name has no number; `state` is None for a folder that was not renamed.
    """

    topic: str
    partition: int | None = None
    state: FolderState | None = None


@dataclass(frozen=True, kw_only=True)
class SkippedPath:
    """A path that is not read, and the reason."""

    path: Path
    reason: str


@dataclass(kw_only=True)
class FolderFiles:
    """The entries of a folder: regular files by name, and entries that cannot be read as a file."""

    regular: list[Path] = field(default_factory=list)
    skipped: list[SkippedPath] = field(default_factory=list)

    @property
    def segments(self) -> list[Path]:
        """Return the .log files in the order of `regular`, without files with suffixes like .deleted and .gz.

        list_files sorts them by name: in the order of offsets if all have 20 digits.
        """
        return [path for path in self.regular if path.suffix == FileKind.LOG.value and find_kind(path) is FileKind.LOG]


@dataclass(kw_only=True)
class LogDirFolders:
    """The folders of a log dir: partitions in the order of topics, and paths that are not read."""

    partitions: list[Path] = field(default_factory=list)
    skipped: list[SkippedPath] = field(default_factory=list)


def parse_folder_name(folder: Path) -> PartitionName:
    """Return the topic, partition and state in the name of a folder.

    The name is TOPIC-N without a state, or TOPIC-N.ID-delete, -stray or -future, as brokers rename folders; N has up to
    255 digits from 0 to 9. Any other name is the topic as a whole, with partition and state None. A path like . has the
    name of the folder that it leads to, and a link its own name. The folder need not exist.
    """
    name = os.path.basename(os.path.abspath(folder))  # a link keeps its own name, as in a broker
    match = _SET_ASIDE.fullmatch(name)
    if match is not None:
        return PartitionName(topic=match["topic"], partition=int(match["partition"]), state=FolderState(match["state"]))
    topic, _, number = name.rpartition("-")
    if topic and _NUMBER.fullmatch(number):
        return PartitionName(topic=topic, partition=int(number))
    return PartitionName(topic=name)


def split_folder_name(folder: Path) -> tuple[str, int | None]:
    """Return the topic and the partition in a folder's name.

    The name is TOPIC-N, or TOPIC-N.ID-delete, -stray or -future, as brokers rename folders. For any other name the
    partition is None, and the topic is the whole name. The folder need not exist.
    """
    name = parse_folder_name(folder)
    return name.topic, name.partition


def scan_log_dir(path: Path) -> LogDirFolders:
    """Return the partitions at or directly below a path, and the paths that are not read, with reasons.

    Partitions are the path itself if it has segments, and folders with segments or with the name of a partition, also
    TOPIC-N.ID-future; they are sorted by topic and number, and the other paths by name, links last. Not read are
    folders named TOPIC-N.ID-delete or -stray, second links to a folder, FIFOs, sockets, devices, and links that are
    broken, form a loop or may not be followed; below a path with segments only second links. Files and any other
    folders are in neither list. Segments with suffixes like .deleted and .gz count as segments here.

    Raise MissingFileError where the path is no folder, UsageError where the path itself, not a folder below it, cannot
    be listed or its entries may not be looked at.
    """
    folders = LogDirFolders()
    is_partition = _has_segments(path)
    if is_partition:
        folders.partitions.append(path)
    seen_paths = {resolve_links(path)}
    for child in sorted(_list_children(path), key=lambda child: (os.path.islink(child), child.name)):
        reason = None if is_partition else _explain_skipped(child)
        if reason is not None:
            folders.skipped.append(SkippedPath(path=child, reason=reason))
        elif _is_folder(child) and (_has_segments(child) or parse_folder_name(child).partition is not None):
            if resolve_links(child) in seen_paths:
                folders.skipped.append(SkippedPath(path=child, reason="a link to a folder that is read already"))
            else:
                seen_paths.add(resolve_links(child))
                folders.partitions.append(child)
    folders.partitions.sort(key=_sort_key)
    return folders


def list_partition_folders(path: Path) -> list[Path]:
    """Return the folders with segments at or directly below a path, sorted by topic and partition.

    Their names do not matter: folders that a broker has renamed are included, and so are second links to a folder. A
    segment with a suffix like .deleted or .gz counts, too, which `list_segments` leaves out. A folder that may not be
    listed is included where it has a partition's name, and left out otherwise; one whose .log entries may not be looked
    at is included. Raise NotFoundError where no folder has a segment, MissingFileError (a NotFoundError) where the path
    is no folder, UsageError where it cannot be listed or its entries may not be looked at.
    """
    folders = [path, *filter(_is_folder, _list_children(path))]
    folders = sorted((folder for folder in folders if _has_segments(folder)), key=_sort_key)
    if not folders:
        raise no_segments(path)
    return folders


def no_segments(path: Path, kind: str = "in it") -> NotFoundError:
    """Return (not raise) the error for a folder without segments; `kind` says which ones are missing."""
    return NotFoundError(f"{path}: no segments {kind}", "a broker's log.dirs holds a folder TOPIC-N for each partition")


def list_segments(folder: Path) -> list[Path]:
    """Return the segments of a partition's folder, sorted by name: in the order of offsets if all have 20 digits.

    Files with suffixes like .deleted and .gz, and .log entries that are no regular file, are left out. A missing folder
    and a path that is a file give an empty list. Raise UsageError where the folder cannot be listed or its entries may
    not be looked at.
    """
    return list_files(folder).segments


def list_files(folder: Path) -> FolderFiles:
    """Return a folder's entries, sorted by name: files, and paths that are neither a file nor a folder.

    Links count as what they lead to, and folders are left out. A broken link, a loop of links, and a link that may not
    be followed, are of the second kind; each of them has its reason. A missing folder gives no entries, because a
    running broker may have deleted it; so does a path that is a file. Raise UsageError where the folder cannot be
    listed or its entries may not be looked at.
    """
    files = FolderFiles()
    try:
        _require_entries(folder)
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return files
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in entries:
        path = folder / entry.name
        if entry.is_file(follow_symlinks=False):
            files.regular.append(path)
        elif (reason := explain_irregular(path)) is not None:
            files.skipped.append(SkippedPath(path=path, reason=reason))
        elif path.is_file():
            files.regular.append(path)
    return files


def explain_irregular(path: Path) -> str | None:
    """Return why a path is neither a file nor a folder, or None for a file, a folder or a missing path.

    The reason is a kind such as "a FIFO", a broken link, a loop of links, or else the system's text where the path
    cannot be looked at: also where a file is in the place of its folder. Callers do not read an irregular path, because
    reading a FIFO would wait for its writer.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "a link to nothing" if path.is_symlink() else None
    except OSError as error:
        return "a loop of links" if error.errno == errno.ELOOP else str(error.strerror)
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def _explain_skipped(child: Path) -> str | None:
    """Return why an entry of a log dir is not read, or None.

    Not read are folders named TOPIC-N.ID-delete or -stray, and paths that are neither a file nor a folder, such as
    FIFOs and broken links, or that may not be looked at. A path that is missing gives None, and so does a -future
    folder. Nothing is raised.
    """
    state = parse_folder_name(child).state if _is_folder(child) else None
    if state in (FolderState.DELETE, FolderState.STRAY):
        return state.meaning
    return explain_irregular(child)


def resolve_links(path: Path) -> Path:
    """Return the absolute path after all links are resolved; the path need not exist.

    A loop of links stays a path.
    """
    return Path(os.path.realpath(path))


def _list_children(path: Path) -> Iterator[Path]:
    """Return an iterator over the paths of all entries of a folder, in no order. The folder is read at once.

    Raise MissingFileError where the path is no folder, and UsageError where it cannot be listed or its entries may not
    be looked at.
    """
    try:
        if not path.is_dir():
            reason = explain_irregular(path)
            raise MissingFileError(f"{path}: no such folder" + (f", but {reason}" if reason else ""))
        _require_entries(path)
        return iter(list(path.iterdir()))
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such folder") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _require_entries(folder: Path) -> None:
    """Raise PermissionError where the entries of a folder may not be looked at, also where they may be listed.

    Raise FileNotFoundError for a missing folder, NotADirectoryError for a path that is no folder, and OSError for a
    loop of links.
    """
    os.stat(os.path.join(folder, "."))


def _is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder; False also where this cannot be looked at, and for a loop of links."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _unreadable(folder: Path, error: OSError) -> UsageError:
    """Return (not raise) the error for a folder that cannot be listed."""
    return UsageError(f"{folder}: {(error.strerror or str(error)).lower()}")


def _has_segments(folder: Path) -> bool:
    """Return whether a .log file is directly in a folder; False for a missing folder and a path that is none.

    A suffix like .deleted or .gz behind .log does not matter here, unlike in `list_segments`. True also for a .log file
    that cannot be looked at, and for a folder that cannot be listed and has a partition's name: reading it then says
    why. Nothing is raised.
    """
    try:
        names = [folder / name for name in os.listdir(folder) if find_kind(folder / name) is FileKind.LOG]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return parse_folder_name(folder).partition is not None
    try:
        return any(path.is_file() for path in names)
    except OSError:
        return True


def _sort_key(folder: Path) -> tuple[str, int, str]:
    """Return the sort key of a partition's folder: topic, partition (-1 without one), state ("" without one)."""
    name = parse_folder_name(folder)
    return name.topic, -1 if name.partition is None else name.partition, name.state or ""
