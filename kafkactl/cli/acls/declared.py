"""The commands `kafkactl acls export`, `plan` and `apply`, which work with a file of rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.acls.changes import make_change, show_changes, warn_of_hosts
from kafkactl.cli.acls.flags import AclResourceOptions
from kafkactl.cli.frame.before_change import before_change
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ControllerOptions, DocumentOptions, ReportOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.errors import OperationError
from kafkactl.output import people
from kafkactl.statuses import CONDITION, DONE, FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafkactl.admin.acls.declared import AclChange, DeclaredAcls
    from kafkactl.connection.cluster import Cluster

Declaration = Annotated[
    Path, typer.Argument(metavar="FILE", help="Yaml file as acls export prints it; - is standard input.")
]


@command
def export(cluster: ControllerOptions, output: DocumentOptions, resources: AclResourceOptions) -> int:
    """Print rules as a yaml file for plan and apply.

    Without RESOURCE all rules are printed. A name has the rules with exactly this name, literal and prefixed.

    Examples:
      kafkactl acls export > acls.yaml
      kafkactl acls export topic:orders
    """
    from kafkactl.admin.acls.declared import build_declaration, explain_undeclarable
    from kafkactl.admin.acls.models import PatternKind, make_sort_key
    from kafkactl.admin.acls.requests import list_acls

    filters = resources.list_filters(PatternKind.ANY)
    connected = cluster.connect()
    acls = sorted({acl for chosen in filters for acl in list_acls(connected, chosen)}, key=make_sort_key)
    reasons = {acl: reason for acl in acls if (reason := explain_undeclarable(acl)) is not None}
    output.show(build_declaration([acl for acl in acls if acl not in reasons]))
    for acl, reason in reasons.items():
        people.error(OperationError(f"the file lacks a rule, because {reason}: {acl}"))
    return FAILED if reasons else DONE


@command
def plan(cluster: ControllerOptions, output: ReportOptions, file: Declaration) -> int:
    """Show how the cluster differs from a file of rules.

    The status is 4 if there is a difference. Nothing is changed. Resources that the file does not name do not count.

    Examples:
      kafkactl acls plan acls.yaml
      kafkactl acls plan acls.yaml -o json
    """
    from kafkactl.admin.acls import declared

    content = declared.read_declaration(file)
    changes = _compare(cluster.connect(), content)
    _show_differences(changes, output)
    return CONDITION if changes else DONE


@command
def apply(cluster: ControllerOptions, output: ReportOptions, confirm: ConfirmOptions, file: Declaration) -> int:
    """Change rules to what a file declares.

    A resource in the file gets exactly the rules of the file. New rules are added before others are removed. Resources
    that the file does not name keep their rules. The changes are shown first, and on a terminal the command asks.

    Examples:
      kafkactl acls apply acls.yaml --dry-run
      kafkactl acls apply acls.yaml --yes
    """
    from kafkactl.admin.acls import declared

    content = declared.read_declaration(file)
    connected = cluster.connect()
    changes = _compare(connected, content)
    before_change(connected, [make_change(change) for change in changes], confirm.dry_run)
    if confirm.dry_run or not changes or not confirm.yes:
        _show_differences(changes, output)
    if not changes:
        return DONE
    counts = [sum(change.action.value == action for change in changes) for action in ("add", "remove")]
    if (status := confirm.ask("add {} and remove {} ACLs".format(*counts), "nothing changed")) is not None:
        return status
    return show_outcomes(declared.apply(connected, changes), "acl", output)


def _compare(connected: Cluster, content: DeclaredAcls) -> list[AclChange]:
    """Return the changes that bring the cluster's rules to the declared state, and warn of others on stderr.

    The others are rules of the declared resources that no file can declare; they stay. There is a warning, too, for
    each host of an added rule that is no address as brokers write it. The changes are not made. Raise UnreachableError,
    OperationError for a refusal and for a cluster without an authorizer, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.acls import declared

    changes, others = declared.compare(connected, content)
    warn_of_hosts(change.acl for change in changes if change.action is declared.AclAction.ADD)
    for acl in others:
        people.warning(f"a rule is not compared and stays, because {declared.explain_undeclarable(acl)}: {acl}")
    return changes


def _show_differences(changes: Sequence[AclChange], output: ReportOptions) -> None:
    """Show the changes on stdout; without any, show structured formats and print a note on stderr for the others.

    Raise UsageError for a column or an order that the table does not have, where it is shown; after before_change
    without `dry_run` this is only a warning on stderr. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if changes or output.is_structured:
        show_changes(changes, output)
    else:
        people.note("no differences")
