"""Which formats the names of Kafka's classes stand for."""

from __future__ import annotations

import struct

import pytest

from kafkactl.errors import FormatError
from kafkactl.output.records.decoders import find_class_format


def test_decoders_read_the_first_bytes_and_deserializers_want_all() -> None:
    nine = bytes(range(9))
    assert find_class_format("org.apache.kafka.tools.api.LongDecoder").to_text(nine) == "283686952306183"
    with pytest.raises(FormatError):
        find_class_format("org.apache.kafka.common.serialization.LongDeserializer").to_text(nine)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("FloatDeserializer", struct.pack(">f", 1e10), "1.0E10"),
        ("FloatDeserializer", struct.pack(">f", 0.1), "0.1"),
        ("FloatDeserializer", struct.pack(">f", 1.4e-45), "1.4E-45"),
        ("FloatDeserializer", struct.pack(">f", float("nan")), "NaN"),
        ("DoubleDeserializer", struct.pack(">d", 5e-324), "4.9E-324"),
        ("DoubleDeserializer", struct.pack(">d", float("inf")), "Infinity"),
        ("ByteBufferDeserializer", b"hello", "java.nio.HeapByteBuffer[pos=0 lim=5 cap=5]"),
    ],
)
def test_classes_that_print_as_java(name: str, data: bytes, text: str) -> None:
    assert find_class_format(f"org.apache.kafka.common.serialization.{name}").to_text(data) == text


def test_only_null_is_void() -> None:
    with pytest.raises(FormatError, match="1 bytes are not void"):
        find_class_format("VoidDeserializer").to_text(b"x")
