"""The command lines that stand at the head of the project work exactly as they are written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.clusters import RunningCluster
from tests.conftest import REPOSITORY, Cli

SEGMENT = REPOSITORY / "tests" / "data" / "orders-0" / "00000000000000000000.log"


def shell(cli: Cli, line: str, folder: Path) -> str:
    """Return what a line typed at a shell prints; it must succeed."""
    done = type_at_shell(cli, line, folder)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


def type_at_shell(cli: Cli, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**cli.full_environment(), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_topics_create(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    assert "created" in shell(kraft.cli, f"kafkactl topics create {name}", tmp_path)
    assert name in shell(kraft.cli, "kafkactl topics list", tmp_path).splitlines()


def test_groups_describe_lag_shows_all_groups(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    kraft.cli.ok("produce", name, input="a\nb\n")
    for group in (f"{name}-a", f"{name}-b"):
        kraft.cli.ok("consume", name, "--group", group, "--from-beginning", "--max-messages", 1)
    done = type_at_shell(kraft.cli, "kafkactl groups describe --lag", tmp_path)
    # Groups of other tests are shown, too, and the topics of some have been deleted.
    assert done.returncode == (1 if done.stderr else 0)
    assert name not in done.stderr
    shown = done.stdout
    assert {f"{name}-a", f"{name}-b"} <= {line.split()[0] for line in shown.splitlines() if line}
    assert "total lag 1" in shown


def test_dump_log(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(SEGMENT, tmp_path / "path.log")
    assert "baseOffset: 0" in shell(cli, "kafkactl dump-log path.log", tmp_path)


def test_completion_script_for_the_shell_one_is_in(cli: Cli, tmp_path: Path) -> None:
    script = shell(cli, "kafkactl --show-completion; exit $?", tmp_path)  # else bash would be replaced by the program
    assert "complete" in script
    assert "kafkactl" in script
    completed = shell(cli, f"source <(cat {REPOSITORY}/completions/kafkactl.bash); complete -p kafkactl", tmp_path)
    assert "kafkactl" in completed
