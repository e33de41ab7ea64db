"""What dump-log does that Kafka's tool can't: ranges, filters, folders, other files and forms, several processes."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cramjam
import pytest

from kafkactl.errors import FormatError
from kafkactl.output.parquet import print_parquet
from kafkactl.stdout import out
from kafkactl.storage.compression import Codec
from kafkactl.storage.records import Record
from tests.conftest import REPOSITORY, Cli
from tests.unit.storage.encoding import KINDS_OF_BATCHES, encode_batch

pytestmark = pytest.mark.slow


FOLDER = REPOSITORY / "tests" / "data" / "orders-0"
LOG = FOLDER / f"{0:020}.log"


def offsets(cli: Cli, *arguments: object) -> list[int]:
    text = cli.ok("dump-log", "--deep-iteration", "-o", "json", *arguments)
    return [json.loads(line)["offset"] for line in text.splitlines()]


def test_ranges_and_filters(cli: Cli) -> None:
    assert offsets(cli, LOG, "--from-offset", 10, "--to-offset", 14) == [10, 11, 12, 13]
    assert offsets(cli, LOG, "--tail", 3) == [62, 63, 64]
    assert offsets(cli, LOG, "--limit", 2, "--from-offset", 60) == [60, 61]
    assert offsets(cli, LOG, "--key", "customer-6") == [6, 18, 30, 42, 54]
    assert offsets(cli, LOG, "--grep", "order 11 by (lz4|zstd)") == [47, 59]
    assert offsets(cli, LOG, "--producer-id", 5) == [61, 62, 63]
    assert offsets(cli, LOG, "--only-control") == []
    times = [
        json.loads(line)["timestamp_ms"]
        for line in cli.ok("dump-log", LOG, "--deep-iteration", "-o", "json").splitlines()
    ]
    assert offsets(cli, LOG, "--from-time", times[60]) == [60, 61, 62, 63, 64]
    assert offsets(cli, LOG, "--to-time", "2026-11-21T08:37:39.5Z") == list(range(12))
    assert offsets(cli, LOG, "--to-time", "2026-11-21T17:37:39.5+09:00") == list(range(12))


def test_a_selection_as_text_has_the_batches_it_is_from(cli: Cli) -> None:
    lines = cli.ok("dump-log", LOG, "--from-offset", 11, "--to-offset", 13, "--print-data-log").splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [
        ["baseOffset:", "0"],
        ["|", "offset:"],
        ["baseOffset:", "12"],
        ["|", "offset:"],
    ]
    assert cli.ok("dump-log", LOG, "--tail", 1).count("baseOffset") == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--grep", "("], "invalid regular expression"),
        (["--grep", "a{99999999999999999999}"], "too complex"),
        (["--from-time", "noon"], "not a time"),
        (["--limit", "1", "--tail", "1"], "leave one of them out"),
        (["--key-decoder-class", "Gson"], "unknown decoder class 'Gson'"),
        (["--key", "x", "--key-format", "int"], "is not of the format int"),
        (["-o", "xml"], "xml"),
    ],
)
def test_wrong_flags(cli: Cli, flags: list[str], words: str) -> None:
    done = cli("dump-log", LOG, *flags)
    assert words in done.stderr
    assert (done.returncode, done.stdout) in ((1, ""), (2, ""))


def test_decoder_classes_also_by_short_names(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / f"{0:020}.log"
    record = Record(0, 5, -1, struct.pack(">i", -7) + b"more", struct.pack(">d", 2.5), ())
    path.write_bytes(encode_batch([record]))
    long_name = "org.apache.kafka.tools.api.IntegerDecoder"
    for flags in (
        ["--key-decoder-class", long_name],
        ["--key-decoder-class", "integer", "--value-decoder-class", "Double"],
    ):
        assert " key: -7 payload: " in cli.ok("dump-log", path, *flags)
    assert cli.ok("dump-log", path, "--value-decoder-class", "Double").endswith("payload: 2.5\n")
    assert "payload: 4004000000000000" in cli.ok("dump-log", path, "--value-decoder-class", "Default")
    cut_off = cli("dump-log", path, "--value-decoder-class", "UUID", "--key-decoder-class", "Short", check=1)
    assert cut_off.stdout.endswith("headerKeys: []")
    assert "8 bytes are not of the format short" in cut_off.stderr


def test_folders(cli: Cli, tmp_path: Path) -> None:
    for name, first in (("a-0", 0), ("a-0", 50), ("a-10", 7), ("a-2", 3)):
        (tmp_path / name).mkdir(exist_ok=True)
        record = Record(first, 5, -1, b"k", b"v", ())
        (tmp_path / name / f"{first:020}.log").write_bytes(encode_batch([record]))
    (tmp_path / "a-0" / f"{90:020}.log.deleted").write_bytes(b"")
    assert offsets(cli, tmp_path) == [0, 50, 3, 7]
    assert offsets(cli, tmp_path / "a-0") == [0, 50]
    assert offsets(cli, tmp_path, "--limit", 2) == [0, 50]
    assert offsets(cli, tmp_path, "--tail", 2) == [3, 7]
    assert offsets(cli, tmp_path / "a-0", "--from-offset", 50) == [50]
    (tmp_path / "a-2" / f"{3:020}.log").rename(tmp_path / "a-2" / f"{3:020}.log.deleted")
    done = cli("dump-log", tmp_path, check=1)
    assert done.stdout.count("baseOffset") == 3
    assert f"{tmp_path / 'a-2'}: no segments without a suffix such as .deleted" in done.stderr


def test_files_on_their_way(cli: Cli, tmp_path: Path) -> None:
    for suffix in ("log.deleted", "log.cleaned", "log.swap", "index.deleted"):
        (tmp_path / f"{0:020}.{suffix}").write_bytes((FOLDER / f"{0:020}.{suffix.split('.')[0]}").read_bytes())
    for suffix in ("log.deleted", "log.cleaned", "log.swap"):
        assert cli.ok("dump-log", tmp_path / f"{0:020}.{suffix}").count("baseOffset") == 8
    assert "offset: 23 position: 663" in cli.ok("dump-log", tmp_path / f"{0:020}.index.deleted")


def test_the_small_files(cli: Cli, tmp_path: Path) -> None:
    contents = {
        "leader-epoch-checkpoint": ("0\n2\n0 0\n3 17\n", {"epoch": 3, "start_offset": 17}),
        "replication-offset-checkpoint": ("0\n1\norders 2 9\n", {"topic": "orders", "partition": 2, "offset": 9}),
        "partition.metadata": ("version: 0\ntopic_id: abc\n", {"version": "0", "topic_id": "abc"}),
        "meta.properties": ("#\nnode.id=1\nversion=1\n", {"node.id": "1", "version": "1"}),
        "quorum-state": (
            '{"leaderId":1,"currentVoters":[{"voterId":1}]}',
            {"leaderId": 1, "currentVoters": [{"voterId": 1}]},
        ),
    }
    for name, (content, last) in contents.items():
        path = tmp_path / name
        path.write_text(content)
        row = json.loads(cli.ok("dump-log", path, "-o", "json").splitlines()[-1])
        assert row == {"file": str(path), **last}
        name_and_value = [f"{key}: {value}" for key, value in last.items() if not isinstance(value, list)]
        text = cli.ok("dump-log", path).splitlines()[-1]
        assert text.startswith(" ".join(name_and_value))
        assert ('currentVoters: [{"voterId":1}]' in text) == (name == "quorum-state")
        path.write_text("\0nonsense")
        assert "corrupt" in cli("dump-log", path, check=1).stderr


@pytest.mark.parametrize("form", [(), ("-o", "json"), ("-o", "yaml")])
@pytest.mark.parametrize("depth", [5, 700, 100_000])
def test_json_that_is_deep_hides_no_other_file(form: tuple[str, ...], depth: int, cli: Cli, tmp_path: Path) -> None:
    deep, other = tmp_path / "quorum-state", tmp_path / "meta.properties"
    deep.write_text('{"a": ' + "[" * depth + "]" * depth + "}")
    other.write_text("node.id=17\n")
    done = cli("dump-log", deep, other, *form, check=0 if depth == 5 else 1)
    assert "17" in done.stdout
    assert ("nested too deeply" in done.stderr) == (depth > 5)


@pytest.mark.parametrize("reader", ["", "pure"])
def test_a_batch_smaller_than_its_header(reader: str, cli: Cli, tmp_path: Path) -> None:
    """Its fields would come from the bytes behind it. Kafka's tool ends there, too, where records are printed."""
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(struct.pack(">qiib", 0, 30, 0, 2) + bytes(25 + 40))
    done = Cli(cli.home, {"KAFKACTL_READER": reader})("dump-log", path, "--deep-iteration", check=1)
    assert "batch at position 0 has 42 bytes, fewer than its header has (61)" in done.stderr


def test_a_selection_in_a_file_whose_name_gives_no_heading(cli: Cli, tmp_path: Path) -> None:
    """None of its batches is printed, as without a selection; the next file is."""
    named = tmp_path / "x.checkpoint"
    named.write_bytes(LOG.read_bytes())
    plain = cli("dump-log", named, check=2)
    selected = cli("dump-log", named, LOG, "--from-offset", 3, check=1)  # the other file was read
    assert selected.stdout.count("Dumping") == 2
    assert plain.stdout.splitlines() == selected.stdout.partition(f"Dumping {LOG}")[0].splitlines()
    assert selected.stderr.count("error: ") == 1


def test_csv_and_parquet_have_the_same_records(cli: Cli, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    done = subprocess.run(
        cli.command("dump-log", LOG, "--print-data-log", "-o", "parquet"),
        capture_output=True,
        env=cli.full_environment(),
        check=True,
    )
    rows = parquet.read_table(io.BytesIO(done.stdout)).to_pylist()
    texts = list(csv.DictReader(io.StringIO(cli.ok("dump-log", LOG, "--print-data-log", "-o", "csv"))))
    assert [row["offset"] for row in rows] == list(range(65)) == [int(row["offset"]) for row in texts]
    assert [row["value"] or "" for row in rows] == [row["value"] for row in texts]
    assert rows[61]["headers"] == [{"name": "trace", "value": "1"}, {"name": "empty", "value": None}]
    assert rows[0]["file"] == str(LOG)


def test_parquet_of_a_path_that_is_no_text(cli: Cli, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / os.fsdecode(b"a\xff")
    folder.mkdir()
    (folder / LOG.name).write_bytes(LOG.read_bytes())
    command = cli.command("dump-log", folder / LOG.name, "--print-data-log", "-o", "parquet")
    done = subprocess.run(command, capture_output=True, env=cli.full_environment(), check=True)
    assert parquet.read_table(io.BytesIO(done.stdout))["file"][0].as_py().endswith(f"a\\xff/{LOG.name}")


def test_parquet_after_an_error_is_no_whole_file(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    pytest.importorskip("pyarrow.parquet")

    def read_rows() -> Iterator[dict[str, object]]:
        for number in range(25_000):
            yield {"offset": number}
        raise FormatError("damaged")

    with pytest.raises(FormatError):
        print_parquet(read_rows())
    gc.collect()
    out.flush()
    written = capfdbinary.readouterr().out
    assert written.startswith(b"PAR1")
    assert not written.endswith(b"PAR1")


def large(tmp_path: Path) -> Path:
    """A segment of several pieces, each printed by another process, with all kinds of batches between."""
    data, offset = b"", 0
    while len(data) < 5_000_000:
        records = [Record(offset + n, 1000 + n, -1, b"key %d" % n, b"v" * 900, ()) for n in range(100)]
        data += encode_batch(records) + KINDS_OF_BATCHES[len(data) % len(KINDS_OF_BATCHES)]
        offset += 101
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("reader", ["", "pure"])
@pytest.mark.parametrize("damage", [False, True])
def test_any_number_of_processes_prints_the_same(cli: Cli, tmp_path: Path, reader: str, damage: bool) -> None:
    path = large(tmp_path)
    if damage:
        with path.open("r+b") as file:
            file.seek(2_500_000)
            file.write(bytes(200_000))
    cli = Cli(cli.home, {"KAFKACTL_READER": reader})
    told = [cli("dump-log", "--print-data-log", "--jobs", jobs, path) for jobs in (1, 2, 5)]
    assert len({(one.stdout, one.stderr, one.returncode) for one in told}) == 1
    assert told[0].returncode == (1 if damage else 0)
    assert told[0].stdout.count("\n") > 2_000


@pytest.mark.parametrize("mode", ["wb", "ab"])
@pytest.mark.parametrize("damage", [False, True])
def test_a_file_gets_the_same_text_as_a_pipe(cli: Cli, tmp_path: Path, mode: str, damage: bool) -> None:
    path = large(tmp_path)
    if damage:
        with path.open("r+b") as file:
            file.seek(2_500_000)
            file.write(bytes(9))
    arguments = ["dump-log", "--print-data-log", "--jobs", "3", path, path]
    out = tmp_path / "out.txt"
    out.write_bytes(b"there before\n")
    with out.open(mode) as file:
        file.write(b"head\n")
        file.flush()
        subprocess.run(
            cli.command(*arguments), stdout=file, env=cli.full_environment(), check=False, stderr=subprocess.DEVNULL
        )
    expected = subprocess.run(
        cli.command(*arguments), capture_output=True, env=cli.full_environment(), check=False
    ).stdout
    assert out.read_bytes() == (b"there before\n" if mode == "ab" else b"") + b"head\n" + expected


def test_a_closed_pipe_ends_all_processes_quietly(cli: Cli, tmp_path: Path) -> None:
    process = subprocess.Popen(
        cli.command("dump-log", "--print-data-log", "--jobs", "3", large(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=cli.full_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"Dumping ")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(30)


def bomb(tmp_path: Path, size: int) -> Path:
    """A batch of one record that decompresses to so many bytes."""
    record = Record(0, 5, -1, None, bytes(size), ())
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(encode_batch([record], Codec.ZSTD) + encode_batch([Record(1, 5, -1, b"k", b"after", ())]))
    return path


def test_a_bomb_is_stopped_where_the_flag_says(cli: Cli, tmp_path: Path) -> None:
    path = bomb(tmp_path, 20_000_000)
    done = cli("dump-log", "--deep-iteration", "--max-decompressed-bytes", 10_000_000, path, check=1)
    assert "a batch grows past 10000000 bytes" in done.stderr
    assert "allow more: --max-decompressed-bytes" in done.stderr
    assert cli.ok("dump-log", "--deep-iteration", path).count("| offset: ") == 2


def peak_mb(cli: Cli, *arguments: object) -> int:
    """The largest resident size of a command, in MB."""
    code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    done = subprocess.run(
        [cli.command()[0], "-c", code, *cli.command(*arguments)],
        capture_output=True,
        env=cli.full_environment(),
        check=True,
    )
    return int(done.stdout)


def test_memory_is_bounded_by_the_largest_batch(cli: Cli, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    idle = peak_mb(cli, "dump-log", "--print-data-log", "--jobs", 1, bomb(small, 10))
    # Many small records in one batch: as objects they would take twenty times their bytes.
    tiny = b"\x0c\0\0\0\1\1\0" * 1_500_000
    data = bytes(cramjam.zstd.compress(tiny))
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(encode_batch([Record(0, 5, -1, None, None, ())], Codec.ZSTD, count=1_500_000, data=data))
    batch_mb = len(tiny) / 1e6
    assert peak_mb(cli, "dump-log", "--deep-iteration", "--max-bytes", 10**9, path) - idle < 2 * batch_mb + 64


@pytest.mark.parametrize("kind", ["empty", "zeros", "sparse"])
def test_files_without_batches(cli: Cli, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{0:020}.log"
    with path.open("wb") as file:
        file.truncate({"empty": 0, "zeros": 4096, "sparse": 1 << 32}[kind])
    done = cli("dump-log", "--print-data-log", path, check=0 if kind == "empty" else 1)
    assert kind == "empty" or "has size 0" in done.stderr


class Followed:
    """`dump-log --follow` of a segment, which gives the next value and the next line of stderr."""

    def __init__(self, cli: Cli, path: Path, *flags: str) -> None:
        command = ("dump-log", path, "--print-data-log", "--follow", "-o", "json", *flags)
        self._process = cli.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read_value(self) -> object:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())["value"]

    def read_error(self) -> str:
        assert self._process.stderr is not None
        return json.loads(self._process.stderr.readline())["error"]

    def __enter__(self) -> Followed:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            os.kill(self._process.pid, signal.SIGINT)
            assert self._process.wait(30) == 130


def encode_value(offset: int, value: bytes) -> bytes:
    """Return a batch with one record."""
    return encode_batch([Record(offset, 5, -1, b"k", value, ())])


@pytest.mark.parametrize("preallocated", [False, True])
def test_following_a_segment_that_grows(cli: Cli, tmp_path: Path, preallocated: bool) -> None:
    path = tmp_path / f"{0:020}.log"
    first, second = encode_value(0, b"first"), encode_value(1, b"second")
    path.write_bytes(first + bytes(len(second) if preallocated else 0))
    with Followed(cli, path) as followed:
        assert followed.read_value() == "first"
        with path.open("r+b") as file:
            file.seek(len(first))
            file.write(second)
        assert followed.read_value() == "second"
        (tmp_path / f"{2:020}.log").write_bytes(encode_value(2, b"rolled"))
        assert followed.read_value() == "rolled"


@pytest.mark.parametrize("flag", ["--deep-iteration", "--skip-damaged", "--tail=3"])
def test_following_a_segment_that_a_broker_cuts_off(cli: Cli, tmp_path: Path, flag: str) -> None:
    path = tmp_path / f"{0:020}.log"
    first, second = encode_value(0, b"first"), encode_value(1, b"second")
    path.write_bytes(first + second + encode_value(2, b"third"))
    with Followed(cli, path, flag) as followed:
        assert [followed.read_value() for _ in range(3)] == ["first", "second", "third"]
        os.truncate(path, len(first))
        assert f"{path}: the file became shorter" in followed.read_error()
        with path.open("ab") as file:
            file.write(encode_value(1, b"another"))
        assert followed.read_value() == "another"
        (tmp_path / f"{2:020}.log").write_bytes(encode_value(2, b"rolled"))
        assert followed.read_value() == "rolled"


@pytest.mark.parametrize("flag", ["--deep-iteration", "--skip-damaged", "--tail=3"])
def test_following_past_a_segment_whose_end_is_cut_off(cli: Cli, tmp_path: Path, flag: str) -> None:
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(encode_value(0, b"first"))
    with Followed(cli, path, flag) as followed:
        assert followed.read_value() == "first"
        with path.open("ab") as file:
            file.write(encode_value(1, b"second")[:-1])
        (tmp_path / f"{2:020}.log").write_bytes(encode_value(2, b"rolled"))
        assert followed.read_value() == "rolled"
        assert f"{path}: corrupt:" in followed.read_error()
