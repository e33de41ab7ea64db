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
from kafkactl.numerals import read_decimal_number

QUOTA_NAMES = {
    EntityType.USERS: ("consumer_byte_rate", "controller_mutation_rate", "producer_byte_rate", "request_percentage"),
    EntityType.IPS: ("connection_creation_rate",),
}
"""Names of the limits that an entity of a type can have."""
QUOTA_NAMES[EntityType.CLIENTS] = QUOTA_NAMES[EntityType.USERS]
_PROTOCOL_NAMES = {EntityType.USERS: "user", EntityType.CLIENTS: "client-id", EntityType.IPS: "ip"}


@dataclass(frozen=True)
class Quota:
    """One limit. `user`, `client_id` and `ip` are None where the entity has no such part, and '' for the default."""

    user: str | None
    client_id: str | None
    ip: str | None
    name: str
    value: float
    """Bytes per second, percent of a request thread, or requests per second; `name` decides which."""

    @property
    def entity(self) -> tuple[str | None, str | None, str | None]:
        """Return user, client id and ip; None for a part that the entity does not have, and '' for the default."""
        return self.user, self.client_id, self.ip


def describe_quotas(cluster: Cluster, parts: Mapping[EntityType, str | None] | None = None) -> list[Quota]:
    """Return the quotas of the entities that have exactly these parts, in the broker's order.

    `parts` has the names of parts by type, at least one: users, clients or ips (KeyError for others). A name is None
    for all of its type, with the default, and '' for the default alone. With `parts` None all quotas
    are returned. The result is empty where no quota is set; then nothing is raised. Raise OperationError for a refusal,
    UnsupportedRequestError before Kafka 2.6, UnreachableError, and UsageError for a wrong client setting and a name
    that is not UTF-8.
    """
    components = [(_PROTOCOL_NAMES[type_], *_make_match(name)) for type_, name in (parts or {}).items()]
    answer = cluster.requests.send("DescribeClientQuotas", components=components, strict=parts is not None)
    if answer.error_code:
        raise refusal("cannot read the quotas", answer.error_code, answer.error_message)
    quotas = []
    for entry in answer.entries or ():
        names = {part.entity_type: part.entity_name or DEFAULT_NAME for part in entry.entity}
        parts_of_entity = (names.get("user"), names.get("client-id"), names.get("ip"))
        quotas += [Quota(*parts_of_entity, limit.key, limit.value) for limit in entry.values]
    return quotas


def alter_quotas(
    cluster: Cluster,
    entity: Sequence[Entity],
    limits: Mapping[str, float],
    remove: Sequence[str] = (),
    dry_run: bool = False,
) -> None:
    """Set and remove limits of one entity: all of them, or none.

    `entity` has the parts of the entity, users, clients or ips (KeyError for other types); the name '' is the default.
    `limits` has the new values by name, `remove` the names to remove, which must not be in `limits`. With `dry_run` the
    brokers only check. A name to remove that is not set is ignored. Raise OperationError for a refusal (with the code
    REQUEST_TIMED_OUT the change may have been done), UnansweredError where it may have been done, too,
    UnsupportedRequestError before Kafka 2.6, UnreachableError, and UsageError for a wrong client setting and a name
    that is not UTF-8.
    """
    parts = [(_PROTOCOL_NAMES[part.type], part.name or None) for part in entity]
    operations = [(name, value, False) for name, value in limits.items()] + [(name, 0.0, True) for name in remove]
    answer = cluster.requests.send(
        "AlterClientQuotas", to_controller=True, entries=[(parts, operations)], validate_only=dry_run
    )
    for entry in answer.entries:
        if entry.error_code:
            entity_text = " and ".join(map(str, entity))
            raise refusal(f"cannot change the quotas of {entity_text}", entry.error_code, entry.error_message)


def require_quota_names(entity: Sequence[Entity], names: Sequence[str]) -> None:
    """Raise UsageError for a limit that the entity cannot have; otherwise do nothing.

    `entity` has the parts of a user, client or ip, at least one; the type of the first part decides (KeyError for other
    types). `names` are the limits. Nothing is asked.
    """
    valid_names = QUOTA_NAMES[entity[0].type]
    if invalid_names := [name for name in names if name not in valid_names]:
        entity_text = " and ".join(map(str, entity))
        raise UsageError(
            f"invalid limit of {entity_text}: {', '.join(invalid_names)}", f"use one of {', '.join(valid_names)}"
        )


def require_set(cluster: Cluster, entity: Sequence[Entity], names: Sequence[str]) -> None:
    """Raise OperationError for a limit that shall be removed and is not set: the broker would report nothing.

    `entity` has the parts of the entity, users, clients or ips (KeyError for other types); `names` are the limits to
    remove. Only limits of exactly this entity count. Without names nothing is asked. Raise OperationError also where
    the broker refuses to list the quotas, UnsupportedRequestError before Kafka 2.6, UnreachableError, and UsageError
    for a wrong client setting and a name of a part that is not UTF-8.
    """
    if not names:
        return
    present = {quota.name for quota in describe_quotas(cluster, {part.type: part.name for part in entity})}
    if missing := [name for name in names if name not in present]:
        hint = f"limits that are set: {', '.join(sorted(present)) or 'none'}"
        raise OperationError(f"cannot delete limits that are not set: {', '.join(missing)}", hint)


def parse_limit(name: str, text: str) -> float:
    """Return the value of a quota from a text such as 1048576, 0.5 or 1e6; raise UsageError for any other text.

    `name` is for the message. Negative numbers pass, because brokers refuse them; infinity and not-a-number do not.
    """
    try:
        return read_decimal_number(text)
    except ValueError:
        raise UsageError(f"invalid value {text!r} for {name}: not a number", f"for example: {name}=1048576") from None


def _make_match(name: str | None) -> tuple[int, str | None]:
    """Return how DescribeClientQuotas matches a part, as (QuotaMatch, name): any name for None, the default for ''.

    Any other text means exactly this name.
    """
    if name is None:
        return QuotaMatch.ANY, None
    return (QuotaMatch.EXACT, name) if name else (QuotaMatch.DEFAULT, None)
