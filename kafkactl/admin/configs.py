"""Settings of topics, brokers, broker loggers, groups and client metrics, with the source of each value.

Settings of users, clients and ips are in quotas.py and scram.py.

Reference: org.apache.kafka.clients.admin.Admin describeConfigs and incrementalAlterConfigs (KIP-226, KIP-339);
kafka.admin.ConfigCommand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from kafkactl.admin.entities import DEFAULT_NAME, Entity, EntityType
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.protocol import ConfigSource, ErrorCode, ResourceType
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnsupportedRequestError, nothing_sent

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

_RESOURCES = {
    EntityType.TOPICS: ResourceType.TOPIC,
    EntityType.BROKERS: ResourceType.BROKER,
    EntityType.BROKER_LOGGERS: ResourceType.BROKER_LOGGER,
    EntityType.CLIENT_METRICS: ResourceType.CLIENT_METRICS,
    EntityType.GROUPS: ResourceType.GROUP,
}
DEFAULT_SOURCE = ConfigSource.DEFAULT_CONFIG.name
_OWN_SOURCES = {
    EntityType.TOPICS: "DYNAMIC_TOPIC_CONFIG",
    EntityType.BROKERS: "DYNAMIC_BROKER_CONFIG",
    EntityType.CLIENT_METRICS: "DYNAMIC_CLIENT_METRICS_CONFIG",
    EntityType.GROUPS: "DYNAMIC_GROUP_CONFIG",
}
"""Source of the values that an entity of a type sets itself."""
_BROKER_TYPES = (EntityType.BROKERS, EntityType.BROKER_LOGGERS)


class Operation(IntEnum):
    """Operations of an alteration, by their numbers in IncrementalAlterConfigs."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True)
class Alteration:
    """One change of one setting. APPEND and SUBTRACT are for lists."""

    operation: Operation
    name: str
    value: str | None = None
    """The new value, or the items to append or subtract; None for DELETE."""


@dataclass(frozen=True)
class Synonym:
    """One place that sets a value for a setting."""

    source: str
    name: str
    value: str | None


@dataclass(frozen=True, kw_only=True)
class Config:
    """One setting as the broker reports it. The value of a sensitive setting is None."""

    type: EntityType
    entity: str
    name: str
    value: str | None
    source: str
    """DYNAMIC_TOPIC_CONFIG, DYNAMIC_BROKER_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG, ..."""
    sensitive: bool
    read_only: bool
    synonyms: tuple[Synonym, ...]
    """All places that set a value; the one in force is first."""
    documentation: str | None

    @property
    def default(self) -> str | None:
        """Return Kafka's own default value, or None where the broker does not report it or the setting is sensitive.

        The broker may report a default only while the setting has no other value. Without `synonyms` it is None for a
        value that is not the default.
        """
        if self.source == DEFAULT_SOURCE:
            return self.value
        return next((synonym.value for synonym in self.synonyms if synonym.source == DEFAULT_SOURCE), None)

    @property
    def is_own(self) -> bool:
        """Return whether the entity itself sets the value.

        For a broker this means a dynamic value of this broker: its server.properties does not count. For the default of
        all brokers (entity '') it means a dynamic default. It is always true for loggers, which have no other source.
        """
        if self.type is EntityType.BROKERS and not self.entity:
            return self.source == "DYNAMIC_DEFAULT_BROKER_CONFIG"
        return self.source == _OWN_SOURCES.get(self.type, self.source)


@dataclass(frozen=True)
class Difference:
    """A setting whose values differ between two entities, or between an entity and Kafka's default."""

    name: str
    left: str | None
    """Value of the first entity; None where it has none."""
    right: str | None
    """Value of the second entity, or Kafka's default; None where there is none."""


def describe_configs(
    cluster: Cluster, entities: Sequence[Entity], documentation: bool = False
) -> dict[Entity, list[Config]]:
    """Return all settings of each entity, sorted by name, with inherited settings; the entities keep their order.

    `documentation` asks also for the descriptions. An entity is a topic, broker, broker logger, group or client-metrics
    subscription; other types are a KeyError, and a broker whose name is not a number is a ValueError. Without entities
    nothing is asked. A group or subscription that does not exist is no error: it has defaults or no settings. Raise
    NotFoundError for a topic that does not exist and for a broker that is not alive, or, at controllers, for one that
    is no controller; raise OperationError for a refusal and for an answer that lacks an entity, UnreachableError where
    a broker does not answer, also where others do, and UsageError for a wrong client setting and a name that is not
    UTF-8.
    """
    configs, errors = describe_all_configs(cluster, entities, documentation)
    if errors:
        raise errors[0]
    return configs


def describe_all_configs(
    cluster: Cluster, entities: Sequence[Entity], documentation: bool = False
) -> tuple[dict[Entity, list[Config]], list[KafkactlError]]:
    """Return all settings of each entity, sorted by name, and an error for each broker without an answer.

    `documentation` asks also for the descriptions. A broker that refuses the whole request has an error, too. An entity
    of such a broker is missing; the others keep their order. Without entities nothing is asked. A group or subscription
    that does not exist is no error.

    Raise NotFoundError for a topic that does not exist and for a broker that is not alive, or, at controllers, for one
    that is no controller; raise OperationError for a refusal and, where no broker has failed, for an answer that lacks
    an entity, UnreachableError (or OperationError) where none of the named brokers answers, or no broker for the other
    entities, and UsageError for a wrong client setting and a text that is not UTF-8. An entity of a type without
    settings (users, clients, ips) is a KeyError, a broker whose name is not a number a ValueError.
    """
    _require_nodes(cluster, entities)
    by_broker = _group_by_broker(entities)
    fields: dict[int | None, dict[str, Any]] = {
        broker: {
            "resources": [(_RESOURCES[item.type], item.name, None) for item in broker_entities],
            "include_synonyms": True,
            "include_documentation": documentation,
            "min_version": 1,
        }
        for broker, broker_entities in by_broker.items()
    }
    questions = {broker: item for broker, item in fields.items() if broker is not None}
    answers, errors = cluster.requests.ask_each("DescribeConfigs", questions) if questions else ({}, [])
    results = [result for answer in answers.values() for result in answer.results]
    if None in fields:
        results += cluster.requests.send("DescribeConfigs", **fields[None]).results
    by_resource = {(_RESOURCES[item.type], item.name): item for item in entities}
    configs = {}
    for result in results:
        entity = by_resource[result.resource_type, result.resource_name]
        if (error := _find_refusal(entity, "read", result)) is not None:
            raise error
        configs[entity] = sorted(
            (_make_config(entity, item) for item in result.configs), key=lambda config: config.name
        )
    if not errors and (missing := [entity for entity in entities if entity not in configs]):
        raise OperationError(f"cannot read the configs of {missing[0]}: the answer does not name it")
    return {entity: configs[entity] for entity in entities if entity in configs}, errors


def read_own_configs(cluster: Cluster, entity: Entity) -> list[Config]:
    """Return the settings that a topic, a broker or a group sets itself, sorted by name.

    Their `synonyms` are empty. librdkafka reads them, in half the time that the import of kafka-python takes; only for
    topics and groups kafka-python reads them where no answer comes within half of the time-out. Sensitive values and
    `documentation` are None. A group without settings, also one that does not exist, has an empty list. Names must be
    UTF-8, and have no NUL character. Raise NotFoundError for a topic that does not exist and for a broker that is not
    alive, OperationError for a refusal, UnreachableError where no answer comes in time, UsageError for a wrong client
    setting, KeyError for another type, and ValueError for an empty name and for a broker whose name is not a number.
    """
    from confluent_kafka.admin import ConfigResource
    from confluent_kafka.admin import ResourceType as LibraryType

    types = {
        EntityType.TOPICS: LibraryType.TOPIC,
        EntityType.BROKERS: LibraryType.BROKER,
        EntityType.GROUPS: LibraryType.GROUP,
    }
    if entity.type is EntityType.BROKERS:
        _require_alive([entity], sorted(cluster.read_metadata().brokers))
    resource = ConfigResource(types[entity.type], entity.name)

    def send() -> Future[Any]:
        """Send the request for the entity's settings and return its future.

        Raise UsageError for a wrong client setting.
        """
        (future,) = cluster.admin.describe_configs([resource], request_timeout=cluster.timeout_s).values()
        return future

    patience_s = None if entity.type is EntityType.BROKERS else cluster.timeout_s / 2
    try:
        entries = cluster.ask(send, f"cannot read the configs of {entity}", patience_s)
    except (
        TimeoutError
    ):  # librdkafka waits for the controller, which may be frozen; other brokers know the configs, too
        configs = describe_configs(cluster, [entity])[entity]
        return [replace(config, synonyms=()) for config in configs if config.is_own]
    except OperationError as error:
        if error.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            raise _make_not_found_error(entity) from error
        raise
    configs = [
        Config(
            type=entity.type,
            entity=entity.name,
            name=name,
            value=None if entry.is_sensitive else entry.value,
            source=_name_source(entry.source),
            sensitive=entry.is_sensitive,
            read_only=entry.is_read_only,
            synonyms=(),
            documentation=None,
        )
        for name, entry in sorted(entries.items())
    ]
    return [config for config in configs if config.is_own]


def list_entities(cluster: Cluster, type_: EntityType) -> list[Entity]:
    """Return all entities of a type that can have settings: topics in the broker's order, others sorted.

    Internal topics are included. Brokers are those that are alive, or the controllers where the address is that of
    controllers. For brokers and broker loggers, which are sorted by number, the default '' comes last. For groups and
    client metrics the list has those with settings, and all groups of any type that exist; brokers that do not answer
    are left out of these. Groups that have only settings are missing where the brokers are too old to list them, and
    without the right to list them.

    Raise UnsupportedRequestError where the brokers are too old for client metrics, and at controllers for all types but
    brokers and broker loggers, UnreachableError, OperationError, UsageError for a wrong client setting, and KeyError
    for users, clients and ips.
    """
    if type_ is EntityType.TOPICS:
        return [Entity(type_, name) for name in cluster.requests.list_topics()]
    if type_ in _BROKER_TYPES:
        return [Entity(type_, name) for name in (*map(str, cluster.requests.list_brokers()), DEFAULT_NAME)]
    if type_ is EntityType.GROUPS:
        names = [*(_list_groups_with_settings(cluster) or ()), *_list_group_names(cluster)]
    else:
        names = cluster.requests.list_config_resources(_RESOURCES[type_])
    return [Entity(type_, name) for name in sorted(set(names))]


def may_have_settings(cluster: Cluster, entity: Entity) -> bool:
    """Return whether an entity is among list_entities(), or may be: old brokers do not tell which groups have settings.

    At such brokers every name of a group gives True. A group without settings whose broker does not answer gives False;
    so does, without the right to list the settings of groups, one that only has settings. A broker that is not alive
    gives False, and the default '' True. Raise UnsupportedRequestError where the brokers are too old for client
    metrics, and at controllers for all types but brokers and broker loggers; UnreachableError, OperationError for a
    refusal, UsageError for a wrong client setting, and KeyError for users, clients and ips.
    """
    if entity.type is not EntityType.GROUPS:
        return entity in list_entities(cluster, entity.type)
    configured = _list_groups_with_settings(cluster)
    return configured is None or entity.name in configured or entity.name in _list_group_names(cluster)


def _list_group_names(cluster: Cluster) -> list[str]:
    """Return the names of all groups; those of brokers that do not answer, or refuse, are missing.

    Raise UnreachableError, OperationError, and UsageError for a wrong client setting.
    """
    return [group.group_id for group in cluster.requests.list_groups()[0]]


def _list_groups_with_settings(cluster: Cluster) -> list[str] | None:
    """Return the names of groups that have settings of their own, or None where the brokers are too old to tell.

    The result is empty without the right to list them. Raise UnsupportedRequestError at controllers, UnreachableError,
    OperationError for another refusal, and UsageError for a wrong client setting.
    """
    try:
        return cluster.requests.list_config_resources(_RESOURCES[EntityType.GROUPS])
    except UnsupportedRequestError as error:
        if error.is_of_brokers:
            raise
        return None
    except OperationError as error:
        if error.code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
            return []
        raise


def alter_configs(
    cluster: Cluster, changes: Mapping[Entity, Sequence[Alteration]], dry_run: bool = False
) -> dict[Entity, OperationError | None]:
    """Change the settings of each entity: all changes of an entity, or none. Return the error of each entity, or None.

    The errors are not raised; that of a missing topic is a NotFoundError, and that of an entity that the answer does
    not name has the code REQUEST_TIMED_OUT. The result is in the order of the answers. With `dry_run` the brokers only
    check. Each broker gets its own request, and the entities of other types share one; without entities nothing is
    sent. Where the address is that of controllers, the active one gets all changes but those of loggers.

    Raise NotFoundError for a broker that is not alive or is no controller, and ValueError for one whose name is not a
    number, before anything is changed. Raise UnreachableError, UnansweredError where a change may have been done,
    OperationError for a refusal of a whole request, UsageError for a wrong client setting and a text that is not UTF-8,
    and KeyError for users, clients and ips: requests to other brokers before may have succeeded then.
    """
    results: dict[Entity, OperationError | None] = {}
    with nothing_sent():
        _require_nodes(cluster, changes)
    own_types = (EntityType.BROKER_LOGGERS,) if cluster.settings.has_controllers else _BROKER_TYPES
    for broker, broker_entities in _group_by_broker(changes, own_types).items():
        answer = cluster.requests.send(
            "IncrementalAlterConfigs",
            broker=broker,
            resources=[
                (
                    _RESOURCES[entity_to_change.type],
                    entity_to_change.name,
                    [(change.name, change.operation, change.value) for change in changes[entity_to_change]],
                )
                for entity_to_change in broker_entities
            ],
            validate_only=dry_run,
        )
        by_resource = {
            (_RESOURCES[entity_to_change.type], entity_to_change.name): entity_to_change
            for entity_to_change in broker_entities
        }
        for result in answer.responses:
            entity = by_resource[result.resource_type, result.resource_name]
            results[entity] = _find_refusal(entity, "change", result)
        for entity in broker_entities:
            if entity not in results:
                code = ErrorCode.REQUEST_TIMED_OUT
                results[entity] = OperationError(f"cannot change {entity}: the answer does not name it", code=code)
    return results


def compare_configs(described: Sequence[Sequence[Config]]) -> list[Difference]:
    """Return the differences of two entities' settings, or of one entity's settings and the defaults, sorted by name.

    `described` has the settings of one or two entities; more are ignored, and none is an IndexError. Settings with
    equal values are left out. A sensitive setting counts as missing in its entity, because its value is not known;
    where the other entity has a value that is not sensitive, it is a difference. Compared with defaults, it is left
    out. A default that the broker does not report is None, and so it differs.
    """
    left = {config.name: config for config in described[0] if not config.sensitive}
    if len(described) > 1:
        right = {config.name: config.value for config in described[1] if not config.sensitive}
    else:
        right = {name: config.default for name, config in left.items()}
    differences = []
    for name in sorted({*left, *right}):
        values = left[name].value if name in left else None, right.get(name)
        if values[0] != values[1]:
            differences.append(Difference(name, *values))
    return differences


def require_set(configs: Iterable[Config], changes: Iterable[Alteration]) -> None:
    """Raise OperationError where a change deletes a setting that `configs` does not set: its name may be misspelled.

    Only settings that the entity sets itself count. The error names all such changes. Nothing is asked. Other changes
    pass.
    """
    present = {config.name for config in configs if config.is_own}
    missing = [change.name for change in changes if change.operation is Operation.DELETE and change.name not in present]
    if missing:
        raise OperationError(
            f"cannot delete settings that are not set: {', '.join(missing)}",
            f"settings that are set: {', '.join(sorted(present)) or 'none'}",
        )


def _group_by_broker(
    entities: Iterable[Entity], own_types: Sequence[EntityType] = _BROKER_TYPES
) -> dict[int | None, list[Entity]]:
    """Return the entities by the id of the broker that must be asked.

    None stands for any broker: it has the entities of types that are not in `own_types`, and the default ''.
    `own_types` are brokers and their loggers where it is not given. Raise ValueError for an entity of one of them
    whose name is not a number.
    """
    grouped: dict[int | None, list[Entity]] = defaultdict(list)
    for entity in entities:
        grouped[int(entity.name) if entity.type in own_types and entity.name else None].append(entity)
    return dict(grouped)


def _require_nodes(cluster: Cluster, entities: Iterable[Entity]) -> None:
    """Raise NotFoundError for a broker that is not alive.

    Where the address is that of controllers, a controller is needed. Without brokers and loggers among the entities
    nothing is asked; the default '' of all brokers does not count. Raise ValueError for a broker whose name is not a
    number, and UnreachableError, OperationError or UsageError where the nodes cannot be listed.
    """
    broker_entities = [entity for entity in entities if entity.type in _BROKER_TYPES and entity.name]
    if not broker_entities:
        return
    nodes = cluster.requests.list_brokers()
    if not cluster.settings.has_controllers:
        _require_alive(broker_entities, nodes)
        return
    for entity in broker_entities:
        if int(entity.name) not in nodes:
            raise NotFoundError(
                f"node {entity.name} is not a controller",
                f"controllers: {', '.join(map(str, nodes))}; for a broker use --bootstrap-server",
            )


def _require_alive(entities: Iterable[Entity], brokers: Sequence[int]) -> None:
    """Raise NotFoundError for an entity, a broker or its loggers, whose id is not in `brokers`.

    Raise ValueError for one whose name is not a number.
    """
    for entity in entities:
        if int(entity.name) not in brokers:
            raise NotFoundError(
                f"broker {entity.name} is not alive", f"brokers that are alive: {', '.join(map(str, brokers))}"
            )


def _find_refusal(entity: Entity, verb: str, result: Any) -> OperationError | None:
    """Return the error of an entity's result, or None. It is a NotFoundError for a missing topic.

    `verb`, "read" or "change", is for the message. `result` is the entity's part of an answer of kafka-python, with
    `error_code` and `error_message`. Nothing is raised.
    """
    if not result.error_code:
        return None
    if result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return _make_not_found_error(entity)
    return refusal(f"cannot {verb} the configs of {entity}", result.error_code, result.error_message)


def _make_not_found_error(entity: Entity) -> NotFoundError:
    """Return the error for a topic, or other entity, that does not exist; its hint is the command that lists topics."""
    return NotFoundError(
        f"{entity.type.singular} not found: {entity.name!r}",
        "list the topics that you can see: kafkactl topics list",
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )


def _name_source(number: int) -> str:
    """Return the name of the source of a value, such as DYNAMIC_TOPIC_CONFIG; UNKNOWN for that of a newer broker."""
    try:
        return ConfigSource(number).name
    except ValueError:
        return "UNKNOWN"


def _make_config(entity: Entity, answer: Any) -> Config:
    """Return a setting of an entity. A sensitive value is None; its synonyms are those of the answer.

    `answer` is the setting's part of a DescribeConfigs answer of kafka-python.
    """
    synonyms = tuple(Synonym(_name_source(synonym.source), synonym.name, synonym.value) for synonym in answer.synonyms)
    value = None if answer.is_sensitive else answer.value
    return Config(
        type=entity.type,
        entity=entity.name,
        name=answer.name,
        value=value,
        source=_name_source(answer.config_source),
        sensitive=answer.is_sensitive,
        read_only=answer.read_only,
        synonyms=synonyms,
        documentation=answer.documentation,
    )
