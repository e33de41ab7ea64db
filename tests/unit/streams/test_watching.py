"""What a watch over partitions says about their leaders."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.errors import OperationError
from kafkactl.streams.consuming import Reading
from kafkactl.streams.selection import Range, Selection
from kafkactl.streams.watching import MissedLooks, Watch
from tests.unit.streams.messages import Message

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


def test_a_topic_that_is_created_again_may_be_deleted_again(told: list[str]) -> None:
    selection: Any = SimpleNamespace(
        until_end=False, joins=False, partitions=(), assigned=None,
        include=SimpleNamespace(choose=lambda topics: SimpleNamespace(names=topics)),
    )  # fmt: skip
    nothing: Any = None
    watch = Watch(nothing, nothing, selection, PARTITIONS, told.append)
    for _ in range(2):
        for look in (topics(1, 1), {}, {}, {}):
            watch._find_new(look)
            watch._find_deleted(look)
    assert told == ["topic a was deleted: it is not read any more"] * 2


def test_a_subscription_drops_a_topic_that_two_looks_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that has just started does not know all topics yet; leaving one for a moment costs a rebalance."""
    refusal = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    answers: Iterator[list[str] | KafkaException] = iter(
        [["a", "b"], ["b"], ["a", "b", "c"], ["b", "c"], KafkaException(refusal), ["b", "c"], [], []]
    )

    def list_topics(timeout: float) -> SimpleNamespace:
        answer = next(answers)
        if isinstance(answer, KafkaException):
            raise answer
        return SimpleNamespace(topics=answer)

    deleted: list[str] = []
    told: list[str] = []
    subscribed: list[list[str]] = []
    reading = Reading.__new__(Reading)
    monkeypatch.setattr("kafkactl.streams.consuming._LOOK_FOR_TOPICS_S", 0)
    reading._selection = cast(
        Any, SimpleNamespace(include=SimpleNamespace(choose=lambda topics: SimpleNamespace(names=topics)), joins=True)
    )
    reading._consumer = cast(Any, SimpleNamespace(list_topics=list_topics))
    reading._watch = cast(Any, SimpleNamespace(note_deleted=deleted.append, note_present=lambda _names: None))
    reading._tell = told.append
    reading._topics, reading._missed, reading._looked_at = ["a", "b"], MissedLooks(), 0.0

    def subscribe(names: list[str]) -> None:
        reading._topics = names
        subscribed.append(names)

    monkeypatch.setattr(reading, "_subscribe", subscribe)
    for _ in range(8):
        reading._follow_topics()
    assert subscribed == [["a", "b", "c"], ["b", "c"]]
    assert deleted == ["a", "b", "c"]
    assert told == [f"cannot look for new topics: {describe_kafka_error(refusal)}; kafkactl tries it again later"]


@pytest.mark.parametrize("position", [0, 1, 3])
def test_records_before_an_error_come_before_it(position: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They came in one call; without a group nobody would read them again."""
    records = [SimpleNamespace(number=number) for number in range(4)]
    calls: list[int] = []

    def is_record(message: SimpleNamespace) -> bool:
        if message.number == position:
            raise OperationError("cannot read orders: no right")
        return True

    def consume(size: int, _timeout: float) -> list[SimpleNamespace]:
        calls.append(size)
        return records[1:]

    reading = Reading.__new__(Reading)
    monkeypatch.setattr(reading, "_is_record", is_record)
    reading._consumer = cast(Any, SimpleNamespace(poll=lambda _timeout: records[0], consume=consume))
    reading._early, reading._newly_lost, reading._starts, reading._yielded_ends = [], set(), [], {}
    reading._is_paused, reading._failure, reading._prepare, reading._stops = False, None, None, {}
    reading._selection = Selection(topics=["orders"])
    if position:
        assert [cast(Any, message).number for message in reading._next_batch(10)] == list(range(position))
    with pytest.raises(OperationError, match="no right"):
        reading._next_batch(10)
    assert len(calls) == 1


def test_a_time_also_stops_at_a_record_that_came_after_the_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --to-time now, or a later time and --follow, the log had no such record at the beginning."""
    times = {0: [1, 5, 2], 1: [2, -1, 4], 2: [9, 1]}
    messages: list[Any] = [
        Message(partition=number, offset=offset, timestamp=(1, time_ms))
        for number, times_ms in times.items()
        for offset, time_ms in enumerate(times_ms)
    ]
    reading = Reading.__new__(Reading)
    monkeypatch.setattr(reading, "_is_record", lambda _message: True)
    reading._consumer = cast(
        Any,
        SimpleNamespace(
            poll=lambda _timeout: messages[0],
            consume=lambda _size, _timeout: messages[1:],
            assignment=lambda: [SimpleNamespace(topic="orders", partition=number) for number in (0, 2)],
        ),
    )
    reading._early, reading._newly_lost, reading._starts, reading._yielded_ends = [], set(), [], {}
    reading._is_paused, reading._failure, reading._prepare, reading._stops = False, None, None, {}
    reading._at_end, reading._at_stop = set(), set()
    reading._ranges = {("orders", number): Range(0) for number in times}
    reading._selection = Selection(topics=["orders"], before_time_ms=5)
    assert [(message.partition(), message.offset()) for message in reading._next_batch(10)] == [
        (0, 0), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert reading._is_over(0.0)


def test_a_topic_that_was_made_again_needs_two_missing_looks_again() -> None:
    looks = MissedLooks()
    assert looks.find_deleted({"a", "b"}, {"b"}) == set()
    assert looks.find_deleted({"a", "b"}, {"b"}) == {"a"}
    assert looks.find_deleted({"b"}, {"a", "b"}) == set(), "it is there again, and not watched yet"
    assert looks.find_deleted({"a", "b"}, {"b"}) == set(), "a broker that has just started may not know it"
    assert looks.find_deleted({"a", "b"}, {"b"}) == {"a"}
