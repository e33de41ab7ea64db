"""Rules of access as kafka-acls prints them, line for line.

Reference: org.apache.kafka.tools.AclCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkactl.admin.acls.models import Acl, AclFilter, Resource

NO_CONSOLE = (
    'Cannot invoke "java.io.Console.readLine()" because the return value of "java.lang.System.console()" is null'
)
"""What Java says where there is no terminal to ask at."""


def format_resource(resource: Resource | AclFilter) -> str:
    """Return a resource, or the resource of a filter, as Java shows it, without a line end.

    A type of None is ANY, and a name of None is shown as None.
    """
    kind = "ANY" if resource.type is None else resource.type.name
    return f"ResourcePattern(resourceType={kind}, name={resource.name}, patternType={resource.pattern.name})"


def format_entry(acl: Acl) -> str:
    """Return principal, host, operation and permission of a rule as Java shows them."""
    parts = f"principal={acl.principal}, host={acl.host}, operation={acl.operation.name}"
    return f"({parts}, permissionType={acl.permission.name})"


def format_list(acls: Sequence[Acl]) -> str:
    """Return the rules below their resources, each line with its end; the text is empty without rules.

    Resources are in the order of their first rules, each followed by an empty line. Its rules keep their order.
    """
    by_resource: dict[Resource, list[Acl]] = {}
    for acl in acls:
        by_resource.setdefault(acl.resource, []).append(acl)
    return "".join(
        f"Current ACLs for resource `{format_resource(resource)}`:\n{_format_lines(rules)}\n\n"
        for resource, rules in by_resource.items()
    )


def format_heading(principal: str) -> str:
    """Return the line above the rules of a principal, its end included."""
    return f"ACLs for principal `{principal}`\n"


def format_present(acl: Acl) -> str:
    """Return the line about a rule that exists already, its end included."""
    pattern = format_resource(acl.resource)
    return f"Acl (pattern={pattern}, entry={format_entry(acl)}) already exists.\n"


def format_addition(resource: Resource, acls: Iterable[Acl]) -> str:
    """Return the lines about new rules of a resource, each with its end, and an empty line behind them."""
    return f"Adding ACLs for resource `{format_resource(resource)}`: \n {_format_lines(acls)}\n\n"


def format_question(chosen: AclFilter, acls: Iterable[Acl]) -> str:
    """Return the question before rules are removed, with its line end; without `acls` it is about all of a resource."""
    resource = format_resource(chosen)
    if not (lines := _format_lines(acls)):
        return f"Are you sure you want to delete all ACLs for resource filter `{resource}`? (y/n)\n"
    return f"Are you sure you want to remove ACLs: \n {lines}\n from resource filter `{resource}`? (y/n)\n"


def _format_lines(acls: Iterable[Acl]) -> str:
    """Return the rules of a resource on lines of their own, each behind a tab, without the last line end."""
    return "\n".join(f"\t{format_entry(acl)}" for acl in acls)
