"""Planner of replicas: which replicas move so that brokers are empty, or equally loaded, with the fewest moves.

It is pure: nothing is asked of a cluster. A partition keeps its number of replicas. Its replicas are spread over as
many racks as possible; a broker without a rack counts as a rack of its own.

The placement is a flow of least cost: a partition sends one unit to each of its brokers, a unit to a new broker costs a
move, and a broker costs the square of its load. The planner starts with the replicas that must move, and then follows
chains of moves from broker to broker while one lowers the cost. Reference: successive shortest paths, Bellman-Ford.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise

from kafkactl.admin.models import Partition
from kafkactl.errors import OperationError
from kafkactl.patterns import write_command

_TOLERANCE = 0.02
"""Difference of the bytes of two brokers, as a part of the mean, that is not worth a move."""
_Step = tuple[int, int]
"""The broker that a replica leaves, and the one that gets it."""


class Balance(StrEnum):
    """What brokers are to have equally much of."""

    COUNT = "count"
    """Replicas."""
    LEADERS = "leaders"
    """Preferred leaders; replicas only change their order, but for those that must move."""
    BYTES = "bytes"
    NOTHING = "nothing"
    """Only replicas that must move are moved, with the fewest moves, and spread evenly."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The replicas of a partition as ids of brokers, the preferred leader first, with the size of one replica."""

    topic: str
    partition: int
    replicas: tuple[int, ...]
    size_bytes: int = 0


def plan(
    placements: Sequence[Placement],
    brokers: Collection[int],
    racks: Mapping[int, str | None],
    by: Balance,
    fixed: Collection[Partition] = (),
) -> dict[Partition, tuple[int, ...]]:
    """Return the new replicas of each partition that changes, in the order of `placements`.

    Partitions of `fixed` stay as they are; their replicas on `brokers` count as load. All replicas of the others are on
    `brokers` afterwards. By leaders only the order of the replicas changes, but for those that must move. By count, and
    by leaders where no replica must move, the result is as even as it can be, with the fewest changes. By bytes a
    replica moves where that makes two brokers more equal; differences of up to 2 % of the mean stay. With NOTHING only
    replicas move that must: those on other brokers, and those that have to go to another rack. A new replica stands in
    the place of the one that it replaces. Brokers without an entry in `racks`, or with an empty one, have no rack.
    Raise OperationError for a partition outside `fixed` that has more replicas than there are brokers.
    """
    ids = sorted(set(brokers))
    stays = [(row.topic, row.partition) in fixed for row in placements]
    before = [
        [broker for broker in row.replicas if broker in ids] if is_fixed else list(row.replicas)
        for row, is_fixed in zip(placements, stays, strict=True)
    ]
    for row, is_fixed in zip(placements, stays, strict=True):
        if len(row.replicas) > len(ids) and not is_fixed:
            raise OperationError(
                f"{row.topic}-{row.partition} has {len(row.replicas)} replicas, and there {_count_brokers(len(ids))}",
                "name more brokers",
            )
    spread = _Spread(
        before,
        [sorted(replicas) if is_fixed else ids for replicas, is_fixed in zip(before, stays, strict=True)],
        [name_rack(racks, broker) for broker in ids],
        ids,
    )
    if by is Balance.BYTES:
        _level_bytes(spread, [row.size_bytes for row in placements])
    else:
        spread.optimize(moves_first=by is not Balance.COUNT)
    orders = [_replace(replicas, spread.replicas[index]) for index, replicas in enumerate(before)]
    if by is Balance.LEADERS:
        for index, (row, is_fixed) in enumerate(zip(placements, stays, strict=True)):
            if is_fixed and row.replicas[:1] != orders[index][:1]:
                orders[index] = ()  # its preferred leader is on none of these brokers
        orders = _level_leaders(orders, ids, stays)
    return {
        (row.topic, row.partition): order
        for row, order, is_fixed in zip(placements, orders, stays, strict=True)
        if order != row.replicas and not is_fixed
    }


def plan_drain(
    placements: Sequence[Placement], broker: int, alive: Collection[int], racks: Mapping[int, str | None]
) -> tuple[dict[Partition, tuple[int, ...]], list[OperationError]]:
    """Return the new replicas of each partition that has one on a broker, and an error for each that cannot leave it.

    The replica on `broker` is replaced by one on a broker of `alive`, and others only where racks ask for it. The other
    `placements` count for an even result. A partition stays that has a replica on each of the others, or another one on
    a broker that is not alive, or whose only replica is on a broker that is not alive. Plan and errors are in the order
    of `placements`, the errors are not raised, and nothing else is. `broker` may be not alive.
    """
    others = sorted(set(alive) - {broker})
    errors = []
    leaving = set()
    for row in placements:
        if broker not in row.replicas:
            continue
        away = sorted(set(row.replicas) - {broker, *others})
        if row.replicas == (broker,) and broker not in alive:
            reason = "its only replica is on a broker that is not alive"
            errors.append(OperationError(f"{row.topic}-{row.partition} stays: {reason}", "start that broker first"))
        elif away:
            reason = f"its replica on broker {away[0]} is not alive"
            errors.append(OperationError(f"{row.topic}-{row.partition} stays: {reason}", "start that broker first"))
        elif len(row.replicas) > len(others):
            replicas = f"{len(row.replicas)} replica{'' if len(row.replicas) == 1 else 's'}"
            reason = f"it has {replicas}, and there {_count_brokers(len(others), 'other ')}"
            hint = f"lower it first: {write_command('kafkactl topics alter', row.topic, '-r', str(len(others)))}"
            errors.append(OperationError(f"{row.topic}-{row.partition} stays: {reason}", hint if others else None))
        else:
            leaving.add((row.topic, row.partition))
    staying = {(row.topic, row.partition) for row in placements} - leaving
    return plan(placements, others, racks, Balance.NOTHING, fixed=staying), errors


def _count_brokers(count: int, kind: str = "") -> str:
    """Return the number of brokers with its verb: "is 1 broker", "are 2 other brokers"; `kind` ends with a blank."""
    return f"is 1 {kind}broker" if count == 1 else f"are {count} {kind}brokers"


def name_rack(racks: Mapping[int, str | None], broker: int) -> str | int:
    """Return the name of a broker's rack, or the broker's id where it has none or an empty one."""
    return racks.get(broker) or broker


def _replace(before: Sequence[int], after: Collection[int]) -> tuple[int, ...]:
    """Return replicas in the order of `before`, each removed one replaced by a new one, the lowest id first.

    Both have the same number of brokers.
    """
    new = iter(sorted(set(after) - set(before)))
    return tuple(broker if broker in after else next(new) for broker in before)


def _level_leaders(
    orders: Sequence[tuple[int, ...]], brokers: Sequence[int], stays: Sequence[bool]
) -> list[tuple[int, ...]]:
    """Return the replicas in orders in which the first ones are spread over the brokers as evenly as possible.

    As few first replicas as possible change: such a partition swaps its first replica with another one. `stays` says
    which partitions keep their order. An empty order stays empty. Raise KeyError for a first replica, and for any
    replica of an order that may change, that is not in `brokers`.
    """
    spread = _Spread(
        [order[:1] for order in orders],
        [sorted(order[:1] if is_fixed else order) for order, is_fixed in zip(orders, stays, strict=True)],
        list(brokers),
        brokers,
    )
    spread.optimize(moves_first=False)
    result = []
    for index, order in enumerate(orders):
        (leader,) = spread.replicas[index] or (None,)
        swapped = [order[0] if broker == leader else broker for broker in order]
        result.append(order if leader is None or leader == order[0] else (leader, *swapped[1:]))
    return result


def _level_bytes(spread: _Spread, sizes: Sequence[int]) -> None:
    """Move replicas from the fullest brokers to emptier ones while that makes the two more equal. It changes `spread`.

    `sizes` has the bytes of one replica of each partition, in the order of the spread; partitions without bytes stay.
    Differences of up to 2 % of the mean stay, too. Before that, the replicas that had to move are spread evenly by
    their number, also those without bytes.
    """
    spread.optimize(moves_first=True)
    load: Counter[int] = Counter(dict.fromkeys(spread.brokers, 0))
    by_size: dict[int, list[tuple[int, int]]] = {broker: [] for broker in spread.brokers}
    for size, index in sorted((size, index) for index, size in enumerate(sizes) if size > 0):
        for broker in spread.replicas[index]:
            load[broker] += size
            by_size[broker].append((size, index))
    enough = _TOLERANCE * sum(load.values()) / max(1, len(spread.brokers))
    while (step := _find_byte_move(spread, by_size, load, enough)) is not None:
        index, (source, target) = step
        spread.move(index, source, target)
        load[source] -= sizes[index]
        load[target] += sizes[index]
        by_size[source].remove((sizes[index], index))
        insort(by_size[target], (sizes[index], index))


def _find_byte_move(
    spread: _Spread, by_size: Mapping[int, Sequence[tuple[int, int]]], load: Mapping[int, int], enough: float
) -> tuple[int, _Step] | None:
    """Return the index of a partition and its move (source, target), the best one from the fullest broker that has one.

    The target is the emptiest broker possible; the size nearest to half the difference wins. `by_size` has, for each
    broker, the size in bytes, above 0, and the index of each partition there, sorted. `load` are the bytes on each
    broker; a broker without an entry is a KeyError. `enough` is the difference in bytes that is left alone; None means
    that no move is worth it.
    """
    order = sorted(spread.brokers, key=lambda broker: (-load[broker], broker))
    for source in order:
        for target in reversed(order):
            gap = load[source] - load[target]
            if gap <= enough:
                break
            for size, index in _list_around(by_size[source], gap / 2):
                if size >= gap:
                    break
                if spread.may_move(index, source, target):
                    return index, (source, target)
    return None


def _list_around(by_size: Sequence[tuple[int, int]], middle: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of a size and an index, the one with the size nearest to `middle` first; `by_size` is sorted.

    Where two are as near, the smaller size comes first.
    """
    above = bisect_left(by_size, (middle, -1))
    below = above - 1
    while below >= 0 or above < len(by_size):
        if above == len(by_size) or (below >= 0 and middle - by_size[below][0] <= by_size[above][0] - middle):
            yield by_size[below]
            below -= 1
        else:
            yield by_size[above]
            above += 1


class _Spread:
    """Replicas of partitions on brokers, and the chains of moves that make them more even."""

    def __init__(
        self,
        before: Sequence[Sequence[int]],
        allowed: Sequence[Sequence[int]],
        racks: Sequence[str | int],
        brokers: Sequence[int],
    ) -> None:
        """Take the replicas and the allowed brokers of each partition, and the rack of each of the `brokers`.

        Replicas that must move are moved at once: those on other brokers, and those that have to go to another rack.
        Raise ValueError where a partition has fewer allowed brokers than replicas, and KeyError for an allowed broker
        that is not in `brokers`. The arguments are not changed.
        """
        self.brokers = list(brokers)
        self.replicas = [set(replicas) for replicas in before]
        self._before = [frozenset(replicas) for replicas in before]
        self._allowed = allowed
        self._rack = dict(zip(brokers, racks, strict=True))
        self._load = Counter(dict.fromkeys(brokers, 0))
        self._load.update(broker for broker in chain.from_iterable(self.replicas) if broker in self._rack)
        self._bounds: dict[tuple[int, int], Mapping[str | int, tuple[int, int]]] = {}
        self._steps: dict[tuple[frozenset[int], frozenset[int], int], list[tuple[int, int, int]]] = {}
        self._fitting: set[tuple[frozenset[int], int]] = set()
        for index in range(len(self.replicas)):
            self._repair(index)
        self._load = Counter(dict.fromkeys(brokers, 0))
        self._load.update(chain.from_iterable(self.replicas))
        self._edges: dict[_Step, dict[int, dict[int, None]]] = defaultdict(lambda: {-1: {}, 0: {}, 1: {}})
        for index in range(len(self.replicas)):
            self._add_edges(index)

    def optimize(self, moves_first: bool) -> None:
        """Follow chains of moves while they lower the cost.

        With `moves_first` a move costs more than any imbalance, so the number of moved replicas does not rise; without
        it any imbalance costs more than all moves.
        """
        total = sum(map(len, self.replicas)) + 1
        move_weight, load_weight = (2 * total * total, 1) if moves_first else (1, 4 * total)
        while (path := self._find_path(move_weight, load_weight)) is not None:
            if not self._follow(path):
                return

    def move(self, index: int, source: int, target: int) -> None:
        """Move a replica of a partition from a broker to another one.

        Whether the replica may move there is not checked. `index` is the place of the partition, from 0; raise
        IndexError for one that is too large. Raise KeyError, after which the object is not usable, where no replica is
        on `source`, and for a `target` that is none of the brokers.
        """
        self._remove_edges(index)
        self.replicas[index].remove(source)
        self.replicas[index].add(target)
        self._load[source] -= 1
        self._load[target] += 1
        self._add_edges(index)

    def may_move(self, index: int, source: int, target: int) -> bool:
        """Return whether a partition has a replica on a broker that may move to another broker."""
        return any(index in partitions for partitions in self._edges[source, target].values())

    def _find_path(self, move_weight: int, load_weight: int) -> list[int] | None:
        """Return the brokers of the chain of moves that lowers the cost most; None where none is found that lowers it.

        The first broker gives a replica to the second one, which gives one to the third, and so on. The weights are the
        costs of a move and of an imbalance.
        """
        cost = {broker: load_weight * (1 - 2 * self._load[broker]) for broker in self.brokers}
        previous: dict[int, int] = {}
        edges = [
            (source, target, -move_weight if prices[-1] else 0 if prices[0] else move_weight)
            for (source, target), prices in self._edges.items()
            if prices[-1] or prices[0] or prices[1]
        ]
        for _ in self.brokers:
            has_changed = False
            for source, target, price in edges:
                if cost[source] + price < cost[target]:
                    cost[target] = cost[source] + price
                    previous[target] = source
                    has_changed = True
            if not has_changed:
                break
        best = min(
            previous,
            key=lambda broker: (cost[broker] + load_weight * (2 * self._load[broker] + 1), broker),
            default=None,
        )
        if best is None or cost[best] + load_weight * (2 * self._load[best] + 1) >= 0:
            return None
        path = [best]
        while path[-1] in previous:
            path.append(previous[path[-1]])
            if path[-1] in path[:-1]:
                return None
        return path[::-1]

    def _follow(self, path: Sequence[int]) -> bool:
        """Move a replica along each step of a chain; return False, with nothing moved, where a step is not possible.

        `path` are brokers; one with less than two is True without a move. A move that undoes an earlier one is taken
        before others. A partition takes part in several steps only where no other one can do them at that price.
        """
        done: list[tuple[int, int, int]] = []
        for source, target in pairwise(path):
            prices = self._edges[source, target]
            candidates = next((prices[price] for price in (-1, 0, 1) if prices[price]), {})
            used = {index for index, _, _ in done}
            index = next((number for number in candidates if number not in used), next(iter(candidates), None))
            if index is None:
                for number, first, second in reversed(done):
                    self.move(number, second, first)
                return False
            self.move(index, source, target)
            done.append((index, source, target))
        return True

    def _repair(self, index: int) -> None:
        """Move the replicas of a partition that must move to brokers with small loads, with the fewest moves.

        Replicas must move where their broker is not allowed, and where a rack has too many or too few of the partition.
        Other replicas stay. Raise ValueError where fewer brokers are allowed than the partition has replicas.
        Call it only while the object is made: the possible moves are not updated.
        """
        key = (self._before[index], id(self._allowed[index]))
        if key in self._fitting:
            return
        replicas = self.replicas[index]
        bounds = self._find_bounds(index)
        outside = sorted(replicas - set(self._allowed[index]))
        replicas.difference_update(outside)
        missing = len(outside)
        counts = Counter(self._rack[broker] for broker in replicas)
        for rack, (_, high) in bounds.items():
            inside = sorted(broker for broker in replicas if self._rack[broker] == rack)
            inside.sort(key=lambda broker: -self._load[broker])
            for broker in inside[: max(0, counts[rack] - high)]:
                replicas.remove(broker)
                counts[rack] -= 1
                self._load[broker] -= 1
                missing += 1
        while sum(counts[rack] > low for rack, (low, _) in bounds.items()) and missing < sum(
            max(0, low - counts[rack]) for rack, (low, _) in bounds.items()
        ):
            broker = max(
                (broker for broker in replicas if counts[self._rack[broker]] > bounds[self._rack[broker]][0]),
                key=lambda broker: (self._load[broker], broker),
            )
            replicas.remove(broker)
            counts[self._rack[broker]] -= 1
            self._load[broker] -= 1
            missing += 1
        for _ in range(missing):
            broker = min(
                (broker for broker in self._allowed[index] if broker not in replicas),
                key=lambda broker: (
                    counts[self._rack[broker]] >= bounds[self._rack[broker]][0],
                    counts[self._rack[broker]] >= bounds[self._rack[broker]][1],
                    self._load[broker],
                    broker,
                ),
            )
            replicas.add(broker)
            counts[self._rack[broker]] += 1
            self._load[broker] += 1
        if replicas == self._before[index]:
            self._fitting.add(key)

    def _find_bounds(self, index: int) -> Mapping[str | int, tuple[int, int]]:
        """Return the lowest and the highest number of replicas of a partition in each rack, by its name.

        Only racks with allowed brokers are in it. It is kept for other partitions: do not change it.
        """
        key = (len(self.replicas[index]), id(self._allowed[index]))
        if key not in self._bounds:
            sizes = Counter(self._rack[broker] for broker in self._allowed[index])
            self._bounds[key] = _share_out(len(self.replicas[index]), sizes)
        return self._bounds[key]

    def _add_edges(self, index: int) -> None:
        """Enter all possible moves of a partition's replicas."""
        for source, target, price in self._list_edges(index):
            self._edges[source, target][price][index] = None

    def _remove_edges(self, index: int) -> None:
        """Remove all possible moves of a partition's replicas."""
        for source, target, price in self._list_edges(index):
            del self._edges[source, target][price][index]

    def _list_edges(self, index: int) -> list[tuple[int, int, int]]:
        """Return source, target and price of each possible move of a partition's replicas: 1, 0, or -1 to undo one.

        The list is made once for all partitions with the same allowed brokers and the same replicas, before and now; do
        not change it.
        """
        key = (frozenset(self.replicas[index]), self._before[index], id(self._allowed[index]))
        if (steps := self._steps.get(key)) is None:
            steps = self._steps[key] = list(self._find_edges(index))
        return steps

    def _find_edges(self, index: int) -> Iterator[tuple[int, int, int]]:
        """Yield source, target and price of each possible move of a partition: 1, 0, or -1 to undo one."""
        replicas, before, bounds = self.replicas[index], self._before[index], self._find_bounds(index)
        counts = Counter(self._rack[broker] for broker in replicas)
        targets = [broker for broker in self._allowed[index] if broker not in replicas]
        for source in replicas:
            rack = self._rack[source]
            may_leave = counts[rack] > bounds[rack][0]
            for target in targets:
                other = self._rack[target]
                if other == rack or (may_leave and counts[other] < bounds[other][1]):
                    yield source, target, (target not in before) - (source not in before)


def _share_out(count: int, sizes: Mapping[str | int, int]) -> dict[str | int, tuple[int, int]]:
    """Return the lowest and the highest number of replicas in each rack, for replicas that are spread evenly.

    `sizes` are the numbers of brokers that each rack has; no rack gets more replicas. `count` is at most their sum:
    more replicas than that are left out without an error.
    """
    level = 0
    while sum(min(size, level + 1) for size in sizes.values()) <= count:
        if all(size <= level for size in sizes.values()):
            break
        level += 1
    is_even = sum(min(size, level) for size in sizes.values()) == count
    return {rack: (min(size, level), min(size, level if is_even else level + 1)) for rack, size in sizes.items()}


def measure_largest_share(placements: Iterable[Placement], plan: Mapping[Partition, Sequence[int]]) -> int:
    """Return the largest size in bytes that a plan brings to one broker; 0 where no broker gets a replica.

    Partitions of the plan that are not in `placements` do not count. With a limit for each broker this share takes
    longest.
    """
    shares: Counter[int] = Counter()
    for row in placements:
        for broker in set(plan.get((row.topic, row.partition), ())) - set(row.replicas):
            shares[broker] += row.size_bytes
    return max(shares.values(), default=0)


def count_moves(placements: Iterable[Placement], plan: Mapping[Partition, Sequence[int]]) -> tuple[int, int]:
    """Return how many replicas a plan brings to a new broker, and the size of all of them in bytes.

    Partitions of the plan that are not in `placements` do not count.
    """
    added = [
        (len(set(plan[row.topic, row.partition]) - set(row.replicas)), row.size_bytes)
        for row in placements
        if (row.topic, row.partition) in plan
    ]
    return sum(number for number, _ in added), sum(number * size for number, size in added)
