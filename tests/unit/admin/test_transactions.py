"""Transactions at a fake broker: filters, hanging ones, and what is said where a broker or an id is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kafkactl.admin import transactions
from kafkactl.admin.models import make_failure
from kafkactl.admin.transactions import ProducerState
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnansweredError
from tests.fake_broker import FakeCluster, Producer, Topic, Transaction, placed

NOW_MS = 1_800_000_000_000


@pytest.fixture
def brokers() -> Iterator[FakeCluster]:
    topic = Topic("orders", [placed([1, 2]), placed([2, 1]), placed([1, 2])])
    with FakeCluster(brokers=2, topics=[topic]) as fake:
        fake.state.transactions = {
            "known": Transaction(producer_id=7, start_ms=1, partitions=[("orders", 0)]),
            "done": Transaction(producer_id=8, state="CompleteCommit"),
        }
        fake.state.producers = {
            ("orders", 0): [Producer(id=9, start_offset=30), Producer(id=7, start_offset=20)],
            ("orders", 1): [Producer(id=7, start_offset=4), Producer(id=8)],
            ("orders", 2): [Producer(id=8, start_offset=6, last_timestamp_ms=NOW_MS - 1000)],
        }
        yield fake


@pytest.fixture
def cluster(brokers: FakeCluster) -> Iterator[Cluster]:
    connected = Cluster(Settings(brokers.address, "a test", {}, timeout_s=3))
    yield connected
    connected.close()


ALL = [("orders", number) for number in range(3)]


def places(rows: list[ProducerState]) -> list[tuple[int, int]]:
    return [(row.partition, row.producer_id) for row in rows]


def test_filters_of_a_list(cluster: Cluster) -> None:
    def names(**filters: object) -> list[str]:
        rows, errors = transactions.list_transactions(cluster, **filters)  # type: ignore[arg-type]
        assert errors == []
        return [row.transactional_id for row in rows]

    assert names() == ["known", "done"]
    assert names(states=["Ongoing"]) == ["known"]
    assert names(producer_ids=[8]) == ["done"]
    assert names(longer_than_ms=1000) == ["known"]
    assert names(pattern="k.*") == ["known"]
    assert names(pattern="k") == []


def test_descriptions_keep_the_order_and_name_what_is_missing(cluster: Cluster) -> None:
    found = transactions.describe_transactions(cluster, ["nosuch", "done", "known"])
    assert list(found) == ["nosuch", "done", "known"]
    assert isinstance(found["nosuch"], NotFoundError)
    assert found["done"].start_ms is None  # type: ignore[union-attr]
    assert found["known"].partitions == (("orders", 0),)  # type: ignore[union-attr]


def test_what_no_coordinator_counts_in_hangs(cluster: Cluster) -> None:
    """A producer that nobody knows, and a known one in a partition that its transaction does not have."""
    rows, errors = transactions.find_hanging(cluster, ALL, NOW_MS, 60_000)
    assert (places(rows), errors) == ([(0, 9), (1, 7)], [])
    rows, errors = transactions.find_hanging(cluster, ALL, NOW_MS, 0)
    assert places(rows) == [(0, 9), (1, 7), (2, 8)], "the transaction of 8 is over"


def test_a_partition_that_is_missing_is_an_error_of_its_own(cluster: Cluster) -> None:
    rows, errors = transactions.find_hanging(cluster, [*ALL, ("orders", 9)], NOW_MS, 60_000)
    assert len(rows) == 2
    assert [str(error).startswith("orders-9: ") for error in errors] == [True]


@pytest.mark.slow
def test_a_frozen_leader_hides_only_its_partitions(brokers: FakeCluster, cluster: Cluster) -> None:
    cluster.requests.list_brokers()
    brokers.freeze(2)
    found = transactions.list_producers(cluster, ALL)
    assert [isinstance(answer, KafkactlError) for answer in found.values()] == [False, True, False]
    assert "broker 2" in str(found["orders", 1])


def test_a_coordinator_without_an_answer_decides_nothing(brokers: FakeCluster, cluster: Cluster) -> None:
    """Where the transactions of one broker are not known, everything would look as if it hangs."""
    brokers.on("ListTransactions", error=15)
    with pytest.raises(OperationError):
        transactions.find_hanging(cluster, ALL, NOW_MS, 60_000)


def test_a_marker_ends_the_transaction_of_one_producer(brokers: FakeCluster, cluster: Cluster) -> None:
    found = transactions.find_open(cluster, ("orders", 0), 30)
    transactions.abort(
        cluster,
        ("orders", 0),
        producer_id=found.producer_id,
        producer_epoch=found.producer_epoch,
        coordinator_epoch=found.coordinator_epoch,
    )
    assert [each.start_offset for each in brokers.state.producers["orders", 0]] == [-1, 20]
    with pytest.raises(NotFoundError, match="no open transaction begins at offset 30 of orders-0"):
        transactions.find_open(cluster, ("orders", 0), 30)
    with pytest.raises(OperationError, match="orders-9"):
        transactions.abort(cluster, ("orders", 9), producer_id=1, producer_epoch=0, coordinator_epoch=0)


def test_an_end_that_is_under_way_is_waited_for(brokers: FakeCluster, cluster: Cluster) -> None:
    busy = brokers.on("InitProducerId", error=51, times=2)
    transactions.force_terminate(cluster, "known")
    assert busy.hits == 2
    assert brokers.state.transactions["known"].start_ms == -1


@pytest.mark.slow
def test_an_end_that_lasts_longer_than_the_time_may_have_been_done(brokers: FakeCluster) -> None:
    """The coordinator has begun to abort; only its markers are missing."""
    brokers.on("InitProducerId", error=51)
    impatient = Cluster(Settings(brokers.address, "a test", {}, timeout_s=1))
    with pytest.raises(UnansweredError, match="has not ended yet") as caught:
        transactions.force_terminate(impatient, "known")
    impatient.close()
    assert "kafkactl transactions describe known" in str(caught.value.hint)
    assert make_failure("known", caught.value).code == ErrorCode.REQUEST_TIMED_OUT


def test_a_partition_that_an_answer_leaves_out_hides_no_other(cluster: Cluster, brokers: FakeCluster) -> None:
    brokers.on("DescribeProducers", answer=lambda _, usual: {**usual, "topics": []}, broker=2)
    states = transactions.list_producers(cluster, ALL)
    assert [isinstance(state, OperationError) for state in states.values()] == [False, True, False]
    assert isinstance(states["orders", 1], OperationError)
    assert states["orders", 1].code == ErrorCode.REQUEST_TIMED_OUT
