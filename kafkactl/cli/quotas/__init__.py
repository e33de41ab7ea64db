"""The commands `kafkactl quotas`: list, set, unset."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.admin.entities import DEFAULT_NAME, Entity, EntityType
from kafkactl.cli.completion.names import complete_quota_names
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command, flags, new_app
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import NotFoundError, UsageError, make_exclusive_error
from kafkactl.output import client_tables
from kafkactl.output.report import listing
from kafkactl.patterns import require_each_once, select_names

if TYPE_CHECKING:
    from kafkactl.admin.quotas import Quota
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show and change the quotas of users, clients and ips.

    Examples:
      kafkactl quotas list
      kafkactl quotas set --client app producer_byte_rate=1048576
    """
)


@flags
class QuotaEntityOptions:
    """The user, client or ip whose quotas are shown or changed."""

    section: ClassVar[Section] = Section.SUBJECT

    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="Quotas of this user.")] = None
    user_defaults: Annotated[
        bool, typer.Option("--user-defaults", help="Quotas of all users that have none of their own.")
    ] = False
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="ID", help="Quotas of this client id; with --user, of that user's client."),
    ] = None
    client_defaults: Annotated[
        bool, typer.Option("--client-defaults", help="Quotas of all client ids that have none of their own.")
    ] = False
    ip: Annotated[str | None, typer.Option("--ip", metavar="IP", help="Quotas of this ip address.")] = None
    ip_defaults: Annotated[
        bool, typer.Option("--ip-defaults", help="Quotas of all ip addresses that have none of their own.")
    ] = False

    def parse_parts(self) -> dict[EntityType, str]:
        """Return the names of the entity's parts by type, "" for the default; empty where no part is selected.

        The order is user, client, ip. Raise UsageError for an empty name, and for parts that are mutually exclusive: a
        name and the default of a type, or an ip and a user or client.
        """
        names = {
            EntityType.USERS: _parse_name(self.user, self.user_defaults, "--user"),
            EntityType.CLIENTS: _parse_name(self.client, self.client_defaults, "--client"),
            EntityType.IPS: _parse_name(self.ip, self.ip_defaults, "--ip"),
        }
        parts = {type_: name for type_, name in names.items() if name is not None}
        if EntityType.IPS in parts and len(parts) > 1:
            raise UsageError(
                "an ip and a user or client are mutually exclusive", "leave --ip out, or leave --user and --client out"
            )
        return parts

    def require_entity(self) -> list[Entity]:
        """Return the parts of the entity that is to be changed: one, or a user and then a client.

        The name of a default is "". Raise UsageError where no part is selected, for an empty name, for a name and the
        default of a type, and for an ip beside a user or client.
        """
        if not (parts := self.parse_parts()):
            raise UsageError(
                "missing option: --user, --client or --ip",
                "use --user USER, --client ID, both, or --ip IP; for all others --user-defaults, --client-defaults or "
                "--ip-defaults",
            )
        return [Entity(type_, name) for type_, name in parts.items()]


def _parse_name(name: str | None, is_default: bool, flag: str) -> str | None:
    """Return the name of a part, "" for the default, None where it is not selected.

    `flag` is the option of the name with its dashes, such as --user. Raise UsageError for a name and the default at
    once, and for an empty name: it comes from an empty variable of a shell, and the default is for all others.
    """
    if name == "":
        raise UsageError(f"invalid value '' for {flag}: the value is empty", f"for all others use {flag}-defaults")
    if name is not None and is_default:
        raise make_exclusive_error(flag, f"{flag}-defaults")
    return "" if is_default else name


@app.command("list")
@command
def list_quotas(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: QuotaEntityOptions,
    match: Annotated[
        list[str] | None,
        typer.Option(
            "--match", metavar="REGEX", help="Regular expression for whole names of users, clients and ips; repeatable."
        ),
    ] = None,
) -> None:
    """Show all quotas, or those of one user, client or ip.

    Examples:
      kafkactl quotas list
      kafkactl quotas list --client app
    """
    from kafkactl.admin import quotas

    parts = whose.parse_parts()
    quota_rows = quotas.describe_quotas(cluster.connect(), parts or None)
    if match:
        choice = select_names(match=match).choose(name for row in quota_rows for name in _list_names(row))
        if choice.unmatched_patterns:
            raise NotFoundError(
                f"quotas not found: {', '.join(choice.unmatched_patterns)}", "list all quotas: kafkactl quotas list"
            )
        names = set(choice.names)
        quota_rows = [row for row in quota_rows if not names.isdisjoint(_list_names(row))]
    output.show(
        listing(client_tables.QUOTAS, sorted(quota_rows, key=lambda row: (*map(_make_sort_key, row.entity), row.name)))
    )


def _list_names(quota: Quota) -> list[str]:
    """Return the names in a quota's entity: of the user, the client and the ip. The default has none."""
    return [name for name in (quota.user, quota.client_id, quota.ip) if name]


@app.command("set")
@command
def set_quotas(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: QuotaEntityOptions,
    quota: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="Name and limit, such as producer_byte_rate=1048576.",
            autocompletion=complete_quota_names,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the brokers check the change, and change nothing.")
    ] = False,
) -> int:
    """Set quotas of a user, client or ip.

    Quotas are producer_byte_rate, consumer_byte_rate, request_percentage and controller_mutation_rate, and
    connection_creation_rate of an ip.

    Examples:
      kafkactl quotas set --client app producer_byte_rate=1048576
      kafkactl quotas set --ip 10.0.0.7 connection_creation_rate=5
    """
    from kafkactl.admin import quotas

    assignments = [parse_assignment(assignment, "quota") for assignment in quota]
    require_each_once([name for name, _ in assignments], "quota")
    limits = {name: quotas.parse_limit(name, text) for name, text in assignments}
    return _change(cluster, output, whose.require_entity(), limits, (), dry_run)


@app.command()
@command
def unset(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: QuotaEntityOptions,
    quota: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="Name of a quota, such as producer_byte_rate.", autocompletion=complete_quota_names
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the brokers check the change, and change nothing.")
    ] = False,
) -> int:
    """Remove quotas of a user, client or ip.

    Examples:
      kafkactl quotas unset --client app producer_byte_rate
    """
    require_each_once(quota, "quota")
    return _change(cluster, output, whose.require_entity(), {}, quota, dry_run)


def _change(
    cluster: ClusterOptions,
    output: ReportOptions,
    entity: Sequence[Entity],
    limits: Mapping[str, float],
    remove: Sequence[str],
    dry_run: bool,
) -> int:
    """Change the limits of an entity, show the result, and return an exit status, which is 0.

    `limits` are the new values by name, `remove` the names to remove; all go in one request. With `dry_run` the brokers
    only check. Raise UsageError for a quota that the entity cannot have, for wrong connection settings, in a read-only
    context and, with `dry_run`, for a wrong column or order; NotFoundError for a context that does not exist,
    OperationError for a refusal and for a quota to remove that is not set, and UnreachableError. Raise OutputError or
    ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import quotas
    from kafkactl.admin.models import Outcome

    quotas.require_quota_names(entity, [*limits, *remove])
    connected = cluster.connect()
    changes_text = ", ".join(
        [f"{name}={_format_limit(value)}" for name, value in limits.items()] + [f"no {name}" for name in remove]
    )
    entity_text = " and ".join(map(str, entity))
    inverse = functools.partial(_find_inverse, connected, entity, [*limits, *remove])
    before_change(
        connected, [Change(action=f"change the quotas of {entity_text}: {changes_text}", inverse=inverse)], dry_run
    )
    quotas.require_set(connected, entity, remove)
    quotas.alter_quotas(connected, entity, limits, remove, dry_run)
    result = f"would be taken: {changes_text}" if dry_run else changes_text
    return show_outcomes([Outcome(name=entity_text, ok=True, result=result)], "entity", output)


def _find_inverse(connected: Cluster, entity: Sequence[Entity], names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the arguments of the command that restores the present limits; None where no single command does that.

    They begin with "quotas", "set" or "unset". `names` are the quotas that are changed; those without a limit are
    unset. Raise OperationError or UnreachableError where the limits cannot be read, and UsageError for a wrong client
    setting.
    """
    from kafkactl.admin import quotas

    present = {quota.name: quota.value for quota in quotas.describe_quotas(connected, {e.type: e.name for e in entity})}
    entity_flags = [word for part in entity for word in _list_flags(part)]
    if not all(math.isfinite(present[name]) for name in names if name in present):
        return None
    present_limits = [f"{name}={_format_limit(present[name])}" for name in names if name in present]
    new_names = [name for name in names if name not in present]
    if present_limits and new_names:
        return None
    return ("quotas", "set" if present_limits else "unset", *entity_flags, *(present_limits or new_names))


def _list_flags(part: Entity) -> tuple[str, ...]:
    """Return the option that selects a part of an entity: ("--user", NAME), or ("--user-defaults",) for a default.

    Clients and ips have --client and --ip.
    """
    flag = f"--{part.type.singular}"
    return (f"{flag}-defaults",) if part.name == DEFAULT_NAME else (flag, part.name)


def _format_limit(value: float) -> str:
    """Return a limit with all its digits, because it may be copied into another command; a whole one has no point."""
    return str(int(value)) if value.is_integer() else repr(value)


def _make_sort_key(name: str | None) -> tuple[bool, str]:
    """Return the sort key of a name: None comes before all names, and "" (the default) before all others."""
    return name is not None, name or DEFAULT_NAME
