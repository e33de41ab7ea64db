"""Answers about settings of topics, brokers, groups and client metrics."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import State

TOPIC, BROKER, CLIENT_METRICS, GROUP = 2, 4, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
_DEFAULT_SOURCE = 5
_SOURCES = {TOPIC: 1, BROKER: 2, CLIENT_METRICS: 7, GROUP: 8}

# Name, default value, type (1 boolean, 2 string, 3 int, 5 long, 6 double, 7 list), as a 4.3.1 broker shows them.
_TOPIC_TABLE = """
cleanup.policy delete 7
compression.gzip.level -1 3
compression.lz4.level 9 3
compression.type producer 2
compression.zstd.level 3 3
delete.retention.ms 86400000 5
file.delete.delay.ms 60000 5
flush.messages 9223372036854775807 5
flush.ms 9223372036854775807 5
follower.replication.throttled.replicas - 7
index.interval.bytes 4096 3
leader.replication.throttled.replicas - 7
local.retention.bytes -2 5
local.retention.ms -2 5
max.compaction.lag.ms 9223372036854775807 5
max.message.bytes 1048588 3
message.timestamp.after.max.ms 3600000 5
message.timestamp.before.max.ms 9223372036854775807 5
message.timestamp.type CreateTime 2
min.cleanable.dirty.ratio 0.5 6
min.compaction.lag.ms 0 5
min.insync.replicas 1 3
preallocate false 1
remote.log.copy.disable false 1
remote.log.delete.on.disable false 1
remote.storage.enable false 1
retention.bytes -1 5
retention.ms 604800000 5
segment.bytes 1073741824 3
segment.index.bytes 10485760 3
segment.jitter.ms 0 5
segment.ms 604800000 5
unclean.leader.election.enable false 1
"""
_BROKER_TABLE = """
auto.create.topics.enable true 1
default.replication.factor 1 3
log.retention.hours 168 3
message.max.bytes 1048588 3
num.partitions 1 3
"""
_CLIENT_METRICS_TABLE = """
interval.ms 300000 3
match - 7
metrics - 7
"""
_GROUP_TABLE = """
consumer.heartbeat.interval.ms 5000 3
consumer.session.timeout.ms 45000 3
share.auto.offset.reset latest 2
"""


def _parsed(table: str) -> dict[str, tuple[str, int]]:
    rows = (line.split() for line in table.strip().splitlines())
    return {name: ("" if value == "-" else value, int(kind)) for name, value, kind in rows}


DEFAULTS = {
    TOPIC: _parsed(_TOPIC_TABLE),
    BROKER: _parsed(_BROKER_TABLE),
    CLIENT_METRICS: _parsed(_CLIENT_METRICS_TABLE),
    GROUP: _parsed(_GROUP_TABLE),
}
"""Default value and type of each setting, by resource type and name."""


def answer_describe_configs(request: Request, state: State) -> Fields:
    """Answer DescribeConfigs with the defaults and what was changed."""
    return {"results": [_described(state, item) for item in request.fields["resources"]]}


def _described(state: State, item: Fields) -> Fields:
    kind, name = item["resource_type"], item["resource_name"]
    identity = {"resource_type": kind, "resource_name": name}
    code, message = _resource_error(state, kind, name)
    if code:
        return {**identity, "error_code": code, "error_message": message, "configs": []}
    keys = item["configuration_keys"]
    values = _changed(state, kind, name)
    names = sorted({*DEFAULTS.get(kind, {}), *values})
    configs = [_described_config(kind, key, values) for key in names if keys is None or key in keys]
    return {**identity, "error_code": 0, "error_message": None, "configs": configs}


def _described_config(kind: int, name: str, values: dict[str, str | None]) -> Fields:
    default, value_type = DEFAULTS.get(kind, {}).get(name, (None, 2))
    rows = [(values[name], _SOURCES.get(kind, 1))] if name in values else []
    if default is not None:
        rows.append((default, _DEFAULT_SOURCE))
    value, source = rows[0]
    return {
        "name": name,
        "value": value,
        "read_only": False,
        "config_source": source,
        "is_default": source == _DEFAULT_SOURCE,
        "is_sensitive": False,
        "config_type": value_type,
        "documentation": None,
        "synonyms": [{"name": name, "value": value, "source": source} for value, source in rows],
    }


def _changed(state: State, kind: int, name: str) -> dict[str, str | None]:
    """Return the dynamic settings of a resource: the dict itself, to read or to change."""
    return state.topics[name].configs if kind == TOPIC else state.configs.setdefault((kind, name), {})


def _resource_error(state: State, kind: int, name: str) -> tuple[int, str | None]:
    if kind == TOPIC and name not in state.topics:
        return codes.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{name}' does not exist."
    if kind == BROKER and name and name not in map(str, state.brokers):
        return codes.INVALID_REQUEST, f"Unexpected broker id, expected {min(state.brokers)}, but received {name}"
    return 0, None


def answer_incremental_alter_configs(request: Request, state: State) -> Fields:
    """Answer IncrementalAlterConfigs: set, delete, append and subtract."""

    def apply_changes(values: dict[str, str | None], items: Iterable[Fields], kind: int) -> None:
        for item in items:
            _apply(values, item["name"], item["config_operation"], item["value"], kind)

    return _altered(request, state, apply_changes)


def _apply(values: dict[str, str | None], name: str, operation: int, value: str | None, kind: int) -> None:
    if operation == DELETE:
        values.pop(name, None)
        return
    if operation == SET:
        values[name] = value
        return
    current = values.get(name, DEFAULTS[kind].get(name, ("", 2))[0]) or ""
    present = [part for part in current.split(",") if part]
    parts = (value or "").split(",")
    if operation == APPEND:
        values[name] = ",".join(present + [part for part in parts if part not in present])
    else:
        values[name] = ",".join(part for part in present if part not in parts)


def answer_alter_configs(request: Request, state: State) -> Fields:
    """Answer AlterConfigs, which replaces all dynamic settings of a resource."""

    def replace_all(values: dict[str, str | None], items: Iterable[Fields], kind: int) -> None:
        values.clear()
        values.update({item["name"]: item["value"] for item in items})

    return _altered(request, state, replace_all)


def _altered(request: Request, state: State, change: object) -> Fields:
    assert callable(change)
    responses = []
    for item in request.fields["resources"]:
        kind, name = item["resource_type"], item["resource_name"]
        code, message = _resource_error(state, kind, name)
        unknown = [config["name"] for config in item["configs"] if config["name"] not in DEFAULTS.get(kind, {})]
        if not code and kind == TOPIC and unknown:
            code, message = codes.INVALID_CONFIG, f"Unknown topic config name: {unknown[0]}"
        if not code and not request.fields["validate_only"]:
            change(_changed(state, kind, name), item["configs"], kind)
        identity = {"resource_type": kind, "resource_name": name}
        responses.append({**identity, "error_code": code, "error_message": message})
    return {"responses": responses}


def answer_list_config_resources(request: Request, state: State) -> Fields:
    """Answer ListConfigResources; version 0 lists client metrics only."""
    kinds = request.fields.get("resource_types", [CLIENT_METRICS]) or list(_SOURCES)
    names = {
        **{(TOPIC, name): None for name in state.topics},
        **{(BROKER, str(broker_id)): None for broker_id in state.brokers},
        **{resource: None for resource, values in state.configs.items() if values},
    }
    return {
        "config_resources": [{"resource_name": name, "resource_type": kind} for kind, name in names if kind in kinds]
    }


HANDLERS = {
    "DescribeConfigs": answer_describe_configs,
    "IncrementalAlterConfigs": answer_incremental_alter_configs,
    "AlterConfigs": answer_alter_configs,
    "ListConfigResources": answer_list_config_resources,
}
