"""Orders that a JVM printed: new HashMap<>(capacity) filled in the order of the list, and its keySet()."""

from __future__ import annotations

from kafkactl.output.kafka.java_order import compute_string_hash, sort_as_hash_map

KEYS = [
    "orders",
    "clicks",
    "a",
    "b",
    "Aa",
    "BB",
    "__consumer_offsets",
    "t.1",
    "t.2",
    "값",
    "retention.ms",
    "x" * 40,
    "zz",
    "q",
]


def test_the_order_is_the_jvms() -> None:
    sixteen = "Aa BB {} zz a b q 값 t.1 clicks t.2 orders retention.ms __consumer_offsets".format("x" * 40).split()
    for capacity in (16, 14, 1):  # fourteen keys make a table of eight, or of sixteen, grow
        assert sort_as_hash_map(KEYS, capacity) == sixteen
    larger = "Aa BB {} zz 값 retention.ms a b q t.1 clicks t.2 orders __consumer_offsets".format("x" * 40).split()
    assert sort_as_hash_map(KEYS, 64) == larger
    assert sort_as_hash_map([]) == []


def test_a_lone_surrogate_has_a_hash_as_in_java() -> None:
    assert compute_string_hash("a\udc80") == 31 * ord("a") + 0xDC80
