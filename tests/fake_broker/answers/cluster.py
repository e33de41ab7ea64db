"""Answers about the cluster: brokers, controller, coordinators, quorum, log dirs."""

from __future__ import annotations

import uuid
from typing import Any

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Broker, Partition, State

_NO_NODE = {"node_id": -1, "host": "", "port": -1}


def answer_describe_cluster(request: Request, state: State) -> Fields:
    """Answer DescribeCluster; fenced brokers only if asked for."""
    with_fenced = request.fields.get("include_fenced_brokers", False)
    brokers = [broker for _, broker in sorted(state.brokers.items()) if with_fenced or not broker.fenced]
    return {
        "endpoint_type": request.fields.get("endpoint_type", 1),
        "cluster_id": state.cluster_id,
        "controller_id": state.controller_id,
        "brokers": [
            {"broker_id": broker.id, **_address(broker), "rack": broker.rack, "is_fenced": broker.fenced}
            for broker in brokers
        ],
    }


def _address(broker: Broker) -> dict[str, Any]:
    return {"host": broker.host, "port": broker.port}


def answer_find_coordinator(request: Request, state: State) -> Fields:
    """Answer FindCoordinator, for one key or for many."""
    coordinator = state.brokers.get(state.coordinator_id) if state.coordinator_id is not None else None
    if coordinator is None:
        result = {"error_code": codes.COORDINATOR_NOT_AVAILABLE, **_NO_NODE}
    else:
        result = {"error_code": 0, "node_id": coordinator.id, **_address(coordinator)}
    keys = request.fields.get("coordinator_keys", [])
    return {**result, "coordinators": [{"key": key, **result} for key in keys]}


def answer_describe_log_dirs(request: Request, state: State) -> Fields:
    """Answer DescribeLogDirs with the replicas of the broker that was asked."""
    broker = state.brokers[request.broker_id]
    chosen = request.fields["topics"]
    names = sorted(state.topics) if chosen is None else [topic["topic"] for topic in chosen]
    numbers = {} if chosen is None else {topic["topic"]: topic["partitions"] for topic in chosen}
    results = []
    for path in (broker.log_dir, *broker.more_log_dirs):
        topics = [_log_dir_topic(state, broker, path, name, numbers.get(name)) for name in names]
        results.append(
            {
                "log_dir": path,
                "topics": [topic for topic in topics if topic["partitions"]],
                "total_bytes": broker.total_bytes,
                "usable_bytes": broker.usable_bytes,
            }
        )
    return {"results": results}


def _log_dir_topic(state: State, broker: Broker, path: str, name: str, numbers: list[int] | None) -> Fields:
    topic = state.topics.get(name)
    replicas = [
        {
            "partition_index": number,
            "partition_size": partition.size_bytes // 2 if is_future else partition.size_bytes,
            "offset_lag": int(is_future),
            "is_future_key": is_future,
        }
        for number, partition in enumerate(topic.all_partitions if topic else [])
        for is_future, place in (
            (False, partition.log_dirs.get(broker.id, broker.log_dir)),
            (True, partition.future_log_dirs.get(broker.id)),
        )
        if broker.id in partition.replicas and (numbers is None or number in numbers) and place == path
    ]
    return {"name": name, "partitions": replicas}


def answer_alter_replica_log_dirs(request: Request, state: State) -> Fields:
    """Answer AlterReplicaLogDirs; a move runs until State.finish_dir_moves(), and the present directory cancels it."""
    broker = state.brokers[request.broker_id]
    results = []
    for folder in request.fields["dirs"]:
        for topic in folder["topics"]:
            rows = [
                {"partition_index": number, "error_code": _move(state.partition(topic["name"], number), broker, folder)}
                for number in topic["partitions"]
            ]
            results.append({"topic_name": topic["name"], "partitions": rows})
    return {"results": results}


def _move(partition: Partition | None, broker: Broker, folder: Fields) -> int:
    path = folder["path"]
    if path not in (broker.log_dir, *broker.more_log_dirs):
        return codes.LOG_DIR_NOT_FOUND
    if partition is None or broker.id not in partition.replicas:
        return codes.REPLICA_NOT_AVAILABLE
    partition.future_log_dirs.pop(broker.id, None)
    if path != partition.log_dirs.get(broker.id, broker.log_dir):
        partition.future_log_dirs[broker.id] = path
    return 0


def answer_describe_quorum(request: Request, state: State) -> Fields:
    """Answer DescribeQuorum: every broker is a voter, the controller leads; controllers that were added vote, too."""
    voters = sorted({*state.brokers, *state.directory_ids})
    partition = {
        "partition_index": 0,
        "leader_id": state.controller_id,
        "leader_epoch": 1,
        "high_watermark": 100,
        "current_voters": [_replica(node_id, state.directory_ids.get(node_id)) for node_id in voters],
        "observers": [_replica(node_id, directory_id) for node_id, directory_id in sorted(state.observers.items())],
    }
    topic = {"topic_name": "__cluster_metadata", "partitions": [partition]}
    nodes = [
        {"node_id": broker.id, "listeners": [{"name": "CONTROLLER", **_address(broker)}]}
        for _, broker in sorted(state.brokers.items())
    ]
    return {"topics": [topic] if request.fields["topics"] else [], "nodes": nodes}


def _replica(node_id: int, directory_id: uuid.UUID | None) -> Fields:
    return {
        "replica_id": node_id,
        "replica_directory_id": directory_id,
        "log_end_offset": 100,
        "last_fetch_timestamp": 0,
        "last_caught_up_timestamp": 0,
    }


def answer_update_features(request: Request, state: State) -> Fields:
    """Answer UpdateFeatures; one unknown feature fails all, as in Kafka 4."""
    updates = {item["feature"]: item["max_version_level"] for item in request.fields["feature_updates"]}
    unknown = [name for name in updates if name not in state.features]
    if unknown:
        return {"error_code": codes.INVALID_UPDATE_VERSION, "error_message": f"Feature {unknown[0]} not found."}
    if not request.fields.get("validate_only", False):
        state.features.update(updates)
    results = [{"feature": name, "error_code": 0, "error_message": None} for name in updates]
    return {"error_code": 0, "error_message": None, "results": results}


def answer_add_raft_voter(request: Request, state: State) -> Fields:
    """Answer AddRaftVoter; a voter has an error."""
    voter_id = request.fields["voter_id"]
    if voter_id in {*state.brokers, *state.directory_ids}:
        return {"error_code": codes.DUPLICATE_VOTER, "error_message": None}
    state.observers.pop(voter_id, None)
    state.directory_ids[voter_id] = request.fields["voter_directory_id"]
    return {"error_code": 0, "error_message": None}


def answer_remove_raft_voter(request: Request, state: State) -> Fields:
    """Answer RemoveRaftVoter; an unknown voter has an error."""
    voter_id = request.fields["voter_id"]
    if state.directory_ids.get(voter_id) != request.fields["voter_directory_id"]:
        return {"error_code": codes.VOTER_NOT_FOUND, "error_message": None}
    state.directory_ids.pop(voter_id, None)
    return {"error_code": 0, "error_message": None}


def answer_unregister_broker(request: Request, state: State) -> Fields:
    """Answer UnregisterBroker; an unknown broker has an error."""
    broker_id = request.fields["broker_id"]
    if state.brokers.pop(broker_id, None) is None:
        text = f"Broker ID {broker_id} is not currently registered"
        return {"error_code": codes.BROKER_ID_NOT_REGISTERED, "error_message": text}
    return {"error_code": 0, "error_message": None}


HANDLERS = {
    "DescribeCluster": answer_describe_cluster,
    "FindCoordinator": answer_find_coordinator,
    "DescribeLogDirs": answer_describe_log_dirs,
    "AlterReplicaLogDirs": answer_alter_replica_log_dirs,
    "DescribeQuorum": answer_describe_quorum,
    "UpdateFeatures": answer_update_features,
    "AddRaftVoter": answer_add_raft_voter,
    "RemoveRaftVoter": answer_remove_raft_voter,
    "UnregisterBroker": answer_unregister_broker,
}
