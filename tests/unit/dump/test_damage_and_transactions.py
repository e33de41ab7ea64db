"""Batches with a wrong CRC, transactions, and last batches without records, in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from kafkactl.storage.records import Record
from tests.conftest import Cli
from tests.forking import Done, Line, run_all
from tests.unit.storage.encoding import encode_batch
from tests.unit.storage.test_damage import data_batch, end_batch, plain, with_changed_byte

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


@pytest.mark.parametrize("form", ["json", "csv", "yaml", "table"])
@pytest.mark.parametrize("flags", [(), ("--deep-iteration",), ("--skip-damaged", "--deep-iteration")])
def test_a_last_batch_without_records_is_no_damage(cli: Cli, tmp_path: Path, form: str, flags: tuple[str, ...]) -> None:
    path = tmp_path / LOG
    path.write_bytes(plain(0) + EMPTY)
    done = run(cli, path, "-o", form, *flags)
    assert (done.status, done.stderr) == (0, "")
    assert str(path) in done.stdout
