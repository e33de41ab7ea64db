"""Results about topics, offsets, records, configs, quotas and credentials, as Kafka's tools print them, line for line.

Reference: org.apache.kafka.tools.TopicCommand, GetOffsetShell and DeleteRecordsCommand; kafka.admin.ConfigCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_errors import format_java_error
from kafkactl.output.kafka.java_order import compute_string_hash, sort_as_hash_map, sort_by_hash
from kafkactl.output.kafka.java_text import format_boolean, format_double

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
COLLISION = (
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. "
    "To avoid issues it is best to use either, but not both."
)

QuotaEntity = tuple[str | None, str | None, str | None]
"""User, client id and IP address; '' is Kafka's default entity, and None a part that the entity lacks."""


def format_topic(topic: TopicDescription) -> str:
    """Return the line of kafka-topics --describe about a topic, its end included, without its partitions.

    It shows the configs with another source than Kafka's default, also those of the brokers, as NAME=VALUE, joined by
    commas, in the order of Java's hash table. A value of None is null.
    """
    values = {setting.name: setting for setting in topic.settings}
    own_settings = [values[name] for name in sort_as_hash_map(list(values)) if not values[name].is_default]
    return (
        f"Topic: {topic.topic}\tTopicId: {topic.topic_id}\tPartitionCount: {len(topic.partitions)}"
        f"\tReplicationFactor: {topic.replication_factor}"
        f"\tConfigs: {','.join(f'{setting.name}={_format_value(setting.value)}' for setting in own_settings)}\n"
    )


def format_creation(outcome: Outcome) -> str:
    """Return the text of kafka-topics --create for a topic; empty where it has nothing to say.

    It is Kafka's warning for a name with a period or an underscore, and then a line, which is missing where the topic
    was not created now, as its result is not `created`. Both end with a line end.
    """
    warning = f"{COLLISION}\n" if "." in outcome.name or "_" in outcome.name else ""
    return warning + (f"Created topic {outcome.name}.\n" if outcome.result == "created" else "")


def format_partition(row: PartitionDescription) -> str:
    """Return the line of kafka-topics --describe about a partition, its end included.

    A partition without a leader shows `none`, and eligible leaders of None show N/A. Replicas that are added or removed
    are shown only while the partition moves.
    """
    moving = ""
    if row.is_moving:
        moving = f"\tAdding Replicas: {_format_ids(row.adding)}\tRemoving Replicas: {_format_ids(row.removing)}"
    return (
        f"\tTopic: {row.topic}\tPartition: {row.partition}\tLeader: {'none' if row.leader is None else row.leader}"
        f"\tReplicas: {_format_ids(row.replicas)}\tIsr: {_format_ids(row.isr)}{moving}"
        f"\tElr: {_format_ids(row.elr)}\tLastKnownElr: {_format_ids(row.last_known_elr)}\n"
    )


def sort_as_described(topics: Sequence[TopicDescription]) -> list[TopicDescription]:
    """Return topics in the order of kafka-topics --describe: that of the hash table in Kafka's tool.

    The topics have different names, and their order counts where places in the hash table are equal.
    """
    by_name = {topic.topic: topic for topic in topics}
    return [by_name[name] for name in sort_as_hash_map(list(by_name), len(by_name))]


def _format_ids(brokers: Sequence[int] | None) -> str:
    """Return broker ids joined by commas; N/A for None."""
    return NO_DETAIL if brokers is None else ",".join(map(str, brokers))


def format_offsets(rows: Iterable[PartitionOffset]) -> str:
    """Return the lines of kafka-get-offsets, TOPIC:PARTITION:OFFSET, each with its end.

    Partitions without an offset are left out. Lines are sorted by the text TOPIC-PARTITION, so t-10 comes before t-2.
    Without lines the text is empty.
    """
    known_rows = sorted((row for row in rows if row.offset is not None), key=lambda row: f"{row.topic}-{row.partition}")
    return "".join(f"{row.topic}:{row.partition}:{row.offset}\n" for row in known_rows)


def format_deletions(rows: Iterable[Deletion]) -> str:
    """Return the text of kafka-delete-records: two lines of heading, and a line for each partition.

    A line has the new low watermark, or the error as Java shows it, and its line end. Without rows only the heading is
    there. The rows keep their order; Kafka's tool has the order of a hash table.
    """
    lines = ["Executing records delete operation", "Records delete operation completed:"]
    for row in rows:
        error = format_java_error(row.code, row.error) if row.error else None
        result = f"error: {error}" if error else f"low_watermark: {row.low_watermark}"
        lines.append(f"partition: {row.topic}-{row.partition}\t{result}")
    return "".join(f"{line}\n" for line in lines)


def format_configs(entity: Entity, rows: Iterable[Config], all_: bool) -> str:
    """Return the text of kafka-configs --describe about one entity: a heading and a line for each config.

    `all_` stands for the option --all, and changes only the heading, and not that of a default entity. An entity with
    an empty name is the default entity of its type. Rows and synonyms keep their order. A value of None is null. Each
    line has its end.
    """
    heading = f"{'All' if all_ else 'Dynamic'} configs for {entity.type.singular} {entity.name} are:"
    lines = [heading if entity.name else f"Default configs for {entity.type} in the cluster are:"]
    for row in rows:
        synonyms = ", ".join(
            f"{synonym.source}:{synonym.name}={_format_value(synonym.value)}" for synonym in row.synonyms
        )
        sensitive = format_boolean(row.sensitive)
        lines.append(f"  {row.name}={_format_value(row.value)} sensitive={sensitive} synonyms={{{synonyms}}}")
    return "".join(f"{line}\n" for line in lines)


def format_missing_entity(entity: Entity) -> str:
    """Return the line of kafka-configs --describe about an entity that does not exist, its end included."""
    return f"The {entity.type.singular} '{entity.name}' doesn't exist and doesn't have dynamic config.\n"


def format_alteration(entity: Entity) -> str:
    """Return the line of kafka-configs --alter about an entity, its end included.

    An empty name is the default entity.
    """
    if entity.name:
        return f"Completed updating config for {entity.type.singular} {entity.name}.\n"
    return f"Completed updating default config for {entity.type} in the cluster.\n"


def format_quotas(rows: Sequence[Quota]) -> str:
    """Return the lines of kafka-configs --describe about quotas, a line for each entity; "" without any.

    In an entity '' is the default of its kind, and a kind of None is not shown. Lines, and the quotas in a line, have
    the order of Java's hash tables. Each line has its end.
    """
    by_entity: dict[QuotaEntity, dict[str, float]] = {}
    for row in rows:
        by_entity.setdefault(row.entity, {})[row.name] = row.value
    lines = []
    for entity in sort_by_hash(list(by_entity), _compute_entity_hash, len(by_entity)):
        values = by_entity[entity]
        kinds = zip(("user-principal", "client-id", "ip"), entity, strict=True)
        owner = ", ".join(
            f"the default {kind}" if name == "" else f"{kind} '{name}'" for kind, name in kinds if name is not None
        )
        limits = ", ".join(
            f"{name}={format_double(values[name])}" for name in sort_as_hash_map(list(values), len(values))
        )
        lines.append(f"Quota configs for {owner} are {limits}\n")
    return "".join(lines)


def format_credentials(rows: Iterable[Credential]) -> str:
    """Return the lines of kafka-configs --describe about the SCRAM credentials of users, each with its end.

    A user has one line with all credentials, at the place of the first one in `rows`. The text is empty without rows.
    """
    by_user: dict[str, list[str]] = {}
    for row in rows:
        by_user.setdefault(row.user, []).append(f"{row.mechanism}=iterations={row.iterations}")
    return "".join(
        f"SCRAM credential configs for user-principal '{user}' are {', '.join(mechanisms)}\n"
        for user, mechanisms in by_user.items()
    )


def _compute_entity_hash(entity: QuotaEntity) -> int:
    """Return ClientQuotaEntity.hashCode of the parts that are not None, as an unsigned number of 32 bits.

    An empty name stands for Java's null, the default entity.
    """
    parts = zip(("user", "client-id", "ip"), entity, strict=True)
    map_hash = sum(
        compute_string_hash(kind) ^ (compute_string_hash(name) if name else 0)
        for kind, name in parts
        if name is not None
    )
    return 31 + map_hash & 0xFFFFFFFF


def _format_value(value: str | None) -> str:
    """Return a value; null for None."""
    return "null" if value is None else value
