"""The commands `kafkactl quorum`: status, replication, add-controller, remove-controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.cli.quorum import voters
from kafkactl.output.kafka import quorum_text
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.stdout import out
from kafkactl.times import format_duration, format_time

if TYPE_CHECKING:
    from kafkactl.admin.quorum import QuorumNode

app = new_app(
    """Show and change the quorum of the controllers (KRaft).

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

    A time after now is shown as 0s ago: two clocks differ. A time that is not known (None) is an empty cell; 0 is
    1970.
    """

    def show(row: QuorumNode) -> str | None:
        """Return the text of a row; None for a time that is not known."""
        ms = get_ms(row)
        if ms is None:
            return None
        return format_time(ms) if now_ms is None else f"{format_duration(max(0, now_ms - ms))} ago"

    return Column(title, show)


app.command("add-controller")(voters.add_controller)
app.command("remove-controller")(voters.remove_controller)
