"""Kafka's own tools, from the jars that the native engine runs."""

from __future__ import annotations

import atexit
import base64
import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kafkactl.local import jars
from tests.alone import alone

VERSION = "4.3.1"
_SERVER = Path(__file__).with_name("KafkaTools.java")


def run(main_class: str, *arguments: object, input: str = "") -> subprocess.CompletedProcess[str]:
    """What a tool does, in a JVM that all of them share."""
    jvm = _jvm()
    assert jvm.stdin is not None
    assert jvm.stdout is not None
    words = [main_class, input, *map(str, arguments)]
    jvm.stdin.write(" ".join(base64.b64encode(word.encode()).decode() for word in words) + "\n")
    jvm.stdin.flush()
    answer = jvm.stdout.readline()
    assert answer, f"the JVM ended while it ran {main_class}"
    status, out, err = answer.rstrip("\n").split(" ")
    told = (base64.b64decode(each).decode() for each in (out, err))
    return subprocess.CompletedProcess([main_class, *map(str, arguments)], int(status), *told)


def run_alone(
    main_class: str, *arguments: object, environment: Mapping[str, str] | None = None, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A class, or a file of Java source, in a JVM of its own, as bin/ runs it."""
    return subprocess.run(
        [*_java(), main_class, *map(str, arguments)],
        input=input or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=_environment(environment),
    )


@functools.cache
def _jvm() -> subprocess.Popen[str]:
    jvm = subprocess.Popen(
        [*_java(), str(_SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(None)
    )
    atexit.register(jvm.kill)
    return jvm


def _java() -> list[str]:
    with alone():
        libs = jars.get_libs(VERSION, print)
    command = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"]
    return [*command, "-Dlog4j2.level=OFF", "-cp", f"{libs}/*"]


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **(given or {})}
