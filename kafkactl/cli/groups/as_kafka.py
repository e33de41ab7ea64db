"""Resets and deletions of offsets in Kafka's style: what kafka-consumer-groups takes and shows, and kafkactl does not.

A missing topic or group is a row of a table, active groups are left out of a reset, and a file is read as Jackson does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaError

from kafkactl.admin.groups.kafka_csv import PlanFile, PlanFileError, read_plan
from kafkactl.admin.groups.offsets import Reset, ResetPlan, parse_partitions, plan_reset, request_deletion
from kafkactl.admin.groups.resets import ResetTargets, plan_offsets
from kafkactl.admin.models import Partition
from kafkactl.cli.frame.before_change import before_change
from kafkactl.cli.groups.offset_changes import describe_change, make_changes, print_failures, print_plan_notes
from kafkactl.connection.broker_errors import BROKER_ERRORS, describe_error
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import OperationError
from kafkactl.output import people
from kafkactl.output.kafka import group_text
from kafkactl.output.kafka.java_errors import find_java_message, format_java_error
from kafkactl.output.kafka.java_order import sort_as_hash_map
from kafkactl.patterns import is_topic_name
from kafkactl.statuses import FAILED
from kafkactl.stdout import out

_UNKNOWN_TOPIC, _INVALID_TOPIC, _UNKNOWN_SERVER = 3, 17, -1
_OF_PARTITIONS = (_UNKNOWN_TOPIC, 29, 86)
"""Codes of single partitions: the table has their sentences."""
_OF_GROUPS = (24, 30, 68, 69)
"""Codes of the whole group whose sentence Kafka's tool prints."""


@dataclass(frozen=True, kw_only=True)
class ResetLine:
    """The options of a reset in Kafka's style."""

    groups: tuple[str, ...]
    """Values of --group; empty with --all-groups."""
    topics: tuple[str, ...] | None
    """Values of --topic; None with --all-topics."""
    from_file: Path | None
    reset: Reset
    export: bool
    execute: bool


def reset_offsets(connected: Cluster, targets: ResetTargets, line: ResetLine) -> int:
    """Reset the groups that have no members, print the text of Kafka's tool, and return an exit status.

    It is 1 where a group has members, or no offsets in the file, and for an error of a partition, which is kept in
    people.failures; else 0. Tables and texts go to stdout. An offset outside its log is moved into it, with a warning
    on stderr. Without `line.execute` nothing is changed; with it, a missing group that gets offsets is created, and an
    error of one group comes after the changes of others.

    Raise the first refusal in `targets` but those of groups with members, NotFoundError for a missing topic or
    partition and a shift without a commit, PlanFileError for a file that Kafka's tool refuses or a missing topic in it,
    UsageError in a read-only context (also without `line.execute`) and for wrong `topics` or a wrong client setting,
    OperationError, UnreachableError (UnansweredError where offsets may have been committed), and OutputError or
    ReaderLeftError where stdout fails.
    """
    for error in targets.refusals:
        if error.code != ErrorCode.NON_EMPTY_GROUP:
            raise error
    plans: dict[str, ResetPlan] = {}
    failed = False
    for group in sort_as_hash_map([*targets.changeable, *targets.active]):
        if group in targets.active:
            out.write_text(group_text.format_active_group(group, targets.active[group]))
            plans[group], failed = ResetPlan({}), True
        else:
            plan = _make_plan(connected, group, line)
            failed = failed or plan is None
            plans[group] = plan or ResetPlan({})
    print_plan_notes(plans, as_kafka=True)
    changes = make_changes(connected, {group: plan for group, plan in plans.items() if plan.offsets}, line.execute)
    offsets = {group: plan.offsets for group, plan in plans.items()}
    if line.export:
        out.write_text(group_text.format_export(offsets, with_group=len(line.groups) != 1))
    else:
        out.write_text(group_text.format_reset(offsets))
    return print_failures(changes) or (FAILED if failed else 0)


def _make_plan(connected: Cluster, group: str, line: ResetLine) -> ResetPlan | None:
    """Return the plan of a group; None where the file has no offsets of it, after Kafka's text about it on stdout.

    With neither `line.topics` nor a file it has all partitions in which the group has committed; there may be none.
    With both the file counts, after a check of the topics. A stack trace that Kafka's tool prints about the file goes
    to stderr. Raise NotFoundError for a missing topic or partition and a shift without a commit, PlanFileError for a
    file that Kafka's tool refuses or a missing topic in it, UsageError for a wrong text in `line.topics` or a wrong
    client setting, OperationError, UnreachableError, and OutputError or ReaderLeftError where stdout fails.
    """
    partitions = None if line.topics is None else parse_partitions(connected, line.topics)
    if line.from_file is None:
        return plan_reset(connected, group, partitions, line.reset)
    file = read_plan(line.from_file, line.groups)
    people.write_kafka_message(file.trace * 2)  # Kafka's tool reads the file twice
    return _plan_from_file(connected, group, file)


def _plan_from_file(connected: Cluster, group: str, file: PlanFile) -> ResetPlan | None:
    """Return the plan of a group with the offsets of a file; None, after Kafka's text on stdout, where it has none.

    Raise PlanFileError for a missing topic, NotFoundError for a missing partition, OperationError where topics or
    offsets cannot be read, UnreachableError, UsageError for a wrong client setting, and OutputError or ReaderLeftError
    where stdout fails.
    """
    if group not in file.offsets:
        out.write_text(group_text.format_missing_plan(group))
        return None
    topics_metadata = connected.read_metadata().topics
    for topic, number in file.offsets[group]:
        if topic not in topics_metadata:
            raise _make_topic_error(topic, number)
    return plan_offsets(connected, {group: file.offsets[group]})[group]


def _make_topic_error(topic: str, number: int) -> PlanFileError:
    """Return (not raise) the error for partition `number` of a topic that does not exist or has an invalid name."""
    is_legal = is_topic_name(topic)
    exception = BROKER_ERRORS[_UNKNOWN_TOPIC if is_legal else _INVALID_TOPIC].exception_class
    why = f"because metadata for topic `{topic}` could not be found" if is_legal else f"due to invalid topic `{topic}`"
    reason = f"Failed to fetch metadata for partition {topic}-{number} {why}"
    return PlanFileError(
        f"java.util.concurrent.ExecutionException: {exception}: {reason}", "java.lang.RuntimeException"
    )


def delete_offsets(connected: Cluster, group: str, topics: Sequence[str]) -> int:
    """Delete committed offsets, print the table of Kafka's tool, and return an exit status: 1 for an error in it.

    `topics` are TOPIC or TOPIC:0,1; TOPIC: without a number has no partition. The table goes to stdout. A missing topic
    or group, a refusal by a broker, and a partition that its answer leaves out are errors in the table, and are not
    printed or kept elsewhere. The status is 0 where no partition or topic is in the table, also after a refusal. Raise
    OperationError where the topics cannot be listed, and for a refusal without an error code of Kafka, UnreachableError
    (UnansweredError where offsets may have been deleted), UsageError in a read-only context and for a wrong client
    setting, ValueError for a number that int() does not read, and OutputError or ReaderLeftError where stdout fails.
    """
    partitions, codes = _find_partitions(connected, topics)
    before_change(connected, [describe_change(connected, group, dict.fromkeys(partitions, 0), "delete")])
    try:
        answers = request_deletion(connected, group, partitions)
        codes.update({partition: answers.get(partition, _UNKNOWN_SERVER) for partition in partitions})
        failed = next((codes[partition] for partition in partitions if codes[partition]), 0)
    except OperationError as error:
        if error.code is None:
            raise
        failed = error.code
        codes.update(dict.fromkeys(partitions, failed))
    errors = {partition: _describe_in_java(code) for partition, code in codes.items()}
    out.write_text(group_text.format_offset_deletions(group, errors, _describe_whole(failed)))
    return FAILED if any(errors.values()) else 0


def _find_partitions(connected: Cluster, topics: Sequence[str]) -> tuple[list[Partition], dict[Partition, int]]:
    """Return the partitions of TOPIC or TOPIC:0,1 texts, each once, and an error code for each unknown TOPIC.

    The key of an unknown topic has the partition -1, which is not added to the partitions; a name that no topic can
    have has another code. The topics are always listed, but a text with numbers is not compared with them. Without a
    number behind the colon it has no partition. Raise OperationError or UnreachableError where the topics cannot be
    listed, UsageError for a wrong client setting, and ValueError for a number that int() does not read.
    """
    topics_metadata = connected.read_metadata().topics
    partitions: list[Partition] = []
    codes: dict[Partition, int] = {}
    for text in topics:
        name, colon, numbers = text.partition(":")
        if colon:
            partitions += [(name, int(number)) for number in numbers.split(",") if number]
        elif name in topics_metadata:
            partitions += [(name, number) for number in topics_metadata[name].partitions]
        else:
            codes[name, -1] = _UNKNOWN_TOPIC if is_topic_name(name) else _INVALID_TOPIC
    return list(dict.fromkeys(partitions)), codes


def _describe_in_java(code: int) -> str | None:
    """Return an error code as Kafka's tool shows its exception; None for 0, "error CODE" for an unknown one."""
    return format_java_error(code, describe_error(code)) if code else None


def _describe_whole(code: int) -> str:
    """Return the sentence of Kafka's tool about a whole deletion of offsets, empty for 0.

    `code` is an error code of Kafka: the first one of a partition, or that of the whole request.
    """
    if not code:
        return ""
    if code in _OF_PARTITIONS:
        return group_text.PARTITION_PROBLEM
    if code in _OF_GROUPS:
        return find_java_message(code, describe_error(code))
    name = "UNKNOWN_SERVER_ERROR" if code == KafkaError.UNKNOWN else KafkaError(code).name()
    return f"Encountered some unknown error: {name}"
