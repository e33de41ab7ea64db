"""Requests for the rules of a cluster: list, create, delete, and the settings of its authorizer.

Reference: KIP-140; org.apache.kafka.clients.admin.Admin describeAcls, createAcls and deleteAcls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.admin.acls.models import (
    Acl,
    AclFilter,
    PatternKind,
    Permission,
    ResourceKind,
    Right,
    make_sort_key,
    number_pattern,
    number_permission,
    number_resource,
    number_right,
    read_acl,
)
from kafkactl.admin.models import Outcome, make_failure
from kafkactl.connection.broker_errors import describe_error, find_hint, refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, ResourceType
from kafkactl.errors import KafkactlError, UnansweredError, UnreachableError

_BATCH = 1000
"""Rules in one request; brokers take at most 10,000 changes at once."""
_FAILURE = "cannot read the ACLs"
_SUPER_USERS, _EVERYONE = "super.users", "allow.everyone.if.no.acl.found"


@dataclass(frozen=True, kw_only=True)
class AuthorizerSettings:
    """Settings of the authorizer as far as a broker shows them; all are None where it may not be asked."""

    super_users: tuple[str, ...] | None
    """None where the broker has the setting and hides its value."""
    allows_everyone: bool | None
    """allow.everyone.if.no.acl.found; None where the broker has the setting and hides its value."""


def list_acls(cluster: Cluster, chosen: AclFilter | None = None) -> list[Acl]:
    """Return the rules that a filter chooses, or all for None, sorted by resource and principal.

    Parts that only a newer release of Kafka knows are UNKNOWN. Raise OperationError for a refusal and for a cluster
    without an authorizer, UnreachableError, UsageError for a wrong client setting and a text that is not UTF-8, and
    KeyError for a filter with an UNKNOWN part.
    """
    answer = cluster.requests.send("DescribeAcls", **_make_fields(chosen or AclFilter()), min_version=1)
    if answer.error_code:
        raise refusal(_FAILURE, answer.error_code, answer.error_message)
    acls = [
        read_acl(item.resource_type, item.resource_name, item.pattern_type, rule)
        for item in answer.resources
        for rule in item.acls
    ]
    return sorted(acls, key=make_sort_key)


def create_acls(cluster: Cluster, acls: Sequence[Acl]) -> list[Outcome]:
    """Create rules and return the outcome of each, in their order. A rule that exists already is a success, too.

    A refused rule, and one with a part that this release does not know, is a failed outcome. Up to 1,000 rules are sent
    at once. After a request without an answer its rules, which may have been created, have the code REQUEST_TIMED_OUT,
    and the ones behind it are not sent. A later request that fails has failed outcomes, too, and so have the rules that
    are not sent. Without rules nothing is sent. Raise UnreachableError or OperationError where the first request cannot
    be sent or is refused as a whole, and UsageError for a wrong client setting and a text that is not UTF-8.
    """

    def send(batch: Sequence[Acl]) -> list[tuple[int, str | None]]:
        """Send a batch and return the code, 0 for a success, and the message for each rule; errors pass through."""
        creations = [
            (
                number_resource(acl.type), acl.name, number_pattern(acl.pattern), acl.principal, acl.host,
                number_right(acl.operation), number_permission(acl.permission),
            )
            for acl in batch
        ]  # fmt: skip
        answer = cluster.requests.send("CreateAcls", to_controller=True, creations=creations, min_version=1)
        return [(result.error_code, result.error_message) for result in answer.results]

    return _send_known(acls, send, "added")


def delete_acls(cluster: Cluster, acls: Sequence[Acl], is_first: bool = True) -> list[Outcome]:
    """Delete exactly these rules and return the outcome of each, in their order. A rule that is gone is a success, too.

    A refused rule, and one with a part that this release does not know, is a failed outcome. Up to 1,000 rules are sent
    at once. After a request without an answer its rules, which may have been deleted, have the code REQUEST_TIMED_OUT,
    and the ones behind it are not sent. A later request that fails has failed outcomes, too, and so have the rules that
    are not sent. Without rules nothing is sent. Raise UnreachableError or OperationError where the first request cannot
    be sent or is refused as a whole, and UsageError for a wrong client setting and a text that is not UTF-8. Without
    `is_first` other changes were made before, and nothing is raised: an error of the first request is an outcome, too.
    """

    def send(batch: Sequence[Acl]) -> list[tuple[int, str | None]]:
        """Send a batch and return the code, 0 for a success, and the message for each rule; errors pass through."""
        filters = [_make_fields(_make_exact_filter(acl)) for acl in batch]
        answer = cluster.requests.send(
            "DeleteAcls", to_controller=True, filters=[tuple(fields.values()) for fields in filters], min_version=1
        )
        return [_find_error(result) for result in answer.filter_results]

    return _send_known(acls, send, "removed", is_first)


def delete_chosen(cluster: Cluster, chosen: Sequence[AclFilter]) -> None:
    """Delete all rules that these filters choose, without looking at them before.

    A filter without any part chooses all rules of the cluster; one that chooses no rule is no error. All are in one
    request, which is also sent without filters, and then removes nothing. Raise OperationError for a refusal, also of a
    single filter or rule: the first one is raised, and others may have been removed then. Raise UnansweredError where
    the rules may have been removed, UnreachableError, UsageError for a wrong client setting and a text that is not
    UTF-8, and KeyError for a filter with an UNKNOWN part.
    """
    filters = [tuple(_make_fields(item).values()) for item in chosen]
    answer = cluster.requests.send("DeleteAcls", to_controller=True, filters=filters, min_version=1)
    for code, message in map(_find_error, answer.filter_results):
        if code:
            raise refusal("cannot remove the ACLs", code, message)


def is_known(acl: Acl) -> bool:
    """Return whether all parts of a rule are those of releases that kafkactl knows."""
    parts = (acl.type, acl.pattern, acl.operation, acl.permission)
    return not {ResourceKind.UNKNOWN, PatternKind.UNKNOWN, Right.UNKNOWN, Permission.UNKNOWN} & set(parts)


def read_authorizer(cluster: Cluster) -> AuthorizerSettings:
    """Return the settings of the authorizer that the live broker, or controller, with the lowest id shows.

    Brokers hide the values of settings that they have no type for; then these are None. All are None where the user may
    not read the settings. A setting that the broker does not have gives no super users, and False. Raise OperationError
    for another refusal, UnreachableError, also where no broker is listed, and UsageError for a wrong client setting. No
    other broker is asked where this one does not answer.
    """
    brokers = cluster.requests.list_brokers()
    if not brokers:
        raise UnreachableError("cannot read the settings of the authorizer: no broker is listed as alive")
    resources = [(ResourceType.BROKER, str(min(brokers)), [_SUPER_USERS, _EVERYONE])]
    answer = cluster.requests.send("DescribeConfigs", broker=min(brokers), resources=resources, min_version=1)
    (result,) = answer.results
    if result.error_code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
        return AuthorizerSettings(super_users=None, allows_everyone=None)
    if result.error_code:
        raise refusal("cannot read the settings of the authorizer", result.error_code, result.error_message)
    values = {item.name: item.value for item in result.configs}
    super_users, everyone = values.get(_SUPER_USERS, ""), values.get(_EVERYONE, "")
    return AuthorizerSettings(
        super_users=None if super_users is None else split_super_users(super_users),
        allows_everyone=None if everyone is None else everyone.strip().lower() == "true",
    )


def split_super_users(text: str) -> tuple[str, ...]:
    """Return the principals of a value of super.users, which has semicolons between them."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _make_fields(chosen: AclFilter) -> dict[str, Any]:
    """Return the fields of a filter in a request, in the order of its schema. Raise KeyError for an UNKNOWN part."""
    return {
        "resource_type_filter": number_resource(chosen.type),
        "resource_name_filter": chosen.name,
        "pattern_type_filter": number_pattern(chosen.pattern),
        "principal_filter": chosen.principal,
        "host_filter": chosen.host,
        "operation": number_right(chosen.operation),
        "permission_type": number_permission(chosen.permission),
    }


def _make_exact_filter(acl: Acl) -> AclFilter:
    """Return the filter that chooses this rule only."""
    return AclFilter(
        type=acl.type, name=acl.name, pattern=acl.pattern, principal=acl.principal, host=acl.host,
        operation=acl.operation, permission=acl.permission,
    )  # fmt: skip


def _find_error(result: Any) -> tuple[int, str | None]:
    """Return the code and the message of a filter's result: its own, or those of the first rule that stayed.

    A success is (0, None).
    """
    if result.error_code:
        return result.error_code, result.error_message
    failed = [rule for rule in result.matching_acls if rule.error_code]
    return (failed[0].error_code, failed[0].error_message) if failed else (0, None)


def _send_known(
    acls: Sequence[Acl], send: Callable[[Sequence[Acl]], list[tuple[int, str | None]]], done: str, is_first: bool = True
) -> list[Outcome]:
    """Send the rules whose parts are all known, as _send_batches() does; the others are failed outcomes.

    The outcomes are in the order of `acls`; of a rule that is there twice all have the last result. Errors are raised
    as there.
    """
    known = [acl for acl in acls if is_known(acl)]
    outcomes = dict(zip(known, _send_batches(known, send, done, is_first), strict=True))
    reason = "kafkactl does not know a part of this rule, which comes from a newer release of Kafka"
    return [outcomes[acl] if acl in outcomes else Outcome(name=str(acl), ok=False, result=reason) for acl in acls]


def _send_batches(
    acls: Sequence[Acl], send: Callable[[Sequence[Acl]], list[tuple[int, str | None]]], done: str, is_first: bool = True
) -> list[Outcome]:
    """Send rules in batches and return the outcome of each rule, in their order; `done` is the result of a success.

    `send` returns a code, 0 for a success, and a message for each rule of a batch. Its KafkactlError is the outcome of
    each rule of the batch; the rules behind it are not sent, and are failed outcomes, too. Other errors of `send`
    always pass through. With `is_first` raise the error of the first request, unless it was sent without an answer.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(acls), _BATCH):
        batch = acls[start : start + _BATCH]
        try:
            errors = send(batch)
        except KafkactlError as error:
            if is_first and not outcomes and not isinstance(error, UnansweredError):
                raise
            outcomes += [make_failure(str(acl), error) for acl in batch]
            return outcomes + _make_left_out(acls[start + _BATCH :])
        for acl, (code, message) in zip(batch, errors, strict=True):
            if code:
                outcomes.append(
                    Outcome(
                        name=str(acl), ok=False, result=describe_error(code, message), hint=find_hint(code), code=code
                    )
                )
            else:
                outcomes.append(Outcome(name=str(acl), ok=True, result=done))
    return outcomes


def _make_left_out(acls: Sequence[Acl]) -> list[Outcome]:
    """Return the failed outcomes of rules that were not sent, because an earlier request failed."""
    return [Outcome(name=str(acl), ok=False, result="not sent, because an earlier request failed") for acl in acls]
