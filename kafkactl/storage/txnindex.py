"""Transaction indexes: the aborted transactions of a segment.

Layout: org.apache.kafka.storage.internals.log.AbortedTxn. All entries have the same size. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafkactl.errors import FormatError
from kafkactl.storage.source import read_file

ENTRY = struct.Struct(">hqqqq")


@dataclass(frozen=True, slots=True)
class AbortedTransaction:
    """One aborted transaction: its producer, its first and last offset, and the last stable offset after it."""

    version: int
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


def read_aborted_transactions(path: Path) -> Iterator[AbortedTransaction]:
    """Yield the entries of a .txnindex file, in the order of the file; nothing for an empty file.

    `-` is standard input. A file that ends in .gz, and standard input that begins as gzip data do, are unpacked. The
    whole file is read for the first entry, and not at the call. An entry with a negative version is no error.

    Raise NotFoundError for a missing file; UsageError for a folder, a device, a file without read permission, or a
    closed or terminal standard input; and FormatError for a file that has 2 GiB or more, or cannot be read or unpacked
    completely; and, after the entries before it, for an entry that is cut off or has a version above 0.
    """
    data = read_file(path)
    for position in range(0, len(data), ENTRY.size):
        if len(data) - position < ENTRY.size:
            raise FormatError(f"{path}: corrupt: its last entry has {len(data) - position} of {ENTRY.size} bytes")
        entry = AbortedTransaction(*ENTRY.unpack_from(data, position))
        if entry.version > 0:
            raise FormatError(f"{path}: unknown version {entry.version} of an entry: only version 0 is known")
        yield entry
