"""Batches of magic 2 and their records as lines in the words of Kafka's dump tool, many at a time.

`Lines` exists twice, in plain Python here and compiled in `_record_lines.pyx`; `new_lines` makes one of the reader in
use. Both print keys and values as UTF-8; what needs another form goes through output.dump_text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from kafkactl.dump.text import batch_line, timestamp_type
from kafkactl.errors import FormatError
from kafkactl.storage import readers
from kafkactl.storage.batch import MAGIC, Batch, parse_batch
from kafkactl.storage.records import increment_sequence, parse_fields, wrap_int64
from kafkactl.storage.text import format_header_name, jvm_text

_FAR = 2**62  # numbers below need not be looked at: together they stay in 64 bits


class PureLines:
    """Text that grows batch by batch; offsets and gaps are of all records so far."""

    def __init__(self) -> None:
        self.clear()

    def __len__(self) -> int:
        return self._size

    @property
    def is_open(self) -> bool:
        """Whether its last line has no end, as damage leaves it."""
        return bool(self._parts) and not self._parts[-1].endswith(b"\n")

    def clear(self) -> None:
        """Empties it, to be filled again."""
        self._parts: list[bytes] = []
        self._size = 0
        self.has_offsets = False
        self.first_offset = self.last_offset = -1
        self.gaps: list[tuple[int, int]] = []

    def add_text(self, line: bytes) -> None:
        """Text as it is."""
        self._parts.append(line)
        self._size += len(line)

    def note_offsets(self, offsets: Sequence[int]) -> None:
        """Offsets of records whose lines came as text."""
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
        """Lines of batches from a position on, and of their records; returns where it stopped.

        `start` is where in the file the data begin. It stops at their end, behind so much text, or at a batch that the
        caller has to look at: of another magic, a control batch, one that is damaged, or has more than `most` bytes, as
        it is or decompressed.
        """
        end = start + len(data)
        while position < end and self._size < most:
            try:
                batch = parse_batch(data, position - start, start)
                if not isinstance(batch, Batch) or batch.magic != MAGIC or batch.size_bytes > most:
                    break
                if with_records and batch.is_control:
                    break
                text = batch_line(batch) + "\n"
                if with_records:
                    text += self._all_record_lines(batch, batch.unpack(most), with_values)
            except FormatError:
                break
            self.add_text(text.encode())
            position += batch.size_bytes
        return position

    def _all_record_lines(self, batch: Batch, data: bytes | memoryview, with_values: bool) -> str:
        try:
            return self._record_lines(batch, data, with_values, bytes.decode)
        except UnicodeDecodeError:  # rare, and then worth a second look
            return self._record_lines(batch, data, with_values, jvm_text)

    def _record_lines(
        self, batch: Batch, data: bytes | memoryview, with_values: bool, to_text: Callable[[bytes], str]
    ) -> str:
        base_offset, base_timestamp_ms = batch.base_offset, batch.base_timestamp_ms
        base_sequence, append_time_ms = batch.base_sequence, batch.append_time_ms
        kind = timestamp_type(batch)
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
        out.writelines(self._parts)


if TYPE_CHECKING:
    from kafkactl.dump._record_lines import Lines as CompiledLines
    from kafkactl.dump.turns import FileOutput

    Lines = CompiledLines | PureLines


def new_lines() -> Lines:
    """An empty text, of the reader that is in use."""
    if readers.NAME != "compiled":
        return PureLines()
    from kafkactl.dump._record_lines import Lines as CompiledLines

    return CompiledLines()
