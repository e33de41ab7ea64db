"""The interface of the engines that run local clusters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kafkactl.local.compose import Service, Target

Tell = Callable[[str], None]
"""Function that gets one line of progress."""

START_TIMEOUT_S = 180.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class NodeStatus:
    """The present status of one node of a local cluster."""

    cluster: str
    node: str
    engine: str
    state: str
    """running, paused, stopped, or another word of the Docker engine."""
    address: str | None
    """host:port for clients on this host; None for nodes that clients do not reach."""
    pid: int | None
    """Process id; None in a container and for a node that does not run."""
    log_dir: str | None
    """Folder of the segments if this host can read it; None otherwise."""


class Fault(StrEnum):
    """Faults that can be applied to a node, to see how clients handle them."""

    KILL = "kill"
    """The node ends at once, as after a power cut."""
    PAUSE = "pause"
    """The node is frozen: its connections stay open and nothing answers."""
    RESUME = "resume"
    """A paused node continues."""
    RESTART = "restart"
    """The node starts again, after an orderly end if it runs. The fault is complete when the node serves."""


class Engine(Protocol):
    """A way to run the nodes of a target."""

    def prepare(self, target: Target, tell: Tell) -> None:
        """Provide all that `up` needs: images, or Java and jars. `tell` gets lines of progress.

        Raise EngineError where this fails, UsageError for a KAFKA_HOME with another version, and OSError where the
        cache for jars cannot be written.
        """

    def up(self, target: Target, tell: Tell) -> None:
        """Start every node and return when each is healthy. `tell` gets lines of progress.

        Raise EngineError where this fails or a node is not healthy in time, OSError where a file or folder cannot be
        written, and UsageError for a KAFKA_HOME with another version. After an error containers keep running, and the
        native engine stops all nodes.
        """

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        """Stop every node; with `wipe` Docker also removes its volumes and the files in log dirs.

        `tell` gets lines of progress. Nodes that do not run, and log dirs of Docker that cannot be emptied, are no
        error. Raise EngineError where a node does not stop or docker fails, and OSError where a pid file cannot be read
        or removed or a process belongs to another user.
        """

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        """Apply a fault to one node; RESTART returns when the node runs again. `tell` gets lines of progress.

        Raise EngineError where the engine fails, OSError where a file cannot be read or written or the process belongs
        to another user, and, for RESTART, UsageError for a KAFKA_HOME with another version. The caller checks that the
        node runs or is paused. A fault that changes nothing, such as PAUSE for a paused node, is an EngineError with
        Docker and no error of the native engine, which also gives up a RESTART after 180 s.
        """

    def status(self, target: Target) -> list[NodeStatus]:
        """Return the present status of the nodes, in the order of their start.

        Where Docker does not answer, the state is "unknown". Raise OSError where a pid file or the state of a process
        cannot be read.
        """

    def logs(self, target: Target, follow: bool) -> int:
        """Write the nodes' logs to stdout and return an exit status; `follow` waits for new lines.

        With `follow` the native engine never returns. Raise EngineError where docker is missing, and, with the native
        engine only, OSError for a log that cannot be read, OutputError and ReaderLeftError.
        """


def await_condition(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until `holds` returns True. Return True then, and False where this did not happen in `timeout_s` seconds.

    `holds` is called at once, whatever the time, and then 0.1 s after each call; its errors pass through. A call is not
    cut short: a True that comes after the time counts, too.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
