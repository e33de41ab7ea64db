"""Whole folders to damage: a log dir with two partitions, and a segment with its indexes.

An input is a row of changes: the number of a file, a length, and the bytes that stand in the file instead of its own.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

from kafkactl.errors import KafkactlError
from kafkactl.storage import Selection, select
from kafkactl.storage.check import CheckCounts, check_log_dir, check_partition
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from tests.data.logs import HERE, extract
from tests.unit.storage.encoding import encode_batch

CHANGE = struct.Struct(">Bi")
PARTITION, METADATA = "transactions-0", "__cluster_metadata-0"
LOOKUP = "lookup-0"
TIME_MS = 1_700_000_000_000


@cache
def log_dir_files() -> dict[str, bytes]:
    """Return the files of a small log dir, as a broker of 4.3.1 left them: the end of a log, and KRaft's beginning."""
    with tempfile.TemporaryDirectory() as name:
        (source,) = extract(HERE / "4.3.1.tar.xz", Path(name), "stopped-1")
        paths = [path for path in sorted(source.rglob("*")) if path.is_file()]
        files = {path.relative_to(source).as_posix(): path.read_bytes() for path in paths}
    segments = sorted(name for name in files if name.startswith(PARTITION) and name.endswith(".log"))
    first = Path(segments[-2]).stem
    kept = {
        name: data
        for name, data in files.items()
        if "/" not in name or name.startswith(METADATA) or (name.startswith(PARTITION) and Path(name).stem >= first)
    }
    log = next(name for name in kept if name.startswith(METADATA) and name.endswith(".log"))
    kept[log] = kept[log][:1500]
    kept[f"{METADATA}/{9:020}-{1:010}.checkpoint"] = kept["bootstrap.checkpoint"]
    return kept


@cache
def lookup_files() -> dict[str, bytes]:
    """Return a segment of batches of several shapes, with an entry of both indexes for each batch but the first."""
    batches, offsets, times, position = [], [], [], 0
    for number in range(12):
        count = 1 + number % 3
        first = number * 4
        made = [Record(first + each, TIME_MS + 10 * first + each, -1, b"k", b"v" * number, ()) for each in range(count)]
        batches.append(encode_batch(made))
        if number:
            offsets.append(struct.pack(">ii", made[-1].offset, position))
            times.append(struct.pack(">qi", made[-1].timestamp_ms, made[-1].offset))
        position += len(batches[-1])
    name = f"{LOOKUP}/{0:020}"
    return {
        f"{name}.log": b"".join(batches),
        f"{name}.index": b"".join(offsets) + bytes(16),
        f"{name}.timeindex": b"".join(times) + bytes(24),
    }


def change(number: int, data: bytes) -> bytes:
    """Return an input that puts these bytes into the file with a number."""
    return CHANGE.pack(number, len(data)) + data


def folder_seeds(files: dict[str, bytes], random: Random) -> list[bytes]:
    """Return inputs that change nothing yet: each file alone, and pairs of files."""
    alone = [change(number, data) for number, data in enumerate(files.values())]
    return alone + [random.choice(alone) + random.choice(alone) for _ in range(2 * len(alone))]


def changes(data: bytes, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file that an input changes, whatever its bytes are."""
    position = 0
    while position + CHANGE.size <= len(data):
        number, length = CHANGE.unpack_from(data, position)
        position += CHANGE.size
        end = position + min(max(length, 0), len(data) - position)
        yield names[number % len(names)], data[position:end]
        position = end


def write_changed(root: Path, files: dict[str, bytes], data: bytes) -> dict[str, bytes]:
    """Put the files of a folder in place, those of an input changed, and return the changed ones."""
    if not root.exists():
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    changed = dict(changes(data, list(files)))
    for name, content in changed.items():
        (root / name).write_bytes(content)
    return changed


def restore(root: Path, files: dict[str, bytes], changed: dict[str, bytes]) -> None:
    """Put the own content of changed files back."""
    for name in changed:
        (root / name).write_bytes(files[name])


def check_folder(folder: Path, data: bytes) -> None:
    """Check the partitions with damaged files, and all of the log dir where a file of the broker is damaged."""
    root, files = folder / "log-dir", log_dir_files()
    changed = write_changed(root, files, data)
    try:
        if any("/" not in name for name in changed):
            list(check_log_dir(root, CheckCounts()))
        for partition in {name.partition("/")[0] for name in changed if "/" in name}:
            list(check_partition(root / partition, CheckCounts()))
    finally:
        restore(root, files, changed)


def look_up(folder: Path, data: bytes) -> None:
    """Read from offsets and times with indexes that may be damaged, and compare with reading without them."""
    root, files = folder / "indexed", lookup_files()
    changed = write_changed(root, files, data)
    log = next(root / name for name in files if name.endswith(".log"))
    plain = folder / "plain" / log.name
    plain.parent.mkdir(exist_ok=True)
    plain.write_bytes(log.read_bytes())
    try:
        selection = _selection(data)
        expected, found = _read(plain, selection, only_sound=True), iter(_read(log, selection))
        # An index may lead past damage, to more records; it must not hide any that the damage has left alone.
        if not all(record in found for record in expected if record in _lookup_records()):
            raise AssertionError(f"{selection}: an index hides records")
    finally:
        restore(root, files, changed)


@cache
def _lookup_records() -> frozenset[tuple[int, int]]:
    """Return offset and timestamp of every record of the undamaged segment."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"{0:020}.log"
        path.write_bytes(lookup_files()[f"{LOOKUP}/{path.name}"])
        with Segment(path) as segment:
            return frozenset((record.offset, record.timestamp_ms) for record in segment.records())


def _selection(data: bytes) -> Selection:
    """Return a selection by offset or by time, which the input decides."""
    random = Random(data)
    if random.random() < 0.5:
        return Selection(from_offset=random.randrange(-1, 60))
    return Selection(from_time_ms=TIME_MS + random.randrange(-5, 500))


def _read(path: Path, selection: Selection, *, only_sound: bool = False) -> list[tuple[int, int]]:
    """Return offset and timestamp of the records of a selection, up to where the file cannot be read on."""
    records = []
    try:
        for selected in select([path], selection, deep=True, on_error=lambda *_: None):
            read = [(record.offset, record.timestamp_ms) for record in selected.records]
            if selected.batch.is_valid or not only_sound:
                records += read
    except KafkactlError:
        pass
    return records
