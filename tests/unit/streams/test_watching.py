"""What a watch over partitions says about their leaders."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kafkactl.streams.watching import Watch

PARTITIONS = [("a", 0), ("a", 1)]


def topics(*leaders: int) -> dict[str, Any]:
    partitions = {number: SimpleNamespace(leader=leader) for number, leader in enumerate(leaders)}
    return {"a": SimpleNamespace(error=None, partitions=partitions)}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watch(told: list[str]) -> Watch:
    nothing: Any = None
    return Watch(nothing, nothing, nothing, PARTITIONS, told.append)


def test_leaders_that_go_and_come(watch: Watch, told: list[str]) -> None:
    watch._note_leaders(topics(1, -1))
    watch._note_leaders(topics(1, -1))
    watch._note_leaders(topics(1, 2))
    assert told == ["a-1 has no leader: nothing can be read from it", "a-1 has a leader again"]
    assert not watch.without_leader


def test_a_partition_that_is_gone_has_no_leader_again(watch: Watch, told: list[str]) -> None:
    """Neither a deleted topic, nor a partition that a rebalance took away, was seen with a leader."""
    watch._note_leaders(topics(1, -1))
    watch._note_leaders({})
    watch._note_leaders(topics(1, -1))
    watch.partitions = {("a", 0)}
    watch._note_leaders(topics(1, 2))
    assert told == ["a-1 has no leader: nothing can be read from it"] * 2
