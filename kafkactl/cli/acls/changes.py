"""Changes of rules: the table of a preview, and the change for before_change with its inverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.acls.tables import CHANGES
from kafkactl.cli.frame.before_change import Arguments, Change
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


def show_changes(changes: Sequence[AclChange], output: ReportOptions) -> None:
    """Show changes of rules as a table on stdout.

    Raise UsageError for a column or an order that the table does not have, unless before_change was called, and
    OutputError or ReaderLeftError where stdout fails.
    """
    output.show(Report(list(changes), [Table(CHANGES, changes)]))


def _list_arguments(acl: Acl) -> Arguments:
    """Return the arguments of `acls add` and `acls remove` that choose exactly this rule."""
    flags = (f"--{acl.permission}-principal", acl.principal, f"--{acl.permission}-host", acl.host)
    return (str(acl.resource), "--pattern-type", str(acl.pattern), *flags, "--operation", str(acl.operation))
