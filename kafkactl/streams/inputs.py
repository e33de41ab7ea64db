"""Inputs of records: lines, JSON objects, CSV rows, pieces between delimiters, and values after their lengths.

Each reader yields the records that have come and does not wait for more: a line that is typed into a pipe is sent at
once.
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

from kafkactl.errors import FormatError, KafkactlError
from kafkactl.serde.formats import Format
from kafkactl.streams.fields import LONGEST_SHOWN, FieldReader, parse_headers, parse_members
from kafkactl.streams.lines import LineReader
from kafkactl.streams.record import Batch, Record
from kafkactl.streams.stoppable import CHUNK, CanStop, Input, Stop

_LENGTH = struct.Struct(">i")
_PACES_PER_SECOND = 20

Piece = TypeVar("Piece", Batch, bytes)
Source = Callable[[Input], Iterator[Batch]]
"""Function that reads batches of records from an input."""


def read_lines(source: Input, reader: LineReader) -> Iterator[Batch]:
    r"""Return an iterator over the records of lines that end in \n or \r\n, in batches, which may be empty.

    The last line needs no end; one that a signal cuts is left out. Iterating raises FormatError for a line that
    `reader` refuses, and OperationError, UnreachableError or UsageError of a schema registry; the records before it
    were yielded. It raises OSError where the input cannot be read.
    """
    batches = (
        [line.removesuffix(b"\r") for line in lines] if any(b"\r" in line for line in lines) else lines
        for lines in _read_pieces(source, b"\n")
    )
    return _read_records(batches, reader)


def read_whole_lines(source: Input) -> Iterator[bytes]:
    """Yield lines with their ends, as bytes with many lines each; a last line without an end gets one.

    A line that a signal cuts is left out. Raise OSError where the input cannot be read.
    """
    rest: list[bytes] = []
    for chunk in _read_chunks(source):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, chunk[:end]]) if rest else chunk[:end]
            rest = []
        if end < len(chunk):
            rest.append(chunk[end:])
    if last := _finish_piece(source, b"".join(rest), b"\n"):
        yield last if last.endswith(b"\n") else last + b"\n"


def read_delimited(source: Input, reader: LineReader, delimiter: bytes) -> Iterator[Batch]:
    """Return an iterator over the records of pieces that end at a delimiter, in batches, which may be empty.

    The last piece needs no delimiter; one that a signal cuts is left out. An empty delimiter makes the whole input one
    record, or none where it is empty. Iterating raises FormatError, with the number of the piece, for a piece that
    `reader` refuses, and OperationError, UnreachableError or UsageError of a schema registry; the records before it
    were yielded. It raises OSError where the input cannot be read.
    """
    return _read_records(_read_pieces(source, delimiter), reader)


def _read_records(pieces: Iterable[list[bytes]], reader: LineReader) -> Iterator[Batch]:
    """Yield the records of lists of pieces; raise FormatError for the first piece that `reader` refuses.

    The records before it are yielded, also before an error of a schema registry (OperationError, UnreachableError or
    UsageError), which is raised, too. Batches may be empty. Errors of `pieces` pass through.
    """
    number = 1
    for part in pieces:
        batch: Batch = []
        try:
            reader.read_all(part, number, batch)
        except KafkactlError:
            yield batch  # the records before the error are good
            raise
        yield batch
        number += len(part)


def read_length_prefixed(source: Input, value: Format) -> Iterator[Batch]:
    """Yield the records of an input in which each value follows its length, in batches, which may be empty.

    The records have no key. A length is four bytes, big-endian; -1 stands for a null value. Raise FormatError, with the
    number of the record from 1 on, for a length below -1, for a value that is not of its format, and where the input
    ends inside a record, and OperationError, UnreachableError or UsageError of a schema registry; the records before it
    were yielded. After a signal a record that has begun is read to its end, or left out where the signal cuts it. Raise
    OSError where the input cannot be read.
    """
    waiting = bytearray()  # a long value comes in many chunks
    number = 0
    for chunk in _read_chunks(source):
        waiting += chunk
        batch: Batch = []
        at = 0
        while at + _LENGTH.size <= len(waiting):
            try:
                length = _read_length(waiting, at, number)
                end = at + _LENGTH.size + max(0, length)
                if end > len(waiting):
                    break
                batch.append(_make_value_record(value, length, bytes(waiting[at + _LENGTH.size : end]), number))
            except KafkactlError:
                yield batch  # the records before the error are good
                raise
            number += 1
            at = end
        del waiting[:at]
        yield batch
    begun = bytes(waiting)
    if begun and isinstance(source, CanStop):
        begun = source.fill_up(begun, _LENGTH.size)
        if len(begun) >= _LENGTH.size:
            length = _read_length(begun, 0, number)
            begun = source.fill_up(begun, _LENGTH.size + max(0, length))
            if begun and len(begun) == _LENGTH.size + max(0, length):
                yield [_make_value_record(value, length, begun[_LENGTH.size :], number)]
                return
    if begun:
        raise FormatError(f"record {number + 1}: the input ends within it, after {len(begun)} bytes")


def _read_length(data: bytes | bytearray, at: int, number: int) -> int:
    """Return the length, in bytes, at a position, -1 for a null value; raise FormatError for one below -1.

    The data must have four bytes there (struct.error otherwise). `number` is the number of records before, for the
    message.
    """
    length: int = _LENGTH.unpack_from(data, at)[0]
    if length < -1:
        raise FormatError(
            f"record {number + 1}: invalid length {length}", "write four bytes, big-endian, before each value"
        )
    return length


def _make_value_record(value: Format, length: int, data: bytes, number: int) -> Record:
    """Return the record of a value after its length; raise FormatError for data that is not of its format.

    The record has a value and no other field. A length of -1 means a null value. `number` is the number of records
    before, for the message. OperationError, UnreachableError and UsageError of a format of a schema registry pass
    through.
    """
    try:
        return {"value": None if length < 0 else value.from_input(data)}
    except FormatError as error:
        raise FormatError(f"record {number + 1}: {error}", error.hint) from error


def read_json_lines(source: Input, reader: FieldReader) -> Iterator[Batch]:
    """Yield the records of lines with one JSON object each (NDJSON), in batches; blank lines are skipped.

    Control records of a log are skipped, too, and so are a line that a signal cuts and a byte order mark at the
    beginning. The last line needs no end. Batches may be empty. Raise FormatError, with the number of the line, for a
    line that is no record, and OperationError, UnreachableError or UsageError of a schema registry; the records before
    it were yielded. Raise OSError where the input cannot be read.
    """
    number = 0
    for lines in _read_pieces(source, b"\n"):
        batch: Batch = []
        for line in lines:
            number += 1
            text = line.removeprefix(BOM_UTF8) if number == 1 else line
            try:
                if text.strip() and (record := reader.read(parse_members(text))) is not None:
                    batch.append(record)
            except KafkactlError as error:
                yield batch  # the records before the error are good
                if isinstance(error, FormatError):
                    raise FormatError(f"line {number}: {error}", error.hint) from error
                raise
        yield batch


def read_csv_rows(source: Input, reader: FieldReader, null: bytes = b"") -> Iterator[Batch]:
    """Yield the records of csv rows below a heading, in batches, which may be empty.

    The heading is the first row that is not empty. An input without rows has no records and is no error.

    With a column `value` or `value_base64` the columns are the fields of a record, and `headers` is JSON. Without them,
    the whole row becomes a JSON object as the value, and the key is that of the column `key`, if there is one. A cell
    without quotes that equals `null` is null. Empty rows are skipped, and control records where there is a column
    `value` or `value_base64`. A row that a signal cuts is left out.

    Raise FormatError, with the number of the row's first line in the input, from 1 on, for a heading that is wrong, has
    a repeated name or is not UTF-8, and for a row that is no record, also because the heading has an unknown name;
    OperationError, UnreachableError or UsageError of a schema registry; the records before it were yielded. Raise
    OSError where the input cannot be read.
    """
    lines = _RowLines(source)
    titles: list[str] = []
    batch: Batch = []
    try:
        for row in lines.read_rows():
            cells = _split_cells(row, null)
            if not titles:
                titles = _read_titles(cells)
            elif (record := reader.read(_make_row_fields(titles, cells))) is not None:
                batch.append(record)
            if batch and not lines.waiting:
                yield batch
                batch = []
    except KafkactlError as error:
        yield batch  # the records before the error are good
        if not isinstance(error, FormatError):
            raise
        if lines.is_cut:
            return
        raise FormatError(f"line {lines.first}: {error}", error.hint) from error
    yield batch


class _RowLines:
    """Lines of an input, for rows that may have several.

    After a signal there are only the lines that have come, and the rest of a row that was begun.
    """

    def __init__(self, source: Input) -> None:
        """Take the input. Nothing is read yet."""
        self._source = source
        self._batches = ([piece + b"\n" for piece in pieces] for pieces in _read_pieces(source, b"\n"))
        self.waiting: deque[bytes] = deque()
        """Lines that have come and are in no row yet."""
        self.first = 0
        """Number of the first line of the row."""
        self.is_cut = False

    def read_rows(self) -> Iterator[bytes]:
        """Yield each row that is not empty: one line, or several where a quote is open at the end of a line.

        A byte order mark at the beginning is dropped. A row has its line end, except at the end of the input after a
        signal. Raise FormatError where the input ends inside quotes, also where a signal cuts a row behind its first
        line (`is_cut` is True then); one that is cut in its first line is left out. Raise OSError where the input
        cannot be read.
        """
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
        """Return the next line, or None at the end of the input. `row` has the lines of the row so far.

        A last line without an end gets one, except in the rest of a row after a signal. After a signal only the lines
        that have come and the rest of a row that was begun follow, and then None. Where the signal cuts a row behind
        its first line, `is_cut` becomes True. Raise OSError where the input cannot be read.
        """
        while not self.waiting:
            lines = next(self._batches, None)
            if lines is not None:
                self.waiting.extend(lines)
                continue
            if not row or not isinstance(self._source, CanStop):
                return None
            line = self._source.finish_row(b"".join(row))
            self.is_cut = bool(self._source.cut)
            return line or None
        return self.waiting.popleft()


_CELL = re.compile(rb"""(?:"([^"]*(?:""[^"]*)*)"|([^,"\n]*))(,|\r?\n|\Z)""")


def _split_cells(row: bytes, null: bytes) -> list[bytes | None]:
    """Return the cells of a row with its line end; None for a cell without quotes that equals `null`.

    Raise FormatError for a quote inside a cell without quotes or without a closing quote, and for text behind the
    closing quote of a cell.
    """
    cells: list[bytes | None] = []
    if b'"' not in row:
        plain = row.removesuffix(b"\n").removesuffix(b"\r").split(b",")
        return [None if cell == null else cell for cell in plain]
    at = 0
    while True:
        match = _CELL.match(row, at)
        if match is None:
            raise FormatError("a quote inside a cell", 'put the cell into quotes, and double each quote inside: """"')
        quoted, bare, end = match.groups()
        if quoted is not None:
            cells.append(quoted.replace(b'""', b'"'))
        else:
            cell = bare.removesuffix(b"\r") if end != b"," else bare
            cells.append(None if cell == null else cell)
        if end != b",":
            return cells
        at = match.end()


def _read_titles(cells: list[bytes | None]) -> list[str]:
    """Return the names of the columns, in order; raise FormatError for names that are not UTF-8 or repeated.

    A null cell is an empty name; two empty names are repeated. A carriage return in a name is a FormatError, too.
    """
    try:
        titles = ["" if cell is None else cell.decode("utf-8") for cell in cells]
    except UnicodeDecodeError as error:
        raise FormatError("the headings are not UTF-8") from error
    if any("\r" in title for title in titles):
        raise FormatError("a heading has a carriage return", "lines end with \\n or \\r\\n")
    repeated = [title for number, title in enumerate(titles) if title in titles[:number]]
    if repeated:
        raise FormatError(f"two columns are called {repeated[0][:LONGEST_SHOWN]!r}")
    return titles


def _make_row_fields(titles: list[str], row: list[bytes | None]) -> dict[str, Any]:
    """Return a row as fields of a record; raise FormatError for a wrong number of cells.

    The fields are the texts of the cells by title (bytes that are not UTF-8 become lone surrogates), None for a null
    cell; a cell of `headers` is parsed as JSON, an empty one is None. Without a column `value` or `value_base64` the
    fields are key (None without such a column) and value, the whole row as a JSON text. Raise FormatError where this
    row is not UTF-8, and for headers that are not JSON in UTF-8.
    """
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
    if (text := cells.get("headers")) is not None:
        cells["headers"] = _parse_header_cell(text) if text else None
    return cells


def _parse_header_cell(text: str) -> Any:
    """Return the headers that a cell has as JSON; raise FormatError for text that is not JSON in UTF-8.

    Bytes that are not UTF-8 are lone surrogates in `text`. The form of the headers is not checked here: the values are
    those of parse_members(), None for null. Empty text is not JSON. Positions in the error are those in the cell.
    """
    try:
        return parse_headers(text.encode("utf-8", "surrogateescape"))
    except FormatError as error:
        raise FormatError(f"headers: {error}", error.hint) from error


@dataclass(frozen=True)
class RecordDefaults:
    """Key, headers and timestamp for records that have none of their own."""

    key: bytes | None = None
    headers: Sequence[tuple[str | bytes, bytes | None]] = ()
    """Headers that are added to those of a record."""
    timestamp_ms: int | None = None

    def fill(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Return an iterator over the batches, with the missing parts of each record filled in.

        The key replaces a null or missing key, the headers come after those of the record, and the timestamp replaces a
        missing one. The records are changed in place, when the iterator reaches their batch. Without any default
        `batches` itself is returned.
        """
        if self == RecordDefaults():
            return batches
        return map(self._fill_batch, batches)

    def _fill_batch(self, batch: Batch) -> Batch:
        """Fill in the records of a batch in place, and return the batch.

        The key replaces a null or missing one, the headers come after those of the record, and the timestamp replaces a
        missing one. Afterwards each record has a key, which may be None.
        """
        for record in batch:
            if record.setdefault("key", None) is None:
                record["key"] = self.key
            if self.timestamp_ms is not None:
                record.setdefault("timestamp", self.timestamp_ms)
            if self.headers:
                record["headers"] = [*record.get("headers", ()), *self.headers]
        return batch


def repeat(open_input: Callable[[], Iterator[Piece]], times: int, stop: Stop) -> Iterator[Piece]:
    """Yield the pieces of the iterators that `open_input` returns, which is called `times` times; 0 means without end.

    It is called for each repetition when the one before was yielded, and at least once. After a signal the first
    repetition is completed, and a later one ends at once. An input without records ends the repetition. Errors of
    `open_input` and of the iterators pass through.
    """
    for number in count(1):
        empty = True
        for batch in open_input():
            empty = empty and not batch
            yield batch
            if number > 1 and stop.is_requested:  # the whole input was yielded once
                return
        if number == times or empty or stop.is_requested:  # an empty input would be repeated forever
            return


class Pace:
    """Limit of the number of records per second, spread evenly over time."""

    def __init__(self, per_second: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Begin now; `per_second` is the number of records per second, finite and above 0.

        `sleep` waits for a number of seconds, which a tiny `per_second` makes huge or infinite; one that a signal ends
        early ends wait() early, too.
        """
        self.size = max(1, int(per_second / _PACES_PER_SECOND))
        """Number of records that may be sent at once."""
        self._per_second, self._sleep = per_second, sleep
        self._started, self._sent_records = time.monotonic(), 0

    def wait(self, count: int) -> None:
        """Wait until `count` more records may be sent, and count them as sent. A signal may end the wait early.

        The wait lasts until the records before have taken their time since the beginning; the first call returns at
        once. Time in which fewer records were sent is made up for: later calls return at once until then. The errors
        of `sleep` pass through.
        """
        wait_s = self._started + self._sent_records / self._per_second - time.monotonic()
        if wait_s > 0:
            self._sleep(wait_s)
        self._sent_records += count


def _read_chunks(source: Input) -> Iterator[bytes]:
    """Yield the bytes of an input as they come, never empty; raise OSError where it cannot be read."""
    while chunk := source.read1(CHUNK):  # the bytes that have come, without waiting for more
        yield chunk


def _read_pieces(source: Input, delimiter: bytes) -> Iterator[list[bytes]]:
    """Yield lists of the pieces between delimiters, without them, as they come. Each list has a piece or more.

    Without a delimiter (b"") the whole input is one piece. A last piece without its delimiter counts, unless it is
    empty or a signal cuts it. Raise OSError where the input cannot be read.
    """
    rest: list[bytes] = []  # of one piece, joined when it ends: a long one comes in many chunks
    seam = b""  # the last bytes of `rest`, where a delimiter may begin
    for chunk in _read_chunks(source):
        end = seam + chunk
        if not delimiter or delimiter not in end:
            rest.append(chunk)
        else:
            pieces = b"".join([*rest, chunk]).split(delimiter)
            end = pieces.pop()
            rest = [end]
            yield pieces
        seam = end[max(0, len(end) - len(delimiter) + 1) :] if delimiter else b""
    if last := _finish_piece(source, b"".join(rest), delimiter):
        yield [last.removesuffix(delimiter)]


def _finish_piece(source: Input, begun: bytes, delimiter: bytes) -> bytes:
    """Return the last piece of an input, of which `begun` was read; a signal may have ended the input inside it.

    The result is empty where the signal cuts the piece, and may have its delimiter. Without a signal it is `begun`.
    Raise OSError where the input cannot be read.
    """
    return source.finish_piece(begun, delimiter) if isinstance(source, CanStop) else begun
