"""Which formats the names of Kafka's classes stand for."""

from __future__ import annotations

import pytest

from kafkactl.errors import FormatError
from kafkactl.output.records.decoders import find_class_format


def test_decoders_read_the_first_bytes_and_deserializers_want_all() -> None:
    nine = bytes(range(9))
    assert find_class_format("org.apache.kafka.tools.api.LongDecoder").to_text(nine) == "283686952306183"
    with pytest.raises(FormatError):
        find_class_format("org.apache.kafka.common.serialization.LongDeserializer").to_text(nine)
