"""Which operation on which resource a command needs: what is told to whom a broker refuses it.

Source: Kafka's table of operations and resources by request (documentation, Authorization and ACLs). Codes are Kafka's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

_RESOURCES = {29: "topic", 30: "group", 31: "cluster", 53: "transactional id"}

_TOPIC, _GROUP, _CLUSTER, _TRANSACTIONAL_ID = _RESOURCES

_DESCRIBE = {_TOPIC: "Describe", _GROUP: "Describe", _CLUSTER: "Describe"}
_COMMITS = {_TOPIC: "Read", _GROUP: "Read"}
_PRODUCE = {_TOPIC: "Write (and Create, where the broker is to make it)", _CLUSTER: "IdempotentWrite"}
_PRODUCE[_TRANSACTIONAL_ID] = "Write"
_CONSUME = {_TOPIC: "Read", _GROUP: "Read"}
_ALTER_CONFIGS = dict.fromkeys((_TOPIC, _GROUP, _CLUSTER), "DescribeConfigs and AlterConfigs")

_NEEDED: Mapping[str, Mapping[int, str]] = {
    "topics create": {_TOPIC: "Create", _CLUSTER: "Create"},
    "topics describe": {_TOPIC: "Describe and DescribeConfigs", _CLUSTER: "Describe"},
    "topics alter": {_TOPIC: "Alter", _CLUSTER: "Alter"},
    "topics delete": {_TOPIC: "Delete"},
    "topics export": {_TOPIC: "Describe and DescribeConfigs"},
    "topics plan": {_TOPIC: "Describe and DescribeConfigs"},
    "topics apply": {_TOPIC: "Create, Alter, DescribeConfigs and AlterConfigs", _CLUSTER: "Create and Alter"},
    "configs describe": dict.fromkeys((_TOPIC, _GROUP, _CLUSTER), "DescribeConfigs"),
    "configs diff": dict.fromkeys((_TOPIC, _GROUP, _CLUSTER), "DescribeConfigs"),
    "configs alter": _ALTER_CONFIGS,
    "groups delete": {_GROUP: "Delete"},
    "groups reset-offsets": _COMMITS,
    "groups import": _COMMITS,
    "groups clone": _COMMITS,
    "groups delete-offsets": {_TOPIC: "Read", _GROUP: "Delete"},
    "groups remove-members": {_GROUP: "Read"},
    "groups": _DESCRIBE,
    "offsets": _DESCRIBE,
    "records delete": {_TOPIC: "Delete"},
    "console-producer": _PRODUCE,
    "produce": _PRODUCE,
    "console-consumer": _CONSUME,
    "consume": _CONSUME,
    "quotas list": {_CLUSTER: "DescribeConfigs"},
    "quotas": {_CLUSTER: "DescribeConfigs and AlterConfigs"},
    "users list": {_CLUSTER: "Describe"},
    "users": {_CLUSTER: "Alter"},
}

running: ContextVar[str] = ContextVar("running", default="")
"""The command that runs, less the program's name: `topics create`."""


def hint(code: int | None) -> str | None:
    """What the principal needs, where a code is a refusal of the running command; else None."""
    if code is None or code not in _RESOURCES:
        return None
    words = running.get().split()
    named = (_NEEDED.get(" ".join(words[:length])) for length in range(len(words), 0, -1))
    operations = next((needed[code] for needed in named if needed and code in needed), "an operation")
    return f"the principal needs {operations} on the {_RESOURCES[code]}; kafka-acls --add gives it"
