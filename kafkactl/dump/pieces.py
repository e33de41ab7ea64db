"""A segment as text, piece by piece: the lines of many batches at a time, and large batches record by record.

So memory stays bounded whatever the file contains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafkactl.dump import text as dump_text
from kafkactl.errors import FormatError, KafkactlError
from kafkactl.output.records.decoders import Parser
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.compression import TooLargeError
from kafkactl.storage.damage import LARGEST_KNOWN_MAGIC
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.selection import Selection

if TYPE_CHECKING:
    from kafkactl.dump.record_lines import Lines

EVERYTHING_BYTES = 2**31 - 1
"""Value of `max_bytes` that means no limit."""

PIECE_BYTES = 1024 * 1024
PIECE_TEXT_BYTES = 4 * 1024 * 1024
BATCH_IN_PIECE_BYTES = 4 * 1024 * 1024
LARGE_RECORD_BYTES = 1024 * 1024

UnknownMagic = tuple[int, int]
"""Position and magic of a batch whose magic no reader knows."""


@dataclass(frozen=True)
class DumpOptions:
    """Options of a dump."""

    deep: bool = False
    """Whether records are printed, and not only batches."""
    parse: Parser | None = None
    """Function that returns the texts of key and value; None leaves them out."""
    parse_is_utf8: bool = False
    """Whether these texts are the bytes themselves, as UTF-8."""
    metadata: bool = True
    """Whether offset, timestamp and so on of records are printed."""
    max_bytes: int = EVERYTHING_BYTES
    """Position in a segment at which the dump ends."""
    max_message_size: int = 5 * 1024 * 1024
    """Largest size of a batch to which an index entry may point, in bytes."""
    sanity_only: bool = False
    """Whether indexes are only checked as a broker does at start."""
    verify_only: bool = False
    """Whether entries of indexes are checked and not printed."""
    selection: Selection = field(default_factory=Selection)
    jobs: int = 1
    """Largest number of processes."""

    @property
    def is_plain(self) -> bool:
        """Return whether `add_batches` of Lines can make the lines.

        It can for batches alone, and for records with metadata whose keys and values are left out or are UTF-8.
        """
        return not self.deep or (self.metadata and (self.parse is None or self.parse_is_utf8))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a segment that was written into a text."""

    end: int
    """Position after the last batch, in bytes."""
    is_last: bool = False
    """Whether the file ends inside the next batch."""
    error: KafkactlError | None = None
    """The damage that ended the piece, or None."""
    unknown: tuple[UnknownMagic, ...] = ()
    """Batches with an unknown magic."""


def split_ranges(segment: Segment, end: int) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of ranges of batches, in bytes, by the sizes in the batches' headers.

    The ranges follow each other and cover all bytes up to `end`, even if the file ends before; none for an `end` of 0.
    A range ends behind the batch with which it reaches PIECE_BYTES. The last one is the rest: from damage, or from a
    place that cannot be read, up to `end`. Nothing is raised.
    """
    start = 0
    for position, size in segment.read_frames(0, end):
        if position + size - start >= PIECE_BYTES:
            yield start, position + size
            start = position + size
    if start < end:
        yield start, end


def read_pieces(segment: Segment, position: int, end: int, options: DumpOptions, text: Lines) -> Iterator[Piece]:
    """Write the batches of a range into `text`, piece by piece, and yield each piece.

    The range goes from `position` to `end`, in bytes. `options` choose what is printed. An empty range gives one empty
    piece. A piece replaces the text of the one before, so use the text before the next one. Damage, keys or values that
    are not of their format, a file that cannot be read, and any other KafkactlError of `options.parse` end the
    iteration and are in the last piece's `error`; they are not raised. Other errors of `parse` are raised.
    """
    try:
        segment.view(position, min(end - position, 2 * PIECE_BYTES), end)  # one read for the whole range
    except FormatError as damage:
        text.clear()
        yield Piece(position, error=damage)
        return
    while True:
        piece = _read_piece(segment, position, end, options, text)
        yield piece
        if piece.error is not None or piece.is_last or piece.end == end:
            return
        if piece.end == position:  # the first batch is too large for a piece
            for piece in _read_large_batch(segment, position, options, text):
                yield piece
                if piece.error is not None:
                    return
        position = piece.end


def _read_piece(segment: Segment, position: int, end: int, options: DumpOptions, text: Lines) -> Piece:
    """Write the lines of batches into `text`, up to a piece's size, or to a batch that is too large for memory.

    The text from before is removed. The result ends at `position` where the first batch is too large, and its `unknown`
    counts this batch, too; a later one counts in the next piece. It has `is_last` where it stops before `end` because
    no whole batch follows. Damage, and any other KafkactlError, also of `options.parse`, is in its `error`, and not
    raised. Other errors of `parse` are raised.
    """
    text.clear()
    start = position
    unknown: list[UnknownMagic] = []
    error = None
    try:
        while position < end and len(text) < PIECE_TEXT_BYTES:
            if options.is_plain:
                view, with_values = segment.view_batch(position, end), options.parse is not None
                stopped = text.add_batches(view, position, position, options.deep, with_values, PIECE_TEXT_BYTES)
                if stopped > position:
                    position = stopped
                    continue
            batch = segment.read_batch(position, end)
            if batch is None:
                return Piece(position, is_last=True, unknown=tuple(unknown))
            if batch.magic > LARGEST_KNOWN_MAGIC and isinstance(batch, Batch):
                unknown.append((position, batch.magic))
            if not _append_batch(batch, options, text):
                if position > start:  # the next piece begins with this batch, and notes it
                    unknown = [place for place in unknown if place[0] != position]
                break
            position += batch.size_bytes
    except KafkactlError as damage:
        error = damage
    return Piece(position, error=error, unknown=tuple(unknown))


def _append_batch(batch: AnyBatch, options: DumpOptions, text: Lines) -> bool:
    """Add a batch's text, and return True; return False, and add nothing, for a batch that is too large for memory.

    With `deep` that is one of more than 4 MiB, or, in magic 2, one that is compressed and has more when decompressed;
    without `deep` there is none. Raise FormatError for an unknown codec, a message with a magic above 127 or a missing
    timestamp, after the beginning of the batch's line; and for damaged records and keys or values that are not of their
    format, after the batch's line and the sound records. Raise other errors of `parse`, too.
    """
    records: Iterator[Record] = iter(())
    if options.deep:
        if batch.size_bytes > BATCH_IN_PIECE_BYTES:
            return False
        records = batch.records()
        if isinstance(batch, Batch):
            try:
                records = batch.records(batch.unpack(BATCH_IN_PIECE_BYTES))
            except TooLargeError:
                return False
            except FormatError:
                pass  # raised below, after the batch's own line
    _append_batch_line(batch, text)
    for record, line in dump_text.format_records(batch, records, options.parse, options.metadata):
        text.note_offsets([record.offset])
        text.add_text(line.encode("utf-8", errors="replace"))
    return True


def _append_batch_line(batch: AnyBatch, text: Lines) -> None:
    """Add the line of a batch, its end included.

    Raise FormatError for an unknown codec, a message with a magic above 127 or a missing timestamp, after the beginning
    of the line.
    """
    try:
        text.add_text(dump_text.format_batch(batch).encode() + b"\n")
    except FormatError:
        text.add_text(dump_text.format_batch_heading(batch).encode())
        raise


def _read_large_batch(segment: Segment, position: int, options: DumpOptions, text: Lines) -> Iterator[Piece]:
    """Write a large batch into `text`, piece by piece, and yield each piece.

    A piece replaces the text of the one before, so use the text before the next one. A piece's end is `position` until
    the last one, which ends behind the batch. Damage, and any other KafkactlError, also of `options.parse`, is in the
    last one's `error`, and not raised; its end is `position` then. Other errors of `parse` are raised. The whole batch
    must be in the file.
    """
    error = None
    text.clear()
    try:
        batch = segment.read_batch(position)
        assert batch is not None  # _read_piece has read it
        _append_batch_line(batch, text)
        for record in batch.records():
            text.note_offsets([record.offset])
            for part in _format_in_parts(batch, record, options):
                text.add_text(part)
                if len(text) > PIECE_TEXT_BYTES:
                    yield Piece(position)
                    text.clear()
        position += batch.size_bytes
    except KafkactlError as damage:
        error = damage
    yield Piece(position, error=error)


def _format_in_parts(batch: AnyBatch, record: Record, options: DumpOptions) -> Iterable[bytes]:
    """Return an iterator over the parts of a record's line, its end included.

    A record above 1 MiB that is printed as UTF-8 comes in parts of about 1 MiB, so that it is never in memory as text;
    any other in one. Iterating raises FormatError for a key or value that is not of its format or, in magic 0 and 1,
    cannot be read, and for a control record that cannot be decoded, after the unfinished line, and other errors of
    `parse`.
    """
    size = sum(len(part) for part in (record.key, record.value) if part is not None)
    if options.parse is not None and options.parse_is_utf8 and not batch.is_control and size > LARGE_RECORD_BYTES:
        return dump_text.format_large_record(batch, record, options.metadata)
    texts = dump_text.format_records(batch, [record], options.parse, options.metadata)
    return (line.encode("utf-8", errors="replace") for _, line in texts)
