"""What is read, as batches of records: lines, JSON objects, CSV rows, pieces between delimiters, or counted bytes.

Each hands on what has come and does not wait for more: what is typed into a pipe goes out at once.
"""

from __future__ import annotations

import json
import re
import struct
import time
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from kafkactl.errors import FormatError
from kafkactl.serde.formats import Format
from kafkactl.streams.fields import FieldReader, members
from kafkactl.streams.lines import LineReader
from kafkactl.streams.record import Batch
from kafkactl.streams.stoppable import CHUNK, CanStop, Input, Stop

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
            try:
                length = _length_of(waiting, at, number)
            except FormatError:
                yield batch
                raise
            end = at + _LENGTH.size + max(0, length)
            if end > len(waiting):
                break
            number += 1
            batch.append({"value": None if length < 0 else value.from_input(waiting[at + _LENGTH.size : end])})
            at = end
        waiting = waiting[at:]
        yield batch
    if waiting and isinstance(source, CanStop):
        waiting = source.filled(waiting, _LENGTH.size)
        if len(waiting) >= _LENGTH.size:
            length = _length_of(waiting, 0, number)
            waiting = source.filled(waiting, _LENGTH.size + max(0, length))
            if waiting and len(waiting) == _LENGTH.size + max(0, length):
                yield [{"value": None if length < 0 else value.from_input(waiting[_LENGTH.size :])}]
                return
    if waiting:
        raise FormatError(f"record {number + 1}: the input ends within it, after {len(waiting)} bytes")


def _length_of(data: bytes, at: int, number: int) -> int:
    length: int = _LENGTH.unpack_from(data, at)[0]
    if length < -1:
        raise FormatError(f"record {number + 1}: {length} is no length", "four bytes, big-endian, before each")
    return length


def json_lines(source: Input, reader: FieldReader) -> Iterator[Batch]:
    """Return a record for each line with a JSON object (NDJSON); raises FormatError naming the line."""
    number = 0
    for found in _pieces(source, b"\n"):
        batch: Batch = []
        for line in found:
            number += 1
            text = line.removeprefix(BOM_UTF8) if number == 1 else line
            try:
                if text.strip() and (record := reader.read(members(text))) is not None:
                    batch.append(record)
            except FormatError as error:
                yield batch
                raise FormatError(f"line {number}: {error}", error.hint) from error
        yield batch


def csv_rows(source: Input, reader: FieldReader, null: bytes = b"") -> Iterator[Batch]:
    """Return the rows below a heading as records; a cell without quotes that is `null` is null.

    With a column `value` columns are a record's fields; without, a row is a JSON object, its key in the column `key`.
    Raises FormatError naming the line.
    """
    lines = _RowLines(source)
    titles: list[str] = []
    batch: Batch = []
    try:
        for row in lines.rows():
            cells = _cells(row, null)
            if not titles:
                titles = _titles(cells)
            elif (record := reader.read(_row_fields(titles, cells))) is not None:
                batch.append(record)
            if batch and not lines.waiting:
                yield batch
                batch = []
    except FormatError as error:
        yield batch
        if lines.is_cut:
            return
        raise FormatError(f"line {lines.first}: {error}", error.hint) from error
    yield batch


class _RowLines:
    """The lines of an input, for rows that may have several. After a signal, only those of a row that was begun."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._found = ([piece + b"\n" for piece in pieces] for pieces in _pieces(source, b"\n"))
        self.waiting: deque[bytes] = deque()
        """What has come and is not yet in a row."""
        self.first = 0
        """Number of the first line of the row."""
        self.is_cut = False

    def rows(self) -> Iterator[bytes]:
        """Return each row that is not empty: a line, or several where quotes are open at the end of one."""
        row: list[bytes] = []
        quotes = number = 0
        while (line := self._next_line(row)) is not None:
            number += 1
            if not row:
                self.first = number
                line = line.removeprefix(BOM_UTF8) if number == 1 else line
            row.append(line)
            quotes += line.count(b'"')
            if quotes % 2 == 0:
                text = b"".join(row)
                if text.strip(b"\r\n"):
                    yield text
                row, quotes = [], 0
        if row:
            raise FormatError("a cell begins with a quote and never ends")

    def _next_line(self, row: list[bytes]) -> bytes | None:
        while not self.waiting:
            found = next(self._found, None)
            if found is not None:
                self.waiting.extend(found)
                continue
            if not row or not isinstance(self._source, CanStop):
                return None
            line = self._source.rest_of_row(b"".join(row))
            self.is_cut = bool(self._source.cut)
            return line or None
        return self.waiting.popleft()


_CELL = re.compile(rb"""(?:"([^"]*(?:""[^"]*)*)"|([^,"\n]*))(,|\r?\n|\Z)""")


def _cells(row: bytes, null: bytes) -> list[bytes | None]:
    """Return the cells of a row with its line end."""
    cells: list[bytes | None] = []
    if b'"' not in row:
        plain = row.removesuffix(b"\n").removesuffix(b"\r").split(b",")
        return [None if cell == null else cell for cell in plain]
    at = 0
    while True:
        found = _CELL.match(row, at)
        if found is None:
            raise FormatError(
                "a quote inside a cell", 'a cell with quotes is in quotes itself, each of them doubled: """"'
            )
        quoted, bare, end = found.groups()
        if quoted is not None:
            cells.append(quoted.replace(b'""', b'"'))
        else:
            cell = bare.removesuffix(b"\r") if end != b"," else bare
            cells.append(None if cell == null else cell)
        if end != b",":
            return cells
        at = found.end()


def _titles(cells: list[bytes | None]) -> list[str]:
    try:
        titles = ["" if cell is None else cell.decode("utf-8") for cell in cells]
    except UnicodeDecodeError as error:
        raise FormatError("the headings are not UTF-8") from error
    if any("\r" in title for title in titles):
        raise FormatError("a heading has a carriage return", "lines end with \\n or \\r\\n")
    if twice := next((title for number, title in enumerate(titles) if title in titles[:number]), None):
        raise FormatError(f"two columns are called {twice!r}")
    return titles


def _row_fields(titles: list[str], row: list[bytes | None]) -> dict[str, Any]:
    if len(row) != len(titles):
        raise FormatError(f"{len(row)} cells under {len(titles)} headings")
    texts = [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in row]
    cells: dict[str, Any] = dict(zip(titles, texts, strict=True))
    if "value" not in cells and "value_base64" not in cells:
        try:
            whole = json.dumps(cells, ensure_ascii=False)
            whole.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FormatError("a cell is not UTF-8, and a row without a column `value` becomes JSON") from error
        return {"key": cells.get("key"), "value": whole}
    if cells.get("headers"):
        cells["headers"] = _header_cell(cells["headers"])
    return cells


def _header_cell(text: str) -> Any:
    try:
        return members(b'{"headers": ' + text.encode("utf-8", "surrogateescape") + b"}")["headers"]
    except FormatError as error:
        raise FormatError(f"headers are not JSON: {error}") from error


@dataclass(frozen=True)
class Given:
    """What every record is to have that does not say it itself."""

    key: bytes | None = None
    headers: Sequence[tuple[str | bytes, bytes | None]] = ()
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


class Pace:
    """No more records than so many a second, spread evenly, by a `sleep` that may be cut short."""

    def __init__(self, per_second: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self.size = max(1, int(per_second / _PACES_A_SECOND))
        """So many records may be sent at once."""
        self._per_second, self._sleep = per_second, sleep
        self._started, self._sent = time.monotonic(), 0

    def wait(self, count: int) -> None:
        """Wait until so many more records may be sent."""
        wait_s = self._started + self._sent / self._per_second - time.monotonic()
        if wait_s > 0:
            self._sleep(wait_s)
        self._sent += count


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
    return source.ended(begun, delimiter) if isinstance(source, CanStop) else begun
