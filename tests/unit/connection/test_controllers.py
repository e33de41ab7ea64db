"""Requests to controllers: they serve no Metadata, and the active one gets every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kafkactl.admin.brokers import unregister_broker
from kafkactl.admin.endpoints import EndpointKind, describe_cluster
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import OperationError, UnreachableError
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, HttpPeer, dead_address


def connect(address: str, timeout_s: float = 5) -> Cluster:
    return Cluster(replace(resolve(address, None, None, (), timeout_s), has_controllers=True))


@pytest.fixture
def controllers() -> Iterator[FakeCluster]:
    with FakeCluster(brokers=3, controller_id=2, api_versions="controller") as cluster:
        yield cluster


def test_the_nodes_are_controllers(controllers: FakeCluster) -> None:
    connected = connect(controllers.address)
    description = describe_cluster(connected)
    connected.close()
    assert [(node.id, node.kind, node.fenced) for node in description.endpoints] == [
        (number, EndpointKind.CONTROLLER, None) for number in (1, 2, 3)
    ]
    assert description.cluster_id == controllers.state.cluster_id
    assert {request.fields["endpoint_type"] for request in controllers.requests_of("DescribeCluster")} == {2}


def test_a_change_goes_to_the_active_controller_also_after_it_moved(controllers: FakeCluster) -> None:
    connected = connect(controllers.address_of(1))
    unregister_broker(connected, 3)
    assert [request.broker_id for request in controllers.requests_of("UnregisterBroker")] == [2]
    controllers.on("UnregisterBroker", error=41, broker=2, times=1)
    controllers.state.controller_id = 1
    unregister_broker(connected, 2)
    connected.close()
    assert [request.broker_id for request in controllers.requests_of("UnregisterBroker")][-1] == 1


def test_an_unknown_broker_is_refused_in_the_words_of_the_controller(controllers: FakeCluster) -> None:
    connected = connect(controllers.address)
    with pytest.raises(OperationError, match="cannot unregister broker 9: Broker ID 9 is not currently registered"):
        unregister_broker(connected, 9)
    connected.close()


@pytest.mark.slow
def test_addresses_without_a_controller() -> None:
    with HttpPeer() as peer, dead_address() as dead:
        for address, reason in ((dead, "nothing listens there"), (peer.address, "it is an HTTP server")):
            connected = connect(address)
            with pytest.raises(UnreachableError, match=f"cannot reach the controllers at {address}: {reason}"):
                describe_cluster(connected)
            connected.close()


@pytest.mark.slow
def test_both_addresses_are_mutually_exclusive(cli: Cli) -> None:
    done = cli("cluster", "id", "-b", "b:1", "--bootstrap-controller", "c:1", check=2)
    assert "--bootstrap-controller and --bootstrap-server are mutually exclusive" in done.stderr
