"""The commands `kafkactl local`: up, down, status, logs, and faults of nodes."""

from __future__ import annotations

from operator import methodcaller
from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.completion.names import local_names
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.errors import NotFoundError, UnreachableError, UsageError
from kafkactl.local import cluster as local_cluster
from kafkactl.local.compose import TARGETS
from kafkactl.local.compose import Target as StartedTarget
from kafkactl.local.engine import Fault
from kafkactl.output import people
from kafkactl.output.report import Column, listing

app = new_app("Start and stop throw-away clusters on this machine.")

Target = Annotated[
    str | None, typer.Argument(metavar=f"[{'|'.join(TARGETS)}]", autocompletion=local_names, show_default=False)
]


@app.command()
@command
def up(
    target: Target = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine", metavar="auto|docker|native", help="Docker, or Java processes; auto takes what there is."
        ),
    ] = "auto",
    port: Annotated[
        int | None,
        typer.Option("--port", min=1024, max=65000, help="Port of the first broker; others follow it (default 9092)."),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Kafka version (default: the compose file's).")
    ] = None,
    log_dir: Annotated[
        Path | None,
        typer.Option("--log-dir", metavar="DIR", help="Keep brokers' segments in here, where dump-log can read them."),
    ] = None,
) -> None:
    """Start a cluster (default: kraft), wait until it serves, and make it the current context."""
    from kafkactl.connection import contexts

    if engine not in local_cluster.ENGINES:
        raise UsageError(f"{engine!r} is no engine", f"one of {', '.join(local_cluster.ENGINES)}")
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
        bool, typer.Option("--keep-data", help="Leave records for the next `up` (the default).")
    ] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove the data and the context, too.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every local cluster.")] = False,
) -> None:
    """Stop a local cluster; with several, name it or say --all."""
    from kafkactl.connection import contexts

    if keep_data and wipe:
        raise UsageError("--keep-data and --wipe are opposites", "say one of them")
    present = local_cluster.list_names()
    if not present and target is None:
        people.note("no local cluster is there")
        return
    if all_:
        names = present
    elif target is not None:
        names = [target]
    elif len(present) == 1:
        names = present
    else:
        raise UsageError(f"which one? there are {', '.join(present)}", "name it, or say --all")
    for name in names:
        local_cluster.down(name, wipe, people.note)
        if wipe and name in contexts.load().contexts:
            contexts.change(methodcaller("remove_context", name))
        people.note(f"{name} is down{'' if wipe else '; its data stays for the next `up`, --wipe removes it'}")


NodeName = Annotated[str, typer.Argument(metavar="NODE", help="As status shows it, or its number: kafka-2, or 2.")]


@app.command()
@command
def kill(node: NodeName, target: Target = None) -> None:
    """End a node at once (SIGKILL), as a power cut would."""
    _apply(Fault.KILL, target, node, "is killed")


@app.command()
@command
def pause(node: NodeName, target: Target = None) -> None:
    """Freeze a node: its connections stay open, and nothing answers."""
    _apply(Fault.PAUSE, target, node, "is paused")


@app.command()
@command
def resume(node: NodeName, target: Target = None) -> None:
    """Let a paused node go on."""
    _apply(Fault.RESUME, target, node, "goes on")


@app.command()
@command
def restart(node: NodeName, target: Target = None) -> None:
    """Start a node again, after an orderly end when it runs, and wait until it serves."""
    _apply(Fault.RESTART, target, node, "serves")


def _apply(fault: Fault, target: str | None, node: str, result: str) -> None:
    """Apply a fault to a node and print its name with `result`."""
    name = local_cluster.apply(fault, _choose_name(target), node, people.note)
    people.note(f"{name} {result}")


def _choose_name(target: str | None) -> str:
    """Return the target, or without one the only local cluster; raise NotFoundError or UsageError."""
    present = local_cluster.list_names()
    if target is None and len(present) != 1:
        if not present:
            raise NotFoundError("no local cluster is there", "kafkactl local up starts one")
        raise UsageError(f"which one? there are {', '.join(present)}", "name it")
    return target or present[0]


@app.command()
@command
def status(output: ReportOptions) -> None:
    """Show the nodes of local clusters: state, address, process and log folder."""
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
        people.note("no local cluster is there; kafkactl local up starts one")


@app.command()
@command
def logs(
    target: Target = None, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False
) -> int:
    """Print the logs of a local cluster's nodes."""
    return local_cluster.logs(_choose_name(target), follow)


def _count_brokers(target: StartedTarget) -> int:
    """Return how many brokers are in the cluster's metadata; 0 where none answers within 2 s."""
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.java_names import to_librdkafka
    from kafkactl.connection.settings import Settings

    settings = Settings(target.bootstrap_servers, "local up", to_librdkafka(target.client), timeout_s=2.0)
    try:
        return len(Cluster(settings).read_metadata().brokers)
    except UnreachableError:
        return 0
