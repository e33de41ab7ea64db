"""Control records: the ends of transactions, and the records that KRaft writes into its log and snapshots.

Source: org.apache.kafka.common.record.ControlRecordType and EndTransactionMarker; the message schemas
LeaderChangeMessage, SnapshotHeaderRecord, SnapshotFooterRecord, KRaftVersionRecord and VotersRecord (KIP-630, KIP-853).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.storage.records import Record
from kafkactl.storage.schema import Layout, load_layouts

KEY = struct.Struct(">hh")  # version, type
END_OF_TRANSACTION = struct.Struct(">hi")  # version, coordinator epoch
VERSION = struct.Struct(">h")


class ControlType(IntEnum):
    """Type by its number in a control record's key; the name is the word of Kafka's tools."""

    UNKNOWN = -1
    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


_MESSAGES = {
    ControlType.LEADER_CHANGE: "LeaderChangeMessage",
    ControlType.SNAPSHOT_HEADER: "SnapshotHeaderRecord",
    ControlType.SNAPSHOT_FOOTER: "SnapshotFooterRecord",
    ControlType.KRAFT_VERSION: "KRaftVersionRecord",
    ControlType.KRAFT_VOTERS: "VotersRecord",
}


@dataclass(frozen=True)
class Control:
    """The decoded content of a control record."""

    type: ControlType
    """UNKNOWN for a number that has no type."""
    type_id: int
    """The number as it is in the key."""
    message: dict[str, Any]
    """Fields of the value. The end of a transaction has only `coordinatorEpoch`; an unknown type has none."""


def parse_control(record: Record) -> Control:
    """Return the content of a control record.

    A key with an unknown type gives ControlType.UNKNOWN and no fields, whatever the value is. Bytes behind the fields
    are no error, and a version that is higher than known is none by itself. Raise FormatError for a record that is cut
    off, for a negative version of the key or the value, and for a value that its schema does not describe.
    """
    if record.key is None or len(record.key) < KEY.size:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has no type")
    version, type_id = KEY.unpack_from(record.key)
    if version < 0:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has a key of version {version}")
    kind = ControlType(type_id) if type_id in ControlType._value2member_map_ else ControlType.UNKNOWN
    value = record.value or b""
    if kind in (ControlType.ABORT, ControlType.COMMIT):
        if len(value) < END_OF_TRANSACTION.size:
            raise FormatError(f"corrupt: the end of a transaction at offset {record.offset} is cut off")
        version, coordinator_epoch = END_OF_TRANSACTION.unpack_from(value)
        if version < 0:
            raise FormatError(f"corrupt: the end of a transaction at offset {record.offset} has version {version}")
        return Control(kind, type_id, {"coordinatorEpoch": coordinator_epoch})
    if kind not in _MESSAGES:
        return Control(kind, type_id, {})
    if len(value) < VERSION.size:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has no version")
    (version,) = VERSION.unpack_from(value)
    if version < 0:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has a value of version {version}")
    try:
        return Control(kind, type_id, find_control_layout(kind).read(value, version))
    except FormatError as error:
        raise FormatError(f"corrupt: the control record at offset {record.offset}: {error}") from error


def find_control_layout(kind: ControlType) -> Layout:
    """Return the layout of the values of a type.

    Raise KeyError for ABORT, COMMIT and UNKNOWN: only the types that KRaft writes have a layout.
    """
    return next(layout for layout in load_layouts("raft") if layout.name == _MESSAGES[kind])
