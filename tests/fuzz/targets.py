"""What is fuzzed: every reader of files, given bytes in place of a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from kafkactl.dump.files import DumpOptions, TextDump
from kafkactl.dump.text import format_aborted_transaction, format_control, format_producer
from kafkactl.errors import KafkactlError
from kafkactl.output.records.decoders import TOPICS, make_format_decoder, make_topic_decoder
from kafkactl.serde import formats
from kafkactl.storage import compression, seek
from kafkactl.storage.check import CheckCounts, check_partition
from kafkactl.storage.checkpoint import read_leader_epochs, read_offset_checkpoint, read_properties, read_quorum_state
from kafkactl.storage.index import OffsetIndex, TimeIndex
from kafkactl.storage.producer_snapshot import read_producer_snapshot
from kafkactl.storage.records import Record
from kafkactl.storage.segment import Segment
from kafkactl.storage.selection import Selection
from kafkactl.storage.stats import compute_stats, export_stats
from kafkactl.storage.txnindex import read_aborted_transactions
from tests.fuzz.folders import check_folder, look_up

BOUND_BYTES = 1 << 20  # of a decompressed batch: bombs are stopped early, so that more of them fit into an hour
STEM = f"{0:020}"
TEXT = make_format_decoder(formats.get("string"), formats.get("string"))
WANTED = [
    DumpOptions(deep=True, parse=TEXT.text, parse_is_utf8=True),
    DumpOptions(),
    DumpOptions(deep=True, parse=TEXT.text, selection=Selection(from_offset=3, to_time_ms=1_700_000_000_009)),
    DumpOptions(deep=True, parse=TEXT.text, selection=Selection(tail=3)),
]
DECODERS = [make_topic_decoder(topic) for topic in TOPICS]


def segment(folder: Path, data: bytes) -> None:
    path = folder / f"{STEM}.log"
    path.write_bytes(data)
    for wanted in WANTED:
        TextDump(wanted, io.BytesIO()).run([path])
    expect_only_ours(lambda: export_stats(compute_stats(path, lambda _: None), 3))
    with Segment(path) as opened:
        expect_only_ours(lambda: [(batch.is_valid, list(batch.records())) for batch in opened.batches()])


def folder_check(folder: Path, data: bytes) -> None:
    (folder / f"{STEM}.log").write_bytes(data)
    list(check_partition(folder, CheckCounts()))


def index(folder: Path, data: bytes) -> None:
    for suffix in ("index", "timeindex"):
        path = folder / f"{STEM}.{suffix}"
        path.write_bytes(data)
        for wanted in (DumpOptions(), DumpOptions(sanity_only=True)):
            TextDump(wanted, io.BytesIO()).run([path])
    expect_only_ours(lambda: (OffsetIndex(path.with_suffix(".index")).lookup(5), list(TimeIndex(path).read_entries())))
    list(check_partition(folder, CheckCounts()))


def small_file(folder: Path, data: bytes) -> None:
    readers: list[Callable[[Path], object]] = [
        lambda path: [format_aborted_transaction(entry) for entry in read_aborted_transactions(path)],
        lambda path: [format_producer(state) for state in read_producer_snapshot(path)],
        read_leader_epochs,
        read_offset_checkpoint,
        read_properties,
        read_quorum_state,
    ]
    path = folder / f"{STEM}.snapshot"
    path.write_bytes(data)
    for read in readers:
        expect_only_ours(lambda read=read: read(path))  # type: ignore[misc]


def message(folder: Path, data: bytes) -> None:
    record = Record(5, 0, -1, data[:9], data[9:], ())
    for decoder in DECODERS:
        decoder.text(record)
        expect_only_ours(lambda decoder=decoder: decoder.values(record))  # type: ignore[misc]
    expect_only_ours(lambda: format_control(record))


TARGETS: dict[str, Callable[[Path, bytes], None]] = {
    "segment": segment,
    "check": folder_check,
    "index": index,
    "small": small_file,
    "message": message,
    "folder": check_folder,
    "lookup": look_up,
}


def expect_only_ours(work: Callable[[], object]) -> None:
    """Any error but ours is a finding."""
    try:
        work()
    except KafkactlError:
        return


def limit_memory() -> None:
    compression.MAX_DECOMPRESSED_BYTES = BOUND_BYTES
    vars(seek)["READ_WHOLE_BYTES"] = 0  # where small logs are read without their time index, these are looked up, too
