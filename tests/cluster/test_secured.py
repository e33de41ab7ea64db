"""Every command group with every way to log in; wrong logins, certificates and rights are one clear error."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli

SASL = {"security.protocol": "SASL_SSL", "sasl.username": "admin", "sasl.password": "admin-secret"}


@dataclass(frozen=True)
class Secured:
    """A cluster that lets nobody in, and users of it."""

    cluster: RunningCluster
    folder: Path

    @property
    def secrets(self) -> Path:
        return self.cluster.cli.home / "data" / "local" / "secured" / "secrets"

    def address(self, listener: str, host: str = "127.0.0.1") -> str:
        port = int(self.cluster.bootstrap_servers.rpartition(":")[2])
        return f"{host}:{port + ('sasl', 'mtls', 'tls').index(listener)}"

    def user(self, settings: Mapping[str, str], listener: str = "sasl", host: str = "127.0.0.1") -> Cli:
        """A command line that logs in like this, by a file that only its user can read."""
        given = {"ssl.ca.location": str(self.secrets / "ca.crt"), **settings}
        file = self.folder / f"{len(list(self.folder.iterdir()))}.properties"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        return Cli(self.folder / "home").with_environment(
            KAFKACTL_COMMAND_CONFIG=str(file), KAFKACTL_BOOTSTRAP_SERVER=self.address(listener, host)
        )

    def certificate(self, name: str) -> dict[str, str]:
        files = {"ssl.certificate.location": f"{name}.crt", "ssl.key.location": f"{name}.key"}
        return {"security.protocol": "SSL", **{setting: str(self.secrets / file) for setting, file in files.items()}}


@pytest.fixture
def secured(clusters: Callable[[str], RunningCluster], tmp_path: Path) -> Secured:
    return Secured(clusters("secured"), tmp_path)


def logins(secured: Secured) -> dict[str, Cli]:
    token = {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=admin"}
    return {
        "SCRAM": secured.user({**SASL, "sasl.mechanism": "SCRAM-SHA-512"}),
        "PLAIN": secured.user({**SASL, "sasl.mechanism": "PLAIN"}),
        "OAUTHBEARER": secured.user({"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", **token}),
        "mTLS": secured.user(secured.certificate("admin"), "mtls"),
    }


@pytest.mark.parametrize("way", ["SCRAM", "PLAIN", "OAUTHBEARER", "mTLS"])
def test_every_command_group(secured: Secured, name: str, way: str) -> None:
    cli = logins(secured)[way]
    cli.ok("topics", "create", name, "-p", 2)
    assert name in cli.ok("topics", "list").split()
    assert name in cli.ok("topics", "describe", name, "-o", "kafka")
    cli.ok("topics", "alter", name, "-p", 3)
    cli.ok("configs", "alter", "--topic", name, "--set", "retention.ms=1000000")
    assert "1000000" in cli.ok("configs", "describe", "--topic", name)
    cli.ok("produce", name, "--partition", 0, input="a\nb\n")
    cli.ok("produce", name, "--input", "json", input='{"value": "c", "partition": 0}\n')
    cli.ok("produce", name, "--partition", 1, "--transactional-id", name, input="t\n")
    assert cli.ok("consume", name, "--partition", 0, "--from-beginning", "-e") == "a\nb\nc\n"
    assert len(cli.ok("consume", name, "--group", name, "--from-beginning", "-n", 2).splitlines()) == 2
    assert name in cli.ok("groups", "list")
    assert name in cli.ok("groups", "describe", name, "--lag")
    cli.ok("groups", "reset-offsets", name, "--topic", name, "--to-latest", "--execute", "--yes")
    cli.ok("groups", "delete", name, "--yes")
    assert name in cli.ok("offsets", name)
    cli.ok("records", "delete", name, "--partitions", 0, "--before-offset", 1, "--yes")
    cli.ok("quotas", "set", "--user", name, "producer_byte_rate=1000")
    assert "1000" in cli.ok("quotas", "list", "--user", name)
    cli.ok("users", "set", name, "--password-file", "-", input="s3cret\n")
    assert name in cli.ok("users", "list")
    cli.ok("topics", "delete", name, "--yes")


def test_tls_alone_is_anybody(secured: Secured, name: str) -> None:
    anybody = secured.user({"security.protocol": "SSL"}, "tls")
    assert anybody.ok("topics", "list") == ""
    assert "Create on the topic" in anybody("topics", "create", name, check=1).stderr


# One command of each client, and of each group that speaks to brokers.
COMMANDS = (
    ("topics", "list"),
    ("topics", "describe", "t", "-o", "kafka"),
    ("configs", "describe", "--topic", "t"),
    ("groups", "list"),
    ("offsets", "t"),
    ("records", "delete", "t", "--before-offset", "1", "--yes"),
    ("quotas", "list"),
    ("users", "list"),
    ("consume", "t"),
    ("produce", "t"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_wrong_secrets(secured: Secured, command: tuple[str, ...]) -> None:
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        user = secured.user({**SASL, "sasl.mechanism": mechanism, "sasl.password": "n0t-it"})
        done = user(*command, input="x\n", check=3)
        assert "uthentication failed" in done.stderr
        assert "hint: look at sasl.username, sasl.password and sasl.mechanism" in done.stderr
        assert "n0t-it" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_certificates_that_do_not_do(secured: Secured, command: tuple[str, ...]) -> None:
    tls, plain = {"security.protocol": "SSL"}, {**SASL, "sasl.mechanism": "PLAIN"}
    expected = [
        (
            "the authority of the broker's certificate is unknown",
            secured.user({**tls, "ssl.ca.location": stranger(secured.folder)}, "tls"),
        ),
        ("has expired", secured.user({**tls, "ssl.ca.location": expired(secured)}, "tls")),
        ("is not for '127.1'", secured.user(tls, "tls", "127.1")),
        ("wants a client's certificate", secured.user(tls, "mtls")),
        ("that listener speaks TLS", secured.user({"security.protocol": "PLAINTEXT"}, "tls")),
        ("does not accept a SASL login", secured.user(plain, "tls")),
        ("SCRAM-SHA-512, PLAIN, OAUTHBEARER", secured.user({**plain, "sasl.mechanism": "SCRAM-SHA-256"})),
    ]
    with ThreadPoolExecutor() as pool:  # most of their time they wait
        for (reason, _), done in zip(
            expected, pool.map(lambda each: each[1](*command, input="x\n"), expected), strict=True
        ):
            assert done.returncode == 3
            assert reason in done.stderr
            assert done.stderr.count("error: ") == 1


def openssl(folder: Path, *arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def stranger(folder: Path) -> str:
    """An authority that has signed nothing here."""
    if not (folder / "stranger.crt").exists():
        subject = ["-subj", "/CN=stranger", "-days", 2]
        openssl(
            folder,
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "s.key",
            "-out",
            "stranger.crt",
            *subject,
        )
    return str(folder / "stranger.crt")


def expired(secured: Secured) -> str:
    """The authority's own certificate, of a time that is over."""
    folder = secured.folder / "expired"
    if not folder.exists():
        folder.mkdir()
        (folder / "index.txt").touch()
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
            "policy=any\n[any]\ncommonName=supplied\n[authority]\nbasicConstraints=critical,CA:true\n"
        )
        key = secured.secrets / "ca.key"
        openssl(folder, "req", "-new", "-key", key, "-subj", "/CN=kafkactl local", "-out", "ca.csr")
        times = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
        signed = ["-selfsign", "-keyfile", key, "-in", "ca.csr", "-out", "ca.crt", "-extensions", "authority"]
        openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-create_serial", "-notext", *times, *signed)
    return str(folder / "ca.crt")


@pytest.fixture(scope="module")
def guarded(clusters: Callable[[str], RunningCluster]) -> str:
    """A topic, and a group, that only admin may do anything with."""
    admin, name = clusters("secured").cli, f"t-{uuid.uuid4().hex[:10]}"
    admin.ok("topics", "create", name)
    admin.ok("produce", name, input="a\n")
    admin.ok("consume", name, "--group", name, "--from-beginning", "-n", 1)
    return name


DENIED = {
    ("topics", "create", "{}-new"): "Create on the topic",
    ("topics", "describe", "{}"): "Describe and DescribeConfigs on the topic",
    ("topics", "alter", "{}", "-p", "9"): "Alter on the topic",
    ("topics", "delete", "{}", "--yes"): "Delete on the topic",
    ("configs", "describe", "--topic", "{}"): "DescribeConfigs on the topic",
    ("configs", "describe", "--entity-type", "brokers"): "DescribeConfigs on the cluster",
    ("configs", "alter", "--topic", "{}", "--set", "retention.ms=1"): "AlterConfigs on the topic",
    ("groups", "delete", "{}", "--yes"): "Delete on the group",
    ("quotas", "list"): "DescribeConfigs on the cluster",
    ("quotas", "set", "--user", "x", "producer_byte_rate=1"): "AlterConfigs on the cluster",
    ("users", "set", "x", "--password-file", "-"): "Alter on the cluster",
    ("consume", "{}", "--from-beginning", "-e"): "Read on the topic",
    ("produce", "{}"): "Write (and Create, where the broker is to make it) on the topic",
}


@pytest.mark.parametrize("command", DENIED, ids=lambda command: " ".join(command[:2]))
def test_what_one_may_not_do(secured: Secured, guarded: str, command: tuple[str, ...]) -> None:
    alice = secured.user({**SASL, "sasl.username": "alice", "sasl.password": "alice-secret", "sasl.mechanism": "PLAIN"})
    done = alice(*(word.format(guarded) for word in command), input="x\n", check=1)
    assert "not authorized to" in done.stderr
    assert f"{DENIED[command]}: add it with kafka-acls --add" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def allow_reading(secured: Secured, topic: str, user: str) -> None:
    """Let a user read a topic, and nothing else."""
    admin = AdminClient(
        {
            **SASL,
            "bootstrap.servers": secured.address("sasl"),
            "sasl.mechanism": "PLAIN",
            "ssl.ca.location": str(secured.secrets / "ca.crt"),
        }
    )
    rules = [
        AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in (AclOperation.READ, AclOperation.DESCRIBE)
    ]
    for future in admin.create_acls(rules).values():
        future.result(30)


@pytest.mark.parametrize("flags", [[], ["-o", "json"]], ids=["lines", "json"])
@pytest.mark.parametrize("streams", ["compiled", "pure"])
def test_a_right_to_the_topic_is_enough_without_a_group(
    secured: Secured, name: str, streams: str, flags: list[str]
) -> None:
    admin = secured.cluster.cli
    admin.ok("topics", "create", name)
    admin.ok("produce", name, input="a\nb\n")
    allow_reading(secured, name, "alice")
    alice = secured.user({**SASL, "sasl.username": "alice", "sasl.password": "alice-secret", "sasl.mechanism": "PLAIN"})
    alice = alice.with_environment(KAFKACTL_STREAMS=streams)
    eventually(lambda: alice("consume", name, "--from-beginning", "--exit").returncode == 0)
    done = alice("consume", name, "--from-beginning", "--exit", *flags, check=0)
    assert len(done.stdout.splitlines()) == 2
    assert "not authorized" in alice("consume", name, "--group", name, "--from-beginning", "--exit", check=1).stderr


def test_no_secret_is_seen(secured: Secured) -> None:
    """On no command line, and nowhere in what is printed with everything switched on."""
    user = secured.user({**SASL, "sasl.mechanism": "SCRAM-SHA-512", "sasl.password_command": "echo admin-secret"})
    done = user("--debug", "topics", "list", "-X", "debug=all", check=0)
    assert "admin-secret" not in done.stdout + done.stderr
    done = user("topics", "list", "-X", "sasl.password=admin-secret", check=2)
    assert "admin-secret" not in done.stderr
    user.ok("context", "set", "kept", "-b", "a:1", "--command-config", user.environment["KAFKACTL_COMMAND_CONFIG"])
    assert "admin-secret" not in user.ok("context", "show", "kept").replace("echo admin-secret", "")
