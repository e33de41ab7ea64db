"""Which entities a command is about: in place, by Kafka's flags, or by the short ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from kafkactl.admin.entities import DEFAULT_NAME, QUOTA_TYPES, Entity, EntityType
from kafkactl.cli.completion.names import entity_parts, entity_types, topic_names
from kafkactl.cli.frame.command import flags
from kafkactl.errors import UsageError

_NAMED = {
    "topic": EntityType.TOPICS,
    "client": EntityType.CLIENTS,
    "user": EntityType.USERS,
    "broker": EntityType.BROKERS,
    "broker_logger": EntityType.BROKER_LOGGERS,
    "ip": EntityType.IPS,
    "client_metrics": EntityType.CLIENT_METRICS,
    "group": EntityType.GROUPS,
}
_DEFAULTS = {
    "client_defaults": EntityType.CLIENTS,
    "user_defaults": EntityType.USERS,
    "broker_defaults": EntityType.BROKERS,
    "ip_defaults": EntityType.IPS,
}
_WITH_DEFAULT = (*QUOTA_TYPES, EntityType.BROKERS)
_OF_BROKERS = (EntityType.BROKERS, EntityType.BROKER_LOGGERS)
_EXAMPLES = "for example: topics orders, brokers 1, --user alice --client app, brokers --default"


@dataclass(frozen=True)
class Chosen:
    """A type of entity with the name that was said, '' for the default, None for all of the type."""

    type: EntityType
    name: str | None


@flags
class EntityOptions:
    """Whose settings."""

    entity: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TYPE [NAME]",
            help=f"One of {', '.join(EntityType)}, and whose; users NAME clients NAME together.",
            autocompletion=entity_parts,
            show_default=False,
        ),
    ] = None
    entity_type: Annotated[
        list[str] | None,
        typer.Option("--entity-type", metavar="TYPE", help="Kafka's spelling of TYPE.", autocompletion=entity_types),
    ] = None
    entity_name: Annotated[
        list[str] | None, typer.Option("--entity-name", metavar="NAME", help="Kafka's spelling of NAME.")
    ] = None
    entity_default: Annotated[
        bool, typer.Option("--entity-default", "--default", help="What holds for all of the type without their own.")
    ] = False
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Short for topics.", autocompletion=topic_names)
    ] = None
    broker: Annotated[str | None, typer.Option("--broker", metavar="ID", help="Short for brokers.")] = None
    broker_defaults: Annotated[bool, typer.Option("--broker-defaults", help="All brokers.")] = False
    broker_logger: Annotated[
        str | None, typer.Option("--broker-logger", metavar="ID", help="Short for broker-loggers.")
    ] = None
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Short for groups.")] = None
    client_metrics: Annotated[
        str | None, typer.Option("--client-metrics", metavar="NAME", help="Short for client-metrics.")
    ] = None
    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="Short for users.")] = None
    user_defaults: Annotated[bool, typer.Option("--user-defaults", help="All users.")] = False
    client: Annotated[str | None, typer.Option("--client", metavar="ID", help="Short for clients.")] = None
    client_defaults: Annotated[bool, typer.Option("--client-defaults", help="All clients.")] = False
    ip: Annotated[str | None, typer.Option("--ip", metavar="IP", help="Short for ips.")] = None
    ip_defaults: Annotated[bool, typer.Option("--ip-defaults", help="All ips.")] = False

    def chosen(self, default_comes_first: bool = False) -> list[Chosen]:
        """One, or a user and a client; raises UsageError.

        Of a --entity-name and a --entity-default, the one said first belongs to the --entity-type said first.
        """
        spellings = [
            each for each in (self._in_place(), self._by_kafkas_flags(default_comes_first), self._short()) if each
        ]
        if not spellings:
            raise UsageError("whose settings?", _EXAMPLES)
        if len(spellings) > 1:
            raise UsageError(
                "the entity is said in two ways", "name it in place, by --entity-type, or by the short flags"
            )
        (found,) = spellings
        _require_sense(found)
        return found

    def _in_place(self) -> list[Chosen]:
        words = list(self.entity or ())
        pairs = [(words[at], words[at + 1] if at + 1 < len(words) else None) for at in range(0, len(words), 2)]
        found = [Chosen(_type(type_), name) for type_, name in pairs]
        if found and self.entity_default and not self.entity_type:
            if found[-1].name is not None:
                raise UsageError(f"{found[-1].type.singular} {found[-1].name} and the default", "leave the name out")
            found[-1] = Chosen(found[-1].type, DEFAULT_NAME)
        return found

    def _by_kafkas_flags(self, default_comes_first: bool) -> list[Chosen]:
        if not self.entity_type:
            if self.entity_name or (self.entity_default and not self.entity):
                raise UsageError("whose settings?", f"--entity-type TYPE; one of {', '.join(EntityType)}")
            return []
        names = list(self.entity_name or ())
        if self.entity_default:
            names.insert(0 if default_comes_first else len(names), DEFAULT_NAME)
            names += [DEFAULT_NAME] * (len(self.entity_type) - len(names))
        if len(names) > len(self.entity_type):
            raise UsageError("more names than entity types", "one --entity-name for each --entity-type")
        types = [_type(text) for text in self.entity_type]
        return [Chosen(type_, names[at] if at < len(names) else None) for at, type_ in enumerate(types)]

    def _short(self) -> list[Chosen]:
        named = [
            Chosen(type_, getattr(self, flag)) for flag, type_ in _NAMED.items() if getattr(self, flag) is not None
        ]
        return named + [Chosen(type_, DEFAULT_NAME) for flag, type_ in _DEFAULTS.items() if getattr(self, flag)]


def entities(chosen: list[Chosen]) -> list[Entity]:
    """Those that are to be changed; raises UsageError where no name is said."""
    for each in chosen:
        if each.name is None:
            hint = f"{each.type} NAME" + (", or --default" if each.type in _WITH_DEFAULT else "")
            raise UsageError(f"which of the {each.type}?", hint)
    return [Entity(each.type, each.name or DEFAULT_NAME) for each in chosen]


def _type(text: str) -> EntityType:
    if (found := EntityType.find_type(text)) is None:
        raise UsageError(f"{text!r} is no entity type", f"one of {', '.join(EntityType)}")
    return found


def _require_sense(found: list[Chosen]) -> None:
    types = [each.type for each in found]
    if len(types) > 1 and sorted(types) != [EntityType.CLIENTS, EntityType.USERS]:
        raise UsageError(f"{' and '.join(types)} together have no settings", "only a user and a client have")
    for each in found:
        if each.name == DEFAULT_NAME and each.type not in _WITH_DEFAULT:
            raise UsageError(f"{each.type} have no default", f"name one; {', '.join(_WITH_DEFAULT)} have")
        if each.type in _OF_BROKERS and each.name and not each.name.isdigit():
            raise UsageError(f"{each.name!r} is no broker's id", f"{each.type} are named by their number")
        if each.type is EntityType.IPS and each.name:
            _require_address(each.name)


def _require_address(name: str) -> None:
    import socket

    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        raise UsageError(f"{name!r} is no ip address and no host that can be resolved") from None
