"""Records of the coordinators' topics: __consumer_offsets, __transaction_state and __share_group_state.

Source: org.apache.kafka.coordinator.common.runtime.CoordinatorRecordSerde. A key begins with the record's type, a value
with its version; both are int16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.schema import EndOfBytesError, Layout, SchemaReader, layouts, of_type

GROUP_METADATA = 2
_CONSUMER = "consumer"  # the protocol type of groups whose members carry what ConsumerProtocol* say


class UnknownRecordTypeError(FormatError):
    """A key whose type no schema has."""

    def __init__(self, type: int) -> None:
        super().__init__(f"Found an unknown record type {type}")
        self.type = type


@dataclass(frozen=True, slots=True)
class CoordinatorRecord:
    """One record of a coordinator's topic."""

    type: int
    key: dict[str, Any]
    version: int | None
    """The value's; None for a tombstone, and the value too."""
    value: dict[str, Any] | None


def parse_coordinator_record(
    topic: str, key: bytes, value: bytes | None, opens_protocol: bool = True
) -> CoordinatorRecord:
    """A record of consumer_offsets, transaction_state or share_group_state; raises FormatError in Kafka's words.

    `opens_protocol` shows what is in the bytes that members of a consumer group carry; Kafka's dump tool does so, and
    its console consumer does not.
    """
    keys, values = _layouts(topic)
    key_reader = SchemaReader(key)
    type = _leading_number(key_reader, "key")
    if type not in keys:
        raise UnknownRecordTypeError(type)
    # A key says its type where a version would be, and has but one version.
    key_fields = _message(key_reader, keys[type], 0, type, "key")
    if value is None:
        return CoordinatorRecord(type, key_fields, None, None)
    value_reader = SchemaReader(value)
    version = _leading_number(value_reader, "value")
    if version not in values[type].versions:
        raise FormatError(f"Found an unknown record version {version} for {type} type")
    fields = _message(value_reader, values[type], version, version, "value")
    if (
        opens_protocol
        and topic == "consumer_offsets"
        and type == GROUP_METADATA
        and fields["protocolType"] == _CONSUMER
    ):
        for member in fields["members"]:
            _open_protocol(member)
    return CoordinatorRecord(type, key_fields, version, fields)


def _leading_number(reader: SchemaReader, part: str) -> int:
    try:
        return int(reader.number("int16"))
    except EndOfBytesError:
        raise FormatError(f"Could not read version from {part}'s buffer.") from None


def _message(reader: SchemaReader, layout: Layout, version: int, shown_version: int, part: str) -> dict[str, Any]:
    try:
        return reader.message(layout, version)
    except FormatError as error:
        why = None if isinstance(error, EndOfBytesError) else error
        raise FormatError(
            f"Could not read record with version {shown_version} from {part}'s buffer due to: "
            f"{'null' if why is None else why}."
        ) from error


def _open_protocol(member: dict[str, Any]) -> None:
    """Replaces a member's subscription and assignment by what is in their bytes, where they can be read."""
    subscription, assignment = sorted(layouts("consumer_protocol"), key=lambda layout: layout.name, reverse=True)
    for name, layout in (("subscription", subscription), ("assignment", assignment)):
        reader = SchemaReader(member[name])
        try:
            member[name] = reader.message(layout, int(reader.number("int16")))
        except FormatError:
            continue


@cache
def _layouts(topic: str) -> tuple[dict[int, Layout], dict[int, Layout]]:
    def by_type(kind: str) -> dict[int, Layout]:
        return {layout.api_key: layout for layout in of_type(topic, kind) if layout.api_key is not None}

    return by_type("key"), by_type("value")
