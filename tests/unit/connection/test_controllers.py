"""Requests to controllers: they serve no Metadata, and the active one gets every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from kafkactl.admin import configs
from kafkactl.admin.brokers import unregister_broker
from kafkactl.admin.endpoints import EndpointKind, describe_cluster
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.controllers import ControllerRequests
from kafkactl.connection.kafka_python import Brokers
from kafkactl.connection.settings import resolve
from kafkactl.errors import NotFoundError, OperationError, UnansweredError, UnreachableError, UnsupportedRequestError
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


def test_settings_are_read_at_their_node_and_changed_at_the_active_controller(controllers: FakeCluster) -> None:
    """Loggers are changed at their node, because they live there."""
    connected = connect(controllers.address_of(1))
    broker, default = Entity(EntityType.BROKERS, "3"), Entity(EntityType.BROKERS, "")
    loggers = Entity(EntityType.BROKER_LOGGERS, "3")
    configs.describe_configs(connected, [broker, default])
    assert sorted(request.broker_id for request in controllers.requests_of("DescribeConfigs")) == [2, 3]
    change = [configs.Alteration(configs.Operation.SET, "log.cleaner.threads", "2")]
    configs.alter_configs(connected, {broker: change, default: change})
    configs.alter_configs(connected, {loggers: change})
    connected.close()
    assert [request.broker_id for request in controllers.requests_of("IncrementalAlterConfigs")] == [2, 3]


def test_a_node_that_is_no_controller(controllers: FakeCluster) -> None:
    connected = connect(controllers.address)
    with pytest.raises(NotFoundError, match="node 7 is not a controller") as caught:
        configs.describe_configs(connected, [Entity(EntityType.BROKERS, "7")])
    connected.close()
    assert caught.value.hint == "controllers: 1, 2, 3; for a broker use --bootstrap-server"


def test_a_request_that_only_brokers_serve(controllers: FakeCluster) -> None:
    connected = connect(controllers.address)
    with pytest.raises(UnsupportedRequestError, match=r"controller 2 at .* does not serve Metadata: only brokers do"):
        configs.list_entities(connected, EntityType.TOPICS)
    for type_ in (EntityType.GROUPS, EntityType.CLIENT_METRICS):
        with pytest.raises(UnsupportedRequestError, match="does not serve ListConfigResources") as caught:
            configs.list_entities(connected, type_)
        assert caught.value.is_of_brokers
    connected.close()


@pytest.mark.parametrize("has_connected", [False, True])
def test_a_controller_that_restarts_has_refused_no_login(has_connected: bool) -> None:
    """Every connection knows the versions that the first one has learned, also one that TCP refuses."""
    brokers = Brokers.__new__(Brokers)
    brokers._settings = resolve("a:1", None, None, ("security.protocol=SASL_PLAINTEXT",), 5)
    connection: Any = SimpleNamespace(
        init_future=SimpleNamespace(is_done=True, exception=ConnectionError()),
        broker_version_data=object(),
        parser=object() if has_connected else None,
    )
    assert brokers._has_ended_at_login(connection) is has_connected


def test_a_login_without_a_token_was_not_refused() -> None:
    """The error of the token is ours: except clauses for kafka-python's errors do not catch it."""
    brokers = Brokers.__new__(Brokers)
    brokers._settings = resolve("a:1", None, None, ("security.protocol=SASL_PLAINTEXT",), 5)
    connection: Any = SimpleNamespace(
        init_future=SimpleNamespace(is_done=True, exception=UnreachableError("no token")),
        broker_version_data=object(),
        parser=object(),
    )
    assert not brokers._has_ended_at_login(connection)


@pytest.mark.slow
def test_a_login_that_was_refused_before_is_no_reason_later() -> None:
    with dead_address() as dead:
        connected = connect(dead)
        requests = connected.requests
        assert isinstance(requests, ControllerRequests)
        requests._brokers.login_failure = "SASL authentication error: wrong password"
        with pytest.raises(UnreachableError, match="nothing listens there"):
            describe_cluster(connected)
        connected.close()


@pytest.mark.slow
def test_an_active_controller_that_is_frozen_is_named_as_one(controllers: FakeCluster) -> None:
    controllers.on("UnregisterBroker", freeze=True)
    connected = connect(controllers.address_of(1), timeout_s=1)
    with pytest.raises(UnansweredError, match="from controller 2 at ") as failure:
        unregister_broker(connected, 3)
    connected.close()
    assert failure.value.hint == "check that controller, and the address that it advertises"


@pytest.mark.slow
def test_a_controller_whose_name_nobody_knows() -> None:
    connected = connect("nosuch.invalid:9093")
    with pytest.raises(UnreachableError, match=r"Failed to resolve 'nosuch.invalid:9093'"):
        describe_cluster(connected)
    connected.close()


@pytest.mark.slow
def test_what_controllers_do_not_check_or_show(cli: Cli, controllers: FakeCluster) -> None:
    at_controllers = ("--bootstrap-controller", controllers.address)
    done = cli("configs", "alter", "brokers", "--default", "--set", "log.cleaner.threads=2", *at_controllers, check=0)
    assert "warning: a controller does not check settings of brokers" in done.stderr
    refused = cli("configs", "alter", "users", "ann", "--set", "producer_byte_rate=5", *at_controllers, check=1)
    assert "a controller does not show the settings of user ann: only brokers do" in refused.stderr
