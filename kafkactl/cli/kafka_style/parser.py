"""Parser of command lines as Kafka's tools read them.

Kafka's tools are built on a Java library, JOpt Simple 5.0.4, whose rules differ from those of typer: an option may
stand anywhere, may have one dash or two, and takes the next word as its value whatever it looks like. Reference:
joptsimple.OptionParser, with abbreviations switched off, as in every tool that kafkactl mirrors.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kafkactl.errors import UsageError

_JAVA_INTEGER = re.compile(r"[-+]?[0-9]+")
_ERRORS_OF_PARSING = (
    "UnrecognizedOptionException",
    "OptionMissingRequiredArgumentException",
    "UnavailableOptionException",
)
_BITS = {"Short": 15, "Integer": 31, "Long": 63}


class Arity(StrEnum):
    """Whether an option has a value."""

    NONE = "none"
    REQUIRED = "required"
    OPTIONAL = "optional"


class State(StrEnum):
    """What becomes of an option of Kafka's tool in kafkactl."""

    SAME = "same"
    DIFFERENT = "different"
    """It works, with a difference that `Option.note` names."""
    REFUSED = "refused"
    """It is refused, for the reason in `Option.note`."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of one of Kafka's tools."""

    name: str
    """Without dashes."""
    summary: str
    """Our description, for the list of options."""
    arity: Arity = Arity.NONE
    type: str = "String"
    """String, Short, Integer or Long: the Java type of the value."""
    label: str = ""
    """Kafka's name of the value in its list of options."""
    default: str | None = None
    available_with: tuple[str, ...] = ()
    """Options of which one must be there; empty for an option that may always be there."""
    target: str = ""
    """What it becomes in kafkactl, for the docs: an option, a word, or a sentence."""
    state: State = State.SAME
    note: str = ""
    """The difference that stays, with its reason."""


class OptionError(UsageError):
    """A command line that the Java library refuses. `exception` is the full name of its exception."""

    def __init__(self, message: str, exception: str) -> None:
        """Take the library's sentence and the simple name of its exception class."""
        super().__init__(message)
        self.exception = f"joptsimple.{exception}"

    @property
    def is_of_parsing(self) -> bool:
        """Return whether the words cannot be parsed; False means a value that cannot be read, or too many values."""
        return self.exception.removeprefix("joptsimple.") in _ERRORS_OF_PARSING


class Arguments:
    """A parsed command line: the options in it, with their values."""

    def __init__(self, options: Mapping[str, Option], words: Sequence[str]) -> None:
        """Take the options by name (no dashes) and the words of the command line; nothing is parsed yet."""
        self.words = tuple(words)
        """The command line as it was given."""
        self.extra: list[str] = []
        """Words that belong to no option, in their order. Most of Kafka's tools ignore them."""
        self.command = ""
        """The subcommand; "" for a tool without subcommands."""
        self.needs_server = True
        """Whether --bootstrap-server must be given, because no context may be used."""
        self._options = options
        self._values: dict[str, list[str]] = {}

    def add(self, name: str, value: str | None) -> None:
        """Note an option, with a value or None. It may occur several times."""
        self._values.setdefault(name, []).extend(() if value is None else (value,))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the options on the command line, in the order in which each came first."""
        return tuple(self._values)

    def has(self, *names: str) -> bool:
        """Return whether one of these options is on the command line."""
        return any(name in self._values for name in names)

    def has_value(self, name: str) -> bool:
        """Return whether an option is there with a value; False for an option without one. A default does not count."""
        return bool(self._values.get(name))

    def values(self, name: str) -> list[str]:
        """Return all values of an option in their order; without one a list of its default, or an empty list.

        `name` has no dashes. Raise OptionError for a value that does not have the option's type, and KeyError for an
        option that the tool lacks.
        """
        option = self._options[name]
        values = self._values.get(name, [])
        for value in values:
            if not is_of_type(value, option.type):
                raise OptionError(
                    f"Cannot parse argument '{value}' of option {name}", "OptionArgumentConversionException"
                )
        return list(values) or ([] if option.default is None else [option.default])

    def value(self, name: str) -> str | None:
        """Return the value of an option; without a value its default, or None without a default.

        `name` has no dashes. An option can be on the command line without a value, where that is optional: `has` tells.
        Raise OptionError for several values, and for a value that does not have the option's type; KeyError for an
        option that the tool lacks.
        """
        values = self.values(name)
        if len(values) > 1:
            reason = f"Found multiple arguments for option {name}, but you asked for only one"
            raise OptionError(reason, "MultipleArgumentsForOptionException")
        return values[0] if values else None


def parse(options: Iterable[Option], words: Sequence[str]) -> Arguments:
    """Return the options and values of a command line.

    `words` are those after the tool's name. Raise OptionError for an unknown option, for a missing value, and, without
    --help and --version, for an option without those that it belongs to. Types and repetitions are only checked when a
    value is asked for. One dash does as two; the beginning of a name is not enough. Behind an equals sign the value may
    be empty. Words behind `--`, and others that belong to no option, are in `extra`.
    """
    by_name = {option.name: option for option in options}
    arguments = Arguments(by_name, words)
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word == "--":
            arguments.extra.extend(rest)
            break
        if not _looks_like_option(word):
            arguments.extra.append(word)
            continue
        is_long = word.startswith("--")
        name, equals, value = word[2 if is_long else 1 :].partition("=")
        if name in by_name:
            _take(by_name[name], value if equals else None, rest, arguments)
        else:  # with one dash the library looks for letters, and none of Kafka's options is a letter
            unknown = name if is_long else word[1]
            raise OptionError(f"{unknown} is not a recognized option", "UnrecognizedOptionException")
    _refuse_unavailable(by_name.values(), arguments)
    return arguments


def _refuse_unavailable(options: Iterable[Option], arguments: Arguments) -> None:
    """Raise OptionError for options that are there without one of those that they belong to.

    With --help or --version nothing is refused.
    """
    names = [
        option.name
        for option in options
        if option.available_with and arguments.has(option.name) and not arguments.has(*option.available_with)
    ]
    if names and not arguments.has("help", "version"):
        reason = f"Option(s) [{', '.join(names)}] are unavailable given other options on the command line"
        raise OptionError(reason, "UnavailableOptionException")


def _take(option: Option, value: str | None, rest: deque[str], arguments: Arguments) -> None:
    """Note an option with its value, which may be the next word; that word is removed from `rest`.

    `value` is the text behind the equals sign, which may be empty, or None without one. For an option without a value
    this text is ignored. A value that must be there is any next word, also one that looks like an option. An optional
    value is no such word; where it is a number, only a number of its type, also -1, and an empty word are taken. Raise
    OptionError where a value must be there and no word is left; the type of the others is not checked.
    """
    if option.arity is Arity.NONE:
        arguments.add(option.name, None)  # the library ignores a value behind an equals sign
    elif value is not None:
        arguments.add(option.name, value)
    elif option.arity is Arity.REQUIRED:
        if not rest:
            reason = f"Option {option.name} requires an argument"
            raise OptionError(reason, "OptionMissingRequiredArgumentException")
        arguments.add(option.name, rest.popleft())
    else:
        is_number = option.type in _BITS and rest and rest[0] != ""
        is_value = bool(rest) and (is_of_type(rest[0], option.type) if is_number else not _looks_like_option(rest[0]))
        arguments.add(option.name, rest.popleft() if is_value else None)


def _looks_like_option(word: str) -> bool:
    """Return whether a word begins with a dash and is more than one dash."""
    return word.startswith("-") and word != "-"


def is_of_type(value: str, type: str) -> bool:
    """Return whether a value is one of a Java type: String, Short, Integer or Long; any other type takes all values.

    A number is whole, in at most 20 ASCII characters without blanks, and may have a sign, also +.
    """
    if type not in _BITS:
        return True
    bound = 1 << _BITS[type]
    return _JAVA_INTEGER.fullmatch(value) is not None and len(value) <= 20 and -bound <= int(value) < bound
