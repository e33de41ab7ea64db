"""The text of --help: what a command does, real examples, and options in sections with names.

rich would triple the time that help takes, so the text is plain and made here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from enum import StrEnum
from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand, TyperGroup

from kafkactl.cli.frame.suggestions import suggest_command
from kafkactl.errors import UsageError

_EXAMPLES = "Examples:"
_WIDEST_NAME = 30


class Section(StrEnum):
    """Headings of options, in the order in which a help text shows them."""

    SUBJECT = "Subject"
    OPTIONS = "Options"
    RULES = "Rules"
    INPUT = "Input"
    RANGE = "Range"
    FILTERS = "Which records"
    GROUP = "Consumer group"
    SENDING = "Sending"
    FORMATS = "Keys and values"
    CONFIRMATION = "Confirmation"
    FORM = "Form of the output"
    KAFKA = "Kafka's spellings and short forms"
    CONNECTION = "Connection"


_ORDER = {section.value: position for position, section in enumerate(Section)}


COMMANDS = "Commands"
"""Heading of the commands of a group that does not divide them."""


class MissingCommandError(UsageError):
    """A group was called without a command. Its text is the help of the group."""


class Command(TyperCommand):
    """A command whose options stand in sections. A section is the `rich_help_panel` of an option."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does, and its examples, to click's HelpFormatter."""
        write_description(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each below the heading of its section, to click's HelpFormatter.

        Sections have the order of Section. Hidden options are left out, and -h comes behind the options of the
        connection, if the command has them.
        """
        _write_sections(self.get_params(ctx), ctx, formatter)


class Group(TyperGroup):
    """A group of commands, shown with the first paragraph of each."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options of the group, and return the arguments behind the command's name; empty without any.

        Raise MissingCommandError, whose text is the help, where `args` is empty; not during completion. --help prints
        the help and raises typer.Exit, and so do other options that end a command, such as --version. Raise click's
        UsageError for a wrong option, but not during completion.
        """
        if not args and not ctx.resilient_parsing:
            raise MissingCommandError(ctx.get_help())
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return name, command and remaining arguments of the command that is called.

        `args` is not empty and begins with the name. Raise UsageError for an unknown name; its hint has similar names,
        if there are any. A name that begins with -, as behind --, is read as an option of the group: --help prints the
        help and raises typer.Exit, and an unknown one is click's UsageError. During completion an unknown name gives
        None for name and command.
        """
        name, names = args[0], self.known_names()
        if name not in names and not ctx.resilient_parsing and not name.startswith("-"):
            path = ctx.command_path
            hint = suggest_command(name, path, names)
            raise UsageError(f"command not found: {name}", hint or f"list the commands: {path} --help")
        return super().resolve_command(ctx, args)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the group is for, and its examples, to click's HelpFormatter."""
        write_description(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands before the options to click's HelpFormatter: they are what the reader looks for."""
        self.format_commands(ctx, formatter)
        _write_sections(self.get_params(ctx), ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command below its heading, with its summary, which is never cut, to click's HelpFormatter."""
        for heading, rows in self.command_sections().items():
            _write_rows(heading, rows, formatter)

    @abstractmethod
    def command_sections(self) -> dict[str, list[tuple[str, str]]]:
        """Return the name and the summary of each command by heading, in the order of the help.

        Subclasses implement it.
        """

    def known_names(self) -> list[str]:
        """Return every name that may be typed: those of the commands, in order. No command is built or imported."""
        return list(self.commands)


def split_help(text: str | None) -> tuple[str, list[str]]:
    """Return the prose of a docstring, and the command lines below the line "Examples:", in order.

    The prose loses only the indentation of the docstring, command lines lose all, and empty lines between examples are
    left out. None and "" give "" and an empty list.
    """
    prose, _, examples = cleandoc(text or "").partition(f"\n{_EXAMPLES}\n")
    return prose.strip(), [line.strip() for line in examples.splitlines() if line.strip()]


def first_sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring as one line, which may have several sentences; "" for None."""
    return " ".join(split_help(text)[0].partition("\n\n")[0].split())


def write_description(text: str | None, formatter: Any) -> None:
    """Write the prose of a docstring in paragraphs, and its examples line by line, to click's HelpFormatter.

    None and "" write nothing.
    """
    prose, examples = split_help(text)
    if prose:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(prose)
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _write_sections(parameters: Iterable[Any], ctx: Any, formatter: Any) -> None:
    """Write arguments and options, each below the heading of its section, to click's HelpFormatter.

    `parameters` are those of the command, `ctx` its click context. Sections have the order of Section; in each one
    arguments come before options. Hidden options are left out, and -h comes behind the options of the connection, if
    there are any. Raise KeyError for a heading that is not in Section.
    """
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in sorted(parameters, key=lambda parameter: parameter.param_type_name != "argument"):
        if (row := _make_row(parameter, ctx)) is not None:
            sections.setdefault(_find_section(parameter), []).append(row)
    _move_help_to_the_end(sections)
    for heading in sorted(sections, key=_ORDER.__getitem__):
        _write_rows(heading, sections[heading], formatter)


def _make_row(parameter: Any, ctx: Any) -> tuple[str, str] | None:
    """Return names and help of an argument or an option for the help text, None where it is hidden.

    The names of an argument are its metavar, or else its name in upper case.
    """
    record = parameter.get_help_record(ctx)
    if record is None:
        return None
    names, text = record
    if parameter.param_type_name == "argument":
        names = parameter.metavar or parameter.name.upper()
    return names, text


def _find_section(parameter: Any) -> str:
    """Return the heading of an argument or an option: its own, else Subject for an argument, Options for an option."""
    if panel := getattr(parameter, "rich_help_panel", None):
        return str(panel)
    return Section.SUBJECT if parameter.param_type_name == "argument" else Section.OPTIONS


def _move_help_to_the_end(sections: dict[str, list[tuple[str, str]]]) -> None:
    """Move -h, --help behind the options of the connection; do nothing where a command has no such options.

    `sections` has the rows of each section, names and help, by heading. It is changed in place, and Options may be an
    empty list then.
    """
    options = sections.get(Section.OPTIONS, [])
    if Section.CONNECTION in sections:
        sections[Section.CONNECTION] += [row for row in options if row[0].startswith("-h,")]
        sections[Section.OPTIONS] = [row for row in options if not row[0].startswith("-h,")]


def _write_rows(heading: str, rows: Iterable[tuple[str, str]], formatter: Any) -> None:
    """Write rows of names and help below a heading to click's HelpFormatter; nothing at all for no rows."""
    if rows := list(rows):
        with formatter.section(heading):
            formatter.write_dl(rows, col_max=_WIDEST_NAME)
