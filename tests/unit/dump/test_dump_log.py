"""dump-log on a committed segment that a real broker wrote, against what Kafka's own tool said of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
from pathlib import Path

import pytest

from kafkactl.storage.records import Record
from kafkactl.storage.segment import find_base_offset
from tests.conftest import REPOSITORY, Cli
from tests.data.make import OPTIONS
from tests.forking import Line, run_all
from tests.unit.storage.encoding import encode_batch

DATA = REPOSITORY / "tests" / "data"
FILES = sorted(str(file.relative_to(DATA)) for file in (DATA / "orders-0").iterdir())
LOG = DATA / "orders-0" / "00000000000000000000.log"


def dumped(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    cli = Cli(DATA)
    return subprocess.run(
        cli.command("dump-log", *arguments), cwd=DATA, capture_output=True, check=False, env=cli.full_environment()
    )


@pytest.mark.parametrize("name", OPTIONS)
def test_the_text_is_kafkas_own_byte_for_byte(name: str) -> None:
    done = dumped(*OPTIONS[name], *FILES)
    assert done.stdout == (DATA / f"orders-0.{name}.txt").read_bytes()
    assert (done.returncode, done.stderr) == (0, b"")


def test_kafkas_spelling_of_files() -> None:
    assert dumped("--files", ",".join(FILES)).stdout == dumped(*FILES).stdout


def test_records_as_json(cli: Cli) -> None:
    records = [json.loads(line) for line in cli.ok("dump-log", "--print-data-log", LOG, "-o", "json").splitlines()]
    assert [record["offset"] for record in records] == list(range(65))
    assert records[0]["key"] == "customer-0"
    assert "커피" in records[0]["value"]
    assert records[61]["headers"] == [["trace", "1"], ["empty", None]]
    assert (records[61]["value"], records[62]["key"], records[63]["key"]) == (None, None, "")


def test_batches_as_rows(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli.ok("dump-log", LOG, "-o", "csv"))))
    assert [row["codec"] for row in rows] == ["none", "gzip", "snappy", "lz4", "zstd", "none", "none", "none"]
    assert {row["valid"] for row in rows} == {"true"}
    assert cli.ok("dump-log", LOG, "-o", "yaml").count("---\n") == 8
    assert "BASE_OFFSET" in cli.ok("dump-log", LOG, "-o", "table")
    assert "cannot mix" in cli("dump-log", LOG, LOG.with_suffix(".index"), "-o", "csv", check=2).stderr


def test_values_in_other_formats(cli: Cli) -> None:
    assert " payload: 6f72646572" in cli.ok("dump-log", "--print-data-log", LOG, "--value-format", "hex")
    assert (
        "are not of the format long"
        in cli("dump-log", "--print-data-log", LOG, "--value-format", "long", check=1).stderr
    )


def copied(tmp_path: Path, change: bytes | None = None, at: int = 0, keep: int | None = None) -> Path:
    data = bytearray(LOG.read_bytes()[:keep])
    if change is not None:
        data[at : at + len(change)] = change
    path = tmp_path / LOG.name
    path.write_bytes(data)
    return path


def test_a_changed_byte_is_reported(cli: Cli, tmp_path: Path) -> None:
    path = copied(tmp_path, b"\x00", at=80)
    assert "isvalid: false" in cli.ok("dump-log", path)
    assert "its CRC does not match" in cli("dump-log", path, "--deep-iteration", "-o", "json", check=1).stderr


def test_a_torn_end_is_reported(cli: Cli, tmp_path: Path) -> None:
    path = copied(tmp_path, keep=LOG.stat().st_size - 10)
    assert cli.ok("dump-log", path).splitlines()[-1].startswith("Found ")
    assert "invalid bytes at the end" in cli("dump-log", path, "-o", "json", check=1).stderr


@pytest.mark.parametrize(
    ("change", "at", "message"),
    [
        (b"\x00\x00\x00\x00", 8, "has size 0"),
        (b"\xff\xff\xff\xff", 8, "has size -1"),
        (b"\x89", 16, "unknown magic 137"),
    ],
)
def test_a_corrupt_file_is_one_line_and_the_next_file_is_read(
    cli: Cli, tmp_path: Path, change: bytes, at: int, message: str
) -> None:
    done = cli("dump-log", copied(tmp_path, change, at), LOG, check=1)
    assert message in done.stderr.splitlines()[0]
    assert done.stdout.count("baseOffset") == 8


@pytest.mark.slow
def test_files_that_are_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "0.log").touch()
    assert cli.ok("dump-log", tmp_path / "0.log").splitlines()[1:] == ["Log starting offset: 0"]
    (tmp_path / "notes.txt").write_text("x")
    assert "Ignoring unknown file" in cli("dump-log", tmp_path / "notes.txt", check=0).stderr
    assert "Log starting offset: 0" in cli.ok("dump-log", misnamed(tmp_path))
    (tmp_path / "nameless.log").write_bytes(b"short")
    assert "has a base offset" in cli("dump-log", tmp_path / "nameless.log", check=2).stderr
    (tmp_path / "dir.log").mkdir()
    assert "no segments in it" in cli("dump-log", tmp_path / "dir.log", check=1).stderr
    (tmp_path / "0.index").write_bytes(b"123")
    assert "is empty." in cli.ok("dump-log", tmp_path / "0.index")
    for flags in (["--index-sanity-check"], ["-o", "json"]):
        (tmp_path / "0.index").write_bytes(b"123456789")
        assert "is not a multiple of" in cli("dump-log", tmp_path / "0.index", *flags, check=1).stderr
    (tmp_path / "7.index").write_bytes(bytes(8))
    assert "7.log: no such file" in cli("dump-log", tmp_path / "7.index", check=2).stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["-o", "plain"], ["-o", "json"], ["-o", "csv"], ["--tail", "3"], ["--limit", "3"]])
def test_every_form_reads_a_log_with_any_name(cli: Cli, tmp_path: Path, flags: list[str]) -> None:
    """A copy without an offset in its name begins at the first offset that it has, packed or not."""
    data = LOG.read_bytes()
    packed = gzip.compress(data)
    suffixes = ("", ".gz", ".deleted", ".cleaned.gz")
    copies = (f"{base}.log{end}" for base in ("orders", "my.orders") for end in suffixes)
    paths = [tmp_path / name for name in (f"{0:020}.log", *copies)]
    for path in paths:
        path.write_bytes(packed if path.suffix == ".gz" else data)
    lines = [Line(arguments=["dump-log", *flags, path]) for path in paths]
    expected = None
    for path, done in zip(paths, run_all(cli.full_environment(), lines), strict=True):
        assert (done.status, done.stderr) == (0, "")
        output = done.stdout.replace(str(path), "FILE")
        expected = expected or output
        assert output == expected


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("base", ["orders", "my.orders"])
def test_an_index_has_the_offset_of_the_log_with_its_name(tmp_path: Path, base: str, suffix: str) -> None:
    pack = gzip.compress if suffix else bytes
    batch = encode_batch([Record(700, 5, -1, b"k", b"v", ())])
    (tmp_path / f"{base}.log{suffix}").write_bytes(pack(batch))
    for kind in (".index", ".timeindex"):
        (tmp_path / f"{base}{kind}{suffix}").write_bytes(pack(bytes(8)))
        assert find_base_offset(tmp_path / f"{base}{kind}{suffix}") == 700


def misnamed(tmp_path: Path) -> Path:
    path = tmp_path / "orders.log"
    path.write_bytes(LOG.read_bytes())
    return path
