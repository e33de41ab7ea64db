"""Producer snapshots: the idempotent and transactional producers of a partition at an offset.

Layout: the message schema ProducerSnapshot; org.apache.kafka.storage.internals.log.ProducerStateManager.readSnapshot.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from google_crc32c import value as crc32c

from kafkactl.errors import FormatError
from kafkactl.storage.source import read_file

HEADER = struct.Struct(">hI")  # version, CRC of all bytes after it
COUNT = struct.Struct(">i")
# producer id and epoch; last sequence, last offset, offset delta and timestamp of its last batch; coordinator epoch;
# first offset of its open transaction
ENTRY = struct.Struct(">qhiqiqiq")
VERSION = 1


@dataclass(frozen=True, slots=True)
class ProducerState:
    """The state of one producer; offsets and sequences are those of its last batch, or -1 without a batch."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp_ms: int
    coordinator_epoch: int
    current_transaction_first_offset: int
    """First offset of the open transaction; -1 without one."""

    @property
    def first_sequence(self) -> int:
        """Return the sequence number of the first record of the last batch.

        Sequence numbers start again at 0 after 2^31 - 1. Without a batch the result has no meaning.
        """
        return (self.last_sequence - self.offset_delta) & 0x7FFFFFFF


def read_producer_snapshot(path: Path) -> list[ProducerState]:
    """Return the producers of a .snapshot file, in the order of the file.

    A file that ends in .gz is unpacked. `-` is standard input, which is unpacked where it begins as gzip does. The list
    is empty for a file without producers.

    Raise NotFoundError for a missing file, UsageError for a folder, a device, a file without read permission, or a
    closed or terminal standard input, and FormatError for a file of another version, with a wrong CRC, with a negative
    number of producers or too few bytes, or that cannot be read. Bytes behind the last producer are ignored, but the
    CRC covers them.
    """
    data = bytes(read_file(path))
    if len(data) < HEADER.size + COUNT.size:
        raise FormatError(f"{path}: corrupt: {len(data)} bytes are too few for a producer snapshot")
    version, stored_crc = HEADER.unpack_from(data)
    if version != VERSION:
        raise FormatError(f"{path}: unknown file version {version}: only version {VERSION} is known")
    (count,) = COUNT.unpack_from(data, HEADER.size)
    first = HEADER.size + COUNT.size
    if count < 0 or first + count * ENTRY.size > len(data):
        raise FormatError(f"{path}: corrupt: {count} producers do not fit into {len(data)} bytes")
    computed_crc = int(crc32c(data[HEADER.size :]))
    if computed_crc != stored_crc:
        raise FormatError(f"{path}: corrupt: stored CRC {stored_crc}, computed {computed_crc}")
    return [ProducerState(*ENTRY.unpack_from(data, first + number * ENTRY.size)) for number in range(count)]
