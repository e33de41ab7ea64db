"""Files that brokers leave on disk, printed in the words of Kafka's own dump tool, many batches at a time.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.output import dump_text, people
from kafkactl.output.dump_text import Faults, Parser
from kafkactl.output.record_lines import new_lines
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.compression import TooLargeError
from kafkactl.storage.files import FileKind, beside, kind_of
from kafkactl.storage.segment import Segment
from kafkactl.storage.selection import Selection, select

if TYPE_CHECKING:
    from kafkactl.output.record_lines import Lines

EVERYTHING_BYTES = 2**31 - 1

# A piece of a segment is printed by one thread into memory. What grows larger than expected goes on in order, and
# straight to stdout, so that memory stays bounded whatever the file holds.
PIECE_BYTES = 256 * 1024
PIECE_TEXT_BYTES = 4 * 1024 * 1024
BATCH_IN_PIECE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """What the flags ask for."""

    deep: bool = False
    parse: Parser | None = None
    """Makes the texts of keys and values; None leaves them out."""
    parse_is_utf8: bool = False
    """Whether these texts are the bytes themselves, as UTF-8."""
    metadata: bool = True
    max_bytes: int = EVERYTHING_BYTES
    max_message_size: int = 5 * 1024 * 1024
    sanity_only: bool = False
    verify_only: bool = False
    selection: Selection = field(default_factory=Selection)
    jobs: int = 1


class TextDump:
    """Prints files one after the other; one that is damaged does not hide the others."""

    def __init__(self, wanted: Wanted, out: BinaryIO) -> None:
        self._wanted = wanted
        self._out = out
        self._faults = Faults()
        self._status = 0
        self._of_kind: dict[FileKind, Callable[[Path], None]] = {
            FileKind.LOG: self._segment,
            FileKind.KRAFT_SNAPSHOT: self._segment,
            FileKind.OFFSET_INDEX: self._offset_index,
            FileKind.TIME_INDEX: self._time_index,
            FileKind.TRANSACTION_INDEX: self._transaction_index,
            FileKind.PRODUCER_SNAPSHOT: self._producer_snapshot,
        }

    def run(self, paths: list[Path]) -> int:
        """Prints them and returns the exit status."""
        segments = [path for path in paths if kind_of(path) is FileKind.LOG]
        selecting = not self._wanted.selection.is_everything
        if selecting and segments:
            self._selected(segments)
            paths = [path for path in paths if path not in segments]
        for path in paths:
            self._line(f"Dumping {path}")
            kind = kind_of(path)
            if kind is None:
                self._flush()
                people.note(f"Ignoring unknown file {path}")
                continue
            try:
                self._of_kind.get(kind, self._small_file)(path)
            except KafkactlError as error:
                self._failed(error)
        self._flush()
        for line in self._faults.lines():
            people.note(line)
        return self._status

    def _line(self, text: str) -> None:
        self._out.write(text.encode("utf-8", errors="replace") + b"\n")

    def _flush(self) -> None:
        self._out.flush()

    def _failed(self, error: KafkactlError) -> None:
        self._flush()
        people.error(error)
        self._status = error.status

    def _segment(self, path: Path) -> None:
        with Segment(path) as segment:
            self._line(dump_text.log_heading(path))
            read_bytes, last_offset = 0, -1
            for piece in self._pieces(segment.batches(end=min(self._wanted.max_bytes, segment.size_bytes))):
                self._out.write(piece.text)
                if piece.offsets is not None:
                    first, last, gaps = piece.offsets
                    for before, offset in ([] if first == last_offset + 1 else [(last_offset, first)]) + gaps:
                        self._faults.gap(path, before, offset)
                    last_offset = last
                if piece.error is not None:
                    raise piece.error
                read_bytes = piece.end
            trailing = segment.size_bytes - read_bytes
            if trailing and self._wanted.max_bytes == EVERYTHING_BYTES:
                self._line(f"Found {trailing} invalid bytes at the end of {path.name}")

    def _pieces(self, batches: Iterable[AnyBatch]) -> Iterator[Piece]:
        """The text of all batches, in order; damage ends it, told by the last piece."""
        if self._wanted.jobs == 1:
            for group, error in _groups(batches):
                yield from self._completed(render(group, self._wanted), error)
            return
        from concurrent.futures import Future, ThreadPoolExecutor

        with ThreadPoolExecutor(self._wanted.jobs) as pool:
            waiting: deque[tuple[Future[Piece], KafkactlError | None]] = deque()

            def next_piece() -> Iterator[Piece]:
                future, error = waiting.popleft()
                yield from self._completed(future.result(), error)

            for group, damage in _groups(batches):
                waiting.append((pool.submit(render, group, self._wanted), damage))
                if len(waiting) > self._wanted.jobs:
                    yield from next_piece()
            while waiting:
                yield from next_piece()

    def _completed(self, piece: Piece, error: KafkactlError | None) -> Iterator[Piece]:
        yield piece
        rest = piece.rest
        while rest and piece.error is None:
            if piece.end == rest[0].position and not piece.text:  # not even the first fits into a piece
                for piece in _large(rest.pop(0), self._wanted):
                    yield piece
            else:
                piece = render(rest, self._wanted)
                rest = piece.rest
                yield piece
        if error is not None and piece.error is None:
            yield Piece(b"", piece.end, None, [], error)

    def _selected(self, paths: list[Path]) -> None:
        wanted = self._wanted
        current = None
        for selected in select(paths, wanted.selection, wanted.deep, self._failed):
            if selected.path != current:
                current = selected.path
                self._line(f"Dumping {current}")
                self._line(dump_text.log_heading(current))
            self._line(dump_text.batch_line(selected.batch))
            try:
                for _, text in dump_text.record_texts(selected.batch, selected.records, wanted.parse, wanted.metadata):
                    self._out.write(text.encode("utf-8", errors="replace"))
            except FormatError as error:
                self._failed(error)
            if wanted.selection.follow:
                self._flush()

    def _offset_index(self, path: Path) -> None:
        from kafkactl.storage.index import OffsetIndex
        from kafkactl.storage.verify import check_offset_index

        with Segment(beside(path, FileKind.LOG)) as segment:
            index = OffsetIndex(path)
            if index.count == 0:
                self._line(f"{path} is empty.")
                return
            if self._wanted.sanity_only:
                self._sane(path, index.is_sane(), "its last offset is below its segment's")
                return
            for entry, found in check_offset_index(index, segment, self._wanted.max_message_size):
                if found is not None:
                    self._faults.index_mismatch(path, entry.offset, found)
                if not self._wanted.verify_only:
                    self._line(f"offset: {entry.offset} position: {entry.position}")

    def _time_index(self, path: Path) -> None:
        from kafkactl.storage.index import OffsetIndex, TimeIndex
        from kafkactl.storage.verify import check_time_index

        with Segment(beside(path, FileKind.LOG)) as segment:
            offsets, index = OffsetIndex(beside(path, FileKind.OFFSET_INDEX)), TimeIndex(path)
            if self._wanted.sanity_only:
                self._sane(path, index.is_sane(), "its last entry lies before its first")
                return
            for entry, findings in check_time_index(index, offsets, segment):
                self._faults.time_findings(path, findings)
                if not self._wanted.verify_only:
                    self._line(f"timestamp: {entry.timestamp_ms} offset: {entry.offset}")

    def _sane(self, path: Path, sane: bool, fault: str) -> None:
        if not sane:
            raise FormatError(f"{path}: corrupt: {fault}", "the broker rebuilds it at start")
        self._line(f"{path} passed sanity check.")

    def _transaction_index(self, path: Path) -> None:
        from kafkactl.storage.txnindex import read_aborted_transactions

        for aborted in read_aborted_transactions(path):
            self._line(dump_text.aborted_line(aborted))

    def _producer_snapshot(self, path: Path) -> None:
        from kafkactl.storage.producer_snapshot import read_producer_snapshot

        try:
            states = read_producer_snapshot(path)
        except FormatError as error:
            self._flush()
            people.error(error)  # Kafka's tool says so as well, and goes on: its status is 0
            return
        for state in states:
            self._line(dump_text.producer_line(state))

    def _small_file(self, path: Path) -> None:
        from kafkactl.output.dump_rows import small_file_rows

        for row in small_file_rows(path):
            self._line(" ".join(f"{name}: {value}" for name, value in row.items()))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a segment as text."""

    text: bytes
    end: int
    """The position behind its last batch."""
    offsets: tuple[int, int, list[tuple[int, int]]] | None
    """The first and last record's offset and the gaps between; None without records."""
    rest: list[AnyBatch]
    """Batches of the group that did not fit."""
    error: KafkactlError | None = None


def _groups(batches: Iterable[AnyBatch]) -> Iterator[tuple[list[AnyBatch], KafkactlError | None]]:
    """Batches in groups of a piece's size; the last one with the damage that ended the file."""
    group: list[AnyBatch] = []
    size = 0
    try:
        for batch in batches:
            group.append(batch)
            size += batch.size_bytes
            if size >= PIECE_BYTES:
                yield group, None
                group, size = [], 0
    except KafkactlError as error:
        yield group, error
        return
    yield group, None


def render(batches: list[AnyBatch], wanted: Wanted) -> Piece:
    """The text of batches, up to one too many or too large."""
    lines = new_lines()
    error = None
    done = 0
    for batch in batches:
        if len(lines) > PIECE_TEXT_BYTES:
            break
        try:
            if not _append(batch, wanted, lines):
                break
        except KafkactlError as damage:
            error = damage
            break
        done += 1
    end = batches[done - 1].position + batches[done - 1].size_bytes if done else batches[0].position if batches else 0
    offsets = (lines.first_offset, lines.last_offset, lines.gaps) if lines.has_offsets else None
    return Piece(lines.take(), end, offsets, batches[done:] if error is None else [], error)


def _append(batch: AnyBatch, wanted: Wanted, lines: Lines) -> bool:
    """Adds a batch's text; False, and nothing, for one that is too large to be held."""
    if not wanted.deep:
        lines.add_text(dump_text.batch_line(batch).encode() + b"\n")
        return True
    if batch.size_bytes > BATCH_IN_PIECE_BYTES:
        return False
    data = None
    if isinstance(batch, Batch):
        try:
            data = batch.unpacked(BATCH_IN_PIECE_BYTES)
        except TooLargeError:
            return False
        except FormatError:
            pass  # told below, after the batch's own line
    lines.add_text(dump_text.batch_line(batch).encode() + b"\n")
    if (
        isinstance(batch, Batch)
        and data is not None
        and wanted.metadata
        and not batch.is_control
        and (wanted.parse is None or wanted.parse_is_utf8)
        and lines.add_records(
            data,
            batch.count,
            batch.base_offset,
            batch.base_timestamp_ms,
            batch.base_sequence,
            batch.append_time_ms,
            dump_text.timestamp_type(batch).encode(),
            wanted.parse is not None,
        )
    ):
        return True
    for record, text in dump_text.record_texts(batch, batch.records(), wanted.parse, wanted.metadata):
        lines.note_offsets([record.offset])
        lines.add_text(text.encode("utf-8", errors="replace"))
    return True


def _large(batch: AnyBatch, wanted: Wanted) -> Iterator[Piece]:
    """A batch that is not held as text: piece by piece."""
    end = batch.position + batch.size_bytes
    lines = new_lines()
    lines.add_text(dump_text.batch_line(batch).encode() + b"\n")
    error = None
    try:
        for record, text in dump_text.record_texts(batch, batch.records(), wanted.parse, wanted.metadata):
            lines.note_offsets([record.offset])
            lines.add_text(text.encode("utf-8", errors="replace"))
            if len(lines) > PIECE_TEXT_BYTES:
                yield Piece(lines.take(), end, (lines.first_offset, lines.last_offset, lines.gaps), [])
                lines = new_lines()
    except KafkactlError as damage:
        error = damage
    offsets = (lines.first_offset, lines.last_offset, lines.gaps) if lines.has_offsets else None
    yield Piece(lines.take(), end, offsets, [], error)
