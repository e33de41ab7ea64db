"""What an engine can do for a local cluster, whichever runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kafkactl.local.compose import Service, Target

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


class Fault(StrEnum):
    """What can be done to a node, to see how clients bear it."""

    KILL = "kill"
    """Ended at once, as by a power cut."""
    PAUSE = "pause"
    """Frozen: its connections stay open and nothing answers."""
    RESUME = "resume"
    """Goes on where it was paused."""
    RESTART = "restart"
    """Started again, after an orderly end when it runs; returns when it serves."""


class Engine(Protocol):
    """A way to run the nodes of a target."""

    def prepare(self, target: Target, tell: Tell) -> None:
        """Makes sure of all that `up` needs; raises EngineError naming what is missing."""

    def up(self, target: Target, tell: Tell) -> None:
        """Starts every node and returns when each is healthy; raises EngineError."""

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        """Ends every node; with `wipe` its data goes too."""

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        """Does it to one node; raises EngineError when the node is not in a state for it."""

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
