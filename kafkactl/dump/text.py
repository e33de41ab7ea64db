"""Segment and index files in the words of Kafka's own dump tool.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from kafkactl.errors import FormatError, UsageError
from kafkactl.output.kafka.java_text import format_boolean, format_json
from kafkactl.output.records.decoders import Parser
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.control import ControlType, parse_control
from kafkactl.storage.files import strip_suffixes
from kafkactl.storage.legacy import LegacyRecord
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.text import format_header_name, split_as_utf8
from kafkactl.storage.verify import TimeFault, TimeFinding

if TYPE_CHECKING:
    from kafkactl.storage.producer_snapshot import ProducerState
    from kafkactl.storage.txnindex import AbortedTransaction


def batch_line(batch: AnyBatch) -> str:
    """One batch, without its records."""
    return (
        f"{batch_heading(batch)}"
        f" position: {batch.position} {timestamp_type(batch)}: {batch.max_timestamp_ms} size: {batch.size_bytes}"
        f" magic: {batch.magic} compresscodec: {batch.codec.name.lower()} crc: {batch.crc}"
        f" isvalid: {format_boolean(batch.is_valid)}"
    )


def batch_heading(batch: AnyBatch) -> str:
    """The beginning of that line, and all that is left of it where the codec is none that is known."""
    if not isinstance(batch, Batch):
        return f"offset: {batch.offset}"
    horizon = batch.delete_horizon_ms
    return (
        f"baseOffset: {batch.base_offset} lastOffset: {batch.last_offset} count: {batch.count}"
        f" baseSequence: {batch.base_sequence} lastSequence: {batch.last_sequence}"
        f" producerId: {batch.producer_id} producerEpoch: {batch.producer_epoch}"
        f" partitionLeaderEpoch: {batch.leader_epoch} isTransactional: {format_boolean(batch.is_transactional)}"
        f" isControl: {format_boolean(batch.is_control)}"
        f" deleteHorizonMs: {'OptionalLong.empty' if horizon is None else f'OptionalLong[{horizon}]'}"
    )


def record_texts(
    batch: AnyBatch, records: Iterable[Record], parse: Parser | None, with_metadata: bool = True
) -> Iterator[tuple[Record, str]]:
    """Each record with its line, ending included; `parse` makes the texts of key and value, where they are wanted.

    When it raises FormatError the line ends there, as Kafka's tool leaves it.
    """
    kind = timestamp_type(batch)
    for record in records:
        text = _record_heading(record, kind) if with_metadata else ""
        try:
            if with_metadata and batch.is_control:
                text += f" {control_text(record)}"
            key, value = None, None
            if parse is not None and not batch.is_control:
                if isinstance(record, LegacyRecord) and record.fault:
                    raise FormatError(record.fault)
                key, value = parse(record)
        except FormatError:
            yield record, text
            raise
        prefix = " " if with_metadata else "| "
        if key is not None:
            text += f"{prefix}key: {key}"
            prefix = " "
        if value is not None:
            text += f"{prefix}payload: {value}"
        yield record, text + "\n"


def large_record_line(batch: AnyBatch, record: Record, with_metadata: bool = True) -> Iterator[bytes]:
    """Yield the line of a record in parts, with key and value as UTF-8."""
    if with_metadata:
        yield _record_heading(record, timestamp_type(batch)).encode("utf-8", errors="replace")
    prefix = b" " if with_metadata else b"| "
    for name, data in ((b"key: ", record.key), (b"payload: ", record.value)):
        if data is not None:
            yield prefix + name
            yield from split_as_utf8(data)
            prefix = b" "
    yield b"\n"


def _record_heading(record: Record, kind: str) -> str:
    """Return the beginning of a record's line, `kind` being the name of its time."""
    text = f"| offset: {record.offset} {kind}: {record.timestamp_ms}"
    if isinstance(record, LegacyRecord):
        text += f" keySize: {record.key_size} valueSize: {record.value_size}"
        return f"{text} isValid: {format_boolean(record.is_valid)} crc: {record.crc}"
    text += f" keySize: {_size(record.key)} valueSize: {_size(record.value)}"
    return f"{text} sequence: {record.sequence} headerKeys: [{_names(record)}]"


def control_text(record: Record) -> str:
    """A control record's meaning."""
    control = parse_control(record)
    if control.type in (ControlType.ABORT, ControlType.COMMIT):
        return f"endTxnMarker: {control.type.name} coordinatorEpoch: {control.message['coordinatorEpoch']}"
    if control.type in _CONTROL_NAMES:
        return f"{_CONTROL_NAMES[control.type]} {format_json(control.message)}"
    return f"controlType: {control.type.name}({control.type_id})"


_CONTROL_NAMES = {
    ControlType.LEADER_CHANGE: "LeaderChange:",
    ControlType.SNAPSHOT_HEADER: "SnapshotHeader",
    ControlType.SNAPSHOT_FOOTER: "SnapshotFooter",
    ControlType.KRAFT_VERSION: "KRaftVersion",
    ControlType.KRAFT_VOTERS: "KRaftVoters",
}


def log_heading(segment: Segment) -> str:
    """The line before a log's or a KRaft snapshot's batches; raises UsageError for a name that tells nothing."""
    path = segment.path.with_name(strip_suffixes(segment.path))
    if path.suffix != ".checkpoint":
        return f"Log starting offset: {segment.base_offset}"
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


class Faults:
    """What Kafka's tool says on stderr when it is done with all files: kind by kind, file by file."""

    def __init__(self) -> None:
        self._index: dict[Path, dict[int, int]] = {}
        self._time: dict[TimeFault, dict[Path, list[TimeFinding]]] = {fault: {} for fault in _TIME_FAULTS}
        self._gaps: dict[Path, array[int]] = {}

    def index_mismatch(self, path: Path, indexed: int, found: int) -> None:
        self._index.setdefault(path.absolute(), {})[indexed] = found

    def time_findings(self, path: Path, findings: Iterable[TimeFinding]) -> None:
        for finding in findings:
            self._time[finding.fault].setdefault(path.absolute(), []).append(finding)

    def gap(self, path: Path, before: int, offset: int) -> None:
        """Two offsets that do not follow each other; a compacted log has millions of them."""
        gaps = self._gaps.setdefault(path.absolute(), array("q"))
        if gaps[-2:] != array("q", (before, offset)):
            gaps.extend((before, offset))

    def lines(self) -> Iterator[str]:
        for path, mismatches in self._index.items():
            yield f"Mismatches in :{path}"
            for indexed, found in sorted(mismatches.items(), reverse=True):
                yield f"  Index offset: {indexed}, log offset: {found}"
        for fault, by_path in self._time.items():
            heading, form = _TIME_FAULTS[fault]
            for path, findings in by_path.items():
                yield f"{heading} :{path}"
                yield from (form.format(finding.indexed, finding.actual) for finding in findings)
        for path, gaps in self._gaps.items():
            yield f"Non-consecutive offsets in {path}"
            pairs: Iterable[tuple[int, int]] = zip(gaps[::2], gaps[1::2], strict=True)
            if any(one >= other for one, other in pairwise(gaps[::2])):
                pairs = sorted(dict(pairs).items())
            yield from (f"  {before} is followed by {offset}" for before, offset in pairs)


_TIME_FAULTS = {
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


def _names(record: Record) -> str:
    return ",".join(format_header_name(name) for name, _ in record.headers)


def _size(data: bytes | None) -> int:
    return -1 if data is None else len(data)
