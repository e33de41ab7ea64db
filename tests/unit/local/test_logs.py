"""Logs of local nodes: whole lines only, also of a log that grows slowly or begins anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kafkactl.local import native
from kafkactl.local.compose import load_target
from kafkactl.local.nodes import list_nodes

TARGET = load_target("kraft-cluster", {})


class EndedError(Exception):
    """The end of a test that follows logs."""


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("KAFKACTL_DATA", str(tmp_path))
    paths = [node.log for node in list_nodes(TARGET)]
    for path in paths:
        path.parent.mkdir(parents=True)
    return paths


def follow(monkeypatch: pytest.MonkeyPatch, changes: Sequence[Callable[[], object]]) -> None:
    """Follow the logs, with one change of them in each pause."""
    pending = iter(changes)

    def pause(_seconds: float) -> None:
        change = next(pending, None)
        if change is None:
            raise EndedError
        change()

    monkeypatch.setattr(time, "sleep", pause)
    with pytest.raises(EndedError):
        native.NativeEngine().logs(TARGET, follow=True)


def append(path: Path, data: bytes) -> Callable[[], object]:
    def write() -> None:
        with path.open("ab") as file:
            file.write(data)

    return write


def test_a_last_line_without_a_line_end_is_a_line(logs: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    logs[0].write_bytes(b"one\ntwo \xff")
    logs[2].write_bytes(b"three\n")
    assert native.NativeEngine().logs(TARGET, follow=False) == 0
    names = [node.service.name for node in list_nodes(TARGET)]
    assert capfd.readouterr().out.splitlines() == [
        f"{names[0]} | one",
        f"{names[0]} | two \ufffd",
        f"{names[2]} | three",
    ]


def test_lines_that_come_in_parts_stay_whole(
    logs: list[Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    logs[0].write_bytes(b"one\nt")
    logs[1].write_bytes("파".encode()[:2])
    follow(
        monkeypatch,
        [append(logs[0], b"w"), append(logs[1], "파".encode()[2:] + b"\nfour\n"), append(logs[0], b"o\nthree")],
    )
    lines = [line.partition(" | ")[2] for line in capfd.readouterr().out.splitlines()]
    assert lines == ["one", "파", "four", "two"]


def test_a_log_that_begins_anew_is_followed(
    logs: list[Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    logs[0].write_bytes(b"the first life, not ended")
    follow(monkeypatch, [lambda: logs[0].write_bytes(b"anew\n"), append(logs[0], b"and on\n")])
    lines = [line.partition(" | ")[2] for line in capfd.readouterr().out.splitlines()]
    assert lines == ["anew", "and on"]
