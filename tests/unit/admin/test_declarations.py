"""Differences between declared topics and those there are, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kafkactl.admin.declared_topics import (
    Change,
    _judge,
    _plan_changes,
    apply,
    build_declaration,
    check,
    compare,
    read_declaration,
)
from kafkactl.admin.models import Outcome
from kafkactl.admin.topics.changes import recreate_topics
from kafkactl.admin.topics.descriptions import describe_in_full, describe_topics
from kafkactl.admin.topics.models import PartitionDescription, TopicDescription, TopicSetting, TopicSpec
from kafkactl.cli.topics.declared import _make_change
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.connection.settings import Settings
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Topic, placed
from tests.fake_broker.protocol import Fields, Request

OWN = {"retention.ms": "5", "flush.ms": "7"}
PRESENT = TopicDescription(
    topic="orders",
    topic_id="id",
    internal=False,
    partitions=tuple(PartitionDescription("orders", number, 1, (1, 2), (1, 2)) for number in range(3)),
    settings=tuple(TopicSetting(name, value, own=True, is_default=False) for name, value in OWN.items()),
)


def test_what_is_exported_is_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(yaml.safe_dump(build_declaration([PRESENT])))
    (spec,) = read_declaration(file)
    assert spec == TopicSpec(
        topic="orders",
        partitions=3,
        replication_factor=2,
        replica_assignment=None,
        configs={"retention.ms": "5", "flush.ms": "7"},
    )
    assert _plan_changes(spec, PRESENT, 3) == []


def test_changes() -> None:
    spec = TopicSpec(
        topic="orders",
        partitions=5,
        replication_factor=None,
        replica_assignment=None,
        configs={"retention.ms": "6", "segment.ms": "8"},
    )
    found = [(change.action, change.what, change.before, change.after) for change in _plan_changes(spec, PRESENT, 3)]
    assert found == [
        ("add partitions", "partitions", "3", "5"),
        ("unset", "flush.ms", "7", None),
        ("set", "retention.ms", "5", "6"),
        ("set", "segment.ms", None, "8"),
    ]
    impossible = _plan_changes(
        TopicSpec(
            topic="orders", partitions=1, replication_factor=4, replica_assignment=None, configs=dict(PRESENT.configs)
        ),
        PRESENT,
        3,
    )
    assert [change.is_possible for change in impossible] == [False, False]
    (moving,) = _plan_changes(
        TopicSpec(
            topic="orders", partitions=3, replication_factor=3, replica_assignment=None, configs=dict(PRESENT.configs)
        ),
        PRESENT,
        3,
    )
    assert (moving.action, moving.before, moving.after) == ("move replicas", "2", "3")


def test_one_partition_with_another_number_of_replicas_is_a_difference() -> None:
    """Such as one whose move was cancelled, or that was added with other replicas."""
    uneven = replace(PRESENT, partitions=(*PRESENT.partitions[:2], PartitionDescription("orders", 2, 1, (1,), (1,))))
    (change,) = _plan_changes(
        TopicSpec(
            topic="orders", partitions=3, replication_factor=2, replica_assignment=None, configs=dict(PRESENT.configs)
        ),
        uneven,
        3,
    )
    assert (change.action, change.before, change.after) == ("move replicas", "1-2", "2")
    (change,) = _plan_changes(
        TopicSpec(
            topic="orders", partitions=3, replication_factor=1, replica_assignment=None, configs=dict(PRESENT.configs)
        ),
        uneven,
        3,
    )
    assert (change.action, change.before, change.after) == ("move replicas", "1-2", "1")
    assert _make_change(change).inverse() is None, "no command gives partitions different numbers of replicas"
    assert _make_change(replace(change, before="2")).inverse() == (
        "topics", "alter", "orders", "--replication-factor", "2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "what", "text"),
    [
        ("create", "topic", "no right to create topic orders"),
        ("add partitions", "partitions", "no right to add partitions of topic orders"),
        ("set", "retention.ms", "no right to set retention.ms of topic orders"),
    ],
)
def test_a_change_without_the_right_to_it_is_named(action: str, what: str, text: str) -> None:
    refusal = Outcome(name="orders", ok=False, result="refused", code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    assert _judge(Change(topic="orders", action=action, what=what, before=None, after="3"), refusal).unchecked == text


def test_values_are_written_as_kafka_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: {a: {configs: {preallocate: true, min.cleanable.dirty.ratio: 0.5, x: text}}, b: }")
    first, second = read_declaration(file)
    assert first.configs == {"preallocate": "true", "min.cleanable.dirty.ratio": "0.5", "x": "text"}
    assert second == TopicSpec(topic="b", partitions=None, replication_factor=None, replica_assignment=None, configs={})


def test_a_topic_that_gets_no_partitions_says_that_it_is_not_moved() -> None:
    with FakeCluster(brokers=2, topics={"orders": 1, "other": 1}) as brokers:
        brokers.on("CreatePartitions", error=37, item="orders")
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        declared = [
            TopicSpec(topic=name, partitions=2, replication_factor=2, replica_assignment=None, configs={})
            for name in ("orders", "other")
        ]
        outcomes = apply(cluster, declared, compare(cluster, declared))
        cluster.close()
    found = [(outcome.name, outcome.ok, outcome.result) for outcome in outcomes]
    assert found[0][:2] == ("orders", False)
    assert found[1][:2] == ("other", True)
    assert found[2][:2] == ("other", True)
    assert found[3] == (
        "orders", False, "no replicas were moved, because the topic did not get its new partitions",
    )  # fmt: skip


def test_a_setting_with_the_name_of_another_change_is_refused_alone() -> None:
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        declared = [
            TopicSpec(
                topic="orders",
                partitions=2,
                replication_factor=None,
                replica_assignment=None,
                configs={"partitions": "2"},
            )
        ]
        changes = check(cluster, declared, compare(cluster, declared))
        cluster.close()
    assert [(change.action, change.what.partition(":")[0]) for change in changes] == [
        ("add partitions", "partitions"),
        ("impossible", "partitions"),
    ]


def test_a_refused_move_names_the_missing_right(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: {orders: {partitions: 1, replication_factor: 2}}")
    with FakeCluster(brokers=2, topics={"orders": 1}) as brokers:
        brokers.on("AlterPartitionReassignments", error=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
        done = cli("-b", brokers.address, "topics", "apply", str(file), "--yes", check=1)
    assert "hint: the principal needs Create and Alter on the cluster" in done.stderr


@pytest.mark.parametrize("target", [[1, 2, 4], [1, 2, 3, 4], [4]])
def test_replicas_count_as_after_a_move(target: list[int]) -> None:
    """While it runs, a partition has the replicas of before and of after it."""
    with FakeCluster(brokers=4, topics={"orders": 2}) as brokers:
        moving, settled = brokers.state.topics["orders"].all_partitions
        moving.replicas, moving.isr, moving.target = [1, 2, 3, 4], [1, 2, 3], target
        settled.replicas = settled.isr = target
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        described = describe_topics(cluster, ["orders"], with_moves=True)
        assert build_declaration(described)["topics"]["orders"]["replication_factor"] == len(target)
        declared = [
            TopicSpec(topic="orders", partitions=2, replication_factor=len(target), replica_assignment=None, configs={})
        ]
        assert compare(cluster, declared) == []
        (change,) = compare(cluster, [replace(declared[0], replication_factor=2)])
        assert (change.what, change.before, change.after) == ("replication", str(len(target)), "2")
        (outcome,) = recreate_topics(cluster, ["orders"])
        cluster.close()
        assert outcome.ok
        assert {len(row.replicas) for row in brokers.state.topics["orders"].all_partitions} == {len(target)}


@pytest.mark.parametrize("lost", [False, True])
def test_a_move_that_ends_while_a_topic_is_described_counts_as_ended(lost: bool) -> None:
    """The description still has the replicas of before and of after it, and the list of moves is empty."""
    with FakeCluster(brokers=4, topics={"orders": 1}) as brokers:
        (moving,) = brokers.state.topics["orders"].all_partitions
        moving.replicas, moving.isr, moving.target = [1, 2, 3, 4], [1, 2, 3], [2, 4]

        def end_moves(_request: Request, answer: Fields) -> Fields:
            brokers.state.finish_reassignments()
            if lost:
                brokers.on("Metadata", error=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
            return answer | {"topics": []}

        brokers.on("ListPartitionReassignments", answer=end_moves)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        (topic,) = describe_topics(cluster, ["orders"], with_moves=True)
        cluster.close()
    (row,) = topic.partitions
    assert (row.leader, row.replicas, row.isr) == ((1, (1, 2, 3, 4), (1, 2, 3)) if lost else (2, (2, 4), (2, 4)))
    assert topic.target_factor == len(row.replicas)


def test_replicas_in_sync_are_not_asked_for_moves() -> None:
    with FakeCluster(brokers=1, topics={"orders": 2}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        describe_topics(cluster, ["orders"], with_moves=True)
        cluster.close()
        assert "ListPartitionReassignments" not in [request.api for request in brokers.requests]


@pytest.mark.parametrize(
    ("replicas", "isr", "adding", "short"),
    [
        ((1, 2, 3), (1, 2, 3), (), False),
        ((1, 2, 3), (1, 2), (), True),
        ((1, 2, 3), (1, 2), None, True),
        ((1, 2, 3), (1, 2), (3,), False),
        ((1, 2, 3, 4), (1, 2), (4,), True),
        ((1, 2, 3), (1, 2, 3), (3,), False),
    ],
)
def test_replicas_that_a_move_adds_are_not_under_replicated(
    replicas: tuple[int, ...], isr: tuple[int, ...], adding: tuple[int, ...] | None, short: bool
) -> None:
    row = PartitionDescription("orders", 0, 1, replicas, isr, adding=adding)
    assert row.lacks_replicas is short
    assert row.under_replicated is (len(isr) < len(replicas))


def test_a_topic_whose_settings_cannot_be_read_is_not_exported(cli: Cli) -> None:
    """Without configs a later apply would unset all of them."""
    with FakeCluster(brokers=1, topics={"orders": 1, "other": 1}) as brokers:
        brokers.on("DescribeConfigs", item="orders", error=29)
        done = cli("-b", brokers.address, "topics", "export", check=1)
    assert list(yaml.safe_load(done.stdout)["topics"]) == ["other"]
    assert "orders" in done.stderr


def test_a_setting_that_no_broker_knows_any_more_stops_no_recreation() -> None:
    """After an upgrade a topic may have one; its value is not told, and no creation with it would succeed."""
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        brokers.state.topics["orders"].configs |= {"message.format.version": None, "retention.ms": "7"}
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        try:
            (description,) = describe_topics(cluster, ["orders"])
            (described,), _ = describe_in_full(cluster, ["orders"])
            (outcome,) = recreate_topics(cluster, ["orders"])
        finally:
            cluster.close()
    assert description.topic == "orders"
    assert described.configs == {"retention.ms": "7"}
    assert outcome.ok
    (request,) = brokers.requests_of("CreateTopics")
    assert "message.format.version" not in str(request)


@pytest.mark.slow
def test_an_error_behind_changes_that_were_made_tells_of_them(cli: Cli, tmp_path: Path) -> None:
    """The settings are changed, and then nobody answers about the moves."""
    file = tmp_path / "topics.yaml"
    file.write_text("topics: {orders: {replication_factor: 1, configs: {retention.ms: 5}}}")
    with FakeCluster(brokers=2, topics=[Topic("orders", [placed([1, 2])])]) as brokers:

        def is_changed(_request: Request) -> bool:
            sent = brokers.requests_of("IncrementalAlterConfigs")
            return any(not request.fields["validate_only"] for request in sent)

        brokers.on("ListPartitionReassignments", freeze=True, when=is_changed)
        line = ("-b", brokers.address, "topics", "apply", file, "--yes", "--timeout", "1")
        done = cli(*line, check=3)
        assert brokers.state.topics["orders"].configs == {"retention.ms": "5"}
    assert "may have been done" in done.stderr
    assert "hint: check the result before you repeat the command: kafkactl topics list" in done.stderr
