"""Lines typed at a terminal."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from kafkactl.cli.frame.stopping import NotedStopping
from kafkactl.cli.produce import prompt
from kafkactl.streams.stoppable import StoppableInput


def test_lines_are_typed_without_readline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds of Python lack it."""
    monkeypatch.setattr(prompt, "out", SimpleNamespace(is_terminal=True))
    monkeypatch.setitem(sys.modules, "readline", None)
    reader, writer = os.pipe()
    os.write(writer, b"a line\n")
    stopping = NotedStopping()
    with stopping, prompt.TypedLines(StoppableInput(reader, stopping), stopping) as typed:
        assert typed.read1() == b"a line\n"
    os.close(reader)
    os.close(writer)
