"""Runs command lines as forks of one process that has imported the libraries: that saves most of their time.

A fork has the arguments, the environment, the folder and the streams of a process of its own, and ends as one does. It
imports the modules of its command itself. Only what Python reads before the program begins cannot differ: STARTUP.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
STARTUP = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_")
"""Beginnings of the variables that Python and the C library read before the program begins."""


class ForkServer:
    """The process that forks. It ends with this one."""

    def __init__(self, startup: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": None}  # as seekable as a pipe
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, **startup},
            cwd=REPOSITORY,
            **streams,
        )
        theirs.close()

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], input: bytes | None, timeout_s: float
    ) -> tuple[int, bytes, bytes]:
        """Returns status, stdout and stderr of a command line; without an input its stdin is /dev/null.

        The status is negative where a signal ended it. After the time-out it is killed and TimeoutExpired raised.
        """
        ours, theirs = socket.socketpair()
        texts: list[bytes] = [b"", b""]
        stdin, feed = os.pipe() if input is not None else (os.open(os.devnull, os.O_RDONLY), -1)
        pipes = [os.pipe(), os.pipe()]
        with self._lock:
            socket.send_fds(self._control, [b"."], [theirs.fileno(), stdin, *(end for _, end in pipes)])
        for end in (stdin, *(end for _, end in pipes)):
            os.close(end)
        theirs.close()

        def read(number: int) -> None:
            with open(pipes[number][0], "rb") as file:
                texts[number] = file.read()

        def write() -> None:
            with suppress(BrokenPipeError), open(feed, "wb", buffering=0) as file:
                rest = memoryview(input or b"")
                while rest:
                    rest = rest[file.write(rest) :]

        threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in (0, 1)]
        threads += [threading.Thread(target=write, daemon=True)] if input is not None else []
        for thread in threads:
            thread.start()
        with ours, ours.makefile("rwb") as line:
            asked = {"arguments": list(arguments), "environment": dict(environment), "folder": os.getcwd()}
            line.write(json.dumps(asked).encode() + b"\n")
            line.flush()
            child = int(line.readline())
            ours.settimeout(timeout_s)
            try:
                status = int(line.readline())
            except TimeoutError:
                os.kill(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None
        for thread in threads[:2]:
            thread.join(timeout_s)
            if thread.is_alive():  # a child of the command still has the stream
                raise subprocess.TimeoutExpired(list(arguments), timeout_s)
        return status, *texts


def find_startup(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The variables of an environment that a fork cannot change."""
    return tuple(sorted((name, value) for name, value in environment.items() if name.startswith(STARTUP)))


@cache
def get_server(startup: tuple[tuple[str, str], ...]) -> ForkServer:
    """The server for these variables, started when it is first needed."""
    return ForkServer(dict(startup))


def serve(control: socket.socket) -> None:
    """Forks for each message, which has a connection and the three streams, until the other side is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, streams, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            watch(*streams)
        for stream in streams:
            os.close(stream)


def watch(connection: int, *streams: int) -> None:
    """Forks the command line, tells its process and its status over the connection, and ends this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        run(connection, streams)
    for stream in streams:
        os.close(stream)
    os.write(connection, b"%d\n" % child)
    _, found = os.waitpid(child, 0)
    with suppress(BrokenPipeError):
        os.write(connection, b"%d\n" % os.waitstatus_to_exitcode(found))
    os._exit(0)


def run(connection: int, streams: Sequence[int]) -> None:
    """Runs one command line as `python -m kafkactl` does, and ends this process."""
    from kafkactl.cli import app

    with open(connection, "rb") as file:
        asked = json.loads(file.readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    sys.path[0] = asked["folder"]
    sys.argv = [str(REPOSITORY / "kafkactl" / "__main__.py"), *asked["arguments"]]
    try:
        app.main()
    finally:  # main() ends the process, unless something was raised; the traceback is what the tests look for
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    import confluent_kafka.admin
    import kafka.admin
    import orjson
    import yaml

    import kafkactl.cli.app

    assert all((confluent_kafka.admin, kafka.admin, orjson, yaml, kafkactl.cli.app))
    serve(socket.socket(fileno=int(sys.argv[1])))
