"""The native engine: each node of a compose file as a Java process on loopback.

A node's shell writes its own process id before it becomes Java, so that nothing is lost when the CLI dies in
between; a process counts as ours only while its command line names our properties file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local import jars, ports, translate
from kafkactl.local.compose import Service, Target
from kafkactl.local.engine import START_TIMEOUT_S, NodeStatus, Tell
from kafkactl.local.instance import folder_of

POLL_S = 0.1
STOP_TIMEOUT_S = 30.0
_BECOME = 'echo $$ > "$1"; shift; exec "$@"'

_LOG4J2 = """\
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = stdout
"""
_LOG4J1 = """\
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
"""


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


class NativeEngine:
    """Runs targets as Java processes; see the module."""

    name = "native"

    def prepare(self, target: Target, tell: Tell) -> None:
        jars.require_java(target.kafka_version)
        jars.libs(target.kafka_version, tell)

    def up(self, target: Target, tell: Tell) -> None:
        java = jars.java()
        libs = jars.libs(target.kafka_version, tell)
        nodes = _nodes(target)
        first_port = target.brokers[0].ports[0].host
        loopback = translate.Loopback.of(target, ports.free_ports(first_port))
        for node in nodes:
            _write_files(node, loopback)
        formatted = [node for node in nodes if "CLUSTER_ID" in node.service.environment]
        if formatted:
            tell("formatting storage")
            _format(formatted, java, libs)
        try:
            for node in nodes:
                _await_dependencies(node, nodes, loopback)
                tell(f"starting {node.service.name}")
                _start(node, java, libs)
            for node in nodes:
                _await_open(node, next(_served_ports(node, loopback)))
        except BaseException:
            # Also on Ctrl-C: a cluster that did not come up must not stay behind in part.
            self.down(target, wipe=False, tell=tell)
            raise

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        for zookeeper in (False, True):
            _stop([node for node in _nodes(target) if node.service.is_zookeeper is zookeeper], tell)

    def status(self, target: Target) -> list[NodeStatus]:
        found = []
        for node in _nodes(target):
            pid = node.pid()
            address = f"{ports.HOST}:{node.published_port}" if node.published_port else None
            log_dir = node.volumes.get(node.service.environment.get("KAFKA_LOG_DIRS", ""))
            state = "running" if pid else "stopped"
            found.append(
                NodeStatus(
                    target.name, node.service.name, self.name, state, address, pid, str(log_dir) if log_dir else None
                )
            )
        return found

    def logs(self, target: Target, follow: bool) -> int:
        readers = [
            (node, node.log.open(encoding="utf-8", errors="replace")) for node in _nodes(target) if node.log.exists()
        ]
        width = max((len(node.service.name) for node, _ in readers), default=0)
        while True:
            quiet = True
            for node, reader in readers:
                for line in reader:
                    quiet = False
                    sys.stdout.write(f"{node.service.name:{width}} | {line}")
            sys.stdout.flush()
            if not follow:
                return 0
            if quiet:
                time.sleep(POLL_S)


def _nodes(target: Target) -> list[Node]:
    return [Node(service, folder_of(target.name) / service.name) for service in target.services]


def _write_files(node: Node, loopback: translate.Loopback) -> None:
    for folder in node.volumes.values():
        folder.mkdir(parents=True, exist_ok=True)
    node.folder.mkdir(parents=True, exist_ok=True)
    if node.service.is_zookeeper:
        settings = translate.zookeeper_properties(node.service, loopback, node.volumes)
        if server_id := node.service.environment.get("ZOOKEEPER_SERVER_ID"):
            Path(settings["dataDir"], "myid").write_text(server_id + "\n")
    else:
        settings = translate.server_properties(node.service, loopback, node.volumes)
    node.properties.write_text(translate.properties_text(settings), encoding="utf-8")
    (node.folder / "log4j2.properties").write_text(_LOG4J2)
    (node.folder / "log4j.properties").write_text(_LOG4J1)


def _java_command(node: Node, java: str, libs: Path, options: list[str], *arguments: str) -> list[str]:
    logging = [
        f"-Dlog4j2.configurationFile={node.folder / 'log4j2.properties'}",
        f"-Dlog4j.configuration=file:{node.folder / 'log4j.properties'}",
    ]
    return [java, *options, *logging, "-cp", f"{libs}/*", *arguments]


def _format(nodes: list[Node], java: str, libs: Path) -> None:
    """Runs Kafka's own StorageTool on every node at once; folders formatted before stay as they are."""
    running = []
    for node in nodes:
        cluster_id = node.service.environment["CLUSTER_ID"]
        arguments = [
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            "-t",
            cluster_id,
            "-c",
            str(node.properties),
        ]
        command = _java_command(node, java, libs, ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"], *arguments)
        running.append((node, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)))
    for node, process in running:
        told, _ = process.communicate()
        if process.returncode != 0:
            reason = told.strip().splitlines()[-1] if told.strip() else "no reason told"
            raise EngineError(
                f"cannot format the storage of {node.service.name}: {reason}",
                "kafkactl local down --wipe removes what an earlier run left",
            )


def _start(node: Node, java: str, libs: Path) -> None:
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain" if node.service.is_zookeeper else "kafka.Kafka"
    options = translate.jvm_options(node.service)
    command = _java_command(node, java, libs, options, main, str(node.properties))
    with node.log.open("wb") as log:
        subprocess.Popen(
            ["/bin/sh", "-c", _BECOME, "sh", str(node.pid_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=node.folder,
            start_new_session=True,
        )


def _served_ports(node: Node, loopback: translate.Loopback) -> Iterator[int]:
    if node.published_port:
        yield node.published_port
    for port in translate.listening_ports(node.service):
        yield loopback.ports[node.service.name, port]


def _await_dependencies(node: Node, nodes: list[Node], loopback: translate.Loopback) -> None:
    for other in nodes:
        if other.service.name in node.service.depends_on:
            _await_open(other, next(_served_ports(other, loopback)))


def _await_open(node: Node, port: int) -> None:
    started = False

    def answers() -> bool:
        nonlocal started
        running = node.pid() is not None
        if started and not running:
            raise EngineError(
                f"{node.service.name} ended while starting: {_last_complaint(node.log)}",
                f"its whole log: {node.log}",
            )
        started = started or running
        return running and ports.is_open(port)

    if not await_condition(answers, START_TIMEOUT_S):
        raise EngineError(
            f"{node.service.name} did not answer on port {port} within {START_TIMEOUT_S:.0f} s", f"its log: {node.log}"
        )


def await_condition(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Whether `holds` came true within the time given."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _last_complaint(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    complaints = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line]
    return (complaints or lines or ["it left no log"])[-1].strip()


def _stop(nodes: list[Node], tell: Tell) -> None:
    running = [(node, pid) for node in nodes if (pid := node.pid()) is not None]
    for node, pid in running:
        tell(f"stopping {node.service.name}")
        os.kill(pid, signal.SIGTERM)
    if not await_condition(lambda: all(node.pid() is None for node, _ in running), STOP_TIMEOUT_S):
        for node, pid in running:
            if node.pid() is not None:
                tell(f"{node.service.name} does not end by itself: killing it")
                os.kill(pid, signal.SIGKILL)
        await_condition(lambda: all(node.pid() is None for node, _ in running), STOP_TIMEOUT_S)
    for node in nodes:
        node.pid_file.unlink(missing_ok=True)


def _command_line(pid: int) -> str:
    """A process's command line; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    listing = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return listing.stdout
