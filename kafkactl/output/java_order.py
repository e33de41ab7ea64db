"""The order in which Java's hash tables give their keys, where Kafka's tools print in that order."""

from __future__ import annotations

from collections.abc import Sequence

_DEFAULT_CAPACITY = 16


def hash_map_order(keys: Sequence[str], capacity: int = _DEFAULT_CAPACITY) -> list[str]:
    """Keys, given in the order they were put, as java.util.HashMap made with that capacity iterates over them."""
    size = 1
    while size < capacity:
        size *= 2
    while len(keys) > size * 3 // 4:
        size *= 2
    return sorted(keys, key=lambda key: _spread(_string_hash(key)) & (size - 1))


def _string_hash(text: str) -> int:
    value = 0
    units = text.encode("utf-16-be")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value


def _spread(value: int) -> int:
    return value ^ value >> 16
