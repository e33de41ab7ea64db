"""Run the unit tests on another release of CPython: `python -m tests.packages.unit_tests 3.13`.

The project is installed, with its compiled parts, from a copy into an environment of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.packages.building import clean_environment, copy_project, find_python, install, make_environment, run


def main(version: str) -> int:
    """Return the exit status of the unit tests; 1 where this machine does not have that release."""
    python = find_python(version)
    if python is None:
        sys.stderr.write(f"CPython {version} is not installed\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder, "project"))
        run("git", "init", "--quiet", cwd=project)  # some tests ask git for the files of the project
        run("git", "add", "--all", cwd=project)
        environment = make_environment(python, Path(folder, "environment"))
        install(environment, "--config-settings", "editable_mode=compat", "--editable", f"{project}[dev]")
        command = [environment, "-m", "pytest", "-q", "-n", "auto", "tests/unit"]
        return subprocess.run(command, cwd=project, env=clean_environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
