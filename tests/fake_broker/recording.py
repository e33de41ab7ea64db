"""Recordings: a proxy that stores what a real cluster answers, and a fake cluster that answers from the recording."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.fake_broker.answers.api_versions import API_VERSIONS
from tests.fake_broker.behaviours import Plan
from tests.fake_broker.cluster import FakeCluster
from tests.fake_broker.node import Node
from tests.fake_broker.protocol import Fields, Request, api_name, apis, decode_answer, decode_request, encode_answer
from tests.fake_broker.server import HOST, Connection, Listener, reserve_port
from tests.fake_broker.state import Broker

Recorded = dict[str, Any]
"""A recording as JSON has it: {"servers": [address], "exchanges": [{"server", "api", "request", "answer"}]}."""
_NAME_ADDRESSES = ("Metadata", "DescribeCluster", "FindCoordinator", "DescribeQuorum")
_CORRELATION_BYTES = 4
_CONNECT_S = 5.0


@dataclass
class Exchange:
    """One request and its answer, as frames without their lengths."""

    server: str
    request: bytes
    answer: bytes
    used: bool = False

    @property
    def decoded(self) -> Request:
        """Return the request as a broker would read it."""
        return decode_request(self.request, broker_id=0)

    def as_json(self) -> Recorded:
        """Return the exchange as JSON has it; frames are base64."""
        frames = {"request": self.request, "answer": self.answer}
        texts = {name: base64.b64encode(frame).decode() for name, frame in frames.items()}
        return {"server": self.server, "api": self.decoded.api, **texts}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Exchange:
        """Return an exchange that `as_json` has written."""
        return cls(data["server"], base64.b64decode(data["request"]), base64.b64decode(data["answer"]))


class Recording:
    """A proxy before a real cluster, for a `with` block: clients use `address`, and `data` is what they heard.

    Addresses in answers are those of the proxy, so that clients come back to it; `data` has the real ones.
    """

    def __init__(self, real_address: str) -> None:
        self._exchanges: list[Exchange] = []
        self._listeners: dict[str, Listener] = {}
        self._upstreams: list[Connection] = []
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._real_addresses = real_address.split(",")

    def __enter__(self) -> Self:
        for address in self._real_addresses:
            self._local(address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._stopping.set()
            listeners, upstreams = list(self._listeners.values()), list(self._upstreams)
        for upstream in upstreams:
            upstream.interrupt()
        for listener in listeners:
            listener.close()

    @property
    def address(self) -> str:
        """The addresses of the proxy, joined with commas."""
        return ",".join(self._listeners[address].address for address in self._real_addresses)

    @property
    def data(self) -> Recorded:
        """What was recorded so far, ready for json.dump."""
        with self._lock:
            exchanges = [exchange.as_json() for exchange in self._exchanges]
            return {"servers": list(self._listeners), "exchanges": exchanges}

    def _local(self, real: str) -> str:
        """Return the proxy's address for a real one, with a new port if it has none yet."""
        with self._lock:
            if real not in self._listeners and not self._stopping.is_set():
                listener = Listener(lambda connection: self._forward(connection, real))
                self._listeners[real] = listener
                listener.open()
            return self._listeners[real].address if real in self._listeners else real

    def _forward(self, client: Connection, real: str) -> None:
        host, _, port = real.rpartition(":")
        try:
            upstream = Connection(socket.create_connection((host, int(port)), _CONNECT_S), self._stopping)
        except OSError:
            return
        with self._lock:
            self._upstreams.append(upstream)
        with contextlib.closing(upstream):
            while (frame := client.read_frame()) is not None:
                upstream.send_frame(frame)
                answer = upstream.read_frame()
                if answer is None:
                    return
                with self._lock:
                    self._exchanges.append(Exchange(real, frame, answer))
                client.send_frame(self._for_client(decode_request(frame, 0), answer))

    def _for_client(self, request: Request, answer: bytes) -> bytes:
        """Return an answer that leads back to the proxy, and offers only versions that can be rewritten."""
        if request.api not in _NAME_ADDRESSES and request.key != API_VERSIONS:
            return answer
        correlation_id, fields = decode_answer(request.key, request.version, answer)
        for item in fields.get("api_keys", []):
            if item["api_key"] in apis():
                item["max_version"] = min(item["max_version"], apis()[item["api_key"]].max_version)
        rewrite_addresses(fields, self._local)
        return encode_answer(request.key, request.version, correlation_id, fields)


class Replay(FakeCluster):
    """A fake cluster that answers from a recording: the same request, else the next of its kind, the last for ever.

    There is a broker for each recorded server, numbered from 1. Behaviours work as usual; there is no state.
    """

    def __init__(self, data: Recorded) -> None:
        self._servers: list[str] = data["servers"]
        super().__init__(brokers=[Broker(id=n) for n in range(1, len(self._servers) + 1)])
        self._exchanges = [Exchange.from_json(item) for item in data["exchanges"]]
        self._nowhere = reserve_port()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nowhere.close()
        super().__exit__(kind, error, trace)

    def answer(self, node: Node, request: Request, plan: Plan) -> Fields | bytes | None:
        """Return the recorded answer to a request; None if there is no answer of its kind."""
        with self._changed:
            exchange = self._chosen(self._servers[node.id - 1], request)
        if exchange is None:
            return None
        if request.key not in apis():
            frame = struct.pack(">i", request.correlation_id) + exchange.answer[_CORRELATION_BYTES:]
            return struct.pack(">i", len(frame)) + frame
        _, fields = decode_answer(request.key, exchange.decoded.version, exchange.answer)
        rewrite_addresses(fields, self._local)
        return self.finished(request, plan, fields)

    def _chosen(self, server: str, request: Request) -> Exchange | None:
        """Return the exchange that fits a request best, and mark it as used."""
        alike = [exchange for exchange in self._exchanges if exchange.decoded.key == request.key]
        if not alike:
            return None

        def fit(exchange: Exchange) -> tuple[bool, bool, bool]:
            recorded = exchange.decoded
            same = (recorded.version, recorded.fields) == (request.version, request.fields)
            return exchange.server == server, same, not exchange.used

        best = max(fit(exchange) for exchange in alike)
        fitting = [exchange for exchange in alike if fit(exchange) == best]
        chosen = fitting[0] if best[-1] else fitting[-1]
        chosen.used = True
        return chosen

    def _local(self, real: str) -> str:
        """Return the replay's address for a recorded one; a dead address for a server that nobody asked."""
        if real in self._servers:
            return self.address_of(self._servers.index(real) + 1)
        return f"{HOST}:{self._nowhere.getsockname()[1]}"


def rewrite_addresses(fields: Any, local: Callable[[str], str]) -> None:
    """Replace every host and port in an answer by those of a function from address to address."""
    if isinstance(fields, list):
        for item in fields:
            rewrite_addresses(item, local)
    elif isinstance(fields, dict):
        if fields.get("port", -1) > 0:
            host, _, port = local(f"{fields['host']}:{fields['port']}").rpartition(":")
            fields.update(host=host, port=int(port))
        for value in fields.values():
            rewrite_addresses(value, local)


def summary(data: Recorded) -> str:
    """Return a recording as readable JSON lines: kind, version and fields of each request, and the answer's fields."""
    lines = []
    for exchange in map(Exchange.from_json, data["exchanges"]):
        request = exchange.decoded
        fields = decode_answer(request.key, request.version, exchange.answer)[1] if request.key in apis() else {}
        line = {"server": exchange.server, "api": api_name(request.key), "version": request.version}
        lines.append(json.dumps({**line, "request": request.fields, "answer": fields}, default=str))
    return "\n".join(lines)
