"""TCP ports on loopback: which are taken, and which are free for a node's inner listeners."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from kafkactl.errors import EngineError
from kafkactl.local.compose import HOST


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether a server answers on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def require_free(ports: Iterable[int], owner: str) -> None:
    """Raises EngineError naming every port that something else holds already."""
    taken = [port for port in ports if not is_free(port)]
    if taken:
        numbers = ", ".join(map(str, taken))
        raise EngineError(
            f"cannot start {owner}: port{'s' if len(taken) > 1 else ''} {numbers} in use on {HOST}",
            "choose another first port with --port, or see what runs: kafkactl local status",
        )


def free_ports(near: int) -> Iterator[int]:
    """Free ports in rising order, away from `near` and below the range that outgoing connections use."""
    start = near + 10_000 if near + 10_000 < 30_000 else 15_000
    for port in range(start, 32_000):
        if is_free(port):
            yield port
    raise EngineError("no free port left on 127.0.0.1", "stop other local clusters: kafkactl local down --all")
