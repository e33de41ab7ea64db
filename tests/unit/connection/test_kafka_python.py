"""librdkafka's settings for kafka-python."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from kafkactl.connection import kafka_python
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.kafka_python import PRIVATE_MEMBERS, translated
from kafkactl.connection.settings import Settings
from kafkactl.errors import UnreachableError


def settings(**properties: str) -> Settings:
    given = {name.replace("_", "."): value for name, value in properties.items()}
    return Settings("a:9092,b:9093", "a test", given, timeout_s=1.5)


def test_addresses_and_times() -> None:
    config = translated(settings())
    assert config["bootstrap_servers"] == ["a:9092", "b:9093"]
    assert (config["request_timeout_ms"], config["client_id"]) == (1500, "kafkactl")


def test_security() -> None:
    config = translated(
        settings(
            security_protocol="sasl_ssl",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="ann",
            sasl_password="s3cret",
            ssl_endpoint_identification_algorithm="none",
            linger_ms="5",
        )
    )
    assert config["security_protocol"] == "SASL_SSL"
    assert config["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (config["sasl_plain_username"], config["sasl_plain_password"]) == ("ann", "s3cret")
    assert not config["ssl_context"].check_hostname
    assert "linger_ms" not in config


def test_a_cluster_that_is_not_there() -> None:
    dead = Settings("127.0.0.1:1", "a test", {}, timeout_s=1)
    with pytest.raises(UnreachableError, match=r"cannot reach the cluster at 127\.0\.0\.1:1"):
        Cluster(dead).requests.list_topics()


def test_private_members_are_where_they_were() -> None:
    """An upgrade of kafka-python that moves a member fails here first, and not on a user's machine."""
    from kafka.admin import KafkaAdminClient
    from kafka.net.manager import KafkaConnectionManager

    assert "self._manager = self._client._manager" in inspect.getsource(KafkaAdminClient.__init__)
    assert list(inspect.signature(KafkaConnectionManager.run).parameters)[:2] == ["self", "coro"]
    assert "node_id" in inspect.signature(KafkaConnectionManager.send).parameters
    assert inspect.iscoroutinefunction(KafkaAdminClient._refresh_controller_id)


def test_private_members_are_reached_in_one_function_each() -> None:
    """kafka-python is imported in one room, and each member of it that is not public is named in one function."""
    room = Path(kafka_python.__file__).parent
    uses = Counter(
        re.search(r"client\.(_[\w.]+)", line)[1]  # type: ignore[index]
        for path in room.parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\bclient\._\w", line)
    )
    assert uses == Counter(PRIVATE_MEMBERS)
    importers = {
        path.parent
        for path in room.parent.rglob("*.py")
        if re.search(r"^\s*(from|import) kafka\b", path.read_text(), re.M)
    }
    assert importers <= {room, room / "messages"}


def test_the_protocol_names_methods_that_are_there() -> None:
    from kafka.admin import KafkaAdminClient

    methods = [name for name, value in vars(kafka_python.AdminClient).items() if inspect.isfunction(value)]
    for name in methods:
        if name.startswith("_"):
            continue
        ours = list(inspect.signature(getattr(kafka_python.AdminClient, name)).parameters)
        assert list(inspect.signature(getattr(KafkaAdminClient, name)).parameters)[: len(ours)] == ours
