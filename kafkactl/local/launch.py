"""Starting the native engine's processes: files, formatting, Java, and waiting until each node serves.

A node's shell writes its own process id before it becomes Java, so that nothing is lost when the CLI dies in
between.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local import jars, ports, translate
from kafkactl.local.compose import Service, Target
from kafkactl.local.engine import START_TIMEOUT_S, Tell, await_condition
from kafkactl.local.nodes import Node

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


def launch(target: Target, nodes: list[Node], tell: Tell) -> None:
    """Starts every node in its turn and returns when all serve; raises EngineError, leaving what it started."""
    java = jars.java()
    libs = jars.libs(target.kafka_version, tell)
    first_port = target.brokers[0].ports[0].host
    loopback = translate.Loopback.of(target, ports.free_ports(first_port))
    for job in (service for service in target.services if service.is_job):
        tell(f"running {job.name}")
        _run_job(job)
    for node in nodes:
        _write_files(node, loopback)
    formatted = [node for node in nodes if "CLUSTER_ID" in node.service.environment]
    if formatted:
        tell("formatting storage")
        _format(formatted, java, libs)
    for node in nodes:
        _await_dependencies(node, nodes, loopback)
        tell(f"starting {node.service.name}")
        _start(node, java, libs)
    for node in nodes:
        _await_open(node, _client_port(node, loopback))


def launch_again(target: Target, node: Node, tell: Tell) -> None:
    """Starts one node with the files it had, and returns when it serves, or runs where no client reaches it."""
    tell(f"starting {node.service.name}")
    _start(node, jars.java(), jars.libs(target.kafka_version, tell))
    if node.published_port:
        _await_open(node, node.published_port)
    else:
        await_condition(lambda: node.pid() is not None, START_TIMEOUT_S)


def _run_job(job: Service) -> None:
    """Runs what other services depend on to its end, on this host; raises EngineError."""
    command = translate.job_command(job, {path: Path(source) for path, source in job.volumes.items()})
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise EngineError(f"{job.name} needs {command[0]}, which is not here", "install it") from error
    if done.returncode != 0:
        raise EngineError(f"{job.name} failed: {_complaint(done.stderr)}", f"it ran: {' '.join(command)}")


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
    _write_for_us_alone(node.properties, translate.properties_text(settings))  # passwords of listeners, too
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
        if users := translate.scram_users(node.service):
            arguments.append(f"@{_users_file(node, users)}")
        command = _java_command(node, java, libs, ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"], *arguments)
        running.append((node, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)))
    for node, process in running:
        told, _ = process.communicate()
        if process.returncode != 0:
            raise EngineError(
                f"cannot format the storage of {node.service.name}: {_complaint(told)}",
                "kafkactl local down --wipe removes what an earlier run left",
            )


def _users_file(node: Node, users: Iterable[tuple[str, str]]) -> Path:
    """Arguments of StorageTool that make a node's SCRAM users: in a file, because others can read a command line."""
    path = node.folder / "users.args"
    lines = (f"--add-scram\nSCRAM-SHA-512=[name={name},password={password}]\n" for name, password in users)
    _write_for_us_alone(path, "".join(lines))
    return path


def _write_for_us_alone(path: Path, text: str) -> None:
    path.touch()
    path.chmod(0o600)  # also where an older one is
    path.write_text(text, encoding="utf-8")


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


def _client_port(node: Node, loopback: translate.Loopback) -> int:
    """Where the node answers once it serves: its published port, or the first it listens on."""
    return node.published_port or loopback.ports[node.service.name, translate.listening_ports(node.service)[0]]


def _await_dependencies(node: Node, nodes: list[Node], loopback: translate.Loopback) -> None:
    for other in nodes:
        if other.service.name in node.service.depends_on:
            _await_open(other, _client_port(other, loopback))


def _await_open(node: Node, port: int) -> None:
    started = False

    def answers() -> bool:
        nonlocal started
        running = node.pid() is not None
        if started and not running:
            told = node.log.read_text(encoding="utf-8", errors="replace")
            raise EngineError(
                f"{node.service.name} ended while starting: {_complaint(told)}", f"its whole log: {node.log}"
            )
        started = started or running
        return running and ports.is_open(port)

    if not await_condition(answers, START_TIMEOUT_S):
        raise EngineError(
            f"{node.service.name} did not answer on port {port} within {START_TIMEOUT_S:.0f} s", f"its log: {node.log}"
        )


def _complaint(text: str) -> str:
    """The line of a log that says what went wrong: the last one with an error, and not its stack."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    complaints = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line]
    return (complaints or lines or ["it said nothing"])[-1]
