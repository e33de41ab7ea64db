"""Kafka's message schemas as data: every message in every version, and what is wrong with one that is damaged."""

from __future__ import annotations

import struct
from random import Random

import pytest

from kafkactl.errors import FormatError
from kafkactl.storage.internal.coordinator import parse_coordinator_record
from kafkactl.storage.internal.metadata import MetadataRecord, parse_metadata_record
from kafkactl.storage.schema import EndOfBytesError, Layout, SchemaReader, load_layouts
from tests.unit.storage.messages import encode_message

NAMES = [
    "consumer_offsets",
    "transaction_state",
    "share_group_state",
    "cluster_metadata",
    "remote_log_metadata",
    "raft",
]
EVERY = [(layout, version) for name in NAMES for layout in load_layouts(name) for version in layout.versions]


@pytest.mark.parametrize(("layout", "version"), EVERY, ids=lambda value: getattr(value, "name", str(value)))
def test_every_message_is_read_to_its_last_byte(layout: Layout, version: int) -> None:
    random = Random(7)
    for _ in range(20):
        data = encode_message(layout, version, random)
        reader = SchemaReader(data)
        fields = reader.read_message(layout, version)
        assert reader.left == 0
        assert list(fields) == [field.name for field in layout.fields if field.name in fields]
        with pytest.raises(FormatError):
            layout.read(data[:-1], version)


def test_an_offset_commit() -> None:
    key = struct.pack(">h", 1) + b"\0\5group\0\6orders" + struct.pack(">i", 3)
    value = struct.pack(">hqi", 3, 42, 5) + b"\0\4meta" + struct.pack(">q", 1_700_000_000_000)
    record = parse_coordinator_record("consumer_offsets", key, value)
    assert (record.type, record.key) == (1, {"group": "group", "topic": "orders", "partition": 3})
    assert record.value == {"offset": 42, "leaderEpoch": 5, "metadata": "meta", "commitTimestamp": 1_700_000_000_000}
    assert parse_coordinator_record("consumer_offsets", key, None).value is None


def test_tagged_fields_are_shown_where_they_differ_from_their_default() -> None:
    (layout,) = (layout for layout in load_layouts("cluster_metadata") if layout.name == "PartitionChangeRecord")
    assert "isr" not in layout.read(struct.pack(">i", 1) + bytes(16) + b"\0", 0)
    with_isr = struct.pack(">i", 1) + bytes(16) + b"\1\0\5\2\0\0\0\7"
    assert layout.read(with_isr, 0)["isr"] == [7]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (b"\0", b"", "Could not read version from key's buffer."),
        (b"\0\x63", b"", "Found an unknown record type 99"),
        (b"\0\2\0\1a", b"\0", "Could not read version from value's buffer."),
        (b"\0\2\0\1a", b"\0\x09", "Found an unknown record version 9 for 2 type"),
        (b"\0\2\0\7a", None, "only 1 byte(s) available"),
        (b"\0\2\xff\xff", None, "non-nullable field group was serialized as null"),
        (b"\0\2\0\1a", b"\0\0", "from value's buffer due to: null."),
    ],
)
def test_damage_is_told_in_kafkas_words(key: bytes, value: bytes | None, words: str) -> None:
    with pytest.raises(FormatError) as raised:
        parse_coordinator_record("consumer_offsets", key, value)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "Error while reading frame version"),
        (b"\0", "with frame version 0"),
        (b"\2", "unknown frame version 2"),
        (b"\1\x7f\0", "Unknown metadata id 127"),
        (b"\1\xff\xff\xff\x07\0", "Value for type was too large."),
        (b"\1\2\0", "Failed to deserialize record with type 2"),
        (b"\1\2\xff\xff\xff\xff\x0f", "Failed to deserialize record with type 2"),  # version -1
        (b"\1\x14\0\0extra", "Found 5 byte(s) of garbage after 20"),
    ],
)
def test_damaged_metadata_is_told_in_kafkas_words(value: bytes, words: str) -> None:
    with pytest.raises(FormatError) as raised:
        parse_metadata_record("cluster_metadata", value)
    assert words in str(raised.value)
    assert parse_metadata_record("cluster_metadata", b"\1\x14\0\0") == MetadataRecord("NoOpRecord", 0, {})


def test_varints() -> None:
    assert SchemaReader(b"\xff\xff\xff\xff\x0f").read_unsigned_varint() == -1
    with pytest.raises(FormatError, match="converted value: ffffffff"):
        SchemaReader(b"\xff\xff\xff\xff\xff").read_unsigned_varint()
    with pytest.raises(EndOfBytesError):
        SchemaReader(b"\x80").read_unsigned_varint()
