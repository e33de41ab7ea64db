"""A list of 25 commands on the supported releases of Kafka, as the page docs/brokers.md.

`python -m tests.brokers docs/brokers.md` starts a broker of each release, one after another, runs the commands, and
writes the page. The status is 1 if a command fails on a release that has the feature.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clusters import free_base, wait_for_coordinators
from tests.conftest import REPOSITORY, Cli

RELEASES = ("3.6.2", "3.9.1", "4.0.0", "4.3.1")
_NEAR = 11892
COMMANDS = (
    ("topics create orders -p 3", ""),
    ("produce orders --key-separator :", "ann:1\nbob:2\nann:3\n"),
    ("consume orders --from-beginning --max-messages 3", ""),
    ("consume orders --group billing --from-beginning --exit", ""),
    ("topics list", ""),
    ("topics describe orders --size --count", ""),
    ("topics alter orders -p 4", ""),
    ("topics export orders", ""),
    ("groups list --type all", ""),
    ("groups describe billing --lag", ""),
    ("groups describe billing --members", ""),
    ("groups reset-offsets billing --topic orders --to-earliest --execute", ""),
    ("groups clone billing billing-2 --execute", ""),
    ("groups export billing", ""),
    ("groups delete billing-2 --yes", ""),
    ("configs alter topics orders --set retention.ms=3600000", ""),
    ("configs describe topics orders --all", ""),
    ("configs describe brokers 1", ""),
    ("quotas set --client app producer_byte_rate=1048576", ""),
    ("quotas list", ""),
    ("users set ann --password-file -", "a long password\n"),
    ("users list", ""),
    ("offsets orders --count", ""),
    ("records delete orders --all --yes", ""),
    ("topics delete orders --yes", ""),
)
"""Command lines and their standard input; each makes what a later one needs."""


def run_all(release: str) -> list[str]:
    """Return the result of each command on a broker of a release: "works", or the status and the error."""
    with tempfile.TemporaryDirectory() as home:
        cli = Cli(Path(home))
        try:
            cli.ok("local", "up", "kraft", "--engine", "native", "--version", release, "--port", free_base(_NEAR))
            wait_for_coordinators(cli)
            return [_result(cli(*command.split(), input=text)) for command, text in COMMANDS]
        finally:
            cli("local", "down", "--all", "--wipe")


def _result(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == 0:
        return "works"
    lines = done.stderr.strip().splitlines()
    return f"status {done.returncode}: {lines[0] if lines else ''}"


def write_page(results: dict[str, list[str]], commit: str) -> str:
    """Return the page: a row for each command, a column for each release."""
    rows = [
        f"| `{command}` | {' | '.join(results[release][row] for release in results)} |"
        for row, (command, _) in enumerate(COMMANDS)
    ]
    return "\n".join([
        "# Supported brokers",
        "",
        f"| command | {' | '.join(results)} |",
        f"| --- |{' --- |' * len(results)}",
        *rows,
        "",
        f"Each column is a real single-node broker. The last run was on {datetime.date.today()} at commit {commit}:",
        "`make test-long-brokers`. The command `python -m tests.brokers docs/brokers.md` writes this page again.",
        "",
    ])  # fmt: skip


def main(page: str | None) -> int:
    """Run all commands on all releases, write the page if there is one, and return 1 if a command fails."""
    results = {release: run_all(release) for release in RELEASES}
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()
    text = write_page(results, commit)
    sys.stdout.write(text)
    if page is not None:
        Path(page).write_text(text, encoding="utf-8")
    return int(any(result != "works" for column in results.values() for result in column))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
