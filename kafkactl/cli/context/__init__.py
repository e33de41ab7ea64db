"""The commands `kafkactl context`: list, use, show, set, delete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.completion.names import complete_contexts
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.connection import contexts, properties, secrets
from kafkactl.connection.java_names import to_librdkafka
from kafkactl.connection.settings import SERVERS, find_address, parse_assignment, require_addresses
from kafkactl.errors import UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.patterns import refuse_empty, write_command

app = new_app(
    """Save named clusters, and choose the current one.

    Examples:
      kafkactl context set staging -b staging-1:9092,staging-2:9092
      kafkactl context use staging
      kafkactl context list
    """
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the context.", autocompletion=complete_contexts)]


@app.command("list")
@command
def list_contexts(output: ReportOptions) -> None:
    """List contexts, and mark the current one.

    Examples:
      kafkactl context list
    """
    file = contexts.load()
    rows = [
        {"current": name == file.current, "context": name, "bootstrap_servers": context.bootstrap_servers}
        for name, context in sorted(file.contexts.items())
    ]
    columns = [
        Column("CURRENT", lambda row: "*" if row["current"] else ""),
        Column("CONTEXT", lambda row: row["context"]),
        Column("BOOTSTRAP-SERVERS", lambda row: row["bootstrap_servers"]),
    ]
    output.show(listing(columns, rows))
    if not rows:
        people.note(f"no contexts in {file.path}; create one: kafkactl context set NAME --bootstrap-server HOST:PORT")


@app.command()
@command
def use(name: Name) -> None:
    """Make a context the current one.

    Examples:
      kafkactl context use staging
    """
    contexts.change(lambda file: file.select_context(name))
    people.note(f"current context: {name}")


@app.command()
@command
def show(
    output: ReportOptions,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of the context. Default: the current one.",
            autocompletion=complete_contexts,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the settings of a context, with secrets hidden.

    Examples:
      kafkactl context show
      kafkactl context show staging -o yaml
    """
    file = contexts.load()
    context_name = name or file.current
    if context_name is None:
        raise UsageError(
            "no context is selected", "choose one: kafkactl context use NAME; list them: kafkactl context list"
        )
    context = file.get(context_name).hide_secrets()
    rows = [("bootstrap.servers", context.bootstrap_servers), *context.properties.items()]
    if context.read_only:
        rows.append(("read-only", "true"))
    columns = [Column("SETTING", lambda row: row[0]), Column("VALUE", lambda row: row[1])]
    output.show(Report(context, [Table(columns, rows, f"context {context_name}")]))


@app.command("set")
@command
def set_context(
    name: Name,
    bootstrap_server: Annotated[
        str | None,
        typer.Option("--bootstrap-server", "-b", metavar="HOST:PORT,...", help="Brokers to connect to first."),
    ] = None,
    command_config: Annotated[
        Path | None,
        typer.Option(
            "--command-config", metavar="FILE", help="Java .properties file whose settings are copied into the context."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("-X", metavar="NAME=VALUE", help="Client setting; repeatable. NAME= removes a setting."),
    ] = None,
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--no-read-only", help="Refuse commands that change the cluster.")
    ] = None,
) -> None:
    """Create a context, or change parts of one.

    Examples:
      kafkactl context set staging -b staging-1:9092,staging-2:9092
      kafkactl context set staging -X security.protocol=ssl --read-only
      kafkactl context set production --command-config client.properties
    """
    file_settings = properties.read_client_settings(command_config) if command_config else {}
    assignments = [parse_assignment(text, "-X") for text in setting or ()]
    in_flags = {key: value for key, value in assignments if key in SERVERS}
    for key, value in in_flags.items():
        refuse_empty(value, f"-X {key}")
    addresses = dict.fromkeys([*filter(None, [bootstrap_server]), *in_flags.values()])
    if len(addresses) > 1:
        raise UsageError(f"different addresses: {' and '.join(addresses)}", "leave one of them out")
    servers = next(iter(addresses), None) or find_address(file_settings)
    secrets.refuse((key for key, value in assignments if value), "-X", secrets.IN_CLIENT_SETTINGS)
    secrets.refuse_urls(dict(assignments), "-X")
    new_file = contexts.change(
        lambda file: _change_settings(file, name, servers, {**file_settings, **dict(assignments)}, read_only)
    )
    servers = new_file.contexts[name].bootstrap_servers
    people.note(f"context {name}: {servers}; make it current: {write_command('kafkactl context use', name)}")


def _change_settings(
    file: contexts.ContextFile, name: str, servers: str | None, new_settings: Mapping[str, str], read_only: bool | None
) -> contexts.ContextFile:
    """Return a copy of the file with a context changed or added; nothing is written.

    `new_settings` are added to the present ones; one with an empty value is removed, and addresses in them do not
    count. Empty or None `servers`, and `read_only` of None, stay as they are; a new context is writable then. Raise
    UsageError for a context without servers, a wrong address, or a setting that is not supported or cannot be
    translated. Settings with an unknown name pass, and `name` is not checked.
    """
    present_context = file.contexts.get(name)
    servers = servers or (present_context.bootstrap_servers if present_context else None)
    if servers is None:
        raise UsageError(f"context {name} has no brokers", "give their addresses with --bootstrap-server HOST:PORT")
    require_addresses(servers)
    settings = {
        key: value
        for key, value in {**(present_context.properties if present_context else {}), **new_settings}.items()
        if value and key not in SERVERS
    }
    to_librdkafka(settings)
    if read_only is None:
        read_only = present_context is not None and present_context.read_only
    return file.add_context(contexts.Context(name, servers, settings, read_only))


@app.command()
@command
def delete(name: Name) -> None:
    """Delete a context; the cluster stays as it is.

    Examples:
      kafkactl context delete staging
    """
    contexts.change(lambda file: file.remove_context(name))
    people.note(f"context {name} deleted")
