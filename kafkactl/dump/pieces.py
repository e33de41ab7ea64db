"""A segment as text, piece by piece: the lines of many batches at a time, and large batches record by record.

So memory stays bounded whatever the file holds.
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

PIECE_BYTES = 1024 * 1024
PIECE_TEXT_BYTES = 4 * 1024 * 1024
BATCH_IN_PIECE_BYTES = 4 * 1024 * 1024
LARGE_RECORD_BYTES = 1024 * 1024

UnknownMagic = tuple[int, int]
"""Position and magic of a batch whose magic no reader knows."""


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

    @property
    def is_plain(self) -> bool:
        """Whether the lines are those that are made many at a time."""
        return not self.deep or (self.metadata and (self.parse is None or self.parse_is_utf8))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a segment that was put into a text."""

    end: int
    is_last: bool = False
    """Whether the file ends inside the next batch."""
    error: KafkactlError | None = None
    unknown: tuple[UnknownMagic, ...] = ()


def ranges(segment: Segment, end: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces begin and end, by the sizes in front of the batches; the last one holds what is damaged."""
    start = 0
    for position, size in segment.read_frames(0, end):
        if position + size - start >= PIECE_BYTES:
            yield start, position + size
            start = position + size
    if start < end:
        yield start, end


def pieces(segment: Segment, position: int, end: int, wanted: Wanted, text: Lines) -> Iterator[Piece]:
    """Put the batches of a range into `text`, one piece after the other, each of which replaces the one before."""
    try:
        segment.view(position, min(end - position, 2 * PIECE_BYTES), end)  # in one read
    except FormatError as damage:
        text.clear()
        yield Piece(position, error=damage)
        return
    while True:
        piece = _piece(segment, position, end, wanted, text)
        yield piece
        if piece.error is not None or piece.is_last or piece.end == end:
            return
        if piece.end == position:  # not even one batch fits into a piece
            for piece in _large(segment, position, wanted, text):
                yield piece
                if piece.error is not None:
                    return
        position = piece.end


def _piece(segment: Segment, position: int, end: int, wanted: Wanted, text: Lines) -> Piece:
    """Put the lines of batches into `text`, up to a piece's size, or to a batch that is too large to be held."""
    text.clear()
    unknown: list[UnknownMagic] = []
    error = None
    try:
        while position < end and len(text) < PIECE_TEXT_BYTES:
            if wanted.is_plain:
                view, with_values = segment.view_batch(position, end), wanted.parse is not None
                stopped = text.add_batches(view, position, position, wanted.deep, with_values, PIECE_TEXT_BYTES)
                if stopped > position:
                    position = stopped
                    continue
            batch = segment.read_batch(position, end)
            if batch is None:
                return Piece(position, is_last=True, unknown=tuple(unknown))
            if batch.magic > LARGEST_KNOWN_MAGIC and isinstance(batch, Batch):
                unknown.append((position, batch.magic))
            if not _append(batch, wanted, text):
                break
            position += batch.size_bytes
    except KafkactlError as damage:
        error = damage
    return Piece(position, error=error, unknown=tuple(unknown))


def _append(batch: AnyBatch, wanted: Wanted, text: Lines) -> bool:
    """Add a batch's text; return False, and add nothing, for one that is too large to be held."""
    records: Iterator[Record] = iter(())
    if wanted.deep:
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
    try:
        text.add_text(dump_text.batch_line(batch).encode() + b"\n")
    except FormatError:
        text.add_text(dump_text.batch_heading(batch).encode())
        raise
    for record, line in dump_text.record_texts(batch, records, wanted.parse, wanted.metadata):
        text.note_offsets([record.offset])
        text.add_text(line.encode("utf-8", errors="replace"))
    return True


def _large(segment: Segment, position: int, wanted: Wanted, text: Lines) -> Iterator[Piece]:
    """Put a batch that is not held as text into `text`, piece by piece."""
    error = None
    text.clear()
    try:
        batch = segment.read_batch(position)
        assert batch is not None  # _piece saw it
        text.add_text(dump_text.batch_line(batch).encode() + b"\n")
        for record in batch.records():
            text.note_offsets([record.offset])
            for part in _line_in_parts(batch, record, wanted):
                text.add_text(part)
                if len(text) > PIECE_TEXT_BYTES:
                    yield Piece(position)
                    text.clear()
        position += batch.size_bytes
    except KafkactlError as damage:
        error = damage
    yield Piece(position, error=error)


def _line_in_parts(batch: AnyBatch, record: Record, wanted: Wanted) -> Iterable[bytes]:
    """Return the line of a record in parts, so that a large value is never held as text."""
    size = sum(len(part) for part in (record.key, record.value) if part is not None)
    if wanted.parse is not None and wanted.parse_is_utf8 and not batch.is_control and size > LARGE_RECORD_BYTES:
        return dump_text.large_record_line(batch, record, wanted.metadata)
    texts = dump_text.record_texts(batch, [record], wanted.parse, wanted.metadata)
    return (line.encode("utf-8", errors="replace") for _, line in texts)
