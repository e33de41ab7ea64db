"""The parts of package tests: interpreters, environments, and a clean copy of the project to build from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import REPOSITORY

VERSIONS = ("3.11", "3.12", "3.13")
"""The releases of CPython that pyproject.toml's classifiers promise."""
BUILD_TOOLS = ("setuptools>=77", "cython>=3.1,<4", "wheel")


def run(*command: object, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; the test fails unless it succeeds."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd, env={**clean_environment(), **(environment or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=420,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Return the environment without what points Python at the tree of these tests."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "KAFKACTL", "VIRTUAL_ENV"))
    }


def find_python(version: str) -> Path | None:
    """Return an interpreter of that release of CPython, None where this machine has none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    named = shutil.which(f"python{version}")
    roots = {Path.home() / ".pyenv", *([Path(named).parents[1]] if named else [])}  # pyenv's shim may refuse to run
    installed = sorted(path for root in roots for path in root.glob(f"versions/{version}.*/bin/python"))
    for candidate in [*reversed(installed), *([Path(named)] if named else [])]:
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if done.returncode == 0 and f" {version}." in done.stdout:
            return candidate
    return None


def make_environment(python: Path, folder: Path) -> Path:
    """Make a virtual environment; return its interpreter."""
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


def install(python: Path, *requirements: object) -> None:
    """Install packages into the environment of an interpreter."""
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)


def copy_project(folder: Path) -> Path:
    """Copy the files of the project that git knows, as they are in the working tree; return the copy."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=REPOSITORY).split("\0")
    for name in filter(None, names):
        if (source := REPOSITORY / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder
