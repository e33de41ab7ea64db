"""Consumers that run while a test does something, and what they have shown and told so far."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.clusters import eventually
from tests.conftest import Cli


class Reader:
    """A running consumer, whose lines and messages are read as they come."""

    def __init__(self, cli: Cli, *arguments: object) -> None:
        self.process = cli.start("consume", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.shown = b""
        self.told = b""
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)

    def look(self) -> None:
        for name, stream in (("shown", self.process.stdout), ("told", self.process.stderr)):
            assert stream is not None
            try:
                setattr(self, name, getattr(self, name) + os.read(stream.fileno(), 1 << 20))
            except BlockingIOError:
                continue

    def has_shown(self, text: str) -> bool:
        self.look()
        return text.encode() in self.shown

    def has_told(self, text: str) -> bool:
        self.look()
        return text.encode() in self.told

    def ended(self, timeout_s: float = 40) -> int:
        eventually(lambda: (self.look(), self.process.poll() is not None)[1], timeout_s)
        self.look()
        return self.process.returncode


@contextmanager
def reading(cli: Cli, path: str, *arguments: object) -> Iterator[Reader]:
    reader = Reader(cli.with_environment(KAFKACTL_STREAMS=path), *arguments)
    try:
        yield reader
    finally:
        if reader.process.poll() is None:
            reader.process.kill()
        reader.process.communicate()
