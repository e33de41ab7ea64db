"""Files that brokers leave on disk, printed in the words of Kafka's own dump tool, many batches at a time.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import BinaryIO

from kafkactl.dump import text as dump_text
from kafkactl.dump.pieces import EVERYTHING_BYTES, PIECE_BYTES, UnknownMagic, Wanted, pieces, ranges
from kafkactl.dump.record_lines import new_lines
from kafkactl.dump.text import Faults
from kafkactl.dump.turns import FileOutput, OneTurn, Turn, descriptor_of_file, in_turns
from kafkactl.errors import FormatError, KafkactlError, MissingFileError
from kafkactl.output import people
from kafkactl.output.kafka.java_text import format_json
from kafkactl.statuses import DONE, combine
from kafkactl.stdout import OutputError
from kafkactl.storage.files import FileKind, add_file_name, find_kind, find_sibling
from kafkactl.storage.segment import Segment
from kafkactl.storage.selecting import SKIP_HINT, select
from kafkactl.storage.transactions import OpenRecords


class TextDump:
    """Prints files one after the other; one that is damaged does not hide the others."""

    def __init__(self, wanted: Wanted, out: BinaryIO) -> None:
        self._wanted = wanted
        self._out = out
        self._faults = Faults()
        self._statuses: list[int] = []
        """One for each failure, and for each file without any."""
        self._text = new_lines()
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
        segments = [path for path in paths if find_kind(path) in (FileKind.LOG, FileKind.KRAFT_SNAPSHOT)]
        selecting = not self._wanted.selection.is_everything
        if selecting and segments:
            self._selected(segments)
            paths = [path for path in paths if path not in segments]
        for path in paths:
            self._line(f"Dumping {path}")
            kind = find_kind(path)
            failures = len(self._statuses)
            if kind is None and path.exists():
                self._flush()
                people.note(f"Ignoring unknown file {path}")
            try:
                if kind is not None:
                    self._of_kind.get(kind, self._small_file)(path)
                elif not path.exists():
                    raise MissingFileError(f"{path}: no such file")
            except KafkactlError as error:
                self._failed(add_file_name(error, path))
            if len(self._statuses) == failures:
                self._statuses.append(DONE)
        self._flush()
        for line in self._faults.lines():
            people.note(line)
        return combine(self._statuses)

    def _line(self, text: str) -> None:
        self._out.write(text.encode("utf-8", errors="replace") + b"\n")

    def _flush(self) -> None:
        self._out.flush()

    def _failed(self, error: KafkactlError) -> None:
        if isinstance(error, OutputError):  # no fault of a file: nothing more can be printed
            raise error
        self._flush()
        people.error(error)
        self._statuses.append(error.status)

    def _segment(self, path: Path) -> None:
        with Segment(path) as segment:
            self._line(dump_text.log_heading(segment))
            end, last_offset = min(self._wanted.max_bytes, segment.size_bytes), -1
            position, unknown_count = 0, 0
            first_unknown: list[UnknownMagic] = []
            error: KafkactlError | None = None
            for done in self._ranges_done(segment, end):
                first_unknown = first_unknown or done.unknown[:1]
                unknown_count += len(done.unknown)
                last_offset = self._note_gaps(path, done, last_offset)
                error = done.error
                position = done.end
            trailing = segment.size_bytes - position
            if trailing and error is None and self._wanted.max_bytes == EVERYTHING_BYTES:
                self._line(f"Found {trailing} invalid bytes at the end of {path.name}")
            for unknown in first_unknown:
                self._failed(_unknown_magic(path, unknown, unknown_count - 1))
            if error is not None:
                raise add_file_name(error, path, SKIP_HINT)
            segment.require_complete()

    def _note_gaps(self, path: Path, done: Done, last_offset: int) -> int:
        """Note offsets that do not follow each other, the last one before the range being known; return its last."""
        for first, last, gaps in done.offsets:
            if first != last_offset + 1:
                self._faults.gap(path, last_offset, first)
            for number in range(0, len(gaps), 2):
                self._faults.gap(path, gaps[number], gaps[number + 1])
            last_offset = last
        return last_offset

    def _ranges_done(self, segment: Segment, end: int) -> Iterator[Done]:
        """Prints ranges of batches, in order; damage ends it, told by the last."""
        jobs = min(self._wanted.jobs, end // PIECE_BYTES)
        if jobs <= 1:
            for one in ranges(segment, end):
                done, goes_on = self._print_range(segment, one, OneTurn(), None)
                yield done
                if not goes_on:
                    return
            return
        self._flush()
        descriptor = descriptor_of_file(self._out)
        position = 0 if descriptor is None else os.lseek(descriptor, 0, os.SEEK_CUR)

        def work(one: tuple[int, int], turn: Turn) -> tuple[Done, bool]:
            return self._print_range(segment, one, turn, descriptor)

        for done in in_turns(lambda: ranges(segment, end), jobs, position, work):
            if descriptor is not None:
                os.lseek(descriptor, done.out_position, os.SEEK_SET)
            yield done

    def _print_range(
        self, segment: Segment, one: tuple[int, int], turn: Turn, descriptor: int | None
    ) -> tuple[Done, bool]:
        """Prints the batches of a range when it is its turn; whether more is to be printed after it."""
        position, end = one
        text = self._text
        offsets: list[Offsets] = []
        unknown: list[UnknownMagic] = []
        out_position = 0
        for number, piece in enumerate(pieces(segment, position, end, self._wanted, text)):
            if number == 0:
                begin = turn.wait()
                if begin is None:
                    turn.stop()
                    return Done(position, offsets, unknown, None, 0), False
                out_position = begin
            stops = piece.error is not None or piece.is_last
            if descriptor is not None:
                if piece.end == end and not stops:
                    turn.pass_on(out_position + len(text))  # the next one can write meanwhile
                file = FileOutput(descriptor, out_position)
                text.write_to(file)
                out_position = file.position
            else:
                text.write_to(self._out)
            if text.has_offsets:
                offsets.append((text.first_offset, text.last_offset, _flat(text.gaps)))
            unknown += piece.unknown
            position = piece.end
            if stops:
                if text.is_open and self._out.isatty():
                    # Kafka's tool leaves the line open; on a terminal the error would stand in it.
                    self._out.write(b"\n")
                self._flush()
                turn.stop()
                return Done(position, offsets, unknown, piece.error, out_position), False
        if descriptor is None:
            self._flush()
        turn.pass_on(out_position)
        return Done(position, offsets, unknown, None, out_position), True

    def _selected(self, paths: list[Path]) -> None:
        wanted = self._wanted
        current = None
        failures = len(self._statuses)
        left_out = OpenRecords()
        for selected in select(paths, wanted.selection, wanted.deep, self._failed, left_out):
            try:
                if selected.path != current:
                    current = selected.path
                    self._line(f"Dumping {current}")
                    self._line(dump_text.log_heading(selected.segment))
                self._line(dump_text.batch_line(selected.batch))
                for _, text in dump_text.record_texts(selected.batch, selected.records, wanted.parse, wanted.metadata):
                    self._out.write(text.encode("utf-8", errors="replace"))
            except KafkactlError as error:
                self._failed(add_file_name(error, selected.path))
            if wanted.selection.follow:
                self._flush()
        if left_out.message is not None:
            self._flush()
            people.note(left_out.message)
        if len(self._statuses) - failures < len(paths):
            self._statuses.append(DONE)

    def _offset_index(self, path: Path) -> None:
        from kafkactl.storage.index import OffsetIndex
        from kafkactl.storage.verify import check_offset_index

        with Segment(find_sibling(path, FileKind.LOG)) as segment:
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

        with Segment(find_sibling(path, FileKind.LOG)) as segment:
            offsets, index = OffsetIndex(find_sibling(path, FileKind.OFFSET_INDEX)), TimeIndex(path)
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
        from kafkactl.dump.rows import small_file_rows

        for row in small_file_rows(path):
            texts = {name: format_json(value) if isinstance(value, list) else value for name, value in row.items()}
            self._line(" ".join(f"{name}: {text}" for name, text in texts.items()))


Offsets = tuple[int, int, "array[int]"]
"""The first and last record's offset in a text, and the pairs of offsets between that do not follow each other."""


@dataclass(frozen=True, slots=True)
class Done:
    """A range of a segment after it was printed."""

    end: int
    """The position behind its last batch."""
    offsets: list[Offsets]
    unknown: list[UnknownMagic]
    error: KafkactlError | None
    out_position: int
    """Where in a file its text ends."""


def _flat(gaps: list[tuple[int, int]]) -> array[int]:
    """One number after the other, as small as they can be; the same gap again says nothing."""
    return array("q", chain.from_iterable(gap for gap, _ in groupby(gaps)))


def _unknown_magic(path: Path, unknown: UnknownMagic, more: int) -> FormatError:
    position, magic = unknown
    others = f", and {more} more behind it" if more else ""
    return FormatError(f"{path}: corrupt: batch at position {position}: unknown magic {magic}{others}")
