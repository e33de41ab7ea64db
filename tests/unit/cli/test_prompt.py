"""Lines typed at a terminal."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
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


@pytest.mark.parametrize("content", [b"", b"another line\n"])
def test_a_terminal_that_is_not_stdin_is_read_itself(
    content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """readline reads stdin alone, whatever terminal the input is."""
    monkeypatch.setenv("KAFKACTL_DATA", str(tmp_path))
    monkeypatch.setattr(prompt, "out", SimpleNamespace(is_terminal=True))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    typist, terminal = os.openpty()
    os.write(typist, b"a line\n")
    stopping = NotedStopping()
    with stopping, prompt.TypedLines(StoppableInput(terminal, stopping), stopping, is_stdin=False) as typed:
        assert typed.read1() == b"a line\n"
    os.close(terminal)
    os.close(typist)
