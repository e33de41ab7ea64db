"""The commands `kafkactl compat`: install, remove, list."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.cli.kafka_style.doors import SCRIPT_SUFFIX, TOOLS
from kafkactl.output import people
from kafkactl.output.report import Column, listing

app = new_app(
    """Install the names of Kafka's tools, and list their options.

    Examples:
      kafkactl compat install ~/bin
      kafkactl compat list kafka-topics
      kafkactl compat remove ~/bin
    """
)

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Show what would be done, and change nothing.", rich_help_panel=Section.CONFIRMATION
    ),
]


@dataclass(frozen=True, kw_only=True)
class OptionRow:
    """What becomes of an option of Kafka's tool, or of the tool itself where `option` is None."""

    tool: str
    option: str | None
    kafkactl: str | None
    """What does the same in our own style."""
    state: str
    note: str | None


_COLUMNS = [
    Column("TOOL", lambda row: row.tool),
    Column("OPTION", lambda row: row.option),
    Column("KAFKACTL", lambda row: row.kafkactl),
    Column("STATE", lambda row: row.state, lambda row: {"different": "yellow", "refused": "red"}.get(row.state)),
    Column("NOTE", lambda row: row.note, is_sentence=True),
]


def complete_tools(incomplete: str) -> list[str]:
    """Return the names of Kafka's tools that begin with the incomplete word."""
    return [tool for tool in TOOLS if tool.startswith(incomplete)]


@app.command()
@command
def install(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder for the launchers, which exists.", show_default=False)
    ],
    output: ReportOptions,
    dry_run: DryRun = False,
) -> int:
    """Write launchers with the names of Kafka's tools into a folder.

    Each tool has two launchers, such as kafka-topics and kafka-topics.sh. They start this kafkactl by the full path of
    its Python. A file that kafkactl did not write is never replaced. kafka-tools.completion.bash, .zsh and .fish are
    the completion for these shells.

    Examples:
      kafkactl compat install ~/bin
      kafkactl compat install ~/bin --dry-run
    """
    from kafkactl.cli.compat import launchers
    from kafkactl.cli.frame.results import show_outcomes

    status = show_outcomes(launchers.install(str(folder), dry_run), "file", output)
    for sentence in launchers.describe_path(str(folder), os.environ.get("PATH", "")):
        people.note(sentence)
    return status


@app.command()
@command
def remove(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the launchers.", show_default=False)],
    output: ReportOptions,
    dry_run: DryRun = False,
) -> int:
    """Remove the launchers that kafkactl has written into a folder.

    Files that kafkactl did not write stay, whatever their names are.

    Examples:
      kafkactl compat remove ~/bin
      kafkactl compat remove ~/bin --dry-run
    """
    from kafkactl.cli.compat import launchers
    from kafkactl.cli.frame.results import show_outcomes

    outcomes, foreign = launchers.remove(str(folder), dry_run)
    status = show_outcomes(outcomes, "file", output)
    for name in foreign:
        people.note(f"{name}: left alone, because kafkactl did not write it")
    if not outcomes:
        people.note(f"no launchers of kafkactl in {folder}")
    return status


@app.command("list")
@command
def list_options(
    output: ReportOptions,
    tool: Annotated[
        str | None,
        typer.Argument(
            metavar="TOOL",
            help="Name of Kafka's tool, with or without .sh. Default: all tools.",
            autocompletion=complete_tools,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the options of Kafka's tools, and what does the same in kafkactl.

    An option is the same, different (the note says how), or refused (the note says why). A row without an option is
    a difference of the tool itself.

    Examples:
      kafkactl compat list kafka-topics
      kafkactl compat list -o json
    """
    name = None if tool is None else tool.removesuffix(SCRIPT_SUFFIX)
    require_choice(name, "TOOL", list(TOOLS))
    output.show(listing(_COLUMNS, [row for each in ([name] if name else TOOLS) for row in _make_rows(each)]))


def _make_rows(name: str) -> Iterator[OptionRow]:
    """Yield a row for each option of a tool in the order of its table, then one for each other difference.

    `name` has no .sh. Raise KeyError for an unknown tool at the first row.
    """
    from kafkactl.cli.kafka_style.parser import State
    from kafkactl.cli.kafka_style.tools import load_tool

    tool = load_tool(name)
    for option in tool.options:
        yield OptionRow(
            tool=name, option=f"--{option.name}", kafkactl=option.target or None, state=option.state.value,
            note=option.note or None,
        )  # fmt: skip
    for sentence in tool.differences:
        yield OptionRow(tool=name, option=None, kafkactl=None, state=State.DIFFERENT.value, note=sentence)
