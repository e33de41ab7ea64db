"""Which brokers get and lose replicas."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.admin import reassignment
from kafkactl.admin.reassignment import RunningMove, plan
from kafkactl.admin.topics.models import PartitionDescription, TopicDescription
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import OperationError

RACKS = {1: "a", 2: "a", 3: "b", 4: "b", 5: "c"}


def partition(
    number: int, *replicas: int, leader: int | None = None, isr: tuple[int, ...] = ()
) -> PartitionDescription:
    return PartitionDescription("t", number, leader or replicas[0], replicas, isr or replicas)


def load(*partitions: PartitionDescription) -> Counter[int]:
    return Counter(broker for row in partitions for broker in row.replicas)


def test_a_new_replica_goes_to_a_rack_that_has_none() -> None:
    (move,) = plan([partition(0, 1)], 3, RACKS, {})
    assert move.before == (1,)
    assert move.after[0] == 1
    assert {RACKS[broker] for broker in move.after} == {"a", "b", "c"}


def test_brokers_with_an_empty_rack_are_racks_of_their_own() -> None:
    (move,) = plan([partition(0, 1)], 2, {1: "", 2: "", 3: "a", 4: "a"}, {3: 10, 4: 10})
    assert move.after == (1, 2)


def test_among_racks_alike_the_broker_with_the_fewest_replicas_is_chosen() -> None:
    (move,) = plan([partition(0, 1)], 2, RACKS, {3: 10, 4: 2, 5: 7})
    assert move.after == (1, 4)


def test_what_is_out_of_sync_goes_first_and_the_leader_stays() -> None:
    rows = [partition(0, 1, 3, 5, isr=(1, 5)), partition(1, 1, 3, 5, leader=5)]
    first, second = plan(rows, 2, RACKS, load(*rows))
    assert first.after == (1, 5)
    assert second.after == (1, 5)


@pytest.mark.parametrize("leader", [1, 2, 3])
@pytest.mark.parametrize("factor", [1, 2])
def test_a_leader_is_the_last_to_go(leader: int, factor: int) -> None:
    (move,) = plan([partition(0, 1, 2, 3, leader=leader)], factor, RACKS, {leader: 9})
    assert leader in move.after
    assert 1 in move.after or factor == 1


def test_a_crowded_rack_loses_before_others() -> None:
    (move,) = plan([partition(0, 1, 3, 4, 5)], 3, RACKS, {5: 50})
    assert move.after == (1, 3, 5)


def test_a_replica_of_a_dead_broker_goes_before_one_that_catches_up() -> None:
    (move,) = plan([partition(0, 9, 1, 2, leader=2, isr=(2,))], 2, RACKS, {})
    assert move.after == (1, 2)
    (move,) = plan([partition(0, 9, 1, 2, leader=2)], 2, RACKS, {})
    assert move.after == (1, 2)
    (move,) = plan([partition(0, 9, 1, 2, leader=9, isr=(9,))], 1, RACKS, {})
    assert move.after == (9,)


def test_an_eligible_leader_stays_also_on_a_dead_broker() -> None:
    row = replace(partition(0, 1, 9, 2), leader=None, isr=(), elr=(9,), last_known_elr=())
    (move,) = plan([row], 1, RACKS, {})
    assert move.after == (9,)
    (move,) = plan([replace(row, elr=(), last_known_elr=(2,))], 1, RACKS, {})
    assert move.after == (2,)


def test_eligible_leaders_are_asked_for_where_there_is_no_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(partition(0, 1, 9, 2), leader=None, isr=())
    full = TopicDescription(topic="t", topic_id="", internal=False, partitions=(replace(row, elr=(9,)),))
    cluster = half_told(monkeypatch, HalfToldCluster(known=0))
    asked: list[list[str]] = []

    def describe_in_full(_cluster: object, names: list[str]) -> tuple[list[TopicDescription], list[OperationError]]:
        asked.append(names)
        return ([full] if names else []), []

    monkeypatch.setattr(reassignment, "describe_in_full", describe_in_full)
    plain = TopicDescription(topic="t", topic_id="", internal=False, partitions=(row,))
    monkeypatch.setattr(reassignment, "describe_topics", lambda *_: [plain])
    (move,) = reassignment.plan_factor(cluster, ["t"], 1)
    assert (move.after, asked) == ((9,), [["t"]])


@pytest.mark.parametrize("racks", [{1: "a", 2: None, 3: "b"}, {1: "a", 2: "b", 3: None}])
def test_a_broker_without_a_rack_loses_like_one_alone_in_its_rack(racks: dict[int, str | None]) -> None:
    (move,) = plan([partition(0, 1, 2, 3)], 2, racks, {2: 9, 3: 1})
    assert move.after == (1, 3)


def test_nothing_moves_where_the_number_is_right() -> None:
    assert plan([partition(0, 1, 2)], 2, RACKS, {}) == []


def test_more_replicas_than_brokers_are_refused() -> None:
    with pytest.raises(OperationError, match="6 replicas need 6 brokers, and 5 are alive"):
        plan([partition(0, 1)], 6, RACKS, {})


@given(
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True), min_size=1, max_size=12),
    st.dictionaries(st.integers(1, 9), st.sampled_from(["a", "b", "c", None]), min_size=1),
    st.integers(1, 9),
)
def test_every_plan_gives_the_number_asked_for(
    replicas: list[list[int]], racks: dict[int, str | None], factor: int
) -> None:
    rows = [partition(number, *brokers) for number, brokers in enumerate(replicas)]
    if factor > len(racks):
        return
    moves = {move.partition: move for move in plan(rows, factor, racks, load(*rows))}
    for row in rows:
        after = moves[row.partition].after if row.partition in moves else row.replicas
        assert len(after) == len(set(after)) == factor
        kept = [broker for broker in row.replicas if broker in after]
        assert list(after[: len(kept)]) == kept, "what stays keeps its order, so the preferred leader is the same"
        assert set(after) - set(row.replicas) <= racks.keys(), "only live brokers get any"
        assert len(kept) == min(factor, len(row.replicas)), "no more moves than needed"


class HalfToldCluster(Cluster):
    """Its brokers hear of new partitions one after the other: each answer knows one partition more."""

    def __init__(self, known: int, timeout_s: float = 10) -> None:
        super().__init__(Settings("127.0.0.1:1", "a test", timeout_s=timeout_s))
        self.known = known

    def described(self, _cluster: object, names: list[str]) -> list[TopicDescription]:
        self.known += 1
        partitions = tuple(partition(number, 1) for number in range(self.known))
        return [TopicDescription(topic=name, topic_id="", internal=False, partitions=partitions) for name in names]


def half_told(monkeypatch: pytest.MonkeyPatch, cluster: HalfToldCluster) -> Cluster:
    monkeypatch.setattr(reassignment, "describe_topics", cluster.described)
    monkeypatch.setattr(reassignment, "read_racks", lambda _cluster: RACKS)
    monkeypatch.setattr(reassignment, "count_replicas", lambda _cluster: Counter[int]())
    monkeypatch.setattr(reassignment, "list_running", lambda _cluster: [])
    return cluster


def test_partitions_just_added_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = half_told(monkeypatch, HalfToldCluster(known=1))
    moves = reassignment.plan_factor(cluster, ["t"], 2, added={"t": 4})
    assert [move.partition for move in moves] == [0, 1, 2, 3]


def test_partitions_that_no_broker_hears_of_are_no_half_done_move(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = half_told(monkeypatch, HalfToldCluster(known=1, timeout_s=-1))
    with pytest.raises(OperationError, match="does not know the new partitions of t yet"):
        reassignment.plan_factor(cluster, ["t"], 2, added={"t": 9})


def test_a_move_that_ends_while_the_plan_is_made_counts_as_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer still has the move from broker 2 to broker 3, the next one does not."""
    cluster = half_told(monkeypatch, HalfToldCluster(known=0))
    answers: list[str] = []

    def describe(_cluster: object, _names: list[str]) -> list[TopicDescription]:
        row = partition(0, 1, 3) if answers else partition(0, 1, 2, 3, isr=(1, 2))
        answers.append("topics")
        return [TopicDescription(topic="t", topic_id="", internal=False, partitions=(row,))]

    def list_running(_cluster: object) -> list[RunningMove]:
        move = RunningMove(topic="t", partition=0, replicas=(1, 2, 3), adding=(3,), removing=(2,))
        answers.append("moves")
        return [move] if answers == ["moves"] else []

    monkeypatch.setattr(reassignment, "describe_topics", describe)
    monkeypatch.setattr(reassignment, "list_running", list_running)
    assert reassignment.plan_factor(cluster, ["t"], 2) == []
    answers.clear()
    (move,) = reassignment.plan_factor(cluster, ["t"], 3)
    assert (move.before, move.after[:2]) == ((1, 3), (1, 3))
