"""Draws `kafkactl groups describe --lag` from a real run: `python docs/picture.py FILE.svg` (make picture).

Starts a local broker, lets one group read part of a topic, runs the command at a terminal and exports what it printed.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.clusters import RunningCluster, running

COMMAND = ["groups", "describe", "billing", "--lag"]
WIDTH = 104


def prepare(cluster: RunningCluster) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", "orders", "-p", 3)
    lines = [f"customer-{number % 97}:order {number}\n" for number in range(2000)]
    cli.ok("produce", "orders", "--key-separator", ":", input="".join(lines))
    cli.ok("consume", "orders", "--group", "billing", "--from-beginning", "--exit")
    cli.ok("produce", "orders", "--key-separator", ":", input="".join(lines[:700]))
    cli.ok("topics", "create", "refunds", "-p", 1)
    cli.ok("produce", "refunds", input="refund\n" * 12)
    cli.ok("consume", "refunds", "--group", "billing", "--from-beginning", "--exit")


def at_a_terminal(cluster: RunningCluster) -> str:
    environment = {**cluster.cli.full_environment(), "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    program, *arguments = cluster.cli.command(*COMMAND)
    printed, _status = pexpect.run(
        " ".join([program, *arguments]), env=environment, withexitstatus=True, encoding="utf-8", dimensions=(40, WIDTH)
    )
    return str(printed).replace("\r\n", "\n")


def main(file: str) -> None:
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster)
        printed = at_a_terminal(cluster)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ kafkactl {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(printed))
    # Without the web fonts that rich names: a picture must not call anybody, and any monospaced font will do.
    drawn = re.sub(
        r"@font-face \{.*?\}\s*", "", console.export_svg(title="kafkactl", unique_id="kafkactl"), flags=re.DOTALL
    )
    Path(file).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
