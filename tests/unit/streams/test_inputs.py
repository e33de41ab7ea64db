"""What is read, as records."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, UnreachableError
from kafkactl.serde import formats
from kafkactl.serde.formats import Format
from kafkactl.streams import inputs
from kafkactl.streams.lines import LineReader
from kafkactl.streams.record import Batch, Record, is_plain
from kafkactl.streams.stoppable import AnyLineEndInput, Input, RepeatableInput, StoppableInput

STRING = formats.get("string")
FIELDS = inputs.FieldReader(STRING, STRING)


class Slow(io.BytesIO):
    """Bytes that come in parts of a size."""

    def __init__(self, text: bytes, size: int) -> None:
        super().__init__(text)
        self._size = size

    def read1(self, _size: int | None = -1) -> bytes:
        return super().read1(self._size)


def values(batches: object) -> list[bytes | None]:
    return [record["value"] for batch in cast("list[Batch]", batches) for record in batch]


def read_json(*objects: object) -> list[Record]:
    text = "\n".join(json.dumps(each) for each in objects).encode()
    return [record for batch in inputs.read_json_lines(io.BytesIO(text), FIELDS) for record in batch]


@given(st.lists(st.binary(max_size=5).filter(lambda piece: b"\n" not in piece and not piece.endswith(b"\r"))))
def test_lines_come_as_they_are(pieces: list[bytes]) -> None:
    reader = LineReader({}, STRING, STRING)
    for end in (b"\n", b"\r\n"):
        text = b"".join(piece + end for piece in pieces)
        assert values(inputs.read_lines(io.BytesIO(text), reader)) == pieces


def test_a_last_line_needs_no_end_and_a_long_one_comes_whole() -> None:
    text = b"a\n" + b"x" * 1_000_000 + b"\nlast"
    found = values(inputs.read_lines(io.BytesIO(text), LineReader({}, STRING, STRING)))
    assert [len(value or b"") for value in found] == [1, 1_000_000, 4]


def test_what_has_come_is_not_held_back() -> None:
    begin, end = os.pipe()
    batches = inputs.read_lines(os.fdopen(begin, "rb"), LineReader({}, STRING, STRING))
    os.write(end, b"first\nsec")
    assert values([next(batches)]) == [b"first"]
    threading.Timer(0.01, lambda: (os.write(end, b"ond\n"), os.close(end))).start()
    assert values(list(batches)) == [b"second"]


@pytest.mark.parametrize("delimiter", [b"\0", b"||"])
def test_other_delimiters(delimiter: bytes) -> None:
    text = b"a\nb" + delimiter + delimiter + b"c\r"
    assert values(inputs.read_delimited(io.BytesIO(text), LineReader({}, STRING, STRING), delimiter)) == [
        b"a\nb",
        b"",
        b"c\r",
    ]


@given(st.text("ab", max_size=40).map(str.encode), st.sampled_from([b"a", b"ab", b"aa", b"aab", b"abab"]))
def test_a_delimiter_that_comes_in_parts(text: bytes, delimiter: bytes) -> None:
    pieces = text.split(delimiter)
    for size in (1, 2, 3, 7):
        found = [piece for part in inputs._read_pieces(Slow(text, size), delimiter) for piece in part]
        assert found == (pieces if pieces[-1] else pieces[:-1])


@pytest.mark.parametrize("delimiter", [b"\n", b"END"])
def test_a_long_piece_is_searched_once(delimiter: bytes) -> None:
    """A wrong delimiter makes one piece of a large file: a search after each part would take hours for a gigabyte."""
    assert list(inputs._read_pieces(Slow(b"x" * 500, 10), delimiter)) == [[b"x" * 500]]


def test_lines_before_a_bad_one_are_given() -> None:
    reader = LineReader({"parse.key": "true", "key.separator": ":"}, STRING, STRING)
    batches = inputs.read_lines(io.BytesIO(b"a:1\nb:2\nbad\nc:3\n"), reader)
    assert values([next(batches)]) == [b"1", b"2"]
    with pytest.raises(FormatError, match="line 3"):
        next(batches)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=300))))
def test_lengths_before_values(pieces: list[bytes | None]) -> None:
    text = b"".join(struct.pack(">i", -1 if piece is None else len(piece)) + (piece or b"") for piece in pieces)
    assert values(inputs.read_length_prefixed(io.BytesIO(text), STRING)) == pieces


@pytest.mark.parametrize("text", [b"\0\0\0\x05abc", b"\0\0", struct.pack(">i", -2)])
def test_lengths_that_are_wrong(text: bytes) -> None:
    with pytest.raises(FormatError, match="record 1"):
        list(inputs.read_length_prefixed(io.BytesIO(text), STRING))


def test_values_before_one_of_another_format_are_given() -> None:
    text = b"\0\0\0\x01" + b"5" + b"\0\0\0\x01" + b"x"
    batches = inputs.read_length_prefixed(io.BytesIO(text), formats.get("int"))
    assert len(next(batches)) == 1
    with pytest.raises(FormatError, match="record 2: "):
        next(batches)


def refuse_x(text: str) -> bytes:
    if text == "x":
        raise UnreachableError("cannot reach the schema registry")
    return text.encode()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("lines", b"a\nx\n"),
        ("delimited", b"a|x"),
        ("lengths", b"\0\0\0\x01a\0\0\0\x01x"),
        ("json", b'{"value": "a"}\n{"value": "x"}\n'),
        ("csv", b"value\na\nx\n"),
    ],
)
def test_records_before_an_error_of_a_registry_are_given(form: str, text: bytes) -> None:
    format = Format("registry", lambda data: data.decode(), refuse_x)
    source, lines, fields = io.BytesIO(text), LineReader({}, STRING, format), inputs.FieldReader(STRING, format)
    batches = {
        "lines": lambda: inputs.read_lines(source, lines),
        "delimited": lambda: inputs.read_delimited(source, lines, b"|"),
        "lengths": lambda: inputs.read_length_prefixed(source, format),
        "json": lambda: inputs.read_json_lines(source, fields),
        "csv": lambda: inputs.read_csv_rows(source, fields),
    }[form]()
    assert values([next(batches)]) == [b"a"]
    with pytest.raises(UnreachableError, match=r"^cannot reach the schema registry$"):
        values(batches)


def test_objects() -> None:
    assert read_json(
        {"key": "k", "value": "v", "headers": [["h", "1"], ["n", None]], "partition": 2, "timestamp": 5},
        {"value": {"a": [1, "x"]}, "headers": {"h": "1"}},
        {"key": "k", "value": None, "topic": "t", "offset": 3, "timestamp_ms": 9},
        {"key_base64": "/w==", "value_base64": "AA=="},
    ) == [
        {"key": b"k", "value": b"v", "headers": [("h", b"1"), ("n", None)], "partition": 2, "timestamp": 5},
        {"key": None, "value": b'{"a": [1, "x"]}', "headers": [("h", b"1")]},
        {"key": b"k", "value": None, "timestamp": 9},
        {"key": b"\xff", "value": b"\0"},
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "line 1: not an object"),
        ('{"value": "v"}\n{"valu": 1}', "line 2: unknown field 'valu'"),
        ("{", "line 1: not JSON"),
        ('{"value_base64": "?"}', "value_base64 is not base64"),
        ('{"partition": "x"}', "invalid value 'x' for partition: not a number from 0"),
        ('{"headers": 3}', "headers are not a list"),
        ('{"headers": [[1, 2]]}', "headers are not a list"),
        ('{"headers": [{"name": 5, "value": "v"}]}', "headers are not a list"),
        ('{"headers": [{"name_base64": true}]}', "name_base64 is not a string"),
        ('{"headers": [{"name": "h", "value_base64": true}]}', "value_base64 is not a string"),
        ('{"key_base64": true}', "key_base64 is not a string"),
        ('{"value_base64": 1234}', "value_base64 is not a string"),
        ('{"value_base64": ["AA=="]}', "value_base64 is not a string"),
    ],
)
def test_objects_that_are_no_records(text: str, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        list(inputs.read_json_lines(io.BytesIO(text.encode()), FIELDS))


@pytest.mark.parametrize("name", ["partition", "timestamp", "unknown"])
def test_errors_of_large_values_stay_short(name: str) -> None:
    large = "x" * 1_000_000
    for line in (f'{{"{name}": "{large}"}}', f'{{"{name}": [{"1, " * 300_000}1]}}', f'{{"{large}": 1}}'):
        with pytest.raises(FormatError) as raised:
            list(inputs.read_json_lines(io.BytesIO(line.encode()), FIELDS))
        assert len(str(raised.value)) < 200
    for rows in (f"value,{large},{large}\n", f"value,{name}\nv,{large}\n"):
        with pytest.raises(FormatError) as raised:
            list(inputs.read_csv_rows(io.BytesIO(rows.encode()), FIELDS))
        assert len(str(raised.value)) < 200
    with pytest.raises(FormatError, match=r"'x{80}' occurs twice"):
        list(inputs.read_json_lines(io.BytesIO(f'{{"{large}": 1, "{large}": 1.5, "a": 1.5}}'.encode()), FIELDS))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (b"x", "headers: not JSON: no value at character 1"),
        (b'"[[1,]]"', "headers: not JSON: (no value at character 5|Illegal trailing comma)"),  # Python 3.13 says more
        (b"\xff", "headers: not UTF-8 at byte 0"),
        (b"[]}", "headers: not JSON: something follows the headers"),
        (b'"1, ""key"": 2"', "headers: not JSON: something follows the headers"),
        (b'"{""h"" 1}"', r"headers: not JSON: Expecting ':' delimiter: line 1 column 6 \(char 5\)"),
        (b'"[[""h"", ""\\ud800""]]"', "headers: .* is only half of a character"),
    ],
)
def test_errors_of_headers_name_the_place_in_their_cell(cell: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=f"^line 2: {reason}"):
        list(inputs.read_csv_rows(io.BytesIO(b"value,headers\nv," + cell + b"\n"), FIELDS))


@pytest.mark.parametrize(
    ("cell", "headers"),
    [
        (b'"[[""h"", ""1""], [""n"", null]]"', [("h", b"1"), ("n", None)]),
        (b'" {""h"": 1.50, ""h"": ""2""} "', [("h", b"1.50"), ("h", b"2")]),
        (b'"[{""name"": ""h"", ""value_base64"": ""/w==""}]"', [("h", b"\xff")]),
        (b"null", None),
        (b"[]", None),
    ],
)
def test_headers_in_a_cell(cell: bytes, headers: list[tuple[str, bytes | None]] | None) -> None:
    (record,) = [
        record
        for batch in inputs.read_csv_rows(io.BytesIO(b"value,headers\nv," + cell + b"\n"), FIELDS)
        for record in batch
    ]
    assert record.get("headers") == headers


def test_rows() -> None:
    text = 'key,value,partition,headers\nk,"a,\n""b""",1,"[[""h"",""1""]]"\n,,,\n'
    batch, *_ = inputs.read_csv_rows(io.BytesIO(text.encode()), FIELDS)
    assert batch == [
        {"key": b"k", "value": b'a,\n"b"', "partition": 1, "headers": [("h", b"1")]},
        {"key": None, "value": None},
    ]


def test_rows_without_a_value_are_objects() -> None:
    batch, *_ = inputs.read_csv_rows(io.BytesIO(b"key,name,age\n7,Kim,30\n"), FIELDS)
    assert batch == [{"key": b"7", "value": b'{"key": "7", "name": "Kim", "age": "30"}'}]


@pytest.mark.parametrize(
    "text",
    [
        "a,value\n1\n",
        'value\n"open',
        "value,headers\nv,x\n",
        'value,headers\nv,"[], ""x"": 1"\n',
        'value,headers\nv,"[]}"\n',
        "value,partition\nv,x\n",
    ],
)
def test_rows_that_are_wrong(text: str) -> None:
    with pytest.raises(FormatError, match="line 2"):
        list(inputs.read_csv_rows(io.BytesIO(text.encode()), FIELDS))


def test_what_every_record_is_given() -> None:
    given_all = inputs.RecordDefaults(b"K", [("h", b"1")], 5)
    (batch,) = given_all.fill(iter([[{"value": b"a"}, {"key": b"own", "value": b"b", "timestamp": 9}]]))
    assert batch == [
        {"key": b"K", "value": b"a", "headers": [("h", b"1")], "timestamp": 5},
        {"key": b"own", "value": b"b", "headers": [("h", b"1")], "timestamp": 9},
    ]
    assert not is_plain(batch)
    assert is_plain([{"value": b"a"}, {"key": b"k", "value": b"v"}])


def test_repeated() -> None:
    def opened() -> Iterator[Batch]:
        return inputs.read_lines(io.BytesIO(b"a\nb\n"), LineReader({}, STRING, STRING))

    stop = Stop()
    assert values(inputs.repeat(opened, 3, stop)) == [b"a", b"b"] * 3
    endless = inputs.repeat(opened, 0, stop)
    assert values([next(endless) for _ in range(5)]) == [b"a", b"b"] * 5
    assert list(inputs.repeat(lambda: iter([]), 0, stop)) == []
    stop.is_requested = True
    assert values(inputs.repeat(opened, 0, stop)) == [b"a", b"b"], "what was read is handed on once"


class Stop:
    """A signal that comes when a test says so."""

    is_requested = False
    is_over = False

    def __init__(self, after: int | None = None) -> None:
        """`after` so many looks for something to read, the signal is there."""
        self._left = after

    def wait_readable(self, descriptor: int) -> bool:
        if self._left is not None:
            self.is_requested = self.is_requested or self._left == 0
            self._left -= 1
        return not self.is_requested

    def sleep(self, seconds: float) -> None:
        raise AssertionError


FORMS: dict[str, Callable[[Input], Iterator[Batch]]] = {
    "lines": lambda source: inputs.read_lines(source, LineReader({}, STRING, STRING)),
    "delimiter": lambda source: inputs.read_delimited(source, LineReader({}, STRING, STRING), b"<>"),
    "all": lambda source: inputs.read_delimited(source, LineReader({}, STRING, STRING), b""),
    "json": lambda source: inputs.read_json_lines(source, FIELDS),
    "csv": lambda source: inputs.read_csv_rows(source, FIELDS),
    "length-prefixed": lambda source: inputs.read_length_prefixed(source, STRING),
}
TEXTS = {
    "lines": [b"one\n", b"\n", b"two\r\n", b"three"],
    "delimiter": [b"one<>", b"two<<>", b"<>", b"three\n"],
    "all": [b"one\ntwo"],
    "json": [b'{"value": "one"}\n', b"\n", b'{"value": "two"}\n', b'{"value": "three"}'],
    "csv": [b"key,value\n", b'a,"one\ntwo"\r\n', b'"k""\n\n",v\n', b"last,v"],
    "length-prefixed": [b"\0\0\0\1a", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\3abc"],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", [False, True])
def test_a_signal_leaves_whole_pieces(form: str, kept: bool) -> None:
    """Whenever it comes and however much is there, what was read and what lies unread are whole pieces."""
    text = b"".join(TEXTS[form])
    every = values(FORMS[form](io.BytesIO(text)))
    for size in range(1, len(text) + 2):
        for after in range(len(text) // size + 2):
            begin, end = os.pipe()
            os.write(end, text)
            os.close(end)
            read = StoppableInput(begin, Stop(after), size)
            found = values(FORMS[form](RepeatableInput(read) if kept else read))
            rest = b"".join(iter(lambda begin=begin: os.read(begin, 99), b""))
            os.close(begin)
            assert read.cut == b""
            begun = len(text) - len(rest)
            assert begun in {sum(map(len, TEXTS[form][:number])) for number in range(len(TEXTS[form]) + 1)} or (
                form == "csv" and text[:begun].endswith(b"\n")
            )
            head = b"key,value\n" if form == "csv" and begun else b""
            assert found + values(FORMS[form](io.BytesIO(head + rest))) == every


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_whose_end_does_not_come_is_kept_apart(form: str) -> None:
    """A writer that has stopped within a line: the line is no record."""
    text = b"".join(TEXTS[form])
    whole = [sum(map(len, TEXTS[form][:number])) for number in range(len(TEXTS[form]) + 1)]
    for length in range(1, len(text)):
        begin, end = os.pipe()
        os.write(end, text[:length])
        read = StoppableInput(begin, Stop(1))
        found = values(FORMS[form](read))
        os.close(begin)
        os.close(end)
        last = max(at for at in whole if at <= length)
        assert read.cut == text[last:length]
        assert found == values(FORMS[form](io.BytesIO(text[:last])))


@given(st.binary(), st.integers(1, 7))
def test_whole_lines(text: bytes, size: int) -> None:
    pieces = list(inputs.read_whole_lines(Slow(text, size)))
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert b"".join(pieces) == (text if not text or text.endswith(b"\n") else text + b"\n")


LINE_ENDS = st.text("a\r\n", max_size=30).map(str.encode)


def split_as_java(text: bytes) -> list[bytes]:
    """Lines as BufferedReader.readLine returns them."""
    lines = re.split(rb"\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]


@given(LINE_ENDS, st.integers(1, 7), st.none() | st.integers(0, 9))
def test_any_line_end(text: bytes, size: int, after: int | None) -> None:
    """Lines end as in Java, however the bytes come, and whenever a signal comes; what lies unread are whole lines."""
    begin, end = os.pipe()
    os.write(end, text)
    os.close(end)
    read = AnyLineEndInput(begin, Stop(after), size)
    found = values(FORMS["lines"](read))
    rest = b"".join(iter(lambda: os.read(begin, 99), b""))
    os.close(begin)
    taken = text[: len(text) - len(rest)]
    assert read.cut == b""
    assert found == split_as_java(taken)
    assert not rest or not taken or taken.endswith((b"\r", b"\n"))


@given(LINE_ENDS, st.integers(1, 7))
def test_any_line_end_for_the_compiled_sender(text: bytes, size: int) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        read = AnyLineEndInput(file.fileno(), Stop(), size)
        for _ in range(2):
            assert b"".join(inputs.read_whole_lines(read)) == b"".join(line + b"\n" for line in split_as_java(text))
            read.rewind()


def test_paces(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(inputs.time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds

    batch: Batch = [{"value": b"x"}] * 250
    pace = inputs.Pace(100, sleep)
    sent = []
    for at in range(0, len(batch), pace.size):
        part = batch[at : at + pace.size]
        pace.wait(len(part))
        sent.append((now[0], len(part)))
    assert max(size for _, size in sent) == 5
    assert sum(size for _, size in sent) == 250
    assert sent[-1][0] == pytest.approx(2.45)


def test_a_stream_is_read_as_it_comes() -> None:
    source: BinaryIO = Slow(b"ab\ncdef\n", 3)
    assert values(inputs.read_lines(source, LineReader({}, STRING, STRING))) == [b"ab", b"cdef"]
