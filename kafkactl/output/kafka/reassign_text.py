"""Reassignments as kafka-reassign-partitions prints them, line for line.

Reference: org.apache.kafka.tools.reassign.ReassignPartitionsCommand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafkactl.output.kafka.java_order import sort_as_hash_map, sort_by_hash

if TYPE_CHECKING:
    from kafkactl.admin.models import Partition
    from kafkactl.admin.reassignment import RunningMove, VerifiedMove

Replica = tuple[str, int, int]
"""Topic, partition and broker."""

EXISTING = (
    "Cannot execute because there is an existing partition assignment.  Use --additional to override this and create a "
    "new partition assignment in addition to the existing one. The --additional flag can also be used to change the "
    "throttle by resubmitting the current reassignment."
)
VERIFY_WARNING = (
    "Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is "
    "removed.\n"
)
NO_MOVES = "None of the specified partition moves are active."
NO_REASSIGNMENTS = "None of the specified partition reassignments are active.\n"
_STATUS = "Status of partition reassignment:"


def format_json(document: Mapping[str, Any]) -> str:
    """Return a plan as one line of JSON, without a line end."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def format_running(running: Sequence[RunningMove]) -> str:
    """Return a heading and the lines about running reassignments, each with its end.

    Without any it is one other line. The reassignments keep their order. Replicas that are added or removed are shown
    only where there are any.
    """
    if not running:
        return "No partition reassignments found.\n"
    lines = ["Current partition reassignments:"]
    for row in running:
        line = f"{row.topic}-{row.partition}: replicas: {_join(row.replicas)}."
        line += f" adding: {_join(row.adding)}." if row.adding else ""
        lines.append(line + (f" removing: {_join(row.removing)}." if row.removing else ""))
    return _end(lines)


def format_states(rows: Iterable[VerifiedMove]) -> str:
    """Return a heading and the lines about the partitions of a plan, in their order, each with its end.

    Without rows only the heading is there. A state that is neither `running` nor `done` shows the present replicas and
    those of the plan.
    """
    lines = [_STATUS]
    for row in rows:
        name = f"{row.topic}-{row.partition}"
        if row.state == "running":
            lines.append(f"Reassignment of partition {name} is still in progress.")
        elif row.state == "done":
            lines.append(f"Reassignment of partition {name} is completed.")
        else:
            lines.append(
                f"There is no active reassignment of partition {name}, but replica set is {_join(row.replicas)} rather "
                f"than {_join(row.target)}."
            )
    return _end(lines)


def format_dir_state(key: Replica, target: str, present: str | None, future: str | None, is_known: bool) -> str:
    """Return the line about a replica that is to be in the directory `target`, its end included.

    `present` is its directory, and `future` the one that it moves to; either may be None. Without `present` the line
    says that the replica is not found, whatever `future` is. `is_known` is whether the broker has answered; without an
    answer the line says, as in Kafka's tool, that no live log directory has the partition.
    """
    topic, number, broker = key
    name = f"{topic}-{number}"
    if not is_known:
        return f"Partition {name} cannot be found in any live log directory on broker {broker}.\n"
    if present is None:
        return (
            f"Partition {name} is not found in any live log dir on broker {broker}. "
            "There is likely an offline log directory on the broker.\n"
        )
    if future is None:
        if present == target:
            return f"Reassignment of replica {name}-{broker} completed successfully.\n"
        return f"Partition {name} on broker {broker} is not being moved from log dir {present} to {target}.\n"
    if future == target:
        return f"Reassignment of replica {name}-{broker} is still in progress.\n"
    return f"Partition {name} on broker {broker} is being moved to log dir {future} instead of {target}.\n"


def format_clearing(brokers: Collection[int], topics: Collection[str]) -> tuple[str, str]:
    """Return the line about the brokers and the line about the topics whose throttles are removed, each with its end.

    Both lines are there also without brokers or topics. Brokers and topics have the order of Java's hash tables.
    """
    ids = sort_by_hash(list(brokers), lambda broker: broker)
    names = sort_as_hash_map(list(topics))
    return (
        f"Clearing broker-level throttles on broker{_plural(ids)} {_join(ids)}\n",
        f"Clearing topic-level throttles on topic{_plural(names)} {','.join(names)}\n",
    )


def format_current(document: Mapping[str, Any]) -> str:
    """Return the lines about the present replicas, before a plan is executed, each with its end."""
    return (
        f"Current partition replica assignment\n\n{format_json(document)}\n\n"
        "Save this to use as the --reassignment-json-file option during rollback\n"
    )


def format_proposal(current: Mapping[str, Any], proposed: Mapping[str, Any]) -> str:
    """Return the lines about the present replicas and the new ones of a plan, each with its end."""
    return (
        f"Current partition replica assignment\n{format_json(current)}\n\n"
        f"Proposed partition reassignment configuration\n{format_json(proposed)}\n"
    )


def format_started(partitions: Sequence[Partition]) -> str:
    """Return the line about partitions whose moves have begun, its end included. They keep their order."""
    return f"Successfully started partition reassignment{_plural(partitions)} for {_name(partitions, ',')}\n"


def format_cancelled(partitions: Sequence[Partition]) -> str:
    """Return the line about partitions whose moves were cancelled, its end included. They keep their order."""
    return f"Successfully cancelled partition reassignment{_plural(partitions)} for: {_name(partitions, ',')}\n"


def format_dir_started(key: Replica, path: str) -> str:
    """Return the line about a replica whose move to a directory has begun, its end included."""
    topic, number, broker = key
    return f"Successfully started moving log directory to {path} for replica {topic}-{number} with broker {broker} \n"


def format_late(keys: Sequence[Replica]) -> str:
    """Return the sentence about replicas whose moves between directories could not begin, without a line end.

    The replicas keep their order.
    """
    names = ",".join(f"{topic}-{number}-{broker}" for topic, number, broker in keys)
    return f"Timed out before log directory move{_plural(keys)} could be started for: {names}"


def _join(ids: Iterable[int]) -> str:
    """Return ids of brokers with commas between."""
    return ",".join(map(str, ids))


def _name(partitions: Iterable[Partition], separator: str) -> str:
    """Return the names of partitions with a separator between."""
    return separator.join(f"{topic}-{number}" for topic, number in partitions)


def _plural(items: Collection[Any]) -> str:
    """Return "s", or "" for exactly one item."""
    return "" if len(items) == 1 else "s"


def _end(lines: Iterable[str]) -> str:
    """Return lines, each with its end."""
    return "".join(f"{line}\n" for line in lines)
