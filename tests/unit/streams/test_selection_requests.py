"""What a reader may ask for: every pair of fields of a request, with and without a group."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from kafkactl.errors import UsageError
from kafkactl.streams.selection import Selection, SelectionRequest

STARTS: dict[str, Any] = {"offset": 0, "from_time_ms": 0, "tail": 3, "from_beginning": True}
ENDS: dict[str, Any] = {"to_offset": 0, "before_time_ms": 0}
PLACES: dict[str, Any] = {"partitions": (0,), "assigned": {("t", 0): 0}}
FIELDS = {**STARTS, **ENDS, **PLACES, "until_end": True, "follow": True, "idle_timeout_ms": 0}


def ask(**fields: Any) -> Selection:
    return SelectionRequest(topics=("t",), **fields).make_selection()


def is_refused(names: set[str]) -> bool:
    return (
        len(names & STARTS.keys()) > 1
        or len(names & ENDS.keys()) > 1
        or {"until_end", "follow"} <= names
        or ("offset" in names and "partitions" not in names)
        or PLACES.keys() <= names
        or ("assigned" in names and bool(names & STARTS.keys()))
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_choice_of_fields(count: int) -> None:
    """A value of 0 is a value: an end at offset 0 reads nothing, and is not "no end"."""
    for names in itertools.combinations(FIELDS, count):
        fields = {name: FIELDS[name] for name in names}
        chosen = set(names)
        if is_refused(chosen):
            with pytest.raises(UsageError, match=r"mutually exclusive|needs"):
                ask(**fields)
            continue
        selection = ask(**fields)
        for name in chosen - {"until_end", "follow"}:
            assert getattr(selection, name) == FIELDS[name]
        is_bounded = bool(chosen & {"tail", *ENDS})
        assert selection.from_beginning == (
            "from_beginning" in chosen or (bool(chosen & ENDS.keys()) and not chosen & STARTS.keys())
        )
        assert selection.until_end == ("until_end" in chosen or (is_bounded and "follow" not in chosen)), names


@pytest.mark.parametrize("name", [*STARTS, *ENDS, *PLACES])
def test_a_group_beside_each_field(name: str) -> None:
    fields = {name: FIELDS[name], **({"partitions": (0,)} if name == "offset" else {})}
    if name == "from_beginning":
        assert ask(group="g", **fields).group == "g", "it says where to start without a commit"
        return
    with pytest.raises(UsageError, match=f"{name} and a group are mutually exclusive"):
        ask(group="g", **fields)
    assert ask(group="g", is_default_group=True, **fields).group is None


def test_errors_use_the_names_of_the_caller() -> None:
    with pytest.raises(UsageError, match="--tail and --from-beginning are mutually exclusive"):
        ask(tail=1, from_beginning=True, names={"tail": "--tail", "from_beginning": "--from-beginning"})


def test_no_place_to_start_at() -> None:
    with pytest.raises(UsageError, match="needs a group"):
        ask(auto_offset_reset="error")
    assert ask(auto_offset_reset="error", group="g").group == "g"
    assert ask(auto_offset_reset="error", tail=1).tail == 1
    assert ask(auto_offset_reset="earliest").from_beginning
    assert not ask(auto_offset_reset="latest").from_beginning


def test_a_start_after_the_end() -> None:
    for fields in ({"from_time_ms": 8, "before_time_ms": 2}, {"offset": 2, "to_offset": 1, "partitions": (0,)}):
        with pytest.raises(UsageError, match="is after"):
            ask(**fields)
    with pytest.raises(UsageError, match="is after"):
        ask(from_time_ms=5, before_time_ms=0)  # an end in 1970 is an end
    assert ask(from_time_ms=2, before_time_ms=2).before_time_ms == 2
    with pytest.raises(UsageError, match="an offset in assigned is after to_offset"):
        ask(assigned={("t", 0): None, ("t", 1): 4}, to_offset=3)
    assert ask(assigned={("t", 0): None, ("t", 1): 4}, to_offset=4).to_offset == 4


def test_an_end_begins_at_the_oldest_record_unless_a_setting_says_otherwise() -> None:
    assert ask(before_time_ms=5).from_beginning
    assert not ask(before_time_ms=5, auto_offset_reset="latest").from_beginning


def test_assigned_partitions_beside_a_start() -> None:
    assert ask(assigned={("t", 0): None}, tail=3).tail == 3
    with pytest.raises(UsageError, match="tail and an offset in assigned are mutually exclusive"):
        ask(assigned={("t", 0): None, ("t", 1): 4}, tail=3)


def test_a_tail_that_is_followed() -> None:
    assert ask(tail=5).until_end
    assert not ask(tail=5, follow=True).until_end
