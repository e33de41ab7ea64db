"""The Docker engine: the same compose files, handed to `docker compose`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local.compose import Service, Target
from kafkactl.local.engine import START_TIMEOUT_S, Fault, NodeStatus, Tell

WAYS_OUT = "start Docker and install its compose plugin, or use --engine native (Java 17 and Maven, no Docker)"
_ANSWER_TIMEOUT_S = 10


def why_unavailable() -> str | None:
    """Why Docker cannot be used here; None when it can."""
    if shutil.which("docker") is None:
        return "there is no docker on PATH"
    for question, why in (
        (["docker", "info", "--format", "{{.ServerVersion}}"], "no Docker engine answers"),
        (["docker", "compose", "version"], "docker has no compose plugin"),
    ):
        try:
            answer = subprocess.run(question, capture_output=True, timeout=_ANSWER_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            return why
        if answer.returncode != 0:
            return why
    return None


class DockerEngine:
    """Runs targets as containers; `values` fill in the compose file's variables."""

    name = "docker"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **values}

    def prepare(self, target: Target, tell: Tell) -> None:
        if reason := why_unavailable():
            raise EngineError(f"cannot start {target.name} on Docker: {reason}", WAYS_OUT)
        images = {service.image for service in target.services}
        if subprocess.run(["docker", "image", "inspect", *images], capture_output=True, check=False).returncode != 0:
            tell(f"docker compose pull: {target.file.name}")
            self._watch(target, tell, "pull", hint="where images cannot be pulled, --engine native does without")

    def up(self, target: Target, tell: Tell) -> None:
        for job in (service for service in target.services if service.is_job):
            for source in job.volumes.values():  # a folder that Docker makes is root's, and so is what a job puts there
                Path(source).mkdir(parents=True, exist_ok=True)
        tell(f"docker compose up: {target.file.name}")
        self._watch(target, tell, "up", "--detach", "--wait", "--wait-timeout", f"{START_TIMEOUT_S:.0f}")

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        tell(f"docker compose down: {target.file.name}")
        self._watch(target, tell, "down", *(["--volumes"] if wipe else []))
        for service in target.nodes if wipe else ():
            if service.bound_log_dir:
                self._empty(service.bound_log_dir, service.image)

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        match fault:
            case Fault.KILL:
                self._watch(target, tell, "kill", service.name)
            case Fault.PAUSE:
                self._watch(target, tell, "pause", service.name)
            case Fault.RESUME:
                self._watch(target, tell, "unpause", service.name)
            case Fault.RESTART:
                self._watch(target, tell, "stop", service.name)
                self._watch(target, tell, "up", "--detach", "--wait", "--no-deps", service.name)

    def status(self, target: Target) -> list[NodeStatus]:
        try:
            listed = self._ask(target, "ps", "--all", "--format", "json")
        except EngineError:  # other clusters can be told of all the same
            states = dict.fromkeys((service.name for service in target.nodes), "unknown")
        else:
            states = {entry["Service"]: entry["State"] for entry in _entries(listed)}
        found = []
        for service in target.nodes:
            state = states.get(service.name, "stopped")
            address = f"127.0.0.1:{service.ports[0].host}" if service.ports else None
            found.append(NodeStatus(target.name, service.name, self.name, state, address, None, service.bound_log_dir))
        return found

    def logs(self, target: Target, follow: bool) -> int:
        arguments = ["logs", *(["--follow"] if follow else [])]
        return subprocess.run(self._command(target, *arguments), env=self._environment, check=False).returncode

    def _command(self, target: Target, *arguments: str) -> list[str]:
        project = ["--project-name", target.project, "--file", str(target.file)]
        return ["docker", "compose", "--progress", "plain", *project, *arguments]

    def _empty(self, folder: str, image: str) -> None:
        """Removes what an image's user wrote, as that user: this host's may not be able to."""
        emptied = ["--entrypoint", "sh", image, "-c", "cd /data && rm -rf ./* ./.[!.]*"]
        command = ["docker", "run", "--rm", "--volume", f"{folder}:/data", *emptied]
        subprocess.run(command, capture_output=True, check=False)

    def _watch(self, target: Target, tell: Tell, *arguments: str, hint: str | None = None) -> None:
        """Runs a command that changes something, telling what it says as it says it: a pull takes minutes."""
        last = "no reason told"
        with self._started(target, *arguments, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            for line in filter(None, map(str.strip, process.stdout)):
                tell(line)
                last = line
        if process.returncode != 0:
            raise EngineError(
                f"docker compose {arguments[0]} failed: {last}", hint or f"see: kafkactl local logs {target.name}"
            )

    def _ask(self, target: Target, *arguments: str) -> str:
        with self._started(target, *arguments, stderr=subprocess.PIPE) as process:
            answer, complaint = process.communicate()
        if process.returncode != 0:
            reason = (complaint.strip().splitlines() or ["no reason told"])[-1]
            raise EngineError(f"docker compose {arguments[0]} failed: {reason}", WAYS_OUT)
        return answer

    def _started(self, target: Target, *arguments: str, stderr: int) -> subprocess.Popen[str]:
        command = self._command(target, *arguments)
        try:
            return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
        except FileNotFoundError as error:
            raise EngineError("there is no docker on PATH", WAYS_OUT) from error


def _entries(listed: str) -> list[dict[str, str]]:
    """`docker compose ps --format json` prints an array before v2.21 and a line an entry since."""
    if listed.startswith("["):
        return list(json.loads(listed))
    return [json.loads(line) for line in listed.splitlines() if line.strip()]
