"""What a producer finds out about its topic before it sends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.streams.account import Account
from kafkactl.streams.dry_run import DryRun
from kafkactl.streams.producing import make_producer_settings, require_topic

PARTITION = SimpleNamespace(leader=1)


def cluster(error: KafkaError | None, partitions: dict[int, Any]) -> Cluster:
    topic = SimpleNamespace(topic="orders", error=error, partitions=partitions)
    brokers = {1: SimpleNamespace(host="a", port=9092)}
    metadata = SimpleNamespace(topics={"orders": topic}, brokers=brokers)
    return cast(Cluster, SimpleNamespace(read_metadata=lambda client: metadata))


def require(cluster: Cluster, partition: int | None) -> tuple[set[int], dict[int, str]]:
    return require_topic(cluster, None, "orders", lambda text: None, partition)


def test_the_partitions_and_their_leaders() -> None:
    assert require(cluster(None, {0: PARTITION, 1: PARTITION}), 1) == ({0, 1}, {1: "a:9092"})
    with pytest.raises(NotFoundError, match="has no partition 2"):
        require(cluster(None, {0: PARTITION}), 2)


def test_a_topic_that_the_broker_cannot_describe() -> None:
    refused = cluster(KafkaError(KafkaError.LEADER_NOT_AVAILABLE), {})
    assert require(refused, None) == (set(), {})
    with pytest.raises(OperationError, match="cannot read orders") as raised:
        require(refused, 0)
    assert raised.value.code == KafkaError.LEADER_NOT_AVAILABLE


@pytest.mark.parametrize(("acks", "is_idempotent"), [("all", True), ("ALL", True), ("-1", True), ("1", False)])
def test_acks_of_all_keep_idempotence_in_any_case(acks: str, is_idempotent: bool) -> None:
    settings = SimpleNamespace(properties={"acks": acks})
    made = make_producer_settings(cast(Cluster, SimpleNamespace(settings=settings)))
    assert made["enable.idempotence"] is is_idempotent


@pytest.mark.parametrize(("retries", "is_idempotent"), [("0", False), ("1", True)])
def test_retries_of_0_switch_idempotence_off(retries: str, is_idempotent: bool) -> None:
    settings = SimpleNamespace(properties={"retries": retries})
    made = make_producer_settings(cast(Cluster, SimpleNamespace(settings=settings)))
    assert made["enable.idempotence"] is is_idempotent


def test_a_dry_run_refuses_settings_that_only_the_producer_refuses() -> None:
    properties = {"max.in.flight.requests.per.connection": "9"}
    cluster = Cluster(Settings("127.0.0.1:1", "a test", properties, timeout_s=1))
    with pytest.raises(UsageError, match=r"max\.in\.flight"):
        DryRun(cluster, "orders", Account(lambda record: None), None, None)
