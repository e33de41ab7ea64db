"""Translation of container settings into files for a process on loopback, by the rules of the images.

apache/kafka (kafka.docker.KafkaDockerWrapper) and cp-kafka map KAFKA_A_B to a.b, `__` to `_` and `___` to `-`.
cp-zookeeper writes ZOOKEEPER_* into zoo.cfg under camel-case names. Host names of the compose network and the address
0.0.0.0 become 127.0.0.1 with a separate port for each node. Paths of volumes become folders on this host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local.compose import HOST, Service, Target

# The start scripts of the image read these. They never stand in server.properties.
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

_LISTENER_PORT = re.compile(r"://(?:\[[^\]]*\]|[^:,/]*):(\d+)")
_ANY_ADDRESS = re.compile(r"://(?:0\.0\.0\.0)?:(\d+)")


@dataclass(frozen=True)
class Loopback:
    """The port on this host of each (service, container port)."""

    ports: Mapping[tuple[str, int], int]

    @classmethod
    def assign(cls, target: Target, free_ports: Iterator[int]) -> Loopback:
        """Return the ports of a target.

        Published ports keep their host port; other listening ports get the next one of `free_ports`, whose errors pass
        through. Host ports of published ones are not checked. Raise ValueError for a ZooKeeper port that is no number.
        """
        ports: dict[tuple[str, int], int] = {}
        for service in target.nodes:
            for port in service.ports:
                ports[service.name, port.container] = port.host
        for service in target.nodes:
            for container_port in list_listening_ports(service):
                if (service.name, container_port) not in ports:
                    ports[service.name, container_port] = next(free_ports)
        return cls(ports)

    def rewrite(self, service: Service, value: str) -> str:
        """Return a setting's value with each address of the compose network replaced by its loopback address.

        An address ://0.0.0.0:PORT, or ://:PORT without a host, is one of the service itself. Raise KeyError where the
        service does not open its port. SERVICE:PORT is replaced anywhere in the text; one that the target does not have
        stays, and so does 0.0.0.0:PORT without ://.
        """
        value = _ANY_ADDRESS.sub(lambda match: f"://{HOST}:{self.ports[service.name, int(match[1])]}", value)
        for (name, container_port), port in self.ports.items():
            value = re.sub(rf"(?<![\w.-]){re.escape(name)}:{container_port}(?!\d)", f"{HOST}:{port}", value)
        return value


def list_listening_ports(service: Service) -> list[int]:
    """Return the ports that a service opens inside its container, in the order of its settings.

    They are those of KAFKA_LISTENERS; for ZooKeeper the client port, then those of its own entry in ZOOKEEPER_SERVERS.
    Without KAFKA_LISTENERS the list is empty. Raise ValueError for a port of ZooKeeper that is no number.
    """
    if not service.is_zookeeper:
        return [int(port) for port in _LISTENER_PORT.findall(service.environment.get("KAFKA_LISTENERS", ""))]
    ports = [int(service.environment["ZOOKEEPER_CLIENT_PORT"])]
    for server in _list_ensemble(service):
        name, *peer_ports = server.split(":")
        if name == service.name:
            ports += map(int, peer_ports)
    return ports


def make_server_properties(service: Service, loopback: Loopback, volumes: Mapping[str, Path]) -> dict[str, str]:
    """Return the settings of the server.properties of a broker or controller, sorted by name.

    They are from the variables KAFKA_*; those that only the image's start script reads are left out. Addresses become
    those of `loopback`, and container paths, the keys of `volumes`, its folders of this host. Raise KeyError for an
    address with the host 0.0.0.0 or none and a port that the service does not open.
    """
    settings = {}
    for key, value in service.environment.items():
        if key.startswith("KAFKA_") and key not in NOT_BROKER_SETTINGS:
            settings[_make_property_name(key)] = _replace_paths(loopback.rewrite(service, value), volumes)
    return dict(sorted(settings.items()))


def make_zookeeper_properties(service: Service, loopback: Loopback, volumes: Mapping[str, Path]) -> dict[str, str]:
    """Return the settings of the zoo.cfg of a ZooKeeper server, with the image's data folders.

    `volumes` maps those, or their parents, to this host's folders. Only the variables of the client port, the tick
    time, the two limits and the ensemble count. All addresses are 127.0.0.1 with the ports of `loopback`. Settings are
    not sorted. Raise KeyError without a client port, and for a port that `loopback` does not have; ValueError for a
    port that is no number, and for an ensemble entry that is not NAME:PORT:PORT.
    """
    settings = {
        "dataDir": _replace_paths("/var/lib/zookeeper/data", volumes),
        "dataLogDir": _replace_paths("/var/lib/zookeeper/log", volumes),
        "clientPortAddress": HOST,
        "admin.enableServer": "false",
    }
    for key, name in ZOOKEEPER_NAMES.items():
        if (value := service.environment.get(key)) is not None:
            settings[name] = value
    settings["clientPort"] = str(loopback.ports[service.name, int(settings["clientPort"])])
    for number, server in enumerate(_list_ensemble(service), start=1):
        name, peer, election = server.split(":")
        settings[f"server.{number}"] = f"{HOST}:{loopback.ports[name, int(peer)]}:{loopback.ports[name, int(election)]}"
    return settings


def format_properties(settings: Mapping[str, str]) -> str:
    r"""Return the text of a .properties file: a line NAME=VALUE for each setting, in order.

    Each line has its end. Each backslash is doubled, because it is the format's escape character. Java reads such a
    file as Latin-1, so characters outside of ASCII are escaped: \u00fc for ü.
    """
    lines = (f"{key}={value}\n".replace("\\", "\\\\") for key, value in settings.items())
    return re.sub("[^\x00-\x7f]", lambda match: json.dumps(match[0])[1:-1], "".join(lines))


def make_job_command(service: Service, volumes: Mapping[str, Path]) -> list[str]:
    """Return the command of a job with the container paths of `volumes` replaced by folders of this host.

    Paths below a container path are changed, too. Of two container paths that match, the longer one wins.
    """
    return [_replace_paths(word, volumes) for word in service.entrypoint]


def parse_scram_users(service: Service) -> list[tuple[str, str]]:
    """Return names and passwords of the users that a KRaft node has from the start: SCRAM_USERS is name=password,...

    Without this variable there are none. An entry without = has an empty password, and empty entries are left out.
    """
    pairs = (entry.partition("=") for entry in service.environment.get("SCRAM_USERS", "").split(",") if entry)
    return [(name, password) for name, _, password in pairs]


def list_jvm_options(service: Service) -> list[str]:
    """Return the options that the image's start script gives to java; none without its variables.

    They are the words of KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS and KAFKA_OPTS, in this order.
    """
    names = ("KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_OPTS")
    return [option for name in names for option in service.environment.get(name, "").split()]


def _list_ensemble(service: Service) -> list[str]:
    """Return the servers of ZOOKEEPER_SERVERS, as name:peer port:election port.

    Without this variable, as for a single server, the list is empty. Nothing is checked.
    """
    servers = service.environment.get("ZOOKEEPER_SERVERS", "")
    return [server for server in servers.split(";") if server]


def _make_property_name(key: str) -> str:
    """Return the setting's name for an environment variable of the image: KAFKA_LOG_DIRS gives log.dirs.

    `__` gives `_`, and `___` gives `-`.
    """
    dotted = key.removeprefix("KAFKA_").lower().replace("_", ".")
    return dotted.replace("...", "-").replace("..", "_")


def _replace_paths(value: str, volumes: Mapping[str, Path]) -> str:
    """Return a value with each container path, a key of `volumes`, replaced by its folder of this host.

    In a path below a container path this part is replaced, too; paths that only begin with its name are not. Of two
    keys that match, the longer one wins. A folder that was put in is not looked at again.
    """
    if not volumes:
        return value
    paths = "|".join(re.escape(path) for path in sorted(volumes, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(?:{paths})(?![\w.-])", lambda match: str(volumes[match[0]]), value)
