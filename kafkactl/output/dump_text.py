"""Segment and index files in the words of Kafka's own dump tool.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from kafkactl.errors import UsageError
from kafkactl.serde.formats import Format
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.legacy import LegacyRecord
from kafkactl.storage.producer_snapshot import ProducerState
from kafkactl.storage.records import Record
from kafkactl.storage.segment import base_offset_of
from kafkactl.storage.txnindex import AbortedTransaction
from kafkactl.storage.verify import TimeFault, TimeFinding


def batch_line(batch: AnyBatch) -> str:
    """One batch, without its records."""
    return (
        f"{_batch_heading(batch) if isinstance(batch, Batch) else f'offset: {batch.offset}'}"
        f" position: {batch.position} {timestamp_type(batch)}: {batch.max_timestamp_ms} size: {batch.size_bytes}"
        f" magic: {batch.magic} compresscodec: {batch.codec.name.lower()} crc: {batch.crc}"
        f" isvalid: {_java(batch.is_valid)}"
    )


def _batch_heading(batch: Batch) -> str:
    horizon = batch.delete_horizon_ms
    return (
        f"baseOffset: {batch.base_offset} lastOffset: {batch.last_offset} count: {batch.count}"
        f" baseSequence: {batch.base_sequence} lastSequence: {batch.last_sequence}"
        f" producerId: {batch.producer_id} producerEpoch: {batch.producer_epoch}"
        f" partitionLeaderEpoch: {batch.leader_epoch} isTransactional: {_java(batch.is_transactional)}"
        f" isControl: {_java(batch.is_control)}"
        f" deleteHorizonMs: {'OptionalLong.empty' if horizon is None else f'OptionalLong[{horizon}]'}"
    )


def record_lines(
    batch: AnyBatch, key_format: Format, value_format: Format, with_data: bool, with_metadata: bool = True
) -> Iterator[tuple[Record, str]]:
    """Each record of a batch with its line."""
    kind = timestamp_type(batch)
    for record in batch.records():
        parts = ["|"]
        if with_metadata:
            parts.append(
                f"offset: {record.offset} {kind}: {record.timestamp_ms}"
                f" keySize: {_size(record.key)} valueSize: {_size(record.value)}"
            )
            if isinstance(record, LegacyRecord):
                parts.append(f"isValid: {_java(record.is_valid)} crc: {record.crc}")
            else:
                names = ",".join(name for name, _ in record.headers)
                parts.append(f"sequence: {record.sequence} headerKeys: [{names}]")
            if batch.is_control:
                parts.append(control_text(record))
        if with_data and not batch.is_control:
            if record.key is not None:
                parts.append(f"key: {key_format.to_text(record.key)}")
            if record.value is not None:
                parts.append(f"payload: {value_format.to_text(record.value)}")
        yield record, " ".join(parts) if len(parts) > 1 else ""


def control_text(record: Record) -> str:
    """A control record's meaning."""
    control = parse_control(record)
    if control.type in (ControlType.ABORT, ControlType.COMMIT):
        return f"endTxnMarker: {control.type.name} coordinatorEpoch: {control.message['coordinatorEpoch']}"
    if control.type in _CONTROL_NAMES:
        message = json.dumps(control.message, separators=(",", ":"), ensure_ascii=False)
        return f"{_CONTROL_NAMES[control.type]} {message}"
    return f"controlType: {control.type.name}({control.type_id})"


_CONTROL_NAMES = {
    ControlType.LEADER_CHANGE: "LeaderChange:",
    ControlType.SNAPSHOT_HEADER: "SnapshotHeader",
    ControlType.SNAPSHOT_FOOTER: "SnapshotFooter",
    ControlType.KRAFT_VERSION: "KRaftVersion",
    ControlType.KRAFT_VOTERS: "KRaftVoters",
}


def log_heading(path: Path) -> str:
    """The line before a log's or a KRaft snapshot's batches; raises UsageError for a name that tells nothing."""
    if path.suffix != ".checkpoint":
        return f"Log starting offset: {base_offset_of(path)}"
    if path.name == "bootstrap.checkpoint":
        return "KRaft bootstrap snapshot"
    match = re.fullmatch(r"(\d{20})-(\d{10})\.checkpoint", path.name)
    if match is None:
        raise UsageError(f"{path}: the name tells no offset and epoch", "KRaft names snapshots OFFSET-EPOCH.checkpoint")
    return f"Snapshot end offset: {int(match[1])}, epoch: {int(match[2])}"


def producer_line(state: ProducerState) -> str:
    """One producer of a snapshot."""
    opened = state.current_transaction_first_offset
    batch = ""
    if state.last_offset >= 0:
        batch = (
            f"firstSequence: {state.first_sequence} lastSequence: {state.last_sequence} lastOffset: {state.last_offset}"
            f" offsetDelta: {state.offset_delta} timestamp: {state.timestamp_ms}"
        )
    return (
        f"producerId: {state.producer_id} producerEpoch: {state.producer_epoch}"
        f" coordinatorEpoch: {state.coordinator_epoch}"
        f" currentTxnFirstOffset: {'OptionalLong.empty' if opened < 0 else f'OptionalLong[{opened}]'}"
        f" lastTimestamp: {state.timestamp_ms} {batch}"
    )


def aborted_line(aborted: AbortedTransaction) -> str:
    """One entry of a transaction index."""
    return (
        f"version: {aborted.version} producerId: {aborted.producer_id} firstOffset: {aborted.first_offset}"
        f" lastOffset: {aborted.last_offset} lastStableOffset: {aborted.last_stable_offset}"
    )


def timestamp_type(batch: AnyBatch) -> str:
    """In Kafka's words."""
    if batch.magic == 0:
        return "NoTimestampType"
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
