"""Records of Kafka's internal topics, as Kafka's dump tool prints them.

Reference: the message parsers in org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.output.kafka.java_text import format_boolean, format_json
from kafkactl.storage.internal.coordinator import UnknownRecordTypeError, parse_coordinator_record
from kafkactl.storage.internal.metadata import parse_metadata_record
from kafkactl.storage.records import Record

KeyAndValue = tuple[str | None, str | None]
"""Text of the key and of the value; None where the tool prints none."""


def make_coordinator_parser(topic: str) -> Callable[[Record], KeyAndValue]:
    """Return a function that takes a record of a coordinator's topic and returns its key and value as text.

    `topic` is consumer_offsets, transaction_state or share_group_state, and is not checked here: for a topic without a
    layouts file the returned function raises FileNotFoundError. The texts are JSON; the value of a tombstone is
    <DELETE>. The function returns an error of the decoder as text in place of the key, and None as the value; it raises
    FormatError for a record without a key.
    """

    def parse(record: Record) -> KeyAndValue:
        """Return the texts of key and value, or an error's text and None.

        Raise FormatError for a record without a key, and FileNotFoundError for a topic without a layouts file.
        """
        if record.key is None:
            raise FormatError(
                f"the record at offset {record.offset} has no key, which every record of this topic has",
                "leave the decoder out to see it",
            )
        try:
            parsed = parse_coordinator_record(topic, record.key, record.value)
        except UnknownRecordTypeError as error:
            return f"Unknown record type {error.type} at offset {record.offset}, skipping.", None
        except FormatError as error:
            return f"Error at offset {record.offset}, skipping. {error}", None
        key = format_json({"type": str(parsed.type), "data": parsed.key})
        if parsed.value is None:
            return key, "<DELETE>"
        return key, format_json({"version": str(parsed.version), "data": parsed.value})

    return parse


def format_cluster_metadata(record: Record) -> KeyAndValue:
    """Return None and the text of a record of __cluster_metadata: JSON with type, version and data.

    An error of the decoder is the text, also for a value of None; nothing is raised.
    """
    try:
        parsed = parse_metadata_record("cluster_metadata", record.value or b"")
    except FormatError as error:
        return None, f"Error at {record.offset}, skipping. {error}"
    return None, format_json({"type": parsed.type, "version": parsed.version, "data": parsed.fields})


def format_remote_log_metadata(record: Record) -> KeyAndValue:
    """Return None and the text of a record of __remote_log_metadata, an object as Java prints it.

    An error of the decoder, and the missing value of a tombstone, give the error as the text; nothing is raised.
    """
    try:
        if record.value is None:
            raise FormatError(_NO_VALUE)
        parsed = parse_metadata_record("remote_log_metadata", record.value)
        return None, _REMOTE[parsed.name](parsed.fields)
    except FormatError as error:
        return None, f"Error at offset {record.offset}, skipping. {error}"


_NO_VALUE = (
    'Cannot invoke "java.nio.ByteBuffer.remaining()" because the return value of '
    '"org.apache.kafka.common.record.internal.Record.value()" is null'
)
_SEGMENT_STATES = ("COPY_SEGMENT_STARTED", "COPY_SEGMENT_FINISHED", "DELETE_SEGMENT_STARTED", "DELETE_SEGMENT_FINISHED")
_DELETE_STATES = ("DELETE_PARTITION_MARKED", "DELETE_PARTITION_STARTED", "DELETE_PARTITION_FINISHED")


def _format_segment(fields: Mapping[str, Any]) -> str:
    """Return RemoteLogSegmentMetadata as Java's toString() prints it, on one line.

    `fields` are those of the decoded record, by their names in Kafka's schema. Raise FormatError for a negative start
    offset, an end offset before it, missing leader epochs, and an unknown state.
    """
    start, end = fields["startOffset"], fields["endOffset"]
    if start < 0:
        raise FormatError(f"Unexpected start offset = {start}. StartOffset for a remote segment cannot be negative")
    if end < start:
        raise FormatError(
            f"Unexpected end offset = {end}. EndOffset for a remote segment cannot be less than startOffset = {start}"
        )
    epochs = _format_leader_epochs(fields)
    return _format_java_object(
        "RemoteLogSegmentMetadata",
        remoteLogSegmentId=_format_segment_id(fields["remoteLogSegmentId"]),
        startOffset=start,
        endOffset=end,
        brokerId=fields["brokerId"],
        maxTimestampMs=fields["maxTimestampMs"],
        eventTimestampMs=fields["eventTimestampMs"],
        segmentLeaderEpochs=epochs,
        segmentSizeInBytes=fields["segmentSizeInBytes"],
        customMetadata=_format_custom_metadata(fields),
        state=_format_segment_state(fields),
        txnIdxEmpty=format_boolean(fields.get("txnIndexEmpty", False)),
    )


def _format_segment_update(fields: Mapping[str, Any]) -> str:
    """Return RemoteLogSegmentMetadataUpdate as text; raise FormatError for an unknown state."""
    return _format_java_object(
        "RemoteLogSegmentMetadataUpdate",
        remoteLogSegmentId=_format_segment_id(fields["remoteLogSegmentId"]),
        customMetadata=_format_custom_metadata(fields),
        state=_format_segment_state(fields),
        eventTimestampMs=fields["eventTimestampMs"],
        brokerId=fields["brokerId"],
    )


def _format_partition_delete(fields: Mapping[str, Any]) -> str:
    """Return RemotePartitionDeleteMetadata as text; raise FormatError for an unknown state."""
    return _format_java_object(
        "RemotePartitionDeleteMetadata",
        topicPartition=_format_topic_partition(fields["topicIdPartition"]),
        state=_format_state(_DELETE_STATES, fields["remotePartitionDeleteState"], "null"),
        eventTimestampMs=fields["eventTimestampMs"],
        brokerId=fields["brokerId"],
    )


def _format_segment_snapshot(fields: Mapping[str, Any]) -> str:
    """Return RemoteLogSegmentMetadataSnapshot as text; raise FormatError for an unknown state and without epochs."""
    state = _format_segment_state(fields)
    return _format_java_object(
        "RemoteLogSegmentMetadataSnapshot",
        segmentId=fields["segmentId"],
        startOffset=fields["startOffset"],
        endOffset=fields["endOffset"],
        maxTimestampMs=fields["maxTimestampMs"],
        segmentLeaderEpochs=_format_leader_epochs(fields),
        segmentSizeInBytes=fields["segmentSizeInBytes"],
        customMetadata=_format_custom_metadata(fields),
        state=state,
        txnIdxEmpty=format_boolean(fields.get("txnIndexEmpty", False)),
    )


_REMOTE: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "RemoteLogSegmentMetadataRecord": _format_segment,
    "RemoteLogSegmentMetadataUpdateRecord": _format_segment_update,
    "RemotePartitionDeleteMetadataRecord": _format_partition_delete,
    "RemoteLogSegmentMetadataSnapshotRecord": _format_segment_snapshot,
}


def _format_java_object(name: str, **parts: object) -> str:
    """Return an object as Java's toString prints it: NAME{PART=VALUE, ...}, the parts in the order of the arguments."""
    return f"{name}{{{', '.join(f'{part}={value}' for part, value in parts.items())}}}"


def _format_segment_id(entry: Mapping[str, Any]) -> str:
    """Return RemoteLogSegmentId as text: RemoteLogSegmentId{topicIdPartition=..., id=...}."""
    return _format_java_object(
        "RemoteLogSegmentId", topicIdPartition=_format_topic_partition(entry["topicIdPartition"]), id=entry["id"]
    )


def _format_topic_partition(entry: Mapping[str, Any]) -> str:
    """Return TopicIdPartition as text: ID:TOPIC-PARTITION."""
    return f"{entry['id']}:{entry['name']}-{entry['partition']}"


def _format_leader_epochs(fields: Mapping[str, Any]) -> str:
    """Return leader epochs and offsets as a Java map, {EPOCH=OFFSET, ...}, sorted by epoch.

    Raise FormatError without any.
    """
    epochs = {entry["leaderEpoch"]: entry["offset"] for entry in fields["segmentLeaderEpochs"]}
    if not epochs:
        raise FormatError("segmentLeaderEpochs can not be null or empty")
    return f"{{{', '.join(f'{epoch}={epochs[epoch]}' for epoch in sorted(epochs))}}}"


def _format_custom_metadata(fields: Mapping[str, Any]) -> str:
    """Return custom metadata as a Java Optional, with the number of its bytes; Optional.empty for None."""
    custom = fields["customMetadata"]
    return "Optional.empty" if custom is None else f"Optional[CustomMetadata{{{len(custom)} bytes}}]"


def _format_segment_state(fields: Mapping[str, Any]) -> str:
    """Return the state of a remote segment by its name; raise FormatError for an unknown number."""
    return _format_state(_SEGMENT_STATES, fields["remoteLogSegmentState"], "state can not be null")


def _format_state(names: tuple[str, ...], number: int, otherwise: str) -> str:
    """Return the name of a state; raise FormatError with the text `otherwise` for an unknown number."""
    if not 0 <= number < len(names):
        raise FormatError(otherwise)
    return names[number]
