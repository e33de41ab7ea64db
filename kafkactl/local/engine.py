"""What an engine can do for a local cluster, whichever runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kafkactl.local.compose import Target

Tell = Callable[[str], None]
"""Hears one line of progress."""

START_TIMEOUT_S = 180.0
POLL_S = 0.1


@dataclass(frozen=True)
class NodeStatus:
    """One node of a local cluster as it is now."""

    cluster: str
    node: str
    engine: str
    state: str
    """running, stopped, or what the Docker engine calls it."""
    address: str | None
    """host:port that clients on this host use; absent for nodes they do not reach."""
    pid: int | None
    log_dir: str | None
    """Folder of the segments, where this host can read it."""


class Engine(Protocol):
    """A way to run the nodes of a target."""

    def prepare(self, target: Target, tell: Tell) -> None:
        """Makes sure of all that `up` needs; raises EngineError naming what is missing."""

    def up(self, target: Target, tell: Tell) -> None:
        """Starts every node and returns when each is healthy; raises EngineError."""

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        """Ends every node; with `wipe` its data goes too."""

    def status(self, target: Target) -> list[NodeStatus]:
        """The nodes as they are now."""

    def logs(self, target: Target, follow: bool) -> int:
        """Sends the nodes' logs to stdout; returns an exit status."""


def await_condition(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Whether `holds` came true within the time given."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
