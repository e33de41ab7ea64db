"""Segment and index files in the words of Kafka's own dump tool.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kafkactl.serde.formats import Format
from kafkactl.storage.batch import Batch
from kafkactl.storage.records import Record
from kafkactl.storage.verify import TimeFault, TimeFinding


def batch_line(batch: Batch) -> str:
    """One batch, without its records."""
    horizon = batch.delete_horizon_ms
    return (
        f"baseOffset: {batch.base_offset} lastOffset: {batch.last_offset} count: {batch.count}"
        f" baseSequence: {batch.base_sequence} lastSequence: {batch.last_sequence}"
        f" producerId: {batch.producer_id} producerEpoch: {batch.producer_epoch}"
        f" partitionLeaderEpoch: {batch.leader_epoch} isTransactional: {_java(batch.is_transactional)}"
        f" isControl: {_java(batch.is_control)}"
        f" deleteHorizonMs: {'OptionalLong.empty' if horizon is None else f'OptionalLong[{horizon}]'}"
        f" position: {batch.position} {timestamp_type(batch)}: {batch.max_timestamp_ms} size: {batch.size_bytes}"
        f" magic: {batch.magic} compresscodec: {batch.codec.name.lower()} crc: {batch.crc}"
        f" isvalid: {_java(batch.is_valid)}"
    )


def record_lines(
    batch: Batch, key_format: Format, value_format: Format, with_data: bool, with_metadata: bool = True
) -> Iterator[tuple[Record, str]]:
    """Each record of a batch with its line."""
    kind = timestamp_type(batch)
    for record in batch.records():
        parts = ["|"]
        if with_metadata:
            parts.append(
                f"offset: {record.offset} {kind}: {record.timestamp_ms}"
                f" keySize: {_size(record.key)} valueSize: {_size(record.value)}"
                f" sequence: {record.sequence} headerKeys: [{','.join(name for name, _ in record.headers)}]"
            )
            if batch.is_control:
                parts.append(control_text(record))
        if with_data and not batch.is_control:
            if record.key is not None:
                parts.append(f"key: {key_format.to_text(record.key)}")
            if record.value is not None:
                parts.append(f"payload: {value_format.to_text(record.value)}")
        yield record, " ".join(parts) if len(parts) > 1 else ""


def control_text(record: Record) -> str:
    """A control record's meaning: the key holds a version and a type (ControlRecordType), both i16."""
    if record.key is None or len(record.key) < 4:
        return "controlType: UNKNOWN(-1)"
    kind = int.from_bytes(record.key[2:4], "big", signed=True)
    if kind in (0, 1) and record.value is not None and len(record.value) >= 6:
        epoch = int.from_bytes(record.value[2:6], "big", signed=True)
        return f"endTxnMarker: {'COMMIT' if kind else 'ABORT'} coordinatorEpoch: {epoch}"
    names = {0: "ABORT", 1: "COMMIT", 2: "LEADER_CHANGE", 3: "SNAPSHOT_HEADER", 4: "SNAPSHOT_FOOTER"}
    names |= {5: "KRAFT_VERSION", 6: "KRAFT_VOTERS"}
    return f"controlType: {names.get(kind, 'UNKNOWN')}({kind})"


def timestamp_type(batch: Batch) -> str:
    return "LogAppendTime" if batch.is_log_append_time else "CreateTime"


def index_mismatches(path: Path, pairs: list[tuple[int, int]]) -> list[str]:
    return [f"Mismatches in :{path.absolute()}"] + [
        f"  Index offset: {index_offset}, log offset: {log_offset}" for index_offset, log_offset in pairs
    ]


def non_consecutive(path: Path, pairs: list[tuple[int, int]]) -> list[str]:
    return [f"Non-consecutive offsets in {path.absolute()}"] + [
        f"  {first} is followed by {second}" for first, second in pairs
    ]


def time_faults(path: Path, findings: list[TimeFinding]) -> list[str]:
    """Every fault of a time index, kind by kind."""
    forms = {
        TimeFault.TIMESTAMP_DIFFERS: ("Found timestamp mismatch in", "  Index timestamp: {}, log timestamp: {}"),
        TimeFault.OUT_OF_ORDER: (
            "Found out of order timestamp in",
            "  Index timestamp: {}, Previously indexed timestamp: {}",
        ),
        TimeFault.OFFSET_NOT_FOUND: (
            "The following indexed offsets are not found in",
            "Indexed offset: {}, found log offset: {}",
        ),
    }
    lines = []
    for fault, (heading, form) in forms.items():
        shown = [form.format(finding.indexed, finding.found) for finding in findings if finding.fault is fault]
        if shown:
            lines += [f"{heading} :{path.absolute()}", *shown]
    return lines


def _size(data: bytes | None) -> int:
    return -1 if data is None else len(data)


def _java(value: bool) -> str:
    return "true" if value else "false"
