"""Records of the coordinators' topics: __consumer_offsets, __transaction_state and __share_group_state.

Source: org.apache.kafka.coordinator.common.runtime.CoordinatorRecordSerde. A key begins with the type of the record, a
value with its version; both are int16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.schema import EndOfBytesError, Layout, SchemaReader, find_layouts, load_layouts

GROUP_METADATA = 2
_CONSUMER = "consumer"  # protocol type of groups whose members have subscriptions as in the ConsumerProtocol schemas


class UnknownRecordTypeError(FormatError):
    """A key whose type has no schema."""

    def __init__(self, type: int) -> None:
        """Take the number of the type, for the text in Kafka's words and for `type`."""
        super().__init__(f"Found an unknown record type {type}")
        self.type = type


@dataclass(frozen=True, slots=True)
class CoordinatorRecord:
    """One record of a coordinator's topic, decoded."""

    type: int
    key: dict[str, Any]
    version: int | None
    """Version of the value; None for a tombstone."""
    value: dict[str, Any] | None
    """Fields of the value; None for a tombstone."""


def parse_coordinator_record(
    topic: str, key: bytes, value: bytes | None, opens_protocol: bool = True
) -> CoordinatorRecord:
    """Return the decoded record of a coordinator's topic.

    `topic` is consumer_offsets, transaction_state or share_group_state, without the two underscores; a `value` of None
    is a tombstone. `opens_protocol` decodes the subscription and the assignment of consumer group members, where they
    can be read; Kafka's dump tool does so, and its console consumer does not. Bytes after the key's or the value's
    fields are ignored. Raise UnknownRecordTypeError (a FormatError) for an unknown type, FormatError, in Kafka's words,
    for an unknown version and bytes that are not as their schema says, and FileNotFoundError for a topic without a
    layouts file.
    """
    keys, values = _load_layouts_by_type(topic)
    key_reader = SchemaReader(key)
    type = _read_leading_number(key_reader, "key")
    if type not in keys:
        raise UnknownRecordTypeError(type)
    # A key has its type where a value has its version, and all keys have version 0.
    key_fields = _read_message(key_reader, keys[type], 0, type, "key")
    if value is None:
        return CoordinatorRecord(type, key_fields, None, None)
    value_reader = SchemaReader(value)
    version = _read_leading_number(value_reader, "value")
    if version not in values[type].versions:
        raise FormatError(f"Found an unknown record version {version} for {type} type")
    fields = _read_message(value_reader, values[type], version, version, "value")
    if (
        opens_protocol
        and topic == "consumer_offsets"
        and type == GROUP_METADATA
        and fields["protocolType"] == _CONSUMER
    ):
        for member in fields["members"]:
            _decode_protocol(member)
    return CoordinatorRecord(type, key_fields, version, fields)


def _read_leading_number(reader: SchemaReader, part: str) -> int:
    """Return the int16 in front of a key or value. Raise FormatError, with `part` in its text, where the bytes end."""
    try:
        return int(reader.read_number("int16"))
    except EndOfBytesError:
        raise FormatError(f"Could not read version from {part}'s buffer.") from None


def _read_message(reader: SchemaReader, layout: Layout, version: int, shown_version: int, part: str) -> dict[str, Any]:
    """Return a message as SchemaReader.read_message does, but raise FormatError with the text of Kafka's own error.

    `shown_version` and `part` (key or value) are for this text.
    """
    try:
        return reader.read_message(layout, version)
    except FormatError as error:
        cause = None if isinstance(error, EndOfBytesError) else error
        raise FormatError(
            f"Could not read record with version {shown_version} from {part}'s buffer due to: "
            f"{'null' if cause is None else cause}."
        ) from error


def _decode_protocol(member: dict[str, Any]) -> None:
    """Replace a member's subscription and assignment by dicts of their fields, in place.

    `member` must have both, as bytes. Those that cannot be decoded stay, also with a negative version. Bytes behind the
    fields are lost.
    """
    subscription, assignment = sorted(load_layouts("consumer_protocol"), key=lambda layout: layout.name, reverse=True)
    for name, layout in (("subscription", subscription), ("assignment", assignment)):
        reader = SchemaReader(member[name])
        try:
            if (version := int(reader.read_number("int16"))) >= 0:
                member[name] = reader.read_message(layout, version)
        except FormatError:
            continue


@cache
def _load_layouts_by_type(topic: str) -> tuple[dict[int, Layout], dict[int, Layout]]:
    """Return the layouts of the keys and of the values of a topic, by record type.

    The result is kept for later calls. `topic` is without the two underscores; raise FileNotFoundError for one without
    a layouts file. Both are empty for a file of another kind, such as raft.
    """

    def by_type(kind: str) -> dict[int, Layout]:
        """Return the layouts of a kind, key or value, by record type."""
        return {layout.api_key: layout for layout in find_layouts(topic, kind) if layout.api_key is not None}

    return by_type("key"), by_type("value")
