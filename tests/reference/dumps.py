"""What Kafka's own dump tool says of many files, asked in one JVM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests import java_tools
from tests.conftest import Cli

TOOL = "org.apache.kafka.tools.DumpLogSegments"


@dataclass(frozen=True)
class Dump:
    """What it printed, and whether its status would be zero."""

    out: str
    err: str
    succeeded: bool


def kafkas_dumps(calls: Sequence[Sequence[object]]) -> list[Dump]:
    """The tool's answers to command lines, in their order. It may cut the padding off an index it looks at."""
    answers = [java_tools.run(TOOL, *call) for call in calls]
    return [Dump(each.stdout, each.stderr, each.returncode == 0) for each in answers]


def same_text(calls: Sequence[Sequence[object]], cli: Cli) -> None:
    """Ours prints the same, ends alike, and says the same on stderr where all went well."""
    ours = [cli("dump-log", *call) for call in calls]
    for call, mine, theirs in zip(calls, ours, kafkas_dumps(calls), strict=True):
        assert (mine.stdout, mine.returncode == 0) == (theirs.out, theirs.succeeded), (call, theirs.err)
        if theirs.succeeded:
            assert mine.stderr == theirs.err, call
