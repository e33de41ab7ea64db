"""Answers about consumer groups. Only the coordinator knows groups; the others answer NOT_COORDINATOR."""

from __future__ import annotations

from typing import Any

from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Group, Member, State

_BY_ID = 10
"""The version from which OffsetFetch and OffsetCommit have ids of topics instead of names."""
_DEAD = {"group_state": "Dead", "protocol_type": "", "protocol_data": "", "members": []}


def _is_coordinator(request: Request, state: State) -> bool:
    return request.broker_id == state.coordinator_id


def answer_list_groups(request: Request, state: State) -> Fields:
    """Answer ListGroups; a broker that is no coordinator has no groups."""
    states = {name.lower() for name in request.fields.get("states_filter") or []}
    types = {name.lower() for name in request.fields.get("types_filter") or []}
    groups = [
        {
            "group_id": group.id,
            "protocol_type": group.protocol_type,
            "group_state": group.state,
            "group_type": group.type.lower(),
        }
        for _, group in sorted(state.groups.items())
        if (not states or group.state.lower() in states) and (not types or group.type.lower() in types)
    ]
    return {"groups": groups if _is_coordinator(request, state) else []}


def answer_describe_groups(request: Request, state: State) -> Fields:
    """Answer DescribeGroups; groups of the consumer protocol are unknown to it, as in Kafka."""
    return {"groups": [_described(request, state, group_id) for group_id in request.fields["groups"]]}


def _described(request: Request, state: State, group_id: str) -> Fields:
    if not _is_coordinator(request, state):
        return {"group_id": group_id, "error_code": codes.NOT_COORDINATOR, **_DEAD}
    group = state.groups.get(group_id)
    if group is None or group.type.lower() != "classic":
        code = codes.GROUP_ID_NOT_FOUND if request.version >= 6 else 0
        message = f"Group {group_id} not found." if code else None
        return {"group_id": group_id, "error_code": code, "error_message": message, **_DEAD}
    return {
        "error_code": 0,
        "group_id": group_id,
        "group_state": group.state,
        "protocol_type": group.protocol_type,
        "protocol_data": group.protocol if group.members else "",
        "members": [_classic_member(member) for member in group.members],
    }


def _classic_member(member: Member) -> Fields:
    subscription = ConsumerProtocolSubscription(topics=_topics(member), user_data=None, version=0)
    partition_class = ConsumerProtocolAssignment.TopicPartition
    assignment = ConsumerProtocolAssignment(
        assigned_partitions=[
            partition_class(topic=topic, partitions=numbers, version=0) for topic, numbers in member.assignment.items()
        ],
        user_data=None,
        version=0,
    )
    return {
        "member_id": member.id,
        "group_instance_id": member.instance_id,
        "client_id": member.client_id,
        "client_host": member.host,
        "member_metadata": subscription.encode(),
        "member_assignment": assignment.encode(),
    }


def _topics(member: Member) -> list[str]:
    return member.topics or sorted(member.assignment)


def answer_consumer_group_describe(request: Request, state: State) -> Fields:
    """Answer ConsumerGroupDescribe; only groups of the consumer protocol are known to it."""
    return {"groups": [_consumer_group(request, state, group_id) for group_id in request.fields["group_ids"]]}


def _consumer_group(request: Request, state: State, group_id: str) -> Fields:
    group = state.groups.get(group_id)
    code = 0
    if not _is_coordinator(request, state):
        code = codes.NOT_COORDINATOR
    elif group is None or group.type.lower() != "consumer":
        code = codes.GROUP_ID_NOT_FOUND
    if code or group is None:
        message = f"Group {group_id} not found." if code == codes.GROUP_ID_NOT_FOUND else None
        return {
            "group_id": group_id,
            "error_code": code,
            "error_message": message,
            "group_state": "Dead",
            "members": [],
        }
    return {
        "error_code": 0,
        "group_id": group_id,
        "group_state": group.state,
        "group_epoch": group.epoch,
        "assignment_epoch": group.epoch,
        "assignor_name": group.protocol,
        "members": [_consumer_member(state, group, member) for member in group.members],
    }


def _consumer_member(state: State, group: Group, member: Member) -> Fields:
    target = member.assignment if member.target is None else member.target
    return {
        "member_id": member.id,
        "instance_id": member.instance_id,
        "rack_id": member.rack,
        "member_epoch": group.epoch,
        "client_id": member.client_id,
        "client_host": member.host,
        "subscribed_topic_names": _topics(member),
        "assignment": _assigned(state, member.assignment),
        "target_assignment": _assigned(state, target),
        "member_type": 1,
    }


def _assigned(state: State, partitions: dict[str, list[int]]) -> Fields:
    return {
        "topic_partitions": [
            {"topic_id": state.topics[name].id, "topic_name": name, "partitions": numbers}
            for name, numbers in partitions.items()
            if name in state.topics
        ]
    }


def answer_offset_fetch(request: Request, state: State) -> Fields:
    """Answer OffsetFetch, for one group (up to version 7) or for many."""
    if request.version < 8:
        return _committed(request, state, request.fields, request.fields["group_id"])
    groups = request.fields["groups"]
    return {
        "groups": [
            {"group_id": item["group_id"], **_committed(request, state, item, item["group_id"])} for item in groups
        ]
    }


def _committed(request: Request, state: State, item: Fields, group_id: str) -> Fields:
    if not _is_coordinator(request, state):
        return {"topics": [], "error_code": codes.NOT_COORDINATOR}
    group = state.groups.get(group_id) or Group(group_id)
    if item["topics"] is None:
        places = sorted(group.offsets)
    else:
        places = [(_topic_name(state, topic), n) for topic in item["topics"] for n in topic["partition_indexes"]]
    return {"topics": _by_topic(request, state, places, lambda place: _committed_offset(group, place)), "error_code": 0}


def _committed_offset(group: Group, place: tuple[str, int]) -> Fields:
    return {"committed_offset": group.offsets.get(place, -1), "metadata": "", "error_code": 0}


def _topic_name(state: State, topic: Fields) -> str:
    """Return the name of a topic that a request names, or names by id; "" for an unknown id."""
    if topic.get("name"):
        return str(topic["name"])
    known = state.topic_of_id(topic.get("topic_id"))
    return known.name if known else ""


def _by_topic(request: Request, state: State, places: list[tuple[str, int]], result: Any) -> list[Fields]:
    """Return a result for each partition, in the form of an answer: a list of topics with partitions."""
    topics: dict[str, list[Fields]] = {}
    for name, number in places:
        topics.setdefault(name, []).append({"partition_index": number, **result((name, number))})
    if request.version < _BY_ID:
        return [{"name": name, "partitions": rows} for name, rows in topics.items()]
    ids = {name: state.topics[name].id for name in topics if name in state.topics}
    return [{"topic_id": ids.get(name), "partitions": rows} for name, rows in topics.items()]


def answer_offset_commit(request: Request, state: State) -> Fields:
    """Answer OffsetCommit; a commit from outside creates a group, and is refused while the group has members."""
    group = state.groups.get(request.fields["group_id"]) or Group(request.fields["group_id"])
    members = {member.id for member in group.members}
    refusal = 0
    if not _is_coordinator(request, state):
        refusal = codes.NOT_COORDINATOR
    elif members and request.fields.get("member_id") not in members:
        refusal = codes.UNKNOWN_MEMBER_ID
    offsets = {
        (_topic_name(state, topic), item["partition_index"]): item["committed_offset"]
        for topic in request.fields["topics"]
        for item in topic["partitions"]
    }

    def commit(place: tuple[str, int]) -> Fields:
        code = refusal or (0 if state.partition(*place) else codes.UNKNOWN_TOPIC_OR_PARTITION)
        if not code:
            state.groups.setdefault(group.id, group).offsets[place] = offsets[place]
        return {"error_code": code}

    return {"topics": _by_topic(request, state, list(offsets), commit)}


def answer_offset_delete(request: Request, state: State) -> Fields:
    """Answer OffsetDelete; partitions of a topic that a member subscribes to are refused."""
    group = state.groups.get(request.fields["group_id"])
    if not _is_coordinator(request, state):
        return {"error_code": codes.NOT_COORDINATOR, "topics": []}
    if group is None:
        return {"error_code": codes.GROUP_ID_NOT_FOUND, "topics": []}
    subscribed = {name for member in group.members for name in _topics(member)}

    def delete(place: tuple[str, int]) -> Fields:
        if place[0] in subscribed:
            return {"error_code": codes.GROUP_SUBSCRIBED_TO_TOPIC}
        if state.partition(*place) is None:
            return {"error_code": codes.UNKNOWN_TOPIC_OR_PARTITION}
        group.offsets.pop(place, None)
        return {"error_code": 0}

    places = [
        (topic["name"], item["partition_index"]) for topic in request.fields["topics"] for item in topic["partitions"]
    ]
    return {"error_code": 0, "topics": _by_topic(request, state, places, delete)}


def answer_delete_groups(request: Request, state: State) -> Fields:
    """Answer DeleteGroups; a group with members stays."""
    return {
        "results": [
            {"group_id": group_id, "error_code": _delete_group(request, state, group_id)}
            for group_id in request.fields["groups_names"]
        ]
    }


def _delete_group(request: Request, state: State, group_id: str) -> int:
    if not _is_coordinator(request, state):
        return codes.NOT_COORDINATOR
    if group_id not in state.groups:
        return codes.GROUP_ID_NOT_FOUND
    if state.groups[group_id].members:
        return codes.NON_EMPTY_GROUP
    del state.groups[group_id]
    return 0


def answer_leave_group(request: Request, state: State) -> Fields:
    """Answer LeaveGroup, by member id or by instance id."""
    if not _is_coordinator(request, state):
        return {"error_code": codes.NOT_COORDINATOR, "members": []}
    group = state.groups.get(request.fields["group_id"]) or Group(request.fields["group_id"])
    items = request.fields.get("members", [{"member_id": request.fields.get("member_id")}])
    results = [{"group_instance_id": item.get("group_instance_id"), **_leave(group, item)} for item in items]
    return {"error_code": results[0]["error_code"] if request.version < 3 else 0, "members": results}


def _leave(group: Group, item: Fields) -> Fields:
    instance_id, member_id = item.get("group_instance_id"), item["member_id"]
    for member in group.members:
        if member.id == member_id or (instance_id is not None and member.instance_id == instance_id):
            group.remove_member(member)
            return {"member_id": member_id, "error_code": 0}
    return {"member_id": member_id, "error_code": codes.UNKNOWN_MEMBER_ID}


HANDLERS = {
    "ListGroups": answer_list_groups,
    "DescribeGroups": answer_describe_groups,
    "ConsumerGroupDescribe": answer_consumer_group_describe,
    "OffsetFetch": answer_offset_fetch,
    "OffsetCommit": answer_offset_commit,
    "OffsetDelete": answer_offset_delete,
    "DeleteGroups": answer_delete_groups,
    "LeaveGroup": answer_leave_group,
}
