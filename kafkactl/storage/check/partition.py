"""Check of a partition's files against each other: all batches, and the indexes and checkpoints against them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from kafkactl.errors import KafkactlError, NotFoundError
from kafkactl.storage.check.batches import SegmentCheck, check_snapshot_file
from kafkactl.storage.check.cleanup import COMPACTED_TOPICS, LogDirKnowledge, find_knowledge, is_metadata
from kafkactl.storage.check.faults import CheckCounts, Fault, Severity, notice, unreadable
from kafkactl.storage.check.gaps import find_gap_faults, is_explained_by_compaction
from kafkactl.storage.check.indexes import watch_offset_index, watch_time_index
from kafkactl.storage.check.log_state import LogState
from kafkactl.storage.check.producers import SnapshotChecks, check_aborted, find_open_transactions
from kafkactl.storage.check.small_files import check_partition_metadata, check_quorum_state, may_be_in_use, read_regular
from kafkactl.storage.checkpoint import LeaderEpoch, read_leader_epochs
from kafkactl.storage.files import ON_THEIR_WAY, FileKind, find_kind, find_sibling, strip_suffixes
from kafkactl.storage.log_dir import FolderFiles, list_files, parse_folder_name, resolve_links
from kafkactl.storage.segment import Segment, find_base_offset

LOOKS = 3
"""Largest number of times that a partition is read while its broker writes to it."""
SETTLE_S = 0.3
"""Longest time that a broker needs for all steps of a change, such as a rename and the checkpoint after it."""
RECENT_S = 60
"""Age up to which a change of a file means that a broker may run."""
_BESIDE_A_SEGMENT = (FileKind.OFFSET_INDEX, FileKind.TIME_INDEX, FileKind.TRANSACTION_INDEX)
_ON_THEIR_WAY = {
    ".deleted": "the broker deletes this file soon",
    ".cleaned": "compaction writes this file, or was interrupted while it did",
    ".swap": "compaction puts this file in the place of others, or was interrupted while it did",
}


def check_partition(folder: Path, checked: CheckCounts) -> Iterator[Fault]:
    """Yield the findings about all files of a partition: faults, and notices (Severity.NOTICE).

    `checked` counts what was read, and always one partition. A missing folder and a path that is no folder yield
    nothing. A file that cannot be read is a fault. This waits as `look_at_partition` says. Raise UsageError where the
    folder cannot be listed or its entries may not be looked at.
    """
    look = look_at_partition(folder, find_knowledge(folder))
    checked.add(look.checked)
    yield from look.faults


def look_at_partition(folder: Path, knowledge: LogDirKnowledge) -> PartitionCheck:
    """Return the finished check of a partition.

    `knowledge` has the facts of its log dir. Where the check has a fault, this waits 0.3 s if a broker may write, and
    repeats the check if files have changed since it began, up to 3 looks in all. Then only faults at places that have
    one in every look stay; the notices and the counts are those of the last look. A missing folder and a path that is a
    file have no findings. Raise UsageError where the folder cannot be listed or its entries may not be looked at.
    """
    before = _read_versions(folder)
    look = PartitionCheck(folder=folder, knowledge=knowledge)
    look.run()
    for _ in range(LOOKS - 1):
        if not any(fault.severity is Severity.FAULT for fault in look.faults):
            break
        if _may_be_written(folder, before):
            time.sleep(SETTLE_S)
        after = _read_versions(folder)
        if after == before:
            break
        places, before = {fault.place for fault in look.faults if fault.severity is Severity.FAULT}, after
        look = PartitionCheck(folder=folder, knowledge=knowledge)
        look.run()
        look.faults = [fault for fault in look.faults if fault.severity is Severity.NOTICE or fault.place in places]
    return look


def _may_be_written(folder: Path, versions: dict[str, tuple[int, int]]) -> bool:
    """Return whether a broker may run here: by the files in the log dir, and a change in the last 60 s.

    The log dir around `folder` must have .lock, whether or not a process holds the lock, and no .kafka_cleanshutdown.
    `versions` has size and time of change (in ns since 1970) by file name; one new change, or one in the future, is
    enough, and without files the result is False.
    """
    if not may_be_in_use(resolve_links(folder).parent):
        return False
    newest_ns = max((changed_ns for _, changed_ns in versions.values()), default=0)
    return time.time_ns() - newest_ns < RECENT_S * 1_000_000_000


def _read_versions(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size (in bytes) and time of change (in ns since 1970) of every entry of a folder, by name.

    A link counts as the file that it leads to, or without one as itself. A folder that is missing or cannot be listed
    gives none, and an entry that vanishes or may not be looked at ends the reading: the others are missing.
    """
    versions = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=os.path.exists(entry))
            versions[entry.name] = status.st_size, status.st_mtime_ns
    return versions


@dataclass(kw_only=True)
class PartitionCheck:
    """One look at a partition's folder."""

    folder: Path
    knowledge: LogDirKnowledge
    faults: list[Fault] = field(default_factory=list)
    checked: CheckCounts = field(default_factory=lambda: CheckCounts(partitions=1))
    log: LogState = field(default_factory=LogState)
    files: FolderFiles = field(default_factory=FolderFiles)
    epochs: list[LeaderEpoch] = field(default_factory=list)
    snapshots: SnapshotChecks = field(default_factory=SnapshotChecks)

    @cached_property
    def topic(self) -> str:
        """Return the name of the topic, by the folder's name."""
        return parse_folder_name(self.folder).topic

    @cached_property
    def regular(self) -> set[Path]:
        """Return the paths of the folder's files, also links to files, as `run` listed them before the first use."""
        return set(self.files.regular)

    def run(self) -> None:
        """Read all files and collect the findings in `faults`; call this once.

        Findings are faults and notices; a missing folder and a path that is a file have none. Raise UsageError where
        the folder cannot be listed or its entries may not be looked at.
        """
        # A broker writes the log first and its other files after it, so the other files are listed first.
        self.files = list_files(self.folder)
        segments = list_files(self.folder).segments
        self.faults += self._check_files(segments)
        policy = self.knowledge.find_policy(self.topic, parse_folder_name(self.folder).partition)
        if segments:
            self.faults += find_gap_faults(self.log, policy, segments)
            if not is_explained_by_compaction(self.log, policy):
                self.faults += self.log.unless_cleaned
            self.faults += find_open_transactions(segments[-1], self.log)

    def _check_files(self, segments: list[Path]) -> Iterator[Fault]:
        """Yield the faults and notices of all files, and read the log's state.

        `segments` are in the order of their offsets. Faults that compaction explains, gaps and open transactions are
        not among the results. A file that cannot be read is a fault. `knowledge` reads its files again where
        partition.metadata has a fault and a broker may run.
        """
        self.epochs, faults = _read_epochs(self.folder / FileKind.LEADER_EPOCHS.value)
        yield from faults
        metadata = self.folder / FileKind.PARTITION_METADATA.value
        faults = list(check_partition_metadata(metadata, self.knowledge.find_id(self.topic)))
        if faults and may_be_in_use(resolve_links(self.folder).parent):
            self.knowledge.forget()  # the topic may have been made again since its id was read
            faults = list(check_partition_metadata(metadata, self.knowledge.find_id(self.topic)))
        yield from faults
        self.snapshots = SnapshotChecks([path for path in self.files.regular if _is_snapshot(path)])
        if not segments and os.path.isdir(self.folder):  # else the broker has deleted it meanwhile
            yield Fault(file=self.folder, fault="a partition's folder without a segment")
        for path in segments:
            yield from self._check_segment(path)
        yield from self.snapshots.finish(self.log)
        yield from self._check_ends_of_epochs()
        yield from self._check_other_files({path.stem for path in segments})
        if is_metadata(self.folder):
            yield from check_quorum_state(self.folder / FileKind.QUORUM_STATE.value, self.log.leader_epoch)

    def _check_segment(self, path: Path) -> Iterator[Fault]:
        """Yield the faults of a segment, its indexes, and the producer snapshots at its offsets.

        A segment that cannot be read is a fault and raises nothing; where it cannot even be opened, the faults of its
        indexes are not yielded. One that was deleted meanwhile yields nothing if its name has an offset. `checked`
        counts the segment in any case. Gaps, and faults that compaction explains, go to the log state instead. Zeros at
        the end of a preallocated segment are a notice.
        """
        indexes = {kind: other for kind in _BESIDE_A_SEGMENT if (other := find_sibling(path, kind)) in self.regular}
        offset_index, offset_faults = watch_offset_index(indexes.get(FileKind.OFFSET_INDEX))
        time_index, time_faults = watch_time_index(indexes.get(FileKind.TIME_INDEX))
        self.checked.segments += 1
        base_offset: int | None = None
        try:
            base_offset = find_base_offset(path)
            with Segment(path) as segment:
                self.checked.size_bytes += segment.size_bytes
                self.log.enter_segment(path, base_offset)
                check = SegmentCheck(
                    segment=segment, log=self.log, epochs=self.epochs, watchers=(offset_index, time_index),
                    checked=self.checked, base_offset=base_offset, snapshots=self.snapshots,
                    checks_sequences=self.topic not in COMPACTED_TOPICS,
                    is_preallocated=self.knowledge.is_preallocated(self.topic),
                )  # fmt: skip
                yield from check.find_faults()
                yield from offset_faults
                yield from offset_index.finish(segment.size_bytes, has_damage=check.has_damage)
                yield from time_faults
                yield from time_index.finish(has_damage=check.has_damage)
                aborted = indexes.get(FileKind.TRANSACTION_INDEX)
                yield from check_aborted(aborted, path, self.log, has_damage=check.has_damage)
        except NotFoundError:
            return  # a running broker has deleted it meanwhile
        except KafkactlError as error:
            yield unreadable(path, error)
            if base_offset is not None:  # the segment is there, so it is no gap, and a gap before it is one
                self.log.enter_segment(path, base_offset)
            self.log.lose_track()

    def _check_ends_of_epochs(self) -> Iterator[Fault]:
        """Yield a fault where the checkpoint's epochs begin before the log, and where the last begins behind the end.

        An epoch before the first segment is only a notice where older segments can be in remote storage. Call it after
        the segments were read: before, nothing is yielded. In a log with damage the last epoch is not checked. One that
        begins right at the end is no fault.
        """
        path, log = self.folder / FileKind.LEADER_EPOCHS.value, self.log
        if not self.epochs or log.start_offset is None:
            return
        first, last, end = self.epochs[0].start_offset, self.epochs[-1], log.next_offset or 0
        if first < log.start_offset:
            text = f"epochs begin at offset {first}, and the first segment at {log.start_offset}: segments are missing"
            if self.knowledge.may_be_remote(self.topic):
                yield notice(path, f"{text}, unless they are in remote storage", first)
            else:
                yield Fault(file=path, offset=first, fault=text)
        if last.start_offset > end and not log.has_damage:
            text = f"epoch {last.epoch} begins at offset {last.start_offset}, and the log ends at {end}"
            yield Fault(file=path, offset=last.start_offset, fault=f"{text}: records are missing")

    def _check_other_files(self, stems: set[str]) -> Iterator[Fault]:
        """Yield findings about files that belong to no segment; `stems` are the names of the segments without .log.

        The files are those in `files`, which run() fills; before that there are none. Paths that were skipped and files
        with suffixes like .deleted are notices, and an index without its segment is a fault. KRaft snapshots are read
        and checked, and their batches and records are added to `checked`. Nothing is raised.
        """
        for entry in self.files.skipped:
            yield notice(entry.path, f"skipped: {entry.reason}")
        for path in self.files.regular:
            kind = find_kind(path)
            if path.name.endswith(ON_THEIR_WAY):
                yield notice(path, next(text for end, text in _ON_THEIR_WAY.items() if path.name.endswith(end)))
            elif kind in _BESIDE_A_SEGMENT and Path(strip_suffixes(path)).stem not in stems:
                yield Fault(file=path, fault="an index without its segment")
            elif kind is FileKind.KRAFT_SNAPSHOT:
                yield from self._check_snapshot(path)

    def _check_snapshot(self, path: Path) -> Iterator[Fault]:
        """Yield the faults of a KRaft snapshot; one that was deleted meanwhile has none. Nothing is raised.

        One that cannot be read is a fault. Its batches and records are added to `checked`.
        """
        try:
            yield from check_snapshot_file(path, self.checked)
        except NotFoundError:
            return
        except KafkactlError as error:
            yield unreadable(path, error)


def _read_epochs(path: Path) -> tuple[list[LeaderEpoch], list[Fault]]:
    """Return the leader epochs and the faults of the file; no epochs where it cannot be read or they are not in order.

    In order means that epochs rise and their offsets do not fall. A missing file has neither. Nothing is raised.
    """
    faults: list[Fault] = []
    epochs = read_regular(path, read_leader_epochs, faults) or []
    for before, after in pairwise(epochs):
        if after.epoch <= before.epoch or after.start_offset < before.start_offset:
            text = f"epoch {after.epoch} does not rise over {before.epoch} with its offset"
            faults.append(Fault(file=path, offset=after.start_offset, fault=text))
    return ([] if faults else epochs), faults


def _is_snapshot(path: Path) -> bool:
    """Return whether the name of a file is decimal digits, of any number, and .snapshot, with no other suffix."""
    return path.suffix == FileKind.PRODUCER_SNAPSHOT.value and path.stem.isdecimal()
