"""Groups in the words of kafka-consumer-groups, line for line.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, org.apache.kafka.tools.OffsetsUtils.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_order import by_hash, hash_map_order, string_hash

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupDescription, GroupLag, GroupListing, Member, PartitionLag
    from kafkactl.admin.models import Partition

_NONE = "-"
_WIDTH = 15
_REBALANCING = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")


def listed(groups: Sequence[GroupListing], with_type: bool, with_state: bool) -> str:
    """As --list, with --type and --state."""
    by_name = {group.group: group for group in groups}
    ordered = [by_name[name] for name in hash_map_order(list(by_name))]
    if not (with_type or with_state):
        return "".join(f"{group.group}\n" for group in ordered)
    width = max((max(_WIDTH, len(group.group)) for group in ordered), default=_WIDTH) + 10
    lines = []
    for name, type_, state in [("GROUP", "TYPE", "STATE"), *((one.group, one.type, one.state) for one in ordered)]:
        cells = [name.ljust(width)] + [f"{type_:<20}"] * with_type + [f"{state:<20}"] * with_state
        lines.append(" ".join(cells) + "\n")
    return "".join(lines)


def note(description: GroupDescription) -> str:
    """What the tool says of a group's state on stderr."""
    if description.state == "Empty":
        return f"\nConsumer group '{description.group}' has no active members.\n"
    if description.state in _REBALANCING:
        return f"\nWarning: Consumer group '{description.group}' is rebalancing.\n"
    return ""


def offsets(lag: GroupLag, verbose: bool) -> str:
    """As --describe --offsets, of one group."""
    rows = [_cells(row, member) for row, member in _described_order(lag)]
    if lag.description.state == "Dead" or not rows:
        return ""
    titles = ["GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
    titles += ["CONSUMER-ID", "HOST", "CLIENT-ID"]
    widths = [_width(rows, 0), _width(rows, 1), 10, 15, 15, 15, 15, _width(rows, 7), _width(rows, 8), 0]
    columns = [number for number in range(len(titles)) if verbose or number != 3]
    lines = [" ".join(row[number].ljust(widths[number]) for number in columns) for row in (titles, *rows)]
    return "".join(f"\n{line}" for line in lines) + "\n"


def members(description: GroupDescription, verbose: bool) -> str:
    """As --describe --members, of one group; the tool prints the heading also where there are none."""
    with_instance = any(member.instance_id for member in description.members)
    mixed = {member.upgraded for member in description.members} >= {True, False}
    titles = ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]
    epochs = ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED"]
    rows = [_member_cells(description, member) for member in description.members]
    least = [_WIDTH, _WIDTH, 17, _WIDTH, _WIDTH, _WIDTH, _WIDTH, 20, _WIDTH, 20, 0]
    # Widths follow what is shown, and not the titles; numbers of partitions and epochs have one width.
    widths = [
        max([width, *(len(row[at]) for row in rows)]) if at in _WIDENED else width for at, width in enumerate(least)
    ]
    shown = [at for at in range(6) if with_instance or at != 2]
    lines = []
    for row in ([*titles, *epochs], *rows):
        line = "".join(row[at].ljust(widths[at]) + " " for at in shown)
        if verbose:
            line += " ".join(row[at].ljust(widths[at]) for at in range(6, 10 + mixed))
        lines.append(line)
    return "\n" + "".join(f"{line}\n" for line in lines)


def state(description: GroupDescription, verbose: bool) -> str:
    """As --describe --state, of one group."""
    if description.state == "Dead":
        return ""
    node = description.coordinator
    coordinator = f"{node.host}:{node.port}  ({node.id})" if node is not None else _NONE
    rows = [
        [
            "GROUP",
            "COORDINATOR (ID)",
            "ASSIGNMENT-STRATEGY",
            "STATE",
            "GROUP-EPOCH",
            "TARGET-ASSIGNMENT-EPOCH",
            "#MEMBERS",
        ],
        [
            description.group,
            coordinator,
            description.assignor or _NONE,
            description.state,
            _text(description.epoch),
            _text(description.assignment_epoch),
            str(len(description.members)),
        ],
    ]
    widths = [max(_WIDTH, len(description.group)), max(25, len(coordinator)), 20, 20, 15, 25, 0]
    columns = [at for at in range(7) if verbose or at not in (4, 5)]
    return "".join("\n" + " ".join(row[at].ljust(widths[at]) for at in columns) for row in rows) + "\n"


def reset(plans: Mapping[str, Mapping[Partition, int]]) -> str:
    """As --reset-offsets, in the order of its hash tables."""
    names = [topic for plan in plans.values() for topic, _ in plan]
    first = max([_WIDTH, *map(len, plans)])
    second = max([_WIDTH, *map(len, names)])
    rows = [("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")] if plans else []
    rows += [
        (group, topic, str(number), str(plans[group][topic, number]))
        for group in hash_map_order(list(plans))
        for topic, number in partition_order(list(plans[group]))
    ]
    text = "".join(
        f"\n{group:<{first}} {topic:<{second}} {number:<10} {offset}" for group, topic, number, offset in rows
    )
    return text + "\n"


def empty(partitions: Sequence[Partition]) -> str:
    """What --to-datetime says of partitions without a record since then."""
    return "".join(
        f"\nWarn: Partition {number} from topic {topic} is empty. Falling back to latest known offset.\n"
        for topic, number in partition_order(partitions)
    )


def exported(plans: Mapping[str, Mapping[Partition, int]], with_group: bool) -> str:
    """As --reset-offsets --export: csv without a heading."""
    from kafkactl.output.kafka.java_text import csv_line

    lines = []
    for group in hash_map_order(list(plans)):
        for topic, number in partition_order(list(plans[group])):
            row: list[str | int] = [topic, number, plans[group][topic, number]]
            lines.append(csv_line([group, *row] if with_group else row))
    return "".join(lines) + "\n"


def offsets_deleted(group: str, results: Mapping[Partition, str | None]) -> str:
    """As --delete-offsets, where the request itself went well."""
    failed = any(error is not None for error in results.values())
    head = "\nError: Encountered some partition-level error, see the follow-up details.\n"
    text = head if failed else f"Request succeeded for deleting offsets from group {group}.\n"
    width = max([_WIDTH, *(len(topic) for topic, _ in results)])
    rows = [("TOPIC", "PARTITION", "STATUS")]
    for topic, number in sorted(results, key=lambda each: f"{each[0]}{each[1]}"):
        error = results[topic, number]
        rows.append((topic, str(number), "Successful" if error is None else f"Error: {error}"))
    return text + "".join(f"\n{topic:<{width}} {number:<10} {status:<15}" for topic, number, status in rows) + "\n"


def deleted(results: Mapping[str, str | None]) -> str:
    """As --delete; a group's error is None where it is gone."""
    gone = [name for name, error in results.items() if error is None]
    quoted = ", ".join(f"'{name}'" for name in hash_map_order(gone))
    if len(gone) == len(results):
        return f"Deletion of requested consumer groups ({quoted}) was successful.\n"
    text = "\nError: Deletion of some consumer groups failed:\n"
    for name in hash_map_order([name for name in results if name not in gone]):
        text += f"* Group '{name}' could not be deleted due to: {results[name]}\n"
    return text + (f"\nThese consumer groups were deleted successfully: {quoted}\n" if gone else "")


def partition_order(partitions: Sequence[Partition]) -> list[Partition]:
    """As a HashMap with org.apache.kafka.common.TopicPartition as its keys."""
    return by_hash(partitions, lambda each: (31 * (31 + each[1]) + string_hash(each[0])) & 0xFFFFFFFF)


def _described_order(lag: GroupLag) -> Iterable[tuple[PartitionLag, Member | None]]:
    """Partitions of the members with the most first; then those that are committed in and read by nobody."""
    rows = {(row.topic, row.partition): row for row in lag.partitions}
    owned = set()
    for member in sorted(lag.description.members, key=lambda member: -len(member.assignment)):
        for partition in sorted(member.assignment):
            owned.add(partition)
            yield rows[partition], member
    for partition, row in sorted(rows.items()):
        if partition not in owned and row.current_offset is not None:
            yield row, None


def _cells(row: PartitionLag, member: Member | None) -> list[str]:
    known = row.current_offset is not None and row.log_end_offset is not None
    lag = (row.log_end_offset or 0) - (row.current_offset or 0)  # below zero where the log was cut, as in the tool
    return [
        row.group,
        row.topic,
        str(row.partition),
        _text(row.leader_epoch if row.current_offset is not None else None),
        _text(row.current_offset),
        _text(row.log_end_offset),
        str(lag) if known else _NONE,
        member.consumer_id if member else _NONE,
        member.host if member else _NONE,
        member.client_id if member else _NONE,
    ]


_WIDENED = frozenset({0, 1, 2, 3, 4, 7, 9})


def _member_cells(description: GroupDescription, member: Member) -> list[str]:
    return [
        description.group,
        member.consumer_id,
        member.instance_id or "",
        member.host,
        member.client_id,
        str(len(member.assignment)),
        _text(member.epoch),
        _assignment(member.assignment),
        _text(description.assignment_epoch),
        _assignment(member.target_assignment or ()),
        _NONE if member.upgraded is None else str(member.upgraded).lower(),
    ]


def _assignment(partitions: Sequence[Partition]) -> str:
    by_topic: dict[str, list[int]] = defaultdict(list)
    for topic, number in sorted(partitions):
        by_topic[topic].append(number)
    return ";".join(sorted(f"{topic}:{','.join(map(str, numbers))}" for topic, numbers in by_topic.items())) or _NONE


def _width(rows: Sequence[Sequence[str]], column: int) -> int:
    return max([_WIDTH, *(len(row[column]) for row in rows)])


def _text(value: int | None) -> str:
    return _NONE if value is None else str(value)
