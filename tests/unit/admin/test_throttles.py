"""Throttles where brokers are frozen, dead or fenced: nothing is taken for absent that could not be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kafkactl.admin.throttles import FOLLOWER_RATE, LEADER_RATE, LEADER_REPLICAS
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Topic, placed

BROKER = 4
MISSING = "the throttles of broker 3: "


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """Three brokers; broker 3 has a replica and a throttle."""
    topics = [Topic("orders", [placed([1, 3]), placed([2, 1])])]
    with FakeCluster(brokers=3, topics=topics) as cluster:
        cluster.state.configs[BROKER, "3"] = {LEADER_RATE: "1000"}
        yield cluster


def lose(fake: FakeCluster, how: str) -> None:
    """Make broker 3 unable to answer."""
    if how == "fenced":
        fake.state.brokers[3].fenced = True
        fake.kill(3)
    elif how == "unregistered":
        del fake.state.brokers[3]
        fake.kill(3)
    elif how == "dead":
        fake.kill(3)
    else:
        fake.freeze(3)


LOST = [
    "fenced",
    "unregistered",
    pytest.param("dead", marks=pytest.mark.slow),
    pytest.param("frozen", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize("how", LOST)
def test_a_broker_that_cannot_be_asked_is_named(fake: FakeCluster, cli: Cli, how: str) -> None:
    lose(fake, how)
    cluster = ("-b", f"{fake.address_of(1)},{fake.address_of(2)}", "--timeout", "4")
    shown = cli("throttles", "list", *cluster, check=1)
    assert f"cannot read {MISSING}" in shown.stderr
    assert "no throttle" not in shown.stderr
    cleared = cli("throttles", "clear", "--yes", *cluster, check=1)
    assert f"cannot remove {MISSING}" in cleared.stderr
    assert "no throttle" not in cleared.stderr
    assert cli("throttles", "clear", "--dry-run", *cluster, check=1).stdout == ""


@pytest.mark.parametrize("how", LOST)
def test_what_others_have_is_shown_and_removed(fake: FakeCluster, cli: Cli, how: str) -> None:
    lose(fake, how)
    fake.state.configs[BROKER, "2"] = {FOLLOWER_RATE: "7"}
    fake.state.topics["orders"].configs[LEADER_REPLICAS] = "0:1"
    cluster = ("-b", f"{fake.address_of(1)},{fake.address_of(2)}", "--timeout", "4")
    rows = json.loads(cli("throttles", "list", "-o", "json", *cluster, check=1).stdout)
    assert [row["entity"] for row in rows] == ["2", "orders"]
    assert MISSING in cli("throttles", "clear", "--yes", *cluster, check=1).stderr
    assert not fake.state.configs[BROKER, "2"]
    assert not fake.state.topics["orders"].configs
    assert fake.state.configs[BROKER, "3"]


def test_where_all_brokers_answer_nothing_is_missing(fake: FakeCluster, cli: Cli) -> None:
    cluster = ("-b", fake.address)
    assert "removed" in cli.ok("throttles", "clear", "--yes", *cluster)
    assert "no throttle is set" in cli("throttles", "list", *cluster, check=0).stderr
    assert "no throttle to remove" in cli("throttles", "clear", "--yes", *cluster, check=0).stderr


@pytest.mark.slow
def test_where_no_broker_answers_the_status_is_3(fake: FakeCluster, cli: Cli) -> None:
    for broker in (1, 2, 3):
        fake.freeze(broker)
    assert "no throttle" not in cli("throttles", "list", "-b", fake.address, "--timeout", "1", check=3).stderr
    assert "no throttle" not in cli("throttles", "clear", "--yes", "-b", fake.address, "--timeout", "1", check=3).stderr


def test_throttles_in_use_are_counted(fake: FakeCluster, cli: Cli) -> None:
    fake.state.topics["orders"].all_partitions[0].target = [1, 2]
    clear = ("throttles", "clear", "-b", fake.address)
    kept = cli(*clear, "--yes", check=0).stderr
    assert "1 throttle is in use by a running reassignment; --all removes it, too" in kept
    assert "no throttle" not in kept
    fake.state.configs[BROKER, "2"] = {LEADER_RATE: "7", FOLLOWER_RATE: "7"}
    assert "3 throttles are in use by a running reassignment; --all removes them, too" in cli(*clear, "--yes").stderr
    cli.ok(*clear, "--yes", "--all")
    assert not any(fake.state.configs.values())
