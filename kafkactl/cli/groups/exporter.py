"""The command `kafkactl groups exporter`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.options import ClusterOptions
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output import people

_LOOKS = 3
_START_S = 10.0
"""Time for the start of the process, in s. A scrape may take this time and _LOOKS time-outs.

The time-outs are for groups, offsets and times of records.
"""
DEFAULT_PORT = 9308
"""The port of kafka_exporter. The metrics have the names of kafka_exporter, too."""


@command
def exporter(
    click_context: typer.Context,
    cluster: ClusterOptions,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port to listen on; 0 takes a free port.")
    ] = DEFAULT_PORT,
    time_lag: Annotated[
        bool, typer.Option("--time/--no-time", help="Measure lag in time, too; this reads unread records.")
    ] = True,
) -> None:
    """Serve the lag of all groups as metrics for Prometheus.

    It runs until it is interrupted, also while brokers are away: http://127.0.0.1:9308/metrics and /health.

    Examples:
      kafkactl groups exporter
      kafkactl groups exporter --port 9400 --no-time
    """
    from kafkactl.cli.groups.serving import MetricsServer, Scraper

    settings = cluster.settings()  # wrong settings are an error now, and not at the first scrape
    # Without -P a file of the current folder, such as json.py, takes the place of a module.
    command_line = [sys.executable, "-P", "-m", "kafkactl", *_list_connection_flags(cluster)]
    command_line += ["groups", "describe", "--all-groups", "--lag", "-o", "prometheus"]
    command_line.append("--time" if time_lag else "--no-time")
    scraper = Scraper(
        command_line, _LOOKS * settings.timeout_s + _START_S, lambda reason: people.error(KafkactlError(reason))
    )
    place = f"[{host}]" if ":" in host else host
    try:
        server = MetricsServer((host, port), scraper)
    except (OSError, TypeError, ValueError) as error:  # the last two for an invalid host name
        reason = error.strerror or error if isinstance(error, OSError) else "invalid host name"
        hint = "choose another port with --port, or another address with --host"
        raise UsageError(f"cannot listen on {place}:{port}: {reason}", hint) from error
    people.note(f"serving http://{place}:{server.server_port}/metrics and /health; stop with Ctrl-C")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _list_connection_flags(cluster: ClusterOptions) -> list[str]:
    """Return the options of the connection as arguments of another kafkactl: --context NAME, -X NAME=VALUE, ...

    Options that are not given are left out.
    """
    values = {
        "--bootstrap-server": cluster.bootstrap_server,
        "--context": cluster.context,
        "--command-config": cluster.command_config,
        "--timeout": cluster.timeout,
    }
    flags = [text for flag, value in values.items() if value is not None for text in (flag, str(value))]
    return flags + [text for assignment in cluster.properties or () for text in ("-X", assignment)]
