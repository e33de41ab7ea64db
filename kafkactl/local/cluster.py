"""Bringing a local cluster up and down, and telling how it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kafkactl.errors import EngineError, NotFoundError
from kafkactl.local import instance
from kafkactl.local.compose import DEFAULT_PORT, TARGETS, Service, Target, load_target, variables
from kafkactl.local.engine import START_TIMEOUT_S, Engine, Fault, NodeStatus, Tell, await_condition
from kafkactl.local.instance import Instance
from kafkactl.local.native import NativeEngine

ENGINES = ("auto", "docker", "native")

BrokerCount = Callable[[Target], int]
"""How many brokers answer at a target's bootstrap servers; 0 when none does."""


def up(
    name: str,
    engine: str,
    port: int | None,
    version: str | None,
    count_brokers: BrokerCount,
    tell: Tell,
    log_dir: Path | None = None,
) -> Target:
    """Starts a target, or leaves it running, and returns when all its brokers serve; raises EngineError.

    What is not said is as it was when the target last ran here, else the compose file's own.
    """
    from kafkactl.local.ports import require_free

    known = instance.find(name)
    if known is not None and _is_running(known):
        _require_same(known, engine, port, version, log_dir)
        tell(f"{name} is running already")
        return _target(known)
    wanted = known or Instance(name, "", "", DEFAULT_PORT)
    wanted = replace(
        wanted,
        port=port or wanted.port,
        version=version or wanted.version,
        log_dir=str(log_dir.resolve()) if log_dir else wanted.log_dir,
    )
    target = _target(wanted)
    wanted = replace(wanted, version=target.kafka_version)
    require_free((published.host for broker in target.brokers for published in broker.ports), name)
    for folder in _bound_log_dirs(target):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # an image's broker runs as a user that is none of this host's
    wanted = _prepared(wanted, engine, target, tell)
    wanted.save()
    _engine(wanted).up(target, tell)
    tell(f"waiting for {len(target.brokers)} broker{'s' if len(target.brokers) > 1 else ''}")
    if not await_condition(lambda: count_brokers(target) == len(target.brokers), START_TIMEOUT_S):
        raise EngineError(f"{name} started, but not all its brokers joined", f"see: kafkactl local logs {name}")
    return target


def down(name: str, wipe: bool, tell: Tell) -> None:
    """Ends a target's nodes; their data stays for the next `up` unless `wipe`."""
    known = _require(name)
    target = _target(known)
    _engine(known).down(target, wipe, tell)
    if wipe:
        for folder in _bound_log_dirs(target):
            _remove(folder)
        known.wipe()


def status() -> list[NodeStatus]:
    """Every node of every remembered local cluster."""
    return [node for known in instance.remembered() for node in _engine(known).status(_target(known))]


def apply(fault: Fault, name: str, node: str, tell: Tell) -> str:
    """Does it to a node, named as `status` shows it or by its number; returns its name. Raises NotFoundError."""
    known = _require(name)
    target = _target(known)
    service = next((each for each in (*target.brokers, *target.nodes) if node in _names_of(each)), None)
    if service is None:
        present = ", ".join(each.name for each in target.nodes)
        raise NotFoundError(f"{name} has no node {node!r}", f"it has: {present}")
    engine = _engine(known)
    state = next(each.state for each in engine.status(target) if each.node == service.name)
    if state not in ("running", "paused") and fault is not Fault.RESTART:
        raise EngineError(f"{service.name} does not run", f"kafkactl local restart {service.name} starts it")
    if state == "paused" and fault is Fault.RESTART:
        engine.apply(Fault.RESUME, target, service, tell)  # what is paused cannot end
    engine.apply(fault, target, service, tell)
    return service.name


def logs(name: str, follow: bool) -> int:
    """Sends a target's logs to stdout; returns an exit status."""
    known = _require(name)
    return _engine(known).logs(_target(known), follow)


def names() -> list[str]:
    """The remembered local clusters, running or not."""
    return [known.target for known in instance.remembered()]


def _names_of(service: Service) -> tuple[str, str]:
    """Its name, and its number: brokers are asked first whether it is theirs."""
    return service.name, service.name.rpartition("-")[2]


def _bound_log_dirs(target: Target) -> list[Path]:
    return [Path(broker.bound_log_dir) for broker in target.brokers if broker.bound_log_dir]


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EngineError(f"cannot remove {folder}: {error.strerror}", f"sudo rm -rf {folder}") from error


def _require(name: str) -> Instance:
    known = instance.find(name)
    if known is None:
        present = ", ".join(names())
        hint = f"there is: {present}" if present else f"start one: kafkactl local up [{'|'.join(TARGETS)}]"
        raise NotFoundError(f"there is no local cluster {name!r}", hint)
    return known


def _require_same(known: Instance, engine: str, port: int | None, version: str | None, log_dir: Path | None) -> None:
    differs = [
        f"{what} {has}"
        for what, has, asked in (
            ("engine", known.engine, None if engine == "auto" else engine),
            ("port", known.port, port),
            ("version", known.version, version),
            ("log dirs in", known.log_dir or "its own place", str(log_dir.resolve()) if log_dir else None),
        )
        if asked is not None and asked != has
    ]
    if differs:
        raise EngineError(
            f"{known.target} is running already, with {' and '.join(differs)}",
            f"first: kafkactl local down {known.target}",
        )


def _engines_to_try(asked: str, remembered: str) -> Sequence[str]:
    if remembered and asked not in ("auto", remembered):
        raise EngineError(
            f"its data lies with the {remembered} engine",
            f"--engine {remembered}, or first: kafkactl local down --wipe",
        )
    if remembered:
        return [remembered]
    return ENGINES[1:] if asked == "auto" else [asked]


def _prepared(wanted: Instance, asked: str, target: Target, tell: Tell) -> Instance:
    """With the first engine that has all it needs for the target; raises EngineError when none has."""
    names = _engines_to_try(asked, wanted.engine)
    reasons: list[EngineError] = []
    for name in names:
        chosen = replace(wanted, engine=name)
        try:
            _engine(chosen).prepare(target, tell)
            return chosen
        except EngineError as reason:
            reasons.append(reason)
            if name != names[-1]:
                tell(f"{reason}; so {names[-1]}")
    if len(reasons) == 1:
        raise reasons[0]
    raise EngineError(f"no engine for a local cluster: {'; '.join(map(str, reasons))}", reasons[-1].hint)


def _engine(known: Instance) -> Engine:
    if known.engine == "docker":
        from kafkactl.local.docker import DockerEngine

        return DockerEngine(_variables(known))
    return NativeEngine()


def _target(known: Instance) -> Target:
    return load_target(known.target, _variables(known))


def _variables(known: Instance) -> dict[str, str]:
    log_dir = Path(known.log_dir) if known.log_dir else None
    return variables(known.port, known.version or None, known.folder / "secrets", log_dir)


def _is_running(known: Instance) -> bool:
    """Whether all nodes run; raises EngineError when only some do."""
    nodes = _engine(known).status(_target(known))
    others = [f"{node.node} is {node.state}" for node in nodes if node.state != "running"]
    if others and len(others) < len(nodes):
        raise EngineError(
            f"{known.target} runs in part only: {', '.join(others)}", f"first: kafkactl local down {known.target}"
        )
    return not others
