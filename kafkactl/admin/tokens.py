"""Delegation tokens: logins that a user makes for programs, which end by themselves.

A token has an id, which is no secret, and an HMAC, which is the password of a login with SCRAM. Brokers serve these
requests only on connections with a login of their own. Reference: KIP-48, KIP-373,
org.apache.kafka.common.security.token.delegation.DelegationToken.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster

BROKERS_DEFAULT_MS = -1
"""Lifetime or period that stands for the one in the brokers' settings."""
AT_ONCE_MS = -1
"""Period after which a token expires at once."""
_OWNER_VERSION = 3
"""First version of CreateDelegationToken that has the owner."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A delegation token. Principals are texts TYPE:NAME; times are in ms since 1970."""

    token_id: str
    owner: str
    requester: str | None
    """Principal that created the token; None where the brokers are too old to return it."""
    renewers: tuple[str, ...]
    """Principals that may renew the token, and not only its owner, in the broker's order."""
    issue_ms: int
    expiry_ms: int
    """Time at which the token expires if it is not renewed."""
    max_ms: int
    """Time after which the token cannot be renewed."""
    hmac: str | None = field(repr=False)
    """The secret, in base64; None where it is hidden."""


def create_token(
    cluster: Cluster, owner: str | None, renewers: Sequence[str], max_lifetime_ms: int = BROKERS_DEFAULT_MS
) -> Token:
    """Create a token and return it with its HMAC. With None as `owner` it belongs to the user of this connection.

    `owner` and `renewers` are principals TYPE:NAME, whose form is not checked; the owner can renew it also without
    `renewers`. A `max_lifetime_ms` of 0 or below is the brokers' default, and a longer one is cut to that. Raise
    OperationError for a refusal (with the code REQUEST_TIMED_OUT the token may have been created),
    UnsupportedRequestError for brokers that are too old, UnansweredError where the token may have been created,
    UnreachableError, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    fields: dict[str, Any] = {"renewers": [_split(name) for name in renewers], "max_lifetime_ms": max_lifetime_ms}
    if owner is not None:
        type_, name = _split(owner)
        fields |= {"owner_principal_type": type_, "owner_principal_name": name, "min_version": _OWNER_VERSION}
    answer = cluster.requests.send("CreateDelegationToken", **fields)
    if answer.error_code:
        raise refusal("cannot create a token", answer.error_code)
    return Token(
        token_id=answer.token_id,
        owner=f"{answer.principal_type}:{answer.principal_name}",
        requester=_join(answer.token_requester_principal_type, answer.token_requester_principal_name),
        renewers=tuple(renewers),
        issue_ms=answer.issue_timestamp_ms,
        expiry_ms=answer.expiry_timestamp_ms,
        max_ms=answer.max_timestamp_ms,
        hmac=base64.b64encode(answer.hmac).decode(),
    )


def describe_tokens(cluster: Cluster, principals: Iterable[str] = ()) -> list[Token]:
    """Return the tokens that these principals own, have created or may renew, with their HMACs, in the broker's order.

    Principals are TYPE:NAME; one of another form is no error and has no tokens. Without principals all tokens are
    returned. The broker leaves out tokens that the user of this connection may not see: those that it neither owns, has
    created nor may renew, and for which it has neither the right Describe on the token nor DescribeTokens on the owner.
    Raise OperationError for a refusal, UnreachableError, and UsageError for a wrong client setting and a text that is
    not UTF-8.
    """
    answer = cluster.requests.send("DescribeDelegationToken", owners=[_split(name) for name in principals] or None)
    if answer.error_code:
        raise refusal("cannot read the tokens", answer.error_code)
    return [
        Token(
            token_id=item.token_id,
            owner=f"{item.principal_type}:{item.principal_name}",
            requester=_join(item.token_requester_principal_type, item.token_requester_principal_name),
            renewers=tuple(f"{renewer.principal_type}:{renewer.principal_name}" for renewer in item.renewers),
            issue_ms=item.issue_timestamp,
            expiry_ms=item.expiry_timestamp,
            max_ms=item.max_timestamp,
            hmac=base64.b64encode(item.hmac).decode(),
        )
        for item in answer.tokens
    ]


def renew_token(cluster: Cluster, hmac: bytes, period_ms: int = BROKERS_DEFAULT_MS) -> int:
    """Let the token of an HMAC expire after a period from now, and return the new time in ms since 1970.

    `hmac` has the bytes themselves, not their base64 text. A negative `period_ms` is the brokers' default. With KRaft 0
    is the default, too, and a longer period is cut to the default. The time is never later than the token's last one.
    Raise OperationError for a refusal (with the code REQUEST_TIMED_OUT the token may have been renewed),
    UnansweredError where it may have been renewed, UnreachableError, and UsageError for a wrong client setting and a
    period beyond 64 bits.
    """
    answer = cluster.requests.send("RenewDelegationToken", hmac=hmac, renew_period_ms=period_ms)
    if answer.error_code:
        raise refusal("cannot renew the token", answer.error_code)
    return int(answer.expiry_timestamp_ms)


def expire_token(cluster: Cluster, hmac: bytes, period_ms: int = AT_ONCE_MS) -> int:
    """Let the token of an HMAC expire after a period from now or at once; return that time in ms since 1970.

    `hmac` has the bytes themselves, not their base64 text. A negative `period_ms` means at once: the brokers delete the
    token. The time is never later than the token's last one. Raise OperationError for a refusal (with the code
    REQUEST_TIMED_OUT the token may have expired), UnansweredError where it may have expired, UnreachableError, and
    UsageError for a wrong client setting and a period beyond 64 bits.
    """
    answer = cluster.requests.send("ExpireDelegationToken", hmac=hmac, expiry_time_period_ms=period_ms)
    if answer.error_code:
        raise refusal("cannot expire the token", answer.error_code)
    return int(answer.expiry_timestamp_ms)


def _split(principal: str) -> tuple[str, str]:
    """Return type and name of a principal TYPE:NAME. The name may have colons, and is empty without any colon."""
    type_, _, name = principal.partition(":")
    return type_, name


def _join(type_: str | None, name: str | None) -> str | None:
    """Return a principal from its type and name, None where the answer has none."""
    return f"{type_}:{name}" if type_ and name else None
