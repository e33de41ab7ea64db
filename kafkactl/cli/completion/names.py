"""Shell completion: names from the cluster one is working with, cached for seconds and silent when it is away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kafkactl.admin.entities import QUOTA_TYPES, EntityType
from kafkactl.errors import KafkactlError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

CACHE_S = 10.0
ANSWER_TIMEOUT_S = 2.0


def item(value: str, help: str | None = None) -> Any:
    """One proposal, with the words that zsh and fish show beside it."""
    from typer._click.shell_completion import CompletionItem

    return CompletionItem(value, help=help)


def context_names(incomplete: str) -> list[str]:
    from kafkactl.connection import contexts

    return _matching(lambda: contexts.load().contexts, incomplete)


def local_names(incomplete: str) -> list[str]:
    from kafkactl.local.compose import TARGETS

    return _matching(lambda: TARGETS, incomplete)


def topic_names(ctx: typer.Context, incomplete: str) -> list[str]:
    return _matching(lambda: _from_cluster(ctx, "topics", _ask_topics), incomplete)


def group_names(ctx: typer.Context, incomplete: str) -> list[str]:
    return _matching(lambda: _from_cluster(ctx, "groups", _ask_groups), incomplete)


def entity_types(incomplete: str) -> list[str]:
    return _matching(lambda: list(EntityType), incomplete)


def entity_parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Types of entities, and after a type the names of that type."""
    said = ctx.params.get("entity") or ()
    if len(said) % 2 == 0:
        return entity_types(incomplete)
    return entity_names(ctx, incomplete)


def entity_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the entity type said last: topics, groups or broker ids."""
    type_ = _entity_type(ctx)
    if type_ is EntityType.GROUPS:
        return group_names(ctx, incomplete)
    if type_ in (EntityType.BROKERS, EntityType.BROKER_LOGGERS):
        return _matching(lambda: _from_cluster(ctx, "brokers", _ask_brokers), incomplete)
    return topic_names(ctx, incomplete) if type_ is EntityType.TOPICS else []


def config_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Setting names of the entity said before, `name=` ready for its value."""
    type_ = _entity_type(ctx)
    if type_ in QUOTA_TYPES:
        from kafkactl.admin.quotas import QUOTA_NAMES

        return [f"{name}=" for name in _matching(lambda: QUOTA_NAMES[type_], incomplete)]
    names = _matching(
        lambda: _from_cluster(ctx, f"configs-{type_}", lambda cluster: _ask_configs(cluster, type_)), incomplete
    )
    return [f"{name}=" for name in names]


def quota_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of limits, with = where a value must follow."""
    from kafkactl.admin.quotas import QUOTA_NAMES

    type_ = EntityType.IPS if ctx.params.get("ip") is not None else EntityType.USERS
    return [
        name + ("=" if ctx.info_name == "set" else "") for name in QUOTA_NAMES[type_] if name.startswith(incomplete)
    ]


def removable_config_names(ctx: typer.Context, incomplete: str) -> list[str]:
    return [name.removesuffix("=") for name in config_names(ctx, incomplete)]


def _matching(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Names that go on from what is typed; none when they cannot be had, for a shell prompt is no place for errors."""
    try:
        # A name with a line break or a blank would reach the shell as two.
        return sorted(
            name for name in names() if name.startswith(incomplete) and name.isprintable() and " " not in name
        )
    except (KafkactlError, OSError):
        return []


def _entity_type(ctx: typer.Context) -> EntityType:
    """The one said last; where none is said, that of the commonest."""
    in_place = list(ctx.params.get("entity") or ())[::2]
    for text in (*reversed(in_place), *reversed(ctx.params.get("entity_type") or ())):
        if (found := EntityType.find_type(text)) is not None:
            return found
    return EntityType.BROKERS if ctx.params.get("broker") else EntityType.TOPICS


def _from_cluster(ctx: typer.Context, kind: str, ask: Callable[[Cluster], list[str]]) -> list[str]:
    import hashlib
    import json

    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.settings import resolve

    said = {**ctx.find_root().params, **{name: value for name, value in ctx.params.items() if value}}
    settings = resolve(
        said.get("bootstrap_server"),
        said.get("context"),
        Path(said["command_config"]) if said.get("command_config") else None,
        said.get("properties") or (),
        ANSWER_TIMEOUT_S,
        runs_commands=False,
    )
    identity = json.dumps([settings.bootstrap_servers, sorted(settings.properties.items())])
    file = _cache_file(hashlib.sha256(identity.encode()).hexdigest()[:16], kind)
    names = _cached(file)
    if names is None:
        try:
            names = ask(Cluster(settings))
        except KafkactlError:
            names = []  # remembered too: the next key press must not wait again
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(names), encoding="utf-8")
        draft.replace(file)
    return names


def _cache_file(cluster: str, kind: str) -> Path:
    from kafkactl.paths import find_cache_dir

    return find_cache_dir() / "completion" / f"{cluster}-{kind}.json"


def _cached(file: Path) -> list[str] | None:
    import json
    import time

    try:
        if time.time() - file.stat().st_mtime > CACHE_S:
            return None
        return [str(name) for name in json.loads(file.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError):
        return None


def _ask_topics(cluster: Cluster) -> list[str]:
    return sorted(cluster.metadata().topics)


def _ask_brokers(cluster: Cluster) -> list[str]:
    return sorted(map(str, cluster.metadata().brokers))


def _ask_groups(cluster: Cluster) -> list[str]:
    from kafkactl.admin.groups.descriptions import list_groups

    return [group.group for group in list_groups(cluster).groups]


def _ask_configs(cluster: Cluster, type_: EntityType) -> list[str]:
    from kafkactl.admin.configs import describe_configs, list_entities

    described = describe_configs(cluster, list_entities(cluster, type_)[:1])
    return [entry.name for entries in described.values() for entry in entries if not entry.read_only]
