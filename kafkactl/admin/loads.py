"""Loads of brokers and racks: how evenly leaders, replicas and bytes are spread over them, now and after a plan.

It is pure: nothing is asked of a cluster.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kafkactl.admin.models import Partition
from kafkactl.admin.planning import Placement, name_rack


class Measure(StrEnum):
    """What brokers have much or little of."""

    LEADERS = "leaders"
    """Partitions that they lead now. A plan does not elect leaders, so there is no value after it."""
    PREFERRED = "preferred leaders"
    """Partitions whose first replica they have."""
    REPLICAS = "replicas"
    BYTES = "bytes"


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much a broker, or all brokers of a rack, have of one measure.

    A skew is the difference from an equal share of all brokers, in percent of that share: 0 means the share, -100
    nothing. It is None where nobody has anything.
    """

    measure: Measure
    brokers: tuple[int, ...]
    """One broker, or all of a rack that are alive; their share is that of so many brokers."""
    rack: str | None
    """None for a broker without a rack, which counts as a rack of its own."""
    value: int
    skew_percent: float | None
    planned: int | None
    """The value after a plan; None without a plan."""
    planned_skew_percent: float | None


def measure_loads(
    placements: Sequence[Placement],
    racks: Mapping[int, str | None],
    leaders: Mapping[Partition, int | None],
    plan: Mapping[Partition, tuple[int, ...]] | None,
) -> tuple[list[Load], list[Load]]:
    """Return the loads of single brokers, and those of racks, by measure and then by id or by the rack's name.

    Brokers without a rack, or with an empty one, come after the named racks, each as a rack of its own. With a plan,
    all measures but LEADERS have a planned value. `racks` has the rack of each broker that is alive; replicas and
    leaders on others do not count, and without brokers both lists are empty. `leaders` are the present leaders of
    partitions; one without an entry has none. `plan` has the new replicas of the partitions that change; None means
    that there is no plan.
    """
    now = _count(placements)
    now[Measure.LEADERS] = Counter(leader for leader in leaders.values() if leader is not None)
    after = None
    if plan is not None:
        after = _count(replace(row, replicas=plan.get((row.topic, row.partition), row.replicas)) for row in placements)
    members: dict[str | int, list[int]] = defaultdict(list)
    for broker in sorted(racks):
        members[name_rack(racks, broker)].append(broker)
    of_racks = [members[name] for name in sorted(members, key=lambda name: (isinstance(name, int), name))]
    return (
        list(_list_loads([[broker] for broker in sorted(racks)], racks, now, after)),
        list(_list_loads(of_racks, racks, now, after)),
    )


def _count(placements: Iterable[Placement]) -> dict[Measure, Counter[int]]:
    """Return what each broker has by measure: preferred leaders, replicas and bytes, but not present leaders.

    Brokers that are not alive count, too.
    """
    counts: dict[Measure, Counter[int]] = {measure: Counter() for measure in Measure if measure is not Measure.LEADERS}
    for row in placements:
        counts[Measure.PREFERRED].update(row.replicas[:1])
        counts[Measure.REPLICAS].update(row.replicas)
        counts[Measure.BYTES].update(dict.fromkeys(row.replicas, row.size_bytes))
    return counts


def _list_loads(
    groups: Sequence[Sequence[int]],
    racks: Mapping[int, str | None],
    now: Mapping[Measure, Counter[int]],
    after: Mapping[Measure, Counter[int]] | None,
) -> Iterator[Load]:
    """Yield the loads of groups of brokers, by measure and then in the order of `groups`.

    No group is empty; its rack is that of its first broker, None for an empty one. `racks` has all brokers that share
    the loads. `now` and `after` are what each broker has, by measure. `now` must have every measure; one that `after`
    does not have gets no planned value, and `after` is None without a plan.
    """
    for measure in Measure:
        planned = (after or {}).get(measure)
        for group in groups:
            value, skew = _compare(group, racks, now[measure])
            planned_value, planned_skew = (None, None) if planned is None else _compare(group, racks, planned)
            yield Load(
                measure=measure,
                brokers=tuple(group),
                rack=racks[group[0]] or None,
                value=value,
                skew_percent=skew,
                planned=planned_value,
                planned_skew_percent=planned_skew,
            )


def _compare(group: Sequence[int], brokers: Iterable[int], counts: Counter[int]) -> tuple[int, float | None]:
    """Return what a group of the `brokers` has, and its skew in percent, rounded to 0.1. The group is not empty.

    The skew is the difference from an equal share of all `brokers`; None where none of them has anything.
    """
    values = [counts[broker] for broker in brokers]
    value = sum(counts[broker] for broker in group)
    share = sum(values) * len(group) / len(values)
    return value, round((value / share - 1) * 100, 1) + 0.0 if share else None  # 0.0 turns -0.0 into 0.0
