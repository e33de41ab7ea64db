"""The subject of a command: the topics or groups that it works on, as arguments or in Kafka's spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.cli.completion.names import complete_groups, complete_topics
from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.errors import KafkactlError, NotFoundError, UsageError, make_exclusive_error
from kafkactl.patterns import (
    Choice,
    NameSelection,
    TopicSelection,
    quote_suggestion,
    refuse_empty,
    select_names,
    select_topics,
)

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

IfExists = Annotated[bool, typer.Option("--if-exists", help="Succeed if a topic does not exist.")]
ExcludeInternal = Annotated[bool, typer.Option("--exclude-internal", help="Leave the internal topics of Kafka out.")]
Partitions = Annotated[
    str | None, typer.Option("--partitions", metavar="N,...", help="Only the partitions with these numbers.")
]
AllGroups = Annotated[bool, typer.Option("--all-groups", help="Every group of the cluster.")]
_TOPICS_HINT = "list the topics that you can see: kafkactl topics list"


def require_subject(positional: str | None, flag: str | None, name: str) -> str:
    """Return the subject of a command, from the argument or from Kafka's option; None is not given.

    `name` is the noun: topic or group. The name is not checked for Kafka's rules. Raise UsageError where neither is
    given, or both with different values, and for a value that is empty, not Unicode or has a NUL character.
    """
    refuse_empty(positional, name.upper())
    refuse_empty(flag, f"--{name}")
    if positional is not None and flag is not None and positional != flag:
        raise UsageError(f"{name.upper()} {positional} and --{name} {flag} differ", f"give the {name} once")
    value = positional if positional is not None else flag
    if value is None:
        raise make_missing_error(name)
    return value


def make_missing_error(name: str) -> UsageError:
    """Return (not raise) the error for a missing subject; `name` is the noun: topic or group."""
    return UsageError(f"missing argument {name.upper()}", f"give it as the argument, or with --{name}")


@flags
class TopicOptions:
    """The only topic of a command, by its name."""

    section: ClassVar[Section] = Section.SUBJECT

    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help="Name of the topic.", autocompletion=complete_topics, show_default=False),
    ] = None
    topic_flag: Annotated[
        str | None,
        typer.Option("--topic", metavar="TOPIC", help="Kafka's spelling of TOPIC.", autocompletion=complete_topics),
    ] = None

    @property
    def name(self) -> str:
        """Return the name; it may be no legal name in Kafka.

        Raise UsageError where it is missing, empty, not Unicode, has a NUL character, or is given twice with different
        values.
        """
        return require_subject(self.topic, self.topic_flag, "topic")


@flags
class TopicsOptions:
    """The topics of a command, by names and patterns."""

    section: ClassVar[Section] = Section.SUBJECT

    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC",
            help="Name of a topic, or a regular expression for whole names.",
            autocompletion=complete_topics,
            show_default=False,
        ),
    ] = None
    topic_flag: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            metavar="TOPIC,...",
            help="Kafka's spelling of TOPIC: names and regular expressions with commas between.",
            autocompletion=complete_topics,
        ),
    ] = None
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="REGEX", help="Regular expression for whole names of topics; repeatable."),
    ] = None
    include_internal: Annotated[
        bool, typer.Option("--include-internal", help="Let patterns match the internal topics of Kafka, too.")
    ] = False

    def selection(self) -> TopicSelection:
        """Return the selection, which may be empty. The topics need not exist: no broker is asked.

        TOPIC is a name, or a regular expression for the whole name; --topic is a list of these with commas, whose empty
        parts are left out, and --match a regular expression. Patterns choose internal topics only with
        --include-internal. Raise UsageError for a value that is empty, not UTF-8 or has a NUL character, for a list of
        commas alone, and for a wrong pattern.
        """
        return select_topics(
            self.topic, topic=self.topic_flag, match=self.match, include_internal=self.include_internal
        )

    def require_selection(self) -> TopicSelection:
        """Return the selection. The topics need not exist: no broker is asked.

        Raise UsageError for an empty selection, for a value that is empty, not UTF-8 or has a NUL character, for a list
        of commas alone, and for a wrong pattern.
        """
        selection = self.selection()
        if selection.is_empty:
            raise make_missing_error("topic")
        return selection

    def choose_or_all(self, connected: Cluster) -> list[str]:
        """Return the names of the selected topics as choose() does, or all, internal ones too, for an empty selection.

        The names of all topics are in the broker's order, which need not be sorted.

        Raise UsageError as selection() does and for a wrong client setting, NotFoundError for a pattern without a
        match, and UnreachableError or OperationError where the topics cannot be listed.
        """
        return connected.requests.list_topics() if self.selection().is_empty else self.choose(connected)

    def choose(self, connected: Cluster, if_exists: bool = False) -> list[str]:
        """Return the names of the selected topics, sorted and unique.

        With `if_exists` only names of existing topics are returned, and the list may be empty. Without it names are not
        looked up, because the brokers check them with the next request. Patterns choose internal topics only with
        --include-internal. Raise UsageError as require_selection() does and for a wrong client setting, NotFoundError
        for a pattern without a match, but not with `if_exists`, and UnreachableError or OperationError where there are
        patterns or `if_exists` and the topics cannot be listed.
        """
        from kafkactl.admin.topics.descriptions import list_topics

        selection = self.require_selection()
        if not (selection.patterns or if_exists):
            return list(selection.names)
        choice = selection.choose(row.topic for row in list_topics(connected))
        if if_exists:
            return list(choice.names)
        for error in make_unmatched_errors(choice):
            raise error
        return sorted({*choice.names, *selection.names})


@flags
class GroupOptions:
    """The only group of a command, by its name."""

    section: ClassVar[Section] = Section.SUBJECT

    group: Annotated[
        str | None,
        typer.Argument(metavar="GROUP", help="Name of the group.", autocompletion=complete_groups, show_default=False),
    ] = None
    group_flag: Annotated[
        str | None,
        typer.Option("--group", metavar="GROUP", help="Kafka's spelling of GROUP.", autocompletion=complete_groups),
    ] = None

    @property
    def name(self) -> str:
        """Return the name.

        Raise UsageError where it is missing, empty, not Unicode, has a NUL character, or is given twice with different
        values.
        """
        return require_subject(self.group, self.group_flag, "group")


@flags
class GroupsOptions:
    """The groups of a command, by names and patterns. A comma is a part of a name."""

    section: ClassVar[Section] = Section.SUBJECT

    group: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GROUP",
            help="Name of a group; several may follow.",
            autocompletion=complete_groups,
            show_default=False,
        ),
    ] = None
    group_flag: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Kafka's spelling of GROUP.", autocompletion=complete_groups),
    ] = None
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="REGEX", help="Regular expression for whole names of groups; repeatable."),
    ] = None
    all_groups: AllGroups = False

    def selection(self) -> NameSelection:
        """Return the selection; an empty one means all groups. The groups need not exist: no broker is asked.

        GROUP and --group are names, --match a regular expression for the whole name. Raise UsageError for --all-groups
        with a selection, for a value that is empty, not UTF-8 or has a NUL character, and for a wrong pattern.
        """
        selection = select_names(self.group, options=self.group_flag, match=self.match)
        if self.all_groups and not selection.is_empty:
            raise make_exclusive_error("--all-groups", "a selection of groups")
        return selection

    def require_selection(self) -> NameSelection:
        """Return the selection; an empty one means all groups, because --all-groups is given.

        Raise UsageError where neither a group nor --all-groups is given, for both, for a value that is empty, not UTF-8
        or has a NUL character, and for a wrong pattern.
        """
        selection = self.selection()
        if selection.is_empty and not self.all_groups:
            raise make_missing_error("group")
        return selection


def make_unmatched_errors(choice: Choice) -> list[KafkactlError]:
    """Return (not raise) a NotFoundError for each pattern that matches no topic, sorted; absent names have none."""
    errors: list[KafkactlError] = []
    for pattern in choice.unmatched_patterns:
        suggestion = quote_suggestion(pattern)
        hint = f"try {suggestion}; {_TOPICS_HINT}" if suggestion else _TOPICS_HINT
        errors.append(NotFoundError(f"no topic matches {pattern!r}", hint))
    return errors


def make_absent_errors(choice: Choice) -> list[KafkactlError]:
    """Return (not raise) an error for each name of a topic that does not exist, in the order of the choice."""
    return [NotFoundError(f"topic not found: {name!r}", _TOPICS_HINT) for name in choice.absent_names]
