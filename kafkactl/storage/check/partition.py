"""Check a partition's files against each other: every batch, and what the indexes and checkpoints say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kafkactl.errors import KafkactlError, NotFoundError
from kafkactl.storage.check.batches import SegmentCheck, check_snapshot_file
from kafkactl.storage.check.cleanup import COMPACTED_TOPICS, LogDirKnowledge, is_metadata, knowledge_of
from kafkactl.storage.check.faults import Checked, Fault, notice, unreadable
from kafkactl.storage.check.gaps import explained_by_compaction, gap_faults
from kafkactl.storage.check.indexes import watch_offset_index, watch_time_index
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.check.producers import SnapshotChecks, check_aborted, open_transactions
from kafkactl.storage.check.small_files import check_partition_metadata, check_quorum_state
from kafkactl.storage.checkpoint import LeaderEpoch, read_leader_epochs
from kafkactl.storage.files import ON_THEIR_WAY, FileKind, beside, kind_of
from kafkactl.storage.log_dir import FolderFiles, files_in, partition_name
from kafkactl.storage.segment import Segment, base_offset_of

LOOKS = 3
"""How often a partition is read at most while its broker writes to it."""
_BESIDE_A_SEGMENT = (FileKind.OFFSET_INDEX, FileKind.TIME_INDEX, FileKind.TRANSACTION_INDEX)
_ON_THEIR_WAY = {
    ".deleted": "the broker deletes this file soon",
    ".cleaned": "compaction writes this file, or was interrupted while it did",
    ".swap": "compaction puts this file in the place of others, or was interrupted while it did",
}


@dataclass(kw_only=True)
class PartitionCheck:
    """What one look at a partition's folder has shown."""

    faults: list[Fault] = field(default_factory=list)
    checked: Checked = field(default_factory=Checked)
    log: LogState = field(default_factory=LogState)


def check_partition(folder: Path, checked: Checked) -> Iterator[Fault]:
    """Yield the faults of all files of a partition; `checked` counts what was read."""
    look = look_at_partition(folder, knowledge_of(folder))
    checked.add(look.checked)
    yield from look.faults


def look_at_partition(folder: Path, knowledge: LogDirKnowledge) -> PartitionCheck:
    """Check a partition; while a broker writes to it, only what several looks find is a fault."""
    before = _versions(folder)
    look = _look_once(folder, knowledge)
    for _ in range(LOOKS - 1):
        after = _versions(folder)
        if not look.faults or after == before:
            break
        before, again = after, _look_once(folder, knowledge)
        known = set(look.faults)
        again.faults = [fault for fault in again.faults if fault in known]
        look = again
    return look


def _versions(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file, by name."""
    versions = {}
    for path in files_in(folder).regular:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        versions[path.name] = status.st_size, status.st_mtime_ns
    return versions


def _look_once(folder: Path, knowledge: LogDirKnowledge) -> PartitionCheck:
    look = PartitionCheck(checked=Checked(partitions=1))
    name = partition_name(folder)
    policy = knowledge.policy_of(name.topic, name.partition)
    look.faults += _check_folder(folder, knowledge, look)
    segments = files_in(folder).segments
    if segments:
        look.faults += gap_faults(look.log, policy, segments[-1])
        if not explained_by_compaction(look.log, policy):
            look.faults += look.log.unless_cleaned
        look.faults += open_transactions(segments[-1], look.log)
    return look


def _check_folder(folder: Path, knowledge: LogDirKnowledge, look: PartitionCheck) -> Iterator[Fault]:
    # A broker writes the log first and its other files after it, so they are read first.
    files = files_in(folder)
    epochs, faults = _read_epochs(folder / FileKind.LEADER_EPOCHS.value)
    yield from faults
    yield from check_partition_metadata(
        folder / FileKind.PARTITION_METADATA.value, knowledge.id_of(partition_name(folder).topic)
    )
    snapshots = SnapshotChecks([path for path in files.regular if _is_snapshot(path)])
    log_files = files_in(folder).segments
    if not log_files:
        yield Fault(file=folder, fault="a partition's folder without a segment")
    for path in log_files:
        yield from _check_segment(path, files, epochs, snapshots, look)
    yield from snapshots.finish(look.log)
    yield from _check_ends_of_epochs(folder, epochs, look.log, knowledge)
    yield from _check_other_files(files, {path.stem for path in log_files}, look)
    if is_metadata(folder):
        yield from check_quorum_state(folder / FileKind.QUORUM_STATE.value, look.log.leader_epoch)


def _check_segment(
    path: Path, files: FolderFiles, epochs: Sequence[LeaderEpoch], snapshots: SnapshotChecks, look: PartitionCheck
) -> Iterator[Fault]:
    indexes = {kind: other for kind in _BESIDE_A_SEGMENT if (other := beside(path, kind)) in files.regular}
    offset_index, offset_faults = watch_offset_index(indexes.get(FileKind.OFFSET_INDEX))
    time_index, time_faults = watch_time_index(indexes.get(FileKind.TIME_INDEX))
    look.checked.segments += 1
    try:
        base_offset = base_offset_of(path)
        with Segment(path) as segment:
            look.checked.size_bytes += segment.size_bytes
            look.log.enter_segment(path, base_offset)
            check = SegmentCheck(
                segment=segment, log=look.log, epochs=epochs, watchers=(offset_index, time_index), checked=look.checked,
                base_offset=base_offset, snapshots=snapshots,
                checks_sequences=partition_name(path.parent).topic not in COMPACTED_TOPICS,
            )  # fmt: skip
            yield from check.faults()
            yield from offset_faults
            yield from offset_index.finish(segment.size_bytes, has_damage=check.has_damage)
            yield from time_faults
            yield from time_index.finish(has_damage=check.has_damage)
            aborted = indexes.get(FileKind.TRANSACTION_INDEX)
            yield from check_aborted(aborted, path, look.log, has_damage=check.has_damage)
    except NotFoundError:
        return  # a running broker has deleted it meanwhile
    except KafkactlError as error:
        yield unreadable(path, error)
        look.log.lose_track()


def _read_epochs(path: Path) -> tuple[list[LeaderEpoch], list[Fault]]:
    try:
        epochs = read_leader_epochs(path)
    except NotFoundError:
        return [], []
    except KafkactlError as error:
        return [], [unreadable(path, error)]
    faults = [
        Fault(
            file=path, offset=after.start_offset,
            fault=f"epoch {after.epoch} does not rise over {before.epoch} with its offset",
        )
        for before, after in pairwise(epochs)
        if after.epoch <= before.epoch or after.start_offset < before.start_offset
    ]  # fmt: skip
    return ([] if faults else epochs), faults


def _check_ends_of_epochs(
    folder: Path, epochs: Sequence[LeaderEpoch], log: LogState, knowledge: LogDirKnowledge
) -> Iterator[Fault]:
    """Compare the first and the last epoch of the checkpoint with the ends of the log."""
    path = folder / FileKind.LEADER_EPOCHS.value
    if not epochs or log.start_offset is None:
        return
    first, last, end = epochs[0].start_offset, epochs[-1].start_offset, log.next_offset or 0
    if first < log.start_offset:
        text = f"epochs begin at offset {first}, and the first segment at {log.start_offset}: segments are missing"
        if knowledge.may_be_remote(partition_name(folder).topic):
            yield notice(path, f"{text}, unless they are in remote storage", first)
        else:
            yield Fault(file=path, offset=first, fault=text)
    if last > end and not log.has_damage:
        text = f"epoch {epochs[-1].epoch} begins at offset {last}, and the log ends at {end}: records are missing"
        yield Fault(file=path, offset=last, fault=text)


def _check_other_files(files: FolderFiles, stems: set[str], look: PartitionCheck) -> Iterator[Fault]:
    """Yield what is in the folder beside the files of its segments."""
    for entry in files.skipped:
        yield notice(entry.path, f"skipped: {entry.reason}")
    for path in files.regular:
        kind = kind_of(path)
        if path.name.endswith(ON_THEIR_WAY):
            yield notice(path, _ON_THEIR_WAY[path.suffix])
        elif kind in _BESIDE_A_SEGMENT and path.stem not in stems:
            yield Fault(file=path, fault="an index without its segment")
        elif kind is FileKind.KRAFT_SNAPSHOT:
            try:
                yield from check_snapshot_file(path, look.checked)
            except NotFoundError:
                continue
            except KafkactlError as error:
                yield unreadable(path, error)


def _is_snapshot(path: Path) -> bool:
    """Return whether a file is a producer snapshot with an offset in its name, and not on its way out."""
    return path.suffix == FileKind.PRODUCER_SNAPSHOT.value and path.stem.isdecimal()
