"""What is wrong with a group, from what two looks at it a moment apart show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafkactl.admin.groups.models import CommitState, GroupLag
from kafkactl.numerals import write_number

_REBALANCING = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")
_HOT_SHARE = 0.5
_HOT_RECORDS = 100
"""Fewer in the interval say nothing about shares."""


@dataclass(frozen=True)
class Finding:
    """One thing that is so, what shows it, and what to do."""

    what: str
    evidence: str
    advice: str


def diagnose(before: GroupLag, after: GroupLag, seconds: float) -> list[Finding]:
    """Findings, the gravest first; none when nothing is wrong. `after` has rates (group_pace.with_rates)."""
    return [
        *_members(before, after, seconds),
        *_commits(after),
        *_stuck(before, after, seconds),
        *_pace(after),
        *_hot(before, after, seconds),
    ]


def _members(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    group, members = after.description, after.description.members
    if not members:
        evidence = f"state {group.state}, no members, lag {after.total_lag}"
        yield Finding("nobody reads", evidence, "start its consumers, or delete the group if it is not used any more")
        return
    was, now = before.description, group
    if was.epoch is not None and now.epoch is not None and now.epoch > was.epoch:
        evidence = f"group epoch {was.epoch} -> {now.epoch} in {write_number(seconds)} s"
        yield Finding("it is rebalanced again and again", evidence, _LOOP)
    elif was.epoch is None and {each.consumer_id for each in was.members} != {each.consumer_id for each in members}:
        evidence = f"other members than {write_number(seconds)} s before: {len(was.members)} then, {len(members)} now"
        yield Finding("members come and go", evidence, _LOOP)
    elif now.state in _REBALANCING:
        yield Finding("it is being rebalanced", f"state {now.state}", "look again; if it stays so, " + _LOOP)
    gone = {each.instance_id for each in was.members if each.instance_id} - {each.instance_id for each in members}
    if gone:
        names = ", ".join(sorted(name for name in gone if name))
        yield Finding(
            "static members are missing", f"there {write_number(seconds)} s before: {names}", "start them again"
        )
    idle = [each for each in members if not each.assignment]
    partitions = len(after.partitions)
    if idle and len(members) > partitions:
        named = ", ".join(each.client_id for each in idle)
        evidence = f"{len(members)} members, {partitions} partitions; without any: {named}"
        yield Finding("more members than partitions", evidence, "stop the idle ones, or give the topic more partitions")
    elif idle and now.state == "Stable":
        evidence = f"without partitions: {', '.join(each.consumer_id for each in idle)}"
        yield Finding("members without partitions", evidence, "look whether all members subscribe to the same topics")
    owners = now.owners
    orphans = [row for row in after.partitions if (row.topic, row.partition) not in owners and row.lag != 0]
    if orphans and now.state == "Stable":
        named = ", ".join(f"{row.topic}-{row.partition}" for row in orphans[:5])
        evidence = f"{len(orphans)} partitions that it has read or should read have no member: {named}"
        yield Finding("partitions without a member", evidence, "look whether a member still subscribes to their topic")


def _commits(after: GroupLag) -> Iterator[Finding]:
    for state, what, advice in (
        (CommitState.BEFORE_START, "unread records are deleted already", "raise the topic's retention, then catch up"),
        (
            CommitState.BEYOND_END,
            "commits beyond the end of the log",
            "the topic was made anew or cut: reset the offsets",
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
            named = ", ".join(f"{row.topic}-{row.partition}" for row in rows[:5])
            yield Finding(what, f"{len(rows)} of {len(after.partitions)} partitions: {named}", advice)


def _stuck(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    was = {(row.topic, row.partition): row for row in before.partitions}
    for row in after.partitions:
        earlier = was.get((row.topic, row.partition))
        if earlier is None or not row.lag or not row.consumer_id or row.current_offset is None:
            continue
        if row.current_offset == earlier.current_offset and (row.log_end_offset or 0) > (earlier.log_end_offset or 0):
            went = f"{earlier.log_end_offset} -> {row.log_end_offset}"
            evidence = f"commit {row.current_offset} for {write_number(seconds)} s, while the end went {went}"
            advice = f"look at {row.client_id} on {row.host}: it holds the partition and commits nothing"
            yield Finding(f"{row.topic}-{row.partition} is stuck", evidence, advice)


def _pace(after: GroupLag) -> Iterator[Finding]:
    produced, consumed = after.produced_per_s, after.consumed_per_s
    if (
        after.total_lag
        and after.description.members
        and produced is not None
        and consumed is not None
        and produced > consumed
    ):
        evidence = (
            f"{write_number(produced)} records a second come, {write_number(consumed)} are read; lag {after.total_lag}"
        )
        yield Finding("it falls behind", evidence, "more members up to the number of partitions, or faster ones")


def _hot(before: GroupLag, after: GroupLag, seconds: float) -> Iterator[Finding]:
    was = {(row.topic, row.partition): row.log_end_offset for row in before.partitions}
    by_topic: dict[str, dict[int, int]] = {}
    for row in after.partitions:
        start = was.get((row.topic, row.partition))
        if start is not None and row.log_end_offset is not None:
            by_topic.setdefault(row.topic, {})[row.partition] = row.log_end_offset - start
    for topic, came in by_topic.items():
        total, hottest = sum(came.values()), max(came, key=lambda number: came[number])
        if len(came) > 2 and total >= _HOT_RECORDS and came[hottest] > _HOT_SHARE * total:
            evidence = f"{came[hottest]} of {total} records in {write_number(seconds)} s, of {len(came)} partitions"
            yield Finding(f"{topic}-{hottest} is hot", evidence, "look at its keys: one of them may have most records")


_LOOP = "look at the members' logs for max.poll.interval.ms and session time-outs; static members rebalance less"
