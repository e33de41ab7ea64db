"""Files with bytes changed, cut off or added, beside Kafka's tool: the same text, and status zero where its is zero.

Not among them are messages of magic 0 and 1, where Kafka's reader runs out of
memory or reads a stream only as far as it must, and lz4, whose checksum of the content it does not look at.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kafkactl.dump.files import TextDump, Wanted
from kafkactl.output.records.decoders import by_format
from kafkactl.serde import formats
from kafkactl.storage.compression import CODEC_MASK, Codec
from tests.clusters import RunningCluster
from tests.conftest import REPOSITORY
from tests.reference.dumps import kafkas_dumps
from tests.unit.storage.encoding import KINDS_OF_BATCHES

ORDERS = REPOSITORY / "tests" / "data" / "orders-0"
LOG = "00000000000000000000.log"
INDEX = "00000000000000000000.index"
TIME_INDEX = "00000000000000000000.timeindex"
ATTRIBUTES = 22  # their lower byte in a batch
CASES = 600
SEED = 20261121
NUMBERS = [0, 1, 2**31 - 1, 2**32 - 1, 2**31, 13, 14, 49, 60]
KINDS = [batch for batch in KINDS_OF_BATCHES if batch[ATTRIBUTES] & CODEC_MASK != Codec.LZ4]
BYTES = [0, 1, 2, 3, 0x7F, 0x80, 0xFF]


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


def case(folder: Path, random: Random) -> Case:
    folder.mkdir()
    kind = random.choice([LOG, LOG, LOG, INDEX, TIME_INDEX])
    for name in (LOG, INDEX, TIME_INDEX):
        data = (ORDERS / name).read_bytes()
        if name == LOG and kind == LOG and random.random() < 0.7:
            data = random.choice(KINDS) + random.choice(KINDS)
        (folder / name).write_bytes(damage(data, random) if name == kind else data)
    options = random.choice([[], ["--deep-iteration"], ["--print-data-log"], ["--print-data-log"]])
    options = options if kind == LOG else random.choice([[], ["--index-sanity-check"], ["--verify-index-only"]])
    return Case(folder, tuple(options), folder / kind)


def ours(one: Case) -> tuple[str, bool]:
    """The text, and whether the status is zero; in this process, for there are many."""
    decoder = by_format(formats.get("string"), formats.get("string"))
    with_data = "--print-data-log" in one.options
    wanted = Wanted(
        deep=with_data or "--deep-iteration" in one.options,
        parse=decoder.text if with_data else None,
        parse_is_utf8=True,
        sanity_only="--index-sanity-check" in one.options,
        verify_only="--verify-index-only" in one.options,
    )
    out = io.BytesIO()
    status = TextDump(wanted, out).run([one.file])
    return out.getvalue().decode(), status == 0


def test_damaged_files(kraft: RunningCluster, tmp_path: Path) -> None:
    assert kraft.version == "4.3.1"  # its jars are here
    random = Random(SEED)
    cases = [case(tmp_path / f"{number:04}", random) for number in range(CASES)]
    found = [ours(one) for one in cases]  # first, for Kafka's tool cuts an index while it looks at it
    theirs = kafkas_dumps([[*one.options, "--files", one.file] for one in cases])
    different = {
        one: (mine, dump)
        for one, mine, dump in zip(cases, found, theirs, strict=True)
        if mine != (dump.out, dump.succeeded)
    }
    assert not different
