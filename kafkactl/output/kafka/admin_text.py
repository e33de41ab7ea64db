"""Results in the words of Kafka's own tools, line for line.

Reference: org.apache.kafka.tools.TopicCommand, GetOffsetShell and DeleteRecordsCommand; kafka.admin.ConfigCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_order import by_hash, hash_map_order, string_hash
from kafkactl.output.kafka.java_text import boolean_text, double_text

if TYPE_CHECKING:
    from kafkactl.admin.configs import Config
    from kafkactl.admin.entities import Entity
    from kafkactl.admin.models import Outcome
    from kafkactl.admin.offsets import PartitionOffset
    from kafkactl.admin.quotas import Quota
    from kafkactl.admin.records import Deletion
    from kafkactl.admin.scram import Credential
    from kafkactl.admin.topics.models import PartitionDescription, TopicDescription


NO_DETAIL = "N/A"
_COLLISION = (
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. "
    "To avoid issues it is best to use either, but not both."
)

QuotaEntity = tuple[str | None, str | None, str | None]
"""User, client and ip; '' is the default."""


def topic_line(topic: TopicDescription) -> str:
    """The line of kafka-topics --describe about a topic itself."""
    values = {setting.name: setting for setting in topic.settings}
    own = [values[name] for name in hash_map_order(list(values)) if not values[name].is_default]
    return (
        f"Topic: {topic.topic}\tTopicId: {topic.topic_id}\tPartitionCount: {len(topic.partitions)}"
        f"\tReplicationFactor: {topic.replication_factor}"
        f"\tConfigs: {','.join(f'{setting.name}={setting.value}' for setting in own)}\n"
    )


def created(outcome: Outcome) -> str:
    """As kafka-topics --create; it says nothing of a topic that was there."""
    warning = f"{_COLLISION}\n" if "." in outcome.name or "_" in outcome.name else ""
    return warning + (f"Created topic {outcome.name}.\n" if outcome.result == "created" else "")


def partition_line(row: PartitionDescription) -> str:
    """The line about a partition."""
    moving = ""
    if row.is_moving:
        moving = f"\tAdding Replicas: {_ids(row.adding)}\tRemoving Replicas: {_ids(row.removing)}"
    return (
        f"\tTopic: {row.topic}\tPartition: {row.partition}\tLeader: {'none' if row.leader is None else row.leader}"
        f"\tReplicas: {_ids(row.replicas)}\tIsr: {_ids(row.isr)}{moving}"
        f"\tElr: {_ids(row.elr)}\tLastKnownElr: {_ids(row.last_known_elr)}\n"
    )


def described_order(topics: Sequence[TopicDescription]) -> list[TopicDescription]:
    """Topics in the order of the hash table that Kafka's tool keeps them in."""
    by_name = {topic.topic: topic for topic in topics}
    return [by_name[name] for name in hash_map_order(list(by_name), len(by_name))]


def _ids(brokers: Sequence[int] | None) -> str:
    return NO_DETAIL if brokers is None else ",".join(map(str, brokers))


def offsets(rows: Iterable[PartitionOffset]) -> str:
    """As kafka-get-offsets: partitions without an offset are left out, and t-10 comes before t-2."""
    shown = sorted((row for row in rows if row.offset is not None), key=lambda row: f"{row.topic}-{row.partition}")
    return "".join(f"{row.topic}:{row.partition}:{row.offset}\n" for row in shown)


def deletions(rows: Iterable[Deletion]) -> str:
    """As kafka-delete-records; its order is that of a hash table, ours of names."""
    lines = ["Executing records delete operation", "Records delete operation completed:"]
    for row in rows:
        result = f"error: {row.error}" if row.error else f"low_watermark: {row.low_watermark}"
        lines.append(f"partition: {row.topic}-{row.partition}\t{result}")
    return "".join(f"{line}\n" for line in lines)


def configs(entity: Entity, rows: Iterable[Config], all_: bool) -> str:
    """As kafka-configs --describe, of one entity."""
    whose = f"{'All' if all_ else 'Dynamic'} configs for {entity.type.singular} {entity.name} are:"
    lines = [whose if entity.name else f"Default configs for {entity.type} in the cluster are:"]
    for row in rows:
        synonyms = ", ".join(f"{each.source}:{each.name}={_or_null(each.value)}" for each in row.synonyms)
        sensitive = boolean_text(row.sensitive)
        lines.append(f"  {row.name}={_or_null(row.value)} sensitive={sensitive} synonyms={{{synonyms}}}")
    return "".join(f"{line}\n" for line in lines)


def no_entity(entity: Entity) -> str:
    """As kafka-configs --describe of what is not there."""
    return f"The {entity.type.singular} '{entity.name}' doesn't exist and doesn't have dynamic config.\n"


def altered(entity: Entity) -> str:
    """As kafka-configs --alter."""
    if entity.name:
        return f"Completed updating config for {entity.type.singular} {entity.name}.\n"
    return f"Completed updating default config for {entity.type} in the cluster.\n"


def quotas(rows: Sequence[Quota]) -> str:
    """As kafka-configs --describe of users, clients and ips, in the order of its hash tables."""
    by_entity: dict[QuotaEntity, dict[str, float]] = {}
    for row in rows:
        by_entity.setdefault(row.entity, {})[row.name] = row.value
    lines = []
    for entity in by_hash(list(by_entity), _entity_hash, len(by_entity)):
        values = by_entity[entity]
        kinds = zip(("user-principal", "client-id", "ip"), entity, strict=True)
        whose = ", ".join(
            f"the default {kind}" if name == "" else f"{kind} '{name}'" for kind, name in kinds if name is not None
        )
        limits = ", ".join(f"{name}={double_text(values[name])}" for name in hash_map_order(list(values), len(values)))
        lines.append(f"Quota configs for {whose} are {limits}\n")
    return "".join(lines)


def credentials(rows: Iterable[Credential]) -> str:
    """As kafka-configs --describe of users."""
    by_user: dict[str, list[str]] = {}
    for row in rows:
        by_user.setdefault(row.user, []).append(f"{row.mechanism}=iterations={row.iterations}")
    return "".join(
        f"SCRAM credential configs for user-principal '{user}' are {', '.join(told)}\n"
        for user, told in by_user.items()
    )


def _entity_hash(entity: QuotaEntity) -> int:
    """ClientQuotaEntity.hashCode: that of a list with one map."""
    named = zip(("user", "client-id", "ip"), entity, strict=True)
    of_map = sum(string_hash(kind) ^ (string_hash(name) if name else 0) for kind, name in named if name is not None)
    return 31 + of_map & 0xFFFFFFFF


def _or_null(value: str | None) -> str:
    return "null" if value is None else value
