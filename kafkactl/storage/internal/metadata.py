"""Records of __cluster_metadata and __remote_log_metadata, which have their type and version in front.

Source: org.apache.kafka.server.common.serialization.AbstractApiMessageSerde (KIP-631): three unsigned varints, the
frame's version, the record's type and its version, and then the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.schema import Layout, SchemaReader, of_type

FRAME_VERSION = 1
_LARGEST = 2**15 - 1


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """One record, as its schema has it."""

    name: str
    """The schema's: TopicRecord."""
    version: int
    fields: dict[str, Any]

    @property
    def type(self) -> str:
        """As Kafka's tools print it: TOPIC_RECORD."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).upper()


def parse_metadata_record(topic: str, value: bytes) -> MetadataRecord:
    """A record's value of cluster_metadata or remote_log_metadata; raises FormatError in Kafka's words."""
    reader = SchemaReader(value)
    frame_version = _leading_number(reader, "frame version")
    if frame_version == 0:
        raise FormatError(
            "Could not deserialize metadata record with frame version 0. "
            "Note that upgrades from the preview release of KRaft in 2.8 to newer versions are not supported."
        )
    if frame_version != FRAME_VERSION:
        raise FormatError(
            f"Could not deserialize metadata record due to unknown frame version {frame_version}"
            f"(only frame version {FRAME_VERSION} is supported)"
        )
    api_key = _leading_number(reader, "type")
    version = _leading_number(reader, "version")
    layout = _layouts(topic).get(api_key)
    if layout is None:
        raise FormatError(f"org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id {api_key}")
    try:
        fields = reader.message(layout, version)
    except FormatError as error:
        raise FormatError(f"Failed to deserialize record with type {api_key}") from error
    if reader.left:
        raise FormatError(f"Found {reader.left} byte(s) of garbage after {api_key}")
    return MetadataRecord(layout.name, version, fields)


def _leading_number(reader: SchemaReader, part: str) -> int:
    try:
        value = reader.unsigned_varint()
    except FormatError as error:
        raise FormatError(f"Error while reading {part}") from error
    if value > _LARGEST:
        raise FormatError(f"Value for {part} was too large.")
    return (value & 0x7FFF) - (value & 0x8000)  # Kafka keeps the lower 16 bits


@cache
def _layouts(topic: str) -> dict[int, Layout]:
    return {layout.api_key: layout for layout in of_type(topic, "metadata") if layout.api_key is not None}
