"""Where bytes come from: pipes, gzip, files that become shorter, files that must not be changed, large values."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path

import pytest

from kafkactl.storage.compression import Codec
from kafkactl.storage.records import Record
from kafkactl.storage.text import jvm_text
from tests.conftest import REPOSITORY, Cli
from tests.unit.storage.encoding import encode_batch

pytestmark = pytest.mark.slow


FOLDER = REPOSITORY / "tests" / "data" / "orders-0"
LOG = FOLDER / f"{0:020}.log"
EVERY_CELL = bool(os.environ.get("KAFKACTL_TEST_EVERY_CELL"))
MANY = 40


def without_name(text: str) -> str:
    """Return the output without the names of files in it."""
    return "\n".join(
        line for line in text.replace('"file":"-"', f'"file":"{LOG}"').splitlines() if "Dumping" not in line
    )


@pytest.mark.parametrize("flags", [[], ["--print-data-log"], ["--print-data-log", "-o", "json"], ["--tail", "3"]])
def test_standard_input_is_a_log(cli: Cli, tmp_path: Path, flags: list[str]) -> None:
    expected = cli.ok("dump-log", *flags, LOG)
    for data in (LOG.read_bytes(), gzip.compress(LOG.read_bytes())):
        assert without_name(cli.ok("dump-log", *flags, "-", input=data)) == without_name(expected)
    with LOG.open("rb") as file:
        done = subprocess.run(
            cli.command("dump-log", *flags, "-"),
            stdin=file,
            capture_output=True,
            env=cli.full_environment(),
            check=True,
        )
    assert without_name(done.stdout.decode()) == without_name(expected)


def test_compressed_files(cli: Cli, tmp_path: Path) -> None:
    for name in (".log", ".index", ".timeindex"):
        (tmp_path / f"{LOG.stem}{name}.gz").write_bytes(gzip.compress(LOG.with_suffix(name).read_bytes()))
    path = tmp_path / f"{LOG.name}.gz"
    assert without_name(cli.ok("dump-log", "--print-data-log", path)) == without_name(
        cli.ok("dump-log", "--print-data-log", LOG)
    )
    assert cli.ok("dump-log", "--from-offset", 60, "--deep-iteration", path).count("| offset: ") == 5
    assert "offset: 23 position: 663" in cli.ok("dump-log", tmp_path / f"{LOG.stem}.index.gz")


def test_a_compressed_file_that_is_cut_off_is_read_as_far_as_it_goes(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / f"{LOG.name}.gz"
    path.write_bytes(gzip.compress(LOG.read_bytes() + os.urandom(200_000))[:100_000])
    for flags in (["--print-data-log"], ["--print-data-log", "-o", "json"], ["--skip-damaged", "--print-data-log"]):
        done = cli("dump-log", *flags, path, check=1)
        assert "order 11 by zstd" in done.stdout
        assert str(path) in done.stderr.splitlines()[0]
    path.write_bytes(b"no gzip at all")
    assert f"{path}: corrupt: its gzip data end" in cli("dump-log", path, check=1).stderr


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_pipe_with_a_name(cli: Cli, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"{LOG.name}{suffix}"
    os.mkfifo(path)
    data = gzip.compress(LOG.read_bytes()) if suffix else LOG.read_bytes()
    writer = threading.Thread(target=lambda: path.write_bytes(data))
    writer.start()
    text = cli.ok("dump-log", path)
    writer.join()
    assert text.count("baseOffset") == 8


@pytest.mark.parametrize("name", ["-", "00000000000000000000.log.gz"])
def test_what_cannot_grow_is_not_followed(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b""))
    path = name if name == "-" else tmp_path / name
    assert "--follow cannot" in cli("dump-log", "--follow", path, input=b"", check=2).stderr


def test_other_files_are_read_when_one_is_missing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for flags in ([], ["--print-data-log"], ["-o", "json"], ["--tail", "1"], ["-o", "csv"]):
        for missing, alone in ((tmp_path / "1.log", 2), (tmp_path / "empty", 1)):
            assert cli("dump-log", *flags, missing).returncode == alone
            done = cli("dump-log", *flags, missing, LOG, check=1)
            assert str(missing) in done.stderr
            assert done.stdout


def test_nothing_is_written_beside_a_log(cli: Cli, tmp_path: Path) -> None:
    for file in FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() + (bytes(160) if file.suffix.endswith("index") else b""))
    files = sorted(tmp_path.iterdir())
    before = [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    folder_before = tmp_path.stat().st_mtime_ns
    elsewhere = Cli(REPOSITORY)
    for flags in (
        [],
        ["--from-offset", "5", "--from-time", "7"],
        ["--skip-damaged", "-o", "json"],
        ["--index-sanity-check"],
    ):
        elsewhere("dump-log", *flags, *files)
    assert [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files] == before
    assert tmp_path.stat().st_mtime_ns == folder_before


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    "flags", [["--print-data-log"], ["--print-data-log", "-o", "json"], ["--skip-damaged", "--print-data-log"]]
)
def test_a_file_that_becomes_shorter_while_it_is_read(cli: Cli, tmp_path: Path, jobs: int, flags: list[str]) -> None:
    """The reader waits for a full pipe when the file is cut: what was printed stands once, then comes an error."""
    path = tmp_path / LOG.name
    batches = [encode_batch([Record(n, 5, -1, b"k", os.urandom(60_000).hex().encode(), ())]) for n in range(MANY)]
    path.write_bytes(b"".join(batches))
    with cli.start("dump-log", *flags, "--jobs", jobs, path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(1)
        os.truncate(path, len(batches[0]) + 7)
        text = first + process.stdout.read()
        error = process.stderr.read()
    assert process.returncode == 1
    assert f"{path}: the file became shorter while it was read" in error
    assert len(error.splitlines()) <= 2
    offsets = [
        line.split("offset")[1][:6] for line in text.splitlines() if "offset" in line[:200] and "base" not in line[:4]
    ]
    assert len(offsets) == len(set(offsets)) < MANY


LARGE = 250_000_000 if EVERY_CELL else 40_000_000
VALUES = {"text": b'a "quoted", line\\\n', "letters": "값🙂é".encode(), "bytes": bytes(range(256))}


CELLS = list(product(VALUES, (Codec.NONE, Codec.ZSTD), ("", "json", "csv")))


@pytest.mark.parametrize(("kind", "codec", "form"), CELLS if EVERY_CELL else CELLS[::7])
def test_memory_is_bounded_by_the_largest_value(cli: Cli, tmp_path: Path, kind: str, codec: Codec, form: str) -> None:
    value = VALUES[kind] * (LARGE // len(VALUES[kind]))
    path = tmp_path / LOG.name
    path.write_bytes(encode_batch([Record(0, 5, -1, b"k", value, ())], codec))
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), check=True); "
    )
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    command = cli.command("dump-log", "--print-data-log", *(["-o", form] if form else []), path)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out"), *command],
        capture_output=True, env=cli.full_environment(), check=True,
    )  # fmt: skip
    assert int(done.stdout) < 3 * LARGE / 1e6 + 100
    assert_printed((tmp_path / "out").read_bytes(), value, form)


def assert_printed(printed: bytes, value: bytes, form: str) -> None:
    if form == "":
        assert printed[printed.index(b" payload: ") + 10 : -1] == jvm_text(value).encode()
    elif form == "csv":
        cell = printed[printed.index(b"\n") :].split(b",k,", 1)[1].rstrip(b"\n") if value[-1:] != b"\n" else None
        whole = b'"' + value.replace(b'"', b'""') + b'"'
        assert printed.endswith(b",k," + whole + b"\n") or cell == value
    else:
        row = json.loads(printed)
        assert (row["value"].encode() if "value" in row else base64.b64decode(row["value_base64"])) == value
