"""Batches of magic 2 and their records as lines of Kafka's dump tool, many at a time.

`Lines` exists twice, in plain Python here and compiled in `_record_lines.pyx`; `make_lines` chooses the reader in use.
Both print keys and values as UTF-8. Records with other formats go through `dump.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from kafkactl.dump.text import format_batch, name_timestamp_type
from kafkactl.errors import FormatError
from kafkactl.storage import readers
from kafkactl.storage.batch import HEADER_SIZE, MAGIC, Batch, parse_batch
from kafkactl.storage.records import increment_sequence, parse_fields, wrap_int64
from kafkactl.storage.text import format_header_name, jvm_text

_FAR = 2**62  # the sum of two numbers below this bound stays in 64 bits


class PureLines:
    """Text that grows batch by batch; offsets and gaps are those of all records so far."""

    def __init__(self) -> None:
        """Make an empty text."""
        self.clear()

    def __len__(self) -> int:
        """Return the size of the text in bytes."""
        return self._size

    @property
    def is_open(self) -> bool:
        """Return whether the last line has no end, as damage leaves it; False without text."""
        return bool(self._parts) and not self._parts[-1].endswith(b"\n")

    def clear(self) -> None:
        """Remove the text, the offsets and the gaps, so that it can be filled again."""
        self._parts: list[bytes] = []
        self._size = 0
        self.has_offsets = False
        self.first_offset = self.last_offset = -1
        self.gaps: list[tuple[int, int]] = []

    def add_text(self, line: bytes) -> None:
        """Add one line, or a part of it, as it is; offsets are noted by `note_offsets` only."""
        self._parts.append(line)
        self._size += len(line)

    def note_offsets(self, offsets: Sequence[int]) -> None:
        """Note the offsets of records whose lines were added as text, in their order, and the gaps.

        Two offsets one after the other are a gap where the second is not the first plus 1, also where the first was
        noted by an earlier call.
        """
        if not offsets:
            return
        if self.has_offsets:
            offsets = [self.last_offset, *offsets]
        else:
            self.has_offsets, self.first_offset = True, offsets[0]
        if offsets != list(range(offsets[0], offsets[0] + len(offsets))):
            self.gaps += [pair for pair in pairwise(offsets) if pair[1] != pair[0] + 1]
        self.last_offset = offsets[-1]

    def add_batches(
        self, data: memoryview, start: int, position: int, with_records: bool, with_values: bool, most: int
    ) -> int:
        """Add the lines of batches from a position on, and return the position where this stopped; nothing is raised.

        `start` is the position in the file where `data` begin; all positions are in bytes. With `with_records` the
        records of the batches are added, too, and with `with_values` their keys and values, where U+FFFD replaces what
        is not UTF-8. It stops at the end of the data, when the text has `most` bytes or more, or at a batch that the
        caller must handle: one that is not whole, of an impossible size, of another magic than 2, with an unknown
        codec, or with more than `most` bytes; with records also a control batch, damaged records, and more than `most`
        bytes decompressed. A wrong CRC does not stop it.
        """
        end = start + len(data)
        while position < end and self._size < most:
            try:
                batch = parse_batch(data, position - start, start)
                if not isinstance(batch, Batch) or batch.magic != MAGIC or not HEADER_SIZE <= batch.size_bytes <= most:
                    break
                if with_records and batch.is_control:
                    break
                text = format_batch(batch) + "\n"
                if with_records:
                    text += self._format_all_records(batch, batch.unpack(most), with_values)
            except FormatError:
                break
            self.add_text(text.encode())
            position += batch.size_bytes
        return position

    def _format_all_records(self, batch: Batch, data: bytes | memoryview, with_values: bool) -> str:
        """Return the lines of a batch's records with their line ends, and note their offsets.

        `data` are the decompressed bytes. `with_values` adds keys and values, in which bytes that are not UTF-8 become
        U+FFFD. Raise FormatError for damage; no offset is noted then.
        """
        try:
            return self._format_records(batch, data, with_values, bytes.decode)
        except UnicodeDecodeError:  # rare, so that a second attempt costs little
            return self._format_records(batch, data, with_values, jvm_text)

    def _format_records(
        self, batch: Batch, data: bytes | memoryview, with_values: bool, to_text: Callable[[bytes], str]
    ) -> str:
        """Return the lines of a batch's records with their line ends, and note their offsets.

        `data` are the decompressed bytes. `with_values` adds keys and values, converted by `to_text`, but no absent
        ones. Raise FormatError for damage, and whatever `to_text` raises; no offset is noted then.
        """
        base_offset, base_timestamp_ms = batch.base_offset, batch.base_timestamp_ms
        base_sequence, append_time_ms = batch.base_sequence, batch.append_time_ms
        kind = name_timestamp_type(batch)
        is_near_edge = max(abs(base_offset), abs(base_timestamp_ms)) >= _FAR
        lines: list[str] = []
        offsets: list[int] = []
        for timestamp_delta, offset_delta, key, value, headers in parse_fields(data, batch.count):
            offset = base_offset + offset_delta
            timestamp_ms = base_timestamp_ms + timestamp_delta if append_time_ms is None else append_time_ms
            if is_near_edge or not -_FAR < timestamp_delta < _FAR:
                offset, timestamp_ms = wrap_int64(offset), wrap_int64(timestamp_ms)
            offsets.append(offset)
            sequence = -1
            if base_sequence >= 0:
                sequence = (base_sequence + offset_delta) & 0x7FFFFFFF
                if offset_delta < 0:
                    sequence = increment_sequence(base_sequence, offset_delta)
            line = (
                f"| offset: {offset} {kind}: {timestamp_ms}"
                f" keySize: {-1 if key is None else len(key)} valueSize: {-1 if value is None else len(value)}"
                f" sequence: {sequence}"
                f" headerKeys: [{','.join([format_header_name(name) for name, _ in headers]) if headers else ''}]"
            )
            if with_values:
                if key is not None:
                    line += " key: " + to_text(key)
                if value is not None:
                    line += " payload: " + to_text(value)
            lines.append(line)
        self.note_offsets(offsets)
        lines.append("")
        return "\n".join(lines)

    def write_to(self, out: BinaryIO | FileOutput) -> None:
        """Write the text to an output, and keep it. Raise OutputError and ReaderLeftError."""
        out.writelines(self._parts)


if TYPE_CHECKING:
    from kafkactl.dump._record_lines import Lines as CompiledLines
    from kafkactl.dump.turns import FileOutput

    Lines = CompiledLines | PureLines


def make_lines() -> Lines:
    """Return an empty text: the compiled Lines if it and the compiled reader are in use, else PureLines."""
    if readers.NAME != "compiled":
        return PureLines()
    try:
        from kafkactl.dump._record_lines import Lines as CompiledLines
    except ImportError:  # each compiled part is optional
        return PureLines()
    return CompiledLines()
