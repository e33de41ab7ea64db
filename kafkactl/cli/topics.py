"""kafkactl topics"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion import topic_names
from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import ClusterOptions, ConfirmOptions, MirrorOutputOptions, OutputOptions, command, subjects
from kafkactl.cli.outcomes import show_outcomes
from kafkactl.errors import EXIT_CONDITION, EXIT_FAILED, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table

if TYPE_CHECKING:
    from kafkactl.admin.declared_topics import Change
    from kafkactl.admin.topics import PartitionDescription, PartitionDetail, TopicDescription, TopicSetting
    from kafkactl.connection.cluster import Cluster

app = new_app("List, create, describe, alter and delete topics.")

Topics = Annotated[list[str] | None, typer.Argument(metavar="TOPIC", autocompletion=topic_names, show_default=False)]
TopicFlag = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="Kafka's spelling of TOPIC.", autocompletion=topic_names),
]


@app.command("list")
@command
def list_topics(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topic: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help="Regular expression that names must match.", show_default=False),
    ] = None,
    topic_flag: Annotated[
        str | None, typer.Option("--topic", metavar="PATTERN", help="Kafka's spelling of PATTERN.")
    ] = None,
    exclude_internal: Annotated[bool, typer.Option("--exclude-internal", help="Leave Kafka's own topics out.")] = False,
) -> None:
    """List topics: one name a line when piped, with their numbers on a terminal."""
    from kafkactl.admin import topics

    listed = topics.list_topics(cluster.connect(), include_internal=not exclude_internal)
    if (pattern := topic or topic_flag) is not None:
        matches = _matcher(pattern)
        listed = [row for row in listed if matches(row.topic)]
    if output.is_kafka:
        print("".join(f"{row.topic}\n" for row in listed), end="")
        return
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("PARTITIONS", lambda row: row.partitions),
        Column("REPLICATION", lambda row: row.replication_factor),
        Column("INTERNAL", lambda row: row.internal),
    ]
    output.show(Report(listed, [Table(columns, listed, headings=False)]))


@app.command()
@command
def create(
    cluster: ClusterOptions,
    output: OutputOptions,
    topic: Topics = None,
    topic_flag: TopicFlag = None,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", "-p", metavar="N", min=1, help="Number of partitions (default: the brokers')."),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option("--replication-factor", "-r", metavar="N", min=1, help="Copies of each (default: the brokers')."),
    ] = None,
    replica_assignment: Annotated[
        str | None, typer.Option(metavar="1:2,2:3", help="Broker ids of each partition's replicas instead.")
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option("--config", "-c", metavar="NAME=VALUE", help="Setting of the topic; repeatable.")
    ] = None,
    if_not_exists: Annotated[
        bool, typer.Option("--if-not-exists", help="A topic that exists already is no error.")
    ] = False,
) -> int:
    """Create topics."""
    from kafkactl.admin import topics
    from kafkactl.connection.settings import parse_assignment

    names = subjects(topic, topic_flag, "topic")
    for name in names:
        if not topics.is_valid_name(name):
            raise UsageError(
                f"{name!r} cannot be a topic's name",
                "1 to 249 of the characters a-z A-Z 0-9 . _ and -, and not . or ..",
            )
    assignment = _assignment(replica_assignment) if replica_assignment else None
    if assignment and (partitions or replication_factor):
        raise UsageError(
            "--replica-assignment says partitions and replicas already",
            "leave --partitions and --replication-factor out",
        )
    configs = dict(parse_assignment(text, "--config") for text in config or ())
    connected = cluster.connect()
    for name in names:
        if "." in name or "_" in name:
            for other in topics.collisions(name, [row.topic for row in topics.list_topics(connected)]):
                people.warning(f"the metrics of {name} and {other} will share a name: Kafka turns . into _ there")
    specs = [topics.TopicSpec(name, partitions, replication_factor, assignment, configs) for name in names]
    return show_outcomes(topics.create_topics(connected, specs, if_not_exists), "topic", output)


@app.command()
@command
def describe(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topic: Topics = None,
    topic_flag: TopicFlag = None,
    exclude_internal: Annotated[bool, typer.Option("--exclude-internal", help="Leave Kafka's own topics out.")] = False,
    under_replicated_partitions: Annotated[
        bool, typer.Option("--under-replicated-partitions", help="Only partitions with replicas out of sync.")
    ] = False,
    under_min_isr_partitions: Annotated[
        bool,
        typer.Option("--under-min-isr-partitions", help="Only partitions with fewer in sync than min.insync.replicas."),
    ] = False,
    at_min_isr_partitions: Annotated[
        bool, typer.Option("--at-min-isr-partitions", help="Only partitions with just as many.")
    ] = False,
    unavailable_partitions: Annotated[
        bool, typer.Option("--unavailable-partitions", help="Only partitions without a leader.")
    ] = False,
    topics_with_overrides: Annotated[
        bool, typer.Option("--topics-with-overrides", help="Only topics with settings of their own.")
    ] = False,
) -> None:
    """Show topics' partitions, leaders, replicas and ISR, and their own settings; all topics when none is named."""
    from kafkactl.admin import topics

    connected = cluster.connect()
    names = _named_or_all(connected, topic, topic_flag, include_internal=not exclude_internal)
    described = topics.describe_topics(connected, names)
    settings = {}
    if output.is_kafka or under_min_isr_partitions or at_min_isr_partitions:
        settings = topics.settings_of(connected, names)
    wishes: list[Callable[[PartitionDescription], bool]] = []
    if under_replicated_partitions:
        wishes.append(lambda row: row.under_replicated)
    if unavailable_partitions:
        wishes.append(lambda row: row.leader is None)
    if under_min_isr_partitions or at_min_isr_partitions:
        least = {name: _min_isr(of_topic) for name, of_topic in settings.items()}
        if under_min_isr_partitions:
            wishes.append(lambda row: row.leader is None or len(row.isr) < least[row.topic])
        if at_min_isr_partitions:
            wishes.append(lambda row: len(row.isr) == least[row.topic])
    if output.is_kafka:
        details = topics.partition_details(connected, names)
        print(_kafka_text(described, settings, details, wishes, topics_with_overrides), end="")
        return
    if topics_with_overrides:
        described = [one for one in described if one.configs]
    if wishes:
        chosen = [replace(one, partitions=tuple(filter(_any(wishes), one.partitions))) for one in described]
        described = [one for one in chosen if one.partitions]
    output.show(Report(described, [Table(_PARTITION_COLUMNS, one.partitions, _title(one)) for one in described]))


def _named_or_all(
    connected: Cluster, topic: list[str] | None, topic_flag: list[str] | None, include_internal: bool
) -> list[str]:
    from kafkactl.admin import topics

    if topic or topic_flag:
        return topics.matching(connected, subjects(topic, topic_flag, "topic"))
    return [row.topic for row in topics.list_topics(connected, include_internal)]


def _any(wishes: Sequence[Callable[[PartitionDescription], bool]]) -> Callable[[PartitionDescription], bool]:
    return lambda row: any(wish(row) for wish in wishes)


def _min_isr(settings: Sequence[TopicSetting]) -> int:
    return next((int(setting.value) for setting in settings if setting.name == "min.insync.replicas"), 1)


def _kafka_text(
    described: Sequence[TopicDescription],
    settings: Mapping[str, Sequence[TopicSetting]],
    details: Mapping[tuple[str, int], PartitionDetail],
    wishes: Sequence[Callable[[PartitionDescription], bool]],
    only_overrides: bool,
) -> str:
    """As kafka-topics --describe: with wishes only partitions, with --topics-with-overrides only topics."""
    from kafkactl.admin.topics import PartitionDetail
    from kafkactl.output import kafka_text

    lines = kafka_text.topic_lines(described, settings)
    text = ""
    for one in kafka_text.described_order(described):
        overridden = any(not setting.is_default for setting in settings[one.topic])
        if not wishes and (overridden or not only_overrides):
            text += lines[one.topic]
        if not only_overrides:
            for row in one.partitions:
                if not wishes or _any(wishes)(row):
                    text += kafka_text.partition_line(row, details.get((row.topic, row.partition), PartitionDetail()))
    return text


@app.command()
@command
def alter(
    cluster: ClusterOptions,
    output: OutputOptions,
    topic: Topics = None,
    topic_flag: TopicFlag = None,
    partitions: Annotated[
        int | None, typer.Option("--partitions", "-p", metavar="N", min=1, help="New, higher number of partitions.")
    ] = None,
) -> int:
    """Raise topics' number of partitions (settings: kafkactl configs alter)."""
    from kafkactl.admin import topics

    names = subjects(topic, topic_flag, "topic")
    if partitions is None:
        raise UsageError("alter what?", "--partitions N; settings are changed by kafkactl configs alter topics NAME")
    connected = cluster.connect()
    names = topics.matching(connected, names)
    return show_outcomes(topics.add_partitions(connected, names, partitions), "topic", output)


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: OutputOptions,
    confirm: ConfirmOptions,
    topic: Topics = None,
    topic_flag: TopicFlag = None,
    if_exists: Annotated[bool, typer.Option("--if-exists", help="A topic that does not exist is no error.")] = False,
) -> int:
    """Delete topics and all their records; names, or regular expressions."""
    from kafkactl.admin import topics

    names = subjects(topic, topic_flag, "topic")
    connected = cluster.connect()
    names = topics.matching(connected, names)
    what = f"delete {len(names)} topic{'s' if len(names) > 1 else ''} with all records: {', '.join(names)}"
    if confirm.dry_run:
        people.note(f"would {what}")
        return 0
    if not people.confirm(what, confirm.yes):
        people.note("nothing deleted")
        return 1
    return show_outcomes(topics.delete_topics(connected, names, if_exists), "topic", output)


@app.command()
@command
def export(cluster: ClusterOptions, topic: Topics = None, topic_flag: TopicFlag = None) -> None:
    """Print topics as a yaml file that plan and apply take; all but Kafka's own when none is named."""
    import yaml

    from kafkactl.admin import declared_topics, topics

    connected = cluster.connect()
    names = _named_or_all(connected, topic, topic_flag, include_internal=False)
    declared = declared_topics.declaration(topics.describe_topics(connected, names))
    print(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), end="")


Declaration = Annotated[Path, typer.Argument(metavar="FILE", help="Topics as `topics export` prints them.")]


@app.command()
@command
def plan(cluster: ClusterOptions, output: OutputOptions, file: Declaration) -> int:
    """Show what differs from the topics that a file declares; status 4 when anything does."""
    from kafkactl.admin import declared_topics

    changes = declared_topics.plan(cluster.connect(), declared_topics.read_declaration(file))
    _show_changes(changes, output)
    return EXIT_CONDITION if changes else 0


@app.command()
@command
def apply(cluster: ClusterOptions, output: OutputOptions, confirm: ConfirmOptions, file: Declaration) -> int:
    """Make topics what a file declares; shows what changes, and asks. Topics not declared are left alone."""
    from kafkactl.admin import declared_topics

    declared = declared_topics.read_declaration(file)
    connected = cluster.connect()
    changes = declared_topics.plan(connected, declared)
    if confirm.dry_run or not changes or not confirm.yes:
        _show_changes(changes, output)
    if confirm.dry_run or not changes:
        return 0
    if all(change.is_possible for change in changes) and not people.confirm(
        f"make {len(changes)} change{'s' if len(changes) > 1 else ''}", confirm.yes
    ):
        people.note("nothing changed")
        return EXIT_FAILED
    return show_outcomes(declared_topics.apply(connected, declared, changes), "topic", output)


def _show_changes(changes: Sequence[Change], output: OutputOptions) -> None:
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("ACTION", lambda row: row.action, lambda row: None if row.is_possible else "red"),
        Column("WHAT", lambda row: row.what),
        Column("BEFORE", lambda row: row.before),
        Column("AFTER", lambda row: row.after),
    ]
    if changes or output.is_structured:
        output.show(Report(list(changes), [Table(columns, changes)]))
    else:
        people.note("no differences")


def _isr_style(row: PartitionDescription) -> str | None:
    return "bold red" if row.leader is None else "yellow" if row.under_replicated else None


_PARTITION_COLUMNS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEADER", lambda row: row.leader, _isr_style),
    Column("REPLICAS", lambda row: row.replicas),
    Column("ISR", lambda row: row.isr, _isr_style),
]


def _title(topic: TopicDescription) -> str:
    configs = ",".join(f"{name}={value}" for name, value in topic.configs.items()) or "none of its own"
    return (
        f"{topic.topic}  id {topic.topic_id}  partitions {len(topic.partitions)}"
        f"  replication {topic.replication_factor}  configs {configs}"
    )


def _matcher(pattern: str) -> Callable[[str], object]:
    import re

    try:
        return re.compile(pattern).fullmatch
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from error


def _assignment(text: str) -> tuple[tuple[int, ...], ...]:
    try:
        assignment = tuple(tuple(int(broker) for broker in partition.split(":")) for partition in text.split(","))
    except ValueError:
        raise UsageError(
            f"--replica-assignment {text}: not broker ids", "one list a partition: 1:2,2:3 puts partition 0 on 1 and 2"
        ) from None
    for number, brokers in enumerate(assignment):
        if len(set(brokers)) != len(brokers):
            raise UsageError(f"--replica-assignment {text}: partition {number} names a broker twice")
    if len({len(brokers) for brokers in assignment}) > 1:
        raise UsageError(f"--replica-assignment {text}: partitions differ in their number of replicas")
    return assignment
