from __future__ import annotations

from typing import Any

import pytest

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde import formats
from kafkactl.streams.lines import LineFormatter, LineReader, Record

STRING = formats.get("string")


def reader(**properties: str) -> LineReader:
    return LineReader({name.replace("_", "."): value for name, value in properties.items()}, STRING, STRING)


class Message:
    """A record as confluent-kafka hands it over."""

    def __init__(self, key: bytes | None = b"k", value: bytes | None = b"v", headers: Any = None) -> None:
        self._parts = key, value, headers

    def key(self) -> bytes | None:
        return self._parts[0]

    def value(self) -> bytes | None:
        return self._parts[1]

    def headers(self) -> Any:
        return self._parts[2]

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 42

    def timestamp(self) -> tuple[int, int]:
        return 1, 1700000000000


def formatted(message: Message, **properties: str) -> bytes:
    settings = {name.replace("_", "."): value for name, value in properties.items()}
    return LineFormatter(settings, STRING, STRING).format(message)  # type: ignore[arg-type]


def test_a_line_is_a_value() -> None:
    assert reader().read(b"a\tb", 1) == Record(None, b"a\tb")


def test_keys() -> None:
    assert reader(parse_key="true").read(b"k\tv\tw", 1) == Record(b"k", b"v\tw")
    assert reader(parse_key="true", key_separator=":").read(b"k:v:w", 1) == Record(b"k", b"v:w")
    assert reader(parse_key="true", key_separator="::").read(b"k:x::v", 1) == Record(b"k:x", b"v")


def test_headers() -> None:
    line = b"h1:v1,h2:v:2\tk\tv"
    headers = [("h1", b"v1"), ("h2", b"v:2")]
    assert reader(parse_headers="true", parse_key="true").read(line, 1) == Record(b"k", b"v", headers)


def test_null_markers() -> None:
    read = reader(parse_headers="true", parse_key="true", null_marker="NULL").read
    assert read(b"NULL\tNULL\tNULL", 1) == Record(None, None, None)
    assert read(b"h:NULL\tk\tv", 1) == Record(b"k", b"v", [("h", None)])
    assert read(b"NULL\t\t", 1) == Record(b"", b"", None)


def test_bytes_that_are_not_text_pass_unchanged() -> None:
    assert reader().read(b"\xff\xfe", 1) == Record(None, b"\xff\xfe")


def test_a_line_without_its_separator_is_an_error_that_names_the_line() -> None:
    with pytest.raises(FormatError, match="line 7: no key separator") as raised:
        reader(parse_key="true").read(b"novalue", 7)
    assert "ignore.error" in (raised.value.hint or "")
    with pytest.raises(FormatError, match="line 8: no header key separator"):
        reader(parse_headers="true").read(b"bad\tv", 8)


def test_ignoring_errors_takes_the_line_as_a_value() -> None:
    assert reader(parse_key="true", ignore_error="true").read(b"novalue", 1) == Record(None, b"novalue")


def test_numbers_as_keys() -> None:
    numbers = LineReader({"parse.key": "true"}, formats.get("int"), STRING)
    assert numbers.read(b"258\tv", 1).key == b"\0\0\1\2"
    with pytest.raises(FormatError, match="line 2: 'x' is no int"):
        numbers.read(b"x\tv", 2)


def test_written_escapes_are_what_they_mean() -> None:
    assert reader(parse_key="true", key_separator="\\t").read(b"k\tv", 1) == Record(b"k", b"v")


@pytest.mark.parametrize("properties", [{"parse_keys": "true"}, {"parse_key": "yes"}])
def test_properties_are_checked(properties: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--property parse"):
        reader(**properties)


def test_values_alone_are_printed() -> None:
    assert formatted(Message()) == b"v\n"
    assert formatted(Message(value=None)) == b"null\n"


def test_everything_in_kafkas_order() -> None:
    everything = {f"print_{name}": "true" for name in ("timestamp", "partition", "offset", "headers", "key")}
    message = Message(headers=[("a", b"1"), ("b", None)])
    assert formatted(message, **everything) == (b"CreateTime:1700000000000\tPartition:3\tOffset:42\ta:1,b:null\tk\tv\n")
    assert formatted(Message(), **everything, key_separator="|").split(b"|")[3] == b"NO_HEADERS"


def test_separators_and_nulls() -> None:
    assert formatted(Message(key=None), print_key="true", key_separator=":", null_literal="-") == b"-:v\n"
    assert formatted(Message(), line_separator=";") == b"v;"
    assert formatted(Message(), print_value="false", print_key="true") == b"k\n"
