"""The quorum of the controllers at a fake cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from kafkactl.admin import quorum
from kafkactl.admin.quorum import NO_DIRECTORY, Role
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import NotFoundError, OperationError, UnsupportedRequestError, UsageError
from kafkactl.output.kafka import quorum_text
from tests.fake_broker import FakeCluster
from tests.fake_broker.protocol import Fields, Request

VOTER = "AAAAAAAAAAAAAAAAAAAAAQ"


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """Three controllers in one process with brokers; 2 leads, and 3 is ten records behind."""

    def set_back(_request: Request, answer: Fields) -> Fields:
        for topic in answer["topics"]:
            for partition in topic["partitions"]:
                slow = partition["current_voters"][2]
                slow["log_end_offset"], slow["last_caught_up_timestamp"] = 90, -1
        return answer

    with FakeCluster(brokers=3, controller_id=2) as cluster:
        cluster.state.directory_ids[3] = uuid.UUID(int=1)
        cluster.on("DescribeQuorum", answer=set_back)
        yield cluster


@pytest.fixture
def connected(fake: FakeCluster) -> Iterator[Cluster]:
    cluster = Cluster(resolve(fake.address, None, None, (), 5))
    yield cluster
    cluster.close()


def test_roles_and_lags(connected: Cluster) -> None:
    described = quorum.read_quorum(connected)
    assert [(node.id, node.role, node.lag, node.directory_id) for node in described.nodes] == [
        (2, Role.LEADER, 0, NO_DIRECTORY),
        (1, Role.FOLLOWER, 0, NO_DIRECTORY),
        (3, Role.FOLLOWER, 10, VOTER),
    ]
    assert (described.max_follower_lag, described.max_follower_lag_ms) == (10, None)
    assert described.nodes[2].last_caught_up_ms is None
    assert described.nodes[2].endpoints[0].startswith("CONTROLLER://127.0.0.1:")


def test_kafkas_texts_have_unknown_times(connected: Cluster) -> None:
    described = quorum.read_quorum(connected)
    assert "MaxFollowerLagTimeMs:   -1\n" in quorum_text.format_status(described)
    assert f'{{"id": 3, "directoryId": "{VOTER}", "endpoints": ["CONTROLLER://' in quorum_text.format_status(described)
    last = quorum_text.format_replication(described, 7).splitlines()[-1].split("\t")
    assert [cell.strip() for cell in last] == ["3", VOTER, "90", "10", "7 ms ago", "-1", "Follower", ""]


def test_only_a_voter_of_a_dynamic_quorum_is_removed(connected: Cluster, fake: FakeCluster) -> None:
    described = quorum.read_quorum(connected)
    with pytest.raises(NotFoundError, match=f"controller 1 with directory id {VOTER} is not a voter"):
        quorum.find_voter(described, 1, VOTER)
    assert quorum.find_voter(described, 3, VOTER).lag == 10
    quorum.remove_voter(connected, None, 3, VOTER)
    with pytest.raises(OperationError, match="cannot remove controller 3: the node is not a voter"):
        quorum.remove_voter(connected, None, 3, VOTER)
    with pytest.raises(OperationError, match="the quorum is static"):
        quorum.find_voter(quorum.read_quorum(connected), 3, VOTER)


def test_no_leader_no_quorum_and_no_right(connected: Cluster, fake: FakeCluster) -> None:
    fake.state.controller_id = -1
    with pytest.raises(OperationError, match="the quorum has no leader now"):
        quorum.read_quorum(connected)
    fake.on("DescribeQuorum", error=31)
    with pytest.raises(OperationError, match="cannot describe the quorum: not authorized to access the cluster"):
        quorum.read_quorum(connected)


def test_zookeeper_has_no_quorum() -> None:
    with FakeCluster(brokers=1, api_versions="2.8") as old:
        cluster = Cluster(resolve(old.address, None, None, (), 5))
        with pytest.raises(UnsupportedRequestError):
            quorum.read_quorum(cluster)
        cluster.close()


@pytest.mark.parametrize("text", ["", "x", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAA", "ä" * 22])
def test_an_id_that_is_no_directory_id(text: str) -> None:
    with pytest.raises(UsageError, match="invalid directory id"):
        quorum.parse_directory_id(text)
