"""Parser of command lines of Kafka's tools that have subcommands.

These tools are built on another Java library than the rest, argparse4j 0.7.0, whose rules differ: options belong to the
tool or to a subcommand, may be abbreviated, and may have a letter; the last value of an option counts. Reference:
net.sourceforge.argparse4j.internal.ArgumentParserImpl and helper.TextHelper.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, is_of_type
from kafkactl.errors import UsageError

_WIDTH = 75
"""Longest line of usages and errors, in characters."""
_NEGATIVE = re.compile(r"-[0-9]+")
_PIECES = re.compile(r"(?:'?-+(?=[0-9]))?(?:[^\s-]+|-+')*(?:-+\s*|\s+)")
"""A text up to the next place where a line may end: behind blanks, and behind hyphens without a blank behind them.

As in Java, it does not end between a hyphen and a quote, or a hyphen and the digits of a negative number.
"""
_HELP = Option(name="help", summary="Show this help.", target="--help")
VERSION = Option(name="version", summary="Print the version of Kafka whose tool this is.", target="kafkactl version")
"""Of the tools that have it; it has the letter v."""
SERVERS = (
    Option(
        name="bootstrap-server", arity=Arity.REQUIRED, target="--bootstrap-server",
        summary="Brokers to connect to first: HOST:PORT, with commas between.",
    ),
    Option(
        name="bootstrap-controller", arity=Arity.REQUIRED, target="--bootstrap-controller",
        summary="Controllers to connect to first: HOST:PORT, with commas between.",
    ),
)  # fmt: skip
"""The two options that name the cluster; a tool takes one of them."""
SETTINGS_FILE = Option(
    name="command-config", arity=Arity.REQUIRED, target="--command-config", summary="File of client settings."
)


@dataclass(frozen=True, kw_only=True)
class Level:
    """A tool, or a subcommand of a tool, with its options in the order in which Kafka's class declares them."""

    name: str = ""
    """Name of the subcommand; "" for the tool itself."""
    summary: str = ""
    """Our description of the subcommand, in the list of all."""
    description: str = ""
    """Kafka's sentence in the help of the subcommand; "" for none."""
    options: tuple[Option, ...] = ()
    exclusive: tuple[Option, ...] = ()
    """Options of which at most one may be there."""
    needs_exclusive: bool = False
    """Whether one of `exclusive` must be there."""
    required: tuple[str, ...] = ()
    """Names of options that must be there."""
    repeatable: tuple[str, ...] = ()
    """Names of options whose values are collected."""
    letters: Mapping[str, str] = field(default_factory=dict)
    """Letters of options by their names."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Kafka's names of the values of options, where they are not the option's name in capitals."""
    subcommand_label: str = ""
    """Kafka's word for the subcommands in the usage of the tool; "" where the usage lists them."""
    letter_first: bool = False
    """Whether a letter stands before its name."""

    @property
    def all_options(self) -> tuple[Option, ...]:
        """Return --help, then the exclusive options, then the others, in the order of their declaration."""
        return (_HELP, *self.exclusive, *self.options)

    def name_flags(self, option: Option) -> str:
        """Return the names of an option as errors show them: --id/-i, or -i/--id for --help and with `letter_first`."""
        letter = "h" if option is _HELP else self.letters.get(option.name)
        names = [f"--{option.name}", *([f"-{letter}"] if letter else [])]
        return "/".join(reversed(names) if option is _HELP or self.letter_first else names)

    def format_syntax(self, option: Option) -> str:
        """Return an option as usages show it: the first name of `name_flags`, and the name of its value."""
        flag = self.name_flags(option).split("/")[0]
        return flag if option.arity is Arity.NONE else f"{flag} {self.name_value(option)}"

    def name_value(self, option: Option) -> str:
        """Return the name of an option's value in usages: that in `labels`, or the option's in capitals (_ for -)."""
        return self.labels.get(option.name) or option.name.replace("-", "_").upper()


class SubcommandError(UsageError):
    """A command line that argparse4j refuses; `usage` is the usage of the tool or of the subcommand."""

    def __init__(self, message: str, usage: str) -> None:
        """Take the library's sentence, and the usage with its line ends."""
        super().__init__(message)
        self.usage = usage


class HelpRequestedError(UsageError):
    """A command line with --help. The message is the help, with its line ends."""


class VersionRequestedError(UsageError):
    """A command line with --version, for a tool that has this option. It has no message."""


def parse_subcommand(
    program: str, purpose: str, levels: Sequence[Level], words: Sequence[str], needs_server: bool
) -> Arguments:
    """Return the subcommand, the options and the values of a command line.

    `program` is the name in the usage. `levels` are the tool itself and then its subcommands; `words` are the arguments
    behind the tool's name. The beginning of an option's name is enough where no other name begins so. Of an option that
    is given twice the last value counts, unless its level collects its values. Without `needs_server` the options for
    the address may be missing; it is not kept in the result. Raise SubcommandError for a line that the library refuses,
    HelpRequestedError for --help, and VersionRequestedError for --version.
    """
    top, *subcommands = levels
    arguments = Arguments({option.name: option for level in levels for option in level.all_options}, words)
    rest = deque(words)
    reader = _Reader(program, purpose, levels, top, needs_server)
    deferred = reader.read(rest, arguments)
    if not rest:
        raise SubcommandError("too few arguments", reader.format_usage())
    if reader.has_separator:
        raise _make_unknown_error(rest, reader)
    command = rest.popleft()
    level = next((entry for entry in subcommands if entry.name == command), None)
    if level is None:
        names = ", ".join(f"'{entry.name}'" for entry in subcommands)
        raise SubcommandError(f"invalid choice: '{command}' (choose from {names})", reader.format_usage())
    arguments.command = command
    below = _Reader(program, purpose, levels, level, needs_server)
    own_deferred = below.read(rest, arguments)
    if rest:
        raise _make_unknown_error(rest, below)
    if error := deferred or own_deferred:
        raise error
    return arguments


def _make_unknown_error(words: Iterable[str], reader: _Reader) -> SubcommandError:
    """Return (not raise) the error for words that belong to nothing; `reader` has the usage."""
    return SubcommandError(f"unrecognized arguments: '{' '.join(words)}'", reader.format_usage())


class _Reader:
    """Reads the options of one level of a command line."""

    def __init__(self, tool: str, purpose: str, levels: Sequence[Level], level: Level, needs_server: bool) -> None:
        """Take the tool's levels, the tool itself first, and the one of them whose options are read.

        `tool` is the name in the usage, and `purpose` the tool's sentence in the help. Without `needs_server` the
        options for the address may be missing, also where the level requires them.
        """
        self._tool, self._purpose, self._levels, self._level = tool, purpose, levels, level
        self._needs_server = needs_server
        self._needs_exclusive = level.needs_exclusive and needs_server
        self._by_flag = {f"--{option.name}": option for option in level.all_options}
        self._by_flag |= {f"-{letter}": self._by_flag[f"--{name}"] for name, letter in level.letters.items()}
        self._by_flag["-h"] = _HELP
        self.has_separator = False
        """Whether -- was read, behind which nothing is an option or a subcommand."""

    def read(self, rest: deque[str], arguments: Arguments) -> SubcommandError | None:
        """Take the options from the front of `rest`, and note them with their values in `arguments`.

        The first word that is no option, and all behind it, stay in `rest`, and so do all words behind --, which is
        taken. The beginning of an option's name is enough where no other name begins so. Of an option that is given
        twice only the last value is noted, unless the level collects its values. Return the error of a missing option,
        which the library raises last, or None. Raise SubcommandError for another error, HelpRequestedError for --help,
        and VersionRequestedError for --version; then nothing is noted.
        """
        values: dict[str, list[str | None]] = {}
        while rest and _looks_like_flag(rest[0]):
            word = rest.popleft()
            if word == "--":
                self.has_separator = True
                break
            flag, equals, text = word.partition("=")
            option, embedded = self._find(word, flag, text if equals else None)
            if option is _HELP:
                raise HelpRequestedError(self._format_help())
            if option.name == VERSION.name and embedded is None:
                raise VersionRequestedError("")
            self._refuse_second(option, values)
            value = self._take(option, embedded, rest)
            if option.name in self._level.repeatable:
                values.setdefault(option.name, []).append(value)
            else:
                values[option.name] = [value]
        for name, own_values in values.items():
            for value in own_values:
                arguments.add(name, value)
        return self._find_missing(values)

    def _find(self, word: str, flag: str, embedded: str | None) -> tuple[Option, str | None]:
        """Return the option of a word and the value that is joined to it, or None.

        `flag` is the word before the equals sign, and `embedded` the text behind it, or None. The beginning of a name
        is enough where no other name begins so; -iVALUE has a value, too. Raise SubcommandError for an unknown and for
        an ambiguous option.
        """
        if flag in self._by_flag:
            return self._by_flag[flag], embedded
        candidates = sorted(name for name in self._by_flag if name.startswith(flag))
        if len(candidates) == 1:
            return self._by_flag[candidates[0]], embedded
        if candidates:
            raise self._refuse(f"ambiguous option: {flag} could match {', '.join(candidates)}")
        option = None if word.startswith("--") else self._by_flag.get(word[:2])
        if option is None:
            raise self._refuse(f"unrecognized arguments: '{word}'")
        return option, word[2:]

    def _take(self, option: Option, embedded: str | None, rest: deque[str]) -> str | None:
        """Return the value of an option, which may be the next word and is removed then; None for one without value.

        A next word that begins as an option is not taken, but a negative whole number is. Raise SubcommandError for a
        missing value, one of another type, and one of an option that has none.
        """
        name = self._level.name_flags(option)
        if option.arity is Arity.NONE:
            if embedded is not None:
                raise self._refuse(f"argument {name}: ignore implicit argument '{embedded}'")
            return None
        if embedded is None and (not rest or _looks_like_flag(rest[0])):
            raise self._refuse(f"argument {name}: expected one argument")
        value = rest.popleft() if embedded is None else embedded
        if not is_of_type(value, option.type):
            reason = f"could not convert '{value}' to {option.type} ({_explain(value, option.type)})"
            raise self._refuse(f"argument {name}: {reason}")
        return value

    def _refuse_second(self, option: Option, values: Mapping[str, object]) -> None:
        """Raise SubcommandError for an exclusive option beside another one.

        `values` has the names of the options that were read before; `option` again is no other one.
        """
        if option in self._level.exclusive:
            for other in self._level.exclusive:
                if other is not option and other.name in values:
                    names = self._level.name_flags(option), self._level.name_flags(other)
                    raise self._refuse(f"argument {names[0]}: not allowed with argument {names[1]}")

    def _find_missing(self, values: Mapping[str, object]) -> SubcommandError | None:
        """Return (not raise) the error for an option that must be there and is missing, or None.

        `values` has the given options by name; the values are not looked at. Of several in `required` the error names
        the last one. If none of these is missing, it can be the error for a group of options of which one must be
        there.
        """
        options = {option.name: option for option in self._level.options}
        missing = [name for name in self._level.required if name not in values and self._is_needed(name)]
        if missing:
            return self._refuse(f"argument {self._level.name_flags(options[missing[-1]])} is required")
        exclusive = self._level.exclusive
        if self._needs_exclusive and not any(option.name in values for option in exclusive):
            names = " ".join(map(self._level.name_flags, exclusive))
            return self._refuse(f"one of the arguments {names} is required")
        return None

    def _is_needed(self, name: str) -> bool:
        """Return whether a required option must be there; the address need not where a context may be used."""
        return self._needs_server or name != SERVERS[0].name

    def _refuse(self, message: str) -> SubcommandError:
        """Return (not raise) the error with the usage of this level."""
        return SubcommandError(message, self.format_usage())

    def format_usage(self) -> str:
        """Return the usage of this level in lines of at most 75 characters, each with its end.

        A line is longer where a single option, or the list of subcommands, does not fit.
        """
        words = [] if self._level is self._levels[0] else [*_list_needed(self._levels[0]), self._level.name]
        words.append("[-h]")
        for option in self._level.options:
            syntax = self._level.format_syntax(option)
            words.append(syntax if option.name in self._level.required else f"[{syntax}]")
        words += _list_exclusive(self._level)
        if self._level is self._levels[0]:
            words.append(self._level.subcommand_label or f"{{{','.join(entry.name for entry in self._levels[1:])}}}")
            words.append("...")
        head = f"usage: {self._tool}"
        lines = [head]
        is_first = True
        for word in words:
            if not is_first and len(lines[-1]) + len(word) + 1 > _WIDTH:
                lines.append(" " * len(head))
            else:
                is_first = False
            lines[-1] += f" {word}"
        return "".join(f"{line}\n" for line in lines)

    def _format_help(self) -> str:
        """Return the help of this level: the usage, Kafka's sentence if it has one, and our own descriptions.

        Each line has its end.
        """
        is_top = self._level is self._levels[0]
        purpose = self._purpose if is_top else self._level.description
        lines = ["", *_wrap(purpose)] if purpose else []
        if is_top:
            lines += ["", "positional arguments:"]
            lines += [f"  {entry.name:<22} {entry.summary}" for entry in self._levels[1:]]
        lines += ["", "optional arguments:"]
        for option in self._level.all_options:
            names = "-h, --help" if option is _HELP else self._format_names(option)
            lines += [f"  {names}", f"{'':<25}{option.summary}"] if len(names) > 21 else [
                f"  {names:<22} {option.summary}"
            ]  # fmt: skip
        return self.format_usage() + "".join(f"{line}\n" for line in lines)

    def _format_names(self, option: Option) -> str:
        """Return the names of an option, each with the name of its value: --id ID, -i ID."""
        names = self._level.name_flags(option).split("/")
        value = "" if option.arity is Arity.NONE else f" {self._level.name_value(option)}"
        return ", ".join(f"{name}{value}" for name in names)


def _looks_like_flag(word: str) -> bool:
    """Return whether a word begins as an option; a lone dash and a negative whole number do not."""
    return word.startswith("-") and len(word) > 1 and _NEGATIVE.fullmatch(word) is None


def _explain(value: str, type_: str) -> str:
    """Return Java's reason for a text that is no number of a type."""
    if type_ == "Short" and is_of_type(value, "Integer"):
        return f'Value out of range. Value:"{value}" Radix:10'
    return f'For input string: "{value}"'


def _list_exclusive(level: Level) -> list[str]:
    """Return the words of a usage for the exclusive options of a level, with | between; empty without any.

    They stand in ( ) where the level needs one of them, also where a context is used, else in [ ].
    """
    if not level.exclusive:
        return []
    first, *others = map(level.format_syntax, level.exclusive)
    opening, closing = "()" if level.needs_exclusive else "[]"
    words = [opening + first]
    for other in others:
        words += ["|", other]
    return [*words[:-1], words[-1] + closing]


def _list_needed(level: Level) -> list[str]:
    """Return what a usage shows for the options that the tool itself needs; `level` is the tool's."""
    needed = [level.format_syntax(option) for option in level.options if option.name in level.required]
    return needed + (_list_exclusive(level) if level.needs_exclusive else [])


def format_error(tool: str, error: SubcommandError) -> str:
    """Return the text of argparse4j for an error: the usage and the sentence, justified, each line with its end."""
    return error.usage + "".join(f"{line}\n" for line in _wrap(f"{tool}: error: {error}"))


def _wrap(text: str) -> Iterator[str]:
    """Yield the lines of a text, of at most 75 characters; all but the last are justified.

    Lines end at blanks, and behind most hyphens in words. A longer word has a longer line of its own; as the first word
    it has an empty line before it. Lines have no line end. The text must have single blanks: others stay in the last
    line. An empty text is one empty line.
    """
    line = ""
    for piece in _PIECES.findall(f"{text}\n"):  # the library counts the line end as a character
        if len(line) + len(piece) > _WIDTH:
            yield _justify(line)
            line = ""
        line += piece
    yield line.rstrip()


def _justify(line: str) -> str:
    """Return a line with more blanks between its words, so that it has 75 characters; a lone word gets none.

    Blanks at both ends are removed. The line must have at most 75 characters, and single blanks between its words.
    """
    words = line.split()
    gaps = len(words) - 1
    if gaps < 1:
        return "".join(words)
    blanks = _WIDTH - len(line.strip())
    each, rest = divmod(blanks, gaps)
    first = (gaps - rest + 1) // 2
    text = words[0]
    for number, word in enumerate(words[1:]):
        text += " " * (1 + each + (first <= number < first + rest)) + word
    return text
