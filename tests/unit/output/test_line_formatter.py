"""Records as Kafka's console consumer prints them."""

from __future__ import annotations

from typing import Any

from kafkactl.output.line_formatter import LineFormatter
from kafkactl.serde import formats

STRING = formats.get("string")


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
