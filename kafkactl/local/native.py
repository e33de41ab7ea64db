"""The native engine: each node of a compose file as a Java process on loopback.

A node's shell writes its own process id before it becomes Java, so that nothing is lost when the CLI dies in
between; a process counts as ours only while its command line names our properties file.
"""

from __future__ import annotations

import os
import signal
import time

from kafkactl.local.compose import HOST, Service, Target
from kafkactl.local.engine import POLL_S, Fault, NodeStatus, Tell, await_condition
from kafkactl.local.launch import launch, launch_again
from kafkactl.local.nodes import Node, nodes_of, process_state
from kafkactl.stdout import out

STOP_TIMEOUT_S = 30.0


class NativeEngine:
    """Runs targets as Java processes; see the module."""

    name = "native"

    def prepare(self, target: Target, tell: Tell) -> None:
        from kafkactl.local import jars

        jars.require_java(target.kafka_version)
        jars.libs(target.kafka_version, tell)

    def up(self, target: Target, tell: Tell) -> None:
        try:
            launch(target, nodes_of(target), tell)
        except BaseException:
            # Also on Ctrl-C: a cluster that did not come up must not stay behind in part.
            self.down(target, wipe=False, tell=tell)
            raise

    def down(self, target: Target, wipe: bool, tell: Tell) -> None:
        nodes = nodes_of(target)  # a broker says goodbye to the controllers, or to ZooKeeper
        _stop([node for node in nodes if node.service.is_broker], tell)
        _stop([node for node in nodes if not node.service.is_broker], tell)

    def apply(self, fault: Fault, target: Target, service: Service, tell: Tell) -> None:
        node = next(each for each in nodes_of(target) if each.service == service)
        match fault:
            case Fault.KILL:
                _signalled(node, signal.SIGKILL)
                await_condition(lambda: node.pid() is None, STOP_TIMEOUT_S)
            case Fault.PAUSE:
                _signalled(node, signal.SIGSTOP)
            case Fault.RESUME:
                _signalled(node, signal.SIGCONT)
            case Fault.RESTART:
                _stop([node], tell)
                launch_again(target, node, tell)

    def status(self, target: Target) -> list[NodeStatus]:
        found = []
        for node in nodes_of(target):
            pid = node.pid()
            address = f"{HOST}:{node.published_port}" if node.published_port else None
            log_dir = node.volumes.get(node.service.environment.get("KAFKA_LOG_DIRS", ""))
            state = process_state(pid)
            found.append(
                NodeStatus(
                    target.name, node.service.name, self.name, state, address, pid, str(log_dir) if log_dir else None
                )
            )
        return found

    def logs(self, target: Target, follow: bool) -> int:
        readers = [
            (node, node.log.open(encoding="utf-8", errors="replace")) for node in nodes_of(target) if node.log.exists()
        ]
        width = max((len(node.service.name) for node, _ in readers), default=0)
        while True:
            quiet = True
            for node, reader in readers:
                for line in reader:
                    quiet = False
                    out.write_text(f"{node.service.name:{width}} | {line}")
            out.flush()
            if not follow:
                return 0
            if quiet:
                time.sleep(POLL_S)


def _signalled(node: Node, number: signal.Signals) -> None:
    if (pid := node.pid()) is not None:
        os.kill(pid, number)


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
