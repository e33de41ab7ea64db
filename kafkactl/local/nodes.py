"""Nodes of the native engine: the files and the process of each service on this host."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local.compose import Service, Target
from kafkactl.local.instance import folder_of


@dataclass(frozen=True)
class Node:
    """A service's files and process on this host."""

    service: Service
    folder: Path

    @property
    def properties(self) -> Path:
        return self.folder / "node.properties"

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    @property
    def pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    def volumes(self) -> dict[str, Path]:
        return {path: self.folder / name for path, name in self.service.volumes.items()}

    @property
    def published_port(self) -> int | None:
        return self.service.ports[0].host if self.service.ports else None

    def pid(self) -> int | None:
        """The process id while the process runs and is ours."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if str(self.properties) in _command_line(pid) else None


def nodes_of(target: Target) -> list[Node]:
    """A target's nodes on this host, in start order."""
    return [Node(service, folder_of(target.name) / service.name) for service in target.nodes]


def process_state(pid: int | None) -> str:
    """Return running, paused or stopped; None is a process that is not there."""
    if pid is None:
        return "stopped"
    try:  # the state comes after the name, which may hold anything
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
    except FileNotFoundError:
        state = _told_by_ps(pid, "state")
    return "paused" if state.strip().startswith("T") else "running"


def _command_line(pid: int) -> str:
    """A process's command line; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        return _told_by_ps(pid, "command")


def _told_by_ps(pid: int, column: str) -> str:
    """Where there is no /proc."""
    if Path("/proc/self").exists():
        return ""
    command = ["ps", "-p", str(pid), "-o", f"{column}="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
