"""Segments and indexes as text of Kafka's own dump tool.

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
from kafkactl.storage.files import strip_suffixes
from kafkactl.storage.legacy import LegacyRecord
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.text import format_header_name, split_as_utf8

if TYPE_CHECKING:
    from kafkactl.storage.producer_snapshot import ProducerState
    from kafkactl.storage.txnindex import AbortedTransaction
    from kafkactl.storage.verify import TimeFinding


def format_batch(batch: AnyBatch) -> str:
    """Return the line of a batch, without its end and without its records.

    Raise FormatError for an unknown codec, a message with a magic above 127, and one of magic 1 that is too short for
    its timestamp.
    """
    return (
        f"{format_batch_heading(batch)}"
        f" position: {batch.position} {name_timestamp_type(batch)}: {batch.max_timestamp_ms} size: {batch.size_bytes}"
        f" magic: {batch.magic} compresscodec: {batch.codec.name.lower()} crc: {batch.crc}"
        f" isvalid: {format_boolean(batch.is_valid)}"
    )


def format_batch_heading(batch: AnyBatch) -> str:
    """Return the beginning of a batch's line, up to the value of deleteHorizonMs; in magic 0 and 1 only the offset.

    It is all that can be printed where the codec is unknown.
    """
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


def format_records(
    batch: AnyBatch, records: Iterable[Record], parse: Parser | None, with_metadata: bool = True
) -> Iterator[tuple[Record, str]]:
    """Yield each record with its line, the end of the line included.

    `parse` returns the texts of key and value; a text of None is left out, and a `parse` of None leaves out both.
    Without metadata a line begins with "| ", and one without key and value is empty. `with_metadata` adds offset,
    timestamp, sizes, sequence and header names (in magic 0 and 1 validity and CRC in place of the last two), and the
    content of a control record, whose key and value are never in the line. Where `parse` raises FormatError, or a
    control record or a key or value of magic 0 or 1 that is to be shown cannot be read, the record is yielded with its
    unfinished line, as Kafka's tool leaves it, and then the error is raised. Errors of `records` and other errors of
    `parse` are raised after the lines before them.
    """
    kind = name_timestamp_type(batch)
    for record in records:
        text = _format_record_heading(record, kind) if with_metadata else ""
        try:
            if with_metadata and batch.is_control:
                text += f" {format_control(record)}"
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


def format_large_record(batch: AnyBatch, record: Record, with_metadata: bool = True) -> Iterator[bytes]:
    """Yield the line of a record in parts, its end included, with key and value as UTF-8.

    An absent key or value is left out, and bytes that are not UTF-8 become U+FFFD, as in Java. `with_metadata` adds
    offset, timestamp, sizes, sequence and header names (in magic 0 and 1 validity and CRC in place of the last two). A
    control batch is not for this function. Raise FormatError, after the unfinished line, for a key or value of magic 0
    or 1 that cannot be read.
    """
    if with_metadata:
        yield _format_record_heading(record, name_timestamp_type(batch)).encode("utf-8", errors="replace")
    if isinstance(record, LegacyRecord) and record.fault:
        raise FormatError(record.fault)
    prefix = b" " if with_metadata else b"| "
    for name, data in ((b"key: ", record.key), (b"payload: ", record.value)):
        if data is not None:
            yield prefix + name
            yield from split_as_utf8(data)
            prefix = b" "
    yield b"\n"


def _format_record_heading(record: Record, kind: str) -> str:
    """Return the beginning of a record's line: offset, timestamp, sizes, sequence and header names.

    In magic 0 and 1 validity and CRC take the place of the last two. Key, value and the line end are not in it. `kind`
    is the name of the timestamp, such as CreateTime.
    """
    text = f"| offset: {record.offset} {kind}: {record.timestamp_ms}"
    if isinstance(record, LegacyRecord):
        text += f" keySize: {record.key_size} valueSize: {record.value_size}"
        return f"{text} isValid: {format_boolean(record.is_valid)} crc: {record.crc}"
    text += f" keySize: {_measure(record.key)} valueSize: {_measure(record.value)}"
    return f"{text} sequence: {record.sequence} headerKeys: [{_format_header_names(record)}]"


def format_control(record: Record) -> str:
    """Return the content of a control record as text, such as endTxnMarker: COMMIT coordinatorEpoch: 0.

    Types of KRaft have a name and JSON, and an unknown type is controlType: UNKNOWN(NUMBER). Raise FormatError for a
    record that cannot be decoded.
    """
    from kafkactl.storage.control import parse_control

    control = parse_control(record)
    type_name = control.type.name
    if type_name in ("ABORT", "COMMIT"):
        return f"endTxnMarker: {type_name} coordinatorEpoch: {control.message['coordinatorEpoch']}"
    if type_name in _CONTROL_NAMES:
        return f"{_CONTROL_NAMES[type_name]} {format_json(control.message)}"
    return f"controlType: {type_name}({control.type_id})"


_CONTROL_NAMES = {  # by the name of the ControlType, whose module is loaded for control records only
    "LEADER_CHANGE": "LeaderChange:",
    "SNAPSHOT_HEADER": "SnapshotHeader",
    "SNAPSHOT_FOOTER": "SnapshotFooter",
    "KRAFT_VERSION": "KRaftVersion",
    "KRAFT_VOTERS": "KRaftVoters",
}


def format_log_heading(segment: Segment) -> str:
    """Return the line before the batches of a log or a KRaft snapshot, without its end.

    Raise UsageError for a log without an offset in its name and content, and for a snapshot whose name is neither
    OFFSET-EPOCH.checkpoint, with 20 and 10 digits, nor bootstrap.checkpoint.
    """
    path = segment.path.with_name(strip_suffixes(segment.path))
    if path.suffix != ".checkpoint":
        return f"Log starting offset: {segment.base_offset}"
    if path.name == "bootstrap.checkpoint":
        return "KRaft bootstrap snapshot"
    match = re.fullmatch(r"(\d{20})-(\d{10})\.checkpoint", path.name)
    if match is None:
        raise UsageError(
            f"{path}: the name has no offset and epoch", "name the snapshot as KRaft does: OFFSET-EPOCH.checkpoint"
        )
    return f"Snapshot end offset: {int(match[1])}, epoch: {int(match[2])}"


def format_producer(state: ProducerState) -> str:
    """Return the line of a producer in a snapshot, without its end.

    A producer without a batch has no fields of the last batch, and the line ends with a blank.
    """
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


def format_aborted_transaction(aborted: AbortedTransaction) -> str:
    """Return the line of an entry in a transaction index, without its end."""
    return (
        f"version: {aborted.version} producerId: {aborted.producer_id} firstOffset: {aborted.first_offset}"
        f" lastOffset: {aborted.last_offset} lastStableOffset: {aborted.last_stable_offset}"
    )


def name_timestamp_type(batch: AnyBatch) -> str:
    """Return CreateTime or LogAppendTime for a batch; NoTimestampType in magic 0."""
    if batch.magic == 0:
        return "NoTimestampType"
    return "LogAppendTime" if batch.is_log_append_time else "CreateTime"


class Faults:
    """Faults of all files, which Kafka's tool prints to stderr at the end: kind by kind, file by file."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._index: dict[Path, dict[int, int]] = {}
        self._time: dict[str, dict[Path, list[TimeFinding]]] = {fault: {} for fault in _TIME_FAULTS}
        self._gaps: dict[Path, array[int]] = {}

    def add_index_mismatch(self, path: Path, indexed: int, actual: int) -> None:
        """Note an entry of an offset index; a later call for the same offset replaces it.

        `indexed` is its offset, `actual` the last offset of the batch at its position.
        """
        self._index.setdefault(path.absolute(), {})[indexed] = actual

    def add_time_findings(self, path: Path, findings: Iterable[TimeFinding]) -> None:
        """Note the `findings` about one entry of a time index; nothing for none."""
        for finding in findings:
            self._time[finding.fault.name].setdefault(path.absolute(), []).append(finding)

    def add_gap(self, path: Path, before: int, offset: int) -> None:
        """Note two offsets, `before` and `offset`, that do not follow each other; the last pair again has no effect.

        A compacted log has millions of them, so they are kept in an array.
        """
        gaps = self._gaps.setdefault(path.absolute(), array("q"))
        if gaps[-2:] != array("q", (before, offset)):
            gaps.extend((before, offset))

    def format_lines(self) -> Iterator[str]:
        """Yield the lines about all faults, without line ends: offset indexes, time indexes, gaps, each file by file.

        Files are in the order in which they were added, with absolute paths, in which links and `..` stay. Time indexes
        come once for each kind of fault, file by file, and the findings of a file keep their order. Entries of an
        offset index begin with the highest offset, and gaps are sorted by offset. Where the gaps were not added in
        rising order, only the last one after an offset is there. Nothing without faults.
        """
        for path, mismatches in self._index.items():
            yield f"Mismatches in :{path}"
            for indexed, actual in sorted(mismatches.items(), reverse=True):
                yield f"  Index offset: {indexed}, log offset: {actual}"
        for fault, by_path in self._time.items():
            heading, form = _TIME_FAULTS[fault]
            for path, findings in by_path.items():
                yield f"{heading} :{path}"
                yield from (form.format(finding.indexed, finding.actual) for finding in findings)
        for path, gaps in self._gaps.items():
            yield f"Non-consecutive offsets in {path}"
            pairs: Iterable[tuple[int, int]] = zip(gaps[::2], gaps[1::2], strict=True)
            if any(first >= second for first, second in pairwise(gaps[::2])):
                pairs = sorted(dict(pairs).items())
            yield from (f"  {before} is followed by {offset}" for before, offset in pairs)


_TIME_FAULTS = {  # by the name of the TimeFault
    "TIMESTAMP_DIFFERS": ("Found timestamp mismatch in", "  Index timestamp: {}, log timestamp: {}"),
    "OUT_OF_ORDER": ("Found out of order timestamp in", "  Index timestamp: {}, Previously indexed timestamp: {}"),
    "OFFSET_NOT_FOUND": ("The following indexed offsets are not found in", "Indexed offset: {}, found log offset: {}"),
}


def _format_header_names(record: Record) -> str:
    """Return the names of a record's headers, joined by commas; bytes that are not UTF-8 become U+FFFD."""
    return ",".join(format_header_name(name) for name, _ in record.headers)


def _measure(data: bytes | None) -> int:
    """Return the number of bytes; -1 for None."""
    return -1 if data is None else len(data)
