"""What Kafka's own dump tool says of many files, asked in one JVM."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clusters import java_tool
from tests.conftest import Cli

TOOL = Path(__file__).with_name("DumpEach.java")


@dataclass(frozen=True)
class Dump:
    """What it printed, and whether its status would be zero."""

    out: str
    err: str
    succeeded: bool


def kafkas_dumps(calls: Sequence[Sequence[object]]) -> list[Dump]:
    """The tool's answers to command lines, in their order. It may cut the padding off an index it looks at."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / f"{number:05}" for number in range(len(calls))]
        for folder, call in zip(folders, calls, strict=True):
            folder.mkdir()
            (folder / "options").write_text("\n".join(map(str, call)))
        done = java_tool(str(TOOL), temporary)
        assert done.returncode == 0, done.stderr
        return [
            Dump(
                (folder / "out").read_bytes().decode(),
                (folder / "err").read_bytes().decode(),
                (folder / "status").read_text() == "0",
            )
            for folder in folders
        ]


def same_text(calls: Sequence[Sequence[object]], cli: Cli) -> None:
    """Ours prints the same, ends alike, and says the same on stderr where all went well."""
    ours = [cli("dump-log", *call) for call in calls]
    for call, mine, theirs in zip(calls, ours, kafkas_dumps(calls), strict=True):
        assert (mine.stdout, mine.returncode == 0) == (theirs.out, theirs.succeeded), (call, theirs.err)
        if theirs.succeeded:
            assert mine.stderr == theirs.err, call
