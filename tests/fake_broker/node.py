"""One broker at work: on each connection it reads requests and answers them, or misbehaves as it is planned."""

from __future__ import annotations

import struct
import threading
import traceback
from typing import Protocol

from tests.fake_broker.answers.api_versions import Table
from tests.fake_broker.behaviours import Plan
from tests.fake_broker.protocol import Fields, Request, apis, decode_request, encode_answer
from tests.fake_broker.server import HOST, Connection, Listener, TlsIdentity
from tests.fake_broker.state import Broker

_LOOK_AGAIN_S = 0.02
_WRONG_CORRELATION = 1_000_000


class Cluster(Protocol):
    """What a broker needs of its cluster."""

    failures: list[str]

    def record(self, request: Request) -> Plan:
        """Record a request that a broker has read, and return what is planned for it."""

    def answer(self, node: Node, request: Request, plan: Plan) -> Fields | bytes | None:
        """Return the fields of an answer, the bytes to send as they are, or None to close the connection."""


class Node:
    """One broker at work: its port, whether it is frozen or slow, and the versions that it offers."""

    def __init__(self, cluster: Cluster, broker: Broker, tls: TlsIdentity | None) -> None:
        self.id = broker.id
        self.cluster = cluster
        self.listener = Listener(self._serve, tls.server_context() if tls else None)
        self.thawed = threading.Event()
        self.thawed.set()
        self.slow_s = 0.0
        self.dead = False
        self.versions: Table = {}
        broker.host, broker.port = broker.host or HOST, broker.port or self.listener.port

    def _serve(self, connection: Connection) -> None:
        try:
            converse(self, connection)
        except Exception:  # noqa: BLE001 - a fault of the fake or of a test's callable: the test fails at its end
            self.cluster.failures.append(traceback.format_exc())

    def receive(self, connection: Connection, request: Request) -> Plan | None:
        """Record a request; wait while the broker is frozen or slow. None ends the connection."""
        plan = self.cluster.record(request)
        while not self.thawed.is_set():
            if connection.wait(_LOOK_AGAIN_S):
                return None
        return None if self.slow_s and connection.wait(self.slow_s) else plan

    def answer(self, request: Request, plan: Plan) -> Fields | bytes | None:
        """Return the answer of this broker to a request; None closes the connection."""
        return self.cluster.answer(self, request, plan)

    def serves(self, request: Request) -> bool:
        """Return whether the broker offers the version of a request."""
        low, high = self.versions.get(request.key, (0, -1))
        return low <= request.version <= high


def converse(node: Node, connection: Connection) -> None:
    """Answer requests in their order until the connection ends."""
    while (frame := connection.read_frame()) is not None:
        try:
            request = decode_request(frame, node.id)
        except ValueError:
            return
        plan = node.receive(connection, request)
        if plan is None or not _respond(node, connection, request, plan):
            return


def _respond(node: Node, connection: Connection, request: Request, plan: Plan) -> bool:
    """Answer one request; return whether the connection goes on."""
    answer = node.answer(request, plan)
    if connection.wait(plan.delay_s) if plan.delay_s else False:
        return False
    if plan.has("freeze"):
        connection.wait(None)
        return False
    if plan.has("close") or plan.has("reset"):
        connection.close(reset=plan.has("reset"))
        return False
    if plan.garbage is not None:
        connection.send(plan.garbage)
        return True
    if answer is None or (isinstance(answer, dict) and request.key not in apis()):
        return False
    if isinstance(answer, bytes):
        connection.send(answer)
        return True
    return _send_answer(connection, request, plan, answer)


def _send_answer(connection: Connection, request: Request, plan: Plan, answer: Fields) -> bool:
    shift = _WRONG_CORRELATION if plan.has("wrong_correlation") else 0
    body = encode_answer(request.key, request.version, request.correlation_id + shift, answer)
    length = len(body) if plan.length is None else plan.length
    frame = struct.pack(">i", length) + body
    half = plan.has("half_answer")
    connection.send(frame[: len(frame) // 2] if half else frame)
    return not half
