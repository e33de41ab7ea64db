"""Segment and index files as rows for programs: json (one object a line), csv, yaml and tables."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kafkactl.errors import FormatError, KafkactlError, UsageError
from kafkactl.output import people
from kafkactl.output.dump_text import control_text, timestamp_type
from kafkactl.output.report import Column, OutputFormat, listing
from kafkactl.serde.formats import Format
from kafkactl.storage.batch import AnyBatch, Batch
from kafkactl.storage.index import OffsetIndex, TimeIndex
from kafkactl.storage.producer_snapshot import read_producer_snapshot
from kafkactl.storage.segment import Segment
from kafkactl.storage.txnindex import read_aborted_transactions


def dump_rows(paths: list[Path], deep: bool, key: Format, value: Format, format: OutputFormat | None) -> int:
    """Prints every file's rows; an error in one file does not hide the others. Returns an exit status."""
    if len({path.suffix for path in paths}) > 1 and format is not OutputFormat.JSON and format is not OutputFormat.YAML:
        raise UsageError(f"-o {format} cannot mix kinds of files: their columns differ", "-o json can")
    status = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal status
        for path in paths:
            try:
                yield from _rows(path, deep, key, value)
            except KafkactlError as error:
                sys.stdout.flush()
                people.error(error)
                status = error.status

    _print(rows(), format)
    return status


def _print(rows: Iterator[dict[str, Any]], format: OutputFormat | None) -> None:
    if format is OutputFormat.JSON:
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    elif format is OutputFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for number, row in enumerate(rows):
            if number == 0:
                writer.writerow(row)
            writer.writerow(
                ["" if cell is None else json.dumps(cell) if isinstance(cell, list) else cell for cell in row.values()]
            )
    elif format is OutputFormat.YAML:
        import yaml

        for row in rows:
            sys.stdout.write("---\n" + yaml.safe_dump(row, sort_keys=False, allow_unicode=True))
    else:
        from kafkactl.output.render import show

        held = list(rows)  # a table's widths are known when its last row is
        names = list(held[0]) if held else []
        show(listing([Column(name.upper(), lambda row, name=name: row[name]) for name in names], held), format)  # type: ignore[misc]


def _rows(path: Path, deep: bool, key: Format, value: Format) -> Iterator[dict[str, Any]]:
    if path.suffix == ".index":
        for offset_entry in OffsetIndex(path).entries():
            yield {"file": str(path), "offset": offset_entry.offset, "position": offset_entry.position}
    elif path.suffix == ".timeindex":
        for time_entry in TimeIndex(path).entries():
            yield {"file": str(path), "timestamp_ms": time_entry.timestamp_ms, "offset": time_entry.offset}
    elif path.suffix == ".txnindex":
        yield from ({"file": str(path), **asdict(entry)} for entry in read_aborted_transactions(path))
    elif path.suffix == ".snapshot":
        yield from ({"file": str(path), **asdict(state)} for state in read_producer_snapshot(path))
    elif path.suffix in (".log", ".checkpoint"):
        with Segment(path) as segment:
            read_bytes = 0
            for batch in segment.batches():
                yield from _record_rows(batch, key, value) if deep else [_batch_row(path, batch)]
                read_bytes += batch.size_bytes
            if read_bytes < segment.size_bytes:
                raise FormatError(f"{path}: {segment.size_bytes - read_bytes} invalid bytes at the end")
    else:
        known = ".log, .checkpoint, .index, .timeindex, .txnindex and .snapshot are"
        raise UsageError(f"{path}: not a kind of file that is known", known)


def _batch_row(path: Path, batch: AnyBatch) -> dict[str, Any]:
    new = batch if isinstance(batch, Batch) else None
    return {
        "file": str(path),
        "position": batch.position,
        "size_bytes": batch.size_bytes,
        "magic": batch.magic,
        "base_offset": new.base_offset if new else None,
        "last_offset": batch.last_offset,
        "count": new.count if new else None,
        "leader_epoch": new.leader_epoch if new else None,
        "codec": batch.codec.name.lower(),
        "timestamp_type": timestamp_type(batch),
        "max_timestamp_ms": batch.max_timestamp_ms,
        "producer_id": new.producer_id if new else None,
        "producer_epoch": new.producer_epoch if new else None,
        "base_sequence": new.base_sequence if new else None,
        "transactional": new.is_transactional if new else False,
        "control": batch.is_control,
        "delete_horizon_ms": new.delete_horizon_ms if new else None,
        "crc": batch.crc,
        "valid": batch.is_valid,
    }


def _record_rows(batch: AnyBatch, key: Format, value: Format) -> Iterator[dict[str, Any]]:
    if not batch.is_valid:
        raise FormatError(
            f"batch at position {batch.position}: its CRC does not match", "without -o it is shown all the same"
        )
    for record in batch.records():
        yield {
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "timestamp_type": timestamp_type(batch),
            "sequence": record.sequence,
            "producer_id": batch.producer_id if isinstance(batch, Batch) else None,
            "control": control_text(record) if batch.is_control else None,
            "headers": [
                [name, None if data is None else data.decode("utf-8", errors="replace")]
                for name, data in record.headers
            ],
            "key": None if record.key is None or batch.is_control else key.to_text(record.key),
            "value": None if record.value is None or batch.is_control else value.to_text(record.value),
        }
