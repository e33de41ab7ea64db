"""kafkactl topics describe"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import tell_all
from kafkactl.cli.frame.subjects import ExcludeInternal, IfExists, TopicsOptions, unmatched
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UsageError
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
        raise UsageError("--topic-id and a selection of topics are mutually exclusive", "leave one of them out")
    asked = _Asked(selection, topic_id, exclude_internal, if_exists)
    wishes = _Wishes(
        under_replicated_partitions, unavailable_partitions, under_min_isr_partitions, at_min_isr_partitions
    )
    connected = cluster.connect()
    if output.is_kafka:
        described, errors = _described(connected, asked, as_kafka=True)
        out.write_text(_as_kafka(described, wishes, topics_with_overrides))
        return tell_all(errors)
    from kafkactl.admin.topics import descriptions

    columns = [*_COLUMNS]
    completions: list[Callable[[Sequence[PartitionDescription]], list[PartitionDescription]]] = []
    silent: list[KafkactlError] = []
    if size:
        columns.append(Column("BYTES", lambda row: row.size_bytes))
        completions.append(lambda rows: _with_sizes(connected, rows, silent))
    if count:
        columns.append(Column("RECORDS", lambda row: row.records))
        completions.append(lambda rows: descriptions.add_record_counts(connected, rows))
    in_full = output.is_structured
    if in_full:
        columns += _ONLY_IN_FULL
    if asked.everything and not (in_full or topics_with_overrides or wishes.need_settings):
        rows = [row for row in descriptions.list_partitions(connected, not exclude_internal) if wishes.met(row, 1)]
        for complete in completions:
            rows = complete(rows)
        output.show(Report(rows, [Table(columns, rows)]))
        _note_nothing(rows, wishes)
        return tell_all(silent)
    described, errors = _described(connected, asked, in_full)
    described = _chosen(described, wishes, topics_with_overrides)
    for complete in completions:
        by_topic = defaultdict(list)
        for row in complete([row for one in described for row in one.partitions]):
            by_topic[row.topic].append(row)
        described = [replace(one, partitions=tuple(by_topic[one.topic])) for one in described]
    data = [_as_data(one) for one in described] if in_full else described
    output.show(Report(data, [Table(columns, one.partitions, _title(one, size, count)) for one in described]))
    if not errors:
        _note_nothing(described, wishes, topics_with_overrides)
    return tell_all([*errors, *silent])


def _with_sizes(
    connected: Cluster, rows: Sequence[PartitionDescription], silent: list[KafkactlError]
) -> list[PartitionDescription]:
    """Return the rows with sizes; `silent` gets an error for each broker whose sizes are missing."""
    from kafkactl.admin.topics import descriptions

    sized, errors = descriptions.add_sizes(connected, rows)
    silent += [OperationError(f"sizes are missing: {error}") for error in errors]
    return sized


def _note_nothing(found: Sequence[object], wishes: _Wishes, only_overrides: bool = False) -> None:
    """Say that a filter left nothing: an empty answer alone could be a mistake."""
    if found:
        return
    if not wishes.none:
        people.note(f"no partition is {' or '.join(wishes.names)}")
    elif only_overrides:
        people.note("no topic has settings of its own")
    else:
        people.note("there are no topics")


@dataclass(frozen=True)
class _Asked:
    """Which topics."""

    selection: TopicSelection
    topic_id: str | None
    exclude_internal: bool
    if_exists: bool

    @property
    def everything(self) -> bool:
        return self.selection.is_empty and self.topic_id is None

    def among(self, existing: Callable[[], Sequence[str]]) -> tuple[list[str], list[KafkactlError]]:
        """Return their names, and an error for each pattern without a match; names are not looked up."""
        errors: list[KafkactlError] = []
        if self.selection.is_empty:
            names = list(existing())
        elif self.selection.patterns or self.if_exists:
            choice = self.selection.choose(existing())
            names = sorted({*choice.names, *(() if self.if_exists else choice.absent_names)})
            errors += [] if self.if_exists else unmatched(choice)
        else:
            names = list(self.selection.names)
        return [name for name in names if not (self.exclude_internal and is_internal_topic(name))], errors

    def no_such_id(self) -> NotFoundError:
        return NotFoundError(f"there is no topic of id {self.topic_id}", "kafkactl topics describe NAME shows its id")


@dataclass(frozen=True)
class _Wishes:
    """Which partitions: all, or those of which any of these is true."""

    under_replicated: bool
    unavailable: bool
    under_min_isr: bool
    at_min_isr: bool

    @property
    def none(self) -> bool:
        return not (self.under_replicated or self.unavailable or self.need_settings)

    @property
    def names(self) -> list[str]:
        """Return what is looked for, in words."""
        words = {
            "under-replicated": self.under_replicated,
            "without a leader": self.unavailable,
            "under its min.insync.replicas": self.under_min_isr,
            "at its min.insync.replicas": self.at_min_isr,
        }
        return [name for name, is_wished in words.items() if is_wished]

    @property
    def need_settings(self) -> bool:
        return self.under_min_isr or self.at_min_isr

    def met(self, row: PartitionDescription, min_isr: int) -> bool:
        return (
            self.none
            or (self.under_replicated and row.under_replicated)
            or (self.unavailable and row.leader is None)
            or (self.under_min_isr and (row.leader is None or len(row.isr) < min_isr))
            or (self.at_min_isr and len(row.isr) == min_isr)
        )


def _described(connected: Cluster, asked: _Asked, in_full: bool = True, as_kafka: bool = False) -> Descriptions:
    """Return the topics that are asked for, and the errors of those that fail; raises NotFoundError for an id.

    Eligible leaders only come with `in_full`.

    Kafka's own tool does not ask for them when it looks for an id.
    """
    from kafkactl.admin.topics import descriptions

    if asked.topic_id:
        if as_kafka:
            found, errors = descriptions.describe_by_id(connected, asked.topic_id)
        else:
            name = descriptions.find_name(connected, asked.topic_id)
            found, errors = descriptions.describe_in_full(connected, [] if name is None else [name])
        if not (found or errors or asked.if_exists):
            raise asked.no_such_id()
        return found, errors
    names, missing = asked.among(lambda: [row.topic for row in descriptions.list_topics(connected)])
    describe = descriptions.describe_in_full if in_full else descriptions.describe_each
    found, errors = describe(connected, names)
    return found, missing + errors


def _chosen(described: Sequence[TopicDescription], wishes: _Wishes, only_overrides: bool) -> list[TopicDescription]:
    """Return topics with the partitions that meet the wishes; those without any are left out."""
    if only_overrides:
        described = [one for one in described if one.configs]
    if wishes.none:
        return list(described)
    chosen = [
        replace(one, partitions=tuple(row for row in one.partitions if wishes.met(row, one.min_isr)))
        for one in described
    ]
    return [one for one in chosen if one.partitions]


def _as_kafka(described: Sequence[TopicDescription], wishes: _Wishes, only_overrides: bool) -> str:
    """Return the text of kafka-topics --describe: filters show partitions only, --topics-with-overrides topics only."""
    from kafkactl.output.kafka import admin_text

    lines = []
    for one in admin_text.sort_as_described(described):
        if wishes.none and (one.is_overridden or not only_overrides):
            lines.append(admin_text.format_topic(one))
        if not only_overrides:
            lines += [admin_text.format_partition(row) for row in one.partitions if wishes.met(row, one.min_isr)]
    return "".join(lines)


def _as_data(topic: TopicDescription) -> dict[str, Any]:
    """Return a topic for json and yaml: with the settings that it sets itself, of about forty in force."""
    return {
        "topic": topic.topic,
        "topic_id": topic.topic_id,
        "internal": topic.internal,
        "replication_factor": topic.replication_factor,
        "min_isr": topic.min_isr,
        "configs": topic.configs,
        "partitions": topic.partitions,
    }


def _isr_style(row: PartitionDescription) -> str | None:
    return "bold red" if row.leader is None else "yellow" if row.under_replicated else None


_COLUMNS = (
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEADER", lambda row: row.leader, _isr_style),
    Column("REPLICAS", lambda row: row.replicas),
    Column("ISR", lambda row: row.isr, _isr_style),
)


_ONLY_IN_FULL = (
    Column("ELR", lambda row: row.elr),
    Column("LAST-KNOWN-ELR", lambda row: row.last_known_elr),
    Column("ADDING", lambda row: row.adding),
    Column("REMOVING", lambda row: row.removing),
)


def _sum_of_records(topic: TopicDescription) -> int | str:
    """Return how many records a topic can hold; an unknown number is never counted as zero."""
    known = [row.records for row in topic.partitions if row.records is not None]
    return sum(known) if len(known) == len(topic.partitions) else "unknown"


def _title(topic: TopicDescription, size: bool, count: bool) -> str:
    configs = ",".join(f"{name}={value}" for name, value in topic.configs.items()) or "none of its own"
    sums = (
        f"  bytes {sum(row.size_bytes or 0 for row in topic.partitions)}" if size else "",
        f"  records {_sum_of_records(topic)}" if count else "",
    )
    return (
        f"{topic.topic}  id {topic.topic_id}  partitions {len(topic.partitions)}"
        f"  replication {topic.replication_factor}{''.join(sums)}  configs {configs}"
    )
