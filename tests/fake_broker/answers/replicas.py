"""Answers about moves of replicas and elections of leaders."""

from __future__ import annotations

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Partition, State


def answer_alter_reassignments(request: Request, state: State) -> Fields:
    """Answer AlterPartitionReassignments; a move runs until State.finish_reassignments()."""
    responses = []
    for topic in request.fields["topics"]:
        rows = []
        for item in topic["partitions"]:
            code = _reassign(state, state.partition(topic["name"], item["partition_index"]), item["replicas"])
            rows.append({"partition_index": item["partition_index"], "error_code": code, "error_message": None})
        responses.append({"name": topic["name"], "partitions": rows})
    return {"error_code": 0, "error_message": None, "responses": responses}


def _reassign(state: State, partition: Partition | None, replicas: list[int] | None) -> int:
    if partition is None:
        return codes.UNKNOWN_TOPIC_OR_PARTITION
    if replicas is None:
        code = 0 if partition.target is not None else codes.NO_REASSIGNMENT_IN_PROGRESS
        partition.target = None
        return code
    if not replicas or not set(replicas) <= state.brokers.keys():
        return codes.INVALID_REPLICA_ASSIGNMENT
    partition.target = list(replicas) if replicas != partition.replicas else None
    return 0


def answer_list_reassignments(request: Request, state: State) -> Fields:
    """Answer ListPartitionReassignments with the moves that are running."""
    chosen = request.fields["topics"]
    numbers = None if chosen is None else {topic["name"]: topic["partition_indexes"] for topic in chosen}
    topics = []
    for name, topic in sorted(state.topics.items()):
        rows = [
            _running_move(number, partition)
            for number, partition in enumerate(topic.all_partitions)
            if partition.target is not None and (numbers is None or number in numbers.get(name, []))
        ]
        if rows:
            topics.append({"name": name, "partitions": rows})
    return {"error_code": 0, "error_message": None, "topics": topics}


def _running_move(number: int, partition: Partition) -> Fields:
    target = partition.target or []
    adding = [broker for broker in target if broker not in partition.replicas]
    removing = [broker for broker in partition.replicas if broker not in target]
    return {
        "partition_index": number,
        "replicas": target + removing,
        "adding_replicas": adding,
        "removing_replicas": removing,
    }


def answer_elect_leaders(request: Request, state: State) -> Fields:
    """Answer ElectLeaders: the preferred leader is the first replica."""
    chosen = request.fields["topic_partitions"]
    if chosen is None:
        chosen = [
            {"topic": name, "partitions": range(len(topic.all_partitions))}
            for name, topic in sorted(state.topics.items())
        ]
    results = [
        {
            "topic": topic["topic"],
            "partition_result": [
                {"partition_id": number, "error_code": _elect(state.partition(topic["topic"], number))}
                for number in topic["partitions"]
            ],
        }
        for topic in chosen
    ]
    return {"error_code": 0, "replica_election_results": results}


def _elect(partition: Partition | None) -> int:
    if partition is None:
        return codes.UNKNOWN_TOPIC_OR_PARTITION
    if partition.leader == partition.replicas[0]:
        return codes.ELECTION_NOT_NEEDED
    partition.leader = partition.replicas[0]
    partition.leader_epoch += 1
    return 0


HANDLERS = {
    "AlterPartitionReassignments": answer_alter_reassignments,
    "ListPartitionReassignments": answer_list_reassignments,
    "ElectLeaders": answer_elect_leaders,
}
