"""Records that were not acknowledged."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import signal
from pathlib import Path

import pytest

from kafkactl.errors import UsageError
from kafkactl.output.records import undelivered
from kafkactl.output.records.undelivered import UndeliveredSink
from kafkactl.serde import formats
from kafkactl.streams.account import UndeliveredRecord
from kafkactl.streams.inputs import FieldReader, read_json_lines

ONE = UndeliveredRecord(
    key=b"k",
    value=b"v",
    headers=[("h", b"1"), ("n", None), ("b", b"\xff")],
    partition=2,
    timestamp_ms=5,
    reason="timed out",
)


def test_a_line_each_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with UndeliveredSink("orders", None) as told:
        told.tell(ONE)
        told.tell(
            UndeliveredRecord(key=None, value=None, headers=None, partition=None, timestamp_ms=None, reason="why")
        )
        told.tell(
            UndeliveredRecord(
                key=b"\xff", value=b"x" * 500, headers=None, partition=None, timestamp_ms=None, reason="why"
            )
        )
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: not delivered to orders: key 'k', value 'v': timed out"
    assert lines[1] == "error: not delivered to orders: no key, value null: why"
    assert len(lines[2]) < 300


def test_a_file_that_can_be_sent_again(tmp_path: Path) -> None:
    file = tmp_path / "letters.json"
    for one in (
        ONE,
        UndeliveredRecord(key=b"\xff", value=None, headers=None, partition=None, timestamp_ms=None, reason="why"),
    ):  # a second run adds to what is there
        with UndeliveredSink("orders", file) as told:
            told.tell(one)
    reader = FieldReader(formats.get("string"), formats.get("string"))
    found = [record for batch in read_json_lines(io.BytesIO(file.read_bytes()), reader) for record in batch]
    assert found == [
        {
            "key": b"k",
            "value": b"v",
            "headers": [("h", b"1"), ("n", None), ("b", b"\xff")],
            "partition": 2,
            "timestamp": 5,
        },
        {"key": b"\xff", "value": None},
    ]
    assert "reason" not in json.loads(file.read_text().splitlines()[0])


def test_nothing_to_keep_leaves_no_file(tmp_path: Path) -> None:
    with UndeliveredSink("orders", tmp_path / "none.json"):
        pass
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="--dead-letter"):
        UndeliveredSink("orders", tmp_path / "no" / "folder.json")


@pytest.mark.parametrize("kind", ["empty file", "link", "device"])
def test_what_was_there_before_is_there_afterwards(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    file = {"empty file": target, "link": tmp_path / "link", "device": Path("/dev/null")}[kind]
    if kind == "link":
        file.symlink_to(target)
    with UndeliveredSink("orders", file):
        pass
    with UndeliveredSink("orders", file) as letters:
        letters.tell(ONE)
    assert file.exists()
    assert file.is_symlink() == (kind == "link")


def test_a_file_that_is_created_is_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "letters.json"
    with UndeliveredSink("orders", file) as letters:
        assert not file.exists()
        letters.tell(ONE)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_whole_lines_and_the_rest_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "letters.json"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with UndeliveredSink("orders", file) as letters:
            for number in range(50):
                letters.tell(
                    UndeliveredRecord(
                        key=None,
                        value=b"%d" % number + b"x" * 30,
                        headers=None,
                        partition=None,
                        timestamp_ms=None,
                        reason="timed out",
                    )
                )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    lines = file.read_bytes().split(b"\n")
    assert lines.pop() == b""
    kept = [int(json.loads(line)["value"].rstrip("x")) for line in lines]
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == f"error: cannot write to --dead-letter {file}: File too large"
    told = [int(line.split("value '")[1].split("x")[0]) for line in errors if line.startswith("error: not delivered")]
    assert kept + told == list(range(50))


@pytest.mark.parametrize(
    ("name", "reason"), [("x" * 300, "File name too long"), ("a\0b", "embedded null (byte|character)")]
)
def test_a_file_that_cannot_be_looked_at_is_refused_at_once(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        UndeliveredSink("orders", tmp_path / name)


@pytest.mark.parametrize("other", [b"", b'{"value": "of another producer"}\n'])
def test_a_part_of_a_line_is_cut_off_only_at_the_end_of_the_file(
    other: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two producers may have one file: what the other one wrote meanwhile stays."""
    file = tmp_path / "letters.json"
    file.write_bytes(b"before\n")
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    write = os.write
    calls = []

    def fail_second(target: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(target, data[:4])
        with file.open("ab") as also:
            also.write(other)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail_second)
    with pytest.raises(OSError, match="No space"):
        undelivered._write_whole(descriptor, b"a line\n")
    monkeypatch.undo()
    os.close(descriptor)
    assert file.read_bytes() == (b"before\n" if not other else b"before\na li" + other)


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    file = tmp_path / "letters.json"
    file.write_bytes(b'{"value": "before"}')
    with UndeliveredSink("orders", file) as letters:
        letters.tell(ONE)
        letters.tell(ONE)
    assert [json.loads(line)["value"] for line in file.read_bytes().splitlines()] == ["before", "v", "v"]


def test_a_file_that_fails_again_when_it_is_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a network file system with a full disk does."""
    file = tmp_path / "letters.json"

    def fail(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with UndeliveredSink("orders", file) as told:
        told.tell(ONE)
        monkeypatch.setattr(undelivered, "_write_whole", fail)
        told.tell(ONE)
        assert told._descriptor is not None
        os.close(told._descriptor)  # then the end cannot close it
    errors = [line for line in capsys.readouterr().err.splitlines() if "--dead-letter" in line]
    assert len(errors) == 2
    assert all(f"cannot write to --dead-letter {file}: " in line for line in errors)
