"""Records of magic 2 as lines in the words of Kafka's dump tool, many at a time.

`Lines` exists twice, here and compiled in `_record_lines.pyx`; this module chooses. Both print the keys and values as
UTF-8; what needs another form, or has no such records, goes through output.dump_text.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kafkactl.errors import FormatError
from kafkactl.serde.formats import jvm_text
from kafkactl.storage import readers
from kafkactl.storage.records import parse_fields

if TYPE_CHECKING:
    from kafkactl.output._record_lines import Lines as CompiledLines


class PureLines:
    """Text that grows record by record; offsets and gaps are of all records so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self.first_offset = -1
        self.last_offset = -1
        self.gaps: list[tuple[int, int]] = []
        self.has_offsets = False

    def add_text(self, line: bytes) -> None:
        """A line as it is."""
        self._parts.append(line.decode())
        self._size += len(line)

    def add_records(
        self,
        data: bytes,
        count: int,
        base_offset: int,
        base_timestamp_ms: int,
        base_sequence: int,
        append_time_ms: int | None,
        timestamp_type: bytes,
        with_data: bool,
    ) -> bool:
        """A batch's records, a line each; False, and nothing, when the bytes are not what they say."""
        kind = timestamp_type.decode()
        lines: list[str] = []
        offsets: list[int] = []
        try:
            for timestamp_delta, offset_delta, key, value, headers in parse_fields(data, count):
                offset = base_offset + offset_delta
                offsets.append(offset)
                line = (
                    f"| offset: {offset} {kind}: "
                    f"{base_timestamp_ms + timestamp_delta if append_time_ms is None else append_time_ms}"
                    f" keySize: {-1 if key is None else len(key)} valueSize: {-1 if value is None else len(value)}"
                    f" sequence: {(base_sequence + offset_delta) & 0x7FFFFFFF if base_sequence >= 0 else -1}"
                    f" headerKeys: [{','.join([name for name, _ in headers]) if headers else ''}]"
                )
                if with_data:
                    if key is not None:
                        line += " key: " + jvm_text(key)
                    if value is not None:
                        line += " payload: " + jvm_text(value)
                lines.append(line)
        except FormatError:
            return False
        if lines:
            self.note_offsets(offsets)
            lines.append("")
            self._parts.append("\n".join(lines))
            self._size += len(data)
        return True

    def note_offsets(self, offsets: list[int]) -> None:
        """Offsets of records whose lines came as text."""
        if self.has_offsets:
            offsets = [self.last_offset, *offsets]
        else:
            self.has_offsets, self.first_offset = True, offsets[0]
        if offsets != list(range(offsets[0], offsets[0] + len(offsets))):
            self.gaps += [pair for pair in pairwise(offsets) if pair[1] != pair[0] + 1]
        self.last_offset = offsets[-1]

    def take(self) -> bytes:
        """The text so far, which is then empty."""
        taken = "".join(self._parts).encode()
        self._parts, self._size = [], 0
        return taken

    def __len__(self) -> int:
        """About as many bytes as the text has."""
        return self._size


if TYPE_CHECKING:
    Lines = CompiledLines | PureLines


def new_lines() -> Lines:
    """An empty text, of the reader that is in use."""
    if readers.NAME != "compiled":
        return PureLines()
    from kafkactl.output._record_lines import Lines as CompiledLines

    return CompiledLines()
