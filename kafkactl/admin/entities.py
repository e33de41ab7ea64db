"""What can have settings.

Reference: kafka.admin.ConfigCommand; quotas' entities by KIP-546.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_NAME = ""
"""Names what holds for all of a type that have no setting of their own, as in Kafka's protocol."""


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
    def named(cls, text: str) -> EntityType | None:
        """The type of that name, the singular too."""
        return next((each for each in cls if text in (each.value, each.one)), None)

    @property
    def one(self) -> str:
        """One of them, as Kafka's tool writes it: its plural without the last letter, client-metric too."""
        return self.value[:-1]


QUOTA_TYPES = (EntityType.USERS, EntityType.CLIENTS, EntityType.IPS)


@dataclass(frozen=True)
class Entity:
    """One of a type, by name; or its default, named ''."""

    type: EntityType
    name: str

    def __str__(self) -> str:
        return f"{self.type.one} {self.name}" if self.name else f"{self.type.value} by default"
