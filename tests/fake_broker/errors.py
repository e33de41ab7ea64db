"""Error codes in the right places of an answer, and the request without what was refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.fake_broker.protocol import Fields, Request, apis
from tests.fake_broker.state import State

Item = str | int | uuid.UUID | tuple[str | int, ...]
"""What an error hits: a name ("topic-a"), a path (("topic-a", 0)), or a position in the answer's list (an int)."""

_NAMES = (
    "name",
    "topic",
    "topic_name",
    "topic_id",
    "partition_index",
    "partition_id",
    "group_id",
    "key",
    "user",
    "resource_name",
    "transactional_id",
    "log_dir",
    "member_id",
    "group_instance_id",
    "feature",
)
"""The fields by which an item of an answer or of a request is known."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An error code for everything, for one item, or for one level of an answer ("top" or "items")."""

    code: int
    message: str | None = None
    item: Item | None = None
    level: str | None = None

    @property
    def path(self) -> tuple[Any, ...]:
        """Return the item as a path from the outside in, () for everything."""
        if self.item is None:
            return ()
        return self.item if isinstance(self.item, tuple) else (self.item,)


def put_error(request: Request, state: State, answer: Fields, refusal: Refusal) -> None:
    """Write an error code into an answer wherever its schema has a place for the hit items."""
    if request.key not in apis():
        return
    schema = apis()[request.key].answer._struct
    path = _remaining(refusal.path, _identities(request.fields, state))
    _Writer(request.version, state, refusal).write(schema, answer, path, depth=0)


class _Writer:
    """Walks an answer beside its schema and writes one refusal."""

    def __init__(self, version: int, state: State, refusal: Refusal) -> None:
        self._version = version
        self._state = state
        self._refusal = refusal

    def write(self, schema: Any, values: Fields, path: tuple[Any, ...], depth: int) -> None:
        """Write the refusal into one level of the answer and the levels below."""
        fields = {name: field for name, field in schema.fields.items() if field.for_version_q(self._version)}
        if not path and self._is_level(depth) and "error_code" in fields:
            values["error_code"] = self._refusal.code
            values["error_message"] = self._refusal.message
            if "error_message" not in schema.fields:
                del values["error_message"]
        for name, field in fields.items():
            if field.is_struct_array():
                for position, item in enumerate(values.get(name) or []):
                    self.write(field, item, self._path_inside(item, path, position, depth), depth + 1)

    def _path_inside(self, item: Fields, path: tuple[Any, ...], position: int, depth: int) -> tuple[Any, ...]:
        if depth == 0 and path and path[0] == position and isinstance(path[0], int):
            return path[1:]
        return _remaining(path, _identities(item, self._state)) if depth or not _is_position(path) else path

    def _is_level(self, depth: int) -> bool:
        return self._refusal.level in (None, "items" if depth else "top")


def _is_position(path: tuple[Any, ...]) -> bool:
    return bool(path) and isinstance(path[0], int)


def _remaining(path: tuple[Any, ...], identities: Iterable[Any]) -> tuple[Any, ...]:
    """Return the rest of a path behind an item that is known by these names."""
    return path[1:] if path and path[0] in set(identities) else path


def _identities(item: Fields, state: State) -> list[Any]:
    """Return the names of an item; of a topic that stands there by id, its name too."""
    names = [item[name] for name in _NAMES if item.get(name) is not None]
    names += [part["entity_name"] for part in item.get("entity") or []]
    topic = state.topic_of_id(item.get("topic_id"))
    return [*names, topic.name] if topic else names


def without_refused(request: Request, state: State, refusal: Refusal) -> Fields | None:
    """Return a request's fields less the items that an error hits; None when it hits everything."""
    path = _remaining(refusal.path, _identities(request.fields, state))
    if not path or refusal.level == "top":
        return None
    return _less(request.fields, state, path, depth=0)


def _less(values: Fields, state: State, path: tuple[Any, ...], depth: int) -> Fields:
    return {
        name: _less_items(value, state, path, depth) if isinstance(value, list) else value
        for name, value in values.items()
    }


def _less_items(items: list[Any], state: State, path: tuple[Any, ...], depth: int) -> list[Any]:
    kept = []
    for position, item in enumerate(items):
        identities = _identities(item, state) if isinstance(item, dict) else [item]
        if depth == 0 and _is_position(path):
            identities = [position]
        rest = _remaining(path, identities)
        if rest:
            kept.append(_less(item, state, rest, depth + 1) if isinstance(item, dict) else item)
    return kept
