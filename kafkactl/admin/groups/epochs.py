"""Properties of groups that librdkafka does not ask for.

They are epochs, target assignments and states of the consumer protocol, and groups of other types.

Reference: KIP-848, ConsumerGroupDescribe; ListGroups from version 5 on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kafkactl.admin.groups.models import (
    UNKNOWN_STATE,
    GroupDescription,
    GroupList,
    GroupListing,
    Member,
    make_group_list,
)
from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster

_OF_CONSUMER_PROTOCOL = 1
"""Member type of the consumer protocol in ConsumerGroupDescribe."""
_OF_CONSUMERS = ("consumer", "")  # a group that only commits offsets has no protocol


def add_epochs(cluster: Cluster, described: Sequence[GroupDescription]) -> list[GroupDescription]:
    """Return the groups with the values that librdkafka does not know, for groups of the consumer protocol.

    These are epochs, target assignments, the exact name of the state, and whether a member is upgraded; assignor and
    assignments are renewed, too. Other groups, groups without a known coordinator, and groups that the coordinator
    refuses to describe, stay unchanged; the order stays, too. Raise UnreachableError where a coordinator does not
    answer, OperationError where it refuses the whole request (UnsupportedRequestError where it is too old) or all its
    groups with transient codes until the time-out, and UsageError for a wrong client setting.
    """
    by_coordinator: dict[int, list[str]] = defaultdict(list)
    for group in described:
        if group.type == "Consumer" and group.coordinator is not None:
            by_coordinator[group.coordinator.id].append(group.group)
    if not by_coordinator:
        return list(described)
    answers: dict[str, Any] = {}
    for coordinator, names in by_coordinator.items():
        answer = cluster.requests.send(
            "ConsumerGroupDescribe", broker=coordinator, group_ids=names, include_authorized_operations=False
        )
        answers.update(
            {answer_group.group_id: answer_group for answer_group in answer.groups if not answer_group.error_code}
        )
    return [_complete(group, answers[group.group]) if group.group in answers else group for group in described]


def list_groups_of_types(cluster: Cluster, types: Sequence[str]) -> GroupList:
    """Return all groups of these types, share and streams included, sorted by name, and the errors of brokers as texts.

    `types` are lower case: classic, consumer, share, streams; without any the brokers are asked, but the result has no
    groups. Classic groups are those of consumers: groups of Kafka Connect and of other programs are left out. A broker
    that does not answer or refuses has an error in the result. Raise the first error where no broker answers,
    UnreachableError or OperationError, the OperationError of a transient refusal that lasts until the time-out, and
    UsageError for a wrong setting.
    """
    answers, errors = cluster.requests.list_groups()
    groups = [
        listing
        for listing, answer in zip(map(make_listing, answers), answers, strict=True)
        if listing.type.lower() in types and (listing.type != "Classic" or answer.protocol_type in _OF_CONSUMERS)
    ]
    return make_group_list(sorted(groups, key=lambda group: group.group), errors)


def make_listing(group: Any) -> GroupListing:
    """Return a group of an answer to ListGroups as a listing, with its type capitalized; its state may be Unknown.

    A group is Classic where the broker does not tell its type.
    """
    return GroupListing(
        group.group_id, (group.group_type or "classic").capitalize(), group.group_state or UNKNOWN_STATE
    )


def _complete(group: GroupDescription, answer: Any) -> GroupDescription:
    """Return the group with the values of its part of a ConsumerGroupDescribe answer of kafka-python.

    Epochs and target assignments are added. State, assignor and the members' assignments are replaced by those of the
    answer; an empty assignor becomes None. `upgraded` is None where the broker does not tell it. Members that are not
    in the answer stay unchanged, and new members in it are left out.
    """
    members = {member.member_id: member for member in answer.members}

    def add_epoch(member: Member) -> Member:
        """Return the member with epoch, assignments and `upgraded`, or unchanged where the answer does not have it."""
        described_member = members.get(member.consumer_id)
        if described_member is None:
            return member
        upgraded = None if described_member.member_type < 0 else described_member.member_type == _OF_CONSUMER_PROTOCOL
        return replace(
            member,
            epoch=described_member.member_epoch,
            target_assignment=_list_partitions(described_member.target_assignment),
            assignment=_list_partitions(described_member.assignment),
            upgraded=upgraded,
        )

    return replace(
        group,
        state=answer.group_state,
        assignor=answer.assignor_name or None,
        epoch=answer.group_epoch,
        assignment_epoch=answer.assignment_epoch,
        members=tuple(map(add_epoch, group.members)),
    )


def _list_partitions(assignment: Any) -> tuple[Partition, ...]:
    """Return the partitions of an assignment in a ConsumerGroupDescribe answer as (topic, partition), sorted."""
    return tuple(
        sorted((topic.topic_name, number) for topic in assignment.topic_partitions for number in topic.partitions)
    )
