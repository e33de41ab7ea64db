"""Files with bytes changed, cut off or added, beside Kafka's tool: the same text, and status zero where its is zero.

Both readers are compared. Not among the files are messages of magic 0 and 1, where Kafka's reader runs out of memory or
reads a stream only as far as it must. A magic above 2 is damage here, with the same text; Kafka's tool takes it for 2.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from kafkactl.dump.files import TextDump
from kafkactl.dump.pieces import DumpOptions
from kafkactl.output.records.decoders import make_format_decoder
from kafkactl.serde import formats
from kafkactl.storage import readers
from kafkactl.storage.records import Record
from tests.conftest import REPOSITORY
from tests.reference.dumps import kafkas_dumps
from tests.unit.storage.encoding import KINDS_OF_BATCHES, encode_batch

ORDERS = REPOSITORY / "tests" / "data" / "orders-0"
LOG = "00000000000000000000.log"
INDEX = "00000000000000000000.index"
TIME_INDEX = "00000000000000000000.timeindex"
SMALL_CASES = sorted((REPOSITORY / "tests" / "data" / "cases").glob("*/*.log"))
CASES = 2000
SEED = 20261121
NUMBERS = [0, 1, 2**31 - 1, 2**32 - 1, 2**31, 13, 14, 49, 60]
BYTES = [0, 1, 2, 3, 0x7F, 0x80, 0xFF]
LONGS = [2**63 - 1, 2**63 - 2, 2**63 - 6, 2**62, 2**63 - 2**31, 0, -1, -(2**63)]
INTS = [0, 1, 2, 5, -1, -2, 2**31 - 1, -(2**31)]
FIELDS = {0: ">q", 23: ">i", 27: ">q", 35: ">q", 53: ">i", 57: ">i"}
"""Where offsets, deltas, times, sequences and counts of a batch are."""
VARINTS = [
    "ffffffff0f",
    "8080808010",
    "ff" * 9 + "01",
    "8080808070",
    "8200",
    "ffffffff7f",
    "80" * 9 + "00",
    "80" * 9 + "02",
]
"""Zigzag varints that are longer than they need be, or than Java reads."""
ANY_MAGIC = re.compile(r" magic: (?:[3-9]|\d\d)")


@dataclass(frozen=True)
class Case:
    folder: Path
    options: tuple[str, ...]
    file: Path


def damage(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        kind, position = random.random(), random.randrange(len(changed) or 1)
        if kind < 0.15:
            del changed[position:]
        elif kind < 0.25:
            changed[position:position] = random.randbytes(random.randrange(1, 9))
        elif kind < 0.35:
            del changed[position : position + random.randrange(1, 9)]
        elif kind < 0.5:
            changed[position : position + 4] = random.choice(NUMBERS).to_bytes(4, "big")
        elif changed:
            near = random.randrange(min(len(changed), random.choice([70, 200, len(changed)])))
            changed[near] = random.choice([*BYTES, random.randrange(256)])
    return bytes(changed)


def with_extreme_numbers(data: bytes, random: Random) -> bytes:
    """Return batches of which the first has a number at the edge, a long varint, another magic, or a tail."""
    changed = bytearray(data)
    kind = random.random()
    if kind < 0.5:
        position = random.choice(list(FIELDS))
        struct.pack_into(
            FIELDS[position], changed, position, random.choice(LONGS if FIELDS[position] == ">q" else INTS)
        )
    elif kind < 0.6:
        changed[16] = random.choice([3, 4, 127, 128, 255, 0, 1])
    elif kind < 0.9:
        position = 61 + random.randrange(12)
        changed[position : position + 1] = bytes.fromhex(random.choice(VARINTS))
    else:
        changed += random.randbytes(random.randrange(30))
    return bytes(changed)


def indexed_case(folder: Path, random: Random) -> Case:
    """Return a log with many entries in its indexes, which are out of order, wrong, doubled or padded."""
    folder.mkdir()
    log, offsets, times, offset = b"", [], [], 0
    for number in range(random.choice([1, 3, 10, 40])):
        count = random.randrange(1, 5)
        records = [
            Record(offset + n, 1000 + 10 * offset + random.randrange(30), -1, b"k", b"v", ()) for n in range(count)
        ]
        if number:
            offsets.append((records[-1].offset, len(log)))
            times.append((max(record.timestamp_ms for record in records), records[-1].offset))
        log += encode_batch(records)
        offset += count
    (folder / LOG).write_bytes(log)
    (folder / INDEX).write_bytes(b"".join(struct.pack(">ii", *entry) for entry in disordered(offsets, random)))
    (folder / TIME_INDEX).write_bytes(b"".join(struct.pack(">qi", *entry) for entry in disordered(times, random)))
    options = random.choice([[], ["--verify-index-only"], ["--index-sanity-check"]])
    return Case(folder, tuple(options), folder / random.choice([INDEX, TIME_INDEX, TIME_INDEX]))


def disordered(entries: list[tuple[int, int]], random: Random) -> list[tuple[int, int]]:
    changed = list(entries)
    for _ in range(random.choice([0, 1, 1, 2, 3]) if changed else 0):
        one, other = random.randrange(len(changed)), random.randrange(len(changed))
        kind = random.randrange(6)
        if kind == 0:
            changed[one], changed[other] = changed[other], changed[one]
        elif kind == 1:
            random.shuffle(changed)
        elif kind == 2:
            changed[one] = (random.choice(INTS), changed[one][1])
        elif kind == 3:
            changed[one] = (changed[one][0], random.choice([*INTS, changed[other][1]]))
        elif kind == 4:
            changed += [(0, 0)] * random.randrange(1, 20)
        else:
            changed.insert(one, changed[other])
    return changed


def case(folder: Path, random: Random) -> Case:
    folder.mkdir()
    kind = random.choice([LOG, LOG, LOG, INDEX, TIME_INDEX])
    for name in (LOG, INDEX, TIME_INDEX):
        data = (ORDERS / name).read_bytes()
        if name == LOG and kind == LOG and random.random() < 0.7:
            data = random.choice(KINDS_OF_BATCHES) + random.choice(KINDS_OF_BATCHES)
        if name == LOG and kind == LOG and random.random() < 0.4:
            (folder / name).write_bytes(with_extreme_numbers(data, random))
            continue
        (folder / name).write_bytes(damage(data, random) if name == kind else data)
    options = random.choice([[], ["--deep-iteration"], ["--print-data-log"], ["--print-data-log"]])
    options = options if kind == LOG else random.choice([[], ["--index-sanity-check"], ["--verify-index-only"]])
    return Case(folder, tuple(options), folder / kind)


def ours(one: Case) -> tuple[str, bool]:
    """The text, and whether the status is zero; in this process, for there are many."""
    decoder = make_format_decoder(formats.get("string"), formats.get("string"))
    with_data = "--print-data-log" in one.options
    wanted = DumpOptions(
        deep=with_data or "--deep-iteration" in one.options,
        parse=decoder.text if with_data else None,
        parse_is_utf8=True,
        sanity_only="--index-sanity-check" in one.options,
        verify_only="--verify-index-only" in one.options,
    )
    out = io.BytesIO()
    status = TextDump(wanted, out).run([one.file])
    return out.getvalue().decode(), status == 0


@pytest.fixture(params=["in use", "pure Python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pure Python":
        monkeypatch.setattr(readers, "NAME", request.param)
    return str(request.param)


def compare(cases: list[Case]) -> None:
    mine = [ours(one) for one in cases]  # first, for Kafka's tool cuts an index while it looks at it
    theirs = kafkas_dumps([[*one.options, "--files", one.file] for one in cases])
    different = {}
    for one, (text, succeeded), dump in zip(cases, mine, theirs, strict=True):
        if succeeded != dump.succeeded and dump.succeeded and ANY_MAGIC.search(text):
            succeeded = True
        if (text, succeeded) != (dump.out, dump.succeeded):
            different[one] = (text, succeeded, dump)
    assert not different


def test_damaged_files(tmp_path: Path, reader: str) -> None:
    random = Random(SEED)
    compare([case(tmp_path / f"{number:04}", random) for number in range(CASES)])


def test_indexes_out_of_order(tmp_path: Path) -> None:
    random = Random(SEED)
    compare([indexed_case(tmp_path / f"{number:04}", random) for number in range(CASES)])


def test_small_cases(reader: str) -> None:
    """The segments of tests/data/cases, as Kafka's own tool reads them."""
    options: list[tuple[str, ...]] = [(), ("--deep-iteration",), ("--print-data-log",)]
    assert len(SMALL_CASES) >= 6
    compare([Case(path.parent, flags, path) for path in SMALL_CASES for flags in options])
