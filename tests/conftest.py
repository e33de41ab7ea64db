"""What every layer of tests shares: running the command as a user does, in a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.fork_server import find_startup, get_server
from tests.properties import load_profile

pytest_plugins = ["tests.cluster_fixtures"]
load_profile()
# Commands under test inherit what is ignored, and a run in the background (nohup, &) ignores these.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

REPOSITORY = Path(__file__).parents[1]
# A user's shell has no settings of ours but the reader under test; pipes are buffered in it, and modules are
# compiled once, as pip does when it installs them.
DROPPED = ("KAFKACTL_", "_KAFKACTL", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
READER = "KAFKACTL_READER"


@dataclass(frozen=True)
class Cli:
    """Runs `kafkactl` in a process of its own (a fork, see fork_server.py), away from the user's contexts."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def full_environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED) or name == READER}
        own = {"KAFKACTL_CONFIG": str(self.home / "config.yaml"), "KAFKACTL_DATA": str(self.home / "data")}
        return {**clean, **own, "PYTHONUTF8": "1", **self.environment}

    def with_environment(self, **more: str) -> Cli:
        """The same user, with some variables more."""
        return replace(self, environment={**self.environment, **more})

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "kafkactl", *map(str, arguments)]

    def __call__(
        self, *arguments: object, input: str | bytes | None = None, check: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished process; with `check`, its exit status must be that one."""
        data = input.encode() if isinstance(input, str) else input
        environment = self.full_environment()
        server = get_server(find_startup(environment))
        status, stdout, stderr = server.run(list(map(str, arguments)), environment, data, timeout_s=180)
        told = subprocess.CompletedProcess(
            self.command(*arguments), status, stdout.decode(errors="replace"), stderr.decode(errors="replace")
        )
        assert "Traceback" not in told.stderr, told.stderr
        if check is not None:
            assert told.returncode == check, f"{arguments}: status {told.returncode}\n{told.stdout}\n{told.stderr}"
        return told

    def start(self, *arguments: object, **streams: int) -> subprocess.Popen[str]:
        """The running process, which Ctrl-C reaches also where CI runs in the background and ignores it."""
        return subprocess.Popen(
            self.command(*arguments),
            text=True,
            env=self.full_environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **streams,
        )

    def ok(self, *arguments: object, input: str | bytes | None = None) -> str:
        """The stdout of a command that must succeed."""
        return self(*arguments, input=input, check=0).stdout


@pytest.fixture(autouse=True)
def no_output_is_left() -> Iterator[None]:
    """Let what a test wrote and did not flush not come with the next test of the same process."""
    yield
    if (module := sys.modules.get("kafkactl.stdout")) is not None:
        module.out.restart()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)
