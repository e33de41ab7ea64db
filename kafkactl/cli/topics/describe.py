"""The command `kafkactl topics describe`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import print_errors
from kafkactl.cli.frame.subjects import ExcludeInternal, IfExists, TopicsOptions, make_unmatched_errors
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import TopicSelection, is_internal_topic, refuse_empty
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.topics.descriptions import Descriptions
    from kafkactl.admin.topics.models import PartitionDescription, TopicDescription
    from kafkactl.connection.cluster import Cluster


@command
def describe(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    topic_id: Annotated[
        str | None, typer.Option("--topic-id", metavar="ID", help="Id of the topic, instead of its name.")
    ] = None,
    exclude_internal: ExcludeInternal = False,
    under_replicated_partitions: Annotated[
        bool,
        typer.Option(
            "--under-replicated-partitions",
            "--under-replicated",
            help="Only partitions that have replicas out of sync.",
        ),
    ] = False,
    under_min_isr_partitions: Annotated[
        bool,
        typer.Option(
            "--under-min-isr-partitions",
            "--under-min-isr",
            help="Only partitions with fewer replicas in sync than min.insync.replicas.",
        ),
    ] = False,
    at_min_isr_partitions: Annotated[
        bool,
        typer.Option(
            "--at-min-isr-partitions",
            "--at-min-isr",
            help="Only partitions with as many replicas in sync as min.insync.replicas.",
        ),
    ] = False,
    unavailable_partitions: Annotated[
        bool, typer.Option("--unavailable-partitions", "--unavailable", help="Only partitions without a leader.")
    ] = False,
    topics_with_overrides: Annotated[
        bool, typer.Option("--topics-with-overrides", help="Only topics that have settings of their own.")
    ] = False,
    if_exists: IfExists = False,
    size: Annotated[
        bool, typer.Option("--size", help="Show the bytes that each partition's leader has on disk.")
    ] = False,
    count: Annotated[
        bool, typer.Option("--count", help="Show how many records each partition can hold at most.")
    ] = False,
) -> int:
    """Show partitions, leaders, replicas, ISR and settings of topics.

    Without TOPIC all partitions of the cluster are shown in one table.

    Examples:
      kafkactl topics describe orders
      kafkactl topics describe --under-replicated
      kafkactl topics describe orders --size --count -o json
    """
    selection = topics.selection()
    if refuse_empty(topic_id, "--topic-id") and not selection.is_empty:
        raise make_exclusive_error("--topic-id", "a selection of topics")
    request = _TopicRequest(selection, topic_id, exclude_internal, if_exists)
    filters = _PartitionFilter(
        under_replicated_partitions,
        unavailable_partitions,
        under_min_isr_partitions,
        at_min_isr_partitions,
        output.is_kafka,
    )
    connected = cluster.connect()
    if output.is_kafka:
        described, errors = _describe(connected, request, as_kafka=True)
        out.write_text(_format_as_kafka(described, filters, topics_with_overrides))
        return print_errors(errors)
    from kafkactl.admin.topics import descriptions

    columns = [*_COLUMNS]
    completions: list[Callable[[Sequence[PartitionDescription]], list[PartitionDescription]]] = []
    size_errors: list[KafkactlError] = []
    if size:
        columns.append(Column("BYTES", lambda row: row.size_bytes))
        completions.append(lambda rows: _add_sizes(connected, rows, size_errors))
    if count:
        columns.append(Column("RECORDS", lambda row: row.records))
        completions.append(lambda rows: descriptions.add_record_counts(connected, rows))
    in_full = output.is_structured
    if in_full:
        columns += _COLUMNS_IN_FULL
    if request.is_everything and not (in_full or topics_with_overrides or filters.need_settings):
        rows = [row for row in descriptions.list_partitions(connected, not exclude_internal) if filters.accepts(row, 1)]
        for complete in completions:
            rows = complete(rows)
        output.show(Report(rows, [Table(columns, rows)]))
        _note_empty_result(rows, filters)
        return print_errors(size_errors)
    described, errors = _describe(connected, request, in_full)
    described = _filter_topics(described, filters, topics_with_overrides)
    for complete in completions:
        by_topic = defaultdict(list)
        for row in complete([row for topic in described for row in topic.partitions]):
            by_topic[row.topic].append(row)
        described = [replace(topic, partitions=tuple(by_topic[topic.topic])) for topic in described]
    data = [_make_document(topic) for topic in described] if in_full else described
    tables = [Table(columns, topic.partitions, _make_title(topic, size, count)) for topic in described]
    output.show(Report(data, tables or [Table(columns, [])]))  # the empty one for the header of csv
    if not errors:
        _note_empty_result(described, filters, topics_with_overrides, request.is_everything)
    return print_errors([*errors, *size_errors])


def _add_sizes(
    connected: Cluster, rows: Sequence[PartitionDescription], size_errors: list[KafkactlError]
) -> list[PartitionDescription]:
    """Return the rows with the size of each leader's log in bytes; a size that is not known is None.

    An OperationError is added to `size_errors` for each broker or disk whose sizes are missing. Raise the first error,
    an UnreachableError or OperationError, where no broker answers, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.topics import descriptions

    sized, errors = descriptions.add_sizes(connected, rows)
    size_errors += [OperationError(f"sizes are missing: {error}") for error in errors]
    return sized


def _note_empty_result(
    rows: Sequence[object], filters: _PartitionFilter, only_overrides: bool = False, is_everything: bool = True
) -> None:
    """Print a note on stderr where `rows`, what is left of the result, is empty; else do nothing.

    The note names the conditions of the filter. Without any it says that no topic has settings of its own, with
    `only_overrides` (--topics-with-overrides), that there are no topics, or, without `is_everything`, that there is no
    topic to show. In Kafka's style nothing is printed.
    """
    if rows:
        return
    if not filters.is_empty:
        people.note(f"no partition is {' or '.join(filters.names)}")
    elif only_overrides:
        people.note("no topic has settings of its own")
    else:
        people.note("there are no topics" if is_everything else "there is no topic to show")


@dataclass(frozen=True)
class _TopicRequest:
    """The topics that the command line selects: by names and patterns, by an id, or all."""

    selection: TopicSelection
    topic_id: str | None
    exclude_internal: bool
    if_exists: bool

    @property
    def is_everything(self) -> bool:
        """Return whether neither names and patterns nor an id are given."""
        return self.selection.is_empty and self.topic_id is None

    def choose(self, list_existing: Callable[[], Sequence[str]]) -> tuple[list[str], list[KafkactlError]]:
        """Return the names of the topics, and a NotFoundError for each pattern without a match, which is not raised.

        The id is not looked at. An empty selection means all topics, in the order of `list_existing`; else the names
        are sorted. `list_existing` returns the names of all topics; it is called only for all topics, for patterns and
        with if_exists, and its errors are raised. A name need not exist, unless if_exists is set: then only names of
        existing topics are returned, and no errors. exclude_internal leaves internal topics out, also named ones.
        """
        errors: list[KafkactlError] = []
        if self.selection.is_empty:
            names = list(list_existing())
        elif self.selection.patterns or self.if_exists:
            choice = self.selection.choose(list_existing())
            names = sorted({*choice.names, *(() if self.if_exists else choice.absent_names)})
            errors += [] if self.if_exists else make_unmatched_errors(choice)
        else:
            names = list(self.selection.names)
        return [name for name in names if not (self.exclude_internal and is_internal_topic(name))], errors

    def make_id_error(self) -> NotFoundError:
        """Return (not raise) the error for an id that no topic has."""
        return NotFoundError(
            f"topic not found: id {self.topic_id!r}", "show the id of a topic: kafkactl topics describe TOPIC"
        )


@dataclass(frozen=True)
class _PartitionFilter:
    """Conditions on partitions. A partition is shown if it meets one of them, or if there is none."""

    under_replicated: bool
    unavailable: bool
    under_min_isr: bool
    at_min_isr: bool
    as_kafka: bool = False
    """Whether replicas that a reassignment adds do not count as under-replicated, as in Kafka's tool."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is no condition, so that every partition is shown."""
        return not (self.under_replicated or self.unavailable or self.need_settings)

    @property
    def names(self) -> list[str]:
        """Return the conditions that are set, in words such as "under-replicated", in a fixed order."""
        words = {
            "under-replicated": self.under_replicated,
            "without a leader": self.unavailable,
            "under its min.insync.replicas": self.under_min_isr,
            "at its min.insync.replicas": self.at_min_isr,
        }
        return [name for name, is_set in words.items() if is_set]

    @property
    def need_settings(self) -> bool:
        """Return whether the conditions need min.insync.replicas of the topics."""
        return self.under_min_isr or self.at_min_isr

    def accepts(self, row: PartitionDescription, min_isr: int) -> bool:
        """Return whether a partition is shown: it meets one of the conditions, or there is none.

        `min_isr` is min.insync.replicas of its topic. A partition without a leader counts as under it, but not as at it
        unless its ISR has this size.
        """
        return (
            self.is_empty
            or (self.under_replicated and (row.lacks_replicas if self.as_kafka else row.under_replicated))
            or (self.unavailable and row.leader is None)
            or (self.under_min_isr and (row.leader is None or len(row.isr) < min_isr))
            or (self.at_min_isr and len(row.isr) == min_isr)
        )


def _describe(connected: Cluster, request: _TopicRequest, in_full: bool = True, as_kafka: bool = False) -> Descriptions:
    """Return the selected topics, and errors of unmatched patterns and of topics, or parts of them, that have failed.

    A topic whose settings cannot be read is in both lists, without settings; where no answer about moves comes, there
    is one error, and no topic has moves. Eligible leader replicas and moves are read with `in_full` and for an id (with
    `as_kafka` only moves, as in Kafka's own tool); the first, too, where librdkafka gets no answer in time. Raise
    NotFoundError for an id that no topic has, or only one that exclude_internal leaves out, unless if_exists is set,
    UnreachableError where no broker answers, OperationError where the topics cannot be listed or a whole request is
    refused, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.topics import descriptions

    if request.topic_id:
        if as_kafka:
            described, errors = descriptions.describe_by_id(connected, request.topic_id)
        else:
            name = descriptions.find_name(connected, request.topic_id)
            described, errors = descriptions.describe_in_full(connected, [] if name is None else [name])
        if request.exclude_internal:
            described = [topic for topic in described if not is_internal_topic(topic.topic)]
        if not (described or errors or request.if_exists):
            raise request.make_id_error()
        return described, errors
    names, missing = request.choose(lambda: [row.topic for row in descriptions.list_topics(connected)])
    describe = descriptions.describe_in_full if in_full else descriptions.describe_each
    described, errors = describe(connected, names)
    return described, missing + errors


def _filter_topics(
    described: Sequence[TopicDescription], filters: _PartitionFilter, only_overrides: bool
) -> list[TopicDescription]:
    """Return the topics, in order, with the partitions that the filter accepts.

    Topics without such partitions are left out, but not where the filter is empty. With `only_overrides` topics without
    settings of their own are left out.
    """
    if only_overrides:
        described = [topic for topic in described if topic.configs]
    if filters.is_empty:
        return list(described)
    topics = [
        replace(topic, partitions=tuple(row for row in topic.partitions if filters.accepts(row, topic.min_isr)))
        for topic in described
    ]
    return [topic for topic in topics if topic.partitions]


def _format_as_kafka(described: Sequence[TopicDescription], filters: _PartitionFilter, only_overrides: bool) -> str:
    """Return the text of kafka-topics --describe, which ends with a line end; "" where it has no line.

    The topics have the order of the hash table in Kafka's tool. Filters leave the lines of topics out, and
    `only_overrides` (--topics-with-overrides) those of partitions and of topics whose settings are all Kafka's
    defaults; with both the result is "".
    """
    from kafkactl.output.kafka import admin_text

    lines = []
    for topic in admin_text.sort_as_described(described):
        if filters.is_empty and (topic.is_overridden or not only_overrides):
            lines.append(admin_text.format_topic(topic))
        if not only_overrides:
            rows = [row for row in topic.partitions if filters.accepts(row, topic.min_isr)]
            lines += map(admin_text.format_partition, rows)
    return "".join(lines)


def _make_document(topic: TopicDescription) -> dict[str, Any]:
    """Return a topic for json and yaml, as a dict.

    Its keys are topic, topic_id, internal, replication_factor, min_isr (1 where it cannot be read), configs (its own
    settings) and partitions (PartitionDescription objects).
    """
    return {
        "topic": topic.topic,
        "topic_id": topic.topic_id,
        "internal": topic.internal,
        "replication_factor": topic.replication_factor,
        "min_isr": topic.min_isr,
        "configs": topic.configs,
        "partitions": topic.partitions,
    }


def _choose_style(row: PartitionDescription) -> str | None:
    """Return the style of a row: "bold red" without a leader, else "yellow" if it is under-replicated, else None."""
    return "bold red" if row.leader is None else "yellow" if row.under_replicated else None


_COLUMNS = (
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEADER", lambda row: row.leader, _choose_style),
    Column("REPLICAS", lambda row: row.replicas),
    Column("ISR", lambda row: row.isr, _choose_style),
)


_COLUMNS_IN_FULL = (
    Column("ELR", lambda row: row.elr),
    Column("LAST-KNOWN-ELR", lambda row: row.last_known_elr),
    Column("ADDING", lambda row: row.adding),
    Column("REMOVING", lambda row: row.removing),
)


def _sum_records(topic: TopicDescription) -> int | str:
    """Return the largest possible number of records of a topic, or "unknown" if one partition's number is unknown."""
    counts = [row.records for row in topic.partitions if row.records is not None]
    return sum(counts) if len(counts) == len(topic.partitions) else "unknown"


def _make_title(topic: TopicDescription, size: bool, count: bool) -> str:
    """Return the line above the partitions of a topic: name, id, numbers, sums and own settings, no line end.

    `size` adds the bytes of all partitions, and `count` the largest possible number of their records. Bytes that are
    not known count as 0; records are "unknown" if one number is. The name and the settings are not escaped.
    """
    configs = ",".join(f"{name}={value}" for name, value in topic.configs.items()) or "none of its own"
    sums = (
        f"  bytes {sum(row.size_bytes or 0 for row in topic.partitions)}" if size else "",
        f"  records {_sum_records(topic)}" if count else "",
    )
    return (
        f"{topic.topic}  id {topic.topic_id}  partitions {len(topic.partitions)}"
        f"  replication {topic.replication_factor}{''.join(sums)}  configs {configs}"
    )
