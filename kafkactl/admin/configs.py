"""Settings of topics, brokers, their loggers, groups and client metrics, with where each value comes from.

Reference: org.apache.kafka.clients.admin.Admin describeConfigs and incrementalAlterConfigs (KIP-226, KIP-339);
kafka.admin.ConfigCommand. The settings of users, clients and ips are quotas.py's and scram.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from kafkactl.admin.entities import DEFAULT_NAME, Entity, EntityType
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.protocol import ConfigSource, ErrorCode, ResourceType
from kafkactl.errors import KafkactlError, NotFoundError, OperationError

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
_OF_ONE_BROKER = (EntityType.BROKERS, EntityType.BROKER_LOGGERS)


class Operation(IntEnum):
    """What an alteration does, by its number in IncrementalAlterConfigs."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True)
class Alteration:
    """One change of one setting; to append and to subtract works on lists."""

    operation: Operation
    name: str
    value: str | None = None


@dataclass(frozen=True)
class Synonym:
    """One place that says a value for a setting."""

    source: str
    name: str
    value: str | None


@dataclass(frozen=True)
class Config:
    """One setting as the broker has it; a sensitive one's value is None."""

    type: EntityType
    entity: str
    name: str
    value: str | None
    source: str
    """DYNAMIC_TOPIC_CONFIG, DYNAMIC_BROKER_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG, ..."""
    sensitive: bool
    read_only: bool
    synonyms: tuple[Synonym, ...]
    """Every place that says a value, the one in force first."""
    documentation: str | None

    @property
    def default(self) -> str | None:
        """What Kafka itself would have it be; None also where it says so only of what is not set."""
        if self.source == DEFAULT_SOURCE:
            return self.value
        return next((each.value for each in self.synonyms if each.source == DEFAULT_SOURCE), None)

    @property
    def is_own(self) -> bool:
        """Whether the entity itself says it; loggers have no other place."""
        if self.type is EntityType.BROKERS and not self.entity:
            return self.source == "DYNAMIC_DEFAULT_BROKER_CONFIG"
        return self.source == _OWN_SOURCES.get(self.type, self.source)


@dataclass(frozen=True)
class Difference:
    """A setting that two entities have differently, or one has differently from Kafka's default."""

    name: str
    left: str | None
    right: str | None


def describe_configs(
    cluster: Cluster, entities: Sequence[Entity], documentation: bool = False
) -> dict[Entity, list[Config]]:
    """Return all settings of each entity by name, inherited ones too; raises NotFoundError and UnreachableError."""
    found, errors = describe_all_configs(cluster, entities, documentation)
    if errors:
        raise errors[0]
    return found


def describe_all_configs(
    cluster: Cluster, entities: Sequence[Entity], documentation: bool = False
) -> tuple[dict[Entity, list[Config]], list[KafkactlError]]:
    """Return all settings of each entity by name, and an error for each broker that did not answer.

    Raises NotFoundError, and UnreachableError where no broker answers.
    """
    _require_brokers(cluster, entities)
    by_broker = _by_broker(entities)
    fields: dict[int | None, dict[str, Any]] = {
        broker: {
            "resources": [(_RESOURCES[each.type], each.name, None) for each in asked],
            "include_synonyms": True,
            "include_documentation": documentation,
            "min_version": 1,
        }
        for broker, asked in by_broker.items()
    }
    questions = {broker: each for broker, each in fields.items() if broker is not None}
    answers, errors = cluster.requests.ask_each("DescribeConfigs", questions) if questions else ({}, [])
    results = [result for answer in answers.values() for result in answer.results]
    if None in fields:
        results += cluster.requests.send("DescribeConfigs", **fields[None]).results
    by_resource = {(_RESOURCES[each.type], each.name): each for each in entities}
    found = {}
    for result in results:
        entity = by_resource[result.resource_type, result.resource_name]
        if (refused := _refused(entity, "read", result)) is not None:
            raise refused
        found[entity] = sorted((_config(entity, each) for each in result.configs), key=lambda config: config.name)
    return {entity: found[entity] for entity in entities if entity in found}, errors


def own_configs(cluster: Cluster, entity: Entity) -> list[Config]:
    """What a topic, a broker or a group says itself, without synonyms; raises NotFoundError.

    By librdkafka, in half the time that kafka-python takes to be imported; but it keeps synonyms by their names, of
    which several may be the same.
    """
    from confluent_kafka.admin import ConfigResource
    from confluent_kafka.admin import ResourceType as LibraryType

    types = {
        EntityType.TOPICS: LibraryType.TOPIC,
        EntityType.BROKERS: LibraryType.BROKER,
        EntityType.GROUPS: LibraryType.GROUP,
    }
    if entity.type is EntityType.BROKERS:
        _require_known([entity], sorted(cluster.metadata().brokers))
    resource = ConfigResource(types[entity.type], entity.name)

    def send() -> Future[Any]:
        (future,) = cluster.admin.describe_configs([resource], request_timeout=cluster.timeout_s).values()
        return future

    patience_s = None if entity.type is EntityType.BROKERS else cluster.timeout_s / 2
    try:
        entries = cluster.ask(send, f"cannot read the configs of {entity}", patience_s)
    except TimeoutError:  # librdkafka waits for the controller, which may be frozen, and others know it, too
        return [config for config in describe_configs(cluster, [entity])[entity] if config.is_own]
    except OperationError as error:
        if error.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            raise _no_such(entity) from error
        raise
    found = [
        Config(
            entity.type,
            entity.name,
            name,
            None if entry.is_sensitive else entry.value,
            ConfigSource(entry.source).name,
            entry.is_sensitive,
            entry.is_read_only,
            (),
            None,
        )
        for name, entry in sorted(entries.items())
    ]
    return [config for config in found if config.is_own]


def list_entities(cluster: Cluster, type_: EntityType) -> list[Entity]:
    """All of that type that can have settings; of brokers also their common default, named ''."""
    if type_ is EntityType.TOPICS:
        return [Entity(type_, name) for name in cluster.requests.list_topics()]
    if type_ in _OF_ONE_BROKER:
        return [Entity(type_, name) for name in (*map(str, cluster.requests.list_brokers()), DEFAULT_NAME)]
    names = cluster.requests.list_config_resources(_RESOURCES[type_])
    if type_ is EntityType.GROUPS:
        names += [group.group_id for group in cluster.requests.list_groups()[0]]
    return [Entity(type_, name) for name in sorted(set(names))]


def alter_configs(
    cluster: Cluster, changes: Mapping[Entity, Sequence[Alteration]], dry_run: bool = False
) -> dict[Entity, OperationError | None]:
    """Makes each entity's changes, all of an entity's or none; its error, as the broker words it, where it refused."""
    results: dict[Entity, OperationError | None] = {}
    _require_brokers(cluster, changes)
    for broker, asked in _by_broker(changes).items():
        answer = cluster.requests.send(
            "IncrementalAlterConfigs",
            broker=broker,
            resources=[
                (
                    _RESOURCES[each.type],
                    each.name,
                    [(change.name, change.operation, change.value) for change in changes[each]],
                )
                for each in asked
            ],
            validate_only=dry_run,
        )
        by_resource = {(_RESOURCES[each.type], each.name): each for each in asked}
        for result in answer.responses:
            entity = by_resource[result.resource_type, result.resource_name]
            results[entity] = _refused(entity, "change", result)
    return results


def differences(described: Sequence[Sequence[Config]]) -> list[Difference]:
    """Between two entities' settings, or one's and the defaults; what is secret cannot be compared."""
    left = {config.name: config for config in described[0] if not config.sensitive}
    if len(described) > 1:
        right = {config.name: config.value for config in described[1] if not config.sensitive}
    else:
        right = {name: config.default for name, config in left.items()}
    found = []
    for name in sorted({*left, *right}):
        values = left[name].value if name in left else None, right.get(name)
        if values[0] != values[1]:
            found.append(Difference(name, *values))
    return found


def require_set(configs: Iterable[Config], changes: Iterable[Alteration]) -> None:
    """Raises OperationError where something is to be deleted that is not set: most often it is a misspelling."""
    present = {config.name for config in configs if config.is_own}
    missing = [change.name for change in changes if change.operation is Operation.DELETE and change.name not in present]
    if missing:
        raise OperationError(
            f"cannot delete what is not set: {', '.join(missing)}",
            f"set there: {', '.join(sorted(present)) or 'nothing'}",
        )


def _by_broker(entities: Iterable[Entity]) -> dict[int | None, list[Entity]]:
    """Entities by the broker that must be asked; None where any will do."""
    grouped: dict[int | None, list[Entity]] = defaultdict(list)
    for each in entities:
        grouped[int(each.name) if each.type in _OF_ONE_BROKER and each.name else None].append(each)
    return grouped


def _require_brokers(cluster: Cluster, entities: Iterable[Entity]) -> None:
    """A request for a broker that is not there would end in a time-out instead of an error."""
    named = [each for each in entities if each.type in _OF_ONE_BROKER and each.name]
    if named:
        _require_known(named, cluster.requests.list_brokers())


def _require_known(named: Iterable[Entity], brokers: Sequence[int]) -> None:
    for each in named:
        if int(each.name) not in brokers:
            raise NotFoundError(
                f"there is no broker {each.name} that is alive", f"alive are: {', '.join(map(str, brokers))}"
            )


def _refused(entity: Entity, verb: str, result: Any) -> OperationError | None:
    if not result.error_code:
        return None
    if result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return _no_such(entity)
    return refusal(f"cannot {verb} the configs of {entity}", result.error_code, result.error_message)


def _no_such(entity: Entity) -> NotFoundError:
    return NotFoundError(
        f"there is no {entity}",
        "kafkactl topics list shows those that one may see",
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )


def _config(entity: Entity, answer: Any) -> Config:
    synonyms = tuple(Synonym(ConfigSource(each.source).name, each.name, each.value) for each in answer.synonyms)
    value = None if answer.is_sensitive else answer.value
    return Config(
        entity.type,
        entity.name,
        answer.name,
        value,
        ConfigSource(answer.config_source).name,
        answer.is_sensitive,
        answer.read_only,
        synonyms,
        answer.documentation,
    )
