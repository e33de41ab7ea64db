"""The commands `kafkactl local`: up, down, status, logs, and faults of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.completion.names import complete_local_clusters
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import NotFoundError, UnreachableError, UsageError, make_exclusive_error
from kafkactl.local import cluster as local_cluster
from kafkactl.local.compose import TARGETS
from kafkactl.local.compose import Target as StartedTarget
from kafkactl.local.engine import Fault
from kafkactl.output import people
from kafkactl.output.report import Column, listing

app = new_app(
    """Start and stop throw-away clusters on this machine.

    Examples:
      kafkactl local up
      kafkactl local status
      kafkactl local down --wipe
    """
)

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET",
        help=f"Kind of cluster: {', '.join(TARGETS)}.",
        autocompletion=complete_local_clusters,
        show_default=False,
    ),
]


@app.command()
@command
def up(
    target: Target = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="auto|docker|native",
            help="Run Docker containers or Java processes; auto takes what the machine has.",
        ),
    ] = "auto",
    port: Annotated[
        int | None,
        typer.Option("--port", min=1024, max=65000, help="Port of the first broker; the others follow. Default: 9092."),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Version of Kafka. Default: the one in the compose file.")
    ] = None,
    log_dir: Annotated[
        Path | None,
        typer.Option(
            "--log-dir", metavar="DIR", help="Folder for the brokers' segments, where dump-log can read them."
        ),
    ] = None,
) -> None:
    """Start a local cluster, and make it the current context.

    The command waits until the cluster serves. The default is kraft, a single node.

    Examples:
      kafkactl local up
      kafkactl local up kraft-cluster --port 19092
      kafkactl local up --engine native --log-dir segments
    """
    from kafkactl.connection import contexts

    require_choice(engine, "--engine", tuple(local_cluster.ENGINES))
    name = target or TARGETS[0]
    started = local_cluster.up(name, engine, port, version, _count_brokers, people.note, log_dir)
    context = contexts.Context(name, started.bootstrap_servers, started.client)
    contexts.change(lambda file: file.add_context(context).select_context(name))
    people.note(
        f"{name} is up: Kafka {started.kafka_version} at {started.bootstrap_servers}; it is the current context"
    )


@app.command()
@command
def down(
    target: Target = None,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep the records for the next up. This is the default.")
    ] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove the data and the context, too.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Stop every local cluster.")] = False,
) -> None:
    """Stop a local cluster.

    If several are running, name one, or stop them with --all.

    Examples:
      kafkactl local down
      kafkactl local down kraft-cluster --wipe
    """
    from kafkactl.connection import contexts

    if keep_data and wipe:
        raise make_exclusive_error("--keep-data", "--wipe")
    present = local_cluster.list_names()
    if not present and target is None:
        people.note("no local cluster found")
        return
    if all_:
        names = present
    elif target is not None:
        names = [target]
    elif len(present) == 1:
        names = present
    else:
        raise _make_target_error(present, "name one of them, or use --all")
    for name in names:
        local_cluster.down(name, wipe, people.note)
        if wipe and name in contexts.load().contexts:
            contexts.change(methodcaller("remove_context", name))
        people.note(f"{name} is down{'' if wipe else '; its data stays for the next `up`, --wipe removes it'}")


NodeName = Annotated[
    str, typer.Argument(metavar="NODE", help="Name of the node as status shows it, or its number: kafka-2, or 2.")
]


@app.command()
@command
def kill(node: NodeName, target: Target = None) -> None:
    """Kill a node at once (SIGKILL), as a power cut would.

    Examples:
      kafkactl local kill 2
    """
    _apply(Fault.KILL, target, node, "is killed")


@app.command()
@command
def pause(node: NodeName, target: Target = None) -> None:
    """Freeze a node: its connections stay open without answers.

    Examples:
      kafkactl local pause 2
    """
    _apply(Fault.PAUSE, target, node, "is paused")


@app.command()
@command
def resume(node: NodeName, target: Target = None) -> None:
    """Let a paused node continue.

    Examples:
      kafkactl local resume 2
    """
    _apply(Fault.RESUME, target, node, "continues")


@app.command()
@command
def restart(node: NodeName, target: Target = None) -> None:
    """Restart a node, and wait until it serves.

    A node that runs is stopped in an orderly way first.

    Examples:
      kafkactl local restart 2
    """
    _apply(Fault.RESTART, target, node, "is started again")


def _apply(fault: Fault, target: str | None, node: str, result: str) -> None:
    """Apply a fault to a node and print its name with `result`, as a note.

    A restart waits until the node serves, or, with the native engine, until it runs if clients do not reach it. The
    native engine waits at most 180 s, Docker without a limit. A pause of a paused node, or a resume of a running one,
    does nothing with the native engine, and is an EngineError with Docker. `target` is None for the only local cluster;
    `node` is a name or a number.

    Raise NotFoundError for an unknown cluster or node and where there is no cluster, UsageError where the target is
    missing and there are several, for a restart with a KAFKA_HOME of another version, and for a version in the record
    that the target cannot have. Raise EngineError where the engine fails, for a damaged record, and for a node that
    does not run, which only a restart accepts; OSError for a record or pid file that cannot be read, a log or cache for
    jars that cannot be written, a pid file that cannot be removed, and a process of another user.
    """
    name = local_cluster.apply(fault, _choose_name(target), node, people.note)
    people.note(f"{name} {result}")


def _make_target_error(names: Sequence[str], hint: str) -> UsageError:
    """Return (not raise) the error for a missing TARGET where there are several local clusters."""
    return UsageError(f"missing argument TARGET: there are several local clusters: {', '.join(names)}", hint)


def _choose_name(target: str | None) -> str:
    """Return the target, or without one the only local cluster. A given target need not exist.

    An empty one gives the first cluster in alphabetical order; raise IndexError where there is none. Without a target
    raise NotFoundError where there is no local cluster, and UsageError where there are several. Raise EngineError for a
    damaged record, also with a target, and OSError for one that cannot be read.
    """
    present = local_cluster.list_names()
    if target is None and len(present) != 1:
        if not present:
            raise NotFoundError("no local cluster found", "start one: kafkactl local up")
        raise _make_target_error(present, "name one of them")
    return target or present[0]


@app.command()
@command
def status(output: ReportOptions) -> None:
    """Show the nodes of local clusters.

    Each has its state, address, process and log folder.

    Examples:
      kafkactl local status
      kafkactl local status -o json
    """
    nodes = local_cluster.list_node_statuses()
    columns = [
        Column("CLUSTER", lambda row: row.cluster),
        Column("NODE", lambda row: row.node),
        Column("ENGINE", lambda row: row.engine),
        Column("STATE", lambda row: row.state, lambda row: "green" if row.state == "running" else "red"),
        Column("ADDRESS", lambda row: row.address),
        Column("PID", lambda row: row.pid),
        Column("LOG-DIR", lambda row: row.log_dir),
    ]
    output.show(listing(columns, nodes))
    if not nodes:
        people.note("no local cluster found; start one: kafkactl local up")


@app.command()
@command
def logs(
    target: Target = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with lines that are written later.")] = False,
) -> int:
    """Print the logs of the nodes of a local cluster.

    Examples:
      kafkactl local logs
      kafkactl local logs kraft-cluster --follow
    """
    return local_cluster.logs(_choose_name(target), follow)


def _count_brokers(target: StartedTarget) -> int:
    """Return how many brokers are in the cluster's metadata; 0 where none answers within 2 s or the login fails.

    Raise OperationError for a refusal, and UsageError for a setting of `target.client` that cannot be translated or is
    wrong.
    """
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.java_names import to_librdkafka
    from kafkactl.connection.settings import Settings

    settings = Settings(target.bootstrap_servers, "local up", to_librdkafka(target.client), timeout_s=2.0)
    try:
        return len(Cluster(settings).read_metadata().brokers)
    except UnreachableError:
        return 0
