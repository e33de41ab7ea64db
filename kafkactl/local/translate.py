"""Container settings -> files for a process on loopback, by the rules of the images themselves.

apache/kafka (kafka.docker.KafkaDockerWrapper) and cp-kafka map KAFKA_A_B to a.b, `__` to `_` and `___` to `-`;
cp-zookeeper writes ZOOKEEPER_* into zoo.cfg's camel-case names. What only a container has (host names of the
compose network, the address 0.0.0.0, paths of volumes) is replaced by 127.0.0.1 with a port of its own and by
folders on this host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local.compose import HOST, Service, Target

# Read by the start scripts in the image, never written to server.properties.
NOT_BROKER_SETTINGS = frozenset(
    {
        "KAFKA_VERSION",
        "KAFKA_HEAP_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_JMX_HOSTNAME",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    }
)

ZOOKEEPER_NAMES = {
    "ZOOKEEPER_CLIENT_PORT": "clientPort",
    "ZOOKEEPER_TICK_TIME": "tickTime",
    "ZOOKEEPER_INIT_LIMIT": "initLimit",
    "ZOOKEEPER_SYNC_LIMIT": "syncLimit",
}

_LISTENER_PORT = re.compile(r"://[^:,/]*:(\d+)")
_ANY_ADDRESS = re.compile(r"://(?:0\.0\.0\.0)?:(\d+)")


@dataclass(frozen=True)
class Loopback:
    """Where each (service, container port) is on this host."""

    ports: Mapping[tuple[str, int], int]

    @classmethod
    def of(cls, target: Target, free: Iterator[int]) -> Loopback:
        """Published ports keep their host port; every other listening port takes the next free one."""
        ports: dict[tuple[str, int], int] = {}
        for service in target.nodes:
            for port in service.ports:
                ports[service.name, port.container] = port.host
        for service in target.nodes:
            for container_port in listening_ports(service):
                if (service.name, container_port) not in ports:
                    ports[service.name, container_port] = next(free)
        return cls(ports)

    def rewrite(self, service: Service, value: str) -> str:
        """A setting's value with every address of the compose network replaced by its loopback address."""
        value = _ANY_ADDRESS.sub(lambda found: f"://{HOST}:{self.ports[service.name, int(found[1])]}", value)
        for (name, container_port), port in self.ports.items():
            value = re.sub(rf"(?<![\w.-]){re.escape(name)}:{container_port}(?!\d)", f"{HOST}:{port}", value)
        return value


def listening_ports(service: Service) -> list[int]:
    """The ports a service opens inside its container."""
    if not service.is_zookeeper:
        return [int(port) for port in _LISTENER_PORT.findall(service.environment.get("KAFKA_LISTENERS", ""))]
    ports = [int(service.environment["ZOOKEEPER_CLIENT_PORT"])]
    for server in _ensemble(service):
        name, *peer_ports = server.split(":")
        if name == service.name:
            ports += map(int, peer_ports)
    return ports


def server_properties(service: Service, loopback: Loopback, volumes: Mapping[str, Path]) -> dict[str, str]:
    """A broker's or controller's server.properties; `volumes` maps container paths to folders of this host."""
    settings = {}
    for key, value in service.environment.items():
        if key.startswith("KAFKA_") and key not in NOT_BROKER_SETTINGS:
            settings[_property_name(key)] = _on_host(loopback.rewrite(service, value), volumes)
    return dict(sorted(settings.items()))


def zookeeper_properties(service: Service, loopback: Loopback, volumes: Mapping[str, Path]) -> dict[str, str]:
    """A ZooKeeper server's zoo.cfg, with the image's data folders."""
    settings = {
        "dataDir": _on_host("/var/lib/zookeeper/data", volumes),
        "dataLogDir": _on_host("/var/lib/zookeeper/log", volumes),
        "clientPortAddress": HOST,
        "admin.enableServer": "false",
    }
    for key, name in ZOOKEEPER_NAMES.items():
        if (value := service.environment.get(key)) is not None:
            settings[name] = value
    settings["clientPort"] = str(loopback.ports[service.name, int(settings["clientPort"])])
    for number, server in enumerate(_ensemble(service), start=1):
        name, peer, election = server.split(":")
        settings[f"server.{number}"] = f"{HOST}:{loopback.ports[name, int(peer)]}:{loopback.ports[name, int(election)]}"
    return settings


def properties_text(settings: Mapping[str, str]) -> str:
    """A .properties file; a backslash is the format's escape character, so one in a value is doubled."""
    return "".join(f"{key}={value}\n".replace("\\", "\\\\") for key, value in settings.items())


def job_command(service: Service, volumes: Mapping[str, Path]) -> list[str]:
    """What a job runs, with this host's folders."""
    return [_on_host(word, volumes) for word in service.entrypoint]


def scram_users(service: Service) -> list[tuple[str, str]]:
    """Names and passwords that a KRaft node is to know from the first: SCRAM_USERS is name=password,..."""
    pairs = (entry.partition("=") for entry in service.environment.get("SCRAM_USERS", "").split(",") if entry)
    return [(name, password) for name, _, password in pairs]


def jvm_options(service: Service) -> list[str]:
    """The options that the image's start script hands to java."""
    names = ("KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_OPTS")
    return [option for name in names for option in service.environment.get(name, "").split()]


def _ensemble(service: Service) -> list[str]:
    servers = service.environment.get("ZOOKEEPER_SERVERS", "")
    return [server for server in servers.split(";") if server]


def _property_name(key: str) -> str:
    dotted = key.removeprefix("KAFKA_").lower().replace("_", ".")
    return dotted.replace("...", "-").replace("..", "_")


def _on_host(value: str, volumes: Mapping[str, Path]) -> str:
    for container_path, folder in volumes.items():
        on_host = str(folder).replace("\\", "\\\\")
        value = re.sub(rf"(?<![\w./-]){re.escape(container_path)}(?![\w.-])", on_host, value)
    return value
