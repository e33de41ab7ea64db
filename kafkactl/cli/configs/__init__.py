"""kafkactl configs"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.admin.entities import DEFAULT_NAME, QUOTA_TYPES, Entity, EntityType
from kafkactl.cli.completion.names import config_names, entity_parts, removable_config_names
from kafkactl.cli.configs.entities import Chosen, EntityOptions, entities
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import show_outcomes, tell_all
from kafkactl.errors import UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.statuses import CONDITION, FAILED
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.configs import Config
    from kafkactl.connection.cluster import Cluster

app = new_app("Show, change and compare settings of topics, brokers, groups, clients and users.")


@app.command()
@command
def describe(
    click_context: typer.Context,
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    options: EntityOptions,
    all_: Annotated[bool, typer.Option("--all", help="Inherited and default values, too.")] = False,
    documentation: Annotated[bool, typer.Option("--documentation", help="What each setting is for.")] = False,
) -> int:
    """Show settings: an entity's own, or all with where each comes from; of every entity when none is named."""
    from kafkactl.admin import configs
    from kafkactl.output.kafka import admin_text

    chosen = options.chosen(_default_comes_first(click_context))
    only_values = not (all_ or documentation or output.is_kafka or output.is_structured)
    if only_values and chosen[0].name and chosen[0].type in _QUICK:
        (entity,) = entities(chosen)
        _show({entity: configs.own_configs(cluster.connect(), entity)}, output, _COLUMNS[:-1])
        return 0
    connected = cluster.connect()
    if chosen[0].type in QUOTA_TYPES:
        _describe_clients(connected, chosen, output)
        return 0
    (one,) = chosen
    asked = configs.list_entities(connected, one.type) if one.name is None else entities(chosen)
    if output.is_kafka and one.name and not all_ and asked[0] not in configs.list_entities(connected, one.type):
        out.write_text(admin_text.format_missing_entity(asked[0]))
        return FAILED
    described, errors = configs.describe_all_configs(connected, asked, documentation)
    shown = {entity: found if all_ else [each for each in found if each.is_own] for entity, found in described.items()}
    if output.is_kafka:
        out.write_text("".join(admin_text.format_configs(entity, found, all_) for entity, found in shown.items()))
    else:
        _show(shown, output, [*_COLUMNS, _DOCUMENTATION] if documentation else _COLUMNS)
    return tell_all(errors)


@app.command()
@command
def alter(
    click_context: typer.Context,
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
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
    append: Annotated[
        list[str] | None,
        typer.Option("--append", metavar="NAME=VALUE", help="Add to a list; repeatable.", autocompletion=config_names),
    ] = None,
    subtract: Annotated[
        list[str] | None,
        typer.Option(
            "--subtract", metavar="NAME=VALUE", help="Take from a list; repeatable.", autocompletion=config_names
        ),
    ] = None,
    add_config: Annotated[
        str | None,
        typer.Option(
            "--add-config", metavar="A=1,B=[x,y]", help="Kafka's spelling of --set.", autocompletion=config_names
        ),
    ] = None,
    add_config_file: Annotated[
        Path | None,
        typer.Option(
            "--add-config-file", metavar="FILE", help="Settings as a Java .properties file; secret ones come only so."
        ),
    ] = None,
    delete_config: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-config", metavar="A,B", help="Kafka's spelling of --unset.", autocompletion=removable_config_names
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Let the brokers check it, and change nothing.")] = False,
) -> int:
    """Change settings of an entity, all in one request: all of them hold, or none."""
    from kafkactl.admin.models import Outcome
    from kafkactl.cli.configs import changes as config_changes
    from kafkactl.output.kafka import admin_text

    changed = entities(options.chosen(_default_comes_first(click_context)))
    changes = config_changes.alterations(set_, unset, append, subtract, add_config, add_config_file, delete_config)
    # Kafka's tool takes it in silence when what it deletes is not set; there it is as there.
    connected = cluster.connect()
    told = ", ".join(map(config_changes.told, changes))
    whose = " and ".join(map(str, changed))
    inverse = functools.partial(config_changes.inverse, connected, changed, changes)
    before_change(connected, [Change(what=f"change the configs of {whose}: {told}", inverse=inverse)], dry_run)
    config_changes.make(connected, changed, changes, dry_run, strict=not output.is_kafka)
    if output.is_kafka:
        out.write_text(admin_text.format_alteration(changed[0]))
        return 0
    result = f"would be taken: {told}" if dry_run else told
    return show_outcomes([Outcome(whose, True, result)], "entity", output)


@app.command()
@command
def diff(
    cluster: ClusterOptions,
    output: ReportOptions,
    entity: Annotated[
        list[str],
        typer.Argument(
            metavar="TYPE NAME [OTHER]",
            help="Two of a type, or one beside Kafka's defaults.",
            autocompletion=entity_parts,
            show_default=False,
        ),
    ],
) -> int:
    """Compare settings of two topics, brokers or groups, or of one with Kafka's defaults; status 4 when any differ."""
    from kafkactl.admin import configs

    if len(entity) not in (2, 3):
        raise UsageError("compare what?", "diff TYPE NAME [OTHER], for example: diff topics orders payments")
    type_, *names = entity
    asked = [each for name in names for each in entities(EntityOptions(entity=[type_, name]).chosen())]
    if asked[0].type in QUOTA_TYPES:
        raise UsageError(f"{asked[0].type} cannot be compared", "kafkactl quotas list shows their quotas side by side")
    differences = configs.differences(list(configs.describe_configs(cluster.connect(), asked).values()))
    columns = [
        Column("NAME", lambda row: row.name),
        Column(names[0], lambda row: row.left),
        Column(names[1] if len(names) > 1 else "DEFAULT", lambda row: row.right),
    ]
    if differences or output.is_structured:
        output.show(Report(differences, [Table(columns, differences)]))
    else:
        people.note("no differences")
    return CONDITION if differences else 0


def _default_comes_first(click_context: typer.Context) -> bool:
    """Whether --entity-default was said before --entity-name: parameters are taken in the order they were said."""
    said = list(click_context.params)
    return said.index("entity_default") < said.index("entity_name")


def _show(shown: Mapping[Entity, Sequence[Config]], output: ReportOptions, columns: Sequence[Column]) -> None:
    rows = [each for found in shown.values() for each in found]
    if len(shown) == 1:
        tables = [Table(columns, rows)]
    else:
        tables = [Table(columns, found, str(entity)) for entity, found in shown.items() if found]
    output.show(Report(rows, tables))
    if not rows:
        whose = f"{next(iter(shown))} has" if len(shown) == 1 else "they have"
        people.note(
            f"{whose} no settings of {'its' if len(shown) == 1 else 'their'} own; --all shows what is inherited"
        )


def _describe_clients(connected: Cluster, chosen: Sequence[Chosen], output: MirrorOutputOptions) -> None:
    """Users, clients and ips: their quotas, and with users alone their credentials."""
    from kafkactl.admin import quotas, scram
    from kafkactl.output import client_tables
    from kafkactl.output.kafka import admin_text

    limits = quotas.describe_quotas(connected, {each.type: each.name for each in chosen})
    credentials = []
    if all(each.type is EntityType.USERS and each.name != DEFAULT_NAME for each in chosen):
        credentials = scram.describe_credentials(connected, [each.name for each in chosen if each.name])
    if output.is_kafka:
        out.write_text(admin_text.format_quotas(limits) + admin_text.format_credentials(credentials))
        return
    tables = [Table(client_tables.QUOTAS, limits), Table(client_tables.CREDENTIALS, credentials)]
    output.show(Report([*limits, *credentials], [table for table in tables if table.rows]))
    if not limits and not credentials:
        people.note("no quotas" + (" and no credentials" if chosen[0].type is EntityType.USERS else ""))


def _value(row: Config) -> str | None:
    return "(hidden)" if row.sensitive else row.value


_QUICK = (EntityType.TOPICS, EntityType.BROKERS, EntityType.GROUPS)
_COLUMNS = [
    Column("NAME", lambda row: row.name),
    Column("VALUE", _value),
    Column("SOURCE", lambda row: row.source),
    Column("SYNONYMS", lambda row: [f"{each.source}:{each.name}={each.value}" for each in row.synonyms]),
]
_DOCUMENTATION = Column("DOCUMENTATION", lambda row: row.documentation, is_sentence=True)
