"""librdkafka's settings for kafka-python."""

from __future__ import annotations

import pytest

from kafkactl.connection.kafka_python import admin, translated
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
    with pytest.raises(UnreachableError, match=r"cannot reach the cluster at 127\.0\.0\.1:1"), admin(dead):
        pass
