"""Start of the native engine's processes: files, formatting, Java, and the wait until each node serves.

A node's shell writes its own process id before it becomes Java. So the id is known even if the CLI dies in between.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local import jars, ports, translate
from kafkactl.local.compose import Service, Target
from kafkactl.local.engine import START_TIMEOUT_S, Tell, await_condition
from kafkactl.local.nodes import Node

_BECOME_SCRIPT = 'echo $$ > "$1" && shift && exec "$@"'

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
    """Start every node in order and return when all serve. `tell` gets lines of progress.

    The nodes must not run. Java's version is not checked. A node waits until those that it depends on serve; it must
    come behind them in `nodes`, or KeyError is raised. Missing jars are downloaded with Maven first. Jobs run next, and
    new storage of KRaft nodes is formatted; these have no time limit.

    Raise EngineError without Java or jars, where a job or the formatting fails or no port is free, and where a node
    ends or does not answer within 180 s, which each node has for itself. Raise UsageError for a KAFKA_HOME with another
    version, OSError where a file cannot be written or read, and KeyError, IndexError or ValueError where the ports of
    the compose file do not fit together. After an error the nodes that were started before keep running.
    """
    java = jars.find_java()
    libs = jars.get_libs(target.kafka_version, tell)
    first_port = target.brokers[0].ports[0].host
    loopback = translate.Loopback.assign(target, ports.find_free_ports(first_port))
    for job in (service for service in target.services if service.is_job):
        tell(f"running {job.name}")
        _run_job(job)
    for node in nodes:
        _write_files(node, loopback)
    kraft_nodes = [node for node in nodes if "CLUSTER_ID" in node.service.environment]
    if kraft_nodes:
        tell("formatting storage")
        _format(kraft_nodes, java, libs)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    for node in nodes:
        for other in nodes:
            if other.service.name in node.service.depends_on:
                _await_open(other, processes[other.service.name], _find_client_port(other, loopback))
        tell(f"starting {node.service.name}")
        processes[node.service.name] = _start(node, java, libs)
    for node in nodes:
        _await_open(node, processes[node.service.name], _find_client_port(node, loopback))


def relaunch_node(target: Target, node: Node, tell: Tell) -> None:
    """Start one node again with its present files; it must not run, and its log is emptied.

    Java's version is not checked. Return when it serves, or when it runs if clients do not reach it. Raise EngineError
    where Java is missing or the jars cannot be had, and where its process ends or does not answer within 180 s; in the
    last case it keeps running. Missing jars are downloaded. Raise UsageError for a KAFKA_HOME with another version, and
    OSError where the log or the cache for jars cannot be written or the pid file cannot be read. `tell` gets lines of
    progress.
    """
    tell(f"starting {node.service.name}")
    process = _start(node, jars.find_java(), jars.get_libs(target.kafka_version, tell))
    _await_open(node, process, node.published_port)


def _run_job(job: Service) -> None:
    """Run a job of the compose file on this host to its end.

    In its command, container paths of its volumes become the folders of this host. It gets the environment and stdin of
    this process; the job's `environment` is not used. Its output is not shown, and it has no time limit. Raise
    EngineError where its program is missing, may not be run, or fails, with the line of stderr that tells why.
    """
    command = translate.make_job_command(job, {path: Path(source) for path, source in job.volumes.items()})
    try:
        completed = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise EngineError(f"cannot run {job.name}: {command[0]} not found on PATH", f"install {command[0]}") from error
    except OSError as error:
        raise EngineError(f"cannot run {job.name}: {command[0]}: {error.strerror}") from error
    if completed.returncode != 0:
        raise EngineError(
            f"{job.name} failed: {_find_complaint(completed.stderr)}",
            f"run its command to see more: {shlex.join(command)}",
        )


def _write_files(node: Node, loopback: translate.Loopback) -> None:
    """Write the configuration files of a node and create its folders and volumes; files that exist are overwritten.

    The process must not run yet. Raise OSError where a file cannot be written, KeyError for an address whose port its
    service does not open, and ValueError for a ZooKeeper port that is no number or a server that is not NAME:PORT:PORT.
    """
    for folder in node.volumes.values():
        folder.mkdir(parents=True, exist_ok=True)
    node.folder.mkdir(parents=True, exist_ok=True)
    if node.service.is_zookeeper:
        settings = translate.make_zookeeper_properties(node.service, loopback, node.volumes)
        if server_id := node.service.environment.get("ZOOKEEPER_SERVER_ID"):
            Path(settings["dataDir"], "myid").write_text(server_id + "\n")
    else:
        settings = translate.make_server_properties(node.service, loopback, node.volumes)
    _write_private_file(node.properties, translate.format_properties(settings))  # it may have passwords of listeners
    (node.folder / "log4j2.properties").write_text(_LOG4J2)
    (node.folder / "log4j.properties").write_text(_LOG4J1)


def _make_java_command(node: Node, java: str, libs: Path, options: list[str], *arguments: str) -> list[str]:
    """Return the command that runs a Java class for a node; `arguments` are the class and its arguments.

    `java` is the path of java, `libs` the folder of the jars, and `options` those of the JVM.
    """
    logging = [
        f"-Dlog4j2.configurationFile={node.folder / 'log4j2.properties'}",
        f"-Dlog4j.configuration=file:{node.folder / 'log4j.properties'}",
    ]
    return [java, *options, *logging, "-cp", f"{libs}/*", *arguments]


def _format(nodes: list[Node], java: str, libs: Path) -> None:
    """Format the storage of KRaft nodes with Kafka's StorageTool, run for all nodes at once, and wait for the end.

    The nodes must have a CLUSTER_ID and their configuration files. `java` is the path of java, `libs` the folder of the
    jars. Folders that were formatted for the same ids stay unchanged; new ones get the node's SCRAM users. The runs
    have no time limit. Raise OSError where the file of the users cannot be written or java cannot be run, and
    EngineError for the first node whose run fails, as with a folder of another CLUSTER_ID or node.id, when all runs
    have ended. After an OSError the runs that began go on.
    """
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
        if users := translate.parse_scram_users(node.service):
            arguments.append(f"@{_write_users_file(node, users)}")
        command = _make_java_command(node, java, libs, ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"], *arguments)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        running.append((node, process))
    outputs = [process.communicate()[0] for _, process in running]
    for (node, process), output in zip(running, outputs, strict=True):
        if process.returncode != 0:
            raise EngineError(
                f"cannot format the storage of {node.service.name}: {_find_complaint(output)}",
                "remove the data of an earlier run: kafkactl local down --wipe",
            )


def _write_users_file(node: Node, users: Iterable[tuple[str, str]]) -> Path:
    """Write the StorageTool arguments that create a node's SCRAM-SHA-512 users, and return the path of the file.

    `users` are names and passwords. Only the owner can read the file, users.args in the node's folder; other users
    could read a command line. Raise OSError where it cannot be written. Names and passwords are not escaped; the folder
    must exist.
    """
    path = node.folder / "users.args"
    lines = (f"--add-scram\nSCRAM-SHA-512=[name={name},password={password}]\n" for name, password in users)
    _write_private_file(path, "".join(lines))
    return path


def _write_private_file(path: Path, text: str) -> None:
    """Write text, as UTF-8, to a file that only its owner can read; one that exists is overwritten.

    Its folder must exist. Raise OSError where the file cannot be written.
    """
    path.touch()
    path.chmod(0o600)  # touch() keeps the mode of a file that exists
    path.write_text(text, encoding="utf-8")


def _start(node: Node, java: str, libs: Path) -> subprocess.Popen[bytes]:
    """Start the process of a node, in a session of its own, and return it.

    The wait ends when the pid file names the process, when the process has ended, or after 180 s without an error. Its
    output goes to the node's log, which is emptied. The node's files must have been written. `java` is the path of
    java, `libs` the folder of the jars. Raise OSError where the log cannot be opened or the pid file cannot be read.
    A java that cannot be run is no error here: the process ends.
    """
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain" if node.service.is_zookeeper else "kafka.Kafka"
    options = translate.list_jvm_options(node.service)
    command = _make_java_command(node, java, libs, options, main, str(node.properties))
    with node.log.open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _BECOME_SCRIPT, "sh", str(node.pid_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=node.folder,
            start_new_session=True,
        )

    def is_named() -> bool:
        """Return whether the process has ended or is in the pid file; raise OSError where that cannot be read."""
        with suppress(FileNotFoundError, ValueError):
            return int(node.pid_file.read_text()) == process.pid or process.poll() is not None
        return process.poll() is not None

    await_condition(is_named, START_TIMEOUT_S)  # only then can others find and stop it
    return process


def _find_client_port(node: Node, loopback: translate.Loopback) -> int:
    """Return the port of this host on which the node answers when it serves.

    It is the host port of the first published port, or else of the first port that the node listens on. Raise
    IndexError where it has neither.
    """
    return node.published_port or loopback.ports[node.service.name, translate.list_listening_ports(node.service)[0]]


def _await_open(node: Node, process: subprocess.Popen[bytes], port: int | None) -> None:
    """Wait until a node answers on a port of 127.0.0.1, or, with a `port` of None, until its process runs.

    `process` is the one that was started for the node; the pid file must name it, too. While its shell has not yet
    become Java, it also counts as running. Raise EngineError at once where it has ended, and after 180 s; OSError where
    the pid file, or the log of a process that ended, cannot be read.
    """

    def is_serving() -> bool:
        """Return whether the node answers, or runs for a `port` of None; raise EngineError where its process ended.

        Any program that listens on the port counts as the node. Raise OSError where the pid file, or the log of a
        process that ended, cannot be read.
        """
        if process.poll() is not None:
            log_text = node.log.read_text(encoding="utf-8", errors="replace")
            raise EngineError(
                f"{node.service.name} ended while starting: {_find_complaint(log_text)}", f"look at its log: {node.log}"
            )
        return node.find_pid() is not None and (port is None or ports.is_open(port))

    if not await_condition(is_serving, START_TIMEOUT_S):
        place = "run" if port is None else f"answer on port {port}"
        raise EngineError(
            f"{node.service.name} did not {place} within {START_TIMEOUT_S:.0f} s", f"look at its log: {node.log}"
        )


def _find_complaint(text: str) -> str:
    """Return the line of a log with the cause of a failure: the last line with an error, without its stack trace.

    An error has ERROR or FATAL between blanks, or Exception anywhere, so that a line "Caused by: ...Exception" counts,
    too. Without such a line it is the last line. Lines that begin with a blank or a tab do not count. Without any other
    line, also for an empty text, the result says that the log is empty.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    complaints = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line]
    return (complaints or lines or ["the log is empty"])[-1]
