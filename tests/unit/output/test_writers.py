"""The styles of records: what configures Kafka's deserializers."""

from __future__ import annotations

import pytest

from kafkactl.errors import UsageError
from kafkactl.output.records.writers import Style, _count_columns, _pad, make_record_writer
from kafkactl.serde import formats

STRING = formats.get("string")


class Message:
    def __init__(self, value: bytes) -> None:
        self._value = value

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return self._value

    def headers(self) -> None:
        return None


@pytest.mark.parametrize(
    "name",
    [
        "value.deserializer.encoding",
        "value.deserializer.value.deserializer.encoding",
        "value.deserializer.deserializer.encoding",
    ],
)
def test_the_encoding_of_a_deserializer_is_heard_in_every_spelling(name: str) -> None:
    writer = make_record_writer(Style(properties={name: "UTF-16BE"}), STRING, STRING)
    assert writer.write_all([Message("한".encode("utf-16-be"))]) == "한\n".encode()
    same = make_record_writer(Style(properties={name: "UTF-8"}), STRING, STRING)
    assert same.write_all([Message(b"\xff")]) == b"\xff\n"
    for wrong in ("UTF-16", "none-such"):
        with pytest.raises(UsageError, match=wrong):
            make_record_writer(Style(properties={name: wrong}), STRING, STRING)


def test_other_settings_of_deserializers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown setting of a deserializer: --property value\.deserializer\.schema"):
        make_record_writer(Style(properties={"value.deserializer.schema": "x"}), STRING, STRING)
    for name in (
        "key.deserializerfoo",
        "value.deserializer-class",
        "headers.deserializers.encoding",
        "key.deserialize",
    ):
        with pytest.raises(UsageError, match=f"{name}: unknown property"):
            make_record_writer(Style(properties={name: "x"}), STRING, STRING)


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("ab\n", 2), ("자", 2), ("자\t", 2), ("e\u0301", 1), ("\x1b자\x00é", 3), ("a\tb", 3)]
)
def test_columns_of_a_text(text: str, columns: int) -> None:
    """A control character beside a letter beyond ASCII hid the width of the whole text."""
    assert _count_columns(text) == columns
    assert _pad(text, columns + 2) == text + "  "


def test_a_class_with_two_packages_is_unknown() -> None:
    with pytest.raises(UsageError, match="unknown class"):
        make_record_writer(
            Style(formatter="org.apache.kafka.tools.consumer.kafka.tools.NoOpMessageFormatter"), STRING, STRING
        )
