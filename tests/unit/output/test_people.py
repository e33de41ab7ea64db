from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output import people


def test_an_error_is_one_line_and_a_hint_another(capsys: pytest.CaptureFixture[str]) -> None:
    people.error(KafkactlError("it\nfailed", "try again"))
    assert capsys.readouterr().err == "error: it failed\nhint: try again\n"


def test_nothing_is_destroyed_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="there is no terminal to ask at") as raised:
        people.confirm("delete all", assume_yes=False)
    assert "--yes" in (raised.value.hint or "")
    assert people.confirm("delete all", assume_yes=True)


@pytest.mark.parametrize(("answer", "agrees"), [(b"y\n", True), (b" YES \n", True), (b"\xe9\n", False), (b"", False)])
def test_an_answer_that_is_no_text_is_no_yes(answer: bytes, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kafkactl.output.people.can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(answer), "utf-8"))
    assert people.confirm("delete all", assume_yes=False) is agrees


def test_an_answer_at_a_non_blocking_terminal_is_waited_for() -> None:
    terminal, end = pty.openpty()
    os.set_blocking(end, False)
    run = "from kafkactl.output import people; print(people.confirm('delete all', False))"
    with subprocess.Popen([sys.executable, "-c", run], stdin=end, stderr=end, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        shown = b""
        while not shown.endswith(b"[y/N] "):
            shown += os.read(terminal, 100)
        time.sleep(0.2)  # else the reader might find the answer
        os.write(terminal, b"yes\n")
        assert process.stdout.read() == b"True\n"
    os.close(end)
    os.close(terminal)


@pytest.mark.parametrize("write", [people.note, people.warning, lambda text: people.error(KafkactlError(text))])
@pytest.mark.parametrize("length", [0, 3_970, 3_980, 3_995, 4_000, 10_000])
def test_no_message_shows_a_password_of_a_url(
    write: Callable[[str], None], length: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write("x" * length + " https://ann:s3cret@registry:8081/?token=s3cret")
    shown = capsys.readouterr().err
    assert "s3c" not in shown
    assert shown.count("x") == min(length, 4_000) or write is people.note


def test_a_message_for_a_closed_stderr_is_lost_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    people.error(KafkactlError("it failed", "try again"))
    people.note("done")
    people.write_kafka_message("text")
    with pytest.raises(UsageError, match="there is no terminal to ask at"):
        people.confirm("delete all", assume_yes=False)
