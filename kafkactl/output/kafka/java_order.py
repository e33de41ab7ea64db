"""The order in which Java's hash tables give their keys, where Kafka's tools print in that order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

K = TypeVar("K")

_DEFAULT_CAPACITY = 16


def hash_map_order(keys: Sequence[str], capacity: int = _DEFAULT_CAPACITY) -> list[str]:
    """Keys, given in the order they were put, as java.util.HashMap made with that capacity iterates over them."""
    return by_hash(keys, string_hash, capacity)


def by_hash(keys: Sequence[K], hash_code: Callable[[K], int], capacity: int = _DEFAULT_CAPACITY) -> list[K]:
    """The same for other keys than strings, with what their hashCode is, as 32 bits."""
    size = 1
    while size < capacity:
        size *= 2
    while len(keys) > size * 3 // 4:
        size *= 2
    return sorted(keys, key=lambda key: _spread(hash_code(key)) & (size - 1))


@functools.cache  # names of settings come again with every topic
def string_hash(text: str) -> int:
    """java.lang.String.hashCode, as 32 bits."""
    value = 0
    units = text.encode("utf-16-be")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value


def _spread(value: int) -> int:
    return value ^ value >> 16
