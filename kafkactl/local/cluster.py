"""Operations on local clusters: start, stop, status, faults, logs."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kafkactl.errors import EngineError, NotFoundError
from kafkactl.local import instance
from kafkactl.local.compose import (
    DEFAULT_PORT,
    TARGETS,
    Service,
    Target,
    load_target,
    make_variables,
    require_usable_folders,
)
from kafkactl.local.engine import START_TIMEOUT_S, Engine, Fault, NodeStatus, Tell, await_condition
from kafkactl.local.instance import Instance
from kafkactl.local.native import NativeEngine

ENGINES = ("auto", "docker", "native")

BrokerCount = Callable[[Target], int]
"""Function that returns how many brokers answer at a target's bootstrap servers; 0 when none does."""


def up(
    name: str,
    engine: str,
    port: int | None,
    version: str | None,
    count_brokers: BrokerCount,
    tell: Tell,
    log_dir: Path | None = None,
) -> Target:
    """Start a target and return it when all its brokers serve; return one that runs already at once.

    `name` is one of TARGETS, `engine` one of ENGINES. A `port` (the first of three, at most 65533: a record with a
    higher one counts as damaged), `version` or `log_dir` (a folder of this host, whose log dirs all users may write) of
    None keeps the value of the target's last run, or the compose file's own. A port of 0 and an empty version do the
    same, unless the target runs already: then they count as other values. The values are recorded when the engine has
    all it needs, before the start, and stay after a later error.
    `count_brokers` decides whether the brokers serve; it is not asked about a target that runs already, and its errors
    pass through. `tell` gets lines of progress. Images or jars that are missing are downloaded, without a time limit.

    Raise EngineError where no engine can start it, where its data belong to another engine, where it already runs with
    other values or only in part, where a port is in use or closed to this user, and for a damaged record. Also raise it
    where a job or the formatting of storage fails, where a node ends or does not answer within 180 s (the native engine
    stops all nodes then), and where not all brokers join in another 180 s (the nodes keep running then).

    Raise UsageError for an unknown target, for a version or a folder that it cannot have (see require_usable_folders),
    and for a KAFKA_HOME with another version, OSError where a folder cannot be written, and where the record or a pid
    file cannot be read or written, and OverflowError where one of the ports is below 0 or above 65535.
    """
    from kafkactl.local.ports import require_free

    local_cluster = instance.find(name)
    if local_cluster is not None and _is_running(local_cluster):
        _require_same(local_cluster, engine, port, version, log_dir)
        tell(f"{name} is running already")
        return _load_target(local_cluster)
    new_cluster = local_cluster or Instance(name, "", "", DEFAULT_PORT)
    new_cluster = replace(
        new_cluster,
        port=port or new_cluster.port,
        version=version or new_cluster.version,
        log_dir=os.path.realpath(log_dir) if log_dir else new_cluster.log_dir,
    )
    target = _load_target(new_cluster)
    new_cluster = replace(new_cluster, version=target.kafka_version)
    require_free((published.host for broker in target.brokers for published in broker.ports), name)
    for folder in _list_bound_log_dirs(target):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # the broker of an image runs as a user unknown on this host
    new_cluster = _prepare_engine(new_cluster, engine, target, tell)
    new_cluster.save()
    _make_engine(new_cluster).up(target, tell)
    tell(f"waiting for {len(target.brokers)} broker{'s' if len(target.brokers) > 1 else ''}")
    if not await_condition(lambda: count_brokers(target) == len(target.brokers), START_TIMEOUT_S):
        raise EngineError(
            f"{name} started, but not all its brokers joined", f"look at its logs: kafkactl local logs {name}"
        )
    return target


def down(name: str, wipe: bool, tell: Tell) -> None:
    """Stop a target's nodes. Their data stay for the next start unless `wipe`, which removes data, log dirs and record.

    `tell` gets lines of progress. Nodes that do not run are no error. After an EngineError the record stays. Raise
    NotFoundError for a cluster that was not started or was wiped, EngineError for a damaged record and where an engine
    fails or a log dir cannot be removed, UsageError for an unknown target in the record and for a version or a folder
    that the target cannot have, and OSError where the record or a pid file cannot be read or removed, the state of a
    process cannot be read, or a node belongs to another user.
    """
    local_cluster = _require_local_cluster(name)
    target = _load_target(local_cluster)
    _make_engine(local_cluster).down(target, wipe, tell)
    if wipe:
        for folder in _list_bound_log_dirs(target):
            _remove(folder)
        local_cluster.wipe()


def list_node_statuses() -> list[NodeStatus]:
    """Return the status of every node of all local clusters that were started and not wiped.

    Clusters are sorted by name, and nodes are in the order of their start. Raise EngineError for a damaged record and
    where a compose file is not installed, OSError for a record, a pid file or the state of a process that cannot be
    read, and UsageError for a record with a version or a folder that its target cannot have. A Docker that does not
    answer is no error: the state is "unknown".
    """
    return [
        node
        for local_cluster in instance.list_instances()
        for node in _make_engine(local_cluster).status(_load_target(local_cluster))
    ]


def apply(fault: Fault, name: str, node: str, tell: Tell) -> str:
    """Apply a fault to a node and return the node's name.

    `node` is a node's name, or the part of it behind the last "-"; brokers are searched first. RESTART waits until the
    node serves, or, with the native engine, until it runs if clients do not reach it; the native engine waits at most
    180 s, Docker without a limit. A paused node is resumed before a restart. PAUSE of a paused node and RESUME of a
    running one do nothing with the native engine; with Docker they are an EngineError. `tell` gets lines of progress.

    Raise NotFoundError for an unknown cluster or node, and EngineError for a node that does not run or has an unknown
    state (which only a restart accepts), for a damaged record, without the compose file, and where the engine fails.
    Raise UsageError for a restart with a KAFKA_HOME of another version, and for an unknown target in the record and a
    version or a folder that the target cannot have, and OSError for a record or pid file that cannot be read, a log or
    cache for jars that cannot be written, a pid file that cannot be removed, and a process of another user.
    """
    local_cluster = _require_local_cluster(name)
    target = _load_target(local_cluster)
    service = next(
        (
            node_service
            for node_service in (*target.brokers, *target.nodes)
            if node in _list_names_of_node(node_service)
        ),
        None,
    )
    if service is None:
        present = ", ".join(node_service.name for node_service in target.nodes)
        raise NotFoundError(f"{name} has no node {node!r}", f"use one of its nodes: {present}")
    engine = _make_engine(local_cluster)
    state = next(node_service.state for node_service in engine.status(target) if node_service.node == service.name)
    if state not in ("running", "paused") and fault is not Fault.RESTART:
        raise EngineError(f"{service.name} does not run", f"start it: kafkactl local restart {service.name}")
    if state == "paused" and fault is Fault.RESTART:
        engine.apply(Fault.RESUME, target, service, tell)  # a paused process cannot end in order
    engine.apply(fault, target, service, tell)
    return service.name


def logs(name: str, follow: bool) -> int:
    """Write the logs of a target to stdout and return an exit status; `follow` waits for new lines.

    With the Docker engine the status is docker's; the native engine returns 0, and with `follow` never. Raise
    NotFoundError for a cluster that was not started or was wiped, EngineError without docker or the compose file or for
    a damaged record, UsageError for a version or a folder in the record that the target cannot have, OSError for a
    record or log that cannot be read, OutputError where stdout cannot be written, and ReaderLeftError where its reader
    left.
    """
    local_cluster = _require_local_cluster(name)
    return _make_engine(local_cluster).logs(_load_target(local_cluster), follow)


def list_names() -> list[str]:
    """Return the names of the local clusters that were started and not wiped, running or not, sorted.

    Raise EngineError for a damaged record, and OSError for an unreadable one.
    """
    return [local_cluster.target for local_cluster in instance.list_instances()]


def _list_names_of_node(service: Service) -> tuple[str, str]:
    """Return the name of a node and its number, the part behind the last "-"; without "-" both are the name.

    Callers ask brokers first, because numbers may repeat.
    """
    return service.name, service.name.rpartition("-")[2]


def _list_bound_log_dirs(target: Target) -> list[Path]:
    """Return the folders of this host that brokers use as log dirs, in the order of the brokers; none for volumes."""
    return [Path(broker.bound_log_dir) for broker in target.brokers if broker.bound_log_dir]


def _remove(folder: Path) -> None:
    """Remove a folder and all in it, if it exists; raise EngineError where that fails, also for a file and a link.

    Files that another process removes at the same time are no error.
    """
    try:
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "it is a link")
        while folder.exists():
            with contextlib.suppress(FileNotFoundError):  # another process has removed a file of it
                shutil.rmtree(folder)
    except OSError as error:
        raise EngineError(
            f"cannot remove {folder}: {error.strerror or error}",
            f"remove it as root: sudo rm -rf {shlex.quote(str(folder))}",
        ) from error


def _require_local_cluster(name: str) -> Instance:
    """Return the record of a local cluster; raise NotFoundError where there is none, EngineError for a damaged one.

    The hint of NotFoundError names the clusters that have a record. All records are read for it, so a damaged one of
    another cluster raises EngineError then. Raise OSError for a record that cannot be read.
    """
    local_cluster = instance.find(name)
    if local_cluster is None:
        present = ", ".join(list_names())
        hint = (
            f"use one of the existing clusters: {present}"
            if present
            else f"start one: kafkactl local up [{'|'.join(TARGETS)}]"
        )
        raise NotFoundError(f"local cluster not found: {name!r}", hint)
    return local_cluster


def _require_same(
    local_cluster: Instance, engine: str, port: int | None, version: str | None, log_dir: Path | None
) -> None:
    """Raise EngineError where the running cluster has other values than the requested ones.

    None, and "auto" as `engine`, are no request; 0 and an empty version are one. `log_dir` is compared by its real
    path. The message names the present value of each difference.
    """
    differences = [
        f"{property_name} {present}"
        for property_name, present, requested in (
            ("engine", local_cluster.engine, None if engine == "auto" else engine),
            ("port", local_cluster.port, port),
            ("version", local_cluster.version, version),
            ("log dirs in", local_cluster.log_dir or "its own place", os.path.realpath(log_dir) if log_dir else None),
        )
        if requested is not None and requested != present
    ]
    if differences:
        raise EngineError(
            f"{local_cluster.target} is running already, with {' and '.join(differences)}",
            f"stop it first: kafkactl local down {local_cluster.target}",
        )


def _choose_engines(requested: str, present_engine: str) -> Sequence[str]:
    """Return the engines to try, in order; raise EngineError where the data belong to another engine.

    `requested` is one of ENGINES. `present_engine` is the engine of the last run, or "" without one. The result is the
    present engine alone, or else the requested one, or docker and then native for "auto".
    """
    if present_engine and requested not in ("auto", present_engine):
        raise EngineError(
            f"the data of the cluster belong to the {present_engine} engine",
            f"use --engine {present_engine}, or remove the data first: kafkactl local down --wipe",
        )
    if present_engine:
        return [present_engine]
    return ENGINES[1:] if requested == "auto" else [requested]


def _prepare_engine(new_cluster: Instance, requested: str, target: Target, tell: Tell) -> Instance:
    """Return a copy of the record with the first engine that has all it needs; raise EngineError when none has.

    The engine then has its images or jars, which may be downloaded. `requested` is one of ENGINES. `tell` gets lines of
    progress, also about an engine that is passed over. Raise EngineError, too, where the data belong to another engine,
    UsageError for a KAFKA_HOME with another version and as _make_engine() does, and OSError where the cache for jars
    cannot be written.
    """
    engine_names = _choose_engines(requested, new_cluster.engine)
    reasons: list[EngineError] = []
    for name in engine_names:
        candidate = replace(new_cluster, engine=name)
        try:
            _make_engine(candidate).prepare(target, tell)
            return candidate
        except EngineError as reason:
            reasons.append(reason)
            if name != engine_names[-1]:
                tell(f"{reason}; the {engine_names[-1]} engine is used instead")
    if len(reasons) == 1:
        raise reasons[0]
    raise EngineError(f"no engine can start a local cluster: {'; '.join(map(str, reasons))}", reasons[-1].hint)


def _make_engine(local_cluster: Instance) -> Engine:
    """Return the engine of a local cluster: Docker's for "docker", else the native one. Nothing is started.

    Raise UsageError for Docker where _make_variables() does; the native engine does not look at the record's version.
    """
    if local_cluster.engine == "docker":
        from kafkactl.local.docker import DockerEngine

        return DockerEngine(_make_variables(local_cluster))
    return NativeEngine()


def _load_target(local_cluster: Instance) -> Target:
    """Return the target of a local cluster.

    An empty version or log dir means that of the compose file. Raise UsageError for an unknown target and for a version
    or a folder that it cannot have, and EngineError where its compose file is not installed.
    """
    variables = _make_variables(local_cluster)
    require_usable_folders(local_cluster.target, variables)
    return load_target(local_cluster.target, variables)


def _make_variables(local_cluster: Instance) -> dict[str, str]:
    """Return the values of the compose file's variables by name, from the record of a local cluster.

    Variables that the record has no value for are left out, so that the file's own defaults hold: an empty version or
    log dir. Raise UsageError for a version that is neither empty nor like 4.3.1.
    """
    log_dir = Path(local_cluster.log_dir) if local_cluster.log_dir else None
    return make_variables(local_cluster.port, local_cluster.version or None, local_cluster.folder / "secrets", log_dir)


def _is_running(local_cluster: Instance) -> bool:
    """Return True where all nodes run and False where none does; raise EngineError when only some do.

    A paused node, and an unknown state, count as not running: without an answer of Docker the result is False. Raise
    UsageError for an unknown target in the record and for a version or a folder that the target cannot have, and
    OSError where a pid file or the state of a process cannot be read. Raise EngineError, too, where the compose file is
    not installed.
    """
    nodes = _make_engine(local_cluster).status(_load_target(local_cluster))
    other_states = [f"{node.node} is {node.state}" for node in nodes if node.state != "running"]
    if other_states and len(other_states) < len(nodes):
        raise EngineError(
            f"{local_cluster.target} runs only in part: {', '.join(other_states)}",
            f"stop it first: kafkactl local down {local_cluster.target}",
        )
    return not other_states
