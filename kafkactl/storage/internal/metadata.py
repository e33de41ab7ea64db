"""Records of __cluster_metadata and __remote_log_metadata, which begin with their type and version.

Source: org.apache.kafka.server.common.serialization.AbstractApiMessageSerde (KIP-631). Three unsigned varints come
before the message: the version of the frame, the type of the record, and the version of the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.schema import Layout, SchemaReader, find_layouts

FRAME_VERSION = 1
_LARGEST = 2**15 - 1


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """One record, decoded."""

    name: str
    """Name of the schema, such as TopicRecord."""
    version: int
    fields: dict[str, Any]

    @property
    def type(self) -> str:
        """Return the type as Kafka's tools print it: TOPIC_RECORD for the schema TopicRecord."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).upper()


def parse_metadata_record(topic: str, value: bytes) -> MetadataRecord:
    """Return the decoded value of a record.

    `topic` is cluster_metadata or remote_log_metadata, without the two underscores. Raise FormatError, in Kafka's
    words, for an unknown frame version or type, for a negative version, for one of these numbers that is cut off or too
    large, for bytes that are not as their schema says, and for bytes after it; FileNotFoundError for a topic without a
    layouts file. A higher version than the schema's is no error by itself.
    """
    reader = SchemaReader(value)
    frame_version = _read_leading_number(reader, "frame version")
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
    api_key = _read_leading_number(reader, "type")
    version = _read_leading_number(reader, "version")
    layout = _load_layouts_by_type(topic).get(api_key)
    if layout is None:
        raise FormatError(f"org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id {api_key}")
    try:
        if version < 0:  # no field has such a version
            raise FormatError(f"version {version}")
        fields = reader.read_message(layout, version)
    except FormatError as error:
        raise FormatError(f"Failed to deserialize record with type {api_key}") from error
    if reader.left:
        raise FormatError(f"Found {reader.left} byte(s) of garbage after {api_key}")
    return MetadataRecord(layout.name, version, fields)


def _read_leading_number(reader: SchemaReader, part: str) -> int:
    """Return the next varint in front of a message, as a signed number of 16 bits.

    Of a negative number the lower 16 bits count. Raise FormatError, with `part` in its text, where the bytes
    end, for a number above 2^15 - 1, and for a varint of more than five bytes.
    """
    try:
        value = reader.read_unsigned_varint()
    except FormatError as error:
        raise FormatError(f"Error while reading {part}") from error
    if value > _LARGEST:
        raise FormatError(f"Value for {part} was too large.")
    return (value & 0x7FFF) - (value & 0x8000)  # Kafka keeps the lower 16 bits


@cache
def _load_layouts_by_type(topic: str) -> dict[int, Layout]:
    """Return the layouts of a topic by record type; the result is kept for later calls.

    Raise FileNotFoundError for a topic without layouts.
    """
    return {layout.api_key: layout for layout in find_layouts(topic, "metadata") if layout.api_key is not None}
