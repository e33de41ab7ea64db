"""Check of a broker's small files: its identity, its cluster, and the safe offsets of its logs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kafkactl.errors import FormatError, KafkactlError, MissingFileError, NotFoundError
from kafkactl.storage.check.faults import Fault, notice, unreadable
from kafkactl.storage.checkpoint import PartitionOffset, read_offset_checkpoint, read_properties, read_quorum_state
from kafkactl.storage.files import FileKind
from kafkactl.storage.log_dir import explain_irregular

T = TypeVar("T")

LOCK, CLEAN_SHUTDOWN = ".lock", ".kafka_cleanshutdown"
OFFSET_CHECKPOINTS = (
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
)
_ID_BYTES = 16
_ID = re.compile(r"[A-Za-z0-9_-]{22}(?:==)?")
_ID_NAMES = {"0": "broker.id", "1": "node.id"}
"""Name of the broker's number by the version of meta.properties: 0 with ZooKeeper, 1 with KRaft."""
_QUORUM_VERSIONS = (0, 1)


def read_regular(path: Path, read: Callable[[Path], T], faults: list[Fault]) -> T | None:
    """Return what `read` makes of a file, or None where it is missing or faulty. No KafkactlError is raised.

    A KafkactlError of `read` is added to `faults`, unless the file is missing. FIFOs, sockets, devices and links that
    cannot be followed count as missing, without a fault, because reading a FIFO would wait for its writer. A folder,
    and a path whose inode cannot be read, are given to `read`. Other errors of `read` are raised.
    """
    try:
        return None if explain_irregular(path) is not None and not _has_broken_inode(path) else read(path)
    except NotFoundError:
        return None
    except KafkactlError as error:
        faults.append(unreadable(path, error))
        return None


def _has_broken_inode(path: Path) -> bool:
    """Return whether a path, or a link itself, cannot be looked at; False for a missing one, also without its folder.

    Nothing is raised.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return False


def check_partition_metadata(path: Path, expected_id: str | None) -> Iterator[Fault]:
    """Yield the faults of partition.metadata; none for a missing file, a broken link, a FIFO or a device.

    They are a file that cannot be read, a version that is missing or not 0, and a topic_id that is missing, is not 16
    bytes in base64, or differs from `expected_id`: the topic's id in the log of KRaft, or None where it is not known.
    Nothing is raised.
    """
    faults: list[Fault] = []
    properties = read_regular(path, read_properties, faults)
    yield from faults
    if properties is None:
        return
    if properties.get("version") != "0":
        yield Fault(file=path, fault=f"unknown version {properties.get('version')!r}: only version 0 is known")
    topic_id = properties.get("topic_id")
    if topic_id is None or not _is_id(topic_id):
        yield Fault(file=path, fault=f"topic_id {topic_id!r} is not an id of {_ID_BYTES} bytes in base64")
    elif expected_id not in (None, topic_id):
        yield Fault(file=path, fault=f"topic_id {topic_id}, and the topic's id in the log of KRaft is {expected_id}")


def check_meta_properties(path: Path) -> Iterator[Fault]:
    """Yield the faults of meta.properties.

    They are a missing file or a path that is no file, because a log dir that a broker has used always has it; one that
    cannot be read; a version other than 0 and 1, after which nothing else is checked; a broker.id (version 0) or
    node.id (version 1) that is not of digits alone; in version 1 also a missing node.id and a missing or empty
    cluster.id; and a directory.id that is not 16 bytes in base64. A missing version is 0. Nothing is raised.
    """
    faults: list[Fault] = []
    properties = read_regular(path, read_properties, faults)
    yield from faults
    if properties is None:
        if not faults:
            yield Fault(file=path, fault="missing: a broker does not know this log dir without it")
        return
    version = properties.get("version", "0")
    if version not in _ID_NAMES:
        yield Fault(file=path, fault=f"unknown version {version!r}: only versions 0 and 1 are known")
        return
    name = _ID_NAMES[version]
    needs_ids = version != "0"  # a broker that has not registered yet has none
    if (needs_ids or name in properties) and not properties.get(name, "").isdecimal():
        yield Fault(file=path, fault=f"{name} {properties.get(name)!r} is not a number")
    if needs_ids and not properties.get("cluster.id"):
        yield Fault(file=path, fault="cluster.id is missing")
    directory_id = properties.get("directory.id")
    if directory_id is not None and not _is_id(directory_id):
        yield Fault(file=path, fault=f"directory.id {directory_id!r} is not an id of {_ID_BYTES} bytes in base64")


def check_quorum_state(path: Path, log_epoch: int) -> Iterator[Fault]:
    """Yield the faults of quorum-state; none for a missing file, a broken link, a FIFO or a device.

    They are a file that cannot be read; a missing or unknown data_version, after which the rest is checked, too; a
    leaderId, leaderEpoch, votedId or (in version 0) appliedOffset that is missing, no number or below -1; voters that
    are given (not null) and are no list of objects with a voterId of -1 or above; a leader that is neither a voter nor
    -1, where there are voters; and an epoch from 0 on that is below `log_epoch`. -1 is no fault: it is an unknown
    epoch. `log_epoch` is the largest leader epoch in the log: a node writes an epoch to this file before the epoch's
    first batch. Nothing is raised.
    """
    faults: list[Fault] = []
    state = read_regular(path, read_quorum_state, faults)
    yield from faults
    if state is None:
        return
    if state.get("data_version") not in _QUORUM_VERSIONS:
        yield Fault(file=path, fault=f"unknown data_version {state.get('data_version')!r}: only 0 and 1 are known")
    own_names = ("appliedOffset",) if state.get("data_version") == 0 else ()
    for name in ("leaderId", "leaderEpoch", "votedId", *own_names):
        if not _is_number(state.get(name)):
            yield Fault(file=path, fault=f"{name} {state.get(name)!r} is not a number")
    epoch, leader = state.get("leaderEpoch"), state.get("leaderId")
    if isinstance(epoch, int) and 0 <= epoch < log_epoch:
        yield Fault(file=path, fault=f"leaderEpoch {epoch}, and the log has batches of epoch {log_epoch}")
    voters = [] if state.get("currentVoters") is None else state["currentVoters"]
    entries = voters if isinstance(voters, list) else [None]
    ids = [entry.get("voterId") if isinstance(entry, dict) else None for entry in entries]
    if not all(map(_is_number, ids)):
        yield Fault(file=path, fault="currentVoters is not a list of objects with a voterId")
    elif voters and leader not in (*ids, -1):
        yield Fault(file=path, fault=f"leaderId {leader!r} is not one of the voters {', '.join(map(str, ids))}")


def _is_number(value: object) -> bool:
    """Return whether a value is an integer of -1 or above; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= -1


def check_offsets(path: Path) -> tuple[list[PartitionOffset], list[Fault]]:
    """Return the lines of an offset checkpoint and the faults of the file.

    Faults are a file that cannot be read or is damaged, which has no lines then, and a repeated partition and a
    negative number, whose lines are returned, too. A missing or empty file, a broken link, a FIFO and a device have
    neither lines nor faults. Nothing is raised.
    """
    faults: list[Fault] = []
    lines = read_regular(path, read_offset_checkpoint, faults) or []
    seen_partitions: set[tuple[str, int]] = set()
    for line in lines:
        partition = (line.topic, line.partition)
        if partition in seen_partitions:
            faults.append(Fault(file=path, fault=f"{line.topic}-{line.partition} occurs twice"))
        if line.offset < 0 or line.partition < 0:
            text = f"{line.topic}-{line.partition} with offset {line.offset}: a number below 0"
            faults.append(Fault(file=path, offset=line.offset, fault=text))
        seen_partitions.add(partition)
    return lines, faults


def may_be_in_use(log_dir: Path) -> bool:
    """Return whether a broker may have a log dir open: .lock exists, and .kafka_cleanshutdown does not."""
    return os.path.exists(log_dir / LOCK) and not os.path.exists(log_dir / CLEAN_SHUTDOWN)


def check_clean_shutdown(path: Path) -> Iterator[Fault]:
    """Yield a notice where the file of a clean stop is missing, or is neither empty nor a JSON object with version 0.

    A file that cannot be read, or a folder, is a fault. A link that cannot be followed, a FIFO and a device count as
    missing. Nothing is raised.
    """
    faults: list[Fault] = []
    content = read_regular(path, _read_bytes, faults)
    yield from faults
    if content is None:
        if not faults:
            yield notice(path, "missing: the broker runs, or it was not stopped cleanly")
        return
    if content and not _is_version_0(content):
        yield notice(path, "neither empty nor a JSON object with version 0: the broker ignores its content")


def _is_version_0(content: bytes) -> bool:
    """Return whether Python's `json` reads a content as an object whose version is the integer 0; nothing is raised."""
    try:
        state = json.loads(content)
    except (ValueError, RecursionError):
        return False
    version = state.get("version") if isinstance(state, dict) else None
    return type(version) is int and version == 0


def _read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise MissingFileError for a missing one, FormatError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error}") from error


def _is_id(text: str) -> bool:
    """Return whether a text is 16 bytes in URL-safe base64, with or without padding."""
    return _ID.fullmatch(text) is not None


def is_broker_file(path: Path) -> bool:
    """Return whether a file has the name of an offset checkpoint, meta.properties or the file of a clean stop."""
    return path.name in (*OFFSET_CHECKPOINTS, FileKind.META_PROPERTIES.value, CLEAN_SHUTDOWN)
