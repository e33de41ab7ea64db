"""Every command at a port that is no broker's, and at brokers that fail half way: named, in time, with status 3."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_bad_days import CHANGES
from tests.cluster.test_hostile_values import BASES, EVERY_CELL, fault, files
from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import ClosingPeer, FakeBroker, GarbagePeer, HttpPeer, SilentPeer, ZooKeeperPeer
from tests.forking import Done, Line, run_all
from tests.json_contract import asks_cluster, walk_commands

TIMEOUT_S, BUSY_S = 2, 3.5
"""The time-out of every command, and what a busy machine may add to it and to the second of grace."""
JOBS = 6
DIFFERENT = (
    "topics list", "topics create", "groups list", "configs diff", "users set", "console-consumer", "console-producer",
)  # fmt: skip
"""Commands that reach a cluster by different ways: each client library, reads and changes, streams."""
TOPICS = {"orders": 3}
ENDLESS = ("groups exporter", "context set")
"""One serves until it is stopped, and one only has the flags of a cluster."""


def failing_broker(**fault: Any) -> FakeBroker:
    broker = FakeBroker(topics=TOPICS)
    broker.on("*", but=("ApiVersions",), **fault)
    return broker


@contextmanager
def redirecting(to: AbstractContextManager[Any] | None) -> Iterator[FakeBroker]:
    """A bootstrap server that answers and sends clients to an address where no broker answers."""
    with FakeBroker(topics=TOPICS) as broker:
        if to is None:
            broker.redirect(1, "127.0.0.1:1")
            yield broker
        else:
            with to as peer:
                broker.redirect(1, peer.address)
                yield broker


Server = Callable[[], AbstractContextManager[Any]]
PEERS: dict[str, tuple[Server, str]] = {
    "http": (HttpPeer, "it is an HTTP server, not a Kafka broker"),
    "http page": (lambda: HttpPeer(200, "<html></html>"), "it is an HTTP server, not a Kafka broker"),
    "zookeeper": (ZooKeeperPeer, "it is ZooKeeper, not a Kafka broker"),
    "controller": (lambda: FakeBroker(api_versions="controller"), "it is a KRaft controller"),
    "tls": (lambda: GarbagePeer(data=b"\x15\x03\x03\x00\x02\x02\x50"), "that listener speaks TLS"),
    "garbage": (GarbagePeer, "it does not speak Kafka's protocol"),
    "false length": (lambda: GarbagePeer(data=struct.pack(">i", 99_000_000) + bytes(4096)), "does not speak Kafka's"),
    "negative length": (lambda: GarbagePeer(data=struct.pack(">i", -7) + bytes(4096)), "does not speak Kafka's"),
    "closing": (ClosingPeer, "it closes the connection without an answer"),
    "resetting": (lambda: ClosingPeer(after_reading=True, reset=True), "it closes the connection without an answer"),
    "silent": (SilentPeer, f"no answer within {TIMEOUT_S} s"),
    "stalling": (lambda: failing_broker(freeze=True), f"no answer within {TIMEOUT_S} s"),
    "closing later": (lambda: failing_broker(close=True), "cannot reach the cluster at"),
}


HALF_WAY = ("stalling", "closing later")
"""There a change is sent."""
OF_A_HANDSHAKE = ["features", "describe"]
"""The versions that a broker tells with its handshake are all that it needs."""


def command_lines(folder: Path, whole: bool) -> list[list[str]]:
    """Return a command line of every command that asks a cluster, or of some that ask it in different ways."""
    files(folder)
    lines = []
    for command, built in sorted(walk_commands().items()):
        if asks_cluster(built) and command not in ENDLESS and (whole or command in DIFFERENT):
            base = [each.replace("{folder}", str(folder)) for each in BASES.get(command, ())]
            lines.append([*command.split(), *base])
    return lines


def run(cli: Cli, address: str, lines: Sequence[Sequence[str]]) -> list[Done]:
    """Run command lines with a short time-out, some at once, for they wait more than they work."""
    common = ["-b", address, "--timeout", str(TIMEOUT_S)]
    parts = [[Line(arguments=[*common, *line], input="x\n") for line in lines[job::JOBS]] for job in range(JOBS)]
    with ThreadPoolExecutor(JOBS) as pool:
        done = list(pool.map(lambda part: run_all(cli.full_environment(), part), parts))
    return [done[number % JOBS][number // JOBS] for number in range(len(lines))]


@pytest.mark.parametrize("kind", PEERS)
def test_every_command_names_what_listens(kind: str, cli: Cli, tmp_path: Path) -> None:
    make, message = PEERS[kind]
    lines = command_lines(tmp_path, whole=EVERY_CELL or kind == "silent")
    assert len(lines) > 25 or kind != "silent"
    wrong = []
    with make() as server:
        for line, done in zip(lines, run(cli, server.address, lines), strict=True):
            told = fault(done)
            if kind in HALF_WAY and line[:2] == OF_A_HANDSHAKE and done.status == 0:
                continue
            is_named = message in done.stderr or (kind in HALF_WAY and "may have been done" in done.stderr)
            if done.status != 3 or not is_named or "Traceback" in done.stderr:
                told = f"status {done.status}: {done.stderr}"
            elif done.seconds > TIMEOUT_S + 1 + BUSY_S:
                told = f"{done.seconds:.1f} s: {done.stderr}"
            if told is not None:
                wrong.append(f"{' '.join(line)}: {told}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("to", [None, SilentPeer, HttpPeer], ids=["nobody", "silent", "http"])
def test_a_broker_that_sends_clients_elsewhere(to: Server | None, cli: Cli, tmp_path: Path) -> None:
    """A command either needs no other connection, or names the broker that does not answer there."""
    lines = command_lines(tmp_path, whole=EVERY_CELL)
    wrong = []
    with redirecting(to() if to else None) as server:
        for line, done in zip(lines, run(cli, server.address, lines), strict=True):
            told = fault(done)
            if done.status == 3 and not ("broker 1 at" in done.stderr or "cannot reach the cluster" in done.stderr):
                told = f"does not say who is silent: {done.stderr}"
            elif done.seconds > 2 * TIMEOUT_S + 1 + BUSY_S:  # the reads before a change, and the change
                told = f"{done.seconds:.1f} s: {done.stderr}"
            if told is not None:
                wrong.append(f"{' '.join(line)}: {told}")
    assert not wrong, "\n".join(wrong)


def test_the_page_has_every_fault() -> None:
    page = (REPOSITORY / "docs" / "reliability.md").read_text()
    assert [kind for kind in PEERS if f"\n| {kind} | `" not in page] == []
    assert [api for api, _ in CHANGES if f"\n| no answer to {api} | `" not in page] == []


_ROOM_KB = 400_000
"""With librdkafka's own bound of 100 MB the process was ended by SIGABRT."""


def test_a_false_length_takes_no_memory(cli: Cli) -> None:
    """librdkafka makes room for as many bytes as a frame says: a process with little room must not be ended by it."""
    with GarbagePeer(data=struct.pack(">i", 99_000_000) + bytes(100_000)) as peer:
        for command in (["topics", "list"], ["consume", "orders"], ["users", "list"]):
            line = cli.command("-b", peer.address, "--timeout", str(TIMEOUT_S), *command)
            limited = ["sh", "-c", f'ulimit -v {_ROOM_KB}; exec "$@"', "sh", *line]
            done = subprocess.run(limited, capture_output=True, text=True, env=cli.full_environment(), check=False)
            assert done.returncode == 3, done.stderr
            assert "it does not speak Kafka's protocol" in done.stderr
