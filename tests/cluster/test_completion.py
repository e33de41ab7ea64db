"""Completion in real shells, typed at a terminal, with names from a real cluster."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from kafkactl.cli.completion.shells import FILES
from tests.clusters import RunningCluster
from tests.conftest import REPOSITORY, Cli

PROMPT = "READY>"
START = {"bash": ["bash", "--norc", "--noprofile"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}
SET_UP = {
    "bash": [f"PS1='{PROMPT}'", "bind 'set bell-style none'", "source {directory}/kafkactl.bash"],
    "zsh": [
        "unsetopt zle_bracketed_paste prompt_sp prompt_cr",
        "fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -d {home}/dump",
        f"PS1='{PROMPT}'",
    ],
    "fish": [f"function fish_prompt; printf '{PROMPT}'; end", "source {directory}/kafkactl.fish"],
}


class Shell:
    """A shell at a terminal, in which kafkactl is on PATH."""

    def __init__(self, name: str, cli: Cli, home: Path) -> None:
        environment = {
            **cli.full_environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),  # of its own: names are remembered for seconds
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "share"),
            "TERM": "xterm",
        }
        program, *arguments = START[name]
        self._child = pexpect.spawn(
            program, arguments, env=environment, encoding="utf-8", dimensions=(40, 200), timeout=30
        )
        for line in SET_UP[name]:
            self._child.sendline(line.format(directory=REPOSITORY / "completions", home=home))
        self._child.sendline("echo it-is-$((40 + 2))" if name != "fish" else "echo it-is-(math 40 + 2)")
        self._child.expect_exact("it-is-42")
        self._child.expect_exact(PROMPT)

    def completes(self, typed: str, expected: str) -> None:
        """Types, presses TAB and waits until the line reads as expected; then clears it."""
        self._child.send(typed)
        self._child.send("\t")
        seen, deadline = "", time.monotonic() + 20
        while expected not in plain(seen):
            assert time.monotonic() < deadline, f"{typed!r} became {plain(seen)!r}, not {expected!r}"
            try:
                seen += self._child.read_nonblocking(10_000, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
        self._child.send("\x03")
        self._child.expect_exact(PROMPT)

    def lists(self, typed: str, *expected: str) -> str:
        """Types, presses TAB and returns what is listed once all that is expected is there; clears the line."""
        self._child.send(f"{typed}\t")
        seen, deadline = "", time.monotonic() + 20
        while not all(each in plain(seen) for each in expected):
            assert time.monotonic() < deadline, f"{typed!r} lists {plain(seen)!r}, not {expected!r}"
            with contextlib.suppress(pexpect.TIMEOUT):
                seen += self._child.read_nonblocking(10_000, timeout=0.2)
        self._child.send("\x03")
        self._child.expect_exact(PROMPT)
        return plain(seen)

    def close(self) -> None:
        self._child.close(force=True)


def plain(text: str) -> str:
    """What a terminal would show, near enough: no escape sequences, bells, line ends or what was taken back."""
    text = re.sub(r"\x1b(?:\[[0-9;?<>=]*[a-zA-Z]|\][^\x07]*\x07|[()][A-B0]|[=>])", "", text)
    text = re.sub(r"[\r\n\x07]", "", text)
    return re.sub(r".\x08", "", text)


@pytest.mark.parametrize("shell", FILES)
def test_names_come_from_the_cluster(shell: str, kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    topic, group = f"{name}-topic", f"{name}-group"
    kraft.cli.ok("topics", "create", topic)
    kraft.cli.ok("produce", topic, input="x\n")
    kraft.cli.ok("consume", topic, "--group", group, "--from-beginning", "--exit")
    kraft.cli.ok("context", "set", f"{name}-context", "-b", kraft.bootstrap_servers)
    terminal = Shell(shell, kraft.cli, tmp_path)
    try:
        terminal.completes("kafkactl dump", "kafkactl dump-log")
        terminal.completes("kafkactl topics desc", "kafkactl topics describe")
        terminal.completes("kafkactl topics create --repl", "--replica")
        terminal.completes(f"kafkactl topics describe {name[:8]}", f"describe {topic}")
        terminal.completes(f"kafkactl groups describe {name[:8]}", f"describe {group}")
        terminal.completes(f"kafkactl consume --group {name[:8]}", f"--group {group}")
        terminal.completes(f"kafkactl -b {kraft.bootstrap_servers} topics delete {name[:8]}", f"delete {topic}")
        terminal.completes(f"kafkactl --context {name[:8]}", f"--context {name}-context")
        terminal.completes(f"kafkactl configs alter topics {topic} --set retention.m", "--set retention.ms=")
    finally:
        terminal.close()
        kraft.cli.ok("context", "delete", f"{name}-context")


def test_zsh_lists_names_without_a_dash_of_their_own(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    topics = [f"{name}-{each}" for each in ("a", "b")]
    kraft.cli.ok("topics", "create", *topics)
    terminal = Shell("zsh", kraft.cli, tmp_path)
    try:
        assert "--" not in terminal.lists(f"kafkactl topics describe {name}-", *topics)
        assert "-- " in terminal.lists("kafkactl topics ", "alter", "describe"), "what has a description shows it"
    finally:
        terminal.close()


@pytest.mark.parametrize("before", [None, "", "# mine\nzstyle ':completion:*' menu no", "zstyle x y\n"])
def test_zsh_keeps_the_users_settings(before: str | None, cli: Cli) -> None:
    settings = cli.home / ".zshrc"
    if before is not None:
        settings.write_text(before)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**cli.full_environment(), "PATH": path, "HOME": str(cli.home)}
    for _ in range(2):
        subprocess.run(["zsh", "-f", "-c", "kafkactl --install-completion; true"], env=environment, check=True)
    added = "fpath+=~/.zfunc; autoload -Uz compinit; compinit\n"
    assert settings.read_text() == (before + "\n" * bool(before and before[-1] != "\n") if before else "") + added


@pytest.mark.parametrize("shell", FILES)
def test_it_installs_itself(shell: str, cli: Cli) -> None:
    environment = {
        **cli.full_environment(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(cli.home),
    }
    program, *arguments = START[shell]
    # `; true` keeps the shell from becoming kafkactl: its parent is how the shell is recognised.
    command = [program, *arguments, "-c", "kafkactl --install-completion; true"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"{shell} completion installed in" in done.stdout
    installed = [file for file in cli.home.rglob("*") if file.is_file() and "_KAFKACTL_LINE" in file.read_text()]
    assert len(installed) == 1


def answer(cli: Cli, line: str) -> subprocess.CompletedProcess[str]:
    environment = {**cli.full_environment(), "_KAFKACTL_COMPLETE": "complete_bash", "_KAFKACTL_LINE": line}
    environment["XDG_CACHE_HOME"] = str(cli.home / "cache")
    return subprocess.run(cli.command(), env=environment, capture_output=True, text=True, check=True)


def test_it_is_silent_when_the_cluster_is_away(cli: Cli) -> None:
    done = answer(cli, "kafkactl -b 127.0.0.1:1 topics describe a")
    assert (done.stdout.strip(), done.stderr) == ("", "")
    broken = answer(cli, "kafkactl --command-config /no/such topics describe a")
    assert (broken.stdout.strip(), broken.stderr) == ("", "")


def test_names_are_remembered_for_some_seconds(kraft: RunningCluster, cli: Cli, name: str) -> None:
    line = f"kafkactl -b {kraft.bootstrap_servers} topics describe {name}"
    kraft.cli.ok("topics", "create", f"{name}-1")
    assert answer(cli, line).stdout.split() == [f"{name}-1"]
    kraft.cli.ok("topics", "create", f"{name}-2")
    assert answer(cli, line).stdout.split() == [f"{name}-1"]
    for file in (cli.home / "cache" / "kafkactl" / "completion").iterdir():
        os.utime(file, (0, 0))
    assert answer(cli, line).stdout.split() == [f"{name}-1", f"{name}-2"]
