"""Small segments that were read wrongly once, in every form; `make test` runs this with both readers."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY, Cli
from tests.forking import Line, run_all

pytestmark = pytest.mark.slow


CASES = REPOSITORY / "tests" / "data" / "cases"
LOG = f"{0:020}.log"


def _of_text(text: str) -> list[int]:
    return [int(offset) for offset in re.findall(r"^\| offset: (-?\d+) ", text, re.MULTILINE)]


def _of_csv(text: str) -> list[int]:
    return [int(row["offset"]) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _of_table(text: str) -> list[int]:
    return [int(offset) for offset in re.findall(r"\.log +(-?\d+) ", text)]


FORMS: dict[str, Callable[[str], list[int]]] = {
    "": _of_text,
    "json": lambda text: [json.loads(line)["offset"] for line in text.splitlines()],
    "csv": _of_csv,
    "yaml": lambda text: [row["offset"] for row in yaml.safe_load_all(text) if row],
    "table": _of_table,
}
"""What finds the offsets of the records that a form shows."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A call, the offsets that it must show, its status, and what stderr must say."""

    folder: str
    flags: tuple[str, ...] = ()
    offsets: tuple[int, ...]
    text_offsets: tuple[int, ...] | None = None
    """Where Kafka's own text has others."""
    status: int = 0
    message: str | None = None


def offsets_between(*ranges: tuple[int, int]) -> tuple[int, ...]:
    return tuple(offset for first, end in ranges for offset in range(first, end))


SKIPPED = "skipped 191 bytes from position 171 to 362: corrupt: batch at position 171 has size 0"
CALLS = {
    "zeros": Case(
        folder="zero-tail", offsets=offsets_between((0, 65)), status=1, message="batch at position 1950 has size 0"
    ),
    "zeros, tail": Case(
        folder="zero-tail", flags=("--tail", "1"), offsets=(64,), status=1, message="position 1950 has size 0"
    ),
    "zeros, tail, skipped": Case(
        folder="zero-tail",
        flags=("--tail", "2", "--skip-damaged"),
        offsets=(63, 64),
        status=1,
        message="skipped 4096 bytes from position 1950 to 6046",
    ),
    "carriage return": Case(folder="csv-cr", offsets=offsets_between((0, 5))),
    "hole": Case(folder="hole-0-size", offsets=offsets_between((0, 10)), status=1, message="position 171 has size 0"),
    "hole, skipped": Case(
        folder="hole-0-size",
        flags=("--skip-damaged",),
        offsets=offsets_between((0, 10), (20, 40)),
        status=1,
        message=SKIPPED,
    ),
    "hole, tail": Case(
        folder="hole-0-size",
        flags=("--skip-damaged", "--tail", "21"),
        offsets=offsets_between((9, 10), (20, 40)),
        status=1,
        message=SKIPPED,
    ),
    "magic 3": Case(
        folder="magic3",
        offsets=offsets_between((0, 10), (20, 30)),
        text_offsets=offsets_between((0, 30)),
        status=1,
        message="batch at position 171: unknown magic 3",
    ),
    "magic 3, skipped": Case(
        folder="magic3",
        flags=("--skip-damaged",),
        offsets=offsets_between((0, 10), (20, 30)),
        status=1,
        message="skipped 191 bytes from position 171 to 362: unknown magic 3",
    ),
    "time index too old": Case(
        folder="timeindex-too-old", flags=("--from-time", "1600000000000"), offsets=offsets_between((0, 30))
    ),
    "negative timestamps": Case(folder="negative-timestamps", offsets=offsets_between((0, 5))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_shows_the_records(cli: Cli, form: str) -> None:
    output = ["-o", form] if form else []
    lines = [
        Line(arguments=["dump-log", "--print-data-log", *case.flags, *output, CASES / case.folder / LOG])
        for case in CALLS.values()
    ]
    for (name, case), done in zip(CALLS.items(), run_all(cli.full_environment(), lines), strict=True):
        expected = case.offsets if form or case.text_offsets is None else case.text_offsets
        assert (tuple(FORMS[form](done.stdout)), done.status) == (expected, case.status), name
        if case.message is None:
            assert done.stderr == "", name
        else:
            assert case.message in done.stderr, name
            assert str(CASES / case.folder / LOG) in done.stderr.splitlines()[0], name


@pytest.mark.parametrize("flags", [[], ["--skip-damaged"]])
def test_batches_of_an_unknown_magic_are_damage_without_records_too(cli: Cli, flags: list[str]) -> None:
    path = CASES / "magic3" / LOG
    for form in ("json", "csv", "yaml"):
        done = cli("dump-log", *flags, "-o", form, path, check=1)
        assert "unknown magic 3" in done.stderr
        assert done.stdout.count(str(path)) == 2
    done = cli("dump-log", *flags, path, check=1)
    assert "unknown magic 3" in done.stderr
    assert done.stdout.count("baseOffset") == (2 if flags else 3)


def test_any_csv_reader_reads_a_carriage_return_back(cli: Cli) -> None:
    command = cli.command("dump-log", "--print-data-log", "-o", "csv", CASES / "csv-cr" / LOG)
    data = subprocess.run(command, capture_output=True, env=cli.full_environment(), check=True).stdout
    rows: list[dict[str, Any]] = [
        json.loads(line)
        for line in cli.ok("dump-log", "--print-data-log", "-o", "json", CASES / "csv-cr" / LOG).splitlines()
    ]
    assert any("\r" in (row.get("value") or "") for row in rows)
    cells = [row["value"] for row in csv.DictReader(io.StringIO(data.decode("latin-1"), newline=""))]
    assert len(cells) == len(rows)
    for cell, row in zip(cells, rows, strict=True):
        assert "value_base64" in row or cell.encode("latin-1").decode() == (row["value"] or "")


def test_a_negative_timestamp_is_what_it_is(cli: Cli) -> None:
    path = CASES / "negative-timestamps" / LOG
    assert " CreateTime: -5 " in cli.ok("dump-log", "--print-data-log", path)
    assert -5 in [
        json.loads(line)["timestamp_ms"]
        for line in cli.ok("dump-log", "--deep-iteration", "-o", "json", path).splitlines()
    ]


def test_without_damage_skipping_changes_nothing(cli: Cli) -> None:
    path: Path = REPOSITORY / "tests" / "data" / "orders-0" / LOG
    for flags in (["--print-data-log"], ["-o", "json"], ["--print-data-log", "-o", "csv"]):
        assert cli.ok("dump-log", "--skip-damaged", *flags, path) == cli.ok("dump-log", *flags, path)


def test_small_cases_stand_once() -> None:
    """Every folder of a case has other files than every other one."""
    contents: dict[tuple[bytes, ...], Path] = {}
    data = REPOSITORY / "tests" / "data"
    for folder in sorted({log.parent for log in data.rglob("*.log")}):
        content = tuple(path.read_bytes() for path in sorted(folder.iterdir()))
        assert content not in contents, f"{folder} is a copy of {contents[content]}"
        contents[content] = folder
