"""Names for shell completion, read from the present cluster.

They are cached for 10 s. Without an answer there are no names and no error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
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


def make_item(value: str, help: str | None = None) -> Any:
    """Return one proposal: a value with the help text that zsh and fish show beside it; None shows nothing."""
    return typer_internals.make_completion_item(value, help)


def complete_contexts(incomplete: str) -> list[str]:
    """Return the names of contexts that begin with the incomplete word, sorted; none where they cannot be read.

    Names with a blank, or a character that cannot be printed, are left out.
    """
    from kafkactl.connection import contexts

    return _filter_names(lambda: contexts.load().contexts, incomplete)


def complete_local_clusters(incomplete: str) -> list[str]:
    """Return the kinds of local clusters, such as kraft, that begin with the incomplete word, sorted.

    They are all kinds, also those that run already.
    """
    from kafkactl.local.compose import TARGETS

    return _filter_names(lambda: TARGETS, incomplete)


def complete_topics(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of topics that begin with the incomplete word, sorted. Internal topics are included.

    `ctx` is the context of the line, whose options name the cluster. Names with a blank are left out. There are none
    without an answer within 2 s, after a refusal, or with wrong settings; nothing is raised. Names, and an empty result
    after a refusal or no answer, are cached for 10 s.
    """
    return _filter_names(lambda: _list_names(ctx, "topics", _ask_topics), incomplete)


def complete_groups(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of consumer groups that begin with the incomplete word, sorted.

    Share and streams groups, and groups of brokers that do not answer, are left out.

    `ctx` is the context of the line, whose options name the cluster. Names with a blank, or a character that cannot be
    printed, are left out. There are none without an answer within 2 s, after a refusal, or with wrong settings; nothing
    is raised. Names, and an empty result after a refusal or no answer, are cached for 10 s.
    """
    return _filter_names(lambda: _list_names(ctx, "groups", _ask_groups), incomplete)


def complete_brokers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of brokers that are alive and begin with the incomplete word, sorted as text.

    `ctx` is the context of the line, whose options name the cluster. There are none without an answer within 2 s, after
    a refusal, or with wrong settings; nothing is raised. Ids, and an empty result after a refusal or no answer, are
    cached for 10 s.
    """
    return _filter_names(lambda: _list_names(ctx, "brokers", _ask_brokers), incomplete)


def complete_subscriptions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of subscriptions of client metrics that begin with the incomplete word, sorted.

    `ctx` is the context of the line, whose options name the cluster. Names with a blank are left out. There are none
    without an answer within 2 s, after a refusal, or with wrong settings; nothing is raised. Names, and an empty result
    after a refusal or no answer, are cached for 10 s.
    """
    return _filter_names(lambda: _list_names(ctx, "client-metrics", _ask_subscriptions), incomplete)


def complete_entity_types(incomplete: str) -> list[str]:
    """Return the types of entities, such as topics, that begin with the incomplete word, sorted."""
    return _filter_names(lambda: list(EntityType), incomplete)


def complete_entity_parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the types of entities that begin with the incomplete word, or after a type the names of that type.

    `ctx` is the context of the line; its argument `entity` has TYPE NAME TYPE NAME ... so far. Types and names are
    sorted, and names with a blank are left out. An unknown type is ignored: the names are those of a type before it, or
    topics. There are names only of topics and consumer groups, and ids of brokers, also for broker-loggers; none
    without an answer within 2 s, after a refusal, or with wrong settings. Names, and an empty result after a refusal or
    no answer, are cached for 10 s; nothing is raised.
    """
    words = ctx.params.get("entity") or ()
    if len(words) % 2 == 0:
        return complete_entity_types(incomplete)
    return complete_entity_names(ctx, incomplete)


def complete_compared_entities(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the types of entities that begin with the incomplete word, or after a type the names of that type.

    `ctx` is the context of the line; its argument `entity` has TYPE NAME OTHER so far. Otherwise it is as
    complete_entity_parts.
    """
    if not ctx.params.get("entity"):
        return complete_entity_types(incomplete)
    return complete_entity_names(ctx, incomplete)


def complete_entity_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the last entity type on the command line: topics, consumer groups or broker ids.

    They begin with the incomplete word, have no blanks and are sorted as text. The type is that of a short option such
    as --broker, else topics, where none is named. There are none for other types, without an answer within 2 s, after a
    refusal, or with wrong settings. Names, and an empty result after a refusal or no answer, are cached for 10 s;
    nothing is raised.
    """
    type_ = _find_entity_type(ctx)
    if type_ is EntityType.GROUPS:
        return complete_groups(ctx, incomplete)
    if type_ in (EntityType.BROKERS, EntityType.BROKER_LOGGERS):
        return complete_brokers(ctx, incomplete)
    return complete_topics(ctx, incomplete) if type_ is EntityType.TOPICS else []


def complete_config_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of settings for the entity's type that begin with the incomplete word, sorted.

    They end in = because a value must follow. They are the settings of one entity of the type, without the read-only
    ones; for users, clients and ips the names of quotas. `ctx` is the context of the line. The type is the last one of
    the arguments, or of --entity-type, or that of a short option such as --user, else topics. There are none where the
    cluster has no entity of the type, or without an answer within 2 s. Names from the cluster, and an empty result
    after a refusal or no answer, are cached for 10 s; nothing is raised.
    """
    type_ = _find_entity_type(ctx)
    if type_ in QUOTA_TYPES:
        from kafkactl.admin.quotas import QUOTA_NAMES

        return [f"{name}=" for name in _filter_names(lambda: QUOTA_NAMES[type_], incomplete)]
    names = _filter_names(
        lambda: _list_names(ctx, f"configs-{type_}", lambda cluster: _ask_configs(cluster, type_)), incomplete
    )
    return [f"{name}=" for name in names]


def complete_quota_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of quotas that begin with the incomplete word, with = at the end for the command `set`.

    After --ip and --ip-defaults they are the quotas of ips, else those of users and clients, in the order of
    QUOTA_NAMES. No broker is asked.
    """
    from kafkactl.admin.quotas import QUOTA_NAMES

    is_ip = ctx.params.get("ip") is not None or ctx.params.get("ip_defaults")
    type_ = EntityType.IPS if is_ip else EntityType.USERS
    return [
        name + ("=" if ctx.info_name == "set" else "") for name in QUOTA_NAMES[type_] if name.startswith(incomplete)
    ]


def complete_removable_config_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of settings for the entity's type that begin with the incomplete word, without =.

    They are those of complete_config_names, sorted, also settings that are not set. Nothing is raised.
    """
    return [name.removesuffix("=") for name in complete_config_names(ctx, incomplete)]


def _filter_names(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Return the names that begin with the incomplete word, sorted. There are none where they cannot be read.

    `names` is called to read them; its KafkactlError and OSError are dropped. A name with a blank or a character that
    cannot be printed is left out.
    """
    try:
        # The shell would take a name with a line break or a blank for two names.
        return sorted(
            name for name in names() if name.startswith(incomplete) and name.isprintable() and " " not in name
        )
    except (KafkactlError, OSError):
        return []


def _find_entity_type(ctx: typer.Context) -> EntityType:
    """Return the last entity type of the arguments, or else the last one of --entity-type, or that of a short option.

    Unknown types are ignored. Without a known one the result is topics. Short options are such as --user and
    --user-defaults.
    """
    words = ctx.params.get("entity") or ctx.args  # they are left in `args` in front of an option without its value
    for text in (*reversed(list(words)[::2]), *reversed(ctx.params.get("entity_type") or ())):
        if (entity_type := EntityType.find_type(text)) is not None:
            return entity_type
    for entity_type in EntityType:
        for option in (entity_type.singular, entity_type.value, f"{entity_type.singular}-defaults"):
            if ctx.params.get(option.replace("-", "_")):
                return entity_type
    return EntityType.TOPICS


def _list_names(ctx: typer.Context, kind: str, ask: Callable[[Cluster], list[str]]) -> list[str]:
    """Return names from a cache of the last 10 s, or from the cluster by `ask`; empty where `ask` raises KafkactlError.

    `ctx` is the context of the line. Its options name the cluster, or the controllers of --bootstrap-controller; those
    before the subcommand count where it has none, and -X in both places. The settings NOT_OF_TOOLS of a file do not
    count. The time-out of `ask` is 2 s. `kind` is a part
    of the name of the cache file. Names from `ask` are written to the cache, and so is the empty list after an error.
    Raise UsageError or NotFoundError for settings of the cluster that are wrong, and UsageError for a secret that a
    command gives, because no command is run. A cache that cannot be read or written hides no names.
    """
    import hashlib
    import json

    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.java_settings import NOT_OF_TOOLS
    from kafkactl.connection.settings import resolve

    before = ctx.find_root().params
    options = {**before, **{name: value for name, value in ctx.params.items() if value}}
    controllers = options.get("bootstrap_controller")
    settings = resolve(
        controllers or options.get("bootstrap_server"),
        options.get("context"),
        Path(options["command_config"]) if options.get("command_config") else None,
        [*(before.get("properties") or ()), *(ctx.params.get("properties") or ())],
        ANSWER_TIMEOUT_S,
        left_out=NOT_OF_TOOLS,
        runs_commands=False,
    )
    settings = replace(settings, has_controllers=bool(controllers))
    identity = json.dumps([settings.bootstrap_servers, sorted(settings.properties.items())])
    file = _get_cache_file(hashlib.sha256(identity.encode()).hexdigest()[:16], kind)
    names = _read_cache(file)
    if names is None:
        try:
            names = ask(Cluster(settings))
        except KafkactlError:
            names = []  # the cache gets it as well, so that the next key press does not wait again
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            draft.write_text(json.dumps(names), encoding="utf-8")
            draft.replace(file)
    return names


def _get_cache_file(cluster: str, kind: str) -> Path:
    """Return the file of the cache for a cluster and a kind of names. It need not exist.

    `cluster` is a hash of the cluster's settings, `kind` is a word such as topics.
    """
    from kafkactl.paths import find_cache_dir

    return find_cache_dir() / "completion" / f"{cluster}-{kind}.json"


def _read_cache(file: Path) -> list[str] | None:
    """Return the names in a cache file; None where it is older than 10 s, damaged or cannot be read.

    One that is newer than the clock by more than that counts as old, too. An empty list is a cached answer, too.
    """
    import json
    import time

    try:
        if abs(time.time() - file.stat().st_mtime) > CACHE_S:
            return None
        names = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _ask_topics(cluster: Cluster) -> list[str]:
    """Return the names of all topics, sorted.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    return sorted(cluster.read_metadata().topics)


def _ask_brokers(cluster: Cluster) -> list[str]:
    """Return the ids of the brokers that are alive, or of the controllers at controllers, sorted as text.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    if cluster.settings.has_controllers:
        return sorted(map(str, cluster.requests.list_brokers()))
    return sorted(map(str, cluster.read_metadata().brokers))


def _ask_groups(cluster: Cluster) -> list[str]:
    """Return the names of all consumer groups that the brokers list, in no certain order.

    Errors of brokers that list_groups() returns are ignored. Those that it raises pass: UnreachableError,
    OperationError, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.groups.descriptions import list_groups

    return [group.group for group in list_groups(cluster).groups]


def _ask_subscriptions(cluster: Cluster) -> list[str]:
    """Return the names of all subscriptions of client metrics, sorted.

    Raise UnreachableError, OperationError for a refusal, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.client_metrics import list_names

    return list_names(cluster)


def _ask_configs(cluster: Cluster, type_: EntityType) -> list[str]:
    """Return the names of the settings that can be changed, of the first entity of the type; empty without one.

    Raise UnreachableError, OperationError for a refusal, UsageError for a wrong client setting, and KeyError for users,
    clients and ips.
    """
    from kafkactl.admin.configs import describe_configs, list_entities

    described = describe_configs(cluster, list_entities(cluster, type_)[:1])
    return [entry.name for entries in described.values() for entry in entries if not entry.read_only]
