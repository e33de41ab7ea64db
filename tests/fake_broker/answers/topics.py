"""Answers about topics and their partitions."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Partition, State, Topic, placed

_NAME = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}")
_NO_ID = uuid.UUID(int=0)


def answer_metadata(request: Request, state: State) -> Fields:
    """Answer Metadata for all topics, or for some by name or by id. Nothing creates a topic."""
    chosen = request.fields["topics"]
    everything = chosen is None or (request.version == 0 and not chosen)
    topics = (
        [_described(topic) for _, topic in sorted(state.topics.items())]
        if everything
        else [_chosen_topic(state, item) for item in chosen]
    )
    brokers = [state.brokers[broker_id] for broker_id in state.live_brokers()]
    return {
        "brokers": [
            {"node_id": broker.id, "host": broker.host, "port": broker.port, "rack": broker.rack} for broker in brokers
        ],
        "cluster_id": state.cluster_id,
        "controller_id": state.controller_id,
        "topics": topics,
    }


def _chosen_topic(state: State, item: Fields) -> Fields:
    """Return the metadata of a topic that was asked for, by id if it has one."""
    topic_id, name = item.get("topic_id") or _NO_ID, item.get("name") or ""
    if topic_id != _NO_ID:
        topic = state.topic_of_id(topic_id)
        return _described(topic) if topic else _absent(None, codes.UNKNOWN_TOPIC_ID, topic_id)
    if name in state.topics:
        return _described(state.topics[name])
    return _absent(name, codes.UNKNOWN_TOPIC_OR_PARTITION if _NAME.fullmatch(name) else codes.INVALID_TOPIC)


def _described(topic: Topic) -> Fields:
    return {
        "error_code": 0,
        "name": topic.name,
        "topic_id": topic.id,
        "is_internal": topic.internal,
        "partitions": [_described_partition(number, item) for number, item in enumerate(topic.all_partitions)],
    }


def _described_partition(number: int, partition: Partition) -> Fields:
    return {
        "error_code": codes.LEADER_NOT_AVAILABLE if partition.leader is None else 0,
        "partition_index": number,
        "leader_id": -1 if partition.leader is None else partition.leader,
        "leader_epoch": partition.leader_epoch,
        "replica_nodes": partition.replicas,
        "isr_nodes": partition.isr,
        "offline_replicas": [],
    }


def _absent(name: str | None, code: int, topic_id: uuid.UUID = _NO_ID) -> Fields:
    return {"error_code": code, "name": name, "topic_id": topic_id, "partitions": []}


def answer_describe_topic_partitions(request: Request, state: State) -> Fields:
    """Answer DescribeTopicPartitions at once, whatever the limit is; no topic named means all."""
    names = [topic["name"] for topic in request.fields["topics"]] or sorted(state.topics)
    topics = [
        _described(state.topics[name]) if name in state.topics else _absent(name, codes.UNKNOWN_TOPIC_OR_PARTITION)
        for name in names
    ]
    for topic in topics:
        for partition in topic["partitions"]:
            partition.update(eligible_leader_replicas=[], last_known_elr=[])
    return {"topics": topics}


def answer_create_topics(request: Request, state: State) -> Fields:
    """Answer CreateTopics; nothing is created when only validating."""
    return {
        "topics": [
            _create(state, item, request.fields.get("validate_only", False)) for item in request.fields["topics"]
        ]
    }


def _create(state: State, item: Fields, validate_only: bool) -> Fields:
    name = item["name"]
    code, message, partitions = _planned_partitions(state, item)
    result = {"name": name, "error_code": code, "error_message": message, "configs": None}
    if code:
        return result
    topic = Topic(name, partitions, {config["name"]: config["value"] for config in item["configs"]})
    if not validate_only:
        state.topics[name] = topic
        result["topic_id"] = topic.id
    copies = len(partitions[0].replicas)
    return {**result, "num_partitions": len(partitions), "replication_factor": copies, "configs": []}


def _planned_partitions(state: State, item: Fields) -> tuple[int, str | None, list[Partition]]:
    """Return error code, message, and the partitions of a topic that is to be created."""
    name, count, copies = item["name"], item["num_partitions"], item["replication_factor"]
    if not _NAME.fullmatch(name):
        return codes.INVALID_TOPIC, f"Topic name is invalid: {name!r}", []
    if name in state.topics:
        return codes.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.", []
    if item["assignments"]:
        rows = sorted(item["assignments"], key=lambda row: row["partition_index"])
        return 0, None, [placed(row["broker_ids"]) for row in rows]
    if count == 0 or count < -1:
        return codes.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.", []
    brokers = len(state.live_brokers())
    if copies == 0 or copies < -1 or copies > brokers:
        message = f"Unable to replicate the partition {copies} time(s): {brokers} broker(s) are registered."
        return codes.INVALID_REPLICATION_FACTOR, message, []
    return 0, None, [state.new_partition(number, max(copies, 1)) for number in range(max(count, 1))]


def answer_delete_topics(request: Request, state: State) -> Fields:
    """Answer DeleteTopics, by name or by id."""
    items = request.fields.get("topics") or [{"name": name} for name in request.fields.get("topic_names", [])]
    return {"responses": [_delete(state, item) for item in items]}


def _delete(state: State, item: Fields) -> Fields:
    name, topic_id = item.get("name"), item.get("topic_id")
    topic = state.topics.get(name) if name is not None else state.topic_of_id(topic_id)
    if topic is None:
        code = codes.UNKNOWN_TOPIC_ID if name is None else codes.UNKNOWN_TOPIC_OR_PARTITION
        return {"name": name, "topic_id": topic_id, "error_code": code}
    del state.topics[topic.name]
    return {"name": topic.name, "topic_id": topic.id, "error_code": 0}


def answer_create_partitions(request: Request, state: State) -> Fields:
    """Answer CreatePartitions; nothing is created when only validating."""
    fields = request.fields
    return {"results": [_add_partitions(state, item, fields["validate_only"]) for item in fields["topics"]]}


def _add_partitions(state: State, item: Fields, validate_only: bool) -> Fields:
    name, topic = item["name"], state.topics.get(item["name"])
    if topic is None:
        return {"name": name, "error_code": codes.UNKNOWN_TOPIC_OR_PARTITION}
    present = len(topic.all_partitions)
    if item["count"] <= present:
        message = f"The topic {name} currently has {present} partition(s); {item['count']} would not be an increase."
        return {"name": name, "error_code": codes.INVALID_PARTITIONS, "error_message": message}
    rows = item["assignments"]
    if rows is not None and len(rows) != item["count"] - present:
        return {"name": name, "error_code": codes.INVALID_REPLICA_ASSIGNMENT}
    copies = len(topic.all_partitions[0].replicas)
    if not validate_only:
        topic.all_partitions.extend(
            placed(rows[number - present]["broker_ids"]) if rows else state.new_partition(number, copies)
            for number in range(present, item["count"])
        )
    return {"name": name, "error_code": 0}


def partition_error(request: Request, state: State, name: str, number: int) -> int:
    """Return the error code of a request that only the leader of a partition can answer, 0 for none."""
    partition = state.partition(name, number)
    if partition is None:
        return codes.UNKNOWN_TOPIC_OR_PARTITION
    return 0 if partition.leader == request.broker_id else codes.NOT_LEADER_OR_FOLLOWER


def answer_list_offsets(request: Request, state: State) -> Fields:
    """Answer ListOffsets of the partitions that the asked broker leads."""

    def find_offset(name: str, item: Fields) -> Fields:
        number = item["partition_index"]
        code = partition_error(request, state, name, number)
        if code:
            return {"partition_index": number, "error_code": code}
        partition = state.partition(name, number)
        assert partition is not None
        offset, time_ms = _offset_at(partition, item["timestamp"])
        place = {"offset": offset, "timestamp": time_ms, "old_style_offsets": [offset]}
        return {"partition_index": number, "error_code": 0, "leader_epoch": partition.leader_epoch, **place}

    return {"topics": list(_for_each_partition(request, find_offset))}


def _offset_at(partition: Partition, time_ms: int) -> tuple[int, int]:
    """Return offset and time of a moment or of a special time; -1 is none."""
    begin, end, start_ms = partition.begin, partition.end, partition.start_ms
    if time_ms == -1:
        return end, -1
    if time_ms in (-2, -4):
        return begin, -1
    if time_ms == -3:
        return (end - 1, start_ms + 1000 * (end - 1)) if end > begin else (-1, -1)
    if time_ms < 0:
        return -1, -1
    offset = max(begin, -((start_ms - time_ms) // 1000))
    return (offset, start_ms + 1000 * offset) if offset < end else (-1, -1)


def answer_delete_records(request: Request, state: State) -> Fields:
    """Answer DeleteRecords of the partitions that the asked broker leads; -1 is the end."""

    def delete_before(name: str, item: Fields) -> Fields:
        number, code = item["partition_index"], partition_error(request, state, name, item["partition_index"])
        partition = state.partition(name, number)
        if code or partition is None:
            return {"partition_index": number, "low_watermark": -1, "error_code": code}
        offset = partition.end if item["offset"] == -1 else item["offset"]
        if not 0 <= offset <= partition.end:
            return {"partition_index": number, "low_watermark": -1, "error_code": codes.OFFSET_OUT_OF_RANGE}
        partition.begin = max(partition.begin, offset)
        return {"partition_index": number, "low_watermark": partition.begin, "error_code": 0}

    return {"topics": list(_for_each_partition(request, delete_before))}


def _for_each_partition(request: Request, answer: Any) -> Iterator[Fields]:
    for topic in request.fields["topics"]:
        yield {"name": topic["name"], "partitions": [answer(topic["name"], item) for item in topic["partitions"]]}


HANDLERS = {
    "Metadata": answer_metadata,
    "DescribeTopicPartitions": answer_describe_topic_partitions,
    "CreateTopics": answer_create_topics,
    "DeleteTopics": answer_delete_topics,
    "CreatePartitions": answer_create_partitions,
    "ListOffsets": answer_list_offsets,
    "DeleteRecords": answer_delete_records,
}
