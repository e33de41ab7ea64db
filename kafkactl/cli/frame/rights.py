"""The operations on resources that each command needs, for the hint of an error that a broker refused the command.

Source: Kafka's table of operations and resources by request (documentation, Authorization and ACLs). Codes are Kafka's.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafkactl.cli.frame import running

_RESOURCES = {29: "topic", 30: "group", 31: "cluster", 53: "transactional id", 65: "owner of the token"}

_TOPIC, _GROUP, _CLUSTER, _TRANSACTIONAL_ID, _OWNER = _RESOURCES

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
    "topics": {_TOPIC: "Describe"},
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
    "acls add": {_CLUSTER: "Describe and Alter"},
    "acls remove": {_CLUSTER: "Describe and Alter"},
    "acls apply": {_CLUSTER: "Describe and Alter"},
    "acls": {_CLUSTER: "Describe"},
    "brokers list": {_CLUSTER: "Describe"},
    "brokers describe": {_CLUSTER: "Describe and DescribeConfigs"},
    "brokers unregister": {_CLUSTER: "Alter"},
    "brokers balance": {_CLUSTER: "Describe", _TOPIC: "Describe"},
    "brokers drain": {_CLUSTER: "Alter, AlterConfigs and Describe", _TOPIC: "Describe and AlterConfigs"},
    "brokers wait": {_CLUSTER: "Describe"},
    "cluster": {_CLUSTER: "Describe"},
    "quorum add-controller": {_CLUSTER: "Alter"},
    "quorum remove-controller": {_CLUSTER: "Alter"},
    "quorum": {_CLUSTER: "Describe"},
    "features": {_CLUSTER: "Alter"},
    "leaders elect": {_TOPIC: "Describe", _CLUSTER: "Alter"},
    "leaders": {_TOPIC: "Describe"},
    "reassign list": {_CLUSTER: "Describe"},
    "reassign generate": {_TOPIC: "Describe", _CLUSTER: "Describe"},
    "reassign": {_CLUSTER: "Alter, AlterConfigs and Describe", _TOPIC: "Describe and AlterConfigs"},
    "throttles list": dict.fromkeys((_TOPIC, _CLUSTER), "DescribeConfigs"),
    "throttles": _ALTER_CONFIGS,
    "log-dirs move": {_CLUSTER: "Alter", _TOPIC: "Describe"},
    "log-dirs": {_CLUSTER: "Describe", _TOPIC: "Describe"},
    "transactions list": {_TRANSACTIONAL_ID: "Describe", _CLUSTER: "Describe"},
    "transactions describe": {_TRANSACTIONAL_ID: "Describe", _TOPIC: "Describe"},
    "transactions producers": {_TOPIC: "Read"},
    "transactions find-hanging": {_TOPIC: "Describe and Read", _TRANSACTIONAL_ID: "Describe"},
    "transactions abort": {_TOPIC: "Read", _CLUSTER: "ClusterAction"},
    "transactions force-terminate": {_TRANSACTIONAL_ID: "Describe and Write"},
    "client-metrics list": {_CLUSTER: "DescribeConfigs"},
    "client-metrics describe": {_CLUSTER: "DescribeConfigs"},
    "client-metrics": {_CLUSTER: "DescribeConfigs and AlterConfigs"},
    "tokens create": {_OWNER: "CreateTokens"},
    "tokens describe": {_OWNER: "DescribeTokens"},
    "users list": {_CLUSTER: "Describe"},
    "users": {_CLUSTER: "Alter"},
}


def make_hint(code: int | None) -> str | None:
    """Return the hint that names the missing rights of the running command, for an error code of Kafka.

    The command is that of running.words; where the table has nothing for it and this kind of resource, the hint says
    "an operation". The result is None where the code does not refuse an authorization, and for a `code` of None.
    """
    if code is None or code not in _RESOURCES:
        return None
    words = running.words.get().split()
    candidates = (_NEEDED.get(" ".join(words[:length])) for length in range(len(words), 0, -1))
    operations = next((rights[code] for rights in candidates if rights and code in rights), "an operation")
    return f"the principal needs {operations} on the {_RESOURCES[code]}: add it with kafka-acls --add"
