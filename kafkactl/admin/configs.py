"""Settings of topics and brokers, with where each value comes from.

Reference: org.apache.kafka.clients.admin.Admin describeConfigs and incrementalAlterConfigs (KIP-226, KIP-339);
kafka.admin.ConfigCommand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from confluent_kafka import KafkaError
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource, ResourceType

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError

T = TypeVar("T")


class EntityType(StrEnum):
    """What can have settings."""

    TOPICS = "topics"
    BROKERS = "brokers"
    GROUPS = "groups"


_RESOURCE_TYPES = {
    EntityType.TOPICS: ResourceType.TOPIC,
    EntityType.BROKERS: ResourceType.BROKER,
    EntityType.GROUPS: ResourceType.GROUP,
}


@dataclass(frozen=True)
class Entity:
    """A topic, broker or group."""

    type: EntityType
    name: str

    def __str__(self) -> str:
        return f"{self.type.value.removesuffix('s')} {self.name}"


@dataclass(frozen=True)
class Config:
    """One setting as the broker has it; a sensitive one's value is None."""

    name: str
    value: str | None
    source: str
    """DYNAMIC_TOPIC_CONFIG, DYNAMIC_BROKER_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG, ..."""
    sensitive: bool
    read_only: bool
    synonyms: tuple[tuple[str, str, str | None], ...]
    """(source, name, value) of every place that says a value, the one in force first."""


def own_source(entity: Entity) -> str:
    """Where an entity's own settings come from; everything else it only inherits."""
    return {
        EntityType.TOPICS: "DYNAMIC_TOPIC_CONFIG",
        EntityType.BROKERS: "DYNAMIC_BROKER_CONFIG",
        EntityType.GROUPS: "GROUP_CONFIG",
    }[entity.type]


def describe_configs(cluster: Cluster, entity: Entity) -> list[Config]:
    """All settings of an entity by name, inherited ones too; raises NotFoundError."""
    _require_exists(cluster, entity)
    futures = cluster.admin.describe_configs([_resource(entity)], request_timeout=cluster.timeout_s)
    (future,) = futures.values()
    entries = _answered(cluster, entity, future, "read")
    return [_config(entry) for _, entry in sorted(entries.items())]


def own(configs: Sequence[Config], entity: Entity) -> list[Config]:
    """Those set on the entity itself."""
    return [config for config in configs if config.source == own_source(entity)]


def alter_configs(
    cluster: Cluster,
    entity: Entity,
    set_: Mapping[str, str],
    delete: Sequence[str] = (),
    dry_run: bool = False,
) -> None:
    """Sets and deletes settings in one request, all or none; raises OperationError as the broker words it."""
    _require_exists(cluster, entity)
    _require_set(cluster, entity, delete)
    operations = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in sorted(set_.items())
    ] + [ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE) for name in sorted(delete)]
    resource = _resource(entity, operations)
    futures = cluster.admin.incremental_alter_configs(
        [resource], validate_only=dry_run, request_timeout=cluster.timeout_s
    )
    (future,) = futures.values()
    _answered(cluster, entity, future, "change")


def _answered(cluster: Cluster, entity: Entity, future: Future[T], verb: str) -> T:
    try:
        return cluster.wait(future, f"cannot {verb} the configs of {entity}")
    except OperationError as error:
        if error.code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise NotFoundError(f"there is no {entity}", error.hint, error.code) from error
        raise


def _resource(entity: Entity, operations: Sequence[ConfigEntry] | None = None) -> ConfigResource:
    type_ = _RESOURCE_TYPES[entity.type]
    if operations is None:
        return ConfigResource(type_, entity.name)
    return ConfigResource(type_, entity.name, incremental_configs=list(operations))


def _config(entry: ConfigEntry) -> Config:
    synonyms = tuple((_source(synonym), synonym.name, synonym.value) for synonym in entry.synonyms.values())
    value = None if entry.is_sensitive else entry.value
    return Config(entry.name, value, _source(entry), entry.is_sensitive, entry.is_read_only, synonyms)


def _source(entry: ConfigEntry) -> str:
    return ConfigSource(entry.source).name


def _require_exists(cluster: Cluster, entity: Entity) -> None:
    """Only brokers need asking: a request for one that is not there ends in a time-out instead of an error."""
    if entity.type is EntityType.BROKERS:
        brokers = cluster.metadata().brokers
        if not entity.name.isdigit() or int(entity.name) not in brokers:
            raise NotFoundError(
                f"there is no broker {entity.name!r}", f"brokers: {', '.join(map(str, sorted(brokers)))}"
            )


def _require_set(cluster: Cluster, entity: Entity, delete: Sequence[str]) -> None:
    """As Kafka's tool: deleting what is not set is an error, for it is most often a misspelling."""
    if not delete:
        return
    present = {config.name for config in own(describe_configs(cluster, entity), entity)}
    missing = [name for name in delete if name not in present]
    if missing:
        raise OperationError(
            f"cannot delete what is not set on {entity}: {', '.join(missing)}",
            f"set there: {', '.join(sorted(present)) or 'nothing'}",
        )
