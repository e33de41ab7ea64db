"""Batches with a wrong CRC, transactions, and last batches without records, in every form."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from itertools import product
from pathlib import Path

import pytest

from kafkactl.storage.records import Record
from tests.conftest import Cli
from tests.forking import Done, Line, run_all
from tests.unit.storage.encoding import encode_batch
from tests.unit.storage.test_damage import data_batch, end_batch, plain, with_changed_byte

pytestmark = pytest.mark.slow


LOG = f"{0:020}.log"
EMPTY = encode_batch([Record(20, 5, -1, None, None, ())], count=0, data=b"")


def run(cli: Cli, path: Path, *flags: str) -> Done:
    (done,) = run_all(cli.full_environment(), [Line(arguments=["dump-log", *flags, path])])
    return done


def rows_of(done: Done, form: str) -> list[dict[str, object]]:
    """Return the rows with texts in place of numbers and truths, as csv has them."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(done.stdout)))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{name: json.dumps(cell).strip('"') for name, cell in row.items()} for row in rows]


@pytest.fixture
def bad_crc(tmp_path: Path) -> Path:
    path = tmp_path / LOG
    path.write_bytes(plain(0) + with_changed_byte(plain(5), -2) + plain(10))
    return path


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("skip", [(), ("--skip-damaged",)])
def test_records_of_a_batch_with_a_wrong_crc_are_kept_and_marked(
    cli: Cli, bad_crc: Path, form: str, skip: tuple[str, ...]
) -> None:
    without = run(cli, bad_crc, "--print-data-log", "-o", form, *skip)
    assert [row["offset"] for row in rows_of(without, form)] == [str(n) for n in (*range(5), *range(10, 15))]
    kept = run(cli, bad_crc, "--print-data-log", "-o", form, "--keep-bad-crc", *skip)
    assert [row["valid"] for row in rows_of(kept, form)] == ["true"] * 5 + ["false"] * 5 + ["true"] * 5
    for done in (without, kept):
        assert done.status == 1
        assert f"{bad_crc}: " in done.stderr
        assert "its CRC does not match" in done.stderr
    batches = run(cli, bad_crc, "-o", form, *skip)
    assert [row["valid"] for row in rows_of(batches, form)] == (["true", "true"] if skip else ["true", "false", "true"])
    assert batches.status == 1


def test_kafkas_text_marks_a_wrong_crc_itself(cli: Cli, bad_crc: Path) -> None:
    as_kafka = run(cli, bad_crc, "--print-data-log")
    assert (as_kafka.status, as_kafka.stderr, as_kafka.stdout.count("isvalid: false")) == (0, "", 1)
    kept = run(cli, bad_crc, "--print-data-log", "--keep-bad-crc")
    assert (kept.status, kept.stdout) == (1, as_kafka.stdout)
    skipped = run(cli, bad_crc, "--print-data-log", "--skip-damaged")
    assert skipped.stdout.count("| offset: ") == 10
    assert f"{bad_crc}: skipped 106 bytes from position 106 to 212: its CRC does not match" in skipped.stderr


def test_transactions(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / LOG
    path.write_bytes(
        data_batch(0, 1) + data_batch(1, 2) + plain(2, 1) + end_batch(3, 1, 0) + end_batch(4, 2, 1) + data_batch(5, 1)
    )
    rows = [json.loads(line) for line in run(cli, path, "--print-data-log", "-o", "json").stdout.splitlines()]
    assert [(row["transactional"], row["aborted"]) for row in rows] == [
        (True, True), (True, False), (False, False), (True, False), (True, False), (True, None),
    ]  # fmt: skip
    batches = [json.loads(line) for line in run(cli, path, "-o", "json").stdout.splitlines()]
    assert [row["aborted"] for row in batches] == [row["aborted"] for row in rows]
    committed = ["--isolation-level", "read_committed"]
    for form in ("json", "csv"):
        done = run(cli, path, "--print-data-log", "-o", form, *committed)
        assert [row["offset"] for row in rows_of(done, form)] == ["1", "2", "3", "4"]
        last = run(cli, path, "--print-data-log", "-o", form, "--tail", "3", *committed)
        assert [row["offset"] for row in rows_of(last, form)] == ["2", "3", "4"]
    text = run(cli, path, "--deep-iteration", *committed)
    assert (text.status, text.stdout.count("| offset: "), text.stdout.count("baseOffset")) == (0, 4, 4)
    done = run(cli, path, "--follow", *committed)
    assert (done.status, "mutually exclusive" in done.stderr) == (2, True)
    assert run(cli, path, "--isolation-level", "serializable").status == 2


FORMS: tuple[tuple[str, ...], ...] = ((), *(("-o", form) for form in ("json", "jsonl", "csv", "yaml", "table")))
COMMITTED = ("--isolation-level", "read_committed")
LEFT_OUT = "3 records of 2 transactions without an end are left out: no commit or abort marker is in the files\n"
OPEN = data_batch(0, 1) + data_batch(1, 2) + plain(2, 1) + data_batch(3, 1)
ENDS = end_batch(4, 1, 1) + end_batch(5, 2, 1)


def without_ends(folder: Path, lost: str) -> list[object]:
    """Write three records of two transactions whose ends are not in the files; return the arguments that dump them."""
    path = folder / LOG
    path.write_bytes(OPEN + (bytes(len(ENDS)) if lost == "zeroed" else b""))
    if lost == "complete":
        (folder / f"{4:020}.log").write_bytes(ENDS)
    return ["dump-log", path, *COMMITTED, *(["--skip-damaged"] if lost == "zeroed" else [])]


@pytest.mark.parametrize("lost", ["segment behind", "zeroed", "complete"])
def test_records_of_transactions_without_an_end_are_counted(cli: Cli, tmp_path: Path, lost: str) -> None:
    flags = [(), ("--deep-iteration",), ("--print-data-log",)]
    arguments = without_ends(tmp_path, lost)
    lines = [Line(arguments=[*arguments, *flag, *form]) for flag, form in product(flags, FORMS)]
    for line, done in zip(lines, run_all(cli.full_environment(), lines), strict=True):
        assert done.status == (1 if lost == "zeroed" else 0), line
        *_, last = ["", *done.stderr.splitlines()]
        assert (LEFT_OUT.strip() in last) is (lost != "complete"), line
        assert ("left out" in done.stderr) is (lost != "complete"), line


@pytest.mark.parametrize("form", [(), ("-o", "csv")])
def test_records_of_transactions_without_an_end_on_standard_input(cli: Cli, form: tuple[str, ...]) -> None:
    done = cli("dump-log", "-", *COMMITTED, *form, input=OPEN, check=0)
    assert done.stderr == LEFT_OUT


@pytest.mark.parametrize("flags", [(), ("--print-data-log",)])
def test_parquet_of_transactions_without_an_end(cli: Cli, tmp_path: Path, flags: tuple[str, ...]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    with path.open("wb") as file:
        arguments = [*without_ends(tmp_path, "segment behind"), *flags, "-o", "parquet"]
        running = cli.start(*arguments, stdout=file.fileno(), stderr=subprocess.PIPE)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, LEFT_OUT)
    rows = parquet.read_table(path).to_pylist()
    assert [(row["transactional"], row["control"]) for row in rows] == [(False, None if flags else False)]


def test_only_records_that_are_looked_for_are_counted(cli: Cli, tmp_path: Path) -> None:
    expected = {
        ("--from-offset", "1"): "2 records of 2 transactions without an end are left out: ",
        ("--producer-id", "2"): "1 record of 1 transaction without an end is left out: ",
        ("--from-offset", "3", "-o", "csv"): "1 record of 1 transaction without an end is left out: ",
        ("--tail", "9"): "3 records of 2 transactions without an end are left out: ",
        ("--key", "k"): "3 records of 2 transactions without an end are left out: ",
        ("--key", "other"): "",
        ("--only-control",): "",
        ("--to-offset", "0"): "",
        ("--isolation-level", "read_uncommitted"): "",
    }
    arguments = without_ends(tmp_path, "segment behind")
    lines = [Line(arguments=[*arguments, "--print-data-log", *flags]) for flags in expected]
    for message, done in zip(expected.values(), run_all(cli.full_environment(), lines), strict=True):
        assert (done.status, done.stderr[: len(message)], bool(done.stderr)) == (0, message, bool(message))


@pytest.mark.parametrize("form", ["json", "csv", "yaml", "table"])
@pytest.mark.parametrize("flags", [(), ("--deep-iteration",), ("--skip-damaged", "--deep-iteration")])
def test_a_last_batch_without_records_is_no_damage(cli: Cli, tmp_path: Path, form: str, flags: tuple[str, ...]) -> None:
    path = tmp_path / LOG
    path.write_bytes(plain(0) + EMPTY)
    done = run(cli, path, "-o", form, *flags)
    assert (done.status, done.stderr) == (0, "")
    assert str(path) in done.stdout
