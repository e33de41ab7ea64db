"""Consumer groups as kafka-consumer-groups prints them, line for line.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, org.apache.kafka.tools.OffsetsUtils.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_order import sort_as_hash_map, sort_partitions

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupDescription, GroupLag, GroupListing, Member, PartitionLag
    from kafkactl.admin.models import Partition

_NONE = "-"
_WIDTH = 15
PARTITION_PROBLEM = "Encountered some partition-level error, see the follow-up details."
_REBALANCING = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")


def format_groups(groups: Sequence[GroupListing], with_type: bool, with_state: bool) -> str:
    """Return the text of --list, a line for each group, in the order of a Java HashMap.

    `with_type` and `with_state` stand for the options --type and --state, which add columns and a heading. Without both
    the text has only names, and is empty without groups; with one of them only the heading is there then.
    """
    by_name = {group.group: group for group in groups}
    ordered = [by_name[name] for name in sort_as_hash_map(list(by_name))]
    if not (with_type or with_state):
        return "".join(f"{group.group}\n" for group in ordered)
    width = max((max(_WIDTH, len(group.group)) for group in ordered), default=_WIDTH) + 10
    lines = []
    for name, type_, state in [
        ("GROUP", "TYPE", "STATE"),
        *((group.group, group.type, group.state) for group in ordered),
    ]:
        cells = [name.ljust(width)] + [f"{type_:<20}"] * with_type + [f"{state:<20}"] * with_state
        lines.append(" ".join(cells) + "\n")
    return "".join(lines)


def format_state_message(description: GroupDescription) -> str:
    """Return the message about a group in the state Empty or in a rebalance, which the tool prints to stderr.

    It begins and ends with a line end; it is empty for a group in another state, also for Dead. The list of members
    does not count.
    """
    if description.state == "Empty":
        return f"\nConsumer group '{description.group}' has no active members.\n"
    if description.state in _REBALANCING:
        return f"\nWarning: Consumer group '{description.group}' is rebalancing.\n"
    return ""


def format_offsets(lag: GroupLag, verbose: bool) -> str:
    """Return the text of --describe --offsets about one group; `verbose` adds leader epochs.

    It begins with an empty line and ends with a line end. It is empty for a dead group, and for one without partitions
    that have a commit or a member. Members with the most partitions come first, and partitions without a member last.
    Raise KeyError where a member reads a partition that `lag` does not have.
    """
    rows = [_make_offset_cells(row, member) for row, member in _sort_rows(lag)]
    if lag.description.state == "Dead" or not rows:
        return ""
    titles = ["GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
    titles += ["CONSUMER-ID", "HOST", "CLIENT-ID"]
    widths = [_measure(rows, 0), _measure(rows, 1), 10, 15, 15, 15, 15, _measure(rows, 7), _measure(rows, 8), 0]
    columns = [number for number in range(len(titles)) if verbose or number != 3]
    lines = [" ".join(row[number].ljust(widths[number]) for number in columns) for row in (titles, *rows)]
    return "".join(f"\n{line}" for line in lines) + "\n"


def format_members(description: GroupDescription, verbose: bool) -> str:
    """Return the text of --describe --members about one group; `verbose` adds assignments and epochs.

    It begins with an empty line and ends with a line end. Members keep their order. A group without members has only
    the heading, as in Kafka's tool. The column GROUP-INSTANCE-ID is there where a member has one, and UPGRADED, with
    `verbose`, where some members are upgraded and others are not.
    """
    with_instance = any(member.instance_id for member in description.members)
    mixed = {member.upgraded for member in description.members} >= {True, False}
    titles = ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]
    epochs = ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED"]
    rows = [_make_member_cells(description, member) for member in description.members]
    least = [_WIDTH, _WIDTH, 17, _WIDTH, _WIDTH, _WIDTH, _WIDTH, 20, _WIDTH, 20, 0]
    # The widths depend on the cells, and not on the titles; numbers of partitions and epochs have a fixed width.
    widths = [
        max([width, *(len(row[at]) for row in rows)]) if at in _WIDENED else width for at, width in enumerate(least)
    ]
    columns = [at for at in range(6) if with_instance or at != 2]
    lines = []
    for row in ([*titles, *epochs], *rows):
        line = "".join(row[at].ljust(widths[at]) + " " for at in columns)
        if verbose:
            line += " ".join(row[at].ljust(widths[at]) for at in range(6, 10 + mixed))
        lines.append(line)
    return "\n" + "".join(f"{line}\n" for line in lines)


def format_state(description: GroupDescription, verbose: bool) -> str:
    """Return the text of --describe --state about one group; `verbose` adds epochs.

    It begins with an empty line and ends with a line end. It is empty for a dead group. A coordinator, an assignor and
    epochs that are not known are hyphens; a state that is not known is Unknown.
    """
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
            _format_number(description.epoch),
            _format_number(description.assignment_epoch),
            str(len(description.members)),
        ],
    ]
    widths = [max(_WIDTH, len(description.group)), max(25, len(coordinator)), 20, 20, 15, 25, 0]
    columns = [at for at in range(7) if verbose or at not in (4, 5)]
    return "".join("\n" + " ".join(row[at].ljust(widths[at]) for at in columns) for row in rows) + "\n"


def format_reset(plans: Mapping[str, Mapping[Partition, int]]) -> str:
    """Return the text of --reset-offsets: an empty line, a heading, and a line for each partition.

    `plans` maps from the group to the new offsets by partition. Lines have the order of Java's hash tables, and the
    text ends with a line end. Without groups the text is one line end.
    """
    names = [topic for plan in plans.values() for topic, _ in plan]
    first = max([_WIDTH, *map(len, plans)])
    second = max([_WIDTH, *map(len, names)])
    rows = [("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")] if plans else []
    rows += [
        (group, topic, str(number), str(plans[group][topic, number]))
        for group in sort_as_hash_map(list(plans))
        for topic, number in sort_partitions(plans[group])
    ]
    text = "".join(
        f"\n{group:<{first}} {topic:<{second}} {number:<10} {offset}" for group, topic, number, offset in rows
    )
    return text + "\n"


def format_active_group(group: str, state: str) -> str:
    """Return the error of --reset-offsets about a group that has members, with a line end before and behind."""
    reason = f"Assignments can only be reset if the group '{group}' is inactive, but the current state is {state}."
    return f"\nError: {reason}\n"


def format_missing_plan(group: str) -> str:
    """Return the error of --from-file about a group that the file lacks, with a line end before and behind."""
    return f"\nError: No reset plan for group {group} found\n"


def format_regex_check(regex: str, problem: str | None) -> str:
    """Return the line of --validate-regex, its end included; `problem` is None for a valid regular expression."""
    return f"The regular expression `{regex}` is {'valid' if problem is None else f'invalid: {problem}'}.\n"


def format_empty_partitions(partitions: Sequence[Partition]) -> str:
    """Return the warnings of --to-datetime about partitions without a record since that time.

    They have the order of a Java HashMap, each a line with its end, and an empty line before each one. Without
    partitions the text is empty.
    """
    return "".join(
        f"\nWarn: Partition {number} from topic {topic} is empty. Falling back to latest known offset.\n"
        for topic, number in sort_partitions(partitions)
    )


def format_export(plans: Mapping[str, Mapping[Partition, int]], with_group: bool) -> str:
    """Return the csv of --reset-offsets --export, TOPIC,PARTITION,OFFSET, without a heading.

    `plans` maps from the group to the new offsets by partition; `with_group` puts the group at the beginning of each
    row. Rows have the order of Java's hash tables. An empty line ends the text, and is all of it without plans.
    """
    from kafkactl.output.kafka.java_text import format_csv_line

    lines = []
    for group in sort_as_hash_map(list(plans)):
        for topic, number in sort_partitions(plans[group]):
            row: list[str | int] = [topic, number, plans[group][topic, number]]
            lines.append(format_csv_line([group, *row] if with_group else row))
    return "".join(lines) + "\n"


def format_offset_deletions(group: str, results: Mapping[Partition, str | None], problem: str | None = None) -> str:
    """Return the text of --delete-offsets about one group.

    `results` has the error of each partition, or None where its offset was deleted; a number below 0, shown as a
    hyphen, stands for a topic that does not exist, or whose partitions are not known. `problem` is the sentence about
    the whole request; an empty one is a success, which has a line of its own; None stands for what the results say.
    Rows are sorted by topic and number as one text, so t10 comes before t2. Without results the table has only its
    titles. The text ends with a line end, and begins with an empty line where `problem` is shown.
    """
    if problem is None:
        problem = PARTITION_PROBLEM if any(error is not None for error in results.values()) else ""
    text = f"\nError: {problem}\n" if problem else f"Request succeeded for deleting offsets from group {group}.\n"
    width = max([_WIDTH, *(len(topic) for topic, _ in results)])
    rows = [("TOPIC", "PARTITION", "STATUS")]
    for topic, number in sorted(results, key=lambda partition: f"{partition[0]}{partition[1]}"):
        error = results[topic, number]
        shown = _NONE if number < 0 else str(number)
        rows.append((topic, shown, "Successful" if error is None else f"Error: {error}"))
    return text + "".join(f"\n{topic:<{width}} {number:<10} {status:<15}" for topic, number, status in rows) + "\n"


def format_deletions(results: Mapping[str, str | None]) -> str:
    """Return the text of --delete, groups in the order of a Java HashMap, with a line end at its end.

    `results` has the error of each group, or None where it was deleted; an empty text is an error, too. Where none
    failed, also without results, one line names them all; otherwise the text begins with an empty line, and the failed
    ones come first, one a line, and then the deleted ones, if there are any.
    """
    deleted_names = [name for name, error in results.items() if error is None]
    quoted = ", ".join(f"'{name}'" for name in sort_as_hash_map(deleted_names))
    if len(deleted_names) == len(results):
        return f"Deletion of requested consumer groups ({quoted}) was successful.\n"
    text = "\nError: Deletion of some consumer groups failed:\n"
    for name in sort_as_hash_map([name for name, error in results.items() if error is not None]):
        text += f"* Group '{name}' could not be deleted due to: {results[name]}\n"
    return text + (f"\nThese consumer groups were deleted successfully: {quoted}\n" if deleted_names else "")


def _sort_rows(lag: GroupLag) -> Iterable[tuple[PartitionLag, Member | None]]:
    """Yield partitions with the member that reads each one, members with the most partitions first.

    Partitions of a member are sorted. Partitions that have a commit and no member follow, sorted, with None. Partitions
    with neither are left out. Raise KeyError where a member reads a partition that `lag` does not have.
    """
    rows = {(row.topic, row.partition): row for row in lag.partitions}
    owned = set()
    for member in sorted(lag.description.members, key=lambda member: -len(member.assignment)):
        for partition in sorted(member.assignment):
            owned.add(partition)
            yield rows[partition], member
    for partition, row in sorted(rows.items()):
        if partition not in owned and row.current_offset is not None:
            yield row, None


def _make_offset_cells(row: PartitionLag, member: Member | None) -> list[str]:
    """Return the cells of a partition's row as text, a hyphen for each unknown one.

    A `member` of None gives hyphens, and so does the leader epoch without a commit. The lag is below zero where the log
    was cut.
    """
    has_lag = row.current_offset is not None and row.log_end_offset is not None
    lag = (row.log_end_offset or 0) - (row.current_offset or 0)  # below zero where the log was cut, as in the tool
    return [
        row.group,
        row.topic,
        str(row.partition),
        _format_number(row.leader_epoch if row.current_offset is not None else None),
        _format_number(row.current_offset),
        _format_number(row.log_end_offset),
        str(lag) if has_lag else _NONE,
        member.consumer_id if member else _NONE,
        member.host if member else _NONE,
        member.client_id if member else _NONE,
    ]


_WIDENED = frozenset({0, 1, 2, 3, 4, 7, 9})


def _make_member_cells(description: GroupDescription, member: Member) -> list[str]:
    """Return all 11 cells of a member's row as text; a hyphen for each unknown one, and for an empty assignment.

    A missing instance id is an empty text, and not a hyphen.
    """
    return [
        description.group,
        member.consumer_id,
        member.instance_id or "",
        member.host,
        member.client_id,
        str(len(member.assignment)),
        _format_number(member.epoch),
        _format_assignment(member.assignment),
        _format_number(description.assignment_epoch),
        _format_assignment(member.target_assignment or ()),
        _NONE if member.upgraded is None else str(member.upgraded).lower(),
    ]


def _format_assignment(partitions: Sequence[Partition]) -> str:
    """Return partitions as TOPIC:0,1;TOPIC:2, a hyphen for none.

    Numbers are sorted as numbers, and the parts between the semicolons as text, so a-b:0 comes before a:0.
    """
    by_topic: dict[str, list[int]] = defaultdict(list)
    for topic, number in sorted(partitions):
        by_topic[topic].append(number)
    return ";".join(sorted(f"{topic}:{','.join(map(str, numbers))}" for topic, numbers in by_topic.items())) or _NONE


def _measure(rows: Sequence[Sequence[str]], column: int) -> int:
    """Return the width of a column, by its number: that of its longest cell, and 15 at least."""
    return max([_WIDTH, *(len(row[column]) for row in rows)])


def _format_number(value: int | None) -> str:
    """Return a number as text; a hyphen for None."""
    return _NONE if value is None else str(value)
