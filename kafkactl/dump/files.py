"""Files that brokers leave on disk, as Kafka's own dump tool prints them, many batches at a time.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import BinaryIO

from kafkactl.dump import text as dump_text
from kafkactl.dump.pieces import EVERYTHING_BYTES, PIECE_BYTES, DumpOptions, UnknownMagic, read_pieces, split_ranges
from kafkactl.dump.record_lines import make_lines
from kafkactl.dump.text import Faults
from kafkactl.dump.turns import FileOutput, SingleTurn, Turn, find_file_descriptor, run_in_turns
from kafkactl.errors import FormatError, KafkactlError
from kafkactl.output import people
from kafkactl.output.kafka.java_text import format_json
from kafkactl.statuses import combine_items
from kafkactl.stdout import OutputError
from kafkactl.storage.files import FileKind, add_file_name, find_kind, find_sibling
from kafkactl.storage.segment import Segment
from kafkactl.storage.selecting import SKIP_HINT, select
from kafkactl.storage.source import require_present
from kafkactl.storage.transactions import OpenRecords

_SUFFIXES_OF_KAFKA = (".log", ".index", ".timeindex", ".snapshot", ".txnindex", ".checkpoint")
"""Names of files that Kafka's tool reads end in one of these."""


class TextDump:
    """Printer of files, one after the other; an error in one file does not hide the others."""

    def __init__(self, options: DumpOptions, out: BinaryIO) -> None:
        """Take the options, and the binary stream to print to.

        Use the object for one run only: it keeps statuses and faults.
        """
        self._options = options
        self._out = out
        self._faults = Faults()
        self._failures = defaultdict[Path, list[int]](list)
        """Exit statuses of the errors of each file that has some."""
        self._text = make_lines()
        self._dump_by_kind: dict[FileKind, Callable[[Path], None]] = {
            FileKind.LOG: self._dump_segment,
            FileKind.KRAFT_SNAPSHOT: self._dump_segment,
            FileKind.OFFSET_INDEX: self._dump_offset_index,
            FileKind.TIME_INDEX: self._dump_time_index,
            FileKind.TRANSACTION_INDEX: self._dump_transaction_index,
            FileKind.PRODUCER_SNAPSHOT: self._dump_producer_snapshot,
        }

    def run(self, paths: list[Path]) -> int:
        """Print files in their order, and return the exit status of all of them, 0 where none has an error.

        Where the selection is not everything, segments are read before all other files, and `max_bytes` and `jobs` do
        not count for them. Errors of files, also of missing ones and of a lost process of --jobs, are written to stderr
        (in Kafka's style the first one is raised instead, and no faults are written), and then faults of indexes and
        gaps, which do not change the status. A corrupt or unreadable producer snapshot is always written to stderr, and
        does not change the status, either. A file of unknown kind is only noted there; in Kafka's style that is each
        whose name does not end as Kafka's files do, also a missing one. Where all files have the same status, that is
        the result; else it is 1.

        Raise OutputError and BrokenPipeError (without several jobs its subclass ReaderLeftError) where nothing more can
        be printed; OSError where no process can be started; errors of the selection, and without several jobs of
        `parse`, that are no KafkactlError; and with `follow` also KafkactlError for what cannot be read of later
        batches.
        """
        segments = [path for path in paths if find_kind(path) in (FileKind.LOG, FileKind.KRAFT_SNAPSHOT)]
        selecting = not self._options.selection.is_everything
        if selecting and segments:
            self._dump_selected(segments)
        for path in [path for path in paths if not selecting or path not in segments]:
            self._write_line(f"Dumping {path}")
            as_kafka = people.is_kafka_style()
            kind = None if as_kafka and path.suffix not in _SUFFIXES_OF_KAFKA else find_kind(path)
            try:
                if kind is not None:
                    self._dump_by_kind.get(kind, self._dump_small_file)(path)
                else:
                    if not as_kafka:
                        require_present(path)
                    self._flush()
                    people.write_kafka_message(f"Ignoring unknown file {path}\n")
            except KafkactlError as error:
                self._report_error(path, add_file_name(error, path))
        self._flush()
        for line in self._faults.format_lines():
            people.write_kafka_message(f"{line}\n")
        return combine_items(paths, self._failures)

    def _write_line(self, text: str) -> None:
        """Write one line, and its end; lone surrogates become question marks.

        Raise OutputError, and ReaderLeftError where the reader of a pipe left.
        """
        self._out.write(text.encode("utf-8", errors="replace") + b"\n")

    def _flush(self) -> None:
        """Hand over what was written, before a message goes to stderr. Raise OutputError and ReaderLeftError."""
        self._out.flush()

    def _report_error(self, path: Path, error: KafkactlError) -> None:
        """Write an error of a file to stderr, after the output, and note its status.

        Raise it where the output itself failed (OutputError), and in Kafka's style, where no further file is read.
        Raise OutputError and ReaderLeftError where the output cannot be handed over before.
        """
        if isinstance(error, OutputError) or people.is_kafka_style():
            raise error
        self._flush()
        people.error(error)
        self._failures[path].append(error.status)

    def _dump_segment(self, path: Path) -> None:
        """Print the batches of a segment, and note offsets that do not follow each other for the end of the run.

        Without `deep` no offsets are noted. A last batch that is cut off is no error; without `max_bytes` the number of
        its bytes is printed. Batches with an unknown magic are one error on stderr and in the exit status, raised only
        in Kafka's style. Raise FormatError for other damage, an unreadable file, a gzip file that is cut off, and keys
        or values that are not of their format, after what was printed before; KafkactlError where a process of `jobs`
        was lost, no temporary file can be made, or a schema registry refuses or does not answer; MissingFileError;
        UsageError for a file that cannot be opened, a log with an offset neither in its name nor in its content, and a
        snapshot with a wrong name.

        Raise OSError where no process can be started, OutputError and BrokenPipeError where nothing more can be
        printed, and, without several jobs, errors of `parse` that are no KafkactlError.
        """
        with Segment(path) as segment:
            self._write_line(dump_text.format_log_heading(segment))
            end, last_offset = min(self._options.max_bytes, segment.size_bytes), -1
            position, unknown_count = 0, 0
            first_unknown: list[UnknownMagic] = []
            error: KafkactlError | None = None
            for printed in self._print_ranges(segment, end):
                first_unknown = first_unknown or printed.unknown[:1]
                unknown_count += len(printed.unknown)
                last_offset = self._note_gaps(path, printed, last_offset)
                error = printed.error
                position = printed.end
            trailing = segment.size_bytes - position
            if trailing and error is None and self._options.max_bytes == EVERYTHING_BYTES:
                self._write_line(f"Found {trailing} invalid bytes at the end of {path.name}")
            for unknown in first_unknown:
                self._report_error(path, _make_unknown_magic_error(path, unknown, unknown_count - 1))
            if error is not None:
                raise add_file_name(error, path, SKIP_HINT)
            segment.require_complete()

    def _note_gaps(self, path: Path, printed: PrintedRange, last_offset: int) -> int:
        """Note offsets that do not follow each other, for the end of the run; return the last offset of the range.

        `last_offset` is the last one before the range, and the result where the range has no records. Before the first
        range it is -1: a first record above offset 0 is noted, too.
        """
        for first, last, gaps in printed.offsets:
            if first != last_offset + 1:
                self._faults.add_gap(path, last_offset, first)
            for number in range(0, len(gaps), 2):
                self._faults.add_gap(path, gaps[number], gaps[number + 1])
            last_offset = last
        return last_offset

    def _print_ranges(self, segment: Segment, end: int) -> Iterator[PrintedRange]:
        """Print ranges of batches in their order, and yield each one; the last one may have an error.

        `end` is a position in bytes. With several jobs forked processes print them, and the position of an output file
        is moved behind the text. Raise OutputError and BrokenPipeError where nothing more can be printed, KafkactlError
        where a process was lost, OSError where no process can be started, and, without several jobs, errors of
        `options.parse` that are no KafkactlError.
        """
        jobs = min(self._options.jobs, end // PIECE_BYTES)
        if jobs <= 1:
            for batch_range in split_ranges(segment, end):
                printed, goes_on = self._print_range(segment, batch_range, SingleTurn(), None)
                yield printed
                if not goes_on:
                    return
            return
        self._flush()
        descriptor = find_file_descriptor(self._out)
        position = 0 if descriptor is None else os.lseek(descriptor, 0, os.SEEK_CUR)

        def work(batch_range: tuple[int, int], turn: Turn) -> tuple[PrintedRange, bool]:
            """Print a range in a process of its own; return it, and whether to go on.

            Damage is in the range's `error`. The errors of _print_range() pass through.
            """
            return self._print_range(segment, batch_range, turn, descriptor)

        for printed in run_in_turns(lambda: split_ranges(segment, end), jobs, position, work):
            if descriptor is not None:
                os.lseek(descriptor, printed.out_position, os.SEEK_SET)
            yield printed

    def _print_range(
        self, segment: Segment, batch_range: tuple[int, int], turn: Turn, descriptor: int | None
    ) -> tuple[PrintedRange, bool]:
        """Print the batches of a range when it is its turn; return it, and whether later ranges may be printed.

        `batch_range` is its begin and end in bytes. `descriptor` is that of an output file in which each process writes
        at its own position, or None for any other output. The turn is passed on; or all later ones are stopped, after
        damage, which is in the result's `error`, and where the file or `max_bytes` ends inside a batch. Where an
        earlier process has stopped this one, nothing is printed. Raise OutputError and ReaderLeftError, and errors of
        `options.parse` that are no KafkactlError.
        """
        position, end = batch_range
        text = self._text
        offsets: list[Offsets] = []
        unknown: list[UnknownMagic] = []
        out_position = 0
        for number, piece in enumerate(read_pieces(segment, position, end, self._options, text)):
            if number == 0:
                begin = turn.wait()
                if begin is None:
                    turn.stop()
                    return PrintedRange(position, offsets, unknown, None, 0), False
                out_position = begin
            stops = piece.error is not None or piece.is_last
            if descriptor is not None:
                if piece.end == end and not stops:
                    turn.pass_on(out_position + len(text))  # the next process can write at the same time
                file = FileOutput(descriptor, out_position)
                text.write_to(file)
                out_position = file.position
            else:
                text.write_to(self._out)
            if text.has_offsets:
                offsets.append((text.first_offset, text.last_offset, _flatten(text.gaps)))
            unknown += piece.unknown
            position = piece.end
            if stops:
                if text.is_open and self._out.isatty():
                    # Kafka's tool leaves the line without an end; on a terminal the error would be in the same line.
                    self._out.write(b"\n")
                self._flush()
                turn.stop()
                return PrintedRange(position, offsets, unknown, piece.error, out_position), False
        if descriptor is None:
            self._flush()
        turn.pass_on(out_position)
        return PrintedRange(position, offsets, unknown, None, out_position), True

    def _dump_selected(self, paths: list[Path]) -> None:
        """Print the selected batches and records of segments; errors of files are written to stderr and noted.

        In Kafka's style they are raised. A segment without a selected batch has no heading, one whose name gives no
        heading has no batches, gaps of offsets are not noted, and `max_bytes` and `jobs` have no effect. Bytes at the
        end that are no whole batch are an error here; of the segment that `follow` reads, once a later one is there. At
        the end stderr gets the number of records that were left out because their transaction has no end. With `follow`
        this has no end, unless a limit is reached or all paths are missing.

        Raise OutputError, ReaderLeftError, errors of `parse` and of the selection that are no KafkactlError, and, with
        `follow`, KafkactlError for what cannot be read of later batches.
        """
        options = self._options
        current = unusable = None
        left_out = OpenRecords()
        for selected in select(paths, options.selection, options.deep, self._report_error, left_out):
            if selected.path == unusable:
                continue
            try:
                if selected.path != current:
                    current = unusable = selected.path
                    self._write_line(f"Dumping {current}")
                    self._write_line(dump_text.format_log_heading(selected.segment))
                    unusable = None
                self._write_line(dump_text.format_batch(selected.batch))
                for _, text in dump_text.format_records(
                    selected.batch, selected.records, options.parse, options.metadata
                ):
                    self._out.write(text.encode("utf-8", errors="replace"))
            except KafkactlError as error:
                self._report_error(selected.path, add_file_name(error, selected.path))
            if options.selection.follow:
                self._flush()
        if left_out.message is not None:
            self._flush()
            people.note(left_out.message)

    def _dump_offset_index(self, path: Path) -> None:
        """Print the entries of an offset index, and note those that the log contradicts, for the end of the run.

        For an index without a whole entry print only that it is empty. Else, with `sanity_only`, print only that it is
        sane, or raise FormatError; with `verify_only` print no entry. Padding at the end is no entry, but the first
        entry is printed even if it is padding. A part of an entry at the end is a fault only with `sanity_only`.

        Raise NotFoundError where the index or its log is missing, also with `sanity_only`, FormatError where one of
        both is corrupt or cannot be read, or an entry points at no batch of up to `max_message_size` bytes, and
        UsageError for a file that cannot be opened or has no base offset. Raise OutputError and ReaderLeftError where
        nothing more can be printed.
        """
        from kafkactl.storage.index import OffsetIndex
        from kafkactl.storage.verify import check_offset_index

        with Segment(find_sibling(path, FileKind.LOG)) as segment:
            index = OffsetIndex(path)
            if index.count == 0:
                self._write_line(f"{path} is empty.")
                return
            if self._options.sanity_only:
                self._report_sanity(path, index.is_sane(), "its last offset is below its segment's")
                return
            for entry, actual in check_offset_index(index, segment, self._options.max_message_size):
                if actual is not None:
                    self._faults.add_index_mismatch(path, entry.offset, actual)
                if not self._options.verify_only:
                    self._write_line(f"offset: {entry.offset} position: {entry.position}")

    def _dump_time_index(self, path: Path) -> None:
        """Print the entries of a time index, and note those that the log contradicts, for the end of the run.

        With `sanity_only` print only that it is sane, or raise FormatError; with `verify_only` print no entry. Padding
        at the end is no entry, but the first entry is printed even if it is padding. A part of an entry at the end is a
        fault only with `sanity_only`. Raise NotFoundError where the log or an index is missing, FormatError where one
        of them is corrupt or cannot be read, UsageError for a file that cannot be opened or has no base offset, and
        OutputError and ReaderLeftError where nothing more can be printed.
        """
        from kafkactl.storage.index import OffsetIndex, TimeIndex
        from kafkactl.storage.verify import check_time_index

        with Segment(find_sibling(path, FileKind.LOG)) as segment:
            offsets, index = OffsetIndex(find_sibling(path, FileKind.OFFSET_INDEX)), TimeIndex(path)
            if self._options.sanity_only:
                self._report_sanity(path, index.is_sane(), "its last entry is before its first or below its segment")
                return
            for entry, findings in check_time_index(index, offsets, segment):
                self._faults.add_time_findings(path, findings)
                if not self._options.verify_only:
                    self._write_line(f"timestamp: {entry.timestamp_ms} offset: {entry.offset}")

    def _report_sanity(self, path: Path, sane: bool, fault: str) -> None:
        """Print that an index is sane; raise FormatError, with the text `fault`, where it is not.

        Raise OutputError and ReaderLeftError where nothing more can be printed.
        """
        if not sane:
            raise FormatError(f"{path}: corrupt: {fault}", "the broker rebuilds it at start")
        self._write_line(f"{path} passed sanity check.")

    def _dump_transaction_index(self, path: Path) -> None:
        """Print the entries of a transaction index; nothing for an empty file.

        Raise NotFoundError for a missing file, UsageError for one that cannot be opened, and FormatError, after the
        entries before the fault, for one that is corrupt or cannot be read. Raise OutputError and ReaderLeftError where
        nothing more can be printed.
        """
        from kafkactl.storage.txnindex import read_aborted_transactions

        for aborted in read_aborted_transactions(path):
            self._write_line(dump_text.format_aborted_transaction(aborted))

    def _dump_producer_snapshot(self, path: Path) -> None:
        """Print the producers of a snapshot.

        A corrupt or unreadable one is an error on stderr that does not change the exit status. It is not raised. Raise
        NotFoundError for a missing file, UsageError for one that cannot be opened, and OutputError and ReaderLeftError
        where nothing more can be printed.
        """
        from kafkactl.storage.producer_snapshot import read_producer_snapshot

        try:
            states = read_producer_snapshot(path)
        except FormatError as error:
            self._flush()
            if people.is_kafka_style():
                people.write_kafka_message(f"{error}\n")  # Kafka's tool prints this error, too, and ends with status 0
            else:
                people.error(error)
            return
        for state in states:
            self._write_line(dump_text.format_producer(state))

    def _dump_small_file(self, path: Path) -> None:
        """Print each row of a small text file as one line of `name: value`, joined by blanks.

        Lists are JSON, other values as Python's str() shows them; nothing is printed for a checkpoint without entries,
        and an empty line for empty properties. Raise NotFoundError for a missing file, UsageError for one that cannot
        be opened, FormatError for one that is corrupt or cannot be read, and OutputError and ReaderLeftError where
        nothing more can be printed.
        """
        from kafkactl.dump.rows import read_small_file_rows

        for row in read_small_file_rows(path):
            texts = {name: format_json(value) if isinstance(value, list) else value for name, value in row.items()}
            self._write_line(" ".join(f"{name}: {text}" for name, text in texts.items()))


Offsets = tuple[int, int, "array[int]"]
"""The offsets of the first and the last record in a text, and the pairs of offsets between them that do not follow."""


@dataclass(frozen=True, slots=True)
class PrintedRange:
    """A range of a segment after it was printed."""

    end: int
    """Position after its last batch, in bytes."""
    offsets: list[Offsets]
    unknown: list[UnknownMagic]
    """Batches with an unknown magic."""
    error: KafkactlError | None
    """The damage that ended the range, or None."""
    out_position: int
    """Position in the output file where its text ends."""


def _flatten(gaps: list[tuple[int, int]]) -> array[int]:
    """Return pairs of offsets as an array of numbers, which is small; a pair equal to the one before is left out."""
    return array("q", chain.from_iterable(gap for gap, _ in groupby(gaps)))


def _make_unknown_magic_error(path: Path, unknown: UnknownMagic, more: int) -> FormatError:
    """Return (not raise) the error for batches with an unknown magic; `more` is the number of later ones."""
    position, magic = unknown
    others = f", and {more} more behind it" if more else ""
    return FormatError(f"{path}: corrupt: batch at position {position}: unknown magic {magic}{others}")
