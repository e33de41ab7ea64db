"""Ids of schemas that stand in headers, as newer serializers of schema registries write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kafkactl.serde.formats import Format
from kafkactl.streams.record import headers_of


def placer(key: Format, value: Format) -> Callable[[Sequence[Any]], None] | None:
    """Return what puts ids from headers before the keys and values of messages, or None for formats without ids."""
    if key.id_header is value.id_header is None:
        return None

    def place(messages: Sequence[Any]) -> None:
        for message in messages:
            if headers := headers_of(message):
                if (data := message.key()) is not None:
                    message.set_key(key.with_id(data, headers))
                if (data := message.value()) is not None:
                    message.set_value(value.with_id(data, headers))

    return place
