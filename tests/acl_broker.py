"""A broker of a test's own with an authorizer: everybody at its first listener is a super user, at the second nobody.

with running_acl_broker(folder) as broker:
    broker.bootstrap_servers  # PLAINTEXT: the user ANONYMOUS may do everything
    with broker.connect("alice", "127.0.0.2") as client:  # SASL: a client that comes from this address
        client.ask("Metadata", topics=None)
"""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.local import jars
from kafkactl.local.ports import is_open
from tests import java_tools
from tests.alone import alone
from tests.clusters import RunningCluster, eventually, free_base
from tests.conftest import Cli
from tests.fake_broker import TlsIdentity
from tests.fake_broker.protocol import Fields, Request, api_key, apis, decode_answer, encode_request

USERS = ("alice", "bob", "carol")
SUPER_USERS = ("User:ANONYMOUS", "User:carol")
_FIRST_PORT = 17292
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_SECURED = ("SASL_PLAINTEXT", "SSL", "SASL_SSL")
"""Protocols of the controllers' further listeners."""
_VERSIONS = {"SaslHandshake": 1, "SaslAuthenticate": 2, "DescribeConfigs": 4}
"""Versions of requests where the newest one of kafka-python's schemas is not used."""


def make_login(user: str) -> str:
    """Return a file of client settings with the login of a user."""
    return (
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={_PLAIN} username="{user}" password="{user}-secret";\n'
    )


@dataclass(frozen=True)
class AclBroker:
    """A broker with an authorizer, and its ports."""

    cluster: RunningCluster
    sasl_port: int
    controller: str
    secured_controllers: Mapping[str, str]
    """Addresses of the controllers' listeners that want a login or TLS, by security protocol."""
    certificate: Path
    """The certificate that clients of TLS must trust."""

    @property
    def bootstrap_servers(self) -> str:
        """Return the address at which everybody is a super user."""
        return self.cluster.bootstrap_servers

    def connect(self, user: str, host: str = "127.0.0.1") -> RawClient:
        """Return a client that has logged in as a user and comes from an address of this machine."""
        return RawClient(self.sasl_port, user, host)


class RawClient:
    """One connection, with a login by SASL/PLAIN, from an address of this machine."""

    def __init__(self, port: int, user: str, host: str) -> None:
        """Connect and log in."""
        self._socket = socket.create_connection(("127.0.0.1", port), 10, source_address=(host, 0))
        self._numbers = itertools.count()
        assert self.ask("SaslHandshake", mechanism="PLAIN")["error_code"] == 0
        login = f"\0{user}\0{user}-secret".encode()
        assert self.ask("SaslAuthenticate", auth_bytes=login)["error_code"] == 0

    def __enter__(self) -> RawClient:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, api: str, **fields: Any) -> Fields:
        """Return the fields of the answer to a request."""
        key, number = api_key(api), next(self._numbers)
        version = fields.pop("version", None) or _VERSIONS.get(api) or apis()[key].max_version
        request = Request(
            api=api, key=key, version=version, correlation_id=number, client_id="t", fields=fields, broker_id=0
        )
        frame = encode_request(request)
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)
        (length,) = struct.unpack(">i", self._read(4))
        answered, answer = decode_answer(key, version, self._read(length))
        assert answered == number
        return answer

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            part = self._socket.recv(length - len(data))
            assert part, "the broker closed the connection"
            data += part
        return bytes(data)


@contextmanager
def running_acl_broker(folder: Path, allows_everyone: bool = False) -> Iterator[AclBroker]:
    """Start a broker in a folder, and stop it at the end."""
    port = free_base(_FIRST_PORT)
    sasl_port, controller_port = port + 1, port + 2
    first = free_base(port + 3)
    controllers = {protocol: f"127.0.0.1:{number}" for number, protocol in enumerate(_SECURED, first)}
    identity = TlsIdentity.create(folder)
    store = folder / "server.pem"
    store.write_text(identity.key.read_text() + identity.certificate.read_text())
    users = " ".join(f'user_{user}="{user}-secret"' for user in USERS)
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl_port},"
        f"CONTROLLER://127.0.0.1:{controller_port}"
        + "".join(f",C_{protocol}://{address}" for protocol, address in controllers.items()),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
        + "".join(f",C_{protocol}:{protocol}" for protocol in controllers),
        "controller.listener.names": ",".join(["CONTROLLER", *(f"C_{protocol}" for protocol in controllers)]),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        **{
            f"listener.name.{name}.{mechanism}.sasl.jaas.config": login
            for name in ("sasl_plaintext", "c_sasl_plaintext", "c_sasl_ssl")
            for mechanism, login in (("plain", f"{_PLAIN} {users};"), ("scram-sha-256", _SCRAM))
        },
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": store,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ";".join(SUPER_USERS),
        "allow.everyone.if.no.acl.found": str(allows_everyone).lower(),
        "log.dirs": folder / "data",
        "num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "delegation.token.secret.key": "a secret of tests",
    }
    properties = folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    with alone():
        libs = jars.get_libs(java_tools.VERSION, print)
    java = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*"]
    format_words = ["kafka.tools.StorageTool", "format", "-t", "kRmmZ3pSTzC0DhJb8dKx5Q", "-c", properties]
    subprocess.run([*java, *map(str, format_words)], check=True, capture_output=True)
    with (folder / "broker.log").open("wb") as log:
        broker = subprocess.Popen([*java, "kafka.Kafka", str(properties)], stdout=log, stderr=log, cwd=folder)
    try:
        eventually(lambda: broker.poll() is not None or (is_open(port) and is_open(sasl_port)), 60)
        assert broker.poll() is None, (folder / "broker.log").read_text()
        address = f"127.0.0.1:{port}"
        cli = Cli(folder / "home").with_environment(KAFKACTL_BOOTSTRAP_SERVER=address)
        cluster = RunningCluster("acls", address, java_tools.VERSION, cli, f"127.0.0.1:{sasl_port}")
        yield AclBroker(cluster, sasl_port, f"127.0.0.1:{controller_port}", controllers, identity.certificate)
    finally:
        broker.kill()
        broker.wait()


@contextmanager
def connected_to(broker: AclBroker) -> Iterator[Cluster]:
    """Yield the cluster, as a super user."""
    cluster = Cluster(resolve(broker.bootstrap_servers, None, None, ()))
    try:
        yield cluster
    finally:
        cluster.close()
