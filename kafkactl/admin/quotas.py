"""Quotas of users, clients and ips.

Reference: KIP-546; kafka.admin.ConfigCommand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kafkactl.admin.entities import DEFAULT_NAME, Entity, EntityType
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import QuotaMatch
from kafkactl.errors import OperationError, UsageError

NAMES = {
    EntityType.USERS: ("consumer_byte_rate", "controller_mutation_rate", "producer_byte_rate", "request_percentage"),
    EntityType.IPS: ("connection_creation_rate",),
}
NAMES[EntityType.CLIENTS] = NAMES[EntityType.USERS]
_PROTOCOL_NAMES = {EntityType.USERS: "user", EntityType.CLIENTS: "client-id", EntityType.IPS: "ip"}


@dataclass(frozen=True)
class Quota:
    """One limit; its entity's parts are None where it has no such part, and '' where it is all others' default."""

    user: str | None
    client_id: str | None
    ip: str | None
    name: str
    value: float
    """Bytes a second, percent of a request thread, or requests a second, as `name` says."""

    @property
    def entity(self) -> tuple[str | None, str | None, str | None]:
        return self.user, self.client_id, self.ip


def describe_quotas(cluster: Cluster, parts: Mapping[EntityType, str | None] | None = None) -> list[Quota]:
    """Quotas of the entities with just these parts, in the broker's order.

    A part's name is None for every one of the type, '' for the default. Without parts: all quotas there are.
    """
    components = [(_PROTOCOL_NAMES[type_], *_match(name)) for type_, name in (parts or {}).items()]
    answer = cluster.requests.send("DescribeClientQuotas", components=components, strict=parts is not None)
    if answer.error_code:
        raise refusal("cannot read the quotas", answer.error_code, answer.error_message)
    found = []
    for entry in answer.entries or ():
        named = {part.entity_type: part.entity_name or DEFAULT_NAME for part in entry.entity}
        of = (named.get("user"), named.get("client-id"), named.get("ip"))
        found += [Quota(*of, each.key, each.value) for each in entry.values]
    return found


def alter_quotas(
    cluster: Cluster,
    entity: Sequence[Entity],
    limits: Mapping[str, float],
    remove: Sequence[str] = (),
    dry_run: bool = False,
) -> None:
    """Sets and removes limits of one entity, all or none; raises OperationError in the broker's words."""
    parts = [(_PROTOCOL_NAMES[each.type], each.name or None) for each in entity]
    operations = [(name, value, False) for name, value in limits.items()] + [(name, 0.0, True) for name in remove]
    answer = cluster.requests.send(
        "AlterClientQuotas", to_controller=True, entries=[(parts, operations)], validate_only=dry_run
    )
    for entry in answer.entries:
        if entry.error_code:
            told = " and ".join(map(str, entity))
            raise refusal(f"cannot change the quotas of {told}", entry.error_code, entry.error_message)


def require_known(entity: Sequence[Entity], names: Sequence[str]) -> None:
    """Raises UsageError for a limit that the entity cannot have."""
    known = NAMES[entity[0].type]
    if unknown := [name for name in names if name not in known]:
        told = " and ".join(map(str, entity))
        raise UsageError(f"{told} cannot have: {', '.join(unknown)}", f"one of {', '.join(known)}")


def require_set(cluster: Cluster, entity: Sequence[Entity], names: Sequence[str]) -> None:
    """Raises OperationError for a limit that is to be removed and is not set: the broker would say nothing."""
    if not names:
        return
    present = {quota.name for quota in describe_quotas(cluster, {each.type: each.name for each in entity})}
    if missing := [name for name in names if name not in present]:
        hint = f"set there: {', '.join(sorted(present)) or 'nothing'}"
        raise OperationError(f"cannot delete what is not set: {', '.join(missing)}", hint)


def limit(name: str, text: str) -> float:
    """A quota's value from text; raises UsageError."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{name}={text}: not a number", f"like {name}=1048576") from None


def _match(name: str | None) -> tuple[int, str | None]:
    if name is None:
        return QuotaMatch.ANY, None
    return (QuotaMatch.EXACT, name) if name else (QuotaMatch.DEFAULT, None)
