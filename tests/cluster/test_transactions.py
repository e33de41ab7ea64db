"""Transactions on a real broker: open ones are seen and ended, and a hanging one is made, found and aborted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from tests.clusters import RunningCluster

VERIFICATION = "transaction.partition.verification.enable"
BEFORE_TRANSACTIONS_V2 = 11
"""Version of Produce in which the broker does not add the partition to the transaction by itself."""


@pytest.fixture
def without_verification(kraft: RunningCluster) -> Iterator[None]:
    """Let the brokers take records of a transaction that does not have the partition."""
    kraft.cli.ok("configs", "alter", "--broker-defaults", "--set", f"{VERIFICATION}=false")
    try:
        yield
    finally:
        kraft.cli.ok("configs", "alter", "--broker-defaults", "--unset", VERIFICATION)


def produce_past_the_coordinator(kraft: RunningCluster, topic: str) -> int:
    """Write a record of a transaction that the coordinator never hears of; return the producer's id."""
    from kafka.record.default_records import DefaultRecordBatchBuilder

    connected = Cluster(resolve(kraft.bootstrap_servers, None, None, ()))
    try:
        producer = connected.requests.send(
            "InitProducerId", transactions_of=topic, transactional_id=topic, transaction_timeout_ms=60_000
        )
        batch = DefaultRecordBatchBuilder(2, 0, True, producer.producer_id, producer.producer_epoch, 0, 4096)
        batch.append(0, time.time_ns() // 1_000_000, None, b"hangs", [])
        answer: Any = connected.requests.send(
            "Produce",
            broker=1,
            transactional_id=topic,
            acks=-1,
            timeout_ms=5000,
            topic_data=[(topic, [(0, bytes(batch.build()))])],
            max_version=BEFORE_TRANSACTIONS_V2,
        )
        (partition,) = answer.responses[0].partition_responses
        assert partition.error_code == 0
        return int(producer.producer_id)
    finally:
        connected.close()


def read_committed(kraft: RunningCluster, topic: str) -> list[str]:
    return kraft.cli.ok(
        "consume", topic, "--from-beginning", "--exit", "--isolation-level", "read_committed"
    ).splitlines()


def test_a_hanging_transaction_is_found_and_aborted(
    kraft: RunningCluster, name: str, without_verification: None
) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name)
    cli.ok("produce", name, input="before\n")
    producer_id = produce_past_the_coordinator(kraft, name)
    cli.ok("produce", name, input="after\n")
    assert read_committed(kraft, name) == ["before"]
    assert "no hanging transaction in 1 partition" in cli("transactions", "find-hanging", name, check=0).stderr
    (row,) = json.loads(cli.ok("transactions", "find-hanging", name, "--older-than", "0s", "-o", "json"))
    assert (row["topic"], row["partition"], row["producer_id"], row["start_offset"]) == (name, 0, producer_id, 1)
    abort = ["transactions", "abort", name, "--partition", 0, "--start-offset", 1]
    assert f"would abort the transaction of producer {producer_id}" in cli(*abort, "--dry-run", check=0).stderr
    assert read_committed(kraft, name) == ["before"]
    cli.ok(*abort, "--yes")
    assert read_committed(kraft, name) == ["before", "after"]
    again = cli(*abort, "--yes", check=1)
    assert f"no open transaction begins at offset 1 of {name}-0" in again.stderr
    cli.ok("topics", "delete", name, "--yes")


def test_an_open_transaction_is_ended_and_its_producer_shut_out(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name)
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers, "transactional.id": name, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(name, b"v")
    producer.flush(30)
    (listed,) = json.loads(cli.ok("transactions", "list", "--match", f"{name}.*", "-o", "json"))
    assert listed["state"] == "Ongoing"
    (described,) = json.loads(cli.ok("transactions", "describe", name, "-o", "json"))
    assert described["partitions"] == [[name, 0]]
    (row,) = json.loads(cli.ok("transactions", "producers", name, "--open", "-o", "json"))
    refused = cli("transactions", "abort", name, "--partition", 0, "--start-offset", row["start_offset"], "--yes")
    assert refused.returncode == 1
    assert "does not hang" in refused.stderr
    shown = cli("transactions", "force-terminate", name, "--dry-run", check=0)
    assert f"would end 1 transaction: {name}, Ongoing" in shown.stderr
    assert cli.ok("transactions", "force-terminate", name, "--yes").split()[-2:] == ["transaction", "ended"]
    assert cli.ok("transactions", "force-terminate", name, "--yes").split()[-4:] == ["no", "transaction", "is", "open"]
    with pytest.raises(KafkaException):
        producer.commit_transaction(30)
    missing = cli("transactions", "force-terminate", f"{name}-none", "--yes", check=1)
    assert f"transactional id not found: '{name}-none'" in missing.stderr
    cli.ok("topics", "delete", name, "--yes")
