"""Rules of access (ACLs): who may or may not do what, on which resource, and from which host.

Reference: KIP-11, KIP-290 (prefixes), KIP-373 (users); org.apache.kafka.common.acl, org.apache.kafka.common.resource.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafkactl.connection.protocol import AclOperationType, AclPatternType, AclPermissionType, AclResourceType
from kafkactl.errors import UsageError
from kafkactl.patterns import refuse_empty

WILDCARD = "*"
"""Name of a literal resource that stands for all names, and host that stands for all hosts."""
EVERYBODY = "User:*"
"""Principal of a rule for all users."""
CLUSTER_NAME = "kafka-cluster"
"""Name of the only resource of the type cluster."""


class ResourceKind(StrEnum):
    """Types of resources. UNKNOWN is one of a newer release of Kafka."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"
    TRANSACTIONAL_ID = "transactional-id"
    DELEGATION_TOKEN = "delegation-token"
    USER = "user"
    UNKNOWN = "unknown"


class PatternKind(StrEnum):
    """How the name of a resource is meant. ANY and MATCH are only for filters."""

    LITERAL = "literal"
    """The name itself; `*` stands for all names."""
    PREFIXED = "prefixed"
    """All names that begin with the name."""
    ANY = "any"
    """Rules with exactly this name, literal or prefixed."""
    MATCH = "match"
    """Rules that apply to the resource of this name."""
    UNKNOWN = "unknown"


class Right(StrEnum):
    """Operations, by the names that kafka-acls takes. UNKNOWN is one of a newer release of Kafka."""

    ALL = "All"
    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DELETE = "Delete"
    ALTER = "Alter"
    DESCRIBE = "Describe"
    CLUSTER_ACTION = "ClusterAction"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"
    IDEMPOTENT_WRITE = "IdempotentWrite"
    CREATE_TOKENS = "CreateTokens"
    DESCRIBE_TOKENS = "DescribeTokens"
    TWO_PHASE_COMMIT = "TwoPhaseCommit"
    UNKNOWN = "Unknown"


class Permission(StrEnum):
    """What a rule does."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"


SUPPORTED = {
    ResourceKind.TOPIC: (
        Right.READ, Right.WRITE, Right.CREATE, Right.DESCRIBE, Right.DELETE, Right.ALTER, Right.DESCRIBE_CONFIGS,
        Right.ALTER_CONFIGS,
    ),
    ResourceKind.GROUP: (Right.READ, Right.DESCRIBE, Right.DELETE, Right.DESCRIBE_CONFIGS, Right.ALTER_CONFIGS),
    ResourceKind.CLUSTER: (
        Right.CREATE, Right.CLUSTER_ACTION, Right.DESCRIBE_CONFIGS, Right.ALTER_CONFIGS, Right.IDEMPOTENT_WRITE,
        Right.ALTER, Right.DESCRIBE,
    ),
    ResourceKind.TRANSACTIONAL_ID: (Right.DESCRIBE, Right.WRITE, Right.TWO_PHASE_COMMIT),
    ResourceKind.DELEGATION_TOKEN: (Right.DESCRIBE,),
    ResourceKind.USER: (Right.CREATE_TOKENS, Right.DESCRIBE_TOKENS),
}  # fmt: skip
"""Operations of each type of resource, without All, which each of them has, too."""

_PRODUCER_RIGHTS = {
    ResourceKind.TOPIC: (Right.WRITE, Right.DESCRIBE, Right.CREATE),
    ResourceKind.TRANSACTIONAL_ID: (Right.WRITE, Right.DESCRIBE),
    ResourceKind.CLUSTER: (Right.IDEMPOTENT_WRITE,),
}
_CONSUMER_RIGHTS = {ResourceKind.TOPIC: (Right.READ, Right.DESCRIBE), ResourceKind.GROUP: (Right.READ,)}

_KINDS = {int(AclResourceType[kind.name]): kind for kind in ResourceKind if kind is not ResourceKind.UNKNOWN}
_PATTERNS = {int(AclPatternType[kind.name]): kind for kind in PatternKind if kind is not PatternKind.UNKNOWN}
_RIGHTS = {int(AclOperationType[right.name]): right for right in Right if right is not Right.UNKNOWN}
_PERMISSIONS = {int(AclPermissionType[item.name]): item for item in Permission if item is not Permission.UNKNOWN}
_RIGHTS_BY_NAME = {right.lower(): right for right in _RIGHTS.values()}
_RESOURCE_HINT = "write TYPE:NAME, such as topic:orders or group:billing, or cluster"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource, or a pattern of resources, that rules are about."""

    type: ResourceKind
    name: str
    pattern: PatternKind = PatternKind.LITERAL

    def __str__(self) -> str:
        """Return the resource as the command line takes it, TYPE:NAME or `cluster`; the pattern is not in it."""
        return format_resource(self.type, self.name)


def write_address(text: str) -> str | None:
    """Return an IP address as brokers write it and compare it with rules; None for a text that is no address.

    An IPv6 address has eight groups without leading zeros: 0:0:0:0:0:0:0:1 for ::1. Its zone, such as %eth0, stays. One
    of an IPv4 address (::ffff:10.0.0.7) is the IPv4 address, without a zone. Source: getHostAddress() of Java's
    InetAddress, which the authorizers call.
    """
    import ipaddress

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    data = address.packed
    groups = (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return ":".join(f"{group:x}" for group in groups) + (f"%{address.scope_id}" if address.scope_id else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Acl:
    """One rule. It has slots because a cluster can have ten thousands of them."""

    type: ResourceKind
    name: str
    """Name of the resource; kafka-cluster for the cluster."""
    pattern: PatternKind
    """Literal or prefixed."""
    principal: str
    """TYPE:NAME, such as User:ann; User:* is everybody."""
    host: str
    """Address of the client, or `*` for all."""
    operation: Right
    permission: Permission

    @property
    def resource(self) -> Resource:
        """Return the resource, or the pattern of resources, that the rule is about."""
        return Resource(type=self.type, name=self.name, pattern=self.pattern)

    @property
    def is_known(self) -> bool:
        """Return False for a rule with a part that a newer release of Kafka has, such as an operation."""
        return (
            self.type is not ResourceKind.UNKNOWN
            and self.pattern is not PatternKind.UNKNOWN
            and self.operation is not Right.UNKNOWN
            and self.permission is not Permission.UNKNOWN
        )

    def __str__(self) -> str:
        """Return the rule as a phrase: allow User:ann Read on topic:orders from host 10.0.0.7.

        The resource is TYPE:NAME or `cluster`. Rules for all hosts have no host in it. A prefixed rule has `prefix`
        before the resource.
        """
        prefix = "prefix " if self.pattern is PatternKind.PREFIXED else ""
        host = "" if self.host == WILDCARD else f" from host {self.host}"
        place = format_resource(self.type, self.name)
        return f"{self.permission} {self.principal} {self.operation} on {prefix}{place}{host}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AclFilter:
    """What rules must have to be chosen; None, and the pattern ANY without a name, take every value."""

    type: ResourceKind | None = None
    name: str | None = None
    pattern: PatternKind = PatternKind.ANY
    principal: str | None = None
    host: str | None = None
    operation: Right | None = None
    permission: Permission | None = None

    def chooses_entry(self, acl: Acl) -> bool:
        """Return whether type, principal, host, operation and permission of a rule fit.

        A part of the filter that is None fits every value; others must be equal: All does not fit Read, and `*` fits
        only `*`. The name and the pattern of the rule are not looked at.
        """
        wishes = (self.type, self.principal, self.host, self.operation, self.permission)
        values = (acl.type, acl.principal, acl.host, acl.operation, acl.permission)
        return all(wish is None or wish == value for wish, value in zip(wishes, values, strict=True))

    def to_acl(self) -> Acl:
        """Return the rule that has these parts; a host of None or "" is all hosts.

        The pattern stays that of the filter, also ANY, which no rule has. Raise ValueError where another part is not
        given.
        """
        kind, name, principal, operation, permission = (
            self.type, self.name, self.principal, self.operation, self.permission,
        )  # fmt: skip
        if kind is None or name is None or principal is None or operation is None or permission is None:
            raise ValueError(f"not a rule: {self}")
        return Acl(
            type=kind, name=name, pattern=self.pattern, principal=principal, host=self.host or WILDCARD,
            operation=operation, permission=permission,
        )  # fmt: skip


def format_resource(kind: ResourceKind, name: str) -> str:
    """Return a resource as the command line takes it: TYPE:NAME, or `cluster`, which has one resource only."""
    return str(kind) if kind is ResourceKind.CLUSTER and name == CLUSTER_NAME else f"{kind}:{name}"


def make_sort_key(acl: Acl) -> tuple[str, ...]:
    """Return the key that sorts rules by resource, then by principal, permission, operation and host."""
    return (acl.type, acl.name, acl.pattern, acl.principal, acl.permission, acl.operation, acl.host)


def parse_resource(text: str) -> tuple[ResourceKind, str | None]:
    """Return the type and the name of TYPE:NAME, of `cluster`, or of a type alone, whose name is None.

    The name of `cluster` is kafka-cluster. The type may be in any case and have `_` for `-`. Raise UsageError for an
    empty text, an unknown type, an empty name, one that is not UTF-8 or has a NUL character, and for a cluster with
    another name than kafka-cluster.
    """
    refuse_empty(text, "RESOURCE")
    type_text, colon, name = text.partition(":")
    kind = next((kind for kind in _KINDS.values() if kind == type_text.lower().replace("_", "-")), None)
    if kind is None:
        raise UsageError(f"invalid value {text!r} for RESOURCE: {type_text!r} is not a type", _RESOURCE_HINT)
    if colon and not name:
        raise UsageError(f"invalid value {text!r} for RESOURCE: the name is empty", _RESOURCE_HINT)
    if kind is ResourceKind.CLUSTER:
        if name not in ("", CLUSTER_NAME):
            raise UsageError(f"invalid value {text!r} for RESOURCE: a cluster has no other name", "write cluster")
        return kind, CLUSTER_NAME
    return kind, name or None


def require_resource(text: str) -> tuple[ResourceKind, str]:
    """Return the type and the name of a resource, as parse_resource does; raise UsageError also for a missing name."""
    kind, name = parse_resource(text)
    if name is None:
        raise UsageError(f"invalid value {text!r} for RESOURCE: the name is missing", _RESOURCE_HINT)
    return kind, name


def parse_principal(text: str, option: str) -> str:
    """Return a principal, TYPE:NAME, unchanged; raise UsageError, which names `option`, for any other text.

    Any type passes, and the name may have colons. A text with NUL, or that is not UTF-8, is refused, too.
    """
    refuse_empty(text, option)
    type_text, colon, name = text.partition(":")
    if not (type_text and colon and name):
        example = shlex.quote(f"User:{name or type_text or 'ann'}")
        raise UsageError(f"invalid value {text!r} for {option}: not TYPE:NAME", f"for example: {option} {example}")
    return text


def parse_right(text: str, option: str) -> Right:
    """Return the operation of a name such as DescribeConfigs, in any case; `_` and `-` do not count.

    Raise UsageError, which names `option`, for an unknown one. All is one of the operations; Unknown is refused, and so
    are blanks and an empty text.
    """
    right = _RIGHTS_BY_NAME.get(text.lower().replace("_", "").replace("-", ""))
    if right is None:
        raise UsageError(f"invalid value {text!r} for {option}", f"use one of {', '.join(_RIGHTS.values())}")
    return right


def require_supported(kind: ResourceKind, right: Right) -> None:
    """Raise UsageError where resources of a type do not have an operation; All is an operation of each of them.

    Raise KeyError for the type UNKNOWN, but not with All.
    """
    if right is not Right.ALL and right not in SUPPORTED[kind]:
        possible = ", ".join([*SUPPORTED[kind], Right.ALL])
        raise UsageError(f"a {kind} has no operation {right}", f"use one of {possible}")


def list_role_rights(kind: ResourceKind, producer: bool, consumer: bool) -> list[Right]:
    """Return the operations that producers, consumers, or both need on a type of resource; empty where they need none.

    With both, those of producers come first, and each is there once. For the cluster producers have IdempotentWrite,
    which only those without a transactional id need: the caller must know.
    """
    rights: list[Right] = []
    if producer:
        rights += _PRODUCER_RIGHTS.get(kind, ())
    if consumer:
        rights += _CONSUMER_RIGHTS.get(kind, ())
    return list(dict.fromkeys(rights))


def build_filters(
    resource: Resource, clients: Sequence[tuple[Permission, str, str | None]], rights: Sequence[Right]
) -> list[AclFilter]:
    """Return a filter for each (permission, principal, host) and each operation, on one resource.

    A client or operation that is there twice counts once; all operations of the first client come first. A host of None
    is any; without clients all are chosen, and without rights every operation. Raise UsageError for an operation that
    the resource does not have, and KeyError for the type UNKNOWN with any operation but All, which is one of each
    resource.
    """
    for right in rights:
        require_supported(resource.type, right)
    chosen_clients: list[tuple[Permission | None, str | None, str | None]] = [*clients] or [(None, None, None)]
    chosen_rights: list[Right | None] = [*rights] or [None]
    return [
        AclFilter(
            type=resource.type, name=resource.name, pattern=resource.pattern, principal=principal, host=host,
            operation=right, permission=permission,
        )
        for permission, principal, host in dict.fromkeys(chosen_clients)
        for right in dict.fromkeys(chosen_rights)
    ]  # fmt: skip


def number_resource(kind: ResourceKind | None) -> int:
    """Return the number of a type of resource in Kafka's protocol; None is any type. Raise KeyError for UNKNOWN."""
    return AclResourceType.ANY if kind is None else AclResourceType[kind.name]


def number_pattern(kind: PatternKind) -> int:
    """Return the number of a pattern type in Kafka's protocol; raise KeyError for UNKNOWN."""
    return AclPatternType[kind.name]


def number_right(right: Right | None) -> int:
    """Return the number of an operation in Kafka's protocol; None is any operation. Raise KeyError for UNKNOWN."""
    return AclOperationType.ANY if right is None else AclOperationType[right.name]


def number_permission(permission: Permission | None) -> int:
    """Return the number of a permission in Kafka's protocol; None is any. Raise KeyError for UNKNOWN."""
    return AclPermissionType.ANY if permission is None else AclPermissionType[permission.name]


def read_acl(kind: int, name: str, pattern: int, rule: Any) -> Acl:
    """Return the rule of an answer, from the numbers of Kafka's protocol; a number that is not known is UNKNOWN.

    `rule` is the object of the answer with principal, host, operation and permission_type.
    """
    return Acl(
        type=_KINDS.get(kind, ResourceKind.UNKNOWN),
        name=name,
        pattern=_PATTERNS.get(pattern, PatternKind.UNKNOWN),
        principal=rule.principal,
        host=rule.host,
        operation=_RIGHTS.get(rule.operation, Right.UNKNOWN),
        permission=_PERMISSIONS.get(rule.permission_type, Permission.UNKNOWN),
    )
