from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from kafkactl.admin import planning
from kafkactl.admin.loads import Load, Measure, measure_loads
from kafkactl.admin.planning import Balance, Placement

RACKS = {1: "b", 2: "a", 3: "b", 4: None}


def make_placements(seed: int) -> list[Placement]:
    """Some have a replica on broker 9, which is not alive."""
    rng = random.Random(seed)
    return [
        Placement(
            topic=rng.choice("ab"),
            partition=number,
            replicas=tuple(rng.sample([*RACKS, 9], rng.randint(1, 4))),
            size_bytes=rng.choice([0, 10, 1000]),
        )
        for number in range(rng.randint(1, 30))
    ]


def values(loads: list[Load], measure: Measure) -> dict[tuple[int, ...], int]:
    return {load.brokers: load.value for load in loads if load.measure is measure}


@pytest.mark.parametrize("seed", range(30))
def test_loads_are_what_the_replicas_say(seed: int) -> None:
    placements = make_placements(seed)
    leaders = {(row.topic, row.partition): next((b for b in row.replicas if b in RACKS), None) for row in placements}
    by_broker, by_rack = measure_loads(placements, RACKS, leaders, None)
    for broker in RACKS:
        mine = [row for row in placements if broker in row.replicas]
        assert values(by_broker, Measure.REPLICAS)[broker,] == len(mine)
        assert values(by_broker, Measure.BYTES)[broker,] == sum(row.size_bytes for row in mine)
        assert values(by_broker, Measure.PREFERRED)[broker,] == sum(row.replicas[0] == broker for row in mine)
        assert values(by_broker, Measure.LEADERS)[broker,] == Counter(leaders.values())[broker]
    for measure in Measure:
        single = values(by_broker, measure)
        assert values(by_rack, measure) == {(2,): single[2,], (1, 3): single[1,] + single[3,], (4,): single[4,]}
        skews = [load.skew_percent for load in by_broker if load.measure is measure]
        assert skews == [None] * 4 or sum(filter(None, skews)) == pytest.approx(0, abs=0.3)
    assert {load.planned for load in [*by_broker, *by_rack]} == {None}


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("by", [Balance.COUNT, Balance.LEADERS, Balance.BYTES])
def test_a_plan_leaves_fixed_partitions_and_is_no_less_even(seed: int, by: Balance) -> None:
    placements = make_placements(seed)
    fixed = {(row.topic, row.partition) for row in placements if 9 in row.replicas or row.partition % 5 == 0}
    plan = planning.plan(placements, list(RACKS), RACKS, by, fixed)
    assert not fixed & plan.keys()
    for row in placements:
        after = plan.get((row.topic, row.partition), row.replicas)
        assert len(set(after)) == len(row.replicas)
    by_broker, _ = measure_loads(placements, RACKS, {}, plan)
    planned = {measure: [load.planned for load in by_broker if load.measure is measure] for measure in Measure}
    assert planned[Measure.LEADERS] == [None] * 4
    moved = [replace(row, replicas=plan.get((row.topic, row.partition), row.replicas)) for row in placements]
    again, _ = measure_loads(moved, RACKS, {}, None)
    for measure in (Measure.PREFERRED, Measure.REPLICAS, Measure.BYTES):
        assert planned[measure] == list(values(again, measure).values())
    assert planning.plan(moved, list(RACKS), RACKS, by, fixed) == {} or by is Balance.BYTES


@pytest.mark.parametrize(
    ("by", "measure"),
    [(Balance.COUNT, Measure.REPLICAS), (Balance.LEADERS, Measure.PREFERRED), (Balance.BYTES, Measure.BYTES)],
)
def test_a_plan_makes_nothing_less_even(by: Balance, measure: Measure) -> None:
    """Also where replicas on a broker that is not alive stay as they are, and their preferred leader with them."""
    for seed in range(100):
        placements = make_placements(seed)
        fixed = {(row.topic, row.partition) for row in placements if 9 in row.replicas or row.partition % 5 == 0}
        no_racks = dict.fromkeys(RACKS)
        plan = planning.plan(placements, list(RACKS), no_racks, by, fixed)
        by_broker, _ = measure_loads(placements, no_racks, {}, plan)
        rows = [(load.value, load.planned or 0) for load in by_broker if load.measure is measure]
        # Replicas that are not on one of the brokers now come to them, so only the differences tell.
        before, after = (max(values) - min(values) for values in zip(*rows, strict=True))
        assert after <= max(before, 1), seed


def test_a_share_is_that_of_so_many_brokers() -> None:
    placements = [Placement(topic="t", partition=0, replicas=(1, 2)), Placement(topic="t", partition=1, replicas=(1,))]
    by_broker, by_rack = measure_loads(placements, {1: "a", 2: "b", 3: "b"}, {}, None)
    loads = [load for load in [*by_broker, *by_rack] if load.measure is Measure.REPLICAS]
    assert [(load.rack, load.brokers, load.value, load.skew_percent) for load in loads] == [
        ("a", (1,), 2, 100.0),
        ("b", (2,), 1, 0.0),
        ("b", (3,), 0, -100.0),
        ("a", (1,), 2, 100.0),
        ("b", (2, 3), 1, -50.0),
    ]
    assert {load.skew_percent for load in by_broker if load.measure is Measure.BYTES} == {None}


def test_a_skew_is_never_minus_zero() -> None:
    """29,999 of 30,000 bytes are -0.003 %."""
    placements = [
        Placement(topic="a", partition=number, replicas=(number + 1,), size_bytes=size)
        for number, size in enumerate([29_999, 30_001])
    ]
    loads, _ = measure_loads(placements, {1: None, 2: None}, {}, None)
    assert "-0.0" not in {str(load.skew_percent) for load in loads}
