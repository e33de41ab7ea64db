"""The quorum of the controllers at a fake cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

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
    for spelling in (VOTER, VOTER + "=", VOTER + "=="):
        assert quorum.find_voter(described, 3, spelling).lag == 10
    with pytest.raises(UsageError, match="invalid directory id"):
        quorum.find_voter(described, 3, VOTER[1:])
    quorum.remove_voter(connected, None, 3, VOTER)
    with pytest.raises(OperationError, match="cannot remove controller 3: the node is not a voter"):
        quorum.remove_voter(connected, None, 3, VOTER)
    with pytest.raises(OperationError, match="the quorum is static"):
        quorum.find_voter(quorum.read_quorum(connected), 3, VOTER)


ENDPOINT = quorum.VoterEndpoint(name="CONTROLLER", host="host4", port=9093)


def test_an_observer_becomes_a_voter(connected: Cluster, fake: FakeCluster) -> None:
    fake.state.observers[4] = uuid.UUID(int=4)
    described = quorum.read_quorum(connected)
    candidate = quorum.find_candidate(described, 4, None)
    assert (candidate.role, candidate.directory_id) == (Role.OBSERVER, "AAAAAAAAAAAAAAAAAAAABA")
    assert quorum.find_candidate(described, 4, candidate.directory_id + "==") == candidate
    quorum.require_usable_endpoints(described, [ENDPOINT])
    quorum.add_voter(connected, described.cluster_id, 4, candidate.directory_id, [ENDPOINT])
    (request,) = [request for request in fake.requests if request.api == "AddRaftVoter"]
    assert request.fields["listeners"] == [{"name": "CONTROLLER", "host": "host4", "port": 9093}]
    assert quorum.find_candidate(quorum.read_quorum(connected), 4, None).role is Role.FOLLOWER
    with pytest.raises(OperationError, match="cannot add controller 4: the node is already a voter"):
        quorum.add_voter(connected, None, 4, candidate.directory_id, [ENDPOINT])


def test_nodes_that_cannot_become_voters(connected: Cluster, fake: FakeCluster) -> None:
    fake.state.observers[4] = uuid.UUID(int=4)
    described = quorum.read_quorum(connected)
    with pytest.raises(NotFoundError, match="controller 9 does not read the metadata log"):
        quorum.find_candidate(described, 9, None)
    with pytest.raises(NotFoundError, match=r"controller 4 does not have directory id A+Q, but A+BA"):
        quorum.find_candidate(described, 4, VOTER)
    with pytest.raises(OperationError, match=f"controller 3 is a voter with another directory id: {VOTER}") as caught:
        quorum.find_candidate(described, 3, "AAAAAAAAAAAAAAAAAAAABA")
    assert caught.value.hint == f"remove it first: kafkactl quorum remove-controller 3 --directory-id={VOTER}"
    twice = replace(described, nodes=[*described.nodes, replace(described.nodes[-1], directory_id=VOTER)])
    with pytest.raises(OperationError, match="several observers have id 4"):
        quorum.find_candidate(twice, 4, None)
    late = replace(described, nodes=[replace(described.nodes[0], last_fetch_ms=3001), *described.nodes[1:]])
    with pytest.raises(OperationError, match="controller 4 is down: it has not fetched for more than 3 s"):
        quorum.find_candidate(late, 4, None)
    fake.state.directory_ids.clear()
    with pytest.raises(OperationError, match="the quorum is static"):
        quorum.find_candidate(quorum.read_quorum(connected), 4, None)


def test_a_voter_with_a_new_disk_is_no_voter_yet(connected: Cluster, fake: FakeCluster) -> None:
    """Its process is an observer with a new folder, and the lost folder votes until it is removed."""
    fake.state.observers[4] = uuid.UUID(int=4)
    described = quorum.read_quorum(connected)
    leader, second, third, observer = described.nodes
    now_ms = 100_000
    up = {"last_fetch_ms": now_ms}
    observer = replace(observer, id=3, last_fetch_ms=now_ms)
    for lost in (replace(third, last_fetch_ms=1), replace(third, last_fetch_ms=None)):
        replaced = replace(described, nodes=[replace(leader, **up), replace(second, **up), lost, observer])
        with pytest.raises(OperationError, match=f"controller 3 is a voter with another directory id: {VOTER}"):
            quorum.find_candidate(replaced, 3, None)
        assert quorum.find_candidate(replaced, 3, VOTER) is lost
    third = replace(third, **up)
    for old in (observer, replace(observer, last_fetch_ms=1)):  # the leader shows a former observer for a while
        added = replace(described, nodes=[replace(leader, **up), replace(second, **up), third, old])
        assert quorum.find_candidate(added, 3, None) is third


@pytest.mark.parametrize("host", ["host4", "10.0.0.7", "::1"])
def test_an_endpoint_has_one_text(host: str) -> None:
    """The text of the command line is compared with that of the answer."""
    listener = SimpleNamespace(name="CONTROLLER", host=host, port=9093)
    answer = SimpleNamespace(nodes=[SimpleNamespace(node_id=4, listeners=[listener])])
    (text,) = dict(quorum._list_endpoints(answer))[4]
    assert text == str(replace(ENDPOINT, host=host)) == str(quorum.parse_endpoint(text))


def test_endpoints_that_the_leader_cannot_use(connected: Cluster) -> None:
    described = quorum.read_quorum(connected)
    for host in ("0.0.0.0", "0", "000.0.0.0", "0x0", "::", "0::0", "0:0:0:0:0:0:0:0", "::0.0.0.0", "::ffff:0.0.0.0"):
        with pytest.raises(UsageError, match="cannot reach this address"):
            quorum.require_usable_endpoints(described, [replace(ENDPOINT, host=host)])
    with pytest.raises(UsageError, match="no voter has a listener with the name PLAINTEXT") as caught:
        quorum.require_usable_endpoints(described, [replace(ENDPOINT, name="PLAINTEXT")])
    assert caught.value.hint == "names of the leader: CONTROLLER"


@pytest.mark.parametrize(
    ("silent_ms", "removed", "refused"),
    [
        ([0, 0, 0], 1, False),
        ([0, 3000, 3000], 1, False),
        ([0, 0, 3001], 1, True),
        ([0, 0, 3001], 2, True),
        ([0, 0, 3001], 3, False),
        ([0, 3001, 3001, 0, 0], 4, True),
        ([0, 3001, 3001, 0, 0], 2, False),
        ([0, 0], 1, False),
        ([0, 0], 2, False),
        ([0, 9999], 2, False),
        ([0, 9999], 1, True),
        ([0], 1, True),
    ],
)
def test_a_removal_leaves_a_majority_that_is_up(silent_ms: list[int], removed: int, refused: bool) -> None:
    """The voters are 1, 2, ..., 1 leads; each has been silent for a time."""
    nodes = [
        quorum.QuorumNode(
            id=number, role=Role.FOLLOWER if number > 1 else Role.LEADER, directory_id=VOTER, log_end_offset=1, lag=0,
            last_fetch_ms=100_000 - silent, last_caught_up_ms=1, endpoints=(),
        )
        for number, silent in enumerate(silent_ms, 1)
    ]  # fmt: skip
    described = quorum.Quorum(
        cluster_id=None, leader_id=1, leader_epoch=1, high_watermark=1, max_follower_lag=0, max_follower_lag_ms=0,
        nodes=nodes,
    )  # fmt: skip
    if not refused:
        quorum.require_majority_without(described, nodes[removed - 1])
        return
    with pytest.raises(OperationError, match=r"the quorum would have no majority|is the only voter"):
        quorum.require_majority_without(described, nodes[removed - 1])


@pytest.mark.parametrize(
    "text", ["CONTROLLER://host4:9093", "C://[::1]:1", "C://[fe80::1%eth0]:1", "C://127.0.0.1:65535"]
)
def test_an_endpoint_is_written_as_it_is_read(text: str) -> None:
    assert str(quorum.parse_endpoint(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "host:1", "C://host", "C://:1", "C://::1:1", "C://h:65536", "C://h:1 ", "://h:1"),
        *("C://[::::]:1", "C://[host]:1", "C://h\udcff:1", "C\0://h:1"),
    ],
)
def test_a_text_that_is_no_endpoint(text: str) -> None:
    with pytest.raises(UsageError, match="invalid endpoint"):
        quorum.parse_endpoint(text)


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
