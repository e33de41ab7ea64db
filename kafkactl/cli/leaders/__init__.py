"""The commands `kafkactl leaders`: list, elect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import PartitionError, print_errors, show_outcomes
from kafkactl.cli.frame.subjects import Partitions, TopicsOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import KafkactlError, OperationError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.statuses import DONE, FAILED, combine
from kafkactl.stdout import out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafkactl.admin.leaders import Election, ElectionType, PartitionLeader
    from kafkactl.admin.models import Partition
    from kafkactl.connection.cluster import Cluster
    from kafkactl.patterns import TopicSelection

app = new_app(
    """Show the leaders of partitions, and elect other ones.

    Examples:
      kafkactl leaders list --not-preferred
      kafkactl leaders elect --all --dry-run
    """
)


def _format_ids(ids: Sequence[int]) -> str | None:
    """Return the ids of brokers with commas between; None for none."""
    return ",".join(map(str, ids)) or None


_COLUMNS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("LEADER", lambda row: row.leader),
    Column("PREFERRED", lambda row: row.preferred),
    Column("REPLICAS", lambda row: _format_ids(row.replicas)),
    Column("ISR", lambda row: _format_ids(row.isr)),
    Column("OFFLINE", lambda row: _format_ids(row.offline)),
]


@app.command("list")
@command
def list_leaders(
    cluster: ClusterOptions,
    output: ReportOptions,
    topics: TopicsOptions,
    partitions: Partitions = None,
    not_preferred: Annotated[
        bool, typer.Option("--not-preferred", help="Only partitions whose leader is not the preferred replica.")
    ] = False,
    without_leader: Annotated[
        bool, typer.Option("--without-leader", help="Only partitions that have no leader.")
    ] = False,
) -> int:
    """Show the leader and the replicas of each partition.

    The preferred replica is the first one of the assignment. Without topics all are shown.

    Examples:
      kafkactl leaders list
      kafkactl leaders list orders --partitions 0,1
    """
    from kafkactl.admin.leaders import ElectionType

    rows, errors = _find_leaders(cluster.connect(), topics.selection(), partitions)
    if not_preferred:
        rows = [row for row in rows if row.is_candidate(ElectionType.PREFERRED)]
    if without_leader:
        rows = [row for row in rows if row.is_candidate(ElectionType.UNCLEAN)]
    output.show(listing(_COLUMNS, rows))
    return print_errors(errors)


@app.command()
@command
def elect(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    topics: TopicsOptions,
    partitions: Partitions = None,
    all_: Annotated[bool, typer.Option("--all", help="All partitions that need an election.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from-file", "--path-to-json-file", metavar="FILE", help="Kafka's JSON file with a list of partitions."
        ),
    ] = None,
    type_: Annotated[
        str,
        typer.Option(
            "--type",
            "--election-type",
            metavar="TYPE",
            help="The replica: preferred, or unclean for any live one.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = "preferred",
) -> int:
    """Elect the preferred replica of partitions as their leader.

    With --type unclean a replica that is out of sync becomes the leader of a partition that has none. Records that it
    lacks are lost. The command shows the partitions that need an election, and asks on a terminal.

    Examples:
      kafkactl leaders elect --all --dry-run
      kafkactl leaders elect orders --yes
      kafkactl leaders elect orders --partitions 0 --type unclean --dry-run
    """
    from kafkactl.admin import leaders

    require_choice(type_.lower(), "--type", list(leaders.ElectionType))
    kind = leaders.ElectionType(type_.lower())
    named = bool(topics.topic or topics.topic_flag or topics.match)
    if sum((named, all_, file is not None)) != 1:
        raise UsageError(
            "TOPIC, --all and --from-file are mutually exclusive"
            if any((named, all_, file))
            else "missing argument: TOPIC, --all or --from-file",
            "name topics: kafkactl leaders elect orders",
        )
    if partitions is not None and not named:
        raise make_exclusive_error("--partitions", "--all" if all_ else "--from-file")
    chosen = None if file is None else leaders.read_election_file(file)
    if people.is_kafka_style():  # Kafka's tool looks at nothing before
        return _elect_as_kafka(cluster.connect(), kind, _list_named(topics, partitions) if named else chosen)
    selection = topics.selection()
    connected = cluster.connect()
    errors: list[KafkactlError] = []
    if chosen is None:
        present, errors = _find_leaders(connected, selection, partitions)
    else:
        rows = leaders.list_leaders(connected, sorted({topic for topic, _ in chosen}))
        present, errors = _choose(rows, chosen)
    candidates = [row for row in present if row.is_candidate(kind)]
    possible = [row for row in candidates if row.can_elect(kind)]
    errors += [
        PartitionError(f"{row.topic}-{row.partition}: {_explain_impossible(row, kind)}")
        for row in candidates
        if not row.can_elect(kind)
    ]
    changes = [
        Change(action=f"elect the {kind} leader of {row.topic}-{row.partition}", inverse=cannot_be_undone)
        for row in possible
    ]
    before_change(connected, changes, confirm.dry_run)
    if not possible and not errors:
        people.note("no partition needs an election")
    if (
        (confirm.dry_run or not confirm.yes or not possible)
        and not output.is_kafka
        and (possible or output.is_structured)
    ):
        output.show(Report(possible, [Table(_COLUMNS, possible)]))
    if not possible:
        return print_errors(errors)
    status = confirm.ask(_describe(kind, possible), "nothing elected")
    if status is None:
        elections = leaders.elect(connected, kind, [(row.topic, row.partition) for row in possible])
        status = _show_elections(elections, kind, output)
    return combine([status, print_errors(errors)]) if errors else status


def _explain_impossible(row: PartitionLeader, kind: ElectionType) -> str:
    """Return why an election of this type finds no replica for a partition."""
    if kind.value == "preferred":
        return f"the preferred replica {row.preferred} is not in sync"
    return "no replica is alive"


def _describe(kind: ElectionType, candidates: Sequence[PartitionLeader]) -> str:
    """Return the election as a phrase that begins with a verb; for an unclean one it says what can be lost."""
    count = f"{len(candidates)} partition{'' if len(candidates) == 1 else 's'}"
    if kind.value == "preferred":
        return f"elect the preferred leader of {count}"
    brokers = sorted({broker for row in candidates for broker in row.isr})
    text = f"elect a leader that is out of sync for {count}"
    if not brokers:
        return f"{text}: records that it lacks are lost"
    if len(brokers) == 1:
        return f"{text}: records that only broker {brokers[0]} has are lost"
    return f"{text}: records that only brokers {_format_ids(brokers)} have are lost"


def _list_named(topics: TopicsOptions, partitions: str | None) -> list[Partition]:
    """Return the partitions that Kafka's tool names, by its --topic and --partition; they need not exist.

    Each topic of --topic has one, with the number in `partitions`, a single number as text (else ValueError), or 0
    where that is None or "". The list is empty without --topic.
    """
    return [(topic, int(partitions or 0)) for topic in topics.topic_flag or ()]


def _find_leaders(
    connected: Cluster, selection: TopicSelection, partitions: str | None
) -> tuple[list[PartitionLeader], list[KafkactlError]]:
    """Return the selected partitions with their leaders, sorted, and an error for each selected thing that is missing.

    An empty selection means all topics. `partitions` are numbers with commas between, None for all. The errors are not
    raised. A partition is missing for each named topic without it, but where no topic is named, only if no selected
    topic has it; one without replicas is always missing. Raise UsageError for a wrong list of partitions or a wrong
    client setting, UnreachableError or OperationError where the topics cannot be listed, and OperationError for a
    refusal of one topic.
    """
    from kafkactl.admin.leaders import list_leaders
    from kafkactl.admin.partition_rules import select_partitions

    selected, errors = select_partitions(connected, selection, partitions)
    present, missing = _choose(list_leaders(connected, sorted({topic for topic, _ in selected})), selected)
    return present, errors + missing


def _choose(
    leaders: Sequence[PartitionLeader], chosen: Sequence[Partition]
) -> tuple[list[PartitionLeader], list[KafkactlError]]:
    """Return the leaders of the chosen partitions, sorted, each once, and an error for each that `leaders` lacks.

    The errors are in the order of `chosen`, also for a partition that stands there twice, and not raised.
    """
    by_partition = {(row.topic, row.partition): row for row in leaders}
    present = [by_partition[partition] for partition in sorted(set(chosen)) if partition in by_partition]
    errors: list[KafkactlError] = [
        PartitionError(f"partition not found: {topic}-{number}")
        for topic, number in chosen
        if (topic, number) not in by_partition
    ]
    return present, errors


def _show_elections(elections: Sequence[Election], kind: ElectionType, output: MirrorOutputOptions) -> int:
    """Show the elections that were made on stdout, each failure as an error on stderr, and return an exit status.

    An election that was not needed is a success. Without elections stdout stays empty, also in structured forms.
    Structured forms and Kafka's own have the failures on stdout, too; in Kafka's style the errors are kept in
    people.failures. The status is 0 without an error, 3 where all elections failed and may have been done, else 1. Call
    this after before_change: a wrong column is only a warning then. Raise OutputError or ReaderLeftError where stdout
    fails.
    """
    from kafkactl.admin.models import Outcome
    from kafkactl.output.kafka import leaders_text

    if output.is_kafka:
        out.write_text(leaders_text.format_elections(kind, elections))
    outcomes = [
        Outcome(
            name=f"{row.topic}-{row.partition}",
            ok=row.error is None,
            result=row.error or ("elected" if row.elected else "no election was needed"),
            code=row.code,
        )
        for row in elections
    ]
    return show_outcomes(outcomes, "partition", output)


def _elect_as_kafka(connected: Cluster, kind: ElectionType, partitions: Sequence[Partition] | None) -> int:
    """Elect leaders without looking at them before, as Kafka's tool does, print them, and return an exit status.

    `partitions` of None are all that need an election; none at all elect nothing. The status is 1 where a partition has
    an error, else 0. One OperationError with the number of failures goes to people.error(): Kafka's style keeps it in
    people.failures. Raise UsageError in a read-only context and for a wrong client setting, UnreachableError
    (UnansweredError where leaders may have been elected), OperationError for a refusal of the whole request, and
    OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import leaders
    from kafkactl.output.kafka import leaders_text

    before_change(connected, [Change(action="elect leaders", inverse=cannot_be_undone)], dry_run=False)
    elections = leaders.elect(connected, kind, partitions)
    out.write_text(leaders_text.format_elections(kind, elections))
    failed = [row for row in elections if row.error is not None]
    if failed:
        people.error(OperationError(f"{len(failed)} replica(s) could not be elected"))
    return FAILED if failed else DONE
