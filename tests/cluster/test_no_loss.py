"""Nothing acknowledged is lost, and what is not is given back; bench/reliability.py is the long run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually, running
from tests.no_loss import leaders, read, send_through_kills


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    with running("kraft-cluster", tmp_path_factory.mktemp("breakable"), 12292) as cluster:
        yield cluster


def test_every_acknowledged_line_is_there_once_after_leaders_were_killed(
    breakable: RunningCluster, tmp_path: Path
) -> None:
    figures = send_through_kills(breakable, "orders", 2, tmp_path)
    assert figures.kills == 2
    assert (figures.lost, figures.doubled) == ([], [])
    assert figures.read_once == figures.acknowledged
    assert figures.acknowledged > 1000
    assert figures.status == (1 if figures.dead_letters else 0)


def test_what_cannot_be_acknowledged_is_given_back(breakable: RunningCluster, tmp_path: Path) -> None:
    cli = breakable.cli
    cli.ok("topics", "create", "lost", "-p", 1, "-r", 3, "-c", "min.insync.replicas=2")
    cli.ok("produce", "lost", input="before\n")
    leader = leaders(breakable, "lost")[0]
    others = [number for number in (1, 2, 3) if number != leader]
    address = breakable.bootstrap_servers.split(",")[leader - 1]
    letters = tmp_path / "letters.json"
    for number in others:
        cli.ok("local", "pause", number, breakable.name)
    try:
        quick = ["-b", address, "-X", "delivery.timeout.ms=4000", "-X", "request.timeout.ms=1000", "--timeout", 30]
        lines = "".join(f"{number}\n" for number in range(20))
        done = cli("produce", "lost", *quick, "--dead-letter", letters, input=lines, check=1)
        assert "0 records delivered to lost, 20 not delivered" in done.stderr
        told = cli("produce", "lost", *quick, input="x\ny\n", check=1).stderr.splitlines()
        assert [line.split(":")[1] for line in told if line.startswith("error:")] == [" not delivered to lost"] * 2
        assert [json.loads(line)["value"] for line in letters.read_text().splitlines()] == [str(n) for n in range(20)]
    finally:
        for number in others:
            cli.ok("local", "resume", number, breakable.name)
    eventually(lambda: breakable.cli("produce", "lost", input="after\n").returncode == 0, 60)
    assert {"before", "after"} <= {line.removeprefix(":") for line in read(breakable, "lost")}


def test_faults(breakable: RunningCluster) -> None:
    cli = breakable.cli

    def states() -> dict[str, str]:
        return {each["node"]: each["state"] for each in json.loads(cli.ok("local", "status", "-o", "json"))}

    cli.ok("local", "pause", "kafka-3")
    assert states()["kafka-3"] == "paused"
    cli.ok("local", "restart", "kafka-3")
    assert set(states().values()) == {"running"}
    cli.ok("local", "kill", "3")
    assert states()["kafka-3"] == "stopped"
    # For some seconds brokers still name the dead one, and any of those named may be taken for the controller.
    for _ in range(10):
        cli.ok("topics", "describe", "lost", "-o", "json")
    assert "error: kafka-3 does not run" in cli("local", "kill", "3", check=1).stderr
    assert "has no node '9'" in cli("local", "pause", "9", check=1).stderr
    cli.ok("local", "restart", "3")
    assert set(states().values()) == {"running"}
