"""kafkactl configs"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion import config_names, entity_names, removable_config_names
from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import ClusterOptions, ConfirmOptions, OutputOptions, command, subject
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, listing

if TYPE_CHECKING:
    from kafkactl.admin.configs import Config, Entity

app = new_app("Show and change settings of topics and brokers.")

_TYPES = ("topics", "brokers", "groups")


def _type_names() -> list[str]:
    return list(_TYPES)


@dataclass(frozen=True)
class EntityOptions:
    """Whose settings: said in place, by Kafka's flags, or by the short ones."""

    entity_type: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="topics, brokers or groups.", autocompletion=_type_names, show_default=False
        ),
    ] = None
    entity_name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Topic, broker id or group.", autocompletion=entity_names, show_default=False
        ),
    ] = None
    entity_type_flag: Annotated[
        str | None,
        typer.Option("--entity-type", metavar="TYPE", help="Kafka's spelling of TYPE.", autocompletion=_type_names),
    ] = None
    entity_name_flag: Annotated[
        str | None,
        typer.Option("--entity-name", metavar="NAME", help="Kafka's spelling of NAME.", autocompletion=entity_names),
    ] = None
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Short for TYPE topics.", autocompletion=entity_names)
    ] = None
    broker: Annotated[str | None, typer.Option("--broker", metavar="ID", help="Short for TYPE brokers.")] = None

    def entity(self) -> Entity:
        """The one that is named; raises UsageError when none is, or two are."""
        from kafkactl.admin.configs import Entity, EntityType

        for short, kind in ((self.topic, "topics"), (self.broker, "brokers")):
            if short is not None:
                if said := self.entity_type or self.entity_type_flag or self.entity_name_flag:
                    raise UsageError(f"--{kind[:-1]} names the entity already", f"leave {said} out")
                return Entity(EntityType(kind), short)
        kind = subject(self.entity_type, self.entity_type_flag, "entity-type")
        kind = kind if kind.endswith("s") else f"{kind}s"
        if kind not in _TYPES:
            raise UsageError(f"{kind!r} is no entity type", f"one of {', '.join(_TYPES)}")
        return Entity(EntityType(kind), subject(self.entity_name, self.entity_name_flag, "entity-name"))


@app.command()
@command
def describe(
    cluster: ClusterOptions,
    output: OutputOptions,
    options: EntityOptions,
    all_: Annotated[bool, typer.Option("--all", help="Inherited and default values, too.")] = False,
) -> None:
    """Show the settings of a topic, broker or group: its own, or all with where each comes from."""
    from kafkactl.admin import configs

    entity = options.entity()
    found = configs.describe_configs(cluster.connect(), entity)
    shown = found if all_ else configs.own(found, entity)
    output.show(listing(_COLUMNS, shown))
    if not shown:
        people.note(f"{entity} has no settings of its own; --all shows what it inherits")


@app.command()
@command
def alter(
    cluster: ClusterOptions,
    confirm: ConfirmOptions,
    options: EntityOptions,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set one; repeatable.", autocompletion=config_names),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="NAME",
            help="Back to the inherited value; repeatable.",
            autocompletion=removable_config_names,
        ),
    ] = None,
    add_config: Annotated[
        list[str] | None,
        typer.Option(
            "--add-config", metavar="A=1,B=[x,y]", help="Kafka's spelling of --set.", autocompletion=config_names
        ),
    ] = None,
    delete_config: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-config", metavar="A,B", help="Kafka's spelling of --unset.", autocompletion=removable_config_names
        ),
    ] = None,
) -> None:
    """Set and unset settings of a topic, broker or group, all in one request."""
    from kafkactl.admin import configs

    entity = options.entity()
    additions = dict(parse_assignment(text, "--set") for text in set_ or ())
    for text in add_config or ():
        additions.update(_parse_list(text))
    deletions = list(unset or ()) + [name.strip() for text in delete_config or () for name in text.split(",")]
    if not additions and not deletions:
        raise UsageError("nothing to alter", "--set NAME=VALUE or --unset NAME")
    if both := sorted(set(additions) & set(deletions)):
        raise UsageError(f"both set and unset: {', '.join(both)}", "say one of them")
    configs.alter_configs(cluster.connect(), entity, additions, deletions, dry_run=confirm.dry_run)
    changes = [f"{name}={value}" for name, value in additions.items()] + [f"no {name}" for name in deletions]
    people.note(f"{'the brokers would accept for' if confirm.dry_run else 'changed'} {entity}: {', '.join(changes)}")


def _value(row: Config) -> str | None:
    return "(hidden)" if row.sensitive else row.value


_COLUMNS = [
    Column("NAME", lambda row: row.name),
    Column("VALUE", _value),
    Column("SOURCE", lambda row: row.source),
    Column("SYNONYMS", lambda row: [f"{source}:{name}={value}" for source, name, value in row.synonyms]),
]


def _parse_list(text: str) -> dict[str, str]:
    """Kafka's own list of settings: commas between them, and in square brackets inside a value."""
    parts = re.findall(r"[^,=\s]+\s*=\s*(?:\[[^\]]*\]|[^,]*)|[^,]+", text)
    pairs = (parse_assignment(part.strip(), "--add-config") for part in parts)
    return {name: value[1:-1] if value.startswith("[") and value.endswith("]") else value for name, value in pairs}
