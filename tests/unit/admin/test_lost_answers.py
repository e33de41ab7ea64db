"""Changes whose answers are lost: the user sees what may have been done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import cast

import pytest

from kafkactl.admin import configs, leaders, reassignment
from kafkactl.admin.configs import Config, Synonym, _name_source
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.groups.offsets import remove_members
from kafkactl.admin.models import send_change
from kafkactl.admin.scram import MOST_ITERATIONS, NewCredential
from kafkactl.admin.topics.changes import create_topics, recreate_topics
from kafkactl.admin.topics.models import TopicSpec
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.oauth import get_token
from kafkactl.connection.protocol import ConfigSource, ErrorCode
from kafkactl.connection.settings import Settings
from kafkactl.errors import OperationError, UnansweredError, UnreachableError, UsageError
from tests.fake_broker import FakeCluster


@pytest.fixture
def brokers() -> Iterator[FakeCluster]:
    with FakeCluster(brokers=1, topics={"orders": 2}) as brokers:
        yield brokers


@pytest.mark.slow
def test_a_topic_that_is_deleted_and_not_made_again(brokers: FakeCluster) -> None:
    """Its outcome has the command that makes it, also where the second answer never comes."""
    brokers.on("CreateTopics", freeze=True)
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    try:
        (outcome,) = recreate_topics(cluster, ["orders"])
    finally:
        cluster.close()
    assert not outcome.ok
    assert "deleted, but not created again" in outcome.result
    assert outcome.hint is not None
    assert outcome.hint.startswith("kafkactl topics create orders -p 2 -r 1")


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_partition_that_the_controller_does_not_answer_for(brokers: FakeCluster, is_cancelled: bool) -> None:
    brokers.on(
        "AlterPartitionReassignments",
        answer=lambda request, answer: {**answer, "responses": [{"name": "orders", "partitions": []}]},
    )
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    places = [("orders", 0), ("orders", 1)]
    if is_cancelled:
        errors: list[OperationError | None] = list(reassignment.cancel(cluster, places).values())
    else:
        moves = [reassignment.Move(*place, (1,), (1,)) for place in places]
        errors = list(reassignment.start(cluster, moves).values())
    cluster.close()
    assert [error.code for error in errors if error is not None] == [ErrorCode.REQUEST_TIMED_OUT] * 2


def test_a_partition_that_the_answer_to_an_election_leaves_out(brokers: FakeCluster) -> None:
    brokers.on("ElectLeaders", answer=lambda _, answer: {**answer, "replica_election_results": []})
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    elections = leaders.elect(cluster, leaders.ElectionType.PREFERRED, [("orders", 1), ("orders", 0)])
    assert leaders.elect(cluster, leaders.ElectionType.PREFERRED, None) == []
    cluster.close()
    assert [(row.partition, row.elected, row.code) for row in elections] == [
        (0, False, ErrorCode.REQUEST_TIMED_OUT),
        (1, False, ErrorCode.REQUEST_TIMED_OUT),
    ]


def test_a_member_that_the_answer_leaves_out(brokers: FakeCluster) -> None:
    brokers.on("LeaveGroup", answer=lambda _, answer: {**answer, "members": []})
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    results = remove_members(cluster, "billing", [("m-1", None), (None, "static")])
    cluster.close()
    assert list(results) == ["m-1", "static"]
    codes = [None if error is None else error.code for error in results.values()]
    assert codes == [ErrorCode.REQUEST_TIMED_OUT] * 2


@pytest.mark.parametrize("names", [["away", "silent"], ["silent", "away"]])
def test_a_change_that_was_sent_in_part_may_be_done(
    names: list[str], brokers: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups have coordinators of their own: one is not reached, another one does not answer."""
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))

    def wait(name: str, *_: object) -> None:
        raise UnreachableError("refused") if name == "away" else UnansweredError("no answer")

    monkeypatch.setattr(cluster, "wait", wait)
    outcomes = send_change(
        cluster, names, lambda sent: cast("dict[str, Future[None]]", {name: name for name in sent}), "done"
    )
    cluster.close()
    assert [(outcome.name, outcome.code) for outcome in outcomes] == [(name, 7) for name in names]


def test_a_change_of_nothing_is_not_sent(brokers: FakeCluster) -> None:
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    assert send_change(cluster, [], lambda _: {}, "done") == []
    assert not cluster.has_sent_change


def test_the_first_answer_is_that_the_time_of_the_broker_is_over(brokers: FakeCluster) -> None:
    """Its change goes on: the topic may be there a moment later."""
    brokers.on("CreateTopics", error=7)
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
    (outcome,) = create_topics(cluster, [TopicSpec(topic="new", partitions=1)])
    cluster.close()
    assert (outcome.ok, outcome.code) == (False, ErrorCode.REQUEST_TIMED_OUT)


def test_own_configs_that_kafka_python_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no synonyms either, as those that librdkafka reads."""

    class SlowCluster:
        timeout_s = 2.0

        def ask(self, *_: object) -> None:
            raise TimeoutError

    entity = Entity(EntityType.TOPICS, "orders")
    synonyms = (Synonym("DYNAMIC_TOPIC_CONFIG", "retention.ms", "5"),)
    own = Config(
        type=EntityType.TOPICS,
        entity="orders",
        name="retention.ms",
        value="5",
        source="DYNAMIC_TOPIC_CONFIG",
        sensitive=False,
        read_only=False,
        synonyms=synonyms,
        documentation=None,
    )
    monkeypatch.setattr(configs, "describe_configs", lambda *_: {entity: [own]})
    (config,) = configs.read_own_configs(cast("Cluster", SlowCluster()), entity)
    assert (config.name, config.value, config.synonyms) == ("retention.ms", "5", ())


def test_sources_of_values_of_newer_brokers() -> None:
    assert [_name_source(source) for source in ConfigSource] == [source.name for source in ConfigSource]
    assert _name_source(99) == "UNKNOWN"


def test_iterations_that_brokers_refuse() -> None:
    NewCredential("SCRAM-SHA-256", "x", MOST_ITERATIONS)
    for iterations in (4095, MOST_ITERATIONS + 1, 2**31):
        with pytest.raises(UsageError, match="iterations are too"):
            NewCredential("SCRAM-SHA-256", "x", iterations)


@pytest.mark.parametrize("life", ["", "soon", "-5", "1.5", "²", "9" * 5000])
def test_the_life_of_a_token(life: str) -> None:
    with pytest.raises(UsageError, match="lifeSeconds"):
        get_token(
            {
                "enable.sasl.oauthbearer.unsecure.jwt": "true",
                "sasl.oauthbearer.config": f"principal=me lifeSeconds={life}",
            }
        )
