"""Whether a principal may do something, decided from the rules of a cluster as its authorizer decides it.

This module has no connection: rules and settings are its arguments. A rule that denies wins over all that allow. A rule
about Describe does not only come from Describe: who may read, write, delete or alter a resource may describe it, too.

Reference: org.apache.kafka.metadata.authorizer.StandardAuthorizer (KIP-801), KIP-11, KIP-290.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kafkactl.admin.acls.models import EVERYBODY, WILDCARD, Acl, PatternKind, Permission, ResourceKind, Right

_IMPLYING = {
    Right.DESCRIBE: frozenset({Right.DESCRIBE, Right.READ, Right.WRITE, Right.DELETE, Right.ALTER}),
    Right.DESCRIBE_CONFIGS: frozenset({Right.DESCRIBE_CONFIGS, Right.ALTER_CONFIGS}),
}
"""Operations whose permission is also one for the operation of the key. A denial implies nothing."""


class Reason(StrEnum):
    """What decided."""

    SUPER_USER = "super user"
    DENIED = "denied by a rule"
    ALLOWED = "allowed by a rule"
    NO_RULE_OF_PRINCIPAL = "no rule allows it"
    """The resource has rules, and none of them is about this principal, operation and host."""
    NO_RULE_OF_RESOURCE = "the resource has no rules"
    """allow.everyone.if.no.acl.found decides."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What somebody wants to do. Everything is exact: no wildcards, and not All as the operation."""

    principal: str
    operation: Right
    type: ResourceKind
    name: str
    host: str | None = None
    """Address of the client; None for one that no rule names."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer to a question, and what it is based on."""

    is_allowed: bool
    reason: Reason
    acl: Acl | None = None
    """The rule that decided; None where none did."""


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """Settings of the brokers that count beside the rules."""

    super_users: Collection[str] = ()
    """Principals that may do everything."""
    allows_everyone: bool = False
    """allow.everyone.if.no.acl.found: whether everybody may do everything with a resource that has no rules."""


def decide(acls: Iterable[Acl], question: Question, authorizer: Authorizer) -> Decision:
    """Return whether the rules allow what the question asks, and by which rule.

    A denial wins over all rules that allow. Describe is also allowed by a rule for Read, Write, Delete or Alter, and
    DescribeConfigs by one for AlterConfigs. Where rules of the resource exist, for any principal and operation, and
    none decides, it is not allowed; without any rule of the resource `allows_everyone` decides. Of several rules that
    decide, the result has the one with the most exact resource: the literal name, then the longest prefix, then all
    names. A super user is always allowed, also against a denial; User:* is none, for brokers compare super users as
    text. Rules for User:* count for every principal; rules of other resources are ignored. For a question without a
    host only rules for all hosts count.
    """
    if question.principal in authorizer.super_users and question.principal != EVERYBODY:
        return Decision(is_allowed=True, reason=Reason.SUPER_USER)
    of_resource = [acl for acl in acls if applies_to_resource(acl, question.type, question.name)]
    deciding = [acl for acl in of_resource if _applies_to_client(acl, question) and _covers(acl, question.operation)]
    for permission, reason in ((Permission.DENY, Reason.DENIED), (Permission.ALLOW, Reason.ALLOWED)):
        if rules := [acl for acl in deciding if acl.permission is permission]:
            return Decision(
                is_allowed=permission is Permission.ALLOW, reason=reason, acl=min(rules, key=_make_rank)
            )  # fmt: skip
    if of_resource:
        return Decision(is_allowed=False, reason=Reason.NO_RULE_OF_PRINCIPAL)
    return Decision(is_allowed=authorizer.allows_everyone, reason=Reason.NO_RULE_OF_RESOURCE)


def applies_to_resource(acl: Acl, kind: ResourceKind, name: str) -> bool:
    """Return whether a rule is about a resource: by its name, by a prefix of its name, or about all names.

    The type must be the same. `*` means all names only in a literal rule. A rule with another pattern than literal and
    prefixed is about none.
    """
    if acl.type is not kind:
        return False
    if acl.pattern is PatternKind.PREFIXED:
        return name.startswith(acl.name)
    return acl.pattern is PatternKind.LITERAL and acl.name in (name, WILDCARD)


def list_hosts(acls: Iterable[Acl], question: Question) -> list[str]:
    """Return the hosts that rules about the question name, sorted: the decision can differ there.

    These are rules for its principal or for everybody, on its resource, that allow or deny its operation. `*` is left
    out. The host of the question does not count.
    """
    return sorted(
        {
            acl.host
            for acl in acls
            if acl.host != WILDCARD
            and acl.principal in (question.principal, EVERYBODY)
            and _covers(acl, question.operation)
            and applies_to_resource(acl, question.type, question.name)
        }
    )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Whether one principal may do something, from one host or from all."""

    principal: str
    """User:* is everybody whom no other row names."""
    host: str
    """Address of the client; `*` is every host that no other row of the principal names."""
    decision: Decision


def list_access(
    acls: Sequence[Acl], operation: Right, kind: ResourceKind, name: str, authorizer: Authorizer
) -> list[Access]:
    """Return the decision for each principal that the rules of a resource, or the super users, name, sorted.

    Everybody else is the principal User:*, which is always there. A principal whose rules are all about other
    operations has a row, too. Each principal has first a row for the host `*`, and then one for each host where the
    answer, yes or no, is another one. Another reason alone makes no row.
    """
    of_resource = [acl for acl in acls if applies_to_resource(acl, kind, name)]
    principals = {acl.principal for acl in of_resource} | set(authorizer.super_users) | {EVERYBODY}
    rows = []
    for principal in sorted(principals):
        question = Question(principal=principal, operation=operation, type=kind, name=name)
        usual = decide(of_resource, question, authorizer)
        rows.append(Access(principal=principal, host=WILDCARD, decision=usual))
        for host in list_hosts(of_resource, question):
            at_host = Question(principal=principal, operation=operation, type=kind, name=name, host=host)
            decision = decide(of_resource, at_host, authorizer)
            if decision.is_allowed != usual.is_allowed:
                rows.append(Access(principal=principal, host=host, decision=decision))
    return rows


def _applies_to_client(acl: Acl, question: Question) -> bool:
    """Return whether a rule is about the principal and the host of a question, also for everybody and for all hosts.

    Where the question has no host, only rules for all hosts count.
    """
    return acl.principal in (question.principal, EVERYBODY) and acl.host in (WILDCARD, question.host)


def _covers(acl: Acl, operation: Right) -> bool:
    """Return whether a rule is about an operation. A rule for All is about every operation.

    A rule that allows is also about an operation that its own implies, such as Describe for Read. A denial implies
    nothing.
    """
    if acl.operation in (Right.ALL, operation):
        return True
    return acl.permission is Permission.ALLOW and acl.operation in _IMPLYING.get(operation, ())


def _make_rank(acl: Acl) -> tuple[bool, int, bool, str]:
    """Return the rank of a rule among those that decide: the most exact one has the lowest.

    Longer names come first, a literal one before a prefix, and `*` last; then the principal decides.
    """
    is_for_all = acl.pattern is PatternKind.LITERAL and acl.name == WILDCARD
    return is_for_all, -len(acl.name), acl.pattern is PatternKind.PREFIXED, acl.principal
