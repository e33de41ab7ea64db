"""Real clusters for tests, started once a run by `kafkactl local` itself."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import UnsupportedRequestError
from kafkactl.local.ports import is_free
from tests import java_tools
from tests.alone import alone
from tests.conftest import Cli

PORTS = {"kraft": 11092, "kraft-cluster": 11192, "zookeeper": 11292, "secured": 11392}
"""Of the clusters that tests share. One that a test starts for itself is at 11500 or after."""
OPEN = ("kraft", "kraft-cluster", "zookeeper")
"""Those that let everybody in."""


@dataclass(frozen=True)
class RunningCluster:
    """A cluster and a command line whose current context it is."""

    name: str
    bootstrap_servers: str
    version: str
    cli: Cli
    logins: str = ""
    """The address for connections with a login, where there is one."""

    @property
    def brokers(self) -> int:
        return len(self.bootstrap_servers.split(","))

    @functools.cached_property
    def controllers(self) -> str:
        """The addresses of the controllers, with commas between; "" with ZooKeeper."""
        connected = Cluster(resolve(self.bootstrap_servers, None, None, ()))
        try:
            answer = connected.requests.send("DescribeQuorum", topics=[("__cluster_metadata", [(0,)])])
        except UnsupportedRequestError:
            return ""
        finally:
            connected.close()
        listeners = [listener for node in answer.nodes for listener in node.listeners]
        return ",".join(f"{listener.host}:{listener.port}" for listener in listeners)

    def log_dirs(self) -> list[Path]:
        """Each broker's folder of partitions."""
        nodes = json.loads(self.cli.ok("local", "status", "-o", "json"))
        return [Path(node["log_dir"]) for node in nodes if node["cluster"] == self.name and node["log_dir"]]

    def java(self, main_class: str, *arguments: object, input: str = "") -> subprocess.CompletedProcess[str]:
        """One of Kafka's own tools; how to reach this cluster is said by the caller."""
        return java_tools.run(main_class, *arguments, input=input)


@contextmanager
def running(name: str, home: Path, near: int | None = None) -> Iterator[RunningCluster]:
    """Brings a target up in a home of its own, at ports `near` or after, and wipes it at the end."""
    cli = Cli(home)
    with alone():
        cli.ok("local", "up", name, "--engine", "native", "--port", free_base(near or PORTS[name]))
    try:
        wait_for_coordinators(cli)
        context = json.loads(cli.ok("context", "show", "-o", "json"))
        record = json.loads((home / "data" / "local" / name / "instance.json").read_text())
        yield RunningCluster(name, context["bootstrap_servers"], record["version"], cli)
    finally:
        cli.ok("local", "down", name, "--wipe")


def wait_for_coordinators(cli: Cli) -> None:
    """Wait until a new cluster has its topics of offsets and transactions: on a busy machine longer than a time-out."""
    for question, answer in ((("groups", "describe"), "group not found"), (("transactions", "describe"), "not found")):
        told = cli("--timeout", 60, *question, "no-such-name", check=1)
        assert answer in told.stderr, told.stderr


def free_base(start: int) -> int:
    """The first port from which three in a row are free, and that no other process of tests was given."""
    for base in range(start, start + 100):
        if all(_is_ours(port) and is_free(port) for port in range(base, base + 3)):
            return base
    raise AssertionError(f"no free ports from {start} on")


_ours: dict[int, int] = {}
"""Ports of this process, each with the open file whose lock says so; a broker listens only seconds after that."""


def _is_ours(port: int) -> bool:
    if port not in _ours:
        file = os.open(
            Path(tempfile.gettempdir(), f"kafkactl-tests-{os.getuid()}-port-{port}.lock"), os.O_CREAT | os.O_WRONLY
        )
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        _ours[port] = file
    return True


def eventually(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    """Waits until a condition comes true; the test fails if it does not."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
