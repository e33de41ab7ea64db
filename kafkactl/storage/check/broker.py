"""Check of a log dir: every partition in it, the broker's own files, and these files against the logs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafkactl.errors import KafkactlError
from kafkactl.storage.check.batches import check_snapshot_file
from kafkactl.storage.check.cleanup import LogDirKnowledge, find_knowledge
from kafkactl.storage.check.faults import CheckCounts, Fault, notice, unreadable
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.check.partition import look_at_partition
from kafkactl.storage.check.small_files import (
    CLEAN_SHUTDOWN,
    OFFSET_CHECKPOINTS,
    check_clean_shutdown,
    check_meta_properties,
    check_offsets,
    is_broker_file,
)
from kafkactl.storage.checkpoint import PartitionOffset
from kafkactl.storage.files import FileKind
from kafkactl.storage.log_dir import (
    FolderState,
    LogDirFolders,
    list_files,
    no_segments,
    parse_folder_name,
    scan_log_dir,
    split_folder_name,
)

WRITTEN_AT_A_CLEAN_STOP = OFFSET_CHECKPOINTS[:2]
_MEANINGS = {
    "recovery-point-offset-checkpoint": "records up to offset {} were on disk",
    "replication-offset-checkpoint": "records up to offset {} were replicated",
    "log-start-offset-checkpoint": "the log begins at offset {}",
    "cleaner-offset-checkpoint": "records up to offset {} were compacted",
}


@dataclass(frozen=True, kw_only=True)
class _Checkpoint:
    """The lines of an offset checkpoint, read before the logs."""

    path: Path
    lines: list[PartitionOffset]


def check_log_dir(path: Path, checked: CheckCounts) -> Iterator[Fault]:
    """Yield the findings of a log dir, or of a partition's folder.

    They are faults, and notices (Severity.NOTICE) of what a healthy broker can leave. `checked` counts what was read.
    The broker's files come first, then the partitions by topic and number, skipped paths, and the checkpoints'
    differences from the logs. A partition with a fault may be read up to 3 times, with waits of 0.3 s, as
    `look_at_partition` says. A partition that cannot be read is a fault in a log dir, and an error where `path` is its
    folder.

    Raise NotFoundError for a folder without partitions (the folder itself is one only with segments), skipped paths and
    files of a broker; MissingFileError where the path is no folder, and UsageError where it cannot be listed or its
    entries may not be looked at.
    """
    folders = scan_log_dir(path)
    files = list_files(path)
    has_broker_files = any(is_broker_file(file) for file in files.regular)
    if not folders.partitions and not folders.skipped and not has_broker_files:
        raise no_segments(path)
    checkpoints: list[_Checkpoint] = []
    if has_broker_files:
        checkpoints, faults = _read_checkpoints(path)
        yield from faults
        yield from check_meta_properties(path / FileKind.META_PROPERTIES.value)
        yield from check_clean_shutdown(path / CLEAN_SHUTDOWN)
        for file in files.regular:
            if file.suffix == FileKind.KRAFT_SNAPSHOT.value:
                yield from _check_bootstrap(file, checked)
    logs: dict[tuple[str, int | None], LogState] = {}
    knowledge = LogDirKnowledge(path)
    for folder in folders.partitions:
        try:
            look = look_at_partition(folder, knowledge if folder != path else find_knowledge(folder))
        except KafkactlError as error:
            if folder == path:
                raise
            yield unreadable(folder, error)
            continue
        checked.add(look.checked)
        yield from look.faults
        name = parse_folder_name(folder)
        if name.state is FolderState.FUTURE:
            yield notice(folder, name.state.meaning)
        elif name.state is None:
            logs[name.topic, name.partition] = look.log
    yield from (notice(entry.path, f"skipped: {entry.reason}") for entry in folders.skipped)
    was_stopped = os.path.isfile(path / CLEAN_SHUTDOWN)
    present = _list_present_partitions(folders, was_stopped=was_stopped)
    for checkpoint in checkpoints:
        yield from _compare_with_logs(checkpoint, logs)
        if checkpoint.path.name in WRITTEN_AT_A_CLEAN_STOP:
            yield from _find_missing_folders(checkpoint, present, was_stopped=was_stopped)


def _read_checkpoints(path: Path) -> tuple[list[_Checkpoint], list[Fault]]:
    """Return the four offset checkpoints, with the lines that check_offsets gives, and the faults of all files.

    A missing file has no lines and no fault, and has its _Checkpoint, too.
    They are read before the logs, because logs only grow in the meantime. Nothing is raised.
    """
    faults: list[Fault] = []
    checkpoints = []
    for name in OFFSET_CHECKPOINTS:
        lines, own_faults = check_offsets(path / name)
        faults += own_faults
        checkpoints.append(_Checkpoint(path=path / name, lines=lines))
    return checkpoints, faults


def _check_bootstrap(path: Path, checked: CheckCounts) -> Iterator[Fault]:
    """Yield the faults of a snapshot file that lies directly in a log dir; a missing or unreadable one is a fault.

    They are those of `check_snapshot_file`. The batches and records in `checked` are updated.
    """
    try:
        yield from check_snapshot_file(path, checked)
    except KafkactlError as error:
        yield unreadable(path, error)


def _list_present_partitions(folders: LogDirFolders, *, was_stopped: bool) -> set[tuple[str, int | None]]:
    """Return the partitions that have a folder, also one that cannot be read, as topic and number.

    The number is None where the folder's name has none. A folder named -future does not count, and one named -delete or
    -stray only unless `was_stopped`: that says that the broker was stopped cleanly, and one that runs or was killed may
    still name a partition whose folder it has renamed.
    """
    states = (None,) if was_stopped else (None, FolderState.DELETE, FolderState.STRAY)
    paths = [*folders.partitions, *(entry.path for entry in folders.skipped if os.path.isdir(entry.path))]
    return {split_folder_name(path) for path in paths if parse_folder_name(path).state in states}


def _find_missing_folders(
    checkpoint: _Checkpoint, present: set[tuple[str, int | None]], *, was_stopped: bool
) -> Iterator[Fault]:
    """Yield a fault or a notice for every line of a checkpoint whose partition has no folder, in the file's order.

    `present` are the partitions that have one. It is a fault if `was_stopped`, which says that the broker was stopped
    cleanly: one that runs or was killed can have deleted a topic since it wrote the checkpoint.
    """
    for line in checkpoint.lines:
        if (line.topic, line.partition) in present:
            continue
        text = f"{line.topic}-{line.partition} is missing in the log dir"
        if was_stopped:
            yield Fault(file=checkpoint.path, offset=line.offset, fault=text)
        else:
            yield notice(checkpoint.path, f"{text}, unless its topic was deleted a moment ago", line.offset)


def _compare_with_logs(checkpoint: _Checkpoint, logs: dict[tuple[str, int | None], LogState]) -> Iterator[Fault]:
    """Yield a fault for every line of a checkpoint with an offset past the end of its log.

    `logs` has the state of each log that was read, by topic and partition. Behind damage at the end of a log the end is
    not known: the text says up to which offset the log can be read. Lines about other partitions, and about a log
    without a segment, are passed over.
    """
    for line in checkpoint.lines:
        log = logs.get((line.topic, line.partition))
        if log is not None and log.next_offset is not None and line.offset > log.next_offset:
            meaning = _MEANINGS[checkpoint.path.name].format(line.offset)
            end = "the log ends at" if log.is_exact else "the log can only be read up to"
            text = f"{line.topic}-{line.partition}: {meaning}, and {end} {log.next_offset}"
            yield Fault(file=checkpoint.path, offset=line.offset, fault=text)
