"""Groups as columns."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from kafkactl.numerals import write_number
from kafkactl.output.report import Column

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupLag, Member, PartitionLag

_MS = 1000
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))


def lasting(seconds: float | None) -> str | None:
    """A duration as people read it, to two units: 3d4h, 2m5s, 0.4s."""
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


def as_data(lag: GroupLag) -> dict[str, Any]:
    """A group for json and yaml."""
    return {
        "description": lag.description,
        "partitions": lag.partitions,
        **{name: value for name, value in summary(lag).items() if name not in ("group", "state", "members")},
    }


def summary(lag: GroupLag) -> dict[str, Any]:
    """A group in one row."""
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


def title(lag: GroupLag) -> str:
    """A group's line above its partitions."""
    one = lag.description
    unknown = (
        f" (and {lag.unknown_partitions} of {len(lag.partitions)} partitions unknown)" if lag.unknown_partitions else ""
    )
    members = f"{len(one.members)} member{'' if len(one.members) == 1 else 's'}"
    late = f"  {lasting(lag.time_lag_ms / _MS)} late" if lag.time_lag_ms else ""
    return f"{one.group}  {one.state}  {members}  total lag {lag.total_lag}{unknown}{late}{pace(lag)}"


def pace(lag: GroupLag) -> str:
    """How fast it goes, where that was measured."""
    if lag.produced_per_s is None or lag.consumed_per_s is None:
        return ""
    done = lag.catches_up_in_s
    when = "never catches up at this pace" if done is None else "" if done == 0 else f"done in {lasting(done)}"
    return f"  +{write_number(lag.produced_per_s)}/s -{write_number(lag.consumed_per_s)}/s  {when}".rstrip()


def _lag_style(row: PartitionLag) -> str | None:
    if row.lag is None:
        return "red"
    return "yellow" if row.lag else "green"


def _commit_style(row: PartitionLag) -> str | None:
    return None if row.commit.value == "ok" else "bold red"


_LAG = Column("LAG", attrgetter("lag"), _lag_style)
_WHERE = [Column("TOPIC", attrgetter("topic")), Column("PARTITION", attrgetter("partition"))]
_EPOCH = Column("LEADER-EPOCH", attrgetter("leader_epoch"))
_OWNER = [
    Column("CONSUMER-ID", attrgetter("consumer_id")),
    Column("HOST", attrgetter("host")),
    Column("CLIENT-ID", attrgetter("client_id")),
]


def offsets(verbose: bool, with_commits: bool) -> list[Column]:
    """Of partitions, as Kafka's tool shows them; `with_commits` says how each commit lies in its log."""
    return [
        Column("GROUP", attrgetter("group")),
        *_WHERE,
        *([_EPOCH] if verbose else []),
        Column("CURRENT-OFFSET", attrgetter("current_offset")),
        Column("LOG-END-OFFSET", attrgetter("log_end_offset")),
        _LAG,
        *([Column("COMMIT", attrgetter("commit"), _commit_style)] if with_commits else []),
        *_OWNER,
    ]


def lags(verbose: bool, with_time: bool, with_rates: bool, with_instances: bool) -> list[Column]:
    """Of partitions, with what is wrong with them."""
    columns = [
        *_WHERE,
        Column("LOG-START", attrgetter("log_start_offset")),
        Column("CURRENT", attrgetter("current_offset")),
        Column("LOG-END", attrgetter("log_end_offset")),
        _LAG,
    ]
    if with_time:
        columns.append(Column("LATE", lambda row: _late(row.time_lag_ms), _lag_style))
    if with_rates:
        columns += [
            Column("IN/S", attrgetter("produced_per_s")),
            Column("OUT/S", attrgetter("consumed_per_s")),
            Column("DONE-IN", lambda row: lasting(row.catches_up_in_s)),
        ]
    columns.append(Column("COMMIT", attrgetter("commit"), _commit_style))
    if with_instances:
        columns.append(Column("INSTANCE-ID", attrgetter("instance_id")))
    columns += [Column("CLIENT-ID", attrgetter("client_id")), Column("HOST", attrgetter("host"))]
    return [*columns, *([Column("CONSUMER-ID", attrgetter("consumer_id")), _EPOCH] if verbose else [])]


def _late(time_lag_ms: int | None) -> str | None:
    return None if time_lag_ms is None else lasting(time_lag_ms / _MS)


def members(verbose: bool) -> list[Column]:
    """Of members."""
    columns = [
        Column("GROUP", attrgetter("group")),
        Column("CONSUMER-ID", attrgetter("consumer_id")),
        Column("INSTANCE-ID", attrgetter("instance_id")),
        Column("HOST", attrgetter("host")),
        Column("CLIENT-ID", attrgetter("client_id")),
        Column("#PARTITIONS", lambda row: len(row.assignment)),
        Column("ASSIGNMENT", lambda row: _named(row.assignment)),
    ]
    if verbose:
        columns += [
            Column("EPOCH", attrgetter("epoch")),
            Column("TARGET-ASSIGNMENT", lambda row: _named(row.target_assignment or ())),
        ]
    return columns


def states(verbose: bool) -> list[Column]:
    """Of groups."""
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


def in_order(rows: tuple[Member, ...]) -> list[Member]:
    """Members by their partitions."""
    return sorted(rows, key=lambda member: (member.assignment, member.consumer_id))


def offset_changes(executed: bool) -> list[Column]:
    """Of changes of committed offsets."""
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


def _named(partitions: tuple[tuple[str, int], ...]) -> list[str]:
    return [f"{topic}-{number}" for topic, number in partitions]
