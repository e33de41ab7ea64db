"""Names for shell completion, read from the present cluster.

They are cached for 10 s. Without an answer there are no names and no error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kafkactl.admin.entities import QUOTA_TYPES, EntityType
from kafkactl.cli.frame import typer_internals
from kafkactl.errors import KafkactlError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

CACHE_S = 10.0
"""Time that names stay in the cache, in s."""
ANSWER_TIMEOUT_S = 2.0
"""Time-out of the requests for names, in s."""


def item(value: str, help: str | None = None) -> Any:
    """Return one proposal with the help text that zsh and fish show beside it."""
    return typer_internals.make_completion_item(value, help)


def context_names(incomplete: str) -> list[str]:
    """Return the names of contexts that begin with the incomplete word."""
    from kafkactl.connection import contexts

    return _filter_names(lambda: contexts.load().contexts, incomplete)


def local_names(incomplete: str) -> list[str]:
    """Return the names of local clusters that begin with the incomplete word."""
    from kafkactl.local.compose import TARGETS

    return _filter_names(lambda: TARGETS, incomplete)


def topic_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of topics that begin with the incomplete word."""
    return _filter_names(lambda: _list_names(ctx, "topics", _ask_topics), incomplete)


def group_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of consumer groups that begin with the incomplete word."""
    return _filter_names(lambda: _list_names(ctx, "groups", _ask_groups), incomplete)


def entity_types(incomplete: str) -> list[str]:
    """Return the types of entities that begin with the incomplete word."""
    return _filter_names(lambda: list(EntityType), incomplete)


def entity_parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return types of entities, or after a type the names of that type."""
    words = ctx.params.get("entity") or ()
    if len(words) % 2 == 0:
        return entity_types(incomplete)
    return entity_names(ctx, incomplete)


def entity_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the last entity type on the command line: topics, groups or broker ids."""
    type_ = _find_entity_type(ctx)
    if type_ is EntityType.GROUPS:
        return group_names(ctx, incomplete)
    if type_ in (EntityType.BROKERS, EntityType.BROKER_LOGGERS):
        return _filter_names(lambda: _list_names(ctx, "brokers", _ask_brokers), incomplete)
    return topic_names(ctx, incomplete) if type_ is EntityType.TOPICS else []


def config_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the entity's settings, with = because a value must follow."""
    type_ = _find_entity_type(ctx)
    if type_ in QUOTA_TYPES:
        from kafkactl.admin.quotas import QUOTA_NAMES

        return [f"{name}=" for name in _filter_names(lambda: QUOTA_NAMES[type_], incomplete)]
    names = _filter_names(
        lambda: _list_names(ctx, f"configs-{type_}", lambda cluster: _ask_configs(cluster, type_)), incomplete
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
    """Return the names of the entity's settings."""
    return [name.removesuffix("=") for name in config_names(ctx, incomplete)]


def _filter_names(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Return the names that begin with the incomplete word. Where they cannot be read there are none, and no error."""
    try:
        # The shell would take a name with a line break or a blank for two names.
        return sorted(
            name for name in names() if name.startswith(incomplete) and name.isprintable() and " " not in name
        )
    except (KafkactlError, OSError):
        return []


def _find_entity_type(ctx: typer.Context) -> EntityType:
    """Return the last entity type on the command line. Without one it is topics, or brokers after --broker."""
    in_place = list(ctx.params.get("entity") or ())[::2]
    for text in (*reversed(in_place), *reversed(ctx.params.get("entity_type") or ())):
        if (entity_type := EntityType.find_type(text)) is not None:
            return entity_type
    return EntityType.BROKERS if ctx.params.get("broker") else EntityType.TOPICS


def _list_names(ctx: typer.Context, kind: str, ask: Callable[[Cluster], list[str]]) -> list[str]:
    """Return names from the cache, or from the cluster by `ask`. Without an answer they are empty."""
    import hashlib
    import json

    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.settings import resolve

    options = {**ctx.find_root().params, **{name: value for name, value in ctx.params.items() if value}}
    settings = resolve(
        options.get("bootstrap_server"),
        options.get("context"),
        Path(options["command_config"]) if options.get("command_config") else None,
        options.get("properties") or (),
        ANSWER_TIMEOUT_S,
        runs_commands=False,
    )
    identity = json.dumps([settings.bootstrap_servers, sorted(settings.properties.items())])
    file = _get_cache_file(hashlib.sha256(identity.encode()).hexdigest()[:16], kind)
    names = _read_cache(file)
    if names is None:
        try:
            names = ask(Cluster(settings))
        except KafkactlError:
            names = []  # the cache gets it as well, so that the next key press does not wait again
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(names), encoding="utf-8")
        draft.replace(file)
    return names


def _get_cache_file(cluster: str, kind: str) -> Path:
    """Return the file of the cache for a cluster and a kind of names."""
    from kafkactl.paths import find_cache_dir

    return find_cache_dir() / "completion" / f"{cluster}-{kind}.json"


def _read_cache(file: Path) -> list[str] | None:
    """Return the names in a cache file; None where it is missing, damaged or too old."""
    import json
    import time

    try:
        if time.time() - file.stat().st_mtime > CACHE_S:
            return None
        return [str(name) for name in json.loads(file.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError):
        return None


def _ask_topics(cluster: Cluster) -> list[str]:
    return sorted(cluster.read_metadata().topics)


def _ask_brokers(cluster: Cluster) -> list[str]:
    return sorted(map(str, cluster.read_metadata().brokers))


def _ask_groups(cluster: Cluster) -> list[str]:
    from kafkactl.admin.groups.descriptions import list_groups

    return [group.group for group in list_groups(cluster).groups]


def _ask_configs(cluster: Cluster, type_: EntityType) -> list[str]:
    from kafkactl.admin.configs import describe_configs, list_entities

    described = describe_configs(cluster, list_entities(cluster, type_)[:1])
    return [entry.name for entries in described.values() for entry in entries if not entry.read_only]
