"""The table of docs/reliability.md: every fault that tests inject, what the command says, its status and its time.

`python -m tests.faults docs/reliability.md` injects them all once more and writes the table anew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.cluster.test_bad_days import CHANGES
from tests.cluster.test_frozen_brokers import READS
from tests.cluster.test_wrong_ports import PEERS, redirecting
from tests.data.logs import HERE, extract
from tests.fake_broker import FakeBroker, FakeCluster, Group, SilentPeer
from tests.forking import Done, Line, run_all
from tests.unit.storage import test_damaged_logs

TIMEOUT_S = 2
BEGIN, END = "<!-- faults -->\n", "<!-- end of faults -->\n"
HEAD = "| fault | command | what it says | status | seconds |\n| --- | --- | --- | --- | --- |\n"
CASES = Path(__file__).parent / "data" / "cases"
COMMANDS = [["topics", "list"], ["users", "list"], ["topics", "create", "new"], ["consume", "orders"]]
OFFLINE = [
    ("zeros at the end", "zero-tail", ["dump-log", "{log}", "--tail", "1", "--print-data-log"]),
    ("zeros at the end", "zero-tail", ["log", "check", "{folder}"]),
    ("a zeroed batch in the middle", "hole-0-size", ["dump-log", "{log}", "-o", "json", "--print-data-log"]),
    ("a zeroed batch in the middle", "hole-0-size", ["dump-log", "{log}", "--skip-damaged", "-o", "json"]),
    ("a batch of magic 3", "magic3", ["dump-log", "{log}", "-o", "csv"]),
    ("a time index that claims too much", "timeindex-too-old", ["log", "check", "{folder}"]),
    ("a segment is missing", "missing-segment", ["log", "check", "{folder}"]),
    ("a segment is missing", "missing-segment", ["log", "stats", "{folder}"]),
    ("no such file", "zero-tail", ["dump-log", "{folder}/none.log"]),
]
Row = tuple[str, str, Done]


def environment() -> dict[str, str]:
    """Return an environment without contexts."""
    return {**os.environ, "KAFKACTL_CONFIG": str(Path(tempfile.gettempdir()) / "no-contexts-here.yaml")}


def at(server: Any, commands: Sequence[Sequence[object]], text: str = "x\n") -> list[Done]:
    """Run commands at a server."""
    common = ["-b", server.address, "--timeout", str(TIMEOUT_S)]
    return run_all(environment(), [Line(arguments=[*common, *command], input=text) for command in commands])


def network_rows() -> Iterator[Row]:
    """Inject every fault of servers and brokers."""
    servers: dict[str, Callable[[], AbstractContextManager[Any]]] = {name: make for name, (make, _) in PEERS.items()}
    servers |= {
        "sent on to nobody": lambda: redirecting(None),
        "sent on to a silent server": lambda: redirecting(SilentPeer()),
    }
    for name, make in servers.items():
        with make() as server:
            for command, done in zip(COMMANDS, at(server, COMMANDS), strict=True):
                yield name, " ".join(command), done
    reads = [[each.replace("{name}", "orders") for each in read] for read in READS if read[0] != "consume"]
    for frozen in (1, 2, 3):
        groups = [Group("orders", offsets={("orders", 0): 0})]
        with FakeCluster(topics={"orders": 3}, groups=groups, frozen=[frozen]) as cluster:
            for command, done in zip(reads, at(cluster, reads), strict=True):
                if done.status or done.seconds > TIMEOUT_S:
                    yield f"broker {frozen} of three is frozen", " ".join(command), done
    for fault in ("freeze", "close"):
        for api, command in CHANGES:
            with FakeBroker(
                topics={"orders": 3, "other": 1}, groups=[Group("billing", offsets={("orders", 0): 0})]
            ) as broker:
                broker.on(api, applied=True, **{fault: True})
                (done,) = at(broker, [command], "secret\n")
                words = {"freeze": "no answer to", "close": "connection closed after"}
                yield f"{words[fault]} {api}", " ".join(map(str, command)), done


def file_rows() -> Iterator[Row]:
    """Inject every fault of files that has a name."""
    lines = []
    for _, folder, command in OFFLINE:
        names = {"{folder}": str(CASES / folder), "{log}": str(CASES / folder / f"{0:020}.log")}
        lines.append([_filled(word, names) for word in command])
    for (name, folder, _), line, done in zip(
        OFFLINE, lines, run_all(environment(), [Line(arguments=x) for x in lines]), strict=True
    ):
        yield name, " ".join(line).replace(str(CASES / folder), "DIR"), done
    with tempfile.TemporaryDirectory() as scratch:
        (original,) = extract(HERE / "4.3.1.tar.xz", Path(scratch), "stopped-1")
        (parameters,) = test_damaged_logs.test_a_small_file_with_a_fault.pytestmark  # type: ignore[attr-defined]
        for name, change, expected in parameters.args[1]:
            folder = Path(shutil.copytree(original, Path(scratch) / "damaged"))
            (folder / name).write_text(change((folder / name).read_text()))
            (done,) = run_all(environment(), [Line(arguments=["log", "check", folder, "-o", "json"])])
            shutil.rmtree(folder)
            fault = next(found["fault"] for found in json.loads(done.stdout) if expected in found["fault"])
            shown = Done(status=done.status, stdout=fault, stderr="", seconds=done.seconds)
            yield f"a fault in {Path(name).name}", "log check DIR", shown


def _filled(word: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(name, value)
    return word


def said_by(done: Done) -> str:
    """Return the first line that says what is wrong, else the last of the result; without ports, which change."""
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith(("error:", '{"error"'))]
    text = errors[0] if errors else (done.stdout.splitlines() or lines or [""])[-1]
    text = re.sub(r"127\.0\.0\.1:\d{4,}", "HOST:PORT", text.removeprefix("error: ").removeprefix('{"error":"'))
    text = re.sub(r"\S*/tests/data/\S*/", "DIR/", text)
    return f"{text[:157]}..." if len(text) > 160 else text


def table() -> str:
    """Return all rows as Markdown; rows that differ in the time alone are one."""
    rows: dict[tuple[str, str, str, int], list[float]] = {}
    for make in (network_rows, file_rows):
        for fault, command, done in make():
            key = (fault, command, said_by(done).replace("|", "\\|"), done.status)
            rows.setdefault(key, []).append(done.seconds)
    return HEAD + "".join(
        f"| {fault} | `{command}` | {said} | {status} | {max(seconds):.1f} |\n"
        for (fault, command, said, status), seconds in rows.items()
    )


def main(page: Path) -> None:
    """Write the table into a page, between its two marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
