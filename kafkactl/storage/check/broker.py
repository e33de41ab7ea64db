"""Check a log dir: every partition in it, the broker's own files, and these against the logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafkactl.errors import KafkactlError
from kafkactl.storage.check.batches import check_snapshot_file
from kafkactl.storage.check.cleanup import LogDirKnowledge, knowledge_of
from kafkactl.storage.check.faults import Checked, Fault, notice, unreadable
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
from kafkactl.storage.log_dir import FolderState, files_in, no_segments, partition_name, scan_log_dir

WRITTEN_AT_A_CLEAN_STOP = OFFSET_CHECKPOINTS[:2]
_MEANINGS = {
    "recovery-point-offset-checkpoint": "records up to offset {} were on disk",
    "replication-offset-checkpoint": "records up to offset {} were replicated",
    "log-start-offset-checkpoint": "the log begins at offset {}",
    "cleaner-offset-checkpoint": "records up to offset {} were compacted",
}


@dataclass(frozen=True, kw_only=True)
class _Checkpoint:
    """An offset checkpoint, as it was before the logs were read."""

    path: Path
    lines: list[PartitionOffset]


def check_log_dir(path: Path, checked: Checked) -> Iterator[Fault]:
    """Yield the faults of a log dir, or of a partition's folder; `checked` counts what was read.

    Raises NotFoundError for a folder with neither segments nor files of a broker, and what `scan_log_dir` raises.
    """
    folders = scan_log_dir(path)
    files = files_in(path)
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
            look = look_at_partition(folder, knowledge if folder != path else knowledge_of(folder))
        except KafkactlError as error:
            if folder == path:
                raise
            yield unreadable(folder, error)
            continue
        checked.add(look.checked)
        yield from look.faults
        name = partition_name(folder)
        if name.state is FolderState.FUTURE:
            yield notice(folder, name.state.meaning)
        elif name.state is None:
            logs[name.topic, name.partition] = look.log
    yield from (notice(entry.path, f"skipped: {entry.reason}") for entry in folders.skipped)
    was_stopped = (path / CLEAN_SHUTDOWN).is_file()
    for checkpoint in checkpoints:
        yield from _compare(checkpoint, logs, was_stopped=was_stopped)


def _read_checkpoints(path: Path) -> tuple[list[_Checkpoint], list[Fault]]:
    """Read the offset checkpoints before the logs, which only grow meanwhile; return them and their faults."""
    faults: list[Fault] = []
    checkpoints = []
    for name in OFFSET_CHECKPOINTS:
        lines, own_faults = check_offsets(path / name)
        faults += own_faults
        checkpoints.append(_Checkpoint(path=path / name, lines=lines))
    return checkpoints, faults


def _check_bootstrap(path: Path, checked: Checked) -> Iterator[Fault]:
    try:
        yield from check_snapshot_file(path, checked)
    except KafkactlError as error:
        yield unreadable(path, error)


def _compare(
    checkpoint: _Checkpoint, logs: dict[tuple[str, int | None], LogState], *, was_stopped: bool
) -> Iterator[Fault]:
    """Yield the lines of a checkpoint that lie past the ends of the logs, or that have no log."""
    for line in checkpoint.lines:
        log = logs.get((line.topic, line.partition))
        where = f"{line.topic}-{line.partition}"
        if log is None:
            if was_stopped and checkpoint.path.name in WRITTEN_AT_A_CLEAN_STOP:
                yield Fault(file=checkpoint.path, offset=line.offset, fault=f"{where} is missing in the log dir")
        elif log.next_offset is not None and line.offset > log.next_offset:
            meaning = _MEANINGS[checkpoint.path.name].format(line.offset)
            text = f"{where}: {meaning}, and the log ends at {log.next_offset}"
            yield Fault(file=checkpoint.path, offset=line.offset, fault=text)
