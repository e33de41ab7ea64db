"""The status of a command from those of its items."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from kafkactl import statuses
from kafkactl.statuses import CONDITION, DONE, FAILED, NO_ANSWER, USAGE


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], DONE),
        ([DONE, DONE], DONE),
        ([NO_ANSWER, NO_ANSWER], NO_ANSWER),
        ([DONE, NO_ANSWER], FAILED),
        ([FAILED, NO_ANSWER], FAILED),
        ([CONDITION, DONE], CONDITION),
        ([CONDITION, NO_ANSWER], FAILED),
        ([CONDITION, FAILED], FAILED),
        ([USAGE], USAGE),
        ([USAGE, DONE], FAILED),
    ],
)
def test_several_items(items: list[int], expected: int) -> None:
    assert all(statuses.combine(order) == expected for order in permutations(items))


def test_a_problem_is_never_lost() -> None:
    for items in product((DONE, FAILED, NO_ANSWER, CONDITION), repeat=3):
        assert (statuses.combine(items) == DONE) == (set(items) == {DONE})


def test_signals() -> None:
    assert [statuses.get_signal_status(number) for number in (1, 2, 15)] == [129, 130, 143]
