"""Records of Kafka's own topics in the words of Kafka's own dump tool.

Reference: the message parsers in org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.output.kafka.java_text import boolean_text, json_text
from kafkactl.storage.internal.coordinator import UnknownRecordTypeError, parse_coordinator_record
from kafkactl.storage.internal.metadata import parse_metadata_record
from kafkactl.storage.records import Record

KeyAndValue = tuple[str | None, str | None]


def coordinator_text(topic: str) -> Callable[[Record], KeyAndValue]:
    """The parser of a coordinator's topic; it raises FormatError for a record without a key."""

    def parse(record: Record) -> KeyAndValue:
        if record.key is None:
            raise FormatError(
                f"the record at offset {record.offset} has no key, which every record of this topic has",
                "leave the decoder out to see it",
            )
        try:
            found = parse_coordinator_record(topic, record.key, record.value)
        except UnknownRecordTypeError as error:
            return f"Unknown record type {error.type} at offset {record.offset}, skipping.", None
        except FormatError as error:
            return f"Error at offset {record.offset}, skipping. {error}", None
        key = json_text({"type": str(found.type), "data": found.key})
        if found.value is None:
            return key, "<DELETE>"
        return key, json_text({"version": str(found.version), "data": found.value})

    return parse


def cluster_metadata_text(record: Record) -> KeyAndValue:
    try:
        found = parse_metadata_record("cluster_metadata", record.value or b"")
    except FormatError as error:
        return None, f"Error at {record.offset}, skipping. {error}"
    return None, json_text({"type": found.type, "version": found.version, "data": found.fields})


def remote_log_metadata_text(record: Record) -> KeyAndValue:
    try:
        if record.value is None:
            raise FormatError(_NO_VALUE)
        found = parse_metadata_record("remote_log_metadata", record.value)
        return None, _REMOTE[found.name](found.fields)
    except FormatError as error:
        return None, f"Error at offset {record.offset}, skipping. {error}"


_NO_VALUE = (
    'Cannot invoke "java.nio.ByteBuffer.remaining()" because the return value of '
    '"org.apache.kafka.common.record.internal.Record.value()" is null'
)
_SEGMENT_STATES = ("COPY_SEGMENT_STARTED", "COPY_SEGMENT_FINISHED", "DELETE_SEGMENT_STARTED", "DELETE_SEGMENT_FINISHED")
_DELETE_STATES = ("DELETE_PARTITION_MARKED", "DELETE_PARTITION_STARTED", "DELETE_PARTITION_FINISHED")


def _segment(fields: Mapping[str, Any]) -> str:
    start, end = fields["startOffset"], fields["endOffset"]
    if start < 0:
        raise FormatError(f"Unexpected start offset = {start}. StartOffset for a remote segment cannot be negative")
    if end < start:
        raise FormatError(
            f"Unexpected end offset = {end}. EndOffset for a remote segment cannot be less than startOffset = {start}"
        )
    epochs = _leader_epochs(fields)
    return _java_object(
        "RemoteLogSegmentMetadata",
        remoteLogSegmentId=_segment_id(fields["remoteLogSegmentId"]),
        startOffset=start,
        endOffset=end,
        brokerId=fields["brokerId"],
        maxTimestampMs=fields["maxTimestampMs"],
        eventTimestampMs=fields["eventTimestampMs"],
        segmentLeaderEpochs=epochs,
        segmentSizeInBytes=fields["segmentSizeInBytes"],
        customMetadata=_custom_metadata(fields),
        state=_segment_state(fields),
        txnIdxEmpty=boolean_text(fields.get("txnIndexEmpty", False)),
    )


def _segment_update(fields: Mapping[str, Any]) -> str:
    return _java_object(
        "RemoteLogSegmentMetadataUpdate",
        remoteLogSegmentId=_segment_id(fields["remoteLogSegmentId"]),
        customMetadata=_custom_metadata(fields),
        state=_segment_state(fields),
        eventTimestampMs=fields["eventTimestampMs"],
        brokerId=fields["brokerId"],
    )


def _partition_delete(fields: Mapping[str, Any]) -> str:
    return _java_object(
        "RemotePartitionDeleteMetadata",
        topicPartition=_topic_partition(fields["topicIdPartition"]),
        state=_state(_DELETE_STATES, fields["remotePartitionDeleteState"], "null"),
        eventTimestampMs=fields["eventTimestampMs"],
        brokerId=fields["brokerId"],
    )


def _segment_snapshot(fields: Mapping[str, Any]) -> str:
    state = _segment_state(fields)
    return _java_object(
        "RemoteLogSegmentMetadataSnapshot",
        segmentId=fields["segmentId"],
        startOffset=fields["startOffset"],
        endOffset=fields["endOffset"],
        maxTimestampMs=fields["maxTimestampMs"],
        segmentLeaderEpochs=_leader_epochs(fields),
        segmentSizeInBytes=fields["segmentSizeInBytes"],
        customMetadata=_custom_metadata(fields),
        state=state,
        txnIdxEmpty=boolean_text(fields.get("txnIndexEmpty", False)),
    )


_REMOTE: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "RemoteLogSegmentMetadataRecord": _segment,
    "RemoteLogSegmentMetadataUpdateRecord": _segment_update,
    "RemotePartitionDeleteMetadataRecord": _partition_delete,
    "RemoteLogSegmentMetadataSnapshotRecord": _segment_snapshot,
}


def _java_object(name: str, **parts: object) -> str:
    return f"{name}{{{', '.join(f'{part}={value}' for part, value in parts.items())}}}"


def _segment_id(entry: Mapping[str, Any]) -> str:
    return _java_object(
        "RemoteLogSegmentId", topicIdPartition=_topic_partition(entry["topicIdPartition"]), id=entry["id"]
    )


def _topic_partition(entry: Mapping[str, Any]) -> str:
    return f"{entry['id']}:{entry['name']}-{entry['partition']}"


def _leader_epochs(fields: Mapping[str, Any]) -> str:
    epochs = {entry["leaderEpoch"]: entry["offset"] for entry in fields["segmentLeaderEpochs"]}
    if not epochs:
        raise FormatError("segmentLeaderEpochs can not be null or empty")
    return f"{{{', '.join(f'{epoch}={epochs[epoch]}' for epoch in sorted(epochs))}}}"


def _custom_metadata(fields: Mapping[str, Any]) -> str:
    custom = fields["customMetadata"]
    return "Optional.empty" if custom is None else f"Optional[CustomMetadata{{{len(custom)} bytes}}]"


def _segment_state(fields: Mapping[str, Any]) -> str:
    return _state(_SEGMENT_STATES, fields["remoteLogSegmentState"], "state can not be null")


def _state(names: tuple[str, ...], number: int, otherwise: str) -> str:
    if not 0 <= number < len(names):
        raise FormatError(otherwise)
    return names[number]
