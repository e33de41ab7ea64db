"""The commands `kafkactl quorum`: status, replication, remove-controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.output import people
from kafkactl.output.kafka import quorum_text
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.patterns import refuse_empty
from kafkactl.statuses import DONE
from kafkactl.stdout import out
from kafkactl.times import format_duration, format_time

if TYPE_CHECKING:
    from kafkactl.admin.quorum import QuorumNode

app = new_app(
    """Show and change the quorum of the controllers of a KRaft cluster.

    Examples:
      kafkactl quorum status
      kafkactl quorum replication
    """
)

_MS = 1000
_STATUS = [
    Column("CLUSTER-ID", lambda row: row.cluster_id),
    Column("LEADER", lambda row: row.leader_id),
    Column("EPOCH", lambda row: row.leader_epoch),
    Column("HIGH-WATERMARK", lambda row: row.high_watermark),
    Column("MAX-LAG", lambda row: row.max_follower_lag),
    Column("MAX-LAG-MS", lambda row: row.max_follower_lag_ms),
]
_NODES = [
    Column("NODE", lambda row: row.id),
    Column("ROLE", lambda row: row.role),
    Column("DIRECTORY-ID", lambda row: row.directory_id),
]
_ENDPOINTS = [*_NODES, Column("ENDPOINTS", lambda row: row.endpoints)]


@app.command()
@command
def status(cluster: ControllerOptions, output: MirrorOutputOptions) -> None:
    """Show the leader, the voters and the observers, and the largest lag.

    Examples:
      kafkactl quorum status
      kafkactl quorum status -o json
    """
    from kafkactl.admin import quorum

    described = quorum.read_quorum(cluster.connect())
    if output.is_kafka:
        out.write_text(quorum_text.format_status(described))
        return
    output.show(Report(described, [Table(_STATUS, [described]), Table(_ENDPOINTS, described.nodes, "Nodes")]))


@app.command()
@command
def replication(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    human_readable: Annotated[
        bool, typer.Option("--human-readable", help="Show how long ago times are, and not the times.")
    ] = False,
) -> None:
    """Show how far each node has read the metadata log.

    Examples:
      kafkactl quorum replication
      kafkactl quorum replication --human-readable
    """
    from kafkactl.admin import quorum

    described = quorum.read_quorum(cluster.connect())
    now_ms = int(time.time() * _MS)
    if output.is_kafka:
        out.write_text(quorum_text.format_replication(described, now_ms if human_readable else None))
        return
    columns = [
        *_NODES,
        Column("LOG-END-OFFSET", lambda row: row.log_end_offset),
        Column("LAG", lambda row: row.lag),
        _make_time_column("LAST-FETCH", lambda row: row.last_fetch_ms, now_ms if human_readable else None),
        _make_time_column("LAST-CAUGHT-UP", lambda row: row.last_caught_up_ms, now_ms if human_readable else None),
    ]
    output.show(listing(columns, described.nodes))


def _make_time_column(title: str, get_ms: Callable[[QuorumNode], int | None], now_ms: int | None) -> Column:
    """Return the column of a time: the time in UTC, or how long it is ago where `now_ms`, in ms since 1970, is given.

    A time after now is shown as 0s ago: two clocks differ.
    """

    def show(row: QuorumNode) -> str | None:
        """Return the text of a row; None for a time that is not known."""
        ms = get_ms(row)
        if ms is None:
            return None
        return format_time(ms) if now_ms is None else f"{format_duration(max(0, now_ms - ms))} ago"

    return Column(title, show)


@app.command("remove-controller")
@command
def remove_controller(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    controller: Annotated[
        int,
        typer.Argument(metavar="CONTROLLER", help="Id of the controller.", min=0, max=2**31 - 1, show_default=False),
    ],
    directory_id: Annotated[
        str, typer.Option("--directory-id", metavar="ID", help="Id of its metadata folder, from quorum replication.")
    ],
) -> int:
    """Remove a controller from the voters of a dynamic quorum.

    It needs kraft.version 1, and the directory id that `quorum replication` shows. The process of the controller goes
    on as an observer: stop it afterwards.

    Examples:
      kafkactl quorum replication --columns NODE,ROLE,DIRECTORY-ID
    """
    from kafkactl.admin import quorum
    from kafkactl.admin.models import Outcome

    if not people.is_kafka_style():
        refuse_empty(directory_id, "--directory-id")
    quorum.parse_directory_id(directory_id)
    connected = cluster.connect()
    change = Change(action=f"remove controller {controller} from the quorum", inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    if people.is_kafka_style():  # Kafka's tool neither checks nor asks
        if not confirm.dry_run:
            quorum.remove_voter(connected, None, controller, directory_id)
        out.write_text(quorum_text.format_removal(controller, directory_id, confirm.dry_run))
        return DONE
    described = quorum.read_quorum(connected)
    voter = quorum.find_voter(described, controller, directory_id)
    state = f"it is a {voter.role} of {len(described.voters)} voters, lag {voter.lag}"
    if (refused := confirm.ask(f"remove controller {controller}: {state}", "nothing removed")) is not None:
        return refused
    quorum.remove_voter(connected, described.cluster_id, controller, directory_id)
    if output.is_kafka:
        out.write_text(quorum_text.format_removal(controller, directory_id, dry_run=False))
    return show_outcomes([Outcome(str(controller), True, "removed from the voters")], "controller", output)
