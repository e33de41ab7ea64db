"""Compose files as data: for both engines the only description of a local cluster."""

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

_NOT_IN_FOLDERS = re.compile(r"(?<!^[A-Za-z]):|,|\s#|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""Compose splits at a colon (but for a drive), YAML ends at # behind a blank, and log.dirs is a list with commas.

YAML takes U+0085, U+2028 and U+2029 as line ends, and refuses other controls, and bytes of a path that are not UTF-8.
"""
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-+])(?P<text>(?:[^{}]|\{[^{}]*\})*))?\})")


@dataclass(frozen=True)
class PublishedPort:
    """A port of a container, and the port of the host that leads to it."""

    host: int
    container: int


@dataclass(frozen=True)
class Service:
    """A node (broker, controller or ZooKeeper server), or a job that ends before other services start."""

    name: str
    image: str
    environment: Mapping[str, str]
    ports: tuple[PublishedPort, ...]
    volumes: Mapping[str, str]
    """Path inside the container -> name of the volume, or absolute path of a folder on this host."""
    depends_on: tuple[str, ...]
    """Names of the services that must run first."""
    entrypoint: tuple[str, ...] = ()
    """Command that replaces the image's own. Only jobs have one."""

    @property
    def is_job(self) -> bool:
        """Return whether the service is a job: its compose file sets an entrypoint."""
        return bool(self.entrypoint)

    @property
    def is_zookeeper(self) -> bool:
        """Return whether the service is a ZooKeeper server."""
        return "ZOOKEEPER_CLIENT_PORT" in self.environment

    @property
    def is_broker(self) -> bool:
        """Return whether the service is a broker: no job, no ZooKeeper, and no node that is a KRaft controller only."""
        roles = self.environment.get("KAFKA_PROCESS_ROLES")
        return not self.is_zookeeper and not self.is_job and (roles is None or "broker" in roles)

    @property
    def bound_log_dir(self) -> str | None:
        """Return the folder of this host that is bound as the broker's log dir, or None without one."""
        source = self.volumes.get(self.environment.get("KAFKA_LOG_DIRS", ""), "")
        return source if source.startswith("/") else None


@dataclass(frozen=True)
class Target:
    """A compose file with its variables filled in."""

    name: str
    file: Path
    project: str
    kafka_version: str
    services: tuple[Service, ...]
    """Services in an order that starts each one after its dependencies."""
    client: Mapping[str, str] = field(default_factory=dict)
    """Client settings that the cluster requires."""

    @property
    def nodes(self) -> tuple[Service, ...]:
        """Return the services that are not jobs, in the order of their start."""
        return tuple(service for service in self.services if not service.is_job)

    @property
    def brokers(self) -> tuple[Service, ...]:
        """Return the services that are brokers, in the order of their start."""
        return tuple(service for service in self.services if service.is_broker)

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for clients on this host, HOST:PORT,...: the first published port of each broker.

        Raise IndexError for a broker that publishes none.
        """
        return ",".join(f"{HOST}:{broker.ports[0].host}" for broker in self.brokers)


def find_compose_file(name: str) -> Path:
    """Return the compose file of a target, one of TARGETS.

    It is installed inside the package; in a source checkout it is beside the package. Raise UsageError for an unknown
    target, and EngineError for a file that is not installed.
    """
    if name not in TARGETS:
        raise UsageError(f"unknown local cluster {name!r}", f"choose one of: {', '.join(TARGETS)}")
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "compose", package.parent / "compose"):
        if (file := folder / f"{name}.yml").is_file():
            return file
    raise EngineError(f"the compose file {name}.yml is not in this installation", "install kafkactl again")


def make_variables(
    port: int = DEFAULT_PORT, version: str | None = None, secrets: Path | None = None, log_dir: Path | None = None
) -> dict[str, str]:
    """Return the values of the compose file's variables by name, KAFKACTL_*. None leaves the file's own default.

    `port` is the first of three host ports in a row, `secrets` the folder for secrets, `log_dir` the folder for the
    brokers' log dirs. Confluent's images have their own version numbers: 7.9 contains Kafka 3.9, 7.8 contains 3.8, and
    so on; only a version 3.x sets one. Raise UsageError for a version that is not like 4.3.1.
    """
    values = {f"KAFKACTL_PORT_{node}": str(port + node - 1) for node in (1, 2, 3)}
    for name, folder in (("KAFKACTL_SECRETS", secrets), ("KAFKACTL_LOG_DIR", log_dir)):
        if folder is not None:
            values[name] = str(folder)
    if version is not None:
        if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version):
            raise UsageError(
                f"invalid value {version!r} for --version: not a Kafka version", "use three numbers, such as 4.3.1"
            )
        values["KAFKACTL_KAFKA_VERSION"] = version
        major, minor, _patch = version.split(".")
        if major == "3":
            values["KAFKACTL_CP_VERSION"] = f"7.{minor}.0"
    return values


def require_usable_folders(name: str, values: Mapping[str, str]) -> None:
    """Raise UsageError for a folder that the target binds and that its compose file or its brokers cannot name.

    `values` are those of make_variables(). Such a path has a colon (but for that of a drive, C:), a comma, # behind a
    blank, bytes that are not UTF-8, or a character that YAML does not have or takes as a line end. Raise UsageError for
    an unknown target, and EngineError for a compose file that is not installed.
    """
    text = find_compose_file(name).read_text(encoding="utf-8")
    for variable in ("KAFKACTL_SECRETS", "KAFKACTL_LOG_DIR"):
        folder = values.get(variable, "")
        if f"${{{variable}" in text and (wrong := _NOT_IN_FOLDERS.search(folder)) is not None:
            raise UsageError(
                f"the path of a local cluster's folder has the character {wrong[0]!r}: {folder!r}",
                "choose a folder without it: --log-dir for segments, KAFKACTL_DATA for everything else",
            )


def load_target(name: str, values: Mapping[str, str]) -> Target:
    """Return a target: its compose file with each ${VARIABLE:-default} filled in from `values`.

    Raise UsageError for an unknown target, and for a ZooKeeper target with a Kafka version that is not 3.x. Raise
    EngineError for a compose file that is not installed, and ValueError for a port that is no number. Other values are
    not checked: yaml.YAMLError is raised where one of them makes the file no YAML.
    """
    file = find_compose_file(name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast, where it is built in
    document = yaml.load(interpolate(file.read_text(encoding="utf-8"), values), Loader=loader)
    version = str(document["x-kafka-version"])
    if name.startswith("zookeeper") and not version.startswith("3."):
        raise UsageError(
            f"kafkactl cannot run Kafka {version} with ZooKeeper",
            "use a version of Kafka 3; 3.9 is the last one with it",
        )
    services = {key: _parse_service(key, entry, file.parent) for key, entry in document["services"].items()}
    return Target(name, file, document["name"], version, _sort_by_start(services), document.get("x-client", {}))


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Return the text with variables replaced by `values`, in Compose's syntax.

    It is ${NAME}, with -default, :-default, +instead or :+instead, which may contain variables without further ones in
    them; and $$ for $. Values are put in as they are, also with ${NAME} in them. A variable without a value and without
    a default becomes empty; $NAME without braces, and other forms such as ${NAME?text}, stay; nothing is raised.
    """

    def fill(match: re.Match[str]) -> str:
        """Return the replacement of one variable, or $ for $$."""
        if match["name"] is None:
            return "$"
        value, text = values.get(match["name"]), interpolate(match["text"] or "", values)
        operator = match["operator"] or "-"
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return text if is_set else ""
        return str(value) if is_set else text

    return _VARIABLE.sub(fill, text)


def _parse_service(name: str, entry: Mapping[str, Any], folder: Path) -> Service:
    """Return the service of a compose file's entry.

    `entry` has image, environment (a mapping), and the lists ports, volumes, depends_on (or a mapping, whose names
    count) and entrypoint; all but the image may be missing. Ports are HOST:CONTAINER, volumes SOURCE:PATH. A source
    that begins with . is a path from `folder`, one with / an absolute path, any other the name of a volume. Values of
    the environment become text by str(), true as True. Modes of volumes and addresses of ports are ignored. Raise
    ValueError for other forms of ports and for a volume without a colon, and KeyError without an image.
    """
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


def _sort_by_start(services: Mapping[str, Service]) -> tuple[Service, ...]:
    """Return the services, each after its dependencies, else in the order of the file.

    Raise KeyError for a dependency that is no service, and RecursionError for a circle of dependencies.
    """
    services_in_order: dict[str, Service] = {}

    def add(name: str) -> None:
        """Add a service after its dependencies, unless it is there already.

        Raise KeyError for an unknown service, and RecursionError for a circle of dependencies.
        """
        if name not in services_in_order:
            for dependency in services[name].depends_on:
                add(dependency)
            services_in_order[name] = services[name]

    for name in services:
        add(name)
    return tuple(services_in_order.values())
