"""Committed offsets of several groups: reading them, plans of new offsets, and the commits.

The commands reset-offsets, clone, export and import of `kafkactl groups` use them, and Client.reset_offsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kafkactl.admin.groups.descriptions import choose_groups, read_group_lags
from kafkactl.admin.groups.offsets import (
    OffsetChange,
    Reset,
    ResetPlan,
    ResetTo,
    Target,
    carry_out,
    find_targets,
    list_changes,
    make_partition_error,
    parse_partitions,
    plan_reset,
    refuse_wrong_topics,
    require_partitions,
)
from kafkactl.admin.models import Partition
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, NotFoundError, OperationError
from kafkactl.patterns import NameSelection, select_names


@dataclass(frozen=True, kw_only=True)
class ResetRequest:
    """The partitions of groups that get new offsets, and the target of the reset."""

    reset: Reset
    topics: Sequence[str] | None = None
    """Partitions in Kafka's syntax, TOPIC or TOPIC:0,1; None for all partitions that a group has committed in."""

    def __post_init__(self) -> None:
        """Raise UsageError for a wrong text in `topics`; nobody is asked whether the partitions exist."""
        refuse_wrong_topics(self.topics or ())


@dataclass(frozen=True, kw_only=True)
class ResetTargets:
    """The groups of a reset, sorted by name."""

    changeable: tuple[str, ...]
    """Groups without members, and groups that do not exist yet."""
    new: tuple[str, ...]
    """Those changeable groups that do not exist: a commit creates them."""
    refusals: tuple[OperationError, ...]
    """One error for each group whose offsets cannot be changed."""
    active: Mapping[str, str]
    """State of each group that is refused because it has members."""


def find_reset_targets(cluster: Cluster, selection: NameSelection) -> ResetTargets:
    """Return the selected groups, sorted, or all consumer groups for an empty selection.

    A selected name is changeable and new where no group has it, and where the user may not see the group. Groups with
    members, share and streams groups, groups whose coordinator does not answer, is moving or refuses the list, and
    names that no client can send are refusals, which are not raised. Raise NotFoundError for a pattern that matches no
    group, OperationError where a broker does not list its groups and not only names are selected, UnreachableError or
    OperationError where the groups cannot be listed, and UsageError for a wrong client setting.
    """
    targets: list[Target] = find_targets(cluster, selection)
    changeable = [target for target in targets if target.error is None]
    return ResetTargets(
        changeable=tuple(target.group for target in changeable),
        new=tuple(target.group for target in changeable if not target.exists),
        refusals=tuple(target.error for target in targets if target.error is not None),
        active={
            target.group: target.state
            for target in targets
            if target.error is not None and target.error.code == ErrorCode.NON_EMPTY_GROUP
        },
    )


def read_offsets(
    cluster: Cluster, selection: NameSelection
) -> tuple[dict[str, dict[Partition, int]], list[KafkactlError]]:
    """Return the committed offsets of each selected group, or of all for an empty selection, and the errors.

    Groups and their partitions are sorted; a group without a commit has an empty dict. There is an error for each name
    without a group, for each group that cannot be read, and for each partition whose offset cannot be read, or that has
    no offset and whose log cannot be read. There may also be one for each broker that does not list its groups.

    Raise NotFoundError for a pattern that matches no group in complete lists, UnreachableError where no group or no
    partition was answered, UnreachableError or OperationError where the groups or topics cannot be listed, and
    UsageError for a wrong client setting. Where librdkafka does not know a group's state, a coordinator that fails to
    tell it also raises one of the two.
    """
    choice = choose_groups(cluster, selection)
    lags, failures = read_group_lags(cluster, choice.groups)
    errors = [*choice.errors, *failures]
    offsets_by_group: dict[str, dict[Partition, int]] = {}
    for lag in lags:
        offsets = offsets_by_group.setdefault(lag.description.group, {})
        for row in lag.partitions:
            if row.current_offset is not None:
                offsets[row.topic, row.partition] = row.current_offset
            elif row.error:
                errors.append(make_partition_error(row.group, row.topic, row.partition, row.error))
    return offsets_by_group, errors


def read_offsets_to_copy(cluster: Cluster, group: str, topics: Sequence[str] | None) -> dict[Partition, int]:
    """Return the committed offsets of a group in `topics`, or in all for None; never empty.

    `topics` are TOPIC or TOPIC:0,1, whose order the result has; without them it is sorted. Raise UsageError for a wrong
    text in `topics`, a name that is empty, not UTF-8 or has a NUL character, and a wrong client setting; NotFoundError
    for a missing group (OperationError where it may exist), for a missing topic or partition, and where the group has
    committed nothing there, or `topics` is empty; OperationError for a share or streams group and for an offset, or the
    log of a partition without one, that cannot be read, also in another topic, and where the groups or topics cannot be
    listed; and UnreachableError.
    """
    refuse_wrong_topics(topics or ())
    offsets_by_group, errors = read_offsets(cluster, select_names([group]))
    if errors:
        raise errors[0]
    offsets = offsets_by_group[group]
    if topics is not None:
        partitions = parse_partitions(cluster, topics)
        offsets = {partition: offsets[partition] for partition in partitions if partition in offsets}
    if not offsets:
        places = "" if topics is None else f" in {', '.join(topics)}"
        raise NotFoundError(f"group {group} has committed no offsets{places}", "there is nothing to copy")
    return offsets


def plan_resets(cluster: Cluster, groups: Sequence[str], request: ResetRequest) -> dict[str, ResetPlan]:
    """Return the plan of each group, in the order of `groups`. Nothing is changed, and members are not looked at.

    Without groups nothing is asked or checked, and the result is empty. Where the request has no `topics`, a group is
    reset in the partitions in which it has committed offsets; a group without any has an empty plan, but raise
    NotFoundError where no group has any. With an empty `topics` all plans are empty. GIVEN resets the partitions of its
    offsets instead. The names of the groups must be sendable: they may be cut at a NUL character.

    Raise NotFoundError for a topic or partition of `topics` that does not exist and for a shift without a committed
    offset to start from, OperationError where an offset (also of a committed or given partition that does not exist),
    the topics, the groups or a coordinator cannot be read, UnreachableError, UsageError for a wrong client setting,
    and, with GIVEN, ValueError for a partition below 0 and for a topic that is empty, not UTF-8 or has a NUL character
    and OverflowError for a partition from 2^31 on.
    """
    if not groups:
        return {}
    partitions = None if request.topics is None else parse_partitions(cluster, request.topics)
    plans = {group: plan_reset(cluster, group, partitions, request.reset) for group in groups}
    if request.topics is None and not any(plan.offsets for plan in plans.values()):
        raise NotFoundError(f"no committed offsets: {', '.join(groups)}", "name the topics: --topic TOPIC")
    return plans


def plan_offsets(cluster: Cluster, offsets_by_group: Mapping[str, Mapping[Partition, int]]) -> dict[str, ResetPlan]:
    """Return the plan of each group for given offsets, in the given order of groups. Nothing is changed.

    An offset outside its log is moved to the nearest end. The names of the groups must be sendable: they may be cut at
    a NUL character. Raise NotFoundError for a topic or partition that does not exist, also for a partition below 0,
    OperationError where an offset, the topics, the groups or a coordinator cannot be read, UnreachableError, and
    UsageError for a wrong client setting.
    """
    return {
        group: plan_reset(cluster, group, require_partitions(cluster, offsets), Reset(ResetTo.GIVEN, offsets=offsets))
        for group, offsets in offsets_by_group.items()
    }


def preview_plans(plans: Mapping[str, ResetPlan]) -> list[OffsetChange]:
    """Return the changes of all plans, group by group and sorted by partition; nothing is sent.

    `ok` and `error` of each change are None.
    """
    return [change for group, plan in plans.items() for change in list_changes(group, plan)]


def carry_out_plans(cluster: Cluster, plans: Mapping[str, ResetPlan]) -> list[OffsetChange]:
    """Commit the offsets of all plans, one group after the other, and return each change with its result.

    The changes are group by group, sorted by partition. A group that does not exist is created. The names of the groups
    must be sendable: they are cut at a NUL character. A refused partition has its error in the result.

    Raise OperationError where the request for a whole group is refused, or where the transient refusal of one partition
    lasts; UnreachableError where no broker answers (UnansweredError where offsets may have been committed); UsageError
    for a wrong client setting; ValueError for a group or topic that is empty or not UTF-8, for a NUL character in a
    topic and for a negative partition or offset; and OverflowError for a partition from 2^31 or an offset from 2^63 on.
    Groups before that one are changed then, and partitions of that one may be.
    """
    return [change for group, plan in plans.items() for change in carry_out(cluster, list_changes(group, plan))]
