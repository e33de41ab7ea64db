"""What librdkafka does not ask of groups: epochs, target assignments and states of the consumer protocol, other types.

Reference: KIP-848, ConsumerGroupDescribe; ListGroups from version 5 on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kafkactl.admin.groups.models import UNKNOWN_STATE, GroupDescription, GroupList, GroupListing, Member
from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster

_OF_CONSUMER_PROTOCOL = 1


def with_epochs_of(cluster: Cluster, described: Sequence[GroupDescription]) -> list[GroupDescription]:
    """The same groups; those of the consumer protocol with epochs, target assignments and their state's own name."""
    by_coordinator: dict[int, list[str]] = defaultdict(list)
    for one in described:
        if one.type == "Consumer" and one.coordinator is not None:
            by_coordinator[one.coordinator.id].append(one.group)
    if not by_coordinator:
        return list(described)
    answers: dict[str, Any] = {}
    for coordinator, names in by_coordinator.items():
        answer = cluster.requests.send(
            "ConsumerGroupDescribe", broker=coordinator, group_ids=names, include_authorized_operations=False
        )
        answers.update({group.group_id: group for group in answer.groups if not group.error_code})
    return [_completed(one, answers[one.group]) if one.group in answers else one for one in described]


def list_groups_of(cluster: Cluster, types: Sequence[str]) -> GroupList:
    """Return all groups of these types, also share and streams, by name, and the errors of brokers."""
    listed, errors = cluster.requests.list_groups()
    # Brokers that know no types have groups of the classic protocol only.
    named = ((group.group_id, group.group_type or "classic", group.group_state) for group in listed)
    found = [
        GroupListing(name, type_.capitalize(), state or UNKNOWN_STATE)
        for name, type_, state in named
        if type_.lower() in types
    ]
    return GroupList(tuple(sorted(found, key=lambda group: group.group)), tuple(map(str, errors)))


def _completed(one: GroupDescription, answer: Any) -> GroupDescription:
    members = {member.member_id: member for member in answer.members}

    def with_epoch(member: Member) -> Member:
        asked = members.get(member.consumer_id)
        if asked is None:
            return member
        upgraded = None if asked.member_type < 0 else asked.member_type == _OF_CONSUMER_PROTOCOL
        return replace(
            member,
            epoch=asked.member_epoch,
            target_assignment=_pairs(asked.target_assignment),
            assignment=_pairs(asked.assignment),
            upgraded=upgraded,
        )

    return replace(
        one,
        state=answer.group_state,
        assignor=answer.assignor_name or None,
        epoch=answer.group_epoch,
        assignment_epoch=answer.assignment_epoch,
        members=tuple(map(with_epoch, one.members)),
    )


def _pairs(assignment: Any) -> tuple[Partition, ...]:
    return tuple(
        sorted((each.topic_name, number) for each in assignment.topic_partitions for number in each.partitions)
    )
