"""The options of Kafka's tools and what they are in kafkactl, as the page docs/from-kafka-tools.md.

`python -m tests.from_kafka_tools docs/from-kafka-tools.md` writes the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.cli.kafka_style.parser import Option, State
from kafkactl.cli.kafka_style.tools import KAFKA_VERSION, Tool, load_tool

_HEAD = f"""\
# From Kafka's tools to kafkactl

| you type | what happens |
| --- | --- |
| `kafkactl kafka-topics --bootstrap-server b:9092 --list` | What Kafka's tool does, also as `kafka-topics.sh`. |
| `kafkactl topics --create --topic t` | The same, and the current context may replace `--bootstrap-server`. |
| `kafkactl topics create t` | kafkactl's own style ([commands.md](commands.md)). |
| `kafka-topics --list`, after `kafkactl compat install ~/bin` | As in the first row. |

In Kafka's style texts, streams and exit statuses are those of Kafka {KAFKA_VERSION}, defaults and units are Kafka's,
and nothing is asked. A context that is protected or read-only still refuses changes.

| variable | effect in Kafka's style |
| --- | --- |
| `KAFKACTL_COMPAT_CONTEXT=1` | Without `--bootstrap-server` the current context is used. |
| `KAFKACTL_COMPAT_STATUS=kafka` | Kafka's status 0 where Kafka's tool ends with 0 after an error; else it is 1. |

`python -m tests.from_kafka_tools docs/from-kafka-tools.md` writes this page from the tables in
`kafkactl/cli/kafka_style`. A reference test compares the tables with Kafka's classes, and runs every option beside
Kafka's tool.

## What differs in every tool

- The list of options after a wrong command line, and for `--help`, has Kafka's names and values of options, and our own
  descriptions.
- Of a stack trace only the first line is printed.
- Kafka's log lines are not printed, except `ERROR` lines of the console tools. Warnings of kafkactl go to stderr.
"""


def write_page() -> str:
    """Return the page: a section for each tool, with a table of its options and the differences that stay."""
    return "\n".join([_HEAD, *(line for name in TOOLS for line in _section(load_tool(name)))])


def _section(tool: Tool) -> Iterator[str]:
    yield from (f"## {tool.name}", "", "| option | in kafkactl | state | difference |", "| --- | --- | --- | --- |")
    for option in sorted(tool.options, key=lambda option: option.name):
        yield f"| `--{option.name}` | {_show_target(option)} | {option.state} | {_cell(option.note)} |"
    yield ""
    if tool.differences:
        yield from ("Other differences:", "", *(f"- {text}" for text in tool.differences), "")


def _show_target(option: Option) -> str:
    """Return what an option becomes: options and commands as code, a sentence as it is."""
    return _cell(option.target) if option.target == "no option" else f"`{option.target}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")


def list_differences() -> list[str]:
    """Return every difference that stays, of options and of tools."""
    tools = [load_tool(name) for name in TOOLS]
    notes = [option.note for tool in tools for option in tool.options if option.state is not State.SAME]
    return [*notes, *(text for tool in tools for text in tool.differences)]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_page(), encoding="utf-8")
