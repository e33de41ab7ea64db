from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from kafkactl.admin import planning
from kafkactl.admin.planning import Balance, Placement
from kafkactl.errors import OperationError

Racks = Mapping[int, str | None]


def make_placements(*replicas: Sequence[int], size: int = 1) -> list[Placement]:
    return [
        Placement(topic="a", partition=number, replicas=tuple(brokers), size_bytes=size)
        for number, brokers in enumerate(replicas)
    ]


def apply(placements: Sequence[Placement], brokers: Sequence[int], racks: Racks, by: Balance) -> list[tuple[int, ...]]:
    plan = planning.plan(placements, brokers, racks, by)
    return [plan.get((row.topic, row.partition), row.replicas) for row in placements]


def is_spread(replicas: Sequence[int], brokers: Sequence[int], racks: Racks) -> bool:
    """Whether no replica can move from a rack with more replicas to a rack that has at least two fewer."""
    sizes = Counter(racks.get(broker) or broker for broker in brokers)
    counts = Counter(racks.get(broker) or broker for broker in replicas)
    return not any(
        counts[full] >= counts[empty] + 2 and counts[empty] < sizes[empty] for full in counts for empty in sizes
    )


def list_results(placements: Sequence[Placement], brokers: Sequence[int], racks: Racks) -> Iterator[tuple[int, int]]:
    """The imbalance and the number of moves of every placement that is allowed."""
    choices = [
        [each for each in itertools.combinations(brokers, len(row.replicas)) if is_spread(each, brokers, racks)]
        for row in placements
    ]
    for result in itertools.product(*choices):
        yield measure(placements, result)


def measure(placements: Sequence[Placement], result: Sequence[Sequence[int]]) -> tuple[int, int]:
    load = Counter(broker for replicas in result for broker in replicas)
    moves = sum(len(set(after) - set(row.replicas)) for row, after in zip(placements, result, strict=True))
    return sum(count * count for count in load.values()), moves


def make_case(seed: int) -> tuple[list[Placement], list[int], dict[int, str | None]]:
    rng = random.Random(seed)
    everywhere = list(range(1, rng.randint(3, 5) + 1))
    brokers = sorted(rng.sample(everywhere, rng.randint(max(2, len(everywhere) - 1), len(everywhere))))
    names = rng.choice([[None], ["a", "b"], ["a", "b", "c"]])
    racks = {broker: rng.choice(names) for broker in everywhere}
    factor = rng.randint(1, min(3, len(brokers)))
    rows = [rng.sample(everywhere, factor) for _ in range(rng.randint(1, 4))]
    return make_placements(*rows), brokers, racks


@pytest.mark.parametrize("seed", range(60))
def test_small_cases_have_the_fewest_moves(seed: int) -> None:
    """Every result is compared with all possible ones."""
    placements, brokers, racks = make_case(seed)
    possible = list(list_results(placements, brokers, racks))
    even = apply(placements, brokers, racks, Balance.COUNT)
    assert all(is_spread(replicas, brokers, racks) for replicas in even)
    assert measure(placements, even) == min(possible)
    empty = apply(placements, brokers, racks, Balance.NOTHING)
    assert all(is_spread(replicas, brokers, racks) for replicas in empty)
    load, moves = measure(placements, empty)
    assert (moves, load) == min((moves, load) for load, moves in possible)


@pytest.mark.parametrize("seed", range(20))
def test_leaders_are_even_with_the_fewest_changes(seed: int) -> None:
    placements, brokers, racks = make_case(seed)
    moved = [planning.plan(placements, brokers, racks, Balance.NOTHING), placements]
    before = [moved[0].get((row.topic, row.partition), row.replicas) for row in placements]  # type: ignore[attr-defined]
    after = apply(placements, brokers, racks, Balance.LEADERS)
    assert [set(replicas) for replicas in after] == [set(replicas) for replicas in before]

    def score(leaders: Sequence[int]) -> tuple[int, int]:
        changes = sum(leader != row[0] for leader, row in zip(leaders, before, strict=True))
        return sum(count * count for count in Counter(leaders).values()), changes

    assert score([row[0] for row in after]) == min(map(score, itertools.product(*before)))


def test_what_is_even_stays() -> None:
    placements = make_placements((1, 2), (2, 3), (3, 1))
    for by in Balance:
        assert planning.plan(placements, [1, 2, 3], {}, by) == {}


def test_a_new_replica_takes_the_place_of_the_old_one() -> None:
    placements = make_placements((4, 1), (2, 4))
    assert apply(placements, [1, 2, 3], {}, Balance.NOTHING) == [(3, 1), (2, 3)] or apply(
        placements, [1, 2, 3], {}, Balance.NOTHING
    ) == [(3, 1), (2, 1)]


def test_bytes_become_even() -> None:
    sizes = [700, 300, 200, 100, 100, 50, 30, 20]
    placements = [
        Placement(topic="a", partition=number, replicas=(1,), size_bytes=size) for number, size in enumerate(sizes)
    ]
    result = apply(placements, [1, 2], {}, Balance.BYTES)
    load = Counter[int]()
    for (broker,), size in zip(result, sizes, strict=True):
        load[broker] += size
    assert abs(load[1] - load[2]) <= 100
    assert planning.count_moves(placements, planning.plan(placements, [1, 2], {}, Balance.BYTES))[1] == load[2]


def test_more_replicas_than_brokers() -> None:
    with pytest.raises(OperationError, match=r"a-0 has 2 replicas, and there is 1 broker"):
        planning.plan(make_placements((1, 2)), [1], {}, Balance.COUNT)


def test_ten_thousand_partitions_take_no_time() -> None:
    rng = random.Random(1)
    placements = [
        Placement(topic=f"t{number}", partition=0, replicas=tuple(rng.sample([1, 2, 3, 4, 5, 6], 3)))
        for number in range(3000)
    ]
    racks = {broker: "abc"[broker % 3] for broker in range(1, 7)}
    result = apply(placements, [1, 2, 3, 4, 5], racks, Balance.COUNT)
    assert all(len({racks[broker] for broker in replicas}) == 3 for replicas in result)


@pytest.mark.parametrize("seed", range(40))
def test_a_drain_replaces_only_the_replicas_of_the_broker_and_spreads_them(seed: int) -> None:
    """Without racks every other replica stays, and no choice of new brokers is more even: all are tried."""
    rng = random.Random(seed)
    alive = list(range(1, rng.randint(3, 5) + 1))
    placements = make_placements(*(rng.sample(alive, rng.randint(1, len(alive) - 1)) for _ in range(rng.randint(1, 5))))
    plan, errors = planning.plan_drain(placements, 1, alive, {})
    assert errors == []
    after = [plan.get((row.topic, row.partition), row.replicas) for row in placements]
    leaving = [row for row in placements if 1 in row.replicas]
    assert len(plan) == len(leaving)
    for row, replicas in zip(placements, after, strict=True):
        assert len(replicas) == len(set(replicas)) == len(row.replicas)
        assert [old for old, new in zip(row.replicas, replicas, strict=True) if old != new] == [1] * (1 in row.replicas)
    choices = [
        [
            tuple(new if broker == 1 else broker for broker in row.replicas)
            for new in (sorted(set(alive) - {1} - set(row.replicas)) if 1 in row.replicas else [0])
        ]
        for row in placements
    ]
    best = min(measure(placements, result)[0] for result in itertools.product(*choices))
    assert measure(placements, after)[0] == best


def test_a_drain_keeps_racks_apart_and_says_what_stays() -> None:
    racks = {1: "a", 2: "a", 3: "b", 4: "b"}
    placements = make_placements((1, 3), (3, 1), (1, 2, 3, 4), (1, 9), (2, 3))
    plan, errors = planning.plan_drain(placements, 1, [1, 2, 3, 4], racks)
    assert plan == {("a", 0): (2, 3), ("a", 1): (3, 2)}
    assert [str(error) for error in errors] == [
        "a-2 stays: it has 4 replicas, and there are 3 other brokers",
        "a-3 stays: its replica on broker 9 is not alive",
    ]
    assert errors[0].hint == "lower it first: kafkactl topics alter a -r 3"
    assert planning.plan_drain(placements, 7, [1, 2, 3, 4], racks) == ({}, [])


def test_the_share_of_the_broker_that_gets_most() -> None:
    placements = [replace(row, size_bytes=10) for row in make_placements((1, 2), (1, 3), (2, 3))]
    plan = {("a", 0): (4, 2), ("a", 1): (4, 3), ("a", 2): (2, 5), ("other", 0): (4,)}
    assert planning.measure_largest_share(placements, plan) == 20
    assert planning.count_moves(placements, plan) == (3, 30)
    assert planning.measure_largest_share(placements, {}) == 0


def test_a_drain_sees_what_stays_where_it_is() -> None:
    """Replicas of other partitions that racks would have elsewhere do not move, so they count as they are."""
    racks = {1: "a", 2: "a", 3: "b", 4: "b", 5: "a"}
    placements = make_placements(*[(1, 2)] * 4, *[(5,)] * 4, (3, 9))
    plan, errors = planning.plan_drain(placements, 5, [1, 2, 3, 4, 5], racks)
    assert errors == []
    assert sorted(plan.values()) == [(3,), (3,), (4,), (4,)] or sorted(plan.values()) == [(3,), (4,), (4,), (4,)]
