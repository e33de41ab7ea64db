"""Who may do what, by the rules and the settings of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kafkactl.admin.acls import requests
from kafkactl.admin.acls.decisions import Authorizer, Decision, Question, Reason, decide, list_access, list_hosts
from kafkactl.admin.acls.models import Acl, AclFilter, PatternKind, ResourceKind, Right, format_resource
from kafkactl.connection.cluster import Cluster

SUPER_USERS, EVERYONE = "super.users", "allow.everyone.if.no.acl.found"


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the user says about settings that brokers hide; None leaves it to the brokers."""

    super_users: Sequence[str] | None = None
    allows_everyone: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a principal may do something, and why."""

    principal: str
    operation: Right
    resource: str
    """TYPE:NAME, or cluster."""
    host: str
    """Address of the client; `*` for every host that no rule names."""
    allowed: bool
    reason: Reason
    rule: Acl | None
    """The rule that decided; None where none did."""
    other_hosts: tuple[str, ...]
    """Hosts for which the answer is another one."""
    unknown_settings: tuple[str, ...]
    """Settings that could change the answer, and whose values the brokers do not show."""


def check(cluster: Cluster, question: Question, assumptions: Assumptions) -> Verdict:
    """Return the answer to a question, decided from the rules and settings of the cluster.

    What the assumptions say wins over the broker, or controller, with the lowest id, which is asked for the rest. A
    setting that nobody tells counts as no super users, and as False; `unknown_settings` has its name where it could
    turn a refusal into a permission, for User:* into one of some user. Without the right to read the settings they are
    not told; this is no error. `other_hosts` is empty for a question with a host. Raise OperationError for another
    refusal and for a cluster without an authorizer, UnreachableError, UsageError for a wrong client setting and a name
    that is not UTF-8, and KeyError for the type UNKNOWN.
    """
    acls = _list_rules(cluster, question.type, question.name)
    authorizer, hidden = _find_authorizer(cluster, assumptions)
    decision = decide(acls, question, authorizer)
    return _make_verdict(acls, question, authorizer, decision, hidden)


def list_verdicts(
    cluster: Cluster, operation: Right, kind: ResourceKind, name: str, assumptions: Assumptions
) -> list[Verdict]:
    """Return the answer for each principal that rules of a resource, or the super users, name, sorted.

    User:* is everybody else, and always there; so are principals whose rules are about other operations. The first
    answer of a principal is for the host `*`; others follow for each host where yes or no differs. `other_hosts` is
    always empty. What the assumptions say wins over the brokers; a setting that nobody tells counts as no super users,
    and as False. Without the right to read the settings they are not told; this is no error. Raise OperationError for
    another refusal and for a cluster without an authorizer, UnreachableError, UsageError for a wrong client setting and
    a text that is not UTF-8, and KeyError for the type UNKNOWN.
    """
    acls = _list_rules(cluster, kind, name)
    authorizer, hidden = _find_authorizer(cluster, assumptions)
    return [
        _make_verdict(
            acls,
            Question(principal=row.principal, operation=operation, type=kind, name=name, host=row.host),
            authorizer,
            row.decision,
            hidden,
        )
        for row in list_access(acls, operation, kind, name, authorizer)
    ]


def _list_rules(cluster: Cluster, kind: ResourceKind, name: str) -> list[Acl]:
    """Return the rules that apply to a resource.

    Raise OperationError for a refusal and for a cluster without an authorizer, UnreachableError, UsageError for a wrong
    client setting and a text that is not UTF-8, and KeyError for the type UNKNOWN.
    """
    return requests.list_acls(cluster, AclFilter(type=kind, name=name, pattern=PatternKind.MATCH))


def _find_authorizer(cluster: Cluster, assumptions: Assumptions) -> tuple[Authorizer, tuple[str, ...]]:
    """Return the settings of the authorizer, and the names of those that neither the user nor a broker tells.

    What the user says wins. The broker, or controller, with the lowest id is asked, and only where the user leaves one
    of the two open. An empty list of the user means no super users. A setting that the broker does not have, or does
    not tell, counts as no super users, and as False; only the names of those that it does not tell are returned. Raise
    OperationError for a refusal other than of the right to read the settings, UnreachableError, and UsageError for a
    wrong client setting.
    """
    super_users, allows_everyone = assumptions.super_users, assumptions.allows_everyone
    if super_users is None or allows_everyone is None:
        shown = requests.read_authorizer(cluster)
        super_users = shown.super_users if super_users is None else super_users
        allows_everyone = shown.allows_everyone if allows_everyone is None else allows_everyone
    hidden = [
        name for name, value in ((SUPER_USERS, super_users), (EVERYONE, allows_everyone)) if value is None
    ]  # fmt: skip
    return Authorizer(super_users=frozenset(super_users or ()), allows_everyone=bool(allows_everyone)), tuple(hidden)


def _make_verdict(
    acls: Sequence[Acl], question: Question, authorizer: Authorizer, decision: Decision, hidden: Sequence[str]
) -> Verdict:
    """Return a decision with what it depends on; `hidden` are the settings whose values are not known.

    `other_hosts` has the hosts whose answer, yes or no, is another one; it is filled only for a question without a
    host, whose `host` becomes `*`. `unknown_settings` has those of `hidden` that could turn a refusal into a
    permission, for User:* into one of some user; where the answer is yes it is empty.
    """
    other_hosts = []
    if question.host is None:
        for host in list_hosts(acls, question):
            there = Question(
                principal=question.principal, operation=question.operation, type=question.type, name=question.name,
                host=host,
            )  # fmt: skip
            if decide(acls, there, authorizer).is_allowed != decision.is_allowed:
                other_hosts.append(host)
    deciding = set()
    if not decision.is_allowed:
        deciding.add(SUPER_USERS)
        if decision.reason is Reason.NO_RULE_OF_RESOURCE:
            deciding.add(EVERYONE)
    return Verdict(
        principal=question.principal,
        operation=question.operation,
        resource=format_resource(question.type, question.name),
        host=question.host or "*",
        allowed=decision.is_allowed,
        reason=decision.reason,
        rule=decision.acl,
        other_hosts=tuple(other_hosts),
        unknown_settings=tuple(name for name in hidden if name in deciding),
    )
