"""Private parts of typer are optional: without them every command works, and says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from kafkactl.cli.frame import typer_internals
from tests.conftest import REPOSITORY, Cli

WITHOUT = """
import sys
from kafkactl.cli.frame import typer_internals

def moved(name):
    raise ImportError(f"{name} has moved")

typer_internals.import_module = moved
from kafkactl.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
LINES = [
    ["--help"],
    ["topics", "create", "--help"],
    ["--version"],
    ["context", "list"],
    ["topics", "create", "orders", "--partitions", "0"],
    ["topics", "create", "orders", "--partitions", "many"],
    ["dump-log", "--isolation-level", "serial", "none.log"],
    ["dump-log", "none.log"],
    ["topics", "nosuch"],
    ["topics", "list", "--nosuch"],
    ["produce", "orders", "--from-file", ""],
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_without_them_a_command_says_the_same(line: list[str], cli: Cli) -> None:
    with_them = cli(*line)
    without = subprocess.run(
        [sys.executable, "-c", WITHOUT, *line],
        env=cli.full_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (without.returncode, without.stdout) == (with_them.returncode, with_them.stdout)
    assert without.stderr == with_them.stderr


def test_proposals_are_made_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(typer_internals, "import_module", moved)
    typer_internals.avoid_pydantic()
    typer_internals.replace_completion({}, {}, print)
    assert typer_internals.make_completion_item("orders", "a topic").value == "orders"


def test_the_installed_release_has_them() -> None:
    """Otherwise every command takes longer, and completion has typer's own scripts."""
    assert hasattr(import_module("typer._completion_shared"), "_completion_scripts")
    assert typer_internals._completion_parts() is not None


def test_private_names_stand_in_one_module() -> None:
    package = REPOSITORY / "kafkactl"
    private = re.compile(r"\btyper\._|from typer\.\w*\._|typer\.core\._|import _[a-z]+ as typer")
    users = {path for path in package.rglob("*.py") if private.search(path.read_text())}
    assert users <= {Path(typer_internals.__file__)}
