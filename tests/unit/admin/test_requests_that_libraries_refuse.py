"""Values that a client library would refuse with an error of its own, or end the process for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from kafkactl.admin import records, scram
from kafkactl.admin.groups import offsets
from kafkactl.admin.groups.descriptions import delete_groups
from kafkactl.admin.topics import changes, descriptions
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import NotFoundError, UsageError
from tests.fake_broker import FakeCluster
from tests.fake_broker.state import Group


@pytest.mark.parametrize("topic", ["", "a\0b", "\ud800"])
def test_a_topic_in_a_file_of_offsets(tmp_path: Path, topic: str) -> None:
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps({"partitions": [{"topic": topic, "partition": 0, "offset": 1}]}))
    with pytest.raises(UsageError, match=r"partition with an offset|invalid topic"):
        records.read_offset_file(file)


@pytest.mark.parametrize("partition", [("a:b", 0), ("orders", -1), ("orders", 2**70)])
def test_a_partition_that_no_text_can_name_does_not_exist(partition: tuple[str, int]) -> None:
    metadata = SimpleNamespace(topics={"orders": SimpleNamespace(partitions={0: None})})
    cluster = cast(Cluster, SimpleNamespace(read_metadata=lambda: metadata))
    with pytest.raises(NotFoundError):
        offsets.require_partitions(cluster, [partition])


@pytest.mark.parametrize("partitions", [None, 0, -1, 50])
def test_topics_whose_partitions_the_brokers_choose_fill_a_request_as_50_do(partitions: int | None) -> None:
    specs = [changes.TopicSpec(topic=f"t{number}", partitions=partitions) for number in range(6000)]
    batches = list(changes._split_into_batches(specs))
    assert [spec for batch in batches for spec in batch] == specs
    assert max(map(len, batches)) == 5000 // 51


@pytest.mark.parametrize("length", [1, 8])
@pytest.mark.parametrize("total", [1, 3, 6])
def test_an_assignment_without_new_partitions_is_left_to_the_brokers(
    total: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say that the number is not larger; librdkafka refuses an empty assignment."""
    sent: list[Any] = []
    monkeypatch.setattr(changes, "list_topics", lambda _cluster: [SimpleNamespace(topic="orders", partitions=6)])
    monkeypatch.setattr(changes, "_make_timeouts", lambda _cluster: {})

    def send_change(_cluster: Cluster, requests: Any, send: Any, _failure: str) -> list[Any]:
        send(list(requests))
        return [changes.Outcome(name=name, ok=False, result="refused") for name in requests]

    monkeypatch.setattr(changes, "send_change", send_change)
    admin = SimpleNamespace(create_partitions=lambda new, **_: sent.extend(new))
    cluster = cast(Cluster, SimpleNamespace(admin=admin))
    (outcome,) = changes.add_partitions(cluster, {"orders": total}, [[1]] * length)
    assert not outcome.ok
    assert [(item.new_total_count, item.replica_assignment) for item in sent] == [(total, None)]


def test_a_question_about_a_name_twice_is_one_question() -> None:
    """Librdkafka refuses a topic that is there twice, and brokers refuse a user."""
    with FakeCluster(brokers=1, topics={"orders": 1, "other": 1}) as brokers:
        brokers.state.scram = {"ann": {1: 4096}}
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        described = descriptions.describe_topics(cluster, ["other", "orders", "other"])
        in_full, errors = descriptions.describe_in_full(cluster, ["other", "orders", "other"])
        credentials = scram.describe_credentials(cluster, ["ann", "eve", "ann"])
        cluster.close()
    assert [row.topic for row in described] == [row.topic for row in in_full] == ["orders", "other"]
    assert errors == []
    assert [row.user for row in credentials] == ["ann"]


def test_a_topic_that_every_page_refuses_is_one_error() -> None:
    """Brokers add the topics that the user may not see to each page of the partitions of the others."""
    hidden = {"error_code": 29, "name": "hidden", "topic_id": UUID(int=0), "is_internal": False, "partitions": []}

    def answer(request: Any, usual: Any) -> Any:
        (topic,) = usual["topics"]
        first, *rest = topic["partitions"]
        is_first = request.fields["cursor"] is None
        shown = {**topic, "partitions": [first] if is_first else rest}
        cursor = {"topic_name": "orders", "partition_index": 1} if is_first else None
        return {**usual, "topics": [shown, {**topic, **hidden}], "next_cursor": cursor}

    with FakeCluster(brokers=1, topics={"orders": 3}) as brokers:
        brokers.on("DescribeTopicPartitions", answer=answer)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        described, errors = descriptions.describe_in_full(cluster, ["orders"])
        cluster.close()
    assert [(row.topic, len(row.partitions)) for row in described] == [("orders", 3)]
    assert len(errors) == 1


def test_a_controller_that_does_not_answer_a_broker_hides_only_the_moves() -> None:
    """A broker that has waited for the controller in vain answers with REQUEST_TIMED_OUT."""
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        brokers.on("ListPartitionReassignments", error=7)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        described, errors = descriptions.describe_in_full(cluster, ["orders"])
        cluster.close()
    assert [(row.topic, row.partitions[0].adding) for row in described] == [("orders", ())]
    assert [str(error).partition(":")[0] for error in errors] == ["moves of replicas are missing"]


def test_a_controller_that_does_not_answer_hides_no_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where librdkafka waits for it in vain, kafka-python asks; moves that nobody wants must be no error then."""

    def ask_in_vain(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(descriptions, "_ask", ask_in_vain)
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        brokers.on("ListPartitionReassignments", error=7)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        (described,) = descriptions.describe_topics(cluster, ["orders"])
        with_moves, errors = descriptions.describe_each(cluster, ["orders"], with_moves=True)
        cluster.close()
    assert (described.topic, described.partitions[0].adding) == ("orders", None)
    assert (with_moves[0].partitions[0].adding, len(errors)) == ((), 1)


def test_a_change_of_a_name_twice_is_one_change() -> None:
    """Librdkafka refuses all groups where one is there twice."""
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        brokers.state.groups = {name: Group(name, "Empty") for name in ("a", "b")}
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        deleted = delete_groups(cluster, ["b", "a", "b"])
        topics = changes.delete_topics(cluster, ["orders", "orders"])
        cluster.close()
    assert [(outcome.name, outcome.ok) for outcome in (*deleted, *topics)] == [
        ("b", True), ("a", True), ("orders", True),
    ]  # fmt: skip
