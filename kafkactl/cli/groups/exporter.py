"""kafkactl groups exporter"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.options import ClusterOptions
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output import people

DEFAULT_PORT = 9308
"""That of kafka_exporter, whose names the metrics have."""


@command
def exporter(
    click_context: typer.Context,
    cluster: ClusterOptions,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")
    ] = DEFAULT_PORT,
    time_lag: Annotated[
        bool, typer.Option("--time/--no-time", help="Lag in time, too: unread records are read for it.")
    ] = True,
) -> None:
    """Serve the lag of all groups as /metrics for Prometheus, until interrupted; brokers may come and go."""
    from prometheus_client import CollectorRegistry, start_http_server

    cluster.settings()  # what is wrong with them is told now, and not at the first scrape
    command_line = [sys.executable, "-m", "kafkactl", *_connection(cluster)]
    command_line += [
        "groups",
        "describe",
        "--all-groups",
        "--lag",
        "-o",
        "prometheus",
        "--time" if time_lag else "--no-time",
    ]
    registry = CollectorRegistry()
    registry.register(Scrapes(command_line))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}", "--port names another"
        ) from error
    people.note(f"serving http://{host}:{server.server_port}/metrics; Ctrl-C ends it")
    try:
        thread.join()
    finally:
        server.shutdown()


class Scrapes:
    """Asks the cluster at each scrape, in a process of its own: whatever becomes of that, the exporter stays."""

    def __init__(self, command_line: list[str]) -> None:
        self._command_line = command_line

    def describe(self) -> list[Any]:
        """Nothing: to be registered must not take a scrape."""
        return []

    def collect(self) -> Iterator[Any]:
        from prometheus_client.metrics_core import GaugeMetricFamily
        from prometheus_client.parser import text_string_to_metric_families

        started = time.monotonic()
        done = subprocess.run(self._command_line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        yield from text_string_to_metric_families(done.stdout)
        if done.stderr and done.returncode:
            people.error(KafkactlError(done.stderr.splitlines()[0].removeprefix("error: ")))
        up = bool(done.stdout)
        yield GaugeMetricFamily("kafkactl_up", "Whether the cluster could be asked", value=up)
        yield GaugeMetricFamily(
            "kafkactl_scrape_seconds", "How long it took to ask", value=round(time.monotonic() - started, 3)
        )


def _connection(cluster: ClusterOptions) -> list[str]:
    """The flags again that say which cluster."""
    said = {
        "--bootstrap-server": cluster.bootstrap_server,
        "--context": cluster.context,
        "--command-config": cluster.command_config,
        "--timeout": cluster.timeout,
    }
    flags = [text for flag, value in said.items() if value is not None for text in (flag, str(value))]
    return flags + [text for each in cluster.properties or () for text in ("-X", each)]
