"""The commands `kafkactl configs`: describe, alter, diff."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.admin.entities import DEFAULT_NAME, QUOTA_TYPES, Entity, EntityType
from kafkactl.cli.completion.names import (
    complete_compared_entities,
    complete_config_names,
    complete_removable_config_names,
)
from kafkactl.cli.configs.entities import EntityChoice, EntityOptions, require_entities
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ClusterOptions, ControllerOptions, MirrorOutputOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, print_unanswered, show_outcomes
from kafkactl.errors import NotFoundError, OperationError, UnansweredError, UsageError
from kafkactl.output import people
from kafkactl.output.report import Column, OutputFormat, Report, Table
from kafkactl.statuses import CONDITION, DONE, FAILED
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.configs import Config
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show, change and compare settings of topics, brokers, groups and clients.

    Examples:
      kafkactl configs describe topics orders
      kafkactl configs alter topics orders --set retention.ms=3600000
      kafkactl configs diff topics orders clicks
    """
)


@app.command()
@command
def describe(
    click_context: typer.Context,
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    options: EntityOptions,
    all_: Annotated[bool, typer.Option("--all", help="Show inherited and default values, too.")] = False,
    documentation: Annotated[bool, typer.Option("--documentation", help="Show what each setting is for.")] = False,
) -> int:
    """Show settings, and where each value comes from.

    Without a name the settings of every entity of the type are shown.

    Examples:
      kafkactl configs describe topics orders
      kafkactl configs describe topics orders --all --documentation
      kafkactl configs describe brokers 1 -o json
    """
    from kafkactl.admin import configs
    from kafkactl.output.kafka import admin_text

    choices = options.parse_choices(_default_comes_first(click_context))
    only_values = not (all_ or documentation or output.is_kafka or output.is_structured)
    connected = cluster.connect()
    is_quick = only_values and not connected.settings.has_controllers
    if is_quick and choices[0].name and choices[0].type in _QUICKLY_READ_TYPES:
        (entity,) = require_entities(choices)
        _show_settings({entity: configs.read_own_configs(connected, entity)}, output, _COLUMNS[:-1])
        return 0
    if choices[0].type in QUOTA_TYPES:
        _describe_clients(connected, choices, output)
        return 0
    (choice,) = choices
    described_entities = (
        configs.list_entities(connected, choice.type) if choice.name is None else require_entities(choices)
    )
    if output.is_kafka and choice.name and not all_ and not configs.may_have_settings(connected, described_entities[0]):
        out.write_text(admin_text.format_missing_entity(described_entities[0]))
        return DONE if people.is_kafka_style() else FAILED
    try:
        described, errors = configs.describe_all_configs(connected, described_entities, documentation)
    except OperationError as error:
        if output.is_kafka and choice.name and not isinstance(error, NotFoundError):  # Kafka's tool prints it first
            out.write_text(admin_text.format_configs(described_entities[0], [], all_))
        raise
    settings = {
        entity: entity_settings if all_ else [setting for setting in entity_settings if setting.is_own]
        for entity, entity_settings in described.items()
    }
    if output.is_kafka:
        out.write_text(
            "".join(
                admin_text.format_configs(entity, entity_settings, all_) for entity, entity_settings in settings.items()
            )
        )
    else:
        columns = [*_COLUMNS, _DOCUMENTATION] if documentation else _COLUMNS
        _show_settings(settings, output, columns, is_list=choice.name is None, has_all=all_)
    return print_errors(errors)


@app.command()
@command
def alter(
    click_context: typer.Context,
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    options: EntityOptions,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set a value; repeatable.", autocompletion=complete_config_names
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="NAME",
            help="Go back to the inherited value; repeatable.",
            autocompletion=complete_removable_config_names,
        ),
    ] = None,
    append: Annotated[
        list[str] | None,
        typer.Option(
            "--append",
            metavar="NAME=VALUE",
            help="Add a value to a setting that is a list; repeatable.",
            autocompletion=complete_config_names,
        ),
    ] = None,
    subtract: Annotated[
        list[str] | None,
        typer.Option(
            "--subtract",
            metavar="NAME=VALUE",
            help="Remove a value from a setting that is a list; repeatable.",
            autocompletion=complete_config_names,
        ),
    ] = None,
    add_config: Annotated[
        str | None,
        typer.Option(
            "--add-config",
            metavar="A=1,B=[x,y]",
            help="Kafka's spelling of --set.",
            autocompletion=complete_config_names,
        ),
    ] = None,
    add_config_file: Annotated[
        Path | None,
        typer.Option(
            "--add-config-file",
            metavar="FILE",
            help="Java .properties file of settings; secret values are only read from it.",
        ),
    ] = None,
    delete_config: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-config",
            metavar="A,B",
            help="Kafka's spelling of --unset.",
            autocompletion=complete_removable_config_names,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the brokers check the change, and change nothing.")
    ] = False,
) -> int:
    """Change settings of a topic, broker, group, client or user.

    All settings are changed in one request: all of them, or none. With --bootstrap-controller, which works without any
    broker, the id of a broker must be that of a controller.

    Examples:
      kafkactl configs alter topics orders --set retention.ms=3600000
      kafkactl configs alter topics orders --unset retention.ms
      kafkactl configs alter brokers --default --set log.cleaner.threads=2
    """
    from kafkactl.admin.configs import Operation
    from kafkactl.admin.models import Outcome
    from kafkactl.cli.configs import changes as config_changes
    from kafkactl.output.kafka import admin_text

    changed_entities = require_entities(options.parse_choices(_default_comes_first(click_context)))
    changes = config_changes.parse_alterations(
        set_, unset, append, subtract, add_config, add_config_file, delete_config
    )
    # Kafka's tool deletes settings that are not set without an error. In Kafka's style kafkactl does the same.
    connected = cluster.connect()
    changes_text = ", ".join(map(config_changes.describe_change, changes))
    entity_text = " and ".join(map(str, changed_entities))
    inverse = functools.partial(config_changes.find_inverse, connected, changed_entities, changes)
    before_change(
        connected, [Change(action=f"change the configs of {entity_text}: {changes_text}", inverse=inverse)], dry_run
    )
    sets_values = any(change.operation is not Operation.DELETE for change in changes)
    if connected.settings.has_controllers and changed_entities[0].type is EntityType.BROKERS and sets_values:
        people.warning("a controller does not check settings of brokers; brokers log wrong values and ignore them")
    try:
        config_changes.make_changes(connected, changed_entities, changes, dry_run, strict=not output.is_kafka)
    except UnansweredError as error:
        if dry_run or output.is_kafka:
            raise
        first = changed_entities[0]
        shown = f"configs describe {first.type.value} {shlex.quote(first.name) if first.name else '--default'}"
        return print_unanswered(error, "settings of", entity_text, shown)
    if output.is_kafka:
        out.write_text(admin_text.format_alteration(changed_entities[0]))
        return 0
    result = f"would be taken: {changes_text}" if dry_run else changes_text
    return show_outcomes([Outcome(name=entity_text, ok=True, result=result)], "entity", output)


@app.command()
@command
def diff(
    cluster: ClusterOptions,
    output: ReportOptions,
    entity: Annotated[
        list[str],
        typer.Argument(
            metavar="TYPE NAME [OTHER]",
            help="Type and two names, or one name to compare with Kafka's defaults.",
            autocompletion=complete_compared_entities,
            show_default=False,
        ),
    ],
) -> int:
    """Compare settings of two topics, brokers or groups.

    With one name its settings are compared with Kafka's defaults. The status is 4 if there is a difference.

    Examples:
      kafkactl configs diff topics orders clicks
      kafkactl configs diff brokers 1
    """
    from kafkactl.admin import configs

    if len(entity) not in (2, 3):
        raise UsageError(
            "missing argument NAME" if len(entity) < 2 else "too many arguments: at most TYPE NAME OTHER",
            "compare two entities, for example: kafkactl configs diff topics orders payments",
        )
    type_, *names = entity
    compared_entities = [
        entity_item
        for name in names
        for entity_item in require_entities(EntityOptions(entity=[type_, name]).parse_choices())
    ]
    if compared_entities[0].type in QUOTA_TYPES:
        raise UsageError(f"{compared_entities[0].type} cannot be compared", "list their quotas: kafkactl quotas list")
    differences = configs.compare_configs(list(configs.describe_configs(cluster.connect(), compared_entities).values()))
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
    """Return whether --entity-default stands before --entity-name on the command line, or alone.

    False means the other order, or that --entity-default is missing.
    """
    names = list(click_context.params)
    return names.index("entity_default") < names.index("entity_name")


def _show_settings(
    settings: Mapping[Entity, Sequence[Config]],
    output: ReportOptions,
    columns: Sequence[Column],
    *,
    is_list: bool = False,
    has_all: bool = False,
) -> None:
    """Show settings on stdout: one table, or for several entities one for each that has settings, with its name.

    `settings` has the settings to show by entity, in order. With `is_list` csv is one table with a column ENTITY, also
    for a single one. Where no entity has any, the one table has no rows, and a note on stderr says so, with --all as
    advice unless the settings are those of --all (`has_all`). Raise UsageError for a column of --columns or --sort that
    does not exist, and for an unknown order in --sort; OutputError or ReaderLeftError where stdout fails.
    """
    rows = [setting for entity_settings in settings.values() for setting in entity_settings]
    if is_list and output.format is OutputFormat.CSV:
        tables = [Table([_ENTITY, *columns], rows)]
    elif len(settings) == 1 or not rows:
        tables = [Table(columns, rows)]
    else:
        tables = [
            Table(columns, entity_settings, str(entity))
            for entity, entity_settings in settings.items()
            if entity_settings
        ]
    output.show(Report(rows, tables))
    if not rows:
        whose = f"{next(iter(settings))} has" if len(settings) == 1 else "they have"
        own = f" of {'its' if len(settings) == 1 else 'their'} own; show inherited values with --all"
        people.note(f"{whose} no settings{'' if has_all else own}")


def _describe_clients(connected: Cluster, choices: Sequence[EntityChoice], output: MirrorOutputOptions) -> None:
    """Show the quotas of users, clients and ips, and the credentials where all of the entities are users.

    `choices` has one or more. A name of None stands for all entities of its type; credentials of the default are not
    read. A note says where there is nothing to show, but not with -o kafka. Raise OperationError for a refusal,
    UnreachableError, and UsageError for a wrong client setting, for columns of --columns that no shown table has
    together, for a column of --sort that none has, and for an unknown order in --sort; a table without the columns is
    left out, and one without that of --sort keeps its order. With nothing to show the tables are there without rows.
    Raise OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import quotas, scram
    from kafkactl.output import client_tables
    from kafkactl.output.kafka import admin_text

    limits = quotas.describe_quotas(connected, {choice.type: choice.name for choice in choices})
    credentials = []
    has_asked = all(choice.type is EntityType.USERS and choice.name != DEFAULT_NAME for choice in choices)
    if has_asked:
        credentials = scram.describe_credentials(connected, [choice.name for choice in choices if choice.name])
    if output.is_kafka:
        out.write_text(admin_text.format_quotas(limits) + admin_text.format_credentials(credentials))
        return
    tables = [Table(client_tables.QUOTAS, limits)]
    if has_asked:
        tables.append(Table(client_tables.CREDENTIALS, credentials))
    output.show(Report([*limits, *credentials], [table for table in tables if table.rows] or tables))
    if not limits and not credentials:
        people.note("no quotas" + (" and no credentials" if has_asked else ""))


def _format_value(row: Config) -> str | None:
    """Return the value of a setting; "(hidden)" for a secret, None for a setting without a value."""
    return "(hidden)" if row.sensitive else row.value


_QUICKLY_READ_TYPES = (EntityType.TOPICS, EntityType.BROKERS, EntityType.GROUPS)
"""Types whose own settings librdkafka reads, without the import of kafka-python."""
_COLUMNS = [
    Column("NAME", lambda row: row.name),
    Column("VALUE", _format_value),
    Column("SOURCE", lambda row: row.source),
    Column("SYNONYMS", lambda row: [f"{synonym.source}:{synonym.name}={synonym.value}" for synonym in row.synonyms]),
]
_ENTITY = Column("ENTITY", lambda row: row.entity)
_DOCUMENTATION = Column("DOCUMENTATION", lambda row: row.documentation, is_sentence=True)
