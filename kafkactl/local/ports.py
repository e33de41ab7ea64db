"""TCP ports on loopback: which ports are in use, and which are free for a node's inner listeners."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from kafkactl.errors import EngineError
from kafkactl.local.compose import HOST


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:port now; True for port 0, which means any free port.

    False also for a port that this user may not open, such as one below 1024. The port is bound for a moment. Raise
    OverflowError for a port below 0 or above 65535.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Return whether a server accepts connections on 127.0.0.1:port now. The wait is at most 1 s.

    Raise OverflowError for a port below 0 or above 65535.
    """
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def require_free(ports: Iterable[int], owner: str) -> None:
    """Raise EngineError, which names every port in use on 127.0.0.1; without one nothing happens.

    A port that this user may not open, such as one below 1024, counts as in use. `owner` is the name of the cluster
    that needs the ports. Raise OverflowError for a port above 65535.
    """
    ports_in_use = [port for port in ports if not is_free(port)]
    if ports_in_use:
        numbers = ", ".join(map(str, ports_in_use))
        raise EngineError(
            f"cannot start {owner}: port{'s' if len(ports_in_use) > 1 else ''} {numbers} in use on {HOST}",
            "choose another first port with --port, or see what runs: kafkactl local status",
        )


def find_free_ports(near: int) -> Iterator[int]:
    """Yield free ports of 127.0.0.1 in rising order, below the range of outgoing connections.

    The first is `near` + 10,000 or higher, or 15,000 or higher where that would be 30,000 or more. A port is checked
    when it is yielded. Raise EngineError after port 31999.
    """
    start = near + 10_000 if near + 10_000 < 30_000 else 15_000
    for port in range(start, 32_000):
        if is_free(port):
            yield port
    raise EngineError("no free port left on 127.0.0.1", "stop other local clusters: kafkactl local down --all")
