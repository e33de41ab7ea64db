"""Nodes of the native engine: the files and the process of each service on this host."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local.compose import Service, Target
from kafkactl.local.instance import get_folder


@dataclass(frozen=True)
class Node:
    """The files and the process of a service on this host."""

    service: Service
    folder: Path

    @property
    def properties(self) -> Path:
        """Return the path of the configuration file."""
        return self.folder / "node.properties"

    @property
    def log(self) -> Path:
        """Return the path of the log."""
        return self.folder / "node.log"

    @property
    def pid_file(self) -> Path:
        """Return the path of the file with the process id."""
        return self.folder / "pid"

    @property
    def volumes(self) -> dict[str, Path]:
        """Return the folder of this host by the container path of the volume.

        A named volume is a folder in the node's folder; a bound folder stays.
        """
        return {path: self.folder / name for path, name in self.service.volumes.items()}

    @property
    def published_port(self) -> int | None:
        """Return the host port of the first port that the compose file publishes, or None where it publishes none."""
        return self.service.ports[0].host if self.service.ports else None

    def find_pid(self) -> int | None:
        """Return the process id of the node, or None where it does not run.

        The pid file names a process that counts only while its command line has the path of the configuration file. A
        shell that is still to become Java counts, and a process that ended and was not waited for does not. A pid file
        without a number is as none. Raise OSError for one that cannot be read, and where there is neither /proc nor ps.
        """
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if str(self.properties) in _read_command_line(pid) else None


def list_nodes(target: Target) -> list[Node]:
    """Return a target's nodes on this host, in the order of their start."""
    return [Node(service, get_folder(target.name) / service.name) for service in target.nodes]


def read_process_state(pid: int | None) -> str:
    """Return running, paused or stopped.

    Only a `pid` of None is stopped; any process that is not paused is running, also one that has ended or never
    existed. Raise FileNotFoundError where there is neither /proc nor ps.
    """
    if pid is None:
        return "stopped"
    try:  # the state follows the name in parentheses, which may contain any character
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        state = _ask_ps(pid, "state")
    return "paused" if state.strip().startswith("T") else "running"


def _read_command_line(pid: int) -> str:
    """Return the command line of a process, its words separated by spaces; empty where it does not exist.

    A space follows the last word, or a line end where ps is asked. With /proc it is empty also for a process that ended
    and was not waited for. Raise FileNotFoundError where there is neither /proc nor ps.
    """
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except (FileNotFoundError, ProcessLookupError):
        return _ask_ps(pid, "command")


def _ask_ps(pid: int, column: str) -> str:
    """Return the output of ps for a column of a process, with its line end; empty where there is no such process.

    Where /proc exists ps is not run, and the text is empty. Raise FileNotFoundError without ps.
    """
    if Path("/proc/self").exists():
        return ""
    command = ["ps", "-ww", "-p", str(pid), "-o", f"{column}="]  # -ww: else COLUMNS, or a terminal, cuts the line
    return os.fsdecode(subprocess.run(command, capture_output=True, check=False).stdout)
