"""kafkactl quotas"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.admin.entities import DEFAULT_NAME, Entity, EntityType
from kafkactl.cli.completion.names import quota_names
from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.command import command, flags, new_app
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.output import client_tables
from kafkactl.output.report import listing
from kafkactl.patterns import select_names

if TYPE_CHECKING:
    from kafkactl.admin.quotas import Quota
    from kafkactl.connection.cluster import Cluster

app = new_app("Show and change the quotas of users, clients and ips.")


@flags
class WhoseOptions:
    """Whose quotas."""

    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="Quotas of this user.")] = None
    user_defaults: Annotated[bool, typer.Option("--user-defaults", help="Quotas of all users without their own.")] = (
        False
    )
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="ID", help="Quotas of this client id, with --user only of that user's."),
    ] = None
    client_defaults: Annotated[
        bool, typer.Option("--client-defaults", help="Quotas of all client ids without their own.")
    ] = False
    ip: Annotated[str | None, typer.Option("--ip", metavar="IP", help="Quotas of this address.")] = None
    ip_defaults: Annotated[bool, typer.Option("--ip-defaults", help="Quotas of all addresses without their own.")] = (
        False
    )

    def parts(self) -> dict[EntityType, str]:
        """Names by type; raises UsageError for what cannot go together."""
        said = {
            EntityType.USERS: _name(self.user, self.user_defaults, "--user"),
            EntityType.CLIENTS: _name(self.client, self.client_defaults, "--client"),
            EntityType.IPS: _name(self.ip, self.ip_defaults, "--ip"),
        }
        found = {type_: name for type_, name in said.items() if name is not None}
        if EntityType.IPS in found and len(found) > 1:
            raise UsageError("an ip has quotas of its own only", "leave --user and --client out")
        return found

    def entity(self) -> list[Entity]:
        """The one to be changed; raises UsageError for none."""
        if not (found := self.parts()):
            raise UsageError(
                "whose quotas?", "--user USER, --client ID, both, or --ip IP; --user-defaults and so on for all others"
            )
        return [Entity(type_, name) for type_, name in found.items()]


def _name(name: str | None, is_default: bool, flag: str) -> str | None:
    """Return the name of a part, "" for the default; raises UsageError for both."""
    if name is not None and is_default:
        raise UsageError(f"{flag} and {flag}-defaults are mutually exclusive", "leave one of them out")
    return "" if is_default else name


@app.command("list")
@command
def list_quotas(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: WhoseOptions,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="REGEX", help="Users, clients and ips whose whole name matches; repeatable."),
    ] = None,
) -> None:
    """Show all quotas, or those of just this user, client or ip."""
    from kafkactl.admin import quotas

    parts = whose.parts()
    found = quotas.describe_quotas(cluster.connect(), parts or None)
    if match:
        choice = select_names(match=match).choose(name for row in found for name in _names_of(row))
        if choice.unmatched_patterns:
            raise NotFoundError(f"no quotas: {', '.join(choice.unmatched_patterns)}", "kafkactl quotas list shows all")
        chosen = set(choice.names)
        found = [row for row in found if not chosen.isdisjoint(_names_of(row))]
    output.show(listing(client_tables.QUOTAS, sorted(found, key=lambda row: (*map(_order, row.entity), row.name))))


def _names_of(quota: Quota) -> list[str]:
    return [name for name in (quota.user, quota.client_id, quota.ip) if name]


@app.command("set")
@command
def set_quotas(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: WhoseOptions,
    quota: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="Like producer_byte_rate=1048576.", autocompletion=quota_names),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Let the brokers check it, and change nothing.")] = False,
) -> int:
    """Set limits: producer_byte_rate, consumer_byte_rate, request_percentage, controller_mutation_rate, and of ips
    connection_creation_rate."""
    from kafkactl.admin import quotas

    limits = {
        name: quotas.parse_limit(name, text) for name, text in (parse_assignment(each, "quota") for each in quota)
    }
    return _change(cluster, output, whose.entity(), limits, (), dry_run)


@app.command()
@command
def unset(
    cluster: ClusterOptions,
    output: ReportOptions,
    whose: WhoseOptions,
    quota: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Like producer_byte_rate.", autocompletion=quota_names)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Let the brokers check it, and change nothing.")] = False,
) -> int:
    """Remove limits."""
    return _change(cluster, output, whose.entity(), {}, quota, dry_run)


def _change(
    cluster: ClusterOptions,
    output: ReportOptions,
    entity: Sequence[Entity],
    limits: Mapping[str, float],
    remove: Sequence[str],
    dry_run: bool,
) -> int:
    from kafkactl.admin import quotas
    from kafkactl.admin.models import Outcome

    quotas.require_quota_names(entity, [*limits, *remove])
    connected = cluster.connect()
    told = ", ".join([f"{name}={_text(value)}" for name, value in limits.items()] + [f"no {name}" for name in remove])
    whose = " and ".join(map(str, entity))
    inverse = functools.partial(_inverse, connected, entity, [*limits, *remove])
    before_change(connected, [Change(what=f"change the quotas of {whose}: {told}", inverse=inverse)], dry_run)
    quotas.require_set(connected, entity, remove)
    quotas.alter_quotas(connected, entity, limits, remove, dry_run)
    result = f"would be taken: {told}" if dry_run else told
    return show_outcomes([Outcome(whose, True, result)], "entity", output)


def _inverse(connected: Cluster, entity: Sequence[Entity], names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the arguments that bring the present limits back; None where that takes two commands."""
    from kafkactl.admin import quotas

    present = {quota.name: quota.value for quota in quotas.describe_quotas(connected, {e.type: e.name for e in entity})}
    whose = [word for part in entity for word in (f"--{part.type.singular}", part.name)]
    kept = [f"{name}={_text(present[name])}" for name in names if name in present]
    new = [name for name in names if name not in present]
    if kept and new:
        return None
    return ("quotas", "set" if kept else "unset", *whose, *(kept or new))


def _text(value: float) -> str:
    """Return a limit with all its digits: it may be copied into another command."""
    return str(int(value)) if value.is_integer() else repr(value)


def _order(name: str | None) -> tuple[bool, str]:
    return name is not None, name or DEFAULT_NAME
