"""Compose files as data: the single source of what a local cluster is, for both engines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kafkactl.errors import EngineError, UsageError

TARGETS = ("kraft", "kraft-cluster", "kraft-controllers", "zookeeper", "zookeeper-cluster", "secured")
DEFAULT_PORT = 9092
HOST = "127.0.0.1"

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-+])(?P<text>(?:[^{}]|\{[^{}]*\})*))?\})")


@dataclass(frozen=True)
class PublishedPort:
    """A container's port as the host sees it."""

    host: int
    container: int


@dataclass(frozen=True)
class Service:
    """One node: a broker, a controller or a ZooKeeper server; or a job that ends before others start."""

    name: str
    image: str
    environment: Mapping[str, str]
    ports: tuple[PublishedPort, ...]
    volumes: Mapping[str, str]
    """Path inside the container -> name of the volume, or absolute path of this host's folder."""
    depends_on: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    """The command that it runs instead of its image's own; only jobs have one."""

    @property
    def is_job(self) -> bool:
        return bool(self.entrypoint)

    @property
    def is_zookeeper(self) -> bool:
        return "ZOOKEEPER_CLIENT_PORT" in self.environment

    @property
    def is_broker(self) -> bool:
        roles = self.environment.get("KAFKA_PROCESS_ROLES")
        return not self.is_zookeeper and not self.is_job and (roles is None or "broker" in roles)

    @property
    def bound_log_dir(self) -> str | None:
        """The folder of this host that a broker's log dir is, if it is one and no volume."""
        source = self.volumes.get(self.environment.get("KAFKA_LOG_DIRS", ""), "")
        return source if source.startswith("/") else None


@dataclass(frozen=True)
class Target:
    """One compose file, its variables filled in."""

    name: str
    file: Path
    project: str
    kafka_version: str
    services: tuple[Service, ...]
    """In an order that starts what others depend on first."""
    client: Mapping[str, str] = field(default_factory=dict)
    """What a client must say to be let in."""

    @property
    def nodes(self) -> tuple[Service, ...]:
        return tuple(service for service in self.services if not service.is_job)

    @property
    def brokers(self) -> tuple[Service, ...]:
        return tuple(service for service in self.services if service.is_broker)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients on this host connect: the first published port of each broker."""
        return ",".join(f"{HOST}:{broker.ports[0].host}" for broker in self.brokers)


def compose_file(name: str) -> Path:
    """The compose file of a target; raises UsageError for a name that is none.

    It is installed inside the package; in a source checkout it lies beside it.
    """
    if name not in TARGETS:
        raise UsageError(f"unknown local cluster {name!r}", f"choose one of: {', '.join(TARGETS)}")
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "compose", package.parent / "compose"):
        if (file := folder / f"{name}.yml").is_file():
            return file
    raise EngineError(f"the compose file {name}.yml is not in this installation", "install kafkactl again")


def variables(
    port: int = DEFAULT_PORT, version: str | None = None, secrets: Path | None = None, log_dir: Path | None = None
) -> dict[str, str]:
    """What a compose file is filled in with; what is not said is as the file has it.

    The first host port, the Kafka version, where secrets are made, and the folder that brokers' log dirs are in.

    Confluent's images carry their own numbers: 7.9 holds Kafka 3.9, 7.8 holds 3.8, and so on.
    """
    values = {f"KAFKACTL_PORT_{node}": str(port + node - 1) for node in (1, 2, 3)}
    for name, folder in (("KAFKACTL_SECRETS", secrets), ("KAFKACTL_LOG_DIR", log_dir)):
        if folder is not None:
            values[name] = str(folder)
    if version is not None:
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            raise UsageError(f"{version!r} is no Kafka version", "name one like 4.3.1")
        values["KAFKACTL_KAFKA_VERSION"] = version
        major, minor, _patch = version.split(".")
        if major == "3":
            values["KAFKACTL_CP_VERSION"] = f"7.{minor}.0"
    return values


def load_target(name: str, values: Mapping[str, str]) -> Target:
    """Reads a target's compose file with its ${VARIABLE:-default}s filled in from `values`."""
    file = compose_file(name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where it was built in
    document = yaml.load(interpolate(file.read_text(encoding="utf-8"), values), Loader=loader)
    version = str(document["x-kafka-version"])
    if name.startswith("zookeeper") and not version.startswith("3."):
        raise UsageError(f"Kafka {version} has no ZooKeeper mode", "3.9 is the last line that has it")
    services = {key: _service(key, entry, file.parent) for key, entry in document["services"].items()}
    return Target(name, file, document["name"], version, _in_start_order(services), document.get("x-client", {}))


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Compose's own variable syntax: ${NAME}, with -default, :-default, +instead or :+instead, nested once; and $$."""

    def fill(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        value, text = values.get(match["name"]), interpolate(match["text"] or "", values)
        operator = match["operator"] or "-"
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return text if is_set else ""
        return str(value) if is_set else text

    return _VARIABLE.sub(fill, text)


def _service(name: str, entry: Mapping[str, Any], folder: Path) -> Service:
    ports = []
    for published in entry.get("ports", ()):
        *_address, host, container = str(published).split(":")
        ports.append(PublishedPort(int(host), int(container)))
    volumes = {}
    for mount in entry.get("volumes", ()):
        source, path, *_mode = str(mount).split(":")
        volumes[path] = str(folder / source) if source.startswith((".", "/")) else source
    environment = {key: str(value) for key, value in entry.get("environment", {}).items()}
    return Service(
        name,
        entry["image"],
        environment,
        tuple(ports),
        volumes,
        tuple(entry.get("depends_on", ())),
        tuple(entry.get("entrypoint", ())),
    )


def _in_start_order(services: Mapping[str, Service]) -> tuple[Service, ...]:
    ordered: dict[str, Service] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for dependency in services[name].depends_on:
                add(dependency)
            ordered[name] = services[name]

    for name in services:
        add(name)
    return tuple(ordered.values())
