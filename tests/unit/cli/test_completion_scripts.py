"""The scripts of completion in real shells, without a terminal and without a cluster."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Cli

pytestmark = pytest.mark.slow

ASK = {
    "bash": """\
source {directory}/kafkactl.bash
COMP_LINE={line} COMP_POINT={point}
_kafkactl_completion
echo "${{#COMPREPLY[@]}} ${{COMPREPLY[*]}}"
""",
    "fish": "source {directory}/kafkactl.fish; complete -C {line}",
}


@pytest.fixture(params=ASK)
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param}")
    return str(request.param)


def ask(shell: str, line: str, cli: Cli, folder: Path) -> str:
    """Return what a shell proposes for a line, with the kafkactl of this repository."""
    program = folder / "kafkactl"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kafkactl "$@"\n')
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    script = ASK[shell].format(directory=REPOSITORY / "completions", line=shlex.quote(line), point=len(line))
    flags = ["--norc"] if shell == "bash" else ["--no-config"]
    environment = {**cli.full_environment(), "PATH": path, "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)}
    done = subprocess.run(
        [shell, *flags, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_options_are_proposed(shell: str, cli: Cli, tmp_path: Path) -> None:
    for line in ("kafkactl topics create --repl", "kafkactl kafka-topics.sh --repl"):
        assert "--replication-factor" in ask(shell, line, cli, tmp_path)


def test_files_are_left_to_the_shell(shell: str, cli: Cli, tmp_path: Path) -> None:
    """An answer without proposals was one empty proposal, in the place of the files."""
    (tmp_path / "0.log").touch()
    for line in ("kafkactl dump-log 0.l", "kafkactl kafka-dump-log --files 0.l"):
        expected = {"bash": "0 \n", "fish": "0.log\n"}
        assert ask(shell, line, cli, tmp_path) == expected[shell]
