"""README's commands, run as they stand there (on a free port), each of which must succeed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters import free_base
from tests.conftest import REPOSITORY, Cli

README = (REPOSITORY / "README.md").read_text()
SESSIONS = [
    re.findall(r"^\$ (.+)$", block, re.MULTILINE) for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
]


@pytest.mark.parametrize("session", SESSIONS, ids=["first steps", "kafkas spelling"])
def test_every_line_of_it_works(session: list[str], tmp_path: Path) -> None:
    port = free_base(11592)
    cli = Cli(tmp_path)
    environment = {**cli.full_environment(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        for line in session:
            command = line.replace("localhost:9092", f"localhost:{port}")
            if "local up" in command:
                command += f" --engine native --port {port}"
            done = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {command}"],
                cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout or done.stderr
    finally:
        cli("local", "down", "--all", "--wipe")


def test_it_opens_with_the_two_commands_and_the_picture() -> None:
    assert README.index("make demo") < README.index("make test") < README.index("docs/groups-describe-lag.svg")
    assert len(SESSIONS) == 2


def test_every_link_leads_somewhere() -> None:
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
