"""What of Kafka's command line tools kafkactl has, as the page docs/coverage.md.

`python -m tests.tool_coverage docs/coverage.md` writes the page, from the tables of the tools and from the lines that
run beside Kafka's tools.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.cli.kafka_style.parser import State
from kafkactl.cli.kafka_style.tools import KAFKA_VERSION, load_tool
from tests.reference import equality

_LATER, _WORKER = "later", "no: it runs workers of Kafka Connect"
WITHOUT_MIRROR = {
    **dict.fromkeys(
        (
            "kafka-groups", "kafka-share-groups", "kafka-streams-groups", "kafka-streams-application-reset",
            "kafka-console-share-consumer",
            "kafka-producer-perf-test", "kafka-consumer-perf-test", "kafka-share-consumer-perf-test",
            "kafka-e2e-latency", "kafka-storage", "kafka-metadata-shell", "kafka-verifiable-producer",
            "kafka-verifiable-consumer", "kafka-verifiable-share-consumer", "kafka-replica-verification",
            "connect-plugin-path",
        ),
        _LATER,
    ),
    "kafka-jmx": "no: it speaks a protocol of Java",
    **dict.fromkeys(("connect-distributed", "connect-standalone", "connect-mirror-maker"), _WORKER),
    **dict.fromkeys(("kafka-server-start", "kafka-server-stop"), "in `local up` and `local down`"),
    "trogdor": "no: it tests Kafka itself",
    "kafka-run-class": "no: it runs classes of Java",
}  # fmt: skip
"""Kafka's scripts without a mirror, and why, or whether there will be one."""
_HEAD = f"""\
# What of Kafka's tools kafkactl has

| column | meaning |
| --- | --- |
| state | `same`; `different` and `refused`, with the reason in [from-kafka-tools.md](from-kafka-tools.md) |
| lines | Command lines that run on Kafka {KAFKA_VERSION}'s tool and on ours, and must do and print the same. |
| wrong lines | Those among them that are to be refused. |
| test | The section of lines that has the option most often: `pytest tests/reference/test_kafka_style.py -k "TEST"`. |

`python -m tests.tool_coverage docs/coverage.md` writes this page. The lines are in `tests/reference/kafka_lines.txt`,
and `tests/reference/test_kafka_style.py` runs them.
"""


def write_page() -> str:
    """Return the page: a table of all tools, and a table of options for each tool that kafkactl mirrors."""
    sections = equality.sections()
    summary = ["## Tools", "", "| tool | options | same | different | refused | lines |", "| --- " * 6 + "|"]
    tables = []
    for name in TOOLS:
        own = [section for section in sections if section.tool == name]
        options = load_tool(name).options
        states = Counter(option.state for option in options)
        counts = " | ".join(str(states[state]) for state in (State.SAME, State.DIFFERENT, State.REFUSED))
        lines = sum(len(section.lines) for section in own)
        summary.append(f"| [{name}](#{name}) | {len(options)} | {counts} | {lines} |")
        tables += _section(name, own)
    summary += ["", "| tool without a mirror | state |", "| --- | --- |"]
    summary += [f"| {name} | {reason} |" for name, reason in sorted(WITHOUT_MIRROR.items())]
    return "\n".join([_HEAD, *summary, "", *tables])


def _section(name: str, sections: list[equality.Section]) -> Iterator[str]:
    """The table of one tool's options, with the numbers of lines that have each, and the section with most of them."""
    uses, wrong_uses = Counter[str](), Counter[str]()
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for section in sections:
        for line in section.lines:
            names = equality.list_options(line)
            uses.update(names)
            if "wrong" in section.title:
                wrong_uses.update(names)
            for option_name in names:
                shown[option_name][section.title] += 1
    yield from (f"## {name}", "", "| option | state | lines | wrong lines | test |", "| --- | --- | --- | --- | --- |")
    for option in sorted(load_tool(name).options, key=lambda option: option.name):
        # A section with lines that both tools take shows more than one with wrong lines.
        titles = sorted(shown[option.name].items(), key=lambda item: ("wrong" in item[0], -item[1]))
        test = titles[0][0] if titles else "-"
        yield f"| `--{option.name}` | {option.state} | {uses[option.name]} | {wrong_uses[option.name]} | {test} |"
    yield ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_page(), encoding="utf-8")
