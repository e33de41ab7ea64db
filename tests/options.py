"""Every option of every command, as the page docs/options.md.

`python -m tests.options docs/options.md` writes the page.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from kafkactl.cli.frame.help import Section, split_help
from tests.json_contract import walk_commands

_HEAD = """\
# Options

Every command with its examples and its options, as `kafkactl COMMAND --help` shows them. A test compares this page
with the program; `python -m tests.options docs/options.md` writes it. What the commands promise is in
[commands.md](commands.md).
"""
_COLUMNS = 80


def walk_helps() -> dict[str, list[str]]:
    """Return the lines of --help at 80 columns, by the path of each command and group; the root is ""."""
    commands = walk_commands()
    groups = {path.rpartition(" ")[0] for path in commands}
    return {path: show_help(path) for path in sorted({"", *groups, *commands})}


def show_help(path: str, columns: int = _COLUMNS) -> list[str]:
    """Return the lines of a command's --help on a terminal of that width."""
    with mock.patch.dict(os.environ, {"COLUMNS": str(columns)}):
        return _context(path).get_help().splitlines()


def command_at(path: str) -> Any:
    """Return the command or group at a path such as "topics list"."""
    return _context(path).command


def _context(path: str) -> Any:
    from kafkactl.cli.app import app
    from kafkactl.cli.frame.command import build

    context = build(app).make_context("kafkactl", [], resilient_parsing=True)
    for name in path.split():
        command = context.command.get_command(context, name)
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
    return context


def walk_examples() -> dict[str, list[str]]:
    """Return the examples of every command and group by its path."""
    return {path: split_help(command_at(path).help)[1] for path in walk_helps()}


def write_page() -> str:
    """Return the page: a section for each command, with a table of its options."""
    return "\n".join([_HEAD, *(line for path in walk_commands() for line in _section(path))])


def _section(path: str) -> Iterator[str]:
    context = _context(path)
    prose, examples = split_help(context.command.help)
    yield from (f"## {path}", "", prose, "", "```sh", *examples, "```", "")
    yield from ("| option | meaning |", "| --- | --- |")
    rows = []
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            heading = getattr(parameter, "rich_help_panel", None) or Section.OPTIONS
            is_option = parameter.param_type_name == "option"
            names = record[0] if is_option else parameter.metavar or parameter.name.upper()
            rows.append((is_option, list(Section).index(heading), names, record[1]))
    for _, _, names, meaning in sorted(rows, key=lambda row: row[:2]):
        yield f"| `{_cell(names)}` | {_cell(meaning)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_page(), encoding="utf-8")
