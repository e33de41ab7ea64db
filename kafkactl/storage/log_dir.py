"""Folders of segments: a partition's, named topic-number, and a broker's log directory full of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kafkactl.errors import MissingFileError, NotFoundError, UsageError
from kafkactl.storage.files import FileKind, kind_of


def partition_folders(path: Path) -> list[Path]:
    """The folders with segments at or right below a path, by topic and partition; raises NotFoundError without any."""
    if not path.is_dir():
        raise MissingFileError(f"{path}: no such folder")
    try:
        folders = [path, *(folder for folder in path.iterdir() if folder.is_dir())]
        found = sorted((folder for folder in folders if any(_segments_in(folder))), key=_topic_and_partition)
    except PermissionError as error:
        raise UsageError(f"{error.filename}: permission denied") from None
    if not found:
        raise NotFoundError(
            f"{path}: no segments in it", "a broker's log.dirs holds a folder TOPIC-N for each partition"
        )
    return found


def segments_in(folder: Path) -> list[Path]:
    """A partition's segments in the order of their offsets, without those on their way out."""
    return sorted(_segments_in(folder))


def segments_under(path: Path) -> list[Path]:
    """The segments of every partition at or right below a folder; raises NotFoundError when there is none."""
    return [segment for folder in partition_folders(path) for segment in segments_in(folder)]


def topic_and_partition(folder: Path) -> tuple[str, int | None]:
    """What a partition's folder says by its name; no number where it says none."""
    topic, _, number = folder.resolve().name.rpartition("-")
    return (topic, int(number)) if topic and number.isdigit() else (folder.resolve().name, None)


def _segments_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.log") if kind_of(path) is FileKind.LOG and path.is_file())


def _topic_and_partition(folder: Path) -> tuple[str, int]:
    topic, number = topic_and_partition(folder)
    return topic, -1 if number is None else number
