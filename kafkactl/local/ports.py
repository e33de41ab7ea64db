"""TCP ports on loopback: which ports are in use, and which are free for a node's inner listeners."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from kafkactl.errors import EngineError
from kafkactl.local.compose import HOST


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:port now; True for port 0, which means any free port.

    False also for a port that this user may not open, such as one below 1024. The port is bound for a moment. Raise
    OverflowError for a port below 0 or above 65535, and OSError where no socket can be opened.
    """
    return _try_to_bind(port) is None


def _try_to_bind(port: int) -> OSError | None:
    """Return the error of a server that would listen on 127.0.0.1:port, or None. The port is bound for a moment.

    Port 0 stands for any free port. Raise OverflowError for a port below 0 or above 65535, and OSError where no socket
    can be opened.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None


def is_open(port: int) -> bool:
    """Return whether a server accepts connections on 127.0.0.1:port now. The wait is at most 1 s.

    Raise OverflowError for a port below 0 or above 65535, and OSError where no socket can be opened.
    """
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def require_free(ports: Iterable[int], owner: str) -> None:
    """Raise EngineError where a port is in use on 127.0.0.1 or closed to this user; else do nothing.

    The message names the first port that is closed to this user, or, without one, every port in use. `owner` is the
    name of the cluster that needs the ports. Raise OverflowError for a port below 0 or above 65535, and OSError where
    no socket can be opened.
    """
    failures = {port: failure for port in ports if (failure := _try_to_bind(port)) is not None}
    forbidden_ports = [port for port, failure in failures.items() if isinstance(failure, PermissionError)]
    if forbidden_ports:
        raise EngineError(
            f"cannot start {owner}: this user may not open port {forbidden_ports[0]}",
            "choose a first port above 1023 with --port",
        )
    if failures:
        numbers = ", ".join(map(str, failures))
        raise EngineError(
            f"cannot start {owner}: port{'s' if len(failures) > 1 else ''} {numbers} in use on {HOST}",
            "choose another first port with --port, or see what runs: kafkactl local status",
        )


def find_free_ports(near: int) -> Iterator[int]:
    """Yield free ports of 127.0.0.1 in rising order, below the range of outgoing connections.

    The first is `near` + 10,000 or higher, or 15,000 or higher where that would be 30,000 or more. A port is checked
    when it is yielded, and not reserved. Raise EngineError after port 31999, and OSError where no socket can be opened.
    """
    start = near + 10_000 if near + 10_000 < 30_000 else 15_000
    for port in range(start, 32_000):
        if is_free(port):
            yield port
    raise EngineError("no free port left on 127.0.0.1", "stop other local clusters: kafkactl local down --all")
