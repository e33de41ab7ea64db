"""Streams that end in every way: what was shown and what the next run shows are all records, each exactly once."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import resource
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli

RECORDS = 4000
VALUE = "value-{:05d}-" + "x" * 40
WAIT_S = 60


@dataclass(frozen=True)
class Form:
    """A form of records, and how a reader gets the values out of whole lines of it."""

    arguments: tuple[str, ...]
    values: Callable[[list[str]], list[str]]
    produced: tuple[str, ...] = ()
    """The flags with which the values are produced."""


def csv_values(lines: list[str]) -> list[str]:
    rows = csv.reader(io.StringIO("\n".join(lines)))
    return [row[-1] for row in rows if row and row[-1] != "value"]


AVRO = ("--value-format", "avro", "--value-schema", "{folder}/v.avsc")
FORMS = {
    "lines": Form((), list),
    "lines, pure": Form((), list),
    "json": Form(("-o", "json"), lambda lines: [json.loads(line)["value"] for line in lines]),
    "csv": Form(("-o", "csv"), csv_values),
    "template": Form(("--format", "%s\\n"), list),
    "avro": Form(AVRO, lambda lines: [json.loads(line) for line in lines], AVRO),
    "transactions": Form(
        ("--isolation-level", "read_committed"), list, ("--transactional-id", "{name}", "--transaction-size", "1000")
    ),
}


ALONE = " (no group)"
"""Added to a form: whole partitions are read without a group, which the compiled path can."""


class Run:
    """A running `consume` whose output goes where a test wants it; with a group unless the form says otherwise."""

    def __init__(self, cluster: RunningCluster, topic: str, form: str, stdout: int, unbuffered: bool, **more: object):
        group = [] if form.endswith(ALONE) else ["--group", topic]
        form = form.removesuffix(ALONE)
        environment = {"KAFKACTL_STREAMS": "pure"} if "pure" in form else {}
        if unbuffered:
            environment["PYTHONUNBUFFERED"] = "1"
        self.cli = cluster.cli.with_environment(**environment)
        arguments = [
            *("consume", topic, *group, "--from-beginning"),
            *filled(FORMS[form].arguments, topic, cluster.cli.home),
        ]
        self.process = subprocess.Popen(
            self.cli.command(*arguments),
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=self.cli.full_environment(),
            start_new_session=True,
            **more,  # type: ignore[call-overload]
        )

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the status and what stderr has."""
        _, errors = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, errors.decode()


def filled(arguments: tuple[str, ...], topic: str, folder: Path) -> list[str]:
    return [each.format(name=topic, folder=folder) for each in arguments]


def produce(cli: Cli, topic: str, form: str, lines: str) -> None:
    """Make a topic with one partition, and send lines as a form has them."""
    cli.ok("topics", "create", topic, "-p", 1)
    (cli.home / "v.avsc").write_text('"string"')
    if form == "avro":
        lines = "".join(f'"{line}"\n' for line in lines.splitlines())
    cli.ok("produce", topic, *filled(FORMS[form].produced, topic, cli.home), input=lines)


def read_whole_lines(data: bytes) -> list[str]:
    return data.decode().split("\n")[:-1]


def read_some(descriptor: int, size: int) -> bytes:
    """Read at least so many bytes."""
    data = b""
    while len(data) < size:
        piece = os.read(descriptor, 4096)
        assert piece, "the output ended"
        data += piece
    return data


def read_all(descriptor: int) -> bytes:
    data = b""
    while piece := os.read(descriptor, 1 << 16):
        data += piece
    return data


def wait_until_full(begin: int) -> None:
    """Wait until a pipe has had the same number of unread bytes for a while: its writer is blocked."""
    unread, same = -1, 0
    while same < 5:
        (now,) = struct.unpack("i", fcntl.ioctl(begin, termios.FIONREAD, bytes(4)))
        unread, same = now, same + 1 if now == unread and now else 0
        select.select([], [], [], 0.05)


def by_signal(number: int, reads_on: bool) -> Callable[..., tuple[bytes, int, str]]:
    """Return a way to end: a signal while the pipe is full, after which the reader reads on at once, or at the end."""

    def end(cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path) -> tuple[bytes, int, str]:
        begin, out = os.pipe()
        run = Run(cluster, topic, form, out, unbuffered)
        os.close(out)
        data = read_some(begin, 2000)
        wait_until_full(begin)
        run.process.send_signal(number)
        if reads_on:
            data += read_all(begin)
            status, errors = run.end()
        else:
            status, errors = run.end()
            data += read_all(begin)
        os.close(begin)
        assert status == 128 + number
        return data, status, errors

    return end


def by_a_reader_that_leaves(
    cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path
) -> tuple[bytes, int, str]:
    begin, out = os.pipe()
    run = Run(cluster, topic, form, out, unbuffered)
    os.close(out)
    data = read_some(begin, 9000)
    os.close(begin)
    status, errors = run.end()
    assert status == 0
    return data, status, errors


def by_a_full_disk(
    cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path
) -> tuple[bytes, int, str]:
    file = folder / "out"
    limit = 64 * 1024

    def bounded() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with file.open("wb") as target:
        run = Run(cluster, topic, form, target.fileno(), unbuffered, preexec_fn=bounded)
        status, errors = run.end()
    assert status == 1
    assert "cannot write to standard output" in errors
    return file.read_bytes(), status, errors


def by_dev_full(
    cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path
) -> tuple[bytes, int, str]:
    with open("/dev/full", "wb") as target:
        status, errors = Run(cluster, topic, form, target.fileno(), unbuffered).end()
    assert status == 1
    assert errors.count("cannot write to standard output") == 1
    return b"", status, errors


def by_a_closed_stdout(
    cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path
) -> tuple[bytes, int, str]:
    run = Run(cluster, topic, form, subprocess.DEVNULL, unbuffered, preexec_fn=lambda: os.close(1))
    status, errors = run.end()
    assert status == 1
    assert "it is closed" in errors
    return b"", status, errors


def by_term_on_a_pipe_that_does_not_block(
    cluster: RunningCluster, topic: str, form: str, unbuffered: bool, folder: Path
) -> tuple[bytes, int, str]:
    begin, out = os.pipe()
    os.set_blocking(out, False)
    run = Run(cluster, topic, form, out, unbuffered)
    os.close(out)
    data = b""
    while len(data) < 150_000:  # more than fits into the pipe: all of it arrives
        data += read_some(begin, 1)
    run.process.send_signal(signal.SIGTERM)
    data += read_all(begin)
    os.close(begin)
    status, errors = run.end()
    assert status == 143
    return data, status, errors


ENDINGS: dict[str, Callable[..., tuple[bytes, int, str]]] = {
    "INT": by_signal(signal.SIGINT, reads_on=True),
    "TERM": by_signal(signal.SIGTERM, reads_on=True),
    "TERM, read later": by_signal(signal.SIGTERM, reads_on=False),
    "HUP": by_signal(signal.SIGHUP, reads_on=True),
    "reader leaves": by_a_reader_that_leaves,
    "full disk": by_a_full_disk,
    "/dev/full": by_dev_full,
    "closed": by_a_closed_stdout,
    "pipe that does not block": by_term_on_a_pipe_that_does_not_block,
}

CELLS = [
    (ending, form, unbuffered)
    for column, ending in enumerate(ENDINGS)
    for row, form in enumerate(FORMS)
    for unbuffered in (False, True)
    if os.environ.get("KAFKACTL_TEST_EVERY_CELL") or (row + column) % len(FORMS) == 0
]
"""Every ending and every form at least once, with and without PYTHONUNBUFFERED; all with KAFKACTL_TEST_EVERY_CELL."""


@pytest.fixture(scope="module")
def lines() -> str:
    return "".join(VALUE.format(number) + "\n" for number in range(RECORDS))


@pytest.mark.parametrize(("ending", "form", "unbuffered"), CELLS)
def test_consume_with_a_group(
    ending: str, form: str, unbuffered: bool, kraft: RunningCluster, name: str, lines: str, tmp_path: Path
) -> None:
    produce(kraft.cli, name, form, lines)
    data, _, errors = ENDINGS[ending](kraft, name, form, unbuffered, tmp_path)
    shown = FORMS[form].values(read_whole_lines(data))
    assert f"Processed a total of {len(shown)} messages" in errors
    eventually(lambda: members(kraft.cli, name) == 0)
    arguments = filled(FORMS[form].arguments, name, kraft.cli.home)
    rest = kraft.cli.ok("consume", name, "--group", name, "--from-beginning", "--exit", *arguments)
    assert shown + FORMS[form].values(rest.splitlines()) == lines.splitlines()


CELLS_ALONE = [
    (ending, form)
    for column, ending in enumerate(ENDINGS)
    for row, form in enumerate(FORMS)
    if os.environ.get("KAFKACTL_TEST_EVERY_CELL") or row == (column + 1) % len(FORMS) or form == "lines"
]


@pytest.mark.parametrize(("ending", "form"), CELLS_ALONE)
def test_consume_without_a_group(
    ending: str, form: str, kraft: RunningCluster, name: str, lines: str, tmp_path: Path
) -> None:
    """What was handed over is counted, and is the beginning of the topic."""
    produce(kraft.cli, name, form, lines)
    data, _, errors = ENDINGS[ending](kraft, name, form + ALONE, False, tmp_path)
    shown = FORMS[form].values(read_whole_lines(data))
    assert f"Processed a total of {len(shown)} messages" in errors
    assert shown == lines.splitlines()[: len(shown)]


def members(cli: Cli, group: str) -> int:
    """Return how many members a group has; it may not exist."""
    described = cli("groups", "describe", group, "--state", "-o", "json")
    return len(json.loads(described.stdout)[0]["members"]) if described.returncode == 0 else 0
