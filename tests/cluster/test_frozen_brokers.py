"""Three brokers of which one is frozen (SIGSTOP): whole answers, or the broker and what is missing, in time.

Every node is also a controller, so that one of the three is the active one. The first commands come while the others
still take the frozen broker for alive, which is the first nine seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from kafkactl.connection.broker_errors import BROKER_ERRORS
from tests.cluster.test_hostile_values import EVERY_CELL, fault
from tests.clusters import RunningCluster, eventually
from tests.forking import Done, Line, run_all

TIMEOUT_S, BUSY_S = 4, 2.5
"""The time-out of every command, and what a busy machine may add to it and to the second of grace."""
JOBS = 3
SILENT = "no answer within 4 s from {}"
PASSING = [f": {error.sentence}" for error in BROKER_ERRORS.values() if error.is_transient]
"""Refusals of the others: while leaders move, a broker on a busy machine may be behind for four seconds."""

READS: list[list[str]] = [
    ["topics", "list"],
    ["topics", "list", "-o", "json"],
    ["topics", "describe", "{name}"],
    ["topics", "describe", "{name}", "-o", "kafka"],
    ["topics", "describe", "{name}", "--size"],
    ["groups", "list"],
    ["groups", "describe", "{name}"],
    ["groups", "describe", "{name}", "--lag"],
    ["groups", "export", "{name}"],
    ["configs", "describe", "topics", "{name}", "--all"],
    ["configs", "describe", "brokers"],
    ["quotas", "list"],
    ["users", "list"],
    ["offsets", "{name}"],
    ["offsets", "{name}", "--time", "earliest-local"],
    ["consume", "{name}", "--from-beginning", "--exit"],
]
MORE_READS: list[list[str]] = [
    ["topics", "describe", "{name}", "-o", "json"],
    ["topics", "describe", "--under-replicated"],
    ["groups", "list", "-o", "json"],
    ["groups", "list", "--type", "all"],
    ["groups", "describe", "--all-groups"],
    ["groups", "describe", "{name}", "--state"],
    ["groups", "describe", "{name}", "--members"],
    ["groups", "reset-offsets", "{name}", "--topic", "{name}", "--to-latest", "--dry-run"],
    ["configs", "describe", "topics", "{name}"],
    ["offsets", "{name}", "--time", "-1h"],
    ["records", "delete", "{name}", "--all", "--dry-run"],
    ["topics", "delete", "{name}", "--dry-run"],
]
CHANGING = ("topics describe --under-replicated", "topics describe {name} -o json")
"""Their answers have other lines while a broker is away: replicas in sync are fewer."""
UNLIKE = ("topics describe", "groups describe")
"""Leaders, replicas in sync and coordinators move while a broker is away."""


def run(cluster: RunningCluster, lines: Sequence[Sequence[str]]) -> list[Done]:
    parts = [[Line(arguments=["--timeout", str(TIMEOUT_S), *line]) for line in lines[job::JOBS]] for job in range(JOBS)]
    with ThreadPoolExecutor(JOBS) as pool:
        done = list(pool.map(lambda part: run_all(cluster.cli.full_environment(), part), parts))
    return [done[number % JOBS][number // JOBS] for number in range(len(lines))]


@pytest.fixture
def topic(kraft_cluster: RunningCluster, name: str) -> str:
    """A topic on all brokers with records, and a group of its name that has read them."""
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "-p", 6, "-r", 3)
    cli.ok("produce", name, input="".join(f"{number}\n" for number in range(60)))
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    cli.ok("quotas", "set", "producer_byte_rate=5000000", "--user", name)
    return name


@pytest.mark.parametrize("node", [1, 2, 3])
def test_every_read_is_whole_or_says_what_is_missing(kraft_cluster: RunningCluster, topic: str, node: int) -> None:
    cli = kraft_cluster.cli
    lines = [[each.replace("{name}", topic) for each in line] for line in READS + (MORE_READS if EVERY_CELL else [])]
    healthy = run(kraft_cluster, lines)
    address = kraft_cluster.bootstrap_servers.split(",")[node - 1]
    assert [done.stderr for done in healthy if done.status != 0] == []
    wrong = []
    cli.ok("local", "pause", f"kafka-{node}", "kraft-cluster")
    try:
        for line, before, done in zip(lines, healthy, run(kraft_cluster, lines), strict=True):
            text = " ".join(line)
            is_whole = done.status == 0 and (
                text.replace(topic, "{name}") in CHANGING
                or (text.startswith(UNLIKE) and len(done.stdout.splitlines()) == len(before.stdout.splitlines()))
                or sorted(done.stdout.splitlines()) == sorted(before.stdout.splitlines())
            )
            told = fault(done)
            named = (SILENT.format(f"broker {node}"), SILENT.format(address), f"broker {node} is not alive", *PASSING)
            if not is_whole and not (done.status in (1, 3) and any(each in done.stderr for each in named)):
                told = f"status {done.status}: {done.stdout[-300:]} {done.stderr}"
            elif done.seconds > TIMEOUT_S + 1 + BUSY_S:
                told = f"{done.seconds:.1f} s: {done.stderr}"
            if told is not None:
                wrong.append(f"{text}: {told}")
    finally:
        cli.ok("local", "resume", f"kafka-{node}", "kraft-cluster")
        wait_until_whole(kraft_cluster)
    assert not wrong, "\n".join(wrong)


def test_changes_are_made_once_while_a_broker_is_frozen(kraft_cluster: RunningCluster, name: str) -> None:
    cli = kraft_cluster.cli
    cli.ok("local", "pause", "kafka-3", "kraft-cluster")
    try:
        done = [
            cli("--timeout", "4s", "topics", "create", name, "-p", 1, "-r", 1),
            cli("--timeout", "4s", "quotas", "set", "producer_byte_rate=7", "--user", name),
            cli("--timeout", "4s", "users", "set", name, "--password-file", "-", input="secret\n"),
            cli("--timeout", "4s", "configs", "alter", "topics", name, "--set", "retention.ms=77"),
        ]
    finally:
        cli.ok("local", "resume", "kafka-3", "kraft-cluster")
        wait_until_whole(kraft_cluster)
    is_unsure = done[0].returncode == 3
    for each in done:
        if is_unsure and f"topic not found: '{name}'" in each.stderr:
            continue  # nobody could tell whether it is there
        assert each.returncode == 0 or (each.returncode == 3 and "may have been done" in each.stderr), each.stderr
    shown = [
        cli("topics", "describe", name),
        cli("quotas", "list", "--user", name),
        cli("users", "list", name),
        cli("configs", "describe", "topics", name),
    ]
    seen = [name in shown[0].stdout, "7" in shown[1].stdout, name in shown[2].stdout, "77" in shown[3].stdout]
    assert [ok for ok, each in zip(seen, done, strict=True) if each.returncode == 0] == [True] * sum(
        each.returncode == 0 for each in done
    ), "what is called done was done"


def wait_until_whole(cluster: RunningCluster) -> None:
    """Wait until every replica is in sync again."""
    eventually(lambda: cluster.cli("topics", "describe", "--under-replicated").stdout == "", timeout_s=60)
