"""Compose files as data: the single source of what a local cluster is, for both engines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kafkactl.errors import EngineError, UsageError

TARGETS = ("kraft", "kraft-cluster", "zookeeper", "zookeeper-cluster")
DEFAULT_PORT = 9092
HOST = "127.0.0.1"

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?-)(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class PublishedPort:
    """A container's port as the host sees it."""

    host: int
    container: int


@dataclass(frozen=True)
class Service:
    """One node: a broker, a controller or a ZooKeeper server."""

    name: str
    image: str
    environment: Mapping[str, str]
    ports: tuple[PublishedPort, ...]
    volumes: Mapping[str, str]
    """Path inside the container -> name of the volume."""
    depends_on: tuple[str, ...]

    @property
    def is_zookeeper(self) -> bool:
        return "ZOOKEEPER_CLIENT_PORT" in self.environment

    @property
    def is_broker(self) -> bool:
        roles = self.environment.get("KAFKA_PROCESS_ROLES")
        return not self.is_zookeeper and (roles is None or "broker" in roles)


@dataclass(frozen=True)
class Target:
    """One compose file, its variables filled in."""

    name: str
    file: Path
    project: str
    kafka_version: str
    services: tuple[Service, ...]
    """In an order that starts what others depend on first."""

    @property
    def brokers(self) -> tuple[Service, ...]:
        return tuple(service for service in self.services if service.is_broker)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients on this host connect: the published ports of all brokers."""
        return ",".join(f"127.0.0.1:{port.host}" for broker in self.brokers for port in broker.ports)


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


def variables(port: int = DEFAULT_PORT, version: str | None = None) -> dict[str, str]:
    """What a compose file is filled in with: the first host port, and the Kafka version if not its own.

    Confluent's images carry their own numbers: 7.9 holds Kafka 3.9, 7.8 holds 3.8, and so on.
    """
    values = {f"KAFKACTL_PORT_{node}": str(port + node - 1) for node in (1, 2, 3)}
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
    services = {key: _service(key, entry) for key, entry in document["services"].items()}
    return Target(name, file, document["name"], version, _in_start_order(services))


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Compose's own variable syntax: ${NAME}, ${NAME-default}, ${NAME:-default} and $$."""

    def fill(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        value, default = values.get(match["name"]), match["default"] or ""
        if value is None or (match["operator"] == ":-" and not value):
            return default
        return value

    return _VARIABLE.sub(fill, text)


def _service(name: str, entry: Mapping[str, Any]) -> Service:
    ports = []
    for published in entry.get("ports", ()):
        *_address, host, container = str(published).split(":")
        ports.append(PublishedPort(int(host), int(container)))
    volumes = {path: volume for volume, path in (str(entry_).split(":", 1) for entry_ in entry.get("volumes", ()))}
    environment = {key: str(value) for key, value in entry.get("environment", {}).items()}
    return Service(name, entry["image"], environment, tuple(ports), volumes, tuple(entry.get("depends_on", ())))


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
