"""Subscriptions of client metrics: which metrics clients send to the brokers, how often, and which clients do so.

A subscription is an entity of admin/configs.py with three settings. It exists while one of them is set. Reference:
KIP-714, KIP-1000, org.apache.kafka.server.metrics.ClientMetricsConfigs.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kafkactl.admin import configs
from kafkactl.admin.configs import Alteration, Config, Operation
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.models import Outcome, make_failure, make_outcome
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import UnansweredError
from kafkactl.patterns import require_each_once

INTERVAL, METRICS, MATCH = "interval.ms", "metrics", "match"
SETTINGS = (INTERVAL, METRICS, MATCH)
"""Names of the settings of a subscription."""
_INTERVAL = re.compile(r"[0-9]{1,19}")
"""A number of ms; one of 64 bits has at most 19 digits."""
SELECTORS = (
    "client_id", "client_instance_id", "client_software_name", "client_software_version", "client_source_address",
    "client_source_port",
)  # fmt: skip
"""Properties of clients that the setting `match` can name."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription of client metrics with the values that are in force."""

    name: str
    interval_ms: int | None
    """Time between two reports of a client in ms; None where the broker returns none."""
    metrics: tuple[str, ...]
    """Prefixes of the names of metrics; `*` stands for all metrics, and no prefix for none."""
    match: tuple[str, ...]
    """Rules PROPERTY=REGEX that all must match a client; without rules every client matches."""


def list_names(cluster: Cluster) -> list[str]:
    """Return the names of all subscriptions, sorted.

    Raise UnsupportedRequestError where the brokers are too old, and at controllers, OperationError for another refusal,
    UnreachableError, and UsageError for a wrong client setting.
    """
    return [entity.name for entity in configs.list_entities(cluster, EntityType.CLIENT_METRICS)]


def describe_settings(cluster: Cluster, names: Collection[str]) -> dict[str, list[Config]]:
    """Return the settings of subscriptions by name, with defaults, in the order of `names`; each list is sorted.

    A subscription that does not exist has the defaults only, or no settings at older brokers. Without names no request
    is sent. Raise OperationError for a refusal and for an answer that lacks a subscription, UnreachableError, and
    UsageError for a wrong client setting.
    """
    described = configs.describe_configs(cluster, [_make_entity(name) for name in names]) if names else {}
    return {entity.name: settings for entity, settings in described.items()}


def make_subscription(name: str, settings: Sequence[Config]) -> Subscription:
    """Return a subscription from its settings. A missing setting counts as empty; other settings are ignored.

    Empty parts between commas are left out; blanks stay. An interval that is not a whole number from 0, of at most 19
    digits, becomes None.
    """
    values = {setting.name: setting.value or "" for setting in settings}
    interval = values.get(INTERVAL, "")
    metrics, match = (
        tuple(part for part in values.get(setting, "").split(",") if part) for setting in (METRICS, MATCH)
    )
    return Subscription(
        name=name, interval_ms=int(interval) if _INTERVAL.fullmatch(interval) else None, metrics=metrics, match=match
    )


def find_own_values(settings: Sequence[Config]) -> dict[str, str]:
    """Return the values that a subscription sets itself, by the name of the setting, in the order of `settings`.

    Settings that have their default are left out. A value of None becomes "".
    """
    return {setting.name: setting.value or "" for setting in settings if setting.is_own}


def make_alterations(to_set: Mapping[str, str], to_unset: Collection[str]) -> list[Alteration]:
    """Return the changes that set values by name, then those that unset others, in the given order.

    Raise UsageError for a setting in both. Names and values are not checked; a name that is twice in `to_unset` stays
    twice.
    """
    require_each_once([*to_set, *dict.fromkeys(to_unset)], "setting")
    changes = [Alteration(Operation.SET, name, value) for name, value in to_set.items()]
    return changes + [Alteration(Operation.DELETE, name) for name in to_unset]


def alter_subscription(cluster: Cluster, name: str, changes: Sequence[Alteration], dry_run: bool = False) -> None:
    """Change settings of a subscription: all of them, or none.

    A subscription that does not exist is added. Without changes the request is sent, too. With `dry_run` the brokers
    only check. Raise OperationError for a refusal, and with the code REQUEST_TIMED_OUT where the answer does not name
    the subscription; UnansweredError where the change may have been done, UnreachableError, and UsageError for a wrong
    client setting.
    """
    entity = _make_entity(name)
    if (error := configs.alter_configs(cluster, {entity: changes}, dry_run)[entity]) is not None:
        raise error


def delete_subscriptions(cluster: Cluster, own_values: Mapping[str, Collection[str]]) -> list[Outcome]:
    """Delete subscriptions: unset all settings that they set themselves. Return the outcome of each, in order.

    `own_values` has the names of these settings by the name of the subscription, and its order is that of the result.
    One request has all of them. A subscription without names of settings counts as deleted, whether it exists or not. A
    refusal is a failed outcome. Without subscriptions nothing is sent. A subscription without an answer has the code
    REQUEST_TIMED_OUT: it may have been deleted. Raise UnreachableError where nothing was sent, OperationError for a
    refusal of the whole request, and UsageError for a wrong client setting.
    """
    changes = {_make_entity(name): make_alterations({}, settings) for name, settings in own_values.items()}
    try:
        errors = configs.alter_configs(cluster, changes)
    except UnansweredError as lost:
        return [make_failure(name, lost) for name in own_values]
    return [make_outcome(entity.name, "deleted", errors[entity], is_brief=True) for entity in changes]


def make_random_name() -> str:
    """Return a new name as Kafka makes one: a random UUID as 22 characters, of which the first is no hyphen."""
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return name


def _make_entity(name: str) -> Entity:
    """Return the entity of configs.py for a subscription."""
    return Entity(EntityType.CLIENT_METRICS, name)
