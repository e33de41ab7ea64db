"""Records as Kafka's console consumer prints them."""

from __future__ import annotations

from kafkactl.output.records.line_formatter import LineFormatter
from kafkactl.serde import formats
from tests.unit.streams.messages import Message

STRING = formats.get("string")


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


def test_many_at_once_are_the_same_as_one_after_the_other() -> None:
    messages = [Message(), Message(key=None), Message(value=None), Message(value=b"\xff")]
    for shown in ({}, {"print.key": "true"}, {"print.key": "true", "print.offset": "true"}, {"print.value": "false"}):
        formatter = LineFormatter({**shown, "null.literal": "NIL"}, STRING, STRING)
        assert formatter.format_all(messages) == b"".join(map(formatter.format, messages))  # type: ignore[arg-type]


def test_epochs_and_deliveries() -> None:
    shown = formatted(Message(), print_epoch="true", print_delivery="true")
    assert shown == b"Delivery:NOT_PRESENT\tEpoch:7\tv\n"
    assert formatted(Message(epoch=None), print_epoch="true") == b"Epoch:NOT_PRESENT\tv\n"
