"""Names and patterns of topics, groups, clients, users and transactional ids on the command line.

A topic argument with only letters, digits, `.`, `_` and `-` is a name. Any other topic argument is a pattern.
Groups, clients, users and transactional ids are always names, and `--match REGEX` is their pattern.
A pattern is a regular expression of Python's `re`. It must match the whole name, and its `.` also matches a line end.
A topic pattern skips Kafka's internal topics unless the selection includes them. A name never skips them.
The values of --topic and --include are Kafka's IncludeList: commas separate the names and patterns.

Reference: org.apache.kafka.common.internals.Topic, org.apache.kafka.server.util.TopicFilter.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kafkactl.errors import UsageError

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
MAX_TOPIC_NAME_LENGTH = 249
MAX_GROUP_NAME_BYTES = 2**15 - 1
"""The longest name of a group: its length is a signed number of two bytes in requests."""
MAX_PATTERN_LENGTH = 2000

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SHELL_STAR = r"(?<![.)\]}\\])\*"
"""A text: few names need it, and every command loads this module."""
JAVA_BLANKS = "".join(map(chr, range(0x21)))
"""Characters that Java's String.trim() removes."""
_MAX_SHOWN_LENGTH = 200
_NAME_HINT = f"use 1 to {MAX_TOPIC_NAME_LENGTH} of the characters a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'"
_PATTERN_HINT = "write a regular expression that matches the whole name, for example 'orders-.*'"
_EMPTY_HINT = "give a value, or leave the option or argument out; a shell variable may be empty"

_UNICODE_HINT = "write the value in UTF-8; look at the locale of the terminal or script"

_Value = TypeVar("_Value", str, str | None)


@dataclass(frozen=True, kw_only=True)
class NamePattern:
    """A pattern of names: the text that the user wrote, and its regular expression."""

    text: str
    regex: re.Pattern[str]

    def matches(self, name: str) -> bool:
        """Return whether the pattern matches the whole name."""
        return self.regex.fullmatch(name) is not None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Names that a selection chose, and the parts of the selection that chose nothing. All are sorted and unique.

    `absent_names` are names that do not exist. `unmatched_patterns` are the texts of patterns that chose no name.
    """

    names: tuple[str, ...]
    absent_names: tuple[str, ...]
    unmatched_patterns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NameSelection:
    """Names and patterns that choose groups, clients, users or transactional ids. Both are sorted and unique."""

    names: tuple[str, ...]
    patterns: tuple[NamePattern, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether the user gave neither a name nor a pattern. The command decides what this means."""
        return not (self.names or self.patterns)

    def choose(self, existing_names: Iterable[str]) -> Choice:
        """Return the existing names that a name or a pattern of this selection chooses, and what chose nothing.

        An empty selection chooses nothing, so that no command changes everything by accident. Nothing is raised: a name
        that does not exist is in `absent_names`, and a pattern that chose nothing in `unmatched_patterns`. Patterns of
        topics pass over internal topics, unless the selection includes them.
        """
        existing = frozenset(existing_names)
        candidates = [name for name in existing if self._is_open_to_patterns(name)]
        names = set(existing.intersection(self.names))
        unmatched = set()
        for pattern in self.patterns:
            matches = [name for name in candidates if pattern.matches(name)]
            names.update(matches)
            if not matches:
                unmatched.add(pattern.text)
        return Choice(
            names=tuple(sorted(names)),
            absent_names=tuple(sorted(set(self.names) - existing)),
            unmatched_patterns=tuple(sorted(unmatched)),
        )

    def choose_or_all(self, existing_names: Iterable[str]) -> Choice:
        """Return the choice, or, for an empty selection, all existing names that a pattern could choose, sorted.

        Nothing is raised for a name that does not exist: it is in `absent_names`. An empty selection of topics leaves
        internal topics out, unless it includes them.
        """
        if not self.is_empty:
            return self.choose(existing_names)
        names = sorted({name for name in existing_names if self._is_open_to_patterns(name)})
        return Choice(names=tuple(names), absent_names=(), unmatched_patterns=())

    def _is_open_to_patterns(self, name: str) -> bool:
        """Return whether patterns may choose this name: here always."""
        return True


@dataclass(frozen=True, kw_only=True)
class TopicSelection(NameSelection):
    """Names and patterns that choose topics. Patterns choose internal topics only with `include_internal`."""

    include_internal: bool

    def _is_open_to_patterns(self, name: str) -> bool:
        """Return whether patterns may choose this topic: internal topics only with `include_internal`."""
        return self.include_internal or not is_internal_topic(name)


def is_topic_name(text: str) -> bool:
    """Return whether Kafka accepts the text as the name of a topic; False for an empty one.

    A name has 1 to 249 letters of ASCII, digits, `.`, `_` or `-`, and is neither `.` nor `..`.
    """
    return len(text) <= MAX_TOPIC_NAME_LENGTH and text not in (".", "..") and has_name_characters(text)


def has_name_characters(text: str) -> bool:
    """Return whether a topic argument is a name and not a pattern: only ASCII letters, digits, `.`, `_` and `-`.

    False for an empty text. Names that Kafka refuses (`.`, `..` and too long ones) count as names, too.
    """
    return _NAME.fullmatch(text) is not None


def is_internal_topic(name: str) -> bool:
    """Return whether this is __consumer_offsets, __transaction_state or __share_group_state (Topic.isInternal).

    Other topics whose names begin with two underscores are not internal.
    """
    return name in INTERNAL_TOPICS


def require_each_once(names: Sequence[str], what: str) -> None:
    """Raise UsageError for names that stand twice. `what` is what they name, such as setting."""
    if doubles := sorted(name for name, count in Counter(names).items() if count > 1):
        raise UsageError(f"{what} given twice: {', '.join(doubles)}", f"give each {what} once")


def refuse_empty(value: _Value, name: str) -> _Value:
    """Return the value, or raise UsageError if it is empty, is not UTF-8 or has a NUL character.

    None is returned unchanged. `name` is the option or argument as the user knows it, such as `--group` or `TOPIC`.
    """
    if value == "":
        raise UsageError(f"invalid value '' for {name}: the value is empty", _EMPTY_HINT)
    if value is not None:
        require_sendable(value, name)
    return value


def require_sendable(text: str, name: str) -> str:
    """Return the text, or raise UsageError, which calls it `name`, for the reasons of explain_unusable_text.

    Those are a NUL character and bytes that are not UTF-8. An empty text is returned.
    """
    if (fault := explain_unusable_text(text)) is not None:
        hint = "write the name without it" if "\0" in text else _UNICODE_HINT
        raise _make_invalid_value_error(text, name, fault, hint)
    return text


def explain_unusable_text(text: str) -> str | None:
    """Return why the client libraries cannot take a text, or None where they can; an empty text is fine.

    They do not check this. librdkafka takes a NUL for the end of the text, which is then the name of another group; it
    ends the process for text that is not Unicode, and kafka-python waits for ever.
    """
    if "\0" in text:
        return "this has a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "this is not UTF-8"
    return None


def require_group_name(name: str, argument_name: str = "GROUP") -> str:
    """Return the name of a consumer group unchanged.

    Raise UsageError, which calls the argument `argument_name`, if the name is empty, has a NUL character, is not
    Unicode, or has more than 32,767 bytes in UTF-8: librdkafka sends a longer name as a request that no broker can
    read.
    """
    refuse_empty(name, argument_name)
    if len(name.encode()) > MAX_GROUP_NAME_BYTES:
        reason = f"a name has at most {MAX_GROUP_NAME_BYTES:,} bytes"
        raise _make_invalid_value_error(name, argument_name, reason, "give a shorter name")
    return name


def require_topic_name(text: str, name: str = "TOPIC") -> str:
    """Return the topic name unchanged, for commands that create or write.

    Raise UsageError, which calls the argument `name`, if the text is empty, not UTF-8, or no legal name in Kafka.
    """
    refuse_empty(text, name)
    if not is_topic_name(text):
        raise _make_invalid_value_error(text, name, "this is not a legal topic name", _NAME_HINT)
    return text


def require_topic_names(arguments: Iterable[str], name: str = "TOPIC") -> tuple[str, ...]:
    """Return the topic names of a command that creates or writes, in their order and without repetitions.

    No arguments give an empty tuple. Raise UsageError, which calls the argument `name`, for the first one that Kafka
    would not accept as a name.
    """
    return tuple(dict.fromkeys(require_topic_name(argument, name) for argument in arguments))


def compile_pattern(text: str, name: str) -> re.Pattern[str]:
    """Return the regular expression for fullmatch(); its `.` also matches a line end.

    Raise UsageError, which calls the argument `name`, if it is empty, not UTF-8, has a NUL character, is longer than
    2,000 characters, or is not valid.
    """
    refuse_empty(text, name)
    return _compile(text, text, name)


def compile_include_list(text: str, name: str) -> re.Pattern[str]:
    """Return a Kafka IncludeList as one regular expression for fullmatch(), as Kafka's own tools read it.

    All spaces, control characters and quotes at both ends, and empty parts are removed, and every comma becomes `|`,
    also one in parentheses or braces. A name counts as a regular expression: `a.b` also matches `axb`. Raise
    UsageError, which calls the argument `name`, if the text is not UTF-8 or has a NUL character, and if the rest is
    empty, longer than 2,000 characters, or not valid in Python, which refuses some of Java's syntax.
    """
    return _compile("|".join(_split_include_list(text, name)), text, name)


def select_topics(
    arguments: Sequence[str] | None = None,
    *,
    topic: Sequence[str] | None = None,
    include: Sequence[str] | None = None,
    match: Sequence[str] | None = None,
    include_internal: bool = False,
) -> TopicSelection:
    """Return the selection of topics by positional arguments and the values of --topic, --include and --match.

    A positional argument is never split. Values of --topic and --include lose all spaces, and control characters and
    quotes at both ends, and are split at commas; empty parts are left out. An argument or a part with only the
    characters of a name is a name, of any length, another one a pattern; where a part is no regular expression by
    itself, the whole value is one pattern, with each comma as `|`. `match` has patterns only. None means not given;
    nothing given is an empty selection. With `include_internal` patterns choose internal topics, too.

    Raise UsageError for a value that is empty or a list without parts, is not UTF-8 or has a NUL character, and for a
    regular expression that is not valid or longer than 2,000 characters.
    """
    names: set[str] = set()
    patterns = _read_patterns(match, "--match")
    for argument in arguments or ():
        if has_name_characters(argument):
            names.add(argument)
        else:
            patterns.append(_read_pattern(argument, "TOPIC"))
    for option, values in (("--topic", topic), ("--include", include)):
        for value in values or ():
            _read_include_list(value, option, names, patterns)
    return TopicSelection(
        names=tuple(sorted(names)), patterns=_sort_patterns(patterns), include_internal=include_internal
    )


def select_names(
    arguments: Sequence[str] | None = None,
    *,
    options: Sequence[str] | None = None,
    match: Sequence[str] | None = None,
    argument_name: str = "GROUP",
    option_name: str = "--group",
) -> NameSelection:
    """Return the selection of groups, clients, users or transactional ids by names and --match.

    Names are taken whole: commas, colons, blanks, line ends and escape characters belong to the name.
    `options` are values of Kafka's spelling of the argument, and are names, too. None means not given. Messages use
    `argument_name` and `option_name`. Nothing given is an empty selection. Raise UsageError for a value that is empty,
    not UTF-8 or has a NUL character, and for a regular expression in `match` that is not valid or longer than 2,000
    characters.
    """
    names = {refuse_empty(value, argument_name) for value in arguments or ()}
    names.update(refuse_empty(value, option_name) for value in options or ())
    return NameSelection(names=tuple(sorted(names)), patterns=_sort_patterns(_read_patterns(match, "--match")))


def suggest_topics(pattern: str) -> str | None:
    """Return, as text, the arguments that the user probably meant by a pattern without a match, or None.

    Names with commas between them become names with spaces between them. In another pattern each `*` that follows none
    of `.`, `)`, `]`, `}` and a backslash becomes `.*`; without such a `*` the result is None. The result can still be
    no regular expression, and may match nothing; quote_suggestion() is for hints.
    """
    items = [item.strip() for item in pattern.split(",")]
    if len(items) > 1 and all(map(has_name_characters, items)):
        return " ".join(items)
    suggestion = re.sub(_SHELL_STAR, ".*", pattern)
    return suggestion if suggestion != pattern else None


def _read_patterns(texts: Sequence[str] | None, name: str) -> list[NamePattern]:
    """Return the patterns of these texts in their order; none for None.

    Raise UsageError, which calls the argument `name`, for an empty, too long or invalid text.
    """
    return [_read_pattern(text, name) for text in texts or ()]


def _read_pattern(text: str, name: str) -> NamePattern:
    """Return the pattern of a text. Raise UsageError, which calls the argument `name`, for an invalid one."""
    return NamePattern(text=text, regex=compile_pattern(text, name))


def _sort_patterns(patterns: Iterable[NamePattern]) -> tuple[NamePattern, ...]:
    """Return the patterns sorted by text; a text with two regular expressions stays twice, other repetitions go."""
    return tuple(sorted(set(patterns), key=lambda pattern: (pattern.text, pattern.regex.pattern)))


def _read_include_list(text: str, name: str, names: set[str], patterns: list[NamePattern]) -> None:
    """Add the names and patterns of an IncludeList to `names` and `patterns`.

    Each part between commas is read by itself. A list with a part that is not a regular expression by itself, such as
    `(a,b)c`, is one pattern, as in Kafka; its names are regular expressions then. Nothing is added where an error is
    raised. Raise UsageError, which calls the option `name`, for an empty list, one that is not UTF-8 or has a NUL
    character, and a pattern that is not valid or longer than 2,000 characters.
    """
    items = _split_include_list(text, name)
    try:
        item_patterns = _read_patterns([item for item in items if not has_name_characters(item)], name)
    except UsageError:
        patterns.append(NamePattern(text=text, regex=compile_include_list(text, name)))
    else:
        names.update(filter(has_name_characters, items))
        patterns.extend(item_patterns)


def _split_include_list(text: str, name: str) -> list[str]:
    """Return the parts between the commas of an IncludeList, in their order, without empty ones.

    First spaces and control characters of ASCII at both ends of the list are removed, then all spaces, then quotes at
    both ends. Raise UsageError, which calls the option `name`, where no part is left, and for a text that is not UTF-8
    or has a NUL character.
    """
    refuse_empty(text, name)
    cleaned = text.strip(JAVA_BLANKS).replace(" ", "").strip("\"'")
    items = [item for item in cleaned.split(",") if item]
    if not items:
        raise _make_invalid_value_error(text, name, "the list is empty", _EMPTY_HINT)
    return items


def compile_quietly(regex: str, flags: int = 0) -> re.Pattern[str]:
    """Return a compiled regular expression of Python; raise re.error for an invalid or too complex one.

    Python's warnings about a legal but unusual expression, such as `[[a]`, do not reach stderr.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(regex, flags)
    except (OverflowError, RecursionError, ValueError):
        raise re.error("the pattern is too complex") from None


def _compile(regex: str, text: str, name: str) -> re.Pattern[str]:
    """Return a compiled regular expression whose `.` also matches a line end.

    Raise UsageError, which shows `text` and calls the argument `name`, if it has more than 2,000 characters or is not
    valid. An empty one is accepted.
    """
    if len(regex) > MAX_PATTERN_LENGTH:
        reason = f"the pattern has more than {MAX_PATTERN_LENGTH:,} characters"
        raise _make_invalid_value_error(text, name, reason, _PATTERN_HINT)
    try:
        return compile_quietly(regex, re.DOTALL)  # names of groups may have line ends
    except re.error as error:
        position = "" if error.pos is None else f" at position {error.pos}"
        raise _make_invalid_value_error(
            text, name, f"{_escape(error.msg)}{position}", _make_pattern_hint(text)
        ) from None


def _make_pattern_hint(text: str) -> str:
    """Return the hint for a wrong pattern: the guess of suggest_topics for a shell, or how to write one."""
    suggestion = quote_suggestion(text)
    return _PATTERN_HINT if suggestion is None else f"write {suggestion}"


def make_arguments(command: Sequence[str], names: Sequence[str], flags: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the arguments of a command with names and flags; a name that begins with - stands behind a `--`."""
    if any(name.startswith("-") for name in names):
        return (*command, *flags, "--", *names)
    return (*command, *names, *flags)


def write_command(command: str, name: str, *flags: str) -> str:
    """Return a command with a name and flags, each one argument, as it is written in a shell; for hints."""
    import shlex

    return shlex.join(make_arguments(command.split(), [name], flags))


def quote_suggestion(text: str) -> str | None:
    """Return the arguments that suggest_topics guesses, as they are written in a shell: names, or a quoted pattern.

    None without a guess, and for one that is no regular expression, cannot be printed or has more than 200 characters.
    """
    import shlex

    suggestion = suggest_topics(text)
    if suggestion is None or len(suggestion) > _MAX_SHOWN_LENGTH or not suggestion.isprintable():
        return None
    try:
        compile_quietly(suggestion)
    except re.error:
        return None
    return suggestion if all(map(has_name_characters, suggestion.split(" "))) else shlex.quote(suggestion)


def _make_invalid_value_error(value: str, name: str, reason: str, hint: str) -> UsageError:
    """Return (not raise) the error for a value of the argument or option `name`."""
    return UsageError(f"invalid value {_show(value)} for {name}: {reason}", hint)


def _show(value: str) -> str:
    """Return a value as repr() writes it, so a backslash is doubled. After 200 characters it is cut, with "..."."""
    return repr(value if len(value) <= _MAX_SHOWN_LENGTH else value[:_MAX_SHOWN_LENGTH] + "...")


def _escape(text: str) -> str:
    """Return text of one line with escapes for characters that cannot be printed."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
