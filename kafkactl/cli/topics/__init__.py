"""The commands `kafkactl topics`: list, create, alter and delete; the others are in modules of their own."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.admin.models import MOST_PARTITIONS, MOST_REPLICAS
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.cli.frame.subjects import (
    ExcludeInternal,
    IfExists,
    TopicsOptions,
    make_absent_errors,
    make_missing_error,
    make_unmatched_errors,
)
from kafkactl.cli.topics import declared, describe
from kafkactl.cli.topics.collisions import warn_of_collisions
from kafkactl.errors import KafkactlError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.patterns import make_arguments, require_each_once, require_topic_names
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """List, create, describe, alter and delete topics.

    Examples:
      kafkactl topics list
      kafkactl topics create orders --partitions 6
      kafkactl topics describe orders
    """
)

_BROKER_ID = re.compile("[0-9]{1,10}")
_LARGEST_ID = 2**31 - 1
ReplicaAssignment = Annotated[
    str | None,
    typer.Option(
        "--replica-assignment",
        metavar="1:2,2:3",
        help="Broker ids of each partition's replicas; : between ids, a comma between partitions.",
    ),
]


@app.command("list")
@command
def list_topics(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    exclude_internal: ExcludeInternal = False,
) -> int:
    """List topics: names in a pipe, with partitions on a terminal.

    Examples:
      kafkactl topics list
      kafkactl topics list 'orders-.*' -o json
    """
    from kafkactl.admin.topics import descriptions

    selection = topics.selection()
    rows = descriptions.list_topics(cluster.connect(), include_internal=not exclude_internal)
    errors: list[KafkactlError] = []
    if not selection.is_empty:
        choice = selection.choose(row.topic for row in rows)
        rows = [row for row in rows if row.topic in choice.names]
        errors = make_absent_errors(choice)
        for error in make_unmatched_errors(choice):  # a pattern without a match is not a failure
            people.note(f"{error}; {error.hint}")
    if output.is_kafka:
        out.write_text("\n".join(row.topic for row in rows) + "\n")
        return print_errors(errors)
    columns = [
        Column("TOPIC", lambda row: row.topic),
        Column("PARTITIONS", lambda row: row.partitions),
        Column("REPLICATION", lambda row: row.replication_factor),
        Column("INTERNAL", lambda row: row.internal),
    ]
    output.show(Report(rows, [Table(columns, rows, headings=False)]))
    return print_errors(errors)


@app.command()
@command
def create(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="Name of a new topic; several may follow.", show_default=False),
    ] = None,
    topic_flag: Annotated[
        list[str] | None, typer.Option("--topic", metavar="TOPIC", help="Kafka's spelling of TOPIC.")
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions",
            "-p",
            metavar="N",
            min=1,
            max=MOST_PARTITIONS,
            help="Number of partitions. Default: num.partitions of the brokers.",
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            "--replication-factor",
            "-r",
            metavar="N",
            min=1,
            max=MOST_REPLICAS,
            help="Number of replicas of each partition. Default: default.replication.factor of the brokers.",
        ),
    ] = None,
    replica_assignment: ReplicaAssignment = None,
    config: Annotated[
        list[str] | None,
        typer.Option("--config", "-c", metavar="NAME=VALUE", help="Setting of the new topics; repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Yaml file that declares the topics, as topics export prints it."
        ),
    ] = None,
    if_not_exists: Annotated[bool, typer.Option("--if-not-exists", help="Succeed if a topic already exists.")] = False,
) -> int:
    """Create topics, with the same settings or as a file declares them.

    Examples:
      kafkactl topics create orders --partitions 6 --replication-factor 1
      kafkactl topics create clicks views -c retention.ms=86400000
      kafkactl topics create --file topics.yaml
    """
    from kafkactl.admin import declared_topics
    from kafkactl.admin.topics import changes
    from kafkactl.admin.topics.models import TopicSpec
    from kafkactl.connection.settings import parse_assignment
    from kafkactl.output.kafka import admin_text

    if file is not None:
        if topic or topic_flag or partitions or replication_factor or replica_assignment or config:
            raise UsageError(
                "--file and other settings of topics are mutually exclusive", "leave the topics and their options out"
            )
        specs = declared_topics.read_declaration(file)
    else:
        names = require_topic_names([*(topic or ()), *(topic_flag or ())])
        if not names:
            raise make_missing_error("topic")
        assignment = _parse_assignment(replica_assignment) if replica_assignment else None
        if assignment and (partitions or replication_factor):
            raise make_exclusive_error("--replica-assignment", "--partitions" if partitions else "--replication-factor")
        settings = [parse_assignment(text, "--config") for text in config or ()]
        if not people.is_kafka_style():  # Kafka's tool takes the last value
            require_each_once([name for name, _ in settings], "setting")
        specs = [
            TopicSpec(
                topic=name,
                partitions=partitions,
                replication_factor=replication_factor,
                replica_assignment=assignment,
                configs=dict(settings),
            )
            for name in names
        ]
    connected = cluster.connect()
    if not output.is_kafka:
        warn_of_collisions(connected, [spec.topic for spec in specs])
    before_change(connected, _list_creations(connected, [spec.topic for spec in specs]))
    results = changes.create_topics(connected, specs, if_not_exists)
    if output.is_kafka:
        out.write_text("".join(admin_text.format_creation(result) for result in results))
    return show_outcomes(results, "topic", output)


app.command()(describe.describe)


@app.command()
@command
def alter(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    topics: TopicsOptions,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions",
            "-p",
            metavar="N",
            min=1,
            max=MOST_PARTITIONS,
            help="New number of partitions, higher than now.",
        ),
    ] = None,
    replica_assignment: ReplicaAssignment = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            "--replication-factor",
            "-r",
            metavar="N",
            min=1,
            max=MOST_REPLICAS,
            help="New number of replicas of each partition, spread over racks and brokers.",
        ),
    ] = None,
    if_exists: IfExists = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return before the replicas have moved.")] = False,
) -> int:
    """Add partitions to topics, or change their number of replicas.

    Settings of a topic are changed by kafkactl configs alter topics TOPIC.

    Examples:
      kafkactl topics alter orders --partitions 12
      kafkactl topics alter orders --replication-factor 1 --dry-run
    """
    from kafkactl.admin.topics import changes
    from kafkactl.cli.topics import reassigning

    assignment = _parse_assignment(replica_assignment) if replica_assignment else None
    if partitions is None and replication_factor is None:
        raise UsageError(
            "missing option: --partitions or --replication-factor",
            "give one of them; change settings of a topic with kafkactl configs alter topics NAME",
        )
    if partitions is not None and replication_factor is not None:
        raise UsageError(
            "--partitions and --replication-factor are mutually exclusive",
            "change one of them, and the other with a second command",
        )
    is_short = assignment is not None and len(assignment) != (partitions or len(assignment))
    if assignment is not None and is_short and not people.is_kafka_style():  # the brokers say it in their words
        raise UsageError(
            f"--replica-assignment has {len(assignment)} partitions, but --partitions is {partitions}",
            "list the replicas of all partitions, including the existing ones",
        )
    connected = cluster.connect()
    names = topics.choose(connected, if_exists)
    if not names:
        people.note("no topic found")
        return 0
    if replication_factor is not None:
        if assignment is not None:
            raise make_exclusive_error("--replica-assignment", "--replication-factor")
        before_change(
            connected, [_make_change(f"change the replicas of topic {name}") for name in names], confirm.dry_run
        )
        return reassigning.change_factor(connected, names, replication_factor, output, confirm, wait=not no_wait)
    if confirm.dry_run:
        raise UsageError(
            "--dry-run and --partitions are mutually exclusive", "use --dry-run only with --replication-factor"
        )
    assert partitions is not None
    before_change(connected, [_make_change(f"raise topic {name} to {partitions} partitions") for name in names])
    return show_outcomes(
        changes.add_partitions(connected, dict.fromkeys(names, partitions), assignment), "topic", output
    )


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    topics: TopicsOptions,
    if_exists: IfExists = False,
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Create the topics again, empty, with their partitions and settings.")
    ] = False,
) -> int:
    """Delete topics and all their records.

    Examples:
      kafkactl topics delete clicks --yes
      kafkactl topics delete 'test-.*' --dry-run
      kafkactl topics delete orders --recreate --yes
    """
    from kafkactl.admin.topics import changes

    connected = cluster.connect()
    names = topics.choose(connected, if_exists)
    verb = "empty" if recreate else "delete"
    if not names:
        people.note("no topic found")
        return 0
    before_change(connected, [_make_change(f"{verb} topic {name} with all records") for name in names], confirm.dry_run)
    if confirm.dry_run:
        return show_outcomes(changes.preview_deletion(connected, names, verb), "topic", output)
    action = f"{verb} {len(names)} topic{'' if len(names) == 1 else 's'} with all records: {', '.join(names)}"
    if (status := confirm.ask(action, "nothing deleted")) is not None:
        return status
    if recreate:
        return show_outcomes(changes.recreate_topics(connected, names), "topic", output)
    return show_outcomes(changes.delete_topics(connected, names, if_exists), "topic", output)


app.command()(declared.export)
app.command()(declared.plan)
app.command()(declared.apply)


def _list_creations(connected: Cluster, topics: Sequence[str]) -> list[Change]:
    """Return a change for each topic that is to be created, in order. No request is sent.

    `inverse` of a change returns the arguments that delete the topic, None for a topic that exists already. It lists
    the topics, once for all changes, and raises UnreachableError, OperationError or, for a wrong client setting,
    UsageError where this fails.
    """

    @functools.cache
    def list_existing() -> frozenset[str]:
        """Return the names of all topics, read once. Raise UnreachableError, OperationError or UsageError."""
        from kafkactl.admin.topics.descriptions import list_topics

        return frozenset(row.topic for row in list_topics(connected))

    def find_inverse(topic: str) -> tuple[str, ...] | None:
        """Return the arguments that delete the topic; None for one that exists already, which may have records.

        Raise UnreachableError, OperationError for a refusal, or UsageError for a wrong client setting.
        """
        return None if topic in list_existing() else make_arguments(("topics", "delete"), [topic], ["--yes"])

    return [Change(action=f"create topic {topic}", inverse=functools.partial(find_inverse, topic)) for topic in topics]


def _make_change(action: str) -> Change:
    """Return a change that cannot be undone. `action` is a phrase that begins with a verb."""
    return Change(action=action, inverse=cannot_be_undone)


def _parse_assignment(text: str) -> tuple[tuple[int, ...], ...]:
    """Return the broker ids of each partition's replicas, from a text such as 1:2,2:3, in the order of partitions.

    Raise UsageError for a part that is not a number of 0 to 2^31 - 1 in at most 10 digits, for a broker that is twice
    in a partition, and for different numbers of replicas.
    """
    invalid = f"invalid value {text!r} for --replica-assignment"
    parts = [partition.split(":") for partition in text.split(",")]
    if not all(_BROKER_ID.fullmatch(broker) and int(broker) <= _LARGEST_ID for part in parts for broker in part):
        raise UsageError(
            f"{invalid}: not broker ids",
            "list the brokers of each partition: 1:2,2:3 places partition 0 on brokers 1 and 2",
        )
    assignment = tuple(tuple(map(int, part)) for part in parts)
    for number, brokers in enumerate(assignment):
        if len(set(brokers)) != len(brokers):
            raise UsageError(f"{invalid}: partition {number} names a broker twice")
    if len({len(brokers) for brokers in assignment}) > 1:
        raise UsageError(f"{invalid}: partitions differ in their number of replicas")
    return assignment
