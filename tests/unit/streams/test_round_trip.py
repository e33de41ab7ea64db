"""What `consume` writes for programs, `produce` reads back: the same keys, values, headers and times for any bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kafkactl.errors import FormatError
from kafkactl.output.records import RecordWriter
from kafkactl.output.records.writers import Csv, JsonLines
from kafkactl.serde import formats
from kafkactl.streams import inputs
from kafkactl.streams.fields import FieldReader, parse_members
from kafkactl.streams.record import Record, decode_header_name

STRING = formats.get("string")
FIELDS = FieldReader(STRING, STRING)
TEXTS = st.one_of(
    st.binary(max_size=12), st.text(max_size=6).map(str.encode), st.sampled_from([b"", b"null", b'"', b"\r"])
)
NAMES = st.one_of(st.text(max_size=5), st.binary(max_size=5).map(decode_header_name))


@dataclass(frozen=True)
class Message:
    """A record as the client hands it on."""

    the_key: bytes | None
    the_value: bytes | None
    the_headers: list[tuple[str | bytes, bytes | None]]
    the_time_ms: int

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, self.the_time_ms

    def key(self) -> bytes | None:
        return self.the_key

    def value(self) -> bytes | None:
        return self.the_value

    def headers(self) -> list[tuple[str | bytes, bytes | None]] | None:
        return self.the_headers or None


MESSAGES = st.builds(
    Message,
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.lists(st.tuples(NAMES, st.none() | TEXTS), max_size=3),
    st.integers(0, 2**53),
)


def expected(message: Message) -> Record:
    record: Record = {"key": message.the_key, "value": message.the_value}
    if message.the_headers:
        record["headers"] = list(message.the_headers)
    record["partition"], record["timestamp"] = 3, message.the_time_ms
    return record


def written(writer: RecordWriter, messages: list[Message]) -> bytes:
    return writer.head + writer.write_all(messages)


def as_jq_writes(text: bytes) -> bytes:
    return b"".join(
        json.dumps(json.loads(line), ensure_ascii=False).encode() + b"\n" for line in text.split(b"\n") if line
    )


def as_it_is(text: bytes) -> bytes:
    return text


@given(st.lists(MESSAGES, max_size=4))
@example([Message(b"\xff", b"\xef\xbb\xbf", [("", b"\x80")], 0)])
@pytest.mark.parametrize("through", [as_it_is, as_jq_writes])
def test_json(through: Callable[[bytes], bytes], messages: list[Message]) -> None:
    text = through(written(JsonLines(STRING, STRING), messages))
    found = [record for batch in inputs.read_json_lines(io.BytesIO(text), FIELDS) for record in batch]
    assert found == [expected(message) for message in messages]


@given(st.lists(MESSAGES, max_size=4), st.sampled_from([b"", b"NULL", b"\\N"]))
@example([Message(None, b"NULL", [], 0), Message(b"", b"", [], 0), Message(b"\xff\r", b"x" * 200_000, [], 1)], b"NULL")
def test_csv(messages: list[Message], null: bytes) -> None:
    text = written(Csv(STRING, STRING, null.decode()), messages)
    found = [record for batch in inputs.read_csv_rows(io.BytesIO(text), FIELDS, null) for record in batch]
    assert found == [expected(message) for message in messages]


@dataclass(frozen=True)
class Number:
    text: str


class Pairs(list[Any]):
    """An object whose names may be there twice."""


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.text(max_size=4),
        st.sampled_from(["12345678901234567890.123", "1.10", "1e400", "-0", "0.0"]).map(lambda text: Number(text)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(st.tuples(st.sampled_from("ab"), inner), max_size=3).map(Pairs)
    ),
)  # fmt: skip


def as_json(value: Any) -> str:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(name)}: {as_json(each)}" for name, each in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value)


@given(JSON_VALUES)
def test_values_of_json_keep_their_text(value: Any) -> None:
    text = as_json(value)
    (batch,) = inputs.read_json_lines(io.BytesIO(b'{"value": ' + text.encode() + b"}"), FIELDS)
    wanted = None if value is None else value.encode() if isinstance(value, str) else text.encode()
    assert batch[0]["value"] == wanted
    json_format = formats.get("json")
    assert json_format.to_bytes(text) == text.encode()
    assert json_format.to_text(text.encode()) == text


@given(st.text(alphabet='{}[]":,0123456789eE.-+truefalsn \\u\ud800"', max_size=30))
@example('{"value":"\\ud800"}')
@example('{"value":' + "[" * 100_000)
@example('{"partition":-1}')
@example('{"timestamp":99999999999999999999}')
@example('{"headers":{"\\ud800":"x"}}')
@example('{"headers":["x"]}')
@example('{"value":1,"value":2}')
@example('{"value":tRue}')
def test_any_line_is_a_record_or_refused(line: str) -> None:
    data = line.encode("utf-8", "surrogatepass")
    try:
        FIELDS.read(parse_members(data))
    except FormatError:
        return
    assert isinstance(json.loads(data), dict)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b",,value\n1,2,3\n", "two columns are called ''"),
        (b'value\n"x', "line 2: a cell begins with a quote and never ends"),
        (b'value\nx"y"\n', "line 2: a quote inside a cell"),
        (b"a,value\n1\n", "line 2: 1 cells under 2 headings"),
        (b"a\xff,value\n1,2\n", "the headings are not UTF-8"),
        (b"key,value\rk,v\r", "a heading has a carriage return"),
        (b"name\n\xff\n", "a row without a column `value` becomes JSON"),
    ],
)
def test_rows_that_are_wrong(text: bytes, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        list(inputs.read_csv_rows(io.BytesIO(text), FIELDS))


def test_csv_of_other_programs() -> None:
    text = b"\xef\xbb\xbfkey,value\r\nk,v\r\n\r\n" + b'"a\r\nb",' + b"x" * 140_000 + b"\r\nlast,"
    records: Iterator[Record] = (record for batch in inputs.read_csv_rows(io.BytesIO(text), FIELDS) for record in batch)
    assert [(record["key"], record["value"]) for record in records] == [
        (b"k", b"v"),
        (b"a\r\nb", b"x" * 140_000),
        (b"last", None),
    ]


def test_rows_of_a_log_are_records_again() -> None:
    lines = b'{"file":"f","offset":1,"control":"COMMIT","headers":[],"key":null,"value":null}\n' + (
        b'{"file":"f","offset":2,"timestamp_ms":-1,"timestamp_type":"NoTimestampType","sequence":0,"producer_id":1,'
        b'"control":null,"headers":[],"key":null,"value_base64":"/w=="}\n'
    )
    (batch,) = inputs.read_json_lines(io.BytesIO(lines), FIELDS)
    assert batch == [{"key": None, "value": b"\xff"}]


def test_the_partition_may_be_left_to_the_partitioner() -> None:
    line = parse_members(b'{"value": "v", "partition": 3}')
    assert FieldReader(STRING, STRING, heeds_partition=False).read(line) == {"key": None, "value": b"v"}


def test_a_member_that_is_there_twice_is_refused() -> None:
    for line in (
        b'{"value":"a","value":"b"}',
        b'{"value":1,"value":2}',
        b'{"value":"a","value_base64":"YQ=="}',
        rb'{"key":"a","k\u0065y":"b"}',
        rb'{"key":"a", "\u006b\u0065\u0079" : null}',
        rb'{"headers":[],"value":"v","header\u0073":[["a","b"]]}',
    ):
        with pytest.raises(FormatError):
            FIELDS.read(parse_members(line))
    assert FIELDS.read(parse_members(b'{"value":"\\"value\\" and \\"key\\""}')) == {
        "key": None,
        "value": b'"value" and "key"',
    }


@pytest.mark.parametrize("headers", ["0", '""', "false", "5", '"x"', "[0]"])
def test_headers_of_another_form_are_refused(headers: str) -> None:
    with pytest.raises(FormatError, match="headers are not a list"):
        FIELDS.read(parse_members(f'{{"value":"v","headers":{headers}}}'.encode()))


@pytest.mark.parametrize("headers", ["null", "[]", "{}"])
def test_no_headers(headers: str) -> None:
    expected = {"key": None, "value": b"v"}
    assert FIELDS.read(parse_members(f'{{"value":"v","headers":{headers}}}'.encode())) == expected


def test_an_empty_cell_of_headers_is_no_headers() -> None:
    records = [record for batch in inputs.read_csv_rows(io.BytesIO(b"value,headers\nv,\n"), FIELDS) for record in batch]
    assert records == [{"key": None, "value": b"v"}]
