"""What is read, as batches of records: lines, JSON objects, CSV rows, pieces between delimiters, or counted bytes.

Each hands on what has come and does not wait for more: what is typed into a pipe goes out at once.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from kafkactl.errors import FormatError
from kafkactl.serde.formats import Format
from kafkactl.streams.lines import LineReader
from kafkactl.streams.record import Batch, Headers, Record
from kafkactl.streams.stoppable import CHUNK, Input, Kept, Stop, StoppableInput

_LENGTH = struct.Struct(">i")
_PACES_A_SECOND = 20

Piece = TypeVar("Piece", Batch, bytes)
Source = Callable[[Input], Iterator[Batch]]


def lines(source: Input, reader: LineReader) -> Iterator[Batch]:
    """Each line, its end \\n or \\r\\n."""
    ended = (
        [line.removesuffix(b"\r") for line in found] if any(b"\r" in line for line in found) else found
        for found in _pieces(source, b"\n")
    )
    return _split(ended, reader)


def whole_lines(source: Input) -> Iterator[bytes]:
    """Lines with their ends, many in one piece; the last is given one when it has none."""
    rest: list[bytes] = []
    for chunk in _chunks(source):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, chunk[:end]]) if rest else chunk[:end]
            rest = []
        if end < len(chunk):
            rest.append(chunk[end:])
    if last := _ended(source, b"".join(rest), b"\n"):
        yield last if last.endswith(b"\n") else last + b"\n"


def delimited(source: Input, reader: LineReader, delimiter: bytes) -> Iterator[Batch]:
    """Return each piece up to a delimiter, or the end; without a delimiter, all is one piece."""
    return _split(_pieces(source, delimiter), reader)


def _split(pieces: Iterable[list[bytes]], reader: LineReader) -> Iterator[Batch]:
    number = 1
    for found in pieces:
        batch: Batch = []
        try:
            reader.read_all(found, number, batch)
        except FormatError:
            yield batch  # what came before is good
            raise
        yield batch
        number += len(found)


def length_prefixed(source: Input, value: Format) -> Iterator[Batch]:
    """Each a length, four bytes and big-endian, and so many bytes of value; -1 is null. Raises FormatError."""
    waiting = b""
    number = 0
    for chunk in _chunks(source):
        waiting += chunk
        batch: Batch = []
        at = 0
        while at + _LENGTH.size <= len(waiting):
            (length,) = _LENGTH.unpack_from(waiting, at)
            if length < -1:
                yield batch
                raise FormatError(f"record {number + 1}: {length} is no length", "four bytes, big-endian, before each")
            end = at + _LENGTH.size + max(0, length)
            if end > len(waiting):
                break
            number += 1
            batch.append({"value": None if length < 0 else value.from_input(waiting[at + _LENGTH.size : end])})
            at = end
        waiting = waiting[at:]
        yield batch
    if waiting and isinstance(source, (StoppableInput, Kept)):
        waiting = source.filled(waiting, _LENGTH.size)
        if len(waiting) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(waiting)
            waiting = source.filled(waiting, _LENGTH.size + max(0, length))
            if waiting and len(waiting) == _LENGTH.size + max(0, length):
                yield [{"value": None if length < 0 else value.from_input(waiting[_LENGTH.size :])}]
                return
    if waiting:
        raise FormatError(f"record {number + 1}: the input ends within it, after {len(waiting)} bytes")


@dataclass(frozen=True)
class FieldReader:
    """Records as named fields: key, value, headers, partition and timestamp, as `console-consumer -o json` writes them.

    key_base64 and value_base64 are bytes that no text can hold.
    """

    key: Format
    value: Format

    FIELDS = ("key", "value", "headers", "partition", "timestamp", "timestamp_ms", "key_base64", "value_base64")
    PASSED_OVER = ("topic", "offset", "error")
    """Where a record was, and why a dead letter is one."""

    def read(self, fields: dict[str, Any]) -> Record:
        """Raises FormatError for what is no record."""
        if unknown := sorted(fields.keys() - {*self.FIELDS, *self.PASSED_OVER}):
            raise FormatError(f"no field {unknown[0]!r} is known", f"a record has: {', '.join(self.FIELDS)}")
        record: Record = {
            "key": self._field(fields, "key", self.key),
            "value": self._field(fields, "value", self.value),
        }
        if headers := fields.get("headers"):
            record["headers"] = _headers(headers)
        partition = fields.get("partition")
        if partition is not None:
            record["partition"] = _whole(partition, "partition")
        timestamp = fields.get("timestamp", fields.get("timestamp_ms"))
        if timestamp is not None:
            record["timestamp"] = _whole(timestamp, "timestamp")
        return record

    @staticmethod
    def _field(fields: dict[str, Any], name: str, format: Format) -> bytes | None:
        packed = fields.get(f"{name}_base64")
        if packed is not None:
            try:
                return base64.b64decode(packed, validate=True)
            except (TypeError, ValueError, binascii.Error) as error:
                raise FormatError(f"{name}_base64 is not base64") from error
        given = fields.get(name)
        if given is None:
            return None
        # What is not a string is a value of json's: so an object can stand where its text would have to be quoted.
        return format.to_bytes(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))


def json_lines(source: Input, reader: FieldReader) -> Iterator[Batch]:
    """A JSON object a line (NDJSON); raises FormatError naming the line."""
    number = 0
    for found in _pieces(source, b"\n"):
        batch: Batch = []
        for line in found:
            number += 1
            try:
                if line.strip():
                    batch.append(reader.read(_object(line)))
            except FormatError as error:
                yield batch
                raise FormatError(f"line {number}: {error}", error.hint) from error
        yield batch


def _object(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise FormatError("not an object", 'like {"key": "k", "value": "v"}')
    return fields


def csv_rows(source: Input, reader: FieldReader) -> Iterator[Batch]:
    """Return the rows below a heading as records; what is empty is null. Raises FormatError naming the line.

    With a column `value` columns are a record's fields; without, a row is a JSON object, its key in the column `key`.
    """
    lines = _RowLines(source)
    rows = csv.reader(lines, strict=True)
    titles: list[str] = []
    batch: Batch = []
    try:
        for row in rows:
            lines.row.clear()
            if not titles:
                titles = row
            elif row:
                batch.append(reader.read(_cells(titles, row)))
            if batch and not lines.waiting:
                yield batch
                batch = []
    except (csv.Error, FormatError) as error:
        yield batch
        if lines.is_cut:
            return
        raise FormatError(f"line {rows.line_num}: {error}", getattr(error, "hint", None)) from error
    yield batch


class _RowLines:
    """The lines of an input, for rows that may have several. After a signal, only those of a row that was begun."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._found = ([piece + b"\n" for piece in pieces] for pieces in _pieces(source, b"\n"))
        self.waiting: deque[bytes] = deque()
        """What has come and is not yet in a row."""
        self.row: list[bytes] = []
        """The lines of the row that is being read."""
        self.is_cut = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self.waiting:
            found = next(self._found, None)
            if found is None:
                found = self._rest_of_row()
            self.waiting.extend(found)
        line = self.waiting.popleft()
        self.row.append(line)
        return line.decode("utf-8", "surrogateescape")

    def _rest_of_row(self) -> list[bytes]:
        if self.row and isinstance(self._source, (StoppableInput, Kept)):
            if line := self._source.rest_of_row(b"".join(self.row)):
                return [line]
            self.is_cut = bool(self._source.cut)
        raise StopIteration


def _cells(titles: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(titles):
        raise FormatError(f"{len(row)} cells under {len(titles)} headings")
    cells = dict(zip(titles, row, strict=True))
    if "value" not in cells and "value_base64" not in cells:
        return {"key": cells.get("key"), "value": cells}
    fields: dict[str, Any] = {name: cell or None for name, cell in cells.items()}
    if fields.get("headers"):
        try:
            fields["headers"] = json.loads(fields["headers"])
        except ValueError as error:
            raise FormatError(f"headers are not JSON: {error}") from error
    return fields


@dataclass(frozen=True)
class Given:
    """What every record is to have that does not say it itself."""

    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp_ms: int | None = None

    def fill(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, filled in."""
        if self == Given():
            return batches
        return map(self._filled, batches)

    def _filled(self, batch: Batch) -> Batch:
        for record in batch:
            if record.setdefault("key", None) is None:
                record["key"] = self.key
            if self.timestamp_ms is not None:
                record.setdefault("timestamp", self.timestamp_ms)
            if self.headers:
                record["headers"] = [*record.get("headers", ()), *self.headers]
        return batch


def repeated(opened: Callable[[], Iterator[Piece]], times: int, stop: Stop) -> Iterator[Piece]:
    """Return what `opened` gives, so many times, 0 without end; after a signal not once more."""
    for number in count(1):
        empty = True
        for batch in opened():
            empty = empty and not batch
            yield batch
            if number > 1 and stop.is_requested:  # all of it was handed on once
                return
        if number == times or empty or stop.is_requested:  # an empty one would be done for ever
            return


def paced(batches: Iterator[Batch], per_second: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Batch]:
    """Return no more records than so many a second, spread evenly, by a `sleep` that may be cut short."""
    size = max(1, int(per_second / _PACES_A_SECOND))
    started, sent = time.monotonic(), 0
    for batch in batches:
        for at in range(0, len(batch), size):
            part = batch[at : at + size]
            wait = started + sent / per_second - time.monotonic()
            if wait > 0:
                sleep(wait)
            yield part
            sent += len(part)


def _chunks(source: Input) -> Iterator[bytes]:
    while chunk := source.read1(CHUNK):  # what is there, without waiting for more
        yield chunk


def _pieces(source: Input, delimiter: bytes) -> Iterator[list[bytes]]:
    rest: list[bytes] = []  # of one piece, joined when it ends: a long one comes in many chunks
    for chunk in _chunks(source):
        if not delimiter or (len(delimiter) == 1 and delimiter not in chunk):
            rest.append(chunk)
            continue
        whole = b"".join([*rest, chunk]) if rest else chunk
        pieces = whole.split(delimiter)
        rest = [pieces.pop()]
        yield pieces
    if last := _ended(source, b"".join(rest), delimiter):
        yield [last.removesuffix(delimiter)]


def _ended(source: Input, begun: bytes, delimiter: bytes) -> bytes:
    """Return the last piece of an input; a signal may have come within it."""
    return source.ended(begun, delimiter) if isinstance(source, (StoppableInput, Kept)) else begun


def _headers(given: Any) -> Headers:
    try:
        pairs = [(name, value) for name, value in (given.items() if isinstance(given, dict) else given)]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    if not all(isinstance(name, str) for name, _ in pairs):
        raise FormatError("headers are no list of [name, value], nor an object")
    return [(name, None if value is None else _header(value)) for name, value in pairs]


def _header(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode(
        "utf-8", errors="surrogateescape"
    )


def _whole(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{name} {value!r} is no number") from error
