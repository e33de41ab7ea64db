"""Draw `kafkactl groups describe --lag` from a real run: `python docs/picture.py FILE.svg` (make picture).

The script starts a local broker, lets a group read a part of a topic, runs the command at a terminal and exports its
output.
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
    """Create two topics, and a group that has read a part of their records."""
    cli = cluster.cli
    cli.ok("topics", "create", "orders", "-p", 3)
    lines = [f"customer-{number % 97}:order {number}\n" for number in range(2000)]
    cli.ok("produce", "orders", "--key-separator", ":", input="".join(lines))
    cli.ok("consume", "orders", "--group", "billing", "--from-beginning", "--exit")
    cli.ok("produce", "orders", "--key-separator", ":", input="".join(lines[:700]))
    cli.ok("topics", "create", "refunds", "-p", 1)
    cli.ok("produce", "refunds", input="refund\n" * 12)
    cli.ok("consume", "refunds", "--group", "billing", "--from-beginning", "--exit")


def run_at_terminal(cluster: RunningCluster) -> str:
    """Return the output of the command at a terminal."""
    environment = {**cluster.cli.full_environment(), "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    program, *arguments = cluster.cli.command(*COMMAND)
    printed, _status = pexpect.run(
        " ".join([program, *arguments]), env=environment, withexitstatus=True, encoding="utf-8", dimensions=(40, WIDTH)
    )
    return str(printed).replace("\r\n", "\n")


def main(file: str) -> None:
    """Run the command and write the picture into a file."""
    with tempfile.TemporaryDirectory() as home, running("kraft", Path(home)) as cluster:
        prepare(cluster)
        printed = run_at_terminal(cluster)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ kafkactl {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(printed))
    # The web fonts of rich are removed: a picture must not open connections, and any monospaced font is good enough.
    picture = re.sub(
        r"@font-face \{.*?\}\s*", "", console.export_svg(title="kafkactl", unique_id="kafkactl"), flags=re.DOTALL
    )
    Path(file).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
