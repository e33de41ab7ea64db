"""The commands `kafkactl brokers`: list, describe, api-versions, unregister and wait.

drain is in draining.py, and balance in balancing.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.brokers import balancing, draining, tables
from kafkactl.cli.completion.names import complete_brokers
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, ControllerOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes, warn_of_fenced
from kafkactl.errors import NotFoundError, OperationError, UnreachableError
from kafkactl.output import people
from kafkactl.output.kafka import cluster_text
from kafkactl.output.report import Report, Table, listing
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.brokers import Brokers
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show brokers: state, controller, releases, sizes; balance and drain them.

    Examples:
      kafkactl brokers list
      kafkactl brokers describe 1
    """
)

_MOVE_AWAY = "move its replicas to other brokers first: kafkactl brokers drain"

BrokerId = Annotated[
    int,
    typer.Argument(
        metavar="BROKER",
        help="Id of the broker.",
        min=0,
        max=2**31 - 1,
        show_default=False,
        autocompletion=complete_brokers,
    ),
]


@app.command("list")
@command
def list_brokers(
    cluster: ClusterOptions,
    output: ReportOptions,
    size: Annotated[
        bool, typer.Option("--size", help="Show the size of each broker's log folders, and its skew from the mean.")
    ] = False,
) -> int:
    """Show which brokers are alive, which is the controller, what each holds.

    A fenced broker is registered and sends no heartbeats; a silent one is not fenced and does not answer. The API level
    is the range of Kafka's releases that offer the requests of the broker.

    Examples:
      kafkactl brokers list
      kafkactl brokers list --size --sort size:desc
    """
    from kafkactl.admin import brokers

    result = brokers.list_brokers(cluster.connect(), size)
    output.show(listing([*tables.BROKERS, *(tables.SIZES if size else ())], result.brokers))
    _note_controller(result)
    return print_errors(result.errors)


def _note_controller(result: Brokers) -> None:
    """Print a note on stderr where the controller is not among the brokers of the result, or is not known."""
    from kafkactl.output import people

    if result.controller_id is None:
        people.note("the controller is not known: there is none now, or the principal lacks Describe on the cluster")
    elif result.controller_id not in [broker.id for broker in result.brokers]:
        people.note(f"the controller is node {result.controller_id}, which is not a broker")


@app.command()
@command
def describe(cluster: ClusterOptions, output: ReportOptions, broker: BrokerId) -> int:
    """Show one broker with its listeners and its log folders.

    Examples:
      kafkactl brokers describe 1
      kafkactl brokers describe 1 -o json
    """
    from kafkactl.admin import brokers

    description, errors = brokers.describe_broker(cluster.connect(), broker)
    output.show(
        Report(
            description,
            [Table(tables.DESCRIPTION, [description]), Table(tables.LOG_DIRS, description.log_dirs, "Log folders")],
        )
    )
    return print_errors(errors)


@app.command("api-versions")
@command
def api_versions(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    broker: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="BROKER",
            help="Id of a broker; several may follow. Default: all.",
            show_default=False,
            autocompletion=complete_brokers,
        ),
    ] = None,
) -> int:
    """Show the requests that brokers offer, with their versions.

    Examples:
      kafkactl brokers api-versions
      kafkactl brokers api-versions 1 -o json
    """
    from kafkactl.admin import brokers

    connected = cluster.connect()
    if output.is_kafka:
        from kafkactl.admin import endpoints

        chosen = [node for node in endpoints.describe_cluster(connected).endpoints if not broker or node.id in broker]
        apis, errors = brokers.list_apis(connected, broker or [node.id for node in chosen])
        out.write_text(cluster_text.format_api_versions(chosen, apis))
        return print_errors(errors)
    apis, errors = brokers.list_apis(connected, broker or ())
    if not broker:
        warn_of_fenced(connected)
    output.show(listing(tables.APIS, apis))
    return print_errors(errors)


@app.command()
@command
def unregister(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    broker: BrokerId,
    force: Annotated[
        bool, typer.Option("--force", help="Unregister the broker although it runs, or its state is not known.")
    ] = False,
) -> int:
    """Remove the registration of a broker that will not come back.

    A broker that runs is refused without --force. Its replicas stay assigned to it.

    Examples:
      kafkactl brokers unregister 1 --force --dry-run
    """
    from kafkactl.admin import brokers
    from kafkactl.admin.models import Outcome

    connected = cluster.connect()
    state = "its state is not known" if force and people.is_kafka_style() else _describe_state(connected, broker, force)
    change = Change(action=f"unregister broker {broker}", inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    if (status := confirm.ask(f"unregister broker {broker}: {state}", "nothing unregistered")) is not None:
        return status
    brokers.unregister_broker(connected, broker)
    if output.is_kafka:
        out.write_text(cluster_text.format_unregistration(broker))
    return show_outcomes([Outcome(name=str(broker), ok=True, result="unregistered")], "broker", output)


def _describe_state(connected: Cluster, broker_id: int, force: bool) -> str:
    """Return the present state of a broker as text; raise OperationError for one that may run, without `force`.

    If it has replicas, a warning on stderr says that they would stay assigned to it. Where the address is that of
    controllers, the state is not known, and `force` is needed. Raise NotFoundError, also with `force`, for a broker
    that is not registered, where the brokers name the fenced ones; older brokers do not, and one without replicas
    counts as stopped. Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import brokers

    if connected.settings.has_controllers:
        if not force:
            raise OperationError(
                f"broker {broker_id} may be running: a controller does not say it",
                "name a broker with --bootstrap-server, or add --force",
            )
        return "its state is not known"
    listing = brokers.list_brokers(connected, only=broker_id)
    if listing.knows_fenced and not listing.brokers:
        raise NotFoundError(f"broker not found: {broker_id}", "list the brokers: kafkactl brokers list")
    if not listing.brokers:
        return "it does not run"
    (broker,) = listing.brokers
    is_absent = broker.state is brokers.BrokerState.ABSENT
    if is_absent and listing.knows_fenced:
        raise NotFoundError(f"broker {broker_id} is not registered", f"{_MOVE_AWAY} {broker_id}")
    if broker.state not in (brokers.BrokerState.FENCED, brokers.BrokerState.ABSENT) and not force:
        is_silent = broker.state is brokers.BrokerState.SILENT
        reason = "may be running: it is registered and does not answer" if is_silent else "is running"
        raise OperationError(f"broker {broker_id} {reason}", "stop it first, or add --force to unregister it")
    if broker.replicas:
        people.warning(f"its replicas would stay assigned to broker {broker_id}; {_MOVE_AWAY} {broker_id}")
    return (
        f"it is {broker.state} and has {broker.replicas} replica{'' if broker.replicas == 1 else 's'},"
        f" {broker.leaders} of them leaders"
    )


app.command()(draining.drain)
app.command()(balancing.balance)


@app.command()
@command
def wait(
    cluster: ClusterOptions,
    output: ReportOptions,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="Number of brokers to wait for.")] = 1,
) -> None:
    """Wait until brokers answer, at most until --timeout is over.

    Only brokers count that are registered and answer themselves. The status is 3 where there are too few of them.

    Examples:
      kafkactl brokers wait
      kafkactl brokers wait --count 1 --timeout 60s
    """
    from kafkactl.admin import brokers

    connected = cluster.connect()
    alive, failure = brokers.wait_for_brokers(connected, count)
    if alive < count:
        within = f"{connected.settings.timeout_s:g} s"
        place = f" at {connected.settings.bootstrap_servers}" if failure is None else f": {failure}"
        raise UnreachableError(
            f"{alive} of {count} brokers are alive after {within}{place}",
            "wait longer with --timeout, or see which are missing: kafkactl brokers list",
        )
    output.show(listing(tables.WAITS, [tables.Wait(alive=alive)]))
