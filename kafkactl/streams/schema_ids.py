"""Ids of schemas in headers, where newer serializers of schema registries write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kafkactl.serde.formats import Format
from kafkactl.streams.record import read_headers


def make_id_placer(key: Format, value: Format) -> Callable[[Sequence[Any]], None] | None:
    """Return a function that puts schema ids of headers before the keys and values of messages, in place.

    Null keys and values, and messages without such headers, stay unchanged. The ids are not checked. Pass each message
    once: a second call puts the id there again. The function raises KafkactlError for headers that cannot be read, and
    LookupError where these need `read_headers_again` and it is not set. Return None where neither format reads ids from
    headers.
    """
    if key.id_header is value.id_header is None:
        return None

    def place_ids(messages: Sequence[Any]) -> None:
        """Put the ids of each message before its key and value, in place; raise KafkactlError for unreadable headers.

        Null keys and values, and messages without such headers, stay unchanged. Raise LookupError where the headers
        need `read_headers_again` and it is not set.
        """
        for message in messages:
            if headers := read_headers(message):
                if (data := message.key()) is not None:
                    message.set_key(key.add_schema_id(data, headers))
                if (data := message.value()) is not None:
                    message.set_value(value.add_schema_id(data, headers))

    return place_ids
