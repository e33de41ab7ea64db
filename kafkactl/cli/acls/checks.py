"""The commands `kafkactl acls check` and `acls who`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.cli.acls.tables import ACCESS, VERDICT
from kafkactl.cli.frame.command import command, flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ControllerOptions, ReportOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError
from kafkactl.output import people
from kafkactl.output.report import Report, Table, listing
from kafkactl.statuses import CONDITION, DONE

if TYPE_CHECKING:
    from kafkactl.admin.acls.checks import Assumptions, Verdict
    from kafkactl.admin.acls.models import ResourceKind, Right

_SETTING_FLAGS = {"super.users": "--super-user", "allow.everyone.if.no.acl.found": "--allow-everyone"}


@flags
class AssumptionOptions:
    """Settings of the brokers, which hide their values."""

    section: ClassVar[Section] = Section.OPTIONS

    super_user: Annotated[
        list[str] | None,
        typer.Option("--super-user", metavar="TYPE:NAME", help="Principal in super.users of the brokers; repeatable."),
    ] = None
    allow_everyone: Annotated[
        str | None,
        typer.Option(
            "--allow-everyone", metavar="true|false", help="Value of allow.everyone.if.no.acl.found of the brokers."
        ),
    ] = None

    def parse(self) -> Assumptions:
        """Return the settings; None stands for those that are not given.

        Raise UsageError for an --allow-everyone that is neither true nor false, in small letters, and for a
        --super-user that is not TYPE:NAME, has a NUL character or is not UTF-8.
        """
        from kafkactl.admin.acls.checks import Assumptions
        from kafkactl.admin.acls.models import parse_principal

        require_choice(self.allow_everyone, "--allow-everyone", ("true", "false"))
        names = [parse_principal(name, "--super-user") for name in self.super_user or ()]
        everyone = None if self.allow_everyone is None else self.allow_everyone == "true"
        return Assumptions(super_users=names or None, allows_everyone=everyone)


Operation = Annotated[
    str, typer.Argument(metavar="OPERATION", help="Operation, such as Read or DescribeConfigs.", show_default=False)
]
CheckedResource = Annotated[
    str, typer.Argument(metavar="RESOURCE", help="Resource as TYPE:NAME, or cluster.", show_default=False)
]


@command
def check(
    cluster: ControllerOptions,
    output: ReportOptions,
    assumptions: AssumptionOptions,
    principal: Annotated[
        str, typer.Argument(metavar="PRINCIPAL", help="Who asks, such as User:ann.", show_default=False)
    ],
    operation: Operation,
    resource: CheckedResource,
    host: Annotated[
        str | None, typer.Option("--host", metavar="IP", help="Address of the client. Default: one that no rule names.")
    ] = None,
) -> int:
    """Say whether a principal may do something, and by which rule.

    The status is 4 if it may not. The rules of the cluster decide as its authorizer does. Brokers hide super.users and
    allow.everyone.if.no.acl.found; where they count, a note says so.

    Examples:
      kafkactl acls check User:ann Read topic:orders
      kafkactl acls check User:ann Write topic:orders --host 10.0.0.7
    """
    from kafkactl.admin.acls import checks
    from kafkactl.admin.acls.decisions import Question
    from kafkactl.admin.acls.models import parse_principal, write_address

    right, kind, name = _parse_subject(operation, resource)
    address = None if host is None else write_address(host)
    if host is not None and address is None:
        raise UsageError(
            f"invalid value {host!r} for --host: no IP address", "leave it out for an address without rules"
        )
    question = Question(
        principal=parse_principal(principal, "PRINCIPAL"), operation=right, type=kind, name=name, host=address
    )
    verdict = checks.check(cluster.connect(), question, assumptions.parse())
    output.show(Report(verdict, [Table(VERDICT, [verdict])]))
    _note_unknown([verdict])
    if verdict.other_hosts:
        answer = "denied" if verdict.allowed else "allowed"
        people.note(f"{answer} from {', '.join(verdict.other_hosts)}: check with --host")
    return DONE if verdict.allowed else CONDITION


@command
def who(
    cluster: ControllerOptions,
    output: ReportOptions,
    assumptions: AssumptionOptions,
    operation: Operation,
    resource: CheckedResource,
    all_: Annotated[bool, typer.Option("--all", help="Also principals that may not do it.")] = False,
) -> None:
    """List the principals that may do something.

    They are those that a rule of the resource or --super-user names. User:* is everybody else, and the host * every
    other address.

    Examples:
      kafkactl acls who Read topic:orders
      kafkactl acls who Write topic:orders --all
    """
    from kafkactl.admin.acls import checks

    right, kind, name = _parse_subject(operation, resource)
    verdicts = checks.list_verdicts(cluster.connect(), right, kind, name, assumptions.parse())
    output.show(listing(ACCESS, [verdict for verdict in verdicts if verdict.allowed or all_]))
    _note_unknown(verdicts)


def _parse_subject(operation: str, resource: str) -> tuple[Right, ResourceKind, str]:
    """Return the operation, and the type and the name of the resource.

    `operation` may be in any case, `resource` is TYPE:NAME or cluster; whether the cluster has it is not asked. Raise
    UsageError for an unknown operation, for a wrong resource, for an operation that the type does not have, and for
    All.
    """
    from kafkactl.admin.acls.models import Right, parse_right, require_resource, require_supported

    kind, name = require_resource(resource)
    right = parse_right(operation, "OPERATION")
    if right is Right.ALL:
        raise UsageError("invalid value 'All' for OPERATION", "check one operation after the other")
    require_supported(kind, right)
    return right, kind, name


def _note_unknown(verdicts: Iterable[Verdict]) -> None:
    """Print a note on stderr for each setting that brokers hide and that could change one of the answers."""
    for name in dict.fromkeys(name for verdict in verdicts for name in verdict.unknown_settings):
        people.note(f"the brokers do not show {name}, which could allow it: give its value with {_SETTING_FLAGS[name]}")
