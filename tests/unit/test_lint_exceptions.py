"""The list of files that are excepted from the rules of docstrings and names only shrinks."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import REPOSITORY

MOST = 127
"""Lower it whenever a file leaves the list; never raise it."""
RULES = ["--select", "D,N", "--extend-select", "D401,D404,D415", "--ignore", "D105,D107"]


def exceptions() -> dict[str, list[str]]:
    """Return the excepted files of the product with their families of rules."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["per-file-ignores"]
    return {name: rules for name, rules in settings.items() if not name.startswith("tests/")}


def violations() -> dict[str, list[str]]:
    """Return the files that break a rule, with the families of rules."""
    command = [str(Path(sys.executable).with_name("ruff")), "check", ".", *RULES, "--output-format", "json"]
    done = subprocess.run(
        [*command, "--config", "lint.per-file-ignores={'tests/**' = ['D']}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for entry in json.loads(done.stdout):
        name = Path(entry["filename"]).relative_to(REPOSITORY).as_posix()
        found.setdefault(name, set()).add(entry["code"][0])
    return {name: sorted(rules) for name, rules in found.items()}


def test_only_files_that_break_a_rule_are_excepted_from_it() -> None:
    assert exceptions() == violations()


def test_the_list_does_not_grow() -> None:
    assert len(exceptions()) <= MOST
