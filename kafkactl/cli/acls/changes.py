"""Changes of rules: the table of a preview, and the change for before_change with its inverse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.acls.tables import CHANGES
from kafkactl.cli.frame.before_change import Arguments, Change
from kafkactl.output import people
from kafkactl.output.report import Report, Table

if TYPE_CHECKING:
    from kafkactl.admin.acls.declared import AclChange
    from kafkactl.admin.acls.models import Acl
    from kafkactl.cli.frame.options import ReportOptions


def make_addition(acl: Acl) -> Change:
    """Return the addition of a rule; its inverse removes the rule."""
    return Change(action=f"add ACL {acl}", inverse=lambda: ("acls", "remove", *_list_arguments(acl), "--yes"))


def make_removal(acl: Acl) -> Change:
    """Return the removal of a rule; its inverse adds the rule."""
    return Change(action=f"remove ACL {acl}", inverse=lambda: ("acls", "add", *_list_arguments(acl), "--yes"))


def make_change(change: AclChange) -> Change:
    """Return a change of a rule with its inverse; any action but add counts as a removal."""
    return make_addition(change.acl) if change.action.value == "add" else make_removal(change.acl)


def warn_of_hosts(acls: Iterable[Acl]) -> None:
    """Print a warning on stderr for each host whose rule applies to no client, sorted: brokers compare hosts as text.

    They are texts that are no address, such as names and ranges like 10.0.0.0/8, and IPv6 addresses that brokers write
    in another way, such as ::1. `*` has no warning. Nothing is refused.
    """
    from kafkactl.admin.acls.models import WILDCARD, write_address

    for host in sorted({acl.host for acl in acls} - {WILDCARD}):
        if (address := write_address(host)) is None:
            people.warning(f"host {host} is no IP address, so that the rule applies to no client")
        elif address != host:
            people.warning(f"brokers write host {host} as {address}, so that the rule applies to no client")


def show_changes(changes: Sequence[AclChange], output: ReportOptions) -> None:
    """Show changes of rules on stdout, as a table or in the format of -o.

    Raise UsageError for a column or an order that the table does not have; after before_change without `dry_run` this
    is only a warning on stderr. Raise OutputError or ReaderLeftError where stdout fails.
    """
    output.show(Report(list(changes), [Table(CHANGES, changes)]))


def _list_arguments(acl: Acl) -> Arguments:
    """Return the arguments of `acls add` and `acls remove` that choose exactly this rule."""
    flags = (f"--{acl.permission}-principal", acl.principal, f"--{acl.permission}-host", acl.host)
    return (str(acl.resource), "--pattern-type", str(acl.pattern), *flags, "--operation", str(acl.operation))
