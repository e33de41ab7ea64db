"""Rules of access in the words of kafka-acls, which acts resource by resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import OperationError, UnansweredError
from kafkactl.output.kafka import acl_text
from kafkactl.output.kafka.acl_text import NO_CONSOLE
from kafkactl.output.people import can_ask, read_answer
from kafkactl.statuses import DONE
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.acls.models import Acl, AclFilter, Resource
    from kafkactl.connection.cluster import Cluster


def print_acls(acls: Sequence[Acl], principals: Sequence[str]) -> None:
    """Print the rules by resource on stdout; with principals only the rules of each of them, below a heading.

    Principals keep their order, each once, and one without rules has its heading, too. Without principals and rules
    nothing is printed. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if not principals:
        out.write_text(acl_text.format_list(acls))
    for principal in dict.fromkeys(principals):
        out.write_text(acl_text.format_heading(principal))
        out.write_text(acl_text.format_list([acl for acl in acls if acl.principal == principal]))


def add(connected: Cluster, acls: Sequence[Acl]) -> int:
    """Add the rules of one resource after the other, print what is done, and return an exit status, which is 0.

    For each resource the rules that exist already are printed first, and not sent. The text about an addition is
    printed before the request. Raise OperationError for the first refused rule, and where the rules of a resource
    cannot be listed, UnansweredError where rules may have been added, UnreachableError, UsageError in a read-only
    context and for a wrong client setting, and OutputError or ReaderLeftError where stdout fails. After an error the
    rules of earlier resources stay, and other rules of the same resource may have been added.
    """
    from kafkactl.admin.acls import requests
    from kafkactl.admin.acls.models import AclFilter

    before_change(connected, [Change(action=f"add ACL {acl}", inverse=cannot_be_undone) for acl in acls])
    by_resource: dict[Resource, list[Acl]] = {}
    for acl in acls:
        by_resource.setdefault(acl.resource, []).append(acl)
    for resource, rules in by_resource.items():
        chosen = AclFilter(type=resource.type, name=resource.name, pattern=resource.pattern)
        present = set(requests.list_acls(connected, chosen))
        out.write_text("".join(acl_text.format_present(acl) for acl in rules if acl in present))
        if new := [acl for acl in rules if acl not in present]:
            out.write_text(acl_text.format_addition(resource, new))
            for outcome in requests.create_acls(connected, new):
                if outcome.code == ErrorCode.REQUEST_TIMED_OUT:
                    raise UnansweredError(f"{outcome.name}: {outcome.result}; it may have been done", outcome.hint)
                if not outcome.ok:
                    raise OperationError(outcome.result, outcome.hint, outcome.code)
    return DONE


def remove(connected: Cluster, filters: Sequence[AclFilter], asks: bool) -> int:
    """Remove the rules that filters choose, one resource after the other, and return an exit status, which is 0.

    With `asks` each resource has a question on stdout; after every answer but y or Y, also at the end of the input, its
    rules stay, and the next question follows. Nothing else is printed. A filter that chooses no rule is no error; one
    with a principal must have all other parts but the host.

    Raise OperationError for a refusal and, after the first question, where there is no terminal to ask at,
    UnansweredError where rules may have been removed, UnreachableError, UsageError in a read-only context and for a
    wrong client setting, OutputError or ReaderLeftError where stdout fails, OSError where stdin cannot be read, and
    ValueError for a filter with a principal that lacks a part. After an error the rules of earlier resources stay
    removed.
    """
    from kafkactl.admin.acls import requests

    before_change(connected, [Change(action="remove ACLs", inverse=cannot_be_undone)])
    by_resource: dict[tuple[object, ...], list[AclFilter]] = {}
    for chosen in filters:
        by_resource.setdefault((chosen.type, chosen.name, chosen.pattern), []).append(chosen)
    for group in by_resource.values():
        entries = [chosen.to_acl() for chosen in group if chosen.principal is not None]
        if asks:
            out.write_text(acl_text.format_question(group[0], entries))
            out.flush()
            if not can_ask():
                raise OperationError(NO_CONSOLE)
            if read_answer().lower() != "y":
                continue
        requests.delete_chosen(connected, group)
    return DONE
