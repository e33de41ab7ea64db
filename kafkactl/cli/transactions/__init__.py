"""The commands `kafkactl transactions`: list, describe, producers, find-hanging, abort, force-terminate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_brokers
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import PartitionError, print_errors, show_outcomes, show_rows
from kafkactl.cli.frame.subjects import Partitions, TopicOptions, TopicsOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import (
    KafkactlError,
    NotFoundError,
    OperationError,
    UsageError,
    make_caused_error,
    make_exclusive_error,
)
from kafkactl.output import people
from kafkactl.output.report import Column, listing
from kafkactl.patterns import TopicSelection, refuse_empty, write_command
from kafkactl.statuses import DONE, combine
from kafkactl.stdout import out
from kafkactl.times import format_duration, format_time, parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafkactl.admin.models import Partition
    from kafkactl.admin.transactions import ProducerState, Transaction
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show transactions, find hanging ones, end them.

    Examples:
      kafkactl transactions list --older-than 5m
      kafkactl transactions find-hanging --all-topics
    """
)

_LISTING = [
    Column("TRANSACTIONAL-ID", lambda row: row.transactional_id),
    Column("COORDINATOR", lambda row: row.coordinator),
    Column("PRODUCER-ID", lambda row: row.producer_id),
    Column("STATE", lambda row: row.state),
]
_PRODUCERS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("PRODUCER-ID", lambda row: row.producer_id),
    Column("EPOCH", lambda row: row.producer_epoch),
    Column("COORDINATOR-EPOCH", lambda row: row.coordinator_epoch),
    Column("LAST-SEQUENCE", lambda row: row.last_sequence),
    Column("LAST-TIMESTAMP", lambda row: format_time(row.last_timestamp_ms)),
    Column("OPEN-SINCE-OFFSET", lambda row: row.start_offset),
]

TransactionalIds = Annotated[
    list[str],
    typer.Argument(metavar="TRANSACTIONAL-ID", help="Transactional id of a producer; repeatable.", show_default=False),
]
Broker = Annotated[
    int | None,
    typer.Option(
        "--broker",
        metavar="ID",
        min=0,
        max=2**31 - 1,
        help="Ask the replicas on this broker, not the leaders.",
        autocompletion=complete_brokers,
    ),
]


def _now_ms() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


@app.command("list")
@command
def list_transactions(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Only ids whose present transaction is older: 5m, 1h30m.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Only ids that match as a whole; the brokers read the expression.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only ids in this state; repeatable.", rich_help_panel=Section.SUBJECT),
    ] = None,
    producer_id: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", min=0, max=2**63 - 1, help="Only this producer; repeatable.", rich_help_panel=Section.SUBJECT
        ),
    ] = None,
) -> int:
    """List the transactional ids, with their coordinators and states.

    Examples:
      kafkactl transactions list
      kafkactl transactions list --state Ongoing --older-than 15m
      kafkactl transactions list --match 'billing-.*'
    """
    from kafkactl.admin import transactions
    from kafkactl.output.kafka import transactions_text

    for name in state or ():
        require_choice(name, "--state", transactions.STATES)
    if not people.is_kafka_style():
        refuse_empty(match, "--match")
    rows, errors = transactions.list_transactions(
        cluster.connect(),
        states=state or (transactions.OPEN_STATES if older_than is not None and not people.is_kafka_style() else ()),
        producer_ids=producer_id or (),
        longer_than_ms=None if older_than is None else parse_duration(older_than, "--older-than", signed=True),
        pattern=match,
    )
    if output.is_kafka:
        out.write_text(transactions_text.format_listing(rows))
    else:
        output.show(listing(_LISTING, rows))
        if not rows and not output.is_structured:
            people.note("no transactional id was found")
    return print_errors(errors)


@app.command()
@command
def describe(cluster: ClusterOptions, output: MirrorOutputOptions, transactional_ids: TransactionalIds) -> int:
    """Show the present transaction of transactional ids.

    Examples:
      kafkactl transactions describe billing-1
      kafkactl transactions describe billing-1 billing-2 -o json
    """
    from kafkactl.admin import transactions
    from kafkactl.output.kafka import transactions_text

    for name in transactional_ids:
        if not people.is_kafka_style():
            refuse_empty(name, "TRANSACTIONAL-ID")
    found = transactions.describe_transactions(cluster.connect(), dict.fromkeys(transactional_ids))
    rows = [row for row in found.values() if isinstance(row, transactions.Transaction)]
    errors = [error for error in found.values() if isinstance(error, KafkactlError)]
    now_ms = _now_ms()
    if output.is_kafka:
        if rows:
            out.write_text(transactions_text.format_descriptions(rows, now_ms))
        return print_errors(errors)
    columns = [
        *_LISTING,
        Column("EPOCH", lambda row: row.producer_epoch),
        Column("TIMEOUT", lambda row: format_duration(row.timeout_ms)),
        Column("STARTED", lambda row: None if row.start_ms is None or not row.is_open else format_time(row.start_ms)),
        Column(
            "AGE",
            lambda row: (
                None if row.start_ms is None or not row.is_open else format_duration(max(0, now_ms - row.start_ms))
            ),
        ),
        Column("PARTITIONS", lambda row: _format_partitions(row.partitions)),
    ]
    if rows or output.is_structured:
        output.show(listing(columns, rows))
    return print_errors(errors)


def _format_partitions(partitions: Sequence[Partition]) -> str | None:
    """Return partitions with commas between, sorted; None for none."""
    return ",".join(f"{topic}-{number}" for topic, number in sorted(partitions)) or None


@app.command()
@command
def producers(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    partitions: Partitions = None,
    broker: Broker = None,
    open_: Annotated[bool, typer.Option("--open", help="Only producers with an open transaction.")] = False,
) -> int:
    """Show the idempotent producers that partitions know.

    OPEN-SINCE-OFFSET is the first offset of an open transaction. Readers of committed records wait there.

    Examples:
      kafkactl transactions producers orders
      kafkactl transactions producers orders --partitions 0 --open
    """
    from kafkactl.admin import log_dirs, transactions
    from kafkactl.admin.partition_rules import select_partitions
    from kafkactl.output.kafka import transactions_text

    selection = topics.require_selection()
    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool does not look for the partition before
        selected: list[Partition] = [(topics.topic_flag[0] if topics.topic_flag else "", int(partitions or 0))]
        errors: list[KafkactlError] = []
    else:
        if broker is not None:
            log_dirs.require_live_brokers(connected, [broker])
        every, errors = select_partitions(connected, selection, partitions)
        selected = every if broker is None else _select_on_broker(connected, every, broker)
        errors += [
            PartitionError("{}-{}: broker {} has no replica of it".format(*place, broker), None, None)
            for place in every
            if place not in selected
        ]
    found = transactions.list_producers(connected, selected, broker) if selected else {}
    rows = [row for answer in found.values() if not isinstance(answer, KafkactlError) for row in answer]
    if open_:
        rows = [row for row in rows if row.start_offset is not None]
    failures = [
        PartitionError("{}-{}: {}".format(*place, answer), answer.hint, getattr(answer, "code", None))
        for place, answer in found.items()
        if isinstance(answer, KafkactlError)
    ]
    if output.is_kafka:
        if not failures:
            out.write_text(transactions_text.format_producers(rows))
        return print_errors([*errors, *failures])
    return show_rows(output, _PRODUCERS, rows, [*errors, *failures], "no producer was found")


@app.command("find-hanging")
@command
def find_hanging(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    topics: TopicsOptions,
    all_topics: Annotated[
        bool, typer.Option("--all-topics", help="Search all topics.", rich_help_panel=Section.SUBJECT)
    ] = False,
    partitions: Partitions = None,
    broker: Annotated[
        int | None,
        typer.Option(
            "--broker",
            metavar="ID",
            min=0,
            max=2**31 - 1,
            help="Search partitions with a replica here.",
            autocompletion=complete_brokers,
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="Only transactions whose last record is older: transaction.max.timeout.ms.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = "15m",
) -> int:
    """Find open transactions that no coordinator will end.

    Readers of committed records wait there for ever. `transactions abort` ends it, from OPEN-SINCE-OFFSET.

    Examples:
      kafkactl transactions find-hanging orders
      kafkactl transactions find-hanging --all-topics --older-than 1h
      kafkactl transactions find-hanging --broker 1
    """
    from kafkactl.admin import transactions
    from kafkactl.output.kafka import transactions_text

    selection = topics.selection()
    if all_topics and not selection.is_empty:
        raise make_exclusive_error("TOPIC", "--all-topics")
    if selection.is_empty and not all_topics and broker is None:
        raise UsageError(
            "missing argument: TOPIC, --all-topics or --broker",
            "search everything: transactions find-hanging --all-topics",
        )
    longest_ms = parse_duration(older_than, "--older-than", signed=True)
    connected = cluster.connect()
    selected, errors = _select_replicas(connected, selection, partitions, broker)
    now_ms = _now_ms()
    rows, failures = (
        transactions.find_hanging(connected, selected, now_ms, longest_ms, broker) if selected else ([], [])
    )
    if output.is_kafka:
        if not errors and not failures:
            out.write_text(transactions_text.format_hanging(rows, now_ms))
        return print_errors([*errors, *failures])
    columns = [*_PRODUCERS, Column("IDLE", lambda row: format_duration(max(0, now_ms - row.last_timestamp_ms)))]
    nothing = f"no hanging transaction in {len(selected)} partition{'' if len(selected) == 1 else 's'}"
    return show_rows(output, columns, rows, [*errors, *failures], nothing)


def _select_replicas(
    connected: Cluster, selection: TopicSelection, partitions: str | None, broker: int | None
) -> tuple[list[Partition], list[KafkactlError]]:
    """Return the selected partitions, sorted, and an error for each selected thing that does not exist.

    With a `broker` only those with a replica on it are returned, and the others have no error. An empty selection means
    all topics. `partitions` are numbers with commas between, None for all. Raise UsageError for a wrong list of
    partitions or a wrong client setting, NotFoundError for a broker that is not alive, but not in Kafka's style,
    UnreachableError or OperationError where the topics, the brokers or the replicas cannot be listed.
    """
    from kafkactl.admin import log_dirs
    from kafkactl.admin.partition_rules import select_partitions

    if broker is not None and not people.is_kafka_style():  # Kafka's tool finds nothing on an unknown broker
        log_dirs.require_live_brokers(connected, [broker])
    selected, errors = select_partitions(connected, selection, partitions)
    return selected if broker is None else _select_on_broker(connected, selected, broker), errors


def _select_on_broker(connected: Cluster, selected: Sequence[Partition], broker: int) -> list[Partition]:
    """Return the partitions with a replica on a broker, in their order.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.leaders import list_leaders

    topics = sorted({topic for topic, _ in selected})
    leaders = list_leaders(connected, topics) if topics else []
    on_broker = {(row.topic, row.partition) for row in leaders if broker in row.replicas}
    return [place for place in selected if place in on_broker]


@app.command()
@command
def abort(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    topic: TopicOptions,
    partition: Annotated[
        int | None,
        typer.Option(
            "--partition",
            metavar="N",
            min=0,
            max=2**31 - 1,
            help="Number of the partition.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    start_offset: Annotated[
        int | None,
        typer.Option(metavar="N", help="Offset at which the transaction begins.", rich_help_panel=Section.SUBJECT),
    ] = None,
    producer_id: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=2**63 - 1,
            help="Producer, in place of --start-offset.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    producer_epoch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=-(2**15),
            max=2**15 - 1,
            help="Its epoch, with --producer-id.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    coordinator_epoch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=-(2**31),
            max=2**31 - 1,
            help="Epoch of its coordinator, with --producer-id.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
) -> int:
    """Abort a hanging transaction in one partition.

    The marker is written past the coordinator. A transaction that its coordinator still knows is refused: end it with
    `transactions force-terminate`. The records of the transaction are lost for readers of committed records.

    Examples:
      kafkactl transactions find-hanging orders
      kafkactl transactions abort orders --partition 0 --start-offset 1200 --dry-run
    """
    from kafkactl.admin import transactions
    from kafkactl.admin.models import Outcome

    name = topic.name
    if partition is None:
        raise UsageError("missing option: --partition", "find it: kafkactl transactions find-hanging TOPIC")
    place = name, partition
    if start_offset is None and producer_id is None:
        raise UsageError("missing option: --start-offset", "find it: kafkactl transactions find-hanging TOPIC")
    if start_offset is not None and not people.is_kafka_style():
        for name, value in (
            ("--producer-id", producer_id),
            ("--producer-epoch", producer_epoch),
            ("--coordinator-epoch", coordinator_epoch),
        ):
            if value is not None:
                raise make_exclusive_error("--start-offset", name)
    if start_offset is None and (producer_epoch is None or coordinator_epoch is None):
        missing = "--producer-epoch" if producer_epoch is None else "--coordinator-epoch"
        raise UsageError(f"missing option: {missing}", "--producer-id needs both epochs")
    connected = cluster.connect()
    change = Change(action="abort the open transaction in {}-{}".format(*place), inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    if start_offset is not None or not people.is_kafka_style():
        producer = _find_producer(connected, place, start_offset, producer_id)
        if start_offset is not None:
            producer_epoch, coordinator_epoch = producer.producer_epoch, producer.coordinator_epoch
        producer_id = producer.producer_id
        if not people.is_kafka_style():
            _refuse_coordinated(connected, producer)
            idle = format_duration(max(0, _now_ms() - producer.last_timestamp_ms))
            described = f"of producer {producer_id} from offset {producer.start_offset}, last record {idle} ago"
            action = f"abort the transaction {described} in {place[0]}-{place[1]}"
            if (refused := confirm.ask(action, "nothing aborted")) is not None:
                return refused
            if _find_producer(connected, place, start_offset, producer_id) != producer:
                raise OperationError(f"the transaction of producer {producer_id} has changed", "look at it again")
    assert producer_id is not None
    assert producer_epoch is not None
    transactions.abort(
        connected, place, producer_id=producer_id, producer_epoch=producer_epoch, coordinator_epoch=coordinator_epoch
    )
    if output.is_kafka:
        return DONE
    return show_outcomes(
        [Outcome(name="{}-{}".format(*place), ok=True, result="transaction aborted")], "partition", output
    )


def _find_producer(
    connected: Cluster, place: Partition, start_offset: int | None, producer_id: int | None
) -> ProducerState:
    """Return the producer whose open transaction begins at `start_offset`, or, where that is None, the one with an id.

    The leader of the partition `place` is asked. With an offset `producer_id` does not count. Raise NotFoundError where
    there is none with an open transaction, OperationError for a refusal, UnreachableError, UnsupportedRequestError, and
    UsageError for a wrong client setting.
    """
    from kafkactl.admin import transactions

    if start_offset is not None:
        return transactions.find_open(connected, place, start_offset)
    producers = transactions.list_producers(connected, [place])[place]
    if type(producers) is OperationError:  # others name what does not answer
        raise make_caused_error("{}-{}: {}".format(*place, producers), producers)
    if isinstance(producers, KafkactlError):
        raise producers
    for producer in producers:
        if producer.producer_id == producer_id and producer.start_offset is not None:
            return producer
    raise NotFoundError(
        "producer {} has no open transaction in {}-{}".format(producer_id, *place),
        f"show those that have one: {write_command('kafkactl transactions producers', place[0], '--open')}",
    )


def _refuse_coordinated(connected: Cluster, producer: ProducerState) -> None:
    """Raise OperationError for an open transaction that its coordinator will end; do nothing for one that hangs.

    A transactional id that the principal may not describe looks like one that hangs. One that has ended meanwhile is
    refused, too. Raise UnreachableError, OperationError or UnsupportedRequestError where the leader or a coordinator
    does not say what it knows, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import transactions

    place = producer.topic, producer.partition
    hanging, errors = transactions.find_hanging(connected, [place], _now_ms(), older_than_ms=None)
    if errors:
        raise errors[0]
    if all(row.producer_id != producer.producer_id for row in hanging):
        raise OperationError(
            f"the transaction of producer {producer.producer_id} does not hang: it has ended, or its coordinator "
            "will end it",
            f"find its id: kafkactl transactions list --producer-id {producer.producer_id}; "
            "then kafkactl transactions force-terminate ID",
        )


def _describe_open(row: Transaction) -> str:
    """Return an open transaction as a phrase: its id, state, age and partitions.

    A transaction without a known start has the age of the year 1970.
    """
    age = format_duration(max(0, _now_ms() - (row.start_ms or 0)))
    return f"{row.transactional_id}, {row.state}, {age} old, in {_format_partitions(row.partitions) or 'no partition'}"


@app.command("force-terminate")
@command
def force_terminate(
    cluster: ClusterOptions, output: MirrorOutputOptions, confirm: ConfirmOptions, transactional_ids: TransactionalIds
) -> int:
    """End the present transaction of transactional ids, and shut their producers out.

    The producer of each id fails at its next request, and has to begin anew. Without a present transaction nothing is
    changed.

    Examples:
      kafkactl transactions force-terminate billing-1 --dry-run
      kafkactl transactions force-terminate billing-1 --yes
    """
    from kafkactl.admin import transactions
    from kafkactl.admin.models import Outcome, make_failure

    names = list(dict.fromkeys(transactional_ids))
    connected = cluster.connect()
    changes = [Change(action=f"end the present transaction of {name}", inverse=cannot_be_undone) for name in names]
    before_change(connected, changes, confirm.dry_run)
    if people.is_kafka_style():  # Kafka's tool looks at nothing before
        for name in names:
            transactions.force_terminate(connected, name)
        return DONE
    for name in names:
        refuse_empty(name, "TRANSACTIONAL-ID")
    found = transactions.describe_transactions(connected, names)
    errors = [error for error in found.values() if isinstance(error, KafkactlError)]
    present = [row for row in found.values() if isinstance(row, transactions.Transaction)]
    running = [row for row in present if row.is_open]
    outcomes = [
        Outcome(name=row.transactional_id, ok=True, result="no transaction is open")
        for row in present
        if not row.is_open
    ]
    if running:
        described = "; ".join(map(_describe_open, running))
        plural = "" if len(running) == 1 else "s"
        if (
            refused := confirm.ask(f"end {len(running)} transaction{plural}: {described}", "nothing ended")
        ) is not None:
            return combine([refused, print_errors(errors)]) if errors else refused
    for row in running:
        try:
            transactions.force_terminate(connected, row.transactional_id)
            outcomes.append(Outcome(name=row.transactional_id, ok=True, result="transaction ended"))
        except UsageError:
            raise
        except KafkactlError as error:
            outcomes.append(make_failure(row.transactional_id, error))
    status = DONE
    if outcomes and output.is_kafka:
        status = combine([DONE if each.ok else 1 for each in outcomes])
    elif outcomes or output.is_structured:
        status = show_outcomes(outcomes, "transactional id", output)
    return combine([status, print_errors(errors)]) if errors else status
