"""Kafka's text and rows say the same of every record, also where numbers are at their edges."""

from __future__ import annotations

import gzip
import io
import re
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google_crc32c import value as crc32c

from kafkactl.dump import text
from kafkactl.dump.files import TextDump
from kafkactl.dump.pieces import DumpOptions
from kafkactl.dump.rows import BytesAs, dump_rows
from kafkactl.errors import UnreachableError
from kafkactl.output.records.decoders import make_format_decoder
from kafkactl.serde import formats
from kafkactl.statuses import FAILED
from kafkactl.storage.compression import Codec
from kafkactl.storage.control import ControlType
from kafkactl.storage.records import Record
from kafkactl.storage.selection import BadCrc, Selection
from kafkactl.storage.verify import TimeFault
from tests.unit.storage.encoding import KINDS_OF_BATCHES, encode_batch

LONGS = [2**63 - 1, 2**63 - 2, 2**63 - 6, 2**62, 2**63 - 2**31, 0, -1, -(2**63)]
INTS = [0, 1, 2, 5, -1, -2, 2**31 - 1, -(2**31)]
FIELDS = {
    "base offset": (0, ">q", LONGS),
    "last offset delta": (23, ">i", INTS),
    "base timestamp": (27, ">q", LONGS),
    "max timestamp": (35, ">q", LONGS),
    "producer id": (43, ">q", LONGS),
    "base sequence": (53, ">i", INTS),
    "count": (57, ">i", INTS),
}
DECODER = make_format_decoder(formats.get("string"), formats.get("string"))
LINE = re.compile(
    r"^\| offset: (-?\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+)", re.MULTILINE
)
Numbers = tuple[int, ...]


def with_field(batch: bytes, position: int, layout: str, number: int) -> bytes:
    """Return a batch with another number in its header, and the CRC of that."""
    changed = bytearray(batch)
    struct.pack_into(layout, changed, position, number)
    struct.pack_into(">I", changed, 17, crc32c(bytes(changed[21:])))
    return bytes(changed)


def in_text(path: Path) -> tuple[list[Numbers], bool]:
    out = io.BytesIO()
    status = TextDump(DumpOptions(deep=True, parse=DECODER.text, parse_is_utf8=True), out).run([path])
    return [tuple(map(int, found)) for found in LINE.findall(out.getvalue().decode())], status == 0


def in_rows(path: Path) -> tuple[list[Numbers], bool]:
    rows: list[Numbers] = []

    def keep(found: Iterator[dict[str, Any]]) -> None:
        for row in found:
            sizes = [-1 if row[name] is None else len(row[name]) for name in ("key", "value")]
            rows.append((row["offset"], row["timestamp_ms"], *sizes, row["sequence"]))

    selection = Selection(bad_crc=BadCrc.LEFT_OUT, with_ends=True)
    status = dump_rows([path], True, DECODER.values, BytesAs.BYTES, selection, keep)
    return rows, status == 0


@pytest.mark.parametrize("name", FIELDS)
def test_text_and_rows_have_the_same_numbers(tmp_path: Path, name: str) -> None:
    position, layout, numbers = FIELDS[name]
    path = tmp_path / f"{0:020}.log"
    for number, kind in enumerate(KINDS_OF_BATCHES):
        # Rows show what a control record means, and neither its key nor its value.
        compared = 2 if kind[22] & 0x20 else None
        for value in numbers:
            path.write_bytes(with_field(kind, position, layout, value) + KINDS_OF_BATCHES[0])
            (text, is_sound), (rows, are_sound) = in_text(path), in_rows(path)
            assert is_sound == are_sound, (number, value)
            assert len(text) == len(rows) or not is_sound  # Kafka's text ends at the first batch that cannot be read
            assert [record[:compared] for record in text] == [row[:compared] for row in rows[: len(text)]], (
                number,
                value,
            )


@pytest.mark.parametrize("key_bytes", [1, 2 << 20, 5 << 20])
@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP])
def test_a_value_that_is_longer_than_its_message_is_an_error(tmp_path: Path, codec: Codec, key_bytes: int) -> None:
    """The same in text and rows, and for a large record, which is printed part by part."""
    path = tmp_path / f"{0:020}.log"
    sized = struct.pack(">i", key_bytes) + b"k" * key_bytes + struct.pack(">i", 100) + b"short"
    damaged = legacy_message(0, Codec.NONE, sized)
    if codec is not Codec.NONE:
        packed = gzip.compress(damaged, 1)
        damaged = legacy_message(0, codec, struct.pack(">ii", -1, len(packed)) + packed)
    path.write_bytes(legacy_message(0, Codec.NONE, struct.pack(">i", -1) * 2) + damaged)
    (_, is_sound), (rows, are_sound) = in_text(path), in_rows(path)
    assert (is_sound, are_sound) == (False, False)
    assert len(rows) == 1


def legacy_message(offset: int, codec: Codec, sized: bytes) -> bytes:
    """Return a message of magic 0 with a right CRC; `sized` is its key and value behind their sizes."""
    rest = struct.pack(">bb", 0, codec.value) + sized
    return struct.pack(">qiI", offset, len(rest) + 4, zlib.crc32(rest)) + rest


def test_an_error_of_a_registry_ends_one_batch_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def read_values(record: Record) -> tuple[Any, Any]:
        if record.offset == 1:
            raise UnreachableError("cannot reach the schema registry")
        return record.key, record.value

    path = tmp_path / f"{0:020}.log"
    path.write_bytes(b"".join(encode_batch([Record(number, 0, number, None, b"v", ())]) for number in range(3)))
    rows: list[int] = []
    selection = Selection(with_ends=True)

    def keep(found: Iterator[dict[str, Any]]) -> None:
        rows.extend(row["offset"] for row in found)

    assert dump_rows([path], True, read_values, BytesAs.BYTES, selection, keep) == UnreachableError.status
    assert rows == [0, 2]
    assert capsys.readouterr().err.count("cannot reach the schema registry") == 1


@pytest.mark.parametrize("failing", [(0,), (0, 2), (0, 2, 10), (0, 2, 10, 12)])
def test_the_status_of_several_files_counts_files_and_not_their_errors(
    failing: tuple[int, ...], tmp_path: Path
) -> None:
    """A file with two errors beside one without is a part that failed, as with one error."""

    def parse_text(record: Record) -> tuple[str, str]:
        if record.offset in failing:
            raise UnreachableError("cannot reach the schema registry")
        return "", ""

    def parse_values(record: Record) -> tuple[Any, Any]:
        return parse_text(record)

    paths = []
    for base in (0, 10):
        path = tmp_path / f"{base:020}.log"
        offsets = range(base, base + 3)
        path.write_bytes(b"".join(encode_batch([Record(number, 0, number, None, b"v", ())]) for number in offsets))
        paths.append(path)
    expected = UnreachableError.status if failing[-1] >= 10 else FAILED
    for selection in (Selection(), Selection(with_ends=True), Selection(tail=100)):
        status = dump_rows(paths, True, parse_values, BytesAs.BYTES, selection, lambda rows: deque(rows, 0))
        assert status == expected, selection
        options = DumpOptions(deep=True, parse=parse_text, selection=selection)
        assert TextDump(options, io.BytesIO()).run(paths) == expected, selection


def test_names_of_types_that_are_loaded_late_exist() -> None:
    assert text._CONTROL_NAMES.keys() <= ControlType.__members__.keys()
    assert text._TIME_FAULTS.keys() == TimeFault.__members__.keys()


LARGE = bytes(5 << 20)
"""More bytes than a batch may have that is printed in one piece."""


def test_a_large_batch_with_an_unknown_magic_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It begins a piece of its own behind the batches before it."""
    record = Record(0, 0, -1, None, b"x", ())
    large = bytearray(encode_batch([record], count=0, data=LARGE))
    large[16] = 5
    (tmp_path / "0.log").write_bytes(encode_batch([record]) + large)
    assert TextDump(DumpOptions(deep=True), io.BytesIO()).run([tmp_path / "0.log"]) == FAILED
    assert capsys.readouterr().err.endswith("unknown magic 5\n")


@pytest.mark.parametrize("data", [b"", LARGE], ids=["small", "large"])
def test_a_batch_with_an_unknown_codec_has_the_beginning_of_its_line(tmp_path: Path, data: bytes) -> None:
    """Kafka's tool prints as much."""
    record = Record(0, 0, -1, None, b"x", ())
    (tmp_path / "0.log").write_bytes(encode_batch([record]) + encode_batch([record], attributes=7, data=data))
    out = io.BytesIO()
    TextDump(DumpOptions(deep=True), out).run([tmp_path / "0.log"])
    assert out.getvalue().endswith(b"deleteHorizonMs: OptionalLong.empty")
    assert out.getvalue().count(b"baseOffset") == 2
