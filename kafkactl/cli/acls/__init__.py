"""The commands `kafkactl acls`: list, add, remove, export, plan, apply, check, who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.acls import checks, declared
from kafkactl.cli.acls.changes import make_addition, make_removal, show_changes, warn_of_hosts
from kafkactl.cli.acls.flags import AclResourceOptions, GrantOptions
from kafkactl.cli.acls.tables import RULES
from kafkactl.cli.frame.before_change import before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError
from kafkactl.output import people
from kafkactl.output.report import listing
from kafkactl.statuses import DONE

if TYPE_CHECKING:
    from kafkactl.admin.acls.models import Acl, Resource
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show, change and check who may do what (ACLs).

    Examples:
      kafkactl acls list topic:orders
      kafkactl acls check User:ann Read topic:orders
    """
)

Principals = Annotated[
    list[str] | None,
    typer.Option(
        "--principal", metavar="TYPE:NAME", help="Only rules of this principal, such as User:ann; repeatable."
    ),
]


@app.command("list")
@command
def list_acls(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    resources: AclResourceOptions,
    principal: Principals = None,
    operation: Annotated[
        list[str] | None,
        typer.Option("--operation", metavar="NAME", help="Only rules with this operation; repeatable."),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="IP", help="Only rules that name this host.")] = None,
    permission: Annotated[
        str | None, typer.Option("--permission", metavar="allow|deny", help="Only rules that allow, or that deny.")
    ] = None,
) -> None:
    """Show the rules of the cluster, or those that apply to some resources.

    A resource has all rules that apply to it, also by a prefix or for all names. With --pattern-type it has only those
    of this type.

    Examples:
      kafkactl acls list
      kafkactl acls list topic:orders
      kafkactl acls list --principal User:ann -o json
    """
    from kafkactl.admin.acls.models import PatternKind, make_sort_key, parse_principal, parse_right
    from kafkactl.admin.acls.requests import list_acls as read_acls
    from kafkactl.cli.acls import as_kafka

    require_choice(permission, "--permission", ("allow", "deny"))
    principals = [parse_principal(name, "--principal") for name in principal or ()]
    rights = {parse_right(name, "--operation") for name in operation or ()}
    filters = resources.list_filters(PatternKind.MATCH)
    connected = cluster.connect()
    acls = sorted({acl for chosen in filters for acl in read_acls(connected, chosen)}, key=make_sort_key)
    rows = [
        acl
        for acl in acls
        if (not principals or acl.principal in principals)
        and (not rights or acl.operation in rights)
        and host in (None, acl.host)
        and permission in (None, acl.permission)
    ]
    if output.is_kafka:
        as_kafka.print_acls(rows, principals)
    else:
        output.show(listing(RULES, rows))


@app.command()
@command
def add(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    resources: AclResourceOptions,
    grants: GrantOptions,
) -> int:
    """Add rules that allow or deny operations on resources.

    A rule that exists already is not added again. The command shows the new rules, and asks on a terminal. The first
    rule of a resource denies everybody else the access that allow.everyone.if.no.acl.found may have given.

    Examples:
      kafkactl acls add topic:orders --allow User:ann --operation Read --yes
      kafkactl acls add topic:a group:b --allow User:ann --consumer --dry-run
      kafkactl acls add 'topic:*' --deny User:bob --operation Write --dry-run
    """
    from kafkactl.admin.acls import requests
    from kafkactl.admin.acls.declared import AclAction, AclChange
    from kafkactl.admin.models import Outcome
    from kafkactl.cli.acls import as_kafka

    chosen = resources.require_resources(is_new=True, needs_cluster=grants.idempotent)
    clients = grants.require_clients()
    if not (grants.operation or grants.producer or grants.consumer or grants.idempotent):
        raise UsageError("missing option: --operation, --producer or --consumer", "for example: --operation Read")
    acls = [item.to_acl() for item in grants.build_filters(chosen, clients)]
    connected = cluster.connect()
    if people.is_kafka_style():
        return as_kafka.add(connected, acls)
    warn_of_hosts(acls)
    present = _read_present(connected, chosen)
    new = [acl for acl in acls if acl not in present]
    before_change(connected, [make_addition(acl) for acl in new], confirm.dry_run)
    outcomes = [Outcome(name=str(acl), ok=True, result="exists already") for acl in acls if acl in present]
    if not new and not confirm.dry_run:
        return as_kafka.add(connected, acls) if output.is_kafka else show_outcomes(outcomes, "acl", output)
    if (confirm.dry_run or not confirm.yes) and not output.is_kafka:
        kept = [AclChange(action=AclAction.KEEP, acl=acl) for acl in present]
        show_changes([*kept, *(AclChange(action=AclAction.ADD, acl=acl) for acl in new)], output)
    resources_text = "the resource" if len(chosen) == 1 else "the resources"
    action = f"add {_count(new)}{f' beside {_count(present)} of {resources_text}' if present else ''}"
    if (status := confirm.ask(action, "nothing added")) is not None:
        return status
    if output.is_kafka:
        return as_kafka.add(connected, acls)
    return show_outcomes([*outcomes, *requests.create_acls(connected, new)], "acl", output)


@app.command()
@command
def remove(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    resources: AclResourceOptions,
    grants: GrantOptions,
    principal: Principals = None,
) -> int:
    """Remove rules of resources.

    Options choose the rules: those of a principal, an operation or a host. Without any all rules of the resources are
    removed. The command shows the rules, and asks on a terminal. Rules that do not exist are no error.

    Examples:
      kafkactl acls remove topic:orders --principal User:ann --dry-run
      kafkactl acls remove topic:orders --allow User:ann --operation Read --yes
    """
    from kafkactl.admin.acls import requests
    from kafkactl.admin.acls.declared import AclAction, AclChange
    from kafkactl.admin.acls.models import parse_principal
    from kafkactl.cli.acls import as_kafka

    chosen = resources.require_resources(is_new=False, needs_cluster=grants.idempotent)
    filters = grants.build_filters(chosen, grants.list_clients())
    principals = [parse_principal(name, "--principal") for name in principal or ()]
    connected = cluster.connect()
    if people.is_kafka_style():
        return as_kafka.remove(connected, filters, asks=not confirm.yes)
    acls = [
        acl
        for acl in _read_present(connected, chosen)
        if (not principals or acl.principal in principals) and any(item.chooses_entry(acl) for item in filters)
    ]
    before_change(connected, [make_removal(acl) for acl in acls], confirm.dry_run)
    if not acls:
        people.note("no ACL fits")
    has_preview = confirm.dry_run or not confirm.yes or not acls
    if has_preview and not output.is_kafka and (acls or output.is_structured):
        show_changes([AclChange(action=AclAction.REMOVE, acl=acl) for acl in acls], output)
    if not acls:
        return DONE
    if (status := confirm.ask(f"remove {_count(acls)}", "nothing removed")) is not None:
        return status
    return show_outcomes(requests.delete_acls(connected, acls), "acl", output)


def _read_present(connected: Cluster, resources: Sequence[Resource]) -> list[Acl]:
    """Return the rules of resources, each once, sorted by resource and principal.

    The resources may have the pattern types ANY and MATCH, too; rules with UNKNOWN parts are among the result. Without
    resources nothing is asked. Raise OperationError for a refusal and for a cluster without an authorizer,
    UnreachableError, UsageError for a wrong client setting and a name that is not UTF-8, and KeyError for a resource of
    the type or pattern UNKNOWN.
    """
    from kafkactl.admin.acls.models import AclFilter, make_sort_key
    from kafkactl.admin.acls.requests import list_acls as read_acls

    filters = [AclFilter(type=item.type, name=item.name, pattern=item.pattern) for item in resources]
    return sorted({acl for chosen in filters for acl in read_acls(connected, chosen)}, key=make_sort_key)


def _count(acls: Sequence[Acl]) -> str:
    """Return the number of rules with its noun: 1 ACL, 2 ACLs."""
    return f"{len(acls)} ACL{'' if len(acls) == 1 else 's'}"


app.command()(declared.export)
app.command()(declared.plan)
app.command()(declared.apply)
app.command()(checks.check)
app.command()(checks.who)
