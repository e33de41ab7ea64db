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


def run_all(environment: Mapping[str, str], lines: Sequence[Line], limit_s: float = 60) -> list[Done]:
    """Run command lines after each other; one that takes longer than the limit is killed."""
    asked = {"limit_s": limit_s, "lines": [[list(map(str, line.arguments)), line.input] for line in lines]}
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
import json, os, signal, sys, tempfile, time
import confluent_kafka.admin, kafka.admin, orjson, yaml
from kafkactl.cli.app import run

def run_in_child(arguments, text, limit_s):
    files = [tempfile.TemporaryFile() for _ in range(3)]
    files[0].write(text.encode("utf-8", "surrogateescape"))
    files[0].seek(0)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 255
        try:
            for number, file in enumerate(files):
                os.dup2(file.fileno(), number)
            os.setpgid(0, 0)
            status = run(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    while True:
        ended, found = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - started > limit_s:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.003)
    seconds = time.monotonic() - started
    texts = []
    for file in files[1:]:
        file.seek(0)
        texts.append(file.read().decode("utf-8", "surrogateescape"))
        file.close()
    return [os.waitstatus_to_exitcode(found), *texts, seconds]

asked = json.load(sys.stdin)
sys.stdin = open(0, closefd=False)
print(json.dumps([run_in_child(*line, asked["limit_s"]) for line in asked["lines"]]))
"""
