from __future__ import annotations

import pytest

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde import formats
from kafkactl.streams.lines import LineReader
from kafkactl.streams.record import Headers, Record

STRING = formats.get("string")


def reader(**properties: str) -> LineReader:
    return LineReader({name.replace("_", "."): value for name, value in properties.items()}, STRING, STRING)


def record(key: bytes | None, value: bytes | None, headers: Headers | None = None) -> Record:
    return {"key": key, "value": value} if headers is None else {"key": key, "value": value, "headers": headers}


def test_a_line_is_a_value() -> None:
    assert reader().read(b"a\tb", 1) == record(None, b"a\tb")


def test_keys() -> None:
    assert reader(parse_key="true").read(b"k\tv\tw", 1) == record(b"k", b"v\tw")
    assert reader(parse_key="true", key_separator=":").read(b"k:v:w", 1) == record(b"k", b"v:w")
    assert reader(parse_key="true", key_separator="::").read(b"k:x::v", 1) == record(b"k:x", b"v")


def test_headers() -> None:
    line = b"h1:v1,h2:v:2\tk\tv"
    headers = [("h1", b"v1"), ("h2", b"v:2")]
    assert reader(parse_headers="true", parse_key="true").read(line, 1) == record(b"k", b"v", headers)


def test_null_markers() -> None:
    read = reader(parse_headers="true", parse_key="true", null_marker="NULL").read
    assert read(b"NULL\tNULL\tNULL", 1) == record(None, None, None)
    assert read(b"h:NULL\tk\tv", 1) == record(b"k", b"v", [("h", None)])
    assert read(b"NULL\t\t", 1) == record(b"", b"", None)


def test_bytes_that_are_not_text_pass_unchanged() -> None:
    assert reader().read(b"\xff\xfe", 1) == record(None, b"\xff\xfe")


def test_a_line_without_its_separator_is_an_error_that_names_the_line() -> None:
    with pytest.raises(FormatError, match="line 7: no key separator") as raised:
        reader(parse_key="true").read(b"novalue", 7)
    assert "ignore.error" in (raised.value.hint or "")
    with pytest.raises(FormatError, match="line 8: no header key separator"):
        reader(parse_headers="true").read(b"bad\tv", 8)


def test_ignoring_errors_takes_the_line_as_a_value() -> None:
    assert reader(parse_key="true", ignore_error="true").read(b"novalue", 1) == record(None, b"novalue")


def test_numbers_as_keys() -> None:
    numbers = LineReader({"parse.key": "true"}, formats.get("int"), STRING)
    assert numbers.read(b"258\tv", 1)["key"] == b"\0\0\1\2"
    with pytest.raises(FormatError, match="line 2: 'x' is not of the format int"):
        numbers.read(b"x\tv", 2)


def test_written_escapes_are_what_they_mean() -> None:
    assert reader(parse_key="true", key_separator="\\t").read(b"k\tv", 1) == record(b"k", b"v")


@pytest.mark.parametrize("properties", [{"parse_keys": "true"}, {"parse_key": "yes"}])
def test_properties_are_checked(properties: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--property parse"):
        reader(**properties)


def test_many_lines_at_once_are_the_same_as_one_after_the_other() -> None:
    for properties in ({}, {"parse_key": "true", "key_separator": ":", "ignore_error": "true"}):
        batch: list[Record] = []
        lines = [b"a:1", b"b", b":", b"c:d:e"]
        reader(**properties).read_all(lines, 1, batch)
        singly = [reader(**properties).read(line, 1) for line in lines]
        assert [{"key": None, **each} for each in batch] == singly


def test_ignoring_errors_keeps_what_can_be_read_as_kafkas_reader_does() -> None:
    read = reader(parse_headers="true", parse_key="true", ignore_error="true").read
    assert read(b"h:1\tvalue", 1) == record(None, b"value", [("h", b"1")])
    assert read(b"bad,h:1\tk\tv", 1) == record(b"k", b"v", [("bad", None), ("h", b"1")])


def test_an_empty_null_marker_makes_nothing_null() -> None:
    assert reader(null_marker="").read(b"", 1) == record(None, None)
    assert reader().read(b"", 1) == record(None, b"")


@pytest.mark.parametrize(
    "properties",
    [
        {"headers_delimiter": ",", "parse_headers": "true"},
        {"headers_key_separator": ",", "parse_headers": "true"},
        {"null_marker": "\t"},
    ],
)
def test_separators_must_differ(properties: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="may not be equal"):
        reader(**properties)


def kafka_reader(**properties: str) -> LineReader:
    return LineReader({name.replace("_", "."): value for name, value in properties.items()}, STRING, STRING, True)


@pytest.mark.parametrize(
    ("properties", "line", "text"),
    [
        ({"parse_key": "true"}, b"a\xff", "No key separator found on line number 3: 'a\ufffd'"),
        ({"parse_headers": "true"}, b"a", "No headers delimiter found on line number 3: 'a'"),
        ({"parse_headers": "true"}, b"\tv", "No header key separator found in pair '' on line number 3"),
        ({"parse_headers": "true"}, b",a:b\tv", "No header key separator found in pair '' on line number 3"),
        ({"parse_headers": "true"}, b"a:b,h\tv", "No header key separator found in pair 'h' on line number 3"),
        ({"parse_headers": "true", "parse_key": "true"}, b"h\tv", "No key separator found on line number 3: 'h\tv'"),
        (
            {"parse_headers": "true", "null_marker": "N"},
            b"N:1\tv",
            "Header keys should not be equal to the null marker 'N' as they can't be null",
        ),
        (
            {"parse_headers": "true", "headers_separator": "|"},
            b"a:b|c:d\tv",
            "No header key separator found in pair 'a' on line number 3",
        ),
    ],
)
def test_errors_in_the_words_of_kafkas_reader(properties: dict[str, str], line: bytes, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        kafka_reader(**properties).read(line, 3)
    assert str(caught.value) == text


def test_headers_that_are_split_as_in_java() -> None:
    read = kafka_reader(parse_headers="true").read
    assert read(b"a:b,c:d,,\tv", 1) == record(None, b"v", [("a", b"b"), ("c", b"d")])
    assert read(b",\tv", 1) == record(None, b"v", [])
    assert read(b"a\xff:\xfe\tv", 1) == record(None, b"v", [(b"a\xff", b"\xfe")])
    spaced = kafka_reader(parse_headers="true", headers_separator=r"\\s*;\\s*").read
    assert spaced(b"a:b ; c:d\tv", 1) == record(None, b"v", [("a", b"b"), ("c", b"d")])
