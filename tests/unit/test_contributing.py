"""CONTRIBUTING.md's example command, added to a copy of this repository as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow


COMMAND = "racks list"
STEPS = 5
HEADING = re.compile(r"^### (\d)\. ", re.MULTILINE)
BLOCK = re.compile(r"^```(?:python|toml|jsonc)\n(?:#|//) (?P<place>.+)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
PLACE = re.compile(r"(?P<file>\S+?)(?:, (?P<side>before|after) the line: (?P<line>.+))?")
CHECKS = f"""
from pathlib import Path
from tests.cluster.test_examples import ELSEWHERE, ORDER
from tests.conftest import Cli
from tests.json_contract import walk_commands
from tests.unit.test_json_contract import FORMATS, READING, build_fake_cluster, require_cases
assert set(ORDER) == {{path for path in walk_commands() if not path.startswith(ELSEWHERE)}}
with build_fake_cluster() as cluster:
    cases = [item for item in READING if item.output == "{COMMAND}"]
    assert cases
    require_cases(Cli(Path("home")), cases, {{format: ("-b", cluster.address) for format in FORMATS}})
"""
"""What the tests of examples and of the contract check for all commands, for the new command alone."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Text of the page for a file; `line` is the line beside which it goes, None for a new file."""

    file: str
    side: str | None
    line: str | None
    text: str

    def apply(self, folder: Path) -> None:
        """Write the new file, or put the text beside the line, which must stand once in the file."""
        path = folder / self.file
        if self.line is None:
            assert not path.exists(), self.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(self.text)
            return
        lines = path.read_text().splitlines(keepends=True)
        assert lines.count(f"{self.line}\n") == 1, f"{self.file}: {self.line}"
        place = lines.index(f"{self.line}\n") + (self.side == "after")
        path.write_text("".join([*lines[:place], self.text, *lines[place:]]))


def read_steps() -> list[list[Block]]:
    """Return the blocks of each step of the page."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("\n## Commits\n")[0]
    parts = HEADING.split(page)
    assert parts[1::2] == [str(number + 1) for number in range(STEPS)]
    return [[_parse_block(*match.groups()) for match in BLOCK.finditer(text)] for text in parts[2::2]]


def _parse_block(place: str, text: str) -> Block:
    match = PLACE.fullmatch(place)
    assert match, place
    return Block(file=match["file"], side=match["side"], line=match["line"], text=text)


def copy_repository(folder: Path) -> None:
    """Copy the files that git knows or would add, and the compiled parts."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()}
    compiled = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "kafkactl").rglob("*.so")}
    for name in names | compiled:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository to which all steps were applied."""
    folder = tmp_path_factory.mktemp("contributing")
    copy_repository(folder)
    for step in read_steps():
        for block in step:
            block.apply(folder)
    for module, page in (("tests.options", "docs/options.md"), ("tests.json_contract", "docs/json.md")):
        python(folder, "-m", module, page)
    return folder


def environment(folder: Path) -> Mapping[str, str]:
    """Return an environment in which Python imports the copy; this test run's own settings stay outside."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "KAFKACTL_"))}
    return {**inherited, "PYTHONPATH": str(folder)}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def python(folder: Path, *arguments: str) -> str:
    return run(folder, sys.executable, *arguments)


def test_every_step_has_a_block() -> None:
    assert all(read_steps())


def test_the_new_files_pass_the_linter(copy: Path) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    run(copy, ruff, "check", "--no-cache", ".")
    run(copy, ruff, "format", "--no-cache", "--check", ".")


def test_the_command_is_in_the_help_and_on_the_pages(copy: Path) -> None:
    assert python(copy, "-m", "kafkactl", *COMMAND.split(), "--help").startswith(f"Usage: kafkactl {COMMAND}")
    assert "List the racks of a cluster." in python(copy, "-m", "kafkactl", "--help")
    for page in ("options.md", "json.md"):
        assert f"\n## {COMMAND}\n" in (copy / "docs" / page).read_text()


def test_the_command_passes_the_tests_of_commands(copy: Path) -> None:
    """The tests of help, of layers, of the contract and of changes, as far as they concern the new command."""
    files = ("cli/test_help.py", "cli/test_before_change.py", "cli/test_command_line.py", "test_layers.py")
    wanted = "racks or docs or layers or known_to_change or schema_and_every or page_is or is_tried"
    python(
        copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", wanted,
        *(f"tests/unit/{file}" for file in (*files, "test_json_contract.py")),
    )  # fmt: skip
    python(copy, "-c", CHECKS)
