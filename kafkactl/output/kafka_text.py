"""Results in the words of Kafka's own tools, line for line.

Reference: org.apache.kafka.tools.TopicCommand, GetOffsetShell and DeleteRecordsCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.java_order import hash_map_order

if TYPE_CHECKING:
    from kafkactl.admin.offsets import PartitionOffset
    from kafkactl.admin.records import Deletion
    from kafkactl.admin.topics import PartitionDescription, PartitionDetail, TopicDescription, TopicSetting


NO_DETAIL = "N/A"


def topic_lines(topics: Sequence[TopicDescription], settings: Mapping[str, Sequence[TopicSetting]]) -> dict[str, str]:
    """The line of kafka-topics --describe about each topic itself."""
    lines = {}
    for topic in topics:
        values = {setting.name: setting for setting in settings[topic.topic]}
        own = [values[name] for name in hash_map_order(list(values)) if not values[name].is_default]
        lines[topic.topic] = (
            f"Topic: {topic.topic}\tTopicId: {topic.topic_id}\tPartitionCount: {len(topic.partitions)}"
            f"\tReplicationFactor: {topic.replication_factor}"
            f"\tConfigs: {','.join(f'{setting.name}={setting.value}' for setting in own)}\n"
        )
    return lines


def partition_line(row: PartitionDescription, detail: PartitionDetail) -> str:
    """The line about a partition."""
    moving = ""
    if detail.is_moving:
        moving = f"\tAdding Replicas: {_ids(detail.adding)}\tRemoving Replicas: {_ids(detail.removing)}"
    return (
        f"\tTopic: {row.topic}\tPartition: {row.partition}\tLeader: {'none' if row.leader is None else row.leader}"
        f"\tReplicas: {_ids(row.replicas)}\tIsr: {_ids(row.isr)}{moving}"
        f"\tElr: {_ids(detail.elr)}\tLastKnownElr: {_ids(detail.last_known_elr)}\n"
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
