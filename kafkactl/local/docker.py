"""The Docker engine: `docker compose` runs the compose files."""

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

REMEDIES = "start Docker and install its compose plugin, or use --engine native (Java 17 and Maven, no Docker)"
_NO_DOCKER = "docker not found on PATH"
_ANSWER_TIMEOUT_S = 10


def find_docker_problem() -> str | None:
    """Return why Docker cannot be used here, as text, or None when it can.

    Each of the two questions takes at most 10 s.
    """
    if shutil.which("docker") is None:
        return _NO_DOCKER
    for command, problem in (
        (["docker", "info", "--format", "{{.ServerVersion}}"], "the Docker engine does not answer"),
        (["docker", "compose", "version"], "docker has no compose plugin"),
    ):
        try:
            answer = subprocess.run(command, capture_output=True, timeout=_ANSWER_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            return problem
        except OSError as error:
            return f"docker cannot be run: {error.strerror}"
        if answer.returncode != 0:
            return problem
    return None


class DockerEngine:
    """Engine that runs targets as containers."""

    name = "docker"

    def __init__(self, values: Mapping[str, str]) -> None:
        """Take the values of the compose file's variables, which docker gets beside the process's environment."""
        self._environment = {**os.environ, **values}

    def prepare(self, target: Target, tell: Tell) -> None:
        """Pull the target's images where one is missing; raise EngineError without Docker, or for a pull that fails.

        A docker that cannot be run counts as none. A pull has no time limit. `tell` gets the lines of docker; without a
        pull it is not called.
        """
        if reason := find_docker_problem():
            raise EngineError(f"cannot start {target.name} on Docker: {reason}", REMEDIES)
        images = {service.image for service in target.services}
        if subprocess.run(["docker", "image", "inspect", *images], capture_output=True, check=False).returncode != 0:
            tell(f"docker compose pull: {target.file.name}")
            self._run_and_tell(target, tell, "pull", hint="use --engine native if images cannot be pulled")

    def up(self, target: Target, tell: Tell) -> None:
        """Start every container and return when each is healthy; the folders of jobs are created before.

        `tell` gets the lines of docker. Raise EngineError where docker is missing or fails, or a container is not
        healthy within 180 s, and OSError where a folder cannot be created. The containers keep running after an error.
        """
        for job in (service for service in target.services if service.is_job):
            # A folder that Docker creates belongs to root, and so do the files that the job writes there.
            for source in job.volumes.values():
                Path(source).mkdir(parents=True, exist_ok=True)
        tell(f"docker compose up: {target.file.name}")
        self._run_and_tell(target, tell, "up", "--detach", "--wait", "--wait-timeout", f"{START_TIMEOUT_S:.0f}")

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        """Remove every container, and with `wipe` its volumes and the files in its log dirs.

        A log dir that is missing or a link is left alone. `tell` gets the lines of docker. Raise EngineError where
        docker is missing or fails, and OSError where it is missing only after the containers are removed; files of log
        dirs that cannot be removed are no error.
        """
        tell(f"docker compose down: {target.file.name}")
        self._run_and_tell(target, tell, "down", *(["--volumes"] if wipe else []))
        for service in target.nodes if wipe else ():
            folder = service.bound_log_dir
            # Docker creates a folder that is missing, for root, and the caller refuses a link.
            if folder and os.path.isdir(folder) and not os.path.islink(folder):
                self._empty(folder, service.image)

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        """Apply a fault to one container; RESTART stops and starts it, and returns when it is healthy.

        There is no time limit. `tell` gets the lines of docker. Raise EngineError where docker is missing or fails, and
        for a fault that does not fit the container's state, such as PAUSE for one that is paused.
        """
        match fault:
            case Fault.KILL:
                self._run_and_tell(target, tell, "kill", service.name)
            case Fault.PAUSE:
                self._run_and_tell(target, tell, "pause", service.name)
            case Fault.RESUME:
                self._run_and_tell(target, tell, "unpause", service.name)
            case Fault.RESTART:
                self._run_and_tell(target, tell, "stop", service.name)
                self._run_and_tell(target, tell, "up", "--detach", "--wait", "--no-deps", service.name)

    def status(self, target: Target) -> list[NodeStatus]:
        """Return the status of each node, in the order of their start.

        The state is Docker's own word, such as running, paused or exited; a node without a container is "stopped". It
        is "unknown" where Docker does not answer, or with something else than the states: nothing is raised. The
        address is 127.0.0.1:PORT, or None where clients do not reach the node; the process id is always None. Docker's
        answer has no time limit.
        """
        try:
            states = _parse_states(self._ask(target, "ps", "--all", "--format", "json"))
        except (EngineError, ValueError):  # the status of other clusters can still be shown
            states = dict.fromkeys((service.name for service in target.nodes), "unknown")
        statuses = []
        for service in target.nodes:
            state = states.get(service.name, "stopped")
            address = f"127.0.0.1:{service.ports[0].host}" if service.ports else None
            statuses.append(
                NodeStatus(
                    cluster=target.name,
                    node=service.name,
                    engine=self.name,
                    state=state,
                    address=address,
                    pid=None,
                    log_dir=service.bound_log_dir,
                )
            )
        return statuses

    def logs(self, target: Target, follow: bool) -> int:
        """Write the containers' logs to stdout and return docker's exit status; `follow` waits for new lines.

        Raise EngineError where docker cannot be run.
        """
        command = self._make_command(target, "logs", *(["--follow"] if follow else []))
        try:
            return subprocess.run(command, env=self._environment, check=False).returncode
        except OSError as error:
            raise _explain_missing(error) from error

    def _make_command(self, target: Target, *arguments: str) -> list[str]:
        """Return the arguments of a docker compose command for the target, `docker` included."""
        project = ["--project-name", target.project, "--file", str(target.file)]
        return ["docker", "compose", "--progress", "plain", *project, *arguments]

    def _empty(self, folder: str, image: str) -> None:
        """Remove all files in a folder, as the image's user: this host's user may have no right to remove them.

        A container of the image does this, and the folder itself stays, as do names that begin with two dots. A failure
        is ignored: the caller removes the folder and reports what is left. Raise OSError where docker cannot be run.
        """
        arguments = ["--entrypoint", "sh", image, "-c", "cd /data && rm -rf ./* ./.[!.]*"]
        command = ["docker", "run", "--rm", "--volume", f"{folder}:/data", *arguments]
        subprocess.run(command, capture_output=True, check=False)

    def _run_and_tell(self, target: Target, tell: Tell, *arguments: str, hint: str | None = None) -> None:
        """Run a docker compose command and tell each line of its stdout and stderr at once; wait for its end.

        `arguments` are the subcommand and its options. The wait has no time limit. Lines are stripped; blank ones are
        left out. Raise EngineError without docker, and, with the last line told, where the command fails; a `hint` of
        None points to the logs.
        """
        last = "no reason given"
        with self._start_process(target, *arguments, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            for line in filter(None, map(str.strip, process.stdout)):
                tell(line)
                last = line
        if process.returncode != 0:
            raise EngineError(
                f"docker compose {arguments[0]} failed: {last}",
                hint or f"look at its logs: kafkactl local logs {target.name}",
            )

    def _ask(self, target: Target, *arguments: str) -> str:
        """Return the whole stdout of a docker compose command; its end is waited for without a time limit.

        `arguments` are the subcommand and its options. Raise EngineError without docker, and, with the last line of
        stderr, where the command fails.
        """
        with self._start_process(target, *arguments, stderr=subprocess.PIPE) as process:
            answer, complaint = process.communicate()
        if process.returncode != 0:
            reason = (complaint.strip().splitlines() or ["no reason given"])[-1]
            raise EngineError(f"docker compose {arguments[0]} failed: {reason}", REMEDIES)
        return answer

    def _start_process(self, target: Target, *arguments: str, stderr: int) -> subprocess.Popen[str]:
        """Start a docker compose command with a pipe for its stdout; raise EngineError where docker cannot be run.

        `arguments` are the subcommand and its options. The end is not waited for. `stderr` is subprocess.PIPE, or
        subprocess.STDOUT for the same pipe.
        """
        command = self._make_command(target, *arguments)
        try:
            return subprocess.Popen(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace"
            )
        except OSError as error:
            raise _explain_missing(error) from error


def _explain_missing(error: OSError) -> EngineError:
    """Return (not raise) the error for a docker that cannot be run."""
    if isinstance(error, FileNotFoundError):
        return EngineError(_NO_DOCKER, REMEDIES)
    return EngineError(f"cannot run docker: {error.strerror}", REMEDIES)


def _parse_states(output: str) -> dict[str, str]:
    """Return the state of each service from `docker compose ps --format json`; of several containers the last counts.

    The output is an array before v2.21, and one line for each container since; empty text gives no states. Raise
    ValueError for an output that is not JSON, and for an entry without Service and State as texts.
    """
    lines = [output] if output.startswith("[") else output.splitlines()
    states = {}
    try:
        for document in (json.loads(line) for line in lines if line.strip()):
            for entry in document if isinstance(document, list) else [document]:
                states[entry["Service"]] = entry["State"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not the output of docker compose ps") from error
    if not all(isinstance(text, str) for state in states.items() for text in state):
        raise ValueError("a service or a state is no text")
    return states
