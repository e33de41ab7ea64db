"""Consumers while topics come and go, partitions lose their leaders, and the output is blocked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually, running
from tests.conftest import Cli
from tests.readers import reading

PATHS = ("compiled", "pure")


@pytest.mark.parametrize("path", PATHS)
def test_new_partitions_and_topics_are_read_from_their_beginning(kraft: RunningCluster, name: str, path: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    with (
        reading(cli, path, "--include", f"{name}.*", "--from-beginning") as all_of_them,
        reading(cli, path, name) as one,
    ):
        cli.ok("produce", name, input="before\n")
        eventually(lambda: all_of_them.has_shown("before"))
        eventually(lambda: one.has_shown("before") or cli.ok("produce", name, input="before\n") is None)
        cli.ok("topics", "alter", name, "-p", 3)
        cli.ok("produce", name, "--partition", 2, input="in a new partition\n")
        cli.ok("topics", "create", f"{name}-2", "-p", 1)
        cli.ok("produce", f"{name}-2", input="in a new topic\n")
        eventually(lambda: one.has_shown("in a new partition"))
        eventually(lambda: all_of_them.has_shown("in a new partition") and all_of_them.has_shown("in a new topic"))
        assert not one.has_shown("in a new topic")


@pytest.mark.parametrize("path", PATHS)
def test_a_topic_that_is_deleted(kraft: RunningCluster, name: str, path: str) -> None:
    """One that was named ends the command, one that matched is dropped."""
    cli = kraft.cli
    for topic in (name, f"{name}-2"):
        cli.ok("topics", "create", topic, "-p", 1)
    with (
        reading(cli, path, "--include", f"{name}.*", "--from-beginning") as all_of_them,
        reading(cli, path, f"{name}-2", "--from-beginning") as one,
    ):
        cli.ok("produce", f"{name}-2", input="there\n")
        eventually(lambda: all_of_them.has_shown("there") and one.has_shown("there"))
        cli.ok("topics", "delete", f"{name}-2", "--yes")
        assert one.ended() == 1
        assert f"{name}-2" in one.told.decode()
        eventually(lambda: all_of_them.has_told(f"topic {name}-2 was deleted: it is not read any more"))
        cli.ok("produce", name, input="still read\n")
        eventually(lambda: all_of_them.has_shown("still read"))


def test_a_partition_without_a_leader(tmp_path: Path) -> None:
    with running("kraft-cluster", tmp_path, 12592) as cluster:
        cli = cluster.cli
        cli.ok("topics", "create", "t", "--replica-assignment", "1,2")
        cli.ok("produce", "t", "--partition", 0, input="there\n")
        cli.ok("local", "kill", "2")
        eventually(
            lambda: (
                json.loads(cli.ok("topics", "describe", "t", "-o", "json"))[0]["partitions"][1]["leader"] in (None, -1)
            )
        )
        for path in PATHS:
            own = cli.with_environment(KAFKACTL_STREAMS=path)
            for how in (["--exit"], ["--timeout-ms", 3000], ["--group", f"g-{path}", "--exit"]):
                done = own("consume", "t", "--from-beginning", "--timeout", 4, *how, check=3)
                assert done.stdout == "there\n"
                assert "no leader of t-1" in done.stderr, how
            assert "t-1" in own("consume", "t", "--tail", 1, "--timeout", 4, check=None).stderr
        for path in PATHS:
            with reading(cli, path, "t", "--from-beginning") as reader:
                eventually(lambda reader=reader: reader.has_told("t-1 has no leader"))
                if path == PATHS[-1]:
                    cli.ok("local", "restart", "2")
                    eventually(lambda reader=reader: reader.has_told("t-1 has a leader again"), 60)
                    cli.ok("produce", "t", "--partition", 1, input="late\n")
                    eventually(lambda reader=reader: reader.has_shown("late"))


def test_a_blocked_output_keeps_the_place_in_the_group(kraft: RunningCluster, name: str) -> None:
    """Blocked for longer than max.poll.interval.ms, it is still a member, and everything is shown once."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 2)
    lines = [f"{number}:{number:05d}-{'x' * 100}" for number in range(6000)]
    cli.ok("produce", name, "-K", ":", input="\n".join(lines))
    begin, end = os.pipe()
    process = subprocess.Popen(
        cli.command("consume", name, "-g", name, "--from-beginning", "-X", "max.poll.interval.ms=6000",
                    "-X", "session.timeout.ms=6000"),
        stdout=end, stderr=subprocess.PIPE, env=cli.full_environment(),
    )  # fmt: skip
    os.close(end)
    shown = os.read(begin, 1000)
    blocked_since = time.monotonic()
    while time.monotonic() - blocked_since < 9:
        time.sleep(1)
        described = json.loads(cli.ok("groups", "describe", name, "--state", "-o", "json"))[0]
        assert len(described["members"]) == 1
    while len(shown) < sum(len(line.partition(":")[2]) + 1 for line in lines):
        shown += os.read(begin, 1 << 16)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    os.close(begin)
    assert b"poll" not in told
    assert b"Processed a total of 6000 messages" in told
    assert sorted(shown.decode().split()) == sorted(line.partition(":")[2] for line in lines)


@pytest.mark.parametrize("path", PATHS)
def test_a_slow_reader_is_no_silence_of_the_brokers(kraft: RunningCluster, name: str, path: str) -> None:
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=path)
    cli.ok("topics", "create", name, "-p", 1)
    lines = "".join(f"{number:05d}-{'x' * 100}\n" for number in range(20_000))
    cli.ok("produce", name, input=lines)
    command = cli.command("consume", name, "--from-beginning", "--exit", "--timeout", "1")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.full_environment()
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read1(100)  # type: ignore[attr-defined]
        time.sleep(3)  # the time-out is over while the output is blocked
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (first + rest).decode() == lines


def test_a_group_that_is_set_back_while_its_member_sleeps_is_read_again(kraft: RunningCluster, name: str) -> None:
    """What somebody wants to be read again is not passed over, though this member has shown it before."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 2)
    for number in range(2):
        cli.ok("produce", name, "--partition", number, input="".join(f"{number}-{each}\n" for each in range(5)))
    times = ["-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=1000", "-X", "auto.commit.interval.ms=200"]
    with reading(cli, "pure", name, "--group", name, "--from-beginning", *times) as reader:
        eventually(lambda: (reader.look(), reader.shown.count(b"\n") == 10)[1])
        eventually(lambda: committed(cli, name) == [5, 5])
        cli.ok("produce", name, "--partition", 0, input="0-more\n")  # a commit of this partition only
        eventually(lambda: reader.has_shown("more") and committed(cli, name) == [6, 5])
        reader.process.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: name in cli.ok("groups", "list", "--state", "Empty").split())
            cli.ok("groups", "reset-offsets", name, "--topic", f"{name}:1", "--to-offset", 2, "--execute")
        finally:
            reader.process.send_signal(signal.SIGCONT)
        eventually(lambda: (reader.look(), reader.shown.count(b"\n") == 14)[1])
        reader.process.send_signal(signal.SIGTERM)
        assert reader.ended() == 143
    assert reader.shown.decode().splitlines()[11:] == ["1-2", "1-3", "1-4"]
    assert committed(cli, name) == [6, 5]


def committed(cli: Cli, group: str) -> list[int | None]:
    """Return the committed offset of each partition, in order."""
    (described,) = json.loads(cli.ok("groups", "describe", group, "-o", "json"))
    return [row["current_offset"] for row in described["partitions"]]
