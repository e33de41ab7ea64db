"""Entities: the things that can have settings or quotas.

Reference: kafka.admin.ConfigCommand; KIP-546 for the entities of quotas.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_NAME = ""
"""Name of the default entity, as in Kafka's protocol. Its settings hold for all of a type without their own."""


class EntityType(StrEnum):
    """Kinds of entities, in Kafka's spelling."""

    TOPICS = "topics"
    BROKERS = "brokers"
    BROKER_LOGGERS = "broker-loggers"
    GROUPS = "groups"
    CLIENT_METRICS = "client-metrics"
    CLIENTS = "clients"
    USERS = "users"
    IPS = "ips"

    @classmethod
    def find_type(cls, text: str) -> EntityType | None:
        """Return the type with this name, plural or singular, in lower case, or None for any other text."""
        return next((entity_type for entity_type in cls if text in (entity_type.value, entity_type.singular)), None)

    @property
    def singular(self) -> str:
        """Return the singular as Kafka's tool writes it: the plural without its last letter, also client-metric."""
        return self.value[:-1]


QUOTA_TYPES = (EntityType.USERS, EntityType.CLIENTS, EntityType.IPS)


@dataclass(frozen=True)
class Entity:
    """One entity, by type and name. The name '' means the default of the type."""

    type: EntityType
    name: str

    def __str__(self) -> str:
        """Return the entity for messages: "topic orders", or "users by default" for the default."""
        return f"{self.type.singular} {self.name}" if self.name else f"{self.type.value} by default"
