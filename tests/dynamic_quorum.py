"""A dynamic quorum of a test's own (kraft.version 1): controllers that may be added to the voters, and removed.

with running_quorum(folder) as quorum:
    quorum.first.address  # node 1 is a broker, too, and the only voter; nodes 2 and 3 are controllers, and observers
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local import jars
from kafkactl.local.ports import is_open
from kafkactl.storage.checkpoint import read_properties
from tests import java_tools
from tests.alone import alone
from tests.clusters import eventually, free_base

_FIRST_PORT = 17392
_CLUSTER_ID = "kRmmZ3pSTzC0DhJb8dKx5Q"
_NODES = (1, 2, 3)


@dataclass
class Node:
    """A controller; the first one is a broker, too."""

    id: int
    folder: Path
    port: int
    """Port of the controllers' listener."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def controller(self) -> str:
        """Return the address of its controllers' listener."""
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """Return its listener as --endpoint takes it."""
        return f"CONTROLLER://{self.controller}"

    @property
    def properties(self) -> Path:
        """Return the file of its settings."""
        return self.folder / "server.properties"

    @property
    def directory_id(self) -> str:
        """Return the id of its metadata folder."""
        return read_properties(self.folder / "data" / "meta.properties")["directory.id"]

    def kill(self) -> None:
        """End the process at once, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass(frozen=True)
class DynamicQuorum:
    """Three controllers, of which the first is the only voter."""

    nodes: tuple[Node, ...]
    broker: str
    """Address of the broker."""


@contextmanager
def running_quorum(folder: Path) -> Iterator[DynamicQuorum]:
    """Start a broker and three controllers in a folder, and kill them at the end."""
    port = free_base(_FIRST_PORT)
    ports = dict(zip(_NODES, (port + 1, port + 2, free_base(port + 3)), strict=True))
    nodes = tuple(Node(number, folder / str(number), ports[number]) for number in _NODES)
    with alone():
        libs = jars.get_libs(java_tools.VERSION, print)
    with ExitStack() as stack:
        for node in nodes:
            _format(node, nodes, port)
            stack.callback(node.kill)
            _start(node, libs)
        eventually(lambda: all(is_open(number) for number in (port, *ports.values())), 60)
        yield DynamicQuorum(nodes, f"127.0.0.1:{port}")


def _format(node: Node, nodes: Sequence[Node], broker_port: int) -> None:
    is_first = node is nodes[0]
    settings = {
        "process.roles": "broker,controller" if is_first else "controller",
        "node.id": node.id,
        "listeners": node.endpoint + (f",PLAINTEXT://127.0.0.1:{broker_port}" if is_first else ""),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": ",".join(other.controller for other in nodes),
        "log.dirs": node.folder / "data",
    }
    node.folder.mkdir()
    node.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    how = "--standalone" if is_first else "--no-initial-controllers"
    words = ("format", how, "-t", _CLUSTER_ID, "-c", node.properties)
    done = java_tools.run("kafka.tools.StorageTool", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def _start(node: Node, libs: Path) -> None:
    java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=OFF"]
    with (node.folder / "log").open("wb") as log:
        words = [*java, "-cp", f"{libs}/*", "kafka.Kafka", str(node.properties)]
        node.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=node.folder)
