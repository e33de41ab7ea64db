"""kafkactl topics describe"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.command import command, subjects
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.topics.flags import ExcludeInternal, IfExists, TopicFlag, Topics
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.output.report import Column, OutputFormat, Report, Table

if TYPE_CHECKING:
    from kafkactl.admin.topics.models import PartitionDescription, TopicDescription
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.kafka_python import AdminClient


@command
def describe(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topic: Topics = None,
    topic_flag: TopicFlag = None,
    topic_id: Annotated[str | None, typer.Option("--topic-id", metavar="ID", help="The topic of that id.")] = None,
    exclude_internal: ExcludeInternal = False,
    under_replicated_partitions: Annotated[
        bool,
        typer.Option(
            "--under-replicated-partitions", "--under-replicated", help="Only partitions with replicas out of sync."
        ),
    ] = False,
    under_min_isr_partitions: Annotated[
        bool,
        typer.Option(
            "--under-min-isr-partitions",
            "--under-min-isr",
            help="Only partitions with fewer in sync than min.insync.replicas.",
        ),
    ] = False,
    at_min_isr_partitions: Annotated[
        bool, typer.Option("--at-min-isr-partitions", "--at-min-isr", help="Only partitions with just as many.")
    ] = False,
    unavailable_partitions: Annotated[
        bool, typer.Option("--unavailable-partitions", "--unavailable", help="Only partitions without a leader.")
    ] = False,
    topics_with_overrides: Annotated[
        bool, typer.Option("--topics-with-overrides", help="Only topics with settings of their own.")
    ] = False,
    if_exists: IfExists = False,
    size: Annotated[bool, typer.Option("--size", help="Bytes on disk, of each partition's leader.")] = False,
    count: Annotated[bool, typer.Option("--count", help="How many records each partition can hold at most.")] = False,
) -> None:
    """Show topics' partitions, leaders, replicas and ISR, with ids and own settings; or all partitions in one table."""
    if topic_id and (topic or topic_flag):
        raise UsageError("a topic by name and one by id", "say one of them")
    asked = _Asked(
        subjects(topic, topic_flag, "topic") if topic or topic_flag else None, topic_id, exclude_internal, if_exists
    )
    wishes = _Wishes(
        under_replicated_partitions, unavailable_partitions, under_min_isr_partitions, at_min_isr_partitions
    )
    if output.is_kafka:
        with cluster.admin() as client:
            print(_as_kafka(client, asked, wishes, topics_with_overrides), end="")
        return
    from kafkactl.admin.topics import changes as topics

    connected = cluster.connect()
    columns = [*_COLUMNS]
    completions: list[Callable[[Cluster, Sequence[PartitionDescription]], list[PartitionDescription]]] = []
    if size:
        columns.append(Column("BYTES", lambda row: row.size_bytes))
        completions.append(topics.with_sizes)
    if count:
        columns.append(Column("RECORDS", lambda row: row.records))
        completions.append(topics.with_records)
    whole = output.format in (OutputFormat.JSON, OutputFormat.YAML)
    if asked.everything and not (whole or topics_with_overrides or wishes.need_settings):
        rows = [row for row in topics.all_partitions(connected, not exclude_internal) if wishes.met(row, 1)]
        for complete in completions:
            rows = complete(connected, rows)
        output.show(Report(rows, [Table(columns, rows)]))
        return
    described = _described(connected, asked, wishes, topics_with_overrides)
    for complete in completions:
        by_topic = defaultdict(list)
        for row in complete(connected, [row for one in described for row in one.partitions]):
            by_topic[row.topic].append(row)
        described = [replace(one, partitions=tuple(by_topic[one.topic])) for one in described]
    output.show(Report(described, [Table(columns, one.partitions, _title(one, size, count)) for one in described]))


@dataclass(frozen=True)
class _Asked:
    """Which topics."""

    names: list[str] | None
    topic_id: str | None
    exclude_internal: bool
    if_exists: bool

    @property
    def everything(self) -> bool:
        return self.names is None and self.topic_id is None

    def among(self, existing: Callable[[], Sequence[str]]) -> list[str]:
        """Their names; raises NotFoundError."""
        from kafkactl.admin.topics.names import INTERNAL_TOPICS, matching

        names = list(existing()) if self.names is None else matching(existing, self.names, not self.if_exists)
        return [name for name in names if not (self.exclude_internal and name in INTERNAL_TOPICS)]

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


def _described(connected: Cluster, asked: _Asked, wishes: _Wishes, only_overrides: bool) -> list[TopicDescription]:
    from kafkactl.admin.topics import changes as topics

    names = asked.among(lambda: [row.topic for row in topics.list_topics(connected)])
    settings = topics.settings_of(connected, names)
    described = topics.describe_topics(connected, names, settings)
    if asked.topic_id:
        described = [one for one in described if one.topic_id == asked.topic_id]
        if not described and not asked.if_exists:
            raise asked.no_such_id()
    if only_overrides:
        described = [one for one in described if one.configs]
    if wishes.none:
        return described
    chosen = [
        replace(one, partitions=tuple(row for row in one.partitions if wishes.met(row, settings[one.topic].min_isr)))
        for one in described
    ]
    return [one for one in chosen if one.partitions]


def _as_kafka(client: AdminClient, asked: _Asked, wishes: _Wishes, only_overrides: bool) -> str:
    """As kafka-topics --describe: with wishes only partitions, with --topics-with-overrides only topics."""
    from kafkactl.admin.topics import descriptions as topics_in_full
    from kafkactl.output.kafka import admin_text as kafka_text

    if asked.topic_id:
        described = topics_in_full.describe_by_id(client, asked.topic_id)
        if not described and not asked.if_exists:
            raise asked.no_such_id()
    else:
        names = asked.among(lambda: topics_in_full.topic_names(client))
        described = topics_in_full.describe_by_name(client, names)
    lines = []
    for one in kafka_text.described_order(described):
        if wishes.none and (one.is_overridden or not only_overrides):
            lines.append(kafka_text.topic_line(one))
        if not only_overrides:
            lines += [kafka_text.partition_line(each) for each in one.partitions if wishes.met(each.row, one.min_isr)]
    return "".join(lines)


def _isr_style(row: PartitionDescription) -> str | None:
    return "bold red" if row.leader is None else "yellow" if row.under_replicated else None


_COLUMNS = (
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEADER", lambda row: row.leader, _isr_style),
    Column("REPLICAS", lambda row: row.replicas),
    Column("ISR", lambda row: row.isr, _isr_style),
)


def _title(topic: TopicDescription, size: bool, count: bool) -> str:
    configs = ",".join(f"{name}={value}" for name, value in topic.configs.items()) or "none of its own"
    sums = (
        f"  bytes {sum(row.size_bytes or 0 for row in topic.partitions)}" if size else "",
        f"  records {sum(row.records or 0 for row in topic.partitions)}" if count else "",
    )
    return (
        f"{topic.topic}  id {topic.topic_id}  partitions {len(topic.partitions)}"
        f"  replication {topic.replication_factor}{''.join(sums)}  configs {configs}"
    )
