"""The native engine: each node of a compose file is a Java process on loopback.

A node's shell writes its own process id before it becomes Java. So the id is known even if the CLI dies in between. A
process counts as ours only while its command line names our properties file.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from kafkactl.errors import EngineError
from kafkactl.local.compose import HOST, Service, Target
from kafkactl.local.engine import POLL_S, Fault, NodeStatus, Tell, await_condition
from kafkactl.local.launch import launch, relaunch_node
from kafkactl.local.nodes import Node, list_nodes, read_process_state
from kafkactl.stdout import out

STOP_TIMEOUT_S = 30.0


class NativeEngine:
    """Engine that runs targets as Java processes on 127.0.0.1."""

    name = "native"

    def prepare(self, target: Target, tell: Tell) -> None:
        """Check that Java is there and new enough, and provide Kafka's jars.

        `tell` gets a line where jars are downloaded. Raise EngineError where this fails, UsageError for a KAFKA_HOME
        with another version, and OSError where the cache for jars cannot be written.
        """
        from kafkactl.local import jars

        jars.require_java(target.kafka_version)
        jars.get_libs(target.kafka_version, tell)

    def up(self, target: Target, tell: Tell) -> None:
        """Start every node and return when each serves; stop all of them and raise EngineError where one fails.

        Their data stay. The nodes must not run yet; this is not checked, and after an error a node that did is stopped,
        too. Any other error, and Ctrl-C, also stop all of them, and are raised: UsageError for a KAFKA_HOME with
        another version, OSError where a file cannot be written. An OSError of the stopping is raised instead. `tell`
        gets lines of progress.
        """
        try:
            launch(target, list_nodes(target), tell)
        except BaseException:
            # This is done on Ctrl-C as well, so that no part of a cluster stays behind.
            try:
                self.down(target, wipe=False, tell=tell)
            except EngineError as error:  # the first error says why
                tell(str(error))
            raise

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        """Stop all brokers together, and then all other nodes; one that does not end within 30 s is killed.

        Nodes that do not run are no error. `wipe` has no effect: the caller removes the data. `tell` gets lines of
        progress. The call waits for the end of the nodes, at most 30 s after a kill. Raise EngineError for a node that
        still runs then, when all others have been stopped; OSError, after which other nodes may still run, where a pid
        file cannot be read or removed, and where the process belongs to another user.
        """
        nodes = list_nodes(target)  # brokers end first: they sign off at the controllers, or at ZooKeeper
        try:
            _stop([node for node in nodes if node.service.is_broker], tell)
        finally:
            _stop([node for node in nodes if not node.service.is_broker], tell)

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        """Apply a fault to one node. KILL, PAUSE and RESUME do nothing where the node does not run.

        `service` is one of the target's nodes. KILL waits up to 30 s for the end of the process. RESTART stops the node
        first, with SIGKILL where it still runs after 30 s, and starts one that does not run, too. It empties the log,
        and downloads missing jars. It returns when the node serves, or, for a node that clients do not reach, when it
        runs.

        Raise EngineError where a process still runs 30 s after SIGKILL, where the new one ends or is not ready within
        180 s, and where Java is missing or the jars cannot be had, UsageError for a KAFKA_HOME with another version,
        and OSError where the log or the cache for jars cannot be written, or the pid file cannot be removed. Except in
        the first case the node is then stopped, or still starting. Each fault raises OSError where the pid file cannot
        be read, and where the process belongs to another user. `tell` gets lines of progress, for RESTART only.
        """
        node = next(candidate for candidate in list_nodes(target) if candidate.service == service)
        match fault:
            case Fault.KILL:
                _send_signal(node, signal.SIGKILL)
                await_condition(lambda: node.find_pid() is None, STOP_TIMEOUT_S)
                _require_ended([node])
            case Fault.PAUSE:
                _send_signal(node, signal.SIGSTOP)
            case Fault.RESUME:
                _send_signal(node, signal.SIGCONT)
            case Fault.RESTART:
                _stop([node], tell)
                relaunch_node(target, node, tell)

    def status(self, target: Target) -> list[NodeStatus]:
        """Return the status of each node, in the order of their start: running, paused or stopped.

        The address is 127.0.0.1:PORT, or None where clients do not reach the node; the process id is None for a node
        that does not run. The log dir is the folder of this host, also where it does not exist yet, or None where no
        volume is at KAFKA_LOG_DIRS. Raise OSError where a pid file or the state of a process cannot be read.
        """
        statuses = []
        for node in list_nodes(target):
            pid = node.find_pid()
            address = f"{HOST}:{node.published_port}" if node.published_port else None
            log_dir = node.volumes.get(node.service.environment.get("KAFKA_LOG_DIRS", ""))
            state = read_process_state(pid)
            statuses.append(
                NodeStatus(
                    cluster=target.name,
                    node=node.service.name,
                    engine=self.name,
                    state=state,
                    address=address,
                    pid=pid,
                    log_dir=str(log_dir) if log_dir else None,
                )
            )
        return statuses

    def logs(self, target: Target, follow: bool) -> int:
        """Write the nodes' logs to stdout, with the node's name before each line, and return 0.

        The whole log of one node comes after that of another, in the order of their start; lines are not sorted by
        time. With `follow` new lines are then written as they come, also after a restart of the node, and the call
        never returns. Nodes without a log at the call are left out. Bytes that are not UTF-8 are replaced. Raise
        OSError for a log that cannot be read, OutputError where stdout cannot be written, and ReaderLeftError where its
        reader left.
        """
        tails = [_Tail(node) for node in list_nodes(target) if node.log.exists()]
        width = max((len(tail.node.service.name) for tail in tails), default=0)
        while True:
            is_quiet = True
            for tail in tails:
                for line in tail.read_lines(with_rest=not follow):
                    is_quiet = False
                    out.write_text(f"{tail.node.service.name:{width}} | {line}\n")
            out.flush()
            if not follow:
                return 0
            if is_quiet:
                time.sleep(POLL_S)


class _Tail:
    """The log of a node, read from its beginning to its end, and then on as it grows."""

    def __init__(self, node: Node) -> None:
        """Open the log; raise OSError where this fails."""
        self.node = node
        self._file = node.log.open("rb")
        self._rest = b""

    def read_lines(self, with_rest: bool) -> list[str]:
        """Return the lines that are new since the last call, without their line feeds.

        The list is empty where nothing is new. Bytes that are not UTF-8 are replaced. A last line without a line end is
        kept for the next call; `with_rest` returns it now. A log that is shorter than what was read began anew, and is
        read from its beginning: a node empties its log when it starts. A new log that has already become as long is not
        noticed, and its beginning is left out. Raise OSError where the log cannot be read.
        """
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
            self._rest = b""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        if with_rest and self._rest:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace") for line in lines]


def _send_signal(node: Node, number: signal.Signals) -> None:
    """Send a signal to a node's process if it runs; otherwise do nothing. The effect is not waited for.

    Raise OSError where the pid file cannot be read, and where the process belongs to another user.
    """
    if (pid := node.find_pid()) is not None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, number)


def _stop(nodes: list[Node], tell: Tell) -> None:
    """Stop nodes with SIGTERM, and with SIGKILL those that still run after 30 s. Wait for their end.

    A paused one goes on. The wait after SIGKILL is at most 30 s. `tell` gets a line for each running one, and one more
    before a SIGKILL. The pid files are removed, also of nodes that did not run. Raise EngineError where a node still
    runs, whose pid file stays; OSError where one cannot be read or removed, and where a process belongs to another
    user.
    """
    asked: set[int] = set()

    def have_ended() -> bool:
        """Return whether no node runs; ask each process to end that was not asked before, and wake all paused ones.

        Raise OSError where a pid file or the state of a process cannot be read, and where a process belongs to another
        user.
        """
        running = [(node, pid) for node in nodes if (pid := node.find_pid()) is not None]
        for node, pid in running:
            if pid not in asked:  # also one that has just started
                tell(f"stopping {node.service.name}")
                _send_signal(node, signal.SIGTERM)
                asked.add(pid)
            _send_signal(node, signal.SIGCONT)  # a paused process takes no other signal; one may be paused meanwhile
        return not running

    if not await_condition(have_ended, STOP_TIMEOUT_S):
        for node in nodes:
            if node.find_pid() is not None:
                tell(f"{node.service.name} does not end by itself: killing it")
                _send_signal(node, signal.SIGKILL)
        await_condition(have_ended, STOP_TIMEOUT_S)
    for node in nodes:
        if node.find_pid() is None:
            node.pid_file.unlink(missing_ok=True)
    _require_ended(nodes)


def _require_ended(nodes: list[Node]) -> None:
    """Raise EngineError with the names and process ids of the nodes that still run, and OSError as Node.find_pid."""
    left = {node.service.name: pid for node in nodes if (pid := node.find_pid()) is not None}
    if left:
        places = ", ".join(f"{name} (process {pid})" for name, pid in left.items())
        raise EngineError(f"cannot end {places}", "look at the disk: a process that waits for it cannot be ended")
