"""Many command lines, run as forks of one process that has imported the program: that saves most of their time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """A command line, and what it reads."""

    arguments: Sequence[object]
    input: str = ""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command line did; `status` is negative where a signal ended it. Bytes that are no UTF-8 are surrogates."""

    status: int
    stdout: str
    stderr: str
    seconds: float


def run_all(
    environment: Mapping[str, str], lines: Sequence[Line], limit_s: float = 60, columns: int | None = None
) -> list[Done]:
    """Run command lines after each other; one that takes longer than the limit is killed.

    With `columns` their stdout and stderr are one terminal of that width; what it shows is `stdout`.
    """
    asked = {
        "limit_s": limit_s,
        "columns": columns,
        "lines": [[list(map(str, line.arguments)), line.input] for line in lines],
    }
    done = subprocess.run(
        [sys.executable, "-c", _FORKING],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=dict(environment),
        timeout=limit_s * len(lines),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Done(status=a, stdout=b, stderr=c, seconds=d) for a, b, c, d in json.loads(done.stdout)]


_FORKING = """
import fcntl, json, os, pty, select, signal, struct, sys, tempfile, termios, time
import confluent_kafka.admin, kafka.admin, orjson, yaml
from kafkactl.cli.app import run

def file_with(data):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    return file

def start(arguments, streams):
    child = os.fork()
    if child == 0:
        status = 255
        try:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.setpgid(0, 0)
            status = run(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    return child

def end(child, deadline):
    ended, found = os.waitpid(child, os.WNOHANG)
    if not ended and time.monotonic() > deadline:
        os.killpg(child, signal.SIGKILL)
    return found if ended else None

def run_in_child(arguments, text, limit_s, columns):
    files = [file_with(text.encode("utf-8", "surrogateescape")), file_with(b""), file_with(b"")]
    started = time.monotonic()
    if columns is None:
        child = start(arguments, [file.fileno() for file in files])
    else:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = start(arguments, [files[0].fileno(), slave, slave])
        os.close(slave)
    found = None
    while found is None:
        found = end(child, started + limit_s)
        if columns is None:
            time.sleep(0.003)
            continue
        while select.select([master], [], [], 0.003)[0]:
            try:
                files[1].write(os.read(master, 65536))
            except OSError:
                break
    seconds = time.monotonic() - started
    if columns is not None:
        os.close(master)
    texts = []
    for file in files[1:]:
        file.seek(0)
        texts.append(file.read().decode("utf-8", "surrogateescape"))
    return [os.waitstatus_to_exitcode(found), *texts, seconds]

asked = json.load(sys.stdin)
sys.stdin = open(0, closefd=False)
print(json.dumps([run_in_child(*line, asked["limit_s"], asked["columns"]) for line in asked["lines"]]))
"""
