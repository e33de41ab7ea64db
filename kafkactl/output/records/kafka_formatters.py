"""Formatters of Kafka's console consumer, by the names of their classes.

Reference: org.apache.kafka.tools.consumer.*MessageFormatter and group.share.ShareGroupStateMessageFormatter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError, UsageError
from kafkactl.output.kafka.java_text import format_json
from kafkactl.output.records import RecordWriter
from kafkactl.storage.internal.coordinator import UnknownRecordTypeError, parse_coordinator_record
from kafkactl.storage.schema import find_layouts

_PACKAGES = (
    "org.apache.kafka.tools.consumer.group.share.",
    "org.apache.kafka.tools.consumer.",
    "org.apache.kafka.coordinator.group.",
    "kafka.coordinator.group.GroupMetadataManager$",
    "kafka.coordinator.transaction.TransactionLog$",
    "kafka.tools.",
)
LINES = ("DefaultMessageFormatter", "LoggingMessageFormatter")
NOTHING = "NoOpMessageFormatter"


@dataclass(frozen=True)
class _Records:
    """The records that a formatter prints."""

    topic: str
    """Internal topic, without the two underscores."""
    shows: Callable[[str], bool]
    """Whether records with a key of this schema name are printed."""


_INTERNAL: Mapping[str, _Records] = {
    "OffsetsMessageFormatter": _Records("consumer_offsets", lambda name: "OffsetCommit" in name),
    "GroupMetadataMessageFormatter": _Records("consumer_offsets", lambda name: name == "GroupMetadataKey"),
    "ShareGroupMessageFormatter": _Records("consumer_offsets", lambda name: name.startswith("ShareGroup")),
    "TransactionLogMessageFormatter": _Records("transaction_state", lambda name: True),
    "ShareGroupStateMessageFormatter": _Records("share_group_state", lambda name: True),
}


def strip_package(name: str) -> str:
    """Return the name of a formatter class without its package, if it has one.

    The packages are those of Kafka, also older ones; case counts. Raise UsageError for another package, and for a class
    that is not in LINES, not NOTHING, and not a formatter of an internal topic.
    """
    package = next((package for package in _PACKAGES if name.startswith(package)), "")
    short = name.removeprefix(package)
    if short not in (*LINES, NOTHING, *_INTERNAL):
        raise UsageError(
            f"unknown class {name!r} for --formatter", f"use one of {', '.join((*LINES, NOTHING, *_INTERNAL))}"
        )
    return short


class SilentWriter(RecordWriter):
    """Writer that prints nothing: to measure, or only to commit."""

    def write(self, message: Any) -> bytes:
        """Return no bytes. The record is not looked at."""
        return b""


class InternalRecords(RecordWriter):
    """Writer of records of an internal topic, each as JSON on its own line (Kafka's tool writes no line end)."""

    def __init__(self, name: str) -> None:
        """Take the name of a formatter class of an internal topic, without its package.

        Raise KeyError for any other name.
        """
        records = _INTERNAL[name]
        self._topic = records.topic
        self._types = {layout.api_key for layout in find_layouts(records.topic, "key") if records.shows(layout.name)}

    def write(self, message: Any) -> bytes:
        """Return a record as a line of JSON with its end: key (type and data) and value (version and data).

        Type and version are numbers. The value is null for a tombstone. Bytes are base64, also the subscriptions and
        assignments of members. The result is empty for a record without a key, of a type that is unknown, or of one
        that the formatter does not show. Raise FormatError, with the offset, for a record that cannot be decoded, also
        for one that the formatter does not show.
        """
        key, value = message.key(), message.value()
        if key is None:
            return b""
        try:
            record = parse_coordinator_record(self._topic, key, value, opens_protocol=False)
        except UnknownRecordTypeError:
            return b""
        except FormatError as error:
            raise FormatError(f"Could not read record at offset {message.offset()} due to: {error}") from error
        if record.type not in self._types:
            return b""
        fields = {
            "key": {"type": record.type, "data": record.key},
            "value": None if record.value is None else {"version": record.version, "data": record.value},
        }
        return format_json(fields).encode() + b"\n"
