"""The entities that a command is about: from arguments, from Kafka's flags, or from the short flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from kafkactl.admin.entities import DEFAULT_NAME, QUOTA_TYPES, Entity, EntityType
from kafkactl.cli.completion.names import complete_entity_parts, complete_entity_types, complete_topics
from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.values import make_invalid_error
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.numerals import read_whole_number
from kafkactl.output import people

_NAME_FLAGS = {
    "topic": EntityType.TOPICS,
    "client": EntityType.CLIENTS,
    "user": EntityType.USERS,
    "broker": EntityType.BROKERS,
    "broker_logger": EntityType.BROKER_LOGGERS,
    "ip": EntityType.IPS,
    "client_metrics": EntityType.CLIENT_METRICS,
    "group": EntityType.GROUPS,
}
_DEFAULT_FLAGS = {
    "client_defaults": EntityType.CLIENTS,
    "user_defaults": EntityType.USERS,
    "broker_defaults": EntityType.BROKERS,
    "ip_defaults": EntityType.IPS,
}
_TYPES_WITH_DEFAULT = (*QUOTA_TYPES, EntityType.BROKERS)
_BROKER_TYPES = (EntityType.BROKERS, EntityType.BROKER_LOGGERS)
_LARGEST_ID = 2**31 - 1
_EXAMPLES = "for example: topics orders, brokers 1, --user alice --client app, brokers --default"


@dataclass(frozen=True)
class EntityChoice:
    """A type of entity with a name. The name is '' for the default and None for all entities of the type."""

    type: EntityType
    name: str | None


@flags
class EntityOptions:
    """The entity whose settings are shown or changed."""

    section: ClassVar[Section] = Section.SUBJECT

    entity: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TYPE [NAME]",
            help=f"Type of entity, and its name; users NAME clients NAME together. Types: {', '.join(EntityType)}.",
            autocompletion=complete_entity_parts,
            show_default=False,
        ),
    ] = None
    entity_type: Annotated[
        list[str] | None,
        typer.Option(
            "--entity-type",
            metavar="TYPE",
            help="Kafka's spelling of TYPE.",
            rich_help_panel=Section.KAFKA,
            autocompletion=complete_entity_types,
        ),
    ] = None
    entity_name: Annotated[
        list[str] | None,
        typer.Option("--entity-name", metavar="NAME", help="Kafka's spelling of NAME.", rich_help_panel=Section.KAFKA),
    ] = None
    entity_default: Annotated[
        bool,
        typer.Option(
            "--entity-default", "--default", help="Settings of all entities of the type that have none of their own."
        ),
    ] = False
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="Short for topics TOPIC.",
            rich_help_panel=Section.KAFKA,
            autocompletion=complete_topics,
        ),
    ] = None
    broker: Annotated[
        str | None, typer.Option("--broker", metavar="ID", help="Short for brokers ID.", rich_help_panel=Section.KAFKA)
    ] = None
    broker_defaults: Annotated[
        bool, typer.Option("--broker-defaults", help="Short for brokers --default.", rich_help_panel=Section.KAFKA)
    ] = False
    broker_logger: Annotated[
        str | None,
        typer.Option(
            "--broker-logger", metavar="ID", help="Short for broker-loggers ID.", rich_help_panel=Section.KAFKA
        ),
    ] = None
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="GROUP", help="Short for groups GROUP.", rich_help_panel=Section.KAFKA),
    ] = None
    client_metrics: Annotated[
        str | None,
        typer.Option(
            "--client-metrics", metavar="NAME", help="Short for client-metrics NAME.", rich_help_panel=Section.KAFKA
        ),
    ] = None
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Short for users USER.", rich_help_panel=Section.KAFKA)
    ] = None
    user_defaults: Annotated[
        bool, typer.Option("--user-defaults", help="Short for users --default.", rich_help_panel=Section.KAFKA)
    ] = False
    client: Annotated[
        str | None, typer.Option("--client", metavar="ID", help="Short for clients ID.", rich_help_panel=Section.KAFKA)
    ] = None
    client_defaults: Annotated[
        bool, typer.Option("--client-defaults", help="Short for clients --default.", rich_help_panel=Section.KAFKA)
    ] = False
    ip: Annotated[
        str | None, typer.Option("--ip", metavar="IP", help="Short for ips IP.", rich_help_panel=Section.KAFKA)
    ] = None
    ip_defaults: Annotated[
        bool, typer.Option("--ip-defaults", help="Short for ips --default.", rich_help_panel=Section.KAFKA)
    ] = False

    def parse_choices(self, default_comes_first: bool = False) -> list[EntityChoice]:
        """Return the selected entities: one, or a user and a client.

        The name "" is the default of its type, and None stands for a type without a name. They have the order of the
        arguments or of --entity-type; of the short options a client comes first, and defaults last. If --entity-default
        stands before --entity-name (`default_comes_first`), the default belongs to the first --entity-type. Raise
        UsageError where no entity is selected, where two ways of selection are mixed, for an unknown type, and for
        combinations and names that cannot have settings. An empty name is refused, but in Kafka's style it is the
        default. For the name of an ip the resolver may be asked.
        """
        spellings = [
            choices
            for choices in (
                self._read_arguments(),
                self._read_kafka_flags(default_comes_first),
                self._read_short_flags(),
            )
            if choices
        ]
        if not spellings:
            raise UsageError("missing argument TYPE", _EXAMPLES)
        if len(spellings) > 1:
            raise UsageError(
                "the entity is given in two ways", "use one way only: arguments, --entity-type, or the short options"
            )
        (entity_choices,) = spellings
        _require_valid_choices(entity_choices)
        return entity_choices

    def _read_arguments(self) -> list[EntityChoice]:
        """Return the entities of the positional arguments TYPE NAME, in pairs; empty without arguments.

        A last type without a name has the name None, or "" (the default) with --default. Raise UsageError for an
        unknown type, for an empty name (but not in Kafka's style), and for a last name together with --default. With
        --entity-type, --default is not used here.
        """
        words = list(self.entity or ())
        pairs = [
            (words[index], words[index + 1] if index + 1 < len(words) else None) for index in range(0, len(words), 2)
        ]
        choices = [EntityChoice(_parse_type(type_), _refuse_empty(name, "NAME")) for type_, name in pairs]
        if choices and self.entity_default and not self.entity_type:
            if choices[-1].name is not None:
                raise make_exclusive_error(f"{choices[-1].type.singular} {choices[-1].name}", "--default")
            choices[-1] = EntityChoice(choices[-1].type, DEFAULT_NAME)
        return choices

    def _read_kafka_flags(self, default_comes_first: bool) -> list[EntityChoice]:
        """Return the entities of --entity-type, --entity-name and --entity-default, in order; empty without them.

        A type without a name has the name None, but "" (the default) with --entity-default. An empty name is refused,
        and in Kafka's style it is the default. If `default_comes_first`, the default belongs to the first type. Raise
        UsageError for names without types, for --entity-default with neither types nor arguments, for more names than
        types (the default counts as one), and for an unknown type.
        """
        if not self.entity_type:
            if self.entity_name or (self.entity_default and not self.entity):
                raise UsageError("missing option --entity-type", f"use one of {', '.join(EntityType)}")
            return []
        names: list[str | None] = [_refuse_empty(name, "--entity-name") for name in self.entity_name or ()]
        if self.entity_default:
            names.insert(0 if default_comes_first else len(names), DEFAULT_NAME)
            names += [DEFAULT_NAME] * (len(self.entity_type) - len(names))
        if len(names) > len(self.entity_type):
            raise UsageError(
                "there are more entity names than entity types", "give one --entity-name for each --entity-type"
            )
        types = [_parse_type(text) for text in self.entity_type]
        return [EntityChoice(type_, names[index] if index < len(names) else None) for index, type_ in enumerate(types)]

    def _read_short_flags(self) -> list[EntityChoice]:
        """Return the entities of flags such as --topic and --user-defaults; empty without them.

        Names come before defaults, a client before a user. Raise UsageError for an empty name, but in Kafka's style it
        is the default.
        """
        choices = [
            EntityChoice(type_, _refuse_empty(getattr(self, flag), f"--{flag.replace('_', '-')}"))
            for flag, type_ in _NAME_FLAGS.items()
            if getattr(self, flag) is not None
        ]
        return choices + [
            EntityChoice(type_, DEFAULT_NAME) for flag, type_ in _DEFAULT_FLAGS.items() if getattr(self, flag)
        ]


def require_entities(choices: list[EntityChoice]) -> list[Entity]:
    """Return the entities of the choices, in order; raise UsageError for a choice without a name.

    The name "" is accepted: it is the default. The entities need not exist: no broker is asked.
    """
    for choice in choices:
        if choice.name is None:
            hint = f"name the entity: {choice.type} NAME" + (
                ", or --default" if choice.type in _TYPES_WITH_DEFAULT else ""
            )
            raise UsageError("missing argument NAME", hint)
    return [Entity(choice.type, choice.name or DEFAULT_NAME) for choice in choices]


def _refuse_empty(name: str | None, option: str) -> str | None:
    """Return the name, also None; raise UsageError where it is empty, but not in Kafka's style: "" is the default.

    `option` is for the message. An empty name comes from an empty variable of a shell, and the change would be for all
    other entities of the type.
    """
    if name == "" and not people.is_kafka_style():
        raise UsageError(
            f"invalid value '' for {option}: the value is empty",
            f"give a name; --default stands for all others ({', '.join(_TYPES_WITH_DEFAULT)})",
        )
    return name


def _parse_type(text: str) -> EntityType:
    """Return the type of a name, singular or plural, in lower case; raise UsageError for any other text."""
    if (entity_type := EntityType.find_type(text)) is None:
        raise make_invalid_error(text, "TYPE", list(EntityType))
    return entity_type


def _require_valid_choices(choices: list[EntityChoice]) -> None:
    """Raise UsageError for combinations and names that cannot have settings; otherwise do nothing.

    Only a user and a client can be combined. Only users, clients, ips and brokers have a default, whose name is "". A
    name of None passes. A broker id must be a number from 0 to 2^31 - 1, and an ip an address or a host name that can
    be resolved here.
    """
    types = [choice.type for choice in choices]
    if len(types) > 1 and sorted(types) != [EntityType.CLIENTS, EntityType.USERS]:
        raise UsageError(f"{' and '.join(types)} together have no settings", "combine only a user and a client")
    for choice in choices:
        if choice.name == DEFAULT_NAME and choice.type not in _TYPES_WITH_DEFAULT:
            raise UsageError(
                f"{choice.type} have no default", f"give a name; only {', '.join(_TYPES_WITH_DEFAULT)} have a default"
            )
        if choice.type in _BROKER_TYPES and choice.name:
            try:
                read_whole_number(choice.name, _LARGEST_ID)
            except ValueError:
                raise UsageError(f"invalid broker id {choice.name!r:.100}", "give the number of the broker") from None
        if choice.type is EntityType.IPS and choice.name:
            _require_address(choice.name)


def _require_address(name: str) -> None:
    """Raise UsageError for a name that is neither an ip address nor a host name that can be resolved here."""
    import socket

    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        raise UsageError(
            f"invalid value {name!r} for an ip: neither an ip address nor a host that can be resolved"
        ) from None
