"""Rules that a file declares: their differences from the cluster, and the changes that remove the differences.

A file declares all rules of the resources in it. Resources that it does not name keep their rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kafkactl.admin.acls import requests
from kafkactl.admin.acls.models import (
    WILDCARD,
    Acl,
    AclFilter,
    PatternKind,
    Permission,
    Resource,
    ResourceKind,
    build_filters,
    make_sort_key,
    parse_principal,
    parse_right,
    require_resource,
)
from kafkactl.admin.models import Outcome
from kafkactl.connection.cluster import Cluster
from kafkactl.documents import read_yaml
from kafkactl.errors import UsageError
from kafkactl.patterns import explain_unusable_text

EXAMPLE = "acls: [{type: topic, name: orders, rules: [{principal: User:ann, operations: [Read]}]}]"
_RESOURCE_FIELDS = {"type", "name", "pattern", "rules"}
_RULE_FIELDS = {"principal", "permission", "host", "operations"}


class AclAction(StrEnum):
    """What a change does with a rule."""

    ADD = "add"
    REMOVE = "remove"
    KEEP = "keep"
    """Nothing: it is only for previews."""


@dataclass(frozen=True, kw_only=True)
class AclChange:
    """One difference between the file and the cluster."""

    action: AclAction
    acl: Acl


@dataclass(frozen=True, kw_only=True)
class DeclaredAcls:
    """The content of a file."""

    resources: tuple[Resource, ...]
    """Resources whose rules the file declares, also those without any."""
    acls: tuple[Acl, ...]


def read_declaration(path: Path) -> DeclaredAcls:
    """Return the rules of a YAML or JSON file; raise UsageError for a file without valid ones.

    The form is {acls: [{type: topic, name: orders, pattern: literal, rules: [{principal: User:ann, permission: allow,
    host: "*", operations: [Read]}]}]}. The pattern is literal, the permission allow and the host `*` where they are
    missing. Types and operations may be in any case; whether a host is an address is not checked. Names beside `acls`
    are ignored, empty lists of `acls` and `rules` are accepted, and a rule that stands twice counts once. `path` may be
    `-` for standard input. A file that cannot be read, other fields, wrong values (null, too, but not as the name of
    the cluster) and a resource that stands twice are UsageErrors.
    """
    content = read_yaml(path)
    rows = content.get("acls") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise UsageError(f"{path}: declares no acls", f"like {EXAMPLE}")
    resources: dict[Resource, None] = {}
    acls: dict[Acl, None] = {}
    for row in rows:
        resource, declared = _parse_row(path, row)
        if resource in resources:
            raise UsageError(f"{path}: resource {resource} is declared twice", "write its rules in one place")
        resources[resource] = None
        acls.update(dict.fromkeys(declared))
    return DeclaredAcls(resources=tuple(resources), acls=tuple(acls))


def build_declaration(acls: Sequence[Acl]) -> dict[str, Any]:
    """Return the content of a YAML file that declares these rules, in their order; nothing is sorted.

    It is {"acls": [{"type", "name", "pattern", "rules": [{"principal", "permission", "host", "operations"}]}]}. Rules
    of a resource are together where the first of them is. Rules that differ only in the operation are one rule with
    several operations; a rule that is there twice has its operation twice. Nothing is checked here: read_declaration
    refuses a file with rules that explain_undeclarable explains.
    """
    by_resource: dict[Resource, dict[tuple[str, str, str], list[str]]] = {}
    for acl in acls:
        rules = by_resource.setdefault(acl.resource, {})
        rules.setdefault((acl.principal, str(acl.permission), acl.host), []).append(str(acl.operation))
    rows = [
        {
            "type": str(resource.type),
            "name": resource.name,
            "pattern": str(resource.pattern),
            "rules": [
                {"principal": principal, "permission": permission, "host": host, "operations": operations}
                for (principal, permission, host), operations in rules.items()
            ],
        }
        for resource, rules in by_resource.items()
    ]
    return {"acls": rows}


def explain_undeclarable(acl: Acl) -> str | None:
    """Return why no file can declare a rule; None where one can.

    A part of the rule may not be known (Acl.is_known), or read_declaration refuses it: controllers take more than it
    does, such as the operation Write of a group.
    """
    if not acl.is_known:
        return "kafkactl does not know a part of it"
    if explain_unusable_text(f"{acl.name}{acl.principal}{acl.host}") is not None:
        return "it has a character that no file has"
    (row,) = build_declaration([acl])["acls"]
    path = Path("a file")
    try:
        _parse_row(path, row)
    except UsageError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def compare(cluster: Cluster, declared: DeclaredAcls) -> tuple[list[AclChange], list[Acl]]:
    """Return the changes that bring the cluster's rules to the declared state, and the rules that are not compared.

    Additions come first, then removals; all are sorted by resource. Rules that are the same in both are left out. Only
    rules of declared resources are removed. Rules of these resources that no file can declare (explain_undeclarable)
    are not compared. Raise UnreachableError, OperationError for a refusal and for a cluster without an authorizer, and
    UsageError for a wrong client setting.
    """
    resources = set(declared.resources)
    chosen = None
    if len(resources) == 1:
        (resource,) = resources
        chosen = AclFilter(type=resource.type, name=resource.name, pattern=resource.pattern)
    listed = {acl for acl in requests.list_acls(cluster, chosen) if acl.resource in resources}
    present = {acl for acl in listed if explain_undeclarable(acl) is None}
    missing = sorted(set(declared.acls) - present, key=make_sort_key)
    surplus = sorted(present - set(declared.acls), key=make_sort_key)
    changes = [
        *(AclChange(action=AclAction.ADD, acl=acl) for acl in missing),
        *(AclChange(action=AclAction.REMOVE, acl=acl) for acl in surplus),
    ]
    return changes, sorted(listed - present, key=make_sort_key)


def apply(cluster: Cluster, changes: Sequence[AclChange]) -> list[Outcome]:
    """Make the changes and return the outcome of each one, additions first. Those with KEEP are left out.

    Where an addition fails, nothing is removed, so that nobody loses a right that a new rule was to give: each removal
    is a failed outcome then. After additions, errors of the removals are not raised: they are the outcomes of removals.
    Raise UnreachableError or OperationError where the first request cannot be sent or is refused as a whole, and
    UsageError for a wrong client setting and a text in that request that is not UTF-8; then nothing was changed. A
    change with an UNKNOWN part is a failed outcome; the other additions are still made.
    """
    outcomes = requests.create_acls(cluster, [change.acl for change in changes if change.action is AclAction.ADD])
    removals = [change.acl for change in changes if change.action is AclAction.REMOVE]
    if not all(outcome.ok for outcome in outcomes):
        reason = "not removed, because a rule could not be added"
        return outcomes + [Outcome(name=str(acl), ok=False, result=reason) for acl in removals]
    return outcomes + requests.delete_acls(cluster, removals, is_first=not outcomes)


def _parse_row(path: Path, row: Any) -> tuple[Resource, list[Acl]]:
    """Return the resource of a row, and its rules; raise UsageError, which names `path`, for a wrong row.

    A row has type, name, rules (a list, which may be empty) and pattern, which is literal where it is missing. The type
    may be in any case, and `cluster` needs no name. A name is a text, or an integer, which becomes text.
    """
    if not isinstance(row, dict) or not isinstance(row.get("rules"), list):
        raise UsageError(f"{path}: not a resource with rules: {row!r:.100}", f"like {EXAMPLE}")
    _refuse_unknown(path, row, _RESOURCE_FIELDS)
    kind, name = row.get("type"), row.get("name")
    try:
        if not isinstance(kind, str) or ":" in kind:
            raise UsageError(f"invalid value {kind!r:.100} for type", f"like {EXAMPLE}")
        if name is not None and (not isinstance(name, (str, int)) or isinstance(name, bool)):
            raise UsageError(f"invalid value {name!r:.100} for name", "write it in quotes")
        needs_no_name = kind.lower() == ResourceKind.CLUSTER and name is None
        type_, resource_name = require_resource(kind if needs_no_name else f"{kind}:{'' if name is None else name}")
        resource = Resource(type=type_, name=resource_name, pattern=_parse_pattern(row.get("pattern", "literal")))
        return resource, [acl for rule in row["rules"] for acl in _parse_rule(path, resource, rule)]
    except UsageError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise UsageError(f"{path}: {error}", error.hint) from None


def _parse_rule(path: Path, resource: Resource, rule: Any) -> list[Acl]:
    """Return the rules of one entry, one for each operation; raise UsageError for a wrong entry.

    An entry has principal, operations (at least one), permission and host; these two are allow and `*` where they are
    missing. An entry that names an operation twice has it once. The names of operations may be in any case, allow and
    deny must be in lower case. Whether a host is an address is not checked. A wrong entry is also one with other
    fields, with null, or with an operation that the resource does not have. Not every message names `path`.
    """
    operations = rule.get("operations") if isinstance(rule, dict) else None
    if not isinstance(operations, list) or not operations:
        raise UsageError(f"{path}: not a rule with operations: {rule!r:.100}", f"like {EXAMPLE}")
    _refuse_unknown(path, rule, _RULE_FIELDS)
    principal_text = rule.get("principal", "")
    if not isinstance(principal_text, str):
        raise UsageError(f"invalid value {principal_text!r:.100} for principal", f"like {EXAMPLE}")
    principal = parse_principal(principal_text, "principal")
    host = rule.get("host", WILDCARD)
    if not isinstance(host, str) or not host or explain_unusable_text(host) is not None:
        raise UsageError(f"invalid value {host!r:.100} for host", "write an address, or '*' for all hosts")
    permission = rule.get("permission", "allow")
    if permission not in (Permission.ALLOW, Permission.DENY):
        raise UsageError(f"invalid value {permission!r:.100} for permission", "use one of allow, deny")
    rights = [parse_right(str(name), "operations") for name in operations]
    return [choice.to_acl() for choice in build_filters(resource, [(Permission(permission), principal, host)], rights)]


def _parse_pattern(text: Any) -> PatternKind:
    """Return the pattern type literal or prefixed; raise UsageError for any other value."""
    if text not in (PatternKind.LITERAL, PatternKind.PREFIXED):
        raise UsageError(f"invalid value {text!r:.100} for pattern", "use one of literal, prefixed")
    return PatternKind(text)


def _refuse_unknown(path: Path, row: dict[Any, Any], fields: set[str]) -> None:
    """Raise UsageError, which names `path`, for a field that is not one of `fields`."""
    if unknown := sorted(str(name) for name in row if name not in fields):
        raise UsageError(f"{path}: unknown field {unknown[0]!r}", f"use {', '.join(sorted(fields))}")
