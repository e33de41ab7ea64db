"""Columns and titles of the tables of groups."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from kafkactl.numerals import write_number
from kafkactl.output.report import Column

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupLag, Member, PartitionLag

_MS = 1000
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))


def format_duration(seconds: float | None) -> str | None:
    """Return a duration in s as text in at most two units of d, h, m and s, such as 3d4h and 2m5s.

    Below 10 s, also below 0, it has one decimal: 0.4s. Other durations are rounded to whole seconds; units that are 0
    are left out (1d5s), and what is behind the second unit is cut. None stays None.
    """
    if seconds is None:
        return None
    if seconds < 10:
        return f"{seconds:.1f}s"
    left, parts = round(seconds), []
    for size, unit in _UNITS:
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join([*parts, *([f"{left}s"] if left or not parts else [])][:2])


def make_document(lag: GroupLag) -> dict[str, Any]:
    """Return a group for json and yaml, as a dict: its description, partitions and sums.

    `description` is a GroupDescription, `partitions` a tuple of PartitionLag. The sums are total_lag,
    unknown_partitions, time_lag_ms, produced_per_s, consumed_per_s and catches_up_in_s. `total_lag` is the sum of the
    known lags, and 0 where none is known: see `unknown_partitions`. Other unknown values are None, and so is
    catches_up_in_s for a lag that never ends.
    """
    return {
        "description": lag.description,
        "partitions": lag.partitions,
        **{name: value for name, value in summarize(lag).items() if name not in ("group", "state", "members")},
    }


def summarize(lag: GroupLag) -> dict[str, Any]:
    """Return a group as one row, by the names of json fields, without its partitions.

    They are group, state, members (a number), total_lag, unknown_partitions, time_lag_ms, produced_per_s,
    consumed_per_s and catches_up_in_s. `total_lag` is the sum of the known lags, and 0 where none is known: see
    `unknown_partitions`. Other unknown numbers are None, and so is catches_up_in_s for a lag that never ends.
    """
    return {
        "group": lag.description.group,
        "state": lag.description.state,
        "members": len(lag.description.members),
        "total_lag": lag.total_lag,
        "unknown_partitions": lag.unknown_partitions,
        "time_lag_ms": lag.time_lag_ms,
        "produced_per_s": lag.produced_per_s,
        "consumed_per_s": lag.consumed_per_s,
        "catches_up_in_s": lag.catches_up_in_s,
    }


def make_title(lag: GroupLag) -> str:
    """Return the line above the partitions of a group: its name, state, number of members and total lag.

    Unknown partitions, lag in time and rates are added where there are some. The line has no line end, and the name is
    not escaped.
    """
    group = lag.description
    unknown = (
        f" (and {lag.unknown_partitions} of {len(lag.partitions)} partitions unknown)" if lag.unknown_partitions else ""
    )
    members = f"{len(group.members)} member{'' if len(group.members) == 1 else 's'}"
    late = f"  {format_duration(lag.time_lag_ms / _MS)} late" if lag.time_lag_ms else ""
    return f"{group.group}  {group.state}  {members}  total lag {lag.total_lag}{unknown}{late}{format_pace(lag)}"


def format_pace(lag: GroupLag) -> str:
    """Return the rates of a group and its time to catch up, such as "+5/s -9/s  done in 2m5s" after two blanks.

    The first is that of the records written, the second that of the offsets committed. After a reset backwards, or for
    a topic that was made again, a rate is negative, and has the other sign. The time is left out where nothing is
    unread. A partition with an unknown lag is ignored beside one that has a lag. The time is "never catches up at this
    pace" where the lag of a partition does not shrink, and "when it catches up is not known" where no known lag is
    above 0 and one is unknown, or a partition with a lag has no rates. The result is "" where the group has no rates.
    """
    if lag.produced_per_s is None or lag.consumed_per_s is None:
        return ""
    seconds = lag.catches_up_in_s
    if seconds is None and not any(_never_ends(row) for row in lag.partitions):
        when = "when it catches up is not known"
    elif seconds is None:
        when = "never catches up at this pace"
    else:
        when = "" if seconds == 0 else f"done in {format_duration(seconds)}"
    written, read = lag.produced_per_s, lag.consumed_per_s
    written_text = f"{'-' if written < 0 else '+'}{write_number(abs(written))}/s"
    read_text = f"{'+' if read < 0 else '-'}{write_number(abs(read))}/s"
    return f"  {written_text} {read_text}  {when}".rstrip()


def _never_ends(row: PartitionLag) -> bool:
    """Return whether a partition has a lag that does not shrink at its measured rates."""
    written, read = row.produced_per_s, row.consumed_per_s
    return bool(row.lag) and written is not None and read is not None and read <= written


def _choose_lag_style(row: PartitionLag) -> str | None:
    """Return the style of a lag: red for an unknown one, yellow above 0, green for 0."""
    if row.lag is None:
        return "red"
    return "yellow" if row.lag else "green"


def _choose_commit_style(row: PartitionLag) -> str | None:
    """Return the style of a commit: None within its log, bold red otherwise, also without a commit."""
    return None if row.commit.value == "ok" else "bold red"


_LAG = Column("LAG", attrgetter("lag"), _choose_lag_style)
_WHERE = [Column("TOPIC", attrgetter("topic")), Column("PARTITION", attrgetter("partition"))]
_EPOCH = Column("LEADER-EPOCH", attrgetter("leader_epoch"))
_OWNER = [
    Column("CONSUMER-ID", attrgetter("consumer_id")),
    Column("HOST", attrgetter("host")),
    Column("CLIENT-ID", attrgetter("client_id")),
]


def make_offset_columns(verbose: bool, with_commits: bool) -> list[Column]:
    """Return the columns of partitions that Kafka's tool shows.

    `with_commits` adds whether each committed offset is within its log, `verbose` the leader epoch.
    """
    return [
        Column("GROUP", attrgetter("group")),
        *_WHERE,
        *([_EPOCH] if verbose else []),
        Column("CURRENT-OFFSET", attrgetter("current_offset")),
        Column("LOG-END-OFFSET", attrgetter("log_end_offset")),
        _LAG,
        *([Column("COMMIT", attrgetter("commit"), _choose_commit_style)] if with_commits else []),
        *_OWNER,
    ]


def make_lag_columns(verbose: bool, with_time: bool, with_rates: bool, with_instances: bool) -> list[Column]:
    """Return the columns of partitions for --lag. Each argument adds some of them. None of them has the group.

    `verbose` adds the consumer id and the leader epoch, `with_time` the lag in time, `with_rates` records per second
    and the time to catch up, `with_instances` the instance id.
    """
    columns = [
        *_WHERE,
        Column("LOG-START", attrgetter("log_start_offset")),
        Column("CURRENT", attrgetter("current_offset")),
        Column("LOG-END", attrgetter("log_end_offset")),
        _LAG,
    ]
    if with_time:
        columns.append(Column("LATE", lambda row: _format_time_lag(row.time_lag_ms), _choose_lag_style))
    if with_rates:
        columns += [
            Column("IN/S", attrgetter("produced_per_s")),
            Column("OUT/S", attrgetter("consumed_per_s")),
            Column("DONE-IN", lambda row: format_duration(row.catches_up_in_s)),
        ]
    columns.append(Column("COMMIT", attrgetter("commit"), _choose_commit_style))
    if with_instances:
        columns.append(Column("INSTANCE-ID", attrgetter("instance_id")))
    columns += [Column("CLIENT-ID", attrgetter("client_id")), Column("HOST", attrgetter("host"))]
    return [*columns, *([Column("CONSUMER-ID", attrgetter("consumer_id")), _EPOCH] if verbose else [])]


def _format_time_lag(time_lag_ms: int | None) -> str | None:
    """Return a time lag in ms as text in at most two units; None stays None."""
    return None if time_lag_ms is None else format_duration(time_lag_ms / _MS)


def make_member_columns(verbose: bool) -> list[Column]:
    """Return the columns of members: group, ids, host, number of partitions and assignment.

    `verbose` adds the epoch and the target assignment.
    """
    columns = [
        Column("GROUP", attrgetter("group")),
        Column("CONSUMER-ID", attrgetter("consumer_id")),
        Column("INSTANCE-ID", attrgetter("instance_id")),
        Column("HOST", attrgetter("host")),
        Column("CLIENT-ID", attrgetter("client_id")),
        Column("#PARTITIONS", lambda row: len(row.assignment)),
        Column("ASSIGNMENT", lambda row: _format_partitions(row.assignment)),
    ]
    if verbose:
        columns += [
            Column("EPOCH", attrgetter("epoch")),
            Column("TARGET-ASSIGNMENT", lambda row: _format_partitions(row.target_assignment or ())),
        ]
    return columns


def make_state_columns(verbose: bool) -> list[Column]:
    """Return the columns of groups: name, coordinator, assignor, type, state and number of members.

    `verbose` adds the epochs of the group and of its assignment, before the number of members.
    """
    return [
        Column("GROUP", attrgetter("group")),
        Column("COORDINATOR (ID)", lambda row: row.coordinator and str(row.coordinator)),
        Column("ASSIGNMENT-STRATEGY", attrgetter("assignor")),
        Column("TYPE", attrgetter("type")),
        Column("STATE", attrgetter("state")),
        *(
            [Column("EPOCH", attrgetter("epoch")), Column("ASSIGNMENT-EPOCH", attrgetter("assignment_epoch"))]
            if verbose
            else []
        ),
        Column("#MEMBERS", lambda row: len(row.members)),
    ]


def sort_members(rows: tuple[Member, ...]) -> list[Member]:
    """Return members sorted by their assigned partitions, and those with the same partitions by consumer id."""
    return sorted(rows, key=lambda member: (member.assignment, member.consumer_id))


def make_offset_change_columns(executed: bool) -> list[Column]:
    """Return the columns of changes of committed offsets: group, topic, partition, old and new offset, difference.

    The difference has a sign unless it is 0, and is empty where the old offset is not known. `executed` adds the result
    of each change: its error, or "committed".
    """
    columns = [
        Column("GROUP", attrgetter("group")),
        *_WHERE,
        Column("OLD-OFFSET", attrgetter("old_offset")),
        Column("NEW-OFFSET", attrgetter("new_offset")),
        Column("MOVED", lambda row: None if row.moved is None else f"{row.moved:+d}" if row.moved else "0"),
    ]
    result = Column(
        "RESULT", lambda row: row.error or "committed", lambda row: "red" if row.error else "green", is_sentence=True
    )
    return [*columns, result] if executed else columns


def _format_partitions(partitions: tuple[tuple[str, int], ...]) -> list[str]:
    """Return partitions as texts TOPIC-NUMBER, in the given order."""
    return [f"{topic}-{number}" for topic, number in partitions]
