"""Order of the keys in Java's hash tables, where Kafka's tools print in that order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

K = TypeVar("K")

_DEFAULT_CAPACITY = 16


def sort_as_hash_map(keys: Sequence[str], capacity: int = _DEFAULT_CAPACITY) -> list[str]:
    """Return keys in the order in which a java.util.HashMap iterates over them.

    `keys` are unique and in the order in which they were put; `capacity` is the initial capacity of the map.
    """
    return sort_by_hash(keys, compute_string_hash, capacity)


def sort_by_hash(keys: Sequence[K], hash_code: Callable[[K], int], capacity: int = _DEFAULT_CAPACITY) -> list[K]:
    """Return keys in the order of a java.util.HashMap; keys with equal places keep their order.

    `hash_code` takes a key and returns its hash code, an unsigned number of 32 bits. `keys` are unique and in the order
    in which they were put; `capacity` is the initial capacity of the map.
    """
    size = 1
    while size < capacity:
        size *= 2
    while len(keys) > size * 3 // 4:
        size *= 2
    return sorted(keys, key=lambda key: _spread_hash(hash_code(key)) & (size - 1))


@functools.cache  # every topic has the same names of settings
def compute_string_hash(text: str) -> int:
    """Return java.lang.String.hashCode of a text, as an unsigned number of 32 bits. Lone surrogates count, too.

    Each result is kept in memory.
    """
    value = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value


def sort_partitions(partitions: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return partitions in the order of a java.util.HashMap with org.apache.kafka.common.TopicPartition as its keys.

    `partitions` are topics and numbers, unique and in the order in which they were put.
    """
    return sort_by_hash(list(partitions), _compute_partition_hash)


def _compute_partition_hash(partition: tuple[str, int]) -> int:
    """Return TopicPartition.hashCode of a topic's name and a partition's number, as an unsigned number of 32 bits."""
    topic, number = partition
    return (31 * (31 + number) + compute_string_hash(topic)) & 0xFFFFFFFF


def _spread_hash(value: int) -> int:
    """Return a hash code with its upper bits mixed into the lower ones, as java.util.HashMap does.

    `value` is an unsigned number of 32 bits.
    """
    return value ^ value >> 16
