"""Brokers at a fake cluster: states, controller, releases, sizes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kafkactl.admin import brokers
from kafkactl.admin.brokers import BrokerState
from kafkactl.admin.metadata_versions import find_metadata_version
from kafkactl.cli.brokers.tables import BROKERS, DESCRIPTION
from kafkactl.connection.api_versions import find_api_level
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import NotFoundError
from tests.fake_broker import Broker, FakeCluster, Topic, placed, releases, version_table


def connect(cluster: FakeCluster, timeout_s: float = 10) -> Cluster:
    return Cluster(resolve(cluster.address, None, None, (), timeout_s))


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """Two live brokers and a fenced one; broker 1 holds three times as much as broker 2."""
    topics = [Topic("orders", [placed([1, 2]), placed([1])])]
    topics[0].all_partitions[0].size_bytes, topics[0].all_partitions[1].size_bytes = 100, 200
    described = [Broker(id=1, rack="a"), Broker(id=2), Broker(id=3, fenced=True)]
    with FakeCluster(brokers=described, topics=topics, controller_id=2) as cluster:
        yield cluster


def test_states_controller_and_what_brokers_hold(fake: FakeCluster) -> None:
    connected = connect(fake)
    result = brokers.list_brokers(connected, with_sizes=True)
    connected.close()
    assert [(row.id, row.state, row.controller, row.rack) for row in result.brokers] == [
        (1, BrokerState.ALIVE, False, "a"),
        (2, BrokerState.ALIVE, True, None),
        (3, BrokerState.FENCED, False, None),
    ]
    assert [(row.leaders, row.replicas, row.size_bytes, row.skew_percent) for row in result.brokers] == [
        (2, 2, 300, 50.0),
        (0, 1, 100, -50.0),
        (0, 0, None, None),
    ]
    assert [row.api_level for row in result.brokers] == ["4.3", "4.3", None]
    assert {row.metadata_version for row in result.brokers} == {"4.1-IV1"}
    assert result.errors == []


def test_a_controller_that_is_no_broker_or_may_not_be_asked_for(fake: FakeCluster) -> None:
    connected = connect(fake)
    fake.state.controller_id = 3000
    assert brokers.list_brokers(connected).controller_id == 3000
    fake.on("DescribeQuorum", error=31)
    result = brokers.list_brokers(connected)
    assert (result.controller_id, [row.controller for row in result.brokers]) == (None, [None] * 3)
    connected.close()


def test_brokers_without_a_quorum_name_the_controller_in_the_metadata(fake: FakeCluster) -> None:
    fake.use_api_versions("2.1")
    connected = connect(fake)
    result = brokers.list_brokers(connected)
    connected.close()
    assert [(row.id, row.controller, row.api_level) for row in result.brokers] == [(1, False, "2.1"), (2, True, "2.1")]


def test_a_silent_broker_is_an_error_beside_the_others(fake: FakeCluster) -> None:
    fake.freeze(2)
    connected = connect(fake, timeout_s=1)
    result = brokers.list_brokers(connected)
    connected.close()
    assert [row.state for row in result.brokers] == [BrokerState.ALIVE, BrokerState.SILENT, BrokerState.FENCED]
    assert len(result.errors) == 1
    assert "broker 2" in str(result.errors[0])


def test_a_description_has_listeners_and_log_dirs(fake: FakeCluster) -> None:
    fake.state.configs[4, "1"] = {"advertised.listeners": "PLAINTEXT://h:1"}
    connected = connect(fake)
    description, errors = brokers.describe_broker(connected, 1)
    assert (description.broker.size_bytes, description.log_dirs[0].path, errors) == (300, "/var/lib/kafka", [])
    fenced, errors = brokers.describe_broker(connected, 3)
    assert (fenced.log_dirs, fenced.listeners, errors) == ([], None, [])
    with pytest.raises(NotFoundError, match="broker not found: 9"):
        brokers.describe_broker(connected, 9)
    connected.close()


def test_a_wait_ends_when_enough_brokers_answer_or_the_time_is_over(fake: FakeCluster) -> None:
    connected = connect(fake, timeout_s=0.3)
    assert brokers.wait_for_brokers(connected, 2) == (2, None)
    assert brokers.wait_for_brokers(connected, 3) == (2, None)
    connected.close()


@pytest.mark.slow
def test_a_wait_goes_on_while_a_broker_that_has_just_started_knows_no_brokers(fake: FakeCluster) -> None:
    started = time.monotonic()
    fake.on(
        "Metadata",
        answer=lambda _, answer: {**answer, "brokers": []},
        when=lambda _: time.monotonic() < started + 2.5,  # longer than one look
    )
    connected = connect(fake, timeout_s=15)
    assert brokers.wait_for_brokers(connected, 2) == (2, None)
    connected.close()
    fake.on("Metadata", answer=lambda _, answer: {**answer, "brokers": []})
    connected = connect(fake, timeout_s=0.3)
    alive, failure = brokers.wait_for_brokers(connected, 1)
    assert (alive, str(failure)) == (0, "no broker is alive: the one that answers lists none")
    connected.close()


@pytest.mark.parametrize("release", releases())
def test_the_api_level_of_a_release_contains_it(release: str) -> None:
    first, _, last = str(find_api_level(version_table(release))).partition("-")
    numbers = [tuple(map(int, text.split("."))) for text in (first, release, last or first)]
    assert numbers == sorted(numbers)


def test_an_api_level_above_and_below_all_releases() -> None:
    newest = version_table("4.3")
    assert find_api_level({**newest, 3: (0, 99)}) == "4.3+"
    assert find_api_level({}) is None


def test_names_of_metadata_versions() -> None:
    assert [find_metadata_version(level) for level in (0, 6, 7, 30, 31, 32)] == [
        None, None, "3.3-IV3", "4.3-IV0", "4.4-IV0", None,
    ]  # fmt: skip


def test_columns_of_one_broker_have_the_styles_of_the_list() -> None:
    for state in BrokerState:
        row = SimpleNamespace(state=state)
        inner = {column.title: column.style and column.style(row) for column in BROKERS if column.style}
        outer = {column.title: column.style(SimpleNamespace(broker=row)) for column in DESCRIPTION if column.style}
        assert outer == inner
