"""Diagnosis of a group from two descriptions that are some seconds apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafkactl.admin.groups.models import CommitState, GroupLag
from kafkactl.numerals import write_number

_REBALANCING = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")
_HOT_SHARE = 0.5
_HOT_RECORDS = 100
"""Fewest records in the interval from which shares of partitions are computed."""


@dataclass(frozen=True)
class Finding:
    """One problem of a group, with its evidence and advice."""

    what: str
    evidence: str
    advice: str


def diagnose(before: GroupLag, after: GroupLag, seconds: float) -> list[Finding]:
    """Return the problems of a group. The list is empty where no problem was found.

    They are in this order: members, commits, stuck partitions, pace, hot partitions. `before` and `after` are the same
    group, `seconds` apart. `after` has the records per second that were written and read; without these its pace is not
    judged. Nothing is asked, and nothing is raised.
    """
    return [
        *_check_members(before, after, seconds),
        *_check_commits(after),
        *_find_stuck_partitions(before, after, seconds),
        *_check_pace(after),
        *_find_hot_partitions(before, after, seconds),
    ]


def _check_members(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    """Yield problems of the members: none, rebalances, missing static members, or partitions and members left over.

    `before` is `seconds` earlier than `after`. Without members nothing else is checked. At most one problem names
    rebalances: a group epoch that rose; without an epoch in `before` other member ids than then; else a state of a
    rebalance. Partitions without a member count only in the state Stable, and where they have a lag or an unknown one;
    idle members count in this state, and in all states where the group has more members than partitions.
    """
    group, members = after.description, after.description.members
    if not members:
        evidence = f"state {group.state}, no members, lag {after.total_lag}"
        yield Finding("nobody reads", evidence, "start its consumers, or delete the group if it is not used any more")
        return
    earlier, current = before.description, group
    if earlier.epoch is not None and current.epoch is not None and current.epoch > earlier.epoch:
        evidence = f"group epoch {earlier.epoch} -> {current.epoch} in {write_number(seconds)} s"
        yield Finding("it is rebalanced again and again", evidence, _LOOP)
    elif earlier.epoch is None and {member.consumer_id for member in earlier.members} != {
        member.consumer_id for member in members
    }:
        evidence = (
            f"other members than {write_number(seconds)} s before: {len(earlier.members)} then, {len(members)} now"
        )
        yield Finding("members come and go", evidence, _LOOP)
    elif current.state in _REBALANCING:
        yield Finding("it is being rebalanced", f"state {current.state}", "look again; if it does not end, " + _LOOP)
    missing_ids = {member.instance_id for member in earlier.members if member.instance_id} - {
        member.instance_id for member in members
    }
    if missing_ids:
        names = ", ".join(sorted(name for name in missing_ids if name))
        yield Finding(
            "static members are missing", f"there {write_number(seconds)} s before: {names}", "start them again"
        )
    idle_members = [member for member in members if not member.assignment]
    partitions = len(after.partitions)
    if idle_members and len(members) > partitions:
        names_text = ", ".join(member.client_id for member in idle_members)
        evidence = f"{len(members)} members, {partitions} partitions; without any: {names_text}"
        yield Finding("more members than partitions", evidence, "stop the idle ones, or give the topic more partitions")
    elif idle_members and current.state == "Stable":
        evidence = f"without partitions: {', '.join(member.consumer_id for member in idle_members)}"
        yield Finding("members without partitions", evidence, "check whether all members subscribe to the same topics")
    owners = current.owners
    orphans = [row for row in after.partitions if (row.topic, row.partition) not in owners and row.lag != 0]
    if orphans and current.state == "Stable":
        names_text = ", ".join(f"{row.topic}-{row.partition}" for row in orphans[:5])
        evidence = f"{len(orphans)} partitions that it has read or should read have no member: {names_text}"
        yield Finding("partitions without a member", evidence, "check whether a member still subscribes to their topic")


def _check_commits(after: GroupLag) -> Iterator[Finding]:
    """Yield a problem for each kind of bad commits: before the log, beyond it, unknown, or missing.

    Each names at most 5 partitions, and the number of all of them.
    """
    for state, finding_text, advice in (
        (CommitState.BEFORE_START, "unread records are deleted already", "raise the topic's retention, then catch up"),
        (
            CommitState.BEYOND_END,
            "commits beyond the end of the log",
            "the topic was created again or truncated: reset the offsets",
        ),
        (
            CommitState.UNKNOWN,
            "offsets that cannot be read",
            "look at the brokers: kafkactl topics describe --unavailable",
        ),
        (
            CommitState.NO_COMMIT,
            "partitions without a commit",
            "with auto.offset.reset=latest their records are skipped",
        ),
    ):
        rows = [row for row in after.partitions if row.commit is state]
        if rows:
            partitions_text = ", ".join(f"{row.topic}-{row.partition}" for row in rows[:5])
            yield Finding(finding_text, f"{len(rows)} of {len(after.partitions)} partitions: {partitions_text}", advice)


def _find_stuck_partitions(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    """Yield a problem for each partition whose commit stands still while records are written to it.

    `before` is `seconds` earlier than `after`. Partitions without a known lag above 0, a member or a commit, or not in
    `before`, are left out, and so are those whose end is not known in both.
    """
    earlier_rows = {(row.topic, row.partition): row for row in before.partitions}
    for row in after.partitions:
        earlier = earlier_rows.get((row.topic, row.partition))
        if earlier is None or not row.lag or not row.consumer_id or row.current_offset is None:
            continue
        start, end = earlier.log_end_offset, row.log_end_offset
        if start is None or end is None:
            continue
        if row.current_offset == earlier.current_offset and end > start:
            end_movement = f"{start} -> {end}"
            evidence = f"commit {row.current_offset} for {write_number(seconds)} s, while the end went {end_movement}"
            advice = f"look at {row.client_id} on {row.host}: it holds the partition and commits nothing"
            yield Finding(f"{row.topic}-{row.partition} is stuck", evidence, advice)


def _check_pace(after: GroupLag) -> Iterator[Finding]:
    """Yield a problem where more records a second are written than read.

    Nothing is yielded without a known lag above 0, without members, or where one of the rates is None.
    """
    produced, consumed = after.produced_per_s, after.consumed_per_s
    if (
        after.total_lag
        and after.description.members
        and produced is not None
        and consumed is not None
        and produced > consumed
    ):
        rates = f"{write_number(produced)} records a second are written, {write_number(consumed)} are read"
        evidence = f"{rates}; lag {after.total_lag}"
        yield Finding(
            "it falls behind", evidence, "start more members, up to the number of partitions, or make them faster"
        )


def _find_hot_partitions(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    """Yield a problem for each topic with a partition that gets more than half of at least 100 new records.

    `before` is `seconds` earlier than `after`. Partitions whose end is not known in both do not count, and topics with
    fewer than three partitions that count are left out. The hottest one is named. Where an end went back, no record
    is new.
    """
    earlier_ends = {(row.topic, row.partition): row.log_end_offset for row in before.partitions}
    by_topic: dict[str, dict[int, int]] = {}
    for row in after.partitions:
        start = earlier_ends.get((row.topic, row.partition))
        if start is not None and row.log_end_offset is not None:
            by_topic.setdefault(row.topic, {})[row.partition] = max(row.log_end_offset - start, 0)
    for topic, new_records in by_topic.items():
        total, hottest = sum(new_records.values()), max(new_records, key=lambda number: new_records[number])
        if len(new_records) > 2 and total >= _HOT_RECORDS and new_records[hottest] > _HOT_SHARE * total:
            records, partitions = new_records[hottest], len(new_records)
            evidence = f"{records} of {total} records in {write_number(seconds)} s, of {partitions} partitions"
            yield Finding(f"{topic}-{hottest} is hot", evidence, "look at its keys: one of them may have most records")


_LOOP = "look at the members' logs for max.poll.interval.ms and session time-outs; static members rebalance less"
