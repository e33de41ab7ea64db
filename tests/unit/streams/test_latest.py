"""The compacted view."""

from __future__ import annotations

from kafkactl.streams.latest import Latest
from tests.unit.streams.messages import Message


def test_the_last_value_of_each_key_in_each_partition() -> None:
    latest = Latest()
    latest.add([Message(b"a", b"1", offset=0), Message(b"b", b"1", offset=1), Message(b"a", b"2", offset=2)])
    latest.add([Message(b"a", b"other", partition=1, offset=0), Message(b"b", None, offset=3), Message(None, b"x")])
    found = [(each.partition(), each.offset(), each.key(), each.value()) for each in latest.records()]
    assert found == [(1, 0, b"a", b"other"), (3, 2, b"a", b"2")]
    assert latest.without_key == 1
