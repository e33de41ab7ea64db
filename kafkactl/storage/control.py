"""Control records: the ends of transactions, and what KRaft writes into its log and snapshots.

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
from kafkactl.storage.schema import Field, SchemaReader

KEY = struct.Struct(">hh")  # version, type
END_OF_TRANSACTION = struct.Struct(">hi")  # version, coordinator epoch
VERSION = struct.Struct(">h")


class ControlType(IntEnum):
    """The number in a control record's key; the name is what Kafka's tools print."""

    UNKNOWN = -1
    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


_VOTER = (Field("voterId", "int32"), Field("voterDirectoryId", "uuid", since=1))
_VERSION = Field("version", "int16")
LAYOUTS = {
    ControlType.LEADER_CHANGE: (
        _VERSION,
        Field("leaderId", "int32"),
        Field("voters", many=True, fields=_VOTER),
        Field("grantingVoters", many=True, fields=_VOTER),
    ),
    ControlType.SNAPSHOT_HEADER: (_VERSION, Field("lastContainedLogTimestamp", "int64")),
    ControlType.SNAPSHOT_FOOTER: (_VERSION,),
    ControlType.KRAFT_VERSION: (_VERSION, Field("kRaftVersion", "int16")),
    ControlType.KRAFT_VOTERS: (
        _VERSION,
        Field(
            "voters",
            many=True,
            fields=(
                Field("voterId", "int32"),
                Field("voterDirectoryId", "uuid"),
                Field(
                    "endpoints",
                    many=True,
                    fields=(Field("name", "string"), Field("host", "string"), Field("port", "uint16")),
                ),
                Field(
                    "kRaftVersionFeature",
                    fields=(Field("minSupportedVersion", "int16"), Field("maxSupportedVersion", "int16")),
                ),
            ),
        ),
    ),
}


@dataclass(frozen=True)
class Control:
    """What a control record says."""

    type: ControlType
    type_id: int
    message: dict[str, Any]
    """Its value's fields; of the end of a transaction only the coordinator's epoch."""


def parse_control(record: Record) -> Control:
    """A control record's meaning; raises FormatError for one that is cut off."""
    if record.key is None or len(record.key) < KEY.size:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has no type")
    _version, type_id = KEY.unpack_from(record.key)
    kind = ControlType(type_id) if type_id in ControlType._value2member_map_ else ControlType.UNKNOWN
    value = record.value or b""
    if kind in (ControlType.ABORT, ControlType.COMMIT):
        if len(value) < END_OF_TRANSACTION.size:
            raise FormatError(f"corrupt: the end of a transaction at offset {record.offset} is cut off")
        return Control(kind, type_id, {"coordinatorEpoch": END_OF_TRANSACTION.unpack_from(value)[1]})
    if kind not in LAYOUTS:
        return Control(kind, type_id, {})
    if len(value) < VERSION.size:
        raise FormatError(f"corrupt: the control record at offset {record.offset} has no version")
    (version,) = VERSION.unpack_from(value)
    return Control(kind, type_id, SchemaReader(value, version).read(LAYOUTS[kind]))
