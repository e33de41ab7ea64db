"""The commands `kafkactl cluster`: id, endpoints."""

from __future__ import annotations

from typing import Annotated

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.errors import OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.kafka import cluster_text
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.statuses import DONE, FAILED
from kafkactl.stdout import out

app = new_app(
    """Show the id of a cluster, and the addresses of its nodes.

    Examples:
      kafkactl cluster id
      kafkactl cluster endpoints
    """
)

_ID = [Column("CLUSTER-ID", lambda row: row["cluster_id"])]
_ENDPOINTS = [
    Column("ID", lambda row: row.id),
    Column("HOST", lambda row: row.host),
    Column("PORT", lambda row: row.port),
    Column("RACK", lambda row: row.rack),
    Column("FENCED", lambda row: row.fenced),
    Column("KIND", lambda row: row.kind),
]


@app.command("id")
@command
def show_id(cluster: ControllerOptions, output: MirrorOutputOptions) -> int:
    """Show the id of the cluster.

    Examples:
      kafkactl cluster id
    """
    from kafkactl.admin import endpoints

    cluster_id = endpoints.describe_cluster(cluster.connect()).cluster_id
    if output.is_kafka:
        out.write_text(cluster_text.format_cluster_id(cluster_id))
        return DONE if cluster_id is not None or people.is_kafka_style() else FAILED
    if cluster_id is None:
        raise OperationError("the cluster has no id: its brokers are older than 0.10.1")
    row = {"cluster_id": cluster_id}
    output.show(Report(row, [Table(_ID, [row], headings=False)]))
    return DONE


@app.command("endpoints")
@command
def list_endpoints(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    include_fenced_brokers: Annotated[
        bool, typer.Option("--include-fenced-brokers", help="Show brokers without heartbeats, too.")
    ] = False,
) -> None:
    """Show the addresses of the brokers, or of the controllers.

    With --bootstrap-controller the nodes are the controllers.

    Examples:
      kafkactl cluster endpoints
      kafkactl cluster endpoints --include-fenced-brokers
    """
    from kafkactl.admin import endpoints

    connected = cluster.connect()
    if include_fenced_brokers and connected.settings.has_controllers:
        raise UsageError(
            "--include-fenced-brokers needs a broker: controllers name controllers only",
            "name a broker with --bootstrap-server",
        )
    nodes = endpoints.describe_cluster(connected, include_fenced_brokers).endpoints
    if output.is_kafka:
        out.write_text(cluster_text.format_endpoints(nodes, connected.settings.has_controllers))
        return
    output.show(listing(_ENDPOINTS, nodes))
